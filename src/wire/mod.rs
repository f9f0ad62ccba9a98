//! Codecs that both ends of a connection use. They have no sockets and no clock, and their memory is bounded.

pub mod emitter;
pub mod lines;
pub mod msgpack;
pub mod nats;
pub mod resp;
pub mod socketio;
pub mod sse;
