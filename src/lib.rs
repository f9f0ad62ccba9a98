//! `evt`: a local event platform, a listener, a sender and a replayer for webhooks, in one binary.
//!
//! The rooms (top-level modules) are in four layers. A room imports only rooms of the same layer and of the layers above it in this
//! list; no two rooms import each other. `tests/it/layers.rs` checks both rules.
//!
//! 1. model: pure and synchronous, no I/O
//! 2. ports: one room for each thing outside the process (disk, network, terminal)
//! 3. engines: combine the ports
//! 4. edge: the command line and its configuration
//!
//! ARCHITECTURE.md describes the rooms.

// 1. model
pub mod archive;
pub mod attempt;
pub mod backoff;
pub mod bom;
pub mod catalogue;
pub mod clock;
pub mod condition;
pub mod envelope;
pub mod event;
pub mod explain;
pub mod grammar;
pub mod hops;
pub mod json;
pub mod multipart;
pub mod record;
pub mod secret;
pub mod select;
pub mod shape;
pub mod signature;
pub mod time;
pub mod topic;
pub mod watermark;
pub mod wire;

// 2. ports
pub mod api;
pub mod broker;
pub mod control;
pub mod dial;
pub mod documents;
pub mod files;
pub mod occupant;
pub mod running;
pub mod serve;
pub mod sink;
pub mod source;
pub mod store;
pub mod ui;

// 3. engines
pub mod deliver;
pub mod dev;
pub mod flow;
pub mod listen;
pub mod pipeline;
pub mod sample;
pub mod send;
pub mod work;

// 4. edge
pub mod cli;
pub mod config;
pub mod env;
pub mod error;
pub mod logging;
pub mod paths;
