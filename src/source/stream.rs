//! The address of a stream as the user types it, and what a transport's row in [`TRANSPORTS`] says.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use http::Uri;

use super::TRANSPORTS;
use crate::event::Transport;
use crate::grammar::GrammarError;
use crate::grammar::broker::BrokerUrl;
use crate::grammar::target::Target;
use crate::secret;

static EXPECTED: LazyLock<String> = LazyLock::new(|| {
    let schemes: Vec<&str> = TRANSPORTS
        .iter()
        .flat_map(|row| row.schemes)
        .copied()
        .collect();
    format!(
        "a stream: an id, or a URL with one of the schemes {}",
        schemes.join(", ")
    )
});
const NO_USER: &str = "a stream: a user and password do not belong in it (use -H or --auth)";

/// A transport that can be followed.
pub struct StreamTransport {
    /// Its word in records. Its name as a group of flags is the same.
    pub transport: Transport,
    /// Its name in messages.
    pub name: &'static str,
    /// URL schemes in lower case, without `://`.
    pub schemes: &'static [&'static str],
    /// Parses a URL with one of the schemes.
    pub parse: fn(&str) -> Result<StreamUrl, GrammarError>,
    /// What it promises about delivery, for the manual.
    pub guarantee: &'static str,
    /// Whether it has positions, from which another process can resume.
    pub is_resumable: bool,
    /// Why a stream of a resumable transport may have no position, for a warning.
    pub without_position: &'static str,
    /// Header of saved events for a message's id, if the transport has one.
    pub id_header: Option<&'static str>,
    /// Whether messages can be sent to the server.
    pub sends: bool,
    /// Whether the server is a message broker: it has logins and starting points, and no HTTP headers.
    pub is_broker: bool,
    /// Command lines for `evt tail --help`.
    pub examples: &'static [&'static str],
}

impl StreamTransport {
    /// The row with this URL scheme.
    pub fn with_scheme(scheme: &str) -> Option<&'static Self> {
        TRANSPORTS.iter().find(|row| row.schemes.contains(&scheme))
    }

    /// The row with this word.
    ///
    /// # Panics
    /// If the transport has no row.
    pub fn of(transport: Transport) -> &'static Self {
        let mut rows = TRANSPORTS.iter();
        let row = rows.find(|row| row.transport == transport);
        row.expect("each transport that is named in code has a row")
    }
}

/// A URL of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamUrl {
    /// In the form that the transport's source expects.
    pub url: String,
    /// Without secrets.
    pub shown: String,
}

/// A stream to follow.
#[derive(Clone)]
pub enum Stream {
    /// An AI stream of the profile's platform, by its id.
    Agent(String),
    Url(&'static StreamTransport, StreamUrl),
}

impl FromStr for Stream {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).map_err(GrammarError::masked)
    }
}

impl Stream {
    fn parse(text: &str) -> Result<Self, GrammarError> {
        let wrong = GrammarError::new(text, &EXPECTED);
        if text.is_empty() {
            return Err(wrong);
        }
        if let Some(at) = text.find(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong.at_byte(at));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return short(text);
        };
        let scheme = scheme.to_ascii_lowercase();
        let row = StreamTransport::with_scheme(&scheme).ok_or_else(|| wrong.at_byte(0))?;
        Ok(Self::Url(row, (row.parse)(&format!("{scheme}://{rest}"))?))
    }
}

/// Parses an HTTP-like URL. The fragment is removed.
pub(super) fn http_url(text: &str) -> Result<StreamUrl, GrammarError> {
    let wrong = |expected, at| GrammarError::new(text, expected).at_byte(at);
    let start = text.find("://").map_or(0, |end| end + 3);
    let authority = text[start..]
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    if let Some(at) = authority.find('@') {
        return Err(wrong(NO_USER, start + at));
    }
    // The library does not check the port. A password with a `?` would be accepted as one.
    let port = match authority.rfind(']') {
        Some(end) => authority[end..].split_once(':'),
        None => authority.split_once(':'),
    };
    if port.is_some_and(|(_, port)| !port.is_empty() && port.parse::<u16>().is_err()) {
        return Err(wrong(&EXPECTED, start));
    }
    let url = text.split('#').next().unwrap_or_default();
    let url: Uri = url.parse().map_err(|_| wrong(&EXPECTED, 0))?;
    Ok(StreamUrl {
        shown: secret::shown(&url),
        url: url.to_string(),
    })
}

/// Parses the address of a broker.
#[cfg_attr(
    not(any(feature = "nats", feature = "amqp", feature = "redis")),
    expect(dead_code)
)]
pub(super) fn broker_url(text: &str) -> Result<StreamUrl, GrammarError> {
    // Its text form has no credentials, so it can be shown.
    let url = BrokerUrl::parse(text)?.to_string();
    Ok(StreamUrl {
        shown: url.clone(),
        url,
    })
}

/// Parses `:4870/feed` and `host:port/feed` as local targets, and text without colon and slash as an id.
fn short(text: &str) -> Result<Stream, GrammarError> {
    if !text.contains([':', '/']) {
        return Ok(Stream::Agent(text.to_owned()));
    }
    match text.parse() {
        Ok(Target::Url(url)) => url.to_string().parse(),
        _ => Err(GrammarError::new(text, &EXPECTED)),
    }
}

/// The form that can be typed again, without secrets.
impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => f.write_str(id),
            Self::Url(_, url) => f.write_str(&url.shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_parsed_and_shown() {
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
    fn an_invalid_stream_is_refused_with_the_position_of_the_error() {
        for (text, at) in [
            ("", None),
            ("a b", Some(1)),
            ("ftp://a.test", Some(0)),
            ("https://u:p@a.test", Some(11)),
            ("ws://", Some(0)),
        ] {
            let error = text.parse::<Stream>().map(|_| ()).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
        }
    }

    #[test]
    fn an_invalid_scheme_lists_the_valid_ones() {
        let error = "ftp://a.test".parse::<Stream>().map(|_| ()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("http, https, ws, wss, socketio+http"),
            "{error}"
        );
    }

    #[test]
    fn a_scheme_belongs_to_one_transport() {
        let schemes: Vec<&str> = TRANSPORTS
            .iter()
            .flat_map(|row| row.schemes)
            .copied()
            .collect();
        for scheme in &schemes {
            let count = schemes.iter().filter(|other| other == &scheme).count();
            assert_eq!(count, 1, "{scheme}");
        }
    }
}
