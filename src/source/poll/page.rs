//! One answer: where its records lie, their keys and their dates. Nothing is copied out of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use thiserror::Error;

use crate::api::Answer;
use crate::json::{self, Kind, Raw, Step};
use crate::source::Op;
use crate::watermark::{Dates, Micros};

/// Names under which platforms put the records of a page.
const LISTS: [&str; 6] = ["data", "items", "results", "records", "rows", "docs"];
/// Names under which they say how many there are.
const TOTALS: [&str; 3] = ["total", "totalCount", "total_count"];

/// Why an answer is no page; never taken for a page without records.
#[derive(Debug, Error)]
pub(super) enum NotAPage {
    #[error("the answer is not JSON")]
    NotJson,
    #[error("the answer has no list of records")]
    NoList,
    #[error("the list in the answer does not hold records")]
    NoRecords,
}

/// Where a record says what it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    /// Empty while the name of the key is not known.
    pub(super) key: Vec<Step>,
    pub(super) date: Vec<Step>,
}

/// The steps of a dot path.
pub(super) fn steps(path: &str) -> Vec<Step> {
    path.split('.')
        .map(|name| Step::Name(name.to_owned()))
        .collect()
}

/// The records of one answer.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    pub(super) rows: Vec<Row>,
    /// How many the server says there are in all.
    pub(super) total: Option<u64>,
    /// Where the list stood: the names on the way to it.
    pub(super) envelope: Vec<String>,
    /// The server's clock, in whole seconds.
    pub(super) server_now: Option<Micros>,
}

/// A record in its page.
#[derive(Clone, Debug)]
pub(super) struct Row {
    record: Range<usize>,
    key: Option<Range<usize>>,
    date: Option<Range<usize>>,
    pub(super) at: Option<Micros>,
    pub(super) op: Op,
}

impl Page {
    /// Reads an answer. `envelope` is where the list was found before.
    pub(super) fn read(
        answer: Answer,
        envelope: Option<&[String]>,
        fields: &Fields,
    ) -> Result<Self, NotAPage> {
        let server_now = answer.date.map(Micros::from);
        let text = String::from_utf8(answer.body).map_err(|_| NotAPage::NotJson)?;
        let mut members = Vec::new();
        if !json::check(&text, |member| members.push((member.key, member.value))) {
            return Err(NotAPage::NotJson);
        }
        let root = Root {
            text: &text,
            members: &members,
        };
        let (path, list) = root.list(envelope).ok_or(NotAPage::NoList)?;
        let rows = read_rows(&text, list, fields)?;
        let total = root.total(&path);
        Ok(Self {
            envelope: path,
            rows,
            total,
            server_now,
            text,
        })
    }

    /// Finds the keys of its records, once it is known what they are called.
    pub(super) fn find_keys(&mut self, fields: &Fields) {
        let text = &self.text;
        for row in &mut self.rows {
            let record = Raw::new(&text[row.record.clone()]);
            row.key = Glance::at(record, fields).key.map(|key| place(text, key));
        }
    }

    /// The record as it came.
    pub(super) fn record(&self, row: &Row) -> &str {
        &self.text[row.record.clone()]
    }

    /// The record's key, as JSON.
    pub(super) fn key(&self, row: &Row) -> Option<Raw<'_>> {
        row.key.clone().map(|range| Raw::new(&self.text[range]))
    }

    /// When it was modified, as JSON.
    pub(super) fn date(&self, row: &Row) -> Option<Raw<'_>> {
        row.date.clone().map(|range| Raw::new(&self.text[range]))
    }

    /// The record's value at a path, for what is still to be learnt.
    pub(super) fn value(&self, row: &Row, path: &[Step]) -> Option<Raw<'_>> {
        Raw::new(self.record(row)).at(path)
    }

    /// Tells one answer from another: its length, its beginning and its end.
    pub(super) fn mark(&self) -> u64 {
        const ENDS: usize = 512;
        let bytes = self.text.as_bytes();
        let (start, end) = (bytes.len().min(ENDS), bytes.len().saturating_sub(ENDS));
        let mut hasher = DefaultHasher::new();
        (bytes.len(), &bytes[..start], &bytes[end..]).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The one instant that every record of the page has.
    pub(super) fn single_instant(&self) -> Option<Micros> {
        let first = self.rows.first()?.at?;
        self.rows
            .iter()
            .all(|row| row.at == Some(first))
            .then_some(first)
    }

    /// The row with the earliest, or the latest date.
    pub(super) fn earliest(&self) -> Option<&Row> {
        self.dated().min_by_key(|row| row.at)
    }

    pub(super) fn latest(&self) -> Option<&Row> {
        self.dated().max_by_key(|row| row.at)
    }

    fn dated(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.at.is_some())
    }
}

/// The root of an answer, as the one pass that checked it found it.
struct Root<'a> {
    text: &'a str,
    members: &'a [(Range<usize>, Range<usize>)],
}

impl<'a> Root<'a> {
    /// The list of records: at the root, under one of the usual names, or under one of those one level further in.
    fn list(&self, known: Option<&[String]>) -> Option<(Vec<String>, Raw<'a>)> {
        let whole = Raw::new(self.text);
        if whole.kind() == Some(Kind::Array) {
            return Some((Vec::new(), whole));
        }
        let at = |path: &[String]| {
            let (first, rest) = path.split_first()?;
            let value = rest
                .iter()
                .try_fold(self.member(first)?, |value, name| value.member(name))?;
            (value.kind() == Some(Kind::Array)).then_some(value)
        };
        if let Some(path) = known
            && let Some(list) = at(path)
        {
            return Some((path.to_vec(), list));
        }
        for name in LISTS {
            let path = vec![name.to_owned()];
            if let Some(list) = at(&path) {
                return Some((path, list));
            }
        }
        self.members.iter().find_map(|(key, value)| {
            let outer = Raw::new(&self.text[key.clone()]).as_str()?;
            let inside = Raw::new(&self.text[value.clone()]);
            LISTS.iter().find_map(|name| {
                let list = inside.member(name)?;
                let is_list = list.kind() == Some(Kind::Array);
                is_list.then(|| (vec![outer.clone().into_owned(), (*name).to_owned()], list))
            })
        })
    }

    /// The total beside the list.
    fn total(&self, path: &[String]) -> Option<u64> {
        let (_, parents) = path.split_last()?;
        TOTALS.iter().find_map(|name| {
            let value = match parents.split_first() {
                None => self.member(name)?,
                Some((first, _)) => self.member(first)?.member(name)?,
            };
            value.text().parse().ok()
        })
    }

    fn member(&self, name: &str) -> Option<Raw<'a>> {
        let named = |key: &Range<usize>| {
            Raw::new(&self.text[key.clone()])
                .as_str()
                .is_some_and(|key| key == name)
        };
        let (_, value) = self.members.iter().rev().find(|(key, _)| named(key))?;
        Some(Raw::new(&self.text[value.clone()]))
    }
}

fn read_rows(text: &str, list: Raw<'_>, fields: &Fields) -> Result<Vec<Row>, NotAPage> {
    list.items()
        .map(|record| {
            if record.kind() != Some(Kind::Object) {
                return Err(NotAPage::NoRecords);
            }
            let seen = Glance::at(record, fields);
            Ok(Row {
                record: place(text, record),
                at: seen.date.and_then(Dates::read),
                op: seen.op(),
                key: seen.key.map(|key| place(text, key)),
                date: seen.date.map(|date| place(text, date)),
            })
        })
        .collect()
}

/// Where a part of the text lies in it.
fn place(text: &str, part: Raw<'_>) -> Range<usize> {
    let start = part.text().as_ptr().addr() - text.as_ptr().addr();
    start..start + part.text().len()
}

/// What one walk over the members of a record finds.
#[derive(Default)]
struct Glance<'a> {
    key: Option<Raw<'a>>,
    date: Option<Raw<'a>>,
    version: Option<Raw<'a>>,
    created: Option<Raw<'a>>,
    state: Option<Raw<'a>>,
    deleted: Option<Raw<'a>>,
}

impl<'a> Glance<'a> {
    fn at(record: Raw<'a>, fields: &Fields) -> Self {
        let mut seen = Self::default();
        let text = record.text();
        for member in record.members() {
            let value = member.value(text);
            // A plain key is told by its first letters: names are compared only where they may fit.
            let key = text[member.key.clone()].trim_matches('"');
            match key {
                "version" => seen.version = Some(value),
                "createdate" | "createdAt" | "created_at" => seen.created = Some(value),
                "state" | "status" => seen.state = Some(value),
                "deleted" | "isDeleted" => seen.deleted = Some(value),
                _ => {}
            }
            for (path, found) in [(&fields.key, &mut seen.key), (&fields.date, &mut seen.date)] {
                if let Some((Step::Name(first), rest)) = path.split_first()
                    && member.is_named(first)
                {
                    *found = value.at(rest);
                }
            }
        }
        let is_key =
            |key: &Raw<'_>| matches!(key.kind(), Some(Kind::String | Kind::Number | Kind::Object));
        seen.key = seen.key.filter(is_key);
        seen
    }

    /// The first version is new; a state that says so is a deletion.
    fn op(&self) -> Op {
        let says_deleted = |value: &Raw<'_>| value.text() == "\"deleted\"";
        if self
            .deleted
            .is_some_and(|deleted| deleted.as_bool() == Some(true))
            || self.state.as_ref().is_some_and(says_deleted)
        {
            return Op::Deleted;
        }
        let is_first = match self.version {
            Some(version) => version.text() == "1",
            None => self.created.is_some() && self.created == self.date,
        };
        if is_first { Op::Created } else { Op::Updated }
    }
}
