//! Writes a flow as a Mermaid flowchart: <https://mermaid.js.org/syntax/flowchart.html>

use std::fmt::Write;

use super::chart::{Chart, Step};
use super::draw::title;
use crate::ui::safe;

/// The flowchart, without a final newline.
///
/// Nodes are named by position (`t1`, `s1`), because a name such as `end` is a word of Mermaid.
pub(super) fn flowchart(chart: &Chart) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    let reached = chart.reached();
    for (index, trigger) in chart.triggers.iter().enumerate() {
        let mut texts = trigger.clone();
        texts.extend(chart.conditions.iter().cloned());
        lines.push(format!("t{}([{}])", index + 1, label(&texts)));
    }
    if chart.triggers.is_empty() {
        lines.push(format!(
            "t1([{}])",
            label(&["no trigger, runs by hand".to_owned()])
        ));
    }
    for (index, step) in chart.steps.iter().enumerate() {
        let mut texts = vec![title(step, index)];
        texts.extend(step.facts.iter().cloned());
        if !reached[index] {
            texts.push("never reached".to_owned());
        }
        let label = label(&texts);
        lines.push(match step.kind.as_str() {
            "condition" => format!("s{}{{{label}}}", index + 1),
            "end" => format!("s{}(({label}))", index + 1),
            _ => format!("s{}[{label}]", index + 1),
        });
    }
    let starts = 1..=chart.triggers.len().max(1);
    lines.extend(starts.map(|trigger| format!("t{trigger} --> s1")));
    for (index, step) in chart.steps.iter().enumerate() {
        lines.extend(links(step, index));
    }
    if lines.iter().any(|line| line.ends_with(" stop")) {
        lines.insert(1, format!("stop(({}))", label(&["end".to_owned()])));
    }
    lines.join("\n    ")
}

fn links(step: &Step, index: usize) -> Vec<String> {
    let from = index + 1;
    let to = |next: Option<usize>| {
        next.map_or_else(|| "stop".to_owned(), |next| format!("s{}", next + 1))
    };
    let named =
        |text: &str, next| format!("s{from} -->|{}| {}", label(&[text.to_owned()]), to(next));
    if step.kind == "end" {
        return Vec::new();
    }
    match (&step.ends, step.otherwise) {
        (_, Some(otherwise)) => vec![named("true", step.next), named("false", otherwise)],
        (Some([event, limit]), _) => vec![
            named(event, step.next),
            named(&format!("after {limit}"), step.next),
        ],
        (None, None) => vec![format!("s{from} --> {}", to(step.next))],
    }
}

/// A quoted label with one line for each text. ASCII punctuation is written as a character code, because Mermaid reads labels as
/// HTML and Markdown.
fn label(texts: &[String]) -> String {
    let mut label = String::from("\"");
    for (position, text) in texts.iter().enumerate() {
        if position > 0 {
            label.push_str("<br/>");
        }
        for character in safe(text).chars() {
            let is_plain = !character.is_ascii()
                || character.is_ascii_alphanumeric()
                || " .,:/-_=()".contains(character);
            // Writing to a String cannot fail.
            let _ = match is_plain {
                true => write!(label, "{character}"),
                false => write!(label, "#{};", u32::from(character)),
            };
        }
    }
    label.push('"');
    label
}
