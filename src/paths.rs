//! The locations of files: the folders of the operating system, or `EVT_HOME`; without a home that can be written, a private
//! temporary folder.

use std::fmt;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use thiserror::Error;

use crate::env::Env;
use crate::explain::{Explain, Explanation};
use crate::running::DEFAULT_NAME;

/// The folders of the user. They are created when something is written.
#[derive(Clone, Debug)]
pub struct Paths {
    pub config_dir: PathBuf,
    pub data_dir: PathBuf,
    pub state_dir: PathBuf,
    /// Why data and state are in a temporary folder; `None` if they are in the user's own.
    pub temporary: Option<NoHome>,
}

/// Why there is no folder of the user for data and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoHome {
    /// The operating system knows no home folder of the user.
    Missing,
    /// The folder does not exist and cannot be created.
    ReadOnly(PathBuf),
}

impl fmt::Display for NoHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no home folder"),
            Self::ReadOnly(path) => write!(f, "`{}` cannot be created", path.display()),
        }
    }
}

/// The temporary folder that replaces the user's own cannot be used.
#[derive(Debug, Error)]
#[error("{reason}, and `{}` belongs to another user or can be read by others", path.display())]
pub struct PathsError {
    reason: NoHome,
    path: PathBuf,
}

impl Explain for PathsError {
    fn explain(&self) -> Explanation {
        Explanation::usage("no_home").hint("export EVT_HOME=/path/to/a/folder")
    }
}

impl Paths {
    /// Returns the folders below `EVT_HOME`, or those of the operating system. If those for data and state do not exist and cannot be
    /// created, they are replaced by folders below a private temporary one, which other evt processes of the user find, too.
    ///
    /// # Errors
    /// [`PathsError`] if another user may have created the temporary folder.
    pub fn find(env: &Env) -> Result<Self, PathsError> {
        match Self::own(env) {
            None => Self::under_temporary(NoHome::Missing, None),
            Some(own) => match own.unusable() {
                None => Ok(own),
                Some(folder) => {
                    let reason = NoHome::ReadOnly(folder.to_owned());
                    Self::under_temporary(reason, Some(own.config_dir))
                }
            },
        }
    }

    /// The user's own folders, whether or not they can be created.
    fn own(env: &Env) -> Option<Self> {
        if let Some(home) = env.get("EVT_HOME") {
            return Some(Self::under(&env.current_dir.join(home)));
        }
        let dirs = ProjectDirs::from("", "", "evt")?;
        let data_dir = dirs.data_local_dir().to_owned();
        Some(Self {
            config_dir: dirs.config_dir().to_owned(),
            // Only Linux has a state folder.
            state_dir: dirs
                .state_dir()
                .map_or_else(|| data_dir.join("state"), Path::to_owned),
            data_dir,
            temporary: None,
        })
    }

    /// The first folder that cannot be created. Folders that exist are used in any case, because they may contain data.
    fn unusable(&self) -> Option<&Path> {
        let folders = [self.data_dir.as_path(), self.state_dir.as_path()];
        if folders.iter().any(|folder| folder.exists()) {
            return None;
        }
        folders.into_iter().find(|folder| !can_be_created(folder))
    }

    fn under_temporary(reason: NoHome, config_dir: Option<PathBuf>) -> Result<Self, PathsError> {
        let folder = std::env::temp_dir().join(temporary_name());
        if !is_private(&folder) {
            return Err(PathsError {
                reason,
                path: folder,
            });
        }
        let under = Self::under(&folder);
        Ok(Self {
            config_dir: config_dir.unwrap_or_else(|| under.config_dir.clone()),
            temporary: Some(reason),
            ..under
        })
    }

    /// Returns the folders below a common one.
    pub fn under(home: &Path) -> Self {
        Self {
            config_dir: home.join("config"),
            data_dir: home.join("data"),
            state_dir: home.join("state"),
            temporary: None,
        }
    }

    /// The database of the events that listen and send have received and sent.
    pub fn inbox(&self) -> PathBuf {
        self.data_dir.join("inbox.db")
    }

    /// The default data folder of `evt dev`, for the platform with this name.
    pub fn platform_dir(&self, name: &str) -> PathBuf {
        let folder = self.data_dir.join("dev");
        match name {
            DEFAULT_NAME => folder,
            name => folder.join(name),
        }
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

/// The name of the temporary folder, which differs between users.
fn temporary_name() -> String {
    #[cfg(unix)]
    return format!("evt-{}", rustix::process::getuid().as_raw());
    #[cfg(not(unix))]
    "evt-home".to_owned()
}

/// Creates the folder if it does not exist, and returns whether only the user can use it. Anyone can create names in a shared
/// temporary folder.
#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    // An error shows up below, or when a file is written.
    let _ = std::fs::DirBuilder::new().mode(0o700).create(folder);
    match std::fs::symlink_metadata(folder) {
        Ok(facts) => {
            let is_own = facts.uid() == rustix::process::getuid().as_raw();
            facts.is_dir() && is_own && facts.mode() & 0o077 == 0
        }
        Err(_) => true,
    }
}

/// On other systems the temporary folder itself belongs to the user.
#[cfg(not(unix))]
fn is_private(_folder: &Path) -> bool {
    true
}

/// Whether the nearest folder above that exists can be written.
#[cfg(unix)]
fn can_be_created(folder: &Path) -> bool {
    use rustix::fs::Access;
    let above = folder.ancestors().find(|above| above.exists());
    above.is_some_and(|above| {
        above.is_dir() && rustix::fs::access(above, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    })
}

#[cfg(not(unix))]
fn can_be_created(folder: &Path) -> bool {
    let above = folder.ancestors().find(|above| above.exists());
    above.is_some_and(Path::is_dir)
}

/// Returns whether a name can be that of a local platform. Such a name has no dot: the default platform's folder contains
/// `platform.db`, and the folders of the others.
pub fn is_platform_name(name: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    is_plain_name(name) && name.bytes().all(is_allowed)
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

    fn env(home: &Path) -> Env {
        let home = home.to_string_lossy().into_owned();
        Env {
            variables: std::iter::once(("EVT_HOME".to_owned(), home)).collect(),
            current_dir: PathBuf::from("/"),
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
        }
    }

    #[test]
    fn a_home_that_cannot_be_created_is_replaced_by_a_temporary_one() {
        let folder = tempfile::NamedTempFile::new().unwrap();
        let home = folder.path().join("home");
        let paths = Paths::find(&env(&home)).unwrap();
        assert_eq!(paths.temporary, Some(NoHome::ReadOnly(home.join("data"))));
        assert!(paths.state_dir.starts_with(std::env::temp_dir()));
        assert_eq!(paths.config_dir, home.join("config"));
    }

    #[test]
    fn a_home_that_can_be_created_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("a/b");
        let paths = Paths::find(&env(&home)).unwrap();
        assert_eq!((paths.temporary, paths.data_dir), (None, home.join("data")));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_enter_is_not_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evt-1");
        assert!(is_private(&path) && is_private(&path));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!is_private(&path));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(!is_private(&link));
    }

    #[test]
    fn the_name_of_a_platform_is_no_file_of_another_one() {
        for name in ["platform.db", "dev.lock", "Staging", "..", "a/b", ""] {
            assert!(!is_platform_name(name), "{name}");
        }
        assert!(is_platform_name("staging-2"));
    }

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
