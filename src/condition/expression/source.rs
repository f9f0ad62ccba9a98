//! Positions in the source text of an expression.

use cel::common::ast::{Expr, IdedExpr, SourceInfo};

use crate::condition::ConditionError;

/// The text of an expression, with the parser's positions.
pub(super) struct Source<'a> {
    pub(super) text: Vec<char>,
    pub(super) info: &'a SourceInfo,
}

impl Source<'_> {
    /// The position of a part of the expression.
    pub(super) fn at(&self, id: u64) -> Option<usize> {
        let (start, _) = self.info.offset_for(id)?;
        Some(self.name_start(start as usize))
    }

    /// The source text of a part of the expression.
    pub(super) fn text_of(&self, expr: &IdedExpr) -> String {
        let (mut start, mut end) = (self.text.len(), 0);
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Some((first, last)) = self.info.offset_for(expr.id) {
                start = start.min(first as usize);
                end = end.max(last as usize + 1);
            }
            match &expr.expr {
                Expr::Select(select) => {
                    open.push(&select.operand);
                    end = end.max(self.word_end(expr.id, &select.field));
                }
                Expr::Call(call) => {
                    open.extend(call.target.as_deref().into_iter().chain(&call.args));
                }
                Expr::List(list) => open.extend(&list.elements),
                Expr::Comprehension(inner) => {
                    open.extend([&inner.iter_range, &inner.loop_step]);
                }
                _ => {}
            }
        }
        let start = self.name_start(start);
        let end = closed(&self.text, start, end.min(self.text.len()));
        self.text
            .get(start..end)
            .unwrap_or(&self.text)
            .iter()
            .collect()
    }

    /// The start of a call. The parser's position of a call is its bracket, and the name is before it.
    fn name_start(&self, at: usize) -> usize {
        if self.text.get(at) != Some(&'(') {
            return at;
        }
        let name = self.text[..at]
            .iter()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || **c == '_')
            .count();
        at - name
    }

    /// The end of a selection. The parser's position of a selection is its dot, and the field's name is after it.
    fn word_end(&self, id: u64, field: &str) -> usize {
        let Some((dot, _)) = self.info.offset_for(id) else {
            return 0;
        };
        let after = dot as usize + 1;
        let spaces = self.text[after.min(self.text.len())..]
            .iter()
            .take_while(|c| c.is_whitespace())
            .count();
        after + spaces + field.chars().count()
    }
}

/// Moves `end` past the closing brackets of those that are opened between `start` and `end`.
fn closed(text: &[char], start: usize, mut end: usize) -> usize {
    let mut open = 0_usize;
    let mut quote = None;
    let mut at = start;
    while at < text.len() && (at < end || open > 0 || quote.is_some()) {
        match (quote, text[at]) {
            (Some(_), '\\') => at += 1,
            (Some(mark), c) if c == mark => quote = None,
            (None, c @ ('"' | '\'')) => quote = Some(c),
            (None, '(' | '[' | '{') => open += 1,
            (None, ')' | ']' | '}') => open = open.saturating_sub(1),
            _ => {}
        }
        at += 1;
        end = end.max(at);
    }
    end.min(text.len())
}

pub(super) fn syntax_error(text: &str, errors: &cel::parser::ParseErrors) -> ConditionError {
    let Some(first) = errors.errors.first() else {
        return ConditionError::Syntax {
            input: text.to_owned(),
            at: None,
            reason: "it cannot be read".to_owned(),
        };
    };
    let (line, column) = first.pos;
    let before: usize = text
        .split_inclusive('\n')
        .take(usize::try_from(line - 1).unwrap_or(0))
        .map(|line| line.chars().count())
        .sum();
    let at = before + usize::try_from(column - 1).unwrap_or(0);
    // The first clause of the parser's message describes the mistake; the rest lists names of tokens.
    let reason = first.msg.split(" expecting ").next().unwrap_or_default();
    let reason = reason.trim_start_matches("Syntax error: ").trim();
    ConditionError::Syntax {
        input: text.to_owned(),
        at: Some(at.min(text.chars().count())),
        reason: match reason {
            _ if text.trim().is_empty() => "it is empty".to_owned(),
            reason if reason.contains("<EOF>") => "it ends too early".to_owned(),
            reason if PARSER_WORDS.iter().any(|words| reason.starts_with(words)) => {
                unexpected(&text.chars().skip(at).collect::<String>())
            }
            reason => reason.to_owned(),
        },
    }
}

/// How the messages of the generated parser begin. They name tokens of the grammar, which users do not know.
const PARSER_WORDS: [&str; 5] = [
    "token recognition error",
    "mismatched input",
    "extraneous input",
    "no viable alternative",
    "missing ",
];

/// Operators of other languages, and those of CEL.
const OPERATORS: [(&str, &str); 6] = [
    ("=", "=="),
    ("&", "&&"),
    ("|", "||"),
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
];

/// Describes what the parser did not expect: the start of `rest`.
fn unexpected(rest: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word: String = match rest.chars().next() {
        None => return "it ends too early".to_owned(),
        Some('"' | '\'') => return "a text has no closing quote".to_owned(),
        Some(first) if is_word(first) => rest.chars().take_while(|c| is_word(*c)).collect(),
        Some(first) => first.to_string(),
    };
    let operator = OPERATORS.iter().find(|(other, _)| *other == word);
    match operator {
        Some((other, own)) => format!("`{other}` is not an operator, write `{own}`"),
        None => format!("`{word}` is unexpected"),
    }
}
