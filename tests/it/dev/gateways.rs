//! The gateways, by socket.io-client and ws (npm) and by raw bytes.

mod client;
mod namespaces;

use super::wire::Platform;
