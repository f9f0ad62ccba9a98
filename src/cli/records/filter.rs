//! `--where 'status=open'`, `--query` and `--sort modifydate:desc`, and the platform's query that they become.

use std::str::FromStr;

use serde_json::{Value, json};

use crate::api::records::Direction;
use crate::grammar::GrammarError;

/// Fields of a record next to its data. Every other name is a field of the data.
const RECORD_FIELDS: [&str; 8] = [
    "pk",
    "sk",
    "datatype",
    "version",
    "state",
    "createdate",
    "modifydate",
    "author",
];

/// The comparison operators. An operator that starts with another one comes before it.
const COMPARISONS: [(&str, &str); 8] = [
    ("!=", "$ne"),
    (">=", "$gte"),
    ("<=", "$lte"),
    ("==", "$eq"),
    ("=", "$eq"),
    (">", "$gt"),
    ("<", "$lt"),
    ("~", "$regex"),
];

/// One `--where`: a path, a comparison and a literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clause {
    path: String,
    operator: &'static str,
    value: Value,
}

impl FromStr for Clause {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |at| GrammarError {
            input: text.to_owned(),
            expected: "a condition such as `email=ada@example.com`, `amount>=100` or `name~^A`",
            at,
        };
        let at = text
            .find(['=', '!', '<', '>', '~'])
            .ok_or_else(|| bad(None))?;
        let (sign, operator) = COMPARISONS
            .into_iter()
            .find(|(sign, _)| text[at..].starts_with(sign))
            .ok_or_else(|| bad(Some(text[..at].chars().count())))?;
        let path = text[..at].trim();
        if path.is_empty()
            || path.split('.').any(str::is_empty)
            || path.contains(char::is_whitespace)
        {
            return Err(bad(Some(0)));
        }
        let literal = text[at + sign.len()..].trim();
        let value = if operator == "$regex" {
            Value::String(literal.to_owned())
        } else {
            literal_value(literal)
        };
        Ok(Self {
            path: full_path(path),
            operator,
            value,
        })
    }
}

/// A JSON scalar has its JSON type. Everything else is text, with or without single quotes.
fn literal_value(literal: &str) -> Value {
    match serde_json::from_str::<Value>(literal) {
        Ok(value) if !value.is_array() && !value.is_object() => value,
        _ => {
            let inner = literal
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''))
                .unwrap_or(literal);
            Value::String(inner.to_owned())
        }
    }
}

fn full_path(path: &str) -> String {
    let first = path.split('.').next().unwrap_or_default();
    if first == "data" || RECORD_FIELDS.contains(&first) {
        path.to_owned()
    } else {
        format!("data.{path}")
    }
}

impl Clause {
    fn query(&self) -> Value {
        let test = if self.operator == "$eq" {
            self.value.clone()
        } else {
            json!({ self.operator: self.value })
        };
        json!({ self.path.as_str(): test })
    }
}

/// Combines all conditions and the JSON query with `$and`.
pub(super) fn query(given: Option<&Value>, clauses: &[Clause]) -> Value {
    let mut parts: Vec<Value> = given.into_iter().cloned().collect();
    parts.extend(clauses.iter().map(Clause::query));
    match parts.len() {
        0 => json!({}),
        1 => parts.remove(0),
        _ => json!({ "$and": parts }),
    }
}

/// `--query`: a Mongo filter, an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query(pub(super) Value);

impl FromStr for Query {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |at| GrammarError {
            input: text.to_owned(),
            expected: "a filter such as `{\"data.email\":\"ada@example.com\"}`",
            at,
        };
        match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            Ok(_) => Err(bad(Some(0))),
            Err(error) if error.line() == 1 => Err(bad(Some(error.column().saturating_sub(1)))),
            Err(_) => Err(bad(None)),
        }
    }
}

/// `--sort`: a field and a direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sort(pub(super) String, pub(super) Direction);

impl FromStr for Sort {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, direction) = match text.rsplit_once(':') {
            Some((path, "asc")) => (path, Direction::Ascending),
            Some((path, "desc")) => (path, Direction::Descending),
            None => (text, Direction::Ascending),
            Some(_) => ("", Direction::Ascending),
        };
        if path.split('.').any(str::is_empty) {
            return Err(GrammarError {
                input: text.to_owned(),
                expected: "a sort such as `modifydate:desc` or `email:asc`",
                at: None,
            });
        }
        Ok(Self(full_path(path), direction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Value {
        query(None, &[text.parse().unwrap()])
    }

    #[test]
    fn a_condition_becomes_a_filter_of_the_platform() {
        assert_eq!(
            one("email=ada@example.com"),
            json!({"data.email": "ada@example.com"})
        );
        assert_eq!(
            one("data.amount >= 100"),
            json!({"data.amount": {"$gte": 100}})
        );
        assert_eq!(one("state!=deleted"), json!({"state": {"$ne": "deleted"}}));
        assert_eq!(
            one("name == 'Ada Lovelace'"),
            json!({"data.name": "Ada Lovelace"})
        );
        assert_eq!(one("vip=true"), json!({"data.vip": true}));
        assert_eq!(one("zip=\"01234\""), json!({"data.zip": "01234"}));
        assert_eq!(one("email~^a"), json!({"data.email": {"$regex": "^a"}}));
    }

    #[test]
    fn conditions_and_a_query_are_combined() {
        let clauses = ["a=1".parse().unwrap(), "a<5".parse().unwrap()];
        let both = query(Some(&json!({"state": "new"})), &clauses);
        assert_eq!(
            both,
            json!({"$and": [{"state": "new"}, {"data.a": 1}, {"data.a": {"$lt": 5}}]})
        );
    }

    #[test]
    fn invalid_conditions_are_refused() {
        for text in ["", "email", "=x", "a b=c", "a..b=c", "a!b", "~"] {
            assert!(text.parse::<Clause>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_sort_has_a_direction() {
        assert_eq!(
            "email".parse(),
            Ok(Sort("data.email".to_owned(), Direction::Ascending))
        );
        assert_eq!(
            "modifydate:desc".parse(),
            Ok(Sort("modifydate".to_owned(), Direction::Descending))
        );
        assert!("modifydate:down".parse::<Sort>().is_err());
        assert!(":asc".parse::<Sort>().is_err());
    }

    #[test]
    fn a_query_must_be_an_object() {
        assert!("{}".parse::<Query>().is_ok());
        assert_eq!("[1]".parse::<Query>().unwrap_err().at, Some(0));
        assert_eq!("{\"a\":}".parse::<Query>().unwrap_err().at, Some(5));
    }
}
