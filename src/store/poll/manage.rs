//! States seen from outside: listed, looked at, exported, set, taken back.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::database;
use super::error::{Fault, PollStateError};
use super::export::{self, Extent, exact};
use super::import::{Import, KnownKey};
use super::lock::{self, Holder, Lock};
use super::place::{self, Place};
use super::staged::{clear_seen, delete_seen, put_seen};
use super::{Fingerprint, PollState, keys};
use crate::time::Timestamp;
use crate::watermark::{Micros, Position};

/// What a state says, read without taking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub path: PathBuf,
    pub fingerprint: Option<Fingerprint>,
    pub position: Position,
    pub created: Timestamp,
    pub seen: u64,
    pub keys: u64,
    pub last_export: Option<PathBuf>,
}

/// What became of a state that was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// Where it was exported to; of one that cannot be read, what was exported when it was last opened.
    pub export: Option<PathBuf>,
    /// Where the file was moved to, because it cannot be read.
    pub aside: Option<PathBuf>,
}

/// The keys of all states of a folder, also of those that are damaged or gone, in order.
///
/// # Errors
/// Those of the file system; a folder that is not there has no states.
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
        if let Some(key) = name.to_str().and_then(place::key_of) {
            keys.push(key.to_owned());
        }
    }
    keys.sort();
    keys.dedup();
    Ok(keys)
}

/// Whether a process has a state, and which one where that can be told.
pub fn in_use(folder: &Path, key: &str) -> (bool, Option<Holder>) {
    lock::in_use(&Place::new(folder, key))
}

/// Reads what a state says, and checks all of it; whoever has it is not disturbed.
pub fn look(folder: &Path, key: &str) -> Result<Look, PollStateError> {
    let place = Place::new(folder, key);
    let (kept, _) = open_to_read(&place)
        .and_then(|connection| database::judge(&connection).map_err(|fault| place.error(fault)))?;
    Ok(Look {
        path: place.database(),
        fingerprint: kept.fingerprint,
        position: kept.position,
        created: Timestamp::from_millis(kept.created),
        seen: kept.seen.rows,
        keys: kept.keys.rows,
        last_export: place.last_export_if_there(),
    })
}

/// Writes all of a state as JSON; whoever has it is not disturbed.
pub fn export(folder: &Path, key: &str, out: &mut dyn Write) -> Result<(), PollStateError> {
    let place = Place::new(folder, key);
    let connection = open_to_read(&place)?;
    // One moment for all that is written.
    let written = connection
        .unchecked_transaction()
        .map_err(Fault::from)
        .and_then(|snapshot| {
            let (kept, _) = database::judge_snapshot(&snapshot).map_err(Fault::judged)?;
            export::write(&snapshot, key, &kept, Extent::All, out)
        });
    written.map_err(|fault| place.error(fault))
}

fn open_to_read(place: &Place) -> Result<rusqlite::Connection, PollStateError> {
    if !place.database().exists() {
        return Err(gone(place));
    }
    database::connect(place).map_err(|fault| place.error(fault))
}

pub(super) fn gone(place: &Place) -> PollStateError {
    PollStateError::Gone {
        key: place.key.clone(),
        path: place.database(),
        last_export: place.last_export_if_there(),
    }
}

/// Puts what was read in the place of a state, or makes one of it. Returns where a damaged one was moved to.
///
/// # Errors
/// [`PollStateError::Locked`] while a process has the state, [`PollStateError::OtherQuery`] where the state is of another
/// query than what was read.
pub fn set(folder: &Path, key: &str, import: &Import) -> Result<Option<PathBuf>, PollStateError> {
    let place = Place::new(folder, key);
    let lock = Lock::take(&place, false)?;
    let (error, lock) = match PollState::open_locked(place.clone(), lock) {
        Ok(mut state) => {
            state.replace(import)?;
            return Ok(None);
        }
        Err(failed) => failed,
    };
    let aside = match error {
        PollStateError::Damaged { .. } => Some(place.move_aside()?),
        PollStateError::Gone { .. } => {
            place.remove_journals()?;
            None
        }
        error => return Err(error),
    };
    database::create(&place)?;
    let mut state = PollState::open_locked(place, lock).map_err(|(error, _)| error)?;
    state.replace(import)?;
    Ok(aside)
}

/// Takes a state back as a whole: the next poll begins anew. What it says is exported first.
pub fn reset(folder: &Path, key: &str) -> Result<Reset, PollStateError> {
    let place = Place::new(folder, key);
    let lock = Lock::take(&place, false)?;
    let mut done = Reset::default();
    let lock = match PollState::open_locked(place.clone(), lock) {
        Ok(state) => {
            if state.position() != &Position::default() {
                done.export = Some(state.export_dated()?);
            }
            // Opening has fenced out whoever still has the file open.
            let lock = state.database.close();
            place.remove(&place.database())?;
            place.remove(&place.last_export())?;
            lock
        }
        Err((PollStateError::Damaged { .. }, lock)) => {
            done.aside = Some(place.move_aside()?);
            done.export = place.keep_last_export()?;
            lock
        }
        Err((PollStateError::Gone { .. }, lock)) => {
            done.export = place.keep_last_export()?;
            lock
        }
        Err((error, _)) => return Err(error),
    };
    place.remove_journals()?;
    place.on_disk()?;
    drop(lock);
    Ok(done)
}

/// Moves a state back: everything that was modified at `to` or later is read again. Returns the export that was made first.
///
/// # Errors
/// [`PollStateError::NotRead`] for a time that was not reached yet.
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
    state.database.write(|tx, kept| {
        kept.set_position(&position)?;
        // Records without a date are not of any time.
        delete_seen(tx, kept, to, Micros::MAX)
    })?;
    Ok(export)
}

impl PollState {
    /// Exports all of it beside itself.
    fn export_dated(&self) -> Result<PathBuf, PollStateError> {
        let database = &self.database;
        let path = database.place.dated_export();
        let (connection, kept) = (&database.connection, &database.kept);
        export::to_file(&database.place, connection, kept, Extent::All, &path)?;
        Ok(path)
    }

    fn replace(&mut self, import: &Import) -> Result<(), PollStateError> {
        if let (Some(kept), Some(asked)) = (self.fingerprint(), &import.fingerprint) {
            let differs = kept.differences(asked);
            if !differs.is_empty() {
                let key = self.database.place.key.clone();
                return Err(PollStateError::OtherQuery { key, differs });
            }
        }
        self.database.write(|tx, kept| {
            if import.fingerprint.is_some() {
                kept.set_fingerprint(import.fingerprint.as_ref());
                kept.write_fingerprint(tx)?;
            }
            kept.set_position(&import.position)?;
            clear_seen(tx, kept)?;
            keys::clear(tx, kept)?;
            for (key, row) in &import.seen {
                put_seen(tx, kept, key, *row, true)?;
            }
            for KnownKey {
                key,
                digest,
                at,
                miss,
            } in &import.keys
            {
                keys::put(tx, kept, key, *digest, *at, 0)?;
                keys::set_missed(tx, key, *miss)?;
            }
            Ok(())
        })
    }
}
