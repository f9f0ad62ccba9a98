//! The gateways, by socket.io-client and ws (npm) and by raw bytes.

mod calls;
mod client;
mod connections;
mod engine_io;
mod namespaces;
mod packets;
mod raw;

use super::wire::{Platform, Reply, send};
