//! The flags of `evt flows create` for schedules, waits, and the texts of notifications and calls.

use serde_json::{Map, Value, json};

use super::actions::{Actions, Notice};
use crate::flow::notify::addresses;
use crate::grammar::quantity::Span;

/// Subject of an e-mail without `--subject`.
pub(super) const DEFAULT_SUBJECT: &str = "{{event.event}}";
/// Text of a notification without `--body`.
pub(super) const DEFAULT_BODY: &str = "{{event.event}} at {{event.timestamp}}";

/// Triggers and steps of a flow, apart from events and actions.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Steps {
    /// Start the flow by clock: a cron expression such as '0 9 * * MON', or an interval such as 15m
    #[arg(long, value_name = "CRON|SPAN", conflicts_with_all = ["file", "at"])]
    pub(super) every: Option<String>,
    /// Start the flow once at this time: 2026-12-24T09:00
    #[arg(long, value_name = "TIME", conflicts_with = "file")]
    pub(super) at: Option<String>,
    /// Time zone of --every and --at: Europe/Berlin [default: that of the machine that runs the platform]
    #[arg(long, value_name = "ZONE", conflicts_with = "file")]
    pub(super) tz: Option<String>,
    /// Wait this long before the first action: 30s, 2h, 3d
    #[arg(long, value_name = "SPAN", conflicts_with = "file")]
    pub(super) after: Option<Span>,
    /// Subject of the notifications; placeholders such as {{contact.firstName}} are replaced
    #[arg(long, value_name = "TEXT", requires = "notify")]
    pub(super) subject: Option<String>,
    /// Text of the notifications and calls
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    pub(super) body: Option<String>,
    /// No trigger: only `evt flows execute` starts the flow
    #[arg(long, conflicts_with_all = ["file", "on", "every", "at"])]
    pub(super) manual: bool,
}

impl Steps {
    /// Whether none of the flags is given.
    pub(super) fn is_empty(&self) -> bool {
        !self.starts() && self.after.is_none() && self.tz.is_none() && self.body.is_none()
    }

    /// The flag that has no effect without another one, and that one.
    pub(super) fn without_effect(&self, actions: &Actions) -> Option<(&'static str, &'static str)> {
        if self.tz.is_some() && self.every.is_none() && self.at.is_none() {
            return Some(("--tz", "--every or --at"));
        }
        (self.body.is_some() && !actions.has_text()).then_some(("--body", "--notify or --call"))
    }

    /// Whether the flow starts by clock or by hand.
    pub(super) fn starts(&self) -> bool {
        self.every.is_some() || self.at.is_some() || self.manual
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

    pub(super) fn notification(&self, notice: &Notice) -> Value {
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
        let is_email = notice.channel == "email";
        let subject = self.subject.as_deref();
        if let Some(subject) = subject.or(is_email.then_some(DEFAULT_SUBJECT)) {
            config.insert("subject".to_owned(), json!(subject));
        }
        let body = self.body.as_deref().unwrap_or(DEFAULT_BODY);
        config.insert("body".to_owned(), json!(body));
        json!({"type": "send_notification", "config": config})
    }

    pub(super) fn call(&self, number: &str) -> Value {
        let mut config = json!({ "to": number });
        if let Some(body) = &self.body {
            config["message"] = json!(body);
        }
        json!({"type": "make_call", "config": config})
    }

    /// When the flow starts, for its name.
    pub(super) fn start(&self) -> Option<String> {
        let every = self.every.as_ref().map(|every| format!("every {every}"));
        let at = || self.at.as_ref().map(|at| format!("at {at}"));
        every
            .or_else(at)
            .or_else(|| self.manual.then(|| "by hand".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
