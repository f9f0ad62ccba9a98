//! The reports in a vendor's request, in AppEngine's terms.

use axum::http::header;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::signature::query;

/// The domain events that vendors raise, with the datatypes of their records.
pub(super) const KINDS: [(&str, &str); 24] = [
    ("payment.succeeded", "payment"),
    ("payment.failed", "payment"),
    ("payment.refunded", "payment"),
    ("subscription.renewed", "subscription"),
    ("order.placed", "order"),
    ("email.delivered", "email_event"),
    ("email.opened", "email_event"),
    ("email.clicked", "email_event"),
    ("email.bounced", "email_event"),
    ("email.complained", "email_event"),
    ("email.failed", "email_event"),
    ("email.unsubscribed", "email_event"),
    ("call.incoming", "call"),
    ("call.status", "call"),
    ("sms.received", "sms"),
    ("sms.status", "sms"),
    ("social.post", "social_event"),
    ("social.mention", "social_event"),
    ("social.comment", "social_event"),
    ("social.message", "social_event"),
    ("social.lead", "social_event"),
    ("social.other", "social_event"),
    ("transfer.initiated", "transfer"),
    ("transfer.settled", "transfer"),
];

/// A verified request.
pub(super) struct Delivery<'a> {
    pub(super) vendor: &'static str,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// The JSON of the body; for a form, an object of its fields.
    pub(super) body: Value,
}

/// Something that a vendor reports. A batch has several reports.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Report {
    /// The vendor's name for the event: `payment_intent.succeeded`.
    pub(super) event: String,
    /// The vendor's id, by which repeats are recognised.
    pub(super) id: Option<String>,
    /// An id of the signature, which is accepted once, for vendors that do not sign the event.
    pub(super) token: Option<String>,
    /// The domain event that it raises, if any.
    pub(super) kind: Option<&'static str>,
    /// The vendor's id of the payment, message or similar that the report is about.
    pub(super) about: Option<String>,
    /// Further fields of the record, in addition to `vendor`, `vendorEvent` and `id`.
    pub(super) fields: Map<String, Value>,
}

impl Delivery<'_> {
    /// Parses a body. The error is a sentence.
    pub(super) fn parse(content_type: &str, body: &[u8], query: &str) -> Result<Value, String> {
        if body.is_empty() {
            return Ok(form(query.as_bytes()));
        }
        if content_type.starts_with("application/x-www-form-urlencoded") {
            return Ok(form(body));
        }
        // SNS sends JSON as text/plain.
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    }

    /// The text or number at a JSON pointer of the body.
    pub(super) fn text(&self, pointer: &str) -> Option<String> {
        text(&self.body, pointer)
    }
}

fn form(text: &[u8]) -> Value {
    let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut fields = Map::new();
    for (key, value) in query::pairs(text) {
        // The first of several fields with one name, as in the signature of the form.
        let field = fields.entry(text_of(&key));
        field.or_insert_with(|| text_of(&value).into());
    }
    Value::Object(fields)
}

/// The content type of a request in lower case, even if it is not UTF-8. Otherwise a body could be a form for the signature but
/// JSON here.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let bytes = value.map(|value| value.as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(bytes).to_ascii_lowercase()
}

/// The text or number at a JSON pointer, as text.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text or number at the first of several pointers that has one.
pub(super) fn first(value: &Value, pointers: &[&str]) -> Option<String> {
    pointers.iter().find_map(|pointer| text(value, pointer))
}

impl Report {
    pub(super) fn new(event: impl Into<String>, id: Option<String>) -> Self {
        Self {
            event: event.into(),
            id,
            token: None,
            kind: None,
            about: None,
            fields: Map::new(),
        }
    }

    pub(super) fn raises(self, kind: impl Into<Option<&'static str>>) -> Self {
        Self {
            kind: kind.into(),
            ..self
        }
    }

    pub(super) fn with_signature_id(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    pub(super) fn about(self, about: Option<String>) -> Self {
        Self { about, ..self }
    }

    /// Adds a field if it has a value.
    pub(super) fn with(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.fields.insert(name.to_owned(), value.into());
        }
        self
    }

    /// The record of the domain event.
    pub(super) fn record(&self, vendor: &str, kind: &str) -> Value {
        let datatype = KINDS.iter().find(|(known, _)| *known == kind);
        let datatype = datatype.map_or("record", |(_, datatype)| datatype);
        let about = self.about.clone().or_else(|| self.id.clone());
        let about = about.unwrap_or_else(|| uuid::Uuid::now_v7().simple().to_string());
        let mut data = Map::new();
        data.insert("vendor".into(), vendor.into());
        data.insert("vendorEvent".into(), self.event.as_str().into());
        data.insert("id".into(), about.as_str().into());
        data.extend(self.fields.clone());
        json!({ "sk": format!("{datatype}-{about}"), "datatype": datatype, "data": data })
    }
}

#[cfg(test)]
pub(super) fn read(
    vendor: &'static str,
    read: fn(&Delivery<'_>) -> Vec<Report>,
    body: Value,
) -> Vec<Report> {
    let headers = HeaderMap::new();
    read(&Delivery {
        vendor,
        path: "/",
        headers: &headers,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_an_object_of_texts() {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let body = Delivery::parse(form, b"From=%2B1500&Body=a+b", "").unwrap();
        assert_eq!(body, json!({"From": "+1500", "Body": "a b"}));
        let twice = Delivery::parse(form, b"token=a&token=b", "").unwrap();
        assert_eq!(twice, json!({"token": "a"}));
        assert!(Delivery::parse("application/json", b"{", "").is_err());
    }

    #[test]
    fn a_content_type_that_is_not_utf8_is_read() {
        let mut headers = HeaderMap::new();
        let value = http::HeaderValue::from_bytes(b"Application/X-WWW-form-urlencoded; \xff");
        headers.insert(header::CONTENT_TYPE, value.unwrap());
        assert!(content_type(&headers).starts_with("application/x-www-form-urlencoded"));
    }

    #[test]
    fn a_record_has_its_vendor_and_the_vendors_id() {
        let report = Report::new("a.b", Some("evt_1".to_owned()))
            .about(Some("pi_1".to_owned()))
            .with("amount", Some(20));
        let record = report.record("stripe", "payment.succeeded");
        let data = json!({"vendor": "stripe", "vendorEvent": "a.b", "id": "pi_1", "amount": 20});
        let expected = json!({"sk": "payment-pi_1", "datatype": "payment", "data": data});
        assert_eq!(record, expected);
    }
}
