//! What the tests stand on: a home of their own, an app that records, servers of others.

pub(crate) mod absent;
pub(crate) mod app;
pub(crate) mod node;
pub(crate) mod platform;
pub(crate) mod python;
pub(crate) mod raw;
pub(crate) mod sandbox;
pub(crate) mod sse_server;
pub(crate) mod table;

pub(crate) use absent::Absent;
pub(crate) use app::{Answer, App};
pub(crate) use node::Node;
pub(crate) use platform::LocalPlatform;
pub(crate) use python::Python;
pub(crate) use sandbox::{Output, Running, Sandbox};
pub(crate) use sse_server::{SseServer, Step};
pub(crate) use table::Table;
