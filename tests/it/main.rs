//! End-to-end tests: the real binary, one module a command.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, which does not reach the functions that they share"
)]

mod cli;
mod completions;
mod config;
mod crash;
mod deliver;
mod doctor;
mod flow_engine;
mod generated;
mod help;
mod layers;
mod listen;
mod profile;
mod queue;
mod send;
mod signature;
mod support;
