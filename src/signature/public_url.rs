//! The URL that senders call, if a tunnel or proxy is in front of the listener. Some vendors sign it.

use std::str::FromStr;

use http::Uri;

use super::query;
use crate::grammar::GrammarError;

const EXPECTED: &str =
    "a URL, such as https://hooks.example.com, https://hooks.example.com/sms?a=1 or /sms=https://…";
/// The end of a URL whose path is before that of the request.
const BEFORE: &str = "/*";
/// Parameters that senders add to the query of the URL that is configured with them.
const ADDED: [&str; 1] = [super::twilio::BODY_HASH];

/// `https://host`, a whole URL, or `/path=URL` for the requests to one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// The path of the requests that it is for. `None`: all others.
    route: Option<String>,
    url: String,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Scheme and host. The path is that of the request.
    Origin,
    /// A path that a proxy removes: `https://host/prefix/*`.
    Before,
    /// The URL as it is configured with the sender.
    Whole,
}

impl FromStr for PublicUrl {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || GrammarError::new(text, EXPECTED).masked();
        let (route, url) = match text.split_once("=http") {
            Some((path, _)) if path.starts_with('/') => {
                (Some(path.to_owned()), &text[path.len() + 1..])
            }
            _ => (None, text),
        };
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        if !is_http || uri.host().is_none_or(str::is_empty) || url.contains('#') {
            return Err(bad());
        }
        let (form, url) = match url.strip_suffix(BEFORE) {
            Some(base) => (Form::Before, base),
            None if uri.path() == "/" && uri.query().is_none() => {
                (Form::Origin, url.trim_end_matches('/'))
            }
            None => (Form::Whole, url),
        };
        Ok(Self {
            route,
            url: url.to_owned(),
            form,
        })
    }
}

impl PublicUrl {
    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        let host = self.url.find("://").map_or(0, |at| at + 3);
        let end = self.url[host..].find(['/', '?']);
        end.map_or(&self.url, |end| &self.url[..host + end])
    }

    /// The URL that the sender called, given path and query of the request.
    pub fn of(&self, target: &str) -> String {
        let url = &self.url;
        let query = target.split_once('?').map(|(_, query)| query);
        match (self.form, query) {
            (Form::Origin | Form::Before, _) => format!("{url}{target}"),
            (Form::Whole, None) => url.clone(),
            (Form::Whole, Some(query)) if !url.contains('?') => format!("{url}?{query}"),
            (Form::Whole, Some(query)) => {
                let is_added = |pair: &&str| {
                    let name = pair.split('=').next().unwrap_or_default();
                    ADDED.contains(&name) && query::value(url, name).is_none()
                };
                let added = query.split('&').filter(is_added);
                added.fold(url.clone(), |url, pair| format!("{url}&{pair}"))
            }
        }
    }

    /// Whether it is for a request to this path; the longer its path, the more exact the match.
    fn fits(&self, path: &str) -> Option<usize> {
        let Some(route) = &self.route else {
            return Some(0);
        };
        let rest = path.strip_prefix(route.as_str())?;
        let is_inside = rest.is_empty() || rest.starts_with('/') || route.ends_with('/');
        is_inside.then_some(route.len())
    }
}

/// The public URLs of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicUrls(pub Vec<PublicUrl>);

impl PublicUrls {
    /// Scheme, host and port of each, under which the listener is reached.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(PublicUrl::origin)
    }

    /// The URL that the sender of this request called; `None` if no URL is configured for its path.
    pub fn of(&self, target: &str) -> Option<String> {
        let path = target.split('?').next().unwrap_or_default();
        let fitting = self.0.iter().filter_map(|url| Some((url.fits(path)?, url)));
        let (_, url) = fitting.max_by_key(|(length, _)| *length)?;
        Some(url.of(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, target: &str) -> String {
        url.parse::<PublicUrl>().unwrap().of(target)
    }

    #[test]
    fn an_origin_takes_path_and_query_from_the_request() {
        for url in ["https://a.test:8443", "https://a.test:8443/"] {
            assert_eq!(of(url, "/sms?x=1"), "https://a.test:8443/sms?x=1");
        }
        assert_eq!(
            of("https://a.test/in/*", "/sms?x=1"),
            "https://a.test/in/sms?x=1"
        );
    }

    #[test]
    fn a_url_with_a_path_is_the_whole_url() {
        assert_eq!(of("https://a.test/sms", "/hook"), "https://a.test/sms");
        assert_eq!(
            of("https://a.test/sms", "/hook?x=1"),
            "https://a.test/sms?x=1"
        );
        assert_eq!(
            of("https://a.test/sms/?y=a%20b", "/hook?x=1"),
            "https://a.test/sms/?y=a%20b"
        );
        assert_eq!(of("https://a.test?y=1", "/?y=1"), "https://a.test?y=1");
        assert_eq!(
            of("https://a.test/?y=1", "/?y=1&bodySHA256=ab"),
            "https://a.test/?y=1&bodySHA256=ab"
        );
    }

    #[test]
    fn the_longest_path_decides() {
        let urls = [
            "https://a.test",
            "/sms=https://b.test/x",
            "/sms/in=https://c.test",
        ];
        let urls = PublicUrls(urls.map(|url| url.parse().unwrap()).to_vec());
        assert_eq!(urls.of("/other").unwrap(), "https://a.test/other");
        assert_eq!(urls.of("/sms?y=1").unwrap(), "https://b.test/x?y=1");
        assert_eq!(urls.of("/sms/in").unwrap(), "https://c.test/sms/in");
        assert_eq!(urls.of("/smsx").unwrap(), "https://a.test/smsx");
        assert_eq!(PublicUrls::default().of("/"), None);
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "a.test",
            "ftp://a.test",
            "https://",
            "/sms",
            "https:///x",
            "https://a.test/#x",
            "https://a test",
            "x=https://a.test",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
        assert_eq!(
            "/sms=https://a.test/b?c=1"
                .parse::<PublicUrl>()
                .unwrap()
                .origin(),
            "https://a.test"
        );
    }
}
