//! Which event of the local platform a reference means.

use super::{chain, pick};
use crate::cli::Context;
use crate::error::CliError;
use crate::event::PlatformRef;
use crate::grammar::event_ref::EventRef;

/// Where an event is on the local platform.
pub(crate) enum Origin {
    Event(PlatformRef),
    /// The id of the run that delivered it.
    Run(String),
    /// No flow delivered it.
    Elsewhere,
}

/// Finds the event of the platform that a reference means. A webhook of the inbox means the event that its run is about.
///
/// # Errors
/// If there is no such event.
pub(crate) fn origin(reference: &EventRef, cx: &Context) -> Result<Origin, CliError> {
    if let EventRef::Platform(seq) = reference {
        return Ok(Origin::Event(PlatformRef(*seq)));
    }
    let event = pick::one(reference, cx)?;
    Ok(chain::run_of(&event).map_or(Origin::Elsewhere, Origin::Run))
}
