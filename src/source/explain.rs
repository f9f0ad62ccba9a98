//! Exit codes and hints for streams that cannot be followed.

use http::StatusCode;
use serde::Deserialize;

use super::SourceError;
use crate::dial::DialError;
use crate::explain::{Exit, Explain, Explanation};
use crate::ui::clip;

/// How many characters of a response body an error shows.
const SHOWN: usize = 200;

impl Explain for SourceError {
    fn explain(&self) -> Explanation {
        let refused = |code| Explanation::new(Exit::Refused, code);
        let explanation = match self {
            Self::Dial(error) => of_dial(error),
            Self::Broker(error) => error.explain(),
            Self::Spent { .. } => Explanation::new(Exit::Unreachable, "retries_spent")
                .hint("--max-retries 100     retries more often"),
            Self::Lost { .. } => Explanation::new(Exit::Unreachable, "connection_lost")
                .hint("--reconnect     retries until the server accepts the connection"),
            Self::Refused { status, .. } => of_status(*status),
            Self::NotAStream { .. } => refused("not_a_stream")
                .hint("include the path of the stream: evt tail :3000/events"),
            Self::Redirect { .. } => refused("redirected").hint("use the URL of the redirect"),
            Self::Denied { auth: true, .. } => not_allowed(),
            Self::Denied { auth: false, .. } => refused("stream_refused")
                .hint("--auth '{\"token\":\"…\"}'     authenticates the connection"),
            Self::Closed { .. } => refused("closed_by_server")
                .hint("--reconnect     reconnects also after such a close"),
            Self::TooLarge { .. } => refused("message_too_large")
                .hint("--max-message-size 64MiB     accepts larger messages"),
            Self::Credentials(_) => Explanation::usage("no_credentials")
                .hint("run the command of --token-cmd or cmd: separately and check its output"),
            Self::NotEngineIo { .. } => refused("no_socketio")
                .hint("--path /PATH/     if Socket.IO is not at this path of the server"),
            Self::Protocol { .. } => refused("protocol")
                .hint("check that the server speaks this protocol: evt man streams"),
        };
        Explanation {
            answer: self.answer(),
            ..explanation
        }
    }
}

impl SourceError {
    /// The start of the server's response, if any.
    fn answer(&self) -> Option<String> {
        let body = match self {
            Self::Refused { body, .. } | Self::NotAStream { body, .. } => body.trim(),
            Self::Denied { data, .. } => data.as_deref()?.trim(),
            _ => "",
        };
        if body.is_empty() {
            return None;
        }
        // Platforms answer with JSON; its `message` is enough.
        let message = serde_json::from_str::<ErrorBody>(body).ok();
        let text = message.map_or_else(|| body.to_owned(), |body| body.message);
        Some(format!("it said: {}", clip(&text, SHOWN)))
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

fn not_allowed() -> Explanation {
    Explanation::new(Exit::NotAllowed, "not_allowed")
        .hint("evt profile login")
        .hint("--token env:NAME     authenticates with a server other than the platform")
}

fn of_status(status: StatusCode) -> Explanation {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => not_allowed(),
        StatusCode::NOT_FOUND => Explanation::new(Exit::NotFound, "no_such_stream")
            .hint("check the path; `evt tail` without a source follows everything of the platform"),
        status if status.is_server_error() => Explanation::new(Exit::Refused, "stream_refused")
            .hint("--reconnect     retries until the server accepts it"),
        _ => Explanation::new(Exit::Refused, "stream_refused")
            .hint("evt man streams     describes what each transport requires"),
    }
}

/// The exit code of a failed delivery, with hints about streams.
fn of_dial(error: &DialError) -> Explanation {
    let explanation = error.explain();
    let hints = match error {
        DialError::Silent { .. } => {
            vec!["check whether the server hangs, or wait longer: --timeout 60s".to_owned()]
        }
        // Connecting has its own time limits, shorter than --timeout.
        DialError::Timeout { .. } => {
            vec!["check whether the server runs, hangs, or is behind a firewall".to_owned()]
        }
        DialError::Refused { peer, .. } => vec![
            format!("start what listens on {peer}; for the local platform: evt dev"),
            "--reconnect     waits for it".to_owned(),
        ],
        _ => return explanation,
    };
    Explanation {
        hints,
        ..explanation
    }
}
