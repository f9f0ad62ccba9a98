//! Settings of the platform: switches, and the secrets of its data directory.

use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, Tx};

/// A setting's value.
pub fn get(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

/// Sets a value, and replaces an earlier one.
pub fn set(tx: &Tx<'_>, name: &str, value: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.prepare_cached(sql)?.execute(params![name, value])?;
    Ok(())
}

/// The stored value. If there is none, stores and returns the value that `make` creates.
pub fn get_or_set(
    tx: &Tx<'_>,
    name: &str,
    make: impl FnOnce() -> String,
) -> Result<String, StoreError> {
    if let Some(value) = get(tx, name)? {
        return Ok(value);
    }
    let value = make();
    set(tx, name, &value)?;
    Ok(value)
}

/// All settings whose name starts with `prefix`.
pub fn starting_with(
    connection: &Connection,
    prefix: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let sql =
        "SELECT name, value FROM settings WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Store};
    use super::*;

    #[test]
    fn an_existing_value_is_not_created_again() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let value = store.write_blocking::<_, StoreError, _>(|tx| {
            get_or_set(tx, "secret", || "first".to_owned())?;
            get_or_set(tx, "secret", || "second".to_owned())
        });
        assert_eq!(value.unwrap(), "first");
    }

    #[test]
    fn settings_are_listed_by_prefix() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        store
            .write_blocking::<_, StoreError, _>(|tx| {
                set(tx, "set.b", "2")?;
                set(tx, "set.b", "3")?;
                set(tx, "secret", "x")
            })
            .unwrap();
        let found = store.read_blocking(|c| starting_with(c, "set.")).unwrap();
        assert_eq!(found, [("set.b".to_owned(), "3".to_owned())]);
    }
}
