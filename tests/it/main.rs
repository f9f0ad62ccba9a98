//! End-to-end tests: the real binary, one module a command.

mod completions;
mod deliver;
mod flows;
mod layers;
mod records;
mod send;
mod signature;
mod support;
