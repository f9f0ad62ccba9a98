//! Compiles a filter from JSON.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::{Clause, Filter, OPERATORS, Test};
use crate::condition::error::suggest;
use crate::condition::{ConditionError, budget};

/// The deepest nesting of a filter. The bound protects the stack.
const DEEPEST: usize = 64;

pub(super) fn filter(filter: &Value, depth: usize) -> Result<Filter, ConditionError> {
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
    Ok(Filter { clauses })
}

fn clause(name: &str, value: &Value, depth: usize) -> Result<Clause, ConditionError> {
    let filters = |operator| {
        let list = value.as_array().filter(|list| !list.is_empty());
        list.ok_or(ConditionError::Argument {
            operator,
            expected: "a list of filters with at least one in it",
        })?
        .iter()
        .map(|part| filter(part, depth + 1))
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
    filter(value, depth + 1).map(Test::ElementIs)
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
        .size_limit(budget::REGEX)
        .build()
        .map_err(|error| ConditionError::regex(&pattern, error))
}
