//! The body of AppEngine's `send_webhook` action: `{event, orgId, timestamp, data: {sk, datatype, data}}`.

use super::root::Field;
use super::{BorrowedMeta, Input};
use crate::json;

pub(super) fn read<'a>(input: &Input<'a>) -> Option<BorrowedMeta<'a>> {
    let root = input.root.as_ref()?;
    let (kind, org, data) = (
        root.text(Field::Event)?,
        root.text(Field::OrgId)?,
        root.raw(Field::Data)?,
    );
    Some(BorrowedMeta {
        kind: Some(kind),
        id: input.delivery_id(),
        system: Some("appengine"),
        org: Some(org),
        subject: json::Raw::new(data)
            .member("sk")
            .and_then(json::Raw::as_str),
        time: root.text(Field::Timestamp),
        data: input.range_of(data),
        ..BorrowedMeta::default()
    })
}

/// Writes a webhook body with its members in the documented order. `data` must be JSON and is inserted as it is.
pub fn encode(event: &str, org: &str, timestamp: &str, data: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(data.len() + event.len() + org.len() + timestamp.len() + 64);
    for (before, text) in [
        ("{\"event\":", event),
        (",\"orgId\":", org),
        (",\"timestamp\":", timestamp),
    ] {
        body.extend_from_slice(before.as_bytes());
        serde_json::to_writer(&mut body, text).expect("writing text to memory cannot fail");
    }
    body.extend_from_slice(b",\"data\":");
    body.extend_from_slice(data.as_bytes());
    body.push(b'}');
    body
}
