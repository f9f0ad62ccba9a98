//! The file that records are written to: how much of it counts is part of the state, so that a crash neither tears nor repeats a line.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::explain::{Explain, Explanation};
use crate::watermark::OutputPlace;

/// Why a file cannot take the records.
#[derive(Debug, Error)]
pub enum OutFileError {
    #[error("cannot write to `{}`", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    /// What was committed is not there any more, or what others wrote stands behind it: going on would lose one or the other.
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
                .hint("put the file back as it was, or go on in another: --out another-file"),
        }
    }
}

/// An output file, cut back to what was committed.
pub struct OutFile {
    path: PathBuf,
    file: File,
    number: Option<(u64, u64)>,
    /// Where this process began to write.
    base: u64,
}

impl OutFile {
    /// Opens the file to go on where `place` says; a file that the state does not know is written on at its end.
    ///
    /// What stands behind the committed offset was written and never committed, a torn line among it: it is cut off.
    ///
    /// # Errors
    /// [`OutFileError::Changed`] where the file is shorter than what was committed, or another one.
    pub fn open(path: &Path, place: Option<&OutputPlace>) -> Result<Self, OutFileError> {
        let failed = |source| OutFileError::Unwritable {
            path: path.to_owned(),
            source,
        };
        let path = std::path::absolute(path).map_err(failed)?;
        let there = std::fs::metadata(&path)
            .ok()
            .and_then(|there| number(&there));
        let is_same =
            |place: &&OutputPlace| place.path == path || (there.is_some() && place.file == there);
        let known = place.filter(is_same);
        if known.is_some_and(|place| place.offset > 0) && !path.exists() {
            return Err(changed(&path, "it is gone"));
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(&path).map_err(failed)?;
        // Two that write one file would cut off each other's lines.
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(changed(&path, "another evt writes to it"));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(changed(&path, "it is no ordinary file"));
        }
        let number = number(&metadata);
        let base = match known {
            Some(place) if place.offset > 0 && place.file != number => {
                return Err(changed(&path, "another file has its name"));
            }
            Some(place) if metadata.len() < place.offset => {
                let why = format!(
                    "{} of the {} bytes that were committed are left",
                    metadata.len(),
                    place.offset
                );
                return Err(changed(&path, &why));
            }
            Some(place) if place.is_whole && metadata.len() > place.offset => {
                let more = metadata.len() - place.offset;
                return Err(changed(
                    &path,
                    &format!("others have added {more} bytes to it"),
                ));
            }
            Some(place) => place.offset,
            None => end_of(&mut file, metadata.len()).map_err(failed)?,
        };
        file.set_len(base).map_err(failed)?;
        file.seek(SeekFrom::Start(base)).map_err(failed)?;
        Ok(Self {
            path,
            file,
            number,
            base,
        })
    }

    /// The file to write to, at the right place.
    ///
    /// # Errors
    /// Where there is no handle left.
    pub fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Waits until the first `bytes` that this process wrote are on the disk; the place behind them.
    pub(super) async fn sync(&self, bytes: u64) -> Result<OutputPlace, OutFileError> {
        let failed = |source| OutFileError::Unwritable {
            path: self.path.clone(),
            source,
        };
        let file = self.file.try_clone().map_err(failed)?;
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        synced
            .unwrap_or_else(|fault| Err(io::Error::other(fault)))
            .map_err(failed)?;
        Ok(self.place(bytes))
    }

    /// The place behind the first `bytes` that this process wrote.
    pub(super) fn place(&self, bytes: u64) -> OutputPlace {
        OutputPlace {
            path: self.path.clone(),
            file: self.number,
            offset: self.base + bytes,
            is_whole: false,
        }
    }
}

/// Behind the last whole line of a file that others wrote to.
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
fn number(metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn number(_: &std::fs::Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &Path, offset: u64) -> OutputPlace {
        let metadata = std::fs::metadata(path).unwrap();
        OutputPlace {
            path: path.to_owned(),
            file: number(&metadata),
            offset,
            is_whole: false,
        }
    }

    #[test]
    fn what_was_never_committed_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        let file = OutFile::open(&path, Some(&place(&path, 4))).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
        assert_eq!(file.place(6).offset, 10);
    }

    #[test]
    fn a_file_that_lost_committed_lines_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\n").unwrap();
        let mut kept = place(&path, 8);
        let shorter = OutFile::open(&path, Some(&kept));
        assert!(matches!(shorter, Err(OutFileError::Changed { .. })));
        kept.offset = 4;
        std::fs::rename(&path, folder.path().join("rotated")).unwrap();
        let gone = OutFile::open(&path, Some(&kept));
        assert!(matches!(gone, Err(OutFileError::Changed { .. })));
        std::fs::write(&path, "more than was committed\n").unwrap();
        let another = OutFile::open(&path, Some(&kept));
        assert!(matches!(another, Err(OutFileError::Changed { .. })));
    }

    #[test]
    fn what_others_have_added_is_not_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntheirs\n").unwrap();
        let mut kept = place(&path, 4);
        kept.is_whole = true;
        let added = OutFile::open(&path, Some(&kept));
        assert!(matches!(added, Err(OutFileError::Changed { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntheirs\n");
    }

    #[test]
    fn one_process_writes_a_file_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let _first = OutFile::open(&path, None).unwrap();
        let second = OutFile::open(&path, None);
        assert!(matches!(second, Err(OutFileError::Changed { .. })));
    }

    #[test]
    fn a_file_is_known_by_whatever_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntor").unwrap();
        let kept = place(&path, 4);
        let other = folder.path().join("x");
        std::os::unix::fs::symlink(folder.path(), &other).unwrap();
        let file = OutFile::open(&other.join("out"), Some(&kept)).unwrap();
        assert_eq!(file.place(0).offset, 4);
    }

    #[test]
    fn a_file_of_others_is_written_on_behind_its_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntwo").unwrap();
        let file = OutFile::open(&path, None).unwrap();
        assert_eq!(file.place(0).offset, 8);
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
    }
}
