//! The command line: arguments, dispatch, exit codes. Each command has a file or folder.

mod brokers;
mod calls;
mod change;
mod child;
mod completions;
mod config;
mod context;
mod datatypes;
mod demo;
mod dev;
mod doctor;
mod events;
mod flows;
#[cfg(test)]
mod hints;
mod input;
mod listen;
mod man;
mod network;
mod parse;
mod poll;
mod profile;
mod queue;
mod records;
mod retention;
mod runtime;
mod send;
mod settings;
mod stop;
mod synonyms;
mod tail;
mod vendor_keys;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::config::Config;
use crate::dev::host::brokers::supervisor;
use crate::env::Env;
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::ui::{Colour, Format, Manner, Ui};

pub(crate) use context::Context;
use parse::Parsed;
use runtime::Runtime;
pub(crate) use runtime::RuntimeError;

/// Receive, send, replay and automate events against a platform that runs on your machine
#[derive(Debug, Parser)]
#[command(
    name = "evt",
    version,
    after_help = "Examples:\n  evt demo         a tour of all commands, in ten seconds and offline\n  evt dev          runs the platform and prints what to try next",
    arg_required_else_help = true,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    globals: Globals,
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Global")]
    version: Option<bool>,
}

/// The commands in the order of the help. A new command needs a variant here and an arm in [`dispatch`].
#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Args),
    Demo(demo::Args),
    Listen(Box<listen::Args>),
    Tail(Box<tail::Args>),
    Poll(Box<poll::Args>),
    Send(send::Args),
    Events(events::Args),
    Records(records::Args),
    Flows(flows::Args),
    Queue(queue::Args),
    Profile(profile::Args),
    Config(config::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
    Generate(man::GenerateArgs),
    /// Run the servers of `evt dev --with`
    #[command(name = supervisor::COMMAND, hide = true)]
    SuperviseBrokers,
}

/// Runs the command in the runtime that it needs.
fn dispatch(command: Command, cx: &Arc<Context>) -> Result<Exit, CliError> {
    let own = Arc::clone(cx);
    match command {
        Command::Dev(args) => dev::run(args, cx),
        Command::Demo(args) => Runtime::Client.run(cx, demo::run(args, own)),
        Command::Listen(args) => Runtime::Client.run(cx, listen::run(*args, own)),
        Command::Tail(args) => Runtime::Client.run(cx, tail::run(*args, own)),
        Command::Poll(args) => Runtime::Client.run(cx, poll::run(*args, own)),
        Command::Flows(args) => flows::runtime(&args).run(cx, flows::run(args, own)),
        Command::Records(args) => Runtime::Brief.run(cx, records::run(args, own)),
        Command::Send(args) => Runtime::Client.run(cx, send::run(args, own)),
        Command::Events(args) => Runtime::Client.run(cx, events::run(args, own)),
        Command::Queue(args) => Runtime::Brief.run(cx, queue::run(args, own)),
        Command::Profile(args) => Runtime::Brief.run(cx, profile::run(args, own)),
        Command::Config(args) => config::run(&args, cx),
        Command::Doctor(args) => Runtime::Brief.run(cx, doctor::run(args, own)),
        Command::Completions(args) => completions::run(&args, cx),
        Command::Man(args) => Runtime::Brief.run(cx, man::run(args, own)),
        Command::Generate(args) => man::generate(&args, cx),
        Command::SuperviseBrokers => dev::supervise(),
    }
}

/// Returns whether a command prints a request that another tool could make.
fn shows_requests(command: &Command) -> bool {
    match command {
        Command::Send(args) => args.is_dry_run(),
        Command::Events(args) => args.is_dry_run(),
        _ => false,
    }
}

/// Returns whether a command can print a diagram.
fn draws(command: &Command) -> bool {
    matches!(command, Command::Flows(args) if flows::draws(args))
}

/// Whether a command works without settings, because it helps to fix them or does not use them.
fn runs_without_settings(command: &Command) -> bool {
    match command {
        Command::Profile(args) => args.is_allow(),
        _ => matches!(
            command,
            Command::Config(_)
                | Command::Doctor(_)
                | Command::Completions(_)
                | Command::Man(_)
                | Command::Generate(_)
                | Command::SuperviseBrokers
        ),
    }
}

/// The global flags.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global")]
pub(crate) struct Globals {
    /// Use this profile: platform, organisation and credentials
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Read this file instead of your settings file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Choose the format of stdout; auto is text on a terminal and JSON otherwise
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORM",
        default_value = "auto"
    )]
    output: Output,
    /// The same as `-o json`
    #[arg(long, global = true)]
    json: bool,
    /// Print only errors and warnings to stderr
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print more to stderr; `-vv` also prints logs
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Do not ask questions, even on a terminal
    #[arg(long, global = true)]
    no_input: bool,
    /// URL of the platform; overrides the profile
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Id of the organisation; overrides the profile
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) org: Option<String>,
    /// Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile
    #[arg(long, global = true, value_name = "REF")]
    pub(crate) token: Option<SecretRef>,
    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort)]
    help: Option<bool>,
}

/// `-o`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Auto,
    Text,
    Json,
    Raw,
    /// The request as a curl command; only with --dry-run
    Curl,
    /// The diagram of a flow; only with `evt flows show`
    Mermaid,
}

/// `--color`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Globals {
    /// Returns whether requests are printed as `curl` commands.
    pub(crate) fn wants_curl(&self) -> bool {
        self.output == Output::Curl
    }

    /// Returns whether diagrams are printed as Mermaid.
    pub(crate) fn wants_mermaid(&self) -> bool {
        self.output == Output::Mermaid
    }

    fn manner(&self, env: &Env) -> Manner {
        let explicit_json = self.json || self.output == Output::Json;
        let format = match self.output {
            _ if explicit_json => Format::Json,
            Output::Auto if env.stdout_is_terminal => Format::Text,
            Output::Auto | Output::Json => Format::Json,
            Output::Text => Format::Text,
            Output::Raw | Output::Curl | Output::Mermaid => Format::Raw,
        };
        Manner {
            format,
            explicit_json,
            quiet: self.quiet,
            verbose: self.verbose > 0,
            stdout_is_terminal: env.stdout_is_terminal,
            stderr_is_terminal: env.stderr_is_terminal,
            colour: match self.color {
                Color::Auto => Colour::Auto,
                Color::Always => Colour::Always,
                Color::Never => Colour::Never,
            },
            colour_hints: env.colour_hints(),
            unicode: env.shows_unicode(),
            may_ask: !self.no_input && env.stdin_is_terminal && env.stderr_is_terminal,
        }
    }
}

/// Runs one command line and returns its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>, env: Env) -> ExitCode {
    crate::ui::report_panics();
    let mut args: Vec<OsString> = args.into_iter().collect();
    // Scripts often ask for the version. Building the tree of commands would take most of the time.
    if asks_version(&args) {
        let ui = Ui::new(parse::manner(&args, &env));
        let printed = ui.line(concat!("evt ", env!("CARGO_PKG_VERSION")));
        let is_done = printed.and_then(|()| ui.close()).is_ok();
        return ExitCode::from(if is_done { Exit::Done } else { Exit::Failed }.code());
    }
    let mut parsed = parse::parse(&args, &env);
    let meant = parsed.as_ref().err().and_then(|stop| stop.expanded(&args));
    if let Some(meant) = meant {
        args = meant;
        parsed = parse::parse(&args, &env);
    }
    let (ui, result) = match parsed {
        Ok(parsed) => {
            let ui = Arc::new(Ui::new(parsed.cli.globals.manner(&env)));
            let result = start(parsed, env, Arc::clone(&ui));
            (ui, result)
        }
        Err(stop) => {
            let ui = Arc::new(Ui::new(parse::manner(&args, &env)));
            let result = stop.answer(&ui, &args, &env);
            (ui, result)
        }
    };
    let result = result.and_then(|exit| Ok(ui.close().map(|()| exit)?));
    let exit = match result {
        Ok(exit) => exit,
        Err(error) => {
            // Output that is still queued belongs above the error.
            let _ = ui.flush();
            error.show(&ui);
            error.exit
        }
    };
    ExitCode::from(exit.code())
}

fn asks_version(args: &[OsString]) -> bool {
    matches!(args, [_, flag] if flag == "--version" || flag == "-V")
}

fn start(parsed: Parsed, env: Env, ui: Arc<Ui>) -> Result<Exit, CliError> {
    let Parsed {
        cli,
        matches,
        config,
    } = parsed;
    crate::logging::start(
        cli.globals.verbose,
        env.get("EVT_LOG"),
        env.stderr_is_terminal,
    );
    let config = match config {
        Err(_) if runs_without_settings(&cli.command) => Config::default(),
        config => config?,
    };
    if cli.globals.wants_curl() && !shows_requests(&cli.command) {
        return Err(CliError::usage("`-o curl` requires --dry-run")
            .hint("evt send contact.created --dry-run -o curl"));
    }
    if cli.globals.wants_mermaid() && !draws(&cli.command) {
        return Err(
            CliError::usage("`-o mermaid` is only for diagrams of flows")
                .hint("evt flows show NAME -o mermaid"),
        );
    }
    let platform = match &cli.command {
        Command::Dev(args) => args.name().map(str::to_owned),
        _ => None,
    };
    let cx = Arc::new(Context::new(
        cli.globals,
        matches,
        config,
        env,
        ui,
        platform,
    )?);
    let result = dispatch(cli.command, &cx);
    // Also after a failure: the old refresh token may no longer be valid.
    let stored = cx.store_renewed_tokens();
    result
        .and_then(|exit| stored.map(|()| exit))
        .map_err(|error| with_profile(error, cx.globals.profile.as_deref()))
}

/// Adds the profile of the failed command to the hints that name commands for the same platform.
fn with_profile(mut error: CliError, profile: Option<&str>) -> CliError {
    let Some(profile) = profile else {
        return error;
    };
    for hint in &mut error.hints {
        let Some(command) = hint.strip_prefix("evt ") else {
            continue;
        };
        let reaches_platform = ["flows ", "records ", "tail", "poll ", "profile whoami"]
            .iter()
            .any(|name| command.starts_with(name));
        if command == "profile login" {
            *hint = format!("evt profile login {profile}");
        } else if reaches_platform && !command.contains(" --help") {
            *hint = format!("evt -p {profile} {command}");
        }
    }
    error
}
