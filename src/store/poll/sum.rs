//! What the rows of a table add up to: kept up with each change, compared when the file is opened.

use aws_lc_rs::digest::{Context, SHA256};

use crate::watermark::{Digest, Micros, SeenRow};

/// The number of rows, and the sum of a hash of each: it does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    pub(super) hash: u64,
}

impl Sum {
    pub(super) fn add(&mut self, row: u64) {
        self.rows += 1;
        self.hash = self.hash.wrapping_add(row);
    }

    pub(super) fn remove(&mut self, row: u64) {
        self.rows = self.rows.saturating_sub(1);
        self.hash = self.hash.wrapping_sub(row);
    }
}

/// A row of `seen`.
pub(super) fn of_seen(key: &[u8], row: &SeenRow) -> u64 {
    hash(key, row.digest, row.at, row.n)
}

/// A row of `keys`, as far as it says what a record is; how often it was missed changes by itself.
pub(super) fn of_key(key: &[u8], digest: Digest, at: Micros) -> u64 {
    hash(key, digest, at, 0)
}

fn hash(key: &[u8], digest: Digest, at: Micros, n: u64) -> u64 {
    let mut fixed = [0; 32];
    fixed[..16].copy_from_slice(&digest.0);
    fixed[16..24].copy_from_slice(&at.get().to_le_bytes());
    fixed[24..].copy_from_slice(&n.to_le_bytes());
    let mut context = Context::new(&SHA256);
    context.update(&fixed);
    // Last, because its length is not fixed.
    context.update(key);
    let hash = context.finish();
    let first = hash.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
    u64::from_le_bytes(*first)
}
