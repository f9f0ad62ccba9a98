//! The queue `billing`: counts the messages and calls of an organisation, and writes an invoice on the first day of the next month (UTC).
//!
//! AppEngine's documentation says "usage rollup and invoicing". What is counted and the form of the invoice are evt's own choice; the
//! prices are not known, so an invoice has quantities and no amounts.
//!
//! The first message plans the job, which holds the counts. So a platform that sends nothing has no job.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Datelike, Months};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::model::Draft;
use super::{State, queues};
use crate::backoff::Retry;
use crate::flow::Cause;
use crate::store::work::{self, NewWork, Work};
use crate::store::{StoreError, Tx};
use crate::time::Timestamp;
use crate::work::WorkError;

/// The queue of the jobs.
pub(super) const BILLING: &str = "billing";
/// The name of the jobs: there is one for each organisation at most.
const INVOICE: &str = "invoice";
/// The start of their keys.
const PREFIX: &str = "billing:";
/// The datatype of invoices.
const DATATYPE: &str = "invoice";

/// What was sent for an organisation since its last invoice: the data of a job.
#[derive(Debug, Serialize, Deserialize)]
struct Usage {
    org: String,
    /// When the first message was sent.
    from: Timestamp,
    /// The recipients by channel.
    sent: BTreeMap<String, u64>,
}

/// Counts a message or call in the commit that sends it, and plans the invoice if it is the first one.
pub(super) fn count(
    tx: &Tx<'_>,
    org: &str,
    channel: &str,
    recipients: usize,
) -> Result<(), StoreError> {
    let key = format!("{PREFIX}{}:{org}:", org.len());
    let waiting = work::with_prefix(tx, &key)?;
    let counted = waiting
        .first()
        .and_then(|(_, data)| serde_json::from_str::<Usage>(data).ok());
    let is_counted = counted.is_some();
    let mut usage = counted.unwrap_or_else(|| Usage {
        org: org.to_owned(),
        from: tx.now(),
        sent: BTreeMap::new(),
    });
    *usage.sent.entry(channel.to_owned()).or_default() += recipients as u64;
    let data = serde_json::to_string(&usage).expect("usage is texts and numbers");
    match is_counted {
        true => work::replace_data(tx, &key, &data),
        false => plan(tx, key, data),
    }
}

/// Plans the invoices from the new time, because the clock was set back.
pub(super) fn plan_again(tx: &Tx<'_>) -> Result<(), StoreError> {
    let jobs = work::with_prefix(tx, PREFIX)?;
    jobs.into_iter()
        .try_for_each(|(key, data)| plan(tx, key, data))
}

fn plan(tx: &Tx<'_>, key: String, data: String) -> Result<(), StoreError> {
    let job = NewWork {
        key: Some(key),
        retry: Retry::bullmq(Duration::from_secs(1), 3, 0),
        ..NewWork::new(BILLING, INVOICE, data, next_month(tx.now()))
    };
    work::enqueue(tx, &job).map(|_| ())
}

/// Writes the invoice of a due job.
pub(super) fn consume(state: &State, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
    let usage: Usage = serde_json::from_str(&work.data)
        .map_err(|error| WorkError::Permanent(format!("its data is not usage: {error}")))?;
    let lines = usage.sent.iter();
    let lines = lines.map(|(channel, quantity)| json!({"item": channel, "quantity": quantity}));
    let data = json!({
        "from": usage.from,
        "until": tx.now(),
        "lines": lines.collect::<Value>(),
        "quantity": usage.sent.values().sum::<u64>(),
    });
    let draft = Draft {
        datatype: DATATYPE.to_owned(),
        data: data.as_object().cloned().unwrap_or_default(),
        ..Draft::default()
    };
    let (written, _) = state.repository.request(0, || {
        let cause = Cause::default();
        state.repository.add(tx, &usage.org, draft, &cause)
    });
    written.map(|_| ()).map_err(queues::failed)
}

/// The first day of the next month, at midnight UTC.
fn next_month(now: Timestamp) -> Timestamp {
    let next = DateTime::from_timestamp_millis(now.millis()).and_then(|now| {
        let first = now.date_naive().with_day(1)?;
        let next = first.checked_add_months(Months::new(1))?;
        Some(next.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
    });
    next.map_or(now, Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_is_due_on_the_first_day_of_the_next_month() {
        for (now, expected) in [
            ("2030-01-31T23:59:59.999Z", "2030-02-01T00:00:00.000Z"),
            ("2030-02-01T00:00:00.000Z", "2030-03-01T00:00:00.000Z"),
            ("2030-12-15T12:00:00.000Z", "2031-01-01T00:00:00.000Z"),
        ] {
            let next = next_month(now.parse().unwrap());
            assert_eq!(next.to_string(), expected);
        }
    }
}
