//! Typed access to a flow's document. Every error contains the location in the document.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use super::placeholder::PlaceholderError;
use crate::catalogue::Unknown;
use crate::condition::ConditionError;
use crate::explain::{Explain, Explanation};
use crate::json::kind_of;
use crate::signature::SignatureError;
use crate::time;

/// Why a flow's document is refused. `at` is the location in it: `actions[0].config.url`.
#[derive(Debug, Error)]
pub enum DocumentError {
    #[error("`{at}` is missing")]
    Missing { at: String },
    #[error("`{at}` and `{other}` cannot both be given")]
    Both { at: String, other: &'static str },
    #[error("`{at}` must be {expected}, not {found}")]
    WrongKind {
        at: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("`{at}` must be {expected}, not `{value}`")]
    BadValue {
        at: String,
        expected: &'static str,
        value: String,
    },
    #[error("`{at}`: {source}")]
    UnknownName { at: String, source: Unknown },
    #[error("`{at}` is unknown; the fields of {} are: {}", shown(.parent), .known.join(", "))]
    UnknownKey {
        at: String,
        parent: String,
        known: Vec<&'static str>,
    },
    #[error("`{at}`: `{name}` ({what}): `evt dev` does not support it yet; it supports: {}", .supported.join(", "))]
    NotBuilt {
        at: String,
        name: String,
        what: &'static str,
        supported: Vec<&'static str>,
    },
    #[error("`{at}`: {source}")]
    Placeholder {
        at: String,
        source: PlaceholderError,
    },
    #[error("`{at}`: {source}")]
    Condition {
        at: String,
        source: Box<ConditionError>,
    },
    #[error("`{at}` cannot be used to sign: {source}")]
    Secret { at: String, source: SignatureError },
    #[error("`{at}`: there is no step `{id}`")]
    NoSuchStep { at: String, id: String },
    #[error("`{at}`: duplicate step id `{id}`")]
    SameStep { at: String, id: String },
    #[error("`{at}`: duplicate trigger id `{id}`")]
    SameTrigger { at: String, id: String },
    #[error("`{at}` has {found} entries, more than the {limit} allowed")]
    TooMany {
        at: String,
        found: usize,
        limit: usize,
    },
}

impl Explain for DocumentError {
    fn explain(&self) -> Explanation {
        let code = match self {
            Self::Missing { .. }
            | Self::Both { .. }
            | Self::WrongKind { .. }
            | Self::BadValue { .. }
            | Self::NoSuchStep { .. }
            | Self::SameStep { .. }
            | Self::SameTrigger { .. }
            | Self::TooMany { .. } => "bad_flow",
            Self::UnknownName { .. } | Self::UnknownKey { .. } => "unknown_name",
            Self::NotBuilt { .. } => "not_built",
            Self::Placeholder { .. } => "bad_placeholder",
            Self::Condition { .. } => "bad_condition",
            Self::Secret { .. } => "bad_secret",
        };
        Explanation::usage(code).hint("evt flows create --help")
    }
}

fn shown(parent: &str) -> String {
    if parent.is_empty() {
        "a flow".to_owned()
    } else {
        format!("`{parent}`")
    }
}

/// A value and its location in the document.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    pub(super) at: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self {
            value,
            at: String::new(),
        }
    }

    fn child(&self, key: &str) -> String {
        if self.at.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.at)
        }
    }

    fn wrong(&self, expected: &'static str) -> DocumentError {
        let at = match self.at.as_str() {
            "" => "the flow",
            at => at,
        };
        DocumentError::WrongKind {
            at: at.to_owned(),
            expected,
            found: kind_of(self.value),
        }
    }

    /// An error for a value that is not as expected.
    pub(super) fn bad(&self, expected: &'static str) -> DocumentError {
        let text = match self.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        DocumentError::BadValue {
            at: self.at.clone(),
            expected,
            value: text.chars().take(120).collect(),
        }
    }

    pub(super) fn fields(&self) -> Result<&'a Map<String, Value>, DocumentError> {
        self.value
            .as_object()
            .ok_or_else(|| self.wrong("an object"))
    }

    /// Refuses fields that are not in `known`, a list of names separated by spaces.
    pub(super) fn only(&self, known: &'static str) -> Result<(), DocumentError> {
        self.only_of(known.split(' ').collect())
    }

    pub(super) fn only_of(&self, known: Vec<&'static str>) -> Result<(), DocumentError> {
        let mut keys = self.fields()?.keys();
        match keys.find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(DocumentError::UnknownKey {
                at: self.child(&key.chars().take(120).collect::<String>()),
                parent: self.at.clone(),
                known,
            }),
            None => Ok(()),
        }
    }

    /// Returns a field, unless it is missing or `null`.
    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Node {
            value,
            at: self.child(key),
        })
    }

    /// Returns the first of these fields that is present. They are alternative names of one field.
    pub(super) fn any(&self, keys: &[&str]) -> Option<Node<'a>> {
        keys.iter().find_map(|key| self.get(key))
    }

    pub(super) fn need(&self, key: &str) -> Result<Node<'a>, DocumentError> {
        self.get(key).ok_or_else(|| DocumentError::Missing {
            at: self.child(key),
        })
    }

    pub(super) fn items(&self, limit: usize) -> Result<Vec<Node<'a>>, DocumentError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        if items.len() > limit {
            return Err(DocumentError::TooMany {
                at: self.at.clone(),
                found: items.len(),
                limit,
            });
        }
        let nodes = items.iter().enumerate().map(|(index, value)| Node {
            value,
            at: format!("{}[{index}]", self.at),
        });
        Ok(nodes.collect())
    }

    pub(super) fn text(&self) -> Result<&'a str, DocumentError> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    pub(super) fn flag(&self) -> Result<bool, DocumentError> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    pub(super) fn number(&self) -> Result<f64, DocumentError> {
        self.value.as_f64().ok_or_else(|| self.wrong("a number"))
    }

    /// Reads an integer from 0 to `max`.
    pub(super) fn count(&self, max: u32, expected: &'static str) -> Result<u32, DocumentError> {
        self.value
            .as_u64()
            .and_then(|count| u32::try_from(count).ok())
            .filter(|count| *count <= max)
            .ok_or_else(|| self.bad(expected))
    }

    /// Reads a string or a list of strings.
    pub(super) fn texts(&self) -> Result<Vec<String>, DocumentError> {
        match self.value {
            Value::String(text) => Ok(vec![text.clone()]),
            Value::Array(_) => self
                .items(MAX_STRINGS)?
                .iter()
                .map(|item| item.text().map(str::to_owned))
                .collect(),
            _ => Err(self.wrong("a string or a list of strings")),
        }
    }

    /// Reads a duration: `30s`, `500ms`, `2m`, or a number of milliseconds. The minimum of 100 ms catches numbers that were meant
    /// as seconds.
    pub(super) fn duration(&self) -> Result<Duration, DocumentError> {
        const EXPECTED: &str = "a duration such as `30s`, or milliseconds from 100 to 600000";
        let bad = || self.bad(EXPECTED);
        let duration = match self.value {
            Value::Number(millis) => Duration::from_millis(millis.as_u64().ok_or_else(bad)?),
            Value::String(text) => time::duration(text.trim()).ok_or_else(bad)?,
            _ => return Err(self.wrong(EXPECTED)),
        };
        let range = Duration::from_millis(100)..=Duration::from_secs(600);
        range
            .contains(&duration)
            .then_some(duration)
            .ok_or_else(bad)
    }
}

/// Largest number of strings in a list.
const MAX_STRINGS: usize = 1_000;
