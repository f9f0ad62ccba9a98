//! How other commands find the running `evt dev`: a file with mode 0600 in the state directory, or variables.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::explain::{Explain, Explanation};
use crate::files::{self, replace_private_file};

/// Maximum size in bytes of the file. It is far smaller.
const MAX_FILE: u64 = 1 << 20;
/// The name of the `evt dev` that commands use by default, and of its profile.
pub const DEFAULT_NAME: &str = "local";
/// The platform that commands use by default.
pub const DEFAULT_PLATFORM: &str = "appengine";

/// Where one platform is served, and the credentials of its developer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// `http://127.0.0.1:4870`
    pub url: String,
    pub org: String,
    /// A user token for `url`.
    pub token: String,
    /// Signs the deliveries of flows that have no secret; `None` if the platform does not sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
}

/// The addresses and credentials of a running `evt dev`.
///
/// `url`, `org`, `token` and `webhook_secret` are those of the first platform: programs that do not know `platforms` yet read only these.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    /// `--name`; `local` by default.
    #[serde(default = "default_name")]
    pub name: String,
    pub pid: u32,
    /// `http://127.0.0.1:4870`
    pub url: String,
    /// `http://127.0.0.1:4872`, the control API
    pub control_url: String,
    /// Bearer token of the control API. Each start creates another one.
    pub control_token: String,
    pub org: String,
    /// A user token (JWT) for `url`.
    pub token: String,
    /// Signs the deliveries of flows that have no secret; `None` with `--bare`.
    pub webhook_secret: Option<String>,
    /// `None` with `--ephemeral`.
    pub data: Option<PathBuf>,
    /// Every platform by name. Empty in files of older versions.
    #[serde(default)]
    pub platforms: BTreeMap<String, Access>,
    /// The addresses of the brokers, with user and password, by `nats`, `amqp` and `redis`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub brokers: BTreeMap<String, String>,
}

impl Running {
    /// Describes this process. The platforms are in the order of their start.
    pub fn new(
        control_url: String,
        control_token: String,
        data: Option<PathBuf>,
        platforms: Vec<(String, Access)>,
    ) -> Self {
        let first = platforms.first().map(|(_, access)| access.clone());
        let first = first.unwrap_or_else(|| Access {
            url: String::new(),
            org: String::new(),
            token: String::new(),
            webhook_secret: None,
        });
        Self {
            name: default_name(),
            pid: std::process::id(),
            url: first.url,
            control_url,
            control_token,
            org: first.org,
            token: first.token,
            webhook_secret: first.webhook_secret,
            data,
            platforms: platforms.into_iter().collect(),
            brokers: BTreeMap::new(),
        }
    }

    /// The path of the file in a state directory, for the default name.
    pub fn file(state_dir: &Path) -> PathBuf {
        Self::file_of(state_dir, DEFAULT_NAME)
    }

    /// The path of the file in a state directory, for a name: `dev.json`, or `dev.staging.json`.
    pub fn file_of(state_dir: &Path, name: &str) -> PathBuf {
        match name {
            DEFAULT_NAME => state_dir.join("dev.json"),
            name => state_dir.join(format!("dev.{name}.json")),
        }
    }

    /// [`Running::find_named`] with the default name.
    pub fn find(state_dir: &Path) -> Result<Option<Self>, RunningError> {
        Self::find_named(state_dir, DEFAULT_NAME)
    }

    /// Reads the file. Returns `None` if it does not exist or its process has ended.
    pub fn find_named(state_dir: &Path, name: &str) -> Result<Option<Self>, RunningError> {
        let path = Self::file_of(state_dir, name);
        let bytes = match files::read(&path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) if files::is_missing(&error) => return Ok(None),
            Err(source) => return Err(RunningError { path, source }),
        };
        match serde_json::from_slice::<Self>(&bytes) {
            // The name of the file is the one that commands use.
            Ok(running) => Ok(process_exists(running.pid).then(|| running.named(name))),
            Err(error) => {
                let source = error.into();
                Err(RunningError { path, source })
            }
        }
    }

    /// Every `evt dev` that runs, the default one first. Files that cannot be read are skipped.
    pub fn all(state_dir: &Path) -> Vec<Self> {
        let files = std::fs::read_dir(state_dir).into_iter().flatten().flatten();
        let mut names: Vec<String> = files
            .filter_map(|file| {
                let file = file.file_name().into_string().ok()?;
                let name = file.strip_prefix("dev.")?.strip_suffix(".json")?;
                (!name.contains('.')).then(|| name.to_owned())
            })
            .collect();
        names.sort();
        std::iter::once(DEFAULT_NAME)
            .chain(names.iter().map(String::as_str))
            .filter_map(|name| Self::find_named(state_dir, name).ok().flatten())
            .collect()
    }

    /// The same with another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..self
        }
    }

    /// Returns whether a URL is that of one of the platforms.
    pub fn serves(&self, url: &str) -> bool {
        let url = url.trim_end_matches('/');
        let mut platforms = self.platforms.values();
        self.url == url || platforms.any(|access| access.url == url)
    }

    /// Returns the address and credentials of a platform; `None` if it does not run.
    pub fn platform(&self, name: &str) -> Option<Access> {
        match self.platforms.get(name) {
            Some(access) => Some(access.clone()),
            None if self.platforms.is_empty() && name == DEFAULT_PLATFORM => Some(Access {
                url: self.url.clone(),
                org: self.org.clone(),
                token: self.token.clone(),
                webhook_secret: self.webhook_secret.clone(),
            }),
            None => None,
        }
    }

    /// Reads the variables of a program that `evt dev -- CMD` runs. Returns `None` without `EVT_CONTROL_URL`.
    ///
    /// These variables take precedence over the file: a program belongs to the `evt dev` that started it.
    pub fn around<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let text = |name: &str| variable(name).map(str::to_owned);
        let org = text("EVT_ORG")?;
        let names = text("EVT_PLATFORMS").unwrap_or_default();
        let platforms = names.split(',').filter_map(|name| {
            let [url, token] = platform_variables(name);
            let access = Access {
                url: text(&url)?,
                org: org.clone(),
                token: text(&token)?,
                webhook_secret: None,
            };
            Some((name.to_owned(), access))
        });
        Some(Self {
            name: text("EVT_CONTROL_NAME").unwrap_or_else(default_name),
            pid: text("EVT_CONTROL_PID")?.parse().ok()?,
            url: text("EVT_URL")?,
            control_url: text("EVT_CONTROL_URL")?,
            control_token: text("EVT_CONTROL_TOKEN")?,
            token: text("EVT_TOKEN")?,
            webhook_secret: text("EVT_WEBHOOK_SECRET"),
            data: None,
            platforms: platforms.collect(),
            // Their own variables have them.
            brokers: BTreeMap::new(),
            org,
        })
    }

    /// The variables that [`Running::around`] reads.
    pub fn variables(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            ("EVT_URL".to_owned(), self.url.clone()),
            ("EVT_ORG".to_owned(), self.org.clone()),
            ("EVT_TOKEN".to_owned(), self.token.clone()),
            ("EVT_CONTROL_URL".to_owned(), self.control_url.clone()),
            ("EVT_CONTROL_TOKEN".to_owned(), self.control_token.clone()),
            ("EVT_CONTROL_PID".to_owned(), self.pid.to_string()),
            ("EVT_CONTROL_NAME".to_owned(), self.name.clone()),
        ];
        if let Some(secret) = &self.webhook_secret {
            variables.push(("EVT_WEBHOOK_SECRET".to_owned(), secret.clone()));
        }
        let names: Vec<&str> = self.platforms.keys().map(String::as_str).collect();
        variables.push(("EVT_PLATFORMS".to_owned(), names.join(",")));
        for (name, access) in &self.platforms {
            let [url, token] = platform_variables(name);
            variables.push((url, access.url.clone()));
            variables.push((token, access.token.clone()));
        }
        for (protocol, url) in &self.brokers {
            let name = format!("EVT_{}_URL", protocol.to_ascii_uppercase());
            variables.push((name, url.clone()));
        }
        variables
    }

    /// Returns whether something listens on the control port. The process id alone is not enough: the system may have reused it.
    pub fn answers(&self) -> bool {
        let address = self
            .control_url
            .strip_prefix("http://")
            .and_then(|address| address.parse().ok());
        address.is_some_and(|address| {
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
        })
    }

    /// Writes the file atomically with mode 0600. Creates the state directory if necessary.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        replace_private_file(&Self::file_of(state_dir, &self.name), &bytes)
    }

    /// Removes the file if this process wrote it.
    pub fn remove(&self, state_dir: &Path) -> io::Result<()> {
        match Self::find_named(state_dir, &self.name) {
            Ok(Some(found)) if found.pid == self.pid && found.url == self.url => {
                std::fs::remove_file(Self::file_of(state_dir, &self.name))
            }
            _ => Ok(()),
        }
    }
}

fn default_name() -> String {
    DEFAULT_NAME.to_owned()
}

/// The file of a running `evt dev` cannot be read.
#[derive(Debug, Error)]
#[error("cannot read the file of the running local platform, `{}`", path.display())]
pub struct RunningError {
    pub path: PathBuf,
    pub source: io::Error,
}

impl Explain for RunningError {
    fn explain(&self) -> Explanation {
        Explanation::failed("running_file").hint("evt doctor")
    }
}

/// The variables of one platform: `EVT_APPENGINE_URL` and `EVT_APPENGINE_TOKEN`.
fn platform_variables(name: &str) -> [String; 2] {
    let name = name.to_ascii_uppercase();
    [format!("EVT_{name}_URL"), format!("EVT_{name}_TOKEN")]
}

/// Returns whether a process with this id exists, for any user.
#[cfg(unix)]
pub fn process_exists(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    else {
        return false;
    };
    !matches!(
        rustix::process::test_kill_process(pid),
        Err(rustix::io::Errno::SRCH)
    )
}

/// On other systems a stale file is detected only when the control port does not answer.
#[cfg(not(unix))]
pub fn process_exists(_pid: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(url: &str) -> Access {
        Access {
            url: url.to_owned(),
            org: "my-org".to_owned(),
            token: "jwt".to_owned(),
            webhook_secret: None,
        }
    }

    fn running() -> Running {
        let first = Access {
            webhook_secret: Some("whsec_x".to_owned()),
            ..access("http://127.0.0.1:4870")
        };
        let second = access("http://127.0.0.1:4870/tiny");
        let platforms = vec![("appengine".to_owned(), first), ("tiny".to_owned(), second)];
        let (url, token) = ("http://127.0.0.1:4872".to_owned(), "t".to_owned());
        Running::new(url, token, None, platforms)
    }

    #[test]
    fn the_default_platform_is_found_in_a_file_of_an_older_version() {
        let mut old = serde_json::to_value(running()).unwrap();
        old.as_object_mut().unwrap().remove("platforms");
        let old: Running = serde_json::from_value(old).unwrap();
        assert_eq!(old.platform("appengine").unwrap().url, running().url);
        assert_eq!(old.platform("tiny"), None);
    }

    #[test]
    fn a_platform_that_does_not_run_is_not_found() {
        assert!(running().platform("tiny").is_some());
        assert_eq!(running().platform("other"), None);
    }

    #[test]
    fn a_program_finds_its_platforms_by_variables() {
        let variables = running().variables();
        let of = |name: &str| {
            let found = variables.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let found = Running::around(of).unwrap();
        assert_eq!(found.variables(), variables);
        assert!(Running::around(|_| None).is_none());
    }

    #[test]
    fn the_file_is_found_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        running().write(folder.path()).unwrap();
        let found = Running::find(folder.path()).unwrap().unwrap();
        assert_eq!(found.url, running().url);
        running().remove(folder.path()).unwrap();
        assert!(Running::find(folder.path()).unwrap().is_none());
    }

    #[test]
    fn every_name_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Running {
            url: "http://127.0.0.1:9999".to_owned(),
            ..running()
        }
        .named("staging");
        staging.write(folder.path()).unwrap();
        running().write(folder.path()).unwrap();
        std::fs::write(folder.path().join("dev.other.json"), "{").unwrap();
        let all = Running::all(folder.path());
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["local", "staging"]);
        running().remove(folder.path()).unwrap();
        let found = Running::find_named(folder.path(), "staging")
            .unwrap()
            .unwrap();
        assert!(found.serves("http://127.0.0.1:9999/"));
        assert!(Running::find(folder.path()).unwrap().is_none());
    }

    #[test]
    fn the_file_of_another_process_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        running().write(folder.path()).unwrap();
        let other = Running {
            url: "http://127.0.0.1:9999".to_owned(),
            ..running()
        };
        other.remove(folder.path()).unwrap();
        assert!(Running::find(folder.path()).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_of_an_ended_process_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = Running {
            pid: child.id(),
            ..running()
        };
        child.wait().unwrap();
        gone.write(folder.path()).unwrap();
        assert!(Running::find(folder.path()).unwrap().is_none());
    }
}
