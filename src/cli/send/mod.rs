//! `evt send`: a signed test event, valid or wrong on purpose, once or many times.

mod broker;
mod check;
mod list;
mod many;
mod once;
mod plan;

use std::sync::Arc;

pub(super) use plan::content_type;

use super::Context;
use super::change::ChangeArgs;
use crate::error::{CliError, Exit};
use crate::grammar::destination::Destination;
use crate::grammar::quantity::{Rate, Span};
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::statuses::Statuses;
use crate::send::tamper::Tamper;
use crate::signature::SchemeSpec;

/// Send a signed test event to a listener or any URL
///
/// An event of the platform is signed with the secret of the running `evt dev`. An event of a vendor is signed with the vendor's scheme and
/// with --secret or, by default, the key that `evt dev` has for this vendor. A single event is stored like a received one: see `evt events list`.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "trigger",
    after_help = "\
Examples:
  evt send contact.created                     to the local listener, signed as `evt dev` signs
  evt send stripe/payment_intent.succeeded     to the Stripe receiver of `evt dev`, with its key
  evt send stripe/payment_intent.succeeded --to :3000/hook --secret env:STRIPE_SECRET
  evt send @body.json --sign github --secret env:GITHUB_SECRET --to https://app.example.test/hook
  evt send contact.created --to 3000 --secret env:S --tamper body      exit 0: refused, 8: accepted
  evt send stripe/payment_intent.succeeded --to 3000/hook --secret env:S --check      is the endpoint safe?
  evt send contact.created --set data.data.email=grace@example.test --set-new --set data.data.score:=80
  evt send contact.created --to 3000 --times 1000 --concurrency 32
  evt send contact.created --dry-run -o curl   the same request as a command
  evt send --list stripe                       the samples of a vendor and their schemes"
)]
pub(crate) struct Args {
    /// A sample (`evt send --list`), a file as @FILE, or - for stdin
    #[arg(
        value_name = "EVENT|@FILE|-",
        required_unless_present = "list",
        conflicts_with = "list"
    )]
    event: Option<String>,
    /// List the samples: all, those of a vendor (`stripe`), or those that match a pattern (`stripe/invoice.*`, `*refund*`)
    #[arg(long, value_name = "GLOB", num_args = 0..=1)]
    list: Option<Option<String>>,
    /// Where to send: 3000, :3000/path, host:port, a URL, unix:/path or a broker; by default an event of a vendor goes to its
    /// receiver in the running `evt dev`, and every other event to the local listener
    #[arg(long, value_name = "TARGET")]
    to: Option<Destination>,

    /// Print the request instead of sending it: byte for byte with -o raw, as a command with -o curl
    #[arg(long, conflicts_with_all = ["times", "expect_status"])]
    dry_run: bool,

    /// Use the same ids and times in every run; the signature still has the current time
    #[arg(long, value_name = "N", conflicts_with = "times")]
    seed: Option<u64>,

    #[command(flatten)]
    change: ChangeArgs,

    /// The scheme to sign with, or `none`; by default the scheme of the sample's vendor
    #[arg(long, value_name = "SCHEME[:key=value,…]", help_heading = "Signing")]
    sign: Option<SchemeSpec>,
    /// The secret to sign with: text, env:NAME, file:PATH, cmd:… or - (repeatable for rotation, if the header is a list)
    #[arg(long, value_name = "REF", help_heading = "Signing")]
    secret: Vec<SecretRef>,
    /// Send a request that must be refused: body, signature, timestamp or replay; exit 0 if it is (4xx), 8 if it is accepted
    #[arg(long, value_name = "WHAT", help_heading = "Signing", conflicts_with_all = ["times", "expect_status"])]
    tamper: Option<Tamper>,
    /// Send what the endpoint must accept and what it must refuse, and judge its answers; exit 8 unless all are right
    #[arg(long, help_heading = "Signing", conflicts_with_all = ["times", "tamper", "dry_run", "expect_status", "list"])]
    check: bool,

    /// Send the event N times, each with its own id and signature; the events are counted but not stored
    #[arg(long, value_name = "N", help_heading = "Repeating", value_parser = clap::value_parser!(u64).range(1..))]
    times: Option<u64>,
    /// Send at most this often, such as 50/s
    #[arg(
        long,
        value_name = "RATE",
        help_heading = "Repeating",
        requires = "times"
    )]
    rate: Option<Rate>,
    /// Send over N connections at once
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Repeating", requires = "times", value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    /// Exit 9 unless the answer has this status: 2xx, 200, or a list
    #[arg(long, value_name = "STATUSES", help_heading = "Answer")]
    expect_status: Option<Statuses>,
    /// Log in at the broker as this user
    #[arg(long, value_name = "NAME", help_heading = "Brokers")]
    user: Option<String>,
    /// The user's password: env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF", help_heading = "Brokers", requires = "user")]
    password: Option<SecretRef>,
    #[cfg(feature = "nats")]
    #[command(flatten, next_help_heading = "Brokers")]
    key: crate::cli::brokers::KeyFlags,

    /// How long to wait for the answer
    #[arg(
        long,
        value_name = "SPAN",
        default_value = "30s",
        help_heading = "Answer"
    )]
    timeout: Span,
}

impl Args {
    /// Whether `-o curl` can be used.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

pub(crate) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let Some(event) = &args.event else {
        let glob = args.list.as_ref().and_then(Option::as_deref);
        return list::run(glob, &cx);
    };
    if let Some(Destination::Broker(url)) = &args.to {
        return broker::run(event, url, &args, &cx).await;
    }
    let message = plan::message(event, &args, &cx).await?;
    if args.check {
        return check::run(message, &cx).await;
    }
    match args.times {
        Some(times) => many::run(message, times, &args, &cx).await,
        None => once::run(message, &args, &cx).await,
    }
}
