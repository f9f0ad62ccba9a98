//! `evt events show`: prints everything about an event.

use std::io::ErrorKind;

use super::{EventsError, chain, pick};
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::event::Event;
use crate::grammar::event_ref::EventRef;
use crate::record;
use crate::ui::{self, Format};

/// Show an event: request, headers, signature, body, the answers of its target
///
/// For a webhook from the running `evt dev`, also shows the events and the flow run that led to it. With -o json, prints the
/// event's record; with -o raw, the body byte for byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events show @last
  evt events show e_7f3a -o raw > body.bin")]
pub(crate) struct Args {
    /// Event: e_7f3a, p_7f3a (of `evt dev`), @last, @-3, @failed (the last), a file, or - for stdin
    #[arg(value_name = "REF", default_value = "@last")]
    references: Vec<EventRef>,
    /// Show credentials in headers (on a terminal only)
    #[arg(long)]
    show_secrets: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    if args.show_secrets && !cx.ui.stdout_is_terminal() {
        return Err(EventsError::SecretsNeedTerminal.into());
    }
    let picked = pick::shown(&args.references, cx)?;
    if picked.is_empty() {
        return Err(EventsError::NothingSelected.into());
    }
    for (position, picked) in picked.iter().enumerate() {
        let Some(event) = picked.event(cx)? else {
            continue;
        };
        match cx.ui.format() {
            Format::Text => {
                if position > 0 {
                    cx.ui.line("")?;
                }
                cx.ui.line(&ui::detail(&cx.ui, &event, args.show_secrets))?;
                chain::show(&event, cx)?;
            }
            Format::Json => {
                let mut line = Vec::new();
                record::write_with_attempts(&event, &mut line);
                cx.ui.json_bytes(&line)?;
            }
            Format::Raw => raw(&event, cx)?,
        }
    }
    Ok(Exit::Done)
}

/// Prints the body byte for byte.
pub(super) fn raw(event: &Event, cx: &Context) -> Result<(), CliError> {
    cx.ui.raw(&event.body).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => EventsError::UnsafeForTerminal.into(),
        _ => error.into(),
    })
}
