//! The first requests to an unknown server: what its pages look like, and whether it respects bounds.

use super::PollError;
use super::checks::{compare_keys, keys_ascend, keys_descend, within};
use super::halt::{Halt, Violation};
use super::output::Output;
use super::page::{Page, Row};
use super::request::{Request, Sort};
use super::server::{EMPTY_RESPONSES, Server};
use crate::json::Raw;
use crate::watermark::{Dates, Micros};

/// Page size of a probe.
const PROBE_SIZE: u32 = 5;
/// The year 1, which some platforms write for "never".
const YEAR_ONE: Micros = Micros::new(-62_135_596_800_000_000);
/// For servers that accept no earlier bound.
const EPOCH: Micros = Micros::new(0);

/// Probes the server, unless it is known already. Returns whether it has any records.
pub(super) async fn probe(server: &mut Server<'_>, output: &mut Output<'_>) -> Result<bool, Halt> {
    if server.capabilities.bounds.is_some() {
        return Ok(true);
    }
    let request = Request {
        size: Some(PROBE_SIZE),
        ..Request::default()
    };
    let Some(mut page) = page_with_records(server, output, &request).await? else {
        return Ok(false);
    };
    if page.latest().is_none() {
        // Records without a date may come first. In descending order they come last.
        let sorted = Request {
            sort: Sort::Descending,
            ..request
        };
        let found = page_with_records(server, output, &sorted).await?;
        page = found.unwrap_or_default();
    }
    let Some(latest) = page.latest() else {
        let field = server.template.field.clone();
        let value = page.rows.iter().find_map(|row| page.date(row));
        let sample = value.map(|value| value.plain().chars().take(60).collect());
        return Err(PollError::NoDate { field, sample }.into());
    };
    // A server that compares such dates as text would answer with a part of the records.
    let may_be_bounded = server.capabilities.dates.can_be_bounds();
    let respects_bounds = may_be_bounded && probe_bounds(server, output, latest).await?;
    server.capabilities.bounds = Some(respects_bounds);
    probe_key_order(server, output).await?;
    Ok(true)
}

/// Finds out whether the server sorts by key in both directions. A server that does so does not sort by accident.
async fn probe_key_order(server: &mut Server<'_>, output: &mut Output<'_>) -> Result<(), Halt> {
    let ascending = Request {
        sort: Sort::Key,
        size: Some(PROBE_SIZE),
        ..server.request()
    };
    let descending = Request {
        sort: Sort::KeyDescending,
        ..ascending.clone()
    };
    let up = server
        .next_page(output, &ascending, |page| keys_ascend(page, None))
        .await;
    let Some(up) = none_if_violated(up)? else {
        return Ok(());
    };
    let down = server.next_page(output, &descending, keys_descend).await;
    let Some(down) = none_if_violated(down)? else {
        return Ok(());
    };
    if let (Some(least), Some(greatest)) = (up.first_key(), down.first_key())
        && compare_keys(Raw::new(&least), Raw::new(&greatest)).is_lt()
    {
        server.capabilities.key_sort = Some(true);
    }
    Ok(())
}

fn none_if_violated(page: Result<Option<Page>, Halt>) -> Result<Option<Page>, Halt> {
    match page {
        Err(Halt::Violation(_)) => Ok(None),
        page => page,
    }
}

/// The earliest lower bound that the server accepts.
pub(super) async fn earliest_bound(
    server: &mut Server<'_>,
    output: &mut Output<'_>,
) -> Result<Micros, Halt> {
    let request = Request {
        from: Some(server.bound_at(YEAR_ONE).text),
        size: Some(PROBE_SIZE),
        ..server.request()
    };
    match server.page(output, &request).await {
        Ok(page) if page.len() > 0 => Ok(YEAR_ONE),
        Ok(_) | Err(Halt::Refused(_)) => Ok(EPOCH),
        Err(halt) => Err(halt),
    }
}

/// A page with records; `None` if there are none, however often they are requested.
async fn page_with_records(
    server: &mut Server<'_>,
    output: &mut Output<'_>,
    request: &Request,
) -> Result<Option<Page>, Halt> {
    for _ in 0..EMPTY_RESPONSES {
        let page = server.page(output, request).await?;
        if page.len() > 0 {
            return Ok(Some(page));
        }
    }
    Ok(None)
}

/// Finds out whether the server respects a lower bound at a date that it has, and how it must be written. That can differ from
/// how dates are shown: a bound of another type than the stored one silently matches nothing.
async fn probe_bounds(
    server: &mut Server<'_>,
    output: &mut Output<'_>,
    latest: Micros,
) -> Result<bool, Halt> {
    let mut formats = vec![server.capabilities.dates.clone()];
    formats.extend(server.capabilities.dates.alternatives());
    for (index, format) in formats.into_iter().enumerate() {
        match matches_bound(server, output, &format, latest).await {
            Ok(true) => {
                server.capabilities.bounds_as = (index > 0).then_some(format);
                probe_lower_bound(server, output, latest).await?;
                return Ok(true);
            }
            // Nothing may be after the latest record, if the server excludes records at the bound.
            Ok(false) if index == 0 => {
                probe_lower_bound(server, output, latest).await?;
                if server.capabilities.excludes_bound {
                    return Ok(true);
                }
            }
            // In the server's own format, records before the bound mean that it ignores bounds.
            Err(Halt::Violation(Violation::Bounds)) if index == 0 => return Ok(false),
            Ok(false) | Err(Halt::Violation(_)) => {}
            Err(halt) => return Err(halt),
        }
    }
    Ok(false)
}

/// Finds out whether the server's `$gte` works as `$gt`: whether it excludes the records at a date that it has.
pub(super) async fn probe_lower_bound(
    server: &mut Server<'_>,
    output: &mut Output<'_>,
    at: Micros,
) -> Result<(), Halt> {
    if server.capabilities.excludes_bound {
        return Ok(());
    }
    // With an upper bound, the order of the records does not matter: the first request finds only those at the date.
    let end = server.end_at(at + server.unit());
    let [from, below] = [at, at - server.unit()].map(|at| server.bound_at(at));
    for (bound, excludes) in [(&from, false), (&below, true)] {
        let request = Request {
            before: Some(end.text.clone()),
            size: Some(PROBE_SIZE),
            ..server.request_from(bound, Sort::Descending)
        };
        let check = |page: &Page| within(page, bound.at, end.at);
        let page = match server.next_page(output, &request, check).await {
            Err(Halt::Violation(_)) => return Ok(()),
            page => page?.unwrap_or_default(),
        };
        let has_it = |row: &Row| row.at.is_some_and(|at| server.bound_at(at).at == from.at);
        if page.rows.iter().any(has_it) {
            server.capabilities.excludes_bound = excludes;
            return Ok(());
        }
    }
    Ok(())
}

/// Whether a bound in this format finds any records.
async fn matches_bound(
    server: &mut Server<'_>,
    output: &mut Output<'_>,
    format: &Dates,
    latest: Micros,
) -> Result<bool, Halt> {
    let from = format.floor(latest);
    let request = Request {
        from: Some(format.write(latest)),
        sort: Sort::Ascending,
        size: Some(PROBE_SIZE),
        ..server.request()
    };
    let check = |page: &Page| within(page, from, Micros::MAX);
    let page = server.next_page(output, &request, check).await?;
    Ok(page.is_some())
}
