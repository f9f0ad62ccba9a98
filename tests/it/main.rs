//! End-to-end tests: the real binary, one module a command.

mod completions;
mod deliver;
mod flow_engine;
mod layers;
mod send;
mod signature;
mod support;
