//! One response: the positions of its records, their keys and their dates. Nothing is copied.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use thiserror::Error;

use super::checks::compare_keys;
use super::halt::Violation;
use super::malformed::{self, Malformed};
use super::reported::error_beside_list;
use crate::api::Answer;
use crate::json::{self, Kind, Raw, Step};
use crate::source::Op;
use crate::watermark::{Dates, Micros};

/// Names under which platforms send the records of a page.
const LISTS: [&str; 6] = ["data", "items", "results", "records", "rows", "docs"];
/// Names under which they send the total number of records.
const TOTALS: [&str; 3] = ["total", "totalCount", "total_count"];

/// Statuses of complete responses. 206 is a part, 207 may be one, and after 202 the work continues.
const COMPLETE: [u16; 3] = [200, 201, 203];

/// Why a response is not a page. Such a response is never treated as a page without records.
#[derive(Debug, Error)]
pub(super) enum PageError {
    #[error("the response is {0}")]
    NotJson(String),
    #[error("the response has no list of records")]
    NoList,
    #[error("the list in the response does not contain records")]
    NoRecords,
    /// A record that cannot be read, in a response that otherwise can.
    #[error("{0}")]
    Malformed(Malformed),
    /// The list may be a part of the records.
    #[error("the response reports an error: {0}")]
    Reported(String),
    #[error("the response has the status {0}, so records may be missing")]
    Partial(u16),
}

/// Why a body is not a page.
enum Unread {
    /// It is not JSON in UTF-8.
    Body(Vec<u8>),
    Form(PageError),
}

/// Where records have their key and date.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldPaths {
    /// Empty until the name of the key is known.
    pub(super) key: Vec<Step>,
    pub(super) date: Vec<Step>,
}

/// The steps of a dot path.
pub(super) fn steps(path: &str) -> Vec<Step> {
    path.split('.')
        .map(|name| Step::Name(name.to_owned()))
        .collect()
}

/// The records of one response.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    pub(super) rows: Vec<Row>,
    /// How many records the server reports in total.
    pub(super) total: Option<u64>,
    /// The member names that lead to the list.
    pub(super) envelope: Vec<String>,
    /// The server's clock, in whole seconds.
    pub(super) clock: Option<Micros>,
    /// Records that were skipped because they cannot be read.
    pub(super) malformed: Vec<Malformed>,
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
    /// Reads a response. `envelope` is where the list was in an earlier one.
    ///
    /// # Errors
    /// [`PageError::Malformed`] for a record that cannot be read, unless such records are skipped. A page of which no record can
    /// be read is an error in any case: nothing shows what comes after it.
    pub(super) fn read(
        mut answer: Answer,
        envelope: Option<&[String]>,
        paths: &FieldPaths,
        skips_malformed: bool,
    ) -> Result<Self, PageError> {
        if !COMPLETE.contains(&answer.status) {
            return Err(PageError::Partial(answer.status));
        }
        let mut page = match Self::strict(std::mem::take(&mut answer.body), envelope, paths) {
            Ok(page) => page,
            Err(Unread::Form(error)) => return Err(error),
            Err(Unread::Body(body)) => {
                let Some((text, malformed)) = malformed::without(&body, paths) else {
                    answer.body = body;
                    return Err(PageError::NotJson(answer.describe()));
                };
                let mut page = match Self::strict(text, envelope, paths) {
                    Ok(page) => page,
                    Err(Unread::Form(error)) => return Err(error),
                    Err(Unread::Body(_)) => {
                        answer.body = body;
                        return Err(PageError::NotJson(answer.describe()));
                    }
                };
                page.malformed.extend(malformed);
                page
            }
        };
        if !page.malformed.is_empty() && (page.rows.is_empty() || !skips_malformed) {
            return Err(PageError::Malformed(page.malformed.swap_remove(0)));
        }
        page.clock = answer.date.map(Micros::from);
        Ok(page)
    }

    fn strict(
        body: Vec<u8>,
        envelope: Option<&[String]>,
        paths: &FieldPaths,
    ) -> Result<Self, Unread> {
        let text = String::from_utf8(body).map_err(|error| Unread::Body(error.into_bytes()))?;
        let mut members = Vec::new();
        if !json::check(&text, |member| members.push((member.key, member.value))) {
            return Err(Unread::Body(text.into_bytes()));
        }
        let root = Root {
            text: &text,
            members: &members,
        };
        let found = root.list(envelope);
        let path = found.as_ref().map_or(&[][..], |(path, _)| path);
        if let Some(error) = error_beside_list(&text, &members, path) {
            return Err(Unread::Form(PageError::Reported(error)));
        }
        let (path, list) = found.ok_or(Unread::Form(PageError::NoList))?;
        let (rows, malformed) = read_rows(&text, list, paths);
        if rows.is_empty() && !malformed.is_empty() {
            return Err(Unread::Form(PageError::NoRecords));
        }
        let total = root.total(&path);
        Ok(Self {
            envelope: path,
            rows,
            total,
            clock: None,
            text,
            malformed,
        })
    }

    /// Finds the keys of the records, once their name is known.
    pub(super) fn find_keys(&mut self, paths: &FieldPaths) {
        let text = &self.text;
        for row in &mut self.rows {
            let record = Raw::new(&text[row.record.clone()]);
            row.key = Members::find(record, paths)
                .key
                .map(|key| range_of(text, key));
        }
    }

    /// The record, byte for byte.
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

    /// The record's value at a path.
    pub(super) fn value(&self, row: &Row, path: &[Step]) -> Option<Raw<'_>> {
        Raw::new(self.record(row)).at(path)
    }

    /// Tells responses apart: a hash of length, beginning and end.
    pub(super) fn hash(&self) -> u64 {
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

    /// The instant that all records of the page share, if they do.
    pub(super) fn single_instant(&self) -> Option<Micros> {
        let first = self.rows.first()?.at?;
        self.rows
            .iter()
            .all(|row| row.at == Some(first))
            .then_some(first)
    }

    pub(super) fn earliest(&self) -> Option<Micros> {
        self.rows.iter().filter_map(|row| row.at).min()
    }

    pub(super) fn latest(&self) -> Option<Micros> {
        self.rows.iter().filter_map(|row| row.at).max()
    }

    /// The date of the first row.
    pub(super) fn first_date(&self) -> Option<Micros> {
        self.rows.first()?.at
    }

    /// The key of the first row, as JSON.
    pub(super) fn first_key(&self) -> Option<String> {
        Some(self.key(self.rows.first()?)?.text().to_owned())
    }

    /// The least key of the rows with this date, as JSON.
    pub(super) fn least_key(&self, at: Micros) -> Option<String> {
        let rows = self.rows.iter().filter(|row| row.at == Some(at));
        let keys = rows.filter_map(|row| self.key(row));
        let least = keys.min_by(|a, b| compare_keys(*a, *b))?;
        Some(least.text().to_owned())
    }

    /// The key of the last row, as JSON.
    pub(super) fn last_key(&self) -> Option<String> {
        Some(self.key(self.rows.last()?)?.text().to_owned())
    }

    /// Checks that every row has this key.
    pub(super) fn has_only(&self, key: &[u8]) -> Result<(), Violation> {
        let has_key = |row: &Row| {
            self.key(row)
                .is_some_and(|found| found.plain().as_bytes() == key)
        };
        match self.rows.iter().all(has_key) {
            true => Ok(()),
            false => Err(Violation::Keys),
        }
    }

    /// A hash of each row's key, or of the record if it has none, in the order of the page.
    pub(super) fn key_hashes(&self) -> Vec<u64> {
        let hash = |row| {
            let mut hasher = DefaultHasher::new();
            match self.key(row) {
                Some(key) => key.plain().hash(&mut hasher),
                None => self.record(row).hash(&mut hasher),
            }
            hasher.finish()
        };
        self.rows.iter().map(hash).collect()
    }
}

/// The root of a response, with the members that the JSON check found.
struct Root<'a> {
    text: &'a str,
    members: &'a [(Range<usize>, Range<usize>)],
}

impl<'a> Root<'a> {
    /// The list of records: the root, a member of the root with a usual name, or such a member of any member.
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

    /// The total next to the list.
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

fn read_rows(text: &str, list: Raw<'_>, paths: &FieldPaths) -> (Vec<Row>, Vec<Malformed>) {
    let mut malformed = Vec::new();
    let rows = list.items().filter_map(|record| {
        if record.kind() != Some(Kind::Object) {
            malformed.push(Malformed::not_an_object(range_of(text, record), record));
            return None;
        }
        let found = Members::find(record, paths);
        Some(Row {
            record: range_of(text, record),
            at: found.date.and_then(Dates::read),
            op: found.op(),
            key: found.key.map(|key| range_of(text, key)),
            date: found.date.map(|date| range_of(text, date)),
        })
    });
    (rows.collect(), malformed)
}

/// The range of a part of `text`.
fn range_of(text: &str, part: Raw<'_>) -> Range<usize> {
    let start = part.text().as_ptr().addr() - text.as_ptr().addr();
    start..start + part.text().len()
}

/// What one pass over the members of a record finds.
#[derive(Default)]
struct Members<'a> {
    key: Option<Raw<'a>>,
    date: Option<Raw<'a>>,
    version: Option<Raw<'a>>,
    created: Option<Raw<'a>>,
    state: Option<Raw<'a>>,
    deleted: Option<Raw<'a>>,
}

impl<'a> Members<'a> {
    fn find(record: Raw<'a>, paths: &FieldPaths) -> Self {
        let mut found = Self::default();
        let text = record.text();
        for member in record.members() {
            let value = member.value(text);
            // The names below need no escapes.
            let key = &text[member.key.start + 1..member.key.end - 1];
            match key {
                "version" => found.version = Some(value),
                "createdate" | "createdAt" | "created_at" => found.created = Some(value),
                "state" | "status" => found.state = Some(value),
                "deleted" | "isDeleted" => found.deleted = Some(value),
                _ => {}
            }
            for (path, value_at) in [(&paths.key, &mut found.key), (&paths.date, &mut found.date)] {
                if let Some((Step::Name(first), rest)) = path.split_first()
                    && member.is_named(first)
                {
                    *value_at = value.at(rest);
                }
            }
        }
        let is_key =
            |key: &Raw<'_>| matches!(key.kind(), Some(Kind::String | Kind::Number | Kind::Object));
        found.key = found.key.filter(is_key);
        found
    }

    /// A deletion flag or state makes it a deletion; a first version, or else equal dates, a creation.
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
