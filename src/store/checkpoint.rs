//! Moving committed pages from the write-ahead log into the database beside the writer, so that no commit waits for it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use rusqlite::Connection;
use tracing::debug;

/// Past this size of the log the helper thread copies what is committed.
const BEGIN: u64 = 8 * 1024 * 1024;
/// Past this size the writer copies the rest itself, after which SQLite begins the log anew: the bound on its size.
const BOUND: u64 = 128 * 1024 * 1024;

/// The writer's view of the log; its thread starts when the log first grows.
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

    /// Looks at the log, and has it copied where it has grown.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        // Beside the commit's own wait for the disk, asking costs nothing.
        let length = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        if length > BOUND {
            copy(writer);
        } else if length > BEGIN {
            // A full channel means that the helper is at it already.
            let _ = self.helper().try_send(());
        }
    }

    fn helper(&mut self) -> &SyncSender<()> {
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
            // Without the thread the writer does the copying, at the bound.
            let _ = std::thread::Builder::new()
                .name("evt-checkpoint".to_owned())
                .spawn(work);
            wake
        })
    }
}

/// Copies what no reader still needs in the log; waits for nobody.
fn copy(connection: &Connection) {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    debug!(?copied, "Copied the write-ahead log.");
}
