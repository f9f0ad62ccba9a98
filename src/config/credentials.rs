//! The credentials of profiles that are not references, in a file that only its owner can read: the tokens of
//! `evt profile login`, and keys of apps.

use std::path::Path;

use toml_edit::DocumentMut;

use super::{ConfigError, File, Kind};
use crate::api::profile::Tokens;
use crate::api::second_factor::Challenge;
use crate::files::{self, replace_private_file};
use crate::secret::Secret;

/// The credentials of all profiles. Those of a profile are only valid for its URL.
#[derive(Clone, Debug)]
pub struct Credentials {
    file: Option<File>,
}

/// The keys of a sign-in, and of one that waits for its code.
const LOGIN: [&str; 5] = [
    "token",
    "refresh_token",
    "kind",
    "challenge",
    "challenge_kind",
];

impl Credentials {
    /// Reads the file, if it exists. Corrects its permissions if other users can read it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        tighten(path).map_err(|source| ConfigError::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            file: File::read_if_there(path, Kind::User)?,
        })
    }

    fn value(&self, profile: &str, url: &str, key: &str) -> Option<String> {
        let file = self.file.as_ref()?;
        let value = |key| file.profile_value(profile, key).map(|found| found.0);
        value(key).filter(|_| value("url").is_some_and(|stored| stored == url))
    }

    /// Finds the sign-in of a profile at a URL. A file of an older version has no kind of account, which is then a user.
    pub fn find(&self, profile: &str, url: &str) -> Option<Tokens> {
        let value = |key| self.value(profile, url, key);
        Some(Tokens {
            token: Some(Secret::new(value("token")?)),
            refresh_token: value("refresh_token").map(Secret::new),
            principal: value("kind")
                .and_then(|kind| kind.parse().ok())
                .unwrap_or_default(),
        })
    }

    /// Finds a secret of a profile at a URL: `app-key`, `app-secret` or `api-key`.
    pub fn secret(&self, profile: &str, url: &str, key: &str) -> Option<Secret> {
        self.value(profile, url, key).map(Secret::new)
    }

    /// Finds the sign-in of a profile at a URL that waits for its code.
    pub fn challenge(&self, profile: &str, url: &str) -> Option<Challenge> {
        let value = |key| self.value(profile, url, key);
        Some(Challenge {
            principal: value("challenge_kind")?.parse().ok()?,
            token: Secret::new(value("challenge")?),
            method: None,
            email: None,
            message: None,
        })
    }

    /// Stores a sign-in, and replaces an existing one.
    pub fn store(
        path: &Path,
        profile: &str,
        url: &str,
        tokens: &Tokens,
    ) -> Result<(), ConfigError> {
        let text =
            |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.reveal().to_owned());
        let values = [
            ("token", text(&tokens.token)),
            ("refresh_token", text(&tokens.refresh_token)),
            ("kind", Some(tokens.principal.word().to_owned())),
            ("challenge", None),
            ("challenge_kind", None),
        ];
        set(path, profile, url, &values)
    }

    /// Stores a sign-in that waits for its code.
    pub fn store_challenge(
        path: &Path,
        profile: &str,
        url: &str,
        challenge: &Challenge,
    ) -> Result<(), ConfigError> {
        let values = [
            ("challenge", Some(challenge.token.reveal().to_owned())),
            (
                "challenge_kind",
                Some(challenge.principal.word().to_owned()),
            ),
        ];
        set(path, profile, url, &values)
    }

    /// Stores a secret that [`Credentials::secret`] finds. `None` removes it.
    pub fn store_secret(
        path: &Path,
        profile: &str,
        url: &str,
        (key, secret): (&str, Option<&Secret>),
    ) -> Result<(), ConfigError> {
        let text = secret.map(|secret| secret.reveal().to_owned());
        set(path, profile, url, &[(key, text)])
    }

    /// Removes the sign-in of a profile.
    pub fn sign_out(path: &Path, profile: &str) -> Result<(), ConfigError> {
        edit_profiles(path, |profiles| {
            if let Some(table) = profiles
                .get_mut(profile)
                .and_then(toml_edit::Item::as_table_mut)
            {
                table.retain(|key, _| !LOGIN.contains(&key));
                remove_if_empty(profiles, profile);
            }
        })
    }

    /// Removes all credentials of a profile.
    pub fn remove(path: &Path, profile: &str) -> Result<(), ConfigError> {
        edit_profiles(path, |profiles| {
            profiles.remove(profile);
        })
    }
}

/// Sets and removes keys of a profile. Credentials for another URL are removed.
fn set(
    path: &Path,
    profile: &str,
    url: &str,
    values: &[(&str, Option<String>)],
) -> Result<(), ConfigError> {
    if !path.exists() && values.iter().all(|(_, value)| value.is_none()) {
        return Ok(());
    }
    change(path, |document| {
        let profiles = document
            .entry(super::PROFILES)
            .or_insert_with(toml_edit::table);
        let Some(profiles) = profiles.as_table_mut() else {
            return;
        };
        profiles.set_implicit(true);
        let table = profiles.entry(profile).or_insert_with(toml_edit::table);
        if table.get("url").and_then(toml_edit::Item::as_str) != Some(url) {
            *table = toml_edit::table();
            table["url"] = toml_edit::value(url);
        }
        if let Some(table) = table.as_table_mut() {
            for (key, value) in values {
                match value {
                    Some(value) => drop(table.insert(key, toml_edit::value(value))),
                    None => drop(table.remove(key)),
                }
            }
        }
        remove_if_empty(profiles, profile);
    })
}

/// Removes the table of a profile that has only a URL.
fn remove_if_empty(profiles: &mut toml_edit::Table, profile: &str) {
    let table = profiles.get(profile).and_then(toml_edit::Item::as_table);
    if table.is_some_and(|table| table.iter().all(|(key, _)| key == "url")) {
        profiles.remove(profile);
    }
}

fn edit_profiles(path: &Path, edit: impl FnOnce(&mut toml_edit::Table)) -> Result<(), ConfigError> {
    if !path.exists() {
        return Ok(());
    }
    change(path, |document| {
        let profiles = document.get_mut(super::PROFILES);
        if let Some(profiles) = profiles.and_then(toml_edit::Item::as_table_mut) {
            edit(profiles);
        }
    })
}

fn change(path: &Path, edit: impl FnOnce(&mut DocumentMut)) -> Result<(), ConfigError> {
    let text = match super::file::read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => {
            return Err(ConfigError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    // The error of the parser quotes the line, which contains a token.
    let mut document: DocumentMut = text.parse().map_err(|_| ConfigError::Syntax {
        path: path.to_owned(),
        line: 1,
        message: "the credentials file is not valid TOML".to_owned(),
    })?;
    edit(&mut document);
    replace_private_file(path, document.to_string().as_bytes()).map_err(|source| {
        ConfigError::Write {
            path: path.to_owned(),
            source,
        }
    })
}

#[cfg(unix)]
fn tighten(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let facts = match std::fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if files::is_missing(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    // Anything else is refused when it is read.
    if facts.is_file() && facts.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn tighten(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::profile::Principal;

    const URL: &str = "https://a.test";

    fn tokens() -> Tokens {
        Tokens {
            token: Some(Secret::new("t0k3n")),
            refresh_token: Some(Secret::new("r3fr3sh")),
            principal: Principal::Customer,
        }
    }

    fn secret(text: &str) -> Option<Secret> {
        Some(Secret::new(text))
    }

    #[test]
    fn credentials_are_only_valid_for_their_url() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        Credentials::store(&path, "prod", URL, &tokens()).unwrap();
        let key = secret("k3y");
        Credentials::store_secret(&path, "prod", URL, ("app-key", key.as_ref())).unwrap();
        let credentials = Credentials::load(&path).unwrap();
        assert_eq!(credentials.find("prod", URL), Some(tokens()));
        assert_eq!(credentials.secret("prod", URL, "app-key"), key);
        for (name, url) in [("prod", "https://evil.test"), ("other", URL)] {
            assert_eq!(credentials.find(name, url), None);
            assert_eq!(credentials.secret(name, url, "app-key"), None);
        }
    }

    #[test]
    fn a_sign_in_without_a_kind_is_that_of_a_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        let text = format!("[profile.prod]\nurl = \"{URL}\"\ntoken = \"t\"\n");
        std::fs::write(&path, text).unwrap();
        let found = Credentials::load(&path).unwrap().find("prod", URL);
        assert_eq!(found.unwrap().principal, Principal::User);
    }

    #[test]
    fn a_sign_in_for_another_url_replaces_all_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        let key = secret("k3y");
        Credentials::store_secret(&path, "prod", URL, ("app-key", key.as_ref())).unwrap();
        Credentials::store(&path, "prod", "https://b.test", &tokens()).unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("k3y"));
    }

    #[test]
    fn signing_out_removes_the_tokens_and_keeps_the_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        Credentials::store(&path, "prod", URL, &tokens()).unwrap();
        Credentials::sign_out(&path, "prod").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        let key = secret("k3y");
        Credentials::store_secret(&path, "prod", URL, ("app-key", key.as_ref())).unwrap();
        Credentials::store(&path, "prod", URL, &tokens()).unwrap();
        Credentials::sign_out(&path, "prod").unwrap();
        let credentials = Credentials::load(&path).unwrap();
        assert_eq!(credentials.find("prod", URL), None);
        assert_eq!(credentials.secret("prod", URL, "app-key"), key);
        assert!(!std::fs::read_to_string(&path).unwrap().contains("t0k3n"));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_for_other_users_are_removed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        Credentials::store(&path, "prod", URL, &tokens()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        Credentials::load(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
