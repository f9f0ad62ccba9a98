//! How other commands find the running `evt dev`: a file with mode 0600 in the state directory, or variables.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::replace_private_file;

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
            pid: std::process::id(),
            url: first.url,
            control_url,
            control_token,
            org: first.org,
            token: first.token,
            webhook_secret: first.webhook_secret,
            data,
            platforms: platforms.into_iter().collect(),
        }
    }

    /// The path of the file in a state directory.
    pub fn file(state_dir: &Path) -> PathBuf {
        state_dir.join("dev.json")
    }

    /// Reads the file. Returns `None` if it does not exist or its process has ended.
    pub fn find(state_dir: &Path) -> io::Result<Option<Self>> {
        let bytes = match std::fs::read(Self::file(state_dir)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let running: Self = serde_json::from_slice(&bytes)?;
        Ok(process_exists(running.pid).then_some(running))
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
            pid: text("EVT_CONTROL_PID")?.parse().ok()?,
            url: text("EVT_URL")?,
            control_url: text("EVT_CONTROL_URL")?,
            control_token: text("EVT_CONTROL_TOKEN")?,
            token: text("EVT_TOKEN")?,
            webhook_secret: text("EVT_WEBHOOK_SECRET"),
            data: None,
            platforms: platforms.collect(),
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
        replace_private_file(&Self::file(state_dir), &bytes)
    }

    /// Removes the file if this process wrote it.
    pub fn remove(&self, state_dir: &Path) -> io::Result<()> {
        match Self::find(state_dir)? {
            Some(found) if found.pid == self.pid && found.url == self.url => {
                std::fs::remove_file(Self::file(state_dir))
            }
            _ => Ok(()),
        }
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
