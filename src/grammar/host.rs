//! Host names that a server answers to: `NAME`, `NAME:PORT`, `*.example.com`, `*`.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;

use super::GrammarError;

const EXPECTED: &str =
    "a host: NAME or NAME:PORT, such as host.docker.internal, or *.example.com, or *";

/// A host name that requests may be for, on one port or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    name: Name,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Any,
    /// `.example.com`: the names that end with it.
    Below(String),
    Is(String),
}

impl HostRule {
    /// The rule for one name, on any port.
    pub fn of(name: &str) -> Self {
        Self {
            name: Name::Is(name.to_ascii_lowercase()),
            port: None,
        }
    }

    /// Returns whether the rule accepts every host.
    pub fn is_any(&self) -> bool {
        self.name == Name::Any
    }

    /// Returns whether the value of a `Host` header, or the host of an origin, is accepted. Ignores case.
    pub fn accepts(&self, host: &str) -> bool {
        if self.is_any() {
            return true;
        }
        let Some((name, port)) = parts(host) else {
            return false;
        };
        let is_named = match &self.name {
            Name::Any => true,
            Name::Is(own) => name == *own,
            Name::Below(suffix) => name.len() > suffix.len() && name.ends_with(suffix.as_str()),
        };
        is_named && (self.port.is_none() || self.port == port)
    }
}

impl FromStr for HostRule {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self {
                name: Name::Any,
                port: None,
            });
        }
        let wrong = || GrammarError::new(text, EXPECTED).masked();
        let suffix = text.strip_prefix('*').filter(|rest| rest.starts_with('.'));
        let (name, port) = parts(suffix.map_or(text, |rest| &rest[1..])).ok_or_else(wrong)?;
        if !name.starts_with('[') && !name.split('.').all(is_label) {
            return Err(wrong());
        }
        Ok(Self {
            name: match suffix {
                Some(_) => Name::Below(format!(".{name}")),
                None => Name::Is(name),
            },
            port,
        })
    }
}

fn is_label(label: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty() && label.bytes().all(is_plain)
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Name::Any => f.write_str("*")?,
            Name::Below(suffix) => write!(f, "*{suffix}")?,
            Name::Is(name) => f.write_str(name)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Parses the value of a `Host` header into a name in lower case and a port.
fn parts(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let (name, port) = (authority.host(), authority.port_u16());
    // The rest of the text would be a user name, an empty port or an invalid one.
    let length = name.len() + authority.port().map_or(0, |port| port.as_str().len() + 1);
    let is_whole =
        !name.is_empty() && length == text.len() && authority.port().is_some() == port.is_some();
    is_whole.then(|| (name.to_ascii_lowercase(), port))
}

/// Returns whether the value of a `Host` header is a name of loopback, with any port or none. Allocates nothing.
pub fn is_loopback(host: &str) -> bool {
    let is_port =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

/// A host for a command that the user may paste. Text that is not a plain host becomes a placeholder.
pub fn for_pasting(host: &str) -> &str {
    match host.parse::<HostRule>() {
        Ok(rule) if !rule.is_any() && !host.starts_with(['-', '*']) => host,
        _ => "NAME",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_accepts_its_names_only() {
        for (rule, accepted, refused) in [
            (
                "app.test",
                &["app.test", "APP.test:81"][..],
                &["x.app.test", "app.test.evil", ""][..],
            ),
            (
                "app.test:81",
                &["app.test:81"],
                &["app.test", "app.test:80"],
            ),
            (
                "*.app.test",
                &["a.app.test", "a.b.app.test:9"],
                &["app.test", ".app.test", "evilapp.test", "u@a.app.test"],
            ),
            ("[fd00::1]", &["[fd00::1]:80"], &["[fd00::2]"]),
            ("*", &["anything", "a:1"], &[]),
        ] {
            let rule: HostRule = rule.parse().unwrap();
            for host in accepted {
                assert!(rule.accepts(host), "{rule} {host}");
            }
            for host in refused {
                assert!(!rule.accepts(host), "{rule} {host}");
            }
        }
    }

    #[test]
    fn text_that_is_not_a_host_is_refused() {
        for text in [
            "", "http://a", "a/b", "a b", "u@a", "a:", "a:99999", "**", "*a", "*.", "a.*.b",
            "a..b", "a;b",
        ] {
            assert!(text.parse::<HostRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_has_three_names_on_any_port() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:1",
            "LOCALHOST:65535",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.0.0.1:65536",
            "127.0.0.1:+1",
            "127.0.0.1.evil.test",
            "localhost.evil.test:80",
            "u@127.0.0.1",
            "::1",
            "127.1",
            "0.0.0.0",
            "localhost:80:80",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn only_a_plain_host_is_repeated_in_a_command() {
        for (host, shown) in [
            ("a.test:81", "a.test:81"),
            ("[fd00::1]", "[fd00::1]"),
            ("a;reboot", "NAME"),
            ("-x", "NAME"),
            ("*", "NAME"),
            ("a'b", "NAME"),
            ("", "NAME"),
        ] {
            assert_eq!(for_pasting(host), shown, "{host}");
        }
    }
}
