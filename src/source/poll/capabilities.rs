//! What a server supports, stored with the state. Whatever a response can show is still checked in every response.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::malformed::Malformed;
use crate::json::Raw;
use crate::time::Timestamp;
use crate::watermark::Dates;

/// How long a fall-back is used before ascending order is tried again: servers get fixed.
const FALLBACK_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Skipped records that are stored.
const MOST_MALFORMED: usize = 100;
/// Skipped records that one process reports.
const MOST_REPORTED: usize = 10_000;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Capabilities {
    /// The member names that lead to the list of records.
    pub(super) envelope: Option<Vec<String>>,
    pub(super) key: Option<String>,
    /// How dates are written in responses.
    pub(super) dates: Dates,
    /// How dates must be written in bounds, if that differs.
    pub(super) bounds_as: Option<Dates>,
    /// Whether date bounds are respected. `None` if that is not known, here and below.
    pub(super) bounds: Option<bool>,
    /// Whether sorting by date is respected.
    pub(super) sort: Option<bool>,
    pub(super) key_sort: Option<bool>,
    /// `$gte` works as `$gt`: it excludes records at the bound.
    pub(super) excludes_bound: bool,
    /// `$lt` is refused or ignored.
    pub(super) lacks_upper_bounds: bool,
    /// Whether pages larger than the usual size may be requested.
    pub(super) large_pages: Option<bool>,
    pub(super) paging: Option<Paging>,
    /// Records that were skipped because they could not be read, the latest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) malformed: Vec<Malformed>,
    /// Paths of conditions that some record has had. Only the command line reads and writes it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) known_paths: Vec<String>,
    fallback: Option<(Method, Timestamp)>,
}

/// How a server pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Paging {
    Skip,
    /// By page number.
    Number {
        /// The number of the first page.
        first: u64,
    },
}

/// How a datatype is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    /// Oldest first, by moving the lower bound.
    Ascending,
    /// Newest first, by moving the upper bound.
    Descending,
    /// Every page, again and again until a pass finds nothing new.
    Passes,
}

impl Capabilities {
    /// Reads stored capabilities. A form that is not understood is ignored: everything can be discovered again.
    pub(super) fn read(json: Option<&str>) -> Self {
        json.and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).expect("names, numbers and words are always JSON")
    }

    pub(super) fn method(&self, now: Timestamp) -> Method {
        match self.fallback {
            Some((method, since)) if now < since.plus(FALLBACK_LIFETIME) => method,
            _ => Method::Ascending,
        }
    }

    /// Starts to use a fall-back, unless it is in use already.
    pub(super) fn fall_back(&mut self, method: Method, now: Timestamp) {
        if self.method(now) != method {
            self.fallback = Some((method, now));
        }
    }

    /// Forgets an expired fall-back, and the findings that led to it.
    pub(super) fn expire_fallback(&mut self, now: Timestamp) {
        if self.fallback.is_some() && self.method(now) == Method::Ascending {
            self.fallback = None;
            self.bounds = self.bounds.filter(|respected| *respected);
            self.lacks_upper_bounds = false;
            self.paging = None;
        }
    }

    /// Notes that ascending order works.
    pub(super) fn clear_fallback(&mut self) {
        self.fallback = None;
    }

    /// Stores a record that was skipped. Returns whether this process has not reported it yet.
    pub(super) fn note_malformed(
        &mut self,
        record: &Malformed,
        reported: &mut HashSet<u64>,
    ) -> bool {
        let mut hasher = DefaultHasher::new();
        match &record.key {
            Some(key) => key.hash(&mut hasher),
            None => (&record.why, record.bytes.len()).hash(&mut hasher),
        }
        if !self
            .malformed
            .iter()
            .any(|known| known.key == record.key && record.key.is_some())
        {
            self.malformed.push(record.clone());
            if self.malformed.len() > MOST_MALFORMED {
                self.malformed.remove(0);
            }
        }
        let hash = hasher.finish();
        reported.len() < MOST_REPORTED && reported.insert(hash)
    }

    /// Learns how dates are written from one of them.
    pub(super) fn learn_date(&mut self, date: Raw<'_>) {
        self.dates.learn(date);
        if let Some(dates) = &mut self.bounds_as {
            dates.learn(date);
        }
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
    fn a_fallback_expires_after_an_hour() {
        let at = |minutes: i64| Timestamp::from_secs(60 * minutes);
        let mut capabilities = Capabilities {
            bounds: Some(false),
            ..Capabilities::default()
        };
        capabilities.fall_back(Method::Passes, at(0));
        capabilities.fall_back(Method::Passes, at(50));
        capabilities.expire_fallback(at(59));
        assert_eq!(
            (capabilities.method(at(59)), capabilities.bounds),
            (Method::Passes, Some(false))
        );
        capabilities.expire_fallback(at(60));
        assert_eq!(
            (capabilities.method(at(60)), capabilities.bounds),
            (Method::Ascending, None)
        );
    }

    #[test]
    fn stored_capabilities_are_read_back_and_other_forms_are_ignored() {
        let mut capabilities = Capabilities {
            key: Some("sk".to_owned()),
            paging: Some(Paging::Number { first: 0 }),
            ..Capabilities::default()
        };
        capabilities.fall_back(Method::Descending, Timestamp::from_secs(1));
        assert_eq!(
            Capabilities::read(Some(&capabilities.write())),
            capabilities
        );
        for other in [None, Some("{\"paging\":\"backwards\"}"), Some("[]")] {
            assert_eq!(Capabilities::read(other), Capabilities::default());
        }
    }
}
