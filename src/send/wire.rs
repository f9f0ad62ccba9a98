//! A request as it goes over the wire, and as a `curl` command that sends the same bytes.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};

use crate::dial::{Call, peer_of};
use crate::grammar::target::Target;

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

/// A command for a POSIX shell that sends the request: the same headers, the same bytes.
pub fn curl(call: &Call) -> String {
    let mut command = String::new();
    let plain = std::str::from_utf8(&call.body)
        .ok()
        // A NUL cannot stand in an argument, and curl takes a leading `@` for the name of a file.
        .filter(|body| !body.contains('\0') && !body.starts_with('@'));
    if plain.is_none() {
        command.push_str(&format!("printf '{}' | ", octal(&call.body)));
    }
    command.push_str(&format!(
        "curl -sS -i --globoff --path-as-is -X {}",
        call.method
    ));
    if let Target::Unix(path) = &call.target {
        command.push_str(&format!(
            " --unix-socket {}",
            quote(&path.display().to_string())
        ));
    }
    command.push_str(&format!(" {}", quote(&url(call))));
    for line in header_lines(&call.headers) {
        command.push_str(&format!(" \\\n  -H {}", quote(&line)));
    }
    let data = plain.map_or_else(|| "@-".to_owned(), quote);
    command.push_str(&format!(" \\\n  --data-binary {data}"));
    command
}

/// Each header as curl wants it, then those that curl would add by itself, taken away.
fn header_lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> = headers
        .iter()
        .filter(|(name, _)| *name != CONTENT_LENGTH)
        .map(
            |(name, value)| match String::from_utf8_lossy(value.as_bytes()) {
                empty if empty.is_empty() => format!("{name};"),
                value => format!("{name}: {value}"),
            },
        )
        .collect();
    for name in [
        http::header::ACCEPT,
        http::header::EXPECT,
        CONTENT_TYPE,
        USER_AGENT,
    ] {
        if !headers.contains_key(&name) {
            lines.push(format!("{name}:"));
        }
    }
    lines
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

fn url(call: &Call) -> String {
    match &call.target {
        Target::Url(url) => url.to_string(),
        Target::Unix(_) => format!("http://localhost{}", path(call)),
    }
}

/// Quotes for a POSIX shell: everything stays as it is between single quotes but the single quote.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn octal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:03o}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderValue, Method};

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

    #[test]
    fn a_quote_is_quoted_and_an_empty_header_stays() {
        let command = curl(&call(b"it's"));
        assert!(command.contains(r"-H 'x-quote: it'\''s'"), "{command}");
        assert!(command.contains("-H 'x-empty;'"), "{command}");
        assert!(command.ends_with(r"--data-binary 'it'\''s'"), "{command}");
    }

    #[test]
    fn bytes_that_are_no_text_go_through_a_pipe() {
        let command = curl(&call(b"\xff\x00"));
        assert!(
            command.starts_with(r"printf '\377\000' | curl "),
            "{command}"
        );
        assert!(command.ends_with("--data-binary @-"), "{command}");
        assert!(curl(&call(b"@x")).starts_with("printf "));
    }
}
