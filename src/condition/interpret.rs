//! The parts of a condition that only the CEL interpreter can answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::{Context, Env, ExecutionError, Value};

use super::scope::{Bound, Scope};
use super::work::{Work, of_text};
use super::{Answer, Note, estimate};
use crate::time::Timestamp;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
/// Characters of the interpreter's complaint that are kept: it repeats whole values.
const COMPLAINT: usize = 200;

/// Steps to hold one value of a JSON text in the interpreter's way.
const VALUE: u64 = 10;

/// What the interpreter has been told so far in one evaluation: each variable once, however many parts look at it.
pub(super) struct Told {
    context: Context<'static, 'static>,
    values: BTreeMap<String, Value>,
}

impl Told {
    pub(super) fn new() -> Self {
        Self {
            context: Context::with_env(Arc::clone(&ENV)),
            values: BTreeMap::new(),
        }
    }

    fn tell(
        &mut self,
        name: &str,
        scope: &Scope<'_>,
        now: Timestamp,
        work: &Work,
    ) -> Result<(), Note> {
        if self.values.contains_key(name) {
            return Ok(());
        }
        let value = match scope.get(name) {
            Some(bound) => {
                if !work.try_spend(weight(bound)) {
                    return Err(Note::TooMuchWork);
                }
                value(bound).map_err(|error| Note::Failed(error.to_string()))?
            }
            None if name == "now" => moment(now),
            None => return Ok(()),
        };
        self.context.add_variable_from_value(name, value.clone());
        self.values.insert(name.to_owned(), value);
        Ok(())
    }
}

/// One expression and the variables that it names.
#[derive(Debug)]
pub(super) struct Program {
    expression: IdedExpr,
    variables: Vec<String>,
}

impl Program {
    pub(super) fn new(expression: IdedExpr) -> Self {
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

    pub(super) fn ask(
        &self,
        scope: &Scope<'_>,
        now: Timestamp,
        work: &Work,
        told: &mut Told,
    ) -> Answer {
        for name in &self.variables {
            told.tell(name, scope, now, work)?;
        }
        let steps = estimate::steps(&self.expression, &told.values, work.left());
        if !work.try_spend(steps) {
            return Err(Note::TooMuchWork);
        }
        match told.context.resolve(&self.expression) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(_) => Err(Note::Failed("it is neither true nor false".to_owned())),
            Err(ExecutionError::NoSuchKey(key)) => {
                Err(Note::Failed(format!("`{key}` is not there")))
            }
            Err(ExecutionError::UndeclaredReference(name)) => {
                Err(Note::Failed(format!("there is no `{name}`")))
            }
            Err(error) => {
                let complaint = error.to_string();
                Err(Note::Failed(complaint.chars().take(COMPLAINT).collect()))
            }
        }
    }
}

/// The work of [`value`], before it is done.
fn weight(bound: &Bound<'_>) -> u64 {
    let (bytes, values) = match bound {
        Bound::Json(raw) => {
            let text = raw.text().as_bytes();
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

/// Recursion is as deep as the JSON, which its parser limits to 128 levels.
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
