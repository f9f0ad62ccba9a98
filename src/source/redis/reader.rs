//! Reads replies with entries piece by piece, because a reply can be much larger than an entry.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Redis;
use super::entry::{Entry, content};
use super::stream::stoppable;
use crate::broker::BrokerError;
use crate::broker::redis::{Connection, Redirect, refusal};
use crate::source::{Cx, Ended, Gap, Message, Notice, SourceError};
use crate::time::Timestamp;
use crate::wire::resp::{Opening, Value};

/// A connection on which nothing arrives for this long is lost: the server replies after [`BLOCK`](super::stream::BLOCK).
const SILENCE: Duration = Duration::from_secs(25);

/// Why reading from a connection ends.
pub(super) enum Halt {
    Source(SourceError),
    /// Another node of the cluster has the streams.
    Redirect(Redirect),
}

impl From<BrokerError> for Halt {
    fn from(error: BrokerError) -> Self {
        Self::Source(error.into())
    }
}

/// The error of a server, or where it sends the client.
pub(super) fn refused(server: &str, what: &str, error: &[u8]) -> Halt {
    match Redirect::parse(error) {
        Some(redirect) => Halt::Redirect(redirect),
        None => refusal(server, what, error).into(),
    }
}

/// How the connection ended, or that it continues with a value.
pub(super) type Flow<T> = Result<ControlFlow<Ended, T>, Halt>;

/// Returns from the function if the flow breaks.
macro_rules! flow {
    ($flow:expr) => {
        match $flow {
            ControlFlow::Continue(value) => value,
            ControlFlow::Break(ended) => return Ok(ControlFlow::Break(ended)),
        }
    };
}
pub(super) use flow;

/// Waits for the start of a value.
pub(super) async fn open(connection: &mut Connection, stop: &CancellationToken) -> Flow<Opening> {
    loop {
        if let Some(opening) = connection.open()? {
            return Ok(ControlFlow::Continue(opening));
        }
        flow!(fill(connection, stop).await?);
    }
}

async fn fill(connection: &mut Connection, stop: &CancellationToken) -> Flow<()> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(ControlFlow::Break(Ended::Stopped)),
        filled = tokio::time::timeout(SILENCE, connection.fill()) => {
            let silent = || BrokerError::Lost {
                why: format!("nothing arrived for {} s", SILENCE.as_secs()),
            };
            filled.unwrap_or_else(|_| Err(silent()))?;
            Ok(ControlFlow::Continue(()))
        }
    }
}

impl Redis {
    /// Waits for the reply of `XREAD` or `XREADGROUP`, and returns the number of values in it.
    pub(super) async fn open_reply(
        &mut self,
        connection: &mut Connection,
        what: &str,
        stop: &CancellationToken,
    ) -> Flow<usize> {
        flow!(stoppable(stop, self.skip_asking(connection)).await?);
        match flow!(open(connection, stop).await?) {
            Opening::List(count) => Ok(ControlFlow::Continue(count)),
            Opening::Null => Ok(ControlFlow::Continue(0)),
            Opening::Scalar => Err(scalar(connection, what).await?),
        }
    }

    /// Reads the rest of a reply of `left` values: lists of entries by stream. Returns the number of entries.
    pub(super) async fn take_reply(
        &mut self,
        connection: &mut Connection,
        mut left: usize,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Flow<usize> {
        cx.pulse.sign(Timestamp::now());
        let mut entries = 0;
        while left > 0 {
            // RESP3 has a map of the streams, RESP2 a list of pairs.
            left -= match flow!(open(connection, stop).await?) {
                Opening::List(_) => 1,
                Opening::Scalar | Opening::Null => left.min(2),
            };
            let name = connection.answer().await?;
            let name = name.bytes().unwrap_or_default().to_vec();
            let is_named = |track: &super::Track| track.name.as_bytes() == name;
            let Some(index) = self.tracks.iter().position(is_named) else {
                return Err(unexpected(connection));
            };
            entries += flow!(self.take_list(connection, index, stop, cx).await?);
        }
        Ok(ControlFlow::Continue(entries))
    }

    /// Reads a list of entries of one stream, and returns their number.
    pub(super) async fn take_list(
        &mut self,
        connection: &mut Connection,
        index: usize,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Flow<usize> {
        let count = match flow!(open(connection, stop).await?) {
            Opening::List(count) => count,
            Opening::Null => 0,
            Opening::Scalar => return Err(unexpected(connection)),
        };
        let mut left = count;
        while left > 0 {
            let before = connection.unread();
            let mut wanted = ControlFlow::Continue(());
            while left > 0
                && wanted.is_continue()
                && let Some(value) = connection.ready()?
            {
                left -= 1;
                wanted = self.take_entry(index, &value, cx);
            }
            self.budget.spend(before - connection.unread());
            cx.pulse.message(Timestamp::now());
            if self.options.group.is_none()
                && let Some(position) = super::track::position(&self.tracks)
            {
                cx.outlet.reached(&position);
            }
            let settled = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(ControlFlow::Break(Ended::Stopped)),
                settled = self.budget.settle(cx.outlet) => settled,
            };
            if wanted.is_break() || settled.is_break() {
                return Ok(ControlFlow::Break(Ended::Enough));
            }
            if left > 0 {
                flow!(fill(connection, stop).await?);
            }
        }
        Ok(ControlFlow::Continue(count))
    }

    fn take_entry(&mut self, index: usize, value: &Value<'_>, cx: &mut Cx<'_>) -> ControlFlow<()> {
        let track = &mut self.tracks[index];
        let Some(entry) = Entry::of(value) else {
            cx.outlet.notice(Notice::Malformed {
                bytes: 0,
                why: format!("stream {} has an entry that is not one", track.name),
                is_lost: true,
            });
            return ControlFlow::Continue(());
        };
        track.read(entry.id);
        let id = entry.id.to_string();
        let Some(fields) = entry.fields else {
            self.unacknowledged[index].push(id.clone());
            let why = "an entry was trimmed or deleted before it was acknowledged";
            report_lost(&id, Some(1), why, cx);
            return ControlFlow::Continue(());
        };
        self.data.clear();
        let content = content(fields, &mut self.data);
        let flow = cx.outlet.take(&Message {
            name: content.name.as_deref(),
            id: Some(&id),
            channel: Some(&track.name),
            headers: content.headers.as_ref(),
            data: content.data,
            ..Message::default()
        });
        if self.options.group.is_some() {
            self.unacknowledged[index].push(id);
        }
        flow
    }
}

/// Reports lost entries of a stream as a gap. After a loss of the connection it began at that time.
pub(super) fn report_lost(from: &str, lost: Option<u64>, why: &str, cx: &mut Cx<'_>) {
    let now = Timestamp::now();
    let (reason, since) = match cx.loss.take() {
        Some(loss) => (format!("{}; {why}", loss.why), loss.since),
        None => (why.to_owned(), now),
    };
    cx.outlet.notice(Notice::Gap(Gap {
        from: Some(from.to_owned()),
        to: None,
        reason,
        lost,
        since,
        until: now,
    }));
}

/// The error for a reply that is not a list.
async fn scalar(connection: &mut Connection, what: &str) -> Result<Halt, Halt> {
    let server = connection.server().to_owned();
    Ok(match connection.answer().await? {
        Value::Error(error) => refused(&server, what, error),
        _ => unexpected(connection),
    })
}

pub(super) fn unexpected(connection: &Connection) -> Halt {
    let server = connection.server().to_owned();
    let why = "a reply has another form than the command's".to_owned();
    BrokerError::Protocol { server, why }.into()
}
