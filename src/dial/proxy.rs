//! Which proxy a connection uses: the variables of the environment, and `--proxy`. The rules are those of curl.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::address::{bare, is_this_machine, literal};
use crate::secret::Secret;

/// The proxies by the scheme of the target, and the hosts that are reached without one.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Result<Proxy, ProxyError>>,
    https: Option<Result<Proxy, ProxyError>>,
    direct: Vec<Rule>,
    /// Entries of `NO_PROXY` that are not valid.
    ignored: Vec<String>,
}

/// One proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub(super) kind: Kind,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) login: Option<(String, Secret)>,
    /// The variable or flag that names it.
    pub(super) origin: String,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Http,
    Https,
    /// SOCKS 5; evt resolves names.
    Socks5,
    /// SOCKS 5; the proxy resolves names.
    Socks5h,
}

/// A proxy URL that cannot be used. The URL is not in the text, because it may contain a password.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the proxy in {origin} is invalid: {reason}")]
pub struct ProxyError {
    /// The variable or flag.
    pub origin: String,
    pub reason: &'static str,
}

/// An entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    All,
    /// The host and all hosts below it.
    Name(String, Option<u16>),
    Network(IpAddr, u8, Option<u16>),
}

const SCHEMES: [(&str, Kind, u16); 4] = [
    ("http", Kind::Http, 80),
    ("https", Kind::Https, 443),
    ("socks5", Kind::Socks5, 1080),
    ("socks5h", Kind::Socks5h, 1080),
];

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`; `get` returns a variable that is not empty. The name in lower
    /// case wins. An invalid URL is reported when a connection needs it.
    pub fn of_variables<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        // A CGI script gets the header `Proxy` of its client in HTTP_PROXY (httpoxy.org).
        let is_cgi = get("REQUEST_METHOD").is_some();
        let find = |lower: &str, upper: &str| {
            [lower, upper]
                .into_iter()
                .filter(|name| !(is_cgi && *name == "HTTP_PROXY"))
                .find_map(|name| Some((name.to_owned(), get(name)?)))
        };
        let all = find("all_proxy", "ALL_PROXY");
        let of = |lower, upper| {
            let (origin, url) = find(lower, upper).or_else(|| all.clone())?;
            Some(Proxy::parse(url, &origin))
        };
        let list = find("no_proxy", "NO_PROXY").map_or("", |(_, list)| list);
        let entries = list
            .split([',', ' ', '\t'])
            .filter(|entry| !entry.is_empty());
        let (direct, ignored): (Vec<_>, Vec<_>) = entries
            .map(|entry| (entry, rule(entry)))
            .partition(|(_, rule)| rule.is_some());
        Self {
            http: of("http_proxy", "HTTP_PROXY"),
            https: of("https_proxy", "HTTPS_PROXY"),
            direct: direct.into_iter().filter_map(|(_, rule)| rule).collect(),
            ignored: ignored
                .into_iter()
                .map(|(entry, _)| entry.to_owned())
                .collect(),
        }
    }

    /// Uses one proxy for all connections, or none, instead of those of the variables. `NO_PROXY` still applies.
    #[must_use]
    pub fn replaced_by(self, proxy: Option<Proxy>) -> Self {
        let proxy = proxy.map(Ok);
        Self {
            http: proxy.clone(),
            https: proxy,
            ..self
        }
    }

    /// Whether every connection is direct.
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The proxy for a target; `None` for a direct connection. This machine is always reached directly.
    ///
    /// # Errors
    /// The proxy's URL is invalid.
    pub fn find(&self, secure: bool, host: &str, port: u16) -> Result<Option<&Proxy>, &ProxyError> {
        let proxy = if secure { &self.https } else { &self.http };
        match proxy {
            Some(proxy) if !is_this_machine(host) && !self.is_direct(host, port) => {
                proxy.as_ref().map(Some)
            }
            _ => Ok(None),
        }
    }

    fn is_direct(&self, host: &str, port: u16) -> bool {
        let address = literal(host);
        let name = bare(host);
        self.direct
            .iter()
            .any(|rule| rule.matches(name, address, port))
    }

    /// The entries of `NO_PROXY` that match nothing because they are not valid.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Each proxy that is set, with the scheme of its targets.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, Result<&Proxy, &ProxyError>)> {
        [("http", &self.http), ("https", &self.https)]
            .into_iter()
            .filter_map(|(scheme, proxy)| Some((scheme, proxy.as_ref()?.as_ref())))
    }
}

impl Proxy {
    /// Parses the URL of a proxy. Without a scheme it is `http`.
    ///
    /// # Errors
    /// The URL is invalid; `origin` names where it is from.
    pub fn parse(url: &str, origin: &str) -> Result<Self, ProxyError> {
        let error = |reason| ProxyError {
            origin: origin.to_owned(),
            reason,
        };
        let url = url.trim();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let known = SCHEMES
            .into_iter()
            .find(|(name, ..)| scheme.eq_ignore_ascii_case(name));
        let (_, kind, default) =
            known.ok_or_else(|| error("use http://, https://, socks5:// or socks5h://"))?;
        // A password may contain unescaped characters, also the ones that end an authority.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = host_and_port(authority).ok_or_else(|| error("the port is invalid"))?;
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(error("it has no valid host"));
        }
        let decoded = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| error("the user or the password is not UTF-8"))
        };
        let login = match login {
            Some(login) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                Some((decoded(user)?, Secret::new(decoded(password)?)))
            }
            None => None,
        };
        if matches!(kind, Kind::Socks5 | Kind::Socks5h)
            && let Some((user, password)) = &login
            && (user.len() > 255 || password.reveal().len() > 255)
        {
            return Err(error(
                "SOCKS allows 255 bytes for the user and for the password",
            ));
        }
        Ok(Self {
            kind,
            host: host.to_owned(),
            port: port.unwrap_or(default),
            login,
            origin: origin.to_owned(),
        })
    }

    /// The proxy for messages: `http://proxy.test:3128`, without credentials.
    pub fn shown(&self) -> String {
        let scheme = SCHEMES
            .into_iter()
            .find(|(_, kind, _)| *kind == self.kind)
            .map_or("http", |(name, ..)| name);
        format!("{scheme}://{}", authority(&self.host, self.port))
    }

    /// The variable or flag that names the proxy.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        authority(&self.host, self.port)
    }

    /// Whether plain HTTP requests name the whole URL in the request line, instead of using a tunnel.
    pub(super) fn forwards_plain(&self) -> bool {
        matches!(self.kind, Kind::Http | Kind::Https)
    }

    /// The value of `proxy-authorization`, if the URL has credentials.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.login.as_ref()?;
        let text = STANDARD.encode(format!("{user}:{}", password.reveal()));
        let mut value = HeaderValue::try_from(format!("Basic {text}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// `host:port`, with brackets for IPv6.
pub(super) fn authority(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// Splits `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare IPv6 address. `None` if the port is invalid.
fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None if rest.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Some((text, None)),
        Some((host, "")) => Some((host, None)),
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((text, None)),
    }
}

/// An entry of `NO_PROXY`; `None` if it is not valid.
fn rule(entry: &str) -> Option<Rule> {
    if entry == "*" {
        return Some(Rule::All);
    }
    if let Some((address, prefix)) = entry.split_once('/') {
        let (address, prefix): (IpAddr, u8) = (bare(address).parse().ok()?, prefix.parse().ok()?);
        let longest = if address.is_ipv4() { 32 } else { 128 };
        return (prefix <= longest).then_some(Rule::Network(address, prefix, None));
    }
    let (host, port) = host_and_port(entry)?;
    let name = host.strip_prefix("*.").unwrap_or(host);
    let name = bare(name.strip_prefix('.').unwrap_or(name));
    match literal(name) {
        Some(address) => {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            Some(Rule::Network(address, whole, port))
        }
        None if name.is_empty() => None,
        None => Some(Rule::Name(name.to_ascii_lowercase(), port)),
    }
}

impl Rule {
    fn matches(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let is_port = |own: &Option<u16>| own.is_none_or(|own| own == port);
        match self {
            Self::All => true,
            Self::Network(network, prefix, own) => {
                is_port(own) && address.is_some_and(|address| contains(*network, *prefix, address))
            }
            Self::Name(name, own) => {
                let start = host.len().checked_sub(name.len());
                let end = start.and_then(|start| host.get(start..));
                is_port(own)
                    && end.is_some_and(|end| end.eq_ignore_ascii_case(name))
                    && (host.len() == name.len() || host[..host.len() - name.len()].ends_with('.'))
            }
        }
    }
}

fn contains(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    let shared = |one: u128, other: u128, bits: u8| {
        prefix == 0 || (one ^ other) >> (bits - prefix.min(bits)) == 0
    };
    match (network, address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            shared(u32::from(one).into(), u32::from(other).into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => shared(one.into(), other.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let find = |name: &str| {
            let found = variables.iter().find(|(own, _)| *own == name);
            found
                .map(|(_, value)| *value)
                .filter(|value| !value.is_empty())
        };
        Proxies::of_variables(find)
    }

    /// The origin of the proxy for a target.
    fn origin(variables: &[(&str, &str)], secure: bool) -> Option<String> {
        let proxies = proxies(variables);
        let found = proxies.find(secure, "a.test", 80).unwrap();
        found.map(|proxy| proxy.origin.clone())
    }

    #[test]
    fn each_scheme_has_its_variable_and_lower_case_wins() {
        let all = [
            ("http_proxy", "p1"),
            ("HTTP_PROXY", "p2"),
            ("HTTPS_PROXY", "p3"),
            ("ALL_PROXY", "p4"),
        ];
        assert_eq!(origin(&all, false).as_deref(), Some("http_proxy"));
        assert_eq!(origin(&all, true).as_deref(), Some("HTTPS_PROXY"));
        assert_eq!(origin(&all[3..], true).as_deref(), Some("ALL_PROXY"));
        assert_eq!(origin(&all[..1], true), None);
        assert_eq!(
            origin(&[("http_proxy", ""), ("all_proxy", "")], false),
            None
        );
    }

    #[test]
    fn a_cgi_script_ignores_the_variable_that_its_client_controls() {
        let cgi = ("REQUEST_METHOD", "GET");
        assert_eq!(origin(&[cgi, ("HTTP_PROXY", "p")], false), None);
        let lower = origin(&[cgi, ("http_proxy", "p")], false);
        assert_eq!(lower.as_deref(), Some("http_proxy"));
    }

    #[test]
    fn this_machine_is_never_proxied() {
        let proxies = proxies(&[("ALL_PROXY", "http://p.test")]);
        for host in [
            "localhost",
            "127.0.0.1",
            "127.1",
            "[::1]",
            "x.localhost",
            "0.0.0.0",
        ] {
            assert_eq!(proxies.find(false, host, 80), Ok(None), "{host}");
            assert_eq!(proxies.find(true, host, 80), Ok(None), "{host}");
        }
        assert!(proxies.find(false, "10.0.0.1", 80).unwrap().is_some());
    }

    #[test]
    fn no_proxy_has_names_suffixes_ports_networks_and_a_star() {
        for (list, host, port, is_direct) in [
            ("a.test", "a.test", 80, true),
            ("a.test", "A.TEST.", 80, true),
            ("a.test", "b.a.test", 80, true),
            ("a.test", "ba.test", 80, false),
            (".a.test", "a.test", 80, true),
            (".a.test", "b.a.test", 80, true),
            ("*.a.test", "b.a.test", 80, true),
            ("a.test:8080", "a.test", 8080, true),
            ("a.test:8080", "a.test", 80, false),
            ("b.test, a.test", "a.test", 80, true),
            ("b.test a.test", "a.test", 80, true),
            ("*", "any.test", 1, true),
            ("10.0.0.0/8", "10.255.1.1", 80, true),
            ("10.0.0.0/8", "11.0.0.1", 80, false),
            ("10.0.0.0/8", "0x0a000001", 80, true),
            ("0.0.0.0/0", "8.8.8.8", 80, true),
            ("192.168.1.7", "192.168.1.7", 80, true),
            ("192.168.1.7", "192.168.1.8", 80, false),
            ("192.168.1.7:81", "192.168.1.7", 80, false),
            ("fd00::/8", "[fd12::1]", 80, true),
            ("fd00::/8", "[fe80::1]", 80, false),
            ("[fd12::1]:80", "[fd12::1]", 80, true),
            ("fd12::1", "[fd12::1]", 443, true),
            ("10.0.0.0/33", "10.0.0.1", 80, false),
            ("a.test:x", "a.test", 80, false),
            ("", "a.test", 80, false),
            (",, ,", "a.test", 80, false),
        ] {
            let proxies = proxies(&[("all_proxy", "http://p.test"), ("NO_PROXY", list)]);
            let found = proxies.find(false, host, port).unwrap();
            assert_eq!(found.is_none(), is_direct, "{list} {host}:{port}");
        }
    }

    #[test]
    fn a_proxy_url_has_defaults() {
        for (url, shown) in [
            ("proxy.test:3128", "http://proxy.test:3128"),
            ("proxy.test", "http://proxy.test:80"),
            ("HTTP://proxy.test/", "http://proxy.test:80"),
            ("https://proxy.test", "https://proxy.test:443"),
            ("socks5h://[::1]", "socks5h://[::1]:1080"),
            ("http://u:p@proxy.test:1", "http://proxy.test:1"),
            (" http://proxy.test:1 ", "http://proxy.test:1"),
        ] {
            assert_eq!(Proxy::parse(url, "X").unwrap().shown(), shown, "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded() {
        for (url, expected) in [
            ("http://ada:p%40ss@h", "ada:p@ss"),
            ("http://ada:p@ss/w#rd@h", "ada:p@ss/w#rd"),
            ("http://ada@h", "ada:"),
            ("http://a%3Ab:c@h", "a:b:c"),
        ] {
            let value = Proxy::parse(url, "X").unwrap().authorization().unwrap();
            let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
            let decoded = STANDARD.decode(encoded).unwrap();
            assert_eq!(String::from_utf8(decoded).unwrap(), expected, "{url}");
        }
        assert_eq!(Proxy::parse("http://h", "X").unwrap().authorization(), None);
    }

    #[test]
    fn an_invalid_proxy_is_reported_without_its_password() {
        for url in [
            "ftp://ada:hunter2@h",
            "socks4://ada:hunter2@h",
            "http://ada:hunter2@",
            "http://ada:hunter2@h:99999",
            "http://ada:hunter2@h:x",
            "http://ada:hunter2@[::1",
            "http://ada:hunter2@h\r\nX: y",
            "://hunter2",
            "",
        ] {
            let error = Proxy::parse(url, "HTTPS_PROXY").unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("HTTPS_PROXY"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn an_invalid_variable_matters_only_when_it_is_used() {
        let proxies = proxies(&[("https_proxy", "ftp://p")]);
        assert_eq!(proxies.find(false, "a.test", 80), Ok(None));
        assert_eq!(proxies.find(true, "localhost", 443), Ok(None));
        assert!(proxies.find(true, "a.test", 443).is_err());
    }
}
