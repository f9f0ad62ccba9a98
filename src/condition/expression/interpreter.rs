//! Evaluates the parts of a condition that need the CEL interpreter.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::{Context, Env, ExecutionError, Value};

use super::estimate;
use crate::condition::budget::{Budget, of_text};
use crate::condition::scope::{Bound, Scope};
use crate::condition::{Answer, Failure};
use crate::time::Timestamp;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
/// The longest part of an interpreter's message that is used, in characters. Messages can contain whole values.
const MESSAGE: usize = 200;

/// Steps for converting one JSON value to a value of the interpreter.
const VALUE: u64 = 10;

/// The variables of one evaluation. Each is converted once, even if several parts name it.
pub(in crate::condition) struct Bindings {
    context: Context<'static, 'static>,
    values: BTreeMap<String, Value>,
}

impl Bindings {
    pub(in crate::condition) fn new() -> Self {
        Self {
            context: Context::with_env(Arc::clone(&ENV)),
            values: BTreeMap::new(),
        }
    }

    fn bind(
        &mut self,
        name: &str,
        scope: &Scope<'_>,
        now: Timestamp,
        budget: &Budget,
    ) -> Result<(), Failure> {
        if self.values.contains_key(name) {
            return Ok(());
        }
        let value = match scope.get(name) {
            Some(bound) => {
                if !budget.try_spend(weight(bound)) {
                    return Err(Failure::TooMuchWork);
                }
                value(bound).map_err(|error| Failure::Failed(error.to_string()))?
            }
            None if name == "now" => moment(now),
            None => return Ok(()),
        };
        self.context.add_variable_from_value(name, value.clone());
        self.values.insert(name.to_owned(), value);
        Ok(())
    }
}

/// An expression and the variables that it names.
#[derive(Debug)]
pub(in crate::condition) struct Program {
    expression: IdedExpr,
    variables: Vec<String>,
}

impl Program {
    pub(in crate::condition) fn new(expression: IdedExpr) -> Self {
        let variables = expression
            .references()
            .variables()
            .into_iter()
            .map(str::to_owned)
            .collect();
        Self {
            expression,
            variables,
        }
    }

    pub(in crate::condition) fn ask(
        &self,
        scope: &Scope<'_>,
        now: Timestamp,
        budget: &Budget,
        bindings: &mut Bindings,
    ) -> Answer {
        for name in &self.variables {
            bindings.bind(name, scope, now, budget)?;
        }
        let steps = estimate::steps(&self.expression, &bindings.values, budget.left());
        if !budget.try_spend(steps) {
            return Err(Failure::TooMuchWork);
        }
        match bindings.context.resolve(&self.expression) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(_) => Err(Failure::Failed("it is neither true nor false".to_owned())),
            Err(ExecutionError::NoSuchKey(key)) => {
                Err(Failure::Failed(format!("`{key}` is missing")))
            }
            Err(ExecutionError::UndeclaredReference(name)) => {
                Err(Failure::Failed(format!("there is no `{name}`")))
            }
            Err(error) => {
                let message = error.to_string();
                Err(Failure::Failed(message.chars().take(MESSAGE).collect()))
            }
        }
    }
}

/// The steps of [`value`].
fn weight(bound: &Bound<'_>) -> u64 {
    let (bytes, values) = match bound {
        Bound::Json(_) | Bound::Payload(_) => {
            let text = match bound {
                Bound::Payload(payload) => payload.whole().text(),
                Bound::Json(raw) => raw.text(),
                Bound::Text(_) | Bound::Headers(_) => "",
            };
            let text = text.as_bytes();
            let values = text.iter().filter(|byte| b",:[{".contains(byte)).count();
            (text.len(), values)
        }
        Bound::Text(text) => (text.len(), 1),
        Bound::Headers(headers) => {
            let bytes = headers
                .iter()
                .map(|(name, value)| name.as_str().len() + value.len());
            (bytes.sum(), headers.len())
        }
    };
    of_text(bytes) + VALUE * values as u64
}

fn moment(now: Timestamp) -> Value {
    chrono::DateTime::from_timestamp_millis(now.millis())
        .map_or(Value::Null, |time| Value::Timestamp(time.fixed_offset()))
}

fn value(bound: &Bound<'_>) -> Result<Value, serde_json::Error> {
    Ok(match bound {
        Bound::Json(raw) => convert(serde_json::from_str(raw.text())?),
        Bound::Payload(payload) => {
            let mut whole: serde_json::Value = serde_json::from_str(payload.whole().text())?;
            // A field wins over a member of the payload with the same name, as for paths.
            if payload.fields().is_some()
                && let Some(members) = whole.as_object_mut()
                && let Some(serde_json::Value::Object(fields)) = members.get("data").cloned()
            {
                members.extend(fields);
            }
            convert(whole)
        }
        Bound::Text(text) => Value::String(Arc::new(text.to_string())),
        Bound::Headers(headers) => {
            let map: HashMap<String, Value> = headers
                .iter()
                .map(|(name, value)| {
                    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), Value::String(Arc::new(text)))
                })
                .collect();
            Value::Map(map.into())
        }
    })
}

/// Recursive; the JSON parser limits the depth to 128 levels.
fn convert(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(whole)) => Value::UInt(whole),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(Arc::new(text)),
        serde_json::Value::Array(items) => {
            Value::List(Arc::new(items.into_iter().map(convert).collect()))
        }
        serde_json::Value::Object(members) => {
            let map: HashMap<String, Value> = members
                .into_iter()
                .map(|(name, value)| (name, convert(value)))
                .collect();
            Value::Map(map.into())
        }
    }
}
