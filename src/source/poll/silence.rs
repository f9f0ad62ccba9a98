//! A scan that finds nothing where records were read before: they may be deleted, or the response is wrong.

use super::halt::Halt;
use super::request::Sort;
use super::run::Run;
use super::{PollError, lookup};
use crate::watermark::Micros;

/// The number of known records that are requested by key.
const SAMPLE: usize = 3;

/// Requests some of the records by key that were read from `start` on. Returns whether all of them are gone, so that the scan
/// was right to find nothing.
///
/// # Errors
/// [`PollError::Stale`] if the server has one of them, with a date that the scan should have found.
pub(super) async fn is_explained(run: &mut Run<'_>, start: Micros) -> Result<bool, Halt> {
    let Some(frontier) = run.output.position.frontier else {
        return Ok(true);
    };
    let known = run.output.state.keys_dated(start, frontier, SAMPLE)?;
    for key in known {
        let page = match lookup::find(run, &key).await {
            // A server that cannot search by key shows nothing.
            Ok(None) | Err(Halt::Violation(_)) => continue,
            Ok(Some(page)) => page,
            Err(halt) => return Err(halt),
        };
        let at = page.earliest().map(|at| run.server.bound_at(at).at);
        let from = run.server.bound_at(start);
        if at.is_some_and(|at| at >= from.at) {
            // It may have changed after the scan. Then the next scan reads it.
            let request = run.server.request_from(&from, Sort::Ascending);
            if run.next_page(&request, |_| Ok(())).await?.is_some() {
                return Ok(false);
            }
            if at == Some(from.at) && !run.server.capabilities.excludes_bound {
                run.server.capabilities.excludes_bound = true;
                return Ok(false);
            }
            let key = lookup::quoted(&String::from_utf8_lossy(&key));
            let key: String = key.chars().take(80).collect();
            let why = format!("the record {key} exists, but no request by date finds it");
            return Err(PollError::Stale { why }.into());
        }
    }
    Ok(true)
}
