//! Conditions: one predicate tree, several ways to write it, and why a leaf said no.
//!
//! `expr.rs` reads CEL, `operators.rs` AppEngine's `{field, operator, value}`; both end as a [`Condition`] that is evaluated on
//! borrowed JSON. `mongo.rs` is for the repository, which holds its records as values already.

mod error;
mod estimate;
mod expr;
mod finding;
mod interpret;
pub mod mongo;
mod operators;
mod scope;
mod work;

use std::cell::RefCell;

use serde_json::Value;

pub use error::ConditionError;
pub use finding::Finding;
pub use scope::Scope;

use crate::json::Step;
use crate::time::Timestamp;
use finding::Clipped;
use scope::Seen;
use work::Work;

/// A compiled condition. Evaluating it costs a walk over the JSON that it names and nothing else, unless a part of it needs the
/// interpreter.
#[derive(Debug)]
pub struct Condition {
    text: Box<str>,
    predicate: Predicate,
    variables: Box<[Box<str>]>,
}

/// The tree that every way of writing a condition ends in.
#[derive(Debug)]
enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Leaf(Leaf),
}

/// One question, and how it was written.
#[derive(Debug)]
struct Leaf {
    text: Box<str>,
    question: Question,
}

#[derive(Debug)]
enum Question {
    Constant(bool),
    /// A value found by its path, tested.
    Cel(Place, expr::Test),
    Operator(Place, operators::Test),
    /// What the predicate tree cannot say.
    Program(interpret::Program),
}

/// Where a value lies: a variable and a path into it.
#[derive(Debug, PartialEq)]
struct Place {
    root: Box<str>,
    steps: Vec<Step>,
}

/// Why a question has the answer no, other than by the value that was found.
#[derive(Debug, PartialEq)]
enum Note {
    Missing,
    /// The value is of a kind that cannot be asked this.
    NotComparable,
    TooMuchWork,
    /// The interpreter's own words.
    Failed(String),
}

/// One evaluation: its time, what is left of its work, and what the interpreter was told.
struct Evaluation {
    now: Timestamp,
    work: Work,
    told: RefCell<Option<interpret::Told>>,
}

impl Evaluation {
    fn new(now: Timestamp) -> Self {
        Self {
            now,
            work: Work::new(work::CONDITION),
            told: RefCell::new(None),
        }
    }

    fn ask(&self, program: &interpret::Program, scope: &Scope<'_>) -> Answer {
        let mut told = self.told.borrow_mut();
        let told = told.get_or_insert_with(interpret::Told::new);
        program.ask(scope, self.now, &self.work, told)
    }
}

type Answer = Result<bool, Note>;

impl Condition {
    /// Reads CEL: `data.amount >= 100 && data.status in ["lead", "customer"]`.
    ///
    /// # Errors
    /// With the place of the mistake, for syntax, unknown functions and bad regular expressions. Variables are not checked:
    /// see [`Condition::only`].
    pub fn parse_cel(text: &str) -> Result<Self, ConditionError> {
        expr::parse(text)
    }

    /// Reads AppEngine's `{field, operator, value, timeframe?}`, or a list of them that must all hold; an empty list holds.
    pub fn parse_operators(conditions: &Value) -> Result<Self, ConditionError> {
        operators::parse(conditions)
    }

    /// Checks that the condition names no other variables than these.
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

    /// Returns whether the condition looks at this variable.
    pub fn mentions(&self, variable: &str) -> bool {
        self.variables.iter().any(|name| &**name == variable)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the condition holds. A value that is missing, or of a kind that cannot be compared, makes its own part
    /// false and nothing else; so does one that is too much work for the size of what it looks at.
    pub fn holds(&self, scope: &Scope<'_>, now: Timestamp) -> bool {
        self.predicate.holds(scope, &Evaluation::new(now))
    }

    /// [`Condition::holds`] with the reason: every part, the value that it saw and what it said.
    pub fn explain(&self, scope: &Scope<'_>, now: Timestamp) -> Finding {
        self.predicate.explain(scope, &Evaluation::new(now))
    }
}

impl std::str::FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_cel(text)
    }
}

impl Predicate {
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
    fn answer<'a>(&self, scope: &'a Scope<'a>, on: &Evaluation) -> (Option<Seen<'a>>, Answer) {
        if let Question::Cel(place, _) | Question::Operator(place, _) = &self.question
            && !on.work.try_spend(scope.weight(place))
        {
            return (None, Err(Note::TooMuchWork));
        }
        match &self.question {
            Question::Constant(value) => (None, Ok(*value)),
            Question::Cel(place, test) => {
                let seen = scope.find(&place.root, &place.steps);
                let answer = test.ask(seen.as_ref());
                (seen, answer)
            }
            Question::Operator(place, test) => {
                let seen = scope.find_loosely(place);
                let answer = test.ask(seen.as_ref(), on.now);
                (seen, answer)
            }
            Question::Program(program) => (None, on.ask(program, scope)),
        }
    }

    fn explain(&self, scope: &Scope<'_>, on: &Evaluation) -> Finding {
        let (seen, answer) = self.answer(scope, on);
        let note = match &answer {
            Ok(_) => None,
            Err(Note::Missing) => Some(Finding::ABSENT.to_owned()),
            Err(Note::NotComparable) => {
                let kind = seen.as_ref().and_then(Seen::kind);
                kind.map(|kind| format!("it is {}, which cannot be compared so", kind.in_words()))
            }
            Err(Note::TooMuchWork) => Some("it is too much work".to_owned()),
            Err(Note::Failed(reason)) => Some(reason.clone()),
        };
        Finding {
            held: answer.unwrap_or(false),
            what: self.text.to_string(),
            seen: seen.map(|seen| Clipped(&seen.shown()).to_string()),
            note,
            parts: Vec::new(),
        }
    }
}

impl std::fmt::Display for Place {
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
