//! The gateways, with socket.io-client and ws (npm) and with raw bytes.

mod calls;
pub(super) mod client;
mod connections;
mod engine_io;
mod namespaces;
mod packets;
mod raw;

use super::wire::{Platform, Reply, send};
