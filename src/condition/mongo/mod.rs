//! MongoDB filters over parsed records, for the queries of the repository.
//!
//! The rules are those of MongoDB: a path through a list continues in each element, a test of a list holds if it holds for the list
//! or for one element, `null` also matches a missing value, and values of different kinds have no order. The platform adds one
//! rule: two texts that are both ISO times are compared as times.

mod parse;

use std::cmp::Ordering;
use std::collections::HashSet;

use regex::Regex;
use serde_json::Value;

use super::ConditionError;
use super::budget::{self, Budget};
use crate::json::Number;
use crate::time::Timestamp;

/// The operators of a filter.
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

/// A compiled filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// All of these must hold.
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
    /// One element is a document that matches the filter.
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
    /// For unknown operators, with a suggestion, and for operands that an operator does not accept.
    pub fn parse(filter: &Value) -> Result<Self, ConditionError> {
        parse::filter(filter, 0)
    }

    /// Returns whether the filter selects the record. `false` if the evaluation exceeds the budget.
    pub fn matches(&self, record: &Value) -> bool {
        let budget = Budget::new(budget::FILTER);
        // Without this check a test that ran out of budget would hold below a `$not`.
        self.selects(record, &budget) && !budget.is_spent()
    }

    fn selects(&self, record: &Value, budget: &Budget) -> bool {
        self.clauses.iter().all(|clause| match clause {
            Clause::And(filters) => filters.iter().all(|filter| filter.selects(record, budget)),
            Clause::Or(filters) => filters.iter().any(|filter| filter.selects(record, budget)),
            Clause::Nor(filters) => !filters.iter().any(|filter| filter.selects(record, budget)),
            Clause::Field(path, tests) => {
                let mut walk = Walk::new(budget);
                walk.add(record, path);
                tests.iter().all(|test| test.holds(&walk.found, budget))
            }
        })
    }
}

/// Collects the values at a path.
struct Walk<'a, 'w> {
    budget: &'w Budget,
    found: Vec<&'a Value>,
    /// The lists that have been entered, with the remaining length of the path. Several paths can reach a list, so each is entered
    /// only once for each remaining path.
    seen: HashSet<(*const Value, usize)>,
}

impl<'a, 'w> Walk<'a, 'w> {
    fn new(budget: &'w Budget) -> Self {
        Self {
            budget,
            found: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// Recursive; the depth is that of the record.
    fn add(&mut self, value: &'a Value, path: &[String]) {
        if !self.budget.spend(1) {
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
    /// Tests all values at the path. An empty list means that the value is missing.
    fn holds(&self, found: &[&Value], budget: &Budget) -> bool {
        if !budget.spend(1) {
            return false;
        }
        // For MongoDB a field is each value, and each element of a value that is a list.
        let any = |test: &dyn Fn(&Value) -> bool| {
            let test = |value: &Value| budget.spend(1) && test(value);
            found.iter().any(|value| {
                test(value) || value.as_array().is_some_and(|items| items.iter().any(test))
            })
        };
        let any_element = |test: &dyn Fn(&Value) -> bool| {
            found
                .iter()
                .filter_map(|value| value.as_array())
                .any(|items| items.iter().any(|item| budget.spend(1) && test(item)))
        };
        let equals = |wanted: &Value| {
            (found.is_empty() && wanted.is_null()) || any(&|value| equal(value, wanted))
        };
        match self {
            Self::Equal(wanted) => equals(wanted),
            Self::NotEqual(wanted) => !equals(wanted),
            Self::Ordered(wanted, holds) => any(&|value| order(value, wanted).is_some_and(holds)),
            Self::In(wanted) => wanted.iter().any(|wanted| wanted.holds(found, budget)),
            Self::NotIn(wanted) => !wanted.iter().any(|wanted| wanted.holds(found, budget)),
            Self::Exists(exists) => found.is_empty() != *exists,
            Self::Regex(regex) => any(&|value| {
                value.as_str().is_some_and(|text| {
                    budget.spend(budget::of_text(text.len())) && regex.is_match(text)
                })
            }),
            Self::Not(tests) => !tests.iter().all(|test| test.holds(found, budget)),
            Self::ElementIs(filter) => any_element(&|item| filter.selects(item, budget)),
            Self::ElementPasses(tests) => {
                any_element(&|item| tests.iter().all(|test| test.holds(&[item], budget)))
            }
            Self::All(wanted) => {
                !wanted.is_empty() && wanted.iter().all(|wanted| wanted.holds(found, budget))
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

/// The order of two values. `None` if they have different kinds.
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
    // Two bytes rule out most texts that are not times.
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
mod tests;
