//! Settings files, the allow-list of what they can set, profiles and sign-ins.
//!
//! From the weakest to the strongest: defaults, the user's file, the project's `evt.toml`, variables, flags. Every value
//! knows its origin. Variables and flags are applied by `cli`.

mod allowed;
mod credentials;
mod file;
mod profile;
pub mod settings;

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::env::Env;
use crate::explain::{Exit, Explain, Explanation};
use crate::paths::Paths;
use crate::running::RunningError;
use settings::Refusal;

pub use allowed::Allowed;
pub use credentials::Credentials;
pub use file::{File, Kind, check_key, set, unset};
pub use profile::{Entry, LOCAL, Profile, add, is_secret, remove};

/// The key with the name of the profile to use.
pub const DEFAULT_PROFILE: &str = "default_profile";
/// The table of the profiles.
pub const PROFILES: &str = "profile";
/// The name of a project's settings file.
pub const PROJECT_FILE: &str = "evt.toml";

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File {
        path: PathBuf,
        line: usize,
    },
    Env(String),
    Flag,
    /// The file that the running `evt dev` writes.
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

/// The position in a file, or nothing for a value that comes from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(pub Option<(PathBuf, usize)>);

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some((path, line)) => write!(f, "{}:{line}: ", path.display()),
            None => Ok(()),
        }
    }
}

/// The settings files that apply in the current folder, the weakest first.
#[derive(Clone, Debug, Default)]
pub struct Config {
    files: Vec<File>,
}

/// Why settings cannot be read, written or used.
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
    #[error("{location}there is no setting `{key}`")]
    UnknownKey {
        location: Location,
        key: String,
        suggestion: Option<String>,
    },
    #[error("{location}`{key}` must be {expected}")]
    WrongType {
        location: Location,
        key: String,
        expected: &'static str,
    },
    #[error("{location}{}", refusal(key, *reason))]
    Refused {
        location: Location,
        key: String,
        reason: Refusal,
    },
    #[error("{location}the project uses the profile `{name}`, which you have not allowed for `{}`", folder.display())]
    ProfileNotAllowed {
        location: Location,
        name: String,
        folder: PathBuf,
    },
    #[error("`{name}` is not a valid name for a profile")]
    BadName { name: String },
    #[error("there is no profile `{name}`")]
    UnknownProfile {
        name: String,
        suggestion: Option<String>,
    },
    #[error("profile `{name}` has no {missing}")]
    Incomplete { name: String, missing: &'static str },
    #[error("the profile `{LOCAL}` cannot be changed: it is the platform that `evt dev` runs")]
    LocalIsFixed,
    #[error("no local platform is running")]
    NotRunning,
    #[error("the local platform `{name}` is not running")]
    NamedNotRunning { name: String },
    #[error("the variable `{variable}` is for {of}, not for {used}")]
    Mixed {
        variable: &'static str,
        /// The server that the variable belongs to.
        of: String,
        /// The server that the request would go to.
        used: String,
    },
    #[error("`EVT_URL` names another server than the profile `{name}`, and `{missing}` is not set")]
    IncompleteVariables { name: String, missing: &'static str },
    #[error("`{name}` is the name of a {of}")]
    NameTaken { name: String, of: &'static str },
    #[error(transparent)]
    Running(#[from] RunningError),
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
                Explanation::usage("settings_syntax").hint(format!("fix {}", path.display()))
            }
            Self::UnknownKey {
                location: Location(at),
                suggestion,
                ..
            } => {
                let before = match at {
                    Some(_) => "write it as ",
                    None => "evt config get ",
                };
                Explanation::usage("unknown_setting")
                    .hint(suggested(suggestion, before, "evt config show --all"))
            }
            Self::WrongType { .. } => Explanation::usage("setting_type")
                .hint("evt man files        shows an example"),
            Self::Refused {
                location,
                key,
                reason,
            } => explain_refusal(location, key, *reason),
            Self::ProfileNotAllowed { name, folder, .. } => {
                let (name, folder) = (quoted(name), quoted(&folder.to_string_lossy()));
                Explanation::usage("profile_not_allowed")
                    .hint(format!("evt profile allow {name} --folder {folder}"))
            }
            Self::BadName { .. } => Explanation::usage("bad_name").hint(
                "a name has at most 64 letters, digits, `.`, `_` and `-`, and starts with a letter or digit",
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
            Self::NamedNotRunning { name } => Explanation::new(Exit::Unreachable, "not_running")
                .hint(format!("start it: evt dev --name {name}")),
            Self::Mixed { variable, .. } => {
                Explanation::usage("mixed_variables").hint(format!("unset {variable}"))
            }
            Self::IncompleteVariables { missing, .. } => Explanation::usage("mixed_variables")
                .hint("unset EVT_URL     uses the server of the profile")
                .hint(format!("export {missing}=…")),
            Self::NameTaken { .. } => Explanation::usage("name_taken").hint("choose another name"),
            Self::Running(error) => error.explain(),
        }
    }
}

/// How to remove a refused key from its file, and where else it can be set.
fn explain_refusal(location: &Location, key: &str, reason: Refusal) -> Explanation {
    let mut explanation = Explanation::usage(match reason {
        Refusal::FlagOnly | Refusal::VariableOnly => "not_in_files",
        Refusal::Dangerous(settings::Kind::Secret) => "secret_in_project",
        Refusal::Dangerous(_) | Refusal::Value(_) | Refusal::ForeignProfile => "not_in_project",
    });
    if let Location(Some((path, _))) = location {
        let (path, key) = (quoted(&path.to_string_lossy()), quoted(key));
        explanation = explanation.hint(format!(
            "evt config unset --config {path} {key}      removes it from the file"
        ));
    }
    let (command, flag) = key.rsplit_once('.').unwrap_or(("", key));
    let variable = settings::variable(key);
    explanation.hint(match reason {
        Refusal::ForeignProfile => {
            "evt profile add --help      adds it to your own settings".to_owned()
        }
        Refusal::Dangerous(_) | Refusal::Value(_) => format!(
            "evt config path      shows your own settings file, which can set it, as can {variable} and --{flag}"
        ),
        Refusal::FlagOnly => format!("evt {} --help", command.replace('.', " ")),
        Refusal::VariableOnly => "evt man config      lists who can set which setting".to_owned(),
    })
}

/// A word for a shell, quoted if necessary.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => crate::send::wire::quoted(word),
    }
}

fn refusal(key: &str, reason: Refusal) -> String {
    match reason {
        Refusal::FlagOnly => format!("`{key}` can only be given as a flag"),
        Refusal::VariableOnly => {
            let name = settings::variable(key);
            format!("`{key}` cannot be set in a file, only as a flag or as {name}")
        }
        Refusal::Dangerous(kind) => {
            let danger = kind.danger().unwrap_or("it is not harmless");
            format!("a project file cannot set `{key}`: {danger}")
        }
        Refusal::Value(kind) => {
            let allowed = kind.allowed_in_project().unwrap_or("another value");
            format!("a project file can set `{key}` only to {allowed}")
        }
        Refusal::ForeignProfile => {
            format!("a project file cannot define a profile (`{key}`)")
        }
    }
}

impl ConfigError {
    /// Adds the location to an error about the value at it.
    fn at(self, location: Location) -> Self {
        match self {
            Self::ProfileNotAllowed { name, folder, .. } => Self::ProfileNotAllowed {
                location,
                name,
                folder,
            },
            other => other,
        }
    }
}

impl Config {
    /// Reads and checks the settings files that apply in the current folder.
    ///
    /// `explicit` (`--config`) replaces the user's file and must exist. A file called `evt.toml` is a project's file
    /// even if it is named explicitly, because the name of a file does not make a stranger's content safe.
    ///
    /// # Errors
    /// A file that cannot be read or parsed, and a key that the file cannot set.
    pub fn load(paths: &Paths, env: &Env, explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let project = project_file(&env.current_dir);
        let mut files = Vec::new();
        match explicit {
            Some(path) => {
                let path = env.current_dir.join(path);
                let kind = kind_of(&path, project.as_deref());
                files.push(File::read(&path, kind)?);
            }
            None => files.extend(File::read_if_there(&paths.config_file(), Kind::User)?),
        }
        if let Some(path) = project {
            files.extend(File::read_if_there(&path, Kind::Project)?);
        }
        let config = Self { files };
        config.check(paths)?;
        Ok(config)
    }

    /// Reads and checks the user's file alone.
    pub fn load_user(paths: &Paths) -> Result<Self, ConfigError> {
        let file = File::read_if_there(&paths.config_file(), Kind::User)?;
        let config = Self {
            files: file.into_iter().collect(),
        };
        config.check(paths)?;
        Ok(config)
    }

    fn check(&self, paths: &Paths) -> Result<(), ConfigError> {
        self.files.iter().try_for_each(|file| {
            file.check(|name| Allowed::of(paths).check(&folder_of(&file.path), name))
        })
    }

    /// Returns whether no file sets anything.
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(File::is_empty)
    }

    /// The files that were read, the weakest first.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The values of a setting (`listen.port`) from the strongest file that has it; several for an array.
    pub fn get(&self, key: &str) -> Option<(Vec<String>, Origin)> {
        self.files.iter().rev().find_map(|file| file.get(key))
    }
}

/// What a file is that the user names with `--config`.
pub fn kind_of(path: &Path, project: Option<&Path>) -> Kind {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_project_name = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.eq_ignore_ascii_case(PROJECT_FILE))
    };
    let is_same =
        project.is_some_and(|project| project.canonicalize().ok().as_ref() == Some(&real));
    if is_same || is_project_name(path) || is_project_name(&real) {
        Kind::Project
    } else {
        Kind::User
    }
}

/// The folder of a file, without symbolic links.
pub fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(file);
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// The `evt.toml` that applies in a folder: its own, or that of a folder above it, up to the root of its repository.
///
/// Outside a repository only the folder itself is searched, so that a file in a shared folder such as `/tmp` has no effect below it.
pub fn project_file(folder: &Path) -> Option<PathBuf> {
    let own = folder.join(PROJECT_FILE);
    // Also what is not a regular file, so that reading it reports that.
    if own.exists() {
        return Some(own);
    }
    let root = folder
        .ancestors()
        .find(|above| above.join(".git").exists())?;
    folder
        .ancestors()
        .take_while(|above| above.starts_with(root))
        .map(|above| above.join(PROJECT_FILE))
        .find(|path| path.exists())
}

/// The word of `known` that `word` was probably meant to be.
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
