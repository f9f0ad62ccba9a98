//! How AppEngine writes an event: the body of its webhooks, and `endpoint.disabled`.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::deliver::DisabledEndpoint;
use crate::envelope::appengine;
use crate::event::Meta;
use crate::flow::{Cause, EventFormat, NewEvent};
use crate::time::Timestamp;

/// How AppEngine writes its webhooks.
pub struct AppEngineFormat;

impl EventFormat for AppEngineFormat {
    fn user_agent(&self) -> &'static str {
        "AppEngine (evt dev)"
    }

    fn encode(&self, event: &NewEvent, now: Timestamp) -> (Bytes, Meta) {
        encode(event, now)
    }
}

fn encode(event: &NewEvent, now: Timestamp) -> (Bytes, Meta) {
    let time = seconds(now);
    let data = event.data.to_string();
    let body = appengine::encode(&event.kind, &event.org, &time, &data);
    // The data is the last member.
    let end = body.len() - 1;
    let range = end - data.len()..end;
    let subject = event.data.get("sk").and_then(Value::as_str);
    let meta = Meta {
        kind: Some(event.kind.clone()),
        id: None,
        system: Some(super::NAME.to_owned()),
        org: Some(event.org.clone()),
        subject: subject.map(str::to_owned),
        time: Some(time),
        data: Some(range),
    };
    (body.into(), meta)
}

/// AppEngine writes the time of a webhook in whole seconds.
fn seconds(now: Timestamp) -> String {
    let mut time = Timestamp::from_secs(now.secs()).to_string();
    if let Some(point) = time.find('.') {
        time.replace_range(point..time.len() - 1, "");
    }
    time
}

/// The event that reports a disabled endpoint.
pub(super) fn endpoint_disabled(org: &str, endpoint: &DisabledEndpoint) -> NewEvent {
    let record = json!({
        "sk": format!("endpoint-{}", endpoint.url),
        "datatype": "endpoint",
        "data": {
            "url": endpoint.url,
            "reason": endpoint.reason,
            "disabledAt": endpoint.at,
            "failingSince": endpoint.failing_since,
        },
    });
    NewEvent {
        org: org.to_owned(),
        kind: "endpoint.disabled".to_owned(),
        data: record,
        before: None,
        cause: Cause::default(),
    }
}
