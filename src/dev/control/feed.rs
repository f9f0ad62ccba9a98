//! The live feed (`GET /_evt/feed`): every event that the platforms raise, in order, from any stored position.
//!
//! A reader is served from the store page by page, so a slow reader lags behind and costs one page of memory.

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

use super::Api;
use crate::dev::host::refusal::Refusal;
use crate::dev::host::sse;
use crate::event::Seq;
use crate::store::{Store, StoreError, events};

/// A page ends with the event that makes it larger than this.
const PAGE_BYTES: usize = 128 * 1024;

#[derive(Debug, Deserialize)]
pub(super) struct FeedQuery {
    since: Option<String>,
}

/// Sends frames with `id` (the event's position), `event` (its type) and `data` (its body).
///
/// Starts after `Last-Event-ID`, else after `?since=`, else with the next event.
pub(super) async fn feed(
    FromState(state): FromState<Arc<Api>>,
    Query(query): Query<FeedQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    // A reader that reconnects repeats its first query, so the header takes precedence.
    let position = match sse::last_event_id(&headers)?.or(query.since) {
        Some(text) => Some(position(&text)?),
        None => None,
    };
    let news = state.host.store.events_stored();
    let given = state.host.store.read(events::last_given).await?;
    let (after, first) = match position {
        Some(seq) if seq <= given => (seq, None),
        // After a reset the numbers start again, so the reader has not seen any of the stored events.
        Some(seq) => {
            let notice = format!(
                "{} is not a position in this platform's data; all stored events follow",
                seq.0
            );
            (Seq(0), Some(sse::comment(&notice)))
        }
        // Sends the current position at once: a reader that loses the connection before the first event can resume from it.
        None => (given, Some(Bytes::from(format!("id: {}\n\n", given.0)))),
    };
    let reader = Reader {
        store: state.host.store.clone(),
        news,
        after,
        first,
        ping: state.host.settings.stream_ping(),
        shutdown: state.host.shutdown.clone(),
    };
    Ok(sse::response(stream::unfold(reader, Reader::next)))
}

/// Parses a position: a number, as in the feed, or a reference (`p_7f3a`).
fn position(text: &str) -> Result<Seq, Refusal> {
    // An earlier version wrote `e_` for events of the platform too.
    let reference = text.strip_prefix("p_").or_else(|| text.strip_prefix("e_"));
    let seq = match reference {
        Some(digits) => digits.parse().ok(),
        None => text.parse().ok().map(Seq),
    };
    seq.filter(|seq| seq.0 >= 0).ok_or_else(|| {
        let message = format!(
            "`{text}` is not the position of an event; use a number, or a reference such as p_7f3a"
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
    /// Waits for the next page of frames. The stream ends on shutdown.
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if let Some(first) = self.first.take() {
            return Some((Ok(first), self));
        }
        while !self.shutdown.is_cancelled() {
            // Marked before the page is read, so that a commit in between is not missed.
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

/// The frames after a position, up to the size of a page, and the position of the last one.
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
        assert_eq!(position("p_0010").unwrap(), Seq(16));
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
