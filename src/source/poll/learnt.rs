//! What was learnt of a server: kept with the state, and checked again by every answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::watermark::Dates;

/// How long a fall-back is remembered before the better way is tried again: servers are mended.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Learnt {
    /// The names on the way to the list of records.
    pub(super) envelope: Option<Vec<String>>,
    pub(super) key: Option<String>,
    /// How dates are written in answers.
    pub(super) dates: Dates,
    /// How they have to be written in bounds, where that is otherwise.
    pub(super) bounds_as: Option<Dates>,
    /// Whether bounds of the date are obeyed.
    pub(super) bounds: Option<bool>,
    /// Whether a sort by date, and one by key, is obeyed.
    pub(super) sort: Option<bool>,
    pub(super) key_sort: Option<bool>,
    /// Whether a larger page than the usual may be asked for.
    pub(super) large_pages: Option<bool>,
    pub(super) paging: Option<Paging>,
    fallback: Option<(Way, Timestamp)>,
}

/// How a server pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Paging {
    Skip,
    /// Pages by number; the first one's.
    Number {
        first: u64,
    },
}

/// How a datatype is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// Upwards, by moving the lower bound.
    Ascending,
    /// Downwards, by moving the upper bound.
    Descending,
    /// All of it by pages, until a pass finds nothing new.
    Passes,
}

impl Learnt {
    pub(super) fn read(json: Option<&str>) -> Self {
        // What an earlier version learnt otherwise is learnt anew.
        json.and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).expect("names, numbers and words are always JSON")
    }

    pub(super) fn way(&self, now: Timestamp) -> Way {
        match self.fallback {
            Some((way, since)) if now < since.plus(REMEMBERED) => way,
            _ => Way::Ascending,
        }
    }

    pub(super) fn fall_back(&mut self, way: Way, now: Timestamp) {
        self.fallback = Some((way, now));
    }

    pub(super) fn stands(&mut self) {
        self.fallback = None;
    }

    /// How bounds are written.
    pub(super) fn bound_dates(&self) -> &Dates {
        self.bounds_as.as_ref().unwrap_or(&self.dates)
    }
}
