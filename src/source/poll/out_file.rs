//! The output file. The number of committed bytes is part of the state, so that after a crash no line is incomplete or repeated.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::explain::{Explain, Explanation};
use crate::watermark::OutputOffset;

/// Why a file cannot be written to.
#[derive(Debug, Error)]
pub enum OutFileError {
    #[error("cannot write to `{}`", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    /// Committed lines are missing, or another program has added to the file. To continue would lose one or the other.
    #[error("`{}` is not as it was left: {why}", path.display())]
    Changed { path: PathBuf, why: String },
}

impl Explain for OutFileError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Unwritable { path, .. } => Explanation::failed("output_unwritable").hint(
                format!("ls -ld {}     shows who may write there", path.display()),
            ),
            Self::Changed { .. } => Explanation::failed("output_changed")
                .hint("restore the file, or continue in another one: --out another-file"),
        }
    }
}

/// An output file, cut back to the committed bytes.
pub struct OutFile {
    path: PathBuf,
    file: File,
    /// Device and inode.
    id: Option<(u64, u64)>,
    /// Where this process began to write.
    base: u64,
}

impl OutFile {
    /// Opens the file to continue after the committed bytes. A file that the state does not know is continued at its end.
    ///
    /// Bytes after the committed offset were written but never committed, and may end in an incomplete line. They are cut off.
    ///
    /// # Errors
    /// [`OutFileError::Changed`] if the file is shorter than the committed offset, or another file.
    pub fn open(path: &Path, committed: Option<&OutputOffset>) -> Result<Self, OutFileError> {
        let failed = |source| OutFileError::Unwritable {
            path: path.to_owned(),
            source,
        };
        let path = std::path::absolute(path).map_err(failed)?;
        let there = std::fs::metadata(&path)
            .ok()
            .and_then(|there| file_id(&there));
        let is_same =
            |known: &&OutputOffset| known.path == path || (there.is_some() && known.file == there);
        let known = committed.filter(is_same);
        if known.is_some_and(|known| known.offset > 0) && !path.exists() {
            return Err(changed(&path, "it has been deleted"));
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(&path).map_err(failed)?;
        // Two processes would cut off each other's lines.
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(changed(&path, "another evt writes to it"));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(changed(&path, "it is not a regular file"));
        }
        let id = file_id(&metadata);
        let base = match known {
            Some(known) if known.offset > 0 && known.file != id => {
                return Err(changed(&path, "another file has its name"));
            }
            Some(known) if metadata.len() < known.offset => {
                let why = format!(
                    "only {} of {} committed bytes are left",
                    metadata.len(),
                    known.offset
                );
                return Err(changed(&path, &why));
            }
            Some(known) if known.is_whole && metadata.len() > known.offset => {
                let more = metadata.len() - known.offset;
                let why = format!("another program has added {more} bytes to it");
                return Err(changed(&path, &why));
            }
            Some(known) => known.offset,
            None => end_of(&mut file, metadata.len()).map_err(failed)?,
        };
        file.set_len(base).map_err(failed)?;
        file.seek(SeekFrom::Start(base)).map_err(failed)?;
        Ok(Self {
            path,
            file,
            id,
            base,
        })
    }

    /// A handle to write with.
    ///
    /// # Errors
    /// If the process has too many open files.
    pub fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Waits until the first `bytes` written by this process are on the disk. Returns the offset after them.
    pub(super) async fn sync(&self, bytes: u64) -> Result<OutputOffset, OutFileError> {
        let failed = |source| OutFileError::Unwritable {
            path: self.path.clone(),
            source,
        };
        let file = self.file.try_clone().map_err(failed)?;
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        synced
            .unwrap_or_else(|fault| Err(io::Error::other(fault)))
            .map_err(failed)?;
        Ok(self.offset(bytes))
    }

    /// The offset after the first `bytes` written by this process.
    pub(super) fn offset(&self, bytes: u64) -> OutputOffset {
        OutputOffset {
            path: self.path.clone(),
            file: self.id,
            offset: self.base + bytes,
            is_whole: false,
        }
    }
}

/// The end of a file that another program has written, after completing its last line.
fn end_of(file: &mut File, length: u64) -> io::Result<u64> {
    if length == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(length - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        use std::io::Write;
        file.write_all(b"\n")?;
        return Ok(length + 1);
    }
    Ok(length)
}

fn changed(path: &Path, why: &str) -> OutFileError {
    OutFileError::Changed {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(unix)]
fn file_id(metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn file_id(_: &std::fs::Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(path: &Path, offset: u64) -> OutputOffset {
        let metadata = std::fs::metadata(path).unwrap();
        OutputOffset {
            path: path.to_owned(),
            file: file_id(&metadata),
            offset,
            is_whole: false,
        }
    }

    #[test]
    fn uncommitted_bytes_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        let file = OutFile::open(&path, Some(&committed(&path, 4))).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
        assert_eq!(file.offset(6).offset, 10);
    }

    #[test]
    fn a_file_that_lost_committed_lines_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\n").unwrap();
        let mut known = committed(&path, 8);
        let shorter = OutFile::open(&path, Some(&known));
        assert!(matches!(shorter, Err(OutFileError::Changed { .. })));
        known.offset = 4;
        std::fs::rename(&path, folder.path().join("rotated")).unwrap();
        let gone = OutFile::open(&path, Some(&known));
        assert!(matches!(gone, Err(OutFileError::Changed { .. })));
        std::fs::write(&path, "more than was committed\n").unwrap();
        let another = OutFile::open(&path, Some(&known));
        assert!(matches!(another, Err(OutFileError::Changed { .. })));
    }

    #[test]
    fn bytes_that_another_program_added_are_not_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntheirs\n").unwrap();
        let mut known = committed(&path, 4);
        known.is_whole = true;
        let added = OutFile::open(&path, Some(&known));
        assert!(matches!(added, Err(OutFileError::Changed { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntheirs\n");
    }

    #[test]
    fn two_processes_cannot_write_to_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let _first = OutFile::open(&path, None).unwrap();
        let second = OutFile::open(&path, None);
        assert!(matches!(second, Err(OutFileError::Changed { .. })));
    }

    #[test]
    fn a_file_is_recognised_through_another_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntor").unwrap();
        let known = committed(&path, 4);
        let other = folder.path().join("x");
        std::os::unix::fs::symlink(folder.path(), &other).unwrap();
        let file = OutFile::open(&other.join("out"), Some(&known)).unwrap();
        assert_eq!(file.offset(0).offset, 4);
    }

    #[test]
    fn an_existing_file_is_continued_after_its_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntwo").unwrap();
        let file = OutFile::open(&path, None).unwrap();
        assert_eq!(file.offset(0).offset, 8);
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
    }
}
