//! Integrations with vendors: stored per organisation, and connected by an OAuth round trip that stays on this machine.

mod connect;
mod integrations;
mod page;

use std::sync::Arc;

pub(super) use connect::Connections;

use super::State;
use crate::dev::host::Routes;

/// The routes below `/upstream` and `/connect`, without the receivers of webhooks.
pub(super) fn routes() -> Routes<Arc<State>> {
    integrations::routes().merge(connect::routes())
}
