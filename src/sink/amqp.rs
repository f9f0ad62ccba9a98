//! Publishes to RabbitMQ, with publisher confirms: to an exchange, or to a queue through the default exchange.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection};

use super::{BoxFuture, Publication, Receipt, Sink, SinkError, SinkKind, SinkOptions};
use crate::broker::BrokerError;
use crate::broker::amqp::{self, short};
use crate::explain::shell_quoted;
use crate::grammar::broker::BrokerUrl;
use crate::time::Timestamp;

pub(super) const KIND: SinkKind = SinkKind {
    name: "RabbitMQ",
    schemes: &["amqp", "amqps"],
    guarantee: "RabbitMQ has confirmed the message, and has at least one queue for it",
    check: |url| Target::of(url).map(drop),
    open: |options| {
        Ok(Box::new(AmqpSink {
            target: Target::of(&options.url)?,
            options,
            live: None,
        }))
    },
    preview,
};

/// Stored on disk by durable queues.
const PERSISTENT: u8 = 2;
const CORRELATION_ID: HeaderName = HeaderName::from_static("amqp-correlation-id");
const REPLY_TO: HeaderName = HeaderName::from_static("amqp-reply-to");
const APP_ID: HeaderName = HeaderName::from_static("amqp-app-id");
const EXPIRATION: HeaderName = HeaderName::from_static("amqp-expiration");
const PRIORITY: HeaderName = HeaderName::from_static("amqp-priority");
/// Headers that become properties.
const PROPERTIES: [HeaderName; 7] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CORRELATION_ID,
    REPLY_TO,
    APP_ID,
    EXPIRATION,
    PRIORITY,
];

/// Where the messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    /// Empty for the default exchange, whose routing key is the name of a queue.
    exchange: ShortString,
    key: ShortString,
}

struct AmqpSink {
    options: SinkOptions,
    target: Target,
    live: Option<Live>,
}

/// An open connection.
struct Live {
    connection: Connection,
    channel: Channel,
}

impl Target {
    fn of(url: &BrokerUrl) -> Result<Self, BrokerError> {
        let known = ["exchange", "key", "queue"];
        let unknown = url.query.iter().map(|(name, _)| name.as_str());
        let wrong = |message: String| {
            BrokerError::BadRequest {
            message,
            hint: "evt send order.placed --to 'amqp://127.0.0.1/?exchange=NAME&key=KEY'     or ?queue=NAME"
                .to_owned(),
        }
        };
        if let Some(name) = unknown.into_iter().find(|name| !known.contains(name)) {
            return Err(wrong(format!(
                "`{name}` is not a parameter of a target at RabbitMQ"
            )));
        }
        let parameter = |name| url.parameter(name);
        let (exchange, key) = match (parameter("exchange"), parameter("queue")) {
            (Some(exchange), None) => (exchange, parameter("key").unwrap_or_default()),
            (None, Some(queue)) if !queue.is_empty() && parameter("key").is_none() => ("", queue),
            _ => {
                return Err(wrong(
                    "a target at RabbitMQ is one exchange, or one queue".to_owned(),
                ));
            }
        };
        if exchange.is_empty() && key.is_empty() {
            return Err(wrong(
                "the default exchange needs the name of a queue as its key".to_owned(),
            ));
        }
        Ok(Self {
            exchange: short(exchange, "the name of the exchange")?,
            key: short(key, "the routing key")?,
        })
    }

    /// The place of a confirmed message.
    fn place(&self) -> String {
        match self.exchange.as_str() {
            "" => format!("queue `{}`", self.key),
            exchange => format!("exchange `{exchange}`, key `{}`", self.key),
        }
    }
}

impl AmqpSink {
    async fn publish_once(&mut self, publication: &Publication) -> Result<Receipt, SinkError> {
        let properties = properties(publication)?;
        let timeout = self.options.timeout;
        let live = match self.live.take() {
            Some(live) if live.connection.status().connected() => live,
            _ => self.connect().await?,
        };
        if live.connection.status().blocked() {
            // The library would hold the message back until the broker accepts messages again.
            let error =
                self.rejected("it accepts no messages: its memory or disk is low".to_owned());
            self.live = Some(live);
            return Err(error);
        }
        let publishing = async {
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let Target { exchange, key } = self.target.clone();
            let confirm = live
                .channel
                .basic_publish(exchange, key, options, &publication.body, properties)
                .await?;
            confirm.await
        };
        let confirmation = match tokio::time::timeout(timeout, publishing).await {
            Ok(Ok(confirmation)) => confirmation,
            Ok(Err(error)) => return Err(self.failed(&error)),
            Err(_) => {
                let why = match live.connection.status().blocked() {
                    true => "it accepts no messages, because its memory or disk is low".to_owned(),
                    false => format!("no confirmation within {} s", timeout.as_secs_f64()),
                };
                return Err(self.unknown(why));
            }
        };
        self.live = Some(live);
        match confirmation {
            Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
                Err(self.unroutable(&returned))
            }
            Confirmation::Ack(None) => Ok(Receipt::Stored {
                place: self.target.place(),
                is_duplicate: false,
            }),
            Confirmation::Nack(None) => {
                Err(self.rejected("a queue is full, or its node is down".to_owned()))
            }
            Confirmation::NotRequested => Ok(Receipt::Sent { receivers: None }),
        }
    }

    async fn connect(&self) -> Result<Live, SinkError> {
        let SinkOptions {
            url,
            login,
            dialer,
            timeout,
        } = &self.options;
        let connection = amqp::connect(url, login, dialer, *timeout).await?;
        let refused = |error| amqp::refused(&error, url, "publishing");
        let channel = connection.create_channel().await.map_err(refused)?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        confirms.await.map_err(refused)?;
        Ok(Live {
            connection,
            channel,
        })
    }

    /// A failure after the message was sent. What the broker refused did not arrive.
    fn failed(&self, error: &lapin::Error) -> SinkError {
        let what = format!("publishing to {}", self.target.place());
        match amqp::refused(error, &self.options.url, &what) {
            BrokerError::Lost { why } => self.unknown(why),
            refused => refused.into(),
        }
    }

    fn unknown(&self, why: String) -> SinkError {
        SinkError::Unknown {
            server: self.options.url.server(),
            why,
        }
    }

    fn rejected(&self, why: String) -> SinkError {
        SinkError::Rejected {
            server: self.options.url.server(),
            why,
        }
    }

    /// No queue is bound for the message.
    fn unroutable(&self, returned: &BasicReturnMessage) -> SinkError {
        let url = &self.options.url;
        let command = format!("evt tail {}", shell_quoted(&url.to_string()));
        let (why, hint) = match self.target.exchange.as_str() {
            "" => (
                format!("there is no queue `{}`", self.target.key),
                format!("{command} --declare     declares it while it runs"),
            ),
            exchange => (
                format!(
                    "no queue is bound to exchange `{exchange}` for key `{}` ({})",
                    self.target.key, returned.reply_text
                ),
                format!("{command}     binds a queue of its own while it runs"),
            ),
        };
        SinkError::Unroutable {
            server: url.server(),
            why,
            hint,
        }
    }
}

fn properties(publication: &Publication) -> Result<BasicProperties, BrokerError> {
    let headers = &publication.headers;
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short(&publication.id, "the id")?)
        .with_timestamp(u64::try_from(Timestamp::now().millis() / 1000).unwrap_or_default())
        .with_headers(table(headers)?);
    if let Some(kind) = &publication.kind {
        properties = properties.with_type(short(kind, "the type")?);
    }
    if let Some(content_type) = text(headers, &CONTENT_TYPE)? {
        properties = properties.with_content_type(content_type);
    }
    if let Some(encoding) = text(headers, &CONTENT_ENCODING)? {
        properties = properties.with_content_encoding(encoding);
    }
    if let Some(id) = text(headers, &CORRELATION_ID)? {
        properties = properties.with_correlation_id(id);
    }
    if let Some(queue) = text(headers, &REPLY_TO)? {
        properties = properties.with_reply_to(queue);
    }
    if let Some(app) = text(headers, &APP_ID)? {
        properties = properties.with_app_id(app);
    }
    if let Some(expiration) = text(headers, &EXPIRATION)? {
        properties = properties.with_expiration(expiration);
    }
    let priority = text(headers, &PRIORITY)?.and_then(|text| text.as_str().parse().ok());
    if let Some(priority) = priority {
        properties = properties.with_priority(priority);
    }
    Ok(properties)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<ShortString>, BrokerError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.map(|value| short(value, name.as_str())).transpose()
}

/// The headers that are not properties. The values of a name with several are one text, as HTTP joins them.
fn table(headers: &HeaderMap) -> Result<FieldTable, BrokerError> {
    let mut table = FieldTable::default();
    for name in headers.keys().filter(|name| !PROPERTIES.contains(name)) {
        let values: Vec<&[u8]> = headers
            .get_all(name)
            .iter()
            .map(|value| value.as_bytes())
            .collect();
        let value = LongString::from(values.join(&b", "[..]));
        table.insert(
            short(name.as_str(), "the name of a header")?,
            AMQPValue::LongString(value),
        );
    }
    Ok(table)
}

fn preview(url: &BrokerUrl, publication: &Publication) -> Result<String, BrokerError> {
    let target = Target::of(url)?;
    let exchange = match target.exchange.as_str() {
        "" => "(default)",
        exchange => exchange,
    };
    let mut lines = vec![
        format!("exchange: {exchange}"),
        format!("routing key: {}", target.key),
        format!("message id: {}", publication.id),
    ];
    lines.extend(publication.kind.iter().map(|kind| format!("type: {kind}")));
    for (name, value) in &publication.headers {
        lines.push(format!(
            "{name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    lines.push("delivery mode: 2 (persistent)".to_owned());
    lines.push(String::new());
    lines.push(String::from_utf8_lossy(&publication.body).into_owned());
    Ok(lines.join("\n"))
}

impl Sink for AmqpSink {
    fn publish<'a>(
        &'a mut self,
        publication: &'a Publication,
    ) -> BoxFuture<'a, Result<Receipt, SinkError>> {
        Box::pin(self.publish_once(publication))
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(live) = self.live.take() {
                amqp::close(&live.connection).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_exchange_with_a_key_or_a_queue() {
        for (text, expected) in [
            ("amqp://a/?exchange=e&key=k", Some(("e", "k"))),
            ("amqp://a/?exchange=e", Some(("e", ""))),
            ("amqp://a/?queue=q", Some(("", "q"))),
            ("amqp://a/?exchange=&key=q", Some(("", "q"))),
            ("amqp://a/?exchange=", None),
            ("amqp://a/?queue=q&key=k", None),
            ("amqp://a/?exchange=e&queue=q", None),
            ("amqp://a/?exchange=e&routing=k", None),
            ("amqp://a/", None),
        ] {
            let target = Target::of(&BrokerUrl::parse(text).unwrap()).ok();
            let target = target.as_ref();
            let target = target.map(|target| (target.exchange.as_str(), target.key.as_str()));
            assert_eq!(target, expected, "{text}");
        }
    }

    #[test]
    fn headers_with_the_name_of_a_property_become_that_property() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("amqp-correlation-id", "c1"),
            ("amqp-priority", "7"),
            ("x-tenant", "t1"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers.append("x-tenant", "t2".parse().unwrap());
        let properties = properties(&Publication {
            id: "m1".to_owned(),
            kind: Some("order.created".to_owned()),
            headers,
            body: bytes::Bytes::new(),
        })
        .unwrap();
        assert_eq!(*properties.content_type(), Some("application/json".into()));
        assert_eq!(*properties.correlation_id(), Some("c1".into()));
        assert_eq!(*properties.message_id(), Some("m1".into()));
        assert_eq!(*properties.kind(), Some("order.created".into()));
        assert_eq!(
            (*properties.priority(), *properties.delivery_mode()),
            (Some(7), Some(2))
        );
        let table = properties.headers().as_ref().unwrap().inner();
        let fields: Vec<(&str, &AMQPValue)> = table
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        assert_eq!(
            fields,
            [("x-tenant", &AMQPValue::LongString("t1, t2".into()))]
        );
    }
}
