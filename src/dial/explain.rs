//! Exit codes and hints for failed deliveries.

use super::DialError;
use crate::explain::{Exit, Explain, Explanation};

impl Explain for DialError {
    fn explain(&self) -> Explanation {
        let code = self.code();
        match self {
            Self::BadTarget { .. } => Explanation::usage(code)
                .hint("name a target as 3000, :3000/path, host:port, a URL or unix:/path"),
            Self::Name { .. } => unreachable(code)
                .hint("check the host name; `getent hosts NAME` shows what it resolves to"),
            Self::Refused { peer, .. } => unreachable(code).hint(format!(
                "start what listens on {peer}, or give another target with --to"
            )),
            Self::Forbidden { .. } => {
                Explanation::usage(code).hint("name a target that is not such an address")
            }
            Self::Tls { .. } => unreachable(code).hint(
                "check the certificate and the clock; for plain HTTP write http:// in the target",
            ),
            Self::Timeout { .. } | Self::Silent { .. } => unreachable(code)
                .hint("see whether the target hangs, or allow more with --timeout 60s"),
            Self::Broken { .. } => unreachable(code).hint(
                "look into the target's own log; it closed the connection before it had answered",
            ),
        }
    }
}

fn unreachable(code: &'static str) -> Explanation {
    Explanation::new(Exit::Unreachable, code)
}
