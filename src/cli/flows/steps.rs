//! The flags of `evt flows create` for schedules, waits, notifications and calls.

use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::flow::notify::{CHANNELS, addresses};
use crate::grammar::GrammarError;
use crate::grammar::quantity::Span;

/// Triggers and steps of a flow, apart from events and webhooks.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Steps {
    /// Start the flow by clock: a cron expression such as '0 9 * * MON', or an interval such as 15m
    #[arg(long, value_name = "CRON|SPAN", conflicts_with_all = ["file", "at"])]
    every: Option<String>,
    /// Start the flow once at this time: 2026-12-24T09:00
    #[arg(long, value_name = "TIME", conflicts_with = "file")]
    at: Option<String>,
    /// Time zone of --every and --at: Europe/Berlin [default: that of the machine that runs the platform]
    #[arg(long, value_name = "ZONE", conflicts_with = "file")]
    tz: Option<String>,
    /// Wait this long before the first action: 30s, 2h, 3d
    #[arg(long, value_name = "SPAN", conflicts_with = "file")]
    after: Option<Span>,
    /// Send a notification: email, sms, whatsapp, push or inapp, with a recipient: email:ada@example.com (repeatable)
    #[arg(long, value_name = "CHANNEL[:TO]", conflicts_with = "file")]
    notify: Vec<Notice>,
    /// Subject of the notifications; placeholders such as {{contact.firstName}} are replaced
    #[arg(long, value_name = "TEXT", requires = "notify")]
    subject: Option<String>,
    /// Text of the notifications and calls
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    body: Option<String>,
    /// Call this phone number (repeatable)
    #[arg(long, value_name = "NUMBER", conflicts_with = "file")]
    call: Vec<String>,
}

/// A channel and possibly recipients: `email:ada@example.com`, `sms`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    channel: String,
    to: Option<String>,
}

impl FromStr for Notice {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (channel, to) = match text.split_once(':') {
            Some((channel, to)) => (channel, Some(to.trim().to_owned())),
            None => (text, None),
        };
        if !CHANNELS.contains(&channel) || to.as_ref().is_some_and(String::is_empty) {
            return Err(GrammarError::new(
                text,
                "email, sms, whatsapp, push or inapp, and a recipient: email:ada@example.com",
            ));
        }
        Ok(Self {
            channel: channel.to_owned(),
            to,
        })
    }
}

impl Steps {
    /// Whether none of the flags is given.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_scheduled()
            && !self.has_actions()
            && self.after.is_none()
            && self.without_effect().is_none()
    }

    /// The flag that has no effect without another one, and that one.
    pub(super) fn without_effect(&self) -> Option<(&'static str, &'static str)> {
        if self.tz.is_some() && !self.is_scheduled() {
            return Some(("--tz", "--every or --at"));
        }
        (self.body.is_some() && !self.has_actions()).then_some(("--body", "--notify or --call"))
    }

    pub(super) fn is_scheduled(&self) -> bool {
        self.every.is_some() || self.at.is_some()
    }

    pub(super) fn has_actions(&self) -> bool {
        !self.notify.is_empty() || !self.call.is_empty()
    }

    /// The scheduled trigger, if any.
    pub(super) fn trigger(&self) -> Option<Value> {
        let mut schedule = match (&self.every, &self.at) {
            (Some(every), _) => match every.parse::<Span>() {
                Ok(span) => json!({"type": "interval", "interval": span.to_string()}),
                Err(_) => json!({"type": "cron", "cronExpression": every}),
            },
            (None, Some(at)) => json!({"type": "once", "executeAt": at}),
            (None, None) => return None,
        };
        if let Some(zone) = &self.tz {
            schedule["timezone"] = json!(zone);
        }
        Some(json!({"type": "scheduled", "config": {"schedule": schedule}}))
    }

    /// The step before the actions, if any.
    pub(super) fn delay(&self) -> Option<Value> {
        let span = self.after?.to_string();
        Some(json!({"type": "delay", "config": {"duration": span}}))
    }

    /// The notifications and calls.
    pub(super) fn actions(&self) -> Vec<Value> {
        let notices = self.notify.iter().map(|notice| {
            let mut config = Map::new();
            config.insert("deliveryType".to_owned(), json!(notice.channel));
            if let Some(to) = &notice.to {
                let all = addresses(json!(to));
                let to = if all.len() == 1 {
                    json!(all[0])
                } else {
                    json!(all)
                };
                config.insert("to".to_owned(), to);
            }
            let subject = self
                .subject
                .clone()
                .or_else(|| (notice.channel == "email").then(|| "{{event.event}}".to_owned()));
            if let Some(subject) = subject {
                config.insert("subject".to_owned(), json!(subject));
            }
            let body = self
                .body
                .as_deref()
                .unwrap_or("{{event.event}} at {{event.timestamp}}");
            config.insert("body".to_owned(), json!(body));
            json!({"type": "send_notification", "config": config})
        });
        let calls = self.call.iter().map(|number| {
            let mut config = json!({ "to": number });
            if let Some(body) = &self.body {
                config["message"] = json!(body);
            }
            json!({"type": "make_call", "config": config})
        });
        notices.chain(calls).collect()
    }

    /// What the flow does, for its name.
    pub(super) fn name(&self) -> Option<String> {
        let notice = self.notify.first().map(|notice| match &notice.to {
            Some(to) => format!("{} to {to}", notice.channel),
            None => notice.channel.clone(),
        });
        notice.or_else(|| self.call.first().map(|number| format!("call {number}")))
    }

    /// When the flow starts, for its name.
    pub(super) fn start(&self) -> Option<String> {
        let every = self.every.as_ref().map(|every| format!("every {every}"));
        every.or_else(|| self.at.as_ref().map(|at| format!("at {at}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_has_a_channel_and_possibly_a_recipient() {
        let notice: Notice = "email:ada@example.com".parse().unwrap();
        assert_eq!(notice.to.as_deref(), Some("ada@example.com"));
        assert_eq!("sms".parse::<Notice>().unwrap().to, None);
        for bad in ["", "mail:a@b", "email:", "ada@example.com"] {
            assert!(bad.parse::<Notice>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_is_an_interval_or_a_cron_expression() {
        let trigger = |every: &str| {
            let every = Some(every.to_owned());
            Steps {
                every,
                ..Steps::default()
            }
            .trigger()
            .unwrap()["config"]["schedule"]
                .take()
        };
        assert_eq!(
            trigger("15m"),
            json!({"type": "interval", "interval": "15m"})
        );
        assert_eq!(
            trigger("0 9 * * MON"),
            json!({"type": "cron", "cronExpression": "0 9 * * MON"})
        );
    }
}
