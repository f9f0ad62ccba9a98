//! Addresses at a message broker: `nats://HOST/SUBJECT`, `amqp://HOST/VHOST?queue=…`, `redis://HOST/DB?channel=…`.
//!
//! They are not valid as `http::Uri`: a NATS subject may contain `>`, and a URL may name several hosts.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::GrammarError;
use crate::secret::Secret;

/// The schemes of all brokers, in lower case. What they mean is in the tables of `source` and `sink`.
pub const SCHEMES: [&str; 9] = [
    "nats",
    "tls",
    "amqp",
    "amqps",
    "redis",
    "rediss",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
];

const EXPECTED: &str = "the address of a broker: SCHEME://HOST[:PORT][,HOST…]/PATH?name=value";
const NO_USER: &str =
    "the address of a broker: remove user and password (use --user and --password)";
const NO_PORT: &str = "the address of a broker: a port is a number from 1 to 65535";
const NO_CONTROL: &str = "the address of a broker: it contains a space or a control character";
const NO_ENCODING: &str =
    "the address of a broker: `%` must start a character in UTF-8, such as %20";
const TWICE: &str = "the address of a broker: a parameter is given twice";

/// What is escaped in a path: `>` and `*` are not, because they are usual in subjects.
const IN_PATH: AsciiSet = CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#');
/// What is escaped in a query.
const IN_QUERY: AsciiSet = CONTROLS.add(b' ').add(b'%').add(b'&').add(b'#').add(b'+');

/// Whether a URL scheme, in any letter case, is one of a broker.
pub fn is_scheme(scheme: &str) -> bool {
    SCHEMES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

/// An address at a broker.
///
/// Its text form ([`fmt::Display`]) can be parsed again and contains no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// In lower case, without `://`.
    pub scheme: String,
    /// Empty if the URL names no host: then the broker of the environment or of the running `evt dev` is meant.
    pub hosts: Vec<Host>,
    /// Without the first slash, decoded. `None` if there is no slash.
    pub path: Option<String>,
    /// Decoded, in order. Names are unique.
    pub query: Vec<(String, String)>,
    /// User and password. Only a URL from the environment has them.
    pub login: Option<BrokerLogin>,
}

/// A host, and its port if one is given. An IPv6 address has no brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    pub port: Option<u16>,
}

/// User and password. A NATS token is a user without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerLogin {
    pub user: String,
    pub password: Option<Secret>,
}

impl BrokerUrl {
    /// Parses an address that a user typed. User and password are refused, because other users of the machine can see them.
    ///
    /// # Errors
    /// Secrets in the text are masked.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let url = Self::parse_with_login(text)?;
        match (&url.login, text.find('@')) {
            (Some(_), at) => Err(GrammarError::new(text, NO_USER)
                .at_byte(at.unwrap_or_default())
                .masked()),
            (None, _) => Ok(url),
        }
    }

    /// Parses an address from the environment, which may contain user and password.
    ///
    /// # Errors
    /// Secrets in the text are masked.
    pub fn parse_with_login(text: &str) -> Result<Self, GrammarError> {
        parse(text).map_err(|(expected, at)| GrammarError::new(text, expected).at_byte(at).masked())
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(known, _)| known == name)?;
        Some(&pair.1)
    }

    /// Whether the connection is encrypted from its start, by the scheme's name.
    pub fn is_secure(&self) -> bool {
        let base = self.scheme.split('+').next().unwrap_or_default();
        matches!(base, "tls" | "amqps" | "rediss")
    }

    /// The broker without path and query, for messages and as the key of a connection.
    pub fn server(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        format!("{}://{}", self.scheme, hosts.join(","))
    }
}

/// The error is the expected form and the byte offset of the mistake.
fn parse(text: &str) -> Result<BrokerUrl, (&'static str, usize)> {
    if let Some(at) = text.find(|c: char| c.is_whitespace() || c.is_control()) {
        return Err((NO_CONTROL, at));
    }
    let (scheme, rest) = text.split_once("://").ok_or((EXPECTED, 0))?;
    let start = scheme.len() + 3;
    // The fragment means nothing to a broker, but `#` matches several words in a routing key.
    let (before, query) = match rest.split_once('?') {
        Some((before, query)) => (before, query),
        None => (rest, ""),
    };
    let (authority, path) = match before.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (before, None),
    };
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, authority),
    };
    let hosts_at = start + authority.len() - hosts.len();
    let path_at = start + authority.len() + 1;
    Ok(BrokerUrl {
        scheme: scheme.to_ascii_lowercase(),
        hosts: parse_hosts(hosts, hosts_at)?,
        path: path.map(|path| decoded(path, path_at)).transpose()?,
        query: parse_query(query, start + before.len() + 1)?,
        login: login.map(|login| parse_login(login, start)).transpose()?,
    })
}

fn parse_hosts(text: &str, at: usize) -> Result<Vec<Host>, (&'static str, usize)> {
    let mut hosts = Vec::new();
    let mut at = at;
    for host in text.split(',').filter(|_| !text.is_empty()) {
        hosts.push(parse_host(host, at)?);
        at += host.len() + 1;
    }
    Ok(hosts)
}

fn parse_host(text: &str, at: usize) -> Result<Host, (&'static str, usize)> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']').ok_or((EXPECTED, at))?;
            if name.parse::<std::net::Ipv6Addr>().is_err() {
                return Err((EXPECTED, at + 1));
            }
            (
                name,
                port.strip_prefix(':').or(port.is_empty().then_some("")),
            )
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, Some("")),
        },
    };
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if name.is_empty() || !name.chars().all(is_name) {
        return Err((EXPECTED, at));
    }
    let is_digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let port = match port {
        Some("") if !text.ends_with(':') => None,
        Some(port) if is_digits(port) => match port.parse() {
            Ok(0) | Err(_) => return Err((NO_PORT, at + text.len() - port.len())),
            Ok(port) => Some(port),
        },
        _ => return Err((NO_PORT, at + name.len())),
    };
    Ok(Host {
        name: name.to_owned(),
        port,
    })
}

fn parse_query(text: &str, at: usize) -> Result<Vec<(String, String)>, (&'static str, usize)> {
    let mut query: Vec<(String, String)> = Vec::new();
    let mut at = at;
    for pair in text.split('&') {
        if !pair.is_empty() {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name, at)?;
            if query.iter().any(|(known, _)| *known == name) {
                return Err((TWICE, at));
            }
            let value_at = at + pair.len() - value.len();
            query.push((name, decoded(value, value_at)?));
        }
        at += pair.len() + 1;
    }
    Ok(query)
}

fn parse_login(text: &str, at: usize) -> Result<BrokerLogin, (&'static str, usize)> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text, None),
    };
    Ok(BrokerLogin {
        user: decoded(user, at)?,
        password: match password {
            Some(password) => Some(Secret::new(decoded(password, at)?)),
            None => None,
        },
    })
}

fn decoded(text: &str, at: usize) -> Result<String, (&'static str, usize)> {
    let mut rest = text;
    while let Some(percent) = rest.find('%') {
        let digits = rest.as_bytes().get(percent + 1..percent + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err((NO_ENCODING, at + text.len() - rest.len() + percent));
        }
        rest = &rest[percent + 3..];
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err((NO_ENCODING, at)),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]", self.name)?,
            false => f.write_str(&self.name)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server())?;
        if let Some(path) = &self.path {
            write!(f, "/{}", utf8_percent_encode(path, &IN_PATH))?;
        }
        for (n, (name, value)) in self.query.iter().enumerate() {
            let sign = if n == 0 { '?' } else { '&' };
            let value = utf8_percent_encode(value, &IN_QUERY);
            write!(f, "{sign}{}={value}", utf8_percent_encode(name, &IN_QUERY))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_parsed_and_shown() {
        for (text, shown) in [
            (
                "nats://127.0.0.1:4222/events.>",
                "nats://127.0.0.1:4222/events.>",
            ),
            ("NATS://a,b:4223/x.*.y", "nats://a,b:4223/x.*.y"),
            ("nats:///events.>", "nats:///events.>"),
            ("nats://a", "nats://a"),
            (
                "amqp://a/%2Fprod?exchange=e&key=a.%23",
                "amqp://a//prod?exchange=e&key=a.%23",
            ),
            ("amqp://[::1]:5672/", "amqp://[::1]:5672/"),
            (
                "redis://a/0?channel=a%20b%26c",
                "redis://a/0?channel=a%20b%26c",
            ),
            (
                "redis+sentinel://a,b/main?stream=s",
                "redis+sentinel://a,b/main?stream=s",
            ),
        ] {
            let url = BrokerUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(url.to_string(), shown, "{text}");
            assert_eq!(BrokerUrl::parse(shown).as_ref(), Ok(&url), "{shown}");
        }
    }

    #[test]
    fn an_invalid_address_is_refused_with_the_position() {
        for (text, expected, at) in [
            ("nats", EXPECTED, 0),
            ("nats://a b/x", NO_CONTROL, 8),
            ("nats://a:0/x", NO_PORT, 9),
            ("nats://a:70000/x", NO_PORT, 9),
            ("nats://a:/x", NO_PORT, 9),
            ("nats://a,/x", EXPECTED, 9),
            ("nats://[::x]/x", EXPECTED, 8),
            ("nats://a;b/x", EXPECTED, 7),
            ("nats://a/%", NO_ENCODING, 9),
            ("nats://a/%ff", NO_ENCODING, 9),
            ("redis://a/?channel=a&channel=b", TWICE, 21),
            ("amqp://guest:guest@a/", NO_USER, 18),
        ] {
            let error = BrokerUrl::parse(text).expect_err(text);
            assert_eq!((error.expected, error.at), (expected, Some(at)), "{text}");
        }
    }

    #[test]
    fn a_login_comes_only_from_the_environment_and_is_never_shown() {
        let url = BrokerUrl::parse_with_login("amqp://evt:p%40ss@a:5672/v").unwrap();
        let login = url.login.clone().unwrap();
        assert_eq!(login.user, "evt");
        assert_eq!(login.password.unwrap().reveal(), "p@ss");
        assert_eq!(url.to_string(), "amqp://a:5672/v");
        let error = BrokerUrl::parse("amqp://evt:hunter2@a/v").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_parameter_is_found_by_its_name() {
        let url = BrokerUrl::parse("redis://a/0?pattern=a.*&room=").unwrap();
        assert_eq!(url.parameter("pattern"), Some("a.*"));
        assert_eq!(url.parameter("room"), Some(""));
        assert_eq!(url.parameter("channel"), None);
    }
}
