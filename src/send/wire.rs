//! A request as it goes over the wire, and as a `curl` command that sends the same bytes.

use http::header::{CONTENT_LENGTH, HOST};

use crate::dial::{Call, peer_of};
use crate::grammar::target::Target;

pub use super::curl::curl;

/// The request byte for byte, as the dialer sends it.
pub fn raw(call: &Call) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", call.method, path(call)).into_bytes();
    let mut line = |name: &[u8], value: &[u8]| {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    for (name, value) in &call.headers {
        if name != CONTENT_LENGTH {
            line(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    if !call.headers.contains_key(HOST) {
        line(b"host", host(call).as_bytes());
    }
    line(b"content-length", call.body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&call.body);
    out
}

fn path(call: &Call) -> String {
    match &call.target {
        Target::Url(url) => url
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
        Target::Unix(_) => call.path.clone().unwrap_or_else(|| "/".to_owned()),
    }
}

fn host(call: &Call) -> String {
    match &call.target {
        Target::Url(_) => peer_of(&call.target),
        Target::Unix(_) => "localhost".to_owned(),
    }
}

/// The URL that is called; of a socket, as if it were this host.
pub fn url(call: &Call) -> String {
    match &call.target {
        Target::Url(url) => url.to_string(),
        Target::Unix(_) => format!("http://localhost{}", path(call)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    fn call(body: &'static [u8]) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert("x-empty", HeaderValue::from_static(""));
        headers.insert("x-quote", HeaderValue::from_static("it's"));
        Call {
            method: Method::POST,
            target: Target::Url(http::Uri::from_static("http://127.0.0.1:3000/hook?a=1")),
            path: None,
            headers,
            body: Bytes::from_static(body),
            timeout: Duration::from_secs(1),
            max_answer: 0,
        }
    }

    #[test]
    fn the_raw_request_has_its_length_last() {
        assert_eq!(
            String::from_utf8(raw(&call(b"hello"))).unwrap(),
            "POST /hook?a=1 HTTP/1.1\r\nx-empty: \r\nx-quote: it's\r\nhost: 127.0.0.1:3000\r\ncontent-length: 5\r\n\r\nhello"
        );
    }
}
