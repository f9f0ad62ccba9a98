//! What every platform needs and no platform in particular: the store, settings, deliveries, guards, requests and refusals.
//!
//! The host knows platforms only by the trait [`Platform`].

pub mod brokers;
pub(crate) mod clock;
pub(crate) mod cors;
pub(crate) mod deliveries;
pub mod error;
pub(crate) mod folder;
pub(crate) mod guard;
pub(crate) mod hops;
pub mod hosts;
pub(crate) mod identity;
pub mod mail;
pub mod options;
pub mod platform;
pub mod refusal;
pub mod request;
pub mod routes;
pub mod seed;
pub mod settings;
pub(crate) mod sse;
pub(crate) mod token;

use std::path::PathBuf;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

pub use error::DevError;
pub use options::{AuthMode, DevOptions};
pub(crate) use platform::unknown_queue;
pub use platform::{Mount, Platform, Platforms, Registration};
pub use routes::Routes;

use crate::store::jobs::Settled;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use brokers::Brokers;
use identity::Identity;
use settings::{Setting, Settings};

/// Ended deliveries buffered for a watcher; a slower watcher misses some.
const WATCHED: usize = 256;

/// What all platforms of one `evt dev` share.
pub struct Host {
    pub store: Store,
    pub settings: Settings,
    pub(crate) identity: Identity,
    /// The platforms' port: `http://127.0.0.1:4870`.
    pub url: String,
    pub started_at: Timestamp,
    /// The data directory; `None` with `--ephemeral`.
    pub data: Option<PathBuf>,
    pub brokers: Brokers,
    /// Mails of the outbox are delivered by SMTP, too.
    pub sends_mail: bool,
    /// Stops the host and its platforms.
    pub shutdown: CancellationToken,
    ended: broadcast::Sender<Settled>,
}

impl Host {
    /// Loads settings and identity from an open store. `rows` are the settings of the platforms.
    pub(crate) async fn open(
        store: Store,
        rows: &[&'static [Setting]],
        url: String,
        data: Option<PathBuf>,
        brokers: Brokers,
        sends_mail: bool,
        shutdown: CancellationToken,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            settings: Settings::load(&store, rows)?,
            identity: Identity::load(&store).await?,
            store,
            url,
            started_at: Timestamp::now(),
            data,
            brokers,
            sends_mail,
            shutdown,
            ended: broadcast::Sender::new(WATCHED),
        })
    }

    /// Subscribes to deliveries that end from now on.
    pub fn ended_deliveries(&self) -> broadcast::Receiver<Settled> {
        self.ended.subscribe()
    }
}

/// 32 random bytes.
pub(crate) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}
