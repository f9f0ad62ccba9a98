//! Which requests the listener answers: those for its own host names, and none that a web page of another site sent.
//!
//! The listener forwards requests with the target's own `Host`, so without these checks it would undo the target's protection
//! against web pages. With DNS rebinding a page's own name resolves to 127.0.0.1; its requests still have that name as `Host`.
//! Without it, any page can send a simple POST across sites; browsers mark such a request with `Origin` and `Sec-Fetch-Site`.

use std::net::SocketAddr;

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, StatusCode, Uri};

use crate::grammar::host::{self, HostRule};
use crate::hops;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Accepted hosts, in addition to the names of loopback.
pub(super) struct Guard {
    allowed: Vec<HostRule>,
    /// The first of `allowed` that `--allow-host` added. Web pages of the hosts before it may not send requests.
    first_for_pages: usize,
    /// Events are passed on, and so a request that has used up its hops is refused.
    forwards: bool,
}

/// A request that is neither stored nor forwarded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) why: String,
}

impl Guard {
    pub(super) fn new(
        bind: SocketAddr,
        public: &[Uri],
        allowed: Vec<HostRule>,
        forwards: bool,
    ) -> Self {
        let mut own = Vec::new();
        if !bind.ip().is_unspecified() {
            own.push(HostRule::of(&match bind {
                SocketAddr::V4(v4) => v4.ip().to_string(),
                SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
            }));
        }
        own.extend(public.iter().filter_map(Uri::host).map(HostRule::of));
        let first_for_pages = own.len();
        own.extend(allowed);
        Self {
            allowed: own,
            first_for_pages,
            forwards,
        }
    }

    /// Checks a request before its body is read.
    pub(super) fn admit(&self, head: &Parts) -> Result<(), Refusal> {
        self.admit_host(head)?;
        self.admit_page(head)?;
        let hops = hops::of(&head.headers);
        if hops > hops::MAX || self.forwards && !hops::may_pass_on(&head.headers) {
            return Err(Refusal {
                status: StatusCode::LOOP_DETECTED,
                code: hops::CODE,
                why: hops::REASON.to_owned(),
            });
        }
        Ok(())
    }

    /// Every host that the request names must be accepted: in its `Host` headers and in its target.
    fn admit_host(&self, head: &Parts) -> Result<(), Refusal> {
        let mut hosts = hosts(head).peekable();
        let why = if hosts.peek().is_none() {
            "the request has no host header".to_owned()
        } else if let Some(foreign) = hosts.find(|name| !self.knows(name)) {
            format!(
                "this listener does not answer for host `{foreign}`; `evt listen --allow-host {}` allows it",
                host::for_pasting(foreign)
            )
        } else {
            return Ok(());
        };
        Err(Refusal {
            status: StatusCode::MISDIRECTED_REQUEST,
            code: "foreign_host",
            why,
        })
    }

    /// A request of a web page must have the origin of the listener, or one that is allowed. Senders of webhooks are not browsers and
    /// send neither header.
    fn admit_page(&self, head: &Parts) -> Result<(), Refusal> {
        let headers = &head.headers;
        let is_foreign = is_of_foreign_site(headers);
        let mut origins = headers
            .get_all(ORIGIN)
            .iter()
            .map(|origin| origin.to_str().unwrap_or_default())
            .peekable();
        let page = match (is_foreign, origins.peek().is_some()) {
            (false, false) => return Ok(()),
            (true, false) if self.allows_all() => return Ok(()),
            (true, false) => "*",
            (_, true) => match origins.find(|origin| !self.knows_origin(origin, head)) {
                None => return Ok(()),
                Some(origin) => origin.split_once("://").map_or("", |(_, host)| host),
            },
        };
        let flag = match page {
            "*" => "'*'",
            page => host::for_pasting(page),
        };
        Err(Refusal {
            status: StatusCode::FORBIDDEN,
            code: "foreign_origin",
            why: format!(
                "a web page of another site sent this request; `evt listen --allow-host {flag}` allows it"
            ),
        })
    }

    fn knows(&self, name: &str) -> bool {
        host::is_loopback(name) || self.allowed.iter().any(|rule| rule.accepts(name))
    }

    /// Whether an origin is the listener's own, as the request's `Host` names it, or allowed by `--allow-host`.
    fn knows_origin(&self, origin: &str, head: &Parts) -> bool {
        let for_pages = &self.allowed[self.first_for_pages..];
        if self.allows_all() {
            return true;
        }
        let Some((scheme, page)) = origin.split_once("://") else {
            return false;
        };
        let is_own = hosts(head).all(|name| name.eq_ignore_ascii_case(page));
        matches!(scheme, "http" | "https")
            && (is_own || for_pages.iter().any(|rule| rule.accepts(page)))
    }

    fn allows_all(&self) -> bool {
        self.allowed[self.first_for_pages..]
            .iter()
            .any(HostRule::is_any)
    }
}

/// All host names in a request. A header that is not text becomes a name that is never accepted.
fn hosts(head: &Parts) -> impl Iterator<Item = &str> {
    let headers = head.headers.get_all(HOST);
    headers
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .chain(head.uri.authority().map(Authority::as_str))
}

fn is_of_foreign_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SITE).iter();
    sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "https://hooks.example.test/in";

    fn ask(allowed: &[&str], uri: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let allowed = allowed.iter().map(|text| text.parse().unwrap()).collect();
        let mut request = http::Request::builder().method("POST").uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let public = [PUBLIC.parse().unwrap()];
        Guard::new(([127, 0, 0, 5], 4871).into(), &public, allowed, true).admit(&head)
    }

    fn status(allowed: &[&str], headers: &[(&str, &str)]) -> u16 {
        ask(allowed, "/hook", headers).map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn names_of_loopback_the_bound_address_and_the_public_url_are_answered() {
        for host in [
            "127.0.0.1:4871",
            "127.0.0.1",
            "localhost:80",
            "[::1]:4871",
            "127.0.0.5:4871",
            "hooks.example.test",
            "Hooks.example.test:8443",
        ] {
            assert_eq!(status(&[], &[("host", host)]), 200, "{host}");
        }
    }

    #[test]
    fn other_hosts_are_refused_unless_allowed() {
        for host in [
            "evil.example:4871",
            "127.0.0.1.evil.example",
            "0.0.0.0:4871",
            "u@localhost",
            "",
            "\u{e9}",
        ] {
            assert_eq!(status(&[], &[("host", host)]), 421, "{host}");
        }
        assert_eq!(status(&[], &[]), 421);
        let docker = [("host", "host.docker.internal:4871")];
        assert_eq!(status(&[], &docker), 421);
        assert_eq!(status(&["host.docker.internal"], &docker), 200);
        assert_eq!(status(&["*.docker.internal"], &docker), 200);
        assert_eq!(status(&["*"], &docker), 200);
    }

    #[test]
    fn every_host_of_a_request_is_checked() {
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(status(&[], &twice), 421);
        let own = [("host", "localhost")];
        assert!(ask(&[], "http://evil.example/hook", &own).is_err());
        assert!(ask(&[], "http://localhost/hook", &[("host", "evil.example")]).is_err());
        assert_eq!(ask(&[], "http://localhost/hook", &own), Ok(()));
    }

    #[test]
    fn requests_of_other_sites_pages_are_refused_unless_their_origin_is_allowed() {
        let page = |site, origin: &'static str| {
            let mut headers = vec![("host", "localhost:4871")];
            headers.extend([("sec-fetch-site", site), ("origin", origin)]);
            headers.retain(|(_, value)| *value != "-");
            headers
        };
        for (site, origin) in [
            ("cross-site", "https://evil.example"),
            ("cross-site", "null"),
            ("cross-site", "-"),
            ("same-site", "http://localhost:3000"),
            ("same-site", "-"),
            ("", "-"),
            ("-", "https://evil.example"),
            ("-", "null"),
            ("-", ""),
            ("-", "http://localhost:3000"),
            ("cross-site", "https://hooks.example.test"),
        ] {
            assert_eq!(status(&[], &page(site, origin)), 403, "{site} {origin}");
            assert_eq!(status(&["*"], &page(site, origin)), 200, "{site} {origin}");
        }
        for (site, origin) in [
            ("same-origin", "http://localhost:4871"),
            ("none", "-"),
            ("-", "http://localhost:4871"),
        ] {
            assert_eq!(status(&[], &page(site, origin)), 200, "{site} {origin}");
        }
        let own_page = page("same-site", "http://localhost:3000");
        assert_eq!(status(&["localhost:3000"], &own_page), 200);
        assert_eq!(status(&["localhost:3001"], &own_page), 403);
    }

    #[test]
    fn a_refusal_names_the_flag_that_allows_the_request() {
        let why = |headers: &[(&str, &str)]| ask(&[], "/", headers).unwrap_err().why;
        let host = ("host", "localhost");
        assert!(
            why(&[("host", "a.test:81")])
                .ends_with("`evt listen --allow-host a.test:81` allows it")
        );
        assert!(why(&[("host", "a;reboot")]).contains("--allow-host NAME`"));
        assert!(why(&[host, ("origin", "http://b.test")]).contains("--allow-host b.test`"));
        assert!(why(&[host, ("sec-fetch-site", "cross-site")]).contains("--allow-host '*'`"));
    }

    #[test]
    fn a_request_that_has_used_up_its_hops_is_refused() {
        let hops = |hops| status(&[], &[("host", "localhost"), ("x-evt-hops", hops)]);
        assert_eq!((hops("7"), hops("8"), hops("9")), (200, 508, 508));
    }
}
