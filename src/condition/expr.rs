//! CEL, the language of `--where` and `when:`. Its common forms become predicates; the rest is left to the interpreter, leaf by
//! leaf, so that `&&`, `||` and `!` always see each part on its own.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use cel::Program;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use regex::Regex;

use super::error::suggest;
use super::scope::Seen;
use super::{Answer, Condition, ConditionError, Leaf, Note, Place, Predicate, Question, interpret};
use crate::json::{Number, Step};

/// Longer expressions are generated, not written, and the parser's time grows with them.
const LONGEST: usize = 8 * 1024;
/// The parser and the interpreter recurse into brackets and along chains of operators; this much fits any stack.
const DEEPEST: usize = 48;
/// Lists walked around another: `a.exists(x, b.exists(y, …))`. Every further one multiplies the work by its length.
const WALKS: usize = 1;
/// Functions and methods of the language; macros are expanded before this list is consulted.
const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "type",
    "dyn",
    "duration",
    "timestamp",
    "min",
    "max",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
    "has",
];

/// What is asked of a value.
#[derive(Debug)]
pub(super) enum Test {
    Compare(Comparison, Literal),
    /// The value is one of these.
    In(Vec<Literal>),
    /// The value is a list with this element, or an object with this member.
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
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
}

pub(super) fn parse(text: &str) -> Result<Condition, ConditionError> {
    if text.len() > LONGEST {
        return Err(ConditionError::TooLong { limit: LONGEST });
    }
    if depth(text) > DEEPEST {
        return Err(ConditionError::TooDeep);
    }
    let program = Program::compile(text).map_err(|errors| syntax(text, &errors))?;
    let reader = Reader {
        text: text.chars().collect(),
        source: program.source_info(),
    };
    let mut variables = BTreeSet::new();
    reader.check(program.expression(), &mut Vec::new(), &mut variables, 0)?;
    let predicate = reader.predicate(program.expression())?;
    // `now` is the evaluation's own.
    variables.remove("now");
    Ok(Condition {
        text: text.trim().into(),
        predicate,
        variables: variables.into_iter().map(Into::into).collect(),
    })
}

/// An upper bound of how deep the expression's tree is: brackets, and the operators in a row between `&&`, `||` and commas.
fn depth(text: &str) -> usize {
    let (mut deepest, mut quote, mut escaped) = (0, None, false);
    // How many operators the brackets that are open now stand behind.
    let mut open = Vec::new();
    let mut row = 0_usize;
    for c in text.chars() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => {
                row += 1;
                open.push(row);
            }
            (None, ')' | ']' | '}') => row = open.pop().unwrap_or(row),
            (None, '&' | '|' | ',') => row = open.last().copied().unwrap_or(0),
            (None, '.' | '+' | '-' | '*' | '/' | '%' | '!' | '?' | '<' | '>' | '=') => row += 1,
            (None, _) => {}
        }
        deepest = deepest.max(row);
    }
    deepest
}

fn syntax(text: &str, errors: &cel::parser::ParseErrors) -> ConditionError {
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
    // The parser's own words, of which the first clause says what is wrong and the rest lists its token names.
    let reason = first.msg.split(" expecting ").next().unwrap_or_default();
    let reason = reason.trim_start_matches("Syntax error: ").trim();
    ConditionError::Syntax {
        input: text.to_owned(),
        at: Some(at.min(text.chars().count())),
        reason: match reason {
            _ if text.trim().is_empty() => "it is empty".to_owned(),
            reason if reason.contains("<EOF>") => "it ends too early".to_owned(),
            reason => reason.to_owned(),
        },
    }
}

struct Reader<'a> {
    text: Vec<char>,
    source: &'a SourceInfo,
}

impl Reader<'_> {
    /// Collects the variables that an expression names, those that its macros bind aside, and refuses unknown functions.
    fn check<'e>(
        &self,
        expr: &'e IdedExpr,
        bound: &mut Vec<&'e str>,
        variables: &mut BTreeSet<String>,
        walks: usize,
    ) -> Result<(), ConditionError> {
        match &expr.expr {
            Expr::Ident(name) if !bound.contains(&name.as_str()) => {
                variables.insert(name.clone());
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
            Expr::Select(select) => self.check(&select.operand, bound, variables, walks)?,
            Expr::Call(call) => {
                self.check_function(expr.id, call)?;
                for part in call.target.as_deref().into_iter().chain(&call.args) {
                    self.check(part, bound, variables, walks)?;
                }
            }
            Expr::List(list) => {
                for part in &list.elements {
                    self.check(part, bound, variables, walks)?;
                }
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    self.check_entry(&entry.expr, bound, variables, walks)?;
                }
            }
            Expr::Struct(of) => {
                for entry in &of.entries {
                    self.check_entry(&entry.expr, bound, variables, walks)?;
                }
            }
            Expr::Comprehension(inner) => {
                self.check(&inner.iter_range, bound, variables, walks)?;
                if walks > WALKS {
                    return Err(self.walks_too_deep(expr));
                }
                let outside = bound.len();
                bound.push(&inner.iter_var);
                bound.extend(inner.iter_var2.as_deref());
                bound.push(&inner.accu_var);
                for part in [
                    &inner.accu_init,
                    &inner.loop_cond,
                    &inner.loop_step,
                    &inner.result,
                ] {
                    self.check(part, bound, variables, walks + 1)?;
                }
                bound.truncate(outside);
            }
        }
        Ok(())
    }

    fn check_entry<'e>(
        &self,
        entry: &'e EntryExpr,
        bound: &mut Vec<&'e str>,
        variables: &mut BTreeSet<String>,
        walks: usize,
    ) -> Result<(), ConditionError> {
        match entry {
            EntryExpr::StructField(field) => self.check(&field.value, bound, variables, walks),
            EntryExpr::MapEntry(entry) => {
                self.check(&entry.key, bound, variables, walks)?;
                self.check(&entry.value, bound, variables, walks)
            }
        }
    }

    fn walks_too_deep(&self, expr: &IdedExpr) -> ConditionError {
        ConditionError::WalksTooDeep {
            input: self.text.iter().collect(),
            at: self
                .source
                .offset_for(expr.id)
                .map(|(start, _)| self.name_start(start as usize)),
        }
    }

    fn check_function(&self, id: u64, call: &CallExpr) -> Result<(), ConditionError> {
        let name = call.func_name.as_str();
        // Operators have names that no one can type: `_+_`, `!_`, `@in`.
        let typed = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with('_')
            && !name.ends_with('_');
        if !typed || FUNCTIONS.contains(&name) {
            return Ok(());
        }
        Err(ConditionError::UnknownFunction {
            input: self.text.iter().collect(),
            at: self
                .source
                .offset_for(id)
                .map(|(start, _)| self.name_start(start as usize)),
            name: name.to_owned(),
            suggestion: suggest(name, FUNCTIONS),
        })
    }

    fn predicate(&self, expr: &IdedExpr) -> Result<Predicate, ConditionError> {
        if let Expr::Call(call) = &expr.expr {
            let parts = || call.args.iter().map(|part| self.predicate(part));
            match call.func_name.as_str() {
                operators::LOGICAL_AND => {
                    let mut all = Vec::new();
                    for part in parts() {
                        match part? {
                            Predicate::All(more) => all.extend(more),
                            one => all.push(one),
                        }
                    }
                    return Ok(Predicate::All(all));
                }
                operators::LOGICAL_OR => {
                    let mut any = Vec::new();
                    for part in parts() {
                        match part? {
                            Predicate::Any(more) => any.extend(more),
                            one => any.push(one),
                        }
                    }
                    return Ok(Predicate::Any(any));
                }
                operators::LOGICAL_NOT if call.args.len() == 1 => {
                    return Ok(Predicate::Not(Box::new(self.predicate(&call.args[0])?)));
                }
                _ => {}
            }
        }
        let question = match question(expr)? {
            Some(question) => question,
            None => Question::Program(interpret::Program::new(expr.clone())),
        };
        Ok(Predicate::Leaf(Leaf {
            text: self.written(expr).into(),
            question,
        }))
    }

    /// A part of the expression as it was written.
    fn written(&self, expr: &IdedExpr) -> String {
        let (mut start, mut end) = (self.text.len(), 0);
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Some((first, last)) = self.source.offset_for(expr.id) {
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

    /// A call stands in the source where its bracket is; its name precedes it.
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

    /// A selection stands in the source where its dot is; its field's name follows.
    fn word_end(&self, id: u64, field: &str) -> usize {
        let Some((dot, _)) = self.source.offset_for(id) else {
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

/// Moves `end` behind the brackets that were opened between `start` and it.
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

/// The predicate for an expression of a common form; `None` for the interpreter's.
fn question(expr: &IdedExpr) -> Result<Option<Question>, ConditionError> {
    match &expr.expr {
        Expr::Literal(LiteralValue::Boolean(value)) => Ok(Some(Question::Constant(*value.inner()))),
        Expr::Select(select) if select.test => {
            let Some(mut place) = place(&select.operand) else {
                return Ok(None);
            };
            place.steps.push(Step::Name(select.field.clone()));
            Ok(Some(Question::Cel(place, Test::Exists)))
        }
        Expr::Call(call) if call.func_name != operators::INDEX => {
            Ok(call_question(call)?.map(|(place, test)| Question::Cel(place, test)))
        }
        _ => Ok(place(expr).map(|place| Question::Cel(place, Test::IsTrue))),
    }
}

fn call_question(call: &CallExpr) -> Result<Option<(Place, Test)>, ConditionError> {
    if let (Some(target), [argument]) = (&call.target, &call.args[..]) {
        let (Some(place), Some(Literal::Text(text))) = (place(target), literal(argument)) else {
            return Ok(None);
        };
        let test = match call.func_name.as_str() {
            "contains" => Test::Contains(text),
            "startsWith" => Test::StartsWith(text),
            "endsWith" => Test::EndsWith(text),
            "matches" => Test::Matches(ConditionError::or_regex(&text)?),
            _ => return Ok(None),
        };
        return Ok(Some((place, test)));
    }
    let (None, [left, right]) = (&call.target, &call.args[..]) else {
        return Ok(None);
    };
    if call.func_name == operators::IN {
        if let (Some(place), Some(list)) = (place(left), literals(right)) {
            return Ok(Some((place, Test::In(list))));
        }
        return Ok(place(right).zip(literal(left).map(Test::Has)));
    }
    let Some(comparison) = Comparison::of(&call.func_name) else {
        return Ok(None);
    };
    if let (Some(place), Some(literal)) = (place(left), literal(right)) {
        return Ok(Some((place, Test::Compare(comparison, literal))));
    }
    let flipped = place(right).zip(literal(left));
    Ok(flipped.map(|(place, literal)| (place, Test::Compare(comparison.flipped(), literal))))
}

/// The path that an expression spells: `data.items[0].name`, `headers["x-id"]`.
fn place(expr: &IdedExpr) -> Option<Place> {
    let mut steps = Vec::new();
    let mut expr = expr;
    loop {
        match &expr.expr {
            Expr::Ident(root) if root != "now" => {
                steps.reverse();
                return Some(Place {
                    root: root.as_str().into(),
                    steps,
                });
            }
            Expr::Select(select) if !select.test => {
                steps.push(Step::Name(select.field.clone()));
                expr = &select.operand;
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [operand, index] = &call.args[..] else {
                    return None;
                };
                steps.push(match literal(index)? {
                    Literal::Text(name) => Step::Name(name),
                    Literal::Number(Number::Whole(index)) => {
                        Step::Index(usize::try_from(index).ok()?)
                    }
                    _ => return None,
                });
                expr = operand;
            }
            _ => return None,
        }
    }
}

fn literal(expr: &IdedExpr) -> Option<Literal> {
    if let Expr::Call(call) = &expr.expr
        && call.func_name == operators::NEGATE
    {
        return match literal(call.args.first()?)? {
            Literal::Number(Number::Whole(whole)) => Some(Literal::Number(Number::Whole(-whole))),
            Literal::Number(Number::Real(real)) => Some(Literal::Number(Number::Real(-real))),
            _ => None,
        };
    }
    let Expr::Literal(value) = &expr.expr else {
        return None;
    };
    Some(match value {
        LiteralValue::Boolean(value) => Literal::Bool(*value.inner()),
        LiteralValue::Double(value) => Literal::Number(Number::Real(*value.inner())),
        LiteralValue::Int(value) => Literal::Number(Number::Whole((*value.inner()).into())),
        LiteralValue::UInt(value) => Literal::Number(Number::Whole((*value.inner()).into())),
        LiteralValue::Null => Literal::Null,
        LiteralValue::String(value) => Literal::Text(value.inner().to_owned()),
        LiteralValue::Bytes(_) => return None,
    })
}

fn literals(expr: &IdedExpr) -> Option<Vec<Literal>> {
    match &expr.expr {
        Expr::List(list) if list.optional_indices.is_empty() => {
            list.elements.iter().map(literal).collect()
        }
        _ => None,
    }
}

impl Comparison {
    fn of(function: &str) -> Option<Self> {
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

    /// The same comparison with its sides exchanged.
    fn flipped(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    pub(super) fn holds(self, order: Ordering) -> bool {
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
    /// The order of a value and the literal; `None` where they are of different kinds.
    fn order(&self, seen: &Seen<'_>) -> Option<Ordering> {
        match self {
            Self::Null => seen.is_null().then_some(Ordering::Equal),
            Self::Bool(literal) => seen.as_bool().map(|value| value.cmp(literal)),
            Self::Number(literal) => seen.as_number()?.compare(*literal),
            Self::Text(literal) => seen.as_str().map(|value| (*value).cmp(literal)),
        }
    }

    fn equals(&self, seen: &Seen<'_>) -> bool {
        self.order(seen).is_some_and(Ordering::is_eq)
    }
}

impl Test {
    pub(super) fn ask(&self, seen: Option<&Seen<'_>>) -> Answer {
        let Some(seen) = seen else {
            return match self {
                Self::Exists => Ok(false),
                _ => Err(Note::Missing),
            };
        };
        let text = |test: &dyn Fn(&str) -> bool| match seen.as_str() {
            Some(text) => Ok(test(&text)),
            None => Err(Note::NotComparable),
        };
        match self {
            Self::Compare(comparison, literal) => match (literal.order(seen), comparison) {
                (Some(order), _) => Ok(comparison.holds(order)),
                // CEL's equality is between any two kinds, its order is not.
                (None, Comparison::Equal) => Ok(false),
                (None, Comparison::NotEqual) => Ok(true),
                (None, _) => Err(Note::NotComparable),
            },
            Self::In(list) => Ok(list.iter().any(|literal| literal.equals(seen))),
            Self::Has(literal) => match (seen.items(), literal) {
                (Some(mut items), _) => Ok(items.any(|item| literal.equals(&item))),
                (None, Literal::Text(name)) if seen.kind() == Some(crate::json::Kind::Object) => {
                    Ok(seen.has_member(name))
                }
                _ => Err(Note::NotComparable),
            },
            Self::Contains(part) => text(&|text| text.contains(part.as_str())),
            Self::StartsWith(part) => text(&|text| text.starts_with(part.as_str())),
            Self::EndsWith(part) => text(&|text| text.ends_with(part.as_str())),
            Self::Matches(regex) => text(&|text| regex.is_match(text)),
            Self::Exists => Ok(true),
            Self::IsTrue => seen.as_bool().ok_or(Note::NotComparable),
        }
    }
}
