//! Tests of one value against literals.

use std::cmp::Ordering;

use cel::common::ast::operators;
use regex::Regex;

use crate::condition::scope::Found;
use crate::condition::{Answer, Failure};
use crate::json::{Kind, Number};

/// A test of a value.
#[derive(Debug)]
pub(in crate::condition) enum Test {
    Compare(Comparison, Literal),
    /// The value is one of the literals.
    In(Vec<Literal>),
    /// The value is a list with this element or an object with this member.
    Has(Literal),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Matches(Regex),
    /// `has(…)`
    Exists,
    /// The value itself is true.
    IsTrue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::condition) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
pub(in crate::condition) enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
}

impl Comparison {
    pub(super) fn of(function: &str) -> Option<Self> {
        Some(match function {
            operators::EQUALS => Self::Equal,
            operators::NOT_EQUALS => Self::NotEqual,
            operators::LESS => Self::Less,
            operators::LESS_EQUALS => Self::LessOrEqual,
            operators::GREATER => Self::Greater,
            operators::GREATER_EQUALS => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The comparison with its sides exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Literal {
    /// The order of a value and the literal. `None` if they have different kinds.
    fn order(&self, found: &Found<'_>) -> Option<Ordering> {
        match self {
            Self::Null => found.is_null().then_some(Ordering::Equal),
            Self::Bool(literal) => found.as_bool().map(|value| value.cmp(literal)),
            Self::Number(literal) => found.as_number()?.compare(*literal),
            Self::Text(literal) => found.as_str().map(|value| (*value).cmp(literal)),
        }
    }

    fn equals(&self, found: &Found<'_>) -> bool {
        self.order(found).is_some_and(Ordering::is_eq)
    }
}

impl Test {
    pub(in crate::condition) fn ask(&self, found: Option<&Found<'_>>) -> Answer {
        let Some(found) = found else {
            return match self {
                Self::Exists => Ok(false),
                _ => Err(Failure::Missing),
            };
        };
        let text = |test: &dyn Fn(&str) -> bool| match found.as_str() {
            Some(text) => Ok(test(&text)),
            None => Err(Failure::NotComparable),
        };
        match self {
            Self::Compare(comparison, literal) => match (literal.order(found), comparison) {
                (Some(order), _) => Ok(comparison.holds(order)),
                // In CEL values of different kinds are unequal, but have no order.
                (None, Comparison::Equal) => Ok(false),
                (None, Comparison::NotEqual) => Ok(true),
                (None, _) => Err(Failure::NotComparable),
            },
            Self::In(list) => Ok(list.iter().any(|literal| literal.equals(found))),
            Self::Has(literal) => match (found.items(), literal) {
                (Some(mut items), _) => Ok(items.any(|item| literal.equals(&item))),
                (None, Literal::Text(name)) if found.kind() == Some(Kind::Object) => {
                    Ok(found.has_member(name))
                }
                _ => Err(Failure::NotComparable),
            },
            Self::Contains(part) => text(&|text| text.contains(part.as_str())),
            Self::StartsWith(part) => text(&|text| text.starts_with(part.as_str())),
            Self::EndsWith(part) => text(&|text| text.ends_with(part.as_str())),
            Self::Matches(regex) => text(&|text| regex.is_match(text)),
            Self::Exists => Ok(true),
            Self::IsTrue => found.as_bool().ok_or(Failure::NotComparable),
        }
    }
}
