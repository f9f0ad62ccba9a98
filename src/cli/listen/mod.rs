//! `evt listen`: receive webhooks, verify, keep, show and forward them.

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
use super::vendor_keys;
use crate::backoff::Retry;
use crate::error::{CliError, Exit};
use crate::grammar::quantity::{Size, Span};
use crate::grammar::target::Target;
use crate::listen::{
    Chaos, Check, Checks, Forward, ListenOptions, Listener, PlatformSecret, Respond, Route,
};
use crate::running::Running;
use crate::secret::Secret;
use crate::select::Select;
use crate::serve::BodyLimits;
use crate::signature::Options;
use crate::signature::SchemeSpec;
use tally::Tally;

/// How long what has come may take to be printed, once the listener has stopped.
const PATIENCE: Duration = Duration::from_secs(2);
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
    verify: verify::VerifyArgs,
    /// How far a signed timestamp may lie from now; 0 switches the check off; if not given, what the scheme asks for, mostly 5m
    #[arg(long, value_name = "SPAN", help_heading = "Verifying")]
    tolerance: Option<Span>,
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
    /// End when an event like this has come: a type, 'contact.*', or an expression such as 'data.data.amount > 10'
    #[arg(long, value_name = "SELECT", help_heading = "Stopping")]
    expect: Option<Select>,

    /// Run this as your app, end with it and return its exit code
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

pub(crate) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let options = args.options(&cx).await?;
    let stop = cx.shutdown.child_token();
    let listener = Listener::start(options, cx.inbox()?, stop.clone()).await?;
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
    let tally = Arc::new(Tally::new(&args));
    let mut printing = tally.print(listener.messages, &cx);
    let end = follow(&args, &tally, &mut printing, child.as_mut(), &stop).await;
    stop.cancel();
    let _ = listener.task.await;
    let printed = match &end {
        Ok(Ending::Printed(_)) => Ok(()),
        _ => match tokio::time::timeout(PATIENCE, &mut printing).await {
            Ok(printed) => printed.unwrap_or(Ok(())),
            // Nobody reads our stdout, and whatever still wants to write there would wait for ever.
            Err(_) => {
                tally.summary(&args, &listener.display, &cx);
                std::process::exit(i32::from(tally.exit(end?, &cx)?.code()));
            }
        },
    };
    tally.summary(&args, &listener.display, &cx);
    if let (Some(child), false) = (child, matches!(end, Ok(Ending::Child(_)))) {
        child.stop().await;
    }
    printed?;
    tally.exit(end?, &cx)
}

/// Why the listener ends.
enum Ending {
    GoalMet,
    TimeOver,
    Stopped,
    Child(u8),
    /// Our output was closed, or cannot be written.
    Printed(Result<(), CliError>),
}

async fn follow(
    args: &Args,
    tally: &Tally,
    printing: &mut JoinHandle<Result<(), CliError>>,
    mut child: Option<&mut Child>,
    stop: &CancellationToken,
) -> Result<Ending, CliError> {
    let over = async {
        match args.for_ {
            Some(span) => tokio::time::sleep(span.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = tally.goal() => Ok(Ending::GoalMet),
        printed = printing => Ok(Ending::Printed(printed.unwrap_or(Ok(())))),
        code = wait(&mut child) => Ok(Ending::Child(code?)),
        () = over => Ok(Ending::TimeOver),
        () = stop.cancelled() => Ok(Ending::Stopped),
    }
}

async fn wait(child: &mut Option<&mut Child>) -> Result<u8, CliError> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

impl Args {
    async fn options(&self, cx: &Context) -> Result<ListenOptions, CliError> {
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
            checks: self.checks(cx).await?,
            tolerance: self.tolerance.map(Into::into),
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

    async fn checks(&self, cx: &Context) -> Result<Checks, CliError> {
        if !self.verify.stray.is_empty() {
            let text = "--secret needs the --verify that it belongs to before it";
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
        if self.verify.schemes.is_empty() {
            let around =
                Running::around(|name| cx.env.get(name)).and_then(|running| running.webhook_secret);
            let around = around.map(Secret::new);
            let state_dir = cx.paths.state_dir.clone();
            return Ok(Checks::Platform(PlatformSecret::new(
                around.as_ref(),
                state_dir,
            )));
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
        Ok(Checks::Asked(checks))
    }
}

/// Where no secret is given: those that the running platform gave the vendors of this scheme, and their options.
async fn dev_secrets(
    spec: &SchemeSpec,
    options: Options,
    cx: &Context,
) -> Result<(Vec<Secret>, Options), CliError> {
    // Only the local profile has a platform whose keys are known.
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
        "Verifying {} with the keys that the running `evt dev` gave {} (--secret REF for others).",
        spec.name,
        names.join(", ")
    ));
    let secrets = vendors.iter().filter_map(|vendor| vendor.verifies.clone());
    Ok((secrets.collect(), first.options_with(&options)))
}

fn announce(args: &Args, cx: &Context, url: &str) {
    let mut text = format!("Listening on {url}");
    match (&args.target, args.retry) {
        (Some(target), Some(_)) => text.push_str(&format!(", delivering to {target} with retries")),
        (Some(target), None) => text.push_str(&format!(", forwarding to {target}")),
        (None, _) => {}
    }
    cx.ui.notice("ready", json!({ "url": url }), &text);
    if !args.verify.schemes.is_empty() {
        let names: Vec<&str> = args
            .verify
            .schemes
            .iter()
            .map(|(spec, _)| spec.name.as_str())
            .collect();
        cx.ui
            .status(&format!("Checking signatures: {}.", names.join(" or ")));
    } else {
        cx.ui.status("Checking what the running `evt dev` signs; anything else is kept as unverified (--verify SCHEME --secret REF checks more).");
    }
}
