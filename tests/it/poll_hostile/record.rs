//! One record: its versions, their content, and their notation.

use std::sync::Arc;

use serde_json::Value;

use super::data::Data;
use super::dates::{HOUR, Micros, SECOND, Shape};

/// 2099-01-01T00:00:00Z
pub(super) const FAR_FUTURE: Micros = 4_070_908_800 * SECOND;

/// One version of a record.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) value: Value,
    /// When it was modified, as the server stores it; `None` without a date.
    pub(crate) at: Option<Micros>,
    /// The bytes that are sent.
    pub(crate) text: String,
}

impl Content {
    /// The text as a poller prints it: unchanged, without line breaks between tokens.
    pub(crate) fn line(&self) -> String {
        self.text.replace('\n', "")
    }
}

/// A version of a record in a response.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) record: usize,
    pub(crate) commit: u64,
    pub(crate) content: Arc<Content>,
}

/// A version in the history of a record.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// The number of the commit in the collection.
    pub(crate) commit: u64,
    /// The server's time when it became visible, which may be after its date.
    pub(crate) visible_from: Micros,
    /// `None` for a deletion.
    pub(crate) content: Option<Arc<Content>>,
}

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) key: String,
    /// Oldest first.
    pub(crate) history: Vec<Version>,
}

/// The fields of a record that change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) at: Option<Micros>,
    pub(super) version: u32,
    pub(super) state: &'static str,
    pub(super) amount: u32,
}

impl Fields {
    pub(super) fn first(at: Option<Micros>) -> Self {
        Self {
            at,
            version: 1,
            state: "active",
            amount: 100,
        }
    }

    /// The next version. A record from the far future keeps its date.
    pub(super) fn next(self, at: Micros) -> Self {
        Self {
            at: Some(self.at.filter(|at| *at >= FAR_FUTURE).unwrap_or(at)),
            version: self.version + 1,
            amount: self.amount + 1,
            ..self
        }
    }

    pub(super) fn is_of_now(&self, now: Micros) -> bool {
        self.at.is_some_and(|at| (at - now).abs() < HOUR)
    }

    /// Writes the record by hand, with notations that a parser does not preserve: `12.50`, `\u00e9`, `\/`, a space.
    pub(super) fn render(self, data: &Data, shape: Shape, record: usize, key: &str) -> Content {
        let Fields {
            at,
            version,
            state,
            amount,
        } = self;
        let name = data.key;
        let created = shape.write(1_700_000_000 * SECOND + record as i64 * SECOND);
        let modified = match at {
            Some(at) => format!("\"modifydate\":{},", shape.write(at)),
            None if record % 4 == 1 => "\"modifydate\":null,".to_owned(),
            None => String::new(),
        };
        let text = format!(
            "{{\"pk\":\"contact\",\"{name}\":{key},\"name\":\"Caf\\u00e9 {record}\",\"datatype\":\"contact\",\
             \"version\":{version},\"state\":\"{state}\",\"createdate\":{created},{modified}\
             \"amount\":{amount},\"data\":{{\"price\":12.50, \"tags\":[\"a\",\"b\\/c\"],\"note\":\"one\\ntwo\"}}}}"
        );
        let text = if data.pretty {
            text.replace(",\"", ",\n  \"")
        } else {
            text
        };
        Content {
            value: serde_json::from_str(&text).expect("the template is JSON"),
            at,
            text,
        }
    }
}
