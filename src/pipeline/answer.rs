//! Reads the answer of an AI agent: its text, the tools it uses, its errors.
//!
//! Supported frames are those of the platform (`{"type":"chunk","content":…}`), of OpenAI (`choices[0].delta.content`,
//! `response.output_text.delta`) and of Anthropic (`delta.text`), or plain text.

use std::borrow::Cow;

use crate::envelope::Form;
use crate::json::{Kind, Raw};
use crate::source::Message;

/// What one message of an answer contains.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(Cow<'a, str>),
    /// The name of a tool that the agent uses.
    Tool(Cow<'a, str>),
    /// The answer ends with an error.
    Failed(Cow<'a, str>),
    /// Nothing to show.
    Other,
}

/// The end marker in OpenAI's streams.
const DONE: &str = "[DONE]";

pub(super) fn read<'a>(message: &Message<'a>, form: Form) -> Part<'a> {
    let Ok(text) = std::str::from_utf8(message.data) else {
        return Part::Other;
    };
    let is_error = message.name == Some("error");
    match form {
        Form::Json => frame(Raw::new(text), message.name),
        _ if text.trim() == DONE => Part::Other,
        _ if is_error => Part::Failed(Cow::Borrowed(text)),
        _ => Part::Text(Cow::Borrowed(text)),
    }
}

fn frame<'a>(frame: Raw<'a>, name: Option<&'a str>) -> Part<'a> {
    if frame.kind() == Some(Kind::String) {
        return frame.as_str().map_or(Part::Other, Part::Text);
    }
    let text = |path: &[&str]| at(frame, path).and_then(Raw::as_str);
    let kind = text(&["type"]).or_else(|| name.map(Cow::Borrowed));
    let kind = kind.as_deref().unwrap_or_default();
    let error = at(frame, &["error"]).filter(|error| !error.is_null());
    if kind == "error" || error.is_some() {
        return Part::Failed(why(frame, error));
    }
    if let Some(tool) = tool(frame, kind) {
        return Part::Tool(tool);
    }
    // These frames repeat the whole text of the answer, or contain what the agent passes to a tool.
    if matches!(kind, "end" | "done" | "start") || kind.starts_with("tool") {
        return Part::Other;
    }
    [
        &["content"][..],
        &["choices", "0", "delta", "content"],
        &["choices", "0", "text"],
        &["delta", "text"],
        &["delta"],
        &["text"],
    ]
    .into_iter()
    .find_map(text)
    .map_or(Part::Other, Part::Text)
}

fn at<'a>(frame: Raw<'a>, path: &[&str]) -> Option<Raw<'a>> {
    path.iter()
        .try_fold(frame, |value, name| match value.kind()? {
            Kind::Array => value.items().nth(name.parse().ok()?),
            _ => value.member(name),
        })
}

fn why<'a>(frame: Raw<'a>, error: Option<Raw<'a>>) -> Cow<'a, str> {
    [
        at(frame, &["error", "message"]),
        at(frame, &["message"]),
        error,
    ]
    .into_iter()
    .flatten()
    .map(Raw::plain)
    .next()
    .unwrap_or(Cow::Borrowed("the agent reported an error"))
}

fn tool<'a>(frame: Raw<'a>, kind: &str) -> Option<Cow<'a, str>> {
    let path: &[&str] = match kind {
        "tool-use" | "tool_use" | "tool-call" | "tool_call" => &["name"],
        "content_block_start" => &["content_block", "name"],
        _ => &[
            "choices",
            "0",
            "delta",
            "tool_calls",
            "0",
            "function",
            "name",
        ],
    };
    at(frame, path).and_then(Raw::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: Option<&'static str>, data: &'static str) -> Part<'static> {
        let message = Message {
            name,
            data: data.as_bytes(),
            ..Message::default()
        };
        let form = if crate::json::is_json(data.as_bytes()) {
            Form::Json
        } else {
            Form::Text
        };
        read(&message, form)
    }

    #[test]
    fn the_text_of_each_format_is_found() {
        for data in [
            r#"{"type":"chunk","content":"He"}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"He"}}]}"#,
            r#"{"type":"response.output_text.delta","delta":"He"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"He"}}"#,
            r#""\u0048e""#,
            "He",
        ] {
            assert_eq!(part(None, data), Part::Text("He".into()), "{data}");
        }
    }

    #[test]
    fn other_frames_have_no_text() {
        for data in [
            "[DONE]",
            r#"{"type":"end","content":"Hello"}"#,
            r#"{"type":"tool-result","content":"5"}"#,
            r#"{"type":"message_stop"}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"type":"ping"}"#,
            "[1]",
        ] {
            assert_eq!(part(None, data), Part::Other, "{data}");
        }
    }

    #[test]
    fn the_name_of_a_tool_is_found() {
        for data in [
            r#"{"type":"tool-use","name":"search","input":{}}"#,
            r#"{"type":"content_block_start","content_block":{"type":"tool_use","name":"search"}}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"search"}}]}}]}"#,
        ] {
            assert_eq!(part(None, data), Part::Tool("search".into()), "{data}");
        }
    }

    #[test]
    fn an_error_has_a_message() {
        for (name, data) in [
            (None, r#"{"type":"error","message":"overloaded"}"#),
            (
                None,
                r#"{"type":"error","error":{"type":"x","message":"overloaded"}}"#,
            ),
            (None, r#"{"error":"overloaded"}"#),
            (Some("error"), "overloaded"),
            (Some("error"), r#"{"message":"overloaded"}"#),
        ] {
            assert_eq!(
                part(name, data),
                Part::Failed("overloaded".into()),
                "{data}"
            );
        }
        assert_eq!(
            part(None, r#"{"error":null,"text":"x"}"#),
            Part::Text("x".into())
        );
    }
}
