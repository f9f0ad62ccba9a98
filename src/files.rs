//! Private files and folders: what the programs of other users must not read, whatever the umask says.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Creates a folder and those above it, open to the user alone (0700). One that is there keeps its mode.
///
/// # Errors
/// Those of the file system.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file to read and write, and creates it, readable by the user alone (0600), where there is none. What it holds stays.
///
/// # Errors
/// Those of the file system.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a file of lines to append to, and creates it, readable by the user alone (0600), where there is none. A last line that
/// was not ended is ended, so that what follows it stands on its own.
///
/// # Errors
/// Those of the file system.
pub fn private_lines(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// Replaces a file in one step, readable by the user alone: a crash leaves the old one or the new one, never a half.
///
/// # Errors
/// Those of the file system; the old file is still there then.
pub fn replace_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private_folder(folder)?;
    // tempfile creates with 0600, whatever the umask.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name itself is on the disk only when the folder is.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_is_private_also_when_it_was_not() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep/credentials.toml");
        replace_private_file(&path, b"one").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        replace_private_file(&path, b"two").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn a_line_that_was_not_ended_does_not_swallow_the_next() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lines");
        for line in ["one\n", "tor", "two\n"] {
            let mut file = private_lines(&path).unwrap();
            file.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntor\ntwo\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_opened_is_private_and_keeps_what_it_holds() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("held");
        private_file(&path).unwrap().write_all(b"one").unwrap();
        let file = private_file(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }
}
