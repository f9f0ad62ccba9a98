//! Files that evt opens: never anything but regular ones, and its own are readable only by the user, whatever the umask.
//!
//! Opening a FIFO waits until another process opens its other end, and reading a device may never end. So every file whose path
//! evt did not choose in this process is opened here.

use std::fs::{DirBuilder, File, FileType, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Opens a regular file for reading.
///
/// An inherited descriptor (`/dev/stdin`, or `/dev/fd/63` of `<(…)`) may also be a pipe or a terminal, because the user has connected
/// it. `/dev/null` is an empty file.
///
/// # Errors
/// Errors of the file system, and [`io::ErrorKind::InvalidInput`] with what the path is instead, such as a FIFO.
pub fn open(path: &Path) -> io::Result<File> {
    open_regular(OpenOptions::new().read(true), path)
}

/// Reads a whole file of at most `limit` bytes; see [`open()`].
///
/// # Errors
/// Those of [`open()`], and [`io::ErrorKind::FileTooLarge`].
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it is larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// Checks that a path is a regular file or does not exist, for libraries that open files themselves.
///
/// # Errors
/// Those of [`open()`], except that a missing file is not an error.
pub fn check_regular(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(facts) => regular(facts.file_type()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether an error of opening a file says that there is none, also because one of its folders is a file.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn open_regular(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    if is_connected(path) {
        return options.open(path);
    }
    open_without_waiting(options, path, regular)
}

fn open_without_waiting(
    options: &mut OpenOptions,
    path: &Path,
    check: impl Fn(FileType) -> io::Result<()>,
) -> io::Result<File> {
    // Without waiting: another process may have replaced the file after the check.
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let flags = flags.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags);
    }
    if let Ok(facts) = std::fs::metadata(path) {
        check(facts.file_type())?;
    }
    let file = options.open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Whether a path is `/dev/null` or a descriptor that this process has inherited.
fn is_connected(path: &Path) -> bool {
    path == Path::new("/dev/null")
        || path == Path::new("/dev/stdin")
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}

fn regular(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    let reason = format!("it is {}, not a regular file", name_of(kind));
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a FIFO";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if is_device(kind) {
            return "a device";
        }
    }
    "a special file"
}

#[cfg(unix)]
fn is_device(kind: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(not(unix))]
fn is_device(_kind: FileType) -> bool {
    false
}

/// Creates a folder and its parents, accessible only to the user (0700). An existing folder keeps its mode.
///
/// # Errors
/// Errors of the file system.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file for reading and writing without truncating it. Creates it if necessary, accessible only to the user (0600).
///
/// # Errors
/// Those of [`open()`].
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    open_regular(&mut options, path)
}

/// Opens a file of lines for appending. Creates it if necessary, accessible only to the user (0600).
///
/// If the last line has no line break, for example after a crash, one is added, so that the next line is not joined to it.
///
/// # Errors
/// Those of [`open()`].
pub fn private_lines(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = open_without_waiting(&mut options, path, |kind| {
        // Lines can be written to a device such as /dev/null.
        if is_device(kind) {
            Ok(())
        } else {
            regular(kind)
        }
    })?;
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

/// Replaces a file atomically; the new file is accessible only to the user. A crash leaves either the old or the new content.
///
/// # Errors
/// Errors of the file system; the old file is then unchanged.
pub fn replace_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private_folder(folder)?;
    // tempfile creates the file with mode 0600, whatever the umask.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The rename is on the disk only after the folder is synced.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn nothing_but_a_regular_file_is_opened_and_the_error_names_it() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink(path("fifo"), path("link")).unwrap();
        for (name, kind) in [
            ("fifo", "a FIFO"),
            ("link", "a FIFO"),
            ("socket", "a socket"),
            ("folder", "a folder"),
            ("/dev/zero", "a device"),
        ] {
            let path = path(name);
            let openers: [fn(&Path) -> io::Result<File>; 3] = [open, private_file, private_lines];
            let count = if kind == "a device" { 2 } else { 3 };
            for open in openers.into_iter().take(count) {
                let error = open(&path).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    format!("it is {kind}, not a regular file")
                );
            }
            assert!(check_regular(&path).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(
            read(&path, 4).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        let missing = read(&home.path().join("missing"), 4).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn the_empty_device_is_an_empty_file() {
        assert_eq!(read(Path::new("/dev/null"), 10).unwrap(), b"");
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_is_private_even_if_the_old_one_was_not() {
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
    fn an_incomplete_last_line_is_not_joined_to_the_next() {
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
    fn an_opened_file_is_private_and_keeps_its_content() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("private");
        private_file(&path).unwrap().write_all(b"one").unwrap();
        let file = private_file(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }
}
