//! End-to-end tests: the real binary, one module a command.

mod completions;
mod deliver;
mod layers;
mod queue;
mod signature;
mod support;
