//! End-to-end tests: the real binary, one module a command.

mod completions;
mod crash;
mod deliver;
mod layers;
mod listen;
mod signature;
mod support;
