//! Placeholders such as `{{contact.email}}` in a step's settings, which are replaced by the run's variables.

use serde_json::{Map, Value};
use thiserror::Error;

/// An invalid placeholder.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlaceholderError {
    #[error("the placeholder `{text}` has no closing `}}}}`")]
    Open { text: String },
    #[error(
        "`{{{{{inside}}}}}` is not a valid placeholder; use a path such as `{{{{contact.email}}}}`"
    )]
    NotAPath { inside: String },
}

/// A placeholder makes a rendered value too large.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{{{{{path}}}}}` makes the result larger than {} MiB", MAX_RENDERED / (1024 * 1024))]
pub struct TooLarge {
    path: String,
}

impl From<TooLarge> for String {
    fn from(error: TooLarge) -> Self {
        error.to_string()
    }
}

/// Bytes that the placeholders of one template become at most: twice the largest record of the platform. A template can repeat a
/// placeholder of a large value many times, and its result is in memory and in the database.
const MAX_RENDERED: usize = 4 * 1024 * 1024;

/// A compiled JSON value with placeholders in its strings.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// A value without placeholders.
    Constant(Value),
    /// A string that is exactly one placeholder. The result keeps the type of the variable.
    Path(Path),
    Text(Vec<Piece>),
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Literal(String),
    Path(Path),
}

/// The path of a value: names of fields, and numbers as indexes of lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<String>);

impl Template {
    /// Compiles a value. Placeholders in field names are not replaced.
    pub fn compile(value: &Value) -> Result<Self, PlaceholderError> {
        Ok(match value {
            Value::String(text) if text.contains("{{") => Self::parse(text)?,
            Value::Array(items) => {
                let items: Vec<Self> = items.iter().map(Self::compile).collect::<Result<_, _>>()?;
                if items.iter().all(Self::is_constant) {
                    Self::Constant(value.clone())
                } else {
                    Self::List(items)
                }
            }
            Value::Object(fields) => {
                let fields: Vec<(String, Self)> = fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), Self::compile(value)?)))
                    .collect::<Result<_, PlaceholderError>>()?;
                if fields.iter().all(|(_, value)| value.is_constant()) {
                    Self::Constant(value.clone())
                } else {
                    Self::Object(fields)
                }
            }
            constant => Self::Constant(constant.clone()),
        })
    }

    fn parse(text: &str) -> Result<Self, PlaceholderError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                pieces.push(Piece::Literal(rest[..start].to_owned()));
            }
            let inside = &rest[start + 2..];
            let end = inside.find("}}").ok_or_else(|| PlaceholderError::Open {
                text: rest[start..].chars().take(40).collect(),
            })?;
            pieces.push(Piece::Path(Path::parse(&inside[..end])?));
            rest = &inside[end + 2..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(match pieces.as_slice() {
            [Piece::Path(path)] => Self::Path(path.clone()),
            _ => Self::Text(pieces),
        })
    }

    pub fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// Replaces the placeholders. A variable that does not exist becomes an empty string, with a warning.
    ///
    /// # Errors
    /// If the placeholders become more than [`MAX_RENDERED`] bytes.
    pub fn render(&self, variables: &Value, warnings: &mut Vec<String>) -> Result<Value, TooLarge> {
        let mut rendering = Rendering {
            variables,
            warnings,
            left: MAX_RENDERED,
        };
        rendering.value(self)
    }

    /// Like [`Template::render`], but returns text. Values other than strings are written as JSON.
    pub fn render_text(
        &self,
        variables: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<String, TooLarge> {
        Ok(match self.render(variables, warnings)? {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        })
    }
}

/// One rendering of a template.
struct Rendering<'a> {
    variables: &'a Value,
    warnings: &'a mut Vec<String>,
    /// Bytes that placeholders may still become.
    left: usize,
}

impl<'a> Rendering<'a> {
    fn value(&mut self, template: &Template) -> Result<Value, TooLarge> {
        Ok(match template {
            Template::Constant(value) => value.clone(),
            Template::Path(path) => match self.find(path)? {
                Some(value) => value.clone(),
                None => Value::String(String::new()),
            },
            Template::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Literal(literal) => text.push_str(literal),
                        Piece::Path(path) => match self.find(path)? {
                            Some(Value::String(value)) => text.push_str(value),
                            Some(Value::Null) | None => {}
                            Some(value) => text.push_str(&value.to_string()),
                        },
                    }
                }
                Value::String(text)
            }
            Template::List(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.value(item)).collect();
                items?.into()
            }
            Template::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.value(value)?)));
                fields.collect::<Result<Map<_, _>, _>>()?.into()
            }
        })
    }

    /// The value of a placeholder, whose size is counted.
    fn find(&mut self, path: &Path) -> Result<Option<&'a Value>, TooLarge> {
        let found = path.find(self.variables, self.warnings);
        let size = found.map_or(0, size_of);
        let too_large = || TooLarge {
            path: path.0.join("."),
        };
        self.left = self.left.checked_sub(size).ok_or_else(too_large)?;
        Ok(found)
    }
}

/// The bytes of a value as JSON, at least.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size_of(item) + 1).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| name.len() + size_of(value) + 1)
            .sum(),
    }
}

impl Path {
    /// Parses `contact.tags[0]` or `contact.tags.0`. A leading `context.`, `variables.` or `context.variables.` is ignored.
    fn parse(inside: &str) -> Result<Self, PlaceholderError> {
        let not_a_path = || PlaceholderError::NotAPath {
            inside: inside.chars().take(40).collect(),
        };
        let mut names = Vec::new();
        for part in inside.trim().split('.') {
            let mut pieces = part.split('[');
            let name = pieces.next().unwrap_or_default();
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(not_a_path());
            }
            names.push(name.to_owned());
            for index in pieces {
                let digits = index.strip_suffix(']').ok_or_else(not_a_path)?;
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(not_a_path());
                }
                names.push(digits.to_owned());
            }
        }
        for prefix in ["context", "variables"] {
            if names.len() > 1 && names[0] == prefix {
                names.remove(0);
            }
        }
        Ok(Self(names))
    }

    fn find<'a>(&self, variables: &'a Value, warnings: &mut Vec<String>) -> Option<&'a Value> {
        let mut value = variables;
        for name in &self.0 {
            let inner = match value {
                Value::Object(fields) => fields.get(name),
                Value::Array(items) => name.parse().ok().and_then(|at: usize| items.get(at)),
                _ => None,
            };
            let Some(inner) = inner else {
                let warning = format!(
                    "variable `{{{{{}}}}}` does not exist; used an empty string",
                    self.0.join(".")
                );
                if warnings.len() < MAX_WARNINGS && !warnings.contains(&warning) {
                    warnings.push(warning);
                }
                return None;
            };
            value = inner;
        }
        Some(value)
    }
}

/// Warnings of one step.
const MAX_WARNINGS: usize = 20;

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: Value, variables: Value) -> (Value, Vec<String>) {
        let mut warnings = Vec::new();
        let value = Template::compile(&template)
            .unwrap()
            .render(&variables, &mut warnings)
            .unwrap();
        (value, warnings)
    }

    #[test]
    fn a_single_placeholder_keeps_the_type_of_the_variable() {
        let variables = json!({"contact": {"tags": ["a", "b"], "age": 42}});
        let (value, _) = render(
            json!({"t": "{{contact.tags}}", "n": "{{ contact.age }}"}),
            variables,
        );
        assert_eq!(value, json!({"t": ["a", "b"], "n": 42}));
    }

    #[test]
    fn placeholders_inside_a_text_become_text() {
        let variables = json!({"contact": {"name": "Ada", "tags": ["a", "b"], "age": 42}});
        let (value, warnings) = render(
            json!(
                "{{contact.name}} ({{contact.age}}) {{contact.tags[1]}} {{context.variables.contact.tags.0}}"
            ),
            variables,
        );
        assert_eq!(value, json!("Ada (42) b a"));
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn a_missing_variable_becomes_empty_with_one_warning() {
        let (value, warnings) = render(json!(["{{a.b}}", "x{{a.b}}y"]), json!({"a": 1}));
        assert_eq!(value, json!(["", "xy"]));
        assert_eq!(
            warnings,
            ["variable `{{a.b}}` does not exist; used an empty string"]
        );
    }

    #[test]
    fn placeholders_that_become_too_large_are_refused_by_name() {
        let variables = json!({"contact": {"note": "x".repeat(64 * 1024)}});
        let fits = "{{contact.note}} ".repeat(64);
        let large = "{{contact.note}} ".repeat(65);
        let mut warnings = Vec::new();
        let mut render = |template: Value| {
            let template = Template::compile(&template).unwrap();
            template.render(&variables, &mut warnings).map(drop)
        };
        assert_eq!(render(json!(fits)), Ok(()));
        for template in [json!(large), json!({"a": [fits, "{{contact}}"]})] {
            let refusal = render(template).unwrap_err().to_string();
            assert!(refusal.contains("larger than 4 MiB"), "{refusal}");
            assert!(refusal.contains("{{contact"), "{refusal}");
        }
    }

    #[test]
    fn an_invalid_placeholder_is_refused() {
        for bad in [
            "{{a",
            "{{}}",
            "{{ a b }}",
            "{{a | upper}}",
            "{{a..b}}",
            "{{a[x]}}",
            "{{#if a}}",
        ] {
            assert!(Template::compile(&json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn text_without_placeholders_is_unchanged() {
        let text = json!({"a": "{b} }} $x", "n": 1.50});
        assert_eq!(Template::compile(&text).unwrap(), Template::Constant(text));
    }
}
