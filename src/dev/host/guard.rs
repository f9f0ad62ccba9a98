//! Access control of the control port: local programs with its token may call it, web pages may not.

use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::{Request, State as FromState};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::hosts;
use super::refusal::Refusal;
use crate::secret::Secret;

/// Checks requests to the control port.
pub(crate) struct Guard {
    token: Secret,
    /// The three names of loopback with the port, such as `127.0.0.1:4872`.
    hosts: [String; 3],
}

impl Guard {
    pub(crate) fn new(token: Secret, address: SocketAddr) -> Self {
        Self {
            token,
            hosts: hosts::loopback(address.port()),
        }
    }

    /// Checks a request before any other code reads it.
    fn admit(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        // DNS rebinding: a web page whose name now resolves to 127.0.0.1 still sends its own name.
        if request.uri().authority().is_some() || !self.is_own_host(headers) {
            return Err(Refusal::forbidden(
                "foreign_host",
                format!("the host header must be {}", self.hosts[0]),
            ));
        }
        if !is_same_site(headers) || !self.is_own_origin(headers) {
            return Err(Refusal::forbidden(
                "foreign_origin",
                "web pages may not call this port",
            ));
        }
        if !self.knows_token(headers) {
            return Err(Refusal::unauthorized(
                "bad_control_token",
                "this port requires `Authorization: Bearer <token>` with the token of this run",
            ));
        }
        if takes_body(request.method()) && !is_json(headers) {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "the content-type must be application/json",
            ));
        }
        Ok(())
    }

    fn is_own_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => self
                .hosts
                .iter()
                .any(|own| host.as_bytes().eq_ignore_ascii_case(own.as_bytes())),
            _ => false,
        }
    }

    fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        headers.get_all(header::ORIGIN).iter().all(|origin| {
            origin
                .as_bytes()
                .strip_prefix(b"http://")
                .is_some_and(|host| self.hosts.iter().any(|own| host == own.as_bytes()))
        })
    }

    fn knows_token(&self, headers: &HeaderMap) -> bool {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let own = self.token.reveal().as_bytes();
        token.is_some_and(|token| verify_slices_are_equal(token, own).is_ok())
    }
}

/// Browsers send where a request comes from; other programs send nothing.
fn is_same_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    sites.all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"))
}

fn takes_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Browsers post forms across sites without a preflight request, but not JSON.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"))
}

/// The layer around all routes, including the fallback.
pub(crate) async fn guard(
    FromState(guard): FromState<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    match guard.admit(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Adds headers to every response that forbid caching, framing, content sniffing and cross-site use. There are no CORS headers.
pub(crate) async fn security_headers(request: Request, next: Next) -> Response {
    const HEADERS: [(&str, &str); 7] = [
        ("x-evt-system", "evt"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        (
            "content-security-policy",
            "default-src 'self'; frame-ancestors 'none'",
        ),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ];
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const TOKEN: &str = "the-token-of-this-start";

    fn ask(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let guard = Guard::new(Secret::new(TOKEN), ([127, 0, 0, 1], 4872).into());
        let mut request = axum::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        guard.admit(&request).map_err(|refusal| refusal.code)
    }

    fn get(headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let bearer = format!("Bearer {TOKEN}");
        let mut all = vec![("authorization", bearer.as_str())];
        if !headers.iter().any(|(name, _)| *name == "host") {
            all.push(("host", "127.0.0.1:4872"));
        }
        all.extend_from_slice(headers);
        ask("GET", "/_evt/status", &all)
    }

    #[test]
    fn the_three_names_of_loopback_are_accepted() {
        for host in [
            "127.0.0.1:4872",
            "localhost:4872",
            "LOCALHOST:4872",
            "[::1]:4872",
        ] {
            assert_eq!(get(&[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn eleven_foreign_hosts_are_refused() {
        let hosts = [
            "evil.example",
            "evil.example:4872",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1.evil.example:4872",
            "localhost.evil.example:4872",
            "user@127.0.0.1:4872",
            "127.1:4872",
            "2130706433:4872",
            "0.0.0.0:4872",
            "[::]:4872",
        ];
        for host in hosts {
            assert_eq!(get(&[("host", host)]), Err("foreign_host"), "{host}");
        }
    }

    #[test]
    fn two_hosts_and_an_absolute_target_are_refused() {
        let twice = [("host", "127.0.0.1:4872"), ("host", "evil.example")];
        assert_eq!(get(&twice), Err("foreign_host"));
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("host", "127.0.0.1:4872"), ("authorization", &bearer)];
        let absolute = "http://127.0.0.1:4872/_evt/status";
        assert_eq!(ask("GET", absolute, &headers), Err("foreign_host"));
        assert_eq!(ask("GET", "/_evt/status", &[]), Err("foreign_host"));
    }

    #[test]
    fn web_pages_of_other_sites_are_refused() {
        let shapes = [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "https://127.0.0.1:4872"),
            ("origin", "http://127.0.0.1:4870"),
            ("origin", "http://127.0.0.1:48720"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", ""),
        ];
        for shape in shapes {
            assert_eq!(get(&[shape]), Err("foreign_origin"), "{shape:?}");
        }
        assert_eq!(get(&[("origin", "http://localhost:4872")]), Ok(()));
    }

    #[test]
    fn an_incomplete_token_is_refused() {
        let host = ("host", "127.0.0.1:4872");
        let tokens = [
            "",
            "Bearer ",
            "Bearer the-token-of-this-star",
            "the-token-of-this-start",
        ];
        for token in tokens {
            let headers = [host, ("authorization", token)];
            let refused = ask("GET", "/_evt/status", &headers);
            assert_eq!(refused, Err("bad_control_token"), "{token:?}");
        }
    }

    #[test]
    fn content_types_of_forms_are_refused() {
        let bearer = format!("Bearer {TOKEN}");
        let types = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
        ];
        for content_type in types {
            let headers = [
                ("host", "127.0.0.1:4872"),
                ("authorization", bearer.as_str()),
                ("content-type", content_type),
            ];
            assert_eq!(ask("POST", "/_evt/stop", &headers), Err("not_json"));
        }
    }
}
