//! Errors of states.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::lock::Holder;
use crate::explain::{Explain, Explanation};
use crate::store::StoreError;

/// Why a state cannot be opened, read or changed.
#[derive(Debug, Error)]
pub enum PollStateError {
    #[error("the state `{key}` is in use by {}", holder_name(holder.as_ref()))]
    Locked { key: String, holder: Option<Holder> },
    #[error("the state `{key}` was taken over by {}", holder_name(holder.as_ref()))]
    TakenOver { key: String, holder: Option<Holder> },
    #[error("the state `{}` is damaged", path.display())]
    Damaged {
        key: String,
        path: PathBuf,
        #[source]
        why: Box<Damage>,
        /// The export written when the state was last opened.
        last_export: Option<PathBuf>,
    },
    /// The file was deleted, but its journal or export exists. A new state would silently start from zero.
    #[error("the state `{}` has been deleted, but its other files exist", path.display())]
    Gone {
        key: String,
        path: PathBuf,
        last_export: Option<PathBuf>,
    },
    #[error("the state `{}` was written by a newer evt (schema {found}, this one knows {known})", path.display())]
    Newer {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("the state `{key}` belongs to another query: {}", list(differs))]
    OtherQuery {
        key: String,
        differs: Vec<Difference>,
    },
    #[error("`{key}` has not been read up to {to}; the records before it would never be read")]
    NotRead { key: String, to: String },
    #[error("the position cannot be stored")]
    Position(#[source] serde_json::Error),
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot write the export")]
    Export(#[source] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for PollStateError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Locked { holder, .. } => Explanation::failed("state_locked")
                .hint(match holder {
                    Some(holder) => format!("kill {}     ends that process", holder.pid),
                    None => "end the other process".to_owned(),
                })
                .hint(
                    "evt poll … --force     takes over; the other process fails at its next commit",
                )
                .hint("evt poll … --state-key NAME     uses another state"),
            Self::TakenOver { key, .. } => Explanation::failed("state_locked").hint(format!(
                "evt poll state show {key}     shows how far it was read"
            )),
            Self::Damaged {
                key, last_export, ..
            } => state_damaged(key, last_export.as_deref()).hint(format!(
                "evt poll state reset {key}     starts over; the damaged file is renamed"
            )),
            Self::Gone {
                key, last_export, ..
            } => state_damaged(key, last_export.as_deref())
                .hint(format!("evt poll state reset {key}     starts over")),
            Self::Newer { .. } => Explanation::usage("state_newer").hint("use a newer evt"),
            Self::OtherQuery { key, .. } => Explanation::usage("state_other_query")
                .hint("evt poll … --state-key NAME     uses another state for this query")
                .hint(format!(
                    "evt poll state reset {key}     starts over with this query"
                ))
                .hint("or repeat the earlier query"),
            Self::NotRead { key, .. } => Explanation::usage("not_read_yet").hint(format!(
                "evt poll state show {key}     shows how far it was read"
            )),
            Self::Position(_) => Explanation::failed("state_unwritable").hint("evt doctor"),
            Self::File { source, .. } => {
                let is_full = source.kind() == io::ErrorKind::StorageFull;
                Explanation::failed(if is_full { "disk_full" } else { "state_file" })
                    .hint("evt doctor")
            }
            Self::Export(error) => error.explain(),
            Self::Store(error) => error.explain(),
        }
    }
}

/// The user can return to the last export, or start over; the caller adds the second hint.
fn state_damaged(key: &str, last_export: Option<&Path>) -> Explanation {
    let explanation = Explanation::failed("state_damaged");
    match last_export.map(Path::display) {
        Some(export) => explanation.hint(format!(
            "evt poll state set {key} {export}     restores the last export"
        )),
        None => explanation,
    }
}

/// What is wrong with a damaged state.
#[derive(Debug, Error)]
pub enum Damage {
    #[error("it is not a polling state")]
    Foreign,
    #[error("SQLite cannot read it")]
    Unreadable(#[source] rusqlite::Error),
    #[error("SQLite found an error in it: {fault}")]
    Structure { fault: String },
    #[error("its checksum is wrong")]
    Checksum,
    #[error("the rows of table `{table}` are not those that were written")]
    Rows { table: &'static str },
    #[error("its {part} cannot be read")]
    Json {
        part: &'static str,
        source: serde_json::Error,
    },
}

/// A part in which two fingerprints differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub part: &'static str,
    pub stored: String,
    pub asked: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            part,
            stored,
            asked,
        } = self;
        write!(f, "its {part} is `{stored}`, not `{asked}`")
    }
}

fn list(differs: &[Difference]) -> String {
    let differs: Vec<String> = differs.iter().map(Difference::to_string).collect();
    differs.join(", ")
}

fn holder_name(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), Holder::to_string)
}

/// An error below, without the name of the state.
#[derive(Debug)]
pub(super) enum Fault {
    Damage(Damage),
    Newer(i64),
    TakenOver(Option<Holder>),
    Position(serde_json::Error),
    Export(io::Error),
    File(io::Error),
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Damage(Damage::Unreadable(error))
            }
            _ => Self::Sql(error),
        }
    }
}

impl From<rusqlite::types::FromSqlError> for Fault {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        // evt writes the type that it reads, so another type is damage.
        Self::Damage(Damage::Unreadable(error.into()))
    }
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Export(error)
    }
}

impl Fault {
    /// The same error, for verifying a file: unless the cause is outside the file, it is damage.
    pub(super) fn verified(self) -> Self {
        use rusqlite::ErrorCode as Code;
        match self {
            Self::Sql(error) => match error.sqlite_error_code() {
                Some(
                    Code::DatabaseBusy
                    | Code::DatabaseLocked
                    | Code::DiskFull
                    | Code::SystemIoFailure
                    | Code::CannotOpen
                    | Code::PermissionDenied
                    | Code::ReadOnly
                    | Code::OperationInterrupted
                    | Code::FileLockingProtocolFailed,
                ) => Self::Sql(error),
                _ => Self::Damage(Damage::Unreadable(error)),
            },
            other => other,
        }
    }
}
