//! A large number of records with one date. They are rendered once and sorted by key, so that searching is fast.

use std::sync::Arc;

use serde_json::{Value, json};

use super::dates::{Micros, SECOND, Shape};
use super::deployment::Collection;
use super::query::{Ask, Condition, Found, Operator, Quirks};
use super::record::{Content, Row};

/// 2026-04-25T10:00:00.120Z
const INSTANT: Micros = 1_777_111_200_120_000;

pub(crate) struct LargeTie {
    quirks: Quirks,
    /// By key.
    rows: Vec<Row>,
}

impl LargeTie {
    pub(crate) fn new(records: usize, quirks: Quirks) -> Self {
        let row = |record: usize| Row {
            record,
            commit: 1,
            content: Arc::new(Content {
                value: Value::Null,
                at: Some(INSTANT),
                text: line(record),
            }),
        };
        Self {
            quirks,
            rows: (0..records).map(row).collect(),
        }
    }

    /// The records with keys within the bounds, if the date is as well.
    fn bounds(&self, conditions: &[Condition]) -> Option<std::ops::Range<usize>> {
        let date = Shape::Millis.write(INSTANT);
        let mut range = 0..self.rows.len();
        for Condition {
            path,
            operator,
            operand,
        } in conditions
        {
            if path == "sk" {
                let bound = operand.as_str()?;
                let below = self.position(|found| found < bound);
                let up_to = self.position(|found| found <= bound);
                let (from, to) = match operator {
                    Operator::Gt => (up_to, range.end),
                    Operator::Gte => (below, range.end),
                    Operator::Lt => (0, below),
                    Operator::Lte => (0, up_to),
                    Operator::Eq => (below, up_to),
                };
                range = range.start.max(from)..range.end.min(to);
            } else {
                let order =
                    Shape::Millis.compare(self.quirks.compared, (&date, INSTANT), operand)?;
                if path != "modifydate" || !operator.admits(order) {
                    return None;
                }
            }
        }
        (range.start < range.end).then_some(range)
    }

    fn position(&self, is_before: impl Fn(&str) -> bool) -> usize {
        self.rows.partition_point(|row| is_before(&key(row.record)))
    }
}

/// The text of a record: about 330 bytes.
pub(crate) fn line(record: usize) -> String {
    let date = Shape::Millis.write(INSTANT);
    let filler = "x".repeat(160);
    json!({
        "pk": "contact", "sk": key(record), "name": format!("Contact {record}"), "datatype": "contact", "version": 1,
        "state": "active", "createdate": date, "modifydate": date, "data": { "note": filler },
    })
    .to_string()
}

fn key(record: usize) -> String {
    format!("c{record:07}")
}

impl Collection for LargeTie {
    fn now(&self) -> Micros {
        INSTANT + 3600 * SECOND
    }

    fn find(&mut self, body: &Value, _ago: u64) -> Result<Found, String> {
        let ask = Ask::parse(body, &self.quirks)?;
        let range = self.bounds(&ask.conditions).unwrap_or(0..0);
        let total = range.len();
        let found = &self.rows[range];
        // All dates are equal, so the key decides the order.
        let descends = ask
            .sort
            .iter()
            .any(|(path, descends)| path == "sk" && *descends);
        let rows: Vec<Row> = if descends {
            found
                .iter()
                .rev()
                .skip(ask.skip)
                .take(ask.size)
                .cloned()
                .collect()
        } else {
            found
                .iter()
                .skip(ask.skip)
                .take(ask.size)
                .cloned()
                .collect()
        };
        Ok(Found {
            has_next: ask.skip.saturating_add(rows.len()) < total,
            rows,
            total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: Value) -> Vec<usize> {
        let mut tie = LargeTie::new(50, Quirks::NONE);
        let found = tie.find(&body, 0).unwrap();
        found.rows.iter().map(|row| row.record).collect()
    }

    #[test]
    fn a_large_tie_is_searched_like_other_collections() {
        let at = Shape::Millis.write(INSTANT);
        let after = Shape::Millis.write(INSTANT + 1000);
        let options = json!({"sort": {"sk": 1}, "pageSize": 3});
        let keyset = json!({"modifydate": {"$gte": at, "$lt": after}, "sk": {"$gt": key(9)}});
        assert_eq!(
            found(json!({"query": keyset, "options": options})),
            [10, 11, 12]
        );
        assert_eq!(
            found(json!({"query": {"modifydate": {"$gte": after}}})),
            [0; 0]
        );
        assert_eq!(found(json!({"query": {"sk": {"$lte": key(1)}}})), [0, 1]);
        assert_eq!(found(json!({"query": {"sk": key(7)}})), [7]);
        let options = json!({"sort": {"modifydate": -1, "sk": -1}, "pageSize": 2, "page": 2});
        assert_eq!(found(json!({"options": options})), [47, 46]);
    }
}
