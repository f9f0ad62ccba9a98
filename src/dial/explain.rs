//! Exit codes and hints for failed deliveries.

use super::{DialError, ProxyFailure, ProxyProblem, TlsError, TlsSetupError};
use crate::explain::{Exit, Explain, Explanation};
use crate::ui::clip;

/// How many characters of a proxy's response an error shows.
const SHOWN: usize = 200;

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
            Self::Forbidden { address, .. } => Explanation::usage(code).hint(format!(
                "--allow-address {address}     connects to it all the same"
            )),
            Self::Tls { peer, source } => of_tls(peer, source),
            Self::BadProxy(_) => Explanation::usage(code)
                .hint("a proxy is http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT")
                .hint("--proxy none     connects without a proxy"),
            Self::Proxy { source, .. } => of_proxy(source),
            Self::Timeout { .. } | Self::Silent { .. } => unreachable(code)
                .hint("check whether the target hangs, or wait longer: --timeout 60s"),
            Self::Broken { .. } => unreachable(code).hint(
                "check the target's log: it closed the connection before the end of its response",
            ),
        }
    }
}

fn of_tls(peer: &str, error: &TlsError) -> Explanation {
    let failed = unreachable("tls_failed");
    match error {
        TlsError::UnknownIssuer | TlsError::SelfSigned => failed
            .hint("--ca FILE     accepts the certificates in a file, or those that they issued"),
        TlsError::Expired { .. } | TlsError::NotYetValid { .. } => failed
            .hint("date     shows this machine's clock; if it is right, renew the certificate"),
        TlsError::WrongName { .. } => {
            failed.hint("use a host name of the certificate, or create one for this name")
        }
        TlsError::ClientCertificateRequired | TlsError::ClientCertificateRefused { .. } => {
            failed.hint("--cert FILE --key FILE     the client certificate and its key")
        }
        TlsError::NotTls | TlsError::Broken => {
            failed.hint("if the server does not speak TLS, use http:// or ws://")
        }
        TlsError::Setup(error) => error.explain(),
        _ => {
            let port = if peer.contains(':') { "" } else { ":443" };
            failed.hint(format!(
                "openssl s_client -connect {peer}{port}     shows the handshake"
            ))
        }
    }
}

fn of_proxy(failure: &ProxyFailure) -> Explanation {
    let without = "--proxy none     connects without a proxy; NO_PROXY excludes hosts";
    let failed = unreachable("proxy_failed");
    match &failure.problem {
        ProxyProblem::LoginRequired | ProxyProblem::LoginRefused => {
            let form = match failure.origin.as_str() {
                "--proxy" => "--proxy http://USER:PASSWORD@HOST:PORT".to_owned(),
                name => format!("export {name}=http://USER:PASSWORD@HOST:PORT"),
            };
            failed.hint(form)
        }
        ProxyProblem::Refused { body, .. } => {
            let answer = clip(body.trim(), SHOWN);
            let explanation = failed.hint(without);
            Explanation {
                answer: (!answer.is_empty()).then(|| format!("it said: {answer}")),
                ..explanation
            }
        }
        ProxyProblem::Tls(error) => of_tls(failure.proxy.trim_start_matches("https://"), error),
        _ => failed.hint(without),
    }
}

impl Explain for TlsSetupError {
    fn explain(&self) -> Explanation {
        let explanation = Explanation::usage("bad_certificate");
        match self {
            Self::NoIssuers => {
                explanation.hint("export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt")
            }
            Self::Read { .. } | Self::Content { .. } => {
                explanation.hint("evt man network     describes certificates and proxies")
            }
        }
    }
}

fn unreachable(code: &'static str) -> Explanation {
    Explanation::new(Exit::Unreachable, code)
}
