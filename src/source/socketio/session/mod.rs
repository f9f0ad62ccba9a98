//! One connection: joins the namespaces, passes events on, sends responses, and detects a dead server.

mod packets;

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::link::{Frame, Link, timed_out};
use super::namespace::{self, Namespace, State};
use super::{End, SocketIoOptions, typed};
use crate::source::budget::YieldBudget;
use crate::source::{Cx, Ended, Notice, Outgoing, SourceError};
use crate::time::Timestamp;
use crate::wire::socketio::attachments::Assembler;
use crate::wire::socketio::engine::{self, Handshake};
use crate::wire::socketio::packet::{Kind, Packet};

/// How long the server may take to answer a CONNECT before the namespace is considered missing.
const JOIN: Duration = Duration::from_secs(10);
/// How many bytes are read before waiting for the outlet.
const BATCH: usize = 64 * 1024;
/// Limit for unsent bytes. Above it no more frames are read and no more pongs are sent.
const MAX_UNSENT: usize = 1024 * 1024;
/// Shortest interval between pongs, for servers with very short timers.
const MIN_PONG_INTERVAL: Duration = Duration::from_millis(10);
/// Time limit for closing the connection.
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
    /// Bytes queued since the last time everything was sent.
    unsent: usize,
    /// Id of the next acknowledgement that the client requests.
    next_id: u64,
    has_event: bool,
    list: String,
    filled: String,
    budget: YieldBudget,
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
            budget: YieldBudget::default(),
        }
    }

    /// Follows the connection until it ends, and closes it.
    pub(super) async fn run(
        mut self,
        auth: Option<&str>,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let Err(end) = self.follow(auth, cx).await;
        self.report_repeated(cx);
        let (result, is_lost) = match end {
            End::Malformed { bytes, why } => {
                cx.outlet.notice(Notice::Malformed {
                    bytes,
                    why: why.clone(),
                    is_lost: false,
                });
                (Ok(Ended::lost(why)), false)
            }
            End::Ended(ended) => {
                let is_lost = matches!(ended, Ended::Lost { .. });
                (Ok(ended), is_lost)
            }
            End::Failed(error) => (Err(error), false),
        };
        if !is_lost {
            let leaves = matches!(result, Ok(Ended::Stopped | Ended::Enough));
            self.close(leaves).await;
        }
        cx.report_too_large(&result);
        result
    }

    async fn follow(&mut self, auth: Option<&str>, cx: &mut Cx<'_>) -> Result<Infallible, End> {
        // A namespace that the server disconnected is not joined again, unless no other namespace is left.
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
        let mut last_received = Instant::now();
        loop {
            let mut deadline =
                last_received + self.handshake.ping_interval + self.handshake.ping_timeout;
            if !self.is_open {
                deadline = deadline.min(join_by);
            }
            // Received frames come last in the order of polling, because a flood of them must not delay input. They are
            // still read on every iteration.
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
                // Time that the outlet took does not count as silence of the server.
                last_received = Instant::now();
            }
        }
    }

    fn silence(&self, join_by: Instant) -> End {
        if !self.is_open && Instant::now() >= join_by {
            let waiting = self.namespaces.iter().filter(|n| n.state == State::Joining);
            let names: Vec<&str> = waiting.map(|n| n.name.as_str()).collect();
            let server = super::shown(&self.options.url);
            let peer = format!("{} of {server}", named(&names));
            return End::Failed(timed_out(peer, JOIN));
        }
        let silence = self.handshake.ping_interval + self.handshake.ping_timeout;
        End::lost(format!(
            "nothing arrived for {} s, not even a ping",
            silence.as_secs_f64()
        ))
    }

    /// Handles `frame` and the frames that have already arrived, then waits for the outlet once.
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
        // Pongs and acknowledgements are sent before the wait.
        self.flush();
        self.settle(cx).await?;
        taken?;
        self.report_repeated(cx);
        Ok(())
    }

    async fn take_ready(&mut self, frame: Frame, cx: &mut Cx<'_>) -> Result<(), End> {
        let mut next = Some(frame);
        let mut bytes = 0;
        while let Some(frame) = next {
            bytes += frame.len();
            self.budget.spend(frame.len());
            self.take(&frame, cx)?;
            // Dropped before the next read, because the buffer is reused only if no part of it is borrowed.
            drop(frame);
            if bytes >= BATCH || self.unsent >= MAX_UNSENT {
                break;
            }
            next = self.link.ready().await?;
        }
        Ok(())
    }

    /// Waits for the outlet. The client reads no pings meanwhile, so it sends unsolicited pongs, often enough for both
    /// of the server's timers.
    async fn settle(&mut self, cx: &mut Cx<'_>) -> Result<(), End> {
        let interval = self
            .handshake
            .ping_interval
            .min(self.handshake.ping_timeout)
            / 2;
        let every = interval.max(MIN_PONG_INTERVAL);
        loop {
            tokio::select! {
                biased;
                flow = self.budget.settle(cx.outlet) => return match flow {
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
                std::str::from_utf8(bytes).map_err(|_| "a line must be text".to_owned())?
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
        let id = typed.wants_ack.then_some(self.next_id);
        self.next_id += u64::from(typed.wants_ack);
        self.push_packet(&Packet {
            id,
            payload: &typed.payload,
            ..Packet::new(Kind::Event, &name)
        });
        Ok(())
    }

    /// Reports how many events were sent again after a recovery.
    fn report_repeated(&mut self, cx: &mut Cx<'_>) {
        let repeated: u64 = self
            .namespaces
            .iter_mut()
            .map(Namespace::take_repeated)
            .sum();
        if repeated > 0 {
            let events = if repeated == 1 { "event" } else { "events" };
            cx.outlet.notice(Notice::Remark(format!(
                "{repeated} {events} sent again after the recovery were skipped"
            )));
        }
    }

    /// Closes the connection. Namespaces are left only if they cannot be resumed: a DISCONNECT ends the server's
    /// session.
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

    /// No pongs are queued for a server that does not read.
    fn push_pong(&mut self, payload: &str) {
        if self.unsent >= MAX_UNSENT {
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
