//! What the tests stand on: a home of their own and an app that records.

pub mod app;
pub mod sandbox;

pub use app::App;
pub use sandbox::{Output, Running, Sandbox};
