//! Verifies that a page begins where its request does.
//!
//! A page that was the response to a later request, and now comes from a cache or an outdated replica, is in order and within its
//! bounds. To continue after it would lose the records before it, and only the process that sent the later request could
//! recognise it. So nothing here depends on what a process remembers: a page that does not begin at its bound is compared
//! with what the server has below the page's first record, from just below the bound on. That also shows whether the server's
//! `$gte` works as `$gt`.

use std::sync::atomic::{AtomicBool, Ordering};

use super::PollError;
use super::ascending::check;
use super::checks::within;
use super::halt::{Halt, Violation};
use super::page::Page;
use super::request::{Request, Sort};
use super::run::Run;
use super::server::Bound;
use crate::watermark::Micros;

/// How often a page with a gap is requested again.
const TRIES: u32 = 5;
/// Empty responses in a row that prove that nothing is below a page.
const EMPTY_RESPONSES: u32 = 2;

/// Returns the page, or a later response to the same request, once no record is missing between the bound and the page's first
/// record; `None` once enough responses were empty. If the server excludes records at a bound, `from` is corrected.
///
/// # Errors
/// [`PollError::Stale`] if records stay missing, or a violation if the server may just not sort.
pub(super) async fn without_gap(
    run: &mut Run<'_>,
    from: &mut Bound,
    mut page: Page,
) -> Result<Option<Page>, Halt> {
    let mut tries = 0;
    loop {
        let first = page.earliest().map(|at| run.server.bound_at(at).at);
        // The record at the bound was read before, so the page begins with it.
        let Some(first) = first.filter(|first| *first > from.at) else {
            return Ok(Some(page));
        };
        let Some(missing) = missing_before(run, from, &page, first).await? else {
            return Ok(Some(page));
        };
        tries += 1;
        let is_excluded = tries > 1 && missing == from.at;
        if is_excluded && !run.server.capabilities.excludes_bound {
            run.server.capabilities.excludes_bound = true;
            *from = run.server.bound_at(from.at);
        } else if tries > TRIES {
            return Err(halt(run, from, &page, missing));
        } else {
            run.server.pacing.back_off(tries).await?;
        }
        let request = run.server.request_from(from, Sort::Ascending);
        match run.next_page(&request, |page| check(page, from)).await? {
            Some(next) => page = next,
            None => return Ok(None),
        }
    }
}

fn halt(run: &Run<'_>, from: &Bound, page: &Page, missing: Micros) -> Halt {
    if run.server.capabilities.sort == Some(true) {
        let why = format!(
            "a record dated {missing} is missing from the page that begins at {}",
            from.at
        );
        return PollError::Stale { why }.into();
    }
    // The server may sort only by accident, or always in descending order.
    match page.single_instant() {
        Some(_) => Violation::Reversed.into(),
        None => Violation::Unsorted.into(),
    }
}

/// The date of a record between a bound and `first`, the date of a page's first record; `None` if there is no such record.
async fn missing_before(
    run: &mut Run<'_>,
    from: &Bound,
    page: &Page,
    first: Micros,
) -> Result<Option<Micros>, Halt> {
    let below = run.server.bound_at(from.at - run.server.unit());
    let end = run.server.end_at(first);
    if !run.server.capabilities.lacks_upper_bounds {
        let request = Request {
            before: Some(end.text.clone()),
            ..run.server.request_from(&below, Sort::Descending)
        };
        let is_same = AtomicBool::new(false);
        let check = |found: &Page| {
            let is_within = within(found, below.least, end.at);
            // Two requests with opposite orders and bounds have the same response, of several dates: it is outdated.
            let is_ordered = page.single_instant().is_none();
            let same = is_within.is_err() && is_ordered && found.hash() == page.hash();
            is_same.store(same, Ordering::Relaxed);
            is_within
        };
        let found = run
            .server
            .page_or_empty(EMPTY_RESPONSES, &mut run.output, &request, check)
            .await;
        match found {
            Err(Halt::Violation(_)) if is_same.load(Ordering::Relaxed) => {
                let why = "different requests have the same response".to_owned();
                return Err(PollError::Stale { why }.into());
            }
            Err(Halt::Violation(Violation::Bounds | Violation::Refused)) => {
                run.server.capabilities.lacks_upper_bounds = true;
            }
            found => return Ok(found?.and_then(|found| earliest_of(&found, from.at, first))),
        }
    }
    if page.single_instant().is_some() && run.server.capabilities.sort != Some(true) {
        // The page is in every order, so it does not even show that the server sorts.
        return Err(Violation::Unsorted.into());
    }
    let request = run.server.request_from(&below, Sort::Ascending);
    let found = run.next_page(&request, |page| check(page, &below)).await?;
    Ok(found.and_then(|found| earliest_of(&found, from.at, first)))
}

/// The earliest date on the page in `from..before`.
fn earliest_of(page: &Page, from: Micros, before: Micros) -> Option<Micros> {
    let dates = page.rows.iter().filter_map(|row| row.at);
    dates.filter(|at| *at >= from && *at < before).min()
}
