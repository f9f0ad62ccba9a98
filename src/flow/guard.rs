//! `when` and `conditions`: what must hold for a trigger to fire or a step to be taken.

use serde_json::Value;

use super::reader::{DocumentError, Node};
use crate::time::Timestamp;

/// Conditions that must all hold; an empty guard lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {}

impl Guard {
    /// Reads `when` and `conditions` of a flow, trigger or step.
    pub(super) fn compile(node: &Node<'_>) -> Result<Self, DocumentError> {
        for key in ["when", "conditions"] {
            if let Some(found) = node.get(key)
                && found.value.as_array().is_none_or(|list| !list.is_empty())
            {
                return Err(DocumentError::NotBuilt {
                    at: found.at,
                    name: key.to_owned(),
                    what: "conditions",
                    supported: vec!["config"],
                });
            }
        }
        Ok(Self::default())
    }

    /// Reads one `{field, operator, value, timeframe}`.
    pub(super) fn single(node: &Node<'_>) -> Result<Self, DocumentError> {
        Err(DocumentError::NotBuilt {
            at: node.at.clone(),
            name: "field".to_owned(),
            what: "conditions",
            supported: vec!["config"],
        })
    }

    pub(super) fn require(&mut self, other: Self) {
        self.parts.extend(other.parts);
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Judges a scope; `Err` has a finding for each condition that said no.
    pub(super) fn check(&self, scope: &Value, now: Timestamp) -> Result<(), Vec<Value>> {
        let _ = (scope, now);
        Ok(())
    }
}
