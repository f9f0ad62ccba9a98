//! Conditions over JSON: a predicate tree with several syntaxes, and explanations of its results.
//!
//! `expression/` parses CEL and `operators.rs` AppEngine's `{field, operator, value}`. Both give a [`Condition`], which is evaluated
//! on borrowed JSON. `mongo/` has the filters of the repository, whose records are already parsed values.

mod budget;
mod error;
mod expression;
mod finding;
pub mod mongo;
mod operators;
mod scope;

use std::cell::RefCell;

use serde_json::Value;

pub use error::ConditionError;
pub use finding::Finding;
pub use scope::Scope;

use crate::json::Step;
use crate::time::Timestamp;
use budget::Budget;
use expression::interpreter::{Bindings, Program};
use finding::Clipped;
use scope::Found;

/// A compiled condition. Evaluation scans only the JSON values that the condition names, unless a part needs the interpreter.
#[derive(Debug)]
pub struct Condition {
    text: Box<str>,
    predicate: Predicate,
    variables: Box<[Box<str>]>,
}

/// The tree that every syntax is compiled to.
#[derive(Debug)]
enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Leaf(Leaf),
}

/// One test with its source text.
#[derive(Debug)]
struct Leaf {
    text: Box<str>,
    question: Question,
}

#[derive(Debug)]
enum Question {
    Constant(bool),
    /// A test of the value at a path.
    Cel(ValuePath, expression::Test),
    Operator(ValuePath, operators::Test),
    /// An expression that only the interpreter can evaluate.
    Program(Program),
}

/// The path to a value: a variable and the steps into it.
#[derive(Debug, PartialEq)]
struct ValuePath {
    root: Box<str>,
    steps: Vec<Step>,
}

/// Why a test is false, if not because of the value.
#[derive(Debug, PartialEq)]
enum Failure {
    Missing,
    /// The test does not apply to this kind of value.
    NotComparable,
    TooMuchWork,
    /// A message of the interpreter.
    Failed(String),
}

/// The state of one evaluation: the time, the remaining budget, and the variables of the interpreter.
struct Evaluation {
    now: Timestamp,
    budget: Budget,
    bindings: RefCell<Option<Bindings>>,
}

impl Evaluation {
    fn new(now: Timestamp) -> Self {
        Self {
            now,
            budget: Budget::new(budget::CONDITION),
            bindings: RefCell::new(None),
        }
    }

    fn ask(&self, program: &Program, scope: &Scope<'_>) -> Answer {
        let mut bindings = self.bindings.borrow_mut();
        let bindings = bindings.get_or_insert_with(Bindings::new);
        program.ask(scope, self.now, &self.budget, bindings)
    }
}

type Answer = Result<bool, Failure>;

impl Condition {
    /// Parses CEL: `data.amount >= 100 && data.status in ["lead", "customer"]`.
    ///
    /// # Errors
    /// For invalid syntax, unknown functions and invalid regular expressions, with the position of the mistake. Variables are
    /// checked by [`Condition::only`].
    pub fn parse_cel(text: &str) -> Result<Self, ConditionError> {
        expression::parse(text)
    }

    /// Parses AppEngine's `{field, operator, value, timeframe?}`, or a list of these that must all hold. An empty list holds.
    pub fn parse_operators(conditions: &Value) -> Result<Self, ConditionError> {
        operators::parse(conditions)
    }

    /// Checks that the condition names only these variables.
    pub fn only(self, variables: &[&'static str]) -> Result<Self, ConditionError> {
        match self
            .variables
            .iter()
            .find(|name| !variables.contains(&&***name))
        {
            Some(name) => Err(ConditionError::unknown_variable(
                &self.text, name, variables,
            )),
            None => Ok(self),
        }
    }

    /// Returns whether the condition names this variable.
    pub fn mentions(&self, variable: &str) -> bool {
        self.variables.iter().any(|name| &**name == variable)
    }

    /// The source text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the condition holds. A part is false if its value is missing, if its value has a kind that cannot be
    /// compared, or if its evaluation exceeds the budget. The other parts are still evaluated.
    pub fn holds(&self, scope: &Scope<'_>, now: Timestamp) -> bool {
        self.predicate.holds(scope, &Evaluation::new(now))
    }

    /// Like [`Condition::holds`], with the value and the result of every part.
    pub fn explain(&self, scope: &Scope<'_>, now: Timestamp) -> Finding {
        self.predicate.explain(scope, &Evaluation::new(now))
    }
}

/// A path whose value is missing, and a similar path that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The part of the condition.
    pub part: String,
    pub path: String,
    pub similar: Option<String>,
}

impl Condition {
    /// The paths that the condition compares and whose values are missing. `has(…)` asks whether a value is missing, so its path
    /// does not count, and neither does the same path elsewhere in the condition.
    pub fn absent(&self, scope: &Scope<'_>) -> Vec<Absent> {
        let mut absent: Vec<Absent> = Vec::new();
        for (path, part) in self.compared() {
            let text = path.to_string();
            if scope.find(&path.root, &path.steps).is_none()
                && !absent.iter().any(|known| known.path == text)
            {
                let similar = scope.similar(path);
                absent.push(Absent {
                    part: part.to_owned(),
                    path: text,
                    similar,
                });
            }
        }
        absent
    }

    /// The paths that the condition compares, except those that it also tests with `has(…)`.
    pub fn paths(&self) -> Vec<String> {
        let paths = self.compared().into_iter();
        paths.map(|(path, _)| path.to_string()).collect()
    }

    fn compared(&self) -> Vec<(&ValuePath, &str)> {
        let (mut compared, mut tested) = (Vec::new(), Vec::new());
        self.predicate
            .each_path(&mut |path, test, part| match test {
                expression::Test::Exists => tested.push(path),
                _ => compared.push((path, part)),
            });
        compared.retain(|(path, _)| !tested.contains(path));
        compared
    }
}

impl std::str::FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_cel(text)
    }
}

impl Predicate {
    fn each_path<'a>(&'a self, take: &mut dyn FnMut(&'a ValuePath, &'a expression::Test, &'a str)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.each_path(take));
            }
            Self::Not(part) => part.each_path(take),
            Self::Leaf(leaf) => {
                if let Question::Cel(path, test) = &leaf.question {
                    take(path, test, &leaf.text);
                }
            }
        }
    }

    fn holds(&self, scope: &Scope<'_>, on: &Evaluation) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(scope, on)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(scope, on)),
            Self::Not(part) => !part.holds(scope, on),
            Self::Leaf(leaf) => leaf.answer(scope, on).1.unwrap_or(false),
        }
    }

    fn explain(&self, scope: &Scope<'_>, on: &Evaluation) -> Finding {
        let of = |parts: &[Self]| {
            parts
                .iter()
                .map(|part| part.explain(scope, on))
                .collect::<Vec<_>>()
        };
        match self {
            Self::All(parts) => {
                let parts = of(parts);
                Finding::tree("all of", parts.iter().all(|part| part.held), parts)
            }
            Self::Any(parts) => {
                let parts = of(parts);
                Finding::tree("any of", parts.iter().any(|part| part.held), parts)
            }
            Self::Not(part) => {
                let part = part.explain(scope, on);
                Finding::tree("not", !part.held, vec![part])
            }
            Self::Leaf(leaf) => leaf.explain(scope, on),
        }
    }
}

impl Leaf {
    fn answer<'a>(&self, scope: &'a Scope<'a>, on: &Evaluation) -> (Option<Found<'a>>, Answer) {
        if let Question::Cel(path, _) | Question::Operator(path, _) = &self.question
            && !on.budget.try_spend(scope.weight(path))
        {
            return (None, Err(Failure::TooMuchWork));
        }
        match &self.question {
            Question::Constant(value) => (None, Ok(*value)),
            Question::Cel(path, test) => {
                let found = scope.find(&path.root, &path.steps);
                let answer = test.ask(found.as_ref());
                (found, answer)
            }
            Question::Operator(path, test) => {
                let found = scope.find_field(path);
                let answer = test.ask(found.as_ref(), on.now);
                (found, answer)
            }
            Question::Program(program) => (None, on.ask(program, scope)),
        }
    }

    fn explain(&self, scope: &Scope<'_>, on: &Evaluation) -> Finding {
        let (found, answer) = self.answer(scope, on);
        let note = match &answer {
            Ok(_) => None,
            Err(Failure::Missing) => Some(Finding::ABSENT.to_owned()),
            Err(Failure::NotComparable) => {
                let kind = found.as_ref().and_then(Found::kind);
                kind.map(|kind| {
                    format!(
                        "it is {}, which cannot be compared like this",
                        kind.in_words()
                    )
                })
            }
            Err(Failure::TooMuchWork) => Some("it exceeds the work limit".to_owned()),
            Err(Failure::Failed(reason)) => Some(reason.clone()),
        };
        Finding {
            held: answer.unwrap_or(false),
            what: self.text.to_string(),
            seen: found.map(|found| Clipped(&found.shown()).to_string()),
            note,
            parts: Vec::new(),
        }
    }
}

impl std::fmt::Display for ValuePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.root)?;
        for step in &self.steps {
            match step {
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Index(_) => write!(f, "{step}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
