//! The server's clock. If it goes back, records are dated before what has been read already.

use std::time::Duration;

use super::PollError;
use super::halt::Halt;
use super::request::Request;
use super::run::Run;
use crate::source::Notice;
use crate::watermark::{Micros, ServerClock};

/// The `Date` header has whole seconds.
const UNIT: Duration = Duration::from_secs(1);
/// How often the server is asked for the time again before its clock is held to have gone back. A single response may come from a
/// cache, or from a server whose clock is wrong.
const CHECKS: u32 = 3;

/// Notes the server's time. If its clock went back further than the lookback covers, moves the frontier to the earliest date
/// that a record may have been given since. Returns whether it did: then the scan must read again from there.
///
/// # Errors
/// [`PollError::ClockWentBack`] with [`PollOptions::fail_on_gap`](super::PollOptions::fail_on_gap).
pub(super) async fn went_back(run: &mut Run<'_>) -> Result<bool, Halt> {
    let (Some(mut last), Some(frontier)) = (run.server.last_clock, run.output.position.frontier)
    else {
        return Ok(false);
    };
    let known = run.output.position.clock;
    let reach = frontier - run.options.lookback;
    let is_gap = |last| earliest_since(known, last) + UNIT < reach;
    for _ in 0..CHECKS {
        if !is_gap(last) {
            break;
        }
        let request = Request {
            size: Some(1),
            ..run.server.request()
        };
        match run.page(&request).await {
            Ok(_) | Err(Halt::Refused(_)) => {}
            Err(halt) => return Err(halt),
        }
        if let Some(now) = run.server.last_clock.filter(|now| now.server > last.server) {
            last = now;
        }
    }
    let earliest = earliest_since(known, last);
    let position = &mut run.output.position;
    if !is_gap(last) {
        // Records may still appear before the frontier.
        position.settled &= frontier <= earliest;
        position.clock = Some(last);
        return Ok(false);
    }
    let now = last.server;
    if run.options.fail_on_gap {
        return Err(PollError::ClockWentBack { now, frontier }.into());
    }
    position.move_back(earliest, run.options.lookback, last.local);
    position.clock = Some(last);
    run.server.clock = Some(now);
    run.scan.quick_frontier = None;
    run.output.notice(Notice::Remark(format!(
        "The server's clock went back to {now}, but records up to {frontier} have been read. Reading again from {earliest}: records that were printed before may be printed again."
    )));
    Ok(true)
}

/// The earliest date that the server can have given to a record since its clock was `known`.
fn earliest_since(known: Option<ServerClock>, last: ServerClock) -> Micros {
    match known.filter(|known| last.server < known.server) {
        // The clock went back at some time since, at the earliest right after it was seen.
        Some(known) => last.server - last.local.since(known.local),
        None => last.server,
    }
}
