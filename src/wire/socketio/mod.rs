//! Socket.IO 5 over Engine.IO 4: parses and writes packets. Packets borrow from the text that they are parsed from.
//!
//! [`engine`] is the framing of the transport, [`packet`] the content of its messages, and [`attachments`] assembles
//! binary events. (Specification: socket.io-protocol v5, engine.io-protocol v4, and the parsers of the reference
//! implementation.)

pub mod attachments;
pub mod engine;
pub mod packet;

use thiserror::Error;

/// Why data is not a valid packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    #[error("a packet of an unknown type")]
    UnknownType,
    #[error("a packet that is not UTF-8")]
    NotText,
    #[error("a handshake that cannot be read")]
    Handshake,
    #[error("a packet whose payload does not fit its type")]
    Payload,
    #[error("a binary packet without a number of attachments")]
    Attachments,
    #[error("a packet with more than {limit} attachments")]
    TooManyAttachments { limit: usize },
    #[error("text where an attachment was expected")]
    TextForAttachment,
    #[error("an attachment that no packet announced")]
    UnexpectedAttachment,
    #[error("a placeholder without its attachment")]
    Placeholder,
    #[error("an attachment that is not base64")]
    Base64,
    #[error("a packet larger than the allowed {limit} bytes")]
    TooLarge { limit: usize },
}
