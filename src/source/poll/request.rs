//! The body of one request to `find`, in the platform's syntax.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The part that all requests have in common.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// The user's own filter.
    pub(super) query: Map<String, Value>,
    pub(super) field: String,
    pub(super) page_size: u32,
}

/// One request.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    /// Bounds of the date, `from..before`, as JSON in the server's own format.
    pub(super) from: Option<String>,
    pub(super) before: Option<String>,
    /// Only records without a date.
    pub(super) undated: bool,
    /// The name of the key.
    pub(super) key: Option<String>,
    /// Only keys after this one.
    pub(super) after: Option<String>,
    /// Only keys before this one.
    pub(super) below: Option<String>,
    /// Only the record with this key.
    pub(super) only: Option<String>,
    pub(super) sort: Sort,
    /// Instead of the usual page size.
    pub(super) size: Option<u32>,
    pub(super) page: PagePointer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    None,
    /// By date and then by key, if the name of the key is known.
    Ascending,
    Descending,
    /// By key alone.
    Key,
    KeyDescending,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PagePointer {
    #[default]
    First,
    Number(u64),
    Skip(u64),
}

impl Request {
    /// The same request for another page.
    pub(super) fn at_page(&self, page: PagePointer) -> Self {
        Self {
            page,
            ..self.clone()
        }
    }
}

impl Template {
    /// The body of the request.
    pub(super) fn body(&self, request: &Request) -> Vec<u8> {
        let mut body = String::with_capacity(192);
        body.push_str("{\"query\":");
        self.query(request, &mut body);
        body.push_str(",\"options\":{");
        self.sort(request, &mut body);
        let size = request.size.unwrap_or(self.page_size);
        // Writing to a String cannot fail.
        let _ = write!(body, "\"pageSize\":{size}");
        let _ = match request.page {
            PagePointer::First => Ok(()),
            PagePointer::Number(page) => write!(body, ",\"page\":{page}"),
            PagePointer::Skip(skip) => write!(body, ",\"skip\":{skip}"),
        };
        body.push_str("}}");
        body.into_bytes()
    }

    fn query(&self, request: &Request, body: &mut String) {
        let mut conditions: Vec<(&str, String)> = Vec::new();
        match (&request.from, &request.before) {
            (Some(from), Some(before)) => {
                conditions.push((&self.field, format!("{{\"$gte\":{from},\"$lt\":{before}}}")));
            }
            (Some(from), None) => conditions.push((&self.field, format!("{{\"$gte\":{from}}}"))),
            (None, Some(before)) => conditions.push((&self.field, format!("{{\"$lt\":{before}}}"))),
            (None, None) if request.undated => conditions.push((&self.field, "null".to_owned())),
            (None, None) => {}
        }
        if let Some(key) = &request.key {
            if let Some(after) = &request.after {
                conditions.push((key, format!("{{\"$gt\":{after}}}")));
            } else if let Some(below) = &request.below {
                conditions.push((key, format!("{{\"$lt\":{below}}}")));
            } else if let Some(only) = &request.only {
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

    fn sort(&self, request: &Request, body: &mut String) {
        let field = text(&self.field);
        let key = request.key.as_deref().map(text);
        let sort = match (request.sort, &key) {
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

    fn body(query: Value, request: &Request) -> String {
        let Value::Object(query) = query else {
            panic!("a query is an object")
        };
        let template = Template {
            query,
            field: "modifydate".to_owned(),
            page_size: 100,
        };
        String::from_utf8(template.body(request)).unwrap()
    }

    #[test]
    fn a_descending_request_is_the_documented_one() {
        let request = Request {
            from: Some("\"2026-04-25T00:00:00Z\"".to_owned()),
            sort: Sort::Descending,
            ..Request::default()
        };
        assert_eq!(
            body(json!({}), &request),
            r#"{"query":{"modifydate":{"$gte":"2026-04-25T00:00:00Z"}},"options":{"sort":{"modifydate":-1},"pageSize":100}}"#
        );
    }

    #[test]
    fn the_users_filter_is_combined_with_the_bounds() {
        let request = Request {
            from: Some("1".to_owned()),
            before: Some("2".to_owned()),
            key: Some("sk".to_owned()),
            after: Some("\"a\"".to_owned()),
            sort: Sort::Key,
            page: PagePointer::Skip(7),
            ..Request::default()
        };
        assert_eq!(
            body(json!({"data.status": "lead"}), &request),
            r#"{"query":{"data.status":"lead","modifydate":{"$gte":1,"$lt":2},"sk":{"$gt":"a"}},"options":{"sort":{"sk":1},"pageSize":100,"skip":7}}"#
        );
    }

    #[test]
    fn a_users_filter_on_the_date_is_kept() {
        let request = Request {
            from: Some("1".to_owned()),
            ..Request::default()
        };
        assert_eq!(
            body(json!({"modifydate": {"$lt": 9}}), &request),
            r#"{"query":{"$and":[{"modifydate":{"$lt":9}},{"modifydate":{"$gte":1}}]},"options":{"pageSize":100}}"#
        );
    }
}
