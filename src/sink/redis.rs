//! Redis: publishes to a channel or a room, or appends to a stream.

use futures_util::FutureExt;

use super::{BoxFuture, Publication, Receipt, Sink, SinkError, SinkKind, SinkOptions};
use crate::broker::BrokerError;
use crate::broker::redis::{self, Connection, Redirect, RedisOptions, refusal};
use crate::grammar::broker::BrokerUrl;
use crate::wire::emitter::{self, Room};
use crate::wire::resp::{Command, Value};

pub(super) const KIND: SinkKind = SinkKind {
    name: "Redis",
    schemes: redis::SCHEMES,
    guarantee: "a stream has stored it (durable only as the server's settings say); a channel or room has sent it to its current subscribers",
    check,
    open,
    preview,
};

/// Longest text in an answer to a publication.
const MAX_ANSWER: usize = 64 * 1024;
/// How many redirects of a cluster are followed.
const REDIRECTS: usize = 5;
/// The event name in a room if the message has no type.
const UNNAMED: &str = "message";
const HINT: &str =
    "--to 'redis://HOST/0?channel=A', or ?stream=S&maxlen=N, or ?room=R&format=outreach";

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Channel(String),
    Room { room: Room, is_platform: bool },
    Stream { name: String, maxlen: Option<u64> },
}

impl Place {
    fn of(url: &BrokerUrl) -> Result<Self, BrokerError> {
        let allowed = [
            "channel", "room", "key", "nsp", "format", "stream", "maxlen",
        ];
        redis::check(url, &allowed)?;
        let wrong = |message: &str| BrokerError::BadRequest {
            message: message.to_owned(),
            hint: HINT.to_owned(),
        };
        let parameter = |name: &str| url.parameter(name).map(str::to_owned);
        let belongs = |names: &[&str], owner: &str| {
            let is_given = names.iter().any(|name| url.parameter(name).is_some());
            match is_given && url.parameter(owner).is_none() {
                true => Err(wrong(&format!(
                    "`{}` belong to a {owner}",
                    names.join("`, `")
                ))),
                false => Ok(()),
            }
        };
        belongs(&["key", "nsp", "format"], "room")?;
        belongs(&["maxlen"], "stream")?;
        let maxlen = parameter("maxlen").map(|text| {
            text.parse()
                .map_err(|_| wrong(&format!("maxlen `{text}` is not a number")))
        });
        let maxlen = maxlen.transpose()?;
        let is_platform = match url.parameter("format") {
            None | Some("socket.io") => false,
            Some("outreach") => true,
            Some(other) => {
                return Err(wrong(&format!(
                    "format `{other}` is neither socket.io nor outreach"
                )));
            }
        };
        match (parameter("channel"), parameter("room"), parameter("stream")) {
            (Some(channel), None, None) => Ok(Self::Channel(channel)),
            (None, Some(name), None) => Ok(Self::Room {
                room: Room {
                    name,
                    key: url.parameter("key").unwrap_or("socket.io").to_owned(),
                    namespace: url.parameter("nsp").unwrap_or("/").to_owned(),
                },
                is_platform,
            }),
            (None, None, Some(name)) => Ok(Self::Stream { name, maxlen }),
            _ => Err(wrong("the address needs one of channel, room and stream")),
        }
    }

    fn command(&self, publication: &Publication) -> Command {
        let event = publication.kind.as_deref().unwrap_or(UNNAMED);
        let body = &publication.body;
        let publish = Command::new("PUBLISH");
        match self {
            Self::Channel(channel) => publish.arg(channel).arg(body),
            Self::Room {
                room,
                is_platform: true,
            } => publish
                .arg(room.platform_channel())
                .arg(emitter::message(&room.name, event, body)),
            Self::Room {
                room,
                is_platform: false,
            } => publish
                .arg(room.channel())
                .arg(emitter::frame(room, event, body)),
            Self::Stream { name, maxlen } => {
                let mut append = Command::new("XADD").arg(name);
                if let Some(maxlen) = maxlen {
                    append = append.args(["MAXLEN", "~"]).arg(maxlen.to_string());
                }
                append = append.arg("*").arg("id").arg(&publication.id);
                if let Some(kind) = &publication.kind {
                    append = append.arg("type").arg(kind);
                }
                append.arg("data").arg(body)
            }
        }
    }
}

fn check(url: &BrokerUrl) -> Result<(), BrokerError> {
    Place::of(url).map(drop)
}

/// The command as `redis-cli` reads it.
fn preview(url: &BrokerUrl, publication: &Publication) -> Result<String, BrokerError> {
    Ok(Place::of(url)?.command(publication).to_string())
}

fn open(options: SinkOptions) -> Result<Box<dyn Sink>, BrokerError> {
    Ok(Box::new(RedisSink {
        place: Place::of(&options.url)?,
        options,
        connection: None,
        node: None,
    }))
}

struct RedisSink {
    options: SinkOptions,
    place: Place,
    connection: Option<Connection>,
    /// The node of a cluster that has the stream.
    node: Option<(String, u16)>,
}

impl RedisSink {
    async fn publish(&mut self, publication: &Publication) -> Result<Receipt, SinkError> {
        let mut commands = vec![self.place.command(publication)];
        for _ in 0..REDIRECTS {
            self.connect().await?;
            let connection = self.connection.as_mut().expect("it is connected");
            match send(connection, &commands, &self.place).await {
                Ok(Outcome::Receipt(receipt)) => return Ok(receipt),
                Ok(Outcome::Redirect(redirect)) => {
                    let host = match redirect.host.is_empty() {
                        true => connection.host().to_owned(),
                        false => redirect.host,
                    };
                    self.node = Some((host, redirect.port));
                    self.connection = None;
                    if commands.len() > 1 {
                        commands.remove(0);
                    }
                    if redirect.is_ask {
                        commands.insert(0, Command::new("ASKING"));
                    }
                }
                Err(error) => {
                    if error.is_unknown() {
                        self.connection = None;
                    }
                    return Err(error);
                }
            }
        }
        Err(SinkError::Rejected {
            server: self.options.url.server(),
            why: "the nodes of the cluster redirect to each other".to_owned(),
        })
    }

    /// Connects if there is no connection, or if the server has closed it.
    async fn connect(&mut self) -> Result<(), BrokerError> {
        if let Some(connection) = &mut self.connection
            && connection.fill().now_or_never().is_some()
        {
            // Nothing arrives without a command, except the end.
            self.connection = None;
        }
        if self.connection.is_none() {
            let options = RedisOptions {
                url: self.options.url.clone(),
                dialer: self.options.dialer.clone(),
                timeout: self.options.timeout,
                max_text: MAX_ANSWER,
            };
            let connected = redis::connect(&options, &self.options.login, self.node.as_ref()).await;
            if connected.is_err() {
                self.node = None;
            }
            self.connection = Some(connected?);
        }
        Ok(())
    }
}

enum Outcome {
    Receipt(Receipt),
    Redirect(Redirect),
}

/// Sends the command, which `ASKING` may precede. Without an answer it is unknown whether the server has executed it.
async fn send(
    connection: &mut Connection,
    commands: &[Command],
    place: &Place,
) -> Result<Outcome, SinkError> {
    let server = connection.server().to_owned();
    let unknown = |error: BrokerError| SinkError::Unknown {
        server: server.clone(),
        why: error.to_string(),
    };
    connection.send(commands).await.map_err(unknown)?;
    for _ in 1..commands.len() {
        connection.answer().await.map_err(unknown)?;
    }
    match connection.answer().await.map_err(unknown)? {
        Value::Error(error) => match Redirect::parse(error) {
            Some(redirect) => Ok(Outcome::Redirect(redirect)),
            None => Err(refused(server, place, error)),
        },
        answer => Ok(Outcome::Receipt(receipt(place, &answer))),
    }
}

fn receipt(place: &Place, answer: &Value<'_>) -> Receipt {
    match place {
        Place::Channel(_) | Place::Room { .. } => Receipt::Sent {
            receivers: answer.integer().and_then(|count| u64::try_from(count).ok()),
        },
        Place::Stream { name, .. } => Receipt::Stored {
            place: format!("stream {name}, entry {}", answer.text().unwrap_or_default()),
            is_duplicate: false,
        },
    }
}

/// A full memory or disk is temporary.
fn refused(server: String, place: &Place, error: &[u8]) -> SinkError {
    let kind = error.split(|byte| *byte == b' ').next().unwrap_or_default();
    if matches!(kind, b"OOM" | b"MISCONF" | b"NOREPLICAS") {
        let why = String::from_utf8_lossy(error).into_owned();
        return SinkError::Rejected { server, why };
    }
    let what = match place {
        Place::Channel(_) | Place::Room { .. } => "PUBLISH",
        Place::Stream { .. } => "XADD",
    };
    refusal(&server, what, error).into()
}

impl Sink for RedisSink {
    fn publish<'a>(
        &'a mut self,
        publication: &'a Publication,
    ) -> BoxFuture<'a, Result<Receipt, SinkError>> {
        Box::pin(self.publish(publication))
    }

    /// Each publication is written at once, so there is nothing to flush.
    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.connection = None;
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn command(query: &str) -> Result<String, String> {
        let url = BrokerUrl::parse(&format!("redis://h/0?{query}")).unwrap();
        let publication = Publication {
            id: "msg_1".to_owned(),
            kind: Some("a.b".to_owned()),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{\"n\":1}"),
        };
        preview(&url, &publication).map_err(|error| error.to_string())
    }

    #[test]
    fn each_address_has_a_command() {
        for (query, expected) in [
            ("channel=c", r#"PUBLISH c "{\"n\":1}""#),
            ("stream=s", r#"XADD s * id msg_1 type a.b data "{\"n\":1}""#),
            (
                "stream=s&maxlen=10",
                r#"XADD s MAXLEN ~ 10 * id msg_1 type a.b data "{\"n\":1}""#,
            ),
            (
                "room=r&format=outreach",
                r#"PUBLISH ws:room:r "{\"serverId\":\"emitter\",\"type\":\"room\",\"target\":\"r\",\"event\":\"a.b\",\"data\":{\"n\":1}}""#,
            ),
        ] {
            assert_eq!(command(query).as_deref(), Ok(expected), "{query}");
        }
        let frame = command("room=r&key=k&nsp=/n").unwrap();
        assert!(frame.starts_with("PUBLISH k#/n#r# \"\\x93"), "{frame}");
    }

    #[test]
    fn contradictory_addresses_are_refused() {
        for query in [
            "",
            "channel=c&stream=s",
            "channel=c&maxlen=1",
            "stream=s&maxlen=x",
            "channel=c&key=k",
            "room=r&format=x",
        ] {
            assert!(command(query).is_err(), "{query}");
        }
    }
}
