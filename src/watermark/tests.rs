use std::collections::HashMap;
use std::convert::Infallible;

use super::*;

#[derive(Default)]
struct Memory {
    rows: HashMap<Vec<u8>, Vec<SeenRow>>,
    n: u64,
}

impl Seen for Memory {
    type Error = Infallible;

    fn newest(&mut self, key: &[u8]) -> Result<Option<SeenRow>, Infallible> {
        let rows = self.rows.get(key);
        Ok(rows.and_then(|rows| rows.iter().max_by_key(|row| row.n).copied()))
    }

    fn contains(&mut self, key: &[u8], digest: Digest) -> Result<bool, Infallible> {
        let rows = self.rows.get(key);
        Ok(rows.is_some_and(|rows| rows.iter().any(|row| row.digest == digest)))
    }
}

impl Memory {
    /// Returns whether a version of the key is to be emitted, and remembers it if so.
    fn offer(&mut self, content: u8, at: i64) -> bool {
        let version = Version {
            key: b"k",
            digest: Digest([content; 16]),
            at: Micros::new(at),
        };
        let Ok(new) = is_new(self, &version);
        if new {
            self.n += 1;
            let rows = self.rows.entry(b"k".to_vec()).or_default();
            rows.retain(|row| row.digest != version.digest);
            rows.push(SeenRow {
                digest: version.digest,
                at: version.at,
                n: self.n,
            });
        }
        new
    }
}

#[test]
fn a_version_is_emitted_once_and_again_after_another_one() {
    let mut memory = Memory::default();
    let offered = [(1, 10), (1, 10), (2, 10), (1, 10), (1, 10)];
    let emitted = offered.map(|(content, at)| memory.offer(content, at));
    assert_eq!(emitted, [true, false, true, true, false]);
}

#[test]
fn a_stale_page_repeats_nothing() {
    let mut memory = Memory::default();
    let offered = [(1, 10), (2, 20), (1, 10), (2, 20)];
    let emitted = offered.map(|(content, at)| memory.offer(content, at));
    assert_eq!(emitted, [true, true, false, false]);
}

#[test]
fn a_version_with_an_earlier_date_is_emitted() {
    let mut memory = Memory::default();
    assert!(memory.offer(1, 20));
    assert!(memory.offer(2, 10), "never emitted, though older");
    assert!(!memory.offer(2, 10));
}

#[test]
fn a_frontier_settles_one_lookback_after_it_was_reached() {
    let lookback = Duration::from_secs(120);
    let unit = Duration::from_millis(1);
    let at = |seconds| Timestamp::from_secs(seconds);
    let mut position = Position::default();
    position.advance(Micros::new(5_000_000), at(100));
    let later = Some(Micros::new(900_000_000));
    position.settle(at(219), later, lookback, unit);
    assert_eq!(
        position.start(lookback, unit),
        Some(Micros::new(5_000_000) - lookback)
    );
    position.settle(at(220), Some(Micros::new(125_000_999)), lookback, unit);
    assert!(
        !position.settled,
        "a lookback has not passed since the end of its unit"
    );
    position.settle(at(220), later, lookback, unit);
    assert_eq!(position.start(lookback, unit), Some(Micros::new(5_001_000)));
    position.advance(Micros::new(6_000_000), at(300));
    assert!(!position.settled);
}

#[test]
fn a_frontier_never_goes_back_and_no_scan_starts_before_since() {
    let mut position = Position {
        since: Some(Micros::new(1_000)),
        ..Position::default()
    };
    let lookback = Duration::from_secs(1);
    let unit = Duration::from_secs(1);
    assert_eq!(position.start(lookback, unit), Some(Micros::new(1_000)));
    position.advance(Micros::new(500_000), Timestamp::from_secs(1));
    position.advance(Micros::new(400_000), Timestamp::from_secs(2));
    assert_eq!(position.frontier, Some(Micros::new(500_000)));
    assert_eq!(position.start(lookback, unit), Some(Micros::new(1_000)));
}
