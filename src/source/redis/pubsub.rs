//! Channels, patterns and rooms. The server sends each message once, and stores none.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Redis;
use crate::broker::BrokerError;
use crate::broker::redis::{Connection, refusal};
use crate::source::heartbeat::Heartbeat;
use crate::source::{Cx, Ended, Guarantee, Message, Outlet, SourceError};
use crate::time::Timestamp;
use crate::wire::emitter::{self, Addressed, Room};
use crate::wire::resp::{Command, Value};

/// Interval between pings, and time limit for each answer.
const PING: Duration = Duration::from_secs(20);
/// A reader that needs longer for a batch is slow.
const SLOW: Duration = Duration::from_millis(200);
/// A reader that is this many bytes behind when the connection ends is slow.
const BEHIND: u64 = 256 * 1024;
/// How long after a slow batch a cut is taken for the limit of the server. Its soft limit counts 60 s by default.
const SUSPECT: Duration = Duration::from_secs(90);

/// The subscription of one connection.
struct Subscribed {
    /// Confirmations that have not arrived.
    pending: usize,
    is_open: bool,
    /// Why messages may be missing since the last connection.
    reason: String,
    /// The end of the last slow batch.
    slow: Option<Instant>,
}

impl Redis {
    pub(super) async fn follow_channels(
        &mut self,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let Some(mut connection) = self.connect(stop).await? else {
            return Ok(Ended::Stopped);
        };
        let subscribing = async {
            let reason = self.reason(&mut connection).await?;
            let (commands, pending) = self.subscription.commands();
            connection.send(&commands).await?;
            Ok::<_, BrokerError>(Subscribed {
                pending,
                is_open: false,
                reason,
                slow: None,
            })
        };
        let mut subscribed = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Ended::Stopped),
            subscribed = subscribing => subscribed?,
        };
        let read = self
            .read_messages(&mut connection, &mut subscribed, stop, cx)
            .await;
        match read {
            Err(SourceError::Broker(BrokerError::Lost { why }))
                if connection.backlog() > BEHIND
                    || subscribed.slow.is_some_and(|slow| slow.elapsed() < SUSPECT) =>
            {
                let why = format!(
                    "{why}; this reader was behind, and was probably too slow for the limit of the server \
                     (client-output-buffer-limit pubsub)"
                );
                Err(BrokerError::Lost { why }.into())
            }
            other => other,
        }
    }

    /// Why messages may be missing since the last connection. Compares how many slow subscribers the server has cut off.
    async fn reason(&mut self, connection: &mut Connection) -> Result<String, BrokerError> {
        let answer = connection.ask(&Command::new("INFO stats")).await?;
        // Servers before 7.2 do not count them, and a user may not be allowed to ask.
        let count = answer.text().and_then(|info| {
            let mut lines = info.lines();
            let count = lines
                .find_map(|line| line.strip_prefix("client_output_buffer_limit_disconnections:"));
            count?.trim().parse::<u64>().ok()
        });
        let now = count.map(|count| (connection.server().to_owned(), count));
        let before = std::mem::replace(&mut self.cut_off, now.clone());
        let increase = match (now, before) {
            (Some((server, now)), Some((same, before))) if server == same => {
                now.checked_sub(before)
            }
            _ => None,
        };
        Ok(match increase {
            None | Some(0) => "pub/sub stores no messages".to_owned(),
            Some(count) => format!(
                "the server has since disconnected {count} slow subscriber{} \
                 (client-output-buffer-limit pubsub), and pub/sub stores no messages",
                if count == 1 { "" } else { "s" }
            ),
        })
    }

    async fn read_messages(
        &mut self,
        connection: &mut Connection,
        subscribed: &mut Subscribed,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let mut heartbeat = Heartbeat::new(PING);
        // Waiting for the outlet is no silence of the server.
        let mut waits: u64 = 0;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                () = heartbeat.tick() => {
                    if !heartbeat.is_alive(connection.received() + waits) {
                        let why = format!("no answer to a ping within {} s", PING.as_secs());
                        return Err(BrokerError::Lost { why }.into());
                    }
                    connection.send(&[Command::new("PING")]).await?;
                    continue;
                }
                filled = connection.fill() => filled?,
            }
            let passed = self.pass_on(connection, subscribed, cx)?;
            let started = Instant::now();
            let flow = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                flow = self.budget.settle(cx.outlet) => flow,
            };
            if started.elapsed() > SLOW {
                subscribed.slow = Some(Instant::now());
                waits += 1;
            }
            if passed.is_break() || flow.is_break() {
                return Ok(Ended::Enough);
            }
        }
    }

    /// Passes on the messages that have arrived.
    fn pass_on(
        &mut self,
        connection: &mut Connection,
        subscribed: &mut Subscribed,
        cx: &mut Cx<'_>,
    ) -> Result<ControlFlow<()>, SourceError> {
        let server = connection.server().to_owned();
        let before = connection.unread();
        let mut has_message = false;
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue()
            && let Some(value) = connection.ready()?
        {
            match pushed(&value) {
                Pushed::Message { channel, payload } => {
                    if !subscribed.is_open {
                        self.opened(&server, subscribed, cx);
                    }
                    has_message = true;
                    flow = match self.subscription.room() {
                        None => take(channel, payload, cx.outlet),
                        Some(room) => {
                            take_of_room(room, channel, payload, &mut self.data, cx.outlet)
                        }
                    };
                }
                Pushed::Confirmation => {
                    subscribed.pending = subscribed.pending.saturating_sub(1);
                    if subscribed.pending == 0 && !subscribed.is_open {
                        self.opened(&server, subscribed, cx);
                    }
                }
                Pushed::Error(error) => {
                    let what = self.subscription.described();
                    return Err(refusal(&server, &what, error).into());
                }
                Pushed::Other => {}
            }
        }
        self.budget.spend(before - connection.unread());
        let now = Timestamp::now();
        match has_message {
            true => cx.pulse.message(now),
            false if subscribed.is_open => cx.pulse.sign(now),
            false => {}
        }
        Ok(flow)
    }

    fn opened(&self, server: &str, subscribed: &mut Subscribed, cx: &mut Cx<'_>) {
        subscribed.is_open = true;
        let described = self.subscription.described();
        cx.connected(server.to_owned(), described, Guarantee::AtMostOnce);
        cx.gap(None, None, &subscribed.reason);
    }
}

enum Pushed<'a> {
    Message {
        channel: &'a [u8],
        payload: &'a [u8],
    },
    Confirmation,
    Error(&'a [u8]),
    Other,
}

/// What a value means. RESP2 has lists, RESP3 pushed values.
fn pushed<'a>(value: &Value<'a>) -> Pushed<'a> {
    let items = match value {
        Value::Error(error) => return Pushed::Error(error),
        Value::List(items) | Value::Push(items) => items.as_slice(),
        Value::Text(_) | Value::Integer(_) | Value::Null => return Pushed::Other,
    };
    match items {
        [
            Value::Text(b"message"),
            Value::Text(channel),
            Value::Text(payload),
        ]
        | [
            Value::Text(b"pmessage"),
            _,
            Value::Text(channel),
            Value::Text(payload),
        ] => Pushed::Message { channel, payload },
        [Value::Text(b"subscribe" | b"psubscribe"), ..] => Pushed::Confirmation,
        _ => Pushed::Other,
    }
}

fn take(channel: &[u8], payload: &[u8], outlet: &mut dyn Outlet) -> ControlFlow<()> {
    let channel = String::from_utf8_lossy(channel);
    outlet.take(&Message {
        channel: Some(&channel),
        data: payload,
        ..Message::default()
    })
}

/// Passes on an event for the room. A payload in no known format is passed on as it is.
fn take_of_room(
    room: &Room,
    channel: &[u8],
    payload: &[u8],
    data: &mut Vec<u8>,
    outlet: &mut dyn Outlet,
) -> ControlFlow<()> {
    data.clear();
    let is_platform =
        channel == emitter::BROADCASTS.as_bytes() || channel == room.platform_channel().as_bytes();
    let addressed = match is_platform {
        true => emitter::read_message(payload, &room.name, data),
        false => emitter::read_frame(payload, room, data),
    };
    match addressed {
        Addressed::Elsewhere => ControlFlow::Continue(()),
        Addressed::Unknown => take(channel, payload, outlet),
        Addressed::Event { name } => outlet.take(&Message {
            name: Some(&name),
            channel: Some(&String::from_utf8_lossy(channel)),
            data,
            ..Message::default()
        }),
    }
}
