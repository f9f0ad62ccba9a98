//! Steps that wait: for a time span, until a time, or for an event.

use std::time::Duration;

use serde_json::{Value, json};

use super::guard::Guard;
use super::placeholder::Template;
use super::reader::{DocumentError, Node};
use super::step::template;
use super::trigger::fields_of;
use crate::catalogue;
use crate::grammar::quantity;
use crate::time::{Timestamp, seconds_of};

/// The longest wait (that of Inngest, rounded up).
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
/// How long a wait for an event lasts without a `timeout`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The events that are a reply of a contact.
const REPLIES: [&str; 2] = ["sms.received", "email.replied"];

/// What a step waits for.
#[derive(Clone, Debug)]
pub enum Wait {
    For(Duration),
    /// A time, possibly of a placeholder.
    Until(Template),
    Event(Box<Awaited>),
}

/// An event that a run waits for.
#[derive(Clone, Debug)]
pub struct Awaited {
    pub(super) events: Vec<&'static str>,
    pub(super) guard: Guard,
    pub(super) timeout: Duration,
}

impl Wait {
    /// Compiles the `config` of the action `name`.
    pub(super) fn compile(name: &str, config: &Node<'_>) -> Result<Self, DocumentError> {
        match name {
            "wait_for_event" => Ok(Self::Event(Box::new(Awaited::compile(
                config,
                awaited_names(&config.need("event")?)?,
            )?))),
            "wait_for_reply" => Ok(Self::Event(Box::new(Awaited::compile(
                config,
                REPLIES.to_vec(),
            )?))),
            _ => match config.any(&["until", "executeAt"]) {
                Some(until) => Self::until(&until),
                None => Ok(Self::For(delay(config)?)),
            },
        }
    }

    fn until(node: &Node<'_>) -> Result<Self, DocumentError> {
        let until = template(node)?;
        if until.is_constant() && Timestamp::parse_local(node.text()?).is_none() {
            return Err(node.bad("a time such as `2026-12-24T09:00`, or a placeholder"));
        }
        Ok(Self::Until(until))
    }
}

impl Awaited {
    fn compile(config: &Node<'_>, events: Vec<&'static str>) -> Result<Self, DocumentError> {
        let timeout = match config.get("timeout") {
            Some(timeout) => delay(&timeout)?,
            None => DEFAULT_TIMEOUT,
        };
        Ok(Self {
            events,
            guard: Guard::compile(config)?,
            timeout,
        })
    }
}

/// The events of a name: its own and those of the trigger type with that name.
fn awaited_names(node: &Node<'_>) -> Result<Vec<&'static str>, DocumentError> {
    let trigger =
        catalogue::find_trigger(node.text()?).map_err(|source| DocumentError::UnknownName {
            at: node.at.clone(),
            source,
        })?;
    Ok(trigger.events())
}

/// Reads a time span: `{duration: 3, unit: "days"}`, `{value: 3, unit: "days"}`, `"3d"`, or a number of minutes.
pub(super) fn delay(node: &Node<'_>) -> Result<Duration, DocumentError> {
    let (count, unit) = if node.value.is_object() {
        let count = match node.any(&["duration", "value", "delay"]) {
            Some(count) => count,
            None => node.need("duration")?,
        };
        (count, node.get("unit"))
    } else {
        (node.clone(), None)
    };
    const EXPECTED: &str = "a time span up to 366 days, such as `3d`";
    let span = match (count.value.as_str(), unit) {
        (Some(text), None) => span(text),
        (None, None) => Duration::try_from_secs_f64(count.number()? * 60.0).ok(),
        (_, Some(unit)) => amount(count.number()?, &unit)?,
    };
    span.filter(|span| *span <= LONGEST)
        .ok_or_else(|| count.bad(EXPECTED))
}

/// `90s`, `15m`, `2h`, `3d`, `1w`.
pub(super) fn span(text: &str) -> Option<Duration> {
    text.trim().parse::<quantity::Span>().ok().map(Into::into)
}

/// A number of units; `None` if it is negative or too large.
pub(super) fn amount(count: f64, unit: &Node<'_>) -> Result<Option<Duration>, DocumentError> {
    const EXPECTED: &str = "`seconds`, `minutes`, `hours`, `days` or `weeks`";
    let seconds = seconds_of(unit.text()?).ok_or_else(|| unit.bad(EXPECTED))?;
    Ok(Duration::try_from_secs_f64(count * seconds).ok())
}

/// The time that a rendered `until` names.
pub(super) fn until(value: &Value) -> Result<Timestamp, String> {
    let found = match value {
        Value::Number(millis) => millis.as_i64().map(Timestamp::from_millis),
        Value::String(text) => Timestamp::parse_local(text),
        _ => None,
    };
    found.ok_or_else(|| format!("`until` is not a time: {value}"))
}

/// What identifies the subject of an event for waits: ids of its record and of its contact, and the e-mail address.
///
/// An event continues a wait of a run if both have one of these in common.
pub(super) fn subjects(data: &Value) -> Vec<String> {
    let fields = fields_of(data);
    let mut found: Vec<String> = Vec::new();
    let mut add = |value: Option<&Value>| {
        if let Some(text) = value.and_then(Value::as_str) {
            let text = text.trim().to_lowercase();
            if !text.is_empty() && text.len() <= 320 && !found.contains(&text) {
                found.push(text);
            }
        }
    };
    for key in ["sk", "id"] {
        add(data.get(key));
    }
    for key in [
        "contactId",
        "customerId",
        "email",
        "customerEmail",
        "phone",
        "from",
    ] {
        add(fields.get(key));
    }
    for key in ["sk", "id", "email"] {
        add(fields.get("contact").and_then(|contact| contact.get(key)));
    }
    found
}

/// The output of a wait that an event ended.
pub(super) fn received(kind: &str, data: &Value) -> Value {
    json!({"received": true, "timedOut": false, "event": {"type": kind, "data": data}})
}

/// The output of a wait whose time has passed.
pub(super) fn timed_out() -> Value {
    json!({"received": false, "timedOut": true})
}
