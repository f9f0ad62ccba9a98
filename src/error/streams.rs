//! Errors of streams: why one cannot be followed, and why the pipeline wanted no more.

use std::io;
use std::path::{Path, PathBuf};

use http::StatusCode;
use serde::Deserialize;
use thiserror::Error;

use super::{CliError, Exit};
use crate::dial::DialError;
use crate::pipeline::Stop;
use crate::source::SourceError;
use crate::ui::clip;

/// Characters of an answer's body that an error shows.
const SHOWN: usize = 200;

/// A refusal with what the server said about it.
#[derive(Debug, Error)]
#[error("{error}")]
struct Answered {
    error: SourceError,
    #[source]
    said: Said,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

#[derive(Debug, Error)]
#[error("cannot record to {}", .path.display())]
struct Unwritable {
    path: PathBuf,
    source: io::Error,
}

#[derive(Debug, Error)]
#[error("it said: {0}")]
struct Said(String);

type Meaning = (Exit, &'static str, &'static str);

fn refused(status: StatusCode) -> Meaning {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => denied(true),
        StatusCode::NOT_FOUND => (
            Exit::NotFound,
            "no_such_stream",
            "check the path; `evt tail` alone offers what the platform has",
        ),
        status if status.is_server_error() => (
            Exit::Refused,
            "stream_refused",
            "--reconnect     tries until the server takes it",
        ),
        _ => (
            Exit::Refused,
            "stream_refused",
            "evt man streams     says what each transport asks for",
        ),
    }
}

fn denied(is_about_credentials: bool) -> Meaning {
    match is_about_credentials {
        true => (Exit::NotAllowed, "not_allowed", "evt profile login"),
        false => (
            Exit::Refused,
            "stream_refused",
            "--auth '{\"token\":\"…\"}'     is sent to the server when it connects",
        ),
    }
}

impl From<SourceError> for CliError {
    fn from(error: SourceError) -> Self {
        let error = match error {
            SourceError::Dial(dial) => return of_dial(dial),
            other => other,
        };
        let (exit, code, hint) = match &error {
            SourceError::Dial(dial) => (Exit::Unreachable, dial.code(), "evt doctor"),
            SourceError::Spent { .. } => (
                Exit::Unreachable,
                "retries_spent",
                "--max-retries 100     tries longer",
            ),
            SourceError::Lost { .. } => (
                Exit::Unreachable,
                "connection_lost",
                "leave --no-reconnect out, and evt connects again",
            ),
            SourceError::Refused { status, .. } => refused(*status),
            SourceError::NotAStream { .. } => (
                Exit::Refused,
                "not_a_stream",
                "name the path of its stream: evt tail :3000/events",
            ),
            SourceError::Redirect { .. } => (
                Exit::Refused,
                "redirected",
                "name the address that it leads to; -L follows redirects of a WebSocket",
            ),
            SourceError::Denied { auth, .. } => denied(*auth),
            SourceError::Closed { .. } => (
                Exit::Refused,
                "closed_by_server",
                "--reconnect     connects again also after such a close",
            ),
            SourceError::TooLarge { .. } => (
                Exit::Refused,
                "message_too_large",
                "--max-message-size 64MiB     takes larger ones",
            ),
            SourceError::Credentials(_) => (
                Exit::Usage,
                "no_credentials",
                "run the command of --token-cmd or cmd: by itself and see what it says",
            ),
            SourceError::NotEngineIo { .. } => (
                Exit::Refused,
                "no_socketio",
                "--path /socket.io/     says where the server has Socket.IO",
            ),
            SourceError::Protocol { .. } => (
                Exit::Refused,
                "protocol",
                "check that the server speaks this protocol: evt man streams",
            ),
        };
        let shown = Self::new(exit, code, answered(error)).hint(hint);
        match exit {
            Exit::NotAllowed => shown.hint(
                "--token env:NAME     is for a server that is not the platform of the profile",
            ),
            _ => shown,
        }
    }
}

/// The same exits as for a target that is dialled, with what helps a stream.
fn of_dial(dial: DialError) -> CliError {
    let peer = match &dial {
        DialError::Refused { peer, .. } => Some(peer.clone()),
        _ => None,
    };
    let late = match dial {
        DialError::Silent { .. } => {
            Some("see whether the server hangs, or wait longer: --timeout 60s")
        }
        // It has limits of its own, below --timeout.
        DialError::Timeout { .. } => {
            Some("see whether the server is up, hangs, or is behind a firewall")
        }
        _ => None,
    };
    let mut shown = CliError::from(dial);
    if let Some(hint) = late {
        shown.hints = vec![hint.to_owned()];
    }
    if let Some(peer) = peer {
        shown.hints = vec![
            format!("start what listens on {peer}; for the local platform: evt dev"),
            "--reconnect     waits for it".to_owned(),
        ];
    }
    shown
}

/// With the start of the answer's body as its cause, where there was one.
fn answered(error: SourceError) -> Box<dyn std::error::Error + Send + Sync> {
    let said = match &error {
        SourceError::Refused { body, .. } | SourceError::NotAStream { body, .. } => body.trim(),
        SourceError::Denied {
            data: Some(data), ..
        } => data.trim(),
        _ => "",
    };
    if said.is_empty() {
        return error.into();
    }
    // Platforms answer in JSON, of which a person wants the sentence.
    let message = serde_json::from_str::<Message>(said).ok();
    let said = message.map_or_else(|| said.to_owned(), |said| said.message);
    let said = Said(clip(&said, SHOWN));
    Answered { error, said }.into()
}

/// A recording that cannot be opened was named wrongly; one that cannot be written any more met something on the way.
fn unwritable(path: &Path, source: io::Error, at_once: bool) -> CliError {
    let exit = if at_once { Exit::Usage } else { Exit::Failed };
    let hint = match source.kind() {
        io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(Path::new("."));
            format!("mkdir -p {}", folder.display())
        }
        io::ErrorKind::StorageFull => {
            "free some space; evt doctor says how much there is".to_owned()
        }
        _ => format!("ls -ld {}     shows who may write there", path.display()),
    };
    let path = path.to_owned();
    CliError::new(exit, "record_unwritable", Unwritable { path, source }).hint(hint)
}

/// How a command ends whose pipeline wanted no more.
pub(crate) fn stopped(stop: Stop) -> Result<Exit, CliError> {
    Err(match stop {
        Stop::GoalMet => return Ok(Exit::Done),
        Stop::Gap => CliError::new(Exit::Gap, "gap", "events may have been missed")
            .hint("evt man streams     says which streams can go on without a gap"),
        Stop::SlowReader => CliError::new(
            Exit::Gap,
            "slow_reader",
            "what reads stdout is slower than the stream",
        )
        .hint("--on-slow block     lets the stream wait")
        .hint("--save     keeps events whatever reads them"),
        Stop::Answer(message) => CliError::new(
            Exit::Refused,
            "answer_failed",
            format!("the agent failed: {message}"),
        )
        .hint("ask again; an agent's answer cannot be taken up in the middle"),
        Stop::Output(error) => error.into(),
        Stop::Store(error) => error.into(),
        Stop::Exec(error) => CliError::new(Exit::Undelivered, "exec_failed", error)
            .hint("mend the command and run this again: it goes on with that record"),
        Stop::Record {
            path,
            source,
            at_once,
        } => unwritable(&path, source, at_once),
    })
}
