//! Reads an event from the running platform, whose events are not in the inbox.

use tokio::runtime::Handle;

use super::EventsError;
use crate::archive::ndjson;
use crate::cli::Context;
use crate::control::Control;
use crate::error::CliError;
use crate::event::{Event, PlatformRef, Seq, Source};

/// Returns an event of the local platform, with its exact bytes.
///
/// # Errors
/// The platform is not running, or has no such event.
pub(super) fn event(seq: Seq, cx: &Context) -> Result<Event, CliError> {
    let reference = || PlatformRef(seq).to_string();
    let running = cx
        .running()?
        .ok_or_else(|| EventsError::PlatformNotRunning {
            reference: reference(),
        })?;
    let path = format!(
        "/_evt/events?after={}&limit=1&exact=true",
        seq.0.saturating_sub(1)
    );
    let page = Handle::current().block_on(Control::of(&running).get(&path))?;
    let found = &page["events"][0];
    if found["seq"].as_i64() != Some(seq.0) {
        return Err(EventsError::NoPlatformEvent {
            reference: reference(),
        }
        .into());
    }
    let read = ndjson::read(found.to_string().as_bytes())?;
    Ok(Event {
        seq: Some(seq),
        source: Source::Dev,
        ..read
    })
}
