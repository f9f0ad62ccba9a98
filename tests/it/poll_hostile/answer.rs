//! The body of an answer: its envelope, what stands beside the records, and how they are spelt.

use serde_json::Value;

use super::query::Found;

/// Where the list of records lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// `[…]`
    Bare,
    /// `{"data":[…]}`, and by the other names that are met.
    Named(&'static str),
    /// `{"result":{"data":[…]}}`
    Nested(&'static str, &'static str),
}

impl Envelope {
    /// All that a poller must know.
    pub(crate) const ALL: [Self; 8] = [
        Self::Bare,
        Self::Named("data"),
        Self::Named("items"),
        Self::Named("results"),
        Self::Named("records"),
        Self::Named("rows"),
        Self::Named("docs"),
        Self::Nested("result", "data"),
    ];
}

/// How answers are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) envelope: Envelope,
    pub(crate) total: bool,
    pub(crate) has_next: bool,
    /// In chunks, without a `Content-Length`.
    pub(crate) chunked: bool,
    /// A field that each record carries, and that says something else in each answer.
    pub(crate) volatile: Option<&'static str>,
    /// Fields come in another order in each answer.
    pub(crate) reordered: bool,
}

impl Manner {
    pub(crate) const PLAIN: Self = Self {
        envelope: Envelope::Named("data"),
        total: true,
        has_next: false,
        chunked: false,
        volatile: None,
        reordered: false,
    };

    /// The body of the nth answer.
    pub(crate) fn write(&self, found: &Found, n: usize, rng: &mut fastrand::Rng) -> String {
        let length: usize = found
            .rows
            .iter()
            .map(|row| row.content.text.len() + 1)
            .sum();
        let mut list = String::with_capacity(length + 200);
        list.push('[');
        for (place, row) in found.rows.iter().enumerate() {
            if place > 0 {
                list.push(',');
            }
            self.write_record(&row.content.text, n, rng, &mut list);
        }
        list.push(']');
        let mut beside = String::new();
        if self.total {
            beside.push_str(&format!(",\"total\":{}", found.total));
        }
        if self.has_next {
            beside.push_str(&format!(",\"hasNext\":{}", found.has_next));
        }
        match self.envelope {
            Envelope::Bare => list,
            Envelope::Named(name) => format!("{{\"{name}\":{list}{beside}}}"),
            Envelope::Nested(outer, name) => {
                format!("{{\"status\":\"ok\",\"{outer}\":{{\"{name}\":{list}{beside}}}}}")
            }
        }
    }

    fn write_record(&self, text: &str, n: usize, rng: &mut fastrand::Rng, list: &mut String) {
        if self.reordered {
            let record: Value = serde_json::from_str(text).expect("a record is JSON");
            let mut fields: Vec<_> = record.as_object().into_iter().flatten().collect();
            rng.shuffle(&mut fields);
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("\"{name}\":{value}"))
                .collect();
            list.push_str(&format!("{{{}}}", fields.join(",")));
        } else {
            list.push_str(text);
        }
        if let Some(name) = self.volatile {
            list.pop();
            list.push_str(&format!(",\"{name}\":{n}}}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll_hostile::dates::Shape;
    use crate::poll_hostile::model::Model;
    use crate::poll_hostile::story::{Churn, Data};

    fn written(manner: Manner) -> (Vec<Value>, Value) {
        let data = Data {
            records: 2,
            ..Data::PLAIN
        };
        let rows = Model::new(data, Churn::NONE, Shape::Millis, 0, 1).view(u64::MAX);
        let records = rows.iter().map(|row| row.content.value.clone()).collect();
        let found = Found {
            rows,
            total: 7,
            has_next: true,
        };
        let body = manner.write(&found, 5, &mut fastrand::Rng::with_seed(1));
        (records, serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn every_envelope_holds_the_records_and_what_stands_beside_them() {
        for envelope in Envelope::ALL {
            let (records, body) = written(Manner {
                envelope,
                has_next: true,
                ..Manner::PLAIN
            });
            let (list, beside) = match envelope {
                Envelope::Bare => (&body, None),
                Envelope::Named(name) => (&body[name], Some(&body)),
                Envelope::Nested(outer, name) => (&body[outer][name], Some(&body[outer])),
            };
            assert_eq!(list.as_array(), Some(&records), "{envelope:?}");
            if let Some(beside) = beside {
                assert_eq!(
                    (&beside["total"], &beside["hasNext"]),
                    (&7.into(), &true.into())
                );
            }
        }
    }

    #[test]
    fn volatile_fields_and_other_orders_change_the_text_and_not_the_record() {
        let manner = Manner {
            volatile: Some("fetched"),
            reordered: true,
            ..Manner::PLAIN
        };
        let (records, body) = written(manner);
        let mut first = body["data"][0].clone();
        assert_eq!(
            first.as_object_mut().unwrap().remove("fetched"),
            Some(5.into())
        );
        assert_eq!(first, records[0]);
        let names = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_ne!(names(&first), names(&records[0]));
    }
}
