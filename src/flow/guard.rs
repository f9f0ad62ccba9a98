//! `when` and `conditions`: the conditions of a trigger or step.

use std::sync::Arc;

use serde_json::Value;

use super::reader::{DocumentError, Node};
use crate::condition::{Condition, ConditionError, Finding, Scope};
use crate::time::Timestamp;

/// Conditions that must all hold. An empty guard always holds.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    parts: Vec<Arc<Condition>>,
}

impl Guard {
    /// Compiles `when` (CEL) and `conditions` (a list of `{field, operator, value, timeframe}`) of a flow, trigger or step.
    pub(super) fn compile(node: &Node<'_>) -> Result<Self, DocumentError> {
        let mut guard = Self::default();
        if let Some(when) = node.get("when") {
            guard.add(&when, Condition::parse_cel(when.text()?))?;
        }
        if let Some(conditions) = node.get("conditions") {
            for condition in conditions.items(MAX_CONDITIONS)? {
                guard.require(Self::single(&condition)?);
            }
        }
        Ok(guard)
    }

    /// Compiles one `{field, operator, value, timeframe}`. Other fields of the node are ignored.
    pub(super) fn single(node: &Node<'_>) -> Result<Self, DocumentError> {
        let mut guard = Self::default();
        let mut fields = node.fields()?.clone();
        fields.retain(|name, _| FIELDS.contains(&name.as_str()));
        guard.add(node, Condition::parse_operators(&Value::Object(fields)))?;
        Ok(guard)
    }

    fn add(
        &mut self,
        node: &Node<'_>,
        condition: Result<Condition, ConditionError>,
    ) -> Result<(), DocumentError> {
        let condition = condition.map_err(|source| DocumentError::Condition {
            at: node.at.clone(),
            source: Box::new(source),
        })?;
        self.parts.push(Arc::new(condition));
        Ok(())
    }

    /// Adds the conditions of another guard.
    pub(super) fn require(&mut self, other: Self) {
        self.parts.extend(other.parts);
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Evaluates the conditions on the variables in `scope`. `Err` explains each condition with the values that it saw.
    pub(super) fn check(&self, scope: &Value, now: Timestamp) -> Result<(), Finding> {
        let texts = self.texts(scope);
        let variables = variables(&texts);
        if self.parts.iter().all(|part| part.holds(&variables, now)) {
            return Ok(());
        }
        let mut parts = self.explain(scope, now);
        Err(match parts.pop() {
            Some(one) if parts.is_empty() => one,
            last => {
                parts.extend(last);
                Finding::tree("all of", false, parts)
            }
        })
    }

    /// Explains each condition with the values that it saw, whether it holds or not.
    pub(super) fn explain(&self, scope: &Value, now: Timestamp) -> Vec<Finding> {
        let texts = self.texts(scope);
        let variables = variables(&texts);
        self.parts
            .iter()
            .map(|part| part.explain(&variables, now))
            .collect()
    }

    /// The variables that the conditions mention, as JSON text. Always includes `data`, because bare field names refer to it.
    fn texts<'a>(&self, scope: &'a Value) -> Vec<(&'a str, String)> {
        let Some(scope) = scope.as_object() else {
            return Vec::new();
        };
        scope
            .iter()
            .filter(|(name, _)| {
                *name == "data" || self.parts.iter().any(|part| part.mentions(name))
            })
            .map(|(name, value)| (name.as_str(), value.to_string()))
            .collect()
    }
}

fn variables<'a>(texts: &'a [(&'a str, String)]) -> Scope<'a> {
    texts
        .iter()
        .fold(Scope::new(), |scope, (name, text)| scope.json(name, text))
}

/// Largest number of conditions of a flow, trigger or step.
const MAX_CONDITIONS: usize = 100;
const FIELDS: [&str; 4] = ["field", "operator", "value", "timeframe"];
