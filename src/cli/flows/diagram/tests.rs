use proptest::prelude::*;
use serde_json::{Value, json};

use super::chart::Chart;
use super::{draw, mermaid};
use crate::ui::{Manner, Ui};

fn ui(unicode: bool) -> Ui {
    Ui::new(Manner {
        unicode,
        ..Manner::default()
    })
}

/// The diagram below the triggers.
fn drawn(steps: &Value, width: usize) -> String {
    let document = json!({"name": "f", "trigger": "contact.created", "steps": steps});
    let chart = Chart::of(&document).unwrap();
    draw::lines(&chart, &ui(true), width)[4..].join("\n")
}

fn flowchart(document: &Value) -> String {
    mermaid::flowchart(&Chart::of(document).unwrap())
}

fn tag(id: &str, next: &str) -> Value {
    json!({"id": id, "type": "add_tag", "nextStepId": next})
}

fn condition(id: &str, yes: &str, no: &str) -> Value {
    json!({"id": id, "type": "condition", "when": "a > 1", "config": {"trueStepId": yes, "falseStepId": no}})
}

#[test]
fn steps_in_order_are_a_line_to_the_end() {
    let steps = json!([
        {"type": "add_tag", "name": "Tag", "config": {"tag": "new"}},
        {"type": "delay", "config": {"duration": 3, "unit": "days"}},
    ]);
    assert_eq!(
        drawn(&steps, 80),
        "  ▼
┌────────────────┐
│ 1 add_tag  Tag │
│   tag new      │
└────────────────┘
  ▼
┌──────────┐
│ 2 delay  │
│   3 days │
└──────────┘
  ■ end"
    );
}

#[test]
fn branches_meet_at_the_step_after_both() {
    let steps = json!([
        condition("a", "b", "c"),
        tag("b", "d"),
        tag("c", "d"),
        {"id": "d", "type": "end"},
    ]);
    assert_eq!(
        drawn(&steps, 80),
        "  ▼
┌─────────────┐
│ 1 condition │
│   a > 1     │
└─────────────┘
  ├─ true
  │ ┌───────────┐
  │ │ 2 add_tag │
  │ └───────────┘
  ├───┘
  ├─ false
  │ ┌───────────┐
  │ │ 3 add_tag │
  │ └───────────┘
  ├───┘
  ▼
  ■ 4 end"
    );
}

#[test]
fn a_loop_refers_to_the_earlier_step_and_an_unreachable_step_is_listed() {
    let steps = json!([
        tag("a", "b"),
        condition("b", "a", "c"),
        tag("c", "d"),
        {"id": "d", "type": "end"},
        {"id": "lost", "type": "end"},
    ]);
    assert_eq!(
        drawn(&steps, 80),
        "  ▼
┌───────────┐
│ 1 add_tag │
└───────────┘
  ▼
┌─────────────┐
│ 2 condition │
│   a > 1     │
└─────────────┘
  ├─ true
  │   ↑ step 1
  │ false
  ▼
┌───────────┐
│ 3 add_tag │
└───────────┘
  ▼
  ■ 4 end

never reached
  5 end"
    );
}

#[test]
fn a_wait_for_an_event_shows_both_ends() {
    let steps =
        json!([{"type": "wait_for_event", "config": {"event": "order.paid", "timeout": "3d"}}]);
    let text = drawn(&steps, 80);
    assert!(
        text.contains("  │ on order.paid\n  │ or after 3d without it\n"),
        "{text}"
    );
    let without_limit = json!([{"type": "wait_for_reply", "config": {}}]);
    let text = drawn(&without_limit, 80);
    assert!(text.contains("or after 1w without it"), "{text}");
    let document = json!({"name": "f", "trigger": "contact.created", "steps": steps});
    let chart = flowchart(&document);
    assert!(
        chart.contains("s1 -->|\"order.paid\"| stop\n    s1 -->|\"after 3d\"| stop"),
        "{chart}"
    );
}

/// Hostile texts in every place of a document that is drawn.
fn hostile(text: &str) -> Value {
    json!({
        "name": text,
        "when": text,
        "trigger": {"type": text, "config": {"source": text}},
        "steps": [
            {"id": "end", "name": text, "type": text, "config": {"url": text, "tag": text}, "nextStepId": text},
            {"id": text, "type": "condition", "conditions": [{"field": text, "operator": text, "value": text}],
             "config": {"trueStepId": "end", "falseStepId": "w"}},
            {"id": "w", "type": "wait_for_event", "config": {"event": text, "timeout": text}},
        ],
    })
}

const HOSTILE: [&str; 8] = [
    "\"] --> x[\"",
    "a\nb\r\n end",
    "\u{1b}[2Jx\u{202e}y",
    "<script>alert(1)</script>",
    "#quot; &amp; %%{init: {}}%%",
    "`**bold**`",
    "|a| {b} ((c)) ; subgraph",
    "日本語 🦀 \\",
];

#[test]
fn names_are_escaped_and_wrapped_in_a_drawing() {
    let long = "words and-".repeat(40);
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        let chart = Chart::of(&hostile(text)).unwrap();
        for line in draw::lines(&chart, &ui(true), 60) {
            assert!(!crate::ui::controls_a_terminal(line.as_bytes()), "{line:?}");
            assert!(line.chars().count() <= 60, "{line:?}");
        }
    }
}

#[test]
fn a_flowchart_is_valid_whatever_names_contain() {
    for text in HOSTILE {
        check_syntax(&flowchart(&hostile(text)));
    }
}

#[test]
fn a_flowchart_has_a_node_for_each_step_and_an_edge_for_each_branch() {
    let document = json!({"name": "f", "trigger": "contact.created", "steps": [
        condition("end", "b", "c"),
        tag("b", "c"),
        {"id": "c", "type": "end"},
    ]});
    assert_eq!(
        flowchart(&document),
        "flowchart TD
    t1([\"contact.created\"])
    s1{\"1 condition<br/>a #62; 1\"}
    s2[\"2 add_tag\"]
    s3((\"3 end\"))
    t1 --> s1
    s1 -->|\"true\"| s2
    s1 -->|\"false\"| s3
    s2 --> s3"
    );
}

#[test]
fn a_link_to_a_missing_step_is_refused() {
    let document = json!({"name": "f", "trigger": "contact.created", "steps": [tag("a", "b")]});
    let error = Chart::of(&document).err().unwrap().to_string();
    assert!(error.contains("there is no step `b`"), "{error}");
}

/// Checks each line with the part of Mermaid's grammar that the flowchart uses. A label contains no character that ends it or that
/// Mermaid interprets, except character codes and `<br/>`.
fn check_syntax(text: &str) {
    let mut lines = text.split('\n');
    assert_eq!(lines.next(), Some("flowchart TD"));
    let id = |text: &str| {
        text == "stop"
            || text
                .strip_prefix(['s', 't'])
                .is_some_and(|n| n.parse::<u32>().is_ok())
    };
    let label = |text: &str| {
        let inner = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        inner.is_some_and(|inner| {
            inner
                .replace("<br/>", "")
                .split('#')
                .enumerate()
                .all(|(position, part)| {
                    let plain = match position {
                        0 => part,
                        _ => match part.split_once(';') {
                            Some((code, rest)) if code.parse::<u8>().is_ok() => rest,
                            _ => return false,
                        },
                    };
                    !plain.contains(|c: char| c.is_control() || "\"<>&;`|{}[]\\".contains(c))
                })
        })
    };
    let shapes = [("([", "])"), ("((", "))"), ("[", "]"), ("{", "}")];
    for line in lines {
        let line = line
            .strip_prefix("    ")
            .unwrap_or_else(|| panic!("{line}"));
        let is_link = line.split_once(" -->").is_some_and(|(from, rest)| {
            let (name, to) = match rest.strip_prefix('|') {
                Some(rest) => rest.split_once("| ").unwrap_or_default(),
                None => ("\"\"", rest.trim_start()),
            };
            id(from) && id(to) && label(name)
        });
        let is_node = shapes.iter().any(|(open, close)| {
            line.split_once(open)
                .is_some_and(|(name, rest)| id(name) && rest.strip_suffix(close).is_some_and(label))
        });
        assert!(is_link || is_node, "{line}");
    }
}

proptest! {
    /// Any graph of up to 12 steps: links are indexes, and a condition has two.
    #[test]
    fn every_reachable_step_is_drawn_once_and_fits(
        links in prop::collection::vec((0usize..13, prop::option::of(0usize..13)), 1..12),
        width in 40usize..120,
    ) {
        let count = links.len();
        let id = |target: usize| (target < count).then(|| format!("s{target}"));
        let steps: Vec<Value> = links.iter().enumerate().map(|(index, (next, otherwise))| {
            let kind = if otherwise.is_some() { "condition" } else { "add_tag" };
            let mut step = json!({"id": format!("s{index}"), "type": kind, "config": {}});
            step["nextStepId"] = json!(id(*next));
            if let Some(otherwise) = otherwise {
                step["config"]["falseStepId"] = json!(id(*otherwise));
            }
            step
        }).collect();
        let document = json!({"name": "f", "trigger": "contact.created", "steps": steps});
        let chart = Chart::of(&document).unwrap();
        let lines = draw::lines(&chart, &ui(true), width);
        let reached = chart.reached();
        for (index, step) in chart.steps.iter().enumerate() {
            let title = draw::title(step, index);
            let boxes = lines.iter().filter(|line| line.contains(&format!("│ {title} "))).count();
            prop_assert_eq!(boxes, usize::from(reached[index]), "{}\n{}", title, lines.join("\n"));
        }
        for line in &lines {
            prop_assert!(line.chars().count() <= width, "{}", line);
        }
        check_syntax(&mermaid::flowchart(&chart));
    }

    #[test]
    fn any_name_gives_a_valid_flowchart(text in ".{1,60}") {
        check_syntax(&flowchart(&hostile(&text)));
    }
}
