//! Events that runs wait for, found by event and subject.

use rusqlite::{Connection, params};

use super::{StoreError, Tx};

/// A wait that an event may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The job that ends the wait at its time limit.
    pub job: i64,
    pub run: String,
    /// Index of the wait in the log of the run.
    pub entry: u32,
}

/// Stores that `job` ends early with any of these events about any of these subjects.
pub fn insert(
    tx: &Tx<'_>,
    job: i64,
    org: &str,
    events: &[&str],
    subjects: &[String],
) -> Result<(), StoreError> {
    let mut insert = tx.prepare_cached(
        "INSERT OR IGNORE INTO waits (org, event, subject, job) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for event in events {
        for subject in subjects {
            insert.execute(params![org, event, subject, job])?;
        }
    }
    Ok(())
}

/// Deletes a wait.
pub fn remove(tx: &Tx<'_>, job: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM waits WHERE job = ?1")?
        .execute([job])?;
    Ok(())
}

/// Whether any run of the organisation waits for the event.
pub fn any(db: &Connection, org: &str, event: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM waits WHERE org = ?1 AND event = ?2 LIMIT 1";
    Ok(db.prepare_cached(sql)?.exists([org, event])?)
}

/// The waits for an event about one of the subjects, oldest first.
pub fn matching(
    db: &Connection,
    org: &str,
    event: &str,
    subjects: &[String],
) -> Result<Vec<Waiting>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT w.job, j.run_id, j.step FROM waits w JOIN jobs j ON j.id = w.job \
         WHERE w.org = ?1 AND w.event = ?2 AND w.subject = ?3 AND j.run_id IS NOT NULL AND j.step IS NOT NULL",
    )?;
    let mut found: Vec<Waiting> = Vec::new();
    for subject in subjects {
        let rows = select.query_map([org, event, subject], |row| {
            Ok(Waiting {
                job: row.get(0)?,
                run: row.get(1)?,
                entry: row.get(2)?,
            })
        })?;
        for waiting in rows {
            let waiting = waiting?;
            if !found.contains(&waiting) {
                found.push(waiting);
            }
        }
    }
    found.sort_by_key(|waiting| waiting.job);
    Ok(found)
}
