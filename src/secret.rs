//! A secret that is masked when it is printed.

use std::fmt;

use http::Uri;

/// Words in the names of headers and parameters whose values are credentials, in lower case.
pub const NAMES: [&str; 5] = ["token", "secret", "api-key", "apikey", "password"];

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
        || matches!(
            name.as_str(),
            "key" | "auth" | "authorization" | "jwt" | "sig" | "signature"
        )
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
