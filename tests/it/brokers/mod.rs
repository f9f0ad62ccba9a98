//! `evt tail`, `evt send` and `--forward` with real message brokers.

#[cfg(feature = "nats")]
mod nats;
