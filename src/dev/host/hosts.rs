//! Host names that the platforms' port accepts: those of loopback, and those that the user allowed.
//!
//! DNS rebinding lets a web page resolve its own name to 127.0.0.1 and call this port as its own site, but the `Host` header
//! still has that name. Pages of other sites send their origin, except with the `GET` of an `<img>`, a `<script>` or a link. Browsers
//! mark these with `Sec-Fetch-Site`. Pages that this machine serves itself, on any port, are those of the developer's own apps.

use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Request, State as FromState};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use thiserror::Error;

use super::refusal::Refusal;
use crate::secret;

/// An additional name that is accepted as host and as the origin of web pages: `NAME`, on any port, or `NAME:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    /// In lower case.
    name: String,
    port: Option<u16>,
}

/// An invalid allowed host.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a host; write NAME or NAME:PORT, such as host.docker.internal")]
pub struct AllowedHostError {
    text: String,
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AllowedHostError {
            text: secret::masked_url(text),
        };
        let (name, port) = parts(text).ok_or_else(wrong)?;
        Ok(Self { name, port })
    }
}

/// Parses the value of a `Host` header into a host in lower case and a port.
fn parts(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let (name, port) = (authority.host(), authority.port_u16());
    // The rest of the text would be a user name, an empty port or an invalid one.
    let length = name.len() + authority.port().map_or(0, |port| port.as_str().len() + 1);
    let is_whole =
        !name.is_empty() && length == text.len() && authority.port().is_some() == port.is_some();
    is_whole.then(|| (name.to_ascii_lowercase(), port))
}

/// The three names of loopback with a port, as in `Host` headers.
pub(crate) fn loopback(port: u16) -> [String; 3] {
    ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"))
}

/// Checks requests to the platforms' port.
pub(crate) struct Hosts {
    port: u16,
    allowed: Vec<AllowedHost>,
}

impl Hosts {
    pub(crate) fn new(port: u16, allowed: Vec<AllowedHost>) -> Self {
        Self { port, allowed }
    }

    /// Checks a request before any route handles it.
    fn admit(&self, request: &Request) -> Result<(), Refusal> {
        let mut names = names(request).peekable();
        if names.peek().is_none() {
            return Err(Refusal::forbidden(
                "foreign_host",
                "the request has no host header",
            ));
        }
        if let Some(foreign) = names.find(|name| !self.knows(name)) {
            return Err(Refusal::forbidden(
                "foreign_host",
                format!(
                    "this platform is served as {}; `evt dev --allow-host {}` allows another name",
                    loopback(self.port)[0],
                    for_pasting(foreign)
                ),
            ));
        }
        let mut origins = origins(request.headers()).peekable();
        if origins.peek().is_none() && is_of_another_site(request.headers()) {
            return Err(Refusal::forbidden(
                "foreign_origin",
                "a web page of another site may call this platform only from a host that `evt dev --allow-host HOST` allows",
            ));
        }
        match origins.find(|origin| !self.is_known_origin(origin)) {
            None => Ok(()),
            Some(foreign) => Err(Refusal::forbidden(
                "foreign_origin",
                format!(
                    "web pages of other origins may not call this platform; `evt dev --allow-host {}` allows one",
                    for_pasting(foreign.split_once("://").map_or("", |(_, host)| host))
                ),
            )),
        }
    }

    fn knows(&self, text: &str) -> bool {
        // Clients omit the default port of http.
        let default = if self.port == 80 { Some(80) } else { None };
        let Some((name, port)) = parts(text) else {
            return false;
        };
        let is_own = matches!(name.as_str(), "127.0.0.1" | "localhost" | "[::1]")
            && port.or(default) == Some(self.port);
        is_own || self.is_allowed(&name, port)
    }

    fn is_allowed(&self, name: &str, port: Option<u16>) -> bool {
        self.allowed
            .iter()
            .any(|allowed| allowed.name == name && (allowed.port.is_none() || allowed.port == port))
    }

    fn is_known_origin(&self, origin: &str) -> bool {
        match origin.split_once("://") {
            Some(("http" | "https", host)) => parts(host)
                .is_some_and(|(name, port)| is_loopback(&name) || self.is_allowed(&name, port)),
            _ => false,
        }
    }

    /// The origin of the page that sends this request, if the platform answers it.
    pub(crate) fn page(&self, request: &Request) -> Option<HeaderValue> {
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) if self.admit(request).is_ok() => Some(origin.clone()),
            _ => None,
        }
    }
}

/// Whether a host in lower case is always this machine. Browsers resolve names below `localhost` to loopback.
fn is_loopback(name: &str) -> bool {
    let address = name.parse::<Ipv4Addr>();
    matches!(name, "localhost" | "[::1]")
        || name.ends_with(".localhost")
        || address.is_ok_and(|address| address.is_loopback())
}

/// All host names in a request. A header that is not text becomes a name that is never accepted.
fn names(request: &Request) -> impl Iterator<Item = &str> {
    let headers = request.headers().get_all(header::HOST);
    let in_target = request.uri().authority().map(Authority::as_str);
    headers
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .chain(in_target)
}

/// Whether a browser sends the request for a page of another site. Pages of other ports of the same host count, too.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

fn origins(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let origins = headers.get_all(header::ORIGIN);
    origins
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
}

/// A host for a command that the user may paste. Anything but a plain host name becomes a placeholder.
fn for_pasting(host: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]_".contains(&byte);
    match host.parse::<AllowedHost>() {
        Ok(_) if host.bytes().all(is_plain) && !host.starts_with('-') => host,
        _ => "NAME",
    }
}

/// The layer around all routes, including the fallback.
pub(crate) async fn gate(
    FromState(hosts): FromState<Arc<Hosts>>,
    request: Request,
    next: Next,
) -> Response {
    match hosts.admit(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn ask(allowed: &[&str], headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let allowed = allowed.iter().map(|text| text.parse().unwrap()).collect();
        let mut request = axum::http::Request::builder().uri("/profile/whoami");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Hosts::new(4870, allowed).admit(&request.body(Body::empty()).unwrap())
    }

    fn code(allowed: &[&str], headers: &[(&str, &str)]) -> Option<&'static str> {
        ask(allowed, headers).err().map(|refusal| refusal.code)
    }

    #[test]
    fn names_other_than_loopback_are_refused() {
        let hosts = [
            "evil.example:4870",
            "127.0.0.1",
            "127.0.0.1:4872",
            "127.0.0.1.evil.example:4870",
            "user@127.0.0.1:4870",
            "127.0.0.1:",
            "",
            "\u{e9}",
        ];
        for host in hosts {
            assert_eq!(code(&[], &[("host", host)]), Some("foreign_host"), "{host}");
        }
        assert_eq!(code(&[], &[]), Some("foreign_host"));
        for host in ["127.0.0.1:4870", "LOCALHOST:4870", "[::1]:4870"] {
            assert_eq!(code(&[], &[("host", host)]), None, "{host}");
        }
    }

    #[test]
    fn a_foreign_host_after_an_accepted_one_is_refused() {
        let headers = [("host", "localhost:4870"), ("host", "evil.example")];
        assert_eq!(code(&[], &headers), Some("foreign_host"));
    }

    #[test]
    fn an_allowed_host_is_accepted_on_its_port_or_on_any() {
        let host = [("host", "Platform.internal:8080")];
        assert_eq!(code(&["platform.internal"], &host), None);
        assert_eq!(code(&["platform.internal:8080"], &host), None);
        assert_eq!(code(&["platform.internal:80"], &host), Some("foreign_host"));
    }

    #[test]
    fn pages_of_other_origins_are_refused_unless_allowed() {
        let page = |origin| [("host", "localhost:4870"), ("origin", origin)];
        for origin in [
            "http://app.test",
            "https://localhost.evil.example",
            "http://127.0.0.1.evil.example:3000",
            "http://127.1:3000",
            "http://128.0.0.1:3000",
            "http://0.0.0.0:3000",
            "http://[::2]:3000",
            "http://user@localhost:3000",
            "file://localhost",
            "null",
            "",
        ] {
            assert_eq!(code(&[], &page(origin)), Some("foreign_origin"), "{origin}");
        }
        assert_eq!(code(&["app.test"], &page("https://app.test")), None);
    }

    #[test]
    fn pages_of_this_machine_are_accepted_from_any_port() {
        for origin in [
            "http://localhost:3000",
            "https://localhost",
            "http://shop.localhost:8080",
            "http://127.0.0.1:4870",
            "http://127.8.0.1:3000",
            "http://[::1]:3000",
        ] {
            let page = [("host", "localhost:4870"), ("origin", origin)];
            assert_eq!(code(&[], &page), None, "{origin}");
        }
    }

    #[test]
    fn images_and_links_of_other_sites_are_refused() {
        let host = ("host", "localhost:4870");
        for site in ["cross-site", "same-site", "", "Cross-Site"] {
            let refused = code(&[], &[host, ("sec-fetch-site", site)]);
            assert_eq!(refused, Some("foreign_origin"), "{site}");
        }
        for site in ["same-origin", "none"] {
            assert_eq!(code(&[], &[host, ("sec-fetch-site", site)]), None, "{site}");
        }
        let page = [
            host,
            ("origin", "http://app.test"),
            ("sec-fetch-site", "same-site"),
        ];
        assert_eq!(code(&["app.test"], &page), None);
        assert_eq!(code(&[], &page), Some("foreign_origin"));
    }

    #[test]
    fn the_hint_repeats_only_a_plain_host() {
        let hint = |host| ask(&[], &[("host", host)]).unwrap_err().message;
        assert!(hint("app.test").contains("--allow-host app.test`"));
        assert!(hint("a;reboot").contains("--allow-host NAME`"));
    }

    #[test]
    fn an_invalid_host_cannot_be_allowed() {
        for text in ["", "http://a", "a/b", "a b", "u@a", "a:", "a:99999"] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
    }
}
