//! NATS: publishes to a subject, or to a stream of JetStream, which confirms each message.

use bytes::Bytes;
use serde::Deserialize;

use super::{BoxFuture, Publication, Receipt, Sink, SinkError, SinkKind, SinkOptions};
use crate::broker::BrokerError;
use crate::broker::nats::jetstream::{ApiError, is_name};
use crate::broker::nats::{ConnectOptions, Connection, Reply};
use crate::grammar::broker::BrokerUrl;
use crate::wire::nats;

/// Replies are small. A larger message is skipped.
const LARGEST_REPLY: usize = 1 << 20;
/// `err_code` of a stream other than the expected one.
const OTHER_STREAM: u64 = 10060;

pub(super) const KIND: SinkKind = SinkKind {
    name: "NATS",
    schemes: &["nats", "tls"],
    guarantee: "sent without confirmation; with ?stream=NAME or ?jetstream the stream confirms that it has stored the message",
    check: |url| place(url).map(drop),
    open,
    preview,
};

/// Where the messages go.
struct Place<'a> {
    subject: &'a str,
    /// The stream confirms each message.
    is_stored: bool,
    stream: Option<&'a str>,
}

fn place(url: &BrokerUrl) -> Result<Place<'_>, BrokerError> {
    let bad = |message: String, hint: &str| BrokerError::BadRequest {
        message,
        hint: hint.to_owned(),
    };
    let subject = url.path.as_deref().unwrap_or_default();
    if !nats::is_subject(subject) {
        let message = match subject {
            "" => "the address has no subject".to_owned(),
            _ => format!("`{subject}` is not a subject to publish to"),
        };
        return Err(bad(
            message,
            "nats://HOST/orders.created, without wildcards",
        ));
    }
    for (name, value) in &url.query {
        match name.as_str() {
            "stream" if is_name(value) => {}
            "stream" => {
                return Err(bad(
                    format!("`{value}` is not the name of a stream"),
                    "?stream=ORDERS",
                ));
            }
            "jetstream" => {}
            _ => {
                return Err(bad(
                    format!("NATS has no parameter `{name}`"),
                    "?stream=NAME or ?jetstream",
                ));
            }
        }
    }
    let stream = url.parameter("stream");
    Ok(Place {
        subject,
        is_stored: stream.is_some() || url.parameter("jetstream").is_some(),
        stream,
    })
}

fn open(options: SinkOptions) -> Result<Box<dyn Sink>, BrokerError> {
    place(&options.url)?;
    Ok(Box::new(Nats {
        connect: ConnectOptions {
            url: options.url,
            login: options.login,
            dialer: options.dialer,
            timeout: options.timeout,
            max_message: LARGEST_REPLY,
        },
        connection: None,
    }))
}

fn preview(url: &BrokerUrl, publication: &Publication) -> Result<String, BrokerError> {
    let place = place(url)?;
    let reply = if place.is_stored { "_INBOX.…" } else { "" };
    let mut frame = Vec::new();
    let headers = headers(publication, &place);
    nats::publish(
        &mut frame,
        place.subject,
        reply,
        &headers,
        &publication.body,
    );
    Ok(String::from_utf8_lossy(&frame).replace("\r\n", "\n"))
}

/// The publication's headers, with its id, by which JetStream recognises a repetition.
fn headers(publication: &Publication, place: &Place<'_>) -> Vec<u8> {
    let mut block = nats::start_headers();
    if !publication.headers.contains_key("nats-msg-id") && !publication.id.is_empty() {
        nats::append_header(&mut block, "nats-msg-id", publication.id.as_bytes());
    }
    if let Some(stream) = place.stream {
        nats::append_header(&mut block, "nats-expected-stream", stream.as_bytes());
    }
    for (name, value) in &publication.headers {
        nats::append_header(&mut block, name.as_str(), value.as_bytes());
    }
    nats::end_headers(&mut block);
    block
}

struct Nats {
    connect: ConnectOptions,
    connection: Option<Connection>,
}

/// What JetStream replies to a publication.
#[derive(Deserialize)]
struct Confirmation {
    stream: String,
    seq: u64,
    #[serde(default)]
    duplicate: bool,
}

#[derive(Deserialize)]
struct Failed {
    error: ApiError,
}

impl Nats {
    async fn send(&mut self, publication: &Publication) -> Result<Receipt, SinkError> {
        let url = self.connect.url.clone();
        let place = place(&url)?;
        let mut connection = self.connection(&place).await?;
        let headers = headers(publication, &place);
        let limit = connection.info().max_payload;
        if limit > 0 && headers.len() + publication.body.len() > limit {
            self.connection = Some(connection);
            return Err(BrokerError::TooLarge { limit }.into());
        }
        let result = match place.is_stored {
            true => store(&mut connection, &place, &headers, &publication.body).await,
            false => {
                let output = connection.output();
                nats::publish(output, place.subject, "", &headers, &publication.body);
                let what = format!("publishing to {}", place.subject);
                let confirmed = connection.confirm(&what).await;
                confirmed
                    .map(|()| Receipt::Sent { receivers: None })
                    .map_err(SinkError::Broker)
            }
        };
        match result {
            Err(SinkError::Broker(BrokerError::Lost { why })) => Err(SinkError::Unknown {
                server: url.server(),
                why,
            }),
            result => {
                self.connection = Some(connection);
                result
            }
        }
    }

    /// The open connection, or a new one.
    async fn connection(&mut self, place: &Place<'_>) -> Result<Connection, SinkError> {
        if let Some(mut connection) = self.connection.take()
            && is_alive(&mut connection)
        {
            return Ok(connection);
        }
        let mut connection = Connection::open(&self.connect).await?;
        // A subscriber keeps the server from saying that no stream stores the subject. A user may lack the permission to ask.
        if place.is_stored && matches!(connection.stream_of(place.subject).await, Ok(None)) {
            return Err(no_stream(&connection, place));
        }
        Ok(connection)
    }
}

/// Reads what the server has sent meanwhile. Its PINGs are answered with the next publication.
fn is_alive(connection: &mut Connection) -> bool {
    loop {
        match connection.ready() {
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(_) => return false,
        }
        match connection.read_now() {
            Some(Ok(())) => {}
            Some(Err(_)) => return false,
            None => return true,
        }
    }
}

fn no_stream(connection: &Connection, place: &Place<'_>) -> SinkError {
    unroutable(
        connection,
        place,
        format!("no stream stores {}", place.subject),
    )
}

fn unroutable(connection: &Connection, place: &Place<'_>, why: String) -> SinkError {
    SinkError::Unroutable {
        server: connection.server().to_owned(),
        why,
        hint: format!(
            "nats stream add {} --subjects '{}' --defaults     creates one",
            place.stream.unwrap_or("NAME"),
            place.subject
        ),
    }
}

async fn store(
    connection: &mut Connection,
    place: &Place<'_>,
    headers: &[u8],
    body: &Bytes,
) -> Result<Receipt, SinkError> {
    let Reply { status, payload } = connection.request(place.subject, headers, body).await?;
    if status.is_some_and(|status| status.code == 503) {
        return Err(no_stream(connection, place));
    }
    if let Ok(Failed { error }) = serde_json::from_slice(&payload) {
        return Err(match error.err_code {
            OTHER_STREAM => {
                let stream = place.stream.unwrap_or_default();
                let why = format!("stream {stream} does not store {}", place.subject);
                unroutable(connection, place, why)
            }
            _ => SinkError::Rejected {
                server: connection.server().to_owned(),
                why: error.description,
            },
        });
    }
    match serde_json::from_slice::<Confirmation>(&payload) {
        Ok(stored) => Ok(Receipt::Stored {
            place: format!("stream {}, sequence {}", stored.stream, stored.seq),
            is_duplicate: stored.duplicate,
        }),
        Err(_) => Err(SinkError::Unknown {
            server: connection.server().to_owned(),
            why: "another subscriber replied, and not a stream".to_owned(),
        }),
    }
}

impl Sink for Nats {
    fn publish<'a>(
        &'a mut self,
        publication: &'a Publication,
    ) -> BoxFuture<'a, Result<Receipt, SinkError>> {
        Box::pin(self.send(publication))
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(mut connection) = self.connection.take() {
                let _ = connection.flush().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn url(text: &str) -> BrokerUrl {
        BrokerUrl::parse(text).unwrap()
    }

    #[test]
    fn addresses_are_checked() {
        for (text, is_good) in [
            ("nats://h/a.b", true),
            ("nats://h/a.b?stream=S", true),
            ("nats://h/a.b?jetstream", true),
            ("nats://h", false),
            ("nats://h/a.*", false),
            ("nats://h/a.b?stream=a.b", false),
            ("nats://h/a.b?queue=g", false),
        ] {
            assert_eq!(place(&url(text)).is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn the_preview_is_the_frame() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let publication = Publication {
            id: "msg_1".to_owned(),
            kind: None,
            headers,
            body: Bytes::from_static(b"{}"),
        };
        assert_eq!(
            preview(&url("nats://h/a.b?stream=S"), &publication).unwrap(),
            "HPUB a.b _INBOX.… 89 91\nNATS/1.0\nNats-Msg-Id: msg_1\nNats-Expected-Stream: S\ncontent-type: application/json\n\n{}\n"
        );
    }
}
