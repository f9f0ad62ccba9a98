//! Cache of compiled flows: the triggers that match an event, and the versions that runs continue with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use serde_json::Value;
use tracing::warn;

use super::FlowError;
use super::document::{self, Flow};
use super::trigger::{Events, Trigger};
use crate::store::flows::{self, FlowRow};
use crate::store::runs::RunRow;
use crate::store::{StoreError, Tx};
use crate::topic::{Matcher, Pattern};

/// Number of compiled versions in the cache.
const MAX_VERSIONS: usize = 1_000;

/// A compiled version of a flow.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) flow: Arc<Flow>,
    /// Counts the flow's runs that did not start, because old ones are deleted from time to time.
    pub(super) unstarted: Arc<AtomicU32>,
}

/// A flow and the index of the trigger that matched.
pub(super) type Match = (Arc<Compiled>, usize);

impl Compiled {
    pub(super) fn of(row: &FlowRow) -> Result<Self, FlowError> {
        let document: Value = serde_json::from_str(&row.body).unwrap_or_default();
        Ok(Self {
            id: row.id.clone(),
            version: row.version,
            flow: Arc::new(document::compile(&document)?),
            unstarted: Arc::default(),
        })
    }

    /// The trigger that started a run; `None` for a run that was started by hand, and if the flow has lost that trigger.
    pub(super) fn trigger_of(&self, run: &RunRow) -> Option<&Trigger> {
        let id = run.trigger_id.as_deref()?;
        self.flow.triggers.iter().find(|trigger| trigger.id == id)
    }
}

#[derive(Default)]
pub(super) struct Index {
    orgs: HashMap<String, Org>,
    versions: HashMap<(String, i64), Compiled>,
}

/// The enabled flows of one organisation.
struct Org {
    /// The organisation's flows were loaded at this stamp. It changes with every change of a flow.
    stamp: i64,
    triggers: Matcher<Match>,
}

impl Index {
    /// Returns the triggers that an event matches. Compiles the organisation's flows again if one has changed.
    pub(super) fn matching(
        &mut self,
        tx: &Tx<'_>,
        org: &str,
        kind: &str,
    ) -> Result<Vec<Match>, StoreError> {
        let stamp = flows::stamp(tx, org)?;
        if stamp == 0 {
            return Ok(Vec::new());
        }
        if self
            .orgs
            .get(org)
            .is_none_or(|loaded| loaded.stamp != stamp)
        {
            let loaded = Org::load(tx, org, stamp)?;
            self.orgs.insert(org.to_owned(), loaded);
        }
        let matches = self.orgs[org].triggers.find(kind);
        Ok(matches.into_iter().cloned().collect())
    }

    /// Returns a version of a flow, even if the flow has been changed or deleted since; `None` if that version is not stored any more.
    pub(super) fn version(
        &mut self,
        tx: &Tx<'_>,
        flow: &str,
        version: i64,
    ) -> Result<Option<Compiled>, StoreError> {
        let key = (flow.to_owned(), version);
        if let Some(cached) = self.versions.get(&key) {
            return Ok(Some(cached.clone()));
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
        if self.versions.len() >= MAX_VERSIONS {
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
            let entry = (Arc::clone(&compiled), index);
            match &trigger.events {
                Events::Names(names) => {
                    let patterns = names.iter().filter_map(|name| name.parse::<Pattern>().ok());
                    for pattern in patterns {
                        self.triggers.insert(&pattern, entry.clone());
                    }
                }
                Events::Pattern(pattern) => self.triggers.insert(pattern, entry),
            }
        }
    }
}

/// Compiles a stored flow. It compiled when it was accepted, so a failure means that another version of evt wrote it.
fn read(id: &str, body: &str) -> Option<Flow> {
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    match document::compile(&document) {
        Ok(flow) => Some(flow),
        Err(error) => {
            warn!(flow = id, %error, "A stored flow cannot be compiled and does not run.");
            None
        }
    }
}
