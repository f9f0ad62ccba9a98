//! The queue `escalation`: tickets that stay open for longer than the setting `escalation.after` are escalated.
//!
//! AppEngine's documentation says "SLA-based ticket escalation". What is escalated and how is evt's own choice: the age of a record
//! of datatype `ticket`, and a higher `data.priority`, `data.escalated` and the event `ticket.escalated`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::repository::Edit;
use super::{State, planned, queues, settings};
use crate::backoff::Retry;
use crate::flow::{Cause, NewEvent, RecordError};
use crate::store::work::{NewWork, Work};
use crate::store::{StoreError, Tx, records};
use crate::time::Timestamp;
use crate::work::WorkError;

/// The queue of the jobs. Also the first part of their keys.
pub(super) const ESCALATION: &str = "escalation";
/// The name of the jobs.
const ESCALATE: &str = "escalate";
/// The datatype of records that are escalated.
const DATATYPE: &str = "ticket";
/// The event that an escalation raises.
const ESCALATED: &str = "ticket.escalated";
/// States of a closed ticket.
const CLOSED_STATES: [&str; 5] = ["completed", "rejected", "cancelled", "archived", "deleted"];
/// Values of `data.status` of a closed ticket, in lower case.
const CLOSED: [&str; 7] = [
    "closed",
    "resolved",
    "solved",
    "done",
    "completed",
    "cancelled",
    "rejected",
];

/// The data of a job.
#[derive(Debug, Serialize, Deserialize)]
struct Ticket {
    org: String,
    sk: String,
}

/// Plans the escalation of a ticket that was written. A closed or escalated one has none.
pub(super) fn plan(tx: &Tx<'_>, org: &str, model: &Map<String, Value>) -> Result<(), StoreError> {
    if text(model, "datatype") != DATATYPE {
        return Ok(());
    }
    let sk = text(model, "sk");
    let at = match begins(model) {
        // A ticket that is newer than the clock, which was set back, counts from now.
        Some(begins) => Some(begins.min(tx.now()).plus(settings::escalation_after(tx)?)),
        None => None,
    };
    let job = at.map(|at| {
        let ticket = Ticket {
            org: org.to_owned(),
            sk: sk.to_owned(),
        };
        let data = serde_json::to_string(&ticket).expect("a ticket is texts");
        NewWork {
            retry: Retry::bullmq(Duration::from_secs(1), 3, 0),
            ..NewWork::new(ESCALATION, ESCALATE, data, at)
        }
    });
    planned::replace(tx, &planned::prefix(ESCALATION, org, sk), job)
}

/// Plans the escalation of all tickets, because the clock was set back or the setting has changed.
pub(super) fn plan_again(tx: &Tx<'_>) -> Result<(), StoreError> {
    planned::again(tx, DATATYPE, plan)
}

/// Removes the job of a record that was deleted.
pub(super) fn remove(tx: &Tx<'_>, org: &str, datatype: &str, sk: &str) -> Result<(), StoreError> {
    match datatype == DATATYPE {
        true => planned::replace(tx, &planned::prefix(ESCALATION, org, sk), None),
        false => Ok(()),
    }
}

/// Escalates a ticket, unless it is closed or escalated already.
pub(super) fn consume(state: &State, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
    let ticket: Ticket = serde_json::from_str(&work.data)
        .map_err(|error| WorkError::Permanent(format!("its data is not a ticket: {error}")))?;
    let body = records::body(tx, &ticket.org, DATATYPE, &ticket.sk)?;
    let model = body.and_then(|body| serde_json::from_str::<Map<String, Value>>(&body).ok());
    let Some(model) = model.filter(|model| begins(model).is_some()) else {
        return Ok(());
    };
    let (escalated, _) = state
        .repository
        .request(0, || escalate(state, tx, &ticket, &model));
    escalated.map_err(queues::failed)
}

fn escalate(
    state: &State,
    tx: &Tx<'_>,
    ticket: &Ticket,
    model: &Map<String, Value>,
) -> Result<(), RecordError> {
    let mut changes = Map::new();
    changes.insert("data.escalated".to_owned(), true.into());
    changes.insert("data.escalatedAt".to_owned(), json!(tx.now()));
    if let Some(priority) = higher(model.get("data").and_then(|data| data.get("priority"))) {
        changes.insert("data.priority".to_owned(), priority.into());
    }
    let cause = Cause::default();
    let edit = Edit::Partial(changes);
    let repository = &state.repository;
    let record = repository.edit(tx, &ticket.org, Some(DATATYPE), &ticket.sk, edit, &cause)?;
    let event = NewEvent {
        org: ticket.org.clone(),
        kind: ESCALATED.to_owned(),
        data: record,
        before: None,
        cause,
    };
    repository.emit(tx, event)?;
    Ok(())
}

/// When the age of an open ticket begins: its creation, or its last escalation if a user has taken that back.
fn begins(model: &Map<String, Value>) -> Option<Timestamp> {
    let data = model.get("data")?.as_object()?;
    let status = text(data, "status").to_ascii_lowercase();
    let is_closed =
        CLOSED_STATES.contains(&text(model, "state")) || CLOSED.contains(&status.as_str());
    if is_closed || data.get("escalated") == Some(&Value::Bool(true)) {
        return None;
    }
    let last = text(data, "escalatedAt").parse().ok();
    last.or_else(|| text(model, "createdate").parse().ok())
}

/// The next higher priority; `None` if it is unknown or the highest.
fn higher(priority: Option<&Value>) -> Option<&'static str> {
    let Some(priority) = priority.filter(|priority| !priority.is_null()) else {
        return Some("high");
    };
    match priority.as_str()?.to_ascii_lowercase().as_str() {
        "low" => Some("medium"),
        "medium" | "normal" => Some("high"),
        "high" => Some("urgent"),
        _ => None,
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(state: &str, data: Value) -> Map<String, Value> {
        let model = json!({"createdate": "2030-01-01T00:00:00.000Z", "state": state, "data": data});
        model.as_object().unwrap().clone()
    }

    #[test]
    fn closed_and_escalated_tickets_are_not_escalated() {
        for (state, data) in [
            ("completed", json!({})),
            ("deleted", json!({"status": "open"})),
            ("new", json!({"status": "Closed"})),
            ("new", json!({"status": "resolved"})),
            ("new", json!({"escalated": true})),
        ] {
            assert_eq!(begins(&ticket(state, data.clone())), None, "{state} {data}");
        }
    }

    #[test]
    fn the_age_of_a_ticket_begins_at_its_creation_or_last_escalation() {
        let begin = |data| begins(&ticket("new", data)).unwrap().to_string();
        assert_eq!(begin(json!({})), "2030-01-01T00:00:00.000Z");
        let again = json!({"escalated": false, "escalatedAt": "2030-01-02T00:00:00.000Z"});
        assert_eq!(begin(again), "2030-01-02T00:00:00.000Z");
    }

    #[test]
    fn an_escalation_raises_the_priority_by_one_level() {
        for (priority, expected) in [
            (json!(null), Some("high")),
            (json!("Low"), Some("medium")),
            (json!("normal"), Some("high")),
            (json!("high"), Some("urgent")),
            (json!("urgent"), None),
            (json!(3), None),
        ] {
            assert_eq!(higher(Some(&priority)), expected, "{priority}");
        }
    }
}
