//! What to follow: a stream's id, an `http(s)`, `ws(s)` or `socketio+http(s)` URL, or a short local target.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::GrammarError;
use super::target::Target;
use crate::secret;

const EXPECTED: &str =
    "a stream: an id, or an http, https, ws, wss, socketio+http or socketio+https URL";
const NO_USER: &str = "a stream: a user and password do not belong in it (use -H or --auth)";

/// A stream to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// An AI stream of the profile's platform, by its id.
    Agent(String),
    /// Server-sent events, or lines of JSON, as the server answers.
    Http(Uri),
    /// `ws` or `wss`.
    WebSocket(Uri),
    SocketIo {
        /// `http` or `https`, without a path of its own.
        url: Uri,
        /// `/` where the URL names none.
        namespace: String,
    },
}

impl FromStr for Stream {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |expected, at| GrammarError::new(text, expected).at_byte(at);
        if text.is_empty() {
            return Err(GrammarError::new(text, EXPECTED));
        }
        if let Some(at) = text.find(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong(EXPECTED, at));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return short(text);
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some(at) = authority.find('@') {
            return Err(wrong(NO_USER, scheme.len() + 3 + at));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let uri = |scheme: &str, rest: &str| -> Result<Uri, GrammarError> {
            format!("{scheme}://{rest}")
                .parse()
                .map_err(|_| wrong(EXPECTED, 0))
        };
        match scheme.to_ascii_lowercase().as_str() {
            scheme @ ("http" | "https") => Ok(Self::Http(uri(scheme, rest)?)),
            scheme @ ("ws" | "wss") => Ok(Self::WebSocket(uri(scheme, rest)?)),
            "socketio+http" => socketio(uri("http", rest)?).ok_or_else(|| wrong(EXPECTED, 0)),
            "socketio+https" => socketio(uri("https", rest)?).ok_or_else(|| wrong(EXPECTED, 0)),
            _ => Err(wrong(EXPECTED, 0)),
        }
    }
}

/// The path names the namespace; the query stays with the server.
fn socketio(uri: Uri) -> Option<Stream> {
    let namespace = uri.path().to_owned();
    let mut parts = uri.clone().into_parts();
    let path = match uri.query() {
        Some(query) => format!("/?{query}"),
        None => "/".to_owned(),
    };
    parts.path_and_query = path.parse().ok();
    let url = Uri::from_parts(parts).ok()?;
    Some(Stream::SocketIo { url, namespace })
}

/// `:4870/feed` and `host:port/feed` are local targets; what has neither colon nor slash is an id.
fn short(text: &str) -> Result<Stream, GrammarError> {
    if !text.contains([':', '/']) {
        return Ok(Stream::Agent(text.to_owned()));
    }
    match text.parse() {
        Ok(Target::Url(url)) => Ok(Stream::Http(url)),
        _ => Err(GrammarError::new(text, EXPECTED)),
    }
}

/// Secrets in the query are masked, as [`secret::shown`] does it.
impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => f.write_str(id),
            Self::Http(url) | Self::WebSocket(url) => f.write_str(&secret::shown(url)),
            Self::SocketIo { url, namespace } => {
                let shown = secret::shown(url);
                let (server, query) = match shown.split_once('?') {
                    Some((server, query)) => (server, Some(query)),
                    None => (shown.as_str(), None),
                };
                let server = server.trim_end_matches('/');
                write!(f, "socketio+{server}{namespace}")?;
                query.map_or(Ok(()), |query| write!(f, "?{query}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_shown_again() {
        for (text, shown) in [
            ("strm_01HX", "strm_01HX"),
            ("https://a.test/x?y=1#z", "https://a.test/x?y=1"),
            ("HTTP://a.test", "http://a.test/"),
            (":4870/feed", "http://127.0.0.1:4870/feed"),
            ("localhost:3000/sse", "http://localhost:3000/sse"),
            ("ws://a.test/s", "ws://a.test/s"),
            ("ws://a.test/s?token=t0p&a=1", "ws://a.test/s?token=…&a=1"),
            (
                "socketio+http://a.test/n?key=t0p",
                "socketio+http://a.test/n?key=…",
            ),
            ("wss://[::1]:9/s", "wss://[::1]:9/s"),
            (
                "socketio+http://a.test:3000/chat",
                "socketio+http://a.test:3000/chat",
            ),
            ("socketio+https://a.test", "socketio+https://a.test/"),
            (
                "socketio+http://a.test/n?k=v",
                "socketio+http://a.test/n?k=v",
            ),
        ] {
            let stream: Stream = text
                .parse()
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(stream.to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_stream_is_refused_with_its_place() {
        for (text, at) in [
            ("", None),
            ("a b", Some(1)),
            ("ftp://a.test", Some(0)),
            ("https://u:p@a.test", Some(11)),
            ("ws://", Some(0)),
        ] {
            let error = text.parse::<Stream>().unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
        }
    }
}
