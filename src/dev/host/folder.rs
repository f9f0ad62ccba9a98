//! A data directory belongs to one platform at a time: a lock that ends with the process that holds it.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::dev::DevError;
use crate::files::{private_file, private_folder};

/// A locked data directory; dropping it frees it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates the directory (0700) where needed, and takes it.
    ///
    /// # Errors
    /// [`DevError::DataInUse`] with the pid of the platform that has it.
    pub(crate) fn take(path: &Path) -> Result<Self, DevError> {
        let failed = |source| DevError::DataFolder {
            path: path.to_owned(),
            source,
        };
        private_folder(path).map_err(failed)?;
        let mut lock = private_file(&path.join("dev.lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DevError::DataInUse {
                    path: path.to_owned(),
                    pid: holder(&mut lock),
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
    fn a_folder_is_taken_once_and_the_error_names_who_has_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        let first = Folder::take(&path).unwrap();
        let Err(DevError::DataInUse { pid, .. }) = Folder::take(&path) else {
            panic!("the folder was given away twice");
        };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        assert!(Folder::take(&path).is_ok());
    }
}
