//! Ids of what senders have delivered: a message that comes again is known by its own.

use rusqlite::params;

use super::{StoreError, Tx};

/// Ids that are remembered. Senders repeat within days, and this many come in no day.
const KEPT: i64 = 20_000;

/// Notes an id; `false` when this sender has used it before.
pub fn note(tx: &Tx<'_>, sender: &str, id: &str) -> Result<bool, StoreError> {
    let sql = "INSERT OR IGNORE INTO seen (sender, id) VALUES (?1, ?2)";
    let is_new = tx.prepare_cached(sql)?.execute(params![sender, id])? > 0;
    if is_new {
        let oldest = tx.last_insert_rowid() - KEPT;
        tx.prepare_cached("DELETE FROM seen WHERE n <= ?1")?
            .execute([oldest])?;
    }
    Ok(is_new)
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Store};
    use super::*;

    #[test]
    fn an_id_is_new_once_for_each_sender() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let noted = store.write_blocking::<_, StoreError, _>(|tx| {
            Ok([
                note(tx, "stripe", "evt_1")?,
                note(tx, "stripe", "evt_1")?,
                note(tx, "paypal", "evt_1")?,
            ])
        });
        assert_eq!(noted.unwrap(), [true, false, true]);
    }

    #[test]
    fn only_so_many_ids_are_remembered() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let count = store.write_blocking::<_, StoreError, _>(|tx| {
            for n in 0..KEPT + 5 {
                note(tx, "stripe", &n.to_string())?;
            }
            let sql = "SELECT count(*) FROM seen";
            Ok(tx.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(count.unwrap(), KEPT);
    }
}
