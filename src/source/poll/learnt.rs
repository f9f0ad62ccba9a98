//! What was learnt of a server: kept with the state. What an answer can show is checked again by every one.

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

    /// Remembers a fall-back from now on, unless it is remembered already.
    pub(super) fn fall_back(&mut self, way: Way, now: Timestamp) {
        if self.way(now) != way {
            self.fallback = Some((way, now));
        }
    }

    /// Takes back what was found wrong with a server so long ago that it is worth another look.
    pub(super) fn doubt(&mut self, now: Timestamp) {
        if self.fallback.is_some() && self.way(now) == Way::Ascending {
            self.fallback = None;
            self.bounds = self.bounds.filter(|obeyed| *obeyed);
            self.paging = None;
        }
    }

    pub(super) fn stands(&mut self) {
        self.fallback = None;
    }

    /// How bounds are written.
    pub(super) fn bound_dates(&self) -> &Dates {
        self.bounds_as.as_ref().unwrap_or(&self.dates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_given_another_chance_after_an_hour() {
        let at = |minutes: i64| Timestamp::from_secs(60 * minutes);
        let mut learnt = Learnt {
            bounds: Some(false),
            ..Learnt::default()
        };
        learnt.fall_back(Way::Passes, at(0));
        learnt.fall_back(Way::Passes, at(50));
        learnt.doubt(at(59));
        assert_eq!(
            (learnt.way(at(59)), learnt.bounds),
            (Way::Passes, Some(false))
        );
        learnt.doubt(at(60));
        assert_eq!((learnt.way(at(60)), learnt.bounds), (Way::Ascending, None));
    }

    #[test]
    fn what_was_learnt_is_read_back_and_anything_else_is_learnt_anew() {
        let mut learnt = Learnt {
            key: Some("sk".to_owned()),
            paging: Some(Paging::Number { first: 0 }),
            ..Learnt::default()
        };
        learnt.fall_back(Way::Descending, Timestamp::from_secs(1));
        assert_eq!(Learnt::read(Some(&learnt.write())), learnt);
        for other in [None, Some("{\"paging\":\"backwards\"}"), Some("[]")] {
            assert_eq!(Learnt::read(other), Learnt::default());
        }
    }
}
