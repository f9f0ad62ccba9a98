//! Connects the settings of [`config::settings`](crate::config::settings) with the flags of the command line.

use std::path::Path;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::{parse, retention};
use crate::config::settings::{self, Refusal, SETTINGS, Setting, Source};
use crate::config::{Config, ConfigError, DEFAULT_PROFILE, Origin, PROFILES};
use crate::env::Env;
use crate::error::{CliError, Exit};
use crate::paths::Paths;
use crate::secret::{self, Secret};

/// The value of a setting and its origin.
pub(super) struct Current {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) origin: Origin,
}

/// Reads and checks the settings files.
pub(super) fn load(env: &Env, explicit: Option<&Path>) -> Result<Config, ConfigError> {
    let Ok(paths) = Paths::find(env) else {
        // Without a home folder the command itself fails, with a better error.
        return Ok(Config::default());
    };
    Config::load(&paths, env, explicit).map_err(flag_only)
}

/// An unknown key that is the name of a flag is refused with that reason.
pub(super) fn flag_only(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::UnknownKey { location, key, .. } if flag(&parse::tree(), &key).is_some() => {
            ConfigError::Refused {
                location,
                key,
                reason: Refusal::FlagOnly,
            }
        }
        other => other,
    }
}

/// The flag that a key such as `listen.port` stands for.
pub(super) fn flag<'a>(root: &'a Command, key: &str) -> Option<&'a Arg> {
    let mut parts: Vec<&str> = key.split('.').collect();
    let long = parts.pop()?;
    let command = parts
        .into_iter()
        .try_fold(root, |command, name| command.find_subcommand(name))?;
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(long))
}

/// The variable of a flag, if its setting has one.
pub(super) fn variable_of(key: &str) -> Option<String> {
    settings::find(key)
        .filter(|setting| setting.allows(Source::Environment))
        .map(|setting| settings::variable(setting.key))
}

/// The key of a flag: `listen.port`. `prefix` is empty or ends with a dot.
pub(super) fn key_of(prefix: &str, arg: &Arg) -> Option<String> {
    Some(format!("{prefix}{}", arg.get_long()?))
}

/// Makes the values of the settings files the defaults of their flags.
pub(super) fn with_defaults(tree: Command, config: &Config) -> Command {
    filled(tree, "", config)
}

fn filled(command: Command, prefix: &str, config: &Config) -> Command {
    let command = command.mut_args(|arg| {
        let value = key_of(prefix, &arg).and_then(|key| config.get(&key));
        match value {
            // A required flag is satisfied by its setting.
            Some((values, _)) => arg.required(false).default_values(values),
            None => arg,
        }
    });
    command.mut_subcommands(|inner| {
        let prefix = format!("{prefix}{}.", inner.get_name());
        filled(inner, &prefix, config)
    })
}

/// Checks that the flag of a key accepts a value. Profiles accept any.
pub(super) fn accepts(key: &[&str], value: &str) -> Result<(), CliError> {
    let Some((flag, command)) = key.split_last() else {
        return Ok(());
    };
    if key == [DEFAULT_PROFILE] || command.first() == Some(&PROFILES) {
        return Ok(());
    }
    if command.first() == Some(&retention::GROUP) {
        return retention::check(flag, value);
    }
    let mut words = vec!["evt".to_owned()];
    words.extend(command.iter().map(|word| (*word).to_owned()));
    let named = words.join(" ");
    words.push(format!("--{flag}={value}"));
    // clap checks values before it checks for missing arguments, so any other error can be ignored.
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

/// The value of a setting and its origin. The flags of this command line are ignored: they belong to `evt config`.
pub(super) fn current(
    setting: &'static Setting,
    root: &Command,
    config: &Config,
    env: &Env,
) -> Current {
    let from_env = || {
        let name = variable_of(setting.key)?;
        Some((env.get(&name)?.to_owned(), Origin::Env(name)))
    };
    let from_file = || {
        let (values, origin) = config.get(setting.key)?;
        Some((values.join(","), origin))
    };
    let from_flag = || {
        let defaults = flag(root, setting.key)?.get_default_values();
        let defaults = defaults.iter().map(|value| value.to_string_lossy());
        let joined = defaults.collect::<Vec<_>>().join(",");
        Some((joined, Origin::Default)).filter(|(joined, _)| !joined.is_empty())
    };
    let from_group = || Some((retention::default_of(setting.key)?, Origin::Default));
    let found = from_env()
        .or_else(from_file)
        .or_else(from_flag)
        .or_else(from_group);
    let (value, origin) = found.unzip();
    Current {
        key: setting.key.to_owned(),
        value: value.map(|value| shown(setting, value)),
        origin: origin.unwrap_or(Origin::Default),
    }
}

/// Masks values that can hold a secret. Headers hold tokens, and `--send-on-connect` often does.
fn shown(setting: &Setting, value: String) -> String {
    match setting.kind {
        settings::Kind::Secret => masked(&value),
        settings::Kind::Target | settings::Kind::Stream | settings::Kind::Route => {
            secret::masked_url(&value)
        }
        settings::Kind::Request if setting.key != "tail.location" => masked(&value),
        _ => value,
    }
}

/// A secret reference as it is, and a literal secret as its mask.
pub(super) fn masked(value: &str) -> String {
    let is_reference = ["env:", "file:", "cmd:"]
        .iter()
        .any(|form| value.starts_with(form));
    if is_reference {
        value.to_owned()
    } else {
        Secret::new(value).to_string()
    }
}

/// The origin of a global flag: the command line or its variable. `None` for a value from a file, or the default.
pub(super) fn given(matches: &ArgMatches, id: &str, env: &Env) -> Option<Origin> {
    match matches.value_source(id)? {
        ValueSource::CommandLine => Some(Origin::Flag),
        ValueSource::EnvVariable => {
            let name = settings::variable(id);
            env.get(&name).is_some().then_some(Origin::Env(name))
        }
        _ => None,
    }
}

/// The settings, without `default_profile`: it has no flag, and `evt config show` prints it with the profile.
pub(super) fn of_flags() -> impl Iterator<Item = &'static Setting> {
    SETTINGS
        .iter()
        .filter(|setting| setting.key != DEFAULT_PROFILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_flag() {
        let root = parse::tree();
        for setting in of_flags().filter(|setting| retention::default_of(setting.key).is_none()) {
            assert!(flag(&root, setting.key).is_some(), "{}", setting.key);
        }
    }

    #[test]
    fn flags_with_a_variable_are_those_of_the_settings_with_one() {
        let mut found = Vec::new();
        variables(&parse::tree(), "", &mut found);
        let mut expected: Vec<String> = SETTINGS
            .iter()
            .filter_map(|setting| Some(format!("{} {}", setting.key, variable_of(setting.key)?)))
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn no_confirmation_is_a_setting() {
        const CONFIRM: [&str; 6] = [
            "yes",
            "force",
            "prune",
            "i-understand-public",
            "show-secrets",
            "all",
        ];
        for setting in SETTINGS {
            let flag = setting.key.rsplit('.').next().unwrap_or_default();
            assert!(!CONFIRM.contains(&flag), "{}", setting.key);
        }
    }

    fn variables(command: &Command, prefix: &str, found: &mut Vec<String>) {
        for arg in command.get_arguments() {
            if let (Some(name), Some(key)) = (arg.get_env(), key_of(prefix, arg)) {
                found.push(format!("{key} {}", name.to_string_lossy()));
            }
        }
        for inner in command.get_subcommands() {
            let prefix = format!("{prefix}{}.", inner.get_name());
            variables(inner, &prefix, found);
        }
    }
}
