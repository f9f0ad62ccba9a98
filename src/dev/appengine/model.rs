//! BaseModels: the form of every record, its ids, and changes by dot paths.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::flow::RecordError;
use crate::time::Timestamp;

/// The states of a record, as named by AppEngine's model.
pub const STATES: [&str; 13] = [
    "draft",
    "new",
    "pending",
    "inprogress",
    "reviewed",
    "approved",
    "published",
    "completed",
    "hold",
    "rejected",
    "cancelled",
    "archived",
    "deleted",
];

/// The keys of a BaseModel, in the order of AppEngine's responses.
pub(super) const KEYS: [&str; 11] = [
    "pk",
    "sk",
    "name",
    "datatype",
    "data",
    "version",
    "state",
    "createdate",
    "modifydate",
    "author",
    "owner",
];
/// The keys that callers cannot set.
const FIXED: [&str; 6] = [
    "pk",
    "sk",
    "datatype",
    "version",
    "createdate",
    "modifydate",
];
/// The members of an owner.
const OWNER: [&str; 4] = ["id", "email", "name", "datatype"];
/// The keys that callers can set.
const OPEN: [&str; 5] = ["data", "name", "state", "author", "owner"];
/// Maximum nesting of a record. Envelopes add levels, and JSON parsers stop at 128.
const MAX_DEPTH: usize = 64;
/// Maximum size of a BaseModel in bytes, so that many small updates cannot grow a record without limit.
const MAX_BYTES: usize = 2 * 1024 * 1024;
const MAX_NAME: usize = 128;

/// A record to create.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub datatype: String,
    /// The id, if the caller chose one.
    pub sk: Option<String>,
    pub name: Option<String>,
    pub state: Option<String>,
    pub data: Map<String, Value>,
    pub author: Option<String>,
    /// Its id as a text, or an object of [`OWNER`].
    pub owner: Option<Value>,
}

/// Builds the BaseModel of a new record, with the keys in AppEngine's order.
///
/// # Errors
/// [`RecordError::Refused`] for invalid names and unknown states.
pub fn build(org: &str, draft: Draft, now: Timestamp) -> Result<Map<String, Value>, RecordError> {
    check_name("datatype", &draft.datatype)?;
    let sk = match draft.sk {
        Some(sk) => {
            check_name("sk", &sk)?;
            sk
        }
        None => format!("{}-{}", draft.datatype, Uuid::now_v7().simple()),
    };
    let state = draft.state.unwrap_or_else(|| "new".to_owned());
    check_state(&state)?;
    let now = now.to_string();
    let fields = [
        ("pk", Some(org.to_owned().into())),
        ("sk", Some(sk.into())),
        ("name", draft.name.map(Value::String)),
        ("datatype", Some(draft.datatype.into())),
        ("data", Some(Value::Object(draft.data))),
        ("version", Some(1.into())),
        ("state", Some(state.into())),
        ("createdate", Some(now.clone().into())),
        ("modifydate", Some(now.into())),
        ("author", draft.author.map(Value::String)),
        ("owner", draft.owner.map(owner).transpose()?),
    ];
    let known = fields.into_iter();
    Ok(known
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect())
}

/// The text of a model, checked against the limits of a record.
pub fn to_text(model: &Map<String, Value>) -> Result<String, RecordError> {
    if model.values().any(|value| depth(value) > MAX_DEPTH) {
        return Err(refused(format!(
            "a record has at most {MAX_DEPTH} levels of nesting"
        )));
    }
    let text = serde_json::to_string(model).map_err(|error| refused(error.to_string()))?;
    if text.len() > MAX_BYTES {
        return Err(refused(format!("a record has at most {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// The levels of nesting of a value.
pub(super) fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}

/// Sets `path` (dots between its parts) in a BaseModel.
///
/// A path that starts with `data`, `name`, `state`, `author` or `owner` starts at the model, any other path inside `data`.
/// A value for `data` itself must be an object; its fields are set one by one.
pub fn set_path(
    model: &mut Map<String, Value>,
    path: &str,
    value: Value,
) -> Result<(), RecordError> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    match (first, rest) {
        ("data", None) => {
            let Value::Object(fields) = value else {
                return Err(refused("`data` accepts an object"));
            };
            let data = model
                .entry("data")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(data) = data {
                data.extend(fields);
            }
            Ok(())
        }
        ("data", Some(rest)) => set_inside(model, rest, value),
        ("name" | "state" | "author" | "owner", None) => set_field(model, first, value),
        ("owner", Some(member)) => {
            let mut members = match model.get("owner") {
                Some(Value::Object(members)) => members.clone(),
                _ => Map::new(),
            };
            members.insert(member.to_owned(), value);
            set_field(model, "owner", members.into())
        }
        _ if FIXED.contains(&first) => Err(refused(format!("`{first}` is set by the platform"))),
        _ => set_inside(model, path, value),
    }
}

/// Sets a field of the model, and keeps the order of keys.
pub fn set_field(
    model: &mut Map<String, Value>,
    field: &str,
    value: Value,
) -> Result<(), RecordError> {
    let value = match (field, value) {
        ("owner", value) => owner(value)?,
        ("state", Value::String(state)) => {
            check_state(&state)?;
            state.into()
        }
        (_, Value::String(text)) => text.into(),
        _ => return Err(refused(format!("`{field}` accepts a string"))),
    };
    model.insert(field.to_owned(), value);
    for key in KEYS {
        if let Some(value) = model.shift_remove(key) {
            model.insert(key.to_owned(), value);
        }
    }
    Ok(())
}

/// Whether a path starts with a key of a BaseModel.
pub(super) fn starts_at_root(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    OPEN.contains(&first) || FIXED.contains(&first)
}

/// An owner as `{id, email, name, datatype}`. A text is an email or an id.
fn owner(value: Value) -> Result<Value, RecordError> {
    match value {
        Value::String(text) => {
            let member = if text.contains('@') { "email" } else { "id" };
            Ok(Map::from_iter([(member.to_owned(), text.into())]).into())
        }
        Value::Object(members) => {
            let is_known = |(name, value): (&String, &Value)| {
                OWNER.contains(&name.as_str()) && (value.is_string() || value.is_null())
            };
            if members.iter().all(is_known) {
                return Ok(members.into());
            }
            Err(refused(
                "`owner` accepts `id`, `email`, `name` and `datatype`, as strings",
            ))
        }
        _ => Err(refused("`owner` accepts an object or a string")),
    }
}

fn set_inside(model: &mut Map<String, Value>, path: &str, value: Value) -> Result<(), RecordError> {
    if path.split('.').any(str::is_empty) {
        return Err(refused(format!("`{path}` is not a path")));
    }
    if path.split('.').count() > MAX_DEPTH {
        return Err(refused(format!(
            "a record has at most {MAX_DEPTH} levels of nesting"
        )));
    }
    let mut at = model.entry("data").or_insert(Value::Null);
    for part in path.split('.') {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        at = match at {
            Value::Object(fields) => fields.entry(part).or_insert(Value::Null),
            Value::Array(items) => part
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
                .ok_or_else(|| refused(format!("the list at `{path}` has no item `{part}`")))?,
            _ => return Err(refused(format!("the value at `{path}` has no members"))),
        };
    }
    *at = value;
    Ok(())
}

/// The `sk`s that `id` may mean: itself, without the prefix `org/datatype/`, or with the prefix `datatype-`.
pub fn candidates(org: &str, datatype: &str, id: &str) -> Vec<String> {
    let bare = id
        .strip_prefix(org)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_prefix(datatype))
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(id);
    vec![bare.to_owned(), format!("{datatype}-{bare}")]
}

/// Refuses an unknown state.
pub fn check_state(state: &str) -> Result<(), RecordError> {
    if STATES.contains(&state) {
        return Ok(());
    }
    Err(refused(format!(
        "`{state}` is not a state: {}",
        STATES.join(", ")
    )))
}

/// Refuses names with other characters than those of a plain word.
pub fn check_name(what: &str, name: &str) -> Result<(), RecordError> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let starts = name
        .bytes()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric());
    if starts && name.len() <= MAX_NAME && name.bytes().all(plain) {
        return Ok(());
    }
    Err(refused(format!(
        "`{what}` accepts at most {MAX_NAME} letters, digits, `.`, `_` and `-`, and starts with a letter or digit"
    )))
}

fn refused(reason: impl Into<String>) -> RecordError {
    RecordError::Refused {
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model() -> Map<String, Value> {
        let draft = Draft {
            datatype: "contact".into(),
            data: json!({"email": "a@example.com", "tags": ["x"]})
                .as_object()
                .cloned()
                .unwrap(),
            owner: Some("user-dev".into()),
            ..Draft::default()
        };
        build("my-org", draft, Timestamp::from_millis(0)).unwrap()
    }

    fn set(path: &str, value: Value) -> Result<Value, RecordError> {
        let mut model = model();
        set_path(&mut model, path, value)?;
        Ok(Value::Object(model))
    }

    #[test]
    fn a_new_record_has_the_keys_in_the_platforms_order() {
        let keys: Vec<_> = model().keys().cloned().collect();
        let expected: Vec<_> = KEYS
            .into_iter()
            .filter(|key| !matches!(*key, "name" | "author"))
            .collect();
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_field_that_is_set_later_keeps_the_order_of_keys() {
        let model = set("name", "Ada".into()).unwrap();
        let keys: Vec<_> = model.as_object().unwrap().keys().take(4).cloned().collect();
        assert_eq!(keys, ["pk", "sk", "name", "datatype"]);
    }

    #[test]
    fn paths_start_at_the_model_or_inside_data() {
        for path in ["data.address.city", "address.city"] {
            let model = set(path, "Wien".into()).unwrap();
            assert_eq!(model.pointer("/data/address/city"), Some(&"Wien".into()));
        }
        let model = set("tags.0", "y".into()).unwrap();
        assert_eq!(model.pointer("/data/tags/0"), Some(&"y".into()));
    }

    #[test]
    fn data_is_merged_and_not_replaced() {
        let model = set("data", json!({"name": "Ada"})).unwrap();
        assert_eq!(model.pointer("/data/email"), Some(&"a@example.com".into()));
        assert_eq!(model.pointer("/data/name"), Some(&"Ada".into()));
    }

    #[test]
    fn fields_that_the_platform_sets_are_refused() {
        let paths = [
            "version",
            "sk",
            "modifydate.x",
            "email.x",
            "tags.7",
            "a..b",
            "",
        ];
        for path in paths {
            assert!(set(path, 1.into()).is_err(), "{path}");
        }
        assert!(set("state", "perhaps".into()).is_err());
    }

    #[test]
    fn a_record_cannot_exceed_the_maximum_nesting() {
        let mut model = model();
        let path = vec!["a"; MAX_DEPTH].join(".");
        set_path(&mut model, &path, json!({"b": {}})).unwrap();
        assert!(to_text(&model).is_err());
        assert!(set_path(&mut model, &"a.".repeat(100_000), Value::Null).is_err());
    }

    #[test]
    fn every_form_of_an_id_is_found() {
        for id in [
            "contact-abc",
            "abc",
            "my-org/contact/abc",
            "my-org/contact/contact-abc",
        ] {
            let found = candidates("my-org", "contact", id);
            assert!(found.iter().any(|sk| sk == "contact-abc"), "{id}");
        }
    }
}
