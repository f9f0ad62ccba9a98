//! The local platform, for commands that need its control API.

use crate::cli::Context;
use crate::cli::events::{Origin, origin};
use crate::control::Control;
use crate::error::{CliError, Exit};
use crate::grammar::event_ref::EventRef;
use crate::running::DEFAULT_PLATFORM;

/// The client of the control API of the platform that the command uses.
///
/// # Errors
/// If the profile is that of a remote platform, or the local one is not running.
pub(super) fn control(cx: &Context) -> Result<Control, CliError> {
    let name = cx.profile_name();
    if !cx.is_local(&name) {
        return Err(CliError::new(
            Exit::Usage,
            "needs_local_platform",
            format!("only a local platform explains flows; the profile `{name}` is not local"),
        )
        .hint("evt dev, then add: --profile local"));
    }
    let running = cx.running()?.ok_or_else(|| cx.not_running())?;
    Ok(Control::of(&running))
}

/// A path of the platform on the control port.
pub(super) fn path(rest: &str) -> String {
    format!("/_evt/{DEFAULT_PLATFORM}/flows/{rest}")
}

/// The query that names an event: `event=p_7f3a` or `run=exec-…`.
///
/// # Errors
/// If the event is not one of the local platform.
pub(super) fn event_query(text: &str, cx: &Context) -> Result<(&'static str, String), CliError> {
    if text.starts_with("exec-") {
        return Ok(("run", text.to_owned()));
    }
    let reference: EventRef = text.parse()?;
    let found = origin(&reference, cx).map_err(|error| match error.exit {
        Exit::NotFound => error.hint("evt flows runs     lists runs, whose ids are accepted, too"),
        _ => error,
    })?;
    match found {
        Origin::Event(reference) => Ok(("event", reference.to_string())),
        Origin::Run(run) => Ok(("run", run)),
        Origin::Elsewhere => Err(CliError::new(
            Exit::Usage,
            "not_of_the_platform",
            format!("{reference} was not sent by a flow, so no flow of the platform heard it"),
        )
        .hint("evt tail     prints the platform's events with their references, such as p_7f3a")),
    }
}
