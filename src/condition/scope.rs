//! What a condition can look at: variables by name, borrowed.

use std::borrow::Cow;

use http::HeaderMap;

use super::Place;
use super::work::of_text;
use crate::json::{Kind, Number, Raw, Step};

/// The variables of one evaluation: names with JSON text, plain text or headers. Nothing is parsed before it is looked at.
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

/// A value that a path led to.
#[derive(Clone, Debug)]
pub(super) enum Seen<'a> {
    Json(Raw<'a>),
    Text(Cow<'a, str>),
    /// All headers at once.
    Headers(&'a HeaderMap),
}

impl<'a> Scope<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds a name to JSON text. The text must be valid JSON; of any other the parts are looked at as far as they can be.
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

    /// Binds a name to headers, which are found whatever the case of their names.
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

    pub(super) fn find(&self, root: &str, steps: &[Step]) -> Option<Seen<'_>> {
        match self.get(root)? {
            Bound::Json(raw) => raw.at(steps).map(Seen::Json),
            Bound::Text(text) => steps.is_empty().then_some(Seen::Text(Cow::Borrowed(text))),
            Bound::Headers(headers) => match steps {
                [] => Some(Seen::Headers(headers)),
                [Step::Name(name)] => header(headers, name).map(Seen::Text),
                _ => None,
            },
        }
    }

    /// Steps to find a value, and to look through it, at most.
    pub(super) fn weight(&self, place: &Place) -> u64 {
        let bytes = |name: &str| match self.get(name) {
            Some(Bound::Json(raw)) => raw.text().len(),
            Some(Bound::Text(text)) => text.len(),
            Some(Bound::Headers(_)) | None => 0,
        };
        // A field that is no variable's is looked for in the record.
        let root = bytes(&place.root);
        of_text(if root == 0 { bytes("data") } else { root })
    }

    /// AppEngine's fields name a variable's part (`contact.email`) or a part of the record (`email`).
    pub(super) fn find_loosely(&self, place: &Place) -> Option<Seen<'_>> {
        if let Some(seen) = self.find(&place.root, &place.steps) {
            return Some(seen);
        }
        let data = match self.get("data")? {
            Bound::Json(data) => *data,
            Bound::Text(_) | Bound::Headers(_) => return None,
        };
        data.step(&Step::Name(place.root.to_string()))?
            .at(&place.steps)
            .map(Seen::Json)
    }
}

/// A header's value; several with one name as one list, as HTTP allows to join them.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?;
    Some(values.fold(first, |joined, value| format!("{joined}, {value}").into()))
}

impl<'a> Seen<'a> {
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

    /// The elements, where it is a list.
    pub(super) fn items(&self) -> Option<impl Iterator<Item = Seen<'a>>> {
        match self {
            Self::Json(raw) if raw.kind() == Some(Kind::Array) => Some(raw.items().map(Seen::Json)),
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

    /// As JSON, for people.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Json(raw) => Cow::Borrowed(raw.text()),
            Self::Text(text) => Cow::Owned(serde_json::Value::from(&**text).to_string()),
            Self::Headers(headers) => Cow::Owned(format!("{} headers", headers.len())),
        }
    }
}
