//! WebSocket: its flags, and how its source is opened.

use std::time::Duration;

use super::open::{Opener, Opening, uri};
use crate::error::CliError;
use crate::event::Transport;
use crate::grammar::quantity::Span;
use crate::source::{Source, WebSocket, WebSocketOptions};

pub(super) const OPENER: Opener = Opener {
    transport: Transport::WebSocket,
    credentials_flag: "-H 'Authorization: Bearer …'",
    path_hint: "check the path: the server has no stream there",
    position_flag: None,
    open,
};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "WebSocket")]
#[group(id = "ws")]
pub(super) struct Flags {
    /// Follow redirects (server-sent events always do)
    #[arg(short = 'L', long, group = "sse")]
    location: bool,
    /// Offer this subprotocol (repeatable)
    #[arg(long, value_name = "NAME")]
    subprotocol: Vec<String>,
    /// Interval between pings, and time limit for each pong
    #[arg(long, value_name = "SPAN", default_value = "20s")]
    ping: Span,
}

impl Flags {
    pub(super) fn has_subprotocol(&self) -> bool {
        !self.subprotocol.is_empty()
    }
}

fn open(opening: &Opening<'_>, url: &str) -> Result<Box<dyn Source>, CliError> {
    let flags = &opening.args.websocket;
    let ping = Duration::from(flags.ping);
    if ping < Duration::from_secs(1) {
        return Err(CliError::usage("--ping must be at least a second").hint("--ping 20s"));
    }
    let options = WebSocketOptions {
        url: uri(url)?,
        credentials: opening.credentials()?,
        subprotocols: flags.subprotocol.clone(),
        send_on_connect: opening.messages(),
        echo: opening.args.send.echo,
        follow_redirects: flags.location,
        max_message: opening.max_message,
        ping,
        until_end: opening.args.stop.until_end,
        connect_timeout: opening.connect_timeout(),
    };
    Ok(Box::new(WebSocket::new(options, opening.dialer.clone())))
}
