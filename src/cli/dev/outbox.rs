//! `evt dev outbox`.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::super::Context;
use super::ask::control;
use crate::error::{CliError, Exit};
use crate::flow::notify::CHANNELS;
use crate::store::outbox::Message;
use crate::ui::{Format, Style, safe, safe_block};

/// Show the notifications and phone calls that the platform has "sent"
///
/// Nothing leaves the machine. With `evt dev --smtp HOST:PORT`, e-mails are also delivered to that server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt dev outbox\n  evt dev outbox list --channel sms\n  evt dev outbox show 3\n  evt dev outbox clear"
)]
pub(super) struct Outbox {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List messages, newest last
    List(List),
    /// Show one message with its text
    Show {
        /// The number of the message
        id: i64,
    },
    /// Delete all messages
    Clear,
}

#[derive(Debug, Default, clap::Args)]
struct List {
    /// Only messages of this channel
    #[arg(long, value_parser = channels())]
    channel: Option<String>,
    /// Only messages whose recipient contains this text
    #[arg(long, value_name = "TEXT")]
    to: Option<String>,
    /// Show the latest N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: Option<u16>,
}

fn channels() -> PossibleValuesParser {
    PossibleValuesParser::new(CHANNELS.into_iter().chain(["call"]))
}

impl Outbox {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        match self.command {
            None => List::default().run(cx).await,
            Some(Command::List(list)) => list.run(cx).await,
            Some(Command::Show { id }) => show(id, cx).await,
            Some(Command::Clear) => {
                let cleared = control(cx)?
                    .post("/_evt/outbox/clear", &Value::Null)
                    .await?;
                match cx.ui.format() {
                    Format::Text => {
                        let count = cleared["cleared"].as_u64().unwrap_or_default();
                        let plural = if count == 1 { "" } else { "s" };
                        cx.ui.status(&format!("deleted {count} message{plural}"));
                    }
                    Format::Json | Format::Raw => cx.ui.json(&cleared)?,
                }
                Ok(Exit::Done)
            }
        }
    }
}

impl List {
    fn query(&self) -> String {
        let mut query = format!("limit={}", self.limit.unwrap_or(50));
        for (name, value) in [("channel", &self.channel), ("to", &self.to)] {
            if let Some(value) = value {
                query.push_str(&format!(
                    "&{name}={}",
                    utf8_percent_encode(value, NON_ALPHANUMERIC)
                ));
            }
        }
        query
    }

    async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let path = format!("/_evt/outbox?{}", self.query());
        let mut listed = control(cx)?.get(&path).await?;
        let messages = match listed["messages"].take() {
            Value::Array(messages) => messages,
            _ => Vec::new(),
        };
        if cx.ui.format() != Format::Text {
            for message in &messages {
                cx.ui.json(message)?;
            }
            return Ok(Exit::Done);
        }
        if messages.is_empty() {
            cx.ui
                .status("No messages. Flows with `send_notification`, campaigns, and sign-ins with a code or link send some");
            return Ok(Exit::Done);
        }
        let rows = messages
            .into_iter()
            .filter_map(|message| serde_json::from_value(message).ok())
            .map(|message| row(&message));
        cx.ui.table(
            &["ID", "SENT", "CHANNEL", "TO", "SUBJECT OR TEXT", "SMTP"],
            rows.collect(),
        )?;
        Ok(Exit::Done)
    }
}

fn row(message: &Message) -> Vec<String> {
    let text = message.subject.as_deref().unwrap_or(&message.body);
    let first = text.lines().next().unwrap_or_default();
    vec![
        message.id.to_string(),
        message.sent_at.local(),
        message.channel.clone(),
        message.to.join(", "),
        first.chars().take(60).collect(),
        message.smtp.clone().unwrap_or_default(),
    ]
}

async fn show(id: i64, cx: &Context) -> Result<Exit, CliError> {
    let found = control(cx)?.get(&format!("/_evt/outbox/{id}")).await?;
    if cx.ui.format() == Format::Json {
        cx.ui.json(&found)?;
        return Ok(Exit::Done);
    }
    let message: Message = serde_json::from_value(found)
        .map_err(|error| CliError::new(Exit::Refused, "not_a_message", error.to_string()))?;
    if cx.ui.format() == Format::Raw {
        cx.ui.line(&message.body)?;
        return Ok(Exit::Done);
    }
    let fields = [
        ("channel", Some(message.channel)),
        ("sent", Some(message.sent_at.local_with_offset())),
        ("from", message.from),
        ("to", Some(message.to.join(", "))),
        (
            "cc",
            Some(message.cc.join(", ")).filter(|cc| !cc.is_empty()),
        ),
        (
            "bcc",
            Some(message.bcc.join(", ")).filter(|bcc| !bcc.is_empty()),
        ),
        ("subject", message.subject),
        ("because of", message.cause),
        ("event", message.event),
        ("smtp", message.smtp),
        ("error", message.error),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let name = cx.ui.paint(Style::Dim, &format!("{name:<11}"));
            cx.ui.line(&format!("{name} {}", safe(&value)))?;
        }
    }
    cx.ui.line("")?;
    cx.ui
        .line(&safe_block(message.body.as_bytes()).to_string())?;
    Ok(Exit::Done)
}
