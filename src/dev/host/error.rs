//! Why `evt dev` cannot start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use super::seed::SeedError;
use crate::explain::{Explain, Explanation};
use crate::occupant::Occupant;
use crate::running::DEFAULT_NAME;
use crate::store::StoreError;

/// What `--name` does.
const ANOTHER: &str = "runs another platform, with its own data and ports";

/// Why `evt dev` cannot start.
#[derive(Debug, Error)]
pub enum DevError {
    #[error("port {port} is taken{}", match .occupant { Some(occupant) => format!(" by {occupant}"), None => String::new() })]
    PortTaken {
        port: u16,
        /// The flag that sets this port.
        flag: &'static str,
        occupant: Option<Occupant>,
    },
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("another `evt dev`{} uses the data in `{}`", match .pid { Some(pid) => format!(" (pid {pid})"), None => String::new() }, path.display())]
    DataInUse {
        path: PathBuf,
        pid: Option<u32>,
        /// The name of the process that wants to use the data.
        name: String,
    },
    #[error("cannot use the data folder `{}`", path.display())]
    DataFolder { path: PathBuf, source: io::Error },
    #[error("the server of {name} is not installed")]
    NoBroker {
        name: &'static str,
        /// The name of its package in Debian.
        package: &'static str,
    },
    #[error(transparent)]
    Seed(#[from] SeedError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for DevError {
    fn explain(&self) -> Explanation {
        match self {
            Self::PortTaken { flag, occupant, .. } => {
                let explanation = Explanation::failed("port_taken");
                match occupant {
                    Some(occupant) if occupant.is_platform => explanation
                        .hint(format!("evt dev --name second     {ANOTHER}"))
                        .hint("evt dev stop              stops the other one"),
                    _ => explanation.hint(match *flag {
                        "--port" => "evt dev --port 0     uses free ports for everything",
                        _ => "evt dev --console-port 0",
                    }),
                }
            }
            Self::Bind { .. } => Explanation::failed("cannot_listen").hint("evt dev --port 0"),
            Self::DataInUse { name, .. } => {
                let (stop, other) = match name.as_str() {
                    DEFAULT_NAME => ("evt dev stop".to_owned(), "second"),
                    "second" => (format!("evt dev stop --name {name}"), "third"),
                    name => (format!("evt dev stop --name {name}"), "second"),
                };
                Explanation::failed("data_in_use")
                    .hint(format!("evt dev --name {other}     {ANOTHER}"))
                    .hint(stop)
            }
            Self::DataFolder { .. } => {
                Explanation::failed("data_folder").hint("evt dev --data ./another-folder")
            }
            Self::NoBroker { name, package } => {
                let attach = match *name {
                    "nats" => "evt dev --nats nats://HOST     uses a server that runs already",
                    "redis" => "evt dev --redis redis://HOST     uses a server that runs already",
                    _ => "evt dev --amqp amqp://HOST     uses a server that runs already",
                };
                Explanation::failed("no_broker")
                    .hint(format!("sudo apt-get install {package}"))
                    .hint(attach)
            }
            Self::Seed(error) => error.explain(),
            Self::Store(error) => error.explain(),
        }
    }
}
