//! A Bloom filter of the stored keys, so that almost no new record needs a query.

use std::hash::{DefaultHasher, Hasher};

/// Minimum and maximum size: 16 KiB and 2 MiB. With at least 8 bits per key, at most one new key in thirty needs a query.
const BITS: (u64, u64) = (1 << 17, 1 << 24);
const BITS_PER_KEY: u64 = 8;
const PROBES: u64 = 3;

/// A Bloom filter. A key that it does not contain is not in the table.
pub(super) struct Filter {
    words: Vec<u64>,
    keys: u64,
    full: u64,
}

impl Filter {
    /// Creates a filter for these rows and as many again.
    pub(super) fn for_rows(rows: u64) -> Self {
        let bits = rows.saturating_mul(2 * BITS_PER_KEY).clamp(BITS.0, BITS.1);
        let bits = bits.next_power_of_two();
        let words = usize::try_from(bits / 64).expect("the largest has 2 MiB");
        Self {
            words: vec![0; words],
            keys: 0,
            // At the maximum size, a fuller filter is better than a new one at each commit.
            full: (bits / BITS_PER_KEY).max(rows.saturating_mul(2)),
        }
    }

    pub(super) fn add(&mut self, key: &[u8]) {
        self.keys += 1;
        for (word, bit) in self.places(key) {
            self.words[word] |= bit;
        }
    }

    pub(super) fn may_hold(&self, key: &[u8]) -> bool {
        self.places(key)
            .into_iter()
            .all(|(word, bit)| self.words[word] & bit != 0)
    }

    /// Whether it has too many keys to be useful.
    pub(super) fn is_full(&self) -> bool {
        self.keys > self.full
    }

    fn places(&self, key: &[u8]) -> [(usize, u64); PROBES as usize] {
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        let hash = hasher.finish();
        let (start, step) = (hash >> 32, (hash & 0xffff_ffff) | 1);
        let bits = self.words.len() as u64 * 64;
        std::array::from_fn(|probe| {
            let bit = start.wrapping_add(step.wrapping_mul(probe as u64)) & (bits - 1);
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_added_is_never_denied_and_others_nearly_always_are() {
        let mut filter = Filter::for_rows(20_000);
        let mut number = 0_u64;
        while !filter.is_full() {
            filter.add(&number.to_le_bytes());
            number += 1;
        }
        assert!(number > 20_000);
        assert!((0..number).all(|n| filter.may_hold(&n.to_le_bytes())));
        let wrong = (number..number + 10_000)
            .filter(|n| filter.may_hold(&n.to_le_bytes()))
            .count();
        assert!(wrong < 500, "{wrong} of 10000");
    }
}
