//! Handles the packets of a connection.

use std::fmt::Write;

use bytes::Bytes;

use super::{Session, find, named};
use crate::source::socketio::link::Frame;
use crate::source::socketio::namespace::{Namespace, SessionLoss, State};
use crate::source::socketio::{End, too_old};
use crate::source::{Cx, Ended, Guarantee, Message, Notice, SourceError};
use crate::wire::socketio::PacketError;
use crate::wire::socketio::attachments::fill;
use crate::wire::socketio::engine;
use crate::wire::socketio::packet::{Event, Joined, Kind, Packet, Refusal};

/// How many characters of the reason for a refusal are shown.
const SHOWN: usize = 500;

impl Session<'_> {
    pub(super) fn take(&mut self, frame: &Frame, cx: &mut Cx<'_>) -> Result<(), End> {
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
                let list = self
                    .with_attachments(packet.payload, attachments)
                    .map_err(malformed)?;
                let remark = format!("ack {}: {list}", packet.id.unwrap_or_default());
                cx.outlet.notice(Notice::Remark(remark));
                Ok(())
            }
            Kind::Connect => {
                let joined = Joined::parse(packet.payload).map_err(|_| {
                    End::Failed(too_old("its response to CONNECT has no session id"))
                })?;
                self.joined(packet.namespace, joined, cx);
                Ok(())
            }
            Kind::ConnectError => {
                let refusal = Refusal::parse(packet.payload).map_err(malformed)?;
                Err(End::Failed(SourceError::Denied {
                    what: named(&[packet.namespace]),
                    auth: refusal.is_auth(),
                    // As long as the server likes, and shown to the user.
                    message: refusal.message.chars().take(SHOWN).collect(),
                    data: refusal.data,
                }))
            }
            Kind::Disconnect => self.disconnected(packet.namespace, cx),
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
            .with_attachments(event.data(&mut list), attachments)
            .map_err(malformed)?;
        let flow = cx.outlet.take(&Message {
            name: Some(&event.name()),
            id,
            channel: (packet.namespace != "/").then_some(packet.namespace),
            data: data.as_bytes(),
            ack: packet.id,
            ..Message::default()
        });
        self.list = list;
        self.has_event = true;
        if flow.is_break() {
            return Err(End::Ended(Ended::Enough));
        }
        self.answer(packet, &event, attachments);
        Ok(())
    }

    /// Returns a packet's JSON with its attachments inserted.
    fn with_attachments<'t>(
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
        if namespace.state != State::Joining {
            return;
        }
        namespace.joined(joined.pid);
        if self.namespaces.iter().all(|n| n.state != State::Joining) {
            self.opened(cx);
        }
    }

    /// Reports that all namespaces are joined.
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
        self.report_loss(cx);
        for line in &self.options.send_on_connect {
            self.send_line(line, cx);
        }
    }

    /// Reports what the previous loss of the connection means.
    fn report_loss(&mut self, cx: &mut Cx<'_>) {
        let is_alone = self.namespaces.len() == 1;
        let mut lost = Vec::new();
        for namespace in self.namespaces.iter_mut() {
            if let Some(loss) = namespace.take_loss() {
                lost.push((namespace.name.as_str(), loss));
            }
        }
        let Some((_, SessionLoss { why, .. })) = lost.first() else {
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

    /// Handles a namespace that the server disconnected. After the last one the stream is finished.
    fn disconnected(&mut self, name: &str, cx: &mut Cx<'_>) -> Result<(), End> {
        let Some(namespace) = find(self.namespaces, name) else {
            return Ok(());
        };
        namespace.state = State::Left;
        let why = format!("the server disconnected {}", named(&[name]));
        if self.namespaces.iter().all(|n| n.state == State::Left) {
            return Err(End::Ended(Ended::Finished { why }));
        }
        cx.outlet.notice(Notice::Remark(why));
        if !self.is_open && self.namespaces.iter().all(|n| n.state != State::Joining) {
            self.opened(cx);
        }
        Ok(())
    }
}
