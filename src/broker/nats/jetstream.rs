//! The API of JetStream: requests with JSON to subjects below `$JS.API`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Connection;
use crate::broker::BrokerError;
use crate::wire::nats;

/// `err_code` of a stream, and of a consumer, that does not exist.
const NO_STREAM: u64 = 10059;
const NO_CONSUMER: u64 = 10014;
/// How many streams an error lists.
const LISTED: usize = 5;

/// A stream's state.
#[derive(Debug, Deserialize)]
pub struct StreamInfo {
    pub config: StreamConfig,
    /// When it was created, as the server wrote it.
    pub created: String,
    pub state: StreamState,
}

#[derive(Debug, Deserialize)]
pub struct StreamConfig {
    pub name: String,
    /// Empty for a mirror.
    #[serde(default)]
    pub subjects: Vec<String>,
}

/// The first sequence is the last plus one if the stream is empty.
#[derive(Debug, Deserialize)]
pub struct StreamState {
    #[serde(rename = "first_seq")]
    pub first: u64,
    #[serde(rename = "last_seq")]
    pub last: u64,
}

/// A consumer's state.
#[derive(Debug, Deserialize)]
pub struct ConsumerInfo {
    pub name: String,
    pub config: ConsumerConfig,
    pub ack_floor: AckFloor,
}

#[derive(Debug, Deserialize)]
pub struct ConsumerConfig {
    pub ack_policy: String,
    #[serde(default)]
    pub filter_subject: String,
    /// Set for a consumer that pushes.
    #[serde(default)]
    pub deliver_subject: String,
    /// The largest batch that may be requested; 0 for any.
    #[serde(default)]
    pub max_batch: u64,
}

/// The sequence up to which all messages are acknowledged.
#[derive(Debug, Deserialize)]
pub struct AckFloor {
    #[serde(rename = "stream_seq")]
    pub sequence: u64,
}

/// The server's error for a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ApiError {
    pub err_code: u64,
    pub description: String,
}

#[derive(Deserialize)]
struct Failed {
    error: ApiError,
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    streams: Option<Vec<String>>,
}

/// Where a delivered message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many times it was delivered, at least 1.
    pub delivered: u64,
    /// In the stream.
    pub sequence: u64,
    /// Among the deliveries of the consumer.
    pub consumer_sequence: u64,
}

impl Place {
    /// Reads the reply subject of a delivery: `$JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.SEQUENCE.TIME.PENDING`, in newer
    /// servers with domain and account before the stream.
    pub fn parse(reply: &[u8]) -> Option<Self> {
        let rest = reply.strip_prefix(b"$JS.ACK.")?;
        let dots = memchr::memchr_iter(b'.', rest).count();
        let skipped = match dots {
            6 => 2,
            8.. => 4,
            _ => return None,
        };
        let mut words = rest.split(|byte| *byte == b'.').skip(skipped);
        let mut number = || nats::number(words.next()?);
        Some(Self {
            delivered: number()?,
            sequence: number()?,
            consumer_sequence: number()?,
        })
    }
}

/// Returns whether the text can be the name of a stream or consumer.
pub fn is_name(text: &str) -> bool {
    nats::is_subject(text) && !text.contains(['.', '*', '>', '/', '\\'])
}

impl Connection {
    /// The stream that stores the messages of a subject, if any.
    pub async fn stream_of(&mut self, subject: &str) -> Result<Option<String>, BrokerError> {
        Ok(self.streams(&json!({ "subject": subject })).await?.pop())
    }

    async fn streams(&mut self, request: &Value) -> Result<Vec<String>, BrokerError> {
        let names: Names = self
            .ask("STREAM.NAMES", request, "listing the streams")
            .await?;
        Ok(names.streams.unwrap_or_default())
    }

    pub async fn stream(&mut self, name: &str) -> Result<StreamInfo, BrokerError> {
        let method = format!("STREAM.INFO.{name}");
        match self.call(&method, &json!({})).await? {
            Ok(info) => Ok(info),
            Err(error) if error.err_code == NO_STREAM => {
                let names = self.streams(&json!({})).await?;
                let known = match names.is_empty() {
                    true => "no streams".to_owned(),
                    false => names[..names.len().min(LISTED)].join(", "),
                };
                Err(BrokerError::Missing {
                    server: self.server().to_owned(),
                    what: format!("stream {name}; it has {known}"),
                    hint: "leave ?stream= out to follow new messages only".to_owned(),
                })
            }
            Err(error) => Err(self.refused(&format!("reading stream {name}"), error)),
        }
    }

    /// A consumer's state; `None` if it does not exist.
    pub async fn consumer(
        &mut self,
        stream: &str,
        name: &str,
    ) -> Result<Option<ConsumerInfo>, BrokerError> {
        let method = format!("CONSUMER.INFO.{stream}.{name}");
        match self.call(&method, &json!({})).await? {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.err_code == NO_CONSUMER => Ok(None),
            Err(error) => Err(self.refused(&format!("reading consumer {name}"), error)),
        }
    }

    /// Creates a consumer: a durable one if the configuration has `durable_name`.
    pub async fn create_consumer(
        &mut self,
        stream: &str,
        config: &Value,
    ) -> Result<ConsumerInfo, BrokerError> {
        let method = match config["durable_name"].as_str() {
            Some(name) => format!("CONSUMER.DURABLE.CREATE.{stream}.{name}"),
            None => format!("CONSUMER.CREATE.{stream}"),
        };
        let request = json!({ "stream_name": stream, "config": config });
        let what = format!("creating a consumer of stream {stream}");
        self.ask(&method, &request, &what).await
    }

    /// Requests the deletion of a consumer with the next flush, without waiting for it.
    pub fn delete_consumer(&mut self, stream: &str, name: &str) {
        let subject = format!("$JS.API.CONSUMER.DELETE.{stream}.{name}");
        nats::publish(self.output(), &subject, "", b"", b"");
    }

    /// Requests messages with the next flush. They are published to `inbox`.
    pub fn pull(&mut self, stream: &str, name: &str, inbox: &str, request: &Value) {
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}");
        let request = request.to_string();
        nats::publish(self.output(), &subject, inbox, b"", request.as_bytes());
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        method: &str,
        request: &Value,
        what: &str,
    ) -> Result<T, BrokerError> {
        let answer = self.call(method, request).await?;
        answer.map_err(|error| self.refused(what, error))
    }

    fn refused(&self, what: &str, error: ApiError) -> BrokerError {
        BrokerError::Refused {
            server: self.server().to_owned(),
            what: what.to_owned(),
            message: error.description,
            hint: "check the limits of the stream and of the account".to_owned(),
        }
    }

    async fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        request: &Value,
    ) -> Result<Result<T, ApiError>, BrokerError> {
        let subject = format!("$JS.API.{method}");
        let reply = self
            .request(&subject, b"", request.to_string().as_bytes())
            .await?;
        if reply.status.is_some_and(|status| status.code == 503) {
            return Err(BrokerError::Missing {
                server: self.server().to_owned(),
                what: "JetStream for this account".to_owned(),
                hint: "nats-server -js     starts a server with JetStream".to_owned(),
            });
        }
        if let Ok(failed) = serde_json::from_slice::<Failed>(&reply.payload) {
            return Ok(Err(failed.error));
        }
        match serde_json::from_slice(&reply.payload) {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => Err(BrokerError::Protocol {
                server: self.server().to_owned(),
                why: format!("its answer to {subject} is not as expected: {error}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_both_forms_of_a_reply() {
        let place = Some(Place {
            delivered: 2,
            sequence: 7,
            consumer_sequence: 5,
        });
        for (reply, expected) in [
            ("$JS.ACK.S.c.2.7.5.1777111200000000000.0", place),
            ("$JS.ACK._.hash.S.c.2.7.5.1777111200000000000.0", place),
            (
                "$JS.ACK._.hash.S.c.2.7.5.1777111200000000000.0.token",
                place,
            ),
            ("$JS.ACK.S.c.2.7.5", None),
            ("$JS.ACK.S.c.x.7.5.1.0", None),
            ("_INBOX.a.b", None),
            ("", None),
        ] {
            assert_eq!(Place::parse(reply.as_bytes()), expected, "{reply}");
        }
    }

    #[test]
    fn names_are_checked() {
        for (text, expected) in [
            ("ORDERS", true),
            ("a-b_1", true),
            ("a.b", false),
            ("a*", false),
            ("", false),
        ] {
            assert_eq!(is_name(text), expected, "{text}");
        }
    }
}
