//! Expressions of a pipeline: `"$path"`, constants, and objects of expressions.

use serde_json::{Map, Value};

use super::{refused, unknown};
use crate::dev::appengine::query;
use crate::dev::host::refusal::Refusal;

/// The operators of expressions.
const OPERATORS: [&str; 1] = ["$literal"];

pub(super) enum Expression {
    Path(String),
    Constant(Value),
    Object(Vec<(String, Expression)>),
}

impl Expression {
    /// Recursive; the depth is that of a parsed body.
    pub(super) fn parse(value: &Value) -> Result<Self, Refusal> {
        match value {
            Value::String(text) => match text.strip_prefix('$') {
                Some(path) if path.starts_with('$') || path.is_empty() => Err(refused(format!(
                    "`{text}` is not a path such as `$data.email`"
                ))),
                Some(path) => Ok(Self::Path(path.to_owned())),
                None => Ok(Self::Constant(value.clone())),
            },
            Value::Object(members) => {
                if let Some(value) = members.get("$literal") {
                    return Ok(Self::Constant(value.clone()));
                }
                let member = |(name, value): (&String, &Value)| {
                    if name.starts_with('$') {
                        return Err(unknown("an operator of expressions", name, &OPERATORS));
                    }
                    Ok((name.clone(), Self::parse(value)?))
                };
                Ok(Self::Object(
                    members.iter().map(member).collect::<Result<_, _>>()?,
                ))
            }
            _ => Ok(Self::Constant(value.clone())),
        }
    }

    /// The value for a document; `None` if a path has none.
    pub(super) fn of(&self, document: &Value) -> Option<Value> {
        match self {
            Self::Path(path) => query::at(document, path).cloned(),
            Self::Constant(value) => Some(value.clone()),
            Self::Object(members) => {
                let member = |(name, expression): &(String, Self)| {
                    Some((name.clone(), expression.of(document)?))
                };
                let members: Map<_, _> = members.iter().filter_map(member).collect();
                Some(members.into())
            }
        }
    }
}
