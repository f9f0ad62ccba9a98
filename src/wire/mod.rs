//! Codecs where both ends need bytes and frames: no sockets, no clock, bounded.

pub mod lines;
pub mod socketio;
pub mod sse;
