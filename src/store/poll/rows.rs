//! The rows of the tables, and their checksums, which each change updates and opening the file compares.

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::error::Fault;
use crate::watermark::{Digest, Micros, SeenRow};

/// The number of rows and the sum of their hashes, which does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) rows: u64,
    pub(super) hash: u64,
}

impl Checksum {
    pub(super) fn add(&mut self, row: u64) {
        self.rows += 1;
        self.hash = self.hash.wrapping_add(row);
    }

    pub(super) fn remove(&mut self, row: u64) {
        self.rows = self.rows.saturating_sub(1);
        self.hash = self.hash.wrapping_sub(row);
    }
}

/// The hash of a row of `seen`.
pub(super) fn of_seen(key: &[u8], row: &SeenRow) -> u64 {
    hash(key, row.digest, row.at, row.n)
}

/// The hash of a row of `keys`, without the counters that a sweep changes in all rows at once.
pub(super) fn of_key(key: &[u8], digest: Digest, at: Micros) -> u64 {
    hash(key, digest, at, 0)
}

fn hash(key: &[u8], digest: Digest, at: Micros, n: u64) -> u64 {
    let mut fixed = [0; 32];
    fixed[..16].copy_from_slice(&digest.0);
    fixed[16..24].copy_from_slice(&at.get().to_le_bytes());
    fixed[24..].copy_from_slice(&n.to_le_bytes());
    let mut context = Context::new(&SHA256);
    context.update(&fixed);
    // The key comes last, because its length varies.
    context.update(key);
    let hash = context.finish();
    let first = hash.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
    u64::from_le_bytes(*first)
}

/// Called for each version of a key.
type OnRow<'a> = dyn FnMut(&[u8], SeenRow) -> Result<(), Fault> + 'a;

/// Calls `on_row` for each row of a query for key, digest, ts and n.
pub(super) fn each_seen(
    connection: &Connection,
    sql: &str,
    on_row: &mut OnRow<'_>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob()?;
        on_row(key, seen_row(row, 1)?)?;
    }
    Ok(())
}

/// Reads the columns digest, ts and n, from column `first` on.
pub(super) fn seen_row(row: &Row<'_>, first: usize) -> Result<SeenRow, Fault> {
    Ok(SeenRow {
        digest: digest(row.get_ref(first)?)?,
        at: micros(row, first + 1)?,
        n: row.get::<_, i64>(first + 2)?.cast_unsigned(),
    })
}

pub(super) fn digest(value: ValueRef<'_>) -> Result<Digest, Fault> {
    let bytes = value.as_blob()?;
    let digest = bytes.try_into().map_err(|_| {
        let size = rusqlite::types::FromSqlError::InvalidBlobSize {
            expected_size: 16,
            blob_size: bytes.len(),
        };
        Fault::from(size)
    })?;
    Ok(Digest(digest))
}

pub(super) fn micros(row: &Row<'_>, column: usize) -> rusqlite::Result<Micros> {
    row.get(column).map(Micros::new)
}
