//! A stream of JetStream: an ephemeral consumer from a sequence on, or a durable one whose messages are acknowledged.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::super::{Cx, Ended, Gap, Guarantee, Notice, SourceError, Start};
use super::line::{Extra, Line, take};
use super::{Nats, bad, report_too_large};
use crate::broker::BrokerError;
use crate::broker::nats::Connection;
use crate::broker::nats::jetstream::{ConsumerInfo, Place, StreamInfo};
use crate::time::Timestamp;
use crate::wire::nats::{self, Frame};

/// The number of the subscription to the inbox of deliveries.
const DELIVERIES: u64 = 2;
/// The most messages of one request. The next request follows when they have arrived.
const BATCH: u64 = 8192;
/// The same for messages that wait for an acknowledgement, so that few are delivered again after a crash.
const DURABLE_BATCH: u64 = 256;
/// The most bytes of one request, unless the server's largest message is larger.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// A request ends after this time, and is sent again. Meanwhile the server sends heartbeats.
const EXPIRES: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Without a heartbeat for this long, the consumer is gone.
const GONE: Duration = Duration::from_secs(16);
/// The server deletes an ephemeral consumer that has had no request for this long.
const INACTIVE: Duration = Duration::from_secs(120);
/// Time limit for returning messages of a durable consumer when the command ends.
const RETURNING: Duration = Duration::from_millis(500);
const PER_MESSAGE: usize = 128;

const REMOVED: &str = "the stream has deleted them";

/// Where the stream is followed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The last sequence that was passed on; with the stream's start if none was.
    last: Option<u64>,
    /// When the stream was created.
    created: Option<String>,
}

impl Progress {
    pub(super) fn new(position: Option<&str>) -> Result<Self, BrokerError> {
        let last = position.map(sequence).transpose()?;
        Ok(Self {
            last,
            created: None,
        })
    }

    pub(super) fn position(&self) -> Option<String> {
        self.last.map(|last| last.to_string())
    }
}

fn sequence(text: &str) -> Result<u64, BrokerError> {
    nats::number(text.as_bytes())
        .ok_or_else(|| bad(format!("`{text}` is not a sequence number"), "--start 42"))
}

/// A consumer that is followed.
struct Consumer {
    stream: String,
    name: String,
    inbox: String,
    is_durable: bool,
    /// The consumer delivers every message of the stream, so a missing sequence is a deleted message.
    is_whole: bool,
    /// Sequences up to this one were in the stream when the connection was opened. Those missing among them were deleted
    /// before, which is a loss only if the stream is resumed.
    backlog: u64,
    reports_backlog: bool,
    batch: u64,
    /// Messages that the current request may still deliver.
    requested: u64,
    /// The number of the last delivery.
    delivered: u64,
    last_sign: Instant,
    /// Acknowledgements to send after the outlet has settled.
    acks: Vec<u8>,
}

impl Nats {
    pub(super) async fn follow_stream(
        &mut self,
        line: &mut Line,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let stop = cx.stop.clone();
        let mut consumer = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Ended::Stopped),
            opened = self.open_consumer(&mut line.connection, cx) => opened?,
        };
        if let Some(position) = self.progress.position() {
            cx.outlet.reached(&position);
        }
        let result = self.deliver(&mut consumer, line, cx).await;
        if matches!(result, Ok(Ended::Stopped | Ended::Enough)) {
            let closing = consumer.close(&mut line.connection);
            let _ = tokio::time::timeout(RETURNING, closing).await;
        }
        result
    }

    async fn deliver(
        &mut self,
        consumer: &mut Consumer,
        line: &mut Line,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        loop {
            if consumer.requested == 0 {
                consumer.pull(&mut line.connection);
            }
            if let Some(ended) = line.wait(cx).await? {
                return Ok(ended);
            }
            let passed = self.pass_deliveries(consumer, line, cx)?;
            if let Some(position) = self.progress.position() {
                cx.outlet.reached(&position);
            }
            let settled = line.settle(consumer.is_durable, cx).await;
            if settled.is_continue() || matches!(settled, ControlFlow::Break(Ended::Enough)) {
                line.connection.output().append(&mut consumer.acks);
            }
            for flow in [passed, settled] {
                if let ControlFlow::Break(ended) = flow {
                    return Ok(ended);
                }
            }
            if consumer.last_sign.elapsed() > GONE {
                return Ok(line.lost("the consumer sends no heartbeats".to_owned(), cx));
            }
        }
    }

    /// Passes on what has been read.
    fn pass_deliveries(
        &mut self,
        consumer: &mut Consumer,
        line: &mut Line,
        cx: &mut Cx<'_>,
    ) -> Result<ControlFlow<Ended>, SourceError> {
        let mut bytes = 0;
        let mut problem = None;
        while let Some(frame) = line.connection.ready()? {
            let message = match frame {
                Frame::Message(message) if message.sid == DELIVERIES => message,
                Frame::TooLarge { bytes } => {
                    consumer.requested = consumer.requested.saturating_sub(1);
                    report_too_large(bytes, self.options.max_message, cx);
                    continue;
                }
                _ => continue,
            };
            consumer.last_sign = Instant::now();
            let Some(place) = Place::parse(message.reply) else {
                problem = problem.or(consumer.status(message.headers));
                continue;
            };
            if consumer.misses(place) {
                problem = Some("a delivery is missing".to_owned());
                break;
            }
            self.report_deleted(consumer, place, cx);
            bytes += message.payload.len() + PER_MESSAGE;
            let id = place.sequence.to_string();
            let extra = Extra {
                id: Some(&id),
                has_reply: false,
                deliveries: place.delivered,
            };
            let flow = take(&message, &extra, cx);
            self.progress.last = Some(place.sequence.max(self.progress.last.unwrap_or_default()));
            if consumer.is_durable {
                let reply = String::from_utf8_lossy(message.reply);
                nats::publish(&mut consumer.acks, &reply, "", b"", b"+ACK");
            }
            if flow.is_break() {
                return Ok(ControlFlow::Break(Ended::Enough));
            }
        }
        line.budget.spend(bytes);
        if bytes > 0 {
            cx.pulse.message(Timestamp::now());
        }
        if let Some(problem) = problem {
            return Ok(ControlFlow::Break(line.lost(problem, cx)));
        }
        Ok(line.check_shutdown(cx))
    }

    /// Reports sequences before this message that were deleted before they were delivered.
    fn report_deleted(&self, consumer: &Consumer, place: Place, cx: &mut Cx<'_>) {
        let Some(last) = self.progress.last.filter(|_| consumer.is_whole) else {
            return;
        };
        let is_new = place.sequence > consumer.backlog || consumer.reports_backlog;
        if place.delivered > 1 || place.sequence <= last + 1 || !is_new {
            return;
        }
        let now = Timestamp::now();
        cx.outlet.notice(Notice::Gap(Gap {
            from: Some(last.to_string()),
            to: Some(place.sequence.to_string()),
            reason: REMOVED.to_owned(),
            lost: Some(place.sequence - last - 1),
            since: now,
            until: now,
        }));
    }

    /// Finds the stream, reports what was deleted since the last connection, and creates the consumer.
    async fn open_consumer(
        &mut self,
        connection: &mut Connection,
        cx: &mut Cx<'_>,
    ) -> Result<Consumer, SourceError> {
        let name = match self.options.url.parameter("stream") {
            Some(name) => name.to_owned(),
            None => connection
                .stream_of(&self.subject)
                .await?
                .ok_or_else(|| self.not_stored(connection.server()))?,
        };
        let stream = connection.stream(&name).await?;
        let is_whole = self.is_whole(&stream);
        let durable = self.options.durable.clone();
        let resumed = self.progress.last.is_some();
        let info = match &durable {
            Some(durable) => {
                let opened = self.durable_consumer(connection, &stream, durable);
                opened.await?
            }
            None => {
                self.check_resumed(&stream, is_whole, cx);
                let config = self.ephemeral(&stream)?;
                connection.create_consumer(&name, &config).await?
            }
        };
        let inbox = Connection::new_inbox();
        nats::subscribe(connection.output(), &inbox, None, DELIVERIES);
        let batch = match durable {
            Some(_) => DURABLE_BATCH,
            None => BATCH,
        };
        let consumer = Consumer {
            batch: match info.config.max_batch {
                0 => batch,
                limit => limit.min(batch),
            },
            stream: name,
            name: info.name,
            inbox,
            is_durable: durable.is_some(),
            is_whole,
            backlog: stream.state.last,
            reports_backlog: resumed && durable.is_none(),
            requested: 0,
            delivered: 0,
            last_sign: Instant::now(),
            acks: Vec::new(),
        };
        self.report_connected(connection, &consumer, cx);
        Ok(consumer)
    }

    /// Whether the subject is every subject of the stream.
    fn is_whole(&self, stream: &StreamInfo) -> bool {
        self.subject == ">" || stream.config.subjects == [self.subject.as_str()]
    }

    fn report_connected(&self, connection: &Connection, consumer: &Consumer, cx: &mut Cx<'_>) {
        let mut subscribed = format!("stream {}", consumer.stream);
        if self.subject != ">" {
            subscribed.push_str(&format!(", {}", self.subject));
        }
        let guarantee = match consumer.is_durable {
            true => {
                subscribed.push_str(&format!(", durable consumer {}", consumer.name));
                Guarantee::AtLeastOnce
            }
            false => {
                if let Some(last) = self.progress.last {
                    subscribed.push_str(&format!(", from sequence {}", last + 1));
                }
                Guarantee::ResumableByServer
            }
        };
        subscribed.push_str(&format!(" at {}", connection.info().shown()));
        cx.connected(self.options.url.to_string(), subscribed, guarantee);
        // A durable consumer, like a stream, continues where it was.
        cx.resumed();
    }

    fn not_stored(&self, server: &str) -> BrokerError {
        BrokerError::Missing {
            server: server.to_owned(),
            what: format!(
                "stream for {}, and without one NATS stores no messages: there is nothing to resume or to start from",
                self.subject
            ),
            hint: format!(
                "nats stream add NAME --subjects '{}' --defaults     creates one",
                self.subject
            ),
        }
    }

    /// Compares the stream with the position, and reports what is no longer there.
    fn check_resumed(&mut self, stream: &StreamInfo, is_whole: bool, cx: &mut Cx<'_>) {
        let state = &stream.state;
        let before = self.progress.created.replace(stream.created.clone());
        let Some(last) = self.progress.last else {
            if matches!(self.options.start, None | Some(Start::New)) {
                self.progress.last = Some(state.last);
            }
            return;
        };
        let is_other = before.is_some_and(|before| before != stream.created);
        if is_other || state.last < last {
            cx.gap(
                Some(&last.to_string()),
                Some(&state.first.to_string()),
                "the stream was deleted and created again",
            );
            self.progress.last = Some(state.first.saturating_sub(1));
        } else if state.first > last + 1 {
            let lost = is_whole.then_some(state.first - last - 1);
            let (from, to) = (last.to_string(), state.first.to_string());
            cx.counted_gap(Some(&from), Some(&to), lost, REMOVED);
            self.progress.last = Some(state.first - 1);
        } else {
            cx.resumed();
        }
    }

    /// The configuration of a consumer that only this connection uses.
    fn ephemeral(&self, stream: &StreamInfo) -> Result<Value, BrokerError> {
        let mut config = json!({
            "ack_policy": "none", "replay_policy": "instant", "max_deliver": 1, "mem_storage": true, "num_replicas": 1,
            "inactive_threshold": nanos(INACTIVE),
        });
        match self.progress.last {
            Some(last) => starts_at(&mut config, last + 1),
            None => self.starts(&mut config, stream)?,
        }
        self.filter(&mut config);
        Ok(config)
    }

    fn filter(&self, config: &mut Value) {
        if self.subject != ">" {
            config["filter_subject"] = self.subject.as_str().into();
        }
    }

    /// Sets where a consumer begins.
    fn starts(&self, config: &mut Value, stream: &StreamInfo) -> Result<(), BrokerError> {
        match &self.options.start {
            None | Some(Start::New) => starts_at(config, stream.state.last + 1),
            Some(Start::First) => config["deliver_policy"] = "all".into(),
            Some(Start::Last) => config["deliver_policy"] = "last".into(),
            Some(Start::Since(time)) => {
                let time = DateTime::<Utc>::from_timestamp_millis(time.millis());
                config["deliver_policy"] = "by_start_time".into();
                config["opt_start_time"] = time
                    .unwrap_or_default()
                    .to_rfc3339_opts(SecondsFormat::Millis, true)
                    .into();
            }
            Some(Start::At(text)) => starts_at(config, sequence(text)?.max(1)),
        }
        Ok(())
    }

    /// The durable consumer of this name, created if it does not exist.
    async fn durable_consumer(
        &mut self,
        connection: &mut Connection,
        stream: &StreamInfo,
        durable: &str,
    ) -> Result<ConsumerInfo, BrokerError> {
        let name = &stream.config.name;
        let info = match connection.consumer(name, durable).await? {
            Some(info) => info,
            None => {
                let mut config = json!({
                    "durable_name": durable, "ack_policy": "explicit", "replay_policy": "instant",
                });
                self.starts(&mut config, stream)?;
                self.filter(&mut config);
                connection.create_consumer(name, &config).await?
            }
        };
        let filter = info.config.filter_subject.as_str();
        let is_filter = match filter {
            "" => self.is_whole(stream),
            filter => filter == self.subject || self.subject == ">",
        };
        let why = if !info.config.deliver_subject.is_empty() {
            "it pushes its messages".to_owned()
        } else if info.config.ack_policy == "none" {
            "its messages are not acknowledged".to_owned()
        } else if !is_filter {
            let delivered = if filter.is_empty() { ">" } else { filter };
            format!("it delivers {delivered}")
        } else {
            self.progress.last.get_or_insert(info.ack_floor.sequence);
            return Ok(info);
        };
        Err(BrokerError::Refused {
            server: connection.server().to_owned(),
            what: format!("the durable consumer {durable} for {}", self.subject),
            message: why,
            hint: "--durable OTHER     creates another one".to_owned(),
        })
    }
}

fn starts_at(config: &mut Value, sequence: u64) {
    config["deliver_policy"] = "by_start_sequence".into();
    config["opt_start_seq"] = sequence.into();
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl Consumer {
    fn pull(&mut self, connection: &mut Connection) {
        let bytes = BATCH_BYTES.max(2 * connection.info().max_payload);
        let request = json!({
            "batch": self.batch, "max_bytes": bytes,
            "expires": nanos(EXPIRES), "idle_heartbeat": nanos(HEARTBEAT),
        });
        self.requested = self.batch;
        connection.pull(&self.stream, &self.name, &self.inbox, &request);
    }

    /// Handles the server's message about the request. Returns why the consumer cannot be used any longer.
    fn status(&mut self, headers: &[u8]) -> Option<String> {
        let status = nats::status(headers)?;
        let text = status.description.to_ascii_lowercase();
        match status.code {
            // A heartbeat.
            100 => return None,
            // The request has ended: nothing arrived in time, or the rest would exceed its bytes.
            404 | 408 => {}
            409 if text.contains("maxbytes") || text.contains("leadership") => {}
            503 => return Some("the consumer does not exist any longer".to_owned()),
            _ => return Some(format!("the consumer ended: {}", status.description)),
        }
        self.requested = 0;
        None
    }

    /// Counts a delivery. Returns whether one before it is missing.
    fn misses(&mut self, place: Place) -> bool {
        self.requested = self.requested.saturating_sub(1);
        let expected = self.delivered + 1;
        self.delivered = place.consumer_sequence;
        !self.is_durable && place.consumer_sequence != expected
    }

    /// Deletes an ephemeral consumer. A durable one gets back the messages that were delivered and not passed on.
    async fn close(&mut self, connection: &mut Connection) -> Result<(), BrokerError> {
        let output = connection.output();
        output.append(&mut self.acks);
        output.extend_from_slice(format!("UNSUB {DELIVERIES}\r\nPING\r\n").as_bytes());
        if !self.is_durable {
            connection.delete_consumer(&self.stream, &self.name);
            return connection.flush().await;
        }
        let mut returned = Vec::new();
        loop {
            match connection.ready()? {
                Some(Frame::Pong) => break,
                Some(Frame::Message(message)) if Place::parse(message.reply).is_some() => {
                    returned.push(String::from_utf8_lossy(message.reply).into_owned());
                }
                Some(_) => {}
                None => connection.fill().await?,
            }
        }
        // nats-server 2.9 tries to deliver the first one to the inbox that is gone, and then delivers the last message of the
        // stream again instead. So the last one is the first.
        if let Some(last) = returned.pop() {
            returned.insert(0, last);
        }
        for reply in returned {
            nats::publish(connection.output(), &reply, "", b"", b"-NAK");
        }
        connection.confirm("returning messages").await
    }
}
