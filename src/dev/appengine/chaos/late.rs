//! Writes that become visible after their `modifydate`, as in a transaction that stays open.

use std::collections::HashMap;
use std::sync::Arc;

use super::Collection;
use crate::time::Timestamp;

/// The version of a record before a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreviousVersion {
    /// Milliseconds, as in the store.
    pub(crate) modified: i64,
    pub(crate) body: String,
}

/// After this many writes, entries that have become visible are removed.
const SWEEP: u64 = 1_000;

struct Held {
    until: Timestamp,
    /// The version that is visible until then; `None` for a new record.
    before: Option<Arc<PreviousVersion>>,
}

/// Writes that are not visible yet. They are in memory only, so a restart makes all writes visible.
#[derive(Default)]
pub(super) struct Late {
    writes: u64,
    shelves: HashMap<Collection, HashMap<String, Held>>,
}

impl Late {
    /// Records a write. Every second one stays invisible until `until`, and the visible version stays the same.
    pub(super) fn record_write(
        &mut self,
        collection: Collection,
        sk: &str,
        (now, until): (Timestamp, Timestamp),
        before: impl FnOnce() -> Option<PreviousVersion>,
    ) {
        self.writes += 1;
        let is_late = self.writes.is_multiple_of(2);
        if self.writes.is_multiple_of(SWEEP) {
            for collection in self.shelves.values_mut() {
                collection.retain(|_, held| held.until > now);
            }
        }
        let collection = self.shelves.entry(collection).or_default();
        let seen = match collection.remove(sk) {
            Some(held) if held.until > now => held.before,
            _ if is_late => before().map(Arc::new),
            _ => None,
        };
        if is_late {
            collection.insert(
                sk.to_owned(),
                Held {
                    until,
                    before: seen,
                },
            );
        }
    }

    pub(super) fn removed(&mut self, collection: &Collection, sk: &str) {
        if let Some(collection) = self.shelves.get_mut(collection) {
            collection.remove(sk);
        }
    }

    /// The writes that are invisible at `now`, with the versions that are visible instead. Removes all others.
    pub(super) fn hidden(
        &mut self,
        collection: &Collection,
        now: Timestamp,
    ) -> Vec<(String, Option<Arc<PreviousVersion>>)> {
        let Some(collection) = self.shelves.get_mut(collection) else {
            return Vec::new();
        };
        collection.retain(|_, held| held.until > now);
        let held = collection.iter();
        held.map(|(sk, held)| (sk.clone(), held.before.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn version(n: i64) -> PreviousVersion {
        PreviousVersion {
            modified: n,
            body: n.to_string(),
        }
    }

    fn collection() -> Collection {
        ("o".to_owned(), "contact".to_owned())
    }

    /// The visible version of `sk`; `None` if no write of it is invisible.
    fn seen(late: &mut Late, sk: &str, now: Timestamp) -> Option<Option<i64>> {
        let hidden = late.hidden(&collection(), now);
        let found = hidden.into_iter().find(|(held, _)| held == sk)?;
        Some(found.1.map(|before| before.modified))
    }

    #[test]
    fn every_second_write_is_invisible_until_its_time() {
        let (mut late, now) = (Late::default(), Timestamp::now());
        let until = now.plus(Duration::from_secs(60));
        for sk in ["a", "b", "c", "d"] {
            late.record_write(collection(), sk, (now, until), || None);
        }
        let held = ["a", "b", "c", "d"].map(|sk| seen(&mut late, sk, now).is_some());
        assert_eq!(held, [false, true, false, true]);
        assert_eq!(seen(&mut late, "b", until), None);
    }

    #[test]
    fn an_invisible_update_shows_the_previous_version() {
        let (mut late, now) = (Late::default(), Timestamp::now());
        let until = now.plus(Duration::from_secs(60));
        late.record_write(collection(), "other", (now, until), || None);
        late.record_write(collection(), "a", (now, until), || Some(version(1)));
        assert_eq!(seen(&mut late, "a", now), Some(Some(1)));
        late.record_write(collection(), "a", (now, until), || Some(version(2)));
        assert_eq!(
            seen(&mut late, "a", now),
            None,
            "this write is visible at once"
        );
        late.record_write(collection(), "a", (now, until), || Some(version(3)));
        assert_eq!(seen(&mut late, "a", now), Some(Some(3)));
    }

    #[test]
    fn a_removed_record_has_no_invisible_write() {
        let (mut late, now) = (Late::default(), Timestamp::now());
        let until = now.plus(Duration::from_secs(60));
        late.record_write(collection(), "other", (now, until), || None);
        late.record_write(collection(), "a", (now, until), || Some(version(1)));
        late.removed(&collection(), "a");
        assert_eq!(seen(&mut late, "a", now), None);
    }
}
