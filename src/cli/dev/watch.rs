//! Prints a line for each event and delivery while `evt dev` runs on a terminal.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::Context;
use crate::dev::Server;
use crate::event::{Event, Seq};
use crate::store::events::{self, Scan};
use crate::store::jobs::{End, Settled};
use crate::store::{Store, StoreError, queue};
use crate::ui::{Format, Style, line, safe};

/// Interval at which the store is read for new events. A shorter delay would not be noticed.
const INTERVAL: Duration = Duration::from_millis(150);
/// Maximum number of lines in an interval. Further events are summarised.
const MAX_LINES: usize = 100;

/// A running watcher, or none if there is no terminal.
pub(super) struct Watcher(Option<JoinHandle<()>>);

impl Watcher {
    /// Waits until the last line is printed.
    pub(super) async fn ended(self) {
        if let Some(task) = self.0 {
            // The panic hook has reported a failure.
            let _ = task.await;
        }
    }
}

/// Prints events and deliveries until `stop`, if stderr is a terminal and without `--quiet`.
pub(super) fn start(server: &Server, cx: &Arc<Context>, stop: &CancellationToken) -> Watcher {
    let is_watched = cx.env.stderr_is_terminal && !cx.ui.is_quiet();
    if !is_watched || cx.ui.format() != Format::Text {
        return Watcher(None);
    }
    let store = server.host().store.clone();
    let settled = server.host().ended_deliveries();
    let (cx, stop) = (Arc::clone(cx), stop.clone());
    Watcher(Some(tokio::spawn(watch(store, settled, cx, stop))))
}

async fn watch(
    store: Store,
    mut settled: Receiver<Settled>,
    cx: Arc<Context>,
    stop: CancellationToken,
) {
    let mut last = last_event(&store).await;
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => last = show_events(&store, last, &cx).await,
            delivery = settled.recv() => match delivery {
                Ok(delivery) => show_delivery(&store, &delivery, &cx).await,
                Err(RecvError::Lagged(missed)) => {
                    cx.ui.status(&format!("… and {missed} more deliveries"));
                }
                Err(RecvError::Closed) => return,
            },
        }
    }
}

async fn last_event(store: &Store) -> Seq {
    let newest = store
        .read(|connection| events::from_end(connection, 1))
        .await;
    let seq = newest.ok().flatten().and_then(|event: Event| event.seq);
    seq.unwrap_or(Seq(0))
}

async fn show_events(store: &Store, after: Seq, cx: &Context) -> Seq {
    let found = store
        .read(move |connection| {
            let mut found: Vec<Event> = Vec::new();
            let scan = Scan {
                after: Some(after),
                ..Scan::default()
            };
            events::scan::<StoreError, _>(connection, &scan, |event| {
                found.push(event);
                Ok(if found.len() == MAX_LINES {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })?;
            Ok::<_, StoreError>(found)
        })
        .await
        .unwrap_or_default();
    for event in &found {
        cx.ui.status(&line(&cx.ui, event));
    }
    if found.len() == MAX_LINES {
        let newest = last_event(store).await;
        cx.ui.status("… and more events");
        return newest;
    }
    found.last().and_then(|event| event.seq).unwrap_or(after)
}

async fn show_delivery(store: &Store, delivery: &Settled, cx: &Context) {
    let job = delivery.job;
    let shown = store
        .read(move |connection| queue::show(connection, job))
        .await;
    let url = match shown {
        Ok(Some(detail)) => detail.job.url,
        _ => return,
    };
    let (style, what) = match &delivery.end {
        End::Delivered { status } => (Style::Good, format!("delivered, {status}")),
        End::Dead { reason, .. } => (Style::Bad, format!("dead: {}", safe(reason))),
        End::Discarded => (Style::Dim, "discarded".to_owned()),
    };
    let text = format!("  → {}  {}", safe(&url), cx.ui.paint(style, &what));
    cx.ui.status(&text);
}
