//! Parses a line to send: `event json…`, `/namespace event json…`, with ` ?` at the end to request an acknowledgement.

use serde_json::value::RawValue;
use thiserror::Error;

use crate::json::is_json;

/// An event to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Typed<'a> {
    /// `None`: the first namespace.
    pub(super) namespace: Option<&'a str>,
    /// `["event",…]`.
    pub(super) payload: String,
    /// Whether the line requests an acknowledgement.
    pub(super) wants_ack: bool,
}

/// Why a line cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum TypedError {
    #[error("a line has the form `[/namespace] event [json…] [?]`")]
    NoEvent,
    #[error("`{text}` is not JSON")]
    NotJson { text: String },
}

/// Parses a line. A word that is not JSON is sent as a string. An argument that starts with a bracket or a quote must
/// be JSON.
pub(super) fn parse(line: &str) -> Result<Typed<'_>, TypedError> {
    let mut rest = line.trim();
    let wants_ack = rest.ends_with(" ?");
    if wants_ack {
        rest = rest[..rest.len() - 1].trim_end();
    }
    let mut namespace = None;
    if rest.starts_with('/') {
        let (name, after) = rest
            .split_once(char::is_whitespace)
            .ok_or(TypedError::NoEvent)?;
        (namespace, rest) = (Some(name), after.trim_start());
    }
    let mut payload = String::from("[");
    while !rest.is_empty() {
        if payload.len() > 1 {
            payload.push(',');
        }
        rest = argument(rest, &mut payload)?;
    }
    payload.push(']');
    match payload.as_bytes().get(1) {
        Some(b'"') if !payload.starts_with("[\"\"") => Ok(Typed {
            namespace,
            payload,
            wants_ack,
        }),
        _ => Err(TypedError::NoEvent),
    }
}

/// Appends the argument at the start of `text`, and returns the rest.
fn argument<'a>(text: &'a str, out: &mut String) -> Result<&'a str, TypedError> {
    let is_first = out.len() == 1;
    if text.starts_with(['{', '[', '"']) {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        let Some(Ok(value)) = values.next() else {
            let text = text.to_owned();
            return Err(TypedError::NotJson { text });
        };
        out.push_str(value.get());
        return Ok(text[values.byte_offset()..].trim_start());
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    // An event's name is always a string, even if it looks like a number.
    if is_json(word.as_bytes()) && !is_first {
        out.push_str(word);
    } else {
        out.push_str(&serde_json::to_string(word).expect("text is always JSON"));
    }
    Ok(rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_parsed_to_an_event_with_arguments() {
        for (line, namespace, payload, wants_ack) in [
            ("ping", None, r#"["ping"]"#, false),
            (
                "say hello 1.0 true",
                None,
                r#"["say","hello",1.0,true]"#,
                false,
            ),
            (
                r#"say {"a": [1 , 2]} "x y" ?"#,
                None,
                r#"["say",{"a": [1 , 2]},"x y"]"#,
                true,
            ),
            (r#""two words" null"#, None, r#"["two words",null]"#, false),
            (
                "/chat join room-1",
                Some("/chat"),
                r#"["join","room-1"]"#,
                false,
            ),
            ("42 ?", None, r#"["42"]"#, true),
            ("what?", None, r#"["what?"]"#, false),
        ] {
            let typed = parse(line).unwrap();
            assert_eq!(
                (typed.namespace, typed.payload.as_str(), typed.wants_ack),
                (namespace, payload, wants_ack),
                "{line}"
            );
        }
    }

    #[test]
    fn an_invalid_line_is_refused() {
        for line in ["", "  ", "/chat", "{\"a\":1}", "\"\" 1"] {
            assert_eq!(parse(line), Err(TypedError::NoEvent), "{line}");
        }
        assert_eq!(
            parse("say {\"a\":"),
            Err(TypedError::NotJson {
                text: "{\"a\":".to_owned()
            })
        );
    }
}
