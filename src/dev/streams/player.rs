//! An agent at work: its steps become frames, at its own pace.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::log::{Entry, Log};
use super::script::{CustomEvent, Framing, Script, Step, Tool};
use crate::dev::sse;

/// Plays a script to its end, for a message.
pub(super) async fn play(script: Arc<Script>, message: String, log: Arc<Log>) {
    let mut player = Player {
        framing: &script.framing,
        pace: script.pace,
        message: &message,
        writer: sse::Writer::new(script.framing.line_end),
        last_id: 0,
        log: &log,
    };
    player.take(&script.steps).await;
    if script.ends {
        player.send(&json!({ "type": "end" })).await;
    }
    log.finish();
}

struct Player<'a> {
    framing: &'a Framing,
    pace: Duration,
    message: &'a str,
    writer: sse::Writer,
    last_id: u64,
    log: &'a Log,
}

impl Player<'_> {
    fn take<'a>(&'a mut self, steps: &'a [Step]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            for step in steps {
                tokio::task::consume_budget().await;
                match step {
                    Step::Say(text) => {
                        let content = text.replace("{message}", self.message);
                        self.send(&json!({ "type": "chunk", "content": content }))
                            .await;
                    }
                    Step::Delay(Some(delay)) => tokio::time::sleep(*delay).await,
                    Step::Delay(None) => std::future::pending().await,
                    Step::Tool(tool) => self.use_tool(tool).await,
                    Step::Error(message) => {
                        self.send(&json!({ "type": "error", "message": message }))
                            .await;
                    }
                    Step::Event(event) => self.event(event).await,
                    Step::Comment(text) => self.line("", text).await,
                    Step::Retry(millis) => self.line("retry", &millis.to_string()).await,
                    Step::Raw(text) => self.push(None, text.as_bytes().to_vec()).await,
                    Step::Cut(partial) => {
                        let partial = Bytes::copy_from_slice(partial.as_bytes());
                        self.log.push(Entry::Cut(partial)).await;
                    }
                    Step::Repeat(times, inner) => {
                        let mut left = *times;
                        while left != Some(0) {
                            tokio::task::consume_budget().await;
                            self.take(inner).await;
                            left = left.map(|left| left - 1);
                        }
                    }
                }
            }
        })
    }

    async fn use_tool(&mut self, tool: &Tool) {
        let used = json!({ "type": "tool-use", "name": tool.name, "input": tool.input });
        self.send(&used).await;
        let result = json!({ "type": "tool-result", "name": tool.name, "result": tool.result });
        self.send(&result).await;
    }

    /// Sends a frame of the platform's own.
    async fn send(&mut self, body: &Value) {
        let text = if self.framing.pretty {
            format!("{body:#}")
        } else {
            body.to_string()
        };
        self.frame(None, None, &text).await;
    }

    async fn event(&mut self, event: &CustomEvent) {
        let text = match &event.data {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.frame(event.event.as_deref(), event.id.as_deref(), &text)
            .await;
    }

    async fn frame(&mut self, event: Option<&str>, id: Option<&str>, data: &str) {
        // No sleep at all is less than the timer's shortest, a millisecond.
        if !self.pace.is_zero() {
            tokio::time::sleep(self.pace).await;
        }
        let mut out = Vec::with_capacity(data.len() + 32);
        let id = match id {
            Some(id) => Some(id.to_owned()),
            None if self.framing.ids => {
                self.last_id += 1;
                Some(self.last_id.to_string())
            }
            None => None,
        };
        if let Some(id) = &id {
            self.writer.field("id", id.as_bytes(), &mut out);
        }
        if let Some(event) = event {
            self.writer.field("event", event.as_bytes(), &mut out);
        }
        self.writer.data(data.as_bytes(), &mut out);
        self.writer.end(&mut out);
        self.push(id, out).await;
    }

    /// A line by itself, as a comment or `retry` is.
    async fn line(&mut self, name: &str, value: &str) {
        let mut out = Vec::new();
        self.writer.field(name, value.as_bytes(), &mut out);
        self.writer.end(&mut out);
        self.push(None, out).await;
    }

    async fn push(&mut self, id: Option<String>, bytes: Vec<u8>) {
        let bytes = Bytes::from(bytes);
        self.log.push(Entry::Frame { id, bytes }).await;
    }
}
