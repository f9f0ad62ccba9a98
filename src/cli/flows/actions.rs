//! The flags of `evt flows create` for headers, and for actions, which run in the order in which they are typed.

use std::str::FromStr;

use clap::error::Error;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};

use super::shown;
use crate::flow::notify::CHANNELS;
use crate::grammar::GrammarError;
use crate::secret;
use crate::ui::hidden_header;

/// Actions in the order of their flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions(pub(super) Vec<Action>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The target of a webhook.
    Webhook(String),
    Notify(Notice),
    /// A phone number to call.
    Call(String),
}

#[derive(Debug, clap::Args)]
struct Flags {
    /// Where to POST the event: 4871/hook, host:port, a URL; actions run in the order in which they are typed
    #[arg(long, value_name = "TARGET", conflicts_with = "file")]
    webhook: Option<String>,
    /// Send a notification: email, sms, whatsapp, push or inapp, with a recipient: email:ada@example.com (repeatable)
    #[arg(long, value_name = "CHANNEL[:TO]", conflicts_with = "file")]
    notify: Vec<Notice>,
    /// Call this phone number (repeatable)
    #[arg(long, value_name = "NUMBER", conflicts_with = "file")]
    call: Vec<String>,
}

impl Actions {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has_webhook(&self) -> bool {
        self.0
            .iter()
            .any(|action| matches!(action, Action::Webhook(_)))
    }

    /// Whether an action has a text: a notification or a call.
    pub(super) fn has_text(&self) -> bool {
        self.0
            .iter()
            .any(|action| !matches!(action, Action::Webhook(_)))
    }

    pub(super) fn has_email(&self) -> bool {
        let is_email =
            |action: &Action| matches!(action, Action::Notify(notice) if notice.channel == "email");
        self.0.iter().any(is_email)
    }
}

impl clap::Args for Actions {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}

impl FromArgMatches for Actions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        let positions = |flag: &str| -> Vec<usize> {
            // A target from a variable or a settings file comes first.
            let is_typed = matches.value_source(flag) == Some(ValueSource::CommandLine);
            let positions = matches.indices_of(flag).into_iter().flatten();
            positions
                .map(|position| if is_typed { position } else { 0 })
                .collect()
        };
        let [webhook, notify, call] = ["webhook", "notify", "call"].map(positions);
        let flags = Flags::from_arg_matches_mut(matches)?;
        let webhooks = flags.webhook.into_iter().map(Action::Webhook);
        let notices = flags.notify.into_iter().map(Action::Notify);
        let calls = flags.call.into_iter().map(Action::Call);
        let mut actions: Vec<(usize, Action)> = webhook
            .into_iter()
            .zip(webhooks)
            .chain(notify.into_iter().zip(notices))
            .chain(call.into_iter().zip(calls))
            .collect();
        actions.sort_by_key(|(position, _)| *position);
        Ok(Self(
            actions.into_iter().map(|(_, action)| action).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A channel and possibly recipients: `email:ada@example.com`, `sms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) channel: String,
    pub(super) to: Option<String>,
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

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.channel)?;
        match &self.to {
            Some(to) => write!(f, ":{to}"),
            None => Ok(()),
        }
    }
}

/// `Name: value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

impl Header {
    /// The header as it can be printed: a literal credential is masked.
    pub(super) fn shown(&self) -> String {
        let is_secret =
            hidden_header(&self.name.to_ascii_lowercase(), self.value.as_bytes()).is_some();
        match is_secret && !shown::is_reference(&self.value) {
            true => secret::masked_header(&format!("{}: ", self.name)),
            false => format!("{}: {}", self.name, self.value),
        }
    }
}

impl FromStr for Header {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let (name, value) = (name.trim(), value.trim());
        let is_valid = http::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && http::HeaderValue::from_str(value).is_ok();
        if !is_valid || !text.contains(':') {
            return Err(GrammarError {
                input: secret::masked_header(text),
                expected: "a header such as `X-Bridge-Secret: env:BRIDGE_SECRET`",
                at: None,
            });
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
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
    fn a_header_is_a_name_and_a_value() {
        for text in ["X-Secret", ": x", "X Y: z", "X: a\nb"] {
            assert!(text.parse::<Header>().is_err(), "{text:?}");
        }
        let error = "X Y: hunter2".parse::<Header>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
