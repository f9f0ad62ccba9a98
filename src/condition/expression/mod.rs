//! CEL, the language of `--where` and `when:`.
//!
//! Common forms are compiled to tests of the predicate tree, the others are evaluated by the interpreter. `&&`, `||` and `!` are
//! always nodes of the tree, so that each part has its own result.

mod compile;
mod estimate;
pub(super) mod interpreter;
mod source;
mod test;

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, operators};

use super::error::suggest;
use super::{Condition, ConditionError, Leaf, Predicate, Question};
use source::{Source, syntax_error};
pub(super) use test::Test;

/// The longest expression in bytes. The parser's time grows with the length.
const LONGEST: usize = 8 * 1024;
/// The deepest nesting. The parser and the interpreter recurse into brackets and along chains of operators.
const DEEPEST: usize = 48;
/// Loops around another loop: `a.exists(x, b.exists(y, …))`. Each further one multiplies the work by the length of its list.
const OUTER_LOOPS: usize = 1;
/// Functions and methods of the language. The parser has already expanded macros.
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

pub(super) fn parse(text: &str) -> Result<Condition, ConditionError> {
    if text.len() > LONGEST {
        return Err(ConditionError::TooLong { limit: LONGEST });
    }
    if depth(text) > DEEPEST {
        return Err(ConditionError::TooDeep);
    }
    let program = cel::Program::compile(text).map_err(|errors| syntax_error(text, &errors))?;
    let reader = Reader(Source {
        text: text.chars().collect(),
        info: program.source_info(),
    });
    let mut variables = BTreeSet::new();
    reader.check(program.expression(), &mut Vec::new(), &mut variables, 0)?;
    let predicate = reader.predicate(program.expression())?;
    // Every evaluation has `now`.
    variables.remove("now");
    Ok(Condition {
        text: text.trim().into(),
        predicate,
        variables: variables.into_iter().map(Into::into).collect(),
    })
}

/// An upper bound of the depth of the expression's tree: brackets, and operators in a row between `&&`, `||` and commas.
fn depth(text: &str) -> usize {
    let (mut deepest, mut quote, mut escaped) = (0, None, false);
    // The number of operators before each bracket that is open.
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

struct Reader<'a>(Source<'a>);

impl Reader<'_> {
    /// Collects the variables that an expression names, except those that its macros bind, and refuses unknown functions.
    fn check<'e>(
        &self,
        expr: &'e IdedExpr,
        bound: &mut Vec<&'e str>,
        variables: &mut BTreeSet<String>,
        loops: usize,
    ) -> Result<(), ConditionError> {
        match &expr.expr {
            Expr::Ident(name) if !bound.contains(&name.as_str()) => {
                variables.insert(name.clone());
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
            Expr::Select(select) => self.check(&select.operand, bound, variables, loops)?,
            Expr::Call(call) => {
                self.check_function(expr.id, call)?;
                for part in call.target.as_deref().into_iter().chain(&call.args) {
                    self.check(part, bound, variables, loops)?;
                }
            }
            Expr::List(list) => {
                for part in &list.elements {
                    self.check(part, bound, variables, loops)?;
                }
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    self.check_entry(&entry.expr, bound, variables, loops)?;
                }
            }
            Expr::Struct(of) => {
                for entry in &of.entries {
                    self.check_entry(&entry.expr, bound, variables, loops)?;
                }
            }
            Expr::Comprehension(inner) => {
                self.check(&inner.iter_range, bound, variables, loops)?;
                if loops > OUTER_LOOPS {
                    return Err(self.loops_too_deep(expr));
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
                    self.check(part, bound, variables, loops + 1)?;
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
        loops: usize,
    ) -> Result<(), ConditionError> {
        match entry {
            EntryExpr::StructField(field) => self.check(&field.value, bound, variables, loops),
            EntryExpr::MapEntry(entry) => {
                self.check(&entry.key, bound, variables, loops)?;
                self.check(&entry.value, bound, variables, loops)
            }
        }
    }

    fn loops_too_deep(&self, expr: &IdedExpr) -> ConditionError {
        ConditionError::LoopsTooDeep {
            input: self.0.text.iter().collect(),
            at: self.0.at(expr.id),
        }
    }

    fn check_function(&self, id: u64, call: &CallExpr) -> Result<(), ConditionError> {
        let name = call.func_name.as_str();
        // The names of operators are not valid in an expression: `_+_`, `!_`, `@in`.
        let typed = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with('_')
            && !name.ends_with('_');
        if !typed || FUNCTIONS.contains(&name) {
            return Ok(());
        }
        Err(ConditionError::UnknownFunction {
            input: self.0.text.iter().collect(),
            at: self.0.at(id),
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
        let question = match compile::question(expr)? {
            Some(question) => question,
            None => Question::Program(interpreter::Program::new(expr.clone())),
        };
        Ok(Predicate::Leaf(Leaf {
            text: self.0.text_of(expr).into(),
            question,
        }))
    }
}
