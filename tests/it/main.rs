//! End-to-end tests: the real binary, one module a command.

mod cli;
mod completions;
mod config;
mod deliver;
mod doctor;
mod generated;
mod help;
mod layers;
mod profile;
mod signature;
mod support;
