//! Reads newest first, for servers that only sort this way: the upper bound moves. The frontier moves at the very end, to the
//! latest date of the first page. Until then the older records are missing, and what changes meanwhile is left to the next scan.

use super::PollError;
use super::checks::{ordered, within};
use super::halt::{Halt, Violation};
use super::page::Page;
use super::request::{Request, Sort};
use super::run::Run;
use super::server::Bound;
use super::ties::{self, KnownPage, LARGE_PAGE};
use crate::watermark::Micros;

/// How often a page is requested and verified before the server is held not to sort.
const VERIFICATIONS: u32 = 4;

/// Reads everything from `start` on.
pub(super) async fn read(run: &mut Run<'_>, start: Micros) -> Result<(), Halt> {
    let mut from = run.server.bound_at(start);
    let mut before = None;
    let mut latest = None;
    loop {
        let request = Request {
            before: before.map(|at| run.server.end_at(at).text),
            ..run.server.request_from(&from, Sort::Descending)
        };
        let (lower, upper) = (from.least, before.unwrap_or(Micros::MAX));
        let check = |page: &Page| {
            within(page, lower, upper)?;
            ordered(page, false)
        };
        let Some(page) = next_verified(run, &request, start, before, check).await? else {
            break;
        };
        // The first page may have shown in which format the server writes dates.
        from = run.server.bound_at(start);
        latest = latest.or(page.latest());
        let Some(earliest) = page.earliest() else {
            break;
        };
        run.emit(&page).await?;
        let instant = run.server.bound_at(earliest);
        let after = instant.at + run.server.unit();
        // The next page ends with this instant, not before it: more records may share it. A page of nothing but the instant at
        // which it had to end makes no progress by date.
        let is_tie = page.single_instant().is_some() && before == Some(after);
        before = Some(match is_tie {
            true => read_ties(run, &request, &instant, after, &page, check).await?,
            false => after,
        });
        run.page_done().await?;
        if instant.at <= from.at && before == Some(instant.at) {
            break;
        }
    }
    run.scan.complete_to = run.scan.complete_to.max(latest);
    run.scan.verified_bound = Some(from.at);
    Ok(())
}

/// Emits all records of an instant. Returns the upper bound of the next page.
async fn read_ties(
    run: &mut Run<'_>,
    request: &Request,
    instant: &Bound,
    after: Micros,
    first: &Page,
    check: impl Fn(&Page) -> Result<(), Violation>,
) -> Result<Micros, Halt> {
    let mut known = KnownPage {
        records: first.len(),
        size: run.server.template.page_size,
    };
    let page = ties::large_page(run, request, check).await?;
    if let Some(page) = page.filter(|page| page.len() > 0) {
        known = KnownPage {
            records: page.len(),
            size: LARGE_PAGE,
        };
        run.emit(&page).await?;
        let next = page.earliest().map(|at| run.server.bound_at(at).at);
        if let Some(next) = next.filter(|next| *next < instant.at) {
            return Ok(next + run.server.unit());
        }
    }
    let pages = Request {
        from: Some(instant.text.clone()),
        ..request.clone()
    };
    ties::by_key_or_pages(run, &pages, instant, after, known, first).await?;
    Ok(instant.at)
}

/// Requests a page, and verifies that the server sorts, and did not send descending records by accident.
///
/// A server that also sorts in ascending order on request does sort. For any other, a page alone proves nothing: records that
/// are stored in descending order, or in parts of it, look sorted while others are missing between them. So each page is
/// compared with what the server has between the page's dates. A record that appears there after the page was sent looks like
/// a missing one, so the page is requested and verified again.
async fn next_verified(
    run: &mut Run<'_>,
    request: &Request,
    start: Micros,
    before: Option<Micros>,
    check: impl Fn(&Page) -> Result<(), Violation>,
) -> Result<Option<Page>, Halt> {
    let mut tries = 0;
    loop {
        let Some(page) = run.next_page(request, &check).await? else {
            return Ok(None);
        };
        let from = run.server.bound_at(start);
        let may_sort = tries == 0 && before.is_none() && run.server.capabilities.sort != Some(true);
        if may_sort && sorts_ascending(run, &from, &page).await? {
            run.server.capabilities.sort = Some(true);
        }
        let sorts = run.server.capabilities.sort == Some(true);
        // The record just below the upper bound was read before, so the page begins with it.
        let begins_at_bound = before.is_none_or(|before| {
            let latest = page.latest();
            latest.is_none_or(|latest| latest + run.server.unit() >= before)
        });
        if sorts && begins_at_bound {
            return Ok(Some(page));
        }
        tries += 1;
        match verify_order(run, &from, &page, before).await {
            Ok(()) => return Ok(Some(page)),
            Err(Halt::Violation(Violation::Unsorted)) if tries < VERIFICATIONS => {}
            Err(Halt::Violation(Violation::Unsorted)) if sorts => {
                let why = "records are missing from a page that another request returns";
                return Err(PollError::Stale {
                    why: why.to_owned(),
                }
                .into());
            }
            Err(halt) => return Err(halt),
        }
    }
}

/// Verifies that no record is missing from the page.
async fn verify_order(
    run: &mut Run<'_>,
    start: &Bound,
    page: &Page,
    before: Option<Micros>,
) -> Result<(), Halt> {
    verify_no_others(run, page, before).await?;
    match before {
        None => verify_newest(run, start, page).await,
        Some(_) => Ok(()),
    }
}

/// Whether the server returns the earliest records first on request.
async fn sorts_ascending(run: &mut Run<'_>, start: &Bound, page: &Page) -> Result<bool, Halt> {
    let earliest = page.earliest();
    let check = |ascending: &Page| {
        ordered(ascending, true)?;
        match ascending.single_instant().is_none() && ascending.first_date() <= earliest {
            true => Ok(()),
            false => Err(Violation::Unsorted),
        }
    };
    let request = run.server.request_from(start, Sort::Ascending);
    match run.next_page(&request, check).await {
        Ok(page) => Ok(page.is_some()),
        Err(Halt::Violation(_)) => Ok(false),
        Err(halt) => Err(halt),
    }
}

/// Verifies that the first page has the newest records: nothing is after it, unless it has appeared since.
async fn verify_newest(run: &mut Run<'_>, start: &Bound, page: &Page) -> Result<(), Halt> {
    let Some(latest) = page.latest() else {
        return Ok(());
    };
    let above = run.server.bound_at(latest + run.server.unit());
    let newer = run.server.request_from(&above, Sort::Descending);
    let check = |page: &Page| within(page, above.least, Micros::MAX);
    let found = run.next_page(&newer, check).await?;
    if found
        .and_then(|found| found.latest())
        .is_none_or(|found| found <= latest)
    {
        return Ok(());
    }
    let first = run.server.request_from(start, Sort::Descending);
    let has_grown = |page: &Page| match page.latest() {
        Some(now_latest) if now_latest > latest => Ok(()),
        _ => Err(Violation::Unsorted),
    };
    run.checked_page(&first, has_grown).await?;
    Ok(())
}

/// Verifies that the server has no other records between the page's dates.
///
/// The request covers the dates after the page's earliest instant, up to the page's upper bound. These records are fewer than a
/// page, so any additional one would be on it.
async fn verify_no_others(
    run: &mut Run<'_>,
    page: &Page,
    before: Option<Micros>,
) -> Result<(), Halt> {
    let (Some(earliest), Some(latest)) = (page.earliest(), page.latest()) else {
        return Ok(());
    };
    let unit = run.server.unit();
    let from = run.server.bound_at(earliest + unit);
    let before = run.server.end_at(before.unwrap_or(latest + unit));
    if from.at >= before.at {
        return Ok(());
    }
    let request = Request {
        before: Some(before.text.clone()),
        ..run.server.request_from(&from, Sort::Descending)
    };
    let check = |page: &Page| within(page, from.least, before.at);
    let found = run.next_page(&request, check).await?.unwrap_or_default();
    let known = page.key_hashes();
    match found.key_hashes().iter().all(|key| known.contains(key)) {
        true => Ok(()),
        false => Err(Violation::Unsorted.into()),
    }
}
