//! Edits JSON text in place: inserts and removes values.

use std::ops::Range;

use super::{Kind, Raw, Step, is_space};

/// The byte range of the value at `path` in valid JSON `text`.
pub fn span(text: &str, path: &[Step]) -> Option<Range<usize>> {
    let found = Raw::new(text).at(path)?;
    Some(span_of(text, found.text()))
}

/// The byte range of `part`, which must be a slice of `text`.
fn span_of(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    start..start + part.len()
}

/// Why a value cannot be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertError {
    /// The value is neither an object nor an array.
    NotAContainer(Kind),
    /// New elements can only be added at the end of an array.
    BeyondTheEnd { length: usize },
    /// The elements of an array have no names.
    NotAnIndex,
}

/// Adds a member or element at the end of the object or array at `container` in `text`, with the white space of the one before it.
pub fn insert(
    text: &mut String,
    container: Range<usize>,
    step: &Step,
    value: &str,
) -> Result<(), InsertError> {
    let raw = Raw(&text[container.clone()]);
    let kind = raw.kind().unwrap_or(Kind::Null);
    let (last, added) = match (kind, step) {
        (Kind::Object, Step::Name(name)) => {
            let key = serde_json::to_string(name).expect("text is always JSON");
            let last = raw.members().last();
            let gap = last
                .as_ref()
                .map_or("", |member| &raw.text()[member.key.end..member.value.start]);
            let colon = if gap.is_empty() { ":" } else { gap };
            let last = last.map(|member| (member.key.start, member.value.end));
            (last, format!("{key}{colon}{value}"))
        }
        (Kind::Array, step) => {
            let length = raw.items().count();
            match step {
                Step::Index(index) if *index == length => {}
                Step::Name(name) if name.parse() == Ok(length) => {}
                Step::Name(name) if name.parse::<usize>().is_err() => {
                    return Err(InsertError::NotAnIndex);
                }
                _ => return Err(InsertError::BeyondTheEnd { length }),
            }
            let last = raw.items().last().map(|item| {
                let range = span_of(raw.text(), item.text());
                (range.start, range.end)
            });
            (last, value.to_owned())
        }
        (kind, _) => return Err(InsertError::NotAContainer(kind)),
    };
    let (at, addition) = match last {
        Some((start, end)) => (end, format!(",{}{added}", space_before(raw.text(), start))),
        None => (1, added),
    };
    text.insert_str(container.start + at, &addition);
    Ok(())
}

/// Removes the member or element at `path` and its comma. Returns whether it existed.
pub fn remove(text: &mut String, path: &[Step]) -> bool {
    let Some((step, parents)) = path.split_last() else {
        return false;
    };
    let Some(parent) = span(text, parents) else {
        return false;
    };
    let raw = Raw(&text[parent.clone()]);
    let parts: Vec<Range<usize>> = match raw.kind() {
        Some(Kind::Object) => raw
            .members()
            .map(|member| member.key.start..member.value.end)
            .collect(),
        _ => raw
            .items()
            .map(|item| span_of(raw.text(), item.text()))
            .collect(),
    };
    let position = match (raw.kind(), step) {
        (Some(Kind::Object), Step::Name(name)) => raw
            .members()
            .collect::<Vec<_>>()
            .iter()
            .rposition(|member| member.is_named(name)),
        (_, Step::Name(name)) => name.parse().ok(),
        (_, Step::Index(index)) => Some(*index),
    };
    let Some(position) = position.filter(|position| *position < parts.len()) else {
        return false;
    };
    let cut = match (position.checked_sub(1), parts.get(position + 1)) {
        (_, Some(next)) => parts[position].start..next.start,
        (Some(before), None) => parts[before].end..parts[position].end,
        (None, None) => parts[position].clone(),
    };
    text.replace_range(parent.start + cut.start..parent.start + cut.end, "");
    true
}

fn space_before(text: &str, at: usize) -> &str {
    let before = &text[..at];
    let kept = before
        .trim_end_matches(|c: char| c.is_ascii() && is_space(c as u8))
        .len();
    &before[kept..]
}
