//! How a command ends when its pipeline stops before the source.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::error::{CliError, Exit};
use crate::pipeline::Stop;

#[derive(Debug, Error)]
#[error("cannot record to {}", .path.display())]
struct Unwritable {
    path: PathBuf,
    source: io::Error,
}

/// The exit code or the error for a pipeline that stopped.
pub(super) fn exit_of(stop: Stop) -> Result<Exit, CliError> {
    Err(match stop {
        Stop::GoalMet => return Ok(Exit::Done),
        Stop::Gap => CliError::new(Exit::Gap, "gap", "events may have been missed")
            .hint("evt man streams     says which streams can go on without a gap"),
        Stop::SlowReader => CliError::new(
            Exit::Gap,
            "slow_reader",
            "what reads stdout is slower than the stream",
        )
        .hint("--on-slow block     lets the stream wait")
        .hint("--save     keeps events whatever reads them"),
        Stop::Answer(message) => CliError::new(
            Exit::Refused,
            "answer_failed",
            format!("the agent failed: {message}"),
        )
        .hint("ask again; an agent's answer cannot be taken up in the middle"),
        Stop::Output(error) => error.into(),
        Stop::Store(error) => error.into(),
        Stop::Exec(error) => error.into(),
        Stop::Record {
            path,
            source,
            at_once,
        } => unwritable(&path, source, at_once),
    })
}

/// A recording that cannot be opened is a mistake in `--record`; one that fails later is not the user's mistake.
fn unwritable(path: &Path, source: io::Error, at_once: bool) -> CliError {
    let exit = if at_once { Exit::Usage } else { Exit::Failed };
    let hint = match source.kind() {
        io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(Path::new("."));
            format!("mkdir -p {}", folder.display())
        }
        io::ErrorKind::StorageFull => {
            "free some space; evt doctor says how much there is".to_owned()
        }
        _ => format!("ls -ld {}     shows who may write there", path.display()),
    };
    let path = path.to_owned();
    CliError::new(exit, "record_unwritable", Unwritable { path, source }).hint(hint)
}
