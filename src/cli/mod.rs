//! The command line: arguments, dispatch, exit codes. One file a command.

mod change;
mod child;
mod completions;
mod config;
mod context;
mod demo;
mod dev;
mod doctor;
mod events;
mod flows;
mod input;
mod listen;
mod man;
mod parse;
mod poll;
mod profile;
mod queue;
mod records;
mod runtime;
mod send;
mod settings;
mod stop;
mod tail;
mod vendor_keys;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::config::Config;
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
    after_help = "Examples:\n  evt demo         all of it in ten seconds, on your machine alone\n  evt dev          run the platform; it says what to try next",
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

/// The commands, in the order of the help. A new one is a variant here and an arm in [`dispatch`].
#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Args),
    Demo(demo::Args),
    Listen(listen::Args),
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
}

/// Runs the command in the runtime that it wants.
fn dispatch(command: Command, cx: &Arc<Context>) -> Result<Exit, CliError> {
    let own = Arc::clone(cx);
    match command {
        Command::Dev(args) => dev::run(args, cx),
        Command::Demo(args) => Runtime::Client.run(cx, demo::run(args, own)),
        Command::Listen(args) => Runtime::Client.run(cx, listen::run(args, own)),
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
        Command::Man(args) => man::run(&args, cx),
        Command::Generate(args) => man::generate(&args, cx),
    }
}

/// Whether a command shows a request that could be made by another tool.
fn shows_requests(command: &Command) -> bool {
    match command {
        Command::Send(args) => args.is_dry_run(),
        Command::Events(args) => args.is_dry_run(),
        _ => false,
    }
}

/// Whether a command works, and is wanted, where the settings are damaged.
fn mends_settings(command: &Command) -> bool {
    matches!(
        command,
        Command::Config(_)
            | Command::Doctor(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Generate(_)
    )
}

/// The flags that every command has.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global")]
pub(crate) struct Globals {
    /// Use this profile: which platform, which organisation, who
    #[arg(short, long, global = true, env = "EVT_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Read this file in place of the user's settings
    #[arg(long, global = true, env = "EVT_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Choose the form of stdout; auto is text on a terminal and JSON elsewhere
    #[arg(
        short,
        long,
        global = true,
        env = "EVT_OUTPUT",
        value_name = "FORM",
        default_value = "auto"
    )]
    output: Output,
    /// The same as `-o json`
    #[arg(long, global = true, env = "EVT_JSON")]
    json: bool,
    /// Say nothing but errors and warnings on stderr
    #[arg(short, long, global = true, env = "EVT_QUIET")]
    quiet: bool,
    /// Say more on stderr; `-vv` logs
    #[arg(short, long, global = true, env = "EVT_VERBOSE", action = ArgAction::Count)]
    verbose: u8,
    /// When to colour
    #[arg(
        long,
        global = true,
        env = "EVT_COLOR",
        value_name = "WHEN",
        default_value = "auto"
    )]
    color: Color,
    /// Ask nothing, even on a terminal
    #[arg(long, global = true, env = "EVT_NO_INPUT")]
    no_input: bool,
    /// Speak to this platform, whatever the profile says
    #[arg(long, global = true, env = "EVT_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Act in this organisation, whatever the profile says
    #[arg(long, global = true, env = "EVT_ORG", value_name = "ID")]
    pub(crate) org: Option<String>,
    /// Authorise with this token, whatever the profile says
    #[arg(long, global = true, env = "EVT_TOKEN", value_name = "REF")]
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
    /// Only `evt send --dry-run`: the request as a command
    Curl,
}

/// `--color`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Globals {
    /// Whether a request is to be shown as a `curl` command.
    pub(crate) fn wants_curl(&self) -> bool {
        self.output == Output::Curl
    }

    fn manner(&self, env: &Env) -> Manner {
        let explicit_json = self.json || self.output == Output::Json;
        let format = match self.output {
            _ if explicit_json => Format::Json,
            Output::Auto if env.stdout_is_terminal => Format::Text,
            Output::Auto | Output::Json => Format::Json,
            Output::Text => Format::Text,
            Output::Raw | Output::Curl => Format::Raw,
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
            may_ask: !self.no_input && env.stdin_is_terminal && env.stderr_is_terminal,
        }
    }
}

/// Runs one command line and returns its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>, env: Env) -> ExitCode {
    crate::ui::report_panics();
    let args: Vec<OsString> = args.into_iter().collect();
    // The commonest question of scripts is answered without the tree of commands, which takes most of a start.
    if asks_version(&args) {
        let ui = Ui::new(parse::manner(&args, &env));
        let said = ui.line(concat!("evt ", env!("CARGO_PKG_VERSION")));
        let is_done = said.and_then(|()| ui.close()).is_ok();
        return ExitCode::from(if is_done { Exit::Done } else { Exit::Failed }.code());
    }
    let (ui, result) = match parse::parse(&args, &env) {
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
            // What was asked for up to here is shown above the error.
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
        Err(_) if mends_settings(&cli.command) => Config::default(),
        config => config?,
    };
    if cli.globals.wants_curl() && !shows_requests(&cli.command) {
        return Err(
            CliError::usage("`-o curl` is for requests that are not sent")
                .hint("evt send contact.created --dry-run -o curl"),
        );
    }
    let cx = Arc::new(Context::new(cli.globals, matches, config, env, ui)?);
    let result = dispatch(cli.command, &cx);
    // Also after a failure: the old refresh token may be spent.
    let kept = cx.keep_renewed_tokens();
    result
        .and_then(|exit| kept.map(|()| exit))
        .map_err(|error| of_profile(error, cx.globals.profile.as_deref()))
}

/// A sign-in that is proposed is for the profile that the failed command spoke for.
fn of_profile(mut error: CliError, profile: Option<&str>) -> CliError {
    if let Some(profile) = profile {
        for hint in &mut error.hints {
            if hint == "evt profile login" {
                *hint = format!("evt profile login {profile}");
            }
        }
    }
    error
}
