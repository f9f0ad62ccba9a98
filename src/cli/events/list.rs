//! `evt events list`: prints a table of stored events.

use super::select::SelectArgs;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::event::Event;
use crate::record;
use crate::ui::{self, Cell, Format, Style, clip};

/// Events shown by default.
const DEFAULT_LIMIT: usize = 50;
/// Columns for the event's type.
const TYPE_WIDTH: usize = 48;

/// List received and sent events, newest last
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events list
  evt events list --type 'contact.*' --status failed --since 1h
  evt events list --limit 0 -o json | jq -r .type | sort | uniq -c")]
pub(crate) struct Args {
    #[command(flatten)]
    select: SelectArgs,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let selection = args.select.selection(Some(DEFAULT_LIMIT));
    let mut rows = Vec::new();
    let mut line = Vec::new();
    let more = selection.each(cx, &mut |event| {
        match cx.ui.format() {
            Format::Text => rows.push(row(&event)),
            Format::Json => {
                line.clear();
                record::write(&event, &mut line);
                cx.ui.json_bytes(&line)?;
            }
            Format::Raw => super::show::raw(&event, cx)?,
        }
        Ok(())
    })?;
    if cx.ui.format() == Format::Text {
        if rows.is_empty() {
            cx.ui.status(
                "No matching events. `evt listen` and `evt send` store what they receive and send.",
            );
            return Ok(Exit::Done);
        }
        let headings = [
            "ref", "time", "source", "type", "verdict", "outcome", "size",
        ];
        cx.ui.table(&headings, rows)?;
    }
    if more {
        let limit = selection.limit().unwrap_or_default();
        cx.ui.status(&format!(
            "Showing the newest {limit}; use --limit 0 for all."
        ));
    }
    Ok(Exit::Done)
}

fn row(event: &Event) -> Vec<Cell> {
    let reference = event.seq.map(|seq| seq.to_string()).unwrap_or_default();
    let (verdict_style, verdict) = ui::verdict(event);
    let (outcome_style, outcome) = ui::outcome(event.outcome);
    vec![
        reference.into(),
        Cell::styled(Style::Dim, event.received_at.local()),
        event.source.as_str().into(),
        Cell::styled(Style::Name, clip(&event.title(), TYPE_WIDTH)),
        Cell::styled(verdict_style, verdict),
        Cell::styled(outcome_style, outcome),
        Cell::styled(Style::Dim, ui::size(event.body.len())),
    ]
}
