//! End-to-end tests: the real binary, one module a command.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy.toml allows it in tests, which does not reach the functions that they share; a test says what it passes over"
)]

mod cli;
mod completions;
mod config;
mod contract;
mod crash;
mod deliver;
mod demo;
mod dev;
mod doctor;
mod events;
mod exit_codes;
mod flow_engine;
mod flows;
mod generated;
mod help;
mod interop;
mod layers;
mod listen;
mod main_job;
mod poll;
mod poll_hostile;
mod poll_property;
mod poll_state;
mod profile;
mod queue;
mod records;
mod send;
mod send_check;
mod signature;
mod singer;

mod support;
mod tail;
