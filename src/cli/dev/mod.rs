//! `evt dev`: run the platforms locally, and talk to those that run.

mod ai;
mod ask;
mod brokers;
mod clock;
mod gateways;
mod outbox;
mod routes;
mod settings;
mod vendors;
mod watch;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Args as _, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::brokers::complete;
use super::child::Child;
use super::parse::one_of;
use super::retention;
use super::runtime::Runtime;
use crate::config::ConfigError;
use crate::dev::host::brokers::{BrokerKind, BrokerOption, supervisor};
use crate::dev::host::hosts::AllowedHost;
use crate::dev::host::mail::SmtpServer;
use crate::dev::{AuthMode, CONTROL_PORT, DevOptions, PLATFORMS, PORT, Server};
use crate::error::{CliError, Exit};
use crate::grammar::broker::BrokerUrl;
use crate::paths::is_platform_name;
use crate::running::{DEFAULT_NAME, Running};
use crate::store::Kind;
use crate::ui::Format;

/// Run the platform locally
///
/// All data is stored in a data directory and is available again at the next start, except with `--ephemeral`. A command after
/// `--` runs with EVT_URL, EVT_ORG, EVT_TOKEN, EVT_WEBHOOK_SECRET and EVT_CONTROL_URL set, and with EVT_<NAME>_URL and
/// EVT_<NAME>_TOKEN for each platform. The platforms stop when the command ends, and evt exits with its exit code.
#[derive(Debug, clap::Args)]
#[command(
    subcommand_help_heading = "With a running platform",
    after_help = "\
Examples:
  evt dev                                      run it; other commands find it by themselves
  evt dev --ephemeral --port 0 -- npm test     run your tests against a platform of their own
  evt dev emit order.placed --set data.amount:=99"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands
    #[arg(long, global = true, value_name = "NAME", value_parser = platform_name, help_heading = "Running")]
    name: Option<String>,
    #[command(flatten)]
    start: Start,
}

#[derive(Debug, clap::Args)]
struct Start {
    /// Also accept connections of other machines at this address, such as 0.0.0.0 in a container; see --allow-host
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        help_heading = "Running"
    )]
    bind: IpAddr,
    /// Port of the platforms; 0 selects free ports for them and for the control API
    #[arg(long, default_value_t = PORT, help_heading = "Running")]
    port: u16,
    /// Port of the control API; 0 selects a free one
    #[arg(long, default_value_t = CONTROL_PORT, help_heading = "Running")]
    console_port: u16,
    /// Start only these platforms, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = platform_names(), help_heading = "Running")]
    only: Vec<String>,
    /// Store all data here instead of in the user's data folder
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    data: Option<PathBuf>,
    /// Delete all data when the platform stops
    #[arg(long, conflicts_with = "data", help_heading = "Running")]
    ephemeral: bool,
    /// Create the records and flows of this file first (YAML or JSON: records, flows)
    #[arg(long, value_name = "FILE", help_heading = "Running")]
    seed: Option<PathBuf>,
    /// How to check Authorization: accept any token, need none, or accept only the platform's own
    #[arg(
        long,
        value_name = "MODE",
        value_parser = one_of(&AuthMode::WORDS),
        default_value = "lenient",
        help_heading = "Behaving"
    )]
    auth: AuthMode,
    /// Also serve requests for this host, and from its web pages (repeatable): NAME or NAME:PORT
    #[arg(long, value_name = "HOST", help_heading = "Behaving")]
    allow_host: Vec<AllowedHost>,
    /// Maximum number of records in a page
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000), help_heading = "Behaving")]
    page_cap: u64,
    /// Send deliveries only with the flow's own headers: unsigned, as the real platform does
    #[arg(long, help_heading = "Behaving")]
    bare: bool,
    /// Also deliver the e-mails of flows to this SMTP server, without TLS: HOST:PORT
    #[arg(long, value_name = "HOST:PORT", help_heading = "Behaving")]
    smtp: Option<SmtpServer>,
    /// Start the installed servers of these brokers with the platform: nats, rabbitmq, redis
    #[arg(long, value_name = "BROKER", value_delimiter = ',', value_parser = broker_names(), help_heading = "Brokers")]
    with: Vec<String>,
    /// Use the NATS server at this address; user and password come from EVT_NATS_URL
    #[arg(long, value_name = "URL", help_heading = "Brokers")]
    nats: Option<String>,
    /// Use the RabbitMQ server at this address; user and password come from EVT_AMQP_URL
    #[arg(long, value_name = "URL", help_heading = "Brokers")]
    amqp: Option<String>,
    /// Use the Redis server at this address; user and password come from EVT_REDIS_URL
    #[arg(long, value_name = "URL", help_heading = "Brokers")]
    redis: Option<String>,
    /// Print `export` lines for a shell, for the running platform; they contain secrets. Starts nothing without a command
    #[arg(long, help_heading = "Running")]
    print_env: bool,
    /// Run this command with the platform's addresses in its environment, and stop when it ends
    #[arg(last = true, value_name = "CMD")]
    child: Vec<String>,
}

fn platform_names() -> PossibleValuesParser {
    PossibleValuesParser::new(PLATFORMS.iter().map(|platform| platform.name))
}

fn broker_names() -> PossibleValuesParser {
    PossibleValuesParser::new(BrokerKind::ALL.map(BrokerKind::name))
}

/// The process that runs the servers of brokers. It is started by `evt dev`.
pub(super) fn supervise() -> Result<Exit, CliError> {
    match supervisor::run() {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(
            CliError::usage(format!("only `evt dev` starts this command: {error}"))
                .hint("evt dev --with nats"),
        ),
    }
}

fn platform_name(text: &str) -> Result<String, String> {
    match is_platform_name(text) {
        true => Ok(text.to_owned()),
        false => Err("use at most 64 small letters, digits, `_` and `-`".to_owned()),
    }
}

impl Args {
    /// `--name`
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(ask::Status),
    Token(ask::Token),
    Emit(ask::Emit),
    Set(settings::Set),
    Clock(clock::Clock),
    Outbox(outbox::Outbox),
    Routes(routes::Routes),
    Ai(ai::Ai),
    Vendors(vendors::Vendors),
    Reset(ask::Reset),
    Push(gateways::Push),
    Cut(gateways::Cut),
    Stop(ask::Stop),
}

/// Runs the platforms, or a command for those that run.
pub(super) fn run(args: Args, cx: &Arc<Context>) -> Result<Exit, CliError> {
    let own = Arc::clone(cx);
    let Some(command) = args.command else {
        return Runtime::Server.run(cx, serve(args.start, own));
    };
    match start_flag(cx) {
        Some(flag) => Err(CliError::usage(format!(
            "`--{flag}` is for starting a platform, not for a command to a running one"
        ))
        .hint("evt dev --help")),
        None => command
            .runtime()
            .run(cx, async move { command.run(&own).await }),
    }
}

/// A flag of the start on the command line, except those that select a platform.
fn start_flag(cx: &Context) -> Option<String> {
    let own = cx.matches.subcommand_matches("dev")?;
    let start = Start::augment_args(clap::Command::new("start"));
    let is_given = |arg: &&clap::Arg| {
        own.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let given = start.get_arguments().find(is_given)?;
    Some(given.get_long().unwrap_or("").to_owned())
}

impl Command {
    fn runtime(&self) -> Runtime {
        match self {
            // Ctrl-C stops the clock.
            Self::Clock(_) => Runtime::Client,
            _ => Runtime::Brief,
        }
    }

    async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Status(args) => args.run(cx).await,
            Self::Token(args) => args.run(cx).await,
            Self::Emit(args) => args.run(cx).await,
            Self::Set(args) => args.run(cx).await,
            Self::Clock(args) => args.run(cx).await,
            Self::Outbox(args) => args.run(cx).await,
            Self::Routes(args) => args.run(cx).await,
            Self::Ai(args) => args.run(cx).await,
            Self::Vendors(args) => args.run(cx).await,
            Self::Reset(args) => args.run(cx).await,
            Self::Push(args) => args.run(cx).await,
            Self::Cut(args) => args.run(cx).await,
            Self::Stop(args) => args.run(cx).await,
        }
    }
}

async fn serve(args: Start, cx: Arc<Context>) -> Result<Exit, CliError> {
    if args.print_env && args.child.is_empty() {
        // Starting a platform here would block the shell that reads the lines in `$(…)`.
        export(&ask::running(&cx)?, &cx)?;
        return Ok(Exit::Done);
    }
    let options = args.options(&cx)?;
    if options.data.is_some() && args.data.is_none() {
        cx.warn_if_temporary();
    }
    let stop = cx.shutdown.child_token();
    let server = Server::start(options, stop.clone()).await?;
    let store = server.host().store.clone();
    let retention = retention::start(&cx, store, Kind::Platform, stop.clone())?;
    args.announce(&server, &cx)?;
    brokers::report(&server, &cx, &stop);
    let end = match args.child.as_slice() {
        [] => {
            let watcher = watch::start(&server, &cx, &stop);
            stop.cancelled().await;
            watcher.ended().await;
            Ok(Exit::Done)
        }
        command => accompany(command, &server, &cx).await,
    };
    stop.cancel();
    // It uses the database, which another process may open afterwards.
    let _ = retention.await;
    let data = server.running().data.clone();
    server.stopped().await;
    if args.child.is_empty() {
        let text = match data {
            Some(data) => format!("Stopped. All data is in {}", data.display()),
            None => "Stopped. All data is deleted".to_owned(),
        };
        cx.ui.notice("stopped", json!({}), &text);
    }
    end
}

/// Runs the command after `--`, and returns its exit code.
async fn accompany(command: &[String], server: &Server, cx: &Context) -> Result<Exit, CliError> {
    let variables = server.running().variables();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut child = Child::start(command, &variables, cx)?;
    Ok(Exit::Child(child.wait().await?))
}

/// Prints `export` lines on stdout. A shell reads a quote within quotes as `'\''`.
fn export(running: &Running, cx: &Context) -> Result<(), CliError> {
    for (name, value) in running.variables() {
        let value = value.replace('\'', r"'\''");
        cx.ui.line(&format!("export {name}='{value}'"))?;
    }
    Ok(())
}

impl Start {
    fn options(&self, cx: &Context) -> Result<DevOptions, CliError> {
        let folder = |path: &PathBuf| cx.env.current_dir.join(path);
        let name = name_of(cx)?;
        let data = match &self.data {
            Some(path) => folder(path),
            None => cx.paths.platform_dir(&name),
        };
        let (port, console_port) = self.ports(&name, cx);
        let is_selected = |name| self.only.is_empty() || self.only.iter().any(|own| own == name);
        Ok(DevOptions {
            platforms: PLATFORMS
                .iter()
                .copied()
                .filter(|platform| is_selected(platform.name))
                .collect(),
            name,
            bind: self.bind,
            port,
            // `--port 0` alone selects free ports for both.
            control_port: if port == 0 && console_port == CONTROL_PORT {
                0
            } else {
                console_port
            },
            data: (!self.ephemeral).then_some(data),
            org: cx
                .globals
                .org
                .clone()
                .unwrap_or_else(|| "my-org".to_owned()),
            auth: self.auth(cx)?,
            allowed_hosts: self.allow_host.clone(),
            page_cap: usize::try_from(self.page_cap).unwrap_or(usize::MAX),
            bare: self.bare,
            smtp: self.smtp.clone(),
            brokers: self.brokers(cx)?,
            seed: self.seed.as_ref().map(folder),
            state_dir: Some(cx.paths.state_dir.clone()),
            dialer: cx.dialer()?,
        })
    }

    fn brokers(&self, cx: &Context) -> Result<Vec<BrokerOption>, CliError> {
        let addresses = [
            (BrokerKind::Nats, &self.nats),
            (BrokerKind::RabbitMq, &self.amqp),
            (BrokerKind::Redis, &self.redis),
        ];
        let mut chosen = Vec::new();
        for (kind, address) in addresses {
            let is_started = self.with.iter().any(|name| name == kind.name());
            match address {
                Some(_) if is_started => {
                    let (name, flag) = (kind.name(), kind.protocol());
                    return Err(CliError::usage(format!(
                        "--with {name} starts a server, and --{flag} names another one"
                    ))
                    .hint(format!("use only --with {name}, or only --{flag}")));
                }
                Some(address) => {
                    let url = complete(BrokerUrl::parse(address)?, cx)?;
                    chosen.push(BrokerOption::Attach(kind, url));
                }
                None if is_started => chosen.push(BrokerOption::Start(kind)),
                None => {}
            }
        }
        Ok(chosen)
    }

    /// The ports of the platforms and of the control API. Those of the flags' defaults and of the settings are for the default name.
    fn ports(&self, name: &str, cx: &Context) -> (u16, u16) {
        let own = cx.matches.subcommand_matches("dev");
        let is_given =
            |id| own.and_then(|own| own.value_source(id)) == Some(ValueSource::CommandLine);
        match name {
            DEFAULT_NAME => (self.port, self.console_port),
            _ => (
                if is_given("port") { self.port } else { 0 },
                if is_given("console_port") {
                    self.console_port
                } else {
                    0
                },
            ),
        }
    }

    /// How to check `Authorization`. Other machines need a token of the platform, unless the user asks for less.
    fn auth(&self, cx: &Context) -> Result<AuthMode, CliError> {
        if self.bind.to_canonical().is_loopback() {
            return Ok(self.auth);
        }
        let own = cx.matches.subcommand_matches("dev");
        let source = own.and_then(|own| own.value_source("auth"));
        let is_default =
            source == Some(ValueSource::DefaultValue) && cx.config.get("dev.auth").is_none();
        match self.auth {
            AuthMode::Off => Err(CliError::usage(format!(
                "{} can be reached from other machines, so requests need a token",
                self.bind
            ))
            .hint("omit --auth off, or omit --bind")),
            _ if is_default => Ok(AuthMode::Strict),
            auth => Ok(auth),
        }
    }

    /// Prints addresses on stdout, unless a command after `--` owns it, and suggestions on stderr.
    fn announce(&self, server: &Server, cx: &Context) -> Result<(), CliError> {
        let running = server.running();
        let facts = facts(running);
        if self.print_env {
            export(running, cx)?;
        } else if self.child.is_empty() {
            match cx.ui.format() {
                Format::Text => {
                    cx.ui.table(&["WHAT", "WHERE"], addresses(running))?;
                }
                Format::Json | Format::Raw => cx.ui.json(&facts)?,
            }
        }
        cx.ui.flush()?;
        self.warn(server, cx);
        if let Some(seeded) = server.seeded() {
            let created: Vec<String> = seeded
                .created
                .iter()
                .map(|(kind, count)| match count {
                    1 => format!("1 {}", kind.trim_end_matches('s')),
                    _ => format!("{count} {kind}"),
                })
                .collect();
            cx.ui.status(&format!(
                "Created {} from the seed; {} existed already",
                created.join(" and "),
                seeded.existing
            ));
        }
        cx.ui.notice("ready", facts, &self.ready(running, cx));
        Ok(())
    }

    fn warn(&self, server: &Server, cx: &Context) {
        let running = server.running();
        if let Some(other) = server.hidden_by() {
            cx.ui.warn(&format!(
                "other commands still find the `evt dev` with pid {other}; with --name they find both"
            ));
        }
        if let Some(error) = server.unannounced() {
            cx.ui.warn(&format!(
                "other commands cannot find this platform, because its file cannot be written ({error}); set EVT_HOME, or use {} with curl",
                running.url
            ));
        }
        if !self.bind.to_canonical().is_loopback() {
            let names = match self.allow_host.is_empty() {
                true => "localhost; --allow-host allows other names",
                false => "localhost and the hosts of --allow-host",
            };
            let token = match self.auth(cx) {
                Ok(AuthMode::Strict) => "a token of the platform",
                _ => "any token",
            };
            cx.ui.warn(&format!(
                "other machines can connect to {}; requests need {token}, and must name {names}",
                self.bind
            ));
        }
    }

    fn ready(&self, running: &Running, cx: &Context) -> String {
        if !self.child.is_empty() {
            return format!("The platform runs at {}", running.url);
        }
        let suggestions = format!(
            "\
Ready. Try this next, in another terminal:
  evt listen                          receive what flows deliver, verified
  evt flows create --on contact.created --webhook {}/hook
  evt records create contact email=ada@example.com
  evt send stripe/payment_intent.succeeded   a vendor's event, signed
  evt dev vendors                     vendors' receivers and their keys
Ctrl-C stops it.",
            cx.listener()
        );
        match running.name.as_str() {
            DEFAULT_NAME => suggestions,
            name => suggestions.replace("\n  evt ", &format!("\n  evt -p {name} ")),
        }
    }
}

/// The name of the platform to start: `--name`, or the one of `-p` unless that is a profile for another server.
fn name_of(cx: &Context) -> Result<String, CliError> {
    let is_stored = |name: &str| cx.config.entry(name).is_ok();
    match cx.named() {
        None | Some(DEFAULT_NAME) => Ok(DEFAULT_NAME.to_owned()),
        Some(name) if is_stored(name) && cx.is_platform_flag() => {
            let (name, of) = (name.to_owned(), "profile");
            Err(ConfigError::NameTaken { name, of }.into())
        }
        Some(name) if is_stored(name) => Ok(DEFAULT_NAME.to_owned()),
        Some(name) => platform_name(name).map_err(CliError::usage),
    }
}

fn facts(running: &Running) -> Value {
    json!({
        "name": running.name,
        "url": running.url,
        "control_url": running.control_url,
        "org": running.org,
        "data": running.data,
        "pid": running.pid,
        "signs_deliveries": running.webhook_secret.is_some(),
        "platforms": urls(running).collect::<serde_json::Map<_, _>>(),
    })
}

fn urls(running: &Running) -> impl Iterator<Item = (String, Value)> {
    let all = running.platforms.iter();
    all.map(|(name, access)| {
        (
            name.clone(),
            json!({ "url": access.url, "org": access.org }),
        )
    })
}

fn addresses(running: &Running) -> Vec<Vec<String>> {
    let data = match &running.data {
        Some(path) => path.display().to_string(),
        None => "deleted at the end (--ephemeral)".to_owned(),
    };
    let mut rows = vec![
        ("platform".to_owned(), running.url.clone()),
        ("control API".to_owned(), running.control_url.clone()),
        ("organisation".to_owned(), running.org.clone()),
        ("data".to_owned(), data),
    ];
    let brokers = running.brokers.iter();
    rows.extend(brokers.filter_map(|(protocol, url)| {
        let url = BrokerUrl::parse_with_login(url).ok()?;
        Some((protocol.clone(), url.to_string()))
    }));
    if running.platforms.len() > 1 {
        let all = running.platforms.iter();
        rows.extend(all.map(|(name, access)| (name.clone(), access.url.clone())));
    }
    rows.into_iter()
        .map(|(what, value)| vec![what, value])
        .collect()
}
