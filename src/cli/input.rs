//! Input other than flags: `path=value` arguments, and documents from a file or stdin.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::bom;
use crate::explain::{Explain, Explanation};
use crate::files;
use crate::grammar::GrammarError;
use crate::json;

/// The maximum size of a document in bytes. A larger file is probably not the intended one.
const LIMIT: u64 = 64 * 1024 * 1024;

/// Why an input cannot be used.
#[derive(Debug, Error)]
pub(crate) enum InputError {
    #[error("cannot read {name}")]
    Read {
        name: String,
        source: std::io::Error,
    },
    #[error("{name} is larger than {} MiB", LIMIT / (1024 * 1024))]
    TooLarge { name: String },
    #[error("{name} is not JSON")]
    Json {
        name: String,
        source: serde_json::Error,
    },
    #[error("{name} is not YAML: {reason}")]
    Yaml { name: String, reason: String },
    #[error("{name} is {found}, not an object")]
    NoObject { name: String, found: &'static str },
    #[error("{name} is empty")]
    Empty { name: String },
    #[error("`{path}` is set both to a value and to an object with other fields")]
    Conflict { path: String },
    #[error("`{path}` is set twice")]
    Twice { path: String },
}

impl Explain for InputError {
    fn explain(&self) -> Explanation {
        let example = "echo '{\"email\":\"ada@example.com\"}' | evt records create contact -f -";
        match self {
            Self::Read { .. } => {
                Explanation::usage("unreadable_input").hint("ls -l     shows what is there")
            }
            Self::TooLarge { .. } => {
                Explanation::usage("input_too_large").hint("split it into several files")
            }
            Self::Json { .. } | Self::NoObject { .. } => {
                Explanation::usage("bad_input").hint(example)
            }
            Self::Yaml { .. } => Explanation::usage("bad_input")
                .hint("indent with spaces, and quote text that holds `: ` or begins with { or ["),
            Self::Empty { .. } => Explanation::usage("empty_input").hint(example),
            Self::Twice { path } => Explanation::usage("field_twice")
                .hint(format!("for a list: {path}:='[\"a\",\"b\"]'")),
            Self::Conflict { path } => {
                Explanation::usage("field_conflict").hint(format!("give {path} once"))
            }
        }
    }
}

/// `path=text` or `path:=json`. A dot in the path separates the names of nested objects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) path: String,
    pub(crate) value: Value,
}

impl FromStr for Field {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |at: Option<usize>| GrammarError {
            input: text.to_owned(),
            expected: "a field such as `email=ada@example.com` or `tags:='[\"vip\"]'`",
            at,
        };
        let equals = text.find('=').ok_or_else(|| bad(None))?;
        let (name, is_json) = match text[..equals].strip_suffix(':') {
            Some(name) => (name, true),
            None => (&text[..equals], false),
        };
        if name.split('.').any(str::is_empty) {
            return Err(bad(Some(0)));
        }
        let rest = &text[equals + 1..];
        let value = if is_json {
            serde_json::from_str(rest).map_err(|error| {
                let before = text[..=equals].chars().count();
                bad(Some(before + error.column().saturating_sub(1)))
            })?
        } else {
            Value::String(rest.to_owned())
        };
        Ok(Self {
            path: name.to_owned(),
            value,
        })
    }
}

/// Sets the fields at their paths in the object `base`, or in a new one if it is null.
pub(crate) fn nested(base: Value, fields: &[Field]) -> Result<Value, InputError> {
    each_once(fields)?;
    let mut root = match base {
        Value::Null => Value::Object(Map::new()),
        base => base,
    };
    for field in fields {
        let mut target = &mut root;
        for name in field.path.split('.') {
            let conflict = || InputError::Conflict {
                path: field.path.clone(),
            };
            if target.is_null() {
                *target = Value::Object(Map::new());
            }
            target = target
                .as_object_mut()
                .ok_or_else(conflict)?
                .entry(name)
                .or_insert(Value::Null);
        }
        *target = field.value.clone();
    }
    Ok(root)
}

/// An object with the paths as its keys: the form in which the platform accepts partial updates.
pub(crate) fn flat(fields: &[Field]) -> Result<Map<String, Value>, InputError> {
    each_once(fields)?;
    let pair = |field: &Field| (field.path.clone(), field.value.clone());
    Ok(fields.iter().map(pair).collect())
}

/// Checks that no field is set twice: only one of the values would be used.
fn each_once(fields: &[Field]) -> Result<(), InputError> {
    for (at, field) in fields.iter().enumerate() {
        if fields[..at].iter().any(|before| before.path == field.path) {
            let path = field.path.clone();
            return Err(InputError::Twice { path });
        }
    }
    Ok(())
}

impl Field {
    /// `total:=500` for `total=500`, whose value is text although it looks like a number or another JSON value.
    pub(crate) fn as_json(&self) -> Option<String> {
        let text = self.value.as_str()?;
        let value: Value = serde_json::from_str(text).ok()?;
        let is_scalar = value.is_number() || value.is_boolean() || value.is_null();
        is_scalar.then(|| format!("{}:={text}", self.path))
    }
}

/// A file, or stdin for `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source(PathBuf);

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(PathBuf::from(text)))
    }
}

impl Source {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn is_stdin(&self) -> bool {
        self.0.as_os_str() == "-"
    }

    /// The name for messages.
    pub(crate) fn name(&self) -> String {
        if self.is_stdin() {
            "stdin".to_owned()
        } else {
            format!("`{}`", self.0.display())
        }
    }

    /// Reads the whole input as text: without a byte order mark, and UTF-16 with a mark as UTF-8.
    pub(crate) fn read(&self) -> Result<Vec<u8>, InputError> {
        bom::decode(self.read_exact()?).map_err(|source| InputError::Read {
            name: self.name(),
            source,
        })
    }

    /// Reads the whole input byte for byte, up to a limit.
    pub(crate) fn read_exact(&self) -> Result<Vec<u8>, InputError> {
        let mut bytes = Vec::new();
        let read = if self.is_stdin() {
            std::io::stdin()
                .lock()
                .take(LIMIT + 1)
                .read_to_end(&mut bytes)
        } else {
            files::open(&self.0).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        };
        read.map_err(|source| InputError::Read {
            name: self.name(),
            source,
        })?;
        if bytes.len() as u64 > LIMIT {
            return Err(InputError::TooLarge { name: self.name() });
        }
        Ok(bytes)
    }

    /// Reads JSON objects: a single one, a sequence, or an array. Their text is unchanged.
    pub(crate) fn objects(&self) -> Result<Vec<Box<RawValue>>, InputError> {
        objects(&self.read()?, &self.name())
    }

    /// Reads one YAML or JSON object.
    pub(crate) fn document(&self) -> Result<Value, InputError> {
        document(&self.read()?, &self.name())
    }
}

/// Returns a body from a file, and whether its byte order mark was removed.
///
/// JSON that is sent must not begin with a mark (RFC 8259, section 8.1). Any other body stays as it is.
pub(crate) fn body(bytes: Vec<u8>) -> (Vec<u8>, bool) {
    match bom::decode(bytes.clone()) {
        Ok(text) if text.len() != bytes.len() && json::is_json(&text) => (text, true),
        _ => (bytes, false),
    }
}

/// JSON is also YAML, but the JSON parser gives better errors and preserves long numbers.
fn document(bytes: &[u8], name: &str) -> Result<Value, InputError> {
    let name = || name.to_owned();
    let value = if bytes.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(bytes).map_err(|source| InputError::Json {
            name: name(),
            source,
        })?
    } else {
        serde_saphyr::from_slice(bytes).map_err(|error| {
            let reason = error.without_snippet().to_string();
            InputError::Yaml {
                name: name(),
                reason: reason.lines().next().unwrap_or_default().to_owned(),
            }
        })?
    };
    match value {
        Value::Object(_) => Ok(value),
        Value::Null => Err(InputError::Empty { name: name() }),
        other => Err(InputError::NoObject {
            name: name(),
            found: json::kind_of(&other),
        }),
    }
}

fn objects(bytes: &[u8], name: &str) -> Result<Vec<Box<RawValue>>, InputError> {
    let wrong = |source| InputError::Json {
        name: name.to_owned(),
        source,
    };
    let mut all: Vec<Box<RawValue>> = Vec::new();
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Box<RawValue>>() {
        let value = value.map_err(wrong)?;
        if value.get().starts_with('[') {
            all.extend(serde_json::from_str::<Vec<Box<RawValue>>>(value.get()).map_err(wrong)?);
        } else {
            all.push(value);
        }
    }
    if let Some(other) = all.iter().find(|value| !value.get().starts_with('{')) {
        return Err(InputError::NoObject {
            name: name.to_owned(),
            found: json::Raw::new(other.get())
                .kind()
                .map_or("nothing", json::Kind::in_words),
        });
    }
    if all.is_empty() {
        return Err(InputError::Empty {
            name: name.to_owned(),
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(text: &str) -> Field {
        text.parse().unwrap()
    }

    #[test]
    fn a_field_is_text_unless_it_is_marked_as_json() {
        assert_eq!(field("a=1").value, json!("1"));
        assert_eq!(field("a:=1").value, json!(1));
        assert_eq!(field("a=b=c").value, json!("b=c"));
        assert_eq!(field("url=http://x/?a:=1").value, json!("http://x/?a:=1"));
    }

    #[test]
    fn an_invalid_field_has_the_position_of_the_mistake() {
        assert_eq!("email".parse::<Field>().unwrap_err().at, None);
        assert_eq!("=x".parse::<Field>().unwrap_err().at, Some(0));
        assert_eq!("a..b=x".parse::<Field>().unwrap_err().at, Some(0));
        assert_eq!("tags:=[1,".parse::<Field>().unwrap_err().at, Some(8));
    }

    #[test]
    fn a_document_is_one_yaml_or_json_object() {
        let read = |text: &str| document(text.as_bytes(), "x");
        assert_eq!(read("a: 1").unwrap(), json!({"a": 1}));
        assert_eq!(read(" {\"a\": 1}").unwrap(), json!({"a": 1}));
        assert!(matches!(read("a: ["), Err(InputError::Yaml { .. })));
        assert!(matches!(read("{\"a\""), Err(InputError::Json { .. })));
        assert!(matches!(read("[1]"), Err(InputError::NoObject { .. })));
        assert!(matches!(
            read("# only a comment"),
            Err(InputError::Empty { .. })
        ));
        assert!(matches!(
            document(b"\xff", "x"),
            Err(InputError::Yaml { .. })
        ));
    }

    #[test]
    fn dots_separate_nested_objects() {
        let made = nested(json!({"kept": 1}), &[field("a.b=1"), field("a.c:=2")]).unwrap();
        assert_eq!(made, json!({"kept": 1, "a": {"b": "1", "c": 2}}));
    }

    #[test]
    fn a_path_through_a_value_is_refused() {
        let error = nested(Value::Null, &[field("a=1"), field("a.b=2")]).unwrap_err();
        assert!(matches!(error, InputError::Conflict { path } if path == "a.b"));
    }

    #[test]
    fn objects_are_read_singly_in_lines_or_in_an_array() {
        for text in [
            "{\"a\":1.00}",
            " {\"a\":1.00}\n{\"b\":2}\n",
            "[{\"a\":1.00},{\"b\":2}]",
        ] {
            let found = objects(text.as_bytes(), "stdin").unwrap();
            assert_eq!(found[0].get(), "{\"a\":1.00}", "{text}");
        }
    }

    #[test]
    fn other_values_than_objects_are_refused() {
        for text in ["", "[]", "7", "[[1]]", "{\"a\":1} x", "\u{0}"] {
            assert!(objects(text.as_bytes(), "stdin").is_err(), "{text}");
        }
    }
}
