//! Who has a state: a lock that the kernel frees with the process, and a note of who holds it.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::PollStateError;
use super::place::Place;
use crate::files;
use crate::time::Timestamp;

/// Whoever only asks whether a state is in use holds its lock for an instant; so often and so long is that waited for.
const PATIENCE: (u32, Duration) = (5, Duration::from_millis(10));

/// A process that has a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    /// `None` where the operating system does not tell.
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

/// The lock of a state. Dropping it frees the state, and so does the end of the process.
pub(super) struct Lock {
    file: File,
    is_held: bool,
}

impl Lock {
    /// Takes the lock. With `take_over` it goes on without, and gets it when the other one lets go.
    pub(super) fn take(place: &Place, take_over: bool) -> Result<Self, PollStateError> {
        let path = place.lock();
        let failed = |source| PollStateError::File {
            path: path.clone(),
            source,
        };
        files::private_folder(&place.folder).map_err(failed)?;
        let file = files::private_file(&path).map_err(failed)?;
        let mut lock = Self {
            file,
            is_held: false,
        };
        let (tries, pause) = if take_over { (1, PATIENCE.1) } else { PATIENCE };
        for attempt in 0..tries {
            if attempt > 0 {
                std::thread::sleep(pause);
            }
            if lock.attempt().map_err(failed)? {
                return Ok(lock);
            }
        }
        if take_over {
            return Ok(lock);
        }
        Err(PollStateError::Locked {
            key: place.key.clone(),
            holder: read_holder(&lock.file),
        })
    }

    /// Tries once more where the lock is still another's. That it stays so is no error: the fence keeps that one out.
    pub(super) fn retry(&mut self) {
        if !self.is_held {
            // What cannot be written is only who has it.
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

/// Whether a process has the state, and which one where it can be told.
pub(super) fn in_use(place: &Place) -> (bool, Option<Holder>) {
    let Ok(file) = File::open(place.lock()) else {
        return (false, None);
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => (true, read_holder(&file)),
        _ => (false, None),
    }
}
