//! The locations of files: the folders of the operating system, or `EVT_HOME`.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use thiserror::Error;

use crate::env::Env;
use crate::explain::{Explain, Explanation};

/// The folders of the user. They are created when something is written.
#[derive(Clone, Debug)]
pub struct Paths {
    pub config_dir: PathBuf,
    pub data_dir: PathBuf,
    pub state_dir: PathBuf,
}

/// The user has no home folder.
#[derive(Debug, Error)]
#[error("cannot store files: there is no home folder")]
pub struct NoHome;

impl Explain for NoHome {
    fn explain(&self) -> Explanation {
        Explanation::usage("no_home").hint("export EVT_HOME=/path/to/a/folder")
    }
}

impl Paths {
    /// Returns the folders below `EVT_HOME`, or those of the operating system.
    pub fn find(env: &Env) -> Result<Self, NoHome> {
        if let Some(home) = env.get("EVT_HOME") {
            return Ok(Self::under(&env.current_dir.join(home)));
        }
        let dirs = ProjectDirs::from("", "", "evt").ok_or(NoHome)?;
        let data_dir = dirs.data_local_dir().to_owned();
        Ok(Self {
            config_dir: dirs.config_dir().to_owned(),
            // Only Linux has a state folder.
            state_dir: dirs
                .state_dir()
                .map_or_else(|| data_dir.join("state"), Path::to_owned),
            data_dir,
        })
    }

    /// Returns the folders below a common one.
    pub fn under(home: &Path) -> Self {
        Self {
            config_dir: home.join("config"),
            data_dir: home.join("data"),
            state_dir: home.join("state"),
        }
    }

    /// The database of the events that listen and send have received and sent.
    pub fn inbox(&self) -> PathBuf {
        self.data_dir.join("inbox.db")
    }

    /// The default data folder of `evt dev`.
    pub fn platform_dir(&self) -> PathBuf {
        self.data_dir.join("dev")
    }

    /// The user's settings file.
    pub fn config_file(&self) -> PathBuf {
        self.config_dir.join("config.toml")
    }

    /// Which projects can use which profiles: what `evt profile allow` stores.
    pub fn allowed_profiles_file(&self) -> PathBuf {
        self.config_dir.join("allowed-profiles.toml")
    }

    /// The tokens of `evt profile login`, which only the user can read.
    pub fn credentials_file(&self) -> PathBuf {
        self.config_dir.join("credentials.toml")
    }
}

/// Returns whether a name can be part of a path: at most 64 letters, digits, `.`, `_` and `-`, starting with a letter or digit,
/// and not a name that Windows reserves for devices.
pub fn is_plain_name(name: &str) -> bool {
    const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];
    let bytes = name.as_bytes();
    let well_formed = bytes.len() <= 64
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    // Windows treats `nul.txt` and `COM1` as devices, and ignores a final dot.
    let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let device = RESERVED.iter().any(|reserved| {
        stem.strip_prefix(reserved)
            .is_some_and(|rest| match *reserved {
                "com" | "lpt" => rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit(),
                _ => rest.is_empty(),
            })
    });
    well_formed && !device && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for name in [
            "", ".", "..", "../x", "a/b", "a\\b", "-rf", "~", "a b", "a\0", "é", "NUL", "con.txt",
            "com1", "LPT9", "x.", "C:x",
        ] {
            assert!(!is_plain_name(name), "{name:?}");
        }
        assert!(!is_plain_name(&"a".repeat(65)));
    }

    #[test]
    fn ordinary_names_are_accepted() {
        for name in [
            "local",
            "prod-eu.2",
            "A_b",
            "console",
            "community",
            &"a".repeat(64),
        ] {
            assert!(is_plain_name(name), "{name:?}");
        }
    }
}
