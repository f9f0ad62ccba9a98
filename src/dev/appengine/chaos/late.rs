//! Writes that are dated when they are made and seen only later, as those of a transaction that stays open.

use std::collections::HashMap;
use std::sync::Arc;

use super::Shelf;
use crate::time::Timestamp;

/// The version of a record that a write replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    /// Milliseconds, as the store has them.
    pub(crate) modified: i64,
    pub(crate) body: String,
}

/// Writes after which what is seen by now is forgotten, if nobody looks.
const SWEEP: u64 = 1_000;

struct Held {
    until: Timestamp,
    /// What is seen until then; nothing of a record that is new.
    before: Option<Arc<Before>>,
}

/// What is held back. In memory: after a restart everything is seen.
#[derive(Default)]
pub(super) struct Late {
    writes: u64,
    shelves: HashMap<Shelf, HashMap<String, Held>>,
}

impl Late {
    /// Notes a write: every second one is held back until then, with what was seen of the record up to now.
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

    /// What is held back at `now`, with what is seen of it; the rest is forgotten.
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

    /// What is seen of `sk`: `None` when it is not held back.
    fn seen(late: &mut Late, sk: &str, now: Timestamp) -> Option<Option<i64>> {
        let hidden = late.hidden(&shelf(), now);
        let found = hidden.into_iter().find(|(held, _)| held == sk)?;
        Some(found.1.map(|before| before.modified))
    }

    #[test]
    fn every_second_write_is_held_back_until_its_time() {
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
    fn an_update_shows_the_version_that_was_seen_before() {
        let (mut late, now) = (Late::default(), Timestamp::now());
        let until = now.plus(Duration::from_secs(60));
        late.wrote(shelf(), "other", (now, until), || None);
        late.wrote(shelf(), "a", (now, until), || Some(version(1)));
        assert_eq!(seen(&mut late, "a", now), Some(Some(1)));
        late.wrote(shelf(), "a", (now, until), || Some(version(2)));
        assert_eq!(seen(&mut late, "a", now), None, "this one was in time");
        late.wrote(shelf(), "a", (now, until), || Some(version(3)));
        assert_eq!(seen(&mut late, "a", now), Some(Some(3)));
    }

    #[test]
    fn what_is_removed_is_not_held_back() {
        let (mut late, now) = (Late::default(), Timestamp::now());
        let until = now.plus(Duration::from_secs(60));
        late.wrote(shelf(), "other", (now, until), || None);
        late.wrote(shelf(), "a", (now, until), || Some(version(1)));
        late.removed(&shelf(), "a");
        assert_eq!(seen(&mut late, "a", now), None);
    }
}
