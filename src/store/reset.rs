//! Forgetting everything that a platform has gathered, at once.

use super::{StoreError, Tx};

/// Empties every table but `settings`, because a data directory keeps its secrets and switches, and `owners`, because engines go on. Numbers of events and jobs go on
/// where they were, so that a reference from before the reset never names something else.
pub fn wipe(tx: &Tx<'_>) -> Result<(), StoreError> {
    let tables: Vec<String> = tx
        .prepare(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('settings', 'owners') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        // Names of our own schema; a name cannot be a parameter.
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
    fn records_go_and_secrets_stay() {
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
