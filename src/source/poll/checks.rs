//! Checks of a page against its request.

use std::cmp::Ordering;

use super::halt::Violation;
use super::page::{Page, Row};
use crate::json::{Kind, Number, Raw};
use crate::watermark::Micros;

/// Checks that every record has a date in `from..before`.
pub(super) fn within(page: &Page, from: Micros, before: Micros) -> Result<(), Violation> {
    let is_within = |at: Micros| at >= from && (at < before || before == Micros::MAX);
    // A value that is not a date may be anywhere in the server's order, so it proves nothing.
    let obeys = |row: &Row| row.at.map_or(page.date(row).is_some(), is_within);
    match page.rows.iter().all(obeys) {
        true => Ok(()),
        false => Err(Violation::Bounds),
    }
}

/// Checks that dates ascend, or descend. Exactly the opposite order is reported as such.
pub(super) fn ordered(page: &Page, is_ascending: bool) -> Result<(), Violation> {
    let dates = || page.rows.iter().filter_map(|row| row.at);
    let (ascends, descends) = (dates().is_sorted(), dates().is_sorted_by(|a, b| a >= b));
    match (is_ascending, ascends, descends) {
        (true, true, _) | (false, _, true) => Ok(()),
        (_, false, false) => Err(Violation::Unsorted),
        _ => Err(Violation::Reversed),
    }
}

/// Checks that every record has a key, greater than the one before it and greater than `last`.
pub(super) fn keys_ascend(page: &Page, last: Option<&str>) -> Result<(), Violation> {
    let mut before = last.map(Raw::new);
    for row in &page.rows {
        let key = page.key(row).ok_or(Violation::Keys)?;
        if before.is_some_and(|before| compare_keys(before, key) != Ordering::Less) {
            return Err(Violation::Keys);
        }
        before = Some(key);
    }
    Ok(())
}

/// Checks that every record has a key, smaller than the one before it.
pub(super) fn keys_descend(page: &Page) -> Result<(), Violation> {
    let keys: Option<Vec<Raw<'_>>> = page.rows.iter().map(|row| page.key(row)).collect();
    let descend =
        |keys: Vec<Raw<'_>>| keys.is_sorted_by(|a, b| compare_keys(*a, *b) == Ordering::Greater);
    match keys.is_some_and(descend) {
        true => Ok(()),
        false => Err(Violation::Keys),
    }
}

/// Orders keys: numbers before text, numbers by value, text by its bytes.
pub(super) fn compare_keys(a: Raw<'_>, b: Raw<'_>) -> Ordering {
    match (a.kind(), b.kind()) {
        (Some(Kind::Number), Some(Kind::Number)) => {
            let (a, b) = (Number::parse(a.text()), Number::parse(b.text()));
            a.zip(b)
                .and_then(|(a, b)| a.compare(b))
                .unwrap_or(Ordering::Equal)
        }
        (Some(Kind::Number), _) => Ordering::Less,
        (_, Some(Kind::Number)) => Ordering::Greater,
        _ => a.plain().as_bytes().cmp(b.plain().as_bytes()),
    }
}
