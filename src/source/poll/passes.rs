//! Reads every page, pass after pass, until a pass finds nothing new: for servers whose order or bounds cannot be used.
//!
//! Records shift between pages while they are read, so a single pass can miss some.

use super::capabilities::Paging;
use super::halt::{Halt, Violation};
use super::page::Page;
use super::request::{PagePointer, Request};
use super::run::Run;
use super::server::EMPTY_RESPONSES;
use crate::watermark::Micros;

/// By how many records the next page overlaps the last one, because records shift while they are read.
const OVERLAP: u64 = 5;
/// Maximum number of passes. A datatype that changes faster than it is read is never complete.
const MAX_PASSES: u32 = 60;
/// Passes in a row without a new record after which everything has been read. A server that sends the same order each time needs
/// one; one that changes the order can hide a record from several passes.
const QUIET_PASSES_STABLE: u32 = 1;
const QUIET_PASSES_UNSTABLE: u32 = 10;

/// How often a comparison of two pages starts again because the first page has changed meanwhile.
const COMPARISONS: u32 = 10;

/// Reads everything that `request` finds, or the part of it that is not after `up_to`.
///
/// # Errors
/// [`Halt::Violation`] if the server's pages cannot be read completely.
pub(super) async fn read(
    run: &mut Run<'_>,
    request: &Request,
    up_to: Option<Micros>,
) -> Result<(), Halt> {
    let needed = match is_stable(run, request).await? {
        true => QUIET_PASSES_STABLE,
        false => QUIET_PASSES_UNSTABLE,
    };
    let (mut quiet, mut wrong_paging) = (0, 0);
    for _ in 0..MAX_PASSES {
        let Some(paging) = find_paging(run, request).await? else {
            return Err(Violation::SamePage.into());
        };
        let before = run.scan.new_rows;
        let total = match pass(run, request, paging, up_to).await {
            Ok(total) => total,
            // The pass has shown that the server pages in another way. Detect the way of paging again.
            Err(Halt::Violation(_))
                if run.server.capabilities.paging.is_none() && wrong_paging < EMPTY_RESPONSES =>
            {
                wrong_paging += 1;
                continue;
            }
            Err(halt) => return Err(halt),
        };
        run.commit().await?;
        let is_quiet = run.scan.new_rows == before;
        quiet = if is_quiet { quiet + 1 } else { 0 };
        let is_unstable = needed > QUIET_PASSES_STABLE;
        if quiet >= needed && !(is_unstable && misses_records(run, total, up_to)?) {
            return Ok(());
        }
    }
    Err(Violation::NeverQuiet { passes: MAX_PASSES }.into())
}

/// Whether the server reports more records than are known.
fn misses_records(
    run: &mut Run<'_>,
    total: Option<u64>,
    up_to: Option<Micros>,
) -> Result<bool, Halt> {
    // Only if every record of the total would be remembered.
    let is_comparable =
        up_to.is_none() && run.scan.undated == 0 && run.output.position.trimmed.is_none();
    match total {
        Some(total) if is_comparable => Ok(run.output.state.distinct_keys()? < total),
        _ => Ok(false),
    }
}

/// Reads every page once. Returns the total that the server reported last.
async fn pass(
    run: &mut Run<'_>,
    request: &Request,
    paging: Paging,
    up_to: Option<Micros>,
) -> Result<Option<u64>, Halt> {
    let is_after = |at: Option<Micros>| up_to.is_some_and(|up_to| at.is_none_or(|at| at > up_to));
    let known = run.output.state.distinct_keys()?;
    let (emitted_before, mut skipped) = (run.output.emitted, 0);
    let (mut offset, mut number) = (0, 0);
    let (mut last_keys, mut last_request, mut repeats) = (Vec::new(), None, 0);
    let mut total = None;
    loop {
        let pointer = match paging {
            _ if number == 0 => PagePointer::First,
            Paging::Skip => PagePointer::Skip(offset),
            Paging::Number { first } => PagePointer::Number(first + number),
        };
        let request = request.at_page(pointer);
        let Some(page) = next_page(run, &request).await? else {
            return Ok(total);
        };
        total = page.total.or(total);
        let keys = page.key_hashes();
        if keys == last_keys {
            // The end of a server that repeats its last page, or a page from a cache.
            repeats += 1;
            if repeats < EMPTY_RESPONSES {
                continue;
            }
            // If the records have shifted by a page, this page is what the last one was, and more pages follow.
            if is_still(run, last_request.as_ref(), &keys).await? {
                if number > 1 {
                    return Ok(total);
                }
                // The second page is the first one again, so paging works in another way.
                run.server.capabilities.paging = None;
                return Err(Violation::SamePage.into());
            }
        }
        repeats = 0;
        let rows = page.rows.iter().filter(|row| !is_after(row.at));
        skipped += page.rows.iter().filter(|row| is_after(row.at)).count() as u64;
        run.emit_rows(&page, rows).await?;
        run.page_done().await?;
        let is_sorted = run.server.capabilities.sort == Some(true);
        if is_sorted && page.rows.last().is_some_and(|row| is_after(row.at)) {
            return Ok(total);
        }
        let length = page.len() as u64;
        offset += length - OVERLAP.min(length / 2);
        number += 1;
        (last_keys, last_request) = (keys, Some(request));
        // An offset far beyond the number of records read so far shows that the server repeats pages.
        let emitted = run.output.emitted - emitted_before;
        let met = known + emitted + skipped + run.scan.excluded + run.scan.undated;
        if offset > 2 * met + 20 * u64::from(run.server.template.page_size) {
            return Err(Violation::EndlessPages.into());
        }
    }
}

/// Whether `request` returns a page of these keys now.
async fn is_still(
    run: &mut Run<'_>,
    request: Option<&Request>,
    keys: &[u64],
) -> Result<bool, Halt> {
    let Some(request) = request else {
        return Ok(false);
    };
    let page = next_page(run, request).await?;
    Ok(page.is_some_and(|page| page.key_hashes() == keys))
}

/// Requests a page of a pass; `None` once enough responses were empty.
async fn next_page(run: &mut Run<'_>, request: &Request) -> Result<Option<Page>, Halt> {
    for _ in 0..EMPTY_RESPONSES {
        match run.page(request).await {
            Ok(page) if page.len() == 0 => {}
            Ok(page) => return Ok(Some(page)),
            Err(Halt::Refused(refused)) => {
                return Err(Violation::RefusesPage(refused.to_string()).into());
            }
            Err(halt) => return Err(halt),
        }
    }
    Ok(None)
}

/// Whether the same request returns the same page.
async fn is_stable(run: &mut Run<'_>, request: &Request) -> Result<bool, Halt> {
    let mut seen: Vec<Vec<u64>> = Vec::new();
    for _ in 0..EMPTY_RESPONSES {
        let keys = run.page(request).await?.key_hashes();
        if seen.contains(&keys) {
            return Ok(true);
        }
        seen.push(keys);
    }
    Ok(false)
}

/// Finds out how the server pages: by the parameter that returns another page than the first. `None` if neither does.
async fn find_paging(run: &mut Run<'_>, request: &Request) -> Result<Option<Paging>, Halt> {
    if let Some(paging) = run.server.capabilities.paging {
        return Ok(Some(paging));
    }
    let first = match next_page(run, request).await {
        Ok(Some(page)) => page,
        Ok(None) | Err(Halt::Violation(_)) => return Ok(Some(Paging::Skip)),
        Err(halt) => return Err(halt),
    };
    let mut keys = first.key_hashes();
    let skip = request.at_page(PagePointer::Skip(first.len() as u64));
    let second = request.at_page(PagePointer::Number(2));
    let found = if differs(run, &skip, &mut keys).await? {
        Paging::Skip
    } else if differs(run, &second, &mut keys).await? {
        // Where page 1 is the second page, the first one is page 0.
        let one = request.at_page(PagePointer::Number(1));
        let first = u64::from(!differs(run, &one, &mut keys).await?);
        Paging::Number { first }
    } else {
        return Ok(None);
    };
    run.server.capabilities.paging = Some(found);
    Ok(Some(found))
}

/// Whether `request` returns another page than the first, or nothing. A cached or spuriously empty page may come now and then,
/// so the same answer has to come several times.
///
/// `first` has the keys of the first page. They grow old: once the records have shifted by a page, the second page has them.
/// So the first page is requested again before anything is concluded from it.
async fn differs(run: &mut Run<'_>, request: &Request, first: &mut Vec<u64>) -> Result<bool, Halt> {
    for _ in 0..COMPARISONS {
        let (differs, keys) = compare(run, request, first).await?;
        let Some(keys) = keys else {
            return Ok(differs);
        };
        let Some(page) = next_page(run, &request.at_page(PagePointer::First)).await? else {
            return Ok(true);
        };
        *first = page.key_hashes();
        if is_same(&keys, first) != differs {
            return Ok(differs);
        }
    }
    // Records change too fast to compare pages. If this is wrong, the pass gets the same page again.
    Ok(true)
}

/// Whether `request` returns other keys than `first`, and which; no keys if the request is refused or finds nothing.
async fn compare(
    run: &mut Run<'_>,
    request: &Request,
    first: &[u64],
) -> Result<(bool, Option<Vec<u64>>), Halt> {
    let (mut same, mut other, mut empty) = (0, 0, 0);
    loop {
        let page = match run.page(request).await {
            Err(Halt::Refused(_)) => return Ok((false, None)),
            page => page?,
        };
        let keys = page.key_hashes();
        if keys.is_empty() {
            empty += 1;
        } else if is_same(&keys, first) {
            (same, empty) = (same + 1, 0);
        } else {
            (other, empty) = (other + 1, 0);
        }
        if empty == EMPTY_RESPONSES {
            return Ok((true, None));
        }
        if same == EMPTY_RESPONSES {
            return Ok((false, Some(keys)));
        }
        if other == 2 {
            return Ok((true, Some(keys)));
        }
    }
}

/// Whether most of a page's keys are on the first page.
fn is_same(keys: &[u64], first: &[u64]) -> bool {
    let shared = keys.iter().filter(|key| first.contains(key)).count();
    shared * 2 > keys.len()
}
