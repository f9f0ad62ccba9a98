//! The goal of `--count` and `--expect`, and why the events that arrived did not meet it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Args;
use crate::event::{Event, Outcome};
use crate::select::Select;
use crate::time::Timestamp;
use crate::ui::{clip, safe};

/// Types of events that are listed if the goal is not met. Further types are counted together.
const MAX_TYPES: usize = 10;
/// Characters of a type and of a reason that are shown.
const SHOWN: usize = 160;

pub(super) struct Expectation {
    expect: Option<Select>,
    needed: u64,
    counted: u64,
    /// What arrived and did not count, by type, with the reason of the first one.
    others: BTreeMap<String, Other>,
    /// Events of types that did not fit in `others`.
    more: u64,
}

struct Other {
    count: u64,
    why: String,
}

impl Expectation {
    /// `None` if the flags state no goal.
    pub(super) fn of(args: &Args) -> Option<Self> {
        let needed = args.count.or(args.expect.as_ref().map(|_| 1))?;
        Some(Self {
            expect: args.expect.clone(),
            needed,
            counted: 0,
            others: BTreeMap::new(),
            more: 0,
        })
    }

    pub(super) fn is_met(&self) -> bool {
        self.counted >= self.needed
    }

    /// Counts an event. Rejected events and handshakes never count.
    pub(super) fn add(&mut self, event: &Event, is_handshake: bool, is_selected: bool) {
        let now = Timestamp::now();
        let matches = |expect: &Select| expect.matches(event, now);
        let is_valid = event.outcome != Outcome::Rejected && !is_handshake && is_selected;
        if is_valid && self.expect.as_ref().is_none_or(matches) {
            self.counted += 1;
            return;
        }
        // Nothing is explained any more when the goal is met.
        if self.is_met() {
            return;
        }
        let kind = event.meta.kind.as_deref().unwrap_or("no type");
        let kind = clip(kind, SHOWN);
        if let Some(other) = self.others.get_mut(&kind) {
            other.count += 1;
        } else if self.others.len() < MAX_TYPES {
            let why = match &self.expect {
                _ if is_handshake => "it is a handshake".to_owned(),
                _ if event.outcome == Outcome::Rejected => "its signature is not valid".to_owned(),
                _ if !is_selected => "it is not selected by --type, --events or --where".to_owned(),
                Some(expect) => expect.explain(event, now).reason(),
                None => String::new(),
            };
            let why = clip(&why, SHOWN);
            self.others.insert(kind, Other { count: 1, why });
        } else {
            self.more += 1;
        }
    }

    pub(super) fn facts(&self) -> Value {
        let others: Vec<Value> = self
            .others
            .iter()
            .map(|(kind, other)| json!({ "type": kind, "count": other.count, "why": other.why }))
            .collect();
        json!({ "wanted": self.needed, "counted": self.counted, "others": others, "more": self.more })
    }

    /// What was wanted and what came, on several lines.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "Goal not met: received {} of {} events.",
            self.counted, self.needed
        );
        if self.others.is_empty() && self.counted == 0 {
            text.push_str(" No other event arrived.");
        }
        for (kind, other) in &self.others {
            text.push_str(&format!("\n    {} x {}", other.count, safe(kind)));
            if !other.why.is_empty() {
                text.push_str(&format!(": {}", safe(&other.why)));
            }
        }
        if self.more > 0 {
            text.push_str(&format!("\n    {} events of more types", self.more));
        }
        text
    }
}
