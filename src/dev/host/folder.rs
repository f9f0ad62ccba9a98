//! A data directory belongs to one process at a time. The operating system releases its lock when the process ends.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::DevError;
use crate::files::{private_file, private_folder};

/// A locked data directory. Dropping it releases the lock.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Locks the directory, after creating it with mode 0700 if necessary. `name` is that of the process, for the error.
    ///
    /// # Errors
    /// [`DevError::DataInUse`] with the id of the process that holds the lock.
    pub(crate) fn lock(path: &Path, name: &str) -> Result<Self, DevError> {
        let failed = |source| DevError::DataFolder {
            path: path.to_owned(),
            source,
        };
        private_folder(path).map_err(failed)?;
        let file = path.join("dev.lock");
        let mut lock = private_file(&file).map_err(|source| DevError::DataFolder {
            path: file.clone(),
            source,
        })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DevError::DataInUse {
                    path: path.to_owned(),
                    pid: holder(&mut lock),
                    name: name.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        write_pid(&mut lock).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("platform.db")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    write!(lock, "{}", std::process::id())
}

fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_once_and_the_error_names_the_holder() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        let first = Folder::lock(&path, "local").unwrap();
        let Err(DevError::DataInUse { pid, .. }) = Folder::lock(&path, "local") else {
            panic!("the folder was locked twice");
        };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        assert!(Folder::lock(&path, "local").is_ok());
    }
}
