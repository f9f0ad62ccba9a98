//! Flows as the client sent them, and the earlier versions that runs may still need.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, Tx};
use crate::time::Timestamp;

/// Old versions of a flow that are kept: unfinished runs and replays still need them.
const VERSIONS: i64 = 20;
const COLUMNS: &str = "id, org, name, enabled, version, createdate, modifydate, body";

/// A flow.
#[derive(Clone, Debug)]
pub struct FlowRow {
    /// `automation-…`
    pub id: String,
    pub org: String,
    pub name: String,
    pub enabled: bool,
    pub version: i64,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// The document as JSON, as the client sent it.
    pub body: String,
}

/// Adds a flow, or returns `false` if its organisation already has one with that name.
pub fn insert(tx: &Tx<'_>, flow: &FlowRow) -> Result<bool, StoreError> {
    let added = tx
        .prepare_cached(
            "INSERT INTO flows (id, org, name, enabled, version, createdate, modifydate, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            flow.id,
            flow.org,
            flow.name,
            flow.enabled,
            flow.version,
            flow.created.millis(),
            flow.modified.millis(),
            flow.body
        ])?;
    if added == 1 {
        keep_version(tx, flow)?;
    }
    Ok(added == 1)
}

/// Replaces the flow with the same id, or returns `false` if another flow has its name.
pub fn update(tx: &Tx<'_>, flow: &FlowRow) -> Result<bool, StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE OR IGNORE flows SET name = ?2, enabled = ?3, version = ?4, modifydate = ?5, body = ?6 WHERE id = ?1",
        )?
        .execute(params![
            flow.id,
            flow.name,
            flow.enabled,
            flow.version,
            flow.modified.millis(),
            flow.body
        ])?;
    if changed == 1 {
        keep_version(tx, flow)?;
    }
    Ok(changed == 1)
}

fn keep_version(tx: &Tx<'_>, flow: &FlowRow) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO flow_versions (flow, version, body) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![flow.id, flow.version, flow.body])?;
    tx.prepare_cached(
        "DELETE FROM flow_versions WHERE flow = ?1 AND version <= ?2 AND version NOT IN \
         (SELECT flow_version FROM runs WHERE flow = ?1 AND status = 'running')",
    )?
    .execute(params![flow.id, flow.version - VERSIONS])?;
    Ok(())
}

/// Deletes a flow. Its runs and the versions that they need stay.
pub fn delete(tx: &Tx<'_>, id: &str) -> Result<bool, StoreError> {
    let gone = tx
        .prepare_cached("DELETE FROM flows WHERE id = ?1")?
        .execute([id])?;
    tx.prepare_cached(
        "DELETE FROM flow_versions WHERE flow = ?1 AND version NOT IN (SELECT flow_version FROM runs WHERE flow = ?1)",
    )?
    .execute([id])?;
    Ok(gone == 1)
}

pub fn get(connection: &Connection, org: &str, id: &str) -> Result<Option<FlowRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM flows WHERE id = ?1 AND org = ?2");
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([id, org], read)
        .optional()?)
}

/// One version of a flow's document, even if the flow was deleted.
pub fn version(
    connection: &Connection,
    flow: &str,
    version: i64,
) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT body FROM flow_versions WHERE flow = ?1 AND version = ?2")?
        .query_row(params![flow, version], |row| row.get(0))
        .optional()?)
}

/// One page of an organisation's flows sorted by name, and the total number of its flows.
pub fn list(
    connection: &Connection,
    org: &str,
    limit: usize,
    offset: usize,
) -> Result<(Vec<FlowRow>, usize), StoreError> {
    let total: i64 = connection
        .prepare_cached("SELECT count(*) FROM flows WHERE org = ?1")?
        .query_row([org], |row| row.get(0))?;
    let sql =
        format!("SELECT {COLUMNS} FROM flows WHERE org = ?1 ORDER BY name LIMIT ?2 OFFSET ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let (limit, offset) = (
        i64::try_from(limit).unwrap_or(i64::MAX),
        i64::try_from(offset).unwrap_or(i64::MAX),
    );
    let rows = statement.query_map(params![org, limit, offset], read)?;
    let rows = rows.collect::<Result<_, _>>()?;
    Ok((rows, usize::try_from(total).unwrap_or(0)))
}

/// The number of flows of all organisations.
pub fn count(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM flows")?
        .query_row([], |row| row.get(0))?)
}

/// The enabled flows of an organisation, oldest first.
pub fn enabled(connection: &Connection, org: &str) -> Result<Vec<FlowRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM flows WHERE org = ?1 AND enabled ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([org], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The enabled flows of all organisations.
pub fn all_enabled(connection: &Connection) -> Result<Vec<FlowRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM flows WHERE enabled ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A number that changes with every change of an organisation's flows, so that compiled flows can be cached; 0 if it has none.
pub fn stamp(connection: &Connection, org: &str) -> Result<i64, StoreError> {
    let stamp = connection
        .prepare_cached("SELECT stamp FROM flow_stamps WHERE org = ?1")?
        .query_row([org], |row| row.get(0))
        .optional()?;
    Ok(stamp.unwrap_or(0))
}

/// Sets the stamp to a number that was never used before, so that a rolled back change and a later one never share a stamp.
pub fn set_stamp(tx: &Tx<'_>, org: &str, stamp: i64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR REPLACE INTO flow_stamps (org, stamp) VALUES (?1, ?2)")?
        .execute(params![org, stamp])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<FlowRow> {
    Ok(FlowRow {
        id: row.get(0)?,
        org: row.get(1)?,
        name: row.get(2)?,
        enabled: row.get(3)?,
        version: row.get(4)?,
        created: Timestamp::from_millis(row.get(5)?),
        modified: Timestamp::from_millis(row.get(6)?),
        body: row.get(7)?,
    })
}
