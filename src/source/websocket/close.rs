//! How a connection is closed, and what the end of a connection means.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::{Ended, SourceError};
use super::WebSocketOptions;
use super::connection::Connection;

/// A gateway got an invalid response from the server behind it (IANA registry).
const BAD_GATEWAY: u16 = 1014;

/// Why a connection ends.
pub(super) enum CloseReason {
    Stopped,
    /// The outlet wants no more messages.
    Enough,
    /// Nothing arrived for this long after a ping.
    Silent(Duration),
    /// The peer sent a close frame.
    Closed(Option<CloseFrame>),
    Failed(Error),
}

impl CloseReason {
    /// Closes the connection as RFC 6455 (7.1) requires, within a second.
    pub(super) async fn close(
        self,
        connection: Connection,
        options: &WebSocketOptions,
    ) -> Result<Ended, SourceError> {
        match self {
            Self::Stopped => {
                connection.close(1000, "").await;
                Ok(Ended::Stopped)
            }
            Self::Enough => {
                connection.close(1000, "").await;
                Ok(Ended::Enough)
            }
            Self::Silent(period) => Ok(lost(format!("no pong for {} s", period.as_secs_f64()))),
            Self::Closed(frame) => {
                // Registered after tungstenite's list was made.
                let is_bad_gateway = connection.ends_with_close(BAD_GATEWAY);
                connection.answer_close().await;
                match frame {
                    Some(frame) if is_bad_gateway && is_invalid(&frame) => {
                        let code = CloseCode::from(BAD_GATEWAY);
                        let reason = Default::default();
                        meaning(Some(CloseFrame { code, reason }), options.until_end)
                    }
                    frame => meaning(frame, options.until_end),
                }
            }
            Self::Failed(error) => failed(error, connection, options.max_message).await,
        }
    }
}

async fn failed(
    error: Error,
    connection: Connection,
    max_message: usize,
) -> Result<Ended, SourceError> {
    match error {
        Error::Capacity(_) => {
            connection.close(1009, "message too big").await;
            Err(SourceError::TooLarge { limit: max_message })
        }
        Error::Utf8(_) => {
            connection.close(1007, "not UTF-8").await;
            Err(SourceError::Protocol {
                why: "text that is not UTF-8; closed with 1007".to_owned(),
            })
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => Ok(lost(
            "the server closed the connection without a close frame (1006)".to_owned(),
        )),
        Error::Protocol(error) => {
            connection.close(1002, "protocol error").await;
            Err(SourceError::Protocol {
                why: format!("{error}; closed with 1002"),
            })
        }
        Error::Io(error) => Ok(lost(format!("{error} (1006)"))),
        other => Ok(lost(format!("{other} (1006)"))),
    }
}

/// Returns whether tungstenite refused the peer's code as one that must not be sent (RFC 6455, 7.4.2). It then reports
/// its own reply.
fn is_invalid(frame: &CloseFrame) -> bool {
    frame.code == CloseCode::Protocol && frame.reason.as_str() == "Protocol violation"
}

/// Interprets the peer's close code (RFC 6455, 7.4, and the IANA registry): the end of the stream, an interruption, or
/// an error that a new connection would meet again. A close without a code is an orderly end, as 1000 is: it is what
/// `close()` of many libraries sends. With `until_end` an interruption that the server announces is the end, too.
fn meaning(frame: Option<CloseFrame>, until_end: bool) -> Result<Ended, SourceError> {
    let Some(frame) = frame else {
        let why = "the server closed the connection without a code (1005)".to_owned();
        return Ok(Ended::Finished { why });
    };
    if is_invalid(&frame) {
        return Err(SourceError::Protocol {
            why: "the server sent an invalid close code; closed with 1002".to_owned(),
        });
    }
    let CloseFrame { code, reason } = frame;
    let code = u16::from(code);
    let colon = if reason.is_empty() { "" } else { ": " };
    let why = format!("the server closed the connection with {code}{colon}{reason}");
    match code {
        1000 => Ok(Ended::Finished { why }),
        1001 if until_end => Ok(Ended::Finished { why }),
        1001 | 1011..=BAD_GATEWAY if !until_end => Ok(lost(why)),
        _ => Err(SourceError::Closed {
            code,
            reason: reason.as_str().to_owned(),
        }),
    }
}

fn lost(why: String) -> Ended {
    Ended::Lost {
        why,
        min_delay: Duration::ZERO,
    }
}
