//! Records of the repository. A record keeps the JSON that the platform sent, so that it is printed unchanged.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Answer, ApiError, Call, Client, Unread};

/// A record (the platform's BaseModel): its JSON, and the parsed value.
#[derive(Clone, Debug)]
pub struct Record {
    raw: Box<RawValue>,
    value: Value,
}

impl Record {
    fn read(raw: Box<RawValue>) -> Result<Self, serde_json::Error> {
        let value = serde_json::from_str(raw.get())?;
        Ok(Self { raw, value })
    }

    /// The JSON as the platform sent it, with the same digits, escapes and order of keys.
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// The parsed record. Numbers may have lost digits; [`Record::raw`] has all of them.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The id by which the platform finds the record: `sk`, or `id` if it has no `sk`.
    pub fn id(&self) -> &str {
        ["sk", "id", "_id", "pk"]
            .iter()
            .find_map(|key| self.value.get(key).and_then(Value::as_str))
            .unwrap_or_default()
    }

    /// The record's own fields.
    pub fn data(&self) -> &Value {
        self.value.get("data").unwrap_or(&Value::Null)
    }

    /// One of the fields next to the data (`state`, `modifydate`, `version`) as text; empty if the record does not have it.
    pub fn field(&self, name: &str) -> String {
        match self.value.get(name) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        }
    }
}

/// A query for records.
#[derive(Clone, Debug)]
pub struct Find {
    /// A Mongo-style filter; `{}` matches every record.
    pub query: Value,
    /// Fields and directions, the most significant first.
    pub sort: Vec<(String, Direction)>,
    pub page_size: u32,
    /// The first page is 1.
    pub page: u32,
}

impl Default for Find {
    fn default() -> Self {
        Self {
            query: json!({}),
            sort: vec![("modifydate".to_owned(), Direction::Descending)],
            page_size: 50,
            page: 1,
        }
    }
}

/// The direction of a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// One page of records.
#[derive(Clone, Debug)]
pub struct Page {
    pub records: Vec<Record>,
    /// The number of all records that match, if the platform reports it.
    pub total: Option<u64>,
    pub has_next: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    data: Vec<Box<RawValue>>,
    total: Option<u64>,
    has_next: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Creation<'a, T> {
    datatype: &'a str,
    is_new: bool,
    data: &'a T,
}

#[derive(Serialize)]
struct Replacement<'a, T> {
    datatype: &'a str,
    data: &'a T,
}

impl Client {
    /// Returns one page of the records that match `find`.
    pub async fn find_records(&self, datatype: &str, find: &Find) -> Result<Page, ApiError> {
        let sort: serde_json::Map<String, Value> = find
            .sort
            .iter()
            .map(|(field, direction)| {
                let sign = if *direction == Direction::Ascending {
                    1
                } else {
                    -1
                };
                (field.clone(), json!(sign))
            })
            .collect();
        let body = json!({
            "query": find.query,
            "options": {"sort": sort, "pageSize": find.page_size, "page": find.page},
        });
        let mut call = self.post(&["repository", "find", datatype], &body)?;
        call.repeatable = true;
        let answer = self.call(&call).await?;
        self.page(&answer, find)
    }

    /// Requests a page with the given body, with one attempt that takes at most `limit`, and returns the response unparsed: for callers
    /// that retry by their own rules.
    ///
    /// # Errors
    /// Every failure. Only an expired token is renewed.
    pub async fn find_unparsed(
        &self,
        datatype: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Answer, ApiError> {
        let url = self.url(&["repository", "find", datatype])?;
        let call = Call {
            body: Some(body),
            limit: Some(limit),
            ..Call::new(Method::POST, url)
        };
        self.call_once(&call).await
    }

    fn page(&self, answer: &Answer, find: &Find) -> Result<Page, ApiError> {
        let envelope = list(&answer.body)
            .map_err(|error| self.unreadable(answer, "a page of records", error))?;
        // If the platform does not report it, a full page means that there may be another one.
        let has_next = envelope
            .has_next
            .unwrap_or(envelope.data.len() >= find.page_size as usize);
        Ok(Page {
            has_next: has_next && !envelope.data.is_empty(),
            total: envelope.total,
            records: self.records(envelope.data)?,
        })
    }

    fn records(&self, raw: Vec<Box<RawValue>>) -> Result<Vec<Record>, ApiError> {
        raw.into_iter().map(|raw| self.record(raw)).collect()
    }

    fn record(&self, raw: Box<RawValue>) -> Result<Record, ApiError> {
        Record::read(raw).map_err(|source| ApiError::Unreadable {
            origin: self.origin(),
            expected: "a record",
            source: Unread::Form(source),
        })
    }

    /// Returns one record by any of its ids.
    pub async fn get_record(&self, datatype: &str, id: &str) -> Result<Record, ApiError> {
        let call = self.get(&["repository", "get", datatype, id])?;
        let raw: Box<RawValue> = self.ask(&call, "a record").await?;
        let record = self.record(raw)?;
        // Some endpoints wrap the record in `data`. A record that is not wrapped has an id next to its data.
        if record.id().is_empty() && !record.data().is_null() {
            #[derive(Deserialize)]
            struct Wrapped {
                data: Box<RawValue>,
            }
            if let Ok(wrapped) = serde_json::from_str::<Wrapped>(record.raw.get()) {
                return self.record(wrapped.data);
            }
        }
        Ok(record)
    }

    /// Creates a record: with PUT, as the platform's own clients do, and with POST if the server refuses the method (405). Returns `None` if the response is empty: the platform treats an exact repetition of the previous call as a duplicate.
    ///
    /// Not repeated after a broken connection, because the platform may have created the record.
    pub async fn create_record(
        &self,
        datatype: &str,
        data: &impl Serialize,
    ) -> Result<Option<Record>, ApiError> {
        let body = Creation {
            datatype,
            is_new: true,
            data,
        };
        let mut call = self.post(&["repository", "create"], &body)?;
        call.method = Method::PUT;
        let mut answer = self.call(&call).await;
        if matches!(&answer, Err(error) if error.refusal().is_some_and(|refusal| refusal.status == 405))
        {
            call.method = Method::POST;
            answer = self.call(&call).await;
        }
        let answer = answer?;
        if answer.body.trim_ascii().is_empty() {
            return Ok(None);
        }
        let raw = self.read(&answer, "a record")?;
        self.record(raw).map(Some)
    }

    /// Replaces a record's data.
    pub async fn update_record(
        &self,
        datatype: &str,
        id: &str,
        data: &impl Serialize,
    ) -> Result<Record, ApiError> {
        let body = Replacement { datatype, data };
        let mut call = self.post(&["repository", "update", datatype, id], &body)?;
        call.repeatable = true;
        let raw = self.ask(&call, "a record").await?;
        self.record(raw)
    }

    /// Changes some fields of a record. The keys of `changes` are dot paths.
    pub async fn update_record_partially(
        &self,
        datatype: &str,
        id: &str,
        changes: &Value,
    ) -> Result<Record, ApiError> {
        let mut call = self.post(&["repository", "update-partial", datatype, id], changes)?;
        call.repeatable = true;
        let raw = self.ask(&call, "a record").await?;
        self.record(raw)
    }

    /// Deletes a record.
    pub async fn delete_record(&self, datatype: &str, id: &str) -> Result<(), ApiError> {
        let call = self.delete(&["repository", "delete", datatype, id])?;
        self.call(&call).await.map(drop)
    }
}

/// Parses a list: the platform's page object, or a plain array.
fn list(answer: &[u8]) -> Result<Envelope, serde_json::Error> {
    if answer.trim_ascii_start().first() == Some(&b'[') {
        return Ok(Envelope {
            data: serde_json::from_slice(answer)?,
            total: None,
            has_next: None,
        });
    }
    serde_json::from_slice(answer)
}
