//! Whether a server goes on where it was asked to.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use super::Cx;
use crate::source::CutOff;
use crate::time::Timestamp;

/// So many ids are remembered, beside the very first: enough to know a server again that starts from the beginning, or that
/// sends its latest events to everybody.
const REMEMBERED: usize = 1024;

/// What is known of the stream's ids.
#[derive(Default)]
pub(super) struct Resume {
    /// The id that the connection was asked to go on from, until an event's id has told whether it did.
    asked: Option<String>,
    hasher: RandomState,
    /// Hashes of ids: they may be long.
    first: Option<u64>,
    latest: VecDeque<u64>,
    /// The last id of the stream that the outlet was told.
    told: String,
}

impl Resume {
    /// A connection begins, and goes on from `id` where there is one.
    pub(super) fn ask(&mut self, id: Option<&str>) {
        self.asked = id.map(str::to_owned);
    }

    pub(super) fn asked(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    /// An event came. Its id is the first sign of whether the server resumed: one that came before says that it did not. What
    /// comes twice is handed on twice.
    pub(super) fn judge(&mut self, id: Option<&str>, cx: &mut Cx<'_>) {
        let Some(id) = id else { return };
        let hash = self.hasher.hash_one(id);
        if let Some(asked) = self.asked.take() {
            let came_before = id == asked
                || self.first == Some(hash)
                || self.latest.contains(&hash)
                || is_behind(id, &asked);
            if came_before {
                // Where nothing was lost in this call, it was asked to go on from another one; when that ended is not known.
                cx.cut.get_or_insert_with(|| CutOff {
                    since: Timestamp::now(),
                    why: format!("the stream was followed up to id {asked} before"),
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

    /// The stream's id, where it is not the one that the outlet knows.
    pub(super) fn moved(&mut self, id: &str) -> Option<&str> {
        if self.told == id {
            return None;
        }
        self.told.clear();
        self.told.push_str(id);
        Some(&self.told)
    }
}

/// Whether both ids are numbers, and `id` is the lower one: it came before also where an earlier process saw it. Whatever else
/// ids are made of, they have no order.
fn is_behind(id: &str, asked: &str) -> bool {
    let number = |id: &str| {
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| id.parse::<u64>().ok()).flatten()
    };
    number(id)
        .zip(number(asked))
        .is_some_and(|(id, asked)| id < asked)
}
