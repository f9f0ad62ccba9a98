//! A request as bytes on the wire, and as a `curl` command for a POSIX shell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, USER_AGENT};

use crate::dial::{Call, peer_of};
use crate::grammar::target::Target;
use crate::ui::controls_a_terminal;

/// Longer bodies are piped into the command: Linux limits an argument to 128 KiB (`MAX_ARG_STRLEN`). Shell builtins have no limit.
const LONGEST_ARGUMENT: usize = 100 * 1024;

/// Returns the request byte for byte as the dialer sends it.
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

/// Returns the path and query of the request.
pub fn path(call: &Call) -> String {
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

/// Returns the URL of the request; for a Unix socket, a URL on localhost.
pub fn url(call: &Call) -> String {
    match &call.target {
        Target::Url(url) => url.to_string(),
        Target::Unix(_) => format!("http://localhost{}", path(call)),
    }
}

/// Returns a shell command that sends the same method, headers and bytes. It has no line break at its end.
///
/// The command contains no control characters, so it is safe to print on a terminal.
pub fn curl(call: &Call) -> String {
    let mut words = vec!["curl -sS -i --globoff --path-as-is".to_owned()];
    if call.method == Method::HEAD {
        words[0].push_str(" --head");
    } else {
        // An HTTP method may contain `$`, a backtick and `|`, so it is quoted like any other field.
        words[0].push_str(&format!(" -X {}", word(call.method.as_str().as_bytes())));
    }
    if let Target::Unix(path) = &call.target {
        let path = path.display().to_string();
        words[0].push_str(&format!(" --unix-socket {}", word(path.as_bytes())));
    }
    words[0].push_str(&format!(" {}", word(url(call).as_bytes())));
    for (name, value) in &call.headers {
        if name != CONTENT_LENGTH {
            let line = header_line(name.as_str(), value.as_bytes());
            words.push(format!("-H {}", word(&line)));
        }
    }
    for name in [ACCEPT, EXPECT, CONTENT_TYPE, USER_AGENT] {
        // `-H name:` stops curl from adding its own header.
        if !call.headers.contains_key(&name) {
            words.push(format!("-H '{name}:'"));
        }
    }
    let before = data(call, &mut words);
    format!("{before}{}", words.join(" \\\n  "))
}

/// Adds the arguments of the body. If the body is piped, returns the part of the command before the pipe.
fn data(call: &Call, words: &mut Vec<String>) -> String {
    if call.body.is_empty() && [Method::GET, Method::HEAD].contains(&call.method) {
        return String::new();
    }
    let fits = call.body.len() <= LONGEST_ARGUMENT && !controls_a_terminal(&call.body);
    match std::str::from_utf8(&call.body).ok().filter(|_| fits) {
        Some(text) => {
            // Unlike --data-binary, it does not read a file if the text starts with `@`.
            words.push(format!("--data-raw {}", quoted(text)));
            String::new()
        }
        None => {
            words.push("--data-binary @-".to_owned());
            format!("printf %s '{}' | base64 -d | ", STANDARD.encode(&call.body))
        }
    }
}

fn header_line(name: &str, value: &[u8]) -> Vec<u8> {
    let mut line = name.as_bytes().to_vec();
    // For curl, `name:` removes a header, and `name;` sends it without a value.
    line.extend_from_slice(if value.is_empty() { b";" } else { b": " });
    line.extend_from_slice(value);
    line
}

/// Quotes arbitrary bytes as one shell word of printable ASCII.
fn word(bytes: &[u8]) -> String {
    let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(printable) => quoted(text),
        _ => {
            let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
            format!("\"$(printf '{octal}')\"")
        }
    }
}

/// Quotes a text with single quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn call(body: &'static [u8]) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert("x-empty", HeaderValue::from_static(""));
        headers.insert("x-quote", HeaderValue::from_static("it's"));
        headers.insert("x-bytes", HeaderValue::from_bytes(b"\xff").unwrap());
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
    fn a_command_is_quoted_for_the_shell() {
        assert_eq!(
            curl(&call(b"@it's")),
            "curl -sS -i --globoff --path-as-is -X 'POST' 'http://127.0.0.1:3000/hook?a=1' \\\n  \
             -H 'x-empty;' \\\n  -H 'x-quote: it'\\''s' \\\n  -H \"$(printf '\\170\\055\\142\\171\\164\\145\\163\\072\\040\\377')\" \\\n  \
             -H 'accept:' \\\n  -H 'expect:' \\\n  -H 'content-type:' \\\n  -H 'user-agent:' \\\n  --data-raw '@it'\\''s'"
        );
    }

    #[test]
    fn a_body_that_is_not_safe_for_a_terminal_is_piped() {
        for body in [&b"\xff\x00"[..], b"\x1b[2J", "\u{202e}".as_bytes()] {
            let command = curl(&call(body));
            let pipe = format!("printf %s '{}' | base64 -d | curl ", STANDARD.encode(body));
            assert!(command.starts_with(&pipe), "{command}");
            assert!(command.ends_with("--data-binary @-"), "{command}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_hostile_method_is_one_argument_of_the_command() {
        let method = "A`id|tee$IFS.P`";
        let mut call = call(b"");
        call.method = Method::from_bytes(method.as_bytes()).unwrap();
        let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}\n{}", curl(&call));
        let shell = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let arguments = String::from_utf8_lossy(&shell.stdout).into_owned();
        let mut arguments = arguments.lines().skip_while(|argument| *argument != "-X");
        assert_eq!(arguments.nth(1), Some(method), "{script}");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_every_word_back() {
        for bytes in [
            &b"a b"[..],
            b"it's",
            b"$(touch x) `y` \\ \"z\" !",
            b"\xff\xfe\x01",
            "Zoë".as_bytes(),
            b"-n",
        ] {
            let script = format!("printf %s {}", word(bytes));
            let shell = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            assert_eq!(shell.unwrap().stdout, bytes, "{script}");
        }
    }

    #[test]
    fn the_raw_request_has_its_length_last() {
        assert_eq!(
            String::from_utf8_lossy(&raw(&call(b"hello"))),
            "POST /hook?a=1 HTTP/1.1\r\nx-empty: \r\nx-quote: it's\r\nx-bytes: \u{fffd}\r\nhost: 127.0.0.1:3000\r\ncontent-length: 5\r\n\r\nhello"
        );
    }
}
