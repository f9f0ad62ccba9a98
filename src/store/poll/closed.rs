//! Operations on closed states: list, inspect, export, set, reset.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::database;
use super::error::{Fault, PollStateError};
use super::export::{self, ExportScope, exact};
use super::files::{self, StateFiles};
use super::import::{Import, KnownKey};
use super::lock::{self, Holder, Lock};
use super::staged::{clear_seen, delete_seen, put_seen};
use super::{Fingerprint, PollState, keys};
use crate::time::Timestamp;
use crate::watermark::{Micros, Position};

/// The content of a state, read without opening it for polling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    pub path: PathBuf,
    pub fingerprint: Option<Fingerprint>,
    pub position: Position,
    pub created: Timestamp,
    pub seen: u64,
    pub keys: u64,
    pub last_export: Option<PathBuf>,
}

/// The result of resetting a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// The export. For a damaged state, the one written when it was last opened.
    pub export: Option<PathBuf>,
    /// Where a damaged file was moved to.
    pub aside: Option<PathBuf>,
}

/// Returns the keys of all states in a folder, sorted, including damaged and deleted ones. A missing folder has no states.
pub fn list(folder: &Path) -> Result<Vec<String>, PollStateError> {
    let failed = |source| PollStateError::File {
        path: folder.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if let Some(key) = name.to_str().and_then(files::key_of) {
            keys.push(key.to_owned());
        }
    }
    keys.sort();
    keys.dedup();
    Ok(keys)
}

/// Returns whether a process uses a state, and which one if that is known.
pub fn in_use(folder: &Path, key: &str) -> (bool, Option<Holder>) {
    lock::in_use(&StateFiles::new(folder, key))
}

/// Reads and verifies a state. A process that uses it is not affected.
pub fn inspect(folder: &Path, key: &str) -> Result<Overview, PollStateError> {
    let files = StateFiles::new(folder, key);
    let (metadata, _) = open_to_read(&files)
        .and_then(|connection| database::verify(&connection).map_err(|fault| files.error(fault)))?;
    Ok(Overview {
        path: files.database(),
        fingerprint: metadata.fingerprint,
        position: metadata.position,
        created: Timestamp::from_millis(metadata.created),
        seen: metadata.seen.rows,
        keys: metadata.keys.rows,
        last_export: files.existing_last_export(),
    })
}

/// Writes a whole state as JSON. A process that uses it is not affected.
pub fn export(folder: &Path, key: &str, out: &mut dyn Write) -> Result<(), PollStateError> {
    let files = StateFiles::new(folder, key);
    let connection = open_to_read(&files)?;
    // One snapshot for the whole export.
    let written = connection
        .unchecked_transaction()
        .map_err(Fault::from)
        .and_then(|snapshot| {
            let (metadata, _) = database::verify_snapshot(&snapshot).map_err(Fault::verified)?;
            export::write(&snapshot, key, &metadata, ExportScope::All, out)
        });
    written.map_err(|fault| files.error(fault))
}

fn open_to_read(files: &StateFiles) -> Result<rusqlite::Connection, PollStateError> {
    if !files.database().exists() {
        return Err(gone(files));
    }
    database::connect(files).map_err(|fault| files.error(fault))
}

pub(super) fn gone(files: &StateFiles) -> PollStateError {
    PollStateError::Gone {
        key: files.key.clone(),
        path: files.database(),
        last_export: files.existing_last_export(),
    }
}

/// Replaces or creates a state. Returns where a damaged file was moved to.
///
/// # Errors
/// [`PollStateError::Locked`] while a process uses the state, [`PollStateError::OtherQuery`] if the state and the import belong
/// to different queries.
pub fn set(folder: &Path, key: &str, import: &Import) -> Result<Option<PathBuf>, PollStateError> {
    let files = StateFiles::new(folder, key);
    let lock = Lock::take(&files, false)?;
    let (error, lock) = match PollState::open_locked(files.clone(), lock) {
        Ok(mut state) => {
            state.replace(import)?;
            return Ok(None);
        }
        Err(failed) => failed,
    };
    let aside = match error {
        PollStateError::Damaged { .. } => Some(files.move_aside()?),
        PollStateError::Gone { .. } => {
            files.remove_journals()?;
            None
        }
        error => return Err(error),
    };
    database::create(&files)?;
    let mut state = PollState::open_locked(files, lock).map_err(|(error, _)| error)?;
    state.replace(import)?;
    Ok(aside)
}

/// Deletes a state after exporting it. The next poll starts over.
pub fn reset(folder: &Path, key: &str) -> Result<Reset, PollStateError> {
    let files = StateFiles::new(folder, key);
    let lock = Lock::take(&files, false)?;
    let mut done = Reset::default();
    let lock = match PollState::open_locked(files.clone(), lock) {
        Ok(state) => {
            if state.position() != &Position::default() {
                done.export = Some(state.export_dated()?);
            }
            // Opening has raised the fencing number, so a process that was taken over cannot commit.
            let lock = state.database.close();
            files.remove(&files.database())?;
            files.remove(&files.last_export())?;
            lock
        }
        Err((PollStateError::Damaged { .. }, lock)) => {
            done.aside = Some(files.move_aside()?);
            done.export = files.keep_last_export()?;
            lock
        }
        Err((PollStateError::Gone { .. }, lock)) => {
            done.export = files.keep_last_export()?;
            lock
        }
        Err((error, _)) => return Err(error),
    };
    files.remove_journals()?;
    files.sync()?;
    drop(lock);
    Ok(done)
}

/// Moves a state back: records modified at `to` or later are read again. Returns the export that was written first.
///
/// # Errors
/// [`PollStateError::NotRead`] if the state has not reached `to`.
pub fn rewind(folder: &Path, key: &str, to: Micros) -> Result<PathBuf, PollStateError> {
    let mut state = PollState::open(folder, key, false)?;
    let is_read = state
        .position()
        .frontier
        .is_some_and(|frontier| to <= frontier);
    if !is_read {
        return Err(PollStateError::NotRead {
            key: key.to_owned(),
            to: exact(to),
        });
    }
    let export = state.export_dated()?;
    let mut position = state.position().clone();
    position.since = position.since.map(|since| since.min(to));
    position.frontier = Some(Micros::new(to.get().saturating_sub(1)));
    position.reached_at = Some(Timestamp::now());
    position.settled = false;
    position.trimmed = position.trimmed.map(|trimmed| trimmed.min(to));
    position.last_complete = None;
    state.database.write(|tx, metadata| {
        metadata.set_position(&position)?;
        // Records without a date do not belong to any time.
        delete_seen(tx, metadata, to, Micros::MAX)
    })?;
    Ok(export)
}

impl PollState {
    /// Exports the whole state next to its file.
    fn export_dated(&self) -> Result<PathBuf, PollStateError> {
        let database = &self.database;
        let path = database.files.dated_export();
        let (connection, metadata) = (&database.connection, &database.metadata);
        export::to_file(
            &database.files,
            connection,
            metadata,
            ExportScope::All,
            &path,
        )?;
        Ok(path)
    }

    fn replace(&mut self, import: &Import) -> Result<(), PollStateError> {
        if let Some(fingerprint) = &import.fingerprint {
            self.check_fingerprint(fingerprint)?;
        }
        self.database.write(|tx, metadata| {
            if import.fingerprint.is_some() {
                metadata.set_fingerprint(import.fingerprint.as_ref());
                metadata.write_fingerprint(tx)?;
            }
            metadata.set_position(&import.position)?;
            clear_seen(tx, metadata)?;
            keys::clear(tx, metadata)?;
            for (key, row) in &import.seen {
                put_seen(tx, metadata, key, *row, true)?;
            }
            for KnownKey {
                key,
                digest,
                at,
                miss,
            } in &import.keys
            {
                keys::put(tx, metadata, key, *digest, *at, 0)?;
                keys::set_missed(tx, key, *miss)?;
            }
            Ok(())
        })
    }
}
