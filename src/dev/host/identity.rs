//! The identity of a data directory: an id that a reset replaces.
//!
//! A client uses it to recognise a platform on this machine, because any `evt dev` may have the default port.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State as FromState};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use super::Host;
use crate::store::settings;
use crate::store::{Store, StoreError, Tx};

const PLATFORM: HeaderName = HeaderName::from_static("x-evt-platform");
/// The id's name in the store.
const NAME: &str = "platform.id";

/// The id, as a header of every response.
pub(crate) struct Identity(RwLock<HeaderValue>);

impl Identity {
    /// Loads the id, which the first start creates.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let id = store
            .write::<_, StoreError, _>(|tx| settings::get_or_set(tx, NAME, fresh))
            .await?;
        Ok(Self(RwLock::new(header(&id))))
    }

    /// Replaces the id after a reset.
    pub(crate) fn replace(&self, id: &str) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = header(id);
    }

    fn header(&self) -> HeaderValue {
        let id = self.0.read().unwrap_or_else(PoisonError::into_inner);
        id.clone()
    }
}

/// Stores a new id, in the commit that deletes the data.
pub(crate) fn renew(tx: &Tx<'_>) -> Result<String, StoreError> {
    let id = fresh();
    settings::set(tx, NAME, &id)?;
    Ok(id)
}

fn fresh() -> String {
    Uuid::now_v7().to_string()
}

fn header(id: &str) -> HeaderValue {
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unknown"))
}

/// The layer that adds the id to every response of the platforms' port.
pub(crate) async fn add_header(
    FromState(host): FromState<Arc<Host>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(PLATFORM, host.identity.header());
    response
}
