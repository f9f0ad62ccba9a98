//! AppEngine's conditions: `{field, operator, value, timeframe?}` with thirteen operators.
//!
//! The platform's pages name the operators and not their edges, so these are ours, in this one file: values are compared
//! loosely (`"10"` equals `10`), ISO texts as times, and a field that is null is as one that is not
//! there, which makes every operator false but `not_equals`, `not_contains` and `not_exists`.

use std::cmp::Ordering;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::scope::Seen;
use super::{Answer, Condition, ConditionError, Leaf, Note, Place, Predicate, Question};
use crate::catalogue;
use crate::grammar::quantity::{Span, When};
use crate::json::{Number, Step};
use crate::time::Timestamp;

/// What is asked of a field.
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
    /// The field's time lies this far back at most, and not ahead.
    InLast(Duration),
    After(When),
    Before(When),
    /// Both ends count.
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
        let (place, leaf) = one(condition)?;
        variables.push(place);
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
    let place = place(field);
    let shown = match (value, timeframe) {
        (Value::Null, Value::Null) => format!("{field} {operator}"),
        (value, Value::Null) => format!("{field} {operator} {value}"),
        (Value::Null, timeframe) => format!("{field} {operator} {timeframe}"),
        (value, timeframe) => format!("{field} {operator} {value} {timeframe}"),
    };
    let root = place.root.clone();
    let question = Question::Operator(place, test);
    Ok((
        root,
        Leaf {
            text: shown.into(),
            question,
        },
    ))
}

fn place(field: &str) -> Place {
    let mut names = field.split('.');
    Place {
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
        "in_last" => Test::InLast(
            span(value, timeframe)
                .ok_or_else(|| wrong("a span: `value` 7 with `timeframe` \"days\", or \"7d\""))?,
        ),
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
        // `find_operator` gives only names of the catalogue; a new one there is refused until it means something here.
        _ => return Err(wrong("nothing that evt knows yet")),
    })
}

fn when(value: &Value) -> Option<When> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(millis) => Some(When::At(Timestamp::from_millis(millis.as_i64()?))),
        _ => None,
    }
}

/// `"7d"`; 7 with `"days"`; `{value, unit}`; each either as the value or as the timeframe.
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
    pub(super) fn ask(&self, seen: Option<&Seen<'_>>, now: Timestamp) -> Answer {
        // A field that is null is as good as none.
        let seen = seen.filter(|seen| !seen.is_null());
        let Some(seen) = seen else {
            return match self {
                Self::NotExists | Self::NotContains(_) => Ok(true),
                Self::Exists => Ok(false),
                Self::Equals(value) => Ok(value.is_null()),
                Self::NotEquals(value) => Ok(!value.is_null()),
                _ => Err(Note::Missing),
            };
        };
        let ordered = |value: &Value| order(seen, value).ok_or(Note::NotComparable);
        let time = || moment(seen).ok_or(Note::NotComparable);
        match self {
            Self::Equals(value) => Ok(equal(seen, value)),
            Self::NotEquals(value) => Ok(!equal(seen, value)),
            Self::Contains(value) => contains(seen, value),
            Self::NotContains(value) => contains(seen, value).map(|found| !found),
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
            Self::Matches(regex) => match seen.as_str() {
                Some(text) => Ok(regex.is_match(&text)),
                None => Err(Note::NotComparable),
            },
        }
    }
}

fn equal(seen: &Seen<'_>, value: &Value) -> bool {
    match value {
        Value::Array(_) | Value::Object(_) => {
            serde_json::from_str::<Value>(&seen.shown()).is_ok_and(|seen| seen == *value)
        }
        Value::Bool(value) => match seen.as_bool() {
            Some(seen) => seen == *value,
            None => seen.as_str().is_some_and(|text| text == value.to_string()),
        },
        _ => order(seen, value).is_some_and(Ordering::is_eq),
    }
}

/// Numbers by value, also where one side is written as text; times as times; other texts letter by letter.
fn order(seen: &Seen<'_>, value: &Value) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (number(seen), value_number(value)) {
        return a.compare(b);
    }
    let (seen, value) = (seen.as_str()?, value.as_str()?);
    if let (Ok(a), Ok(b)) = (seen.parse::<Timestamp>(), value.parse::<Timestamp>()) {
        return Some(a.cmp(&b));
    }
    Some((*seen).cmp(value))
}

fn number(seen: &Seen<'_>) -> Option<Number> {
    seen.as_number()
        .or_else(|| Number::parse(seen.as_str()?.trim()))
}

fn value_number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Number::parse(&number.to_string()),
        Value::String(text) => Number::parse(text.trim()),
        _ => None,
    }
}

fn contains(seen: &Seen<'_>, value: &Value) -> Answer {
    if let Some(mut items) = seen.items() {
        return Ok(items.any(|item| equal(&item, value)));
    }
    match (seen.as_str(), value) {
        (Some(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        (Some(text), Value::Number(part)) => Ok(text.contains(&part.to_string())),
        _ => Err(Note::NotComparable),
    }
}

/// A time as the platform writes it, or milliseconds.
fn moment(seen: &Seen<'_>) -> Option<Timestamp> {
    match seen.as_number() {
        Some(Number::Whole(millis)) => Some(Timestamp::from_millis(millis.try_into().ok()?)),
        Some(Number::Real(_)) => None,
        None => seen.as_str()?.parse().ok(),
    }
}
