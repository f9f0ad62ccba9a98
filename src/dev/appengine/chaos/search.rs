//! Searching while the order of timestamps, or the visible versions, differ from those of the store.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::find::{self, FindError, Page, Search};
use super::super::query;
use super::Chaos;
use super::late::PreviousVersion;
use super::rules::{Rules, TieOrder};
use crate::store::Connection;
use crate::store::records::{self, Direction};
use crate::time::Timestamp;

/// A matching record.
struct Found {
    sk: String,
    /// In units of the date format's resolution.
    at: i64,
    /// The sort keys, unless the sort uses only `modifydate` and the id.
    keys: Vec<Value>,
    chance: u64,
    /// The visible version, if it differs from the store's.
    before: Option<Arc<PreviousVersion>>,
}

/// Runs a search. Also returns whether a write was invisible.
pub(super) fn run(
    connection: &Connection,
    org: &str,
    datatype: &str,
    search: &Search,
    (chaos, rules): (&Chaos, &Rules),
) -> Result<(Page, bool), FindError> {
    crate::store::snapshot(connection, |connection| {
        let stamps = records::stamps(connection, org, datatype, search.filter.span)?;
        // Read after the store's snapshot began: a write is registered here before it is committed.
        let hidden = chaos.hidden(org, datatype, Timestamp::now());
        let is_late = !hidden.is_empty();
        let sorts_elsewhere = (search.sort.keys().iter())
            .any(|(path, _)| !matches!(path.as_str(), "modifydate" | "sk"));
        let needs_body = search.filter.needs_test() || sorts_elsewhere;
        let mut found = Vec::new();
        for (sk, at, before) in seen(stamps, hidden, search) {
            let mut one = Found {
                sk,
                at: at.div_euclid(rules.dates.unit()),
                keys: Vec::new(),
                chance: match rules.order {
                    TieOrder::Stable => 0,
                    TieOrder::Shuffled => fastrand::u64(..),
                },
                before,
            };
            if needs_body {
                let Some(body) = body_of(connection, org, datatype, &one)? else {
                    continue;
                };
                if !search.filter.matches(&body) {
                    continue;
                }
                if sorts_elsewhere {
                    one.keys = keys(search, &body);
                }
            }
            found.push(one);
        }
        found.sort_by(|a, b| compare(a, b, search, rules.order));
        Ok((page(connection, (org, datatype), search, &found)?, is_late))
    })
}

/// The visible ids, timestamps and versions: those of the store, except for invisible writes.
fn seen(
    stamps: Vec<(String, i64)>,
    hidden: Vec<(String, Option<Arc<PreviousVersion>>)>,
    search: &Search,
) -> Vec<(String, i64, Option<Arc<PreviousVersion>>)> {
    let hidden: HashMap<_, _> = hidden.into_iter().collect();
    let span = search.filter.span;
    let mut seen: Vec<_> = (stamps.into_iter())
        .filter(|(sk, _)| !hidden.contains_key(sk))
        .map(|(sk, at)| (sk, at, None))
        .collect();
    let earlier = hidden.into_iter().filter_map(|(sk, before)| {
        let before = before?;
        let is_within = (span.from..=span.until).contains(&before.modified);
        is_within.then(|| (sk, before.modified, Some(before)))
    });
    seen.extend(earlier);
    seen
}

fn body_of(
    connection: &Connection,
    org: &str,
    datatype: &str,
    found: &Found,
) -> Result<Option<String>, FindError> {
    match &found.before {
        Some(before) => Ok(Some(before.body.clone())),
        None => Ok(records::body(connection, org, datatype, &found.sk)?),
    }
}

fn keys(search: &Search, body: &str) -> Vec<Value> {
    let record: Value = serde_json::from_str(body).unwrap_or_default();
    let paths = search.sort.keys().iter();
    paths
        .map(|(path, _)| query::at(&record, path).cloned().unwrap_or_default())
        .collect()
}

/// Compares by the requested order, and ties by id in the direction of the sort, or randomly.
fn compare(a: &Found, b: &Found, search: &Search, order: TieOrder) -> Ordering {
    let directed = |ordering: Ordering, direction: Direction| match direction {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    };
    for (place, (path, direction)) in search.sort.keys().iter().enumerate() {
        let ordering = match path.as_str() {
            "modifydate" => a.at.cmp(&b.at),
            "sk" => a.sk.cmp(&b.sk),
            _ => query::compare(&a.keys[place], &b.keys[place]),
        };
        if ordering.is_ne() {
            return directed(ordering, *direction);
        }
        if path == "modifydate" && order == TieOrder::Shuffled {
            break;
        }
    }
    let direction = search.sort.by_modified().unwrap_or(Direction::Ascending);
    let by_id = || directed(a.sk.cmp(&b.sk), direction);
    a.chance.cmp(&b.chance).then_with(by_id)
}

fn page(
    connection: &Connection,
    (org, datatype): (&str, &str),
    search: &Search,
    found: &[Found],
) -> Result<Page, FindError> {
    let skip = usize::try_from(search.skip()).unwrap_or(usize::MAX);
    let mut data = Vec::new();
    for one in found.iter().skip(skip).take(search.page_size) {
        let body = body_of(connection, org, datatype, one)?;
        data.extend(body.and_then(|body| RawValue::from_string(body).ok()));
    }
    Ok(find::Page::of(search, data, found.len() as u64))
}
