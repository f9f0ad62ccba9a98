//! Ties: more records of one instant than fit on a page. The date cannot separate them, so another criterion has to.
//!
//! A bulk update can stamp a whole table with one instant. Three ways are tried: one large page, then pages in the order of
//! keys, then passes over numbered pages. If none of them is complete, polling fails rather than skip the rest.

use super::PollError;
use super::ascending;
use super::checks::{compare_keys, keys_ascend, keys_descend, within};
use super::halt::{Halt, Violation};
use super::page::Page;
use super::passes;
use super::request::{Request, Sort};
use super::run::Run;
use super::server::Bound;
use crate::json::Raw;
use crate::watermark::Micros;

/// Page size of a page that is to hold a whole instant.
pub(super) const LARGE_PAGE: u32 = 2000;

/// The page of an instant from which the largest number of its records is known.
#[derive(Clone, Copy)]
pub(super) struct KnownPage {
    pub(super) records: usize,
    /// The requested page size.
    pub(super) size: u32,
}

/// What a large page shows of an instant.
enum Large {
    /// All of it. The next date is at this bound.
    Complete(Bound),
    /// This many records of it, and nothing else: there may be more.
    Partial(usize),
    /// The server accepts no large pages, or sent an empty one.
    Unsupported,
}

/// Emits all records of the instant at `from`, of which `page` is a part. Returns the bound after it.
pub(super) async fn read(run: &mut Run<'_>, from: &Bound, page: &Page) -> Result<Bound, Halt> {
    run.emit(page).await?;
    run.page_done().await?;
    let page_size = run.server.template.page_size;
    let mut known = KnownPage {
        records: page.len(),
        size: page_size,
    };
    // A page that is less than half full was hardly truncated: reading by key confirms that with less effort.
    let is_full = page.len() * 2 >= page_size as usize;
    if is_full {
        match in_one_page(run, from).await? {
            Large::Complete(next) => return Ok(next),
            Large::Partial(records) => {
                known = KnownPage {
                    records,
                    size: LARGE_PAGE,
                };
            }
            Large::Unsupported => {}
        }
    }
    let after = from.at + run.server.unit();
    let request = run.server.request_from(from, Sort::Ascending);
    by_key_or_pages(run, &request, from, after, known, page).await?;
    run.scan.complete_to = run.scan.complete_to.max(Some(from.at));
    Ok(run.server.bound_at(after))
}

/// Emits all records of an instant, `instant..after`: in the order of keys, or if the server does not support that, by passes
/// over the pages of `request`. `page` has some of them.
pub(super) async fn by_key_or_pages(
    run: &mut Run<'_>,
    request: &Request,
    instant: &Bound,
    after: Micros,
    known: KnownPage,
    page: &Page,
) -> Result<(), Halt> {
    let least = page.least_key(instant.at);
    match by_key(run, instant, after, least).await {
        Err(Halt::Violation(_)) => by_pages(run, request, instant, known).await,
        result => result,
    }
}

/// Reads an instant by passes. If they fail, the known page may still be complete: if the server is known to send larger pages
/// for the same page size, this one was not truncated.
async fn by_pages(
    run: &mut Run<'_>,
    request: &Request,
    instant: &Bound,
    known: KnownPage,
) -> Result<(), Halt> {
    let up_to = (request.sort == Sort::Ascending).then_some(instant.at);
    let violation = match passes::read(run, request, up_to).await {
        Err(Halt::Violation(violation)) => violation,
        result => return result,
    };
    let KnownPage { records, size } = known;
    let largest = |run: &Run<'_>| run.server.largest_pages.get(&size).copied().unwrap_or(0);
    if largest(run) <= records {
        // A page without bounds shows how large the server's pages can be.
        let everything = Request {
            size: Some(size),
            ..run.server.request()
        };
        match run.page(&everything).await {
            Ok(_) | Err(Halt::Refused(_)) => {}
            Err(halt) => return Err(halt),
        }
    }
    if largest(run) > records {
        return Ok(());
    }
    Err(PollError::Incomplete {
        why: format!(
            "more records than fit on a page have the date {}, and {violation}",
            instant.text
        ),
    }
    .into())
}

/// Reads an instant in one page. A page that reaches past the instant has all of it, as of one moment, so nothing can shift
/// between two pages.
async fn in_one_page(run: &mut Run<'_>, from: &Bound) -> Result<Large, Halt> {
    let request = run.server.request_from(from, Sort::Ascending);
    let page = large_page(run, &request, |page| ascending::check(page, from)).await?;
    let Some(page) = page.filter(|page| page.len() > 0) else {
        return Ok(Large::Unsupported);
    };
    run.emit(&page).await?;
    let next = page.latest().map(|at| run.server.bound_at(at));
    Ok(match next.filter(|next| next.at > from.at) {
        Some(next) => Large::Complete(next),
        None => Large::Partial(page.len()),
    })
}

/// Requests a page of [`LARGE_PAGE`] records; `None` if the server accepts no such page size.
pub(super) async fn large_page(
    run: &mut Run<'_>,
    request: &Request,
    check: impl Fn(&Page) -> Result<(), Violation>,
) -> Result<Option<Page>, Halt> {
    if run.server.capabilities.large_pages == Some(false) {
        return Ok(None);
    }
    let request = Request {
        size: Some(LARGE_PAGE),
        ..request.clone()
    };
    let page = run.checked_page(&request, check).await;
    let is_refused = matches!(page, Err(Halt::Violation(Violation::Refused)));
    if matches!(page, Ok(_) | Err(Halt::Violation(_))) {
        run.server.capabilities.large_pages = Some(!is_refused);
    }
    match is_refused {
        true => Ok(None),
        false => page.map(Some),
    }
}

/// Reads an instant in the order of keys. Each page starts after the last key of the one before. `least` is a key that the instant
/// has: if the first page starts after it, that page may be the response to a request of an earlier process.
async fn by_key(
    run: &mut Run<'_>,
    from: &Bound,
    after: Micros,
    least: Option<String>,
) -> Result<(), Halt> {
    let before = run.server.end_at(after);
    if before.at <= from.at {
        return Err(Violation::Bounds.into());
    }
    let has_large_pages = run.server.capabilities.large_pages == Some(true);
    let instant = Request {
        before: Some(before.text.clone()),
        size: has_large_pages.then_some(LARGE_PAGE),
        ..run.server.request_from(from, Sort::Key)
    };
    let is_inside = |page: &Page| within(page, from.least, before.at);
    let mut is_retry = false;
    loop {
        let found = read_keys(run, &instant, is_inside).await?;
        let Some((first, last)) = found else {
            return Ok(());
        };
        let starts_late = least
            .as_ref()
            .is_some_and(|least| compare_keys(Raw::new(&first), Raw::new(least)).is_gt());
        if run.server.capabilities.key_sort == Some(true) && !starts_late {
            return Ok(());
        }
        match verify_key_order(run, &instant, first, &last, is_inside).await {
            // Records may have appeared or been deleted since they were read: read them again.
            Err(Halt::Violation(Violation::Keys)) if !is_retry => is_retry = true,
            verified => return verified,
        }
    }
}

/// Emits the records that `instant` finds, in the order of keys. Returns the first and the last key.
async fn read_keys(
    run: &mut Run<'_>,
    instant: &Request,
    is_inside: impl Fn(&Page) -> Result<(), Violation>,
) -> Result<Option<(String, String)>, Halt> {
    let (mut first, mut last) = (None, None::<String>);
    loop {
        let request = Request {
            after: last.clone(),
            ..instant.clone()
        };
        let check = |page: &Page| {
            is_inside(page)?;
            keys_ascend(page, last.as_deref())
        };
        let Some(page) = run.next_page(&request, check).await? else {
            return Ok(first.zip(last));
        };
        first = first.or_else(|| page.first_key());
        last = page.last_key();
        let next = Request {
            after: last.clone(),
            ..instant.clone()
        };
        run.server.prefetch(&next).await;
        run.emit(&page).await?;
        run.page_done().await?;
    }
}

/// Verifies that the server sorts by key on request, and did not send ascending keys by accident: no key is before the first,
/// and in descending order the last key comes first.
async fn verify_key_order(
    run: &mut Run<'_>,
    request: &Request,
    first: String,
    last: &str,
    is_inside: impl Fn(&Page) -> Result<(), Violation>,
) -> Result<(), Halt> {
    let reversed = Request {
        sort: Sort::KeyDescending,
        ..request.clone()
    };
    let check = |page: &Page| {
        is_inside(page)?;
        keys_descend(page)?;
        match page.first_key().is_none_or(|greatest| greatest == last) {
            true => Ok(()),
            false => Err(Violation::Keys),
        }
    };
    run.checked_page(&reversed, check).await?;
    let before = Request {
        below: Some(first),
        ..request.clone()
    };
    match run.next_page(&before, is_inside).await? {
        None => Ok(()),
        Some(_) => Err(Violation::Keys.into()),
    }
}
