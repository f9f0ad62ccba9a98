//! Writes an agent's answer into the log of a stream, at the agent's pace.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::log::{Entry, Log};
use super::perform::{FrameSink, run};
use super::script::{CustomEvent, Framing, Script, Step};
use crate::dev::host::sse;

/// Runs a script for a message, to its end.
pub(super) async fn play(script: Arc<Script>, message: String, log: Arc<Log>) {
    let mut player = Player {
        framing: &script.framing,
        pace: script.pace,
        writer: sse::Writer::new(script.framing.line_end),
        last_id: 0,
        log: &log,
    };
    run(&script, &message, &mut player).await;
    log.finish();
}

struct Player<'a> {
    framing: &'a Framing,
    pace: Duration,
    writer: sse::Writer,
    last_id: u64,
    log: &'a Log,
}

impl FrameSink for Player<'_> {
    async fn send(&mut self, frame: &Value) {
        let text = if self.framing.pretty {
            format!("{frame:#}")
        } else {
            frame.to_string()
        };
        self.frame(None, None, &text).await;
    }

    async fn handle(&mut self, step: &Step) {
        match step {
            Step::Event(event) => self.event(event).await,
            Step::Comment(text) => self.line("", text).await,
            Step::Retry(millis) => self.line("retry", &millis.to_string()).await,
            Step::Raw(text) => self.push(None, text.as_bytes().to_vec()).await,
            Step::Cut(partial) => {
                let partial = Bytes::copy_from_slice(partial.as_bytes());
                self.log.push(Entry::Cut(partial)).await;
            }
            Step::Say(_) | Step::Delay(_) | Step::Tool(_) | Step::Error(_) | Step::Repeat(..) => {}
        }
    }
}

impl Player<'_> {
    async fn event(&mut self, event: &CustomEvent) {
        let text = match &event.data {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.frame(event.event.as_deref(), event.id.as_deref(), &text)
            .await;
    }

    async fn frame(&mut self, event: Option<&str>, id: Option<&str>, data: &str) {
        // A zero sleep would still take a millisecond, the resolution of the timer.
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

    /// A line that is not part of an event: a comment or `retry`.
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
