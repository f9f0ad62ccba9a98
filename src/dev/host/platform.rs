//! A platform as the host knows it, and the list of those that run.

use std::fmt;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;
use super::routes::Routes;
use super::seed::{SeedError, Seeded};
use super::settings::Setting;
use super::{DevError, DevOptions, Host};
use crate::deliver::DisabledEndpoint;
use crate::grammar::nearest::{did_you_mean, nearest};
use crate::running::Access;
use crate::store::jobs::Settled;
use crate::store::work::Work;
use crate::store::{Connection, StoreError, Tx};
use crate::work::WorkError;

/// Opens a platform's data. Nothing is served yet.
type Open =
    for<'a> fn(&'a Arc<Host>, &'a DevOptions) -> BoxFuture<'a, Result<Arc<dyn Platform>, DevError>>;

/// A row of [`PLATFORMS`](crate::dev::PLATFORMS).
pub struct Registration {
    /// The platform's name in flags, control routes and variables: `appengine`.
    pub name: &'static str,
    /// The platform's rows of `evt dev set`.
    pub settings: &'static [Setting],
    pub open: Open,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Routes that a platform serves below a prefix of the shared port. The prefix is empty or starts with `/`.
pub struct Mount {
    pub prefix: &'static str,
    pub routes: Routes,
}

/// A platform that runs locally.
///
/// Methods with a `Tx` are called inside a commit of the host and must not wait for another one.
pub trait Platform: Send + Sync {
    /// The name in its [`Registration`].
    fn name(&self) -> &'static str;

    /// Where it is served, with a token for the developer.
    fn access(&self) -> Access;

    /// Its routes on the shared port.
    fn mounts(&self) -> Vec<Mount>;

    /// Its routes on the control port, below `/_evt/<name>`.
    fn control_routes(&self) -> Routes {
        Routes::new()
    }

    /// Whether its control routes are also served directly below `/_evt`.
    fn has_short_control_paths(&self) -> bool {
        false
    }

    /// Works in the background, and returns after `stop` once its connections are closed.
    fn run(&self, stop: CancellationToken) -> BoxFuture<'_, ()> {
        Box::pin(async move { stop.cancelled().await })
    }

    /// Renders a refused request of `path` in the platform's error format.
    fn refusal(&self, refusal: &Refusal, path: &str) -> Response {
        refusal.response(path)
    }

    /// Its part of `evt dev status`: an object.
    fn status(&self, connection: &Connection) -> Result<Value, StoreError>;

    /// Creates what its part of the seed file describes and does not exist yet.
    fn seed(&self, tx: &Tx<'_>, document: &Value) -> Result<Seeded, SeedError>;

    /// Restores its initial data after the host has emptied the database.
    fn reset(&self, _tx: &Tx<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    /// Deletes what the platform holds in memory, after a reset is committed.
    fn forget(&self) {}

    /// Called when a delivery has ended, in the commit that ends it.
    fn settled(&self, _tx: &Tx<'_>, _settled: &Settled) -> Result<(), StoreError> {
        Ok(())
    }

    /// Called instead of [`Platform::settled`] when that keeps failing, with its error.
    fn settle_failed(
        &self,
        _tx: &Tx<'_>,
        _settled: &Settled,
        _error: &str,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// The names of its queues. No two platforms have one in common.
    fn queues(&self) -> &'static [&'static str] {
        &[]
    }

    /// Its queue with this name, in any letter case, or with another name that users know it by.
    fn queue_named(&self, name: &str) -> Option<&'static str> {
        let mut queues = self.queues().iter().copied();
        queues.find(|queue| queue.eq_ignore_ascii_case(name))
    }

    /// Does the work of a job of one of its queues, in the commit that ends the job.
    fn consume(&self, _tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
        Err(WorkError::Permanent(format!(
            "the queue `{}` has no consumer",
            work.queue
        )))
    }

    /// Called when a job of one of its queues dies, in the same commit.
    fn work_dead(&self, _tx: &Tx<'_>, _work: &Work, _reason: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// Called after a user has set the clock back: what was planned may be in the far future.
    fn clock_set_back(&self, _tx: &Tx<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    /// Called when deliveries to an endpoint stop because it keeps failing.
    fn endpoint_disabled(
        &self,
        _tx: &Tx<'_>,
        _endpoint: &DisabledEndpoint,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The queue of deliveries to endpoints.
const DELIVERIES: &str = "deliveries";
/// Characters of an unknown name in a message.
const MAX_SHOWN: usize = 80;

/// The refusal of a name that no queue has.
pub(crate) fn unknown_queue<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Refusal {
    let shown: String = name.chars().take(MAX_SHOWN).collect();
    let suggestion = did_you_mean(nearest(&shown, known));
    let message = format!("there is no queue `{shown}`{suggestion}");
    Refusal::new(StatusCode::NOT_FOUND, "unknown_queue", message)
}

/// The platforms of one `evt dev`; the first one is the default.
#[derive(Clone)]
pub struct Platforms(Arc<[Arc<dyn Platform>]>);

impl Platforms {
    pub(crate) fn new(platforms: Vec<Arc<dyn Platform>>) -> Self {
        Self(platforms.into())
    }

    /// All of them, the default one first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Platform>> {
        self.0.iter()
    }

    /// The full name of a queue.
    ///
    /// # Errors
    /// `unknown_queue`, with a suggestion.
    pub(crate) fn queue_named(&self, name: &str) -> Result<&'static str, Refusal> {
        if name.eq_ignore_ascii_case(DELIVERIES) {
            return Ok(DELIVERIES);
        }
        if let Some(queue) = self.iter().find_map(|platform| platform.queue_named(name)) {
            return Ok(queue);
        }
        let known = self
            .iter()
            .flat_map(|platform| platform.queues().iter().copied());
        Err(unknown_queue(name, known.chain([DELIVERIES])))
    }

    /// The platform of control paths without a platform's name, and of the facts at the top level of a status.
    pub fn default_platform(&self) -> Option<&Arc<dyn Platform>> {
        self.0.first()
    }
}
