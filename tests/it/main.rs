//! End-to-end tests: the real binary, one module a command.

mod completions;
mod deliver;
mod interop;
mod layers;
mod send;
mod signature;
mod support;
