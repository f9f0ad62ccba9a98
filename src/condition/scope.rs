//! The variables of a condition, borrowed.

use std::borrow::Cow;

use http::HeaderMap;

use super::ValuePath;
use super::budget::of_text;
use crate::grammar::nearest::nearest;
use crate::json::{Kind, Number, Raw, Step};

/// Members that show that an object with an object in `data` is a record or an event, and not data itself.
const MARKERS: [&str; 4] = ["sk", "datatype", "type", "event"];

/// The variables of one evaluation: names with JSON text, plain text or headers. Values are parsed only when a condition reads them.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    bound: Vec<(&'a str, Bound<'a>)>,
}

#[derive(Clone, Debug)]
pub(super) enum Bound<'a> {
    Json(Raw<'a>),
    Payload(Payload<'a>),
    Text(Cow<'a, str>),
    Headers(&'a HeaderMap),
}

/// The value at a path.
#[derive(Clone, Debug)]
pub(super) enum Found<'a> {
    Json(Raw<'a>),
    /// A record or an event: its own members, and the fields in its `data`.
    Payload {
        whole: Raw<'a>,
        fields: Raw<'a>,
    },
    Text(Cow<'a, str>),
    /// All headers.
    Headers(&'a HeaderMap),
}

/// A payload, which may be a record or an event that has the fields of the user in its member `data`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload<'a> {
    whole: Raw<'a>,
    /// It is known to be a record.
    is_record: bool,
}

impl<'a> Payload<'a> {
    pub(super) fn whole(self) -> Raw<'a> {
        self.whole
    }

    /// The object in `data`, if the payload is a record or an event.
    pub(super) fn fields(self) -> Option<Raw<'a>> {
        self.scan(None).0
    }

    /// The value at a path: of the fields, or else of the payload.
    fn at(self, steps: &[Step]) -> Option<Raw<'a>> {
        let Some((Step::Name(first), rest)) = steps.split_first() else {
            return self.whole.at(steps);
        };
        let (fields, own) = self.scan(Some(first));
        let inside = fields.and_then(|fields| fields.at(steps));
        inside.or_else(|| own?.at(rest))
    }

    /// The fields, and the payload's own member `name`, in one pass. As in [`Raw::member`], the last of equal names counts.
    fn scan(self, name: Option<&str>) -> (Option<Raw<'a>>, Option<Raw<'a>>) {
        let text = self.whole.text();
        let (mut data, mut own, mut is_wrapped) = (None, None, self.is_record);
        for member in self.whole.members() {
            if name.is_some_and(|name| member.is_named(name)) {
                own = Some(member.value(text));
            }
            if member.is_named("data") {
                data = Some(member.value(text));
            } else if !is_wrapped && MARKERS.iter().any(|name| member.is_named(name)) {
                is_wrapped = member.value(text).kind() == Some(Kind::String);
            }
        }
        let is_object = |data: &Raw<'_>| data.kind() == Some(Kind::Object);
        (data.filter(is_object).filter(|_| is_wrapped), own)
    }
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

    /// Binds a name to a payload as JSON text. If it is a record (`{"sk":…,"data":{…}}`) or an event (`{"type":…,"data":{…}}`), the
    /// name means the fields in its `data`, and a path that they do not have is looked up in the whole payload. `is_record`:
    /// whatever its other members are.
    #[must_use]
    pub fn payload(mut self, name: &'a str, text: &'a str, is_record: bool) -> Self {
        let whole = Raw::new(text);
        let payload = Payload { whole, is_record };
        self.bound.push((name, Bound::Payload(payload)));
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
            Bound::Payload(payload) => match (steps, payload.fields()) {
                ([], Some(fields)) => Some(Found::Payload {
                    whole: payload.whole,
                    fields,
                }),
                _ => payload.at(steps).map(Found::Json),
            },
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
            Some(Bound::Payload(payload)) => payload.whole.text().len(),
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
            Bound::Payload(payload) => payload.whole,
            Bound::Text(_) | Bound::Headers(_) => return None,
        };
        data.step(&Step::Name(path.root.to_string()))?
            .at(&path.steps)
            .map(Found::Json)
    }

    /// The path that exists and is most similar to one that does not.
    pub(super) fn similar(&self, path: &ValuePath) -> Option<String> {
        let known = (0..path.steps.len()).rev().find_map(|length| {
            let found = self.find(&path.root, &path.steps[..length])?;
            Some((length, found.names()))
        });
        let (length, names) = known?;
        let Step::Name(typed) = path.steps.get(length)? else {
            return None;
        };
        let name = nearest(typed, names.iter().map(String::as_str))?;
        let mut steps = path.steps.clone();
        steps[length] = Step::Name(name.to_owned());
        let root = path.root.clone();
        Some(ValuePath { root, steps }.to_string())
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
            Self::Payload { .. } | Self::Headers(_) => Some(Kind::Object),
        }
    }

    pub(super) fn as_str(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Json(raw) => raw.as_str(),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Payload { .. } | Self::Headers(_) => None,
        }
    }

    pub(super) fn as_number(&self) -> Option<Number> {
        match self {
            Self::Json(raw) => raw.as_number(),
            Self::Payload { .. } | Self::Text(_) | Self::Headers(_) => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Json(raw) => raw.as_bool(),
            Self::Payload { .. } | Self::Text(_) | Self::Headers(_) => None,
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
            Self::Payload { whole, fields } => {
                fields.member(name).is_some() || whole.member(name).is_some()
            }
            Self::Text(_) => false,
            Self::Headers(headers) => headers.contains_key(name),
        }
    }

    /// The names of its members.
    fn names(&self) -> Vec<String> {
        let of = |raw: &Raw<'_>| {
            let text = raw.text();
            let name = |key: std::ops::Range<usize>| Raw::new(&text[key]).plain().into_owned();
            raw.members()
                .map(|member| name(member.key))
                .collect::<Vec<_>>()
        };
        match self {
            Self::Json(raw) => of(raw),
            Self::Payload { whole, fields } => [of(fields), of(whole)].concat(),
            Self::Text(_) => Vec::new(),
            Self::Headers(headers) => headers.keys().map(ToString::to_string).collect(),
        }
    }

    /// The value as JSON, for display.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Json(raw) | Self::Payload { fields: raw, .. } => Cow::Borrowed(raw.text()),
            Self::Text(text) => Cow::Owned(serde_json::Value::from(&**text).to_string()),
            Self::Headers(headers) => Cow::Owned(format!("{} headers", headers.len())),
        }
    }
}
