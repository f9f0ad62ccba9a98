//! The outbox: notifications and phone calls that the platform has "sent", and the delivery of mails by SMTP.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{StoreError, Tx};
use crate::event::{PlatformRef, Seq};
use crate::time::Timestamp;

/// Messages that are kept. The oldest are deleted.
const MAX_MESSAGES: i64 = 10_000;

/// Bytes of bodies and addresses that are kept. The oldest messages are deleted.
const MAX_BYTES: i64 = 64 << 20;
/// A list ends with the message that makes its bodies larger than this.
const MAX_PAGE: usize = 8 << 20;

/// A message to put into the outbox.
#[derive(Clone, Debug, Default)]
pub struct NewMessage {
    pub org: String,
    pub channel: String,
    pub recipients: Vec<String>,
    pub copies: Vec<String>,
    pub blind_copies: Vec<String>,
    pub sender: Option<String>,
    pub subject: Option<String>,
    pub body: String,
    /// What it belongs to, such as the id of a run or a campaign.
    pub cause: Option<String>,
    pub event: Option<Seq>,
    /// Deliver it by SMTP.
    pub by_smtp: bool,
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: i64,
    pub org: String,
    pub channel: String,
    pub sent_at: Timestamp,
    pub to: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub bcc: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub body: String,
    /// The run or campaign that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The event that it raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// `waiting`, `delivered` or `failed`; absent if it is not delivered by SMTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Message {
    /// The id in the header `Message-ID` of a mail, without brackets. It is the same in each attempt.
    pub fn message_id(&self) -> String {
        format!("{}.{}@evt.local", self.id, self.sent_at.millis())
    }
}

/// Selects messages.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub channel: Option<String>,
    /// A part of a recipient's address.
    pub to: Option<String>,
    pub cause: Option<String>,
    pub limit: usize,
}

/// States of the delivery by SMTP.
const WAITS: i64 = 1;
const DELIVERED: i64 = 2;
const GIVEN_UP: i64 = 3;

const COLUMNS: &str = "id, org, channel, sent_at, recipients, copies, sender, subject, body, cause, event_seq, smtp, error, blind";

/// Adds a message, dated by the store's clock, and returns its id.
pub fn insert(tx: &Tx<'_>, message: &NewMessage) -> Result<i64, StoreError> {
    let list = |addresses: &[String]| {
        serde_json::to_string(addresses).expect("a list of texts is valid JSON")
    };
    // Retries of SMTP count in real time: the other program's clock is not the platform's.
    let [to, cc, bcc] = [&message.recipients, &message.copies, &message.blind_copies]
        .map(|addresses| list(addresses));
    let size = to.len() + cc.len() + bcc.len() + message.body.len();
    let before: Option<i64> = tx
        .prepare_cached("SELECT total FROM outbox ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let total = before
        .unwrap_or(0)
        .saturating_add(i64::try_from(size).unwrap_or(i64::MAX));
    let retry_at = message.by_smtp.then(|| Timestamp::now().millis());
    tx.prepare_cached(
        "INSERT INTO outbox (org, channel, sent_at, recipients, copies, sender, subject, body, cause, event_seq, smtp, retry_at, blind, total) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        message.org,
        message.channel,
        tx.now().millis(),
        to,
        cc,
        message.sender,
        message.subject,
        message.body,
        message.cause,
        message.event.map(|seq| seq.0),
        i64::from(message.by_smtp),
        retry_at,
        bcc,
        total,
    ])?;
    let id = tx.last_insert_rowid();
    trim(tx, id, total)?;
    Ok(id)
}

/// Deletes the oldest messages beyond the limits. The newest one stays, whatever its size.
fn trim(tx: &Tx<'_>, newest: i64, total: i64) -> Result<(), StoreError> {
    loop {
        let (oldest, up_to): (i64, i64) = tx
            .prepare_cached("SELECT id, total FROM outbox ORDER BY id LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let fits = newest - oldest < MAX_MESSAGES && total - up_to < MAX_BYTES;
        if fits || oldest == newest {
            return Ok(());
        }
        tx.prepare_cached("DELETE FROM outbox WHERE id = ?1")?
            .execute([oldest])?;
    }
}

/// The newest messages that match, oldest first.
pub fn list(db: &Connection, filter: &Filter) -> Result<Vec<Message>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM outbox WHERE (?1 IS NULL OR channel = ?1) \
         AND (?2 IS NULL OR instr(lower(recipients || copies || blind), lower(?2)) > 0) AND (?3 IS NULL OR cause = ?3) \
         ORDER BY id DESC LIMIT ?4"
    );
    let mut select = db.prepare_cached(&sql)?;
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let rows = select.query_map(
        params![filter.channel, filter.to, filter.cause, limit],
        read,
    )?;
    let (mut messages, mut bytes) = (Vec::new(), 0);
    for message in rows {
        let message = message?;
        bytes += message.body.len();
        messages.push(message);
        if bytes > MAX_PAGE {
            break;
        }
    }
    messages.reverse();
    Ok(messages)
}

pub fn get(db: &Connection, id: i64) -> Result<Option<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1");
    Ok(db.prepare_cached(&sql)?.query_row([id], read).optional()?)
}

/// The number of messages with this cause.
pub fn count_of(db: &Connection, cause: &str) -> Result<i64, StoreError> {
    Ok(db
        .prepare_cached("SELECT count(*) FROM outbox WHERE cause = ?1")?
        .query_row([cause], |row| row.get(0))?)
}

/// Deletes all messages and returns how many.
pub fn clear(tx: &Tx<'_>) -> Result<usize, StoreError> {
    Ok(tx.prepare_cached("DELETE FROM outbox")?.execute([])?)
}

/// The next mail for SMTP whose time has come at `now`, in real time, with the number of attempts so far.
pub fn next_mail(db: &Connection, now: Timestamp) -> Result<Option<(Message, u32)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, tries FROM outbox WHERE smtp = {WAITS} AND retry_at <= ?1 ORDER BY retry_at, id LIMIT 1"
    );
    Ok(db
        .prepare_cached(&sql)?
        .query_row([now.millis()], |row| Ok((read(row)?, row.get(14)?)))
        .optional()?)
}

/// When the next mail for SMTP is due, in real time.
pub fn next_mail_at(db: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = format!("SELECT min(retry_at) FROM outbox WHERE smtp = {WAITS}");
    let at: Option<i64> = db.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
    Ok(at.map(Timestamp::from_millis))
}

/// Stores that a mail was delivered.
pub fn delivered(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE outbox SET smtp = {DELIVERED}, tries = tries + 1, retry_at = NULL, error = NULL WHERE id = ?1"
    );
    tx.prepare_cached(&sql)?.execute([id])?;
    Ok(())
}

/// Stores a failed attempt. The mail is tried again at `again`, or given up if that is `None`.
pub fn not_delivered(
    tx: &Tx<'_>,
    id: i64,
    error: &str,
    again: Option<Timestamp>,
) -> Result<(), StoreError> {
    let state = if again.is_some() { WAITS } else { GIVEN_UP };
    tx.prepare_cached(
        "UPDATE outbox SET smtp = ?2, tries = tries + 1, retry_at = ?3, error = ?4 WHERE id = ?1",
    )?
    .execute(params![id, state, again.map(Timestamp::millis), error])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    let list = |index: usize| {
        let text: String = row.get(index)?;
        Ok::<_, rusqlite::Error>(serde_json::from_str(&text).unwrap_or_default())
    };
    Ok(Message {
        id: row.get(0)?,
        org: row.get(1)?,
        channel: row.get(2)?,
        sent_at: Timestamp::from_millis(row.get(3)?),
        to: list(4)?,
        cc: list(5)?,
        from: row.get(6)?,
        subject: row.get(7)?,
        body: row.get(8)?,
        cause: row.get(9)?,
        event: row
            .get::<_, Option<i64>>(10)?
            .map(|seq| PlatformRef(Seq(seq)).to_string()),
        smtp: match row.get::<_, i64>(11)? {
            WAITS => Some("waiting".to_owned()),
            DELIVERED => Some("delivered".to_owned()),
            GIVEN_UP => Some("failed".to_owned()),
            _ => None,
        },
        error: row.get(12)?,
        bcc: list(13)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Store};
    use super::*;

    fn store_with(many: usize, bytes: usize) -> Store {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let put: Result<(), StoreError> = store.write_blocking(move |tx| {
            let message = NewMessage {
                body: "x".repeat(bytes),
                ..NewMessage::default()
            };
            (0..many).try_for_each(|_| insert(tx, &message).map(|_| ()))
        });
        put.unwrap();
        store
    }

    fn ids(store: &Store) -> Vec<i64> {
        let filter = Filter {
            limit: usize::MAX,
            ..Filter::default()
        };
        let found: Result<_, StoreError> = store.read_blocking(move |db| list(db, &filter));
        found.unwrap().iter().map(|message| message.id).collect()
    }

    #[test]
    fn the_oldest_messages_are_deleted_beyond_the_count() {
        let many = usize::try_from(MAX_MESSAGES).unwrap() + 5;
        let ids = ids(&store_with(many, 0));
        assert_eq!((ids.len(), ids[0]), (many - 5, 6));
    }

    #[test]
    fn the_oldest_messages_are_deleted_beyond_the_bytes() {
        let store = store_with(70, 1 << 20);
        let kept: Result<_, StoreError> =
            store.read_blocking(|db| (1..=70).map(|id| Ok(get(db, id)?.is_some())).collect());
        let kept: Vec<bool> = kept.unwrap();
        assert_eq!(kept.iter().position(|is_kept| *is_kept), Some(6));
    }

    #[test]
    fn a_list_of_large_messages_ends_at_the_newest_and_is_bounded() {
        let ids = ids(&store_with(20, 1 << 20));
        assert!(ids.len() < 10 && ids.last() == Some(&20), "{ids:?}");
    }
}
