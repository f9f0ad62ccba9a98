//! `evt listen`: receives webhooks; verifies, stores, prints and forwards them.

mod expectation;
mod forwarding;
mod show;
mod tally;
mod verify;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::child::Child;
use super::retention;
use super::vendor_keys;
use crate::error::{CliError, Exit};
use crate::grammar::host::HostRule;
use crate::grammar::quantity::{Size, Span};
use crate::listen::{Chaos, Check, Checks, ListenOptions, Listener, PlatformSecret, Respond};
use crate::running::Running;
use crate::secret::Secret;
use crate::select::Select;
use crate::serve::BodyLimits;
use crate::signature::{Options, PublicUrl, PublicUrls, SchemeSpec};
use crate::store::Kind;
use show::{Printer, Show};
use tally::Tally;

/// How long the remaining reports may take to be printed after the listener has stopped.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the events of `--expect` may arrive after the end of the command, without `--for`.
const LATE_EVENTS: Duration = Duration::from_secs(5);
/// Largest value of `--max-body`.
const MAX_BODY: u64 = 64 * 1024 * 1024;

/// Receive webhooks; verify, store and forward them
///
/// Accepts requests to any path with any method, and stores each one byte for byte before answering it. A request with an
/// invalid signature is stored as rejected and answered with 401, and not forwarded. Webhooks from the running `evt dev` are
/// verified with its secret, also with --verify (local profile only).
///
/// Only requests for 127.0.0.1, localhost, [::1], the address of --bind, the host of --public-url and each --allow-host are
/// answered; others get 421. A web page whose name resolves to this machine (DNS rebinding) could otherwise call your app through
/// the listener and read its answers. Requests that browsers mark as sent by a page of another site (Origin, Sec-Fetch-Site) get
/// 403, because any page can send a simple POST to this machine; --allow-host NAME:PORT allows the pages of a host. A container or
/// another machine calls this one by another name: --allow-host host.docker.internal, and for the network also --bind.
///
/// A target that is the listener itself is refused. Forwarded requests carry x-evt-hops; an event that 8 evt processes have passed
/// on is refused with 508, so that a loop of several listeners or flows ends.
///
/// With --type, --events or --where only the selected events are printed, forwarded and counted; the others are stored.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt listen                                   store and print all requests to port 4871
  evt listen 3000 --verify stripe --secret env:STRIPE_SECRET
  evt listen --count 2 --for 20s -o json       wait for two events; exit 9 after 20 seconds
  evt listen 3000 --retry -- npm start         start your app, and retry until it accepts
  evt listen --expect contact.created -- npm test    exit 0 if the tests pass and the event arrived
  evt listen --forward-to localhost:3000/hook --events 'payment_intent.succeeded,charge.*'")]
pub(crate) struct Args {
    #[command(flatten)]
    forward: forwarding::ForwardArgs,

    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 4871, help_heading = "Listening")]
    port: u16,
    /// Address to listen on; other than loopback requires --i-understand-public and --verify
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), help_heading = "Listening")]
    bind: IpAddr,
    /// Confirm that anyone on the network can reach the listener
    #[arg(long, help_heading = "Listening")]
    i_understand_public: bool,
    /// Answer requests for this host too, and those of its web pages: NAME, NAME:PORT, *.example.com or * (repeatable)
    #[arg(long, value_name = "HOST", help_heading = "Listening")]
    allow_host: Vec<HostRule>,
    /// Largest request body (at most 64MiB)
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "2MiB",
        help_heading = "Listening"
    )]
    max_body: Size,

    #[command(flatten)]
    verify: verify::VerifyArgs,
    /// Largest difference between a signed timestamp and now; 0 disables the check [default: by scheme, usually 5m]
    #[arg(long, value_name = "SPAN", help_heading = "Verifying")]
    tolerance: Option<Span>,
    /// The URL that senders call, if a tunnel or proxy is in front of the listener: https://host, or a whole URL with path
    /// and query; /path=URL for one path (repeatable)
    #[arg(long, value_name = "[PATH=]URL", help_heading = "Verifying")]
    public_url: Vec<PublicUrl>,

    /// Answer every accepted request with this status and body: 503 or 200:ok
    #[arg(long, value_name = "CODE[:BODY]", help_heading = "Answering")]
    respond: Option<Respond>,
    /// Inject faults: latency=200ms,drop=1%,dup=5%,reorder
    #[arg(
        long,
        value_name = "KINDS",
        default_value = "",
        hide_default_value = true,
        help_heading = "Answering"
    )]
    chaos: Chaos,

    /// Print below each event its body, its headers, or both [default: nothing; `all` with -v]
    #[arg(long, value_name = "WHAT", help_heading = "Printing")]
    show: Option<Show>,

    /// Exit after N events (rejected ones do not count)
    #[arg(long, value_name = "N", help_heading = "Stopping")]
    count: Option<u64>,
    /// Exit after this time; with code 9 if --count or --expect was not met
    #[arg(long = "for", value_name = "SPAN", help_heading = "Stopping")]
    for_: Option<Span>,
    /// Exit when a matching event arrives: a type, 'contact.*', or an expression such as 'data.amount > 10'
    #[arg(long, value_name = "SELECT", help_heading = "Stopping")]
    expect: Option<Select>,

    /// Run this command too; exit when it exits, with its exit code, or with 9 if it succeeds and --count or --expect is not met
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

pub(crate) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let options = args.options(&cx).await?;
    let stop = cx.shutdown.child_token();
    let Listener {
        address,
        reports,
        reporter,
        task,
    } = Listener::start(options, cx.inbox()?, stop.clone()).await?;
    retention::start(&cx, cx.inbox()?, Kind::Inbox, stop.clone())?;
    let url = format!("http://{address}");
    announce(&args, &cx, &url);
    let mut child = match args.command.as_slice() {
        [] => None,
        command => Some(Child::start(
            command,
            &[("EVT_LISTEN_URL", url.as_str())],
            &cx,
        )?),
    };
    let tally = Arc::new(Tally::new(&args));
    let printer = Printer::new(args.show, &cx);
    let mut printing = tally.print(reports, printer, &cx);
    let end = follow(&args, &tally, &mut printing, child.as_mut(), &stop).await;
    stop.cancel();
    let _ = task.await;
    if let (Some(child), false) = (child, matches!(end, Ok(Ending::Child(_)))) {
        child.stop().await;
    }
    let totals = reporter.totals();
    // Closes the channel of the reports, so that printing ends.
    drop(reporter);
    let printed = match &end {
        Ok(Ending::Printed(_)) => Ok(()),
        _ => match tokio::time::timeout(DRAIN_TIMEOUT, &mut printing).await {
            Ok(printed) => printed.unwrap_or(Ok(())),
            // Nothing reads stdout, so the printing thread is blocked: exit without joining it.
            Err(_) => {
                tally.summary(&args, totals, &cx);
                std::process::exit(i32::from(tally.exit(end?, &cx)?.code()));
            }
        },
    };
    tally.summary(&args, totals, &cx);
    printed?;
    tally.exit(end?, &cx)
}

/// Why the listener stops.
enum Ending {
    GoalMet,
    TimeUp,
    Stopped,
    Child(u8),
    /// The command was still running at the end of `--for`.
    ChildTooSlow,
    /// stdout was closed or cannot be written.
    Printed(Result<(), CliError>),
}

async fn follow(
    args: &Args,
    tally: &Tally,
    printing: &mut JoinHandle<Result<(), CliError>>,
    mut child: Option<&mut Child>,
    stop: &CancellationToken,
) -> Result<Ending, CliError> {
    let time_up = async {
        match args.for_ {
            Some(span) => tokio::time::sleep(span.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(time_up);
    // The command ends the listener: its result and the goal must both be good.
    let has_command = child.is_some();
    let ending = tokio::select! {
        () = tally.goal(), if !has_command => Ending::GoalMet,
        printed = &mut *printing => Ending::Printed(printed.unwrap_or(Ok(()))),
        code = wait(&mut child) => Ending::Child(code?),
        () = &mut time_up => if has_command && tally.has_goal() { Ending::ChildTooSlow } else { Ending::TimeUp },
        () = stop.cancelled() => Ending::Stopped,
    };
    if !matches!(ending, Ending::Child(0)) || !tally.has_goal() {
        return Ok(ending);
    }
    let late = async {
        match args.for_ {
            Some(_) => time_up.await,
            None => tokio::time::sleep(LATE_EVENTS).await,
        }
    };
    tokio::select! {
        () = tally.goal() => {}
        () = late => {}
        () = stop.cancelled() => {}
    }
    Ok(ending)
}

async fn wait(child: &mut Option<&mut Child>) -> Result<u8, CliError> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

impl Args {
    async fn options(&self, cx: &Context) -> Result<ListenOptions, CliError> {
        let is_public_allowed = self.i_understand_public && !self.verify.schemes.is_empty();
        if !self.bind.is_loopback() && !is_public_allowed {
            return Err(
                CliError::usage(format!("{} is reachable from the network", self.bind)).hint(
                    "add --i-understand-public and --verify with its --secret, or omit --bind",
                ),
            );
        }
        if self.max_body.bytes() > MAX_BODY {
            return Err(
                CliError::usage("--max-body is over 64MiB").hint("use at most --max-body 64MiB")
            );
        }
        Ok(ListenOptions {
            bind: SocketAddr::new(self.bind, self.port),
            checks: self.checks(cx).await?,
            tolerance: self.tolerance.map(Into::into),
            public_urls: PublicUrls(self.public_url.clone()),
            allowed_hosts: self.allow_host.clone(),
            forward: self.forward.forward(cx)?,
            select: self.forward.select(),
            respond: self.respond.clone(),
            chaos: self.chaos.clone(),
            body: BodyLimits {
                bytes: self.max_body.bytes() as usize,
                ..BodyLimits::default()
            },
            dialer: cx.dialer()?,
            complete: crate::cli::brokers::completer(cx),
        })
    }

    async fn checks(&self, cx: &Context) -> Result<Checks, CliError> {
        if !self.verify.stray.is_empty() {
            let text = "--secret must follow the --verify that it belongs to";
            if let Some((_, origin)) = cx.config.get("listen.secret") {
                return Err(
                    CliError::usage(format!("{text}; listen.secret is set in {origin}"))
                        .hint("evt config set listen.verify standard-webhooks")
                        .hint("evt config unset listen.secret"),
                );
            }
            return Err(CliError::usage(text)
                .hint("evt listen --verify standard-webhooks --secret env:WEBHOOK_SECRET"));
        }
        let parent =
            Running::around(|name| cx.env.get(name)).and_then(|running| running.webhook_secret);
        let parent = parent.map(Secret::new);
        let platform = PlatformSecret::new(parent.as_ref(), cx.paths.state_dir.clone());
        if self.verify.schemes.is_empty() {
            return Ok(Checks::Platform(platform));
        }
        let mut checks = Vec::new();
        for (spec, references) in &self.verify.schemes {
            let (scheme, options) = cx.scheme(spec)?;
            let secrets = references
                .iter()
                .map(|reference| cx.secret(reference))
                .collect::<Result<Vec<Secret>, _>>()?;
            let (secrets, options) = match secrets.as_slice() {
                [] => dev_secrets(spec, options, cx).await?,
                _ => (secrets, options),
            };
            checks.push(Check::new(scheme, &secrets, &options)?);
        }
        Ok(Checks::Schemes(checks, platform))
    }
}

/// Without a --secret: the keys that the running platform has for vendors of this scheme, with their options.
async fn dev_secrets(
    spec: &SchemeSpec,
    options: Options,
    cx: &Context,
) -> Result<(Vec<Secret>, Options), CliError> {
    // Only the keys of a local platform are known.
    let local = cx.profile().ok().and_then(|profile| profile.local);
    let Some(running) = local else {
        return Ok((Vec::new(), options));
    };
    let vendors = vendor_keys::by_scheme(&running, &spec.name).await?;
    let Some(first) = vendors.first() else {
        return Ok((Vec::new(), options));
    };
    let names: Vec<&str> = vendors.iter().map(|vendor| vendor.name.as_str()).collect();
    cx.ui.status(&format!(
        "Verifying {} with the keys of {} from the running `evt dev`; use --secret to verify with others.",
        spec.name,
        names.join(", ")
    ));
    let secrets = vendors.iter().filter_map(|vendor| vendor.verifies.clone());
    Ok((secrets.collect(), first.options_with(&options)))
}

fn announce(args: &Args, cx: &Context, url: &str) {
    let mut text = format!("Listening on {url}");
    if let Some(target) = args.forward.target() {
        let target = target.shown();
        text.push_str(&match args.forward.retry {
            Some(_) => format!(", delivering to {target} with retries"),
            None => format!(", forwarding to {target}"),
        });
    }
    cx.ui.notice("ready", json!({ "url": url }), &text);
    if args.allow_host.iter().any(HostRule::is_any) {
        cx.ui.warn("any web page that you open can send requests to this listener and to its target (--allow-host '*')");
    }
    if !args.verify.schemes.is_empty() {
        let names: Vec<&str> = args
            .verify
            .schemes
            .iter()
            .map(|(spec, _)| spec.name.as_str())
            .collect();
        cx.ui.status(&format!(
            "Verifying signatures: {}, and those of the running `evt dev`.",
            names.join(" or ")
        ));
    } else {
        cx.ui.status("Verifying webhooks from the running `evt dev`. Other requests are accepted unverified (see --verify).");
    }
}
