//! Estimates the work of an expression from the lists and texts that it names. The interpreter itself has no bounds, so the
//! estimate is made before the expression is evaluated.

use std::collections::BTreeMap;

use cel::Value;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators,
};
use cel::objects::Key;
use regex::RegexBuilder;

use crate::condition::budget::of_text;

/// Steps for compiling a small regular expression, which the interpreter does for every call.
const SMALL_REGEX: u64 = 2_000;
const LARGE_REGEX: u64 = 200_000;
/// The largest compiled regular expression that counts as small, in bytes.
const SMALL: usize = 16 * 1024;

/// An upper bound of the steps. If it exceeds `limit`, the result is some number above `limit`.
pub(super) fn steps(expr: &IdedExpr, values: &BTreeMap<String, Value>, limit: u64) -> u64 {
    let mut estimate = Estimate {
        values,
        bound: Vec::new(),
        steps: 0,
        limit,
    };
    estimate.shape(expr, 1);
    estimate.steps
}

struct Estimate<'a> {
    values: &'a BTreeMap<String, Value>,
    bound: Vec<(&'a str, Shape<'a>)>,
    steps: u64,
    limit: u64,
}

/// The possible values of an expression.
#[derive(Clone, Debug)]
enum Shape<'a> {
    /// The value is one of these.
    Among(Vec<&'a Value>),
    /// Any value of at most this size.
    Within(Size),
}

/// The size of a value: the number of elements, the weight of the heaviest element, and the total weight. Each value and each byte
/// of text has the weight 1.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    items: u64,
    each: u64,
    weight: u64,
}

impl Size {
    /// The size of a value of known weight: many light elements or one heavy element.
    const fn of(weight: u64) -> Self {
        Self {
            items: weight,
            each: weight,
            weight,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            items: self.items.saturating_add(other.items),
            each: self.each.max(other.each),
            weight: self.weight.saturating_add(other.weight),
        }
    }

    /// Steps for scanning the value.
    fn scan(self) -> u64 {
        of_text(usize::try_from(self.weight).unwrap_or(usize::MAX))
    }
}

impl<'a> Estimate<'a> {
    fn spend(&mut self, times: u64, steps: u64) {
        self.steps = self.steps.saturating_add(times.saturating_mul(steps));
    }

    /// The possible values of an expression that is evaluated `times` times. Recursive; the parser limits the depth.
    fn shape(&mut self, expr: &'a IdedExpr, times: u64) -> Shape<'a> {
        self.spend(times, 1);
        if self.steps > self.limit {
            return Shape::Within(Size::default());
        }
        match &expr.expr {
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => {
                let operand = self.shape(&select.operand, times);
                self.member(operand, &select.field)
            }
            Expr::Call(call) => self.call(call, times),
            Expr::Comprehension(inner) => Shape::Within(self.comprehension(inner, times)),
            Expr::List(list) => {
                let mut all = Size::of(1);
                for part in &list.elements {
                    let part = self.size(part, times);
                    all.items += 1;
                    all.each = all.each.max(part.weight);
                    all.weight = all.weight.saturating_add(part.weight);
                }
                self.spend(times, all.scan());
                Shape::Within(all)
            }
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr), times),
            Expr::Struct(of) => self.entries(of.entries.iter().map(|entry| &entry.expr), times),
            Expr::Literal(LiteralValue::String(text)) => {
                Shape::Within(Size::of(1 + text.inner().len() as u64))
            }
            Expr::Literal(LiteralValue::Bytes(bytes)) => {
                Shape::Within(Size::of(1 + bytes.inner().len() as u64))
            }
            Expr::Literal(_) | Expr::Unspecified => Shape::Within(Size::of(1)),
        }
    }

    fn size(&mut self, expr: &'a IdedExpr, times: u64) -> Size {
        let shape = self.shape(expr, times);
        self.weigh(&shape)
    }

    fn variable(&self, name: &str) -> Shape<'a> {
        if let Some((_, shape)) = self.bound.iter().rev().find(|(bound, _)| *bound == name) {
            return shape.clone();
        }
        match self.values.get(name.trim_start_matches('.')) {
            Some(value) => Shape::Among(vec![value]),
            None => Shape::Within(Size::of(1)),
        }
    }

    fn member(&mut self, operand: Shape<'a>, name: &str) -> Shape<'a> {
        match operand {
            Shape::Among(values) => {
                self.spend(values.len() as u64, 1);
                let key = Key::from(name);
                let members = values.into_iter().filter_map(|value| match value {
                    Value::Map(map) => map.map.get(&key),
                    _ => None,
                });
                Shape::Among(members.collect())
            }
            Shape::Within(size) => Shape::Within(Size::of(size.weight)),
        }
    }

    fn entries(&mut self, entries: impl Iterator<Item = &'a EntryExpr>, times: u64) -> Shape<'a> {
        let mut all = Size::of(1);
        for entry in entries {
            let part = match entry {
                EntryExpr::StructField(field) => self.size(&field.value, times),
                EntryExpr::MapEntry(entry) => {
                    let key = self.size(&entry.key, times);
                    key.and(self.size(&entry.value, times))
                }
            };
            all = Size::of(all.weight.saturating_add(part.weight));
        }
        self.spend(times, all.scan());
        Shape::Within(all)
    }

    fn call(&mut self, call: &'a CallExpr, times: u64) -> Shape<'a> {
        if let (operators::INDEX, [list, at]) = (call.func_name.as_str(), &call.args[..]) {
            let list = self.shape(list, times);
            self.shape(at, times);
            return match &at.expr {
                Expr::Literal(LiteralValue::String(name)) => self.member(list, name.inner()),
                _ => self.element(&list),
            };
        }
        let parts = call.target.as_deref().into_iter().chain(&call.args);
        let parts: Vec<Size> = parts.map(|part| self.size(part, times)).collect();
        let all = parts.iter().copied().fold(Size::default(), Size::and);
        let small = Shape::Within(Size::of(1));
        match call.func_name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => small,
            operators::EQUALS | operators::NOT_EQUALS => {
                let least = parts.iter().min_by_key(|part| part.weight);
                self.spend(times, least.map_or(1, |part| part.weight));
                small
            }
            operators::IN => {
                self.spend(times, all.weight);
                small
            }
            operators::CONDITIONAL | operators::NOT_STRICTLY_FALSE => Shape::Within(all),
            "matches" => {
                let cost = regex(call.args.last());
                self.spend(times, cost.saturating_add(all.weight));
                small
            }
            _ => {
                self.spend(times, all.scan());
                // Escapes make texts longer, and a number as text is longer than its weight.
                let weight = all
                    .weight
                    .saturating_mul(if call.func_name == operators::ADD {
                        1
                    } else {
                        4
                    });
                Shape::Within(Size {
                    items: all.items.max(1),
                    each: all.each,
                    weight: weight.saturating_add(32),
                })
            }
        }
    }

    fn comprehension(&mut self, inner: &'a ComprehensionExpr, times: u64) -> Size {
        let range = self.shape(&inner.iter_range, times);
        let size = self.weigh(&range);
        let element = self.element(&range);
        self.shape(&inner.accu_init, times);
        let times_in = times.saturating_mul(size.items);
        // The interpreter copies each element.
        self.spend(times_in, 2 + Size::of(size.each).scan());
        let outside = self.bound.len();
        if let Some(second) = &inner.iter_var2 {
            self.bound
                .push((second, Shape::Within(Size::of(size.each))));
        }
        self.bound.push((&inner.iter_var, element));
        self.bound
            .push((&inner.accu_var, Shape::Within(Size::of(0))));
        self.shape(&inner.loop_cond, times_in);
        let step = self.size(&inner.loop_step, times_in);
        self.shape(&inner.result, times);
        self.bound.truncate(outside);
        Size {
            items: size.items,
            each: step.weight,
            weight: size.items.saturating_mul(step.weight).saturating_add(1),
        }
    }

    /// The elements of a list, or the keys of an object.
    fn element(&mut self, list: &Shape<'a>) -> Shape<'a> {
        let size = match list {
            Shape::Among(values) => {
                let lists: Option<Vec<&'a [Value]>> = values
                    .iter()
                    .map(|value| match value {
                        Value::List(items) => Some(items.as_slice()),
                        _ => None,
                    })
                    .collect();
                if let Some(lists) = lists {
                    let count = lists.iter().map(|list| list.len() as u64).sum();
                    self.spend(count, 1);
                    return match self.steps > self.limit {
                        true => Shape::Within(Size::default()),
                        false => Shape::Among(lists.into_iter().flatten().collect()),
                    };
                }
                self.weigh(list)
            }
            Shape::Within(size) => *size,
        };
        Shape::Within(Size::of(size.each))
    }

    fn weigh(&mut self, shape: &Shape<'_>) -> Size {
        match shape {
            Shape::Within(size) => *size,
            Shape::Among(values) => values.iter().fold(Size::of(1), |most, value| {
                let one = self.weigh_one(value);
                Size {
                    items: most.items.max(one.items),
                    each: most.each.max(one.each),
                    weight: most.weight.max(one.weight),
                }
            }),
        }
    }

    /// Recursive; the JSON parser limits the depth. Weighing counts as work, too.
    fn weigh_one(&mut self, value: &Value) -> Size {
        self.spend(1, 1);
        if self.steps > self.limit {
            return Size::default();
        }
        let mut all = Size::of(1);
        all.items = 0;
        let mut add = |weight: u64| {
            all.items += 1;
            all.each = all.each.max(weight);
            all.weight = all.weight.saturating_add(weight);
        };
        match value {
            Value::String(text) => return Size::of(1 + text.len() as u64),
            Value::List(items) => {
                for item in items.iter() {
                    add(self.weigh_one(item).weight);
                }
            }
            Value::Map(map) => {
                for (key, value) in map.map.iter() {
                    let key = match key {
                        Key::String(name) => 1 + name.len() as u64,
                        _ => 1,
                    };
                    add(key.saturating_add(self.weigh_one(value).weight));
                }
            }
            _ => {}
        }
        all
    }
}

/// Steps for compiling a pattern. A pattern that is not a literal could be anything, so it is refused.
fn regex(pattern: Option<&IdedExpr>) -> u64 {
    let Some(Expr::Literal(LiteralValue::String(text))) = pattern.map(|pattern| &pattern.expr)
    else {
        return u64::MAX;
    };
    let mut builder = RegexBuilder::new(text.inner());
    match builder.size_limit(SMALL).build() {
        Ok(_) => SMALL_REGEX,
        Err(_) => LARGE_REGEX,
    }
}
