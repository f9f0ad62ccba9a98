//! Server-sent events and NDJSON: their flags, and how their source is opened.

use std::time::Duration;

use super::open::{Opener, Opening, uri};
use crate::error::CliError;
use crate::event::Transport;
use crate::grammar::quantity::Span;
use crate::source::{Source, Sse, SseOptions};

pub(super) const OPENER: Opener = Opener {
    transport: Transport::Sse,
    credentials_flag: "-H 'Authorization: Bearer …'",
    path_hint: "check the path: the server has no stream there",
    position_flag: Some("--last-event-id"),
    open,
};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Server-sent events and AI answers")]
#[group(id = "sse")]
pub(super) struct Flags {
    /// Print only the text of an AI answer, as it grows
    #[arg(long)]
    pub(super) text: bool,
    /// Resume after this id
    #[arg(long, value_name = "ID", conflicts_with = "resume")]
    pub(super) last_event_id: Option<String>,
    /// Reconnect if nothing arrives for this long, comments included
    #[arg(long, value_name = "SPAN")]
    idle: Option<Span>,
}

fn open(opening: &Opening<'_>, url: &str) -> Result<Box<dyn Source>, CliError> {
    let options = SseOptions {
        url: uri(url)?,
        credentials: opening.credentials()?,
        last_event_id: opening.position.clone(),
        max_message: opening.max_message,
        is_one_answer: opening.is_answer || (opening.args.sse.text && opening.args.stop.until_end),
        until_end: opening.args.stop.until_end,
        idle: opening.args.sse.idle.map(Duration::from),
        connect_timeout: opening.connect_timeout(),
    };
    Ok(Box::new(Sse::new(options, opening.dialer.clone())))
}
