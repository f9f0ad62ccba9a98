//! What was remembered since the last commit, and how it comes into the tables.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::database::{Kept, seen_row};
use super::error::Fault;
use super::filter::Filter;
use super::{keys, sum};
use crate::watermark::{Digest, Micros, SeenRow, Version};

/// As much as was read between two commits.
#[derive(Default)]
pub(super) struct Staged {
    versions: HashMap<Box<[u8]>, Versions>,
    met: HashMap<Box<[u8]>, (Digest, Micros)>,
    forgotten: HashSet<Box<[u8]>>,
}

/// The versions of one key; nearly always one.
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

/// A version that was met twice: emitted last at the greater number, and as late as its later date.
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
        self.met.clear();
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

    pub(super) fn meet(&mut self, key: &[u8], digest: Digest, at: Micros) {
        self.met.insert(key.into(), (digest, at));
    }

    /// What a walk met of this key, or what was remembered of it.
    pub(super) fn known(&self, key: &[u8]) -> Option<(Digest, Micros)> {
        let emitted = self.newest(key).map(|row| (row.digest, row.at));
        emitted.or_else(|| self.met.get(key).copied())
    }

    /// The keys that are there for sure.
    pub(super) fn alive(&self) -> impl Iterator<Item = &[u8]> {
        self.versions
            .keys()
            .chain(self.met.keys())
            .map(AsRef::as_ref)
    }

    pub(super) fn forget(&mut self, key: &[u8]) {
        self.versions.remove(key);
        self.met.remove(key);
        self.forgotten.insert(key.into());
    }

    pub(super) fn is_forgotten(&self, key: &[u8]) -> bool {
        self.forgotten.contains(key)
    }

    pub(super) fn forgotten(&self) -> usize {
        self.forgotten.len()
    }

    /// Brings all of it into the tables, but for the versions before `trim`.
    pub(super) fn write(
        &self,
        tx: &Connection,
        kept: &mut Kept,
        filter: &mut Filter,
        trim: Micros,
    ) -> Result<(), Fault> {
        for key in &self.forgotten {
            forget_seen(tx, kept, key)?;
            keys::remove(tx, kept, key)?;
        }
        // In the order of the table, so that each of its pages is visited once.
        let mut versions: Vec<_> = self.versions.iter().collect();
        versions.sort_unstable_by_key(|(key, _)| *key);
        for (key, versions) in versions {
            for row in versions.rows().filter(|row| row.at >= trim) {
                let may_be_there = kept.seen.rows > 0 && filter.may_hold(key);
                put_seen(tx, kept, key, *row, may_be_there)?;
                filter.add(key);
            }
        }
        Ok(())
    }

    pub(super) fn write_keys(
        &self,
        tx: &Connection,
        kept: &mut Kept,
        walk: i64,
    ) -> Result<(), Fault> {
        for key in self.alive() {
            if let Some((digest, at)) = self.known(key) {
                keys::put(tx, kept, key, digest, at, walk)?;
            }
        }
        Ok(())
    }
}

/// Puts a version into the table. One that is there gets the greater number and the later date.
pub(super) fn put_seen(
    tx: &Connection,
    kept: &mut Kept,
    key: &[u8],
    mut row: SeenRow,
    may_be_there: bool,
) -> Result<(), Fault> {
    if may_be_there && let Some(old) = find_seen(tx, key, row.digest)? {
        kept.seen.remove(sum::of_seen(key, &old));
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
    kept.seen.add(sum::of_seen(key, &row));
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

fn forget_seen(tx: &Connection, kept: &mut Kept, key: &[u8]) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached("SELECT digest, ts, n FROM seen WHERE key = ?1")?;
    let mut rows = statement.query([key])?;
    while let Some(row) = rows.next()? {
        kept.seen.remove(sum::of_seen(key, &seen_row(row, 0)?));
    }
    drop(rows);
    tx.prepare_cached("DELETE FROM seen WHERE key = ?1")?
        .execute([key])?;
    Ok(())
}

/// Deletes the versions from one date on, up to but without another.
pub(super) fn delete_seen(
    tx: &Connection,
    kept: &mut Kept,
    from: Micros,
    to: Micros,
) -> Result<(), Fault> {
    let range = params![from.get(), to.get()];
    let mut statement =
        tx.prepare_cached("SELECT key, digest, ts, n FROM seen WHERE ts >= ?1 AND ts < ?2")?;
    let mut rows = statement.query(range)?;
    let before = kept.seen.rows;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob()?;
        kept.seen.remove(sum::of_seen(key, &seen_row(row, 1)?));
    }
    drop(rows);
    match kept.seen.rows {
        rows if rows == before => {}
        // SQLite throws whole pages away, in place of a row after the other.
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

pub(super) fn clear_seen(tx: &Connection, kept: &mut Kept) -> Result<(), Fault> {
    tx.execute("DELETE FROM seen", [])?;
    kept.seen = sum::Sum::default();
    Ok(())
}
