//! What all brokers have in common: the login, and where a stream begins.

use super::open::Opening;
use crate::cli::brokers;
use crate::error::CliError;
use crate::grammar::broker::BrokerUrl;
use crate::grammar::quantity::When;
use crate::grammar::secret_ref::SecretRef;
use crate::source::Start;
use crate::time::Timestamp;

/// The group of the flags for brokers.
pub(super) const BROKER: &str = "broker";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Brokers")]
#[group(id = "broker")]
pub(super) struct Flags {
    /// Log in as this user
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// The user's password: env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF", requires = "user")]
    pub(super) password: Option<SecretRef>,
    /// Begin with the first message that the broker received at this time or later: a time, or a span such as 2h
    #[arg(long, value_name = "TIME", conflicts_with = "start")]
    since: Option<When>,
    /// Begin with the first or last message that the broker has, with new ones, or at this sequence number, offset or id
    #[arg(long, value_name = "first|last|new|N")]
    start: Option<String>,
}

#[cfg_attr(
    not(any(feature = "nats", feature = "amqp", feature = "redis")),
    expect(dead_code)
)]
impl Flags {
    /// Where the stream begins; `None` for the default of the source.
    pub(super) fn start(&self) -> Option<Start> {
        if let Some(since) = self.since {
            return Some(Start::Since(since.at(Timestamp::now())));
        }
        Some(match self.start.as_deref()? {
            "first" => Start::First,
            "last" => Start::Last,
            "new" => Start::New,
            position => Start::At(position.to_owned()),
        })
    }
}

#[cfg_attr(
    not(any(feature = "nats", feature = "amqp", feature = "redis")),
    expect(dead_code)
)]
/// The address to follow, with the host and the login that it leaves out.
pub(super) fn url(opening: &Opening<'_>, url: &str) -> Result<BrokerUrl, CliError> {
    brokers::complete(BrokerUrl::parse(url)?, opening.cx)
}
