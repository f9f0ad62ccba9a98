//! The variables of a condition, borrowed.

use std::borrow::Cow;

use http::HeaderMap;

use super::ValuePath;
use super::budget::of_text;
use crate::json::{Kind, Number, Raw, Step};

/// The variables of one evaluation: names with JSON text, plain text or headers. Values are parsed only when a condition reads them.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    bound: Vec<(&'a str, Bound<'a>)>,
}

#[derive(Clone, Debug)]
pub(super) enum Bound<'a> {
    Json(Raw<'a>),
    Text(Cow<'a, str>),
    Headers(&'a HeaderMap),
}

/// The value at a path.
#[derive(Clone, Debug)]
pub(super) enum Found<'a> {
    Json(Raw<'a>),
    Text(Cow<'a, str>),
    /// All headers.
    Headers(&'a HeaderMap),
}

impl<'a> Scope<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds a name to JSON text. In text that is not valid JSON some values may not be found.
    #[must_use]
    pub fn json(mut self, name: &'a str, text: &'a str) -> Self {
        self.bound.push((name, Bound::Json(Raw::new(text))));
        self
    }

    /// Binds a name to a string.
    #[must_use]
    pub fn text(mut self, name: &'a str, text: impl Into<Cow<'a, str>>) -> Self {
        self.bound.push((name, Bound::Text(text.into())));
        self
    }

    /// Binds a name to headers. Header names ignore case.
    #[must_use]
    pub fn headers(mut self, name: &'a str, headers: &'a HeaderMap) -> Self {
        self.bound.push((name, Bound::Headers(headers)));
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<&Bound<'a>> {
        self.bound
            .iter()
            .rev()
            .find(|(bound, _)| *bound == name)
            .map(|(_, value)| value)
    }

    pub(super) fn find(&self, root: &str, steps: &[Step]) -> Option<Found<'_>> {
        match self.get(root)? {
            Bound::Json(raw) => raw.at(steps).map(Found::Json),
            Bound::Text(text) => steps.is_empty().then_some(Found::Text(Cow::Borrowed(text))),
            Bound::Headers(headers) => match steps {
                [] => Some(Found::Headers(headers)),
                [Step::Name(name)] => header(headers, name).map(Found::Text),
                _ => None,
            },
        }
    }

    /// An upper bound of the steps for finding and scanning a value.
    pub(super) fn weight(&self, path: &ValuePath) -> u64 {
        let bytes = |name: &str| match self.get(name) {
            Some(Bound::Json(raw)) => raw.text().len(),
            Some(Bound::Text(text)) => text.len(),
            Some(Bound::Headers(_)) | None => 0,
        };
        // A field of no variable is a field of the record.
        let root = bytes(&path.root);
        of_text(if root == 0 { bytes("data") } else { root })
    }

    /// Finds a field of AppEngine: a part of a variable (`contact.email`) or of the record (`email`).
    pub(super) fn find_field(&self, path: &ValuePath) -> Option<Found<'_>> {
        if let Some(found) = self.find(&path.root, &path.steps) {
            return Some(found);
        }
        let data = match self.get("data")? {
            Bound::Json(data) => *data,
            Bound::Text(_) | Bound::Headers(_) => return None,
        };
        data.step(&Step::Name(path.root.to_string()))?
            .at(&path.steps)
            .map(Found::Json)
    }
}

/// The value of a header. Several values are joined by commas, as HTTP allows.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?;
    Some(values.fold(first, |joined, value| format!("{joined}, {value}").into()))
}

impl<'a> Found<'a> {
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Json(raw) => raw.kind(),
            Self::Text(_) => Some(Kind::String),
            Self::Headers(_) => Some(Kind::Object),
        }
    }

    pub(super) fn as_str(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Json(raw) => raw.as_str(),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Headers(_) => None,
        }
    }

    pub(super) fn as_number(&self) -> Option<Number> {
        match self {
            Self::Json(raw) => raw.as_number(),
            Self::Text(_) | Self::Headers(_) => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Json(raw) => raw.as_bool(),
            Self::Text(_) | Self::Headers(_) => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Json(raw) if raw.is_null())
    }

    /// The elements, if the value is a list.
    pub(super) fn items(&self) -> Option<impl Iterator<Item = Found<'a>>> {
        match self {
            Self::Json(raw) if raw.kind() == Some(Kind::Array) => {
                Some(raw.items().map(Found::Json))
            }
            _ => None,
        }
    }

    pub(super) fn has_member(&self, name: &str) -> bool {
        match self {
            Self::Json(raw) => raw.member(name).is_some(),
            Self::Text(_) => false,
            Self::Headers(headers) => headers.contains_key(name),
        }
    }

    /// The value as JSON, for display.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Json(raw) => Cow::Borrowed(raw.text()),
            Self::Text(text) => Cow::Owned(serde_json::Value::from(&**text).to_string()),
            Self::Headers(headers) => Cow::Owned(format!("{} headers", headers.len())),
        }
    }
}
