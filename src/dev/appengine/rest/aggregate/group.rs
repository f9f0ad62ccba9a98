//! `$group` and its accumulators.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::expression::Expression;
use super::{Documents, OVERHEAD, refused, size, unknown};
use crate::dev::appengine::query;
use crate::dev::host::refusal::Refusal;
use crate::json::kind_of;

const ACCUMULATORS: [&str; 8] = [
    "$sum",
    "$avg",
    "$min",
    "$max",
    "$first",
    "$last",
    "$push",
    "$addToSet",
];
/// Maximum number of fields of a group.
const MAX_FIELDS: usize = 64;

pub(super) struct Group {
    id: Expression,
    fields: Vec<(String, &'static str, Expression)>,
}

/// The intermediate result of an accumulator.
enum Total {
    Sum(Sum),
    Average(Sum, u64),
    /// The least value, or the greatest one.
    Extreme(Option<Value>, Ordering),
    First(Option<Value>),
    Last(Value),
    List(Vec<Value>),
    Set(Vec<Value>, HashSet<String>),
}

impl Group {
    pub(super) fn parse(value: &Value) -> Result<Self, Refusal> {
        let Some(members) = value
            .as_object()
            .filter(|members| members.contains_key("_id"))
        else {
            return Err(refused("`$group` accepts an object with `_id`"));
        };
        if members.len() > MAX_FIELDS {
            return Err(refused(format!(
                "`$group` accepts at most {MAX_FIELDS} fields"
            )));
        }
        let mut fields = Vec::new();
        for (name, value) in members.iter().filter(|(name, _)| *name != "_id") {
            let accumulator = value.as_object().filter(|value| value.len() == 1);
            let Some((operator, value)) = accumulator.and_then(|value| value.iter().next()) else {
                return Err(refused(format!(
                    "`{name}` accepts one accumulator, such as `{{\"$sum\": 1}}`, not {}",
                    kind_of(value)
                )));
            };
            let known = ACCUMULATORS.iter().find(|known| *known == operator);
            let operator =
                known.ok_or_else(|| unknown("an accumulator", operator, &ACCUMULATORS))?;
            fields.push((name.clone(), *operator, Expression::parse(value)?));
        }
        Ok(Self {
            id: Expression::parse(&members["_id"])?,
            fields,
        })
    }

    /// The groups, in the order of their first documents.
    pub(super) fn run(&self, list: Vec<Value>) -> Result<Vec<Value>, Refusal> {
        let mut groups: Vec<(Value, Vec<Total>)> = Vec::new();
        let mut positions: HashMap<String, usize> = HashMap::new();
        let mut held = Documents::default();
        for document in list {
            let id = self.id.of(&document).unwrap_or_default();
            let key = id.to_string();
            let at = match positions.get(&key) {
                Some(at) => *at,
                None => {
                    held.charge(2 * (key.len() + size(&id)) + OVERHEAD * self.fields.len())?;
                    let totals = self
                        .fields
                        .iter()
                        .map(|(_, operator, _)| Total::new(operator));
                    groups.push((id, totals.collect()));
                    positions.insert(key, groups.len() - 1);
                    groups.len() - 1
                }
            };
            for ((_, _, expression), total) in self.fields.iter().zip(&mut groups[at].1) {
                held.charge(total.add(expression.of(&document)))?;
            }
        }
        let finish = |(id, totals): (Value, Vec<Total>)| {
            let names = self.fields.iter().map(|(name, _, _)| name.clone());
            let fields = names.zip(totals.into_iter().map(Total::finish));
            let id = std::iter::once(("_id".to_owned(), id));
            Value::Object(id.chain(fields).collect::<Map<_, _>>())
        };
        Ok(groups.into_iter().map(finish).collect())
    }
}

impl Total {
    fn new(operator: &str) -> Self {
        match operator {
            "$sum" => Self::Sum(Sum::default()),
            "$avg" => Self::Average(Sum::default(), 0),
            "$min" => Self::Extreme(None, Ordering::Less),
            "$max" => Self::Extreme(None, Ordering::Greater),
            "$first" => Self::First(None),
            "$last" => Self::Last(Value::Null),
            "$push" => Self::List(Vec::new()),
            _ => Self::Set(Vec::new(), HashSet::new()),
        }
    }

    /// Adds the value of a document. Returns the memory that this needs.
    fn add(&mut self, value: Option<Value>) -> usize {
        match (self, value) {
            (Self::Sum(sum), Some(value)) => {
                sum.add(&value);
            }
            (Self::Average(sum, count), Some(value)) => *count += u64::from(sum.add(&value)),
            (Self::Extreme(best, wanted), Some(value)) if !value.is_null() => {
                let is_better = |best: &Value| query::compare(&value, best) == *wanted;
                if best.as_ref().is_none_or(is_better) {
                    let bytes = size(&value);
                    *best = Some(value);
                    return bytes;
                }
            }
            (Self::First(first @ None), value) => {
                let value = first.insert(value.unwrap_or_default());
                return size(value);
            }
            (Self::Last(last), value) => {
                *last = value.unwrap_or_default();
                return 0;
            }
            (Self::List(list), Some(value)) => {
                let bytes = size(&value);
                list.push(value);
                return bytes;
            }
            (Self::Set(list, known), Some(value)) => {
                let text = value.to_string();
                let bytes = size(&value) + text.len() + OVERHEAD;
                if known.insert(text) {
                    list.push(value);
                    return bytes;
                }
            }
            _ => {}
        }
        0
    }

    fn finish(self) -> Value {
        match self {
            Self::Sum(sum) => sum.value(),
            Self::Average(_, 0) => Value::Null,
            Self::Average(sum, count) => (sum.float() / count as f64).into(),
            Self::Extreme(value, _) | Self::First(value) => value.unwrap_or_default(),
            Self::Last(value) => value,
            Self::List(list) | Self::Set(list, _) => list.into(),
        }
    }
}

/// A sum that stays an integer while it fits.
#[derive(Default)]
struct Sum {
    whole: i64,
    rest: f64,
    is_float: bool,
}

impl Sum {
    /// Adds a number; returns whether the value is one.
    fn add(&mut self, value: &Value) -> bool {
        let sum = value
            .as_i64()
            .and_then(|number| self.whole.checked_add(number));
        match (sum, value.as_f64()) {
            (Some(sum), _) => self.whole = sum,
            (None, Some(number)) => {
                self.rest += number;
                self.is_float = true;
            }
            (None, None) => return false,
        }
        true
    }

    fn float(&self) -> f64 {
        self.whole as f64 + self.rest
    }

    fn value(&self) -> Value {
        if self.is_float {
            self.float().into()
        } else {
            self.whole.into()
        }
    }
}
