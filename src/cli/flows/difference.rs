//! The difference between two flow documents, as lines of YAML.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::document::{FlowFileError, without_platform_fields};
use super::shown;
use crate::cli::Context;
use crate::error::CliError;
use crate::ui::{Format, Style, safe};

/// Unchanged lines shown around a change.
const CONTEXT_LINES: usize = 3;

/// A line of the difference, with its sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) style: Option<Style>,
    pub(super) text: String,
}

impl Line {
    /// Prints the line on stdout as text, or on stderr if stdout has JSON.
    pub(super) fn print(&self, cx: &Context) -> Result<(), CliError> {
        match (cx.ui.format(), self.style) {
            (Format::Text, Some(style)) => cx.ui.line(&cx.ui.paint(style, &self.text))?,
            (Format::Text, None) => cx.ui.line(&self.text)?,
            (Format::Json | Format::Raw, _) => cx.ui.status(&self.text),
        }
        Ok(())
    }
}

/// Whether applying `wanted` changes `present`. Ignores the fields that the platform adds, and `enabled` and `status` if `wanted`
/// does not have them.
pub(super) fn is_change(present: &Value, wanted: &Value) -> bool {
    comparable(present, wanted) != without_platform_fields(wanted)
}

fn comparable(present: &Value, wanted: &Value) -> Value {
    let mut present = without_platform_fields(present);
    if let Value::Object(map) = &mut present {
        for key in ["enabled", "status"] {
            if wanted.get(key).is_none() {
                map.remove(key);
            }
        }
    }
    present
}

/// Returns the difference as lines, with secrets masked.
pub(super) fn lines(present: &Value, wanted: &Value) -> Result<Vec<Line>, FlowFileError> {
    let old = shown::raw_yaml(&shown::masked(&comparable(present, wanted)))?;
    let new = shown::raw_yaml(&shown::masked(&without_platform_fields(wanted)))?;
    let diff = TextDiff::from_lines(&old, &new);
    let mut lines: Vec<Line> = Vec::new();
    for (number, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if number > 0 {
            lines.push(line(Some(Style::Dim), "…", ""));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = change.value().trim_end_matches('\n');
            lines.push(match change.tag() {
                ChangeTag::Equal => line(Some(Style::Dim), "  ", text),
                ChangeTag::Delete => line(Some(Style::Bad), "- ", text),
                ChangeTag::Insert => line(Some(Style::Good), "+ ", text),
            });
        }
    }
    if lines.is_empty() && is_change(present, wanted) {
        // Both secrets have the same mask.
        lines.push(line(Some(Style::Warn), "~ ", "a secret"));
    }
    Ok(lines)
}

fn line(style: Option<Style>, sign: &str, text: &str) -> Line {
    Line {
        style,
        text: format!("{sign}{}", safe(text)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_the_platform_adds_are_not_a_change() {
        let present =
            json!({"id": "automation-1", "name": "a", "enabled": false, "trigger": {"type": "x"}});
        let wanted = json!({"trigger": {"type": "x"}, "name": "a"});
        assert!(!is_change(&present, &wanted));
        assert_eq!(
            lines(&present, &json!({"name": "a", "trigger": {"type": "x"}})).unwrap(),
            []
        );
    }

    #[test]
    fn a_different_enabled_field_is_a_change() {
        assert!(is_change(
            &json!({"name": "a", "enabled": false}),
            &json!({"name": "a", "enabled": true})
        ));
    }

    #[test]
    fn changed_lines_have_a_sign() {
        let lines = lines(
            &json!({"name": "a", "when": "old"}),
            &json!({"name": "a", "when": "new"}),
        )
        .unwrap();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["  name: a", "- when: old", "+ when: new"]);
    }

    #[test]
    fn a_changed_secret_is_reported_but_not_shown() {
        let flow = |secret: &str| json!({"actions": [{"config": {"secret": secret}}]});
        let lines = lines(&flow("hunter2"), &flow("hunter3")).unwrap();
        assert_eq!(lines.len(), 1);
        assert!(lines.iter().all(|line| !line.text.contains("hunter")));
    }
}
