//! Difficult cases of polling, on demand: while a `poll.` setting is not at its default, it changes the responses of
//! `POST /repository/find/{datatype}` or the timestamps of writes. Nothing else changes.

mod control;
mod dates;
mod envelope;
mod faults;
mod find;
mod late;
mod rules;
mod search;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::body::Bytes;

pub(crate) use control::routes as control_routes;
pub(crate) use dates::Dates;
pub(crate) use envelope::Envelope;
pub(crate) use find::find;
pub(crate) use late::PreviousVersion;
pub(crate) use rules::{Ignore, RetryForm, Rules, TieOrder, is_count, span};

use crate::time::Timestamp;
use faults::{Fault, Schedule};
use late::Late;

/// The prefix of the names of these settings.
pub(crate) const PREFIX: &str = "poll.";

/// An organisation and a datatype.
type Collection = (String, String);

/// The current rules and their state.
#[derive(Default)]
pub(crate) struct Chaos {
    /// Checked first, so that finds and writes without chaos have no additional cost.
    is_on: AtomicBool,
    rules: RwLock<Arc<Rules>>,
    schedule: Mutex<Schedule>,
    late: Mutex<Late>,
    /// The last page of each datatype, for `poll.duplicate`.
    pages: Mutex<HashMap<Collection, Bytes>>,
}

impl Chaos {
    /// The current rules; `None` if every setting has its default.
    pub(crate) fn rules(&self) -> Option<Arc<Rules>> {
        if !self.is_on.load(Ordering::Acquire) {
            return None;
        }
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&rules))
    }

    /// Replaces the rules and resets their state.
    pub(crate) fn follow(&self, rules: Rules) {
        let is_on = rules != Rules::default();
        self.forget();
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        self.is_on.store(is_on, Ordering::Release);
    }

    /// Resets counters, invisible writes and stored pages.
    pub(crate) fn forget(&self) {
        *lock(&self.schedule) = Schedule::default();
        *lock(&self.late) = Late::default();
        lock(&self.pages).clear();
    }

    /// The fault of this find, and the number of its earlier occurrences.
    fn due(&self, rules: &Rules) -> Option<(Fault, u64)> {
        lock(&self.schedule).next(&rules.every)
    }

    /// Records a write inside its commit. `before` returns the version that it replaces.
    pub(crate) fn record_write(
        &self,
        org: &str,
        datatype: &str,
        sk: &str,
        before: impl FnOnce() -> Option<PreviousVersion>,
    ) {
        let Some(rules) = self.rules() else { return };
        if !rules.late.is_zero() {
            let now = Timestamp::now();
            let collection = (org.to_owned(), datatype.to_owned());
            lock(&self.late).record_write(collection, sk, (now, now.plus(rules.late)), before);
        }
    }

    /// Records the removal of a record.
    pub(crate) fn removed(&self, org: &str, datatype: &str, sk: &str) {
        if self.is_on.load(Ordering::Acquire) {
            lock(&self.late).removed(&(org.to_owned(), datatype.to_owned()), sk);
        }
    }

    /// The records of a datatype with invisible writes at `now`, with the versions that are visible instead.
    fn hidden(
        &self,
        org: &str,
        datatype: &str,
        now: Timestamp,
    ) -> Vec<(String, Option<Arc<PreviousVersion>>)> {
        lock(&self.late).hidden(&(org.to_owned(), datatype.to_owned()), now)
    }

    fn page_before(&self, collection: &Collection) -> Option<Bytes> {
        lock(&self.pages).get(collection).cloned()
    }

    fn store_page(&self, collection: Collection, body: Bytes) {
        lock(&self.pages).insert(collection, body);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
