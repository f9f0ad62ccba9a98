//! Where the running `evt dev` can be found: a 0600 file in the state directory, written by the platform and read by everything else.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

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

    /// Writes the file atomically, readable by its owner alone (`tempfile` creates 0600).
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(state_dir)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.as_file().sync_all()?;
        file.persist(Self::file(state_dir))?;
        Ok(())
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
