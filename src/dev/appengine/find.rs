//! Finding records: Mongo queries, sort orders, pages. Only the requested page and the record being tested are in memory.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use super::model::KEYS;
use super::query::{self, Test};
use crate::condition::ConditionError;
use crate::json::kind_of;
use crate::store::records::{self, Direction, Span};
use crate::store::{Connection, StoreError};

/// The default number of records in a page.
const PAGE_SIZE: usize = 50;
/// A sort without an index keeps the records before the end of the page in memory, so the position of a page is limited.
const MAX_SORTED: u64 = 100_000;
const MAX_SORT_KEYS: usize = 8;
/// Why a search is refused.
#[derive(Debug, Error)]
pub enum FindError {
    #[error("the query is invalid: {0}")]
    Query(#[from] ConditionError),
    #[error("`{field}` accepts a time such as 2026-04-25T00:00:00Z, not {found}")]
    BadTime { field: String, found: String },
    #[error("`{name}` accepts {takes}, not {found}")]
    BadOption {
        name: &'static str,
        takes: &'static str,
        found: String,
    },
    #[error(
        "page {page} of this sort is beyond the first {MAX_SORTED} records: narrow the query, or sort by modifydate"
    )]
    TooDeep { page: u64 },
    #[error(
        "`{field}` accepts $gte, $gt, $lte, $lt, $eq and $exists while `poll.dates` is not iso-ms, not `{operator}`"
    )]
    DateOperator { field: String, operator: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Selects records.
pub struct Filter {
    /// The range of `modifydate` that the query allows. The index serves it.
    pub span: Span,
    test: Test,
}

impl Filter {
    /// Parses a Mongo query.
    pub fn parse(query: &Value) -> Result<Self, FindError> {
        let (span, test) = query::parse(query)?;
        Ok(Self { span, test })
    }

    /// Selects records that contain this text.
    pub fn keyword(text: &str) -> Self {
        Self {
            span: Span::ALL,
            test: Test::Keyword(text.to_lowercase()),
        }
    }

    /// Selects records with this attribute, ignoring case and type.
    pub fn attribute(path: &str, value: &str) -> Self {
        Self {
            span: Span::ALL,
            test: Test::Attribute(path.to_owned(), value.to_lowercase()),
        }
    }

    /// Whether records must be tested beyond the range of `modifydate`.
    pub(super) fn needs_test(&self) -> bool {
        !matches!(self.test, Test::All)
    }

    /// Tests the text of a record within the range.
    pub fn matches(&self, body: &str) -> bool {
        self.test.matches(body)
    }
}

/// A sort order: paths with directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    keys: Vec<(String, Direction)>,
}

impl Default for Sort {
    fn default() -> Self {
        Self {
            keys: vec![("modifydate".to_owned(), Direction::Descending)],
        }
    }
}

impl Sort {
    /// Parses `{"modifydate": -1}`, or a path with its `sortType` (`desc`, `asc`, 1, -1).
    pub fn parse(sort: Option<&Value>, sort_type: Option<&Value>) -> Result<Self, FindError> {
        let keys = match sort {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::String(path)) if path.is_empty() => return Ok(Self::default()),
            Some(Value::String(path)) => {
                let direction = match sort_type {
                    None | Some(Value::Null) => Direction::Descending,
                    Some(value) => direction(value)?,
                };
                vec![(path.clone(), direction)]
            }
            Some(Value::Object(keys)) if keys.len() <= MAX_SORT_KEYS => keys
                .iter()
                .map(|(path, value)| Ok((path.clone(), direction(value)?)))
                .collect::<Result<Vec<_>, FindError>>()?,
            Some(other) => {
                return Err(FindError::BadOption {
                    name: "sort",
                    takes: "a path, or an object of up to 8 paths and directions",
                    found: kind_of(other).to_owned(),
                });
            }
        };
        Ok(if keys.is_empty() {
            Self::default()
        } else {
            Self { keys }
        })
    }

    /// The paths with their directions.
    pub(super) fn keys(&self) -> &[(String, Direction)] {
        &self.keys
    }

    /// The direction, if the index on `modifydate` has this order. The index sorts records with the same date by id.
    pub fn by_modified(&self) -> Option<Direction> {
        match self.keys.as_slice() {
            [(path, direction)] if path == "modifydate" => Some(*direction),
            [(first, direction), (second, of_ties)]
                if first == "modifydate" && second == "sk" && direction == of_ties =>
            {
                Some(*direction)
            }
            _ => None,
        }
    }

    /// A path at which no record has a value on the real platform.
    pub fn path_outside_model(&self) -> Option<&str> {
        let stray = |path: &&str| {
            let first = path.split('.').next().unwrap_or_default();
            // Only the fields of the model are at the top; the user probably means `data.…`.
            !KEYS.contains(&first)
        };
        self.keys.iter().map(|(path, _)| path.as_str()).find(stray)
    }

    fn compare(&self, a: &[Value], b: &[Value]) -> Ordering {
        let pairs = a.iter().zip(b).zip(&self.keys);
        for ((a, b), (_, direction)) in pairs {
            let ordering = match direction {
                Direction::Ascending => query::compare(a, b),
                Direction::Descending => query::compare(b, a),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }
}

fn direction(value: &Value) -> Result<Direction, FindError> {
    match value {
        Value::Number(number) if number.as_f64() == Some(1.0) => Ok(Direction::Ascending),
        Value::Number(number) if number.as_f64() == Some(-1.0) => Ok(Direction::Descending),
        Value::String(word) => match word.to_ascii_lowercase().as_str() {
            "asc" | "ascending" | "1" => Ok(Direction::Ascending),
            "desc" | "descending" | "-1" => Ok(Direction::Descending),
            _ => Err(bad_direction(value)),
        },
        _ => Err(bad_direction(value)),
    }
}

fn bad_direction(value: &Value) -> FindError {
    FindError::BadOption {
        name: "sort",
        takes: "1, -1, \"asc\" or \"desc\" as a direction",
        found: value.to_string().chars().take(40).collect(),
    }
}

/// A search: filter, order and page.
pub struct Search {
    pub filter: Filter,
    pub sort: Sort,
    /// From 1.
    pub page: u64,
    pub page_size: usize,
}

impl Search {
    /// A search for `filter` with the options of a request. `cap` is the maximum page size; `lint` receives ignored options.
    pub fn new(
        filter: Filter,
        options: &Map<String, Value>,
        cap: usize,
        lint: &mut dyn FnMut(String),
    ) -> Result<Self, FindError> {
        for key in options.keys() {
            if !matches!(key.as_str(), "sort" | "sortType" | "page" | "pageSize") {
                lint(format!("option `{key}` is ignored"));
            }
        }
        let sort = Sort::parse(options.get("sort"), options.get("sortType"))?;
        if let Some(path) = sort.path_outside_model() {
            lint(format!(
                "sort path `{path}` is not a field of the record; did you mean `data.{path}`?"
            ));
        }
        let page = whole(options, "page")?.unwrap_or(1).max(1);
        let asked = match whole(options, "pageSize")? {
            None | Some(0) => PAGE_SIZE as u64,
            Some(size) => size,
        };
        let page_size = usize::try_from(asked).unwrap_or(usize::MAX).min(cap);
        if asked > page_size as u64 && options.contains_key("pageSize") {
            lint(format!(
                "pageSize {asked} is above the cap: pages have {page_size} records"
            ));
        }
        Ok(Self {
            filter,
            sort,
            page,
            page_size,
        })
    }

    pub(super) fn skip(&self) -> u64 {
        (self.page - 1).saturating_mul(self.page_size as u64)
    }
}

/// Parses a whole number that is not negative. Query parameters have it as a string.
fn whole(options: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, FindError> {
    let value = match options.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let number = match value {
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_i64().map(|_| 0))
            .or_else(|| {
                number
                    .as_f64()
                    .filter(|n| n.fract() == 0.0)
                    .map(|n| n as u64)
            }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map(Some).ok_or_else(|| FindError::BadOption {
        name,
        takes: "a whole number",
        found: value.to_string().chars().take(40).collect(),
    })
}

/// A page, as in the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub data: Vec<Box<RawValue>>,
    pub total: u64,
    pub has_next: bool,
    pub page: u64,
    pub page_size: usize,
    pub total_pages: u64,
}

impl Page {
    /// Creates the page of a search that found `total` records.
    pub(super) fn of(search: &Search, data: Vec<Box<RawValue>>, total: u64) -> Self {
        let size = search.page_size.max(1) as u64;
        Self {
            data,
            total,
            has_next: search.skip().saturating_add(size) < total,
            page: search.page,
            page_size: search.page_size,
            total_pages: total.div_ceil(size),
        }
    }
}

/// Runs a search. The total and the page are from the same snapshot.
pub fn run(
    connection: &Connection,
    org: &str,
    datatype: &str,
    search: &Search,
) -> Result<Page, FindError> {
    crate::store::snapshot(connection, |connection| {
        let (bodies, total) = match (search.sort.by_modified(), &search.filter.test) {
            (Some(direction), Test::All) => by_index(connection, org, datatype, search, direction)?,
            (Some(direction), _) => in_order(connection, org, datatype, search, direction)?,
            (None, _) => sorted(connection, org, datatype, search)?,
        };
        let records = bodies.into_iter();
        let data = records.filter_map(|body| RawValue::from_string(body).ok());
        Ok(Page::of(search, data.collect(), total))
    })
}

fn by_index(
    connection: &Connection,
    org: &str,
    datatype: &str,
    search: &Search,
    direction: Direction,
) -> Result<(Vec<String>, u64), FindError> {
    let span = search.filter.span;
    let (skip, take) = (search.skip(), search.page_size);
    let bodies = records::page(connection, org, datatype, span, direction, skip, take)?;
    Ok((bodies, records::count(connection, org, datatype, span)?))
}

fn in_order(
    connection: &Connection,
    org: &str,
    datatype: &str,
    search: &Search,
    direction: Direction,
) -> Result<(Vec<String>, u64), FindError> {
    let (mut bodies, mut total) = (Vec::new(), 0);
    let page = search.skip()..search.skip().saturating_add(search.page_size as u64);
    let span = search.filter.span;
    records::scan(connection, org, datatype, span, direction, |_, body| {
        if search.filter.matches(body) {
            if page.contains(&total) {
                bodies.push(body.to_owned());
            }
            total += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok((bodies, total))
}

fn sorted(
    connection: &Connection,
    org: &str,
    datatype: &str,
    search: &Search,
) -> Result<(Vec<String>, u64), FindError> {
    let end = search.skip().saturating_add(search.page_size as u64);
    if end > MAX_SORTED {
        return Err(FindError::TooDeep { page: search.page });
    }
    let (mut best, mut total) = (FirstRecords::new(&search.sort, end as usize), 0);
    let span = search.filter.span;
    let direction = Direction::Ascending;
    records::scan(connection, org, datatype, span, direction, |sk, body| {
        if search.filter.matches(body) {
            total += 1;
            best.offer(sk, body);
        }
        ControlFlow::Continue(())
    })?;
    let mut bodies = Vec::new();
    for sk in best.into_ids().skip(search.skip() as usize) {
        bodies.extend(records::body(connection, org, datatype, &sk)?);
    }
    Ok((bodies, total))
}

/// Collects the sort keys and ids of the first records of a sort.
struct FirstRecords<'a> {
    sort: &'a Sort,
    keep: usize,
    found: Vec<(Vec<Value>, String)>,
}

impl<'a> FirstRecords<'a> {
    fn new(sort: &'a Sort, keep: usize) -> Self {
        Self {
            sort,
            keep,
            found: Vec::new(),
        }
    }

    fn offer(&mut self, sk: &str, body: &str) {
        let record: Value = serde_json::from_str(body).unwrap_or_default();
        let key =
            |(path, _): &(String, Direction)| query::at(&record, path).cloned().unwrap_or_default();
        let keys = self.sort.keys.iter().map(key).collect();
        self.found.push((keys, sk.to_owned()));
        // Sorting at twice the needed length makes the cost per record constant.
        if self.found.len() > self.keep.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let sort = self.sort;
        self.found
            .sort_by(|a, b| sort.compare(&a.0, &b.0).then_with(|| a.1.cmp(&b.1)));
        self.found.truncate(self.keep);
    }

    fn into_ids(mut self) -> impl Iterator<Item = String> {
        self.cut();
        self.found.into_iter().map(|(_, sk)| sk)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_index_sorts_records_with_the_same_date_by_id() {
        let by_modified = |sort: Value| Sort::parse(Some(&sort), None).unwrap().by_modified();
        let (up, down) = (Some(Direction::Ascending), Some(Direction::Descending));
        assert_eq!(by_modified(json!({"modifydate": 1})), up);
        assert_eq!(by_modified(json!({"modifydate": 1, "sk": 1})), up);
        assert_eq!(by_modified(json!({"modifydate": -1, "sk": -1})), down);
        for other in [
            json!({"modifydate": 1, "sk": -1}),
            json!({"sk": 1, "modifydate": 1}),
            json!({"modifydate": 1, "name": 1}),
        ] {
            assert_eq!(by_modified(other.clone()), None, "{other}");
        }
    }
}
