//! Where the running `evt dev` can be found: a 0600 file in the state directory, written by the platform and read by everything else.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::replace_private_file;

/// The addresses and credentials of a running platform.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    pub pid: u32,
    /// `http://127.0.0.1:4870`
    pub url: String,
    /// `http://127.0.0.1:4872`, the control API
    pub control_url: String,
    /// Bearer token of the control API; made anew at each start.
    pub control_token: String,
    pub org: String,
    /// A user token (JWT) for `url`.
    pub token: String,
    /// Signs the deliveries of flows that have no secret of their own; `None` with `--bare`.
    pub webhook_secret: Option<String>,
    /// `None` when the platform is ephemeral.
    pub data: Option<PathBuf>,
}

impl Running {
    /// The file's place inside the state directory.
    pub fn file(state_dir: &Path) -> PathBuf {
        state_dir.join("dev.json")
    }

    /// Reads the file; `None` when there is none or its process has ended.
    pub fn find(state_dir: &Path) -> io::Result<Option<Self>> {
        let bytes = match std::fs::read(Self::file(state_dir)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let running: Self = serde_json::from_slice(&bytes)?;
        Ok(process_lives(running.pid).then_some(running))
    }

    /// The platform that the variables of a program name which `evt dev -- CMD` runs; `None` without `EVT_CONTROL_URL`.
    ///
    /// It goes before the file: the platform around a program is its own, whichever else runs.
    pub fn around<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let text = |name: &str| variable(name).map(str::to_owned);
        Some(Self {
            pid: text("EVT_CONTROL_PID")?.parse().ok()?,
            url: text("EVT_URL")?,
            control_url: text("EVT_CONTROL_URL")?,
            control_token: text("EVT_CONTROL_TOKEN")?,
            org: text("EVT_ORG")?,
            token: text("EVT_TOKEN")?,
            webhook_secret: text("EVT_WEBHOOK_SECRET"),
            data: None,
        })
    }

    /// The variables that [`Running::around`] reads.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("EVT_URL", self.url.clone()),
            ("EVT_ORG", self.org.clone()),
            ("EVT_TOKEN", self.token.clone()),
            ("EVT_CONTROL_URL", self.control_url.clone()),
            ("EVT_CONTROL_TOKEN", self.control_token.clone()),
            ("EVT_CONTROL_PID", self.pid.to_string()),
        ];
        if let Some(secret) = &self.webhook_secret {
            variables.push(("EVT_WEBHOOK_SECRET", secret.clone()));
        }
        variables
    }

    /// Returns whether something listens where the platform's control port is: a process id alone may be another program's by now.
    pub fn answers(&self) -> bool {
        let address = self
            .control_url
            .strip_prefix("http://")
            .and_then(|address| address.parse().ok());
        address.is_some_and(|address| {
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
        })
    }

    /// Writes the file atomically, readable by its owner alone; creates the state directory where needed.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        replace_private_file(&Self::file(state_dir), &bytes)
    }

    /// Removes the file if it is still this platform's.
    pub fn remove(&self, state_dir: &Path) -> io::Result<()> {
        match Self::find(state_dir)? {
            Some(found) if found.pid == self.pid && found.url == self.url => {
                std::fs::remove_file(Self::file(state_dir))
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether a process with this id exists, whoever owns it.
#[cfg(unix)]
pub fn process_lives(pid: u32) -> bool {
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

/// Elsewhere a stale file is noticed when the platform does not answer.
#[cfg(not(unix))]
pub fn process_lives(_pid: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        Running {
            pid: std::process::id(),
            url: "http://127.0.0.1:4870".to_owned(),
            control_url: "http://127.0.0.1:4872".to_owned(),
            control_token: "t".to_owned(),
            org: "my-org".to_owned(),
            token: "jwt".to_owned(),
            webhook_secret: Some("whsec_x".to_owned()),
            data: None,
        }
    }

    #[test]
    fn a_program_finds_the_platform_around_it_by_its_variables() {
        let variables = running().variables();
        let of = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.as_str())
        };
        let found = Running::around(of).unwrap();
        assert_eq!(found.variables(), variables);
        assert!(Running::around(|_| None).is_none());
    }

    #[test]
    fn a_platform_is_found_by_its_file_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        running().write(folder.path()).unwrap();
        let found = Running::find(folder.path()).unwrap().unwrap();
        assert_eq!(found.url, running().url);
        running().remove(folder.path()).unwrap();
        assert!(Running::find(folder.path()).unwrap().is_none());
    }

    #[test]
    fn another_platforms_file_is_not_removed() {
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
    fn a_file_of_a_process_that_has_ended_is_not_believed() {
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
