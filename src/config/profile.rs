//! Profiles: the platform, the organisation and the credentials.

use std::path::Path;

use super::{Config, ConfigError, DEFAULT_PROFILE, Origin, PROFILES, set, suggest, unset};
use crate::api::auth::Auth;
use crate::paths::is_plain_name;
use crate::running::{DEFAULT_NAME, Running};

/// The profile of the platform that `evt dev` runs. It always exists.
pub const LOCAL: &str = DEFAULT_NAME;

/// The keys of a profile in a file.
pub(super) const PROFILE_KEYS: [&str; 7] = [
    "url",
    "org",
    "token",
    "app-id",
    "app-key",
    "app-secret",
    "api-key",
];

/// Whether the value of a key of a profile is a reference to a secret.
pub fn is_secret(key: &str) -> bool {
    matches!(key, "token" | "app-key" | "app-secret" | "api-key")
}

/// A profile with everything that a request needs.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    /// Base URL without a trailing slash.
    pub url: String,
    pub org: String,
    pub auth: Auth,
    /// The running platform, for the profile `local`.
    pub local: Option<Running>,
}

/// A profile as it is stored in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub url: Option<(String, Origin)>,
    pub org: Option<(String, Origin)>,
    /// A secret reference, as the other keys and secrets.
    pub token: Option<(String, Origin)>,
    pub app_id: Option<(String, Origin)>,
    pub app_key: Option<(String, Origin)>,
    pub app_secret: Option<(String, Origin)>,
    pub api_key: Option<(String, Origin)>,
}

impl Entry {
    /// The keys with their values, in the order of [`PROFILE_KEYS`].
    pub fn into_values(self) -> impl Iterator<Item = (&'static str, Option<(String, Origin)>)> {
        let values = [
            self.url,
            self.org,
            self.token,
            self.app_id,
            self.app_key,
            self.app_secret,
            self.api_key,
        ];
        PROFILE_KEYS.into_iter().zip(values)
    }
}

impl Config {
    /// The names of all profiles, `local` first.
    pub fn profile_names(&self) -> Vec<String> {
        let mut names = vec![LOCAL.to_owned()];
        for name in self.files.iter().flat_map(super::File::profiles) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The profile that is used if no flag or variable names one.
    pub fn default_profile(&self) -> (String, Origin) {
        match self.get(DEFAULT_PROFILE) {
            Some((mut values, origin)) if values.len() == 1 => (values.remove(0), origin),
            _ => (LOCAL.to_owned(), Origin::Default),
        }
    }

    /// Finds a profile. `local` always exists, with nothing set by default.
    ///
    /// # Errors
    /// [`ConfigError::UnknownProfile`], with a suggestion.
    pub fn entry(&self, name: &str) -> Result<Entry, ConfigError> {
        let file = self
            .files
            .iter()
            .rev()
            .find(|file| file.profiles().iter().any(|found| found == name));
        let Some(file) = file else {
            if name == LOCAL {
                return Ok(Entry {
                    name: name.to_owned(),
                    ..Entry::default()
                });
            }
            let names = self.profile_names();
            return Err(ConfigError::UnknownProfile {
                name: name.to_owned(),
                suggestion: suggest(name, names.iter().map(String::as_str)),
            });
        };
        Ok(Entry {
            name: name.to_owned(),
            url: file.profile_value(name, "url"),
            org: file.profile_value(name, "org"),
            token: file.profile_value(name, "token"),
            app_id: file.profile_value(name, "app-id"),
            app_key: file.profile_value(name, "app-key"),
            app_secret: file.profile_value(name, "app-secret"),
            api_key: file.profile_value(name, "api-key"),
        })
    }
}

/// Adds a profile to a file, or replaces the given values of an existing one.
pub fn add(path: &Path, name: &str, values: &[(&str, Option<&str>)]) -> Result<(), ConfigError> {
    check_name(name)?;
    for (key, value) in values {
        if let Some(value) = value {
            set(path, &[PROFILES, name, key], value)?;
        }
    }
    Ok(())
}

/// Removes a profile from a file. Returns whether it existed.
pub fn remove(path: &Path, name: &str) -> Result<bool, ConfigError> {
    check_name(name)?;
    unset(path, &[PROFILES, name])
}

fn check_name(name: &str) -> Result<(), ConfigError> {
    if name == LOCAL {
        return Err(ConfigError::LocalIsFixed);
    }
    if !is_plain_name(name) {
        return Err(ConfigError::BadName {
            name: name.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{File, Kind};
    use super::*;

    fn config(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        Config {
            files: vec![File::read(&path, Kind::User).unwrap()],
        }
    }

    #[test]
    fn local_exists_without_any_file() {
        let config = config("");
        assert_eq!(config.profile_names(), [LOCAL]);
        assert_eq!(
            config.default_profile(),
            (LOCAL.to_owned(), Origin::Default)
        );
        assert_eq!(config.entry(LOCAL).unwrap().url, None);
    }

    #[test]
    fn a_mistyped_profile_gets_a_suggestion() {
        let config = config("[profile.staging]\nurl = \"https://a.test\"\n");
        let error = config.entry("stagign").unwrap_err();
        assert!(
            matches!(error, ConfigError::UnknownProfile { suggestion: Some(name), .. } if name == "staging")
        );
    }
}
