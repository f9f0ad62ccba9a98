//! `--jq`: transforms printed records with a jq expression (jaq).

use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;

use jaq_core::load::{Arena, Error as LoadError, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, data::JustLut};
use jaq_json::{Val, read, write};
use thiserror::Error;

use crate::explain::{Explain, Explanation};
use crate::grammar::caret;
use crate::json;

/// Deepest nesting of a record. The interpreter is recursive, so a deeper record could overflow the stack.
const DEEPEST: usize = 500;
/// Maximum number of results for one record. An expression with more is considered endless.
const MOST: usize = 10_000;

/// A jq expression, compiled once. Clones share it.
#[derive(Clone)]
pub struct Shape {
    text: Arc<str>,
    filter: Arc<Filter<JustLut<Val>>>,
}

/// The expression cannot be compiled. `at` counts characters of `input`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{input}` is not a jq expression: {reason}{}", .at.map_or_else(String::new, |at| format!(" (at character {})", at + 1)))]
pub struct ShapeError {
    pub input: String,
    pub at: Option<usize>,
    pub reason: String,
}

impl Explain for ShapeError {
    fn explain(&self) -> Explanation {
        Explanation::usage("bad_jq")
            .hint("--jq '.data', or --jq '{type, amount: .data.amount}'")
            .caret(self.caret())
    }
}

/// An error while applying an expression to one record.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ShapeFault {
    #[error("the record is nested too deeply for jq")]
    TooDeep,
    #[error("the expression gives more than {MOST} results for one record")]
    TooMany,
    #[error("{0}")]
    Failed(String),
    #[error("the result is not JSON")]
    NotJson,
}

impl Shape {
    /// Appends each result of the expression for `record`, which must be JSON, each on its own line. Returns their
    /// number. Integers and decimals that pass through keep their digits.
    ///
    /// # Errors
    /// The expression failed. Earlier results are kept in `out`.
    pub fn apply(&self, record: &[u8], out: &mut Vec<u8>) -> Result<usize, ShapeFault> {
        if !is_shallow(record) {
            return Err(ShapeFault::TooDeep);
        }
        let failed = |error: &dyn fmt::Display| ShapeFault::Failed(error.to_string());
        let input = read::parse_single(record).map_err(|error| failed(&error))?;
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let mut count = 0;
        for result in self.filter.id.run((context, input)) {
            if count == MOST {
                return Err(ShapeFault::TooMany);
            }
            let value = result.map_err(|exception| match exception.get_err() {
                Ok(error) => failed(&error),
                // jq's `halt` would end the process.
                Err(_) => failed(&"the expression halted"),
            })?;
            let start = out.len();
            // jaq has values that JSON does not: NaN, byte strings, keys that are not strings.
            let written = write::write(&mut *out, &write::Pp::default(), 0, &value);
            if written.is_err() || !json::is_json(&out[start..]) {
                out.truncate(start);
                return Err(ShapeFault::NotJson);
            }
            out.write_all(b"\n").map_err(|error| failed(&error))?;
            count += 1;
        }
        Ok(count)
    }
}

/// Returns whether brackets outside of strings are nested no deeper than [`DEEPEST`].
fn is_shallow(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > DEEPEST {
                    return false;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let arena = Arena::default();
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let program = File {
            code: text,
            path: (),
        };
        let modules = Loader::new(defs).load(&arena, program).map_err(|errors| {
            match errors.into_iter().next() {
                Some((_, error)) => not_read(text, error),
                None => ShapeError::new(text, None, "it cannot be read"),
            }
        })?;
        let filter = Compiler::default()
            .with_funs(funs)
            .compile(modules)
            .map_err(|errors| {
                let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
                match first {
                    Some((name, undefined)) => {
                        let reason = format!("unknown {} `{name}`", undefined.as_str());
                        ShapeError::new(text, Some(name), reason)
                    }
                    None => ShapeError::new(text, None, "it cannot be compiled"),
                }
            })?;
        Ok(Self {
            text: text.into(),
            filter: Arc::new(filter),
        })
    }
}

fn not_read(text: &str, error: LoadError<&str>) -> ShapeError {
    let expected = |expected: &str, found: &str| {
        let found = match found.chars().next() {
            Some(_) => format!("`{found}`"),
            None => "the end".to_owned(),
        };
        format!("expected {expected}, found {found}")
    };
    match error {
        LoadError::Io(files) => match files.first() {
            Some((path, _)) => ShapeError::new(text, Some(path), "modules are not supported"),
            None => ShapeError::new(text, None, "modules are not supported"),
        },
        LoadError::Lex(errors) => match errors.first() {
            Some((wanted, found)) => {
                let reason = expected(wanted.as_str(), first_word(found));
                ShapeError::new(text, Some(found), reason)
            }
            None => ShapeError::new(text, None, "it cannot be read"),
        },
        LoadError::Parse(errors) => match errors.first() {
            Some((wanted, found)) => {
                let reason = expected(wanted.as_str(), first_word(found));
                ShapeError::new(text, Some(found), reason)
            }
            None => ShapeError::new(text, None, "it cannot be read"),
        },
    }
}

fn first_word(text: &str) -> &str {
    let end = text
        .char_indices()
        .find(|(at, c)| *at > 0 && !c.is_alphanumeric())
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

impl ShapeError {
    /// `part` is a slice of `input`, if known.
    fn new(input: &str, part: Option<&str>, reason: impl Into<String>) -> Self {
        let at = part.and_then(|part| {
            let byte = part.as_ptr().addr().checked_sub(input.as_ptr().addr())?;
            Some(input.get(..byte)?.chars().count())
        });
        Self {
            input: input.to_owned(),
            at,
            reason: reason.into(),
        }
    }

    /// The expression with a caret below the position of the error, on two lines; `None` if the position is unknown.
    pub fn caret(&self) -> Option<String> {
        Some(caret(&self.input, self.at?))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shape({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(expression: &str, record: &str) -> (String, Result<usize, ShapeFault>) {
        let shape: Shape = expression.parse().unwrap_or_else(|error| panic!("{error}"));
        let mut out = Vec::new();
        let result = shape.apply(record.as_bytes(), &mut out);
        (String::from_utf8(out).unwrap(), result)
    }

    #[test]
    fn one_record_can_have_one_several_or_no_results() {
        for (expression, lines, count) in [
            (".data.a", "1\n", 1),
            (".data[]", "1\n\"x\"\n", 2),
            ("select(.data.a > 5)", "", 0),
            ("{a: .data.a, t: .type}", "{\"a\":1,\"t\":\"k\"}\n", 1),
        ] {
            let result = shaped(expression, r#"{"type":"k","data":{"a":1,"b":"x"}}"#);
            assert_eq!(result, (lines.to_owned(), Ok(count)), "{expression}");
        }
    }

    #[test]
    fn digits_that_pass_through_are_unchanged() {
        let (line, _) = shaped(
            ".data",
            r#"{"data":[12345678901234567890123,10.00,1e400,-0.1]}"#,
        );
        assert_eq!(line, "[12345678901234567890123,10.00,1e400,-0.1]\n");
    }

    #[test]
    fn an_error_in_one_record_keeps_earlier_results() {
        let (line, result) = shaped(".data, error(.data)", r#"{"data":{}}"#);
        assert_eq!(line, "{}\n");
        assert!(matches!(result, Err(ShapeFault::Failed(_))), "{result:?}");
        assert_eq!(shaped("nan", "{}").1, Err(ShapeFault::NotJson));
    }

    #[test]
    fn halt_does_not_end_the_process() {
        let (_, result) = shaped("halt", "{}");
        assert!(matches!(result, Err(ShapeFault::Failed(_))), "{result:?}");
    }

    #[test]
    fn an_endless_expression_is_stopped() {
        assert_eq!(shaped("repeat(1)", "{}").1, Err(ShapeFault::TooMany));
    }

    #[test]
    fn a_deep_record_does_not_overflow_the_stack() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(shaped(".", &deep).1, Err(ShapeFault::TooDeep));
        assert_eq!(shaped(".", r#"["[[","\"["]"#).1, Ok(1));
    }

    #[test]
    fn an_invalid_expression_is_shown_with_the_position_of_the_error() {
        for (expression, at) in [
            (".a | fooo", Some(5)),
            (".a | (.b", Some(8)),
            (".a |", Some(4)),
            ("\"ö\" § 1", Some(4)),
        ] {
            let error = expression.parse::<Shape>().unwrap_err();
            assert_eq!(error.at, at, "{error}");
        }
    }
}
