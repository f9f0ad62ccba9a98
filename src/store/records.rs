//! The platform's records: whole BaseModels as JSON, found by their id and by the time of their last modification.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, Tx};

/// A record as it is stored. `body` is the whole BaseModel; the other fields are copies for queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    pub org: &'a str,
    pub datatype: &'a str,
    pub sk: &'a str,
    pub version: i64,
    pub state: &'a str,
    /// Milliseconds since the epoch, like [`Row::modifydate`].
    pub createdate: i64,
    pub modifydate: i64,
    pub body: &'a str,
}

/// A range of `modifydate` in milliseconds that includes both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub until: i64,
}

impl Span {
    /// All times.
    pub const ALL: Self = Self {
        from: i64::MIN,
        until: i64::MAX,
    };

    /// The intersection of both spans.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }

    /// Whether a time is within the span.
    pub fn contains(self, millis: i64) -> bool {
        (self.from..=self.until).contains(&millis)
    }
}

/// The order by `modifydate`, ties by `sk` in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    const fn order_by(self) -> &'static str {
        match self {
            Self::Ascending => "ORDER BY modifydate, sk",
            Self::Descending => "ORDER BY modifydate DESC, sk DESC",
        }
    }
}

/// Adds a record. Returns `false` if its id exists.
pub fn insert(tx: &Tx<'_>, row: &Row<'_>) -> Result<bool, StoreError> {
    let sql =
        "INSERT INTO records (org, datatype, sk, version, state, createdate, modifydate, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    Ok(write(tx, sql, row)? == 1)
}

/// Replaces the record with the same id. Returns `false` if there is none.
pub fn replace(tx: &Tx<'_>, row: &Row<'_>) -> Result<bool, StoreError> {
    let sql =
        "UPDATE records SET version = ?4, state = ?5, createdate = ?6, modifydate = ?7, body = ?8
         WHERE org = ?1 AND datatype = ?2 AND sk = ?3";
    Ok(write(tx, sql, row)? == 1)
}

fn write(tx: &Tx<'_>, sql: &str, row: &Row<'_>) -> Result<usize, StoreError> {
    Ok(tx.prepare_cached(sql)?.execute(params![
        row.org,
        row.datatype,
        row.sk,
        row.version,
        row.state,
        row.createdate,
        row.modifydate,
        row.body,
    ])?)
}

/// Deletes a record. Returns `false` if there is none.
pub fn remove(tx: &Tx<'_>, org: &str, datatype: &str, sk: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM records WHERE org = ?1 AND datatype = ?2 AND sk = ?3";
    Ok(tx
        .prepare_cached(sql)?
        .execute(params![org, datatype, sk])?
        == 1)
}

/// A record's BaseModel, by its exact id.
pub fn body(
    connection: &Connection,
    org: &str,
    datatype: &str,
    sk: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT body FROM records WHERE org = ?1 AND datatype = ?2 AND sk = ?3";
    Ok(connection
        .prepare_cached(sql)?
        .query_row(params![org, datatype, sk], |row| row.get(0))
        .optional()?)
}

/// The datatypes for which an organisation has records, sorted.
pub fn datatypes(connection: &Connection, org: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT min(datatype) FROM records WHERE org = ?1 AND datatype > ?2";
    let mut statement = connection.prepare_cached(sql)?;
    distinct(|last| statement.query_row(params![org, last], |row| row.get(0)))
}

/// The organisations that have records, sorted.
pub fn orgs(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT min(org) FROM records WHERE org > ?1")?;
    distinct(|last| statement.query_row(params![last], |row| row.get(0)))
}

/// Collects distinct values with one index lookup for each, because SQLite's `DISTINCT` reads every row. `next_after` returns the
/// smallest value after the given one.
fn distinct(
    mut next_after: impl FnMut(&str) -> rusqlite::Result<Option<String>>,
) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = Vec::new();
    while let Some(next) = next_after(found.last().map_or("", String::as_str))? {
        found.push(next);
    }
    Ok(found)
}

/// The latest `modifydate` of all records.
pub fn last_modified(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT max(modifydate) FROM records WHERE org = ?1 AND datatype = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut last = None;
    for org in orgs(connection)? {
        for datatype in datatypes(connection, &org)? {
            let found: Option<i64> =
                statement.query_row(params![org, datatype], |row| row.get(0))?;
            last = last.max(found);
        }
    }
    Ok(last)
}

/// The number of records of a datatype that were last modified within `span`.
pub fn count(
    connection: &Connection,
    org: &str,
    datatype: &str,
    span: Span,
) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM records INDEXED BY records_modified
         WHERE org = ?1 AND datatype = ?2 AND modifydate BETWEEN ?3 AND ?4";
    let count: i64 = connection
        .prepare_cached(sql)?
        .query_row(params![org, datatype, span.from, span.until], |row| {
            row.get(0)
        })?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// One page of BaseModels sorted by `modifydate`, read from the index.
pub fn page(
    connection: &Connection,
    org: &str,
    datatype: &str,
    span: Span,
    direction: Direction,
    skip: u64,
    take: usize,
) -> Result<Vec<String>, StoreError> {
    let order = direction.order_by();
    let sql = format!(
        "SELECT body FROM records WHERE org = ?1 AND datatype = ?2 AND modifydate BETWEEN ?3 AND ?4
         {order} LIMIT ?5 OFFSET ?6"
    );
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let take = i64::try_from(take).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        params![org, datatype, span.from, span.until, take, skip],
        |row| row.get(0),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Id and `modifydate` of all records within `span`, sorted by `modifydate`. Reads only the index.
pub fn stamps(
    connection: &Connection,
    org: &str,
    datatype: &str,
    span: Span,
) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = "SELECT sk, modifydate FROM records INDEXED BY records_modified
         WHERE org = ?1 AND datatype = ?2 AND modifydate BETWEEN ?3 AND ?4 ORDER BY modifydate, sk";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![org, datatype, span.from, span.until], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Calls `visit` with `sk` and BaseModel of each record within `span` until it breaks.
pub fn scan(
    connection: &Connection,
    org: &str,
    datatype: &str,
    span: Span,
    direction: Direction,
    mut visit: impl FnMut(&str, &str) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let order = direction.order_by();
    let sql = format!(
        "SELECT sk, body FROM records WHERE org = ?1 AND datatype = ?2 AND modifydate BETWEEN ?3 AND ?4 {order}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![org, datatype, span.from, span.until])?;
    while let Some(row) = rows.next()? {
        let sk = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        if visit(sk, body).is_break() {
            break;
        }
    }
    Ok(())
}

/// Up to `limit` users or customers with this email, without regard to case.
pub fn by_email(
    connection: &Connection,
    org: &str,
    datatype: &str,
    email: &str,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT body FROM records WHERE org = ?1 AND datatype = ?2
         AND lower(json_extract(body, '$.data.email')) = lower(?3) LIMIT ?4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![org, datatype, email, limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Store};
    use super::*;

    fn row<'a>(org: &'a str, datatype: &'a str, sk: &'a str, modifydate: i64) -> Row<'a> {
        Row {
            org,
            datatype,
            sk,
            version: 1,
            state: "new",
            createdate: 1,
            modifydate,
            body: sk,
        }
    }

    fn store(rows: &[(&'static str, &'static str, &'static str, i64)]) -> Store {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let rows = rows.to_vec();
        store
            .write_blocking::<_, StoreError, _>(move |tx| {
                for (org, datatype, sk, at) in rows {
                    assert!(insert(tx, &row(org, datatype, sk, at))?);
                }
                Ok(())
            })
            .unwrap();
        store
    }

    fn read<T>(store: &Store, op: impl FnOnce(&Connection) -> Result<T, StoreError>) -> T {
        store.read_blocking(op).unwrap()
    }

    #[test]
    fn a_page_is_sorted_by_modifydate_and_then_by_id() {
        let store = store(&[
            ("o", "contact", "c", 5),
            ("o", "contact", "a", 7),
            ("o", "contact", "b", 5),
            ("o", "lead", "l", 6),
        ]);
        let span = Span { from: 5, until: 7 };
        let up = read(&store, |c| {
            page(c, "o", "contact", span, Direction::Ascending, 0, 10)
        });
        assert_eq!(up, ["b", "c", "a"]);
        let down = read(&store, |c| {
            page(c, "o", "contact", span, Direction::Descending, 1, 1)
        });
        assert_eq!(down, ["c"]);
    }

    #[test]
    fn a_span_includes_both_ends() {
        let store = store(&[
            ("o", "contact", "a", 4),
            ("o", "contact", "b", 5),
            ("o", "contact", "c", 6),
            ("o", "contact", "d", 7),
        ]);
        let span = Span { from: 5, until: 6 };
        assert_eq!(read(&store, |c| count(c, "o", "contact", span)), 2);
    }

    #[test]
    fn an_existing_id_is_not_inserted_again() {
        let store = store(&[("o", "contact", "a", 1)]);
        let again =
            store.write_blocking::<_, StoreError, _>(|tx| insert(tx, &row("o", "contact", "a", 2)));
        assert!(!again.unwrap());
    }

    #[test]
    fn the_latest_modification_of_all_organisations_is_found() {
        let store = store(&[
            ("a", "contact", "x", 3),
            ("a", "lead", "y", 9),
            ("b", "contact", "z", 5),
        ]);
        assert_eq!(read(&store, last_modified), Some(9));
        assert_eq!(read(&store, |c| datatypes(c, "a")), ["contact", "lead"]);
    }

    #[test]
    fn a_scan_ends_when_the_visitor_breaks() {
        let store = store(&[("o", "contact", "a", 1), ("o", "contact", "b", 2)]);
        let mut seen = Vec::new();
        read(&store, |c| {
            scan(
                c,
                "o",
                "contact",
                Span::ALL,
                Direction::Ascending,
                |sk, _| {
                    seen.push(sk.to_owned());
                    ControlFlow::Break(())
                },
            )
        });
        assert_eq!(seen, ["a"]);
    }
}
