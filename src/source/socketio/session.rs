//! One connection: joins the namespaces, hands events on, answers, and notices when the server is dead.

use std::convert::Infallible;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::link::{Frame, Link, late};
use super::namespace::{self, Loss, Namespace, State};
use super::{End, SocketIoOptions, typed};
use crate::source::turns::Turns;
use crate::source::{Cx, Ended, Guarantee, Message, Notice, Outgoing, SourceError};
use crate::time::Timestamp;
use crate::wire::socketio::PacketError;
use crate::wire::socketio::attachments::{Assembler, fill};
use crate::wire::socketio::engine::{self, Handshake};
use crate::wire::socketio::packet::{Event, Joined, Kind, Packet, Refusal};

/// A namespace that is not answered within this is taken to be none.
const JOIN: Duration = Duration::from_secs(10);
/// Bytes that are taken off the wire before the outlet is waited for.
const BATCH: usize = 64 * 1024;
/// Bytes that may wait to be sent before no more is read, and before pongs are left out.
const UNSENT: usize = 1024 * 1024;
/// A server whose timers are shorter is not spun for.
const SHORTEST_BEAT: Duration = Duration::from_millis(10);
/// A polite close takes no longer.
const CLOSE: Duration = Duration::from_millis(800);

/// A connection after its handshake.
pub(super) struct Session<'a> {
    options: &'a SocketIoOptions,
    namespaces: &'a mut [Namespace],
    target: String,
    link: Link,
    handshake: Handshake,
    assembler: Assembler,
    is_open: bool,
    /// Bytes pushed since all of them were sent.
    unsent: usize,
    /// The id of the next acknowledgement that is asked for.
    next_id: u64,
    has_event: bool,
    list: String,
    filled: String,
    turns: Turns,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        options: &'a SocketIoOptions,
        namespaces: &'a mut [Namespace],
        target: String,
        (link, handshake): (Link, Handshake),
    ) -> Self {
        Self {
            options,
            namespaces,
            target,
            link,
            handshake,
            assembler: Assembler::new(options.max_message),
            is_open: false,
            unsent: 0,
            next_id: 0,
            has_event: false,
            list: String::new(),
            filled: String::new(),
            turns: Turns::default(),
        }
    }

    /// Follows the connection to its end, and closes it.
    pub(super) async fn run(
        mut self,
        auth: Option<&str>,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let Err(end) = self.follow(auth, cx).await;
        self.tell_repeated(cx);
        let (result, is_lost) = match end {
            End::Malformed { bytes, why } => {
                cx.outlet.notice(Notice::Malformed {
                    bytes,
                    why: why.clone(),
                });
                (Ok(Ended::cut(why)), false)
            }
            End::Ended(ended) => {
                let is_lost = matches!(ended, Ended::Cut { .. });
                (Ok(ended), is_lost)
            }
            End::Failed(error) => (Err(error), false),
        };
        if !is_lost {
            let leaves = matches!(result, Ok(Ended::Stopped | Ended::Enough));
            self.close(leaves).await;
        }
        result
    }

    async fn follow(&mut self, auth: Option<&str>, cx: &mut Cx<'_>) -> Result<Infallible, End> {
        // What the server ended stays so, unless nothing else is left to follow.
        let all = self.namespaces.iter().all(|n| n.state == State::Left);
        for index in 0..self.namespaces.len() {
            if all || self.namespaces[index].state != State::Left {
                let mut packet = String::new();
                self.namespaces[index].connect(auth, &mut packet);
                self.push_message(&packet);
            }
        }
        self.flush();
        let join_by = Instant::now() + JOIN;
        let mut heard = Instant::now();
        loop {
            let mut deadline = heard + self.handshake.ping_interval + self.handshake.ping_timeout;
            if !self.is_open {
                deadline = deadline.min(join_by);
            }
            // What comes is behind what is typed, which a flood must not keep waiting; it is looked for at every turn.
            let frame = tokio::select! {
                biased;
                () = cx.stop.cancelled() => return Err(End::Ended(Ended::Stopped)),
                line = receive(&mut cx.input), if self.is_open && !self.link.is_blocked() => {
                    match line {
                        Some(line) => {
                            self.send_line(&line, cx);
                            self.flush();
                        }
                        None => cx.input = None,
                    }
                    self.link.ready().await?
                }
                frame = self.link.next() => frame?,
                () = sleep_until(deadline) => return Err(self.silence(join_by)),
            };
            if let Some(frame) = frame {
                self.batch(frame, cx).await?;
                // What the reader of the events took does not count as silence.
                heard = Instant::now();
            }
        }
    }

    fn silence(&self, join_by: Instant) -> End {
        if !self.is_open && Instant::now() >= join_by {
            let waiting = self.namespaces.iter().filter(|n| n.state == State::Asked);
            let names: Vec<&str> = waiting.map(|n| n.name.as_str()).collect();
            let server = super::shown(&self.options.url);
            let peer = format!("{} of {server}", named(&names));
            return End::Failed(late(peer, JOIN));
        }
        let silence = self.handshake.ping_interval + self.handshake.ping_timeout;
        End::lost(format!(
            "no sign of life for {} s, not even a ping",
            silence.as_secs_f64()
        ))
    }

    /// Takes `frame` and what is there behind it, then waits for the outlet once.
    async fn batch(&mut self, frame: Frame, cx: &mut Cx<'_>) -> Result<(), End> {
        let taken = self.take_ready(frame, cx).await;
        let now = Timestamp::now();
        if std::mem::take(&mut self.has_event) {
            cx.pulse.message(now);
            if let Some(position) = namespace::position(self.namespaces) {
                cx.outlet.reached(&position);
            }
        } else {
            cx.pulse.sign(now);
        }
        // Pongs and answers go out before the wait.
        self.flush();
        self.settle(cx).await?;
        taken?;
        self.tell_repeated(cx);
        Ok(())
    }

    async fn take_ready(&mut self, frame: Frame, cx: &mut Cx<'_>) -> Result<(), End> {
        let mut next = Some(frame);
        let mut bytes = 0;
        while let Some(frame) = next {
            bytes += frame.len();
            self.turns.took(frame.len());
            self.take(&frame, cx)?;
            // Before the next is read: the buffer is used again only where nobody holds a part of it.
            drop(frame);
            if bytes >= BATCH || self.unsent >= UNSENT {
                break;
            }
            next = self.link.ready().await?;
        }
        Ok(())
    }

    /// Waits for the outlet. A server that is not read sees no answers to its pings: it is sent pongs unasked, as often as
    /// either of its timers needs.
    async fn settle(&mut self, cx: &mut Cx<'_>) -> Result<(), End> {
        let beat = self
            .handshake
            .ping_interval
            .min(self.handshake.ping_timeout)
            / 2;
        let every = beat.max(SHORTEST_BEAT);
        loop {
            tokio::select! {
                biased;
                flow = self.turns.settle(cx.outlet) => return match flow {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(()) => Err(End::Ended(Ended::Enough)),
                },
                () = cx.stop.cancelled() => return Err(End::Ended(Ended::Stopped)),
                Err(end) = self.link.write() => return Err(end),
                () = sleep(every) => {}
            }
            self.push_pong("");
            self.flush();
        }
    }

    fn take(&mut self, frame: &Frame, cx: &mut Cx<'_>) -> Result<(), End> {
        let malformed = |error| End::malformed(frame.len(), error);
        match frame {
            Frame::Text(text) => match engine::Packet::parse(text).map_err(malformed)? {
                engine::Packet::Message(message) => {
                    match self.assembler.text(message).map_err(malformed)? {
                        Some(packet) => self.take_packet(packet, &[], cx),
                        None => Ok(()),
                    }
                }
                engine::Packet::Ping(payload) => {
                    self.push_pong(payload);
                    Ok(())
                }
                engine::Packet::Close => Err(End::lost("the server closed the connection")),
                engine::Packet::Open(_) => Err(malformed(PacketError::Handshake)),
                engine::Packet::Pong(_) | engine::Packet::Upgrade | engine::Packet::Noop => Ok(()),
            },
            Frame::Binary(bytes) => {
                let taken = self.assembler.attachment(bytes.to_vec());
                let Some(binary) = taken.map_err(malformed)? else {
                    return Ok(());
                };
                let packet = binary.packet().map_err(malformed)?;
                self.take_packet(packet, &binary.attachments, cx)
            }
        }
    }

    fn take_packet(
        &mut self,
        packet: Packet<'_>,
        attachments: &[Vec<u8>],
        cx: &mut Cx<'_>,
    ) -> Result<(), End> {
        let malformed = |error| End::malformed(packet.payload.len(), error);
        match packet.kind {
            Kind::Event | Kind::BinaryEvent => self.take_event(packet, attachments, cx),
            Kind::Ack | Kind::BinaryAck => {
                let list = self.whole(packet.payload, attachments).map_err(malformed)?;
                let remark = format!("ack {}: {list}", packet.id.unwrap_or_default());
                cx.outlet.notice(Notice::Remark(remark));
                Ok(())
            }
            Kind::Connect => {
                let joined = Joined::parse(packet.payload).map_err(|_| {
                    End::Failed(SourceError::Protocol {
                        why: "the answer has no session id, as of a Socket.IO server before version 3"
                            .to_owned(),
                    })
                })?;
                self.joined(packet.namespace, joined, cx);
                Ok(())
            }
            Kind::ConnectError => {
                let refusal = Refusal::parse(packet.payload).map_err(malformed)?;
                Err(End::Failed(SourceError::Denied {
                    what: named(&[packet.namespace]),
                    auth: refusal.is_auth(),
                    message: refusal.message,
                    data: refusal.data,
                }))
            }
            Kind::Disconnect => self.left(packet.namespace, cx),
        }
    }

    fn take_event(
        &mut self,
        packet: Packet<'_>,
        attachments: &[Vec<u8>],
        cx: &mut Cx<'_>,
    ) -> Result<(), End> {
        let malformed = |error| End::malformed(packet.payload.len(), error);
        let mut event = Event::parse(packet.payload).map_err(malformed)?;
        let mut id = None;
        if packet.id.is_none()
            && let Some(namespace) = find(self.namespaces, packet.namespace)
            && namespace.has_session()
        {
            id = event.take_offset();
            if let Some(offset) = id
                && !namespace.admit(offset)
            {
                return Ok(());
            }
        }
        let mut list = std::mem::take(&mut self.list);
        let data = self
            .whole(event.data(&mut list), attachments)
            .map_err(malformed)?;
        let flow = cx.outlet.take(&Message {
            name: Some(&event.name()),
            id,
            channel: (packet.namespace != "/").then_some(packet.namespace),
            data: data.as_bytes(),
            ack: packet.id,
            change: None,
        });
        self.list = list;
        self.has_event = true;
        if flow.is_break() {
            return Err(End::Ended(Ended::Enough));
        }
        self.answer(packet, &event, attachments);
        Ok(())
    }

    /// JSON of a packet with its attachments in their places.
    fn whole<'t>(
        &'t mut self,
        json: &'t str,
        attachments: &[Vec<u8>],
    ) -> Result<&'t str, PacketError> {
        if attachments.is_empty() {
            return Ok(json);
        }
        self.filled.clear();
        let limit = self.options.max_message;
        fill(json, attachments, limit, &mut self.filled)?;
        Ok(&self.filled)
    }

    fn answer(&mut self, packet: Packet<'_>, event: &Event<'_>, attachments: &[Vec<u8>]) {
        if let (Some(_), Some(list)) = (packet.id, &self.options.ack) {
            self.push_packet(&Packet {
                kind: Kind::Ack,
                attachments: 0,
                payload: list,
                ..packet
            });
        }
        if self.options.echo {
            let mut payload = String::new();
            event.write(&mut payload);
            self.push_packet(&Packet {
                id: None,
                payload: &payload,
                ..packet
            });
            for attachment in attachments {
                self.push_frame(Frame::Binary(Bytes::copy_from_slice(attachment)));
            }
        }
    }

    fn joined(&mut self, name: &str, joined: Joined, cx: &mut Cx<'_>) {
        let Some(namespace) = find(self.namespaces, name) else {
            return;
        };
        if namespace.state != State::Asked {
            return;
        }
        namespace.joined(joined.pid);
        if self.namespaces.iter().all(|n| n.state != State::Asked) {
            self.opened(cx);
        }
    }

    /// All namespaces are joined.
    fn opened(&mut self, cx: &mut Cx<'_>) {
        self.is_open = true;
        let followed = || self.namespaces.iter().filter(|n| n.state != State::Left);
        let names: Vec<&str> = followed().map(|n| n.name.as_str()).collect();
        let guarantee = if followed().all(Namespace::has_session) {
            Guarantee::ResumableByServer
        } else {
            Guarantee::AtMostOnce
        };
        cx.connected(self.target.clone(), named(&names), guarantee);
        self.explain(cx);
        for line in &self.options.send_on_connect {
            self.send_line(line, cx);
        }
    }

    /// Says what the loss before this connection means.
    fn explain(&mut self, cx: &mut Cx<'_>) {
        let is_alone = self.namespaces.len() == 1;
        let mut lost = Vec::new();
        for namespace in self.namespaces.iter_mut() {
            if let Some(loss) = namespace.take_loss() {
                lost.push((namespace.name.as_str(), loss));
            }
        }
        let Some((_, Loss { why, .. })) = lost.first() else {
            cx.resumed();
            return;
        };
        let names: Vec<&str> = lost.iter().map(|(name, _)| *name).collect();
        let reason = if is_alone {
            (*why).to_owned()
        } else {
            format!("{why} ({})", named(&names))
        };
        let mut from = String::new();
        for (name, loss) in &lost {
            let Some(offset) = &loss.from else { continue };
            if is_alone {
                from.push_str(offset);
            } else {
                let space = if from.is_empty() { "" } else { " " };
                // Writing to a string cannot fail.
                let _ = write!(from, "{space}{name}={offset}");
            }
        }
        cx.gap((!from.is_empty()).then_some(from.as_str()), None, &reason);
    }

    /// The server ended a namespace; with the last one the stream is over.
    fn left(&mut self, name: &str, cx: &mut Cx<'_>) -> Result<(), End> {
        let Some(namespace) = find(self.namespaces, name) else {
            return Ok(());
        };
        namespace.state = State::Left;
        let why = format!("the server disconnected {}", named(&[name]));
        if self.namespaces.iter().all(|n| n.state == State::Left) {
            return Err(End::Ended(Ended::Finished { why }));
        }
        cx.outlet.notice(Notice::Remark(why));
        if !self.is_open && self.namespaces.iter().all(|n| n.state != State::Asked) {
            self.opened(cx);
        }
        Ok(())
    }

    fn send_line(&mut self, line: &Outgoing, cx: &mut Cx<'_>) {
        if let Err(why) = self.push_line(line) {
            let remark = format!("not sent: {why}");
            cx.outlet.notice(Notice::Remark(remark));
        }
    }

    fn push_line(&mut self, line: &Outgoing) -> Result<(), String> {
        let line = match line {
            Outgoing::Text(text) => text.as_str(),
            Outgoing::Binary(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| "a line has to be text".to_owned())?
            }
        };
        let typed = typed::parse(line).map_err(|error| error.to_string())?;
        let namespace = match typed.namespace {
            None => self.namespaces.first(),
            Some(name) => self.namespaces.iter().find(|n| n.name == name),
        };
        let Some(name) = namespace.map(|namespace| namespace.name.clone()) else {
            return Err(format!(
                "{} is not followed",
                typed.namespace.unwrap_or_default()
            ));
        };
        let id = typed.asks.then_some(self.next_id);
        self.next_id += u64::from(typed.asks);
        self.push_packet(&Packet {
            id,
            payload: &typed.payload,
            ..Packet::new(Kind::Event, &name)
        });
        Ok(())
    }

    /// Says once how many events came again after a recovery.
    fn tell_repeated(&mut self, cx: &mut Cx<'_>) {
        let repeated: u64 = self
            .namespaces
            .iter_mut()
            .map(Namespace::take_repeated)
            .sum();
        if repeated > 0 {
            let events = if repeated == 1 { "event" } else { "events" };
            cx.outlet.notice(Notice::Remark(format!(
                "{repeated} {events} came again after the recovery and were left out"
            )));
        }
    }

    /// Leaves the namespaces, unless the server is to keep their session for one who comes back: a DISCONNECT ends it.
    async fn close(mut self, leaves: bool) {
        for index in 0..self.namespaces.len() {
            let namespace = &self.namespaces[index];
            if leaves && namespace.state == State::Joined && namespace.position().is_none() {
                let name = namespace.name.clone();
                let mut packet = String::new();
                Packet::new(Kind::Disconnect, &name).write(&mut packet);
                self.push_message(&packet);
            }
        }
        let _ = timeout(CLOSE, self.link.close()).await;
    }

    fn push_packet(&mut self, packet: &Packet<'_>) {
        let mut text = String::from("4");
        packet.write(&mut text);
        self.push_frame(Frame::Text(text.into()));
    }

    fn push_message(&mut self, message: &str) {
        let mut text = String::new();
        engine::Packet::Message(message).write(&mut text);
        self.push_frame(Frame::Text(text.into()));
    }

    /// A server that does not read what waits for it gets no more pongs on top.
    fn push_pong(&mut self, payload: &str) {
        if self.unsent >= UNSENT {
            return;
        }
        let mut text = String::new();
        engine::Packet::Pong(payload).write(&mut text);
        self.push_frame(Frame::Text(text.into()));
    }

    fn flush(&mut self) {
        self.link.flush();
        if !self.link.is_blocked() {
            self.unsent = 0;
        }
    }

    fn push_frame(&mut self, frame: Frame) {
        self.unsent += frame.len();
        self.link.push(frame);
    }
}

async fn receive(input: &mut Option<mpsc::Receiver<Outgoing>>) -> Option<Outgoing> {
    match input {
        Some(input) => input.recv().await,
        None => std::future::pending().await,
    }
}

fn find<'n>(namespaces: &'n mut [Namespace], name: &str) -> Option<&'n mut Namespace> {
    namespaces.iter_mut().find(|n| n.name == name)
}

/// `namespace /chat`, `namespaces /, /chat`.
fn named(names: &[&str]) -> String {
    let noun = if names.len() == 1 {
        "namespace"
    } else {
        "namespaces"
    };
    format!("{noun} {}", names.join(", "))
}
