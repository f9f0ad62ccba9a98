//! What is asked: the body of one request, in the platform's own terms.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The part of every request that stays the same.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The person's own filter.
    pub(super) query: Map<String, Value>,
    pub(super) field: String,
    pub(super) page_size: u32,
}

/// One request.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    /// Bounds of the date, as JSON in the deployment's own shape: from, and before.
    pub(super) from: Option<String>,
    pub(super) before: Option<String>,
    /// Only records without a date.
    pub(super) undated: bool,
    /// The name of the key, and the one to go on after.
    pub(super) key: Option<String>,
    pub(super) after: Option<String>,
    /// Only keys before this one.
    pub(super) below: Option<String>,
    /// Only the record with this key.
    pub(super) only: Option<String>,
    pub(super) sort: Sort,
    /// In place of the page size.
    pub(super) size: Option<u32>,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    None,
    /// By date and then by key, where that is known.
    Ascending,
    Descending,
    /// By key alone.
    Key,
    KeyDescending,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    First,
    Page(u64),
    Skip(u64),
}

impl Question {
    /// The body of the request.
    pub(super) fn body(&self, ask: &Ask) -> Vec<u8> {
        let mut body = String::with_capacity(192);
        body.push_str("{\"query\":");
        self.query(ask, &mut body);
        body.push_str(",\"options\":{");
        self.sort(ask, &mut body);
        let size = ask.size.unwrap_or(self.page_size);
        // Writing to a String cannot fail.
        let _ = write!(body, "\"pageSize\":{size}");
        let _ = match ask.place {
            Place::First => Ok(()),
            Place::Page(page) => write!(body, ",\"page\":{page}"),
            Place::Skip(skip) => write!(body, ",\"skip\":{skip}"),
        };
        body.push_str("}}");
        body.into_bytes()
    }

    fn query(&self, ask: &Ask, body: &mut String) {
        let mut conditions: Vec<(&str, String)> = Vec::new();
        match (&ask.from, &ask.before) {
            (Some(from), Some(before)) => {
                conditions.push((&self.field, format!("{{\"$gte\":{from},\"$lt\":{before}}}")));
            }
            (Some(from), None) => conditions.push((&self.field, format!("{{\"$gte\":{from}}}"))),
            (None, Some(before)) => conditions.push((&self.field, format!("{{\"$lt\":{before}}}"))),
            (None, None) if ask.undated => conditions.push((&self.field, "null".to_owned())),
            (None, None) => {}
        }
        if let Some(key) = &ask.key {
            if let Some(after) = &ask.after {
                conditions.push((key, format!("{{\"$gt\":{after}}}")));
            } else if let Some(below) = &ask.below {
                conditions.push((key, format!("{{\"$lt\":{below}}}")));
            } else if let Some(only) = &ask.only {
                conditions.push((key, only.clone()));
            }
        }
        let clashes = conditions
            .iter()
            .any(|(name, _)| self.query.contains_key(*name));
        let ours: Vec<String> = conditions
            .iter()
            .map(|(name, condition)| format!("{}:{condition}", text(name)))
            .collect();
        let ours = ours.join(",");
        if clashes {
            let theirs = Value::Object(self.query.clone());
            let _ = write!(body, "{{\"$and\":[{theirs},{{{ours}}}]}}");
            return;
        }
        let mut theirs = Value::Object(self.query.clone()).to_string();
        theirs.pop();
        let comma = if self.query.is_empty() || ours.is_empty() {
            ""
        } else {
            ","
        };
        let _ = write!(body, "{theirs}{comma}{ours}}}");
    }

    fn sort(&self, ask: &Ask, body: &mut String) {
        let field = text(&self.field);
        let key = ask.key.as_deref().map(text);
        let sort = match (ask.sort, &key) {
            (Sort::None, _) | (Sort::Key | Sort::KeyDescending, None) => return,
            (Sort::Ascending, Some(key)) => format!("{field}:1,{key}:1"),
            (Sort::Ascending, None) => format!("{field}:1"),
            (Sort::Descending, _) => format!("{field}:-1"),
            (Sort::Key, Some(key)) => format!("{key}:1"),
            (Sort::KeyDescending, Some(key)) => format!("{key}:-1"),
        };
        let _ = write!(body, "\"sort\":{{{sort}}},");
    }
}

fn text(name: &str) -> String {
    serde_json::to_string(name).expect("text is always JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(query: Value, ask: &Ask) -> String {
        let Value::Object(query) = query else {
            panic!("a query is an object")
        };
        let question = Question {
            query,
            field: "modifydate".to_owned(),
            page_size: 100,
        };
        String::from_utf8(question.body(ask)).unwrap()
    }

    #[test]
    fn a_descending_request_is_the_documentation_s_own() {
        let ask = Ask {
            from: Some("\"2026-04-25T00:00:00Z\"".to_owned()),
            sort: Sort::Descending,
            ..Ask::default()
        };
        assert_eq!(
            body(json!({}), &ask),
            r#"{"query":{"modifydate":{"$gte":"2026-04-25T00:00:00Z"}},"options":{"sort":{"modifydate":-1},"pageSize":100}}"#
        );
    }

    #[test]
    fn a_filter_of_the_person_s_own_stands_beside_the_bounds() {
        let ask = Ask {
            from: Some("1".to_owned()),
            before: Some("2".to_owned()),
            key: Some("sk".to_owned()),
            after: Some("\"a\"".to_owned()),
            sort: Sort::Key,
            place: Place::Skip(7),
            ..Ask::default()
        };
        assert_eq!(
            body(json!({"data.status": "lead"}), &ask),
            r#"{"query":{"data.status":"lead","modifydate":{"$gte":1,"$lt":2},"sk":{"$gt":"a"}},"options":{"sort":{"sk":1},"pageSize":100,"skip":7}}"#
        );
    }

    #[test]
    fn a_filter_on_the_date_itself_is_not_overwritten() {
        let ask = Ask {
            from: Some("1".to_owned()),
            ..Ask::default()
        };
        assert_eq!(
            body(json!({"modifydate": {"$lt": 9}}), &ask),
            r#"{"query":{"$and":[{"modifydate":{"$lt":9}},{"modifydate":{"$gte":1}}]},"options":{"pageSize":100}}"#
        );
    }
}
