//! The position in a stream (a queue of type `stream`), which keeps its messages: consumers do not take them away.

use lapin::message::Delivery;
use lapin::types::{AMQPValue, LongString};

use super::Cx;
use crate::broker::BrokerError;
use crate::explain::shell_quoted;
use crate::grammar::broker::BrokerUrl;
use crate::source::Start;

/// The header of each message of a stream.
const OFFSET: &str = "x-stream-offset";

/// Which message of a stream comes next.
#[derive(Debug)]
pub(super) struct StreamPosition(Option<u64>);

impl StreamPosition {
    pub(super) fn new(next: Option<u64>) -> Self {
        Self(next)
    }

    pub(super) fn next(&self) -> Option<u64> {
        self.0
    }

    /// Where the consumer begins: at the position, otherwise at `start`.
    pub(super) fn offset(&self, start: &Start) -> AMQPValue {
        if let Some(next) = self.0 {
            return number(next);
        }
        let word = |word: &str| AMQPValue::LongString(LongString::from(word));
        match start {
            Start::First => word("first"),
            Start::Last => word("last"),
            Start::New => word("next"),
            Start::Since(time) => {
                AMQPValue::Timestamp(u64::try_from(time.millis() / 1000).unwrap_or_default())
            }
            Start::At(offset) => number(offset.parse().unwrap_or_default()),
        }
    }

    /// The beginning in words.
    pub(super) fn described(&self, start: &Start) -> String {
        match (self.0, start) {
            (Some(next), _) => format!("resuming at offset {next}"),
            (None, Start::First) => "from its first message".to_owned(),
            (None, Start::Last) => "from its last block of messages".to_owned(),
            (None, Start::New) => "new messages".to_owned(),
            (None, Start::Since(_)) => "from a time".to_owned(),
            (None, Start::At(offset)) => format!("from offset {offset}"),
        }
    }

    /// Moves the position after a message, and reports whether messages before it are missing.
    pub(super) fn reach(
        &mut self,
        name: &str,
        delivery: &Delivery,
        url: &BrokerUrl,
        cx: &mut Cx<'_>,
    ) -> Result<(), BrokerError> {
        let headers = delivery.properties.headers().as_ref();
        let offset = headers.and_then(|headers| match headers.inner().get(OFFSET)? {
            AMQPValue::LongLongInt(offset) => u64::try_from(*offset).ok(),
            _ => None,
        });
        // Without this check the messages of a usual queue would be acknowledged, and so deleted.
        let Some(offset) = offset else {
            return Err(BrokerError::Refused {
                server: url.server(),
                what: format!("reading stream `{name}`"),
                message: "it is a queue of another type".to_owned(),
                hint: format!(
                    "evt tail {} --peek     shows its messages and returns them",
                    shell_quoted(&url.to_string().replacen("stream=", "queue=", 1))
                ),
            });
        };
        match self.0 {
            Some(next) if offset > next => {
                let (from, to) = (next.saturating_sub(1).to_string(), offset.to_string());
                cx.gap(
                    Some(&from),
                    Some(&to),
                    "the stream no longer has the messages",
                );
            }
            _ => cx.resumed(),
        }
        self.0 = Some(offset + 1);
        cx.outlet.reached(&(offset + 1).to_string());
        Ok(())
    }
}

fn number(offset: u64) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(offset).unwrap_or(i64::MAX))
}
