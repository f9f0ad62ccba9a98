//! Delivery targets: `3000`, `:3000/path`, `host:port`, `host:port/path`, a URL, `unix:/path`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::GrammarError;
use crate::secret;

/// The host of a target without one.
const LOOPBACK: &str = "127.0.0.1";
const EXPECTED: &str = "a target: 3000, :3000/path, host:port, an http or https URL, or unix:/path";
const NO_USER: &str = "a target: remove the user and password (send a header instead)";
const NO_PORT: &str = "a target: a port is a number from 1 to 65535";
const NO_HOST: &str = "a target: the host is missing";
const NO_CONTROL: &str = "a target: it contains a space or a control character";
const NO_SCHEME: &str = "a target: the scheme must be http, https or unix";

/// An HTTP target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An absolute `http://` or `https://` URL.
    Url(http::Uri),
    /// A Unix socket. The path of each request is chosen by the caller.
    Unix(PathBuf),
}

impl Target {
    /// The target for messages: secrets in its query are masked.
    pub fn shown(&self) -> String {
        match self {
            Self::Url(url) => secret::shown(url),
            Self::Unix(_) => self.to_string(),
        }
    }

    /// Whether the target is on this machine: a loopback address, `localhost` or a Unix socket.
    pub fn is_loopback(&self) -> bool {
        let Self::Url(url) = self else { return true };
        let host = url
            .host()
            .unwrap_or_default()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match host.parse::<std::net::IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback() || address.is_unspecified(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }
}

impl FromStr for Target {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).map_err(GrammarError::masked)
    }
}

impl Target {
    fn parse(text: &str) -> Result<Self, GrammarError> {
        let wrong = |expected, at| GrammarError::new(text, expected).at_byte(at);
        if text.is_empty() {
            return Err(GrammarError::new(text, EXPECTED));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.find(char::is_control) {
                Some(at) => Err(wrong(NO_CONTROL, "unix:".len() + at)),
                None if path.is_empty() => Err(wrong(EXPECTED, text.len())),
                None => Ok(Self::Unix(path.into())),
            };
        }
        if let Some(at) = text.find(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong(NO_CONTROL, at));
        }
        // The query of a target without a scheme may contain a URL.
        let (scheme, rest_at) = match text.find("://") {
            Some(at) if !text[..at].contains(['/', '?']) => (&text[..at], at + 3),
            _ => ("http", 0),
        };
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(wrong(NO_SCHEME, 0));
        }
        let rest = &text[rest_at..];
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        let authority = authority_of(authority, rest_at > 0)
            .map_err(|(expected, at)| wrong(expected, rest_at + at))?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        // Clients do not send the fragment.
        let path = path.split('#').next().unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        format!("{scheme}://{authority}{slash}{path}")
            .parse()
            .map(Self::Url)
            .map_err(|_| wrong(EXPECTED, rest_at + authority_end))
    }
}

/// Checks and completes `host:port`. With `has_scheme` the port is optional. Errors are the expected form and a byte offset.
fn authority_of(text: &str, has_scheme: bool) -> Result<String, (&'static str, usize)> {
    if let Some(at) = text.find('@') {
        return Err((NO_USER, at));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && !has_scheme {
        port(text, 0)?;
        return Ok(format!("{LOOPBACK}:{text}"));
    }
    let host_end = match text.strip_prefix('[') {
        Some(rest) => {
            let length = rest.find(']').ok_or((EXPECTED, 0))?;
            rest[..length]
                .parse::<std::net::Ipv6Addr>()
                .map_err(|_| (EXPECTED, 1))?;
            length + 2
        }
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(host_end);
    match rest.strip_prefix(':') {
        Some(number) => port(number, host_end + 1)?,
        None if !rest.is_empty() => return Err((EXPECTED, host_end)),
        // Without a scheme there is no default port, and `localhost` could also be a mistyped path.
        None if !has_scheme => return Err((EXPECTED, host_end)),
        None => {}
    }
    match host {
        "" if has_scheme => Err((NO_HOST, 0)),
        "" => Ok(format!("{LOOPBACK}{rest}")),
        _ => Ok(text.to_owned()),
    }
}

fn port(text: &str, at: usize) -> Result<(), (&'static str, usize)> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if port > 0 && digits => Ok(()),
        _ => Err((NO_PORT, at)),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_targets_are_completed() {
        for (text, full) in [
            ("3000", "http://127.0.0.1:3000/"),
            (":3000", "http://127.0.0.1:3000/"),
            (":3000/hook?x=1", "http://127.0.0.1:3000/hook?x=1"),
            (
                "3000/hook?to=ftp://a",
                "http://127.0.0.1:3000/hook?to=ftp://a",
            ),
            ("3000/hook", "http://127.0.0.1:3000/hook"),
            ("app.test:80", "http://app.test:80/"),
            ("app.test:80/a/b", "http://app.test:80/a/b"),
            ("[::1]:8080/x", "http://[::1]:8080/x"),
            ("https://a.test", "https://a.test/"),
            ("HTTPS://a.test?x", "https://a.test/?x"),
            ("http://a.test:8/x#part", "http://a.test:8/x"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ] {
            let target: Target = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(target.to_string(), full, "{text}");
            assert_eq!(
                full.parse::<Target>().unwrap(),
                target,
                "{full} is itself a target"
            );
        }
    }

    #[test]
    fn an_invalid_target_is_refused_with_the_position() {
        for (text, expected, at) in [
            ("0", NO_PORT, 0),
            ("65536", NO_PORT, 0),
            (":0/x", NO_PORT, 1),
            ("host:65536", NO_PORT, 5),
            ("host:", NO_PORT, 5),
            ("host:+80", NO_PORT, 5),
            ("http://host:x/", NO_PORT, 12),
            ("localhost", EXPECTED, 9),
            ("http://", NO_HOST, 7),
            ("http:///path", NO_HOST, 7),
            ("http://:80/", NO_HOST, 7),
            ("ftp://host/", NO_SCHEME, 0),
            ("https://me:pw@host/", NO_USER, 13),
            ("me@host:80", NO_USER, 2),
            ("http://a.test/\u{7}", NO_CONTROL, 14),
            ("a b:80", NO_CONTROL, 1),
            ("a.test:80/\r\nHost: x", NO_CONTROL, 10),
            ("unix:", EXPECTED, 5),
            ("unix:/a\0b", NO_CONTROL, 7),
            ("[::1:80", EXPECTED, 0),
            ("[nonsense]:80", EXPECTED, 1),
        ] {
            let error = text.parse::<Target>().unwrap_err();
            assert_eq!((error.expected, error.at), (expected, Some(at)), "{text:?}");
        }
        assert_eq!("".parse::<Target>().unwrap_err().expected, EXPECTED);
    }

    #[test]
    fn loopback_targets_are_recognised() {
        for (text, expected) in [
            ("3000", true),
            ("http://localhost/x", true),
            ("http://app.localhost./x", true),
            ("http://[::1]/", true),
            ("http://127.9.9.9/", true),
            ("http://0.0.0.0:80/", true),
            ("unix:/a", true),
            ("http://10.0.0.1/", false),
            ("https://example.test/", false),
            ("http://localhost.example.test/", false),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.is_loopback(), expected, "{text}");
        }
    }
}
