//! `evt listen`: receive webhooks, verify, keep, show and forward them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, ArgMatches, FromArgMatches};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::child::Child;
use crate::backoff::Retry;
use crate::error::{CliError, Exit};
use crate::event::{Event, Outcome};
use crate::grammar::scheme_spec::SchemeSpec;
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::select::Select;
use crate::grammar::target::Target;
use crate::grammar::when::{Size, Span};
use crate::listen::{
    Chaos, Check, Checks, Forward, ListenOptions, Listener, Message, PlatformSecret, Respond, Route,
};
use crate::record;
use crate::secret::Secret;
use crate::serve::BodyLimits;
use crate::signature;
use crate::store::jobs::End;
use crate::time::Timestamp;
use crate::ui::{self, Format, safe};

/// The largest body that a flag can allow.
const MAX_BODY: u64 = 64 * 1024 * 1024;

/// Receive webhooks, verify, keep and forward them
///
/// Every request, to any path with any method, is kept byte for byte before it is answered. A request whose signature is not
/// valid is kept and marked, answered 401, and not passed on. With no --verify and the local profile, deliveries of the
/// running `evt dev` are verified with its secret.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt listen                                   keep and show whatever arrives on port 4871
  evt listen 3000 --verify stripe --secret env:STRIPE_SECRET
  evt listen --count 2 --for 20s -o json       wait for two events; exit 9 if they do not come
  evt listen 3000 --retry -- npm start         run your app, and deliver to it until it answers")]
pub(crate) struct Args {
    /// Where to forward: 3000, :3000/path, host:port, a URL or unix:/path
    target: Option<Target>,

    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 4871, help_heading = "Listening")]
    port: u16,
    /// Address to listen on; anything but loopback needs --i-understand-public and --verify
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), help_heading = "Listening")]
    bind: IpAddr,
    /// Confirm that strangers may reach the listener
    #[arg(long, help_heading = "Listening")]
    i_understand_public: bool,
    /// Largest body that is taken (at most 64MiB)
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "2MiB",
        help_heading = "Listening"
    )]
    max_body: Size,

    #[command(flatten)]
    verify: VerifyArgs,
    /// How far a signed timestamp may lie from now; 0 switches the check off
    #[arg(
        long,
        value_name = "SPAN",
        default_value = "5m",
        help_heading = "Verifying"
    )]
    tolerance: Span,
    /// The URL that senders call, where a tunnel or proxy stands in between
    #[arg(long, value_name = "URL", help_heading = "Verifying")]
    public_url: Option<String>,

    /// Send what matches elsewhere: '/path/*=TARGET' or 'contact.*=TARGET' (repeatable, first match wins)
    #[arg(long, value_name = "GLOB=TARGET", help_heading = "Forwarding")]
    route: Vec<Route>,
    /// Answer 202 once the event is kept and deliver with N retries (default: five, over half a minute)
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "5", help_heading = "Forwarding")]
    retry: Option<u32>,
    /// How long the target may take
    #[arg(
        long,
        value_name = "SPAN",
        default_value = "30s",
        help_heading = "Forwarding"
    )]
    timeout: Span,

    /// Answer every accepted request with this instead: 503 or 200:ok
    #[arg(long, value_name = "CODE[:BODY]", help_heading = "Answering")]
    respond: Option<Respond>,
    /// Make trouble: latency=200ms,drop=1%,dup=5%,reorder
    #[arg(
        long,
        value_name = "KINDS",
        default_value = "",
        hide_default_value = true,
        help_heading = "Answering"
    )]
    chaos: Chaos,

    /// End after N events (those with a bad signature do not count)
    #[arg(long, value_name = "N", help_heading = "Stopping")]
    count: Option<u64>,
    /// End after this long; exit 9 if --count or --expect was not met
    #[arg(long = "for", value_name = "SPAN", help_heading = "Stopping")]
    for_: Option<Span>,
    /// End when an event like this has come: a type, 'contact.*', or an expression such as 'data.amount > 10'
    #[arg(long, value_name = "SELECT", help_heading = "Stopping")]
    expect: Option<Select>,

    /// Run this as your app, end with it and return its exit code
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

/// `--verify` and the `--secret`s that follow it, in the order in which they were given.
#[derive(Debug, Default)]
struct VerifyArgs {
    schemes: Vec<(SchemeSpec, Vec<SecretRef>)>,
    /// Secrets before any `--verify`.
    stray: Vec<SecretRef>,
}

impl clap::Args for VerifyArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
            .arg(
                clap::Arg::new("verify")
                    .long("verify")
                    .value_name("SCHEME[:key=value,…]")
                    .value_parser(|text: &str| text.parse::<SchemeSpec>())
                    .action(ArgAction::Append)
                    .help_heading("Verifying")
                    .help("Check signatures of this scheme (repeatable; any one may match); `evt send --list` shows schemes"),
            )
            .arg(
                clap::Arg::new("secret")
                    .long("secret")
                    .value_name("REF")
                    .value_parser(|text: &str| text.parse::<SecretRef>())
                    .action(ArgAction::Append)
                    .help_heading("Verifying")
                    .help("Secret of the --verify before it: text, env:NAME, file:PATH, cmd:… or - (repeatable, for rotation)"),
            )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for VerifyArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        let schemes = matches
            .get_many::<SchemeSpec>("verify")
            .unwrap_or_default()
            .cloned();
        let scheme_places = matches.indices_of("verify").unwrap_or_default();
        let mut places: Vec<(usize, usize)> = Vec::new();
        for (scheme, place) in schemes.zip(scheme_places) {
            places.push((place, args.schemes.len()));
            args.schemes.push((scheme, Vec::new()));
        }
        let secrets = matches
            .get_many::<SecretRef>("secret")
            .unwrap_or_default()
            .cloned();
        for (secret, place) in secrets.zip(matches.indices_of("secret").unwrap_or_default()) {
            match places.iter().rev().find(|(scheme, _)| *scheme < place) {
                Some((_, owner)) => args.schemes[*owner].1.push(secret),
                None => args.stray.push(secret),
            }
        }
        // Given before the one scheme there is, or from the environment, a secret can mean only that one.
        if let [(_, secrets)] = args.schemes.as_mut_slice() {
            secrets.append(&mut args.stray);
        }
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(crate) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let options = args.options(&cx)?;
    let stop = cx.shutdown.child_token();
    let mut listener = Listener::start(options, cx.inbox()?, stop.clone()).await?;
    let url = format!("http://{}", listener.address);
    announce(&args, &cx, &url);
    let mut child = match args.command.as_slice() {
        [] => None,
        command => Some(Child::start(
            command,
            &[("EVT_LISTEN_URL", url.as_str())],
            &cx,
        )?),
    };
    let mut tally = Tally::new(&args);
    let end = tally
        .follow(&mut listener, child.as_mut(), &stop, &cx)
        .await;
    stop.cancel();
    while let Some(message) = listener.messages.recv().await {
        tally.take(message, &cx)?;
    }
    listener.stopped().await;
    tally.summary(&args, &cx);
    match (end?, child) {
        (Ending::Child(code), _) => Ok(Exit::Child(code)),
        (end, child) => {
            if let Some(child) = child {
                child.stop().await;
            }
            Ok(tally.exit(end, &cx))
        }
    }
}

impl Args {
    fn options(&self, cx: &Context) -> Result<ListenOptions, CliError> {
        let may_be_public = self.i_understand_public && !self.verify.schemes.is_empty();
        if !self.bind.is_loopback() && !may_be_public {
            return Err(CliError::usage(format!("{} can be reached by others", self.bind))
                .hint("add --i-understand-public and a --verify with its --secret, or leave --bind out"));
        }
        if self.max_body.bytes() > MAX_BODY {
            return Err(
                CliError::usage("--max-body is over 64MiB").hint("give at most --max-body 64MiB")
            );
        }
        if self.retry.is_some() && self.target.is_none() && self.route.is_empty() {
            return Err(CliError::usage("--retry needs somewhere to deliver to")
                .hint("evt listen 3000 --retry"));
        }
        let forwards = self.target.is_some() || !self.route.is_empty();
        Ok(ListenOptions {
            bind: SocketAddr::new(self.bind, self.port),
            checks: self.checks(cx)?,
            tolerance: self.tolerance.into(),
            public_url: self.public_url.clone(),
            forward: forwards.then(|| Forward {
                routes: self.route.clone(),
                target: self.target.clone(),
                timeout: self.timeout.into(),
                retry: self.retry.map(Retry::dev_times),
            }),
            respond: self.respond.clone(),
            chaos: self.chaos.clone(),
            body: BodyLimits {
                bytes: self.max_body.bytes() as usize,
                ..BodyLimits::default()
            },
        })
    }

    fn checks(&self, cx: &Context) -> Result<Checks, CliError> {
        if !self.verify.stray.is_empty() {
            return Err(CliError::usage(
                "--secret needs the --verify that it belongs to before it",
            )
            .hint("evt listen --verify standard-webhooks --secret env:WEBHOOK_SECRET"));
        }
        if self.verify.schemes.is_empty() {
            return Ok(Checks::Platform(PlatformSecret::new(
                cx.paths.state_dir.clone(),
            )));
        }
        let mut checks = Vec::new();
        for (spec, references) in &self.verify.schemes {
            let scheme = signature::find(&spec.name)?;
            let secrets = references
                .iter()
                .map(|reference| cx.secret(reference))
                .collect::<Result<Vec<Secret>, _>>()?;
            checks.push(Check::new(scheme, &secrets, &spec.options)?);
        }
        Ok(Checks::Asked(checks))
    }
}

fn announce(args: &Args, cx: &Context, url: &str) {
    let mut text = format!("Listening on {url}");
    match (&args.target, args.retry) {
        (Some(target), Some(_)) => text.push_str(&format!(", delivering to {target} with retries")),
        (Some(target), None) => text.push_str(&format!(", forwarding to {target}")),
        (None, _) => {}
    }
    cx.ui.notice("ready", json!({ "url": url }), &text);
    if args.verify.schemes.is_empty() {
        cx.ui.status("Checking what the running `evt dev` signs; anything else is kept as unverified (--verify SCHEME --secret REF checks more).");
    }
}

/// Why the loop ended.
enum Ending {
    GoalMet,
    TimeOver,
    Stopped,
    Child(u8),
}

/// What has come so far, and when enough has.
struct Tally<'a> {
    expect: Option<&'a Select>,
    needed: Option<u64>,
    deadline: Option<tokio::time::Instant>,
    counted: u64,
    received: u64,
    verified: u64,
    rejected: u64,
    delivered: u64,
    failed: u64,
    not_kept: u64,
    line: Vec<u8>,
}

impl<'a> Tally<'a> {
    fn new(args: &'a Args) -> Self {
        let for_ = args.for_.map(Duration::from);
        Self {
            expect: args.expect.as_ref(),
            needed: args.count.or(args.expect.as_ref().map(|_| 1)),
            deadline: for_.and_then(|span| tokio::time::Instant::now().checked_add(span)),
            counted: 0,
            received: 0,
            verified: 0,
            rejected: 0,
            delivered: 0,
            failed: 0,
            not_kept: 0,
            line: Vec::new(),
        }
    }

    fn goal_met(&self) -> bool {
        self.needed.is_some_and(|needed| self.counted >= needed)
    }

    async fn follow(
        &mut self,
        listener: &mut Listener,
        mut child: Option<&mut Child>,
        stop: &CancellationToken,
        cx: &Context,
    ) -> Result<Ending, CliError> {
        let deadline = self.deadline;
        let over = async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        while !self.goal_met() {
            tokio::select! {
                message = listener.messages.recv() => match message {
                    Some(message) => self.take(message, cx)?,
                    None => return Ok(Ending::Stopped),
                },
                code = wait(&mut child) => return Ok(Ending::Child(code?)),
                () = &mut over => return Ok(Ending::TimeOver),
                () = stop.cancelled() => return Ok(Ending::Stopped),
            }
        }
        Ok(Ending::GoalMet)
    }

    fn take(&mut self, message: Message, cx: &Context) -> Result<(), CliError> {
        match message {
            Message::Received {
                event,
                answer,
                took,
            } => self.received(&event, answer, took, cx)?,
            Message::Settled { event, end } => self.settled(event, &end, cx),
            Message::Target {
                peer,
                up,
                why,
                missed,
            } => target(&peer, up, why.as_deref(), missed, cx),
            Message::NotKept(error) => {
                self.not_kept += 1;
                cx.ui.warn(&format!(
                    "an event could not be kept and was refused with 503: {error}"
                ));
            }
        }
        Ok(())
    }

    fn received(
        &mut self,
        event: &Event,
        answer: u16,
        took: Duration,
        cx: &Context,
    ) -> Result<(), CliError> {
        self.received += 1;
        match event.outcome {
            Outcome::Delivered { .. } => self.delivered += 1,
            Outcome::Failed { .. } => self.failed += 1,
            Outcome::Rejected => self.rejected += 1,
            Outcome::Kept | Outcome::Queued => {}
        }
        self.verified += u64::from(event.verdict.as_ref().is_some_and(|verdict| verdict.ok));
        let fits = || {
            self.expect
                .is_none_or(|expect| expect.matches(event, Timestamp::now()))
        };
        if event.outcome != Outcome::Rejected && fits() {
            self.counted += 1;
        }
        match cx.ui.format() {
            Format::Text => {
                let arrow = if answer == 0 {
                    "dropped".to_owned()
                } else {
                    answer.to_string()
                };
                let line = format!(
                    "{}  -> {arrow} in {:.1} ms",
                    ui::line(&cx.ui, event),
                    took.as_secs_f64() * 1000.0
                );
                cx.ui.line(&line)?;
                if let Some(hint) = event
                    .verdict
                    .as_ref()
                    .filter(|verdict| !verdict.ok)
                    .and_then(|verdict| verdict.hint.as_deref())
                {
                    cx.ui.status(&format!("    {}", safe(hint)));
                }
            }
            Format::Json => {
                self.line.clear();
                record::write(event, &mut self.line);
                cx.ui.json_bytes(&self.line)?;
            }
            Format::Raw => cx.ui.raw(&event.body)?,
        }
        Ok(())
    }

    fn settled(&mut self, event: crate::event::Seq, end: &End, cx: &Context) {
        match end {
            End::Delivered { status } => {
                self.delivered += 1;
                let facts = json!({ "ref": event.to_string(), "status": status });
                cx.ui.notice(
                    "delivered",
                    facts,
                    &format!("{event} delivered, the target answered {status}"),
                );
            }
            End::Dead { reason, .. } => {
                self.failed += 1;
                let facts = json!({ "ref": event.to_string(), "reason": reason });
                cx.ui.notice(
                    "dead",
                    facts,
                    &format!(
                        "{event} was given up: {} (evt queue retry --dead tries again)",
                        safe(reason)
                    ),
                );
            }
            End::Discarded => {}
        }
    }

    fn exit(&self, end: Ending, cx: &Context) -> Exit {
        match end {
            Ending::Child(code) => Exit::Child(code),
            _ if self.goal_met() => Exit::Done,
            Ending::GoalMet => Exit::Done,
            Ending::TimeOver if self.needed.is_none() => Exit::Done,
            Ending::TimeOver => {
                let needed = self.needed.unwrap_or_default();
                let facts = json!({ "wanted": needed, "counted": self.counted });
                cx.ui.notice(
                    "goal_not_met",
                    facts,
                    &format!(
                        "Goal not met: wanted {needed}, {} came that count.",
                        self.counted
                    ),
                );
                Exit::GoalNotMet
            }
            Ending::Stopped if self.needed.is_none() => Exit::Done,
            Ending::Stopped => cx.interrupted().unwrap_or(Exit::Interrupted),
        }
    }

    fn summary(&self, args: &Args, cx: &Context) {
        let mut text = format!(
            "Received {}, verified {}, rejected {}",
            self.received, self.verified, self.rejected
        );
        if args.target.is_some() || !args.route.is_empty() {
            text.push_str(&format!(
                ", delivered {}, failed {}",
                self.delivered, self.failed
            ));
        }
        if self.not_kept > 0 {
            text.push_str(&format!(", not kept {}", self.not_kept));
        }
        text.push('.');
        if self.failed > 0 {
            let target = args
                .target
                .as_ref()
                .map_or_else(|| "TARGET".to_owned(), ToString::to_string);
            text.push_str(&format!(
                " Send the failed ones again: evt events replay @failed --to {target}"
            ));
        }
        let facts = json!({
            "received": self.received, "verified": self.verified, "rejected": self.rejected, "delivered": self.delivered,
            "failed": self.failed, "not_kept": self.not_kept,
        });
        cx.ui.notice("summary", facts, &text);
    }
}

async fn wait(child: &mut Option<&mut Child>) -> Result<u8, CliError> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

fn target(peer: &str, up: bool, why: Option<&str>, missed: u64, cx: &Context) {
    let facts = json!({ "target": peer, "up": up, "why": why, "missed": missed });
    let text = match (up, missed) {
        (true, 0) => format!("The target {peer} is up."),
        (true, missed) => format!(
            "The target {peer} is back; {missed} failed meanwhile: evt events replay @failed --to {peer}"
        ),
        (false, _) => format!(
            "The target {peer} is down ({}); events are kept meanwhile.",
            safe(why.unwrap_or("no connection"))
        ),
    };
    cx.ui.notice("target", facts, &text);
}
