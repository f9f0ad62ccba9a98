//! Compiles the common forms of an expression: one value, found by its path, compared with literals.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::test::{Comparison, Literal, Test};
use crate::condition::{ConditionError, Question, ValuePath};
use crate::json::{Number, Step};

/// The question that an expression of a common form asks. `None` if the expression needs the interpreter.
pub(super) fn question(expr: &IdedExpr) -> Result<Option<Question>, ConditionError> {
    match &expr.expr {
        Expr::Literal(LiteralValue::Boolean(value)) => Ok(Some(Question::Constant(*value.inner()))),
        Expr::Select(select) if select.test => {
            let Some(mut path) = path_of(&select.operand) else {
                return Ok(None);
            };
            path.steps.push(Step::Name(select.field.clone()));
            Ok(Some(Question::Cel(path, Test::Exists)))
        }
        Expr::Call(call) if call.func_name != operators::INDEX => {
            Ok(call_question(call)?.map(|(path, test)| Question::Cel(path, test)))
        }
        _ => Ok(path_of(expr).map(|path| Question::Cel(path, Test::IsTrue))),
    }
}

fn call_question(call: &CallExpr) -> Result<Option<(ValuePath, Test)>, ConditionError> {
    if let (Some(target), [argument]) = (&call.target, &call.args[..]) {
        let (Some(path), Some(Literal::Text(text))) = (path_of(target), literal(argument)) else {
            return Ok(None);
        };
        let test = match call.func_name.as_str() {
            "contains" => Test::Contains(text),
            "startsWith" => Test::StartsWith(text),
            "endsWith" => Test::EndsWith(text),
            "matches" => Test::Matches(ConditionError::or_regex(&text)?),
            _ => return Ok(None),
        };
        return Ok(Some((path, test)));
    }
    let (None, [left, right]) = (&call.target, &call.args[..]) else {
        return Ok(None);
    };
    if call.func_name == operators::IN {
        if let (Some(path), Some(list)) = (path_of(left), literals(right)) {
            return Ok(Some((path, Test::In(list))));
        }
        return Ok(path_of(right).zip(literal(left).map(Test::Has)));
    }
    let Some(comparison) = Comparison::of(&call.func_name) else {
        return Ok(None);
    };
    if let (Some(path), Some(literal)) = (path_of(left), literal(right)) {
        return Ok(Some((path, Test::Compare(comparison, literal))));
    }
    let flipped = path_of(right).zip(literal(left));
    Ok(flipped.map(|(path, literal)| (path, Test::Compare(comparison.flipped(), literal))))
}

/// The path of an expression such as `data.items[0].name` or `headers["x-id"]`.
fn path_of(expr: &IdedExpr) -> Option<ValuePath> {
    let mut steps = Vec::new();
    let mut expr = expr;
    loop {
        match &expr.expr {
            Expr::Ident(root) if root != "now" => {
                steps.reverse();
                return Some(ValuePath {
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
