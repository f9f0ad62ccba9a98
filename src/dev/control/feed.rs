//! The live feed (`GET /_evt/feed`): every event that the platform raises, in order, from any position that is still kept.
//!
//! A reader is served from the store in pages: one that is slow lags behind and costs a page of memory.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State as FromState};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::dev::State;
use crate::dev::host::refusal::Refusal;
use crate::dev::host::sse;
use crate::event::Seq;
use crate::store::{Store, StoreError, events};

/// A page is closed by the event that makes it larger than this.
const PAGE_BYTES: usize = 128 * 1024;

#[derive(Debug, Deserialize)]
pub(super) struct FeedQuery {
    since: Option<String>,
}

/// Frames `id` (the event's position), `event` (its type) and `data` (its body): those after `Last-Event-ID`, after `?since=`,
/// or from now on.
pub(super) async fn feed(
    FromState(state): FromState<Arc<State>>,
    Query(query): Query<FeedQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    // A reader that reconnects still has the query that it began with.
    let position = match sse::last_event_id(&headers)?.or(query.since) {
        Some(text) => Some(position(&text)?),
        None => None,
    };
    let news = state.store.events_stored();
    let given = state.store.read(events::last_given).await?;
    let (after, first) = match position {
        Some(seq) if seq <= given => (seq, None),
        // Numbers begin anew with new data: what a reader of the old ones has not seen is everything.
        Some(seq) => {
            let told = format!(
                "{} is no position in this platform's data; all that is kept follows",
                seq.0
            );
            (Seq(0), Some(sse::comment(&told)))
        }
        // Tells the position before the first event, so that a reader that is cut off until then misses none.
        None => (given, Some(Bytes::from(format!("id: {}\n\n", given.0)))),
    };
    let reader = Reader {
        store: state.store.clone(),
        news,
        after,
        first,
        ping: state.settings.stream_ping(),
        shutdown: state.shutdown.clone(),
    };
    Ok(sse::response(stream::unfold(reader, Reader::next)))
}

/// A position as the feed writes it (a number), or as a reference (`e_7f3a`).
fn position(text: &str) -> Result<Seq, Refusal> {
    let seq = if text.starts_with("e_") {
        text.parse().ok()
    } else {
        text.parse().ok().map(Seq)
    };
    seq.filter(|seq| seq.0 >= 0).ok_or_else(|| {
        let message = format!(
            "`{text}` is no position of an event; they are numbers, or references such as e_7f3a"
        );
        Refusal::bad_request("bad_position", message)
    })
}

struct Reader {
    store: Store,
    news: watch::Receiver<()>,
    after: Seq,
    first: Option<Bytes>,
    ping: Duration,
    shutdown: CancellationToken,
}

impl Reader {
    /// The next piece; waits for one where there is none. The stream ends with the platform.
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if let Some(first) = self.first.take() {
            return Some((Ok(first), self));
        }
        while !self.shutdown.is_cancelled() {
            // Seen before the page is read: what is committed meanwhile is told again.
            self.news.mark_unchanged();
            let after = self.after;
            match self.store.read(move |db| page(db, after)).await {
                Ok((last, page)) if !page.is_empty() => {
                    self.after = last;
                    return Some((Ok(page.into()), self));
                }
                Ok(_) => {}
                Err(error) => return Some((Err(io::Error::other(error)), self)),
            }
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                changed = self.news.changed() => changed.ok()?,
                () = tokio::time::sleep(self.ping) => {
                    return Some((Ok(sse::comment("keepalive")), self));
                }
            }
        }
        None
    }
}

/// The frames after a position, as many as fit, and the position of the last.
fn page(connection: &crate::store::Connection, after: Seq) -> Result<(Seq, Vec<u8>), StoreError> {
    let mut out = Vec::new();
    let mut last = after;
    events::follow(connection, after, |seq, kind, body| {
        last = seq;
        write(seq, kind, body, &mut out);
        if out.len() > PAGE_BYTES {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok((last, out))
}

fn write(seq: Seq, kind: Option<&str>, body: &[u8], out: &mut Vec<u8>) {
    use std::io::Write;
    let mut writer = sse::Writer::default();
    let _ = writeln!(out, "id: {}", seq.0);
    if let Some(kind) = kind {
        writer.field("event", kind.as_bytes(), out);
    }
    writer.data(body, out);
    writer.end(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_number_or_a_reference() {
        assert_eq!(position("16").unwrap(), Seq(16));
        assert_eq!(position("e_0010").unwrap(), Seq(16));
        for text in ["", "-1", "e_", "e_-1", "x", "99999999999999999999"] {
            assert_eq!(position(text).unwrap_err().code, "bad_position", "{text}");
        }
    }

    #[test]
    fn a_type_with_a_line_break_forges_no_field() {
        let mut out = Vec::new();
        write(Seq(7), Some("a\ndata: b"), b"{}", &mut out);
        assert_eq!(out, b"id: 7\nevent: a\ndata: {}\n\n");
    }
}
