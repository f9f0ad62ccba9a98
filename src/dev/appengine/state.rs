//! What AppEngine's handlers share.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;

use super::auth::{Authority, Challenges};
use super::escalation;
use super::events::AppEngineFormat;
use super::gateways::Gateways;
use super::repository::{self, OnEvent, Repository};
use super::settings::{ESCALATION_AFTER, Settings};
use super::streams::Streams;
use super::upstream::Connections;
use super::vendors::Vendors;
use crate::dev::host::refusal::Refusal;
use crate::dev::host::{DevOptions, Host, hops, random_bytes};
use crate::flow::{FlowOptions, Flows, RecordError};
use crate::secret::Secret;
use crate::store::{Store, StoreError, Tx};

/// Concurrent searches; each may read all records.
const SEARCHES: usize = 4;

/// AppEngine's state.
pub struct State {
    pub(crate) host: Arc<Host>,
    pub(crate) repository: Arc<Repository>,
    pub(crate) flows: Arc<Flows>,
    pub(crate) authority: Authority,
    /// Sign-ins that wait for a code.
    pub(crate) challenges: Challenges,
    /// OAuth round trips that are not finished.
    pub(super) connections: Connections,
    pub(crate) settings: Settings,
    /// The organisation of the built-in user.
    pub(crate) org: String,
    /// Maximum number of records in a page.
    pub(crate) page_cap: usize,
    /// Signs the deliveries of flows that have no secret; `None` with `--bare`.
    pub(crate) webhook_secret: Option<Secret>,
    pub(crate) vendors: Vendors,
    pub(crate) searches: Arc<Semaphore>,
    pub(crate) gateways: Gateways,
    pub(crate) streams: Streams,
    last_create: Mutex<Option<[u8; 32]>>,
}

impl State {
    pub(crate) async fn open(host: &Arc<Host>, options: &DevOptions) -> Result<Self, StoreError> {
        let secrets = Secrets::load(&host.store).await?;
        let protected = host.store.write(repository::protect_passwords).await;
        if let Err(error) = protected {
            tracing::error!(%error, "The passwords of old records could not be hashed.");
        }
        let webhook_secret = (!options.bare).then_some(secrets.webhook);
        let flow_options = FlowOptions {
            secret: webhook_secret.clone(),
            is_bare: options.bare,
        };
        let flows = Arc::new(Flows::new(&AppEngineFormat, flow_options));
        let raising = Arc::clone(&flows);
        let on_event: OnEvent =
            Arc::new(move |tx, repository, event| raising.raise(tx, repository, &event));
        let settings = Settings::new(host);
        settings.plan_with(ESCALATION_AFTER, escalation::plan_again);
        let chaos = Arc::clone(settings.chaos());
        let store = host.store.clone();
        let clock = Box::new(move || store.now());
        Ok(Self {
            repository: Arc::new(Repository::open(&host.store, on_event)?.with_chaos(chaos)),
            flows,
            authority: Authority::new(options.auth, &secrets.jwt, clock),
            challenges: Challenges::default(),
            connections: Connections::default(),
            settings,
            org: options.org.clone(),
            page_cap: options.page_cap.max(1),
            webhook_secret,
            vendors: Vendors::new(&secrets.vendors, host.url.clone()),
            searches: Arc::new(Semaphore::new(SEARCHES)),
            gateways: Gateways::default(),
            streams: Streams::default(),
            last_create: Mutex::new(None),
            host: Arc::clone(host),
        })
    }

    /// Changes records. Returns once the change and its events are on disk.
    ///
    /// With `listener.throw` set, a request that raises that event fails although its change is made, because AppEngine runs
    /// its own listeners inside the request.
    pub async fn change<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Repository, &Tx<'_>) -> Result<T, RecordError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let repository = Arc::clone(&self.repository);
        let hops = hops::current();
        let (value, raised) = self
            .host
            .store
            .write::<_, RecordError, _>(move |tx| {
                let (result, raised) = repository.request(hops, || op(&repository, tx));
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
                    "a listener of `{thrower}` threw after the change was made; `evt dev set listener.throw=none` switches this off"
                ),
            ));
        }
        Ok(value)
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

/// The secrets of a data directory, created at its first start.
struct Secrets {
    jwt: Vec<u8>,
    /// `whsec_` and the base64 of 32 random bytes.
    webhook: Secret,
    /// The vendors' keys are derived from it.
    vendors: Vec<u8>,
}

impl Secrets {
    async fn load(store: &Store) -> Result<Self, StoreError> {
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

fn random_text() -> String {
    STANDARD.encode(random_bytes())
}
