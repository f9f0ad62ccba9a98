//! What happens in the platform, one line each, while a person looks at its terminal.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::Context;
use crate::dev::Platform;
use crate::event::{Event, Seq};
use crate::store::events::{self, Scan};
use crate::store::jobs::{End, Settled};
use crate::store::{Store, StoreError, queue};
use crate::ui::{Format, Style, line, safe};

/// How often the store is asked for events. A person does not see a shorter delay.
const GLANCE: Duration = Duration::from_millis(150);
/// Lines at a glance; a burst beyond it is summed up.
const LINES: usize = 100;

/// A watcher, or none where nobody looks.
pub(super) struct Watcher(Option<JoinHandle<()>>);

impl Watcher {
    /// Waits for the last line.
    pub(super) async fn ended(self) {
        if let Some(task) = self.0 {
            // Its failure has been reported by the panic hook.
            let _ = task.await;
        }
    }
}

/// Shows events and deliveries on a terminal, unless `--quiet`, until `stop`.
pub(super) fn start(platform: &Platform, cx: &Arc<Context>, stop: &CancellationToken) -> Watcher {
    let looks_on = cx.env.stderr_is_terminal && !cx.ui.is_quiet();
    if !looks_on || cx.ui.format() != Format::Text {
        return Watcher(None);
    }
    let store = platform.state().store.clone();
    let settled = platform.state().watch_settled();
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
    let mut glance = tokio::time::interval(GLANCE);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = glance.tick() => last = show_events(&store, last, &cx).await,
            delivery = settled.recv() => match delivery {
                Ok(delivery) => show_delivery(&store, &delivery, &cx).await,
                Err(RecvError::Lagged(missed)) => {
                    cx.ui.status(&format!("… and {missed} deliveries more"));
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
                Ok(if found.len() == LINES {
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
    if found.len() == LINES {
        let newest = last_event(store).await;
        cx.ui.status("… and more than can be shown");
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
