//! Whose data a platform serves: an id that stays with the data directory and is made anew when everything is forgotten. A
//! client knows a platform on this machine by it, for any platform may have the usual port.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State as FromState};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use crate::dev::State;
use crate::store::settings;
use crate::store::{Store, StoreError, Tx};

const PLATFORM: HeaderName = HeaderName::from_static("x-evt-platform");
/// Where the store keeps it.
const NAME: &str = "platform.id";

/// The id, as every answer carries it.
pub(crate) struct Identity(RwLock<HeaderValue>);

impl Identity {
    /// The id of this data, made at its first start.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let id = store
            .write::<_, StoreError, _>(|tx| settings::get_or_set(tx, NAME, fresh))
            .await?;
        Ok(Self(RwLock::new(header(&id))))
    }

    /// From now on the platform is this one.
    pub(crate) fn replace(&self, id: &str) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = header(id);
    }

    fn header(&self) -> HeaderValue {
        let id = self.0.read().unwrap_or_else(PoisonError::into_inner);
        id.clone()
    }
}

/// Makes another id, in the commit that forgets the data of the last one.
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

/// The layer around the whole of the platform's port.
pub(crate) async fn tell(
    FromState(state): FromState<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(PLATFORM, state.identity.header());
    response
}
