//! End-to-end tests: the real binary, one module a command.

mod completions;
mod crash;
mod deliver;
mod flow_engine;
mod flows;
mod layers;
mod listen;
mod records;
mod send;
mod signature;
mod support;
