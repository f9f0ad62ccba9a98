//! End-to-end tests: the real binary, one module a command.

mod completions;
mod deliver;
mod dev;
mod layers;
mod signature;
mod support;
