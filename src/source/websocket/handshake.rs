//! The opening handshake (RFC 6455, 4.1), and redirects if they are allowed.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, LOCATION, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::super::{Notice, Outlet, SourceError, authorise};
use super::{WebSocketOptions, shown};
use crate::backoff;
use crate::dial::{Dialer, Opened, Opening, Upgrade, Upgraded, is_same_origin, resolve};
use crate::time::Timestamp;

/// After this many redirects the server is assumed to redirect in a loop.
const MAX_REDIRECTS: usize = 10;
/// How much of a refusal's body is read, and for how long.
const REFUSAL: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(1);

/// An open connection.
pub(in crate::source) struct Established {
    pub(in crate::source) upgraded: Upgraded,
    /// The URL after redirects.
    pub(in crate::source) url: Uri,
    pub(in crate::source) subprotocol: Option<String>,
}

enum Answer {
    Open(Upgraded, Option<String>),
    /// A redirect to follow.
    Redirect(Uri),
}

/// Opens a connection.
///
/// Cancel safe: dropping the future closes it.
pub(in crate::source) async fn open(
    options: &WebSocketOptions,
    dialer: &Dialer,
    outlet: &mut dyn Outlet,
) -> Result<Established, SourceError> {
    let authorisation = authorise(&options.credentials).await?;
    let mut headers = authorisation.headers;
    let mut url = options.url.clone();
    for _ in 0..=MAX_REDIRECTS {
        match attempt(&url, headers.clone(), options, dialer).await? {
            Answer::Open(upgraded, subprotocol) => {
                if subprotocol.is_none() && !options.subprotocols.is_empty() {
                    outlet.notice(Notice::Remark(
                        "the server chose none of the subprotocols offered with --subprotocol"
                            .to_owned(),
                    ));
                }
                return Ok(Established {
                    upgraded,
                    url,
                    subprotocol,
                });
            }
            Answer::Redirect(other) => {
                let mut remark = format!("{} redirects to {}", shown(&url), shown(&other));
                if !is_same_origin(&url, &other) {
                    // The headers are meant for the server that the user named.
                    headers = HeaderMap::new();
                    remark.push_str(", without the headers that you gave");
                }
                outlet.notice(Notice::Remark(remark));
                url = other;
            }
        }
    }
    Err(SourceError::Redirect {
        target: shown(&options.url),
        why: format!("more than {MAX_REDIRECTS} times"),
    })
}

async fn attempt(
    url: &Uri,
    mut headers: HeaderMap,
    options: &WebSocketOptions,
    dialer: &Dialer,
) -> Result<Answer, SourceError> {
    let key = generate_key();
    let broken = |why: &str| SourceError::Protocol {
        why: why.to_owned(),
    };
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, value(&key)?);
    if !options.subprotocols.is_empty() {
        let offered = value(&options.subprotocols.join(", "))?;
        headers.insert(SEC_WEBSOCKET_PROTOCOL, offered);
    }
    let offered = listed(&headers, SEC_WEBSOCKET_PROTOCOL);
    let opening = Opening {
        method: Method::GET,
        url: url.clone(),
        headers,
        body: Bytes::new(),
        timeout: options.connect_timeout,
    };
    match dialer.upgrade(opening).await? {
        Upgrade::Switched(upgraded) => {
            let subprotocol = check(&upgraded.headers, &key, &offered).map_err(broken)?;
            Ok(Answer::Open(upgraded, subprotocol))
        }
        Upgrade::Answered(answer)
            if matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) =>
        {
            redirect(url, &answer, options.follow_redirects).map(Answer::Redirect)
        }
        Upgrade::Answered(answer) => Err(refusal(url, answer).await),
    }
}

/// Converts text that the caller provided. An invalid value is reported like invalid credentials.
fn value(text: &str) -> Result<HeaderValue, SourceError> {
    HeaderValue::from_str(text).map_err(|_| {
        SourceError::Credentials(format!("`{text}` is not a valid subprotocol name").into())
    })
}

/// Checks the response as section 4.1 requires, and returns the subprotocol that the server chose. It may choose none
/// (4.2.2), although browsers then refuse the connection.
fn check(
    headers: &HeaderMap,
    key: &str,
    offered: &[String],
) -> Result<Option<String>, &'static str> {
    let names = |name, word: &str| {
        let listed = listed(headers, name);
        listed.iter().any(|value| value.eq_ignore_ascii_case(word))
    };
    if !names(UPGRADE, "websocket") || !names(CONNECTION, "upgrade") {
        return Err("the server switched to a protocol other than WebSocket");
    }
    let accept = headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err("the server's Sec-WebSocket-Accept does not match the handshake");
    }
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err("the server chose an extension that was not offered");
    }
    let mut chosen = listed(headers, SEC_WEBSOCKET_PROTOCOL).into_iter();
    match (chosen.next(), chosen.next()) {
        (None, _) => Ok(None),
        (Some(chosen), None) if offered.contains(&chosen) => Ok(Some(chosen)),
        (Some(_), _) => Err("the server chose a subprotocol that was not offered"),
    }
}

/// The items of a header that is a list. Values that are not text are skipped.
fn listed(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
        .collect()
}

/// Returns the target of a redirect, if it is to be followed.
fn redirect(url: &Uri, answer: &Opened, is_followed: bool) -> Result<Uri, SourceError> {
    let failure = |why: String| SourceError::Redirect {
        target: shown(url),
        why,
    };
    let location = answer.headers.get(LOCATION);
    let other = location
        .and_then(|location| resolve(url, location.as_bytes()))
        .and_then(as_websocket)
        .ok_or_else(|| failure("to a URL that is not a WebSocket's".to_owned()))?;
    if url.scheme_str() == Some("wss") && other.scheme_str() == Some("ws") {
        return Err(failure("from wss to ws".to_owned()));
    }
    if is_followed {
        return Ok(other);
    }
    Err(failure(format!("to {}; -L follows it", shown(&other))))
}

/// Servers redirect WebSockets to `http` URLs, which stand for `ws`.
fn as_websocket(url: Uri) -> Option<Uri> {
    let scheme = match url.scheme_str()? {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        _ => return None,
    };
    let mut parts = url.into_parts();
    parts.scheme = Some(Scheme::try_from(scheme).ok()?);
    Uri::from_parts(parts).ok()
}

async fn refusal(url: &Uri, mut answer: Opened) -> SourceError {
    let body = answer.start(REFUSAL, PATIENCE).await;
    let body = String::from_utf8_lossy(&body).into_owned();
    let target = shown(url);
    if answer.status == StatusCode::OK {
        let content_type = answer.headers.get(CONTENT_TYPE);
        return SourceError::NotAStream {
            target,
            content_type: content_type.map_or("no content type".to_owned(), |value| {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            }),
            body,
        };
    }
    let retry_after = answer.headers.get(RETRY_AFTER);
    SourceError::Refused {
        target,
        status: answer.status,
        body,
        retry_after: retry_after
            .and_then(|value| backoff::retry_after(value.as_bytes(), Timestamp::now())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn answer(more: &[(&'static str, &'static str)]) -> HeaderMap {
        let plain = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            // From RFC 6455, 1.3.
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in plain.iter().chain(more) {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_response_is_checked_by_section_4_1() {
        let offered = ["v2".to_owned(), "v1".to_owned()];
        let chosen = answer(&[("sec-websocket-protocol", "v1")]);
        assert_eq!(check(&chosen, KEY, &offered), Ok(Some("v1".to_owned())));
        assert_eq!(check(&answer(&[]), KEY, &[]), Ok(None));
        assert_eq!(check(&answer(&[]), KEY, &offered), Ok(None));
        for (headers, offered) in [
            (answer(&[("sec-websocket-protocol", "v3")]), &offered[..]),
            (
                answer(&[("sec-websocket-protocol", "v1, v2")]),
                &offered[..],
            ),
            (answer(&[("sec-websocket-protocol", "v1")]), &[]),
            (answer(&[("sec-websocket-extensions", "x")]), &[]),
            (answer(&[("sec-websocket-accept", "x")]), &[]),
            (answer(&[("upgrade", "h2c")]), &[]),
            (answer(&[("connection", "close")]), &[]),
        ] {
            assert!(check(&headers, KEY, offered).is_err(), "{headers:?}");
        }
    }

    #[test]
    fn a_redirect_to_http_means_websocket() {
        for (from, to) in [
            ("http://a.test/x?y", Some("ws://a.test/x?y")),
            ("https://a.test", Some("wss://a.test/")),
            ("wss://a.test", Some("wss://a.test/")),
            ("ftp://a.test", None),
        ] {
            let to = to.map(|to| to.parse::<Uri>().unwrap());
            assert_eq!(as_websocket(from.parse().unwrap()), to, "{from}");
        }
    }
}
