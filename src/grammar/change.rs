//! Changes to a JSON body: `path=text`, `path:=json`, and paths to remove. All other bytes are unchanged.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::GrammarError;
use crate::explain::{Explain, Explanation};
use crate::json::{self, InsertError, Kind, Step};

const EXPECTED_PATH: &str = "a path such as data.amount, items[0].name or headers.x\\.y";
const EXPECTED_CHANGE: &str = "a change: path=text or path:=json";

/// A path into a body: `data.amount`, `items[0].name` or `items.0.name`. `\.` is a dot inside a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

/// One change. Parsing gives a new value; [`Change::unset`] removes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `value` is JSON.
    Set {
        path: Path,
        value: String,
    },
    Unset {
        path: Path,
    },
}

/// Why a change cannot be made.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ChangeError {
    #[error("the body is not JSON")]
    NotJson,
    #[error("there is no `{path}` in the body")]
    Missing { path: String },
    #[error("`{parent}` is {}, so nothing can be added to it", kind.in_words())]
    NotAContainer { parent: String, kind: Kind },
    #[error("`{parent}` is a list of {length}; elements can only be added at its end")]
    BeyondTheEnd { parent: String, length: usize },
    #[error("`{parent}` is a list, so `{name}` must be a position in it")]
    NotAnIndex { parent: String, name: String },
}

impl Explain for ChangeError {
    fn explain(&self) -> Explanation {
        match self {
            Self::NotJson => Explanation::usage("body_not_json")
                .hint("--edit     opens the body in an editor, in any format"),
            Self::Missing { path } => Explanation::usage("no_such_path").hint(format!(
                "--set-new adds missing members: --set-new --set {path}=…"
            )),
            Self::NotAContainer { parent, .. } => Explanation::usage("no_such_path")
                .hint(format!("--set '{parent}:={{}}' replaces it by an object")),
            Self::BeyondTheEnd { parent, length } => Explanation::usage("no_such_path")
                .hint(format!("--set-new --set '{parent}[{length}]=…'")),
            Self::NotAnIndex { parent, .. } => {
                Explanation::usage("no_such_path").hint(format!("--set '{parent}[0]=…'"))
            }
        }
    }
}

impl Change {
    /// The change that removes the value at `path`.
    pub fn unset(path: Path) -> Self {
        Self::Unset { path }
    }

    fn apply(&self, text: &mut String, set_new: bool) -> Result<(), ChangeError> {
        let (path, value) = match self {
            Self::Set { path, value } => (path, value),
            Self::Unset { path } => {
                return match json::remove(text, &path.0) {
                    true => Ok(()),
                    false => Err(path.missing()),
                };
            }
        };
        match json::span(text, &path.0) {
            Some(span) => text.replace_range(span, value),
            None if set_new => path.add(text, value)?,
            None => return Err(path.missing()),
        }
        Ok(())
    }
}

/// Applies the changes in order. All other values keep their digits, escapes and white space.
///
/// # Errors
/// If a path does not exist and `set_new` is false. With `set_new` a missing path is added together with its missing parents;
/// elements can only be added at the end of a list.
pub fn apply(body: &[u8], changes: &[Change], set_new: bool) -> Result<Vec<u8>, ChangeError> {
    if changes.is_empty() {
        return Ok(body.to_vec());
    }
    let text = std::str::from_utf8(body).map_err(|_| ChangeError::NotJson)?;
    if !json::is_json(body) {
        return Err(ChangeError::NotJson);
    }
    let mut text = text.to_owned();
    for change in changes {
        change.apply(&mut text, set_new)?;
    }
    Ok(text.into_bytes())
}

impl Path {
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    fn missing(&self) -> ChangeError {
        ChangeError::Missing {
            path: self.to_string(),
        }
    }

    /// Adds a new value, and new objects for its missing parents.
    fn add(&self, text: &mut String, value: &str) -> Result<(), ChangeError> {
        let existing = (0..self.0.len())
            .rev()
            .find(|length| json::span(text, &self.0[..*length]).is_some())
            .unwrap_or(0);
        let mut value = value.to_owned();
        for step in self.0[existing + 1..].iter().rev() {
            value = match step {
                Step::Name(name) => format!("{{{}:{value}}}", quoted(name)),
                Step::Index(0) => format!("[{value}]"),
                Step::Index(_) => return Err(self.missing()),
            };
        }
        let parent = Self(self.0[..existing].to_vec());
        let span = json::span(text, &parent.0).ok_or_else(|| self.missing())?;
        let step = &self.0[existing];
        json::insert(text, span, step, &value).map_err(|error| match error {
            InsertError::NotAContainer(kind) => ChangeError::NotAContainer {
                parent: parent.shown(),
                kind,
            },
            InsertError::BeyondTheEnd { length } => ChangeError::BeyondTheEnd {
                parent: parent.shown(),
                length,
            },
            InsertError::NotAnIndex => ChangeError::NotAnIndex {
                parent: parent.shown(),
                name: step.to_string(),
            },
        })
    }

    fn shown(&self) -> String {
        if self.0.is_empty() {
            "the body".to_owned()
        } else {
            self.to_string()
        }
    }

    /// Parses `text`, the beginning of `input`, which errors show.
    fn read(input: &str, text: &str) -> Result<Self, GrammarError> {
        let wrong = |at| Err(GrammarError::new(input, EXPECTED_PATH).at_byte(at));
        let mut steps = Vec::new();
        let mut name = String::new();
        // A name is expected at the start and after a dot. After `]` a dot or another `[` is expected.
        let mut due = true;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, escaped)) => name.push(escaped),
                    None => return wrong(at),
                },
                '.' if name.is_empty() && due => return wrong(at),
                '.' => {
                    push(&mut steps, &mut name);
                    due = true;
                }
                '[' if due && name.is_empty() && !steps.is_empty() => return wrong(at),
                '[' => {
                    push(&mut steps, &mut name);
                    due = false;
                    let Some(length) = text[at..].find(']') else {
                        return wrong(at);
                    };
                    match text[at + 1..at + length].parse() {
                        Ok(index) => steps.push(Step::Index(index)),
                        Err(_) => return wrong(at + 1),
                    }
                    while chars.next_if(|(next, _)| *next <= at + length).is_some() {}
                }
                _ if !due && name.is_empty() => return wrong(at),
                c => name.push(c),
            }
        }
        if name.is_empty() && due {
            return wrong(text.len());
        }
        push(&mut steps, &mut name);
        Ok(Self(steps))
    }
}

fn push(steps: &mut Vec<Step>, name: &mut String) {
    if !name.is_empty() {
        steps.push(Step::Name(std::mem::take(name)));
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}

impl FromStr for Path {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text, text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Name(name) => {
                    let dot = if at > 0 { "." } else { "" };
                    let name = name
                        .replace('\\', "\\\\")
                        .replace('.', "\\.")
                        .replace('[', "\\[")
                        .replace('=', "\\=");
                    write!(f, "{dot}{name}")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Change {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |at| GrammarError::new(text, EXPECTED_CHANGE).at_byte(at);
        let equals = unescaped_equals(text).ok_or_else(|| wrong(text.len()))?;
        let value = &text[equals + 1..];
        if let Some(path) = text[..equals].strip_suffix(':') {
            if !json::is_json(value.as_bytes()) {
                return Err(wrong(equals + 1));
            }
            return Ok(Self::Set {
                path: Path::read(text, path)?,
                value: value.trim().to_owned(),
            });
        }
        Ok(Self::Set {
            path: Path::read(text, &text[..equals])?,
            value: quoted(value),
        })
    }
}

fn unescaped_equals(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let found = c == '=' && !escaped;
        escaped = c == '\\' && !escaped;
        found.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "{ \"url\": \"https:\\/\\/a.test\\/x\", \"amount\": 10.00,  \"n\": 12345678901234567890, \"name\": \"Zo\\u00e9\",\n  \"items\": [{\"name\": \"a\"}, 2], \"a.b\": {\"=\": 1} }\n";

    fn changed(changes: &[&str], set_new: bool) -> Result<String, ChangeError> {
        let changes: Vec<Change> = changes
            .iter()
            .map(|text| match text.strip_prefix('-') {
                Some(path) => Change::unset(path.parse().unwrap()),
                None => text.parse().unwrap_or_else(|error| panic!("{error}")),
            })
            .collect();
        apply(BODY.as_bytes(), &changes, set_new).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn only_the_named_values_change() {
        for (change, from, to) in [
            ("amount:=9.50", "10.00", "9.50"),
            ("amount=9.50", "10.00", "\"9.50\""),
            ("url=x\"y", "\"https:\\/\\/a.test\\/x\"", "\"x\\\"y\""),
            ("items[0].name=ß", "\"a\"", "\"ß\""),
            ("items.0.name=ß", "\"a\"", "\"ß\""),
            ("items[1]:=[3]", ", 2]", ", [3]]"),
            ("a\\.b.\\=:=2", "\"=\": 1", "\"=\": 2"),
            ("name=", "\"Zo\\u00e9\"", "\"\""),
            ("-amount", "\"amount\": 10.00,  ", ""),
            ("-items[1]", ", 2]", "]"),
            ("-a\\.b", ", \"a.b\": {\"=\": 1}", ""),
        ] {
            assert_eq!(
                changed(&[change], false).unwrap(),
                BODY.replace(from, to),
                "{change}"
            );
        }
    }

    #[test]
    fn a_missing_path_is_an_error_without_set_new() {
        for change in [
            "data.x=1",
            "-data",
            "items[2]:=1",
            "items[0].x=1",
            "amount.x=1",
        ] {
            let path = change.trim_start_matches('-');
            let path = path.split([':', '=']).next().unwrap().to_owned();
            assert_eq!(
                changed(&[change], false),
                Err(ChangeError::Missing { path }),
                "{change}"
            );
        }
        for (change, from, to) in [
            ("data.x=1", " }\n", ", \"data\": {\"x\":\"1\"} }\n"),
            ("items[2]:=1", ", 2]", ", 2, 1]"),
            (
                "items[0].x=1",
                "{\"name\": \"a\"}",
                "{\"name\": \"a\",\"x\": \"1\"}",
            ),
            (
                "a\\.b.list[0].y:=true",
                "{\"=\": 1}",
                "{\"=\": 1,\"list\": [{\"y\":true}]}",
            ),
        ] {
            assert_eq!(
                changed(&[change], true).unwrap(),
                BODY.replace(from, to),
                "{change}"
            );
        }
        let names = |change| changed(&[change], true).unwrap_err().to_string();
        assert_eq!(
            names("amount.x=1"),
            "`amount` is a number, so nothing can be added to it"
        );
        assert_eq!(
            names("items[5]:=1"),
            "`items` is a list of 2; elements can only be added at its end"
        );
        assert_eq!(
            names("items.x=1"),
            "`items` is a list, so `x` must be a position in it"
        );
        assert_eq!(names("-data"), "there is no `data` in the body");
    }

    #[test]
    fn a_body_that_is_not_json_cannot_be_changed() {
        let change = ["a=1".parse().unwrap()];
        for body in [&b"a=1"[..], b"\xff", b"", b"{\"a\":1} x"] {
            assert_eq!(apply(body, &change, true), Err(ChangeError::NotJson));
        }
        assert_eq!(apply(b"\xff", &[], false).unwrap(), b"\xff");
    }

    #[test]
    fn an_invalid_change_is_refused_with_the_position() {
        for (text, at) in [
            ("amount", 6),
            ("=1", 0),
            ("a:=", 3),
            ("a:=x", 3),
            ("a..b=1", 2),
            ("a.=1", 2),
            (".a=1", 0),
            ("a[x]=1", 2),
            ("a[1=1", 1),
            ("a[0]b=1", 4),
            ("a.[0]=1", 2),
        ] {
            let error = text.parse::<Change>().unwrap_err();
            assert_eq!(error.at, Some(at), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn a_displayed_path_can_be_parsed(names in prop::collection::vec("[a-z.\\\\\\[=é0-9]{1,4}", 1..4), index in 0_usize..9) {
            let mut steps: Vec<Step> = names.into_iter().map(Step::Name).collect();
            steps.push(Step::Index(index));
            let path = Path(steps);
            prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path.clone());
            let change: Change = format!("{path}=x").parse().unwrap();
            prop_assert_eq!(change, Change::Set { path, value: "\"x\"".to_owned() });
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in ".{0,24}") {
            let _ = (text.parse::<Change>().is_ok(), text.parse::<Path>().is_ok());
        }
    }
}
