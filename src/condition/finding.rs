//! Why a condition held or not: a tree of its parts with the values that they saw.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Characters of a seen value that are kept: run histories are for reading, not for storing payloads twice.
const SEEN: usize = 120;

/// One part of a condition and what became of it. The JSON form is kept in run histories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub held: bool,
    /// The part as it was written, or how its own parts are joined: `all of`, `any of`, `not`.
    pub what: String,
    /// The JSON of the value that was looked at, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Why there was nothing to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Finding>,
}

impl Finding {
    /// The note of a part whose value was not there.
    pub(super) const ABSENT: &str = "it is not there";

    /// A part without parts of its own, for rooms that add what they decide themselves.
    pub fn leaf(what: impl Into<String>, held: bool, seen: Option<String>) -> Self {
        Self {
            held,
            what: what.into(),
            seen,
            note: None,
            parts: Vec::new(),
        }
    }

    /// Parts joined: `all of`, `any of`, `not`.
    pub fn tree(what: impl Into<String>, held: bool, parts: Vec<Self>) -> Self {
        Self {
            held,
            what: what.into(),
            seen: None,
            note: None,
            parts,
        }
    }

    /// The tree over several lines, two spaces a level. Values come from payloads: make it safe before a terminal sees it.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        // The tree is as deep as the condition's own text, which its parser limits.
        self.add_lines(0, &mut lines);
        lines.join("\n")
    }

    fn add_lines(&self, depth: usize, lines: &mut Vec<String>) {
        lines.push(format!("{:1$}{self}", "", depth * 2));
        for part in &self.parts {
            part.add_lines(depth + 1, lines);
        }
    }

    /// The parts that decided against the whole, in one line: `data.amount >= 100 is false (40)`. Empty when it held.
    pub fn reason(&self) -> String {
        let mut parts = Vec::new();
        if !self.held {
            self.blame(false, &mut parts);
        }
        parts.join("; ")
    }

    /// The parts, as they were written, whose value was not there.
    pub fn absent(self) -> Vec<String> {
        if self.note.as_deref() == Some(Self::ABSENT) {
            return vec![self.what];
        }
        self.parts.into_iter().flat_map(Self::absent).collect()
    }

    /// Collects the leaves that are `unwanted`: below a `not` those that held are to blame.
    fn blame(&self, unwanted: bool, reasons: &mut Vec<String>) {
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
            part.blame(below, reasons);
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

/// Text cut to what is kept of a seen value.
pub(super) struct Clipped<'a>(pub(super) &'a str);

impl fmt::Display for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SEEN) {
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}
