//! A query of `find`: a range of `modifydate` for the index, and a test for the rest.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::find::FindError;
use crate::condition::mongo;
use crate::json::kind_of;
use crate::store::records::Span;
use crate::time::Timestamp;

/// The test of a record beyond its range.
pub(super) enum Test {
    All,
    Mongo(mongo::Filter),
    /// Text in lower case, in any string or number of the record's data.
    Keyword(String),
    /// A path in the data or the model, and its value in lower case.
    Attribute(String, String),
}

impl Test {
    pub(super) fn matches(&self, body: &str) -> bool {
        let record = || serde_json::from_str::<Value>(body).unwrap_or_default();
        match self {
            Self::All => true,
            Self::Mongo(filter) => filter.matches(&record()),
            Self::Keyword(word) => {
                let record = record();
                ["data", "name", "sk"]
                    .iter()
                    .filter_map(|field| record.get(field))
                    .any(|value| contains(value, word))
            }
            Self::Attribute(path, wanted) => {
                let record = record();
                let inside = record.get("data").and_then(|data| at(data, path));
                inside
                    .or_else(|| at(&record, path))
                    .is_some_and(|value| is_loosely(value, wanted))
            }
        }
    }
}

/// Splits a Mongo query into the range of `modifydate` that it requires and the rest.
pub(super) fn parse(query: &Value) -> Result<(Span, Test), FindError> {
    let mut rest = match query {
        Value::Null => Map::new(),
        Value::Object(query) => query.clone(),
        other => {
            return Err(FindError::BadOption {
                name: "query",
                takes: "an object",
                found: kind_of(other).to_owned(),
            });
        }
    };
    let mut span = take_span(&mut rest)?;
    if let Some(Value::Array(clauses)) = rest.get_mut("$and") {
        for clause in clauses.iter_mut().filter_map(Value::as_object_mut) {
            span = span.and(take_span(clause)?);
        }
        clauses.retain(|clause| clause.as_object().is_none_or(|clause| !clause.is_empty()));
        if clauses.is_empty() {
            rest.shift_remove("$and");
        }
    }
    if rest.is_empty() {
        return Ok((span, Test::All));
    }
    Ok((
        span,
        Test::Mongo(mongo::Filter::parse(&Value::Object(rest))?),
    ))
}

/// Removes the bounds of `modifydate` from a clause. Other operators stay.
fn take_span(clause: &mut Map<String, Value>) -> Result<Span, FindError> {
    let mut span = Span::ALL;
    let Some(condition) = clause.get_mut("modifydate") else {
        return Ok(span);
    };
    // No record is without a date, so the test matches none.
    if condition.is_null() {
        return Ok(span);
    }
    let Value::Object(operators) = condition else {
        let at = time(condition)?;
        clause.shift_remove("modifydate");
        return Ok(Span {
            from: at,
            until: at,
        });
    };
    let bounds = ["$gte", "$gt", "$lte", "$lt", "$eq"];
    for operator in bounds {
        let Some(value) = operators.shift_remove(operator) else {
            continue;
        };
        let at = time(&value)?;
        let (from, until) = match operator {
            "$gte" => (at, i64::MAX),
            "$gt" => (at.saturating_add(1), i64::MAX),
            "$lte" => (i64::MIN, at),
            "$lt" => (i64::MIN, at.saturating_sub(1)),
            _ => (at, at),
        };
        span = span.and(Span { from, until });
    }
    if operators.is_empty() {
        clause.shift_remove("modifydate");
    }
    Ok(span)
}

fn time(value: &Value) -> Result<i64, FindError> {
    instant(value)
        .map(Timestamp::millis)
        .ok_or_else(|| FindError::BadTime {
            field: "modifydate".to_owned(),
            found: value.to_string().chars().take(60).collect(),
        })
}

fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().map(Timestamp::from_millis),
        // The extended JSON that MongoDB's tools write.
        Value::Object(fields) if fields.len() == 1 => instant(fields.get("$date")?),
        _ => None,
    }
}

/// The value at a dot path.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Compares values of any type in MongoDB's order: missing, numbers, text.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    fn rank(value: &Value) -> u8 {
        match value {
            Value::Null => 0,
            Value::Number(_) => 1,
            Value::String(_) => 2,
            Value::Object(_) => 3,
            Value::Array(_) => 4,
            Value::Bool(_) => 5,
        }
    }
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64(), b.as_f64());
            a.partial_cmp(&b).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_)) => {
            a.to_string().cmp(&b.to_string())
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn contains(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.to_lowercase().contains(word),
        Value::Number(number) => number.to_string().contains(word),
        Value::Array(items) => items.iter().any(|item| contains(item, word)),
        Value::Object(fields) => fields.values().any(|value| contains(value, word)),
        Value::Null | Value::Bool(_) => false,
    }
}

fn is_loosely(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text.to_lowercase() == wanted,
        Value::Array(items) => items.iter().any(|item| is_loosely(item, wanted)),
        Value::Number(number) => number.to_string().eq_ignore_ascii_case(wanted),
        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
        Value::Null => wanted == "null",
        Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn span(query: Value) -> Span {
        parse(&query).unwrap().0
    }

    #[test]
    fn bounds_of_modifydate_become_a_range() {
        let second = "1970-01-01T00:00:01Z";
        let from = |from| Span {
            from,
            until: i64::MAX,
        };
        assert_eq!(span(json!({"modifydate": {"$gte": second}})), from(1000));
        assert_eq!(span(json!({"modifydate": {"$gt": second}})), from(1001));
        assert_eq!(span(json!({"modifydate": {"$gte": 1000}})), from(1000));
        let both =
            json!({"$and": [{"modifydate": {"$gte": second}}, {"modifydate": {"$lt": 2000}}]});
        assert_eq!(
            span(both),
            Span {
                from: 1000,
                until: 1999
            }
        );
        let exact = Span {
            from: 1000,
            until: 1000,
        };
        assert_eq!(span(json!({"modifydate": second})), exact);
    }

    #[test]
    fn a_query_of_only_a_range_has_no_further_test() {
        let query = json!({"$and": [{"modifydate": {"$gte": 1}}]});
        assert!(matches!(parse(&query).unwrap().1, Test::All));
    }

    #[test]
    fn an_invalid_time_as_a_bound_is_refused() {
        for bad in [json!("yesterday"), json!(true), json!(null), json!([1])] {
            let query = json!({"modifydate": {"$gte": bad}});
            assert!(
                matches!(parse(&query), Err(FindError::BadTime { .. })),
                "{query}"
            );
        }
    }

    #[test]
    fn other_conditions_are_tested() {
        let query = json!({"modifydate": {"$gte": 1}, "data.tags": "vip"});
        let (_, test) = parse(&query).unwrap();
        assert!(test.matches(r#"{"data":{"tags":["vip","x"]}}"#));
        assert!(!test.matches(r#"{"data":{"tags":["x"]}}"#));
    }

    #[test]
    fn values_of_different_types_have_one_order() {
        let mut values = vec![
            json!("a"),
            json!(true),
            json!(2),
            json!(null),
            json!(-1.5),
            json!([1]),
        ];
        values.sort_by(compare);
        let expected = vec![
            json!(null),
            json!(-1.5),
            json!(2),
            json!("a"),
            json!([1]),
            json!(true),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn an_attribute_ignores_case_and_type() {
        let body =
            json!({"data": {"age": 42, "tags": ["VIP"], "email": "Ada@Example.com"}}).to_string();
        let matches = |path: &str, value: &str| {
            Test::Attribute(path.to_owned(), value.to_owned()).matches(&body)
        };
        assert!(matches("age", "42") && matches("tags", "vip"));
        assert!(matches("email", "ada@example.com") && matches("data.email", "ada@example.com"));
        assert!(!matches("email", "ada"));
    }
}
