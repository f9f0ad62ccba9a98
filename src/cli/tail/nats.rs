//! NATS: its flags, and how its source is opened.

use super::broker;
use super::open::{Opener, Opening};
use crate::cli::brokers::KeyFlags;
use crate::error::CliError;
use crate::event::Transport;
use crate::source::{Nats, NatsOptions, Source};

pub(super) const OPENER: Opener = Opener {
    transport: Transport::Nats,
    credentials_flag: "--user NAME --password env:VARIABLE",
    path_hint: "check the name of the stream",
    position_flag: None,
    open,
};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "NATS")]
#[group(id = "nats")]
pub(super) struct Flags {
    /// Read a stream through this durable consumer, which is created if it does not exist, and acknowledge each message
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    durable: Option<String>,
    #[command(flatten)]
    pub(super) key: KeyFlags,
}

fn open(opening: &Opening<'_>, url: &str) -> Result<Box<dyn Source>, CliError> {
    let args = opening.args;
    let options = NatsOptions {
        url: broker::url(opening, url)?,
        credentials: opening.credentials()?,
        start: args.broker.start(),
        position: opening.position.clone(),
        is_resumable: args.save.resume.is_some(),
        durable: args.nats.durable.clone(),
        max_message: opening.max_message,
        connect_timeout: opening.connect_timeout(),
    };
    Ok(Box::new(Nats::new(options, opening.dialer.clone())?))
}
