//! Steps that notify someone: e-mail, SMS, WhatsApp, push, in-app messages, and phone calls.
//!
//! A step adds a job to the queue `notification`. Its consumer is the platform's.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::context::Subject;
use super::executor::Executor;
use super::placeholder::Template;
use super::reader::{DocumentError, Node};
use super::run::bounded;
use super::step::template;
use super::trigger::fields_of;
use crate::backoff::Retry;
use crate::store::StoreError;
use crate::store::work::{self, NewWork};
use crate::time::Timestamp;

/// The queue of notifications and calls.
pub const NOTIFICATION: &str = "notification";
/// The name of a job that sends a notification.
pub const SEND: &str = "send";
/// The name of a job that makes a phone call.
pub const CALL: &str = "call";
/// The channels of `deliveryType`.
pub const CHANNELS: [&str; 5] = ["email", "sms", "whatsapp", "push", "inapp"];
/// Recipients of one notification at most.
const MAX_RECIPIENTS: usize = 100;
/// Bytes of a body at most.
const MAX_BODY: usize = 256 * 1024;

/// A notification or call as its job holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    pub org: String,
    /// One of [`CHANNELS`], or `call`.
    pub channel: String,
    pub to: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The id or name of a record with `subject` and `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The values of the template's placeholders.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub variables: Value,
    /// The run or campaign that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Number of events in the chain before it.
    #[serde(default)]
    pub depth: u32,
}

impl Notification {
    /// The job that sends it. It is tried three times, as BullMQ does.
    pub fn job(&self, run_at: Timestamp) -> NewWork {
        let name = if self.channel == "call" { CALL } else { SEND };
        let data = serde_json::to_string(self).expect("a notification is texts and JSON");
        NewWork {
            retry: Retry::bullmq(Duration::from_secs(1), 3, 0),
            ..NewWork::new(NOTIFICATION, name, data, run_at)
        }
    }

    /// Checks addresses and lengths. `Err` says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.to.is_empty() {
            return Err("it has no recipient: give `to`".to_owned());
        }
        let all = || {
            self.to
                .iter()
                .chain(&self.cc)
                .chain(&self.bcc)
                .chain(&self.from)
        };
        if all().count() > MAX_RECIPIENTS {
            return Err(format!("it has more than {MAX_RECIPIENTS} recipients"));
        }
        if let Some(bad) = all().find(|address| !is_address(&self.channel, address)) {
            let shown: String = bad.chars().take(80).collect();
            return Err(format!(
                "`{}` is not an address for {}",
                shown.escape_debug(),
                self.channel
            ));
        }
        let is_long =
            |text: &Option<String>, most| text.as_ref().is_some_and(|text| text.len() > most);
        if is_long(&self.subject, 998) || is_long(&self.body, MAX_BODY) {
            return Err("its subject or body is too long".to_owned());
        }
        if self
            .subject
            .as_ref()
            .is_some_and(|text| text.contains(['\r', '\n']))
        {
            return Err("its subject has more than one line".to_owned());
        }
        Ok(())
    }

    /// Fills in the fields of a template record, with its placeholders replaced.
    pub fn fill(&mut self, record: &Value) -> Result<(), String> {
        let fields = fields_of(record);
        let render = |names: &[&str]| -> Result<Option<String>, String> {
            let Some(text) = names.iter().find_map(|name| fields.get(*name)?.as_str()) else {
                return Ok(None);
            };
            let template = Template::compile(&Value::from(text))
                .map_err(|error| format!("the template is not valid: {error}"))?;
            Ok(Some(
                template.render_text(&self.variables, &mut Vec::new())?,
            ))
        };
        let subject = render(&["subject", "title"])?;
        let body = render(&["body", "content", "html", "text", "message"])?;
        self.subject = self.subject.take().or(subject);
        self.body = self.body.take().or(body);
        Ok(())
    }
}

/// An address must not break out of a header or a list.
fn is_address(channel: &str, address: &str) -> bool {
    let is_plain = !address.is_empty()
        && address.len() <= 320
        && !address
            .chars()
            .any(|c| c.is_control() || matches!(c, ',' | ';' | '<' | '>' | '"'));
    match channel {
        "email" => {
            let parts = address.rsplit_once('@');
            is_plain
                && !address.contains(' ')
                && parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        }
        "sms" | "whatsapp" | "call" => {
            let number = address.strip_prefix("whatsapp:").unwrap_or(address);
            is_plain
                && number.chars().any(|c| c.is_ascii_digit())
                && number
                    .chars()
                    .all(|c| c.is_ascii_digit() || " +-()./".contains(c))
        }
        _ => is_plain,
    }
}

/// A compiled step.
#[derive(Clone, Debug)]
pub struct Notify {
    channel: Template,
    /// Rendered when the step runs.
    fields: Vec<(&'static str, Template)>,
    /// The time of a scheduled call.
    at: Option<Template>,
}

impl Notify {
    /// Compiles `config` of the action `name`, spelled `spelling` in the document.
    pub(super) fn compile(
        name: &str,
        spelling: &str,
        config: &Node<'_>,
    ) -> Result<Self, DocumentError> {
        let is_call = name != "send_notification";
        let channel = match (is_call, config.any(&["deliveryType", "channel"])) {
            (true, _) => Template::Constant("call".into()),
            (false, Some(node)) => template(&node)?,
            (false, None) => match spelling.replace('-', "_").strip_prefix("send_") {
                Some(channel) if CHANNELS.contains(&channel) => Template::Constant(channel.into()),
                _ => {
                    return Err(config
                        .need("deliveryType")
                        .err()
                        .unwrap_or_else(|| config.bad("an object")));
                }
            },
        };
        if let Template::Constant(Value::String(text)) = &channel
            && !is_call
            && !CHANNELS.contains(&text.as_str())
            && let Some(node) = config.any(&["deliveryType", "channel"])
        {
            return Err(node.bad("`email`, `sms`, `whatsapp`, `push` or `inapp`"));
        }
        let mut fields = Vec::new();
        for (field, keys) in FIELDS {
            if let Some(node) = config.any(keys) {
                fields.push((field, template(&node)?));
            }
        }
        let has = |name: &str| fields.iter().any(|(field, _)| *field == name);
        if !is_call && !has("body") && !has("template") {
            config.need("body")?;
        }
        let at = match name {
            "schedule_call" => {
                let node = config.need("scheduledFor")?;
                let at = template(&node)?;
                if at.is_constant() && Timestamp::parse_local(node.text()?).is_none() {
                    return Err(node.bad("a time such as `2026-12-24T09:00`, or a placeholder"));
                }
                Some(at)
            }
            _ => None,
        };
        Ok(Self {
            channel,
            fields,
            at,
        })
    }
}

/// The fields of a notification, and their names in `config`.
const FIELDS: [(&str, &[&str]); 7] = [
    ("to", &["to", "recipient", "recipients", "phone"]),
    ("cc", &["cc"]),
    ("bcc", &["bcc"]),
    ("from", &["from"]),
    ("subject", &["subject", "title"]),
    ("body", &["body", "message", "content", "text", "script"]),
    ("template", &["templateId", "template"]),
];

impl Executor<'_> {
    /// Adds the job of a notification or call. Returns whether the run waits for it; `Err` inside is why the step fails.
    pub(super) fn notify(&mut self, notify: &Notify) -> Result<Result<bool, String>, StoreError> {
        let mut notification = match self.notification(notify) {
            Ok(notification) => notification,
            Err(reason) => return Ok(Err(reason)),
        };
        let now = self.commit.tx.now();
        let at = match &notify.at {
            None => None,
            Some(at) => match self.time(at) {
                Ok(at) => Some(at),
                Err(reason) => return Ok(Err(reason)),
            },
        };
        let mut input = serde_json::to_value(&notification).unwrap_or_default();
        if let Some(fields) = input.as_object_mut() {
            for name in ["org", "cause", "depth"] {
                fields.shift_remove(name);
            }
        }
        if notification.template.is_some() {
            notification.variables = self.variables().clone();
        }
        self.entry().input = Some(bounded(input));
        let mut job = notification.job(at.unwrap_or(now));
        job.event = self.subject.seq;
        // A call at a later time does not hold up the run.
        if at.is_none() {
            let entry = u32::try_from(self.run.log.len() - 1).unwrap_or(u32::MAX);
            job.step = Some((self.run.row.id.clone(), entry));
        }
        let id = work::enqueue(self.commit.tx, &job)?;
        self.entry().job = Some(id);
        if let Some(at) = at {
            self.entry().output = Some(json!({"scheduledFor": at, "job": id}));
        }
        Ok(Ok(at.is_none()))
    }

    /// Renders a notification.
    pub(super) fn notification(&mut self, notify: &Notify) -> Result<Notification, String> {
        let channel = text_of(self.render(&notify.channel)?).unwrap_or_default();
        let mut rendered: Map<String, Value> = Map::new();
        for (name, template) in &notify.fields {
            let value = self.render(template)?;
            rendered.insert((*name).to_owned(), value);
        }
        let mut take = |name: &str| rendered.shift_remove(name).unwrap_or_default();
        let mut to = addresses(take("to"));
        if to.is_empty() {
            to.extend(own_address(self.subject, &channel));
        }
        let notification = Notification {
            org: self.subject.event.org.clone(),
            to,
            cc: addresses(take("cc")),
            bcc: addresses(take("bcc")),
            from: text_of(take("from")),
            subject: text_of(take("subject")),
            body: text_of(take("body")),
            template: text_of(take("template")),
            variables: Value::Null,
            cause: Some(self.run.row.id.clone()),
            depth: self.subject.event.cause.depth + 1,
            channel,
        };
        if notification.channel != "call" && !CHANNELS.contains(&notification.channel.as_str()) {
            let shown: String = notification.channel.chars().take(40).collect();
            return Err(format!("`{}` is not a delivery type", shown.escape_debug()));
        }
        notification.check()?;
        Ok(notification)
    }
}

/// The address of the run's contact.
fn own_address(subject: &Subject, channel: &str) -> Option<String> {
    let fields = fields_of(&subject.event.data);
    let key = match channel {
        "email" => "email",
        "sms" | "whatsapp" | "call" => "phone",
        _ => return subject.record_id(),
    };
    fields.get(key)?.as_str().map(str::to_owned)
}

/// Addresses of a list, or of a text with commas.
pub fn addresses(value: Value) -> Vec<String> {
    let texts = match value {
        Value::String(text) => text.split([',', ';']).map(str::to_owned).collect(),
        Value::Array(items) => items.into_iter().filter_map(text_of).collect(),
        Value::Number(number) => vec![number.to_string()],
        _ => Vec::new(),
    };
    let texts = texts.into_iter().map(|text: String| text.trim().to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str) -> Notification {
        Notification {
            channel: "email".to_owned(),
            to: vec![to.to_owned()],
            ..Notification::default()
        }
    }

    #[test]
    fn an_address_cannot_break_out_of_its_header() {
        assert_eq!(mail("ada@example.com").check(), Ok(()));
        for bad in [
            "",
            "ada",
            "@",
            "a@",
            "ada@example.com\r\nBcc: x@y",
            "a@b, c@d",
            "Ada <a@b>",
            "a b@c",
        ] {
            assert!(mail(bad).check().is_err(), "{bad}");
        }
        let subject = Some("Hi\nBcc: x@y".to_owned());
        assert!(
            Notification {
                subject,
                ..mail("a@b")
            }
            .check()
            .is_err()
        );
        for (number, is_valid) in [("+49 (30) 123-45", true), ("none", false), ("12;34", false)] {
            let call = Notification {
                channel: "sms".to_owned(),
                ..mail(number)
            };
            assert_eq!(call.check().is_ok(), is_valid, "{number}");
        }
    }

    #[test]
    fn a_template_fills_what_the_notification_does_not_have() {
        let mut filled = Notification {
            subject: Some("Own".to_owned()),
            variables: json!({"contact": {"firstName": "Ada"}}),
            ..mail("a@b")
        };
        let record = json!({"data": {"subject": "Theirs", "body": "Hi {{contact.firstName}}"}});
        filled.fill(&record).unwrap();
        assert_eq!(
            (filled.subject.as_deref(), filled.body.as_deref()),
            (Some("Own"), Some("Hi Ada"))
        );
    }

    #[test]
    fn recipients_are_a_list_or_a_text_with_commas() {
        assert_eq!(addresses(json!("a@b, c@d;")), ["a@b", "c@d"]);
        assert_eq!(addresses(json!(["a@b", 7, null])), ["a@b", "7"]);
        assert_eq!(addresses(json!({})), Vec::<String>::new());
    }
}
