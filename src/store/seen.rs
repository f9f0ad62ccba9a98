//! Ids of messages that vendors have delivered to the platform, to recognise a message that is sent again.

use rusqlite::{OptionalExtension, params};

use super::{StoreError, Tx};

/// Ids that are stored for each sender. Senders retry for some days, and a local platform does not get this many messages in a day.
const KEPT: i64 = 20_000;

/// Stores the id of a message from a vendor to an organisation. Returns `false` if the id is already stored.
pub fn note(tx: &Tx<'_>, org: &str, vendor: &str, id: &str) -> Result<bool, StoreError> {
    // Names of vendors contain no slash, so two senders never share a key.
    let sender = format!("{vendor}/{org}");
    let sql = "INSERT INTO seen (sender, id, n)
         VALUES (?1, ?2, (SELECT coalesce(max(n), 0) + 1 FROM seen WHERE sender = ?1))
         ON CONFLICT (sender, id) DO NOTHING RETURNING n";
    let added: Option<i64> = tx
        .prepare_cached(sql)?
        .query_row(params![sender, id], |row| row.get(0))
        .optional()?;
    if let Some(n) = added {
        tx.prepare_cached("DELETE FROM seen WHERE sender = ?1 AND n <= ?2")?
            .execute(params![sender, n - KEPT])?;
    }
    Ok(added.is_some())
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Store};
    use super::*;

    #[test]
    fn an_id_is_new_once_for_each_vendor_and_organisation() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let noted = store.write_blocking::<_, StoreError, _>(|tx| {
            Ok([
                note(tx, "a", "stripe", "evt_1")?,
                note(tx, "a", "stripe", "evt_1")?,
                note(tx, "a", "paypal", "evt_1")?,
                note(tx, "b", "stripe", "evt_1")?,
            ])
        });
        assert_eq!(noted.unwrap(), [true, false, true, true]);
    }

    #[test]
    fn the_oldest_ids_of_a_sender_are_deleted_and_those_of_others_are_not() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let found = store.write_blocking::<_, StoreError, _>(|tx| {
            note(tx, "a", "stripe", "evt_1")?;
            for n in 0..KEPT + 5 {
                note(tx, "a", "banking", &n.to_string())?;
            }
            let sql = "SELECT count(*) FROM seen WHERE sender = 'banking/a'";
            let kept: i64 = tx.query_row(sql, [], |row| row.get(0))?;
            Ok((kept, note(tx, "a", "stripe", "evt_1")?))
        });
        assert_eq!(found.unwrap(), (KEPT, false));
    }
}
