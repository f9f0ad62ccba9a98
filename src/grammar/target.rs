//! Where to send: `3000`, `:3000/path`, `host:port`, a URL, `unix:/path`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;

use super::GrammarError;

const EXPECTED: &str = "a target: 3000, :3000/path, host:port, http://host/path or unix:/path";

/// An HTTP target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An absolute `http://` or `https://` URL with a host and without userinfo.
    Url(Uri),
    /// A Unix socket; requests keep their own path.
    Unix(PathBuf),
}

impl Target {
    /// Whether the target names this machine: a loopback address, `localhost`, or a socket.
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
        let bad = |at| GrammarError {
            input: text.to_owned(),
            expected: EXPECTED,
            at,
        };
        if let Some(at) = text
            .chars()
            .position(|c| c.is_control() || c.is_whitespace())
        {
            return Err(bad(Some(at)));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(bad(Some(5)))
            } else {
                Ok(Self::Unix(PathBuf::from(path)))
            };
        }
        let url = match text.split_once("://") {
            Some(("http" | "https", _)) => text.to_owned(),
            Some(_) => return Err(bad(Some(0))),
            None => without_scheme(text).ok_or_else(|| bad(None))?,
        };
        let uri: Uri = url.parse().map_err(|_| bad(None))?;
        let authority = uri.authority().ok_or_else(|| bad(None))?;
        if let Some(at) = authority.as_str().find('@').and_then(|_| text.find('@')) {
            return Err(bad(Some(text[..at].chars().count())));
        }
        let port = authority
            .as_str()
            .rsplit_once(']')
            .map_or(authority.as_str(), |(_, rest)| rest)
            .split_once(':');
        let port_is_good =
            port.is_none_or(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
        if uri.host().is_none_or(str::is_empty) || !port_is_good {
            return Err(bad(None));
        }
        Ok(Self::Url(uri))
    }
}

/// `3000`, `:3000/path` and `host:port/path` as URLs. A bare word is no host: it is more likely a forgotten flag.
fn without_scheme(text: &str) -> Option<String> {
    let (authority, path) = text
        .find(['/', '?'])
        .map_or((text, ""), |at| text.split_at(at));
    if authority.bytes().all(|byte| byte.is_ascii_digit()) && !authority.is_empty() {
        return Some(format!("http://127.0.0.1:{authority}{path}"));
    }
    match authority.rsplit_once(':')? {
        ("", port) => Some(format!("http://127.0.0.1:{port}{path}")),
        _ => Some(format!("http://{authority}{path}")),
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
    fn every_form_becomes_one_target() {
        for (text, shown) in [
            ("3000", "http://127.0.0.1:3000/"),
            ("3000/hook", "http://127.0.0.1:3000/hook"),
            (":3000/path?a=1", "http://127.0.0.1:3000/path?a=1"),
            ("app.test:8080", "http://app.test:8080/"),
            ("[::1]:8080/x", "http://[::1]:8080/x"),
            ("https://app.test/in", "https://app.test/in"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), shown, "{text}");
            assert_eq!(
                target.to_string().parse::<Target>().unwrap(),
                target,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        let hostile = [
            "",
            "app",
            "0",
            "65536",
            ":0",
            ":",
            "host:",
            "host:0",
            "host:99999",
            "ftp://a.test/",
            "http://",
            "http:///x",
            "http://user:pass@a.test/",
            "a b:3000",
            "3000\n",
            "unix:",
            "http://a.test:x/",
            "//a.test/",
            "-1",
        ];
        for text in hostile {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
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
            assert_eq!(
                text.parse::<Target>().unwrap().is_loopback(),
                expected,
                "{text}"
            );
        }
    }
}
