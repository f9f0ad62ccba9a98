//! The body of a response: its envelope, the members next to the records, and their notation.

use serde_json::Value;

use super::query::Found;

/// Where the list of records is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// `[…]`
    Bare,
    /// `{"data":[…]}`, or with another name.
    Named(&'static str),
    /// `{"result":{"data":[…]}}`
    Nested(&'static str, &'static str),
}

impl Envelope {
    /// All envelopes that a poller must know.
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

/// How responses are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) envelope: Envelope,
    pub(crate) total: bool,
    pub(crate) has_next: bool,
    /// Send chunks, without a `Content-Length`.
    pub(crate) chunked: bool,
    /// A field of each record that differs in each response.
    pub(crate) volatile: Option<&'static str>,
    /// Write the fields in another order in each response.
    pub(crate) reordered: bool,
}

impl Style {
    pub(crate) const PLAIN: Self = Self {
        envelope: Envelope::Named("data"),
        total: true,
        has_next: false,
        chunked: false,
        volatile: None,
        reordered: false,
    };

    /// The body of the nth response.
    pub(crate) fn write(&self, found: &Found, n: usize, rng: &mut fastrand::Rng) -> String {
        let length: usize = found
            .rows
            .iter()
            .map(|row| row.content.text.len() + 1)
            .sum();
        let mut list = String::with_capacity(length + 200);
        list.push('[');
        for (index, row) in found.rows.iter().enumerate() {
            if index > 0 {
                list.push(',');
            }
            self.write_record(&row.content.text, n, rng, &mut list);
        }
        list.push(']');
        let mut members = String::new();
        if self.total {
            members.push_str(&format!(",\"total\":{}", found.total));
        }
        if self.has_next {
            members.push_str(&format!(",\"hasNext\":{}", found.has_next));
        }
        match self.envelope {
            Envelope::Bare => list,
            Envelope::Named(name) => format!("{{\"{name}\":{list}{members}}}"),
            Envelope::Nested(outer, name) => {
                format!("{{\"status\":\"ok\",\"{outer}\":{{\"{name}\":{list}{members}}}}}")
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
    use crate::poll_hostile::data::{Churn, Data};
    use crate::poll_hostile::dates::Shape;
    use crate::poll_hostile::model::Model;

    fn written(style: Style) -> (Vec<Value>, Value) {
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
        let body = style.write(&found, 5, &mut fastrand::Rng::with_seed(1));
        (records, serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn every_envelope_has_the_records_and_the_members_next_to_them() {
        for envelope in Envelope::ALL {
            let (records, body) = written(Style {
                envelope,
                has_next: true,
                ..Style::PLAIN
            });
            let (list, members) = match envelope {
                Envelope::Bare => (&body, None),
                Envelope::Named(name) => (&body[name], Some(&body)),
                Envelope::Nested(outer, name) => (&body[outer][name], Some(&body[outer])),
            };
            assert_eq!(list.as_array(), Some(&records), "{envelope:?}");
            if let Some(members) = members {
                assert_eq!(
                    (&members["total"], &members["hasNext"]),
                    (&7.into(), &true.into())
                );
            }
        }
    }

    #[test]
    fn volatile_and_reordered_fields_change_only_the_notation() {
        let style = Style {
            volatile: Some("fetched"),
            reordered: true,
            ..Style::PLAIN
        };
        let (records, body) = written(style);
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
