//! Detects whether a server resumes after the requested id.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use super::Cx;
use crate::source::ConnectionLoss;
use crate::time::Timestamp;

/// How many ids are stored in addition to the first one. This is enough to recognize a server that starts from the
/// beginning or sends its latest events to every client.
const REMEMBERED: usize = 1024;

/// What is known of the stream's ids.
#[derive(Default)]
pub(super) struct Resume {
    /// The id after which the connection asked to resume, until the first event shows whether the server did.
    asked: Option<String>,
    hasher: RandomState,
    /// Hashes, because ids may be long.
    first: Option<u64>,
    latest: VecDeque<u64>,
    /// The last position that the outlet was given.
    reported: String,
}

impl Resume {
    /// Starts a connection that asks to resume after `id`, if any.
    pub(super) fn ask(&mut self, id: Option<&str>) {
        self.asked = id.map(str::to_owned);
    }

    pub(super) fn asked(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    /// Handles an event's id. The first id shows whether the server resumed: an id that was seen before means that it
    /// did not. Repeated events are passed on again.
    pub(super) fn check(&mut self, id: Option<&str>, cx: &mut Cx<'_>) {
        let Some(id) = id else { return };
        let hash = self.hasher.hash_one(id);
        if let Some(asked) = self.asked.take() {
            let came_before = id == asked
                || self.first == Some(hash)
                || self.latest.contains(&hash)
                || is_behind(id, &asked);
            if came_before {
                // Without a loss in this process, the position is from an earlier one, and the time of its end is
                // unknown.
                cx.loss.get_or_insert_with(|| ConnectionLoss {
                    since: Timestamp::now(),
                    why: format!("an earlier run ended at id {asked}"),
                });
                let reason = format!("the server does not resume: it sent id {id} again");
                cx.gap(Some(&asked), Some(id), &reason);
            } else {
                cx.resumed();
            }
        }
        self.first.get_or_insert(hash);
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(hash);
    }

    /// Returns the stream's id if the outlet has not been given it yet.
    pub(super) fn new_position(&mut self, id: &str) -> Option<&str> {
        if self.reported == id {
            return None;
        }
        self.reported.clear();
        self.reported.push_str(id);
        Some(&self.reported)
    }
}

/// Returns whether both ids are numbers and `id` is the lower one. This detects repetitions of events that an earlier
/// process saw. Other ids have no order.
fn is_behind(id: &str, asked: &str) -> bool {
    let number = |id: &str| {
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| id.parse::<u64>().ok()).flatten()
    };
    number(id)
        .zip(number(asked))
        .is_some_and(|(id, asked)| id < asked)
}
