//! What a condition sees of a message.

use http::HeaderMap;

use crate::envelope::{self, Form, Peek};
use crate::event::Outcome;
use crate::json::Raw;
use crate::select::Look;
use crate::source::Message;
use crate::time::Timestamp;

/// What a message says of itself. Of a polled record it is known; what an envelope looks like is no matter there.
pub(super) fn peek<'a>(none: &'a HeaderMap, message: &Message<'a>) -> Peek<'a> {
    let Some(change) = &message.change else {
        return envelope::peek(none, message.data);
    };
    Peek {
        subject: message.id.map(Into::into),
        time: change.at.map(|at| Raw::new(at).plain()),
        form: Form::Json,
        ..Peek::default()
    }
}

/// What a selection looks at; a message of a stream has no headers and nobody has signed it.
pub(super) fn look<'a>(
    message: &Message<'a>,
    peek: &'a Peek<'_>,
    received_at: Timestamp,
) -> Look<'a> {
    Look {
        received_at,
        kind: message.name.or(peek.kind.as_deref()),
        system: peek.system,
        org: peek.org.as_deref(),
        subject: peek.subject.as_deref(),
        time: peek.time.as_deref(),
        headers: None,
        data: peek.data(message.data),
        form: Some(peek.form),
        verdict: None,
        outcome: Outcome::Kept,
    }
}
