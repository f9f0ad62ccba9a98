//! Copies committed pages from the write-ahead log into the database on a separate thread.
//!
//! By default SQLite does this within a commit, which then waits for the disk much longer than the others. That single commit
//! would determine the slowest responses of everything that waits for the store.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use rusqlite::Connection;
use tracing::debug;

use super::space;

/// Size of the log above which the checkpoint thread copies pages.
const BEGIN: u64 = 8 * 1024 * 1024;
/// Size of the log above which the writer copies the rest itself. SQLite then reuses the log from its start, so this bounds its size
/// even if the thread never catches up with the writer.
const BOUND: u64 = 128 * 1024 * 1024;

/// The writer's view of the log. The thread starts when the log first exceeds [`BEGIN`].
pub(super) struct Checkpointer {
    database: PathBuf,
    log: PathBuf,
    wake: Option<SyncSender<()>>,
}

impl Checkpointer {
    pub(super) fn new(database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        Self {
            database: database.to_owned(),
            log: PathBuf::from(log),
            wake: None,
        }
    }

    /// Starts a checkpoint if the log has grown.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        // A stat call is cheap compared to the disk access of the commit before it.
        let length = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        if length > BOUND {
            copy(writer);
        } else if length > BEGIN {
            // If the channel is full, the thread is working already.
            let _ = self.thread().try_send(());
        }
    }

    fn thread(&mut self) -> &SyncSender<()> {
        let database = &self.database;
        self.wake.get_or_insert_with(|| {
            let (wake, woken) = sync_channel(1);
            let database = database.clone();
            let work = move || {
                let Ok(connection) = Connection::open(&database) else {
                    return;
                };
                while woken.recv().is_ok() {
                    copy(&connection);
                }
            };
            // If the thread cannot start, the writer copies at `BOUND`.
            let _ = std::thread::Builder::new()
                .name("evt-checkpoint".to_owned())
                .spawn(work);
            wake
        })
    }
}

/// Copies the pages that no reader needs in the log any more. Passive: it waits neither for readers nor for the writer.
fn copy(connection: &Connection) {
    if !space::copying_fits(connection) {
        debug!("The disk has no space to copy the write-ahead log.");
        return;
    }
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    debug!(?copied, "Copied the write-ahead log.");
}
