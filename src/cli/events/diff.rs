//! `evt events diff`: compares two events.

use serde_json::json;
use similar::{ChangeTag, TextDiff};

use super::pick;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::event::Event;
use crate::grammar::event_ref::EventRef;
use crate::json;
use crate::ui::{self, Format, Style, safe, safe_bytes};

/// Unchanged lines shown around a change.
const CONTEXT_LINES: usize = 3;
/// After this time the comparison of very long texts continues with a faster, less precise algorithm.
const DIFF_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// Compare two events: request line, headers, body
///
/// JSON bodies are formatted before they are compared; --exact compares them byte for byte. The exit code is 0 even if the
/// events differ; with --expect-same it is 9 then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events diff @-2 @last
  evt events diff e_7f3a expected.json --expect-same")]
pub(crate) struct Args {
    /// First event: e_7f3a, @last, @-3, @failed (the last), a file, or - for stdin
    #[arg(value_name = "A")]
    old: EventRef,
    /// Second event
    #[arg(value_name = "B")]
    new: EventRef,
    /// Compare bodies byte for byte, including white space
    #[arg(long)]
    exact: bool,
    /// Exit with 9 if the events differ
    #[arg(long)]
    expect_same: bool,
}

/// A part of both requests, as lines of text.
struct Part {
    name: &'static str,
    old: String,
    new: String,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let old = pick::one(&args.old, cx)?;
    let new = pick::one(&args.new, cx)?;
    let (old_headers, new_headers) = headers(&old, &new);
    let parts = [
        Part {
            name: "request",
            old: request_line(&old),
            new: request_line(&new),
        },
        Part {
            name: "headers",
            old: old_headers,
            new: new_headers,
        },
        Part {
            name: "body",
            old: body(&old, args.exact),
            new: body(&new, args.exact),
        },
    ];
    let same = parts.iter().all(|part| part.old == part.new);
    match cx.ui.format() {
        Format::Text => show(args, &parts, same, cx)?,
        Format::Json | Format::Raw => write(args, &parts, same, cx)?,
    }
    Ok(if args.expect_same && !same {
        Exit::GoalNotMet
    } else {
        Exit::Done
    })
}

fn request_line(event: &Event) -> String {
    format!("{} {}\n", event.method, safe(&event.target))
}

/// Sorted header lines, with credentials masked. A note marks different values that have the same mask.
fn headers(old: &Event, new: &Event) -> (String, String) {
    let lines = |event: &Event, other: Option<&Event>| {
        let mut lines: Vec<String> = Vec::new();
        for (name, value) in &event.headers {
            let masked = ui::hidden_header(name.as_str(), value.as_bytes());
            let differs = other.is_some_and(|other| {
                other
                    .headers
                    .get_all(name)
                    .iter()
                    .all(|old_value| old_value != value)
                    && other.headers.get_all(name).iter().any(|old_value| {
                        ui::hidden_header(name.as_str(), old_value.as_bytes()) == masked
                    })
            });
            let note = if masked.is_some() && differs {
                "  (different value)"
            } else {
                ""
            };
            let value = masked.unwrap_or_else(|| safe_bytes(value.as_bytes()));
            lines.push(format!("{name}: {value}{note}\n"));
        }
        lines.sort();
        lines.concat()
    };
    (lines(old, None), lines(new, Some(old)))
}

fn body(event: &Event, exact: bool) -> String {
    let mut text = if exact {
        ui::safe_block(&event.body)
    } else {
        ui::body(trimmed_if_json(event))
    };
    // A missing line break at the end is a difference only with `--exact`.
    if !exact && !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn trimmed_if_json(event: &Event) -> &[u8] {
    if json::is_json(&event.body) {
        event.body.trim_ascii()
    } else {
        &event.body
    }
}

fn show(args: &Args, parts: &[Part], same: bool, cx: &Context) -> Result<(), CliError> {
    if same {
        cx.ui.status("The events are identical.");
        return Ok(());
    }
    let name =
        |mark: &str, reference: &EventRef| format!("{mark} {}", safe(&reference.to_string()));
    cx.ui
        .line(&cx.ui.paint(Style::Bad, &name("---", &args.old)))?;
    cx.ui
        .line(&cx.ui.paint(Style::Good, &name("+++", &args.new)))?;
    for part in parts.iter().filter(|part| part.old != part.new) {
        cx.ui
            .line(&cx.ui.paint(Style::Strong, &format!("@@ {} @@", part.name)))?;
        let diff = diff(part);
        for (position, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
            if position > 0 {
                cx.ui.line(&cx.ui.paint(Style::Dim, "…"))?;
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let text = change.value();
                let (mark, style) = marks(change.tag());
                let line = format!("{mark}{}", text.trim_end_matches('\n'));
                cx.ui.line(&match style {
                    Some(style) => cx.ui.paint(style, &line),
                    None => line,
                })?;
                if change.missing_newline() {
                    cx.ui
                        .line(&cx.ui.paint(Style::Dim, "\\ no line break at the end"))?;
                }
            }
        }
    }
    Ok(())
}

fn write(args: &Args, parts: &[Part], same: bool, cx: &Context) -> Result<(), CliError> {
    let mut changes = Vec::new();
    for part in parts {
        let diff = diff(part);
        for change in diff.iter_all_changes() {
            if change.tag() != ChangeTag::Equal {
                let (mark, _) = marks(change.tag());
                changes.push(json!({
                    "part": part.name,
                    "change": mark.trim(),
                    "line": change.value().trim_end_matches('\n'),
                }));
            }
        }
    }
    let facts = json!({
        "a": args.old.to_string(),
        "b": args.new.to_string(),
        "same": same,
        "changes": changes,
    });
    Ok(cx.ui.json(&facts)?)
}

fn diff(part: &Part) -> TextDiff<'_, '_, str> {
    TextDiff::configure()
        .timeout(DIFF_TIMEOUT)
        .diff_lines(part.old.as_str(), part.new.as_str())
}

const fn marks(tag: ChangeTag) -> (&'static str, Option<Style>) {
    match tag {
        ChangeTag::Equal => (" ", None),
        ChangeTag::Delete => ("-", Some(Style::Bad)),
        ChangeTag::Insert => ("+", Some(Style::Good)),
    }
}
