//! `evt poll` against a server that nobody may trust.
//!
//! A deployment is played: a [`model`] of records that change while they are read, a [`query`] engine with its own idea of
//! what was asked, [`dates`] in nine shapes, [`faults`] on the wire. The [`driver`] runs the binary against it, kills it at
//! random moments and starts it again; the [`oracle`] then counts what is lost, stale, repeated, torn and phantom. Each row
//! of [`scenarios`] is a test.

mod alone;
mod answer;
mod crowd;
mod dates;
mod deployment;
mod driver;
mod faults;
mod model;
mod naive;
mod oracle;
mod process;
mod query;
mod record;
mod scenarios;
mod server;
mod story;
mod wire;
