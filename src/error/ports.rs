//! Errors of the ports: store, outgoing and incoming connections, the platform's API.

use super::{CliError, Exit};
use crate::dial::DialError;
use crate::store::StoreError;

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::Failed, "store", error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "closed_pipe", error);
        }
        Self::new(Exit::Failed, "io", error)
    }
}

impl From<DialError> for CliError {
    fn from(error: DialError) -> Self {
        let code = error.code();
        let (exit, hint) = match &error {
            DialError::BadTarget { .. } => (
                Exit::Usage,
                "name a target as 3000, :3000/path, host:port, a URL or unix:/path".to_owned(),
            ),
            DialError::Name { .. } => (
                Exit::Unreachable,
                "check the host name; `getent hosts NAME` shows what it resolves to".to_owned(),
            ),
            DialError::Refused { peer, .. } => (
                Exit::Unreachable,
                format!("start what listens on {peer}, or give another target with --to"),
            ),
            DialError::Forbidden { .. } => (
                Exit::Usage,
                "name a target that is not such an address".to_owned(),
            ),
            DialError::Tls { .. } => (
                Exit::Unreachable,
                "check the certificate and the clock; for plain HTTP write http:// in the target"
                    .to_owned(),
            ),
            DialError::Timeout { .. } => (
                Exit::Unreachable,
                "see whether the target hangs, or allow more with --timeout 60s".to_owned(),
            ),
            DialError::Broken { .. } => (
                Exit::Unreachable,
                "look into the target's own log; it closed the connection before it had answered"
                    .to_owned(),
            ),
        };
        Self::new(exit, code, error).hint(hint)
    }
}
