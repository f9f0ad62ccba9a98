//! `--resume NAME`: checks the name, and locks it for one process at a time.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};

use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::files;
use crate::paths::is_plain_name;

/// A locked name. It is unlocked when this is dropped or the process ends.
pub(super) struct NameLock {
    _lock: File,
}

/// Locks the name for this process.
///
/// # Errors
/// The name is invalid, or another process has locked it.
pub(super) fn lock(name: Option<&str>, cx: &Context) -> Result<Option<NameLock>, CliError> {
    let Some(name) = name else { return Ok(None) };
    if !is_plain_name(name) {
        return Err(CliError::usage(format!("`{name}` is not a valid name for --resume")).hint(
            "use up to 64 letters, digits, `.`, `-` and `_`, starting with a letter or digit: --resume orders",
        ));
    }
    let folder = cx.paths.state_dir.join("tails");
    let path = folder.join(format!("{name}.lock"));
    let failed = |source: std::io::Error| {
        let message = format!("cannot lock `{}`: {source}", path.display());
        CliError::new(Exit::Failed, "name_lock", message).hint("evt doctor")
    };
    files::private_folder(&folder).map_err(failed)?;
    let mut lock = files::private_file(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(name, &mut lock)),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let entered = lock.set_len(0).and_then(|()| lock.rewind());
    entered
        .and_then(|()| write!(lock, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(Some(NameLock { _lock: lock }))
}

fn in_use(name: &str, lock: &mut File) -> CliError {
    let mut text = String::new();
    let read = lock.take(20).read_to_string(&mut text);
    let pid = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
    let holder = pid.map_or_else(String::new, |pid| format!(", process {pid}"));
    let message = format!("`{name}` is in use by another evt tail{holder}");
    CliError::new(Exit::Usage, "name_in_use", message)
        .hint("end that process, or use another name: --resume another-name")
}
