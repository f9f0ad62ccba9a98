//! From words to a [`Cli`]: the tree of commands, completed by one rule for all flags, and clap's complaints in our form.

use std::ffi::OsString;

use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::man::wrapped;
use super::{Cli, settings};
use crate::config::{Config, ConfigError, suggest};
use crate::env::Env;
use crate::error::{CliError, Exit};
use crate::ui::{Format, Manner, Ui};

/// The order of a help page: what it is, examples, more about it, usage, flags.
const HELP: &str = "{about}{after-help}\n\n{before-help}Usage: {usage}\n\n{all-args}";
/// Columns of the sentences on a help page, which clap leaves as they are.
const SENTENCES: usize = 80;

/// The command line ended before a command began: help, version, or a mistake.
pub(super) struct Stop {
    error: clap::Error,
    /// The words alone were right: a value of a settings file is not.
    by_settings: bool,
}

/// A command line that was understood.
pub(super) struct Parsed {
    pub(super) cli: Cli,
    pub(super) matches: ArgMatches,
    /// The settings, or why there are none; some commands work without.
    pub(super) config: Result<Config, ConfigError>,
}

/// Reads the words; settings fill in for flags that are not given.
pub(super) fn parse(args: &[OsString], env: &Env) -> Result<Parsed, Stop> {
    // Help, version and mistakes need no settings, and their files are not read for them.
    let mut matches = tree().try_get_matches_from(args).map_err(Stop::of)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(Stop::of)?;
    let config = settings::load(env, cli.globals.config.as_deref());
    if let Ok(config) = &config
        && !config.is_empty()
    {
        let from_files = |error| Stop {
            error,
            by_settings: true,
        };
        matches = settings::with_defaults(tree(), config)
            .try_get_matches_from(args)
            .map_err(from_files)?;
        cli = Cli::from_arg_matches(&matches).map_err(from_files)?;
    }
    Ok(Parsed {
        cli,
        matches,
        config,
    })
}

/// The tree of all commands: each flag of a command with its variable, each help page in our order.
pub(super) fn tree() -> Command {
    complete(Cli::command(), "EVT")
}

fn complete(command: Command, prefix: &str) -> Command {
    let is_root = prefix == "EVT";
    let more = more(&command);
    let command = command
        .help_template(HELP)
        .before_help(more)
        .mut_args(|arg| match arg.get_long() {
            Some(long) if !arg.is_global_set() && !is_root && arg.get_env().is_none() => {
                let name = format!("{prefix}_{}", variable(long));
                with_variable(arg.env(name))
            }
            _ => with_variable(arg),
        });
    command.mut_subcommands(|sub| {
        let prefix = format!("{prefix}_{}", variable(sub.get_name()));
        complete(sub, &prefix)
    })
}

/// What a command's description says after its first line, which is above the examples.
fn more(command: &Command) -> String {
    let about = command.get_long_about().map(ToString::to_string);
    let paragraphs = about.as_deref().unwrap_or_default().split("\n\n").skip(1);
    let wrapped: Vec<String> = paragraphs
        .map(|paragraph| wrapped(paragraph, 0, SENTENCES))
        .collect();
    wrapped.join("\n").trim_end().to_owned()
}

fn with_variable(arg: clap::Arg) -> clap::Arg {
    if arg.get_env().is_none() {
        return arg;
    }
    // A variable's value may be a secret, and help is the same everywhere.
    let arg = arg.hide_env_values(true);
    match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => arg.value_parser(BoolishValueParser::new()),
        _ => arg,
    }
}

/// Parses one of the words of an enum that belongs to a lower layer, where clap is not available.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    words: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words.iter().map(|(word, _)| *word)).map(|typed| {
        let mut known = words.iter();
        let (_, value) = known
            .find(|(word, _)| *word == typed)
            .expect("the parser accepts only these words");
        *value
    })
}

fn variable(name: &str) -> String {
    name.replace(['-', '.'], "_").to_ascii_uppercase()
}

/// How to speak when the command line could not be read: only what is plain to see in it counts.
pub(super) fn manner(args: &[OsString], env: &Env) -> Manner {
    let mut words = args.iter().skip(1).filter_map(|word| word.to_str());
    let mut json = env.get("EVT_OUTPUT") == Some("json") || env.get("EVT_JSON").is_some();
    while let Some(word) = words.next() {
        match word {
            "--" => break,
            "--json" | "--output=json" | "-ojson" | "-o=json" => json = true,
            "-o" | "--output" => json = words.next() == Some("json"),
            _ => {}
        }
    }
    Manner {
        format: Format::Text,
        explicit_json: json,
        stdout_is_terminal: env.stdout_is_terminal,
        stderr_is_terminal: env.stderr_is_terminal,
        colour: crate::ui::Colour::Auto,
        colour_hints: env.colour_hints(),
        ..Manner::default()
    }
}

impl Stop {
    pub(super) fn of(error: clap::Error) -> Self {
        Self {
            error,
            by_settings: false,
        }
    }

    /// Prints help or version, or returns the mistake.
    pub(super) fn answer(self, ui: &Ui, args: &[OsString], env: &Env) -> Result<Exit, CliError> {
        match self.error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                ui.line(self.text(ui).trim_end())?;
                Ok(Exit::Done)
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                ui.line(self.text(ui).trim_end())?;
                Ok(Exit::Done)
            }
            _ => {
                let (command, named) = command_of(args);
                let mut mistake = self.mistake(&named);
                if let Some(near) = self.meant(&command) {
                    mistake.hints.insert(0, format!("{named} {near}"));
                }
                Err(match self.variable(&command, args, env) {
                    // The person did not write the flag, so the flag alone would tell nothing.
                    Some(name) => CliError {
                        hints: vec![format!("unset {name}      the value comes from it")],
                        ..mistake
                    },
                    None => mistake,
                })
            }
        }
    }

    fn text(&self, ui: &Ui) -> String {
        let rendered = self.error.render();
        if ui.colours_stdout() {
            rendered.ansi().to_string()
        } else {
            rendered.to_string()
        }
    }

    /// The mistake as an error of `command` (`evt flows create`).
    pub(super) fn mistake(&self, command: &str) -> CliError {
        let rendered = self.error.render().to_string();
        let mut error = CliError::new(Exit::Usage, self.code(), self.message(&rendered, command));
        error.caret = std::error::Error::source(&self.error).and_then(crate::error::caret_of);
        let mut suggest = |kind, before: &str| {
            for suggestion in self.strings(kind) {
                error.hints.push(format!("{before}{suggestion}"));
            }
        };
        suggest(ContextKind::SuggestedSubcommand, &format!("{command} "));
        suggest(ContextKind::SuggestedArg, &format!("{command} … "));
        suggest(ContextKind::SuggestedValue, "");
        let values = self.strings(ContextKind::ValidValue);
        if !values.is_empty() {
            error = error.hint(format!("one of: {}", values.join(", ")));
        }
        if self.by_settings {
            error = error.hint("evt config show        the value comes from a file");
        }
        error.hint(format!("{command} --help"))
    }

    /// What went wrong, in our words where clap's would repeat the hints.
    fn message(&self, rendered: &str, command: &str) -> String {
        let first = |kind| self.strings(kind).into_iter().next();
        let argument = first(ContextKind::InvalidArg);
        match (self.error.kind(), argument) {
            (ErrorKind::UnknownArgument, Some(argument)) if argument.starts_with('-') => {
                format!("`{command}` has no flag `{argument}`")
            }
            (ErrorKind::UnknownArgument, Some(argument)) => {
                format!("`{command}` takes no argument `{argument}`")
            }
            (ErrorKind::InvalidSubcommand, _) => {
                let word = first(ContextKind::InvalidSubcommand).unwrap_or_default();
                format!("`{command}` has no command `{word}`")
            }
            (ErrorKind::InvalidValue, Some(argument)) => match first(ContextKind::InvalidValue) {
                Some(value) if !value.is_empty() => {
                    format!("`{value}` is no value of `{argument}`")
                }
                _ => format!("`{argument}` needs a value"),
            },
            (ErrorKind::ValueValidation, Some(argument)) => match self.cause() {
                Some(cause) => format!("`{argument}`: {cause}"),
                None => first_paragraph(rendered),
            },
            _ => first_paragraph(rendered),
        }
    }

    /// The command that a word which is no argument was meant to be: clap itself looks for none where a command may run alone.
    fn meant(&self, command: &Command) -> Option<String> {
        if self.error.kind() != ErrorKind::UnknownArgument {
            return None;
        }
        let word = self.strings(ContextKind::InvalidArg).into_iter().next()?;
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        suggest(&word, names)
    }

    /// Our own grammars name the value in backticks; what the standard library says would leave it out.
    fn cause(&self) -> Option<String> {
        let cause = std::error::Error::source(&self.error)?.to_string();
        cause.starts_with('`').then_some(cause)
    }

    /// The variable that a bad value came from; `None` where it was given as a flag.
    fn variable(&self, command: &Command, args: &[OsString], env: &Env) -> Option<String> {
        let flag = self.strings(ContextKind::InvalidArg).into_iter().next()?;
        let long = flag.split(' ').next()?.strip_prefix("--")?.to_owned();
        let root = tree();
        let arg = command
            .get_arguments()
            .chain(root.get_arguments())
            .find(|arg| arg.get_long() == Some(long.as_str()))?;
        let short = arg.get_short().map(|short| format!("-{short}"));
        let is_given = args.iter().filter_map(|word| word.to_str()).any(|word| {
            word.starts_with(&format!("--{long}"))
                || short.as_ref().is_some_and(|short| word.starts_with(short))
        });
        let name = arg.get_env()?.to_str()?;
        (!is_given && env.get(name).is_some()).then(|| name.to_owned())
    }

    fn strings(&self, kind: ContextKind) -> Vec<String> {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    fn code(&self) -> &'static str {
        match self.error.kind() {
            ErrorKind::UnknownArgument => "unknown_flag",
            ErrorKind::InvalidSubcommand => "unknown_command",
            ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => "missing_argument",
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => "bad_value",
            _ => "usage",
        }
    }
}

/// The command that the words name, as far as they name one.
fn command_of(args: &[OsString]) -> (Command, String) {
    let mut names = vec!["evt".to_owned()];
    let mut command = tree();
    for word in args.iter().skip(1).filter_map(|word| word.to_str()) {
        let found = command
            .find_subcommand(word)
            .map(|found| (found.get_name().to_owned(), found.clone()));
        if let Some((name, inner)) = found {
            names.push(name);
            command = inner;
        }
    }
    (command, names.join(" "))
}

/// What stands before the first empty line, as one line.
fn first_paragraph(rendered: &str) -> String {
    rendered
        .split("\n\n")
        .next()
        .unwrap_or(rendered)
        .trim_start_matches("error: ")
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}
