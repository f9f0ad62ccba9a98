//! Deletes all data of a platform.

use super::{StoreError, Tx};

/// Empties all tables except `settings`, because the data directory keeps its secrets and switches, and `owners`, because the
/// engines are still running. Ids of events and jobs are not reused, so that an old reference never names a new event.
pub fn wipe(tx: &Tx<'_>) -> Result<(), StoreError> {
    let tables: Vec<String> = tx
        .prepare(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('settings', 'owners') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        // The names come from evt's own schema. SQL does not allow the name of a table to be a parameter.
        tx.execute(&format!("DELETE FROM \"{table}\""), [])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::records::{self, Row, Span};
    use super::super::{Kind, Store, settings};
    use super::*;

    #[test]
    fn a_wipe_deletes_records_and_keeps_secrets() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let row = Row {
            org: "o",
            datatype: "contact",
            sk: "a",
            version: 1,
            state: "new",
            createdate: 1,
            modifydate: 1,
            body: "{}",
        };
        let count = store.write_blocking::<_, StoreError, _>(move |tx| {
            records::insert(tx, &row)?;
            settings::set(tx, "secret", "x")?;
            wipe(tx)?;
            records::count(tx, "o", "contact", Span::ALL)
        });
        assert_eq!(count.unwrap(), 0);
        let secret = store.read_blocking(|c| settings::get(c, "secret")).unwrap();
        assert_eq!(secret.as_deref(), Some("x"));
    }
}
