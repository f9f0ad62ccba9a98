//! The lock of a state, which the kernel releases with the process, and the name of the process that holds it.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::PollStateError;
use super::files::StateFiles;
use crate::files;
use crate::time::Timestamp;

/// Tries, and the pause between two. [`in_use`] of another process holds the lock for a moment.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// A process that uses a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    /// `None` if the operating system does not provide it.
    pub host: Option<String>,
    pub since: Timestamp,
}

impl Holder {
    pub(super) fn this_process() -> Self {
        Self {
            pid: std::process::id(),
            host: host(),
            since: Timestamp::now(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        if let Some(host) = &self.host {
            write!(f, " on {host}")?;
        }
        write!(f, " since {}", self.since)
    }
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The lock of a state. It is released when it is dropped or the process ends.
pub(super) struct Lock {
    file: File,
    is_held: bool,
}

impl Lock {
    /// Acquires the lock. With `take_over`, it may still be locked by another process; [`Lock::retry`] acquires it later.
    pub(super) fn take(files: &StateFiles, take_over: bool) -> Result<Self, PollStateError> {
        let path = files.lock();
        let failed = |source| PollStateError::File {
            path: path.clone(),
            source,
        };
        files::private_folder(&files.folder).map_err(failed)?;
        let file = files::private_file(&path).map_err(failed)?;
        let mut lock = Self {
            file,
            is_held: false,
        };
        let tries = if take_over { 1 } else { TRIES };
        for attempt in 0..tries {
            if attempt > 0 {
                std::thread::sleep(PAUSE);
            }
            if lock.attempt().map_err(failed)? {
                return Ok(lock);
            }
        }
        if take_over {
            return Ok(lock);
        }
        Err(PollStateError::Locked {
            key: files.key.clone(),
            holder: read_holder(&lock.file),
        })
    }

    /// Tries again to acquire a lock that another process holds. Failing is harmless: the fencing number keeps that process from
    /// committing.
    pub(super) fn retry(&mut self) {
        if !self.is_held {
            // An error means at most that the holder's name is missing.
            let _ = self.attempt();
        }
    }

    fn attempt(&mut self) -> io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        self.is_held = true;
        self.file.set_len(0)?;
        self.file.rewind()?;
        let holder = serde_json::to_string(&Holder::this_process())?;
        writeln!(self.file, "{holder}")?;
        Ok(true)
    }
}

fn read_holder(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(1000).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether a process uses the state, and which one if that is known.
pub(super) fn in_use(files: &StateFiles) -> (bool, Option<Holder>) {
    let Ok(file) = files::open(&files.lock()) else {
        return (false, None);
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => (true, read_holder(&file)),
        _ => (false, None),
    }
}
