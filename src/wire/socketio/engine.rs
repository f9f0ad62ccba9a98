//! Engine.IO 4: each packet is one character for its type and a payload. The polling transport packs many packets into
//! one body.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;

use super::PacketError;

/// Separates packets in a body of the polling transport.
const SEPARATOR: u8 = 0x1e;
/// Maximum size of a handshake in bytes. Real ones have about 120.
const MAX_HANDSHAKE: usize = 64 * 1024;
/// Longest accepted interval between pings.
const MAX_PING_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A packet of Engine.IO as text. A binary message is an attachment of Socket.IO and is not wrapped in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The server's [`Handshake`], as JSON.
    Open(&'a str),
    Close,
    /// With a payload that the reply repeats (`2probe`, `3probe`).
    Ping(&'a str),
    Pong(&'a str),
    Message(&'a str),
    Upgrade,
    Noop,
}

impl<'a> Packet<'a> {
    /// Parses one packet.
    ///
    /// # Errors
    /// [`PacketError::UnknownType`], also for an empty text.
    pub fn parse(text: &'a str) -> Result<Self, PacketError> {
        let kind = text.bytes().next().ok_or(PacketError::UnknownType)?;
        let payload = text.get(1..).unwrap_or_default();
        Ok(match kind {
            b'0' => Self::Open(payload),
            b'1' => Self::Close,
            b'2' => Self::Ping(payload),
            b'3' => Self::Pong(payload),
            b'4' => Self::Message(payload),
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            _ => return Err(PacketError::UnknownType),
        })
    }

    /// Appends the packet in its wire format.
    pub fn write(&self, out: &mut String) {
        let (kind, payload) = match *self {
            Self::Open(payload) => ('0', payload),
            Self::Close => ('1', ""),
            Self::Ping(payload) => ('2', payload),
            Self::Pong(payload) => ('3', payload),
            Self::Message(payload) => ('4', payload),
            Self::Upgrade => ('5', ""),
            Self::Noop => ('6', ""),
        };
        out.push(kind);
        out.push_str(payload);
    }
}

/// The server's first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    pub sid: String,
    /// Transports to which the client may change.
    pub upgrades: Vec<String>,
    /// Interval between the server's pings.
    pub ping_interval: Duration,
    /// How long the server waits for a pong.
    pub ping_timeout: Duration,
    /// Maximum size of one body of the polling transport in bytes.
    pub max_payload: usize,
}

impl Handshake {
    /// Parses the payload of [`Packet::Open`].
    ///
    /// # Errors
    /// [`PacketError::Handshake`].
    pub fn parse(json: &str) -> Result<Self, PacketError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields {
            sid: String,
            #[serde(default)]
            upgrades: Vec<String>,
            ping_interval: u64,
            ping_timeout: u64,
            // Exists since engine.io 6.2. Older servers have the same limit by default.
            #[serde(default = "default_payload")]
            max_payload: usize,
        }
        const fn default_payload() -> usize {
            1_000_000
        }
        if json.len() > MAX_HANDSHAKE {
            return Err(PacketError::Handshake);
        }
        let fields: Fields = serde_json::from_str(json).map_err(|_| PacketError::Handshake)?;
        let bounded = |millis| Duration::from_millis(millis).min(MAX_PING_INTERVAL);
        Ok(Self {
            sid: fields.sid,
            upgrades: fields.upgrades,
            ping_interval: bounded(fields.ping_interval),
            ping_timeout: bounded(fields.ping_timeout),
            max_payload: fields.max_payload,
        })
    }
}

/// Returns whether a polling body starts with a handshake in the framing of Engine.IO 3, `LENGTH:0{…}`: the server's
/// Socket.IO is older than version 3.
pub fn is_older_handshake(body: &str) -> bool {
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && body[digits..].starts_with(":0{")
}

/// One packet of a polling body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// UTF-8, not parsed yet.
    Text(Bytes),
    /// An attachment.
    Binary(Vec<u8>),
}

/// Splits a body of the polling transport while it arrives. Memory is bounded by the longest packet, not by the body.
#[derive(Debug)]
pub struct Splitter {
    rest: BytesMut,
    /// How many bytes of `rest` have been searched for a separator.
    searched: usize,
    limit: usize,
}

impl Splitter {
    /// `limit` is the maximum size of one packet in its wire format.
    pub fn new(limit: usize) -> Self {
        Self {
            rest: BytesMut::new(),
            searched: 0,
            limit,
        }
    }

    /// Appends input.
    pub fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// Returns the next packet that is followed by a separator.
    ///
    /// # Errors
    /// The packet is neither text nor base64, or it exceeds the limit.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, PacketError> {
        let Some(end) = memchr::memchr(SEPARATOR, &self.rest[self.searched..]) else {
            self.searched = self.rest.len();
            return self.bounded(self.rest.len()).map(|()| None);
        };
        let end = self.searched + end;
        self.bounded(end)?;
        let packet = self.rest.split_to(end).freeze();
        self.rest.advance(1);
        self.searched = 0;
        piece(packet).map(Some)
    }

    /// Returns the last packet, after the end of the body; `None` if nothing is left.
    ///
    /// # Errors
    /// The same as for [`Self::next_piece`].
    pub fn last_piece(&mut self) -> Result<Option<Piece>, PacketError> {
        self.bounded(self.rest.len())?;
        self.searched = 0;
        let packet = self.rest.split().freeze();
        (!packet.is_empty()).then(|| piece(packet)).transpose()
    }

    fn bounded(&self, length: usize) -> Result<(), PacketError> {
        let limit = self.limit;
        if length > limit {
            return Err(PacketError::TooLarge { limit });
        }
        Ok(())
    }
}

fn piece(packet: Bytes) -> Result<Piece, PacketError> {
    if let Some(encoded) = packet.strip_prefix(b"b") {
        let binary = STANDARD.decode(encoded).map_err(|_| PacketError::Base64)?;
        return Ok(Piece::Binary(binary));
    }
    std::str::from_utf8(&packet).map_err(|_| PacketError::NotText)?;
    Ok(Piece::Text(packet))
}

/// A body of the polling transport under construction.
#[derive(Debug, Default)]
pub struct Body(String);

impl Body {
    /// Appends a packet that is in its wire format.
    pub fn push(&mut self, packet: &str) {
        self.separate();
        self.0.push_str(packet);
    }

    /// Appends an attachment.
    pub fn push_binary(&mut self, attachment: &[u8]) {
        self.separate();
        self.0.push('b');
        STANDARD.encode_string(attachment, &mut self.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_bytes(self) -> Bytes {
        Bytes::from(self.0)
    }

    fn separate(&mut self) {
        if !self.0.is_empty() {
            self.0.push(char::from(SEPARATOR));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_type_is_parsed_and_written() {
        for (text, packet) in [
            ("0{}", Packet::Open("{}")),
            ("1", Packet::Close),
            ("2", Packet::Ping("")),
            ("2probe", Packet::Ping("probe")),
            ("3probe", Packet::Pong("probe")),
            ("42[\"a\"]", Packet::Message("2[\"a\"]")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
        ] {
            assert_eq!(Packet::parse(text), Ok(packet));
            let mut written = String::new();
            packet.write(&mut written);
            assert_eq!(written, text);
        }
        for text in ["", "7", "b", "é"] {
            assert_eq!(Packet::parse(text), Err(PacketError::UnknownType), "{text}");
        }
    }

    #[test]
    fn the_handshake_of_the_specification_is_parsed() {
        let handshake = Handshake::parse(
            r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#,
        )
        .unwrap();
        assert_eq!(handshake.sid, "lv_VI97HAXpY6yYWAAAC");
        assert_eq!(handshake.upgrades, ["websocket"]);
        assert_eq!(handshake.ping_interval, Duration::from_secs(25));
        assert_eq!(handshake.ping_timeout, Duration::from_secs(20));
        assert_eq!(handshake.max_payload, 1_000_000);
        assert_eq!(Handshake::parse("{}"), Err(PacketError::Handshake));
    }

    #[test]
    fn a_handshake_of_engine_io_3_is_recognized() {
        assert!(is_older_handshake("97:0{\"sid\":\"a\"}2:40"));
        for body in ["", "0{\"sid\":\"a\"}", ":0{}", "2:40", "97"] {
            assert!(!is_older_handshake(body), "{body}");
        }
    }

    fn pieces(body: &[u8], chunk: usize, limit: usize) -> Result<Vec<Piece>, PacketError> {
        let mut splitter = Splitter::new(limit);
        let mut pieces = Vec::new();
        for bytes in body.chunks(chunk) {
            splitter.push(bytes);
            while let Some(piece) = splitter.next_piece()? {
                pieces.push(piece);
            }
        }
        pieces.extend(splitter.last_piece()?);
        Ok(pieces)
    }

    #[test]
    fn the_payload_of_the_specification_is_split() {
        let body = b"4hello\x1e2\x1e4world\x1ebAQIDBA==";
        for chunk in 1..=body.len() {
            assert_eq!(
                pieces(body, chunk, 100).unwrap(),
                [
                    Piece::Text(Bytes::from_static(b"4hello")),
                    Piece::Text(Bytes::from_static(b"2")),
                    Piece::Text(Bytes::from_static(b"4world")),
                    Piece::Binary(vec![1, 2, 3, 4]),
                ]
            );
        }
    }

    #[test]
    fn an_endless_packet_is_refused() {
        let refused = Err(PacketError::TooLarge { limit: 8 });
        assert_eq!(pieces(&[b'4'; 64], 4, 8), refused);
        assert_eq!(pieces(b"4\x1e4aaaaaaaaaaaaaaaaaa\x1e", 64, 8), refused);
    }

    proptest! {
        #[test]
        fn a_packed_body_is_split_into_the_same_packets(
            packets in prop::collection::vec(
                prop_oneof!["4[^\u{1e}]{0,20}".prop_map(|text| Piece::Text(text.into())),
                prop::collection::vec(any::<u8>(), 0..20).prop_map(Piece::Binary)], 1..8),
            chunk in 1..40_usize,
        ) {
            let mut body = Body::default();
            for packet in &packets {
                match packet {
                    Piece::Text(text) => body.push(std::str::from_utf8(text).unwrap()),
                    Piece::Binary(bytes) => body.push_binary(bytes),
                }
            }
            prop_assert_eq!(pieces(&body.into_bytes(), chunk, 1000).unwrap(), packets);
        }

        #[test]
        fn memory_is_a_small_multiple_of_the_limit(body in prop::collection::vec(any::<u8>(), 0..200), chunk in 1..40_usize, limit in 1..100_usize) {
            let mut splitter = Splitter::new(limit);
            'body: for bytes in body.repeat(50).chunks(chunk) {
                splitter.push(bytes);
                loop {
                    match splitter.next_piece() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => break 'body,
                    }
                }
                prop_assert!(splitter.rest.len() <= limit);
                prop_assert!(splitter.rest.capacity() <= 2 * (limit + chunk) + 64);
            }
        }

        #[test]
        fn any_bytes_are_a_body_or_an_error(body in prop::collection::vec(any::<u8>(), 0..200), chunk in 1..40_usize) {
            if let Ok(pieces) = pieces(&body, chunk, 50) {
                for piece in pieces {
                    if let Piece::Text(text) = piece {
                        let _ = Packet::parse(std::str::from_utf8(&text).unwrap());
                    }
                }
            }
        }
    }
}
