//! The stages of a pipeline.

use serde_json::{Map, Value, json};

use super::expression::Expression;
use super::group::Group;
use super::{Documents, MAX_DEPTH, refused, too_deep, unknown};
use crate::condition::mongo::Filter;
use crate::dev::appengine::query;
use crate::dev::host::refusal::Refusal;
use crate::json::kind_of;
use crate::store::records::Direction;

const STAGES: [&str; 8] = [
    "$match", "$group", "$sort", "$limit", "$skip", "$project", "$unwind", "$count",
];
/// Maximum number of keys of a sort.
const MAX_SORT_KEYS: usize = 8;

pub(super) enum Stage {
    Match(Filter),
    Group(Group),
    Sort(Vec<(String, Direction)>),
    Limit(usize),
    Skip(usize),
    Keep(Vec<(String, Field)>),
    Remove(Vec<String>),
    Unwind { path: String, keeps_empty: bool },
    Count(String),
}

/// A field of a `$project`.
pub(super) enum Field {
    Same,
    Computed(Expression),
}

impl Stage {
    pub(super) fn parse(stage: &Value) -> Result<Self, Refusal> {
        let members = stage.as_object().filter(|stage| stage.len() == 1);
        let Some((name, value)) = members.and_then(|stage| stage.iter().next()) else {
            return Err(refused(format!(
                "a stage is an object with one member, such as `{{\"$limit\": 10}}`, not {}",
                kind_of(stage)
            )));
        };
        match name.as_str() {
            "$match" => match Filter::parse(value) {
                Ok(filter) => Ok(Self::Match(filter)),
                Err(error) => Err(Refusal::bad_request("bad_query", error.to_string())),
            },
            "$group" => Group::parse(value).map(Self::Group),
            "$sort" => sort(value),
            "$limit" => number(name, value).map(Self::Limit),
            "$skip" => number(name, value).map(Self::Skip),
            "$project" => project(value),
            "$unwind" => unwind(value),
            "$count" => match value.as_str().filter(|name| !name.is_empty()) {
                Some(name) => Ok(Self::Count(name.to_owned())),
                None => Err(refused("`$count` accepts the name of a field")),
            },
            _ => Err(unknown("a supported stage", name, &STAGES)),
        }
    }

    pub(super) fn run(&self, mut list: Vec<Value>) -> Result<Vec<Value>, Refusal> {
        match self {
            Self::Match(filter) => list.retain(|document| filter.matches(document)),
            Self::Group(group) => return each(group.run(list)?, Some),
            Self::Sort(keys) => {
                list.sort_by(|a, b| {
                    let compared = keys.iter().map(|(path, direction)| {
                        let order = query::compare(at(a, path), at(b, path));
                        match direction {
                            Direction::Ascending => order,
                            Direction::Descending => order.reverse(),
                        }
                    });
                    compared.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
                });
            }
            Self::Limit(count) => list.truncate(*count),
            Self::Skip(count) => drop(list.drain(..list.len().min(*count))),
            Self::Keep(fields) => return each(list, |document| Some(keep(&document, fields))),
            Self::Remove(paths) => {
                for document in &mut list {
                    paths.iter().for_each(|path| remove(document, path));
                }
            }
            Self::Unwind { path, keeps_empty } => return unwound(list, path, *keeps_empty),
            Self::Count(_) if list.is_empty() => {}
            Self::Count(name) => list = vec![json!({ name: list.len() })],
        }
        Ok(list)
    }
}

/// The value at a path; `null` if there is none.
fn at<'a>(document: &'a Value, path: &str) -> &'a Value {
    query::at(document, path).unwrap_or(&Value::Null)
}

/// Converts each document, within the limits.
fn each(list: Vec<Value>, convert: impl Fn(Value) -> Option<Value>) -> Result<Vec<Value>, Refusal> {
    let mut documents = Documents::default();
    for document in list.into_iter().filter_map(convert) {
        documents.push(document)?;
    }
    Ok(documents.list)
}

fn sort(value: &Value) -> Result<Stage, Refusal> {
    let keys = value
        .as_object()
        .filter(|keys| (1..=MAX_SORT_KEYS).contains(&keys.len()));
    let keys = keys.and_then(|keys| {
        let key = |(path, direction): (&String, &Value)| match direction.as_i64() {
            Some(1) => Some((path.clone(), Direction::Ascending)),
            Some(-1) => Some((path.clone(), Direction::Descending)),
            _ => None,
        };
        keys.iter().map(key).collect::<Option<_>>()
    });
    keys.map(Stage::Sort).ok_or_else(|| {
        refused(format!(
            "`$sort` accepts 1 to {MAX_SORT_KEYS} paths, each with 1 or -1"
        ))
    })
}

fn number(name: &str, value: &Value) -> Result<usize, Refusal> {
    let number = value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| refused(format!("`{name}` accepts a whole number from 0")))
}

fn project(value: &Value) -> Result<Stage, Refusal> {
    let Some(fields) = value.as_object().filter(|fields| !fields.is_empty()) else {
        return Err(refused("`$project` accepts an object of fields"));
    };
    let is_off = |value: &Value| value == &json!(0) || value == &json!(false);
    if fields.values().all(is_off) {
        return Ok(Stage::Remove(fields.keys().cloned().collect()));
    }
    let mut kept = Vec::new();
    for (path, value) in fields {
        if path.split('.').count() > MAX_DEPTH {
            return Err(too_deep());
        }
        let field = match value {
            // `_id` can be left out next to fields that are kept.
            _ if is_off(value) && path == "_id" => continue,
            _ if is_off(value) => {
                return Err(refused(format!(
                    "`$project` either keeps or removes fields: `{path}` cannot be 0 here"
                )));
            }
            Value::Number(_) | Value::Bool(_) => Field::Same,
            _ => Field::Computed(Expression::parse(value)?),
        };
        kept.push((path.clone(), field));
    }
    Ok(Stage::Keep(kept))
}

fn keep(document: &Value, fields: &[(String, Field)]) -> Value {
    let mut kept = Value::Object(Map::new());
    for (path, field) in fields {
        let value = match field {
            Field::Same => query::at(document, path).cloned(),
            Field::Computed(expression) => expression.of(document),
        };
        if let Some(value) = value {
            put(&mut kept, path, value);
        }
    }
    kept
}

/// Sets the value at a path, with the objects that lead to it.
fn put(document: &mut Value, path: &str, value: Value) {
    let mut at = document;
    for part in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(members) = at else { return };
        at = members.entry(part).or_insert(Value::Null);
    }
    *at = value;
}

fn remove(document: &mut Value, path: &str) {
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = document;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        match at.get_mut(part) {
            Some(inner) => at = inner,
            None => return,
        }
    }
    if let Value::Object(members) = at {
        members.shift_remove(name);
    }
}

fn unwind(value: &Value) -> Result<Stage, Refusal> {
    let path = value.get("path").unwrap_or(value).as_str();
    let Some(path) = path.and_then(|path| path.strip_prefix('$')) else {
        return Err(refused("`$unwind` accepts a path such as `$data.tags`"));
    };
    let keeps_empty = value.get("preserveNullAndEmptyArrays");
    Ok(Stage::Unwind {
        path: path.to_owned(),
        keeps_empty: keeps_empty.and_then(Value::as_bool).unwrap_or_default(),
    })
}

fn unwound(list: Vec<Value>, path: &str, keeps_empty: bool) -> Result<Vec<Value>, Refusal> {
    let mut documents = Documents::default();
    for document in list {
        match query::at(&document, path) {
            Some(Value::Array(items)) if !items.is_empty() => {
                let mut rest = document.clone();
                remove(&mut rest, path);
                for item in items {
                    let mut copy = rest.clone();
                    put(&mut copy, path, item.clone());
                    documents.push(copy)?;
                }
            }
            None | Some(Value::Null | Value::Array(_)) if !keeps_empty => {}
            _ => documents.push(document)?,
        }
    }
    Ok(documents.list)
}
