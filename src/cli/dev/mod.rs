//! `evt dev`: run the platform locally, and speak to the one that runs.

mod ai;
mod ask;
mod gateways;
mod vendors;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Context;
use super::child::Child;
use super::runtime::Runtime;
use crate::dev::appengine::auth::AuthMode;
use crate::dev::host::hosts::AllowedHost;
use crate::dev::{CONTROL_PORT, DevOptions, PORT, Platform};
use crate::error::{CliError, Exit};
use crate::running::Running;
use crate::ui::Format;

/// Run the platform locally
///
/// Everything is kept in a data directory (--ephemeral: in none) and goes on where it was at the next start. With a command
/// after `--`, that command runs with EVT_URL, EVT_ORG, EVT_TOKEN, EVT_WEBHOOK_SECRET and EVT_CONTROL_URL set, the platform
/// ends with it, and its exit code is evt's.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_help_heading = "With the platform that runs",
    after_help = "\
Examples:
  evt dev                                      run it; other commands find it by themselves
  evt dev --ephemeral --port 0 -- npm test     run your tests against a platform of their own
  evt dev emit order.placed --set data.amount:=99"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: Start,
}

#[derive(Debug, clap::Args)]
struct Start {
    /// Port of the platform; 0 takes a free one, also for the control API
    #[arg(long, default_value_t = PORT, help_heading = "Running")]
    port: u16,
    /// Port of the control API; 0 takes a free one
    #[arg(long, default_value_t = CONTROL_PORT, help_heading = "Running")]
    console_port: u16,
    /// Keep everything here in place of the user's data folder
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    data: Option<PathBuf>,
    /// Keep nothing beyond this run
    #[arg(long, conflicts_with = "data", help_heading = "Running")]
    ephemeral: bool,
    /// Create the records and flows of this file first (YAML or JSON: records, flows)
    #[arg(long, value_name = "FILE", help_heading = "Running")]
    seed: Option<PathBuf>,
    /// How to read Authorization: any token, none, or only the platform's own
    #[arg(
        long,
        value_name = "MODE",
        default_value = "lenient",
        help_heading = "Behaving"
    )]
    auth: Auth,
    /// Also serve requests for this host, and from its web pages (repeatable): NAME or NAME:PORT
    #[arg(long, value_name = "HOST", help_heading = "Behaving")]
    allow_host: Vec<AllowedHost>,
    /// The most records in one page
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000), help_heading = "Behaving")]
    page_cap: u64,
    /// Send deliveries with the flow's own headers alone: unsigned, as the real platform does
    #[arg(long, help_heading = "Behaving")]
    bare: bool,
    /// Print `export` lines for a shell: of the platform that runs, else of the one that this starts; they hold secrets
    #[arg(long, help_heading = "Running")]
    print_env: bool,
    /// Run this with the platform's addresses in its environment, and end with it
    #[arg(last = true, value_name = "CMD")]
    child: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Auth {
    Lenient,
    Off,
    Strict,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(ask::Status),
    Token(ask::Token),
    Emit(ask::Emit),
    Set(ask::Set),
    Ai(ai::Ai),
    Vendors(vendors::Vendors),
    Reset(ask::Reset),
    Push(gateways::Push),
    Cut(gateways::Cut),
    Stop(ask::Stop),
}

/// Runs the platform, or the question to the one that runs.
pub(super) fn run(args: Args, cx: &Arc<Context>) -> Result<Exit, CliError> {
    let own = Arc::clone(cx);
    match args.command {
        None => Runtime::Server.run(cx, serve(args.start, own)),
        Some(Command::Status(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Token(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Emit(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Set(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Ai(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Vendors(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Reset(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Push(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Cut(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
        Some(Command::Stop(args)) => Runtime::Brief.run(cx, async move { args.run(&own).await }),
    }
}

async fn serve(args: Start, cx: Arc<Context>) -> Result<Exit, CliError> {
    if args.print_env
        && args.child.is_empty()
        && let Some(running) = cx.running()?
    {
        export(&running, &cx)?;
        return Ok(Exit::Done);
    }
    let stop = cx.shutdown.child_token();
    let platform = Platform::start(args.options(&cx), stop.clone()).await?;
    args.announce(&platform, &cx)?;
    let end = match args.child.as_slice() {
        [] => {
            let watcher = watch::start(&platform, &cx, &stop);
            stop.cancelled().await;
            watcher.ended().await;
            Ok(Exit::Done)
        }
        command => accompany(command, &platform, &cx).await,
    };
    stop.cancel();
    let kept = platform.running().data.clone();
    platform.stopped().await;
    if args.child.is_empty() {
        let text = match kept {
            Some(data) => format!("Stopped. Everything is kept in {}", data.display()),
            None => "Stopped. Nothing is kept".to_owned(),
        };
        cx.ui.notice("stopped", json!({}), &text);
    }
    end
}

/// Runs the command after `--` to its end, and returns its code.
async fn accompany(
    command: &[String],
    platform: &Platform,
    cx: &Context,
) -> Result<Exit, CliError> {
    let variables = platform.running().variables();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut child = Child::start(command, &variables, cx)?;
    Ok(Exit::Child(child.wait().await?))
}

/// `export` lines on stdout; none of the values holds a quote.
fn export(running: &Running, cx: &Context) -> Result<(), CliError> {
    for (name, value) in running.variables() {
        cx.ui.line(&format!("export {name}='{value}'"))?;
    }
    Ok(())
}

impl Start {
    fn options(&self, cx: &Context) -> DevOptions {
        let folder = |path: &PathBuf| cx.env.current_dir.join(path);
        let data = match &self.data {
            Some(path) => folder(path),
            None => cx.paths.platform_dir(),
        };
        DevOptions {
            port: self.port,
            // One flag for "somewhere free" is enough.
            control_port: if self.port == 0 && self.console_port == CONTROL_PORT {
                0
            } else {
                self.console_port
            },
            data: (!self.ephemeral).then_some(data),
            org: cx
                .globals
                .org
                .clone()
                .unwrap_or_else(|| "my-org".to_owned()),
            auth: match self.auth {
                Auth::Lenient => AuthMode::Lenient,
                Auth::Off => AuthMode::Off,
                Auth::Strict => AuthMode::Strict,
            },
            allowed_hosts: self.allow_host.clone(),
            page_cap: usize::try_from(self.page_cap).unwrap_or(usize::MAX),
            bare: self.bare,
            seed: self.seed.as_ref().map(folder),
            state_dir: Some(cx.paths.state_dir.clone()),
        }
    }

    /// Addresses on stdout (a command after `--` has stdout for itself), what to try on stderr.
    fn announce(&self, platform: &Platform, cx: &Context) -> Result<(), CliError> {
        let running = platform.running();
        let facts = facts(running);
        if self.print_env {
            export(running, cx)?;
        } else if self.child.is_empty() {
            match cx.ui.format() {
                Format::Text => {
                    cx.ui.table(&["WHAT", "WHERE"], places(running))?;
                    if cx.ui.stdout_is_terminal() {
                        cx.ui.line("")?;
                        vendors::table(
                            &crate::dev::appengine::vendors::facts(platform.state()),
                            cx,
                        )?;
                    }
                }
                Format::Json | Format::Raw => cx.ui.json(&facts)?,
            }
        }
        cx.ui.flush()?;
        if let Some(other) = platform.in_the_shade_of() {
            cx.ui.warn(&format!(
                "other commands go on to find the `evt dev` with pid {other}; this one is found with EVT_URL={} alone",
                running.url
            ));
        }
        if let Some(planted) = platform.planted() {
            cx.ui.status(&format!(
                "Planted {} records and {} flows; {} were there already",
                planted.records, planted.flows, planted.kept
            ));
        }
        cx.ui.notice("ready", facts, &self.ready(running, cx));
        Ok(())
    }

    fn ready(&self, running: &Running, cx: &Context) -> String {
        if !self.child.is_empty() {
            return format!("The platform runs at {}", running.url);
        }
        format!(
            "\
Ready. Try this next, in another terminal:
  evt listen                          receive what flows deliver, verified
  evt flows create --on contact.created --webhook {}/hook
  evt records create contact email=ada@example.com
  evt send stripe/payment_intent.succeeded   a vendor's, signed
  evt dev vendors                     every vendor's key in full
Ctrl-C ends it.",
            cx.listener()
        )
    }
}

fn facts(running: &Running) -> Value {
    json!({
        "url": running.url,
        "control_url": running.control_url,
        "org": running.org,
        "data": running.data,
        "pid": running.pid,
        "signs_deliveries": running.webhook_secret.is_some(),
    })
}

fn places(running: &Running) -> Vec<Vec<String>> {
    let data = match &running.data {
        Some(path) => path.display().to_string(),
        None => "nowhere (--ephemeral)".to_owned(),
    };
    let rows = [
        ("platform", running.url.clone()),
        ("control API", running.control_url.clone()),
        ("organisation", running.org.clone()),
        ("data", data),
    ];
    rows.into_iter()
        .map(|(what, value)| vec![what.to_owned(), value])
        .collect()
}
