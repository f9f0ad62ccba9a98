//! A script, step by step: what it says is the same in a stream and in a conversation, how that goes out is the stage's.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::script::{Script, Step};

/// Where a script is performed.
pub(super) trait Stage: Send {
    /// Says a frame of the platform's own, when it is time for it.
    fn say(&mut self, frame: &Value) -> impl Future<Output = ()> + Send;

    /// Takes an event of the script's own, or a step about how a stream is written.
    fn show(&mut self, step: &Step) -> impl Future<Output = ()> + Send;
}

/// Performs a script to its end, for a message.
pub(super) async fn perform(script: &Script, message: &str, stage: &mut impl Stage) {
    take(&script.steps, message, stage).await;
    if script.ends {
        stage.say(&json!({ "type": "end" })).await;
    }
}

fn take<'a, S: Stage>(steps: &'a [Step], message: &'a str, stage: &'a mut S) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        for step in steps {
            tokio::task::consume_budget().await;
            match step {
                Step::Say(text) => {
                    let content = text.replace("{message}", message);
                    stage
                        .say(&json!({ "type": "chunk", "content": content }))
                        .await;
                }
                Step::Delay(Some(delay)) => tokio::time::sleep(*delay).await,
                Step::Delay(None) => std::future::pending().await,
                Step::Tool(tool) => {
                    let (name, input, result) = (&tool.name, &tool.input, &tool.result);
                    stage
                        .say(&json!({ "type": "tool-use", "name": name, "input": input }))
                        .await;
                    stage
                        .say(&json!({ "type": "tool-result", "name": name, "result": result }))
                        .await;
                }
                Step::Error(text) => {
                    stage
                        .say(&json!({ "type": "error", "message": text }))
                        .await;
                }
                Step::Repeat(times, inner) => {
                    let mut left = *times;
                    while left != Some(0) {
                        tokio::task::consume_budget().await;
                        take(inner, message, stage).await;
                        left = left.map(|left| left - 1);
                    }
                }
                Step::Event(_)
                | Step::Comment(_)
                | Step::Retry(_)
                | Step::Raw(_)
                | Step::Cut(_) => {
                    stage.show(step).await;
                }
            }
        }
    })
}
