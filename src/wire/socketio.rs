//! Socket.IO 5 over Engine.IO 4: packets in, packets out. Pure, bounded, borrowed from the text that they came in.
//!
//! [`engine`] is the transport's own framing, [`packet`] what travels inside its messages, [`attachments`] puts binary events
//! together. (socket.io-protocol v5 and engine.io-protocol v4, and the parsers of the reference implementation.)

pub mod attachments;
pub mod engine;
pub mod packet;

use thiserror::Error;

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    #[error("a packet of an unknown type")]
    UnknownType,
    #[error("a packet that is not UTF-8")]
    NotText,
    #[error("a handshake that cannot be read")]
    Handshake,
    #[error("a packet whose payload is not what its type calls for")]
    Payload,
    #[error("a binary packet without a number of attachments")]
    Attachments,
    #[error("a packet with more than {limit} attachments")]
    TooManyAttachments { limit: usize },
    #[error("text where an attachment was due")]
    TextForAttachment,
    #[error("an attachment that no packet announced")]
    UnexpectedAttachment,
    #[error("a placeholder without its attachment")]
    Placeholder,
    #[error("an attachment that is not base64")]
    Base64,
    #[error("a packet over the {limit} bytes allowed")]
    TooLarge { limit: usize },
}
