//! The chain of causes of a delivery: the events that led to its run, the first one first.

use serde_json::{Value, json};

use crate::event::PlatformRef;
use crate::store::{Connection, StoreError, events, flows, runs};

/// Maximum number of causes in the chain.
const LONGEST: usize = 30;

/// `{run, flow, status, events: [{ref, type, system, transport, received_at, verified}…]}`, the first cause first.
pub(super) fn of(connection: &Connection, run: &str) -> Result<Option<Value>, StoreError> {
    let Some(row) = runs::get(connection, run)? else {
        return Ok(None);
    };
    let mut links = Vec::new();
    let mut next = row.event;
    while let Some(seq) = next
        && links.len() < LONGEST
        && let Some(event) = events::get(connection, seq)?
    {
        links.push(json!({
            "ref": PlatformRef(seq).to_string(),
            "type": event.meta.kind,
            "id": event.meta.id,
            "system": event.meta.system,
            "transport": event.transport.as_str(),
            "received_at": event.received_at,
            "verified": event.verdict.map(|verdict| verdict.ok),
        }));
        next = events::cause(connection, seq)?.and_then(|(cause, _)| cause);
    }
    links.reverse();
    let flow = flows::get(connection, &row.org, &row.flow)?;
    Ok(Some(json!({
        "run": row.id,
        "flow": flow.map_or(row.flow, |flow| flow.name),
        "status": row.status,
        "events": links,
    })))
}
