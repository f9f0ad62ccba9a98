//! The events that an import finds in the inbox, so that the same file is not imported twice.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use crate::error::CliError;
use crate::event::{Event, Seq};
use crate::store::{Connection, Store, StoreError, events};

type Digest = [u8; SHA256_OUTPUT_LEN];

/// The events that were stored before the import. Bodies are only read if the file has an event of the same millisecond.
pub(super) struct Known {
    /// Time in milliseconds and position, sorted.
    times: Vec<(i64, Seq)>,
    /// For the times that were asked for: how many events there are of each content that the file has not had yet.
    contents: HashMap<i64, HashMap<Digest, u32>>,
}

impl Known {
    pub(super) fn read(db: &Connection) -> Result<Self, StoreError> {
        let mut times = Vec::new();
        events::sizes(db, |size| {
            times.push((size.received_at.millis(), size.seq));
            ControlFlow::Continue(())
        })?;
        times.sort_unstable();
        Ok(Self {
            times,
            contents: HashMap::new(),
        })
    }

    /// Returns whether the event is stored. Each stored event counts once: a file may have the same event twice.
    pub(super) fn take(&mut self, event: &Event, store: &Store) -> Result<bool, CliError> {
        let at = event.received_at.millis();
        let start = self.times.partition_point(|(time, _)| *time < at);
        let same = || {
            self.times[start..]
                .iter()
                .take_while(|(time, _)| *time == at)
        };
        if same().next().is_none() {
            return Ok(false);
        }
        let contents = match self.contents.entry(at) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(entry) => {
                let mut contents = HashMap::new();
                for (_, seq) in same() {
                    if let Some(event) = store.read_blocking(|db| events::get(db, *seq))? {
                        *contents.entry(digest(&event)).or_default() += 1;
                    }
                }
                entry.insert(contents)
            }
        };
        Ok(match contents.get_mut(&digest(event)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        })
    }
}

/// Hashes what a sender determines. A verdict or an outcome may have changed since the file was written.
fn digest(event: &Event) -> Digest {
    let mut context = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    };
    add(event.method.as_str().as_bytes());
    add(event.target.as_bytes());
    for (name, value) in &event.headers {
        add(name.as_str().as_bytes());
        add(value.as_bytes());
    }
    add(&event.body);
    let mut digest = [0; SHA256_OUTPUT_LEN];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
