//! Why a broker cannot be used, with exit codes and hints.

use thiserror::Error;

use crate::dial::DialError;
use crate::explain::{Exit, Explain, Explanation};

/// Why a broker cannot be used.
#[derive(Debug, Error)]
pub enum BrokerError {
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The broker refused the credentials, or what the user may do with them.
    #[error("{server} refused {what}: {message}")]
    Denied {
        server: String,
        /// `the login of user evt`, `subscribing to events.>`
        what: String,
        message: String,
    },
    /// A vhost, queue, exchange, stream or key does not exist.
    #[error("{server} has no {what}")]
    Missing {
        server: String,
        what: String,
        hint: String,
    },
    /// The broker refused a request for another reason, such as a key of the wrong type.
    #[error("{server} refused {what}: {message}")]
    Refused {
        server: String,
        what: String,
        message: String,
        hint: String,
    },
    /// The address or a flag asks for something that this broker does not have.
    #[error("{message}")]
    BadRequest { message: String, hint: String },
    #[error("{server} does not speak this protocol: {why}")]
    Protocol { server: String, why: String },
    #[error("a message is larger than the allowed {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the connection was lost: {why}")]
    Lost { why: String },
    /// The broker is starting, has too many clients, or has no leader.
    #[error("{server} is not ready: {message}")]
    NotReady { server: String, message: String },
    #[error("this evt was built without {feature}")]
    NotBuilt { feature: &'static str },
}

impl BrokerError {
    /// Returns whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dial(error) => error.is_transient(),
            Self::Lost { .. } | Self::NotReady { .. } => true,
            Self::Denied { .. }
            | Self::Missing { .. }
            | Self::Refused { .. }
            | Self::BadRequest { .. }
            | Self::Protocol { .. }
            | Self::TooLarge { .. }
            | Self::NotBuilt { .. } => false,
        }
    }
}

impl Explain for BrokerError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Dial(error) => of_dial(error),
            Self::Denied { .. } => Explanation::new(Exit::NotAllowed, "not_allowed")
                .hint("--user NAME --password env:VARIABLE     logs in"),
            Self::Missing { hint, .. } => {
                Explanation::new(Exit::NotFound, "not_at_broker").hint(hint)
            }
            Self::Refused { hint, .. } => {
                Explanation::new(Exit::Refused, "broker_refused").hint(hint)
            }
            Self::BadRequest { hint, .. } => Explanation::usage("bad_address").hint(hint),
            Self::Protocol { .. } => Explanation::new(Exit::Refused, "protocol")
                .hint("check the port: another service may listen there"),
            Self::TooLarge { .. } => Explanation::new(Exit::Refused, "message_too_large")
                .hint("--max-message-size 64MiB     accepts larger messages"),
            Self::Lost { .. } => Explanation::new(Exit::Unreachable, "connection_lost")
                .hint("--reconnect     retries until the server accepts the connection"),
            Self::NotReady { .. } => Explanation::new(Exit::Unreachable, "broker_not_ready")
                .hint("--reconnect     retries until the server is ready"),
            Self::NotBuilt { feature } => Explanation::usage("not_built")
                .hint(format!("cargo install --path . --features {feature}")),
        }
    }
}

fn of_dial(error: &DialError) -> Explanation {
    let explanation = error.explain();
    match error {
        DialError::Refused { peer, .. } => Explanation {
            hints: vec![
                format!("start the broker at {peer}, or check the port"),
                "evt dev --with nats,rabbitmq,redis     starts installed servers".to_owned(),
            ],
            ..explanation
        },
        _ => explanation,
    }
}
