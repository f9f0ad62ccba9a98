//! The hashes of passwords, by the record of their user or customer. No record, event or export contains them.

use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, Tx};

/// Stores the hash of a record's password, and replaces an existing one.
pub fn set(tx: &Tx<'_>, org: &str, datatype: &str, sk: &str, hash: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO passwords (org, datatype, sk, hash) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET hash = excluded.hash";
    tx.prepare_cached(sql)?
        .execute(params![org, datatype, sk, hash])?;
    Ok(())
}

/// Deletes the hash of a record's password, if it has one.
pub fn remove(tx: &Tx<'_>, org: &str, datatype: &str, sk: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM passwords WHERE org = ?1 AND datatype = ?2 AND sk = ?3";
    tx.prepare_cached(sql)?
        .execute(params![org, datatype, sk])?;
    Ok(())
}

/// The hash of a record's password.
pub fn get(
    connection: &Connection,
    org: &str,
    datatype: &str,
    sk: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT hash FROM passwords WHERE org = ?1 AND datatype = ?2 AND sk = ?3";
    Ok(connection
        .prepare_cached(sql)?
        .query_row(params![org, datatype, sk], |row| row.get(0))
        .optional()?)
}

/// Records of users and customers that contain a password, from before hashes existed: organisation and BaseModel.
pub fn unprotected(connection: &Connection) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT org, body FROM records WHERE datatype IN ('user', 'customer')
         AND json_type(body, '$.data.password') IS NOT NULL";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
