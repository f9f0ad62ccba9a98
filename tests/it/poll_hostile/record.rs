//! One record: its versions, what they say, and how that is spelt.

use std::sync::Arc;

use serde_json::Value;

use super::dates::{HOUR, Micros, SECOND, Shape};
use super::story::Data;

/// 2099-01-01T00:00:00Z
pub(super) const FAR_FUTURE: Micros = 4_070_908_800 * SECOND;

/// One version of a record.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) value: Value,
    /// When it was modified, as the deployment knows it; `None` without a date.
    pub(crate) at: Option<Micros>,
    /// Byte for byte as it is sent.
    pub(crate) text: String,
}

impl Content {
    /// The text as a poller prints it: without the line breaks between tokens, and otherwise as it came.
    pub(crate) fn line(&self) -> String {
        self.text.replace('\n', "")
    }
}

/// A version of a record as it is found.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) record: usize,
    pub(crate) commit: u64,
    pub(crate) content: Arc<Content>,
}

/// A version in its record's history.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Counts all commits of the collection.
    pub(crate) commit: u64,
    /// The deployment's time when it could first be read, which may be after its date.
    pub(crate) visible_from: Micros,
    /// `None` where the record was deleted.
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

    /// The next version; one from the far future stays there.
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

    /// Written by hand, with the spellings that a parser would not give back: `12.50`, `\u00e9`, `\/`, a space.
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
