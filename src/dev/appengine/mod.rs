//! The AppEngine platform: records, authentication, automations, Socket.IO gateways, streams, and webhooks of vendors.

pub mod auth;
pub(crate) mod automation;
pub(crate) mod chaos;
pub mod find;
pub(crate) mod gateways;
pub mod model;
mod query;
pub mod repository;
pub(crate) mod rest;
pub mod seed;
pub mod settings;
pub(crate) mod state;
pub(crate) mod streams;
pub mod vendors;

pub use state::State;
