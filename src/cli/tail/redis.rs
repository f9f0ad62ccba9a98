//! Redis: its flags, and how its source is opened.

use super::broker;
use super::open::{Opener, Opening};
use crate::error::CliError;
use crate::event::Transport;
use crate::grammar::quantity::Span;
use crate::source::{Group, Redis, RedisOptions, Source};

pub(super) const OPENER: Opener = Opener {
    transport: Transport::Redis,
    credentials_flag: "--user NAME --password env:VARIABLE",
    path_hint: "check the database and the names in the address",
    position_flag: None,
    open,
};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Redis streams")]
#[group(id = "redis")]
pub(super) struct Flags {
    /// Read as a consumer of this group, and acknowledge entries once they are printed (and stored)
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    group: Option<String>,
    /// The name of this consumer; commands that read at the same time need different ones
    #[arg(long, value_name = "NAME", default_value = "evt", requires = "group")]
    consumer: String,
    /// Create the group (and the stream) if it does not exist
    #[arg(long, requires = "group")]
    create_group: bool,
    /// Take over entries that another consumer has not acknowledged for this long
    #[arg(long, value_name = "SPAN", default_value = "1m", requires = "group")]
    claim_after: Span,
}

fn open(opening: &Opening<'_>, url: &str) -> Result<Box<dyn Source>, CliError> {
    let flags = &opening.args.redis;
    let group = flags.group.as_ref().map(|name| Group {
        name: name.clone(),
        consumer: flags.consumer.clone(),
        create: flags.create_group,
        claim_after: flags.claim_after.into(),
    });
    let options = RedisOptions {
        url: broker::url(opening, url)?,
        credentials: opening.credentials()?,
        start: opening.args.broker.start(),
        position: opening.position.clone(),
        group,
        max_message: opening.max_message,
        timeout: opening.connect_timeout(),
    };
    Ok(Box::new(Redis::new(options, opening.dialer.clone())?))
}
