//! What every platform needs and no platform in particular: the clock, the data folder, guards, requests and refusals.

pub(crate) mod clock;
pub(crate) mod folder;
pub(crate) mod guard;
pub mod hosts;
pub(crate) mod identity;
pub mod refusal;
pub mod request;
pub mod routes;
pub(crate) mod sse;
pub(crate) mod token;
