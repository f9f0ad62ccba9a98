//! Settings: defaults, user file, project file, environment, flags; each value knows where it came from. Profiles.
//!
//! This room reads and writes files. Which keys there are is told by `cli`, whose flags they are.

mod credentials;
mod file;
mod profile;

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::env::Env;
use crate::explain::{Exit, Explain, Explanation};
use crate::paths::Paths;
pub use credentials::{Credentials, Login};
pub use file::{File, Kind, set, shares_a_secret, unset};
pub use profile::{Entry, LOCAL, Profile, add, remove};

/// The key that names the profile to use.
pub const DEFAULT_PROFILE: &str = "default_profile";
/// The table that holds the profiles.
pub const PROFILES: &str = "profile";
/// A project's settings, beside its code.
pub const PROJECT_FILE: &str = "evt.toml";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File {
        path: PathBuf,
        line: usize,
    },
    Env(String),
    Flag,
    /// The file that the running `evt dev` wrote.
    Running,
    /// `evt profile login`.
    Login,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => f.write_str(name),
            Self::Flag => f.write_str("flag"),
            Self::Running => f.write_str("the running evt dev"),
            Self::Login => f.write_str("evt profile login"),
        }
    }
}

/// The settings of the files that apply here, the weakest first.
#[derive(Clone, Debug, Default)]
pub struct Config {
    files: Vec<File>,
}

/// Settings that cannot be read, written or used.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("cannot read the settings in `{}`", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        path: PathBuf,
        line: usize,
        message: String,
    },
    #[error("{}:{line}: there is no setting `{key}`", path.display())]
    UnknownKey {
        path: PathBuf,
        line: usize,
        key: String,
        suggestion: Option<String>,
    },
    #[error("there is no setting `{key}`")]
    NoSuchKey {
        key: String,
        suggestion: Option<String>,
    },
    #[error("{}:{line}: `{key}` must be {expected}", path.display())]
    WrongType {
        path: PathBuf,
        line: usize,
        key: String,
        expected: &'static str,
    },
    #[error("{}:{line}: `{key}` is a secret, and a project file is shared", path.display())]
    SecretInProject {
        path: PathBuf,
        line: usize,
        key: String,
    },
    #[error("`{key}` is a secret, and a project file is shared")]
    SecretForProject { key: String },
    #[error("`{name}` is no name for a profile")]
    BadName { name: String },
    #[error("there is no profile `{name}`")]
    UnknownProfile {
        name: String,
        suggestion: Option<String>,
    },
    #[error("profile `{name}` has no {missing}")]
    Incomplete { name: String, missing: &'static str },
    #[error("the profile `{LOCAL}` is always there: it is the platform that `evt dev` runs")]
    LocalIsFixed,
    #[error("no local platform is running")]
    NotRunning,
    #[error("cannot read where the local platform runs")]
    Running(#[source] std::io::Error),
}

impl Explain for ConfigError {
    fn explain(&self) -> Explanation {
        let suggested =
            |suggestion: &Option<String>, before: &str, otherwise: &str| match suggestion {
                Some(word) => format!("{before}{word}"),
                None => otherwise.to_owned(),
            };
        match self {
            Self::Read { .. } => {
                Explanation::usage("settings_unreadable").hint("evt config path")
            }
            Self::Write { .. } => Explanation::failed("settings_unwritable").hint("evt doctor"),
            Self::Syntax { path, .. } => {
                Explanation::usage("settings_syntax").hint(format!("mend {}", path.display()))
            }
            Self::UnknownKey { suggestion, .. } => Explanation::usage("unknown_setting")
                .hint(suggested(suggestion, "write it as ", "evt config show --all")),
            Self::NoSuchKey { suggestion, .. } => Explanation::usage("unknown_setting")
                .hint(suggested(suggestion, "evt config get ", "evt config show --all")),
            Self::WrongType { .. } => Explanation::usage("setting_type")
                .hint("evt man files        shows an example"),
            Self::SecretInProject { .. } | Self::SecretForProject { .. } => {
                Explanation::usage("secret_in_project").hint(
                    "keep it in your own file (evt config path), or name a variable: \"env:NAME\"",
                )
            }
            Self::BadName { .. } => Explanation::usage("bad_name").hint(
                "a name has letters, digits, `.`, `_` and `-`, at most 64, and begins with a letter or digit",
            ),
            Self::UnknownProfile { suggestion, .. } => Explanation::usage("unknown_profile")
                .hint(suggested(suggestion, "evt --profile ", "evt profile list")),
            Self::Incomplete { name, missing } => Explanation::usage("profile_incomplete")
                .hint(format!("evt profile add {name} --{missing} …")),
            Self::LocalIsFixed => {
                Explanation::usage("profile_fixed").hint("choose another name")
            }
            Self::NotRunning => {
                Explanation::new(Exit::Unreachable, "not_running").hint("start one: evt dev")
            }
            Self::Running(_) => Explanation::failed("running_file").hint("evt doctor"),
        }
    }
}

impl Config {
    /// Reads the user's file (or `explicit` in its place) and the project's. Files that are not there count as empty, save `explicit`.
    pub fn load(paths: &Paths, env: &Env, explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let mut files = Vec::new();
        match explicit {
            Some(path) => files.push(File::read(&env.current_dir.join(path), Kind::User)?),
            None => files.extend(File::read_if_there(&paths.config_file(), Kind::User)?),
        }
        if let Some(path) = project_file(&env.current_dir) {
            files.extend(File::read_if_there(&path, Kind::Project)?);
        }
        Ok(Self { files })
    }

    /// Nothing is set in any file.
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(|file| file.keys().is_empty())
    }

    /// The files that were read, the weakest first.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Refuses keys that are none of `known`, and secrets in a project's file. Profiles are known by their own rule.
    pub fn check(&self, known: &[String]) -> Result<(), ConfigError> {
        self.files.iter().try_for_each(|file| file.check(known))
    }

    /// A setting (`listen.port`), from the strongest file that has it. An array gives several values.
    pub fn get(&self, key: &str) -> Option<(Vec<String>, Origin)> {
        self.files.iter().rev().find_map(|file| file.get(key))
    }
}

/// The `evt.toml` that applies in a folder: its own, or that of a folder above it up to the root of its repository.
///
/// Outside of a repository only the folder itself is looked at, so that a file in a shared folder such as `/tmp` rules nobody below.
pub fn project_file(folder: &Path) -> Option<PathBuf> {
    let own = folder.join(PROJECT_FILE);
    if own.is_file() {
        return Some(own);
    }
    let root = folder
        .ancestors()
        .find(|above| above.join(".git").exists())?;
    folder
        .ancestors()
        .take_while(|above| above.starts_with(root))
        .map(|above| above.join(PROJECT_FILE))
        .find(|path| path.is_file())
}

/// The one of `known` that `word` may have been meant to be.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_file_is_found_up_to_the_root_of_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("repo/a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(folder.path().join(PROJECT_FILE), "").unwrap();
        assert_eq!(project_file(&deep), None);
        std::fs::create_dir(folder.path().join("repo/.git")).unwrap();
        assert_eq!(project_file(&deep), None);
        let inside = folder.path().join("repo/evt.toml");
        std::fs::write(&inside, "").unwrap();
        assert_eq!(project_file(&deep), Some(inside));
    }

    #[test]
    fn a_near_miss_gets_a_suggestion_and_nonsense_none() {
        let known = ["listen.port", "listen.verify"];
        assert_eq!(
            suggest("listen.prot", known).as_deref(),
            Some("listen.port")
        );
        assert_eq!(suggest("zzz", known), None);
    }
}
