//! Places in streams that outlive the process: a name, the stream that it is about, and where that goes on.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{StoreError, Tx};
use crate::explain::{Explain, Explanation};
use crate::time::Timestamp;

/// A cursor as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    /// The source's URL, without secrets.
    pub stream: String,
    /// As the source takes it: an SSE id, Socket.IO's pid and offset. Empty where the stream was followed and has none.
    pub position: String,
    pub updated_at: Timestamp,
}

/// Why a cursor cannot be used.
#[derive(Debug, Error)]
pub enum CursorError {
    #[error("the cursor `{name}` belongs to {kept}, not to {asked}")]
    OtherStream {
        name: String,
        kept: String,
        asked: String,
    },
    #[error("the cursor `{name}` cannot be read")]
    Unreadable {
        name: String,
        source: serde_json::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for CursorError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Store(error) => error.explain(),
            Self::OtherStream { .. } => {
                Explanation::usage("cursor_of_another_stream").hint("--resume with another name")
            }
            Self::Unreadable { .. } => {
                Explanation::failed("cursor_unreadable").hint("--resume with another name")
            }
        }
    }
}

/// The column `value`.
#[derive(Deserialize, Serialize)]
struct Value {
    stream: String,
    position: String,
}

/// The cursor with this name, which is `stream`'s; `None` for a name that is not known yet.
///
/// # Errors
/// [`CursorError::OtherStream`] where the name is another stream's: its positions mean nothing here.
pub fn find(
    connection: &Connection,
    name: &str,
    stream: &str,
) -> Result<Option<Kept>, CursorError> {
    match get(connection, name)? {
        Some(kept) if kept.stream != stream => Err(CursorError::OtherStream {
            name: kept.name,
            kept: kept.stream,
            asked: stream.to_owned(),
        }),
        kept => Ok(kept),
    }
}

/// The cursor with this name.
pub fn get(connection: &Connection, name: &str) -> Result<Option<Kept>, CursorError> {
    let row: Option<(String, i64)> = connection
        .prepare_cached("SELECT value, updated_at FROM cursors WHERE name = ?1")
        .map_err(StoreError::from)?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(StoreError::from)?;
    row.map(|(value, updated_at)| kept(name.to_owned(), &value, updated_at))
        .transpose()
}

/// Moves a cursor, or makes it.
pub fn set(
    tx: &Tx<'_>,
    name: &str,
    stream: &str,
    position: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let value = Value {
        stream: stream.to_owned(),
        position: position.to_owned(),
    };
    let value = serde_json::to_string(&value).expect("text is always JSON");
    let sql = "INSERT INTO cursors (name, value, updated_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    tx.prepare_cached(sql)?
        .execute(params![name, value, now.millis()])?;
    Ok(())
}

/// Every cursor, by name.
pub fn list(connection: &Connection) -> Result<Vec<Kept>, CursorError> {
    let sql = "SELECT name, value, updated_at FROM cursors ORDER BY name";
    let mut statement = connection.prepare_cached(sql).map_err(StoreError::from)?;
    let rows = statement
        .query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
            ))
        })
        .map_err(StoreError::from)?;
    rows.map(|row| {
        let (name, value, updated_at) = row.map_err(StoreError::from)?;
        kept(name, &value, updated_at)
    })
    .collect()
}

/// Forgets a cursor. Returns whether it was there.
pub fn remove(tx: &Tx<'_>, name: &str) -> Result<bool, StoreError> {
    let removed = tx
        .prepare_cached("DELETE FROM cursors WHERE name = ?1")?
        .execute([name])?;
    Ok(removed > 0)
}

fn kept(name: String, value: &str, updated_at: i64) -> Result<Kept, CursorError> {
    match serde_json::from_str::<Value>(value) {
        Ok(Value { stream, position }) => Ok(Kept {
            name,
            stream,
            position,
            updated_at: Timestamp::from_millis(updated_at),
        }),
        Err(source) => Err(CursorError::Unreadable { name, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Store};
    use super::*;

    const FEED: &str = "http://feed.test/events";

    fn store() -> Store {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        store
            .write_blocking::<_, StoreError, _>(|tx| {
                set(tx, "orders", FEED, "41", Timestamp::from_millis(1))?;
                set(tx, "orders", FEED, "4\"2", Timestamp::from_millis(2))
            })
            .unwrap();
        store
    }

    #[test]
    fn a_cursor_is_where_it_was_moved_last() {
        let found = store().read_blocking(|c| find(c, "orders", FEED));
        assert_eq!(found.unwrap().unwrap().position, "4\"2");
        let listed = store().read_blocking(list).unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].updated_at, Timestamp::from_millis(2));
    }

    #[test]
    fn a_cursor_of_another_stream_is_refused() {
        let found = store().read_blocking(|c| find(c, "orders", "http://other.test/"));
        let error = found.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the cursor `orders` belongs to http://feed.test/events, not to http://other.test/"
        );
    }

    #[test]
    fn a_cursor_that_was_removed_is_not_known() {
        let store = store();
        let remove_it = || store.write_blocking::<_, StoreError, _>(|tx| remove(tx, "orders"));
        assert!(remove_it().unwrap());
        assert!(!remove_it().unwrap());
        let found = store.read_blocking(|c| find(c, "orders", FEED));
        assert_eq!(found.unwrap(), None);
    }
}
