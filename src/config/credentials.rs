//! The tokens of `evt profile login`, in a file that only its owner can read.

use std::path::Path;

use toml_edit::DocumentMut;

use super::{ConfigError, File, Kind};
use crate::files::{self, replace_private_file};
use crate::secret::Secret;

/// The tokens of all profiles.
#[derive(Clone, Debug)]
pub struct Credentials {
    file: Option<File>,
}

/// A sign-in. It is only valid for its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub url: String,
    pub token: Secret,
    pub refresh_token: Option<Secret>,
}

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

    /// Finds the sign-in of a profile at a URL.
    pub fn find(&self, profile: &str, url: &str) -> Option<Login> {
        let file = self.file.as_ref()?;
        let value = |key| file.profile_value(profile, key).map(|found| found.0);
        let login = Login {
            url: value("url")?,
            token: Secret::new(value("token")?),
            refresh_token: value("refresh_token").map(Secret::new),
        };
        (login.url == url).then_some(login)
    }

    /// Stores a sign-in, and replaces an existing one.
    pub fn store(path: &Path, profile: &str, login: &Login) -> Result<(), ConfigError> {
        change(path, |document| {
            let mut table = toml_edit::Table::new();
            table["url"] = toml_edit::value(login.url.as_str());
            table["token"] = toml_edit::value(login.token.reveal());
            if let Some(refresh_token) = &login.refresh_token {
                table["refresh_token"] = toml_edit::value(refresh_token.reveal());
            }
            let profiles = document
                .entry(super::PROFILES)
                .or_insert_with(toml_edit::table);
            if let Some(profiles) = profiles.as_table_mut() {
                profiles.set_implicit(true);
                profiles.insert(profile, toml_edit::Item::Table(table));
            }
        })
    }

    /// Removes the sign-in of a profile.
    pub fn remove(path: &Path, profile: &str) -> Result<(), ConfigError> {
        if !path.exists() {
            return Ok(());
        }
        change(path, |document| {
            let profiles = document.get_mut(super::PROFILES);
            if let Some(profiles) = profiles.and_then(toml_edit::Item::as_table_mut) {
                profiles.remove(profile);
            }
        })
    }
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

    fn login() -> Login {
        Login {
            url: "https://a.test".to_owned(),
            token: Secret::new("t0k3n"),
            refresh_token: Some(Secret::new("r3fr3sh")),
        }
    }

    #[test]
    fn a_sign_in_is_only_valid_for_its_url() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        Credentials::store(&path, "prod", &login()).unwrap();
        let credentials = Credentials::load(&path).unwrap();
        assert_eq!(credentials.find("prod", "https://a.test"), Some(login()));
        assert_eq!(credentials.find("prod", "https://evil.test"), None);
        assert_eq!(credentials.find("other", "https://a.test"), None);
    }

    #[test]
    fn a_removed_sign_in_is_not_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        Credentials::store(&path, "prod", &login()).unwrap();
        Credentials::remove(&path, "prod").unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("t0k3n"));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_for_other_users_are_removed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        Credentials::store(&path, "prod", &login()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        Credentials::load(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
