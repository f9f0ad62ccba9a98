//! An agent that answers in a conversation: what it says without a stream's framing, at its own pace.

use std::time::Duration;

use serde_json::Value;

use super::perform::{Stage, perform};
use super::script::{Script, Step};

/// Takes each frame of an answer when it is time for it.
pub(crate) type Listener<'a> = &'a mut (dyn FnMut(Value) + Send);

/// Plays a script to its end. Steps that are about a stream's framing mean nothing here.
pub(super) async fn tell(script: &Script, message: &str, listener: Listener<'_>) {
    let mut teller = Teller {
        pace: script.pace,
        listener,
    };
    perform(script, message, &mut teller).await;
}

struct Teller<'a> {
    pace: Duration,
    listener: Listener<'a>,
}

impl Stage for Teller<'_> {
    async fn say(&mut self, frame: &Value) {
        tokio::time::sleep(self.pace).await;
        (self.listener)(frame.clone());
    }

    async fn show(&mut self, step: &Step) {
        if let Step::Event(event) = step {
            self.say(&event.data).await;
        }
    }
}
