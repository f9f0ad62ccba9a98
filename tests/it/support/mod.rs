//! What the tests stand on: a home of their own and an app that records.

pub(crate) mod absent;
pub(crate) mod app;
pub(crate) mod platform;
pub(crate) mod raw;
pub(crate) mod sandbox;

pub(crate) use absent::Absent;
pub(crate) use app::{Answer, App};
pub(crate) use platform::LocalPlatform;
pub(crate) use sandbox::{Output, Running, Sandbox};
