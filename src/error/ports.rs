//! Errors of the ports: store, outgoing and incoming connections, the platform's API.

use super::{CliError, Exit};
use crate::api::{ApiError, Refusal, Why};
use crate::control::ControlError;
use crate::dial::DialError;
use crate::store::StoreError;
use crate::store::cursors::CursorError;
use crate::store::poll::PollStateError;
use crate::ui::NotForATerminal;

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let (exit, code, hint) = match &error {
            StoreError::Damaged { path, .. } => {
                // The file is kept: there may be something in it that a person wants back.
                let hint = match path.as_ref().map(|path| path.display()) {
                    Some(path) => format!("mv {path} {path}.damaged"),
                    None => "evt doctor".to_owned(),
                };
                (Exit::Failed, "store_damaged", hint)
            }
            StoreError::Newer { .. } => {
                (Exit::Usage, "store_newer", "use the newer evt".to_owned())
            }
            StoreError::Full(_) => (
                Exit::Failed,
                "disk_full",
                "free some space; evt doctor says how much there is".to_owned(),
            ),
            StoreError::Locked(_) => (
                Exit::Failed,
                "store_locked",
                "try again; if it stays locked, end the evt that holds it".to_owned(),
            ),
            StoreError::Open { .. } => (Exit::Failed, "store_open", "evt doctor".to_owned()),
            StoreError::Folder { .. } => (Exit::Failed, "store_folder", "evt doctor".to_owned()),
            StoreError::Sql(_) => (Exit::Failed, "store_sql", "evt doctor".to_owned()),
            StoreError::Stopped => (Exit::Failed, "store_stopped", "evt doctor".to_owned()),
            StoreError::Panicked => (Exit::Failed, "fault", "evt doctor".to_owned()),
        };
        Self::new(exit, code, error).hint(hint)
    }
}

impl From<CursorError> for CliError {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Store(error) => error.into(),
            CursorError::OtherStream { .. } => {
                Self::new(Exit::Usage, "cursor_of_another_stream", error)
                    .hint("--resume with another name")
            }
            CursorError::Unreadable { .. } => Self::new(Exit::Failed, "cursor_unreadable", error)
                .hint("--resume with another name"),
        }
    }
}

impl From<PollStateError> for CliError {
    fn from(error: PollStateError) -> Self {
        match error {
            PollStateError::Locked { ref holder, .. } => {
                let end = match holder {
                    Some(holder) => format!("kill {}     ends that one", holder.pid),
                    None => "end that one".to_owned(),
                };
                state_locked(end, error)
            }
            PollStateError::TakenOver { ref key, .. } => {
                let hint = format!("evt poll state show {key}     says how far it is");
                Self::new(Exit::Failed, "state_locked", error).hint(hint)
            }
            PollStateError::Damaged {
                ref key,
                ref last_export,
                ..
            } => {
                let reset = format!(
                    "evt poll state reset {key}     begins anew; the damaged file is moved aside"
                );
                let set = last_export.as_deref().map(|export| set_hint(key, export));
                damaged(set, reset, error)
            }
            PollStateError::Gone {
                ref key,
                ref last_export,
                ..
            } => {
                let reset = format!("evt poll state reset {key}     begins anew");
                let set = last_export.as_deref().map(|export| set_hint(key, export));
                damaged(set, reset, error)
            }
            PollStateError::Newer { .. } => {
                Self::new(Exit::Usage, "state_newer", error).hint("use the newer evt")
            }
            PollStateError::OtherQuery { ref key, .. } => {
                let reset = format!("evt poll state reset {key}     begins anew with this one");
                Self::new(Exit::Usage, "state_other_query", error)
                    .hint("evt poll … --state-key NAME     keeps a state of its own for this one")
                    .hint(reset)
                    .hint("or ask as before")
            }
            PollStateError::NotRead { ref key, .. } => {
                let hint = format!("evt poll state show {key}     says how far it is");
                Self::new(Exit::Usage, "not_read_yet", error).hint(hint)
            }
            PollStateError::Position(_) => {
                Self::new(Exit::Failed, "state_unwritable", error).hint("evt doctor")
            }
            PollStateError::File { ref source, .. } => {
                let is_full = source.kind() == std::io::ErrorKind::StorageFull;
                let code = if is_full { "disk_full" } else { "state_file" };
                Self::new(Exit::Failed, code, error).hint("evt doctor")
            }
            PollStateError::Export(source) => source.into(),
            PollStateError::Store(error) => error.into(),
        }
    }
}

fn state_locked(end: String, error: PollStateError) -> CliError {
    CliError::new(Exit::Failed, "state_locked", error)
        .hint(end)
        .hint("evt poll … --force     takes over: the other one fails at its next commit")
        .hint("evt poll … --state-key NAME     goes on under a name of your own")
}

fn set_hint(key: &str, export: &std::path::Path) -> String {
    let export = export.display();
    format!("evt poll state set {key} {export}     goes on from when it was last opened")
}

/// What can be done is to go back to the last export, or to begin anew.
fn damaged(set: Option<String>, reset: String, error: PollStateError) -> CliError {
    let shown = CliError::new(Exit::Failed, "state_damaged", error);
    match set {
        Some(set) => shown.hint(set).hint(reset),
        None => shown.hint(reset),
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error
            .get_ref()
            .is_some_and(|inner| inner.is::<NotForATerminal>())
        {
            return Self::new(Exit::Usage, "not_for_a_terminal", error)
                .hint("write it to a file: … -o raw > FILE");
        }
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::new(Exit::Done, "closed_pipe", error),
            std::io::ErrorKind::StorageFull => Self::new(Exit::Failed, "disk_full", error)
                .hint("free some space; evt doctor says how much there is"),
            _ => Self::new(Exit::Failed, "io", error),
        }
    }
}

impl From<DialError> for CliError {
    fn from(error: DialError) -> Self {
        let code = error.code();
        let (exit, hint) = match &error {
            DialError::BadTarget { .. } => (
                Exit::Usage,
                "name a target as 3000, :3000/path, host:port, a URL or unix:/path".to_owned(),
            ),
            DialError::Name { .. } => (
                Exit::Unreachable,
                "check the host name; `getent hosts NAME` shows what it resolves to".to_owned(),
            ),
            DialError::Refused { peer, .. } => (
                Exit::Unreachable,
                format!("start what listens on {peer}, or give another target with --to"),
            ),
            DialError::Forbidden { .. } => (
                Exit::Usage,
                "name a target that is not such an address".to_owned(),
            ),
            DialError::Tls { .. } => (
                Exit::Unreachable,
                "check the certificate and the clock; for plain HTTP write http:// in the target"
                    .to_owned(),
            ),
            DialError::Timeout { .. } | DialError::Silent { .. } => (
                Exit::Unreachable,
                "see whether the target hangs, or allow more with --timeout 60s".to_owned(),
            ),
            DialError::Broken { .. } => (
                Exit::Unreachable,
                "look into the target's own log; it closed the connection before it had answered"
                    .to_owned(),
            ),
        };
        Self::new(exit, code, error).hint(hint)
    }
}

impl From<ApiError> for CliError {
    fn from(error: ApiError) -> Self {
        match &error {
            ApiError::BadUrl { .. } => {
                Self::new(Exit::Usage, "bad_url", error).hint("evt profile list")
            }
            ApiError::BadHeader { .. } => {
                Self::new(Exit::Usage, "bad_header", error).hint("evt profile list")
            }
            ApiError::BadName { .. } => Self::new(Exit::Usage, "bad_name", error),
            ApiError::Setup(_) => Self::new(Exit::Failed, "http_setup", error).hint("evt doctor"),
            ApiError::Unreachable { source, .. } => {
                let (code, hint) = unreachable_hint(source);
                Self::new(Exit::Unreachable, code, error).hint(hint)
            }
            ApiError::TooLarge { .. } => Self::new(Exit::Refused, "answer_too_large", error)
                .hint("evt records list contact --page-size 10"),
            ApiError::ForeignRedirect { to, .. } => {
                let hint = format!("evt profile login --url {to}");
                Self::new(Exit::Refused, "foreign_redirect", error).hint(hint)
            }
            ApiError::RedirectLoop { .. } => {
                Self::new(Exit::Refused, "redirect_loop", error).hint("evt profile show")
            }
            ApiError::Unreadable { .. } | ApiError::Incomplete { .. } => {
                Self::new(Exit::Refused, "bad_answer", error).hint("evt profile whoami")
            }
            ApiError::Refused(refusal) => {
                let (exit, code, hint) = refusal_hint(refusal);
                let mapped = Self::new(exit, code, error);
                match hint {
                    Some(hint) => mapped.hint(hint),
                    None => mapped,
                }
            }
        }
    }
}

fn unreachable_hint(why: &Why) -> (&'static str, &'static str) {
    match why {
        Why::Refused => ("platform_refused_connection", "evt dev"),
        Why::Name { .. } => ("name_not_found", "evt profile list"),
        Why::Tls { .. } => ("tls_failed", "evt doctor"),
        Why::Timeout { .. } => ("timeout", "evt doctor"),
        Why::Broken(_) => ("connection_broken", "evt doctor"),
    }
}

fn refusal_hint(refusal: &Refusal) -> (Exit, &'static str, Option<String>) {
    if refusal.code.as_deref() == Some("missing_orgid") {
        let hint = "evt profile whoami --org my-org".to_owned();
        return (Exit::Refused, "missing_orgid", Some(hint));
    }
    match refusal.status {
        401 | 403 => (
            Exit::NotAllowed,
            "not_allowed",
            Some("evt profile login".to_owned()),
        ),
        404 => (Exit::NotFound, "not_found", None),
        429 => (Exit::Refused, "too_many_requests", wait_hint(refusal)),
        503 => (Exit::Refused, "platform_busy", wait_hint(refusal)),
        _ => (Exit::Refused, "platform_refused", None),
    }
}

/// The platform asked for more time than a command may wait; say how much.
fn wait_hint(refusal: &Refusal) -> Option<String> {
    let wait = refusal.retry_after?;
    Some(format!("sleep {}   and try again", wait.as_secs()))
}

impl From<ControlError> for CliError {
    fn from(error: ControlError) -> Self {
        match &error {
            ControlError::Unreachable { .. } => {
                Self::new(Exit::Unreachable, "not_running", error).hint("start one: evt dev")
            }
            ControlError::Refused { status, code, .. } => {
                let (exit, code, hint) = match (status.as_u16(), code.as_str()) {
                    (_, "unknown_event") => (Exit::Usage, "unknown_event", "evt send --list"),
                    (_, "unknown_setting") => (Exit::Usage, "unknown_setting", "evt dev set"),
                    (_, "bad_setting") => (Exit::Usage, "bad_setting", "evt dev set"),
                    (_, "bad_agent" | "too_many_agents") => (
                        Exit::Usage,
                        "bad_agent",
                        "evt dev ai --help     shows a file",
                    ),
                    (400, _) => (Exit::Usage, "refused", "evt dev --help"),
                    (401 | 403, _) => (
                        Exit::NotAllowed,
                        "not_allowed",
                        "evt dev stop, then start it anew: the token is of another start",
                    ),
                    (404, _) => (Exit::NotFound, "not_found", "evt dev status"),
                    _ => (Exit::Refused, "refused", "evt dev status"),
                };
                Self::new(exit, code, error).hint(hint)
            }
            ControlError::Unreadable { .. } => {
                Self::new(Exit::Refused, "not_a_platform", error).hint("evt dev status")
            }
        }
    }
}
