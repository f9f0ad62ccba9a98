//! Writes that become visible after their `modifydate`, as in a transaction that stays open.

use std::collections::HashMap;
use std::sync::Arc;

use super::Shelf;
use crate::time::Timestamp;

/// The version of a record before a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    /// Milliseconds, as in the store.
    pub(crate) modified: i64,
    pub(crate) body: String,
}

/// After this many writes, entries that have become visible are removed.
const SWEEP: u64 = 1_000;

struct Held {
    until: Timestamp,
    /// The version that is visible until then; `None` for a new record.
    before: Option<Arc<Before>>,
}

/// Writes that are not visible yet. They are in memory only, so a restart makes all writes visible.
#[derive(Default)]
pub(super) struct Late {
    writes: u64,
    shelves: HashMap<Shelf, HashMap<String, Held>>,
}

impl Late {
    /// Records a write. Every second one stays invisible until `until`, and the visible version stays the same.
    pub(super) fn wrote(
        &mut self,
        shelf: Shelf,
        sk: &str,
        (now, until): (Timestamp, Timestamp),
        before: impl FnOnce() -> Option<Before>,
    ) {
        self.writes += 1;
        let is_late = self.writes.is_multiple_of(2);
        if self.writes.is_multiple_of(SWEEP) {
            for shelf in self.shelves.values_mut() {
                shelf.retain(|_, held| held.until > now);
            }
        }
        let shelf = self.shelves.entry(shelf).or_default();
        let seen = match shelf.remove(sk) {
            Some(held) if held.until > now => held.before,
            _ if is_late => before().map(Arc::new),
            _ => None,
        };
        if is_late {
            shelf.insert(
                sk.to_owned(),
                Held {
                    until,
                    before: seen,
                },
            );
        }
    }

    pub(super) fn removed(&mut self, shelf: &Shelf, sk: &str) {
        if let Some(shelf) = self.shelves.get_mut(shelf) {
            shelf.remove(sk);
        }
    }

    /// The writes that are invisible at `now`, with the versions that are visible instead. Removes all others.
    pub(super) fn hidden(
        &mut self,
        shelf: &Shelf,
        now: Timestamp,
    ) -> Vec<(String, Option<Arc<Before>>)> {
        let Some(shelf) = self.shelves.get_mut(shelf) else {
            return Vec::new();
        };
        shelf.retain(|_, held| held.until > now);
        let held = shelf.iter();
        held.map(|(sk, held)| (sk.clone(), held.before.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn version(n: i64) -> Before {
        Before {
            modified: n,
            body: n.to_string(),
        }
    }

    fn shelf() -> Shelf {
        ("o".to_owned(), "contact".to_owned())
    }

    /// The visible version of `sk`; `None` if no write of it is invisible.
    fn seen(late: &mut Late, sk: &str, now: Timestamp) -> Option<Option<i64>> {
        let hidden = late.hidden(&shelf(), now);
        let found = hidden.into_iter().find(|(held, _)| held == sk)?;
        Some(found.1.map(|before| before.modified))
    }

    #[test]
    fn every_second_write_is_invisible_until_its_time() {
        let (mut late, now) = (Late::default(), Timestamp::now());
        let until = now.plus(Duration::from_secs(60));
        for sk in ["a", "b", "c", "d"] {
            late.wrote(shelf(), sk, (now, until), || None);
        }
        let held = ["a", "b", "c", "d"].map(|sk| seen(&mut late, sk, now).is_some());
        assert_eq!(held, [false, true, false, true]);
        assert_eq!(seen(&mut late, "b", until), None);
    }

    #[test]
    fn an_invisible_update_shows_the_previous_version() {
        let (mut late, now) = (Late::default(), Timestamp::now());
        let until = now.plus(Duration::from_secs(60));
        late.wrote(shelf(), "other", (now, until), || None);
        late.wrote(shelf(), "a", (now, until), || Some(version(1)));
        assert_eq!(seen(&mut late, "a", now), Some(Some(1)));
        late.wrote(shelf(), "a", (now, until), || Some(version(2)));
        assert_eq!(
            seen(&mut late, "a", now),
            None,
            "this write is visible at once"
        );
        late.wrote(shelf(), "a", (now, until), || Some(version(3)));
        assert_eq!(seen(&mut late, "a", now), Some(Some(3)));
    }

    #[test]
    fn a_removed_record_has_no_invisible_write() {
        let (mut late, now) = (Late::default(), Timestamp::now());
        let until = now.plus(Duration::from_secs(60));
        late.wrote(shelf(), "other", (now, until), || None);
        late.wrote(shelf(), "a", (now, until), || Some(version(1)));
        late.removed(&shelf(), "a");
        assert_eq!(seen(&mut late, "a", now), None);
    }
}
