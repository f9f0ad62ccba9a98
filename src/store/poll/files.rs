//! The files of one state, by its key.

use std::io;
use std::path::{Path, PathBuf};

use super::database::VERSION;
use super::error::{Fault, PollStateError};
use crate::store::StoreError;
use crate::time::Timestamp;

/// Between the key and the time in the name of a damaged file.
const DAMAGED: &str = ".damaged-";

/// The files of one state.
#[derive(Clone, Debug)]
pub(super) struct StateFiles {
    pub(super) folder: PathBuf,
    pub(super) key: String,
}

impl StateFiles {
    pub(super) fn new(folder: &Path, key: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            key: key.to_owned(),
        }
    }

    fn file(&self, end: &str) -> PathBuf {
        self.folder.join(format!("{}{end}", self.key))
    }

    pub(super) fn database(&self) -> PathBuf {
        self.file(".db")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.file(".lock")
    }

    /// The automatic export.
    pub(super) fn last_export(&self) -> PathBuf {
        self.file(".last.json")
    }

    /// SQLite's files next to the database while it is open, and after a crash.
    pub(super) fn journals(&self) -> [PathBuf; 2] {
        [self.file(".db-wal"), self.file(".db-shm")]
    }

    pub(super) fn existing_last_export(&self) -> Option<PathBuf> {
        Some(self.last_export()).filter(|path| path.exists())
    }

    /// Whether other files show that there was a database.
    pub(super) fn has_traces(&self) -> bool {
        let [log, _] = self.journals();
        self.last_export().exists() || log.exists()
    }

    /// Renames the database and its log to a name that no state has. Returns that name.
    pub(super) fn move_aside(&self) -> Result<PathBuf, PollStateError> {
        let aside = self.free_name(|time| format!("{DAMAGED}{time}.db"));
        let mut log_aside = aside.clone().into_os_string();
        log_aside.push("-wal");
        let [log, index] = self.journals();
        // Together they are what was committed. A new database must not find this log.
        for (from, to) in [
            (log, PathBuf::from(log_aside)),
            (self.database(), aside.clone()),
        ] {
            match std::fs::rename(&from, to) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(PollStateError::File { path: from, source }),
            }
        }
        self.remove(&index)?;
        self.sync()?;
        Ok(aside)
    }

    /// The path of an export with the current time in its name.
    pub(super) fn dated_export(&self) -> PathBuf {
        self.free_name(|time| format!(".{time}.json"))
    }

    /// Renames the automatic export so that the next one does not replace it.
    pub(super) fn keep_last_export(&self) -> Result<Option<PathBuf>, PollStateError> {
        let Some(last) = self.existing_last_export() else {
            return Ok(None);
        };
        let path = self.dated_export();
        match std::fs::rename(&last, &path) {
            Ok(()) => Ok(Some(path)),
            Err(source) => Err(PollStateError::File { path: last, source }),
        }
    }

    fn free_name(&self, end: impl Fn(i64) -> String) -> PathBuf {
        let now = Timestamp::now().secs();
        (now..)
            .map(|time| self.file(&end(time)))
            .find(|path| !path.exists())
            .expect("there are more names than files")
    }

    pub(super) fn remove_journals(&self) -> Result<(), PollStateError> {
        self.journals()
            .iter()
            .try_for_each(|path| self.remove(path))
    }

    pub(super) fn remove(&self, path: &Path) -> Result<(), PollStateError> {
        match std::fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PollStateError::File {
                path: path.to_owned(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Waits until created, renamed and removed files are on the disk.
    pub(super) fn sync(&self) -> Result<(), PollStateError> {
        #[cfg(unix)]
        std::fs::File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| self.file_error(source))?;
        Ok(())
    }

    pub(super) fn file_error(&self, source: io::Error) -> PollStateError {
        PollStateError::File {
            path: self.database(),
            source,
        }
    }

    /// The error with the name of this state.
    pub(super) fn error(&self, fault: impl Into<Fault>) -> PollStateError {
        let key = self.key.clone();
        let path = self.database();
        match fault.into() {
            Fault::Damage(why) => PollStateError::Damaged {
                key,
                path,
                why: Box::new(why),
                last_export: self.existing_last_export(),
            },
            Fault::Newer(found) => PollStateError::Newer {
                path,
                found,
                known: VERSION,
            },
            Fault::TakenOver(holder) => PollStateError::TakenOver { key, holder },
            Fault::Position(source) => PollStateError::Position(source),
            Fault::Export(source) => PollStateError::Export(source),
            Fault::File(source) => PollStateError::File { path, source },
            Fault::Sql(source) => match StoreError::from(source) {
                StoreError::Sql(source) => StoreError::Open { path, source }.into(),
                other => other.into(),
            },
        }
    }
}

/// The key in the name of a database, or of the automatic export of a deleted one.
pub(super) fn key_of(file: &str) -> Option<&str> {
    let key = file
        .strip_suffix(".db")
        .or_else(|| file.strip_suffix(".last.json"))?;
    let is_aside = key
        .rsplit_once(DAMAGED)
        .is_some_and(|(_, time)| time.bytes().all(|byte| byte.is_ascii_digit()));
    (!key.is_empty() && !key.starts_with('.') && !is_aside).then_some(key)
}
