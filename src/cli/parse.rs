//! Parses arguments to a [`Cli`]: the tree of commands with variables and defaults, and clap's errors in the form of ours.

use std::ffi::OsString;
use std::num::IntErrorKind;

use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::man::wrapped;
use super::{Cli, network, settings, synonyms};
use crate::config::{Config, ConfigError, suggest};
use crate::env::Env;
use crate::error::{CliError, Exit};
use crate::secret;
use crate::ui::{Format, Manner, Ui};

/// The order of a help page: summary, examples, description, usage, flags.
const HELP: &str = "{about}{after-help}\n\n{before-help}Usage: {usage}\n\n{all-args}";
/// The width of descriptions on a help page, which clap does not wrap.
const SENTENCES: usize = 80;

/// Why no command runs: help, version, or a usage error.
pub(super) struct Stop {
    error: clap::Error,
    /// The arguments are correct, but a value from a settings file is not.
    by_settings: bool,
}

/// The parsed command line.
pub(super) struct Parsed {
    pub(super) cli: Cli,
    pub(super) matches: ArgMatches,
    /// The settings, or why they cannot be used. Some commands run without them.
    pub(super) config: Result<Config, ConfigError>,
}

/// Whether a file begins like a JSON object, which no TOML file does.
pub(super) fn is_json(path: &std::path::Path) -> bool {
    use std::io::Read;
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    read.is_ok() && start.trim_ascii_start().starts_with(b"{")
}

/// Parses the arguments. Settings replace the defaults of flags that are not given.
pub(super) fn parse(args: &[OsString], env: &Env) -> Result<Parsed, Stop> {
    let tree = || complete(network::with_flags(Cli::command()), "", Some(env));
    // Help, version and mistakes need no settings, so the files are not read for them.
    let mut matches = tree()
        .try_get_matches_from(args)
        .map_err(|error| Stop::of(with_all_variables(error, args)))?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(Stop::of)?;
    let explicit = cli.globals.config.as_deref();
    // A Singer runner passes `--config` with the settings of the tap, which are JSON.
    let is_tap = matches!(cli.command, super::Command::Poll(_)) && explicit.is_some_and(is_json);
    let config = settings::load(env, explicit.filter(|_| !is_tap));
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

/// Help names every variable, including those that are empty here.
fn with_all_variables(error: clap::Error, args: &[OsString]) -> clap::Error {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            tree().try_get_matches_from(args).err().unwrap_or(error)
        }
        _ => error,
    }
}

/// The tree of all commands, with the variables of the flags that have one and the help pages in our order.
pub(super) fn tree() -> Command {
    complete(network::with_flags(Cli::command()), "", None)
}

/// `prefix` is the key of the command (`flows.create.`). Variables that are empty in `env` count as not set.
fn complete(command: Command, prefix: &str, env: Option<&Env>) -> Command {
    let more = more(&command);
    let is_empty = |name: &str| {
        let value = env.and_then(|env| env.variables.get(name));
        value.is_some_and(String::is_empty)
    };
    // An empty text would still be followed by blank lines.
    let command = match more.is_empty() {
        true => command,
        false => command.before_help(more),
    };
    let command = command.help_template(HELP).mut_args(|arg| {
        let key = settings::key_of(prefix, &arg);
        match key.as_deref().and_then(settings::variable_of) {
            Some(name) if !is_empty(&name) => with_variable(arg, name),
            _ => arg,
        }
    });
    synonyms::with_aliases(command).mut_subcommands(|sub| {
        let prefix = format!("{prefix}{}.", sub.get_name());
        complete(sub, &prefix, env)
    })
}

/// The description of a command without its first line, which is printed above the examples.
fn more(command: &Command) -> String {
    let about = command.get_long_about().map(ToString::to_string);
    let paragraphs = about.as_deref().unwrap_or_default().split("\n\n").skip(1);
    let wrapped: Vec<String> = paragraphs
        .map(|paragraph| wrapped(paragraph, 0, SENTENCES))
        .collect();
    wrapped.join("\n").trim_end().to_owned()
}

fn with_variable(arg: clap::Arg, name: String) -> clap::Arg {
    // The value of a variable may be a secret, and help is the same everywhere.
    let arg = arg.env(name).hide_env_values(true);
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

/// The output format for a command line that cannot be parsed, from the arguments that are easy to recognise.
pub(super) fn manner(args: &[OsString], env: &Env) -> Manner {
    let mut words = args.iter().skip(1).filter_map(|word| word.to_str());
    let mut json = env.get("EVT_OUTPUT") == Some("json") || env.get("EVT_JSON").is_some_and(is_on);
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

/// A boolean variable as clap reads it.
fn is_on(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    !["n", "no", "f", "false", "off", "0"].contains(&value.as_str())
}

impl Stop {
    pub(super) fn of(error: clap::Error) -> Self {
        Self {
            error,
            by_settings: false,
        }
    }

    /// Returns the arguments in evt's own words, if the command is unknown but its meaning is not (`evt login`).
    pub(super) fn expanded(&self, args: &[OsString]) -> Option<Vec<OsString>> {
        let word = self.unknown_command()?;
        let at = args.iter().position(|arg| arg == word.as_str())?;
        let (command, _) = command_of(args.get(..at)?);
        // Only `help` means the same below a command.
        let has_meaning = command.get_name() == "evt" || word == "help";
        has_meaning.then(|| synonyms::expanded(args, at)).flatten()
    }

    fn unknown_command(&self) -> Option<String> {
        let is_unknown = self.error.kind() == ErrorKind::InvalidSubcommand;
        let mut words = self.strings(ContextKind::InvalidSubcommand).into_iter();
        words.next().filter(|_| is_unknown)
    }

    /// Prints help or version, or returns the usage error.
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
                    // The user did not type the flag, so the error must name the variable.
                    Some(name) => CliError {
                        hints: vec![format!(
                            "unset {name}      the value comes from this variable"
                        )],
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

    /// Converts the usage error of `command` (`evt flows create`).
    pub(super) fn mistake(&self, command: &str) -> CliError {
        let rendered = self.error.render().to_string();
        let mut error = CliError::new(Exit::Usage, self.code(), self.message(&rendered, command));
        error.caret = std::error::Error::source(&self.error).and_then(crate::error::caret_of);
        let suggestions = |kind, before: &str| {
            let with_command = |suggestion| format!("{before}{suggestion}");
            let all = self.strings(kind).into_iter().map(with_command);
            all.collect::<Vec<_>>()
        };
        let word = self.unknown_command().filter(|_| command == "evt");
        error.hints = match word.as_deref().and_then(synonyms::suggestions) {
            Some(commands) => commands.iter().map(ToString::to_string).collect(),
            None => suggestions(ContextKind::SuggestedSubcommand, &format!("{command} ")),
        };
        let in_command = format!("{command} … ");
        error
            .hints
            .extend(suggestions(ContextKind::SuggestedArg, &in_command));
        error
            .hints
            .extend(suggestions(ContextKind::SuggestedValue, ""));
        let values = self.strings(ContextKind::ValidValue);
        if !values.is_empty() {
            error = error.hint(format!("one of: {}", values.join(", ")));
        }
        if self.by_settings {
            error = error.hint("evt config show        lists the files that values come from");
        }
        error.hint(format!("{command} --help"))
    }

    /// The message. clap's own would repeat the hints.
    fn message(&self, rendered: &str, command: &str) -> String {
        let first = |kind| self.strings(kind).into_iter().next();
        // A value may be a URL with a password, also in the wrong place.
        let rendered = &match first(ContextKind::InvalidValue) {
            Some(value) => rendered.replace(&value, &secret::masked_url(&value)),
            None => rendered.to_owned(),
        };
        let argument = first(ContextKind::InvalidArg);
        match (self.error.kind(), argument) {
            (ErrorKind::UnknownArgument, Some(argument)) if argument.starts_with('-') => {
                format!("`{command}` has no flag `{argument}`")
            }
            (ErrorKind::UnknownArgument, Some(argument)) => {
                format!(
                    "`{command}` takes no argument `{}`",
                    secret::masked_url(&argument)
                )
            }
            (ErrorKind::InvalidSubcommand, _) => {
                let word = first(ContextKind::InvalidSubcommand).unwrap_or_default();
                let word = secret::masked_url(&word);
                format!("`{command}` has no command `{word}`")
            }
            (ErrorKind::InvalidValue, Some(argument)) => match first(ContextKind::InvalidValue) {
                Some(value) if !value.is_empty() => {
                    let value = secret::masked_url(&value);
                    format!("`{value}` is not a valid value for `{argument}`")
                }
                _ => format!("`{argument}` needs a value"),
            },
            (ErrorKind::ValueValidation, Some(argument)) => {
                let value = first(ContextKind::InvalidValue).unwrap_or_default();
                match self.cause().or_else(|| self.number_fault(&value)) {
                    Some(cause) => format!("`{argument}`: {cause}"),
                    None => first_paragraph(rendered),
                }
            }
            (ErrorKind::MissingRequiredArgument, Some(_)) => {
                let missing = self.strings(ContextKind::InvalidArg);
                let missing: Vec<String> = missing.iter().map(|arg| alternatives(arg)).collect();
                format!("`{command}` needs {}", missing.join(" and "))
            }
            _ => first_paragraph(rendered),
        }
    }

    /// The subcommand that an unexpected argument was probably meant to be. clap makes no suggestion for commands that run without one.
    fn meant(&self, command: &Command) -> Option<String> {
        if self.error.kind() != ErrorKind::UnknownArgument {
            return None;
        }
        let word = self.strings(ContextKind::InvalidArg).into_iter().next()?;
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        suggest(&word, names)
    }

    /// The cause, if it names the value in backticks as our own parsers do. Errors of the standard library do not name the value.
    fn cause(&self) -> Option<String> {
        let cause = std::error::Error::source(&self.error)?.to_string();
        cause.starts_with('`').then_some(cause)
    }

    /// Why a value is not the number that a flag takes. The standard library and clap describe that for programmers.
    fn number_fault(&self, value: &str) -> Option<String> {
        let cause = std::error::Error::source(&self.error)?;
        let fault = if let Some(error) = cause.downcast_ref::<std::num::ParseIntError>() {
            match error.kind() {
                IntErrorKind::PosOverflow => "is too large".to_owned(),
                IntErrorKind::NegOverflow => "is too small".to_owned(),
                IntErrorKind::Empty => "is empty".to_owned(),
                _ => "is not a whole number".to_owned(),
            }
        } else if cause.is::<std::num::ParseFloatError>() {
            "is not a number".to_owned()
        } else {
            // clap: `0 is not in 1..=10000`
            let text = cause.to_string();
            let (_, range) = text.split_once(" is not in ")?;
            match range.split_once("..=")? {
                (least, "") => format!("is less than {least}"),
                (least, most) => format!("is not a number from {least} to {most}"),
            }
        };
        Some(format!("`{value}` {fault}"))
    }

    /// The variable from which an invalid value comes, or `None` if it was given as a flag.
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

/// The command that the arguments name, with its full name.
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

/// Names a missing argument. clap writes a group as `<--keep <SPAN>|--all>`.
fn alternatives(missing: &str) -> String {
    let group = missing
        .strip_prefix('<')
        .and_then(|inner| inner.strip_suffix('>'))
        .filter(|inner| inner.contains('|'));
    match group {
        Some(members) => {
            let members: Vec<String> = members.split('|').map(|one| format!("`{one}`")).collect();
            format!("one of {}", members.join(", "))
        }
        None => format!("`{missing}`"),
    }
}

/// The text before the first empty line, as one line.
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
