//! The platform that runs locally: its state and its protocols. What happens on an event is `flow`'s, deliveries are `deliver`'s.

pub mod auth;
mod clock;
pub mod error;
pub mod find;
pub mod model;
mod query;
pub mod repository;
pub mod request;
pub mod settings;
mod token;

use std::sync::Arc;

use axum::Router;

use crate::secret::Secret;
use crate::store::Store;
use crate::time::Timestamp;
use auth::Authority;
use settings::Settings;

/// What every handler shares.
pub struct State {
    pub store: Store,
    pub authority: Authority,
    pub settings: Settings,
    /// The organisation of the person that is always there.
    pub org: String,
    /// Records in one page at most.
    pub page_cap: usize,
    /// Signs the deliveries of flows that have no secret of their own; `None` with `--bare`.
    pub webhook_secret: Option<Secret>,
    pub started_at: Timestamp,
}

/// Every route of the platform's own port.
fn router(state: Arc<State>) -> Router {
    Router::new()
        .merge(auth::routes())
        .layer(axum::middleware::from_fn(error::finish))
        .with_state(state)
}
