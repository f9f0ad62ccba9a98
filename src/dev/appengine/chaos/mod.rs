//! The hard cases of polling, on demand: what `POST /repository/find/{datatype}` answers while a `poll.` switch is not at its
//! default, and the writes' clock. Everything else of the platform stays as it is.

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
pub(crate) use late::Before;
pub(crate) use rules::{Ignore, Order, RetryForm, Rules, is_count, span};

use crate::time::Timestamp;
use faults::{Fault, Turns};
use late::Late;

/// What the switches of polling have in front of their names.
pub(crate) const PREFIX: &str = "poll.";

/// Which organisation's records, of which datatype.
type Shelf = (String, String);

/// The rules in force, and what they have come to.
#[derive(Default)]
pub(crate) struct Chaos {
    /// Looked at before anything else, so that finds and writes without chaos cost nothing more.
    is_on: AtomicBool,
    rules: RwLock<Arc<Rules>>,
    turns: Mutex<Turns>,
    late: Mutex<Late>,
    /// The last page of each shelf, kept only for `poll.duplicate`.
    pages: Mutex<HashMap<Shelf, Bytes>>,
}

impl Chaos {
    /// The rules in force; `None` when every switch is at its default.
    pub(crate) fn rules(&self) -> Option<Arc<Rules>> {
        if !self.is_on.load(Ordering::Acquire) {
            return None;
        }
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&rules))
    }

    /// Goes by these rules from now on, and counts from one again.
    pub(crate) fn follow(&self, rules: Rules) {
        let is_on = rules != Rules::default();
        self.forget();
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        self.is_on.store(is_on, Ordering::Release);
    }

    /// Forgets what it has counted, held back and kept.
    pub(crate) fn forget(&self) {
        *lock(&self.turns) = Turns::default();
        *lock(&self.late) = Late::default();
        lock(&self.pages).clear();
    }

    /// The fault that this find has, and how often it has had its turn before.
    fn due(&self, rules: &Rules) -> Option<(Fault, u64)> {
        lock(&self.turns).next(&rules.every)
    }

    /// Notes a write inside its commit; `before` gives the version that it replaces. Every second one is held back.
    pub(crate) fn wrote(
        &self,
        org: &str,
        datatype: &str,
        sk: &str,
        before: impl FnOnce() -> Option<Before>,
    ) {
        let Some(rules) = self.rules() else { return };
        if !rules.late.is_zero() {
            let now = Timestamp::now();
            let shelf = (org.to_owned(), datatype.to_owned());
            lock(&self.late).wrote(shelf, sk, (now, now.plus(rules.late)), before);
        }
    }

    /// Notes that a record was removed: there is nothing of it to hold back.
    pub(crate) fn removed(&self, org: &str, datatype: &str, sk: &str) {
        if self.is_on.load(Ordering::Acquire) {
            lock(&self.late).removed(&(org.to_owned(), datatype.to_owned()), sk);
        }
    }

    /// What is held back of a shelf at `now`, with the versions that are shown instead.
    fn hidden(
        &self,
        org: &str,
        datatype: &str,
        now: Timestamp,
    ) -> Vec<(String, Option<Arc<Before>>)> {
        lock(&self.late).hidden(&(org.to_owned(), datatype.to_owned()), now)
    }

    fn page_before(&self, shelf: &Shelf) -> Option<Bytes> {
        lock(&self.pages).get(shelf).cloned()
    }

    fn keep_page(&self, shelf: Shelf, body: Bytes) {
        lock(&self.pages).insert(shelf, body);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
