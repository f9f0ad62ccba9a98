//! Runs a script step by step. A stream and a conversation have the same content; a [`FrameSink`] sends it.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::script::{Script, Step};

/// Receives the output of a script.
pub(super) trait FrameSink: Send {
    /// Sends a frame in AppEngine's format, after the agent's delay.
    fn send(&mut self, frame: &Value) -> impl Future<Output = ()> + Send;

    /// Handles an event of the script, or a step about the stream's framing.
    fn handle(&mut self, step: &Step) -> impl Future<Output = ()> + Send;
}

/// Runs a script for a message, to its end.
pub(super) async fn run(script: &Script, message: &str, sink: &mut impl FrameSink) {
    run_steps(&script.steps, message, sink).await;
    if script.ends {
        sink.send(&json!({ "type": "end" })).await;
    }
}

fn run_steps<'a, S: FrameSink>(
    steps: &'a [Step],
    message: &'a str,
    sink: &'a mut S,
) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        for step in steps {
            tokio::task::consume_budget().await;
            match step {
                Step::Say(text) => {
                    let content = text.replace("{message}", message);
                    sink.send(&json!({ "type": "chunk", "content": content }))
                        .await;
                }
                Step::Delay(Some(delay)) => tokio::time::sleep(*delay).await,
                Step::Delay(None) => std::future::pending().await,
                Step::Tool(tool) => {
                    let (name, input, result) = (&tool.name, &tool.input, &tool.result);
                    sink.send(&json!({ "type": "tool-use", "name": name, "input": input }))
                        .await;
                    sink.send(&json!({ "type": "tool-result", "name": name, "result": result }))
                        .await;
                }
                Step::Error(text) => {
                    sink.send(&json!({ "type": "error", "message": text }))
                        .await;
                }
                Step::Repeat(times, inner) => {
                    let mut left = *times;
                    while left != Some(0) {
                        tokio::task::consume_budget().await;
                        run_steps(inner, message, sink).await;
                        left = left.map(|left| left - 1);
                    }
                }
                Step::Event(_)
                | Step::Comment(_)
                | Step::Retry(_)
                | Step::Raw(_)
                | Step::Cut(_) => {
                    sink.handle(step).await;
                }
            }
        }
    })
}

/// Receives each frame of an answer in a conversation, at its time.
pub(crate) type Listener<'a> = &'a mut (dyn FnMut(Value) + Send);

/// Runs a script for a conversation: frames without the framing of a stream, at the agent's pace.
pub(super) async fn converse(script: &Script, message: &str, listener: Listener<'_>) {
    let mut conversation = Conversation {
        pace: script.pace,
        listener,
    };
    run(script, message, &mut conversation).await;
}

struct Conversation<'a> {
    pace: Duration,
    listener: Listener<'a>,
}

impl FrameSink for Conversation<'_> {
    async fn send(&mut self, frame: &Value) {
        tokio::time::sleep(self.pace).await;
        (self.listener)(frame.clone());
    }

    async fn handle(&mut self, step: &Step) {
        if let Step::Event(event) = step {
            self.send(&event.data).await;
        }
    }
}
