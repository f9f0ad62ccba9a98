//! A request as a command that sends it: `curl`, quoted for a POSIX shell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, USER_AGENT};

use super::wire;
use crate::dial::Call;
use crate::grammar::target::Target;
use crate::ui::steers_a_terminal;

/// A shell's argument may not be longer (`MAX_ARG_STRLEN` of Linux is 128 KiB); built-in commands know no such limit.
const LONGEST_ARGUMENT: usize = 100 * 1024;

/// A command for a POSIX shell that sends the request: the same method, the same headers, the same bytes.
///
/// Whatever the request holds, the command can be shown on a terminal. No line break at its end.
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
    words[0].push_str(&format!(" {}", word(wire::url(call).as_bytes())));
    for (name, value) in &call.headers {
        if name != CONTENT_LENGTH {
            let line = header_line(name.as_str(), value.as_bytes());
            words.push(format!("-H {}", word(&line)));
        }
    }
    for name in [ACCEPT, EXPECT, CONTENT_TYPE, USER_AGENT] {
        // A header without a value is one that curl leaves out.
        if !call.headers.contains_key(&name) {
            words.push(format!("-H '{name}:'"));
        }
    }
    let before = data(call, &mut words);
    format!("{before}{}", words.join(" \\\n  "))
}

/// Adds the body's words; returns what stands before the command where the body comes through a pipe.
fn data(call: &Call, words: &mut Vec<String>) -> String {
    if call.body.is_empty() && [Method::GET, Method::HEAD].contains(&call.method) {
        return String::new();
    }
    let fits = call.body.len() <= LONGEST_ARGUMENT && !steers_a_terminal(&call.body);
    match std::str::from_utf8(&call.body).ok().filter(|_| fits) {
        Some(text) => {
            // Unlike --data-binary, it does not take a leading `@` for the name of a file.
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
    // curl takes `name:` for a wish to leave the header out, and `name;` for one without a value.
    line.extend_from_slice(if value.is_empty() { b";" } else { b": " });
    line.extend_from_slice(value);
    line
}

/// One word of the shell, whatever its bytes; printable ASCII alone.
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

/// Everything stays as it is between single quotes but the single quote.
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
    fn bytes_that_a_terminal_must_not_see_come_through_a_pipe() {
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
            let shell = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            assert_eq!(shell.unwrap().stdout, bytes, "{script}");
        }
    }
}
