//! What every handler shares.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use super::auth::Authority;
use super::gateways::Gateways;
use super::repository::Repository;
use super::settings::Settings;
use super::streams::Streams;
use super::vendors::Vendors;
use crate::dev::host::identity::Identity;
use crate::dev::host::refusal::Refusal;
use crate::flow::{Flows, RecordError};
use crate::secret::Secret;
use crate::store::jobs::Settled;
use crate::store::{Store, StoreError, Tx};
use crate::time::Timestamp;

/// Searches at a time: each may walk over everything there is.
const SEARCHES: usize = 4;
/// Ended deliveries that wait for a watcher.
const WATCHED: usize = 256;

/// The platform's state: its store, and what is fixed for this run.
pub struct State {
    pub store: Store,
    pub repository: Arc<Repository>,
    pub flows: Arc<Flows>,
    pub authority: Authority,
    pub settings: Settings,
    pub(crate) identity: Identity,
    /// The organisation of the person that is always there.
    pub org: String,
    /// Records in one page at most.
    pub page_cap: usize,
    /// Signs the deliveries of flows that have no secret of their own; `None` with `--bare`.
    pub webhook_secret: Option<Secret>,
    pub(crate) vendors: Vendors,
    pub started_at: Timestamp,
    /// The data directory; `None` when nothing outlives this run.
    pub data: Option<PathBuf>,
    /// Ends the platform.
    pub shutdown: CancellationToken,
    pub(crate) searches: Arc<Semaphore>,
    /// Deliveries as they end, for whoever watches; one who is slow misses some.
    pub(crate) settled: broadcast::Sender<Settled>,
    pub(crate) gateways: Gateways,
    pub(crate) streams: Streams,
    last_create: Mutex<Option<[u8; 32]>>,
}

/// What [`State::new`] needs.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) repository: Arc<Repository>,
    pub(crate) flows: Arc<Flows>,
    pub(crate) authority: Authority,
    pub(crate) settings: Settings,
    pub(crate) identity: Identity,
    pub(crate) org: String,
    pub(crate) page_cap: usize,
    pub(crate) webhook_secret: Option<Secret>,
    pub(crate) vendors: Vendors,
    pub(crate) data: Option<PathBuf>,
    pub(crate) shutdown: CancellationToken,
}

impl State {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            store: parts.store,
            repository: parts.repository,
            flows: parts.flows,
            authority: parts.authority,
            settings: parts.settings,
            identity: parts.identity,
            org: parts.org,
            page_cap: parts.page_cap,
            webhook_secret: parts.webhook_secret,
            vendors: parts.vendors,
            started_at: Timestamp::now(),
            data: parts.data,
            shutdown: parts.shutdown,
            searches: Arc::new(Semaphore::new(SEARCHES)),
            settled: broadcast::Sender::new(WATCHED),
            gateways: Gateways::default(),
            streams: Streams::default(),
            last_create: Mutex::new(None),
        }
    }

    /// Changes records, and answers once the change and its events are on the disk.
    ///
    /// With `listener.throw` set, a request that raised that event fails although its change is made: the platform's own
    /// listeners run inside the request.
    pub async fn change<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Repository, &Tx<'_>) -> Result<T, RecordError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let repository = Arc::clone(&self.repository);
        let (value, raised) = self
            .store
            .write::<_, RecordError, _>(move |tx| {
                let (result, raised) = repository.request(|| op(&repository, tx));
                Ok((result?, raised))
            })
            .await?;
        if let Some(thrower) = self.settings.throwing_listener()
            && raised.contains(&thrower)
        {
            return Err(Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "listener_threw",
                format!(
                    "a listener of `{thrower}` threw, after the change was made; `evt dev set listener.throw=none` ends this"
                ),
            ));
        }
        Ok(value)
    }

    /// Deliveries as they end, from now on.
    pub fn watch_settled(&self) -> broadcast::Receiver<Settled> {
        self.settled.subscribe()
    }

    pub(crate) fn last_create(&self) -> Option<[u8; 32]> {
        *self
            .last_create
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_last_create(&self, fingerprint: Option<[u8; 32]>) {
        *self
            .last_create
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = fingerprint;
    }
}

/// Secrets of a data directory, made at its first start.
pub(crate) struct Secrets {
    pub(crate) jwt: Vec<u8>,
    /// `whsec_` and the base64 of 32 random bytes.
    pub(crate) webhook: Secret,
    /// The vendors' keys are made of it.
    pub(crate) vendors: Vec<u8>,
}

impl Secrets {
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        use crate::store::settings::get_or_set;
        let (jwt, webhook, vendors) = store
            .write::<_, StoreError, _>(|tx| {
                let webhook = || format!("whsec_{}", random_text());
                Ok((
                    get_or_set(tx, "secret.jwt", random_text)?,
                    get_or_set(tx, "secret.webhook", webhook)?,
                    get_or_set(tx, "secret.vendors", random_text)?,
                ))
            })
            .await?;
        Ok(Self {
            jwt: jwt.into_bytes(),
            webhook: Secret::new(webhook),
            vendors: vendors.into_bytes(),
        })
    }
}

/// 32 random bytes.
pub(crate) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system has randomness to give");
    bytes
}

fn random_text() -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(random_bytes())
}
