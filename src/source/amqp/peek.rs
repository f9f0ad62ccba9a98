//! Shows the messages that a queue has, and returns them.

use std::ops::ControlFlow;

use lapin::options::BasicGetOptions;

use super::open::Open;
use super::record::Record;
use super::{Amqp, secure};
use crate::broker::amqp;
use crate::source::{Cx, Ended, SourceError};
use crate::time::Timestamp;

impl Amqp {
    /// Gets the messages one by one and acknowledges none, so the broker returns them when the connection ends. It ends with the
    /// messages that the queue had at first: those that are out cannot be consumed by others meanwhile.
    pub(super) async fn peek(
        &mut self,
        open: &Open,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let stop = cx.stop.clone();
        let mut record = Record::default();
        let mut shown = 0;
        let name = open.queue.name();
        while shown < open.queue.message_count() {
            let get = open
                .channel
                .basic_get(name.clone(), BasicGetOptions::default());
            let got = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                got = get => got,
            };
            let what = format!("reading queue `{name}`");
            let got = got.map_err(|error| amqp::refused(&error, &self.options.url, &what))?;
            let Some(message) = got else { break };
            shown += 1;
            let flow = self.pass_on(&message.delivery, &mut record, cx)?;
            cx.pulse.message(Timestamp::now());
            let settled = cx.outlet.settle().await;
            match (flow, settled) {
                (ControlFlow::Continue(()), ControlFlow::Continue(())) => {}
                _ if stop.is_cancelled() => return Ok(Ended::Stopped),
                _ => return Ok(Ended::Enough),
            }
        }
        // Written before they return: another consumer may change what the user sees here.
        secure(cx.outlet, &stop).await;
        let why = match shown {
            0 => format!("queue `{name}` is empty"),
            1 => "the message of the queue was shown, and returned".to_owned(),
            shown => format!("{shown} messages of the queue were shown, and returned"),
        };
        Ok(Ended::Finished { why })
    }
}
