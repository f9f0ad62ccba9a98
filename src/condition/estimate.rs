//! How much work an expression will be to the interpreter, which itself knows no bounds: found before it runs, from the lists and
//! texts that the expression names.

use std::collections::BTreeMap;

use cel::Value;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators,
};
use cel::objects::Key;
use regex::RegexBuilder;

use super::work::of_text;

/// To compile a small regular expression, which the interpreter does at every call.
const SMALL_REGEX: u64 = 2_000;
const LARGE_REGEX: u64 = 200_000;
/// Bytes of a compiled regular expression that counts as small.
const SMALL: usize = 16 * 1024;

/// An upper bound of the steps, or anything above `limit`.
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

/// What an expression may become.
#[derive(Clone, Debug)]
enum Shape<'a> {
    /// One of these.
    Among(Vec<&'a Value>),
    /// Something no larger.
    Within(Bulk),
}

/// Bounds of a value: elements, the weight of the heaviest, and of all. A weight is one for each value and each byte of text.
#[derive(Clone, Copy, Debug, Default)]
struct Bulk {
    items: u64,
    each: u64,
    weight: u64,
}

impl Bulk {
    /// A value of which only the weight is known: it may be one list, or one element.
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

    fn looked_through(self) -> u64 {
        of_text(usize::try_from(self.weight).unwrap_or(usize::MAX))
    }
}

impl<'a> Estimate<'a> {
    fn spend(&mut self, times: u64, steps: u64) {
        self.steps = self.steps.saturating_add(times.saturating_mul(steps));
    }

    /// What the expression may become, when it is evaluated so many times. As deep as the expression, which its parser limits.
    fn shape(&mut self, expr: &'a IdedExpr, times: u64) -> Shape<'a> {
        self.spend(times, 1);
        if self.steps > self.limit {
            return Shape::Within(Bulk::default());
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
                let mut all = Bulk::of(1);
                for part in &list.elements {
                    let part = self.bulk(part, times);
                    all.items += 1;
                    all.each = all.each.max(part.weight);
                    all.weight = all.weight.saturating_add(part.weight);
                }
                self.spend(times, all.looked_through());
                Shape::Within(all)
            }
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr), times),
            Expr::Struct(of) => self.entries(of.entries.iter().map(|entry| &entry.expr), times),
            Expr::Literal(LiteralValue::String(text)) => {
                Shape::Within(Bulk::of(1 + text.inner().len() as u64))
            }
            Expr::Literal(LiteralValue::Bytes(bytes)) => {
                Shape::Within(Bulk::of(1 + bytes.inner().len() as u64))
            }
            Expr::Literal(_) | Expr::Unspecified => Shape::Within(Bulk::of(1)),
        }
    }

    fn bulk(&mut self, expr: &'a IdedExpr, times: u64) -> Bulk {
        let shape = self.shape(expr, times);
        self.weigh(&shape)
    }

    fn variable(&self, name: &str) -> Shape<'a> {
        if let Some((_, shape)) = self.bound.iter().rev().find(|(bound, _)| *bound == name) {
            return shape.clone();
        }
        match self.values.get(name.trim_start_matches('.')) {
            Some(value) => Shape::Among(vec![value]),
            None => Shape::Within(Bulk::of(1)),
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
            Shape::Within(bulk) => Shape::Within(Bulk::of(bulk.weight)),
        }
    }

    fn entries(&mut self, entries: impl Iterator<Item = &'a EntryExpr>, times: u64) -> Shape<'a> {
        let mut all = Bulk::of(1);
        for entry in entries {
            let part = match entry {
                EntryExpr::StructField(field) => self.bulk(&field.value, times),
                EntryExpr::MapEntry(entry) => {
                    let key = self.bulk(&entry.key, times);
                    key.and(self.bulk(&entry.value, times))
                }
            };
            all = Bulk::of(all.weight.saturating_add(part.weight));
        }
        self.spend(times, all.looked_through());
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
        let parts: Vec<Bulk> = parts.map(|part| self.bulk(part, times)).collect();
        let all = parts.iter().copied().fold(Bulk::default(), Bulk::and);
        let small = Shape::Within(Bulk::of(1));
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
                self.spend(times, all.looked_through());
                // Texts grow where they are written with escapes, numbers where they are written at all.
                let weight = all
                    .weight
                    .saturating_mul(if call.func_name == operators::ADD {
                        1
                    } else {
                        4
                    });
                Shape::Within(Bulk {
                    items: all.items.max(1),
                    each: all.each,
                    weight: weight.saturating_add(32),
                })
            }
        }
    }

    fn comprehension(&mut self, inner: &'a ComprehensionExpr, times: u64) -> Bulk {
        let range = self.shape(&inner.iter_range, times);
        let bulk = self.weigh(&range);
        let element = self.element(&range);
        self.shape(&inner.accu_init, times);
        let times_in = times.saturating_mul(bulk.items);
        // Each element is copied before it is looked at.
        self.spend(times_in, 2 + Bulk::of(bulk.each).looked_through());
        let outside = self.bound.len();
        if let Some(second) = &inner.iter_var2 {
            self.bound
                .push((second, Shape::Within(Bulk::of(bulk.each))));
        }
        self.bound.push((&inner.iter_var, element));
        self.bound
            .push((&inner.accu_var, Shape::Within(Bulk::of(0))));
        self.shape(&inner.loop_cond, times_in);
        let step = self.bulk(&inner.loop_step, times_in);
        self.shape(&inner.result, times);
        self.bound.truncate(outside);
        Bulk {
            items: bulk.items,
            each: step.weight,
            weight: bulk.items.saturating_mul(step.weight).saturating_add(1),
        }
    }

    /// Any element of a list or key of an object.
    fn element(&mut self, list: &Shape<'a>) -> Shape<'a> {
        let bulk = match list {
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
                        true => Shape::Within(Bulk::default()),
                        false => Shape::Among(lists.into_iter().flatten().collect()),
                    };
                }
                self.weigh(list)
            }
            Shape::Within(bulk) => *bulk,
        };
        Shape::Within(Bulk::of(bulk.each))
    }

    fn weigh(&mut self, shape: &Shape<'_>) -> Bulk {
        match shape {
            Shape::Within(bulk) => *bulk,
            Shape::Among(values) => values.iter().fold(Bulk::of(1), |most, value| {
                let one = self.weigh_one(value);
                Bulk {
                    items: most.items.max(one.items),
                    each: most.each.max(one.each),
                    weight: most.weight.max(one.weight),
                }
            }),
        }
    }

    /// As deep as the value, which its parser limits. Counts as work itself.
    fn weigh_one(&mut self, value: &Value) -> Bulk {
        self.spend(1, 1);
        if self.steps > self.limit {
            return Bulk::default();
        }
        let mut all = Bulk::of(1);
        all.items = 0;
        let mut add = |weight: u64| {
            all.items += 1;
            all.each = all.each.max(weight);
            all.weight = all.weight.saturating_add(weight);
        };
        match value {
            Value::String(text) => return Bulk::of(1 + text.len() as u64),
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

/// The cost of compiling a pattern; one from the data may be anything.
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
