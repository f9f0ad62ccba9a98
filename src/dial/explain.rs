//! Exit codes and hints for failed deliveries.

use super::DialError;
use crate::explain::{Exit, Explain, Explanation};

impl Explain for DialError {
    fn explain(&self) -> Explanation {
        let code = self.code();
        match self {
            Self::BadTarget { .. } => Explanation::usage(code)
                .hint("a target is 3000, :3000/path, host:port, a URL or unix:/path"),
            Self::Name { .. } => unreachable(code)
                .hint("check the host name; `getent hosts NAME` shows what it resolves to"),
            Self::Refused { peer, .. } => unreachable(code).hint(format!(
                "start what listens on {peer}, or give another target with --to"
            )),
            Self::Forbidden { .. } => {
                Explanation::usage(code).hint("use a target with another address")
            }
            Self::Tls { .. } => unreachable(code).hint(
                "check the certificate and the clock; for plain HTTP use a target with http://",
            ),
            Self::Timeout { .. } | Self::Silent { .. } => unreachable(code)
                .hint("check whether the target hangs, or wait longer: --timeout 60s"),
            Self::Broken { .. } => unreachable(code).hint(
                "check the target's log: it closed the connection before the end of its response",
            ),
        }
    }
}

fn unreachable(code: &'static str) -> Explanation {
    Explanation::new(Exit::Unreachable, code)
}
