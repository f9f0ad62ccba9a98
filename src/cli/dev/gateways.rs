//! `evt dev push` and `evt dev cut`: send events to the clients of gateways, and break their connections.

use serde_json::{Value, json};

use super::super::Context;
use super::ask::control;
use crate::error::{CliError, Exit};
use crate::ui::Format;

/// Push an event to the clients of a gateway
///
/// All clients of the namespace receive it, unless --to-org or --room selects some. A list counts as one argument.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt dev push chat message '{\"chatId\":\"chat-1\",\"message\":\"Hello\"}'\n  evt dev push community-chat newMessage --room team '{\"content\":\"Lunch?\"}'"
)]
pub(super) struct Push {
    /// The namespace: chat, community-chat or voice
    #[arg(value_name = "NAMESPACE")]
    namespace: String,
    /// The event's name
    #[arg(value_name = "EVENT")]
    event: String,
    /// Its data
    #[arg(value_name = "JSON", value_parser = json_text, default_value = "{}")]
    data: Value,
    /// Only to clients of this organisation
    #[arg(long, value_name = "ORG")]
    to_org: Option<String>,
    /// Only to clients in this chat or group
    #[arg(long, value_name = "NAME")]
    room: Option<String>,
}

/// Break the connections of the gateways
///
/// Clients reconnect by themselves, as after a network failure. With a namespace, the server disconnects clients only from it, and they
/// do not reconnect.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt dev cut\n  evt dev cut chat")]
pub(super) struct Cut {
    /// The namespace: chat, community-chat or voice
    #[arg(value_name = "NAMESPACE")]
    namespace: Option<String>,
}

fn json_text(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

impl Push {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let order = json!({
            "namespace": self.namespace,
            "event": self.event,
            "data": self.data,
            "org": self.to_org,
            "room": self.room,
        });
        let answer = control(cx)?.post("/_evt/gateways/emit", &order).await?;
        print_count(&answer, "sent", "Sent to", cx)?;
        if let Some(lost @ 1..) = answer["lost"].as_u64() {
            cx.ui.warn(&format!(
                "{lost} clients did not receive it because their buffers are full"
            ));
        }
        Ok(Exit::Done)
    }
}

impl Cut {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let order = json!({ "namespace": self.namespace });
        let answer = control(cx)?.post("/_evt/gateways/cut", &order).await?;
        print_count(&answer, "cut", "Disconnected", cx)?;
        Ok(Exit::Done)
    }
}

/// Prints the number of clients in an answer.
fn print_count(answer: &Value, field: &str, what: &str, cx: &Context) -> Result<(), CliError> {
    match cx.ui.format() {
        Format::Text => {
            let count = answer[field].as_u64().unwrap_or_default();
            let clients = if count == 1 { "client" } else { "clients" };
            cx.ui.line(&format!("{what} {count} {clients}"))?;
        }
        Format::Json | Format::Raw => cx.ui.json(answer)?,
    }
    Ok(())
}
