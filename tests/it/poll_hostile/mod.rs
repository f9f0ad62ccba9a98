//! `evt poll` against a server that violates its requests.
//!
//! The server has a [`model`] of records that change while they are read, a [`query`] engine that may ignore parts of a request,
//! [`dates`] in nine formats, and [`faults`] on the wire. The [`driver`] runs the binary against it, kills it at random moments
//! and restarts it. Then the [`oracle`] counts lost, stale, repeated, torn and phantom lines. Each row of [`scenarios`] is a test.

mod data;
mod dates;
mod deletions;
mod deployment;
mod driver;
mod faults;
mod guards;
mod literal_advice;
mod model;
mod oracle;
mod process;
mod query;
mod record;
mod response;
mod scenarios;
mod server;
mod shifts;
mod single_claims;
mod tie;
mod wire;
