//! A secret that is masked when it is printed.

use std::fmt;

use http::Uri;

/// Words in the names of headers and parameters whose values are credentials, in lower case.
pub const NAMES: [&str; 9] = [
    "token",
    "secret",
    "api-key",
    "apikey",
    "api_key",
    "password",
    "passwd",
    "passphrase",
    "credential",
];

/// Returns whether a name, in lower case, is one of a secret.
pub fn is_named(name: &str) -> bool {
    NAMES.iter().any(|word| name.contains(word))
}

/// Formats a URL for messages and records: without user and password, and with masked secrets in the query.
pub fn shown(url: &Uri) -> String {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    let scheme = url.scheme_str().unwrap_or("http");
    let mut shown = format!("{scheme}://{host}{}", url.path());
    for (at, pair) in url
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .enumerate()
    {
        shown.push(if at == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret_parameter(name) => {
                shown.push_str(name);
                shown.push_str("=…");
            }
            _ => shown.push_str(pair),
        }
    }
    shown
}

/// Returns whether a query parameter is a credential: one of [`NAMES`], or another common name.
fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    is_named(&name)
        || name.ends_with("key")
        || name.ends_with("signature")
        || matches!(
            name.as_str(),
            "auth" | "authorization" | "code" | "jwt" | "pass" | "pwd" | "sig"
        )
}

/// Masks the secrets in the text of a URL that may be malformed: user and password, and the values of secret parameters.
///
/// Each character is replaced by one `*`, so that the position of a mistake stays the same.
pub fn masked_url(text: &str) -> String {
    let start = text
        .find("://")
        .map(|at| at + 3)
        .or(text.starts_with("//").then_some(2))
        .unwrap_or(0);
    let end = text[start..]
        .find(['/', '?', '#'])
        .unwrap_or(text.len() - start);
    let authority = &text[start..start + end];
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty();
    // A password may contain `/` or `?`, where the authority seems to end.
    let goes_on = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !is_port(port));
    let user = match authority.rfind('@') {
        Some(at) => at,
        None if goes_on => text[start..].rfind('@').unwrap_or(0),
        None => 0,
    };
    let mut masked = text[..start].to_owned();
    masked.extend(text[start..start + user].chars().map(|_| '*'));
    let rest = &text[start + user..];
    let query = rest.find(['?', '#']).unwrap_or(rest.len());
    masked.push_str(&rest[..query]);
    for part in rest[query..].split_inclusive(['?', '&', ';', '#']) {
        let pair = part.trim_end_matches(['?', '&', ';', '#']);
        match pair.split_once('=') {
            Some((name, value)) if is_secret_parameter(name) => {
                masked.push_str(name);
                masked.push('=');
                masked.extend(value.chars().map(|_| '*'));
            }
            _ => masked.push_str(pair),
        }
        masked.push_str(&part[pair.len()..]);
    }
    masked
}

/// Masks a header line that may be malformed. Only a valid name is repeated.
pub fn masked_header(text: &str) -> String {
    match text.split_once(':') {
        Some((name, _)) if name.trim().parse::<http::HeaderName>().is_ok() => format!("{name}: …"),
        _ => "…".to_owned(),
    }
}

/// A key, token or password. `Debug` and `Display` print a mask (`whsec_…9f2c`); only [`Secret::reveal`] returns the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_boxed_str())
    }

    /// Returns the text. Callers must not print or log it, and only store it in a file with mode 0600.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self
            .0
            .find('_')
            .filter(|end| *end <= 6)
            .map_or("", |end| &self.0[..=end]);
        // Four characters distinguish two secrets. For a short secret they would reveal too much.
        let tail = match self.0.char_indices().rev().nth(3) {
            Some((start, _)) if self.0.len() - prefix.len() >= 16 => &self.0[start..],
            _ => "",
        };
        write!(f, "{prefix}…{tail}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_a_secret_is_masked() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La9f2c");
        assert_eq!(secret.to_string(), "whsec_…9f2c");
        assert_eq!(format!("{secret:?}"), "Secret(whsec_…9f2c)");
        assert_eq!(Secret::new("hunter2").to_string(), "…");
        assert_eq!(Secret::new("ключ_öä").to_string(), "…");
    }

    #[test]
    fn a_malformed_url_is_masked_in_place() {
        for (text, expected) in [
            ("3000/x?a=1", "3000/x?a=1"),
            ("http://u:p@a.test/", "http://***@a.test/"),
            ("http://u:p/q@a.test/", "http://*****@a.test/"),
            ("u:p@a.test:80", "***@a.test:80"),
            ("http:/u:p@a.test", "*********@a.test"),
            ("//u:p@a.test", "//***@a.test"),
            ("http://u:ä@a.test x", "http://***@a.test x"),
            (
                "ftp://a.test/?token=t&x=1&API_KEY=k",
                "ftp://a.test/?token=*&x=1&API_KEY=*",
            ),
            (
                "http://a.test/x#access_token=t",
                "http://a.test/x#access_token=*",
            ),
            (
                "http://a.test/?mail=a@b.test",
                "http://a.test/?mail=a@b.test",
            ),
            ("", ""),
        ] {
            assert_eq!(masked_url(text), expected);
        }
    }

    #[test]
    fn of_a_malformed_header_only_a_valid_name_is_shown() {
        for (text, expected) in [
            ("Authorization Bearer x", "…"),
            ("Authorization Basic a:b", "…"),
            ("X-Key: a\u{0}", "X-Key: …"),
            (": x", "…"),
        ] {
            assert_eq!(masked_header(text), expected);
        }
    }

    #[test]
    fn a_formatted_url_contains_no_secrets() {
        for (url, expected) in [
            ("http://a.test:81/x?y=1&z", "http://a.test:81/x?y=1&z"),
            ("https://u:p@a.test/", "https://a.test/"),
            (
                "http://a.test/?Access_Token=abc&y=2",
                "http://a.test/?Access_Token=…&y=2",
            ),
            ("http://a.test/?a=1&key=abc", "http://a.test/?a=1&key=…"),
        ] {
            let url: Uri = url.parse().unwrap();
            assert_eq!(shown(&url), expected);
        }
    }
}
