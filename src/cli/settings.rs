//! Settings are flags written in a file: which keys there are, and how they fill in for flags that are not given.

use std::path::Path;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::parse;
use crate::config::{Config, ConfigError, DEFAULT_PROFILE, Origin, PROFILES};
use crate::env::Env;
use crate::error::{CliError, Exit};
use crate::paths::Paths;

/// Global flags that are of use in a file. Where and who is a profile's business.
const GLOBAL_KEYS: [&str; 4] = ["output", "color", "quiet", "no-input"];
/// Commands that are about settings, or have none.
const WITHOUT_KEYS: [&str; 6] = [
    "profile",
    "config",
    "doctor",
    "completions",
    "man",
    "generate",
];

/// A setting and the flag that it stands for.
pub(super) struct Setting {
    /// `listen.port`
    pub(super) key: String,
    variable: Option<String>,
    defaults: Vec<String>,
    is_secret: bool,
}

/// A setting with what it is now.
pub(super) struct Current {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) origin: Origin,
}

/// Reads the files and refuses keys that no flag has.
pub(super) fn load(env: &Env, explicit: Option<&Path>) -> Result<Config, ConfigError> {
    let Ok(paths) = Paths::find(env) else {
        // The command that needs a place for files says so.
        return Ok(Config::default());
    };
    let config = Config::load(&paths, env, explicit)?;
    if !config.is_empty() {
        config.check(&keys())?;
    }
    Ok(config)
}

/// Every key that a file may set, profiles aside.
pub(super) fn keys() -> Vec<String> {
    let mut keys = vec![DEFAULT_PROFILE.to_owned()];
    keys.extend(all().into_iter().map(|setting| setting.key));
    keys
}

/// Every setting, in the order of the help.
pub(super) fn all() -> Vec<Setting> {
    let root = parse::tree();
    let mut settings: Vec<Setting> = root
        .get_arguments()
        .filter(|arg| is_global_key(arg))
        .map(|arg| setting(String::new(), arg))
        .collect();
    for command in commands_with_keys(&root) {
        below(command, command.get_name(), &mut settings);
    }
    settings
}

fn is_global_key(arg: &Arg) -> bool {
    arg.get_long()
        .is_some_and(|long| GLOBAL_KEYS.contains(&long))
}

fn commands_with_keys(root: &Command) -> impl Iterator<Item = &Command> {
    root.get_subcommands()
        .filter(|command| !WITHOUT_KEYS.contains(&command.get_name()))
}

fn below(command: &Command, prefix: &str, settings: &mut Vec<Setting>) {
    for arg in command.get_arguments().filter(|arg| is_key(arg)) {
        settings.push(setting(format!("{prefix}."), arg));
    }
    for inner in command.get_subcommands() {
        below(inner, &format!("{prefix}.{}", inner.get_name()), settings);
    }
}

/// A flag of a command: not a global one, not `--help`.
fn is_key(arg: &Arg) -> bool {
    let asks = matches!(
        arg.get_action(),
        ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort | ArgAction::Version
    );
    arg.get_long().is_some() && !arg.is_global_set() && !asks
}

fn setting(prefix: String, arg: &Arg) -> Setting {
    let long = arg.get_long().unwrap_or_default();
    let text = |value: &std::ffi::OsStr| value.to_string_lossy().into_owned();
    Setting {
        key: format!("{prefix}{long}"),
        variable: arg.get_env().map(text),
        defaults: arg
            .get_default_values()
            .iter()
            .map(|value| text(value))
            .collect(),
        is_secret: crate::secret::is_named(long),
    }
}

/// The tree with the settings of the files as its defaults.
pub(super) fn with_defaults(tree: Command, config: &Config) -> Command {
    let tree = tree.mut_args(|arg| match arg.get_long() {
        Some(long) if is_global_key(&arg) => {
            let key = long.to_owned();
            defaulted(arg, config, &key)
        }
        _ => arg,
    });
    tree.mut_subcommands(|command| {
        if WITHOUT_KEYS.contains(&command.get_name()) {
            return command;
        }
        let prefix = command.get_name().to_owned();
        filled(command, &prefix, config)
    })
}

fn filled(command: Command, prefix: &str, config: &Config) -> Command {
    let command = command.mut_args(|arg| match arg.get_long() {
        Some(long) if is_key(&arg) => {
            let key = format!("{prefix}.{long}");
            defaulted(arg, config, &key)
        }
        _ => arg,
    });
    command.mut_subcommands(|inner| {
        let prefix = format!("{prefix}.{}", inner.get_name());
        filled(inner, &prefix, config)
    })
}

fn defaulted(arg: Arg, config: &Config, key: &str) -> Arg {
    match config.get(key) {
        // A flag that must be given is given.
        Some((values, _)) => arg.required(false).default_values(values),
        None => arg,
    }
}

/// Whether the flag that a key stands for takes a value; profiles take any.
pub(super) fn accepts(key: &[&str], value: &str) -> Result<(), CliError> {
    let Some((flag, command)) = key.split_last() else {
        return Ok(());
    };
    if key == [DEFAULT_PROFILE] || command.first() == Some(&PROFILES) {
        return Ok(());
    }
    let mut words = vec!["evt".to_owned()];
    words.extend(command.iter().map(|word| (*word).to_owned()));
    let named = words.join(" ");
    words.push(format!("--{flag}={value}"));
    // The flag stands before anything that could be missing, so its own value is complained of first.
    let Err(error) = parse::tree().try_get_matches_from(words) else {
        return Ok(());
    };
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            Err(parse::Stop::of(error).mistake(&named))
        }
        // A flag without a value is on or off.
        ErrorKind::TooManyValues if value != "true" && value != "false" => Err(CliError::new(
            Exit::Usage,
            "bad_value",
            format!("`{value}` is neither true nor false"),
        )
        .hint(format!("{named} --help"))),
        _ => Ok(()),
    }
}

impl Setting {
    /// What the setting is now and where that comes from. Flags are not looked at: those of this command line belong to `evt config`.
    pub(super) fn current(&self, config: &Config, env: &Env) -> Current {
        let from_env = self
            .variable
            .as_ref()
            .and_then(|name| Some((env.get(name)?.to_owned(), Origin::Env(name.clone()))));
        let from_file = || {
            let (values, origin) = config.get(&self.key)?;
            Some((values.join(","), origin))
        };
        let (value, origin) = match from_env.or_else(from_file) {
            Some((value, origin)) => (Some(value), origin),
            None if self.defaults.is_empty() => (None, Origin::Default),
            None => (Some(self.defaults.join(",")), Origin::Default),
        };
        let value = value.map(|value| self.shown(value));
        Current {
            key: self.key.clone(),
            value,
            origin,
        }
    }

    fn shown(&self, value: String) -> String {
        let is_reference = ["env:", "file:", "cmd:"]
            .iter()
            .any(|form| value.starts_with(form));
        if self.is_secret && !is_reference {
            crate::secret::Secret::new(value).to_string()
        } else {
            value
        }
    }
}

/// A global flag's origin on this command line: given, or by its variable; `None` where a file or the default rules.
pub(super) fn given(matches: &ArgMatches, id: &str, env: &Env) -> Option<Origin> {
    match matches.value_source(id)? {
        ValueSource::CommandLine => Some(Origin::Flag),
        ValueSource::EnvVariable => {
            let name = format!("EVT_{}", id.to_ascii_uppercase());
            env.get(&name).is_some().then_some(Origin::Env(name))
        }
        _ => None,
    }
}
