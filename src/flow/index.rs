//! Compiled flows at hand: which triggers hear an event, and the versions that runs go on with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use serde_json::Value;
use tracing::warn;

use super::document::{self, Flow};
use super::trigger::Listens;
use crate::store::{StoreError, Tx, flows};
use crate::topic::{Matcher, Pattern};

/// Versions of flows that runs went on with, kept compiled.
const VERSIONS: usize = 1_000;

/// A flow, ready to run, and which one it is.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) flow: Arc<Flow>,
    /// Its runs that did not start since it was compiled: now and then the old ones of them are forgotten.
    pub(super) unstarted: Arc<AtomicU32>,
}

/// A flow and the position of one of its triggers.
pub(super) type Hit = (Arc<Compiled>, usize);

#[derive(Default)]
pub(super) struct Index {
    orgs: HashMap<String, Org>,
    versions: HashMap<(String, i64), Compiled>,
}

/// One organisation's enabled flows, as they were at a stamp.
struct Org {
    stamp: i64,
    triggers: Matcher<Hit>,
}

impl Index {
    /// The triggers that hear an event, compiled anew if a flow has changed since.
    pub(super) fn matching(
        &mut self,
        tx: &Tx<'_>,
        org: &str,
        kind: &str,
    ) -> Result<Vec<Hit>, StoreError> {
        let stamp = flows::stamp(tx, org)?;
        if stamp == 0 {
            return Ok(Vec::new());
        }
        if self.orgs.get(org).is_none_or(|kept| kept.stamp != stamp) {
            let loaded = Org::load(tx, org, stamp)?;
            self.orgs.insert(org.to_owned(), loaded);
        }
        let hits = self.orgs[org].triggers.find(kind);
        Ok(hits.into_iter().cloned().collect())
    }

    /// A flow at a version, also when it was changed or deleted since; `None` when that version is no longer kept.
    pub(super) fn version(
        &mut self,
        tx: &Tx<'_>,
        flow: &str,
        version: i64,
    ) -> Result<Option<Compiled>, StoreError> {
        let key = (flow.to_owned(), version);
        if let Some(kept) = self.versions.get(&key) {
            return Ok(Some(kept.clone()));
        }
        let Some(body) = flows::version(tx, flow, version)? else {
            return Ok(None);
        };
        let Some(flow) = read(flow, &body) else {
            return Ok(None);
        };
        let compiled = Compiled {
            id: key.0.clone(),
            version,
            flow: Arc::new(flow),
            unstarted: Arc::default(),
        };
        if self.versions.len() >= VERSIONS {
            self.versions.clear();
        }
        self.versions.insert(key, compiled.clone());
        Ok(Some(compiled))
    }
}

impl Org {
    fn load(tx: &Tx<'_>, org: &str, stamp: i64) -> Result<Self, StoreError> {
        let mut loaded = Self {
            stamp,
            triggers: Matcher::new(),
        };
        for row in flows::enabled(tx, org)? {
            let Some(flow) = read(&row.id, &row.body) else {
                continue;
            };
            loaded.add(Arc::new(Compiled {
                id: row.id,
                version: row.version,
                flow: Arc::new(flow),
                unstarted: Arc::default(),
            }));
        }
        Ok(loaded)
    }

    fn add(&mut self, compiled: Arc<Compiled>) {
        for (index, trigger) in compiled.flow.triggers.iter().enumerate() {
            if !trigger.enabled {
                continue;
            }
            let hit = (Arc::clone(&compiled), index);
            match &trigger.listens {
                Listens::Names(names) => {
                    let patterns = names.iter().filter_map(|name| name.parse::<Pattern>().ok());
                    for pattern in patterns {
                        self.triggers.insert(&pattern, hit.clone());
                    }
                }
                Listens::Pattern(pattern) => self.triggers.insert(pattern, hit),
            }
        }
    }
}

/// A kept flow compiled when it was accepted; one that no longer does was written by another version of evt.
fn read(id: &str, body: &str) -> Option<Flow> {
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    match document::compile(&document) {
        Ok(flow) => Some(flow),
        Err(error) => {
            warn!(flow = id, %error, "A kept flow cannot be compiled and does not run.");
            None
        }
    }
}
