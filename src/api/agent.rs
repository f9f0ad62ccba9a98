//! AI agents: sends a message and returns the id of the stream that carries the answer.

use serde::Deserialize;
use serde_json::json;

use super::{ApiError, Client};

/// The response of the platform, either plain or in `data`.
#[derive(Deserialize)]
struct Started {
    #[serde(rename = "streamId")]
    stream_id: Option<String>,
    data: Option<Box<Started>>,
}

impl Client {
    /// Sends `message` to an agent and returns the id of the stream that carries its answer (`GET /ai/stream/{id}`).
    ///
    /// The request is not repeated, because the agent would process the message twice. Only an expired token is renewed.
    ///
    /// # Errors
    /// A refusal, such as 404 for an unknown agent; [`ApiError::Incomplete`] for a response without an id.
    pub async fn start_agent(&self, agent: &str, message: &str) -> Result<String, ApiError> {
        // AppEngine documents two forms of the question, and servers read one of them.
        let question =
            json!({ "agentId": agent, "message": message, "task": message, "agentRole": agent });
        let call = self.post(&["ai", "agent", "stream"], &question)?;
        let answer = self.call_once(&call).await?;
        let started: Started = self.read(&answer, "the id of a stream")?;
        started.id().ok_or_else(|| self.incomplete("a stream's id"))
    }
}

impl Started {
    fn id(self) -> Option<String> {
        self.stream_id
            .filter(|id| !id.is_empty())
            .or_else(|| self.data.and_then(|data| data.id()))
    }
}
