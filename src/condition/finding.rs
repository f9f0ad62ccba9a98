//! Why a condition held or not: the tree of its parts with their values.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest part of a value that is stored, in characters. Run histories should not store payloads a second time.
const SEEN: usize = 120;

/// The result of one part of a condition. The JSON form is stored in run histories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub held: bool,
    /// The source of the part, or how its parts are combined: `all of`, `any of`, `not`.
    pub what: String,
    /// The start of the value as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Why the value could not be tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Finding>,
}

impl Finding {
    /// The note of a part whose value is missing.
    pub(super) const ABSENT: &str = "it is missing";

    /// A part without further parts, for rooms that add the results of other tests.
    pub fn leaf(what: impl Into<String>, held: bool, seen: Option<String>) -> Self {
        Self {
            held,
            what: what.into(),
            seen,
            note: None,
            parts: Vec::new(),
        }
    }

    /// A combination of parts: `all of`, `any of`, `not`.
    pub fn tree(what: impl Into<String>, held: bool, parts: Vec<Self>) -> Self {
        Self {
            held,
            what: what.into(),
            seen: None,
            note: None,
            parts,
        }
    }

    /// The tree as several lines, indented by two spaces per level. It contains values from payloads, so escape it before it is
    /// written to a terminal.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        // The parser limits the depth of the tree.
        self.add_lines(0, &mut lines);
        lines.join("\n")
    }

    fn add_lines(&self, depth: usize, lines: &mut Vec<String>) {
        lines.push(format!("{:1$}{self}", "", depth * 2));
        for part in &self.parts {
            part.add_lines(depth + 1, lines);
        }
    }

    /// The parts that made the condition false, in one line: `data.amount >= 100 is false: it is 40`. Empty if it held.
    pub fn reason(&self) -> String {
        let mut parts = Vec::new();
        if !self.held {
            self.collect_reasons(false, &mut parts);
        }
        parts.join("; ")
    }

    /// Collects the leaves whose result is `unwanted`. Below a `not` these are the ones that held.
    fn collect_reasons(&self, unwanted: bool, reasons: &mut Vec<String>) {
        if self.held != unwanted {
            return;
        }
        if self.parts.is_empty() {
            let value = match (&self.note, &self.seen) {
                (Some(note), _) => format!(": {note}"),
                (None, Some(seen)) => format!(": it is {seen}"),
                (None, None) => String::new(),
            };
            reasons.push(format!("{} is {}{value}", self.what, self.held));
            return;
        }
        let below = if self.what == "not" {
            !unwanted
        } else {
            unwanted
        };
        for part in &self.parts {
            part.collect_reasons(below, reasons);
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.held { "✓" } else { "✗" };
        write!(f, "{mark} {}", self.what)?;
        match (&self.note, &self.seen) {
            (Some(note), _) => write!(f, ": {note}"),
            (None, Some(seen)) => write!(f, ": it is {seen}"),
            (None, None) => Ok(()),
        }
    }
}

/// Text shortened to what is stored of a value.
pub(super) struct Clipped<'a>(pub(super) &'a str);

impl fmt::Display for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SEEN) {
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}
