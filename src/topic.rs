//! Event names and patterns that match them: `contact.created`, `contact.*`, `collection-create`, `events.my-org.>`.
//!
//! The rules are those of NATS subjects: `.` separates tokens, `*` matches exactly one token, and `>` at the end matches one
//! or more. So `contact.*` matches `contact.created` but not `contact.note.added`; `contact.>` matches both. A hyphen does
//! not separate tokens: `collection-create` is one token.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::explain::{Explain, Explanation};

/// The longest name or pattern in bytes. Longer names match nothing: no platform has them, and a hostile sender must not be able
/// to make matching slow.
const LONGEST: usize = 1024;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Box<str>,
    tokens: Box<[Token]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Token {
    Word(Box<str>),
    /// `*`
    One,
    /// `>`, always the last
    Tail,
}

/// Why a text is not a valid pattern. `at` counts characters.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopicError {
    #[error("the pattern `{pattern}` {} (at character {})", mistake.in_words(), at + 1)]
    Invalid {
        pattern: String,
        mistake: Mistake,
        at: usize,
    },
    #[error("a pattern has at most {LONGEST} bytes")]
    TooLong,
}

/// A mistake in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    EmptyToken,
    PartialStar,
    TailNotLast,
    BadCharacter,
}

impl Mistake {
    const fn in_words(self) -> &'static str {
        match self {
            Self::EmptyToken => "has an empty token",
            Self::PartialStar => "has a `*` that is only a part of a token",
            Self::TailNotLast => "has a `>` that is not its last token",
            Self::BadCharacter => "has white space or a control character",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::EmptyToken | Self::BadCharacter => "contact.created, contact.* or contact.>",
            Self::PartialStar => "contact.* for every event of a contact",
            Self::TailNotLast => "contact.> for every event whose name begins with `contact.`",
        }
    }
}

impl Explain for TopicError {
    fn explain(&self) -> Explanation {
        Explanation::usage("bad_pattern").hint(match self {
            Self::Invalid { mistake, .. } => mistake.hint(),
            Self::TooLong => "> for every event",
        })
    }
}

impl Pattern {
    /// Returns whether the pattern matches `name`.
    pub fn matches(&self, name: &str) -> bool {
        if name.len() > LONGEST {
            return false;
        }
        let mut words = name.split('.');
        for token in &self.tokens {
            match (token, words.next()) {
                (Token::Tail, Some(_)) => return true,
                (Token::One, Some(_)) => {}
                (Token::Word(word), Some(found)) if **word == *found => {}
                _ => return false,
            }
        }
        words.next().is_none()
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST {
            return Err(TopicError::TooLong);
        }
        let invalid = |mistake, at| TopicError::Invalid {
            pattern: text.to_owned(),
            mistake,
            at,
        };
        let mut tokens = Vec::new();
        let mut at = 0;
        let mut parts = text.split('.').peekable();
        while let Some(part) = parts.next() {
            tokens.push(match part {
                "" => return Err(invalid(Mistake::EmptyToken, at)),
                "*" => Token::One,
                ">" if parts.peek().is_none() => Token::Tail,
                word => {
                    if let Some((mistake, offset)) = mistake_in(word) {
                        return Err(invalid(mistake, at + offset));
                    }
                    Token::Word(word.into())
                }
            });
            at += part.chars().count() + 1;
        }
        Ok(Self {
            text: text.into(),
            tokens: tokens.into(),
        })
    }
}

/// The first character that a word must not have, and its position.
fn mistake_in(word: &str) -> Option<(Mistake, usize)> {
    word.chars().enumerate().find_map(|(at, character)| {
        let mistake = match character {
            '*' => Mistake::PartialStar,
            '>' => Mistake::TailNotLast,
            c if c.is_whitespace() || c.is_control() => Mistake::BadCharacter,
            _ => return None,
        };
        Some((mistake, at))
    })
}

/// A set of patterns with a value each. The cost of a lookup depends on the tokens of the name, not on the number of patterns.
#[derive(Clone, Debug)]
pub struct Matcher<T> {
    nodes: Vec<Node>,
    values: Vec<T>,
}

/// A node of the trie. `ends` and `tails` are indexes into [`Matcher::values`].
#[derive(Clone, Debug, Default)]
struct Node {
    words: HashMap<Box<str>, usize>,
    one: Option<usize>,
    ends: Vec<usize>,
    tails: Vec<usize>,
}

impl<T> Default for Matcher<T> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            values: Vec::new(),
        }
    }
}

impl<T> Matcher<T> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pattern. The same pattern can be added several times with different values.
    pub fn insert(&mut self, pattern: &Pattern, value: T) {
        let index = self.values.len();
        self.values.push(value);
        let mut node = 0;
        for token in &pattern.tokens {
            let next = match token {
                Token::Tail => {
                    self.nodes[node].tails.push(index);
                    return;
                }
                Token::One => self.nodes[node].one,
                Token::Word(word) => self.nodes[node].words.get(word).copied(),
            };
            node = match next {
                Some(next) => next,
                None => self.add_child(node, token),
            };
        }
        self.nodes[node].ends.push(index);
    }

    fn add_child(&mut self, node: usize, token: &Token) -> usize {
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        match token {
            Token::Word(word) => {
                self.nodes[node].words.insert(word.clone(), new);
            }
            Token::One | Token::Tail => self.nodes[node].one = Some(new),
        }
        new
    }

    /// The values of all patterns that match `name`, in the order in which they were added.
    pub fn find(&self, name: &str) -> Vec<&T> {
        if name.len() > LONGEST {
            return Vec::new();
        }
        let mut found = Vec::new();
        // The nodes that the tokens so far lead to: at most one per pattern, and at most 2^tokens.
        let mut reached = vec![0_usize];
        let mut next = Vec::new();
        for word in name.split('.') {
            for &node in &reached {
                let node = &self.nodes[node];
                found.extend_from_slice(&node.tails);
                next.extend(node.words.get(word));
                next.extend(node.one);
            }
            reached.clear();
            std::mem::swap(&mut reached, &mut next);
        }
        for &node in &reached {
            found.extend_from_slice(&self.nodes[node].ends);
        }
        found.sort_unstable();
        found.into_iter().map(|at| &self.values[at]).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_match_as_in_nats() {
        for (text, name, fits) in [
            ("contact.created", "contact.created", true),
            ("contact.created", "contact", false),
            ("contact.*", "contact.created", true),
            ("contact.*", "contact", false),
            ("contact.*", "contact.note.added", false),
            ("contact.>", "contact.note.added", true),
            ("contact.>", "contact", false),
            ("*.created", "contact.created", true),
            (">", "collection-create", true),
            ("*", "collection-create", true),
            ("*", "contact.created", false),
            ("collection.create", "collection-create", false),
            ("events.*.flows.>", "events.o.flows.run.x", true),
        ] {
            assert_eq!(pattern(text).matches(name), fits, "{text} {name}");
        }
    }

    #[test]
    fn an_invalid_pattern_is_refused_with_the_position() {
        for (text, at) in [
            ("", 0),
            ("contact.", 8),
            (".created", 0),
            ("a..b", 2),
            ("contact.cre*", 11),
            ("a.>.b", 2),
            ("a.>b", 2),
            ("a b", 1),
            ("a.\u{7}", 2),
        ] {
            let Err(TopicError::Invalid { at: found, .. }) = text.parse::<Pattern>() else {
                panic!("{text:?} is accepted");
            };
            assert_eq!(found, at, "{text:?}");
        }
        assert_eq!(
            "a".repeat(1025).parse::<Pattern>(),
            Err(TopicError::TooLong)
        );
    }

    #[test]
    fn a_name_over_the_limit_matches_nothing() {
        let mut matcher = Matcher::new();
        matcher.insert(&pattern(">"), ());
        let name = "a.".repeat(5000);
        assert!(matcher.find(&name).is_empty());
        assert!(!pattern(">").matches(&name));
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_each_pattern_alone(
            patterns in prop::collection::vec("(a|b|\\*)(\\.(a|b|c|\\*)){0,3}(\\.>)?", 0..40),
            name in "(a|b|c)(\\.(a|b|c)){0,4}",
        ) {
            let mut matcher = Matcher::new();
            for (i, text) in patterns.iter().enumerate() {
                matcher.insert(&pattern(text), i);
            }
            let alone: Vec<usize> = patterns
                .iter()
                .enumerate()
                .filter(|(_, text)| naive(text, &name))
                .map(|(i, _)| i)
                .collect();
            prop_assert_eq!(matcher.find(&name).into_iter().copied().collect::<Vec<_>>(), alone.clone());
            for (i, text) in patterns.iter().enumerate() {
                prop_assert_eq!(pattern(text).matches(&name), alone.contains(&i));
            }
        }
    }

    /// The same rules as a regular expression.
    fn naive(pattern: &str, name: &str) -> bool {
        let expression = pattern
            .replace('.', "\\.")
            .replace('*', "[^.]+")
            .replace('>', ".+");
        regex::Regex::new(&format!("^{expression}$"))
            .unwrap()
            .is_match(name)
    }
}
