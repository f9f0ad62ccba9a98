//! Changes since the last commit, and how they are written to the tables.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::database::Metadata;
use super::error::Fault;
use super::filter::Filter;
use super::keys;
use super::rows::{self, seen_row};
use crate::watermark::{Digest, Micros, SeenRow, Version};

/// Changes since the last commit.
#[derive(Default)]
pub(super) struct Staged {
    versions: HashMap<Box<[u8]>, Versions>,
    visited: HashMap<Box<[u8]>, (Digest, Micros)>,
    forgotten: HashSet<Box<[u8]>>,
}

/// The versions of one key; almost always one.
struct Versions {
    newest: SeenRow,
    older: Vec<SeenRow>,
}

impl Versions {
    fn add(&mut self, row: SeenRow) {
        if self.newest.digest == row.digest {
            self.newest = merged(self.newest, row);
            return;
        }
        let known = self.older.iter().position(|old| old.digest == row.digest);
        let row = known.map_or(row, |at| merged(self.older.swap_remove(at), row));
        if row.n >= self.newest.n {
            let newest = std::mem::replace(&mut self.newest, row);
            self.older.push(newest);
        } else {
            self.older.push(row);
        }
    }

    fn rows(&self) -> impl Iterator<Item = &SeenRow> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

/// Combines two rows of one version: the greater number and the later date.
fn merged(a: SeenRow, b: SeenRow) -> SeenRow {
    SeenRow {
        digest: b.digest,
        at: a.at.max(b.at),
        n: a.n.max(b.n),
    }
}

impl Staged {
    pub(super) fn clear(&mut self) {
        self.versions.clear();
        self.visited.clear();
        self.forgotten.clear();
    }

    pub(super) fn remember(&mut self, version: &Version<'_>, n: u64) {
        let row = SeenRow {
            digest: version.digest,
            at: version.at,
            n,
        };
        if let Some(versions) = self.versions.get_mut(version.key) {
            return versions.add(row);
        }
        let versions = Versions {
            newest: row,
            older: Vec::new(),
        };
        self.versions.insert(version.key.into(), versions);
    }

    pub(super) fn newest(&self, key: &[u8]) -> Option<SeenRow> {
        self.versions.get(key).map(|versions| versions.newest)
    }

    pub(super) fn contains(&self, key: &[u8], digest: Digest) -> bool {
        let versions = self.versions.get(key);
        versions.is_some_and(|versions| versions.rows().any(|row| row.digest == digest))
    }

    pub(super) fn visit(&mut self, key: &[u8], digest: Digest, at: Micros) {
        self.visited.insert(key.into(), (digest, at));
    }

    /// The version of this key that was emitted, or visited by a sweep.
    pub(super) fn known(&self, key: &[u8]) -> Option<(Digest, Micros)> {
        let emitted = self.newest(key).map(|row| (row.digest, row.at));
        emitted.or_else(|| self.visited.get(key).copied())
    }

    /// The keys that are known to exist.
    pub(super) fn existing_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.versions
            .keys()
            .chain(self.visited.keys())
            .map(AsRef::as_ref)
    }

    pub(super) fn forget(&mut self, key: &[u8]) {
        self.versions.remove(key);
        self.visited.remove(key);
        self.forgotten.insert(key.into());
    }

    pub(super) fn is_forgotten(&self, key: &[u8]) -> bool {
        self.forgotten.contains(key)
    }

    pub(super) fn forgotten(&self) -> usize {
        self.forgotten.len()
    }

    /// Writes everything to the tables, except versions before `trim`.
    pub(super) fn write(
        &self,
        tx: &Connection,
        metadata: &mut Metadata,
        filter: &mut Filter,
        trim: Micros,
    ) -> Result<(), Fault> {
        for key in &self.forgotten {
            forget_seen(tx, metadata, key)?;
            keys::remove(tx, metadata, key)?;
        }
        // In the order of the table, so that each of its pages is changed once.
        let mut versions: Vec<_> = self.versions.iter().collect();
        versions.sort_unstable_by_key(|(key, _)| *key);
        for (key, versions) in versions {
            for row in versions.rows().filter(|row| row.at >= trim) {
                let may_be_there = metadata.seen.rows > 0 && filter.may_hold(key);
                put_seen(tx, metadata, key, *row, may_be_there)?;
                filter.add(key);
            }
        }
        Ok(())
    }

    pub(super) fn write_keys(
        &self,
        tx: &Connection,
        metadata: &mut Metadata,
        sweep: i64,
    ) -> Result<(), Fault> {
        for key in self.existing_keys() {
            if let Some((digest, at)) = self.known(key) {
                keys::put(tx, metadata, key, digest, at, sweep)?;
            }
        }
        Ok(())
    }
}

/// Stores a version. An existing row gets the greater number and the later date.
pub(super) fn put_seen(
    tx: &Connection,
    metadata: &mut Metadata,
    key: &[u8],
    mut row: SeenRow,
    may_be_there: bool,
) -> Result<(), Fault> {
    if may_be_there && let Some(old) = find_seen(tx, key, row.digest)? {
        metadata.seen.remove(rows::of_seen(key, &old));
        row = merged(old, row);
        tx.prepare_cached("UPDATE seen SET ts = ?3, n = ?4 WHERE key = ?1 AND digest = ?2")?
            .execute(params![
                key,
                row.digest.0,
                row.at.get(),
                row.n.cast_signed()
            ])?;
    } else {
        tx.prepare_cached("INSERT INTO seen (key, digest, ts, n) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                key,
                row.digest.0,
                row.at.get(),
                row.n.cast_signed()
            ])?;
    }
    metadata.seen.add(rows::of_seen(key, &row));
    Ok(())
}

/// One version of a key.
pub(super) fn find_seen(
    connection: &Connection,
    key: &[u8],
    digest: Digest,
) -> Result<Option<SeenRow>, Fault> {
    connection
        .prepare_cached("SELECT digest, ts, n FROM seen WHERE key = ?1 AND digest = ?2")?
        .query_row(params![key, digest.0], |row| Ok(seen_row(row, 0)))
        .optional()?
        .transpose()
}

/// The version of a key that was emitted last.
pub(super) fn newest_seen(connection: &Connection, key: &[u8]) -> Result<Option<SeenRow>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT digest, ts, n FROM seen WHERE key = ?1")?;
    let mut rows = statement.query([key])?;
    let mut newest: Option<SeenRow> = None;
    while let Some(row) = rows.next()? {
        let row = seen_row(row, 0)?;
        if newest.is_none_or(|newest| row.n > newest.n) {
            newest = Some(row);
        }
    }
    Ok(newest)
}

fn forget_seen(tx: &Connection, metadata: &mut Metadata, key: &[u8]) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached("SELECT digest, ts, n FROM seen WHERE key = ?1")?;
    let mut rows = statement.query([key])?;
    while let Some(row) = rows.next()? {
        metadata.seen.remove(rows::of_seen(key, &seen_row(row, 0)?));
    }
    drop(rows);
    tx.prepare_cached("DELETE FROM seen WHERE key = ?1")?
        .execute([key])?;
    Ok(())
}

/// Deletes the versions dated `from..to`.
pub(super) fn delete_seen(
    tx: &Connection,
    metadata: &mut Metadata,
    from: Micros,
    to: Micros,
) -> Result<(), Fault> {
    let range = params![from.get(), to.get()];
    let mut statement =
        tx.prepare_cached("SELECT key, digest, ts, n FROM seen WHERE ts >= ?1 AND ts < ?2")?;
    let mut rows = statement.query(range)?;
    let before = metadata.seen.rows;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob()?;
        metadata.seen.remove(rows::of_seen(key, &seen_row(row, 1)?));
    }
    drop(rows);
    match metadata.seen.rows {
        rows if rows == before => {}
        // Without a condition, SQLite frees whole pages instead of single rows.
        0 => {
            tx.prepare_cached("DELETE FROM seen")?.execute([])?;
        }
        _ => {
            tx.prepare_cached("DELETE FROM seen WHERE ts >= ?1 AND ts < ?2")?
                .execute(range)?;
        }
    }
    Ok(())
}

pub(super) fn clear_seen(tx: &Connection, metadata: &mut Metadata) -> Result<(), Fault> {
    tx.execute("DELETE FROM seen", [])?;
    metadata.seen = rows::Checksum::default();
    Ok(())
}
