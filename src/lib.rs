//! `evt`: a local event platform, a listener, a sender and a replayer for webhooks, in one binary.
//!
//! Four layers; imports go downwards only (`tests/it/layers.rs` checks it):
//!
//! 1. the model: pure, synchronous, no I/O
//! 2. the ports: one file or folder a thing on the other side (disk, network, terminal)
//! 3. the engines: ports put to work
//! 4. the edge: a person and a shell
//!
//! ARCHITECTURE.md has the map.

// 1. model
pub mod archive;
pub mod backoff;
pub mod catalogue;
pub mod condition;
pub mod envelope;
pub mod event;
pub mod explain;
pub mod grammar;
pub mod json;
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
pub mod control;
pub mod dial;
pub mod documents;
pub mod files;
pub mod occupant;
pub mod running;
pub mod serve;
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

// 4. edge
pub mod cli;
pub mod config;
pub mod env;
pub mod error;
pub mod logging;
pub mod paths;
