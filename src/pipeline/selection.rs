//! Which messages are wanted, and when the goal is met.

use http::HeaderMap;

use super::PipelineOptions;
use crate::condition::Absent;
use crate::envelope::{self, BorrowedMeta, Form};
use crate::event::Outcome;
use crate::json::Raw;
use crate::select::{EventView, Select};
use crate::source::Message;
use crate::time::Timestamp;

/// Selects messages and counts towards the goal.
pub(super) struct Selection {
    select: Select,
    expect: Option<Select>,
    /// How many counted messages meet the goal; `None` if there is no goal.
    needed: Option<u64>,
    counted: u64,
    /// Paths of the condition that no message has had so far; `None` before the first message.
    absent: Option<Vec<Absent>>,
    /// Paths that earlier runs have found.
    known: Vec<String>,
    has_matched: bool,
}

impl Selection {
    pub(super) fn new(options: &mut PipelineOptions) -> Self {
        let expect = options.expect.take();
        Self {
            needed: options.count.or(expect.as_ref().map(|_| 1)),
            select: std::mem::take(&mut options.select),
            expect,
            counted: 0,
            absent: None,
            known: std::mem::take(&mut options.known_paths),
            has_matched: false,
        }
    }

    /// Returns whether the message is selected, and counts it.
    pub(super) fn selects(&mut self, view: &EventView<'_>) -> bool {
        let now = view.received_at;
        let is_selected = self.select.selects(view, now);
        let is_counted = match &self.expect {
            Some(expect) => expect.selects(view, now),
            None => is_selected,
        };
        self.counted += u64::from(is_counted);
        self.has_matched |= is_selected;
        if !is_selected {
            self.note_absent(view);
        }
        is_selected
    }

    pub(super) fn is_goal_met(&self) -> bool {
        self.needed.is_some_and(|needed| self.counted >= needed)
    }

    /// Paths of the condition that no message has had, if no message matched: it is not known whether they are mistyped.
    pub(super) fn absent(&self) -> &[Absent] {
        match &self.absent {
            Some(absent) if !self.has_matched => absent,
            _ => &[],
        }
    }

    /// Paths of the condition that some message has had, in this run or an earlier one.
    pub(super) fn known_paths(&self) -> Vec<String> {
        let (Some(condition), Some(absent)) = (&self.select.condition, &self.absent) else {
            return self.known.clone();
        };
        let is_found = |path: &String| !absent.iter().any(|absent| absent.path == *path);
        let mut known = self.known.clone();
        for path in condition.paths().into_iter().filter(is_found) {
            if !known.contains(&path) {
                known.push(path);
            }
        }
        known
    }

    /// Notes which paths of `--where` a message lacks, until a message matches or no path is left.
    fn note_absent(&mut self, view: &EventView<'_>) {
        let Some(condition) = &self.select.condition else {
            return;
        };
        let is_settled = self.has_matched || self.absent.as_ref().is_some_and(Vec::is_empty);
        if is_settled || !self.select.has_type(view) {
            return;
        }
        let mut absent = condition.absent(view);
        absent.retain(|absent| !self.known.contains(&absent.path));
        match &mut self.absent {
            Some(before) => before.retain(|path| absent.iter().any(|now| now.path == path.path)),
            None => self.absent = Some(absent),
        }
    }
}

/// The type of a stream's message that has no name, as in the DOM.
const MESSAGE: &str = "message";

/// What the envelope of a message says about it. Without an envelope all members belong to the payload, and the transport
/// alone says what the message is. A polled record is not an envelope, even if it looks like one.
pub(super) fn peek<'a>(none: &'a HeaderMap, message: &Message<'a>) -> BorrowedMeta<'a> {
    let Some(change) = &message.change else {
        let meta = envelope::peek(message.headers.unwrap_or(none), message.data);
        return match meta.system {
            Some(_) => meta,
            None => BorrowedMeta {
                form: meta.form,
                ..BorrowedMeta::default()
            },
        };
    };
    BorrowedMeta {
        subject: message.id.map(Into::into),
        time: change.at.map(|at| Raw::new(at).plain()),
        form: Form::Json,
        ..BorrowedMeta::default()
    }
}

/// The type of a message: the transport's own name for it, else that of its envelope, else `message`.
pub(super) fn kind_of<'a>(message: &Message<'a>, peek: &'a BorrowedMeta<'_>) -> Option<&'a str> {
    let named = message.name.or(peek.kind.as_deref());
    match message.change {
        Some(_) => named,
        None => named.or(Some(MESSAGE)),
    }
}

/// The parts of a stream's message that a selection reads. It has no signature.
pub(super) fn event_view<'a>(
    message: &Message<'a>,
    peek: &'a BorrowedMeta<'_>,
    received_at: Timestamp,
) -> EventView<'a> {
    EventView {
        received_at,
        kind: kind_of(message, peek),
        system: peek.system,
        org: peek.org.as_deref(),
        subject: peek.subject.as_deref(),
        time: peek.time.as_deref(),
        headers: message.headers,
        data: peek.data(message.data),
        form: Some(peek.form),
        is_record: message.change.is_some(),
        verdict: None,
        outcome: Outcome::Kept,
    }
}
