//! AppEngine's conditions: `{field, operator, value, timeframe?}` with thirteen operators.
//!
//! The platform's documentation lists the operators but not their details, so this file defines them: values are compared
//! loosely (`"10"` equals `10`), ISO texts are compared as times, and a field that is null counts as missing. For a missing field
//! every operator except `not_equals`, `not_contains` and `not_exists` is false.

use std::cmp::Ordering;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::scope::Found;
use super::{Answer, Condition, ConditionError, Failure, Leaf, Predicate, Question, ValuePath};
use crate::catalogue;
use crate::grammar::quantity::{Span, When};
use crate::json::{Number, Step};
use crate::time::Timestamp;

/// A test of a field.
#[derive(Debug)]
pub(super) enum Test {
    Equals(Value),
    NotEquals(Value),
    Contains(Value),
    NotContains(Value),
    GreaterThan(Value),
    LessThan(Value),
    Exists,
    NotExists,
    /// The field is a time at most this long ago, and not in the future.
    InLast(Duration),
    After(When),
    Before(When),
    /// Both ends are included.
    Between(Value, Value),
    Matches(Regex),
}

pub(super) fn parse(conditions: &Value) -> Result<Condition, ConditionError> {
    let list = match conditions {
        Value::Array(list) => list.as_slice(),
        Value::Object(_) => std::slice::from_ref(conditions),
        _ => {
            return Err(ConditionError::Shape {
                expected: "an object with `field`, `operator` and `value`, or a list of them",
            });
        }
    };
    let mut parts = Vec::new();
    let mut variables = Vec::new();
    for condition in list {
        let (path, leaf) = one(condition)?;
        variables.push(path);
        parts.push(Predicate::Leaf(leaf));
    }
    variables.sort_unstable();
    variables.dedup();
    Ok(Condition {
        text: conditions.to_string().into(),
        predicate: match parts.len() {
            1 => parts.remove(0),
            _ => Predicate::All(parts),
        },
        variables: variables.into(),
    })
}

fn one(condition: &Value) -> Result<(Box<str>, Leaf), ConditionError> {
    let text = |name: &str| condition.get(name).and_then(Value::as_str);
    let field = text("field").filter(|field| !field.is_empty());
    let (Some(field), Some(operator)) = (field, text("operator")) else {
        return Err(ConditionError::Shape {
            expected: "an object with the texts `field` and `operator`",
        });
    };
    let operator =
        catalogue::find_operator(operator).map_err(|unknown| ConditionError::UnknownOperator {
            name: unknown.name,
            suggestion: unknown.suggestion,
        })?;
    let value = condition.get("value").unwrap_or(&Value::Null);
    let timeframe = condition.get("timeframe").unwrap_or(&Value::Null);
    let test = test(operator, value, timeframe)?;
    let path = path_of(field);
    let shown = match (value, timeframe) {
        (Value::Null, Value::Null) => format!("{field} {operator}"),
        (value, Value::Null) => format!("{field} {operator} {value}"),
        (Value::Null, timeframe) => format!("{field} {operator} {timeframe}"),
        (value, timeframe) => format!("{field} {operator} {value} {timeframe}"),
    };
    let root = path.root.clone();
    let question = Question::Operator(path, test);
    Ok((
        root,
        Leaf {
            text: shown.into(),
            question,
        },
    ))
}

fn path_of(field: &str) -> ValuePath {
    let mut names = field.split('.');
    ValuePath {
        root: names.next().unwrap_or_default().into(),
        steps: names.map(|name| Step::Name(name.to_owned())).collect(),
    }
}

fn test(operator: &'static str, value: &Value, timeframe: &Value) -> Result<Test, ConditionError> {
    let wrong = |expected| ConditionError::Argument { operator, expected };
    let given = |value: &Value| match value {
        Value::Null => Err(wrong("a `value`")),
        value => Ok(value.clone()),
    };
    let date = |value: &Value| when(value).ok_or_else(|| wrong("a date as its `value`"));
    Ok(match operator {
        "equals" => Test::Equals(value.clone()),
        "not_equals" => Test::NotEquals(value.clone()),
        "contains" => Test::Contains(given(value)?),
        "not_contains" => Test::NotContains(given(value)?),
        "greater_than" => Test::GreaterThan(given(value)?),
        "less_than" => Test::LessThan(given(value)?),
        "exists" => Test::Exists,
        "not_exists" => Test::NotExists,
        "in_last" => {
            Test::InLast(span(value, timeframe).ok_or_else(|| {
                wrong("a duration: `value` 7 with `timeframe` \"days\", or \"7d\"")
            })?)
        }
        "after_date" => Test::After(date(value)?),
        "before_date" => Test::Before(date(value)?),
        "between" => {
            let (low, high) = ends(value).ok_or_else(|| wrong("two values: [low, high]"))?;
            Test::Between(low, high)
        }
        "regex_match" => {
            let pattern = value
                .as_str()
                .ok_or_else(|| wrong("a regular expression"))?;
            Test::Matches(ConditionError::or_regex(pattern)?)
        }
        // A new operator of the catalogue is refused until it is implemented here.
        _ => return Err(wrong("no operands, because evt does not implement it yet")),
    })
}

fn when(value: &Value) -> Option<When> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(millis) => Some(When::At(Timestamp::from_millis(millis.as_i64()?))),
        _ => None,
    }
}

/// A duration as `"7d"`, as 7 with `"days"`, or as `{value, unit}`; the text or object can be the value or the timeframe.
fn span(value: &Value, timeframe: &Value) -> Option<Duration> {
    match (value, timeframe) {
        (Value::Number(count), Value::String(unit)) => units(count.as_f64()?, unit),
        (Value::String(count), Value::String(unit)) => units(count.parse().ok()?, unit),
        (_, Value::Object(parts)) => {
            let count = parts.get("value").or_else(|| parts.get("amount"))?;
            units(count.as_f64()?, parts.get("unit")?.as_str()?)
        }
        (Value::Object(_), Value::Null) => span(&Value::Null, value),
        (Value::String(text), Value::Null) | (Value::Null, Value::String(text)) => {
            match text.parse::<Span>() {
                Ok(span) => Some(span.into()),
                Err(_) => {
                    let (count, unit) = text.trim().split_once(' ')?;
                    units(count.parse().ok()?, unit)
                }
            }
        }
        _ => None,
    }
}

fn units(count: f64, unit: &str) -> Option<Duration> {
    const DAY: f64 = 86_400.0;
    let seconds = match unit.trim().trim_end_matches('s') {
        "second" | "sec" | "" => 1.0,
        "minute" | "min" | "m" => 60.0,
        "hour" | "h" => 3_600.0,
        "day" | "d" => DAY,
        "week" | "w" => 7.0 * DAY,
        "month" => 30.0 * DAY,
        "year" => 365.0 * DAY,
        _ => return None,
    };
    Duration::try_from_secs_f64(count * seconds).ok()
}

fn ends(value: &Value) -> Option<(Value, Value)> {
    match value {
        Value::Array(ends) => match &ends[..] {
            [low, high] => Some((low.clone(), high.clone())),
            _ => None,
        },
        Value::Object(ends) => {
            let end = |names: [&str; 3]| names.iter().find_map(|name| ends.get(*name)).cloned();
            Some((end(["min", "from", "start"])?, end(["max", "to", "end"])?))
        }
        _ => None,
    }
}

impl Test {
    pub(super) fn ask(&self, found: Option<&Found<'_>>, now: Timestamp) -> Answer {
        // A field that is null counts as missing.
        let found = found.filter(|found| !found.is_null());
        let Some(found) = found else {
            return match self {
                Self::NotExists | Self::NotContains(_) => Ok(true),
                Self::Exists => Ok(false),
                Self::Equals(value) => Ok(value.is_null()),
                Self::NotEquals(value) => Ok(!value.is_null()),
                _ => Err(Failure::Missing),
            };
        };
        let ordered = |value: &Value| order(found, value).ok_or(Failure::NotComparable);
        let time = || timestamp_of(found).ok_or(Failure::NotComparable);
        match self {
            Self::Equals(value) => Ok(equal(found, value)),
            Self::NotEquals(value) => Ok(!equal(found, value)),
            Self::Contains(value) => contains(found, value),
            Self::NotContains(value) => contains(found, value).map(|holds| !holds),
            Self::GreaterThan(value) => Ok(ordered(value)?.is_gt()),
            Self::LessThan(value) => Ok(ordered(value)?.is_lt()),
            Self::Exists => Ok(true),
            Self::NotExists => Ok(false),
            Self::InLast(span) => {
                let time = time()?;
                Ok(time >= now.minus(*span) && time <= now)
            }
            Self::After(date) => Ok(time()? > date.at(now)),
            Self::Before(date) => Ok(time()? < date.at(now)),
            Self::Between(low, high) => Ok(ordered(low)?.is_ge() && ordered(high)?.is_le()),
            Self::Matches(regex) => match found.as_str() {
                Some(text) => Ok(regex.is_match(&text)),
                None => Err(Failure::NotComparable),
            },
        }
    }
}

fn equal(found: &Found<'_>, value: &Value) -> bool {
    match value {
        Value::Array(_) | Value::Object(_) => {
            serde_json::from_str::<Value>(&found.shown()).is_ok_and(|found| found == *value)
        }
        Value::Bool(value) => match found.as_bool() {
            Some(found) => found == *value,
            None => found.as_str().is_some_and(|text| text == value.to_string()),
        },
        _ => order(found, value).is_some_and(Ordering::is_eq),
    }
}

/// Compares numbers by value, even if one is a text, two times as times, and other texts by their characters.
fn order(found: &Found<'_>, value: &Value) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (number(found), value_number(value)) {
        return a.compare(b);
    }
    let (found, value) = (found.as_str()?, value.as_str()?);
    if let (Ok(a), Ok(b)) = (found.parse::<Timestamp>(), value.parse::<Timestamp>()) {
        return Some(a.cmp(&b));
    }
    Some((*found).cmp(value))
}

fn number(found: &Found<'_>) -> Option<Number> {
    found
        .as_number()
        .or_else(|| Number::parse(found.as_str()?.trim()))
}

fn value_number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Number::parse(&number.to_string()),
        Value::String(text) => Number::parse(text.trim()),
        _ => None,
    }
}

fn contains(found: &Found<'_>, value: &Value) -> Answer {
    if let Some(mut items) = found.items() {
        return Ok(items.any(|item| equal(&item, value)));
    }
    match (found.as_str(), value) {
        (Some(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        (Some(text), Value::Number(part)) => Ok(text.contains(&part.to_string())),
        _ => Err(Failure::NotComparable),
    }
}

/// A time as RFC 3339 text or in milliseconds.
fn timestamp_of(found: &Found<'_>) -> Option<Timestamp> {
    match found.as_number() {
        Some(Number::Whole(millis)) => Some(Timestamp::from_millis(millis.try_into().ok()?)),
        Some(Number::Real(_)) => None,
        None => found.as_str()?.parse().ok(),
    }
}
