//! What RabbitMQ delivers beside the payload, as headers of the record.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Map, Value};

use crate::source::Message;

const EXCHANGE: HeaderName = HeaderName::from_static("amqp-exchange");
const ROUTING_KEY: HeaderName = HeaderName::from_static("amqp-routing-key");
const REDELIVERED: HeaderName = HeaderName::from_static("amqp-redelivered");
const MESSAGE_ID: HeaderName = HeaderName::from_static("amqp-message-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("amqp-correlation-id");
const REPLY_TO: HeaderName = HeaderName::from_static("amqp-reply-to");
const EXPIRATION: HeaderName = HeaderName::from_static("amqp-expiration");
const PRIORITY: HeaderName = HeaderName::from_static("amqp-priority");
const TIMESTAMP: HeaderName = HeaderName::from_static("amqp-timestamp");
const TYPE: HeaderName = HeaderName::from_static("amqp-type");
const USER_ID: HeaderName = HeaderName::from_static("amqp-user-id");
const APP_ID: HeaderName = HeaderName::from_static("amqp-app-id");

/// The headers of one message. The map is used again for the next one.
#[derive(Default)]
pub(super) struct Record(HeaderMap);

impl Record {
    /// Reads the headers and properties of a message. The properties replace headers of the same name.
    pub(super) fn read(&mut self, delivery: &Delivery) {
        self.0.clear();
        let properties = &delivery.properties;
        if let Some(table) = properties.headers() {
            self.add_table(table);
        }
        let texts = [
            (CONTENT_TYPE, properties.content_type()),
            (CONTENT_ENCODING, properties.content_encoding()),
            (MESSAGE_ID, properties.message_id()),
            (CORRELATION_ID, properties.correlation_id()),
            (REPLY_TO, properties.reply_to()),
            (EXPIRATION, properties.expiration()),
            (TYPE, properties.kind()),
            (USER_ID, properties.user_id()),
            (APP_ID, properties.app_id()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                self.0.insert(name, value(text.as_str()));
            }
        }
        if let Some(priority) = properties.priority() {
            self.0
                .insert(PRIORITY, HeaderValue::from(u16::from(*priority)));
        }
        if let Some(seconds) = properties.timestamp() {
            self.0.insert(TIMESTAMP, HeaderValue::from(*seconds));
        }
        if delivery.redelivered {
            self.0.insert(REDELIVERED, HeaderValue::from_static("true"));
        }
        self.0.insert(EXCHANGE, value(delivery.exchange.as_str()));
        self.0
            .insert(ROUTING_KEY, value(delivery.routing_key.as_str()));
    }

    fn add_table(&mut self, table: &FieldTable) {
        for (name, field) in table {
            if let Ok(name) = HeaderName::from_bytes(name.as_str().as_bytes()) {
                let text = match json(field) {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                self.0.insert(name, value(&text));
            }
        }
    }

    /// The message with the headers that were read.
    pub(super) fn message<'a>(&'a self, delivery: &'a Delivery) -> Message<'a> {
        let properties = &delivery.properties;
        Message {
            name: properties.kind().as_ref().map(|kind| kind.as_str()),
            id: properties.message_id().as_ref().map(|id| id.as_str()),
            channel: Some(delivery.routing_key.as_str()),
            headers: Some(&self.0),
            data: &delivery.data,
            ..Message::default()
        }
    }
}

/// A text as the value of a header; as a JSON string if it has characters that a header cannot have.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| {
        let escaped = Value::from(text).to_string().replace('\u{7f}', "\\u007f");
        HeaderValue::from_bytes(escaped.as_bytes()).expect("JSON escapes control characters")
    })
}

fn json(field: &AMQPValue) -> Value {
    match field {
        AMQPValue::Boolean(flag) => (*flag).into(),
        AMQPValue::ShortShortInt(number) => (*number).into(),
        AMQPValue::ShortShortUInt(number) => (*number).into(),
        AMQPValue::ShortInt(number) => (*number).into(),
        AMQPValue::ShortUInt(number) => (*number).into(),
        AMQPValue::LongInt(number) => (*number).into(),
        AMQPValue::LongUInt(number) => (*number).into(),
        AMQPValue::LongLongInt(number) => (*number).into(),
        AMQPValue::Float(number) => (*number).into(),
        AMQPValue::Double(number) => (*number).into(),
        AMQPValue::DecimalValue(decimal) => {
            (f64::from(decimal.value) / 10_f64.powi(i32::from(decimal.scale))).into()
        }
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::LongString(bytes) => String::from_utf8_lossy(bytes.as_bytes()).into(),
        AMQPValue::FieldArray(array) => array.as_slice().iter().map(json).collect(),
        AMQPValue::Timestamp(seconds) => (*seconds).into(),
        AMQPValue::FieldTable(table) => {
            let fields = table.into_iter();
            let fields = fields.map(|(name, field)| (name.to_string(), json(field)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        AMQPValue::ByteArray(bytes) => String::from_utf8_lossy(bytes.as_slice()).into(),
        AMQPValue::Void => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;

    use super::*;

    fn delivery(properties: BasicProperties) -> Delivery {
        let mut delivery = Delivery::mock(1, "e".into(), "k.x".into(), true, b"{}".to_vec());
        delivery.properties = properties;
        delivery
    }

    #[test]
    fn headers_are_text_and_properties_have_names_of_their_own() {
        let mut nested = FieldTable::default();
        nested.insert("n".into(), AMQPValue::LongLongInt(9_007_199_254_740_993));
        let mut table = FieldTable::default();
        table.insert("X-Tenant".into(), AMQPValue::LongString("t1".into()));
        table.insert("nested".into(), AMQPValue::FieldTable(nested));
        table.insert("lines".into(), AMQPValue::LongString("a\nb\u{7f}".into()));
        table.insert("not a name".into(), AMQPValue::Boolean(true));
        table.insert(
            "amqp-exchange".into(),
            AMQPValue::LongString("other".into()),
        );
        let properties = BasicProperties::default()
            .with_headers(table)
            .with_message_id("m1".into())
            .with_type("order.created".into())
            .with_priority(3)
            .with_timestamp(1_777_111_200);
        let delivery = delivery(properties);
        let mut record = Record::default();
        record.read(&delivery);
        let message = record.message(&delivery);
        let mut headers: Vec<(&str, &str)> = record
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        headers.sort_unstable();
        assert_eq!(
            headers,
            [
                ("amqp-exchange", "e"),
                ("amqp-message-id", "m1"),
                ("amqp-priority", "3"),
                ("amqp-redelivered", "true"),
                ("amqp-routing-key", "k.x"),
                ("amqp-timestamp", "1777111200"),
                ("amqp-type", "order.created"),
                ("lines", r#""a\nb\u007f""#),
                ("nested", r#"{"n":9007199254740993}"#),
                ("x-tenant", "t1"),
            ]
        );
        assert_eq!(
            (message.name, message.id, message.channel),
            (Some("order.created"), Some("m1"), Some("k.x"))
        );
    }
}
