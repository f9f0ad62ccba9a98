//! The queue `notification`: puts notifications and phone calls into the outbox, and raises an event for each.

use serde_json::{Value, json};

use super::failed;
use crate::dev::appengine::{State, billing};
use crate::flow::notify::{CALL, Notification};
use crate::flow::{Cause, NewEvent, RecordStore};
use crate::store::Tx;
use crate::store::outbox::{self, NewMessage};
use crate::store::work::Work;
use crate::work::WorkError;

/// The datatypes of records that can be templates. A template is found by its id or name.
const TEMPLATES: [&str; 4] = [
    "template",
    "email_template",
    "sms_template",
    "notification_template",
];

/// Sends a notification, and continues the run that waits for it.
pub(super) fn consume(state: &State, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
    let mut notification: Notification = serde_json::from_str(&work.data).map_err(|error| {
        WorkError::Permanent(format!("its data is not a notification: {error}"))
    })?;
    if let Some(name) = &notification.template {
        let record = template(state, tx, &notification.org, name)?;
        let record = record.ok_or_else(|| {
            let all = TEMPLATES.join("`, `");
            WorkError::Failed(format!("there is no record `{name}` of datatype `{all}`"))
        })?;
        notification.fill(&record).map_err(WorkError::Failed)?;
    }
    notification.check().map_err(WorkError::Permanent)?;
    let is_call = work.name == CALL;
    let body = match (notification.body.take(), is_call) {
        (Some(body), _) => body,
        (None, true) => String::new(),
        (None, false) => return Err(WorkError::Failed("the notification has no body".to_owned())),
    };
    let mut data = json!({
        "channel": notification.channel,
        "to": notification.to,
        "body": body,
    });
    for (name, value) in [
        ("from", &notification.from),
        ("subject", &notification.subject),
        ("cause", &notification.cause),
    ] {
        if let Some(value) = value {
            data[name] = value.as_str().into();
        }
    }
    let (kind, datatype) = match is_call {
        true => ("call.outgoing", "call"),
        false => ("notification.sent", "notification"),
    };
    let event = NewEvent {
        org: notification.org.clone(),
        kind: kind.to_owned(),
        data: json!({"sk": format!("{datatype}-{}", work.id), "datatype": datatype, "data": data}),
        before: None,
        cause: Cause {
            event: work.event,
            depth: notification.depth.max(1),
        },
    };
    let seq = state.repository.emit(tx, event)?;
    let by_smtp = notification.channel == "email" && state.host.sends_mail;
    let message = NewMessage {
        org: notification.org,
        channel: notification.channel,
        recipients: notification.to,
        copies: notification.cc,
        blind_copies: notification.bcc,
        sender: notification.from,
        subject: notification.subject,
        body,
        cause: notification.cause,
        event: Some(seq),
        by_smtp,
    };
    let id = outbox::insert(tx, &message)?;
    let recipients = [&message.recipients, &message.copies, &message.blind_copies];
    let recipients = recipients.iter().map(|list| list.len()).sum();
    billing::count(tx, &message.org, &message.channel, recipients)?;
    let output = json!({"messageId": id, "channel": message.channel, "to": message.recipients});
    Ok(state.flows.done(tx, &*state.repository, work, output)?)
}

/// The template with this id or name.
fn template(state: &State, tx: &Tx<'_>, org: &str, name: &str) -> Result<Option<Value>, WorkError> {
    let records: &dyn RecordStore = &*state.repository;
    for datatype in TEMPLATES {
        if let Some(found) = records.get(tx, org, datatype, name).map_err(failed)? {
            return Ok(Some(found));
        }
        let query = json!({"$or": [{"name": name}, {"data.name": name}]});
        let ids = records.find(tx, org, datatype, &query, 1).map_err(failed)?;
        if let Some(id) = ids.first() {
            return records.get(tx, org, datatype, id).map_err(failed);
        }
    }
    Ok(None)
}
