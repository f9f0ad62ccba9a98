//! A subscription: the server delivers what is published while the connection is open, and stores nothing.

use std::ops::ControlFlow;

use super::super::{Cx, Ended, Guarantee, SourceError};
use super::line::{Extra, Line, take};
use super::{Nats, report_too_large};
use crate::time::Timestamp;
use crate::wire::nats::{self, Frame};

/// The number of the subscription.
const SUBSCRIPTION: u64 = 2;
/// An estimate of the overhead of each message, in bytes.
const PER_MESSAGE: usize = 64;

impl Nats {
    pub(super) async fn follow_subject(
        &mut self,
        line: &mut Line,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let (subject, queue) = (&self.subject, self.queue.as_deref());
        nats::subscribe(line.connection.output(), subject, queue, SUBSCRIPTION);
        let what = format!("subscribing to {subject}");
        let stop = cx.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Ended::Stopped),
            confirmed = line.connection.confirm(&what) => confirmed?,
        }
        let group = queue.map_or_else(String::new, |queue| format!(" in queue group {queue}"));
        let server = line.connection.info().shown();
        let subscribed = format!("{subject}{group} at {server}");
        let target = self.options.url.to_string();
        cx.connected(target, subscribed, Guarantee::AtMostOnce);
        cx.gap(None, None, "NATS stores no messages without a stream");
        loop {
            if let Some(ended) = line.wait(cx).await? {
                return Ok(ended);
            }
            let passed = self.pass_on(line, &what, cx)?;
            let settled = line.settle(false, cx).await;
            for flow in [passed, settled] {
                if let ControlFlow::Break(ended) = flow {
                    return Ok(ended);
                }
            }
        }
    }

    /// Passes on what has been read.
    fn pass_on(
        &self,
        line: &mut Line,
        what: &str,
        cx: &mut Cx<'_>,
    ) -> Result<ControlFlow<Ended>, SourceError> {
        let extra = Extra {
            id: None,
            has_reply: true,
            deliveries: 1,
        };
        let mut bytes = 0;
        let mut denial = None;
        while let Some(frame) = line.connection.ready()? {
            match frame {
                Frame::Message(message) if message.sid == SUBSCRIPTION => {
                    bytes += message.payload.len() + PER_MESSAGE;
                    if take(&message, &extra, cx).is_break() {
                        return Ok(ControlFlow::Break(Ended::Enough));
                    }
                }
                Frame::TooLarge { bytes } => {
                    report_too_large(bytes, self.options.max_message, cx);
                }
                Frame::Error(text) if text.starts_with(b"Permissions Violation") => {
                    denial = Some(String::from_utf8_lossy(text).into_owned());
                }
                _ => {}
            }
        }
        line.budget.spend(bytes);
        if bytes > 0 {
            cx.pulse.message(Timestamp::now());
        }
        if let Some(denial) = denial {
            return Err(line.connection.refusal(what, denial).into());
        }
        Ok(line.check_shutdown(cx))
    }
}
