//! An event as a command that sends it again: `curl`, quoted for a POSIX shell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, CONTENT_TYPE, EXPECT, USER_AGENT};
use http::{HeaderMap, Method};

/// curl asks for leave before it sends a longer body (`EXPECT_100_THRESHOLD` in its source), unless it is told not to.
const ASKS_ABOVE: usize = 1024 * 1024;
/// A shell's argument may not be longer (`MAX_ARG_STRLEN` of Linux is 128 KiB); built-in commands know no such limit.
const LONGEST_ARGUMENT: usize = 100 * 1024;

/// A request to write as a command.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a Method,
    pub url: &'a str,
    /// A Unix socket to connect to in place of the URL's host.
    pub socket: Option<&'a str>,
    /// Without those that curl makes itself (`host`, `content-length`).
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// How the body stands in the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// As text where it is text of a bearable length.
    Readable,
    /// In base64: nothing in the command but printable ASCII.
    Base64,
}

/// The command, without a line break at its end. It sends the same method, headers and bytes.
pub fn command(request: &Request<'_>, body: Body) -> String {
    let mut words = vec!["curl -sS -g --path-as-is".to_owned()];
    if request.method == Method::HEAD {
        words.push("--head".to_owned());
    } else {
        words.push(format!("-X {}", word(request.method.as_str().as_bytes())));
    }
    for (name, value) in request.headers {
        words.push(format!(
            "-H {}",
            word(&line(name.as_str(), value.as_bytes()))
        ));
    }
    for name in [ACCEPT, USER_AGENT, CONTENT_TYPE] {
        // A header without a value is one that curl leaves out.
        if !request.headers.contains_key(&name) {
            words.push(format!("-H '{name}:'"));
        }
    }
    if request.body.len() > ASKS_ABOVE {
        words.push(format!("-H '{EXPECT}:'"));
    }
    let before = data(request, body, &mut words);
    if let Some(socket) = request.socket {
        words.push(format!("--unix-socket {}", word(socket.as_bytes())));
    }
    words.push(word(request.url.as_bytes()));
    format!("{before}{}", words.join(" "))
}

/// Adds the body's words; returns what stands before the command where the body comes through a pipe.
fn data(request: &Request<'_>, body: Body, words: &mut Vec<String>) -> String {
    let has_none = [Method::GET, Method::HEAD].contains(request.method) && request.body.is_empty();
    if has_none {
        return String::new();
    }
    let readable = body == Body::Readable && request.body.len() <= LONGEST_ARGUMENT;
    let text = std::str::from_utf8(request.body).ok();
    let plain = |c: char| !c.is_control() || c == '\n' || c == '\t';
    match text.filter(|text| readable && text.chars().all(plain)) {
        Some(text) => {
            words.push(format!("--data-raw {}", quoted(text)));
            String::new()
        }
        None => {
            words.push("--data-binary @-".to_owned());
            format!("printf %s {} | base64 -d | ", STANDARD.encode(request.body))
        }
    }
}

fn line(name: &str, value: &[u8]) -> Vec<u8> {
    let mut line = name.as_bytes().to_vec();
    // curl takes `name:` for a wish to leave the header out, and `name;` for one without a value.
    line.extend_from_slice(if value.is_empty() { b";" } else { b": " });
    line.extend_from_slice(value);
    line
}

/// One word of the shell, whatever its bytes.
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

fn quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ODD, event};
    use super::*;

    fn written(body: &[u8], form: Body) -> String {
        let mut event = event(body);
        event.headers.remove("host");
        let request = Request {
            method: &event.method,
            url: "http://127.0.0.1:3000/hook?a=1&b=%20x",
            socket: None,
            headers: &event.headers,
            body: &event.body,
        };
        command(&request, form)
    }

    #[test]
    fn a_command_is_quoted_for_the_shell() {
        assert_eq!(
            written(b"it's", Body::Readable),
            "curl -sS -g --path-as-is -X PUT -H 'x-two: it'\\''s \"one\"' \
             -H \"$(printf '\\170\\055\\164\\167\\157\\072\\040\\377\\376')\" -H 'content-type: application/json' -H 'accept:' -H 'user-agent:' \
             --data-raw 'it'\\''s' 'http://127.0.0.1:3000/hook?a=1&b=%20x'"
        );
    }

    #[test]
    fn bytes_that_are_no_text_come_through_a_pipe() {
        let command = written(b"\xff\x00", Body::Readable);
        assert!(
            command.starts_with("printf %s /wA= | base64 -d | curl "),
            "{command}"
        );
        assert!(command.contains("--data-binary @-"), "{command}");
    }

    #[test]
    fn text_can_be_kept_from_the_terminal() {
        let command = written(ODD, Body::Base64);
        assert!(
            command.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{command}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_gives_back_each_word() {
        for bytes in [
            &b"a b"[..],
            b"it's",
            b"$(touch x) `y` \\ \"z\" !",
            b"\xff\xfe\x01",
            "Zoë".as_bytes(),
            b"-n",
        ] {
            let script = format!("printf %s {}", word(bytes));
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(output.stdout, bytes, "{script}");
        }
    }
}
