//! End-to-end tests of the binary, one module per command.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy.toml allows these in tests, but not in the functions that tests share"
)]

#[cfg(any(feature = "nats", feature = "amqp", feature = "redis"))]
mod brokers;
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
mod language;
mod layers;
#[cfg(target_os = "linux")]
mod layout;
mod listen;
mod main_job;
mod network;
mod poll;
mod poll_hostile;
mod poll_property;
mod poll_state;
mod precedence;
mod profile;
mod project_file;
mod queue;
mod records;
mod secrets;
mod send;
mod send_check;
mod signature;
mod singer;
mod special_files;

mod support;
mod tail;
