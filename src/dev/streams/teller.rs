//! An agent that answers in a conversation: what it says without a stream's framing, at its own pace.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::script::{Script, Step, Tool};

/// Takes each frame of an answer when it is time for it.
pub(in crate::dev) type Listener<'a> = &'a mut (dyn FnMut(Value) + Send);

/// Plays a script to its end. Steps that are about a stream's framing mean nothing here.
pub(super) async fn tell(script: &Script, message: &str, listener: Listener<'_>) {
    let mut teller = Teller {
        pace: script.pace,
        message,
        listener,
    };
    teller.take(&script.steps).await;
    if script.ends {
        teller.send(json!({ "type": "end" })).await;
    }
}

struct Teller<'a> {
    pace: Duration,
    message: &'a str,
    listener: Listener<'a>,
}

impl Teller<'_> {
    fn take<'a>(&'a mut self, steps: &'a [Step]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            for step in steps {
                tokio::task::consume_budget().await;
                match step {
                    Step::Say(text) => {
                        let content = text.replace("{message}", self.message);
                        self.send(json!({ "type": "chunk", "content": content }))
                            .await;
                    }
                    Step::Delay(Some(delay)) => tokio::time::sleep(*delay).await,
                    Step::Delay(None) => std::future::pending().await,
                    Step::Tool(Tool {
                        name,
                        input,
                        result,
                    }) => {
                        let used = json!({ "type": "tool-use", "name": name, "input": input });
                        self.send(used).await;
                        let told = json!({ "type": "tool-result", "name": name, "result": result });
                        self.send(told).await;
                    }
                    Step::Error(text) => {
                        self.send(json!({ "type": "error", "message": text })).await;
                    }
                    Step::Event(event) => self.send(event.data.clone()).await,
                    Step::Repeat(times, inner) => {
                        let mut left = *times;
                        while left != Some(0) {
                            tokio::task::consume_budget().await;
                            self.take(inner).await;
                            left = left.map(|left| left - 1);
                        }
                    }
                    Step::Comment(_) | Step::Retry(_) | Step::Raw(_) | Step::Cut(_) => {}
                }
            }
        })
    }

    async fn send(&mut self, frame: Value) {
        tokio::time::sleep(self.pace).await;
        (self.listener)(frame);
    }
}
