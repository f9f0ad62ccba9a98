//! Exit codes and hints for streams that cannot be followed.

use http::StatusCode;
use serde::Deserialize;

use super::SourceError;
use crate::dial::DialError;
use crate::explain::{Exit, Explain, Explanation};
use crate::ui::clip;

/// Characters of a response body that an error shows.
const SHOWN: usize = 200;

impl Explain for SourceError {
    fn explain(&self) -> Explanation {
        let refused = |code| Explanation::new(Exit::Refused, code);
        let explanation =
            match self {
                Self::Dial(error) => of_dial(error),
                Self::Spent { .. } => Explanation::new(Exit::Unreachable, "retries_spent")
                    .hint("--max-retries 100     tries longer"),
                Self::Lost { .. } => Explanation::new(Exit::Unreachable, "connection_lost")
                    .hint("leave --no-reconnect out, and evt connects again"),
                Self::Refused { status, .. } => of_status(*status),
                Self::NotAStream { .. } => refused("not_a_stream")
                    .hint("name the path of its stream: evt tail :3000/events"),
                Self::Redirect { .. } => refused("redirected")
                    .hint("name the address that it leads to; -L follows redirects of a WebSocket"),
                Self::Denied { auth: true, .. } => not_allowed(),
                Self::Denied { auth: false, .. } => refused("stream_refused")
                    .hint("--auth '{\"token\":\"…\"}'     is sent to the server when it connects"),
                Self::Closed { .. } => refused("closed_by_server")
                    .hint("--reconnect     connects again also after such a close"),
                Self::TooLarge { .. } => refused("message_too_large")
                    .hint("--max-message-size 64MiB     takes larger ones"),
                Self::Credentials(_) => Explanation::usage("no_credentials")
                    .hint("run the command of --token-cmd or cmd: by itself and see what it says"),
                Self::NotEngineIo { .. } => refused("no_socketio")
                    .hint("--path /socket.io/     says where the server has Socket.IO"),
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
    /// The start of what the server answered, if anything.
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
        let message = serde_json::from_str::<Message>(body).ok();
        let text = message.map_or_else(|| body.to_owned(), |body| body.message);
        Some(format!("it said: {}", clip(&text, SHOWN)))
    }
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

fn not_allowed() -> Explanation {
    Explanation::new(Exit::NotAllowed, "not_allowed")
        .hint("evt profile login")
        .hint("--token env:NAME     is for a server that is not the platform of the profile")
}

fn of_status(status: StatusCode) -> Explanation {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => not_allowed(),
        StatusCode::NOT_FOUND => Explanation::new(Exit::NotFound, "no_such_stream")
            .hint("check the path; `evt tail` alone offers what the platform has"),
        status if status.is_server_error() => Explanation::new(Exit::Refused, "stream_refused")
            .hint("--reconnect     tries until the server takes it"),
        _ => Explanation::new(Exit::Refused, "stream_refused")
            .hint("evt man streams     says what each transport asks for"),
    }
}

/// The exit code of a failed delivery, with hints about streams.
fn of_dial(error: &DialError) -> Explanation {
    let explanation = error.explain();
    let hints = match error {
        DialError::Silent { .. } => {
            vec!["see whether the server hangs, or wait longer: --timeout 60s".to_owned()]
        }
        // Connecting has its own time limits, shorter than --timeout.
        DialError::Timeout { .. } => {
            vec!["see whether the server is up, hangs, or is behind a firewall".to_owned()]
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
