//! The `find` operation: query, sort and paging, and the ways in which servers get them wrong.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::dates::{Compared, Shape};
use super::record::{Content, Row};

/// How a server interprets `query` and `options`. [`Quirks::NONE`] follows the documentation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quirks {
    pub(crate) shape: Shape,
    pub(crate) compared: Compared,
    pub(crate) sort: Sort,
    pub(crate) paging: Paging,
    pub(crate) filter_ignored: bool,
    /// Operators that the server does not support.
    pub(crate) missing: &'static [&'static str],
    pub(crate) missing_is: Missing,
    /// `$gte` works as `$gt`.
    pub(crate) gte_excludes: bool,
    /// `$lt` works as `$lte`.
    pub(crate) lt_includes: bool,
    /// A search for one key finds nothing.
    pub(crate) keys_not_found: bool,
    /// Maximum page size, whatever is requested.
    pub(crate) cap: usize,
    /// A larger page size is refused with 400.
    pub(crate) refuses_size_over: usize,
    /// A request for records after this position is refused with 400.
    pub(crate) deepest: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Obeyed,
    /// Only the first field counts; records that are equal in it are in another order in each response.
    TiesShuffled,
    /// As if each field were requested with -1.
    AlwaysDescending,
    /// The order in which records were created.
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// `page`, the first one being 1.
    FromOne,
    /// `page`, the first one being 0.
    FromZero,
    Skip,
    /// Every page is the first.
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// 400.
    Refused,
    /// The condition is ignored.
    Ignored,
}

impl Quirks {
    pub(crate) const NONE: Self = Self {
        shape: Shape::Millis,
        compared: Compared::AsTime,
        sort: Sort::Obeyed,
        paging: Paging::FromOne,
        filter_ignored: false,
        missing: &[],
        missing_is: Missing::Refused,
        gte_excludes: false,
        lt_includes: false,
        keys_not_found: false,
        cap: usize::MAX,
        refuses_size_over: usize::MAX,
        deepest: usize::MAX,
    };
}

/// A parsed request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) conditions: Vec<Condition>,
    /// Fields and whether they descend.
    pub(crate) sort: Vec<(String, bool)>,
    pub(crate) skip: usize,
    pub(crate) size: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// With dots: `data.amount`.
    pub(crate) path: String,
    pub(crate) operator: Operator,
    pub(crate) operand: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Gt,
    Gte,
    Lt,
    Lte,
}

/// The result of `find`.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) rows: Vec<Row>,
    /// The number of all matching records.
    pub(crate) total: usize,
    pub(crate) has_next: bool,
}

/// The default page size.
const DEFAULT_SIZE: usize = 100;

impl Ask {
    /// # Errors
    /// The text of a 400.
    pub(crate) fn parse(body: &Value, quirks: &Quirks) -> Result<Self, String> {
        let mut conditions = Vec::new();
        if let Some(query) = body.get("query") {
            let query = query.as_object().ok_or("query must be an object")?;
            take_conditions(query, quirks, &mut conditions)?;
        }
        if quirks.filter_ignored {
            conditions.clear();
        }
        let nothing = Value::Null;
        let options = body.get("options").unwrap_or(&nothing);
        let number = |name: &str| options.get(name).and_then(Value::as_u64).map(saturated);
        let asked = number("pageSize").or_else(|| number("limit"));
        let asked = asked.unwrap_or(DEFAULT_SIZE);
        if asked > quirks.refuses_size_over {
            return Err(format!(
                "pageSize may be at most {}",
                quirks.refuses_size_over
            ));
        }
        let size = asked.min(quirks.cap);
        let skip = match quirks.paging {
            Paging::FromOne => number("page")
                .unwrap_or(1)
                .saturating_sub(1)
                .saturating_mul(size),
            Paging::FromZero => number("page").unwrap_or(0).saturating_mul(size),
            Paging::Skip => number("skip").unwrap_or(0),
            Paging::Ignored => 0,
        };
        if skip.saturating_add(size) > quirks.deepest {
            return Err(format!(
                "the result window is limited to {}",
                quirks.deepest
            ));
        }
        Ok(Self {
            conditions,
            sort: sort_of(options)?,
            skip,
            size,
        })
    }

    /// The requested page of `rows`, which are in the order of creation.
    pub(crate) fn answer(
        &self,
        quirks: &Quirks,
        mut rows: Vec<Row>,
        rng: &mut fastrand::Rng,
    ) -> Found {
        rows.retain(|row| self.matches(quirks, &row.content));
        let fields = match quirks.sort {
            Sort::Obeyed | Sort::AlwaysDescending => self.sort.as_slice(),
            Sort::TiesShuffled => {
                rng.shuffle(&mut rows);
                &self.sort[..self.sort.len().min(1)]
            }
            Sort::Ignored => &[],
        };
        if !fields.is_empty() {
            let fields: Vec<(&str, bool)> = fields
                .iter()
                .map(|(path, descends)| {
                    let descends = *descends || quirks.sort == Sort::AlwaysDescending;
                    (path.as_str(), descends)
                })
                .collect();
            sort_rows(&mut rows, &fields, quirks.compared);
        }
        let total = rows.len();
        let rows: Vec<Row> = rows.into_iter().skip(self.skip).take(self.size).collect();
        Found {
            has_next: self.skip.saturating_add(rows.len()) < total,
            rows,
            total,
        }
    }

    pub(crate) fn matches(&self, quirks: &Quirks, content: &Content) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.holds(quirks, content))
    }
}

fn saturated(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn take_conditions(
    query: &Map<String, Value>,
    quirks: &Quirks,
    conditions: &mut Vec<Condition>,
) -> Result<(), String> {
    for (path, wanted) in query {
        match wanted {
            Value::Array(parts) if path == "$and" => {
                for part in parts {
                    let part = part.as_object().ok_or("$and takes objects")?;
                    take_conditions(part, quirks, conditions)?;
                }
            }
            _ if path.starts_with('$') => return Err(format!("unknown operator: {path}")),
            Value::Object(operators) if is_operators(operators) => {
                for (name, operand) in operators {
                    if quirks.missing.contains(&name.as_str()) {
                        match quirks.missing_is {
                            Missing::Refused => return Err(format!("unknown operator: {name}")),
                            Missing::Ignored => continue,
                        }
                    }
                    conditions.push(Condition::new(path, Operator::named(name)?, operand));
                }
            }
            value => conditions.push(Condition::new(path, Operator::Eq, value)),
        }
    }
    Ok(())
}

/// True for `{"$gte":…}`, but not for `{"$date":…}`, which is a value.
fn is_operators(object: &Map<String, Value>) -> bool {
    let mut names = object.keys();
    names.all(|name| name.starts_with('$') && name != "$date") && !object.is_empty()
}

/// `{"modifydate":1,"sk":1}`, or `"modifydate"` with a `sortType`.
fn sort_of(options: &Value) -> Result<Vec<(String, bool)>, String> {
    match options.get("sort") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(fields)) => fields
            .iter()
            .map(|(path, direction)| match direction.as_i64() {
                Some(1) => Ok((path.clone(), false)),
                Some(-1) => Ok((path.clone(), true)),
                _ => Err(format!("sort direction of {path} must be 1 or -1")),
            })
            .collect(),
        Some(Value::String(path)) => {
            let descends = match options.get("sortType") {
                Some(Value::String(text)) => text.eq_ignore_ascii_case("desc"),
                Some(number) => number.as_i64() == Some(-1),
                None => false,
            };
            Ok(vec![(path.clone(), descends)])
        }
        Some(_) => Err("sort must be an object or a field".to_owned()),
    }
}

impl Condition {
    fn new(path: &str, operator: Operator, operand: &Value) -> Self {
        Self {
            path: path.to_owned(),
            operator,
            operand: operand.clone(),
        }
    }

    fn holds(&self, quirks: &Quirks, content: &Content) -> bool {
        let stored = at_path(&content.value, &self.path);
        if self.operand.is_null() {
            return self.operator == Operator::Eq && stored.is_none_or(Value::is_null);
        }
        let Some(stored) = stored.filter(|stored| !stored.is_null()) else {
            return false;
        };
        let order = match (is_date(&self.path), content.at) {
            (true, Some(at)) => quirks
                .shape
                .compare(quirks.compared, (stored, at), &self.operand),
            (true, None) => None,
            (false, _) => compare(stored, &self.operand),
        };
        if quirks.keys_not_found && self.operator == Operator::Eq {
            return false;
        }
        let operator = match self.operator {
            Operator::Gte if quirks.gte_excludes => Operator::Gt,
            Operator::Lt if quirks.lt_includes => Operator::Lte,
            operator => operator,
        };
        order.is_some_and(|order| operator.admits(order))
    }
}

impl Operator {
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "$eq" => Ok(Self::Eq),
            "$gt" => Ok(Self::Gt),
            "$gte" => Ok(Self::Gte),
            "$lt" => Ok(Self::Lt),
            "$lte" => Ok(Self::Lte),
            other => Err(format!("unknown operator: {other}")),
        }
    }

    pub(crate) fn admits(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Gt => order.is_gt(),
            Self::Gte => order.is_ge(),
            Self::Lt => order.is_lt(),
            Self::Lte => order.is_le(),
        }
    }
}

/// The field whose dates the model stores with more precision than the format.
fn is_date(path: &str) -> bool {
    path == "modifydate"
}

fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
}

/// Compares values of one type only, as Mongo does.
fn compare(stored: &Value, bound: &Value) -> Option<Ordering> {
    match (stored, bound) {
        (Value::String(stored), Value::String(bound)) => Some(stored.cmp(bound)),
        (Value::Number(stored), Value::Number(bound)) => {
            stored.as_f64()?.partial_cmp(&bound.as_f64()?)
        }
        (stored, bound) => (stored == bound).then_some(Ordering::Equal),
    }
}

/// The rank of a value in a sort: missing values, then numbers, then text.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Place {
    Missing,
    Time(i64),
    Number(f64),
    Text(String),
}

impl Place {
    fn of(content: &Content, path: &str, compared: Compared) -> Self {
        let value = at_path(&content.value, path);
        match (value, content.at) {
            (Some(_), Some(at)) if is_date(path) && compared == Compared::AsTime => Self::Time(at),
            (Some(Value::Number(number)), _) => number.as_f64().map_or(Self::Missing, Self::Number),
            (Some(Value::String(text)), _) => Self::Text(text.clone()),
            (Some(Value::Object(object)), _) => match object.get("$date") {
                Some(Value::String(text)) => Self::Text(text.clone()),
                _ => Self::Missing,
            },
            _ => Self::Missing,
        }
    }
}

fn sort_rows(rows: &mut Vec<Row>, fields: &[(&str, bool)], compared: Compared) {
    let mut placed: Vec<(Vec<Place>, Row)> = rows
        .drain(..)
        .map(|row| {
            let place = |(path, _): &(&str, bool)| Place::of(&row.content, path, compared);
            (fields.iter().map(place).collect(), row)
        })
        .collect();
    placed.sort_by(|(left, _), (right, _)| {
        let pairs = left.iter().zip(right).zip(fields);
        pairs
            .map(|((left, right), (_, descends))| {
                let order = left.partial_cmp(right).unwrap_or(Ordering::Equal);
                if *descends { order.reverse() } else { order }
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    rows.extend(placed.into_iter().map(|(_, row)| row));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::poll_hostile::data::{Churn, Data};
    use crate::poll_hostile::dates::SECOND;
    use crate::poll_hostile::model::Model;

    /// Rows of `(key, second, amount)` with dates in `shape`; without a second, the row has no date.
    fn rows(shape: Shape, records: &[(&str, Option<i64>, u32)]) -> Vec<Row> {
        let row = |(record, (key, second, amount)): (usize, &(&str, Option<i64>, u32))| {
            let at = second.map(|second| second * SECOND);
            let modified = at.map_or(Value::Null, |at| shape.write(at));
            let value = json!({"sk": key, "modifydate": modified, "data": {"amount": amount}});
            Row {
                record,
                commit: 1,
                content: std::sync::Arc::new(Content {
                    text: value.to_string(),
                    value,
                    at,
                }),
            }
        };
        records.iter().enumerate().map(row).collect()
    }

    const RECORDS: [(&str, Option<i64>, u32); 5] = [
        ("d", Some(40), 4),
        ("a", Some(10), 1),
        ("c", Some(20), 3),
        ("b", Some(20), 2),
        ("e", None, 5),
    ];

    /// The keys of the found rows, in order.
    fn find(quirks: Quirks, body: &Value) -> Result<String, String> {
        let ask = Ask::parse(body, &quirks)?;
        let mut rng = fastrand::Rng::with_seed(1);
        let found = ask.answer(&quirks, rows(quirks.shape, &RECORDS), &mut rng);
        let keys = found
            .rows
            .iter()
            .filter_map(|row| row.content.value["sk"].as_str());
        Ok(keys.collect())
    }

    fn bounds(shape: Shape, operators: &[(&str, i64)]) -> Value {
        let bounds: Map<String, Value> = operators
            .iter()
            .map(|(name, second)| ((*name).to_owned(), shape.write(second * SECOND)))
            .collect();
        json!({"query": {"modifydate": bounds}, "options": {"sort": {"modifydate": 1, "sk": 1}}})
    }

    #[test]
    fn every_operator_works_in_every_format_and_comparison() {
        for shape in Shape::ALL {
            for compared in [Compared::AsTime, Compared::AsText] {
                let quirks = Quirks {
                    shape,
                    compared,
                    ..Quirks::NONE
                };
                let found =
                    |operators: &[(&str, i64)]| find(quirks, &bounds(shape, operators)).unwrap();
                assert_eq!(found(&[("$gte", 20)]), "bcd", "{shape:?} {compared:?}");
                assert_eq!(found(&[("$gt", 20)]), "d", "{shape:?} {compared:?}");
                assert_eq!(found(&[("$lte", 20)]), "abc", "{shape:?} {compared:?}");
                assert_eq!(found(&[("$lt", 20)]), "a", "{shape:?} {compared:?}");
                assert_eq!(found(&[("$eq", 20)]), "bc", "{shape:?} {compared:?}");
                assert_eq!(
                    found(&[("$gte", 11), ("$lt", 40)]),
                    "bc",
                    "{shape:?} {compared:?}"
                );
            }
        }
    }

    #[test]
    fn a_bound_of_another_type_matches_nothing_without_an_error() {
        let quirks = Quirks {
            shape: Shape::EpochMillis,
            ..Quirks::NONE
        };
        assert_eq!(
            find(quirks, &bounds(Shape::Millis, &[("$gte", 0)])).unwrap(),
            ""
        );
        assert_eq!(
            find(quirks, &bounds(Shape::Wrapped, &[("$gte", 0)])).unwrap(),
            ""
        );
    }

    #[test]
    fn values_nulls_paths_and_conjunctions_are_supported() {
        let found = |query: Value| find(Quirks::NONE, &json!({"query": query})).unwrap();
        assert_eq!(found(json!({})), "dacbe");
        assert_eq!(found(json!({"sk": "c"})), "c");
        assert_eq!(found(json!({"modifydate": null})), "e");
        assert_eq!(found(json!({"nowhere.at": null})), "dacbe");
        assert_eq!(found(json!({"data.amount": {"$gt": 2, "$lte": 4}})), "dc");
        assert_eq!(
            found(json!({"$and": [{"sk": {"$gt": "a"}}, {"data.amount": {"$lt": 4}}]})),
            "cb"
        );
        assert_eq!(found(json!({"sk": {"$gt": 3}})), "");
    }

    #[test]
    fn unknown_operators_and_invalid_sorts_are_refused() {
        for body in [
            json!({"query": {"sk": {"$near": 1}}}),
            json!({"query": {"$where": "1"}}),
            json!({"query": []}),
            json!({"options": {"sort": {"sk": "up"}}}),
        ] {
            assert!(find(Quirks::NONE, &body).is_err(), "{body}");
        }
    }

    #[test]
    fn both_forms_of_a_sort_are_supported() {
        let found = |options: Value| find(Quirks::NONE, &json!({"options": options})).unwrap();
        assert_eq!(found(json!({"sort": {"modifydate": 1, "sk": 1}})), "eabcd");
        assert_eq!(found(json!({"sort": {"modifydate": -1, "sk": 1}})), "dbcae");
        assert_eq!(found(json!({"sort": "sk", "sortType": "desc"})), "edcba");
        assert_eq!(found(json!({"sort": "sk", "sortType": -1})), "edcba");
        assert_eq!(found(json!({"sort": "sk"})), "abcde");
    }

    #[test]
    fn each_kind_of_paging_reads_only_its_own_option() {
        let page = |paging, options: Value| {
            let quirks = Quirks {
                paging,
                ..Quirks::NONE
            };
            let mut options = options;
            options["sort"] = json!({"sk": 1});
            options["pageSize"] = json!(2);
            find(quirks, &json!({"options": options})).unwrap()
        };
        assert_eq!(page(Paging::FromOne, json!({"page": 2})), "cd");
        assert_eq!(page(Paging::FromOne, json!({"page": 3})), "e");
        assert_eq!(page(Paging::FromOne, json!({"skip": 2})), "ab");
        assert_eq!(page(Paging::FromZero, json!({"page": 1})), "cd");
        assert_eq!(page(Paging::Skip, json!({"skip": 1})), "bc");
        assert_eq!(page(Paging::Skip, json!({"page": 2})), "ab");
        assert_eq!(page(Paging::Ignored, json!({"page": 2, "skip": 2})), "ab");
    }

    #[test]
    fn the_page_size_is_capped_or_refused() {
        let asked = |size: usize, page: usize| json!({"options": {"pageSize": size, "page": page}});
        let capped = Quirks {
            cap: 2,
            ..Quirks::NONE
        };
        assert_eq!(find(capped, &asked(100, 2)).unwrap(), "cb");
        let strict = Quirks {
            refuses_size_over: 2,
            ..Quirks::NONE
        };
        assert!(find(strict, &asked(3, 1)).is_err());
        let shallow = Quirks {
            deepest: 4,
            ..Quirks::NONE
        };
        assert_eq!(find(shallow, &asked(2, 2)).unwrap(), "cb");
        assert!(find(shallow, &asked(2, 3)).is_err());
    }

    #[test]
    fn ignored_options_have_no_effect() {
        let body = json!({"query": {"sk": {"$lt": "c"}}, "options": {"sort": {"sk": 1}}});
        let found = |quirks| find(quirks, &body);
        assert_eq!(found(Quirks::NONE).unwrap(), "ab");
        let quirks = Quirks {
            sort: Sort::Ignored,
            ..Quirks::NONE
        };
        assert_eq!(found(quirks).unwrap(), "ab");
        let quirks = Quirks {
            sort: Sort::AlwaysDescending,
            ..Quirks::NONE
        };
        assert_eq!(found(quirks).unwrap(), "ba");
        let quirks = Quirks {
            filter_ignored: true,
            ..Quirks::NONE
        };
        assert_eq!(found(quirks).unwrap(), "abcde");
        let quirks = Quirks {
            missing: &["$lt"],
            ..Quirks::NONE
        };
        assert!(found(quirks).is_err());
        let quirks = Quirks {
            missing_is: Missing::Ignored,
            ..quirks
        };
        assert_eq!(found(quirks).unwrap(), "abcde");
    }

    #[test]
    fn only_ties_are_shuffled() {
        let data = Data {
            records: 40,
            instants: 4,
            ..Data::PLAIN
        };
        let rows = Model::new(data, Churn::NONE, Shape::Millis, 0, 1).view(u64::MAX);
        let quirks = Quirks {
            sort: Sort::TiesShuffled,
            ..Quirks::NONE
        };
        let body = json!({"options": {"sort": {"modifydate": 1, "sk": 1}}});
        let ask = Ask::parse(&body, &quirks).unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        let mut orders = [(); 2].map(|()| ask.answer(&quirks, rows.clone(), &mut rng).rows);
        for order in &orders {
            assert!(order.is_sorted_by_key(|row| row.content.at));
        }
        let [first, second] = orders
            .each_mut()
            .map(|rows| rows.iter().map(|row| row.record).collect::<Vec<_>>());
        assert_ne!(first, second);
    }

    #[test]
    fn totals_cover_all_pages_and_the_last_page_has_no_next() {
        let ask = |page| {
            let body = json!({"options": {"pageSize": 3, "page": page}});
            let ask = Ask::parse(&body, &Quirks::NONE).unwrap();
            let found = ask.answer(
                &Quirks::NONE,
                rows(Shape::Millis, &RECORDS),
                &mut fastrand::Rng::new(),
            );
            (found.rows.len(), found.total, found.has_next)
        };
        assert_eq!(
            [ask(1), ask(2), ask(3)],
            [(3, 5, true), (2, 5, false), (0, 5, false)]
        );
    }
}
