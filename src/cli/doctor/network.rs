//! The network: proxies and certificates.

use std::error::Error;

use super::super::{Context, network};
use super::Finding;
use crate::dial::{AddressPolicy, Dialer, Proxy, ProxyError};
use crate::grammar::target::Target;

/// Variables of which only one of two names is used.
const PAIRS: [(&str, &str); 4] = [
    ("http_proxy", "HTTP_PROXY"),
    ("https_proxy", "HTTPS_PROXY"),
    ("all_proxy", "ALL_PROXY"),
    ("no_proxy", "NO_PROXY"),
];

pub(super) async fn check(cx: &Context) -> Vec<Finding> {
    let proxies = network::proxies(&cx.env);
    let mut findings = Vec::new();
    for (scheme, proxy) in proxies.each() {
        findings.push(proxy_for(scheme, proxy).await);
    }
    if findings.is_empty() {
        findings.push(Finding::ok("proxy", "none"));
    }
    findings.extend(
        PAIRS
            .iter()
            .filter_map(|(lower, upper)| differ(cx, lower, upper)),
    );
    if cx.env.get("REQUEST_METHOD").is_some() && cx.env.get("HTTP_PROXY").is_some() {
        let found = "HTTP_PROXY is ignored, because REQUEST_METHOD is set: its value may be from a client of a CGI script";
        findings.push(Finding::warn(
            "proxy",
            found,
            "export http_proxy=http://HOST:PORT",
        ));
    }
    if !proxies.ignored().is_empty() {
        let found = format!(
            "NO_PROXY has invalid entries: {}",
            proxies.ignored().join(", ")
        );
        let fix = "use names, addresses, networks such as 10.0.0.0/8, or *";
        findings.push(Finding::warn("proxy", found, fix));
    }
    findings.push(certificates(cx));
    findings
}

/// A proxy, without its credentials, and whether it accepts connections.
async fn proxy_for(scheme: &str, proxy: Result<&Proxy, &ProxyError>) -> Finding {
    let what = format!("proxy for {scheme}");
    let proxy = match proxy {
        Ok(proxy) => proxy,
        Err(error) => {
            let fix = format!("export {}=http://HOST:PORT", error.origin);
            return Finding::fail(what, error.to_string(), fix);
        }
    };
    let found = format!("{} ({})", proxy.shown(), proxy.origin());
    let reached = match format!("http://{}/", proxy.address()).parse::<Target>() {
        Ok(target) => Dialer::new(AddressPolicy::Local).probe(&target).await,
        Err(_) => Ok(()),
    };
    match reached {
        Ok(()) => Finding::ok(
            what,
            format!("{found} accepts connections; not used for addresses of this machine"),
        ),
        Err(error) => {
            let fix = format!("start the proxy, or: unset {}", proxy.origin());
            Finding::warn(what, format!("{found}: {}", with_cause(&error)), fix)
        }
    }
}

fn differ(cx: &Context, lower: &str, upper: &str) -> Option<Finding> {
    let (one, other) = (cx.env.get(lower)?, cx.env.get(upper)?);
    (one != other).then(|| {
        let found = format!("{lower} and {upper} differ; {lower} is used");
        Finding::warn("proxy", found, format!("unset {lower}"))
    })
}

fn certificates(cx: &Context) -> Finding {
    const WHAT: &str = "certificates";
    let variables = network::variables(&cx.env);
    let names: Vec<&str> = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .filter(|name| cx.env.get(name).is_some())
        .collect();
    let checked = match variables.issuers() {
        Ok(Some(issuers)) => Ok(format!(
            "{} from {}, instead of the system's",
            issuers.len(),
            names.join(" and ")
        )),
        Ok(None) => {
            let network = crate::dial::Network::direct(AddressPolicy::Local);
            network.check_issuers().map(|()| "the system's".to_owned())
        }
        Err(error) => Err(error),
    };
    match checked {
        Ok(found) => Finding::ok(WHAT, found),
        Err(error) if names.is_empty() => Finding::warn(
            WHAT,
            with_cause(&error),
            "install the package ca-certificates, or use --ca FILE",
        ),
        Err(error) => {
            let fix = format!("unset {}", names.join(" "));
            Finding::fail(WHAT, with_cause(&error), fix)
        }
    }
}

fn with_cause(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
