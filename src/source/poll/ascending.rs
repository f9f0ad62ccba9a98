//! Reads oldest first: the lower bound moves to the last date read, never to a page number. A record that is updated meanwhile
//! moves ahead of the reader.

use std::time::Duration;

use super::checks::{ordered, within};
use super::gap;
use super::halt::{Halt, Violation};
use super::page::Page;
use super::request::Sort;
use super::run::Run;
use super::scan::Scan;
use super::server::{Bound, Server};
use super::ties;
use crate::watermark::Micros;

/// The `Date` header has whole seconds, so the server's clock may be this much later.
const CLOCK_UNIT: Duration = Duration::from_secs(1);

/// Reads everything from `start` on.
pub(super) async fn read(run: &mut Run<'_>, start: Micros) -> Result<(), Halt> {
    let mut from = run.server.bound_at(start);
    let mut is_retry = false;
    loop {
        let request = run.server.request_from(&from, Sort::Ascending);
        let Some(page) = run.next_page(&request, |page| check(page, &from)).await? else {
            return Ok(());
        };
        let Some(page) = gap::without_gap(run, &mut from, page).await? else {
            return Ok(());
        };
        run.scan.verified_bound = Some(from.at);
        let next = page.latest().map(|at| run.server.bound_at(at));
        match next.filter(|next| next.at > from.at) {
            Some(next) => {
                match verify_order(run, &from, &page).await {
                    // Records may have appeared or been deleted since the page was sent: request it again.
                    Err(Halt::Violation(_)) if !is_retry => {
                        is_retry = true;
                        continue;
                    }
                    verified => verified?,
                }
                is_retry = false;
                if run.options.until.is_some_and(|until| next.at >= until) {
                    return run.emit(&page).await;
                }
                // The next page starts at the last instant, not after it: more records may share that instant. Those that
                // were read already are not emitted again.
                let next = skip_recent_changes(&run.server, &run.scan, next);
                let ahead = run.server.request_from(&next, Sort::Ascending);
                run.server.prefetch(&ahead).await;
                run.emit(&page).await?;
                from = next;
            }
            // The page does not reach past the instant of the bound, so the date alone cannot make progress.
            None => {
                let next = ties::read(run, &from, &page).await?;
                if next.at <= from.at {
                    // There is no later bound than the end of time.
                    return Ok(());
                }
                from = skip_recent_changes(&run.server, &run.scan, next);
            }
        }
        run.page_done().await?;
    }
}

/// Checks a page of ascending dates from a bound on.
pub(super) fn check(page: &Page, from: &Bound) -> Result<(), Violation> {
    within(page, from.least, Micros::MAX)?;
    ordered(page, true)
}

/// Moves the bound past what has changed since the scan began: the next scan reads it. Where records change faster than they
/// are read, this one would never end. Records from the future are still read.
fn skip_recent_changes(server: &Server<'_>, scan: &Scan, next: Bound) -> Bound {
    let Some(began) = server.clock else {
        return next;
    };
    let now = began + scan.elapsed() + CLOCK_UNIT;
    match next.at > began + CLOCK_UNIT && next.at < now {
        true => server.bound_at(now),
        false => next,
    }
}

/// Verifies once that the server sorts on request, by requesting the opposite order.
///
/// A page in ascending order proves nothing: records that were stored in this order, or in parts of it, arrive so from a server
/// that ignores the sort. The first such page that is out of order may come after records have been skipped. A server that
/// returns the same records in descending order on request does sort.
async fn verify_order(run: &mut Run<'_>, from: &Bound, page: &Page) -> Result<(), Halt> {
    let (Some(first), Some(last)) = (page.earliest(), page.latest()) else {
        return Ok(());
    };
    if run.server.capabilities.sort == Some(true) {
        return Ok(());
    }
    if first == last {
        // It is in every order. That nothing is before it has been verified.
        return Ok(());
    }
    let request = run.server.request_from(from, Sort::Descending);
    let check = |page: &Page| {
        ordered(page, false)?;
        match page.first_date() {
            Some(latest) if latest >= last => Ok(()),
            _ => Err(Violation::Unsorted),
        }
    };
    match run.checked_page(&request, check).await {
        // An empty page proves nothing.
        Ok(page) if page.len() == 0 => Ok(()),
        Ok(_) => {
            run.server.capabilities.sort = Some(true);
            Ok(())
        }
        Err(Halt::Violation(violation)) => {
            run.server.capabilities.sort = Some(false);
            Err(violation.into())
        }
        Err(halt) => Err(halt),
    }
}
