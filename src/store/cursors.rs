//! Cursors: named positions in streams, from which a later process resumes.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{StoreError, Tx};
use crate::explain::{Explain, Explanation};
use crate::time::Timestamp;

/// A cursor as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub name: String,
    /// The source's URL, without secrets.
    pub stream: String,
    /// In the format of the source: an SSE id, or Socket.IO's pid and offset. Empty if the stream has no positions.
    pub position: String,
    pub updated_at: Timestamp,
}

/// Why a cursor cannot be used.
#[derive(Debug, Error)]
pub enum CursorError {
    #[error("the cursor `{name}` belongs to {stored}, not to {requested}")]
    OtherStream {
        name: String,
        stored: String,
        requested: String,
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

/// The cursor of `stream` with this name, if it exists.
///
/// # Errors
/// [`CursorError::OtherStream`] if the cursor belongs to another stream, whose positions mean nothing in this one.
pub fn find(
    connection: &Connection,
    name: &str,
    stream: &str,
) -> Result<Option<Cursor>, CursorError> {
    let row: Option<(String, i64)> = connection
        .prepare_cached("SELECT value, updated_at FROM cursors WHERE name = ?1")
        .map_err(StoreError::from)?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(StoreError::from)?;
    let found = row
        .map(|(value, updated_at)| read(name.to_owned(), &value, updated_at))
        .transpose()?;
    match found {
        Some(cursor) if cursor.stream != stream => Err(CursorError::OtherStream {
            name: cursor.name,
            stored: cursor.stream,
            requested: stream.to_owned(),
        }),
        cursor => Ok(cursor),
    }
}

/// Sets a cursor, and creates it if it does not exist.
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

/// All cursors, sorted by name.
pub fn list(connection: &Connection) -> Result<Vec<Cursor>, CursorError> {
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
        read(name, &value, updated_at)
    })
    .collect()
}

fn read(name: String, value: &str, updated_at: i64) -> Result<Cursor, CursorError> {
    match serde_json::from_str::<Value>(value) {
        Ok(Value { stream, position }) => Ok(Cursor {
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
    fn a_cursor_has_the_position_that_was_set_last() {
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
}
