//! The time at which messages arrive.

use crate::source::Pulse;
use crate::time::Timestamp;

/// The time, read once per piece, and its text, created once per millisecond.
#[derive(Default)]
pub(super) struct Clock {
    piece: Option<Timestamp>,
    text: String,
    of: Timestamp,
}

impl Clock {
    pub(super) fn now(&mut self, pulse: &Pulse) -> Timestamp {
        *self.piece.get_or_insert_with(|| {
            let now = Timestamp::now();
            pulse.message(now);
            if self.text.is_empty() || self.of != now {
                self.text = now.to_string();
                self.of = now;
            }
            now
        })
    }

    /// The time of the current piece as text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn next_piece(&mut self) {
        self.piece = None;
    }
}
