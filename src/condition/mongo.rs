//! Mongo filters, as the repository's queries use them, over records that are held as values.
//!
//! The rules are Mongo's: a path through a list looks into each element, a test of a list holds when it holds for the list or
//! for one element, `null` also stands for a missing value, and values of different kinds are never in order. One is the
//! platform's: texts that are both ISO times are compared as times.

use std::cmp::Ordering;
use std::collections::HashSet;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::ConditionError;
use super::error::suggest;
use super::work::{self, Work};
use crate::json::Number;
use crate::time::Timestamp;

/// Every operator that a filter may have.
pub const OPERATORS: [&str; 17] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$exists",
    "$regex",
    "$and",
    "$or",
    "$nor",
    "$not",
    "$elemMatch",
    "$all",
    "$size",
];
/// Filters are written by people; deeper ones are attacks on the stack.
const DEEPEST: usize = 64;

/// A compiled filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// All must hold.
    clauses: Vec<Clause>,
}

#[derive(Clone, Debug)]
enum Clause {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Nor(Vec<Filter>),
    Field(Box<[String]>, Vec<Test>),
}

#[derive(Clone, Debug)]
enum Test {
    Equal(Value),
    NotEqual(Value),
    Ordered(Value, fn(Ordering) -> bool),
    In(Vec<Test>),
    NotIn(Vec<Test>),
    Exists(bool),
    Regex(Regex),
    Not(Vec<Test>),
    /// One element is a document that the filter selects.
    ElementIs(Filter),
    /// One element passes all tests.
    ElementPasses(Vec<Test>),
    All(Vec<Test>),
    Size(usize),
}

impl Filter {
    /// Compiles a filter; `{}` selects everything.
    ///
    /// # Errors
    /// [`ConditionError::UnknownOperator`] with the nearest known one, or what an operator takes.
    pub fn parse(filter: &Value) -> Result<Self, ConditionError> {
        Self::parse_at(filter, 0)
    }

    fn parse_at(filter: &Value, depth: usize) -> Result<Self, ConditionError> {
        if depth > DEEPEST {
            return Err(ConditionError::TooDeep);
        }
        let Value::Object(members) = filter else {
            return Err(ConditionError::Shape {
                expected: "an object such as {\"data.status\": \"lead\"}",
            });
        };
        let clauses = members
            .iter()
            .map(|(name, value)| clause(name, value, depth))
            .collect::<Result<_, _>>()?;
        Ok(Self { clauses })
    }

    /// Returns whether the filter selects this record. One that is more work than a filter may be does not.
    pub fn matches(&self, record: &Value) -> bool {
        let work = Work::new(work::FILTER);
        // Below a `$not` a test that was cut short would hold.
        self.selects(record, &work) && !work.is_spent()
    }

    fn selects(&self, record: &Value, work: &Work) -> bool {
        self.clauses.iter().all(|clause| match clause {
            Clause::And(filters) => filters.iter().all(|filter| filter.selects(record, work)),
            Clause::Or(filters) => filters.iter().any(|filter| filter.selects(record, work)),
            Clause::Nor(filters) => !filters.iter().any(|filter| filter.selects(record, work)),
            Clause::Field(path, tests) => {
                let mut walk = Walk::new(work);
                walk.add(record, path);
                tests.iter().all(|test| test.holds(&walk.found, work))
            }
        })
    }
}

fn clause(name: &str, value: &Value, depth: usize) -> Result<Clause, ConditionError> {
    let filters = |operator| {
        let list = value.as_array().filter(|list| !list.is_empty());
        list.ok_or(ConditionError::Argument {
            operator,
            expected: "a list of filters with at least one in it",
        })?
        .iter()
        .map(|filter| Filter::parse_at(filter, depth + 1))
        .collect::<Result<Vec<_>, _>>()
    };
    match name {
        "$and" => Ok(Clause::And(filters("$and")?)),
        "$or" => Ok(Clause::Or(filters("$or")?)),
        "$nor" => Ok(Clause::Nor(filters("$nor")?)),
        name if name.starts_with('$') => Err(unknown(name)),
        path => {
            let path = path.split('.').map(str::to_owned).collect();
            Ok(Clause::Field(path, field_tests(value, depth)?))
        }
    }
}

fn unknown(name: &str) -> ConditionError {
    ConditionError::UnknownOperator {
        name: name.to_owned(),
        suggestion: suggest(name, &OPERATORS),
    }
}

/// `{"$gte": 1, "$lt": 5}`, or a value that the field must equal.
fn field_tests(value: &Value, depth: usize) -> Result<Vec<Test>, ConditionError> {
    match value {
        Value::Object(members) if members.keys().any(|name| name.starts_with('$')) => {
            tests(members, depth)
        }
        value => Ok(vec![Test::Equal(value.clone())]),
    }
}

fn tests(members: &Map<String, Value>, depth: usize) -> Result<Vec<Test>, ConditionError> {
    if depth > DEEPEST {
        return Err(ConditionError::TooDeep);
    }
    members
        .iter()
        .filter(|(name, _)| *name != "$options")
        .map(|(name, value)| test(name, value, members, depth))
        .collect()
}

fn test(
    name: &str,
    value: &Value,
    members: &Map<String, Value>,
    depth: usize,
) -> Result<Test, ConditionError> {
    let list = |operator| {
        value
            .as_array()
            .map(|list| list.iter().cloned().map(Test::Equal).collect::<Vec<_>>())
            .ok_or(ConditionError::Argument {
                operator,
                expected: "a list",
            })
    };
    Ok(match name {
        "$eq" => Test::Equal(value.clone()),
        "$ne" => Test::NotEqual(value.clone()),
        "$gt" => Test::Ordered(value.clone(), Ordering::is_gt),
        "$gte" => Test::Ordered(value.clone(), Ordering::is_ge),
        "$lt" => Test::Ordered(value.clone(), Ordering::is_lt),
        "$lte" => Test::Ordered(value.clone(), Ordering::is_le),
        "$in" => Test::In(list("$in")?),
        "$nin" => Test::NotIn(list("$nin")?),
        "$all" => Test::All(list("$all")?),
        "$exists" => Test::Exists(match value {
            Value::Bool(exists) => *exists,
            Value::Number(number) => number.as_f64() != Some(0.0),
            _ => {
                return Err(ConditionError::Argument {
                    operator: "$exists",
                    expected: "true or false",
                });
            }
        }),
        "$size" => Test::Size(
            value
                .as_u64()
                .and_then(|size| usize::try_from(size).ok())
                .ok_or(ConditionError::Argument {
                    operator: "$size",
                    expected: "a whole number",
                })?,
        ),
        "$regex" => Test::Regex(regex(value, members.get("$options"))?),
        "$not" => match value {
            Value::Object(members) => Test::Not(tests(members, depth + 1)?),
            _ => {
                return Err(ConditionError::Argument {
                    operator: "$not",
                    expected: "an object of operators",
                });
            }
        },
        "$elemMatch" => element(value, depth)?,
        name => return Err(unknown(name)),
    })
}

fn element(value: &Value, depth: usize) -> Result<Test, ConditionError> {
    let Value::Object(members) = value else {
        return Err(ConditionError::Argument {
            operator: "$elemMatch",
            expected: "an object of fields or operators",
        });
    };
    let logical = |name: &String| matches!(name.as_str(), "$and" | "$or" | "$nor");
    if members
        .keys()
        .any(|name| name.starts_with('$') && !logical(name))
    {
        return Ok(Test::ElementPasses(tests(members, depth + 1)?));
    }
    Filter::parse_at(value, depth + 1).map(Test::ElementIs)
}

fn regex(pattern: &Value, options: Option<&Value>) -> Result<Regex, ConditionError> {
    let text = |value: &Value, expected| {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or(ConditionError::Argument {
                operator: "$regex",
                expected,
            })
    };
    let pattern = text(pattern, "a regular expression as text")?;
    let mut builder = RegexBuilder::new(&pattern);
    let options = match options {
        Some(options) => text(options, "`$options` of the letters i, m, s and x")?,
        None => String::new(),
    };
    for option in options.chars() {
        match option {
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            _ => {
                return Err(ConditionError::Argument {
                    operator: "$regex",
                    expected: "`$options` of the letters i, m, s and x",
                });
            }
        };
    }
    builder
        .size_limit(work::REGEX)
        .build()
        .map_err(|error| ConditionError::regex(&pattern, error))
}

/// The values that a path leads to.
struct Walk<'a, 'w> {
    work: &'w Work,
    found: Vec<&'a Value>,
    /// Lists, and how much of the path was left there. A list is where ways part, so each is entered once with each rest.
    seen: HashSet<(*const Value, usize)>,
}

impl<'a, 'w> Walk<'a, 'w> {
    fn new(work: &'w Work) -> Self {
        Self {
            work,
            found: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// The recursion is as deep as the record is nested.
    fn add(&mut self, value: &'a Value, path: &[String]) {
        if !self.work.spend(1) {
            return;
        }
        let Some((name, rest)) = path.split_first() else {
            self.found.push(value);
            return;
        };
        match value {
            Value::Object(members) => {
                if let Some(value) = members.get(name) {
                    self.add(value, rest);
                }
            }
            Value::Array(items) if self.seen.insert((value, path.len())) => {
                if let Some(item) = name.parse::<usize>().ok().and_then(|at| items.get(at)) {
                    self.add(item, rest);
                }
                for item in items.iter().filter(|item| item.is_object()) {
                    self.add(item, path);
                }
            }
            _ => {}
        }
    }
}

impl Test {
    /// Judges all values that the path led to; none stands for a missing one.
    fn holds(&self, found: &[&Value], work: &Work) -> bool {
        if !work.spend(1) {
            return false;
        }
        // What Mongo means by "the field": each value, and each element of those that are lists.
        let any = |test: &dyn Fn(&Value) -> bool| {
            let test = |value: &Value| work.spend(1) && test(value);
            found.iter().any(|value| {
                test(value) || value.as_array().is_some_and(|items| items.iter().any(test))
            })
        };
        let any_element = |test: &dyn Fn(&Value) -> bool| {
            found
                .iter()
                .filter_map(|value| value.as_array())
                .any(|items| items.iter().any(|item| work.spend(1) && test(item)))
        };
        let equals = |wanted: &Value| {
            (found.is_empty() && wanted.is_null()) || any(&|value| equal(value, wanted))
        };
        match self {
            Self::Equal(wanted) => equals(wanted),
            Self::NotEqual(wanted) => !equals(wanted),
            Self::Ordered(wanted, holds) => any(&|value| order(value, wanted).is_some_and(holds)),
            Self::In(wanted) => wanted.iter().any(|wanted| wanted.holds(found, work)),
            Self::NotIn(wanted) => !wanted.iter().any(|wanted| wanted.holds(found, work)),
            Self::Exists(exists) => found.is_empty() != *exists,
            Self::Regex(regex) => any(&|value| {
                value.as_str().is_some_and(|text| {
                    work.spend(work::of_text(text.len())) && regex.is_match(text)
                })
            }),
            Self::Not(tests) => !tests.iter().all(|test| test.holds(found, work)),
            Self::ElementIs(filter) => any_element(&|item| filter.selects(item, work)),
            Self::ElementPasses(tests) => {
                any_element(&|item| tests.iter().all(|test| test.holds(&[item], work)))
            }
            Self::All(wanted) => {
                !wanted.is_empty() && wanted.iter().all(|wanted| wanted.holds(found, work))
            }
            Self::Size(size) => found
                .iter()
                .any(|value| value.as_array().is_some_and(|items| items.len() == *size)),
        }
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    a == b || order(a, b).is_some_and(Ordering::is_eq)
}

/// The order of two values of one kind; of different kinds none.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => number(a)?.compare(number(b)?),
        (Value::String(a), Value::String(b)) => {
            Some(times(a, b).map_or_else(|| a.cmp(b), |(a, b)| a.cmp(&b)))
        }
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        _ => None,
    }
}

fn number(number: &serde_json::Number) -> Option<Number> {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(whole), _, _) => Some(Number::Whole(whole.into())),
        (None, Some(whole), _) => Some(Number::Whole(whole.into())),
        (None, None, real) => real.map(Number::Real),
    }
}

fn times(a: &str, b: &str) -> Option<(Timestamp, Timestamp)> {
    // Most texts are no times, and a look at two bytes says so.
    let may_be = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() >= 10 && bytes[4] == b'-' && bytes[0].is_ascii_digit()
    };
    if !may_be(a) || !may_be(b) {
        return None;
    }
    a.parse().ok().zip(b.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(filter: Value, record: &Value) -> bool {
        Filter::parse(&filter).unwrap().matches(record)
    }

    fn record() -> Value {
        json!({
            "sk": "contact-1",
            "modifydate": "2026-04-25T10:00:00.000Z",
            "data": {
                "email": "Ada@Example.com", "score": 10, "price": 10.0, "big": 12_345_678_901_234_567_890_u64,
                "tags": ["vip", "new"], "none": null,
                "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 5}], "grid": [[1, 2], [3]]
            }
        })
    }

    #[test]
    fn every_operator_says_yes_and_no() {
        let record = record();
        for (filter, yes) in [
            (json!({}), true),
            (json!({"sk": "contact-1"}), true),
            (json!({"sk": "contact-2"}), false),
            (json!({"data.score": {"$eq": 10.0}}), true),
            (json!({"data.score": {"$ne": 10}}), false),
            (json!({"data.missing": {"$ne": 10}}), true),
            (json!({"data.score": {"$gt": 9, "$lt": 11}}), true),
            (json!({"data.score": {"$gt": 10}}), false),
            (json!({"data.score": {"$gte": 10, "$lte": 10}}), true),
            (json!({"data.score": {"$lt": 10}}), false),
            (json!({"data.score": {"$gt": "9"}}), false),
            (
                json!({"data.big": {"$gt": 12_345_678_901_234_567_889_u64}}),
                true,
            ),
            (json!({"data.score": {"$in": [1, 10]}}), true),
            (json!({"data.score": {"$in": []}}), false),
            (json!({"data.missing": {"$in": [null]}}), true),
            (json!({"data.tags": {"$nin": ["old"]}}), true),
            (json!({"data.tags": {"$nin": ["vip"]}}), false),
            (json!({"data.none": {"$exists": true}}), true),
            (json!({"data.missing": {"$exists": true}}), false),
            (json!({"data.missing": {"$exists": false}}), true),
            (json!({"data.missing": null}), true),
            (json!({"data.none": null}), true),
            (
                json!({"data.email": {"$regex": "^ada@", "$options": "i"}}),
                true,
            ),
            (json!({"data.email": {"$regex": "^ada@"}}), false),
            (
                json!({"$and": [{"sk": "contact-1"}, {"data.score": 10}]}),
                true,
            ),
            (json!({"$or": [{"sk": "x"}, {"data.score": 10}]}), true),
            (json!({"$or": [{"sk": "x"}, {"data.score": 11}]}), false),
            (json!({"$nor": [{"sk": "x"}, {"data.score": 11}]}), true),
            (json!({"data.score": {"$not": {"$gt": 5}}}), false),
            (json!({"data.missing": {"$not": {"$gt": 5}}}), true),
            (
                json!({"data.items": {"$elemMatch": {"sku": "b", "n": {"$gt": 4}}}}),
                true,
            ),
            (
                json!({"data.items": {"$elemMatch": {"sku": "a", "n": {"$gt": 4}}}}),
                false,
            ),
            (json!({"data.grid": {"$elemMatch": {"$size": 1}}}), true),
            (json!({"data.tags": {"$elemMatch": {"$eq": "vip"}}}), true),
            (json!({"data.tags": {"$all": ["new", "vip"]}}), true),
            (json!({"data.tags": {"$all": ["new", "old"]}}), false),
            (json!({"data.tags": {"$size": 2}}), true),
            (json!({"data.tags": {"$size": 1}}), false),
        ] {
            assert_eq!(matches(filter.clone(), &record), yes, "{filter}");
        }
    }

    #[test]
    fn a_path_looks_into_each_element_of_a_list() {
        let record = record();
        for (filter, yes) in [
            (json!({"data.tags": "vip"}), true),
            (json!({"data.tags": ["vip", "new"]}), true),
            (json!({"data.items.sku": "b"}), true),
            (json!({"data.items.0.sku": "b"}), false),
            (json!({"data.items.1.sku": "b"}), true),
            (json!({"data.items.n": {"$gt": 9}}), false),
        ] {
            assert_eq!(matches(filter.clone(), &record), yes, "{filter}");
        }
    }

    #[test]
    fn iso_texts_are_compared_as_times() {
        let record = record();
        for (filter, yes) in [
            (
                json!({"modifydate": {"$gte": "2026-04-25T12:00:00+02:00"}}),
                true,
            ),
            (
                json!({"modifydate": {"$gt": "2026-04-25T12:00:00+02:00"}}),
                false,
            ),
            (json!({"modifydate": "2026-04-25T10:00:00Z"}), true),
            (json!({"modifydate": {"$lt": "2026-04-26"}}), true),
        ] {
            assert_eq!(matches(filter.clone(), &record), yes, "{filter}");
        }
    }

    #[test]
    fn an_unknown_operator_is_named_with_a_suggestion() {
        for (filter, shown) in [
            (
                json!({"a": {"$gtt": 1}}),
                "there is no operator `$gtt` (did you mean `$gt`?)",
            ),
            (
                json!({"$an": []}),
                "there is no operator `$an` (did you mean `$and`?)",
            ),
            (
                json!({"a": {"$where": "x"}}),
                "there is no operator `$where`",
            ),
            (json!({"a": {"b": 1, "$gt": 1}}), "there is no operator `b`"),
        ] {
            assert_eq!(Filter::parse(&filter).unwrap_err().to_string(), shown);
        }
    }

    #[test]
    fn what_an_operator_does_not_take_is_refused() {
        for filter in [
            json!([]),
            json!("x"),
            json!({"$or": []}),
            json!({"$or": [1]}),
            json!({"a": {"$in": 1}}),
            json!({"a": {"$size": -1}}),
            json!({"a": {"$exists": "yes"}}),
            json!({"a": {"$regex": "("}}),
            json!({"a": {"$regex": 1}}),
            json!({"a": {"$regex": "a", "$options": "g"}}),
            json!({"a": {"$not": 1}}),
            json!({"a": {"$elemMatch": 1}}),
        ] {
            assert!(Filter::parse(&filter).is_err(), "{filter}");
        }
    }

    #[test]
    fn a_filter_nested_without_end_is_refused() {
        let mut filter = json!({"a": 1});
        for _ in 0..100 {
            filter = json!({"$and": [filter]});
        }
        assert!(matches!(
            Filter::parse(&filter),
            Err(ConditionError::TooDeep)
        ));
    }

    #[test]
    fn a_path_of_numbers_through_lists_is_walked_once() {
        let (mut record, mut depth) = (json!({"end": 1}), 0);
        while depth < 50 {
            record = json!({"0": [record]});
            depth += 1;
        }
        let path = |names: usize| vec!["0"; names].join(".");
        assert!(!matches(json!({path(75): 1}), &record));
        assert!(matches(json!({format!("{}.end", path(75)): 1}), &record));
    }

    #[test]
    fn nested_element_matches_are_bounded() {
        let mut record = json!(1);
        for _ in 0..60 {
            record = json!([[record.clone()], {"0": [[record]]}]);
            if record.to_string().len() > 100_000 {
                break;
            }
        }
        let mut filter = json!({"0": {"$elemMatch": {"x": 1}}});
        for _ in 0..50 {
            filter = json!({"$or": [filter.clone(), {"0": {"$elemMatch": filter}}]});
            if filter.to_string().len() > 300_000 {
                break;
            }
        }
        let filter = Filter::parse(&filter).unwrap();
        let work = Work::new(work::FILTER);
        assert!(!filter.selects(&record, &work));
        assert!(work.is_spent());
        assert!(!filter.matches(&record));
    }

    #[test]
    fn what_is_too_much_work_is_not_selected_by_its_negation() {
        let tags: Vec<u32> = (0..1_000).collect();
        let others: Vec<u32> = (1_000..4_000).collect();
        let record = json!({"tags": tags});
        assert!(matches(json!({"tags": {"$nin": others[..9]}}), &record));
        assert!(!matches(json!({"tags": {"$nin": others}}), &record));
    }
}
