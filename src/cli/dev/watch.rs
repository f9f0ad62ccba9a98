//! Prints a line for each thing that happens while `evt dev` runs on a terminal: events and received requests, runs of flows and why
//! others did not start, failed attempts, and how deliveries ended. A line has the local time, the event's reference, and the flow.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::Context;
use crate::dev::Server;
use crate::event::{Event, PlatformRef, Seq};
use crate::flow::status;
use crate::store::events::{self, Scan};
use crate::store::jobs::{End, Settled};
use crate::store::recent::{self, Failing};
use crate::store::runs::RunRow;
use crate::store::{Connection, Store, StoreError, queue};
use crate::time::Timestamp;
use crate::ui::{Format, Style, Ui, line, safe};

/// Interval at which the store is read for new events. A shorter delay would not be noticed.
const INTERVAL: Duration = Duration::from_millis(150);
/// Maximum number of lines of a kind in an interval. Further ones are summarised.
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

/// Prints what happens until `stop`, if stderr is a terminal and without `--quiet`.
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
    // Without this position the lines would begin with the oldest event.
    let Ok(mut seen) = store.read(Seen::of).await else {
        return;
    };
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => seen = show_news(&store, seen, &cx).await,
            delivery = settled.recv() => match delivery {
                Ok(delivery) => {
                    // What led to the delivery belongs above its result.
                    seen = show_news(&store, seen, &cx).await;
                    show_delivery(&store, delivery, &cx).await;
                }
                Err(RecvError::Lagged(missed)) => {
                    cx.ui.status(&format!("… and {missed} more deliveries"));
                }
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// What has been printed.
#[derive(Clone)]
struct Seen {
    event: Seq,
    run: String,
    /// Attempts of the deliveries that are waiting for another one.
    attempts: HashMap<i64, u32>,
}

/// What has happened since.
struct News {
    events: Vec<Event>,
    runs: Vec<(RunRow, Option<String>)>,
    failing: Vec<Failing>,
}

impl Seen {
    fn of(connection: &Connection) -> Result<Self, StoreError> {
        let newest = events::from_end(connection, 1)?;
        let failing = recent::failing(connection)?;
        Ok(Self {
            event: newest.and_then(|event| event.seq).unwrap_or(Seq(0)),
            run: recent::last_run(connection)?,
            attempts: failing
                .into_iter()
                .map(|job| (job.job, job.tries))
                .collect(),
        })
    }

    fn news(&self, connection: &Connection) -> Result<News, StoreError> {
        let mut events = Vec::new();
        let scan = Scan {
            after: Some(self.event),
            ..Scan::default()
        };
        events::scan::<StoreError, _>(connection, &scan, |event| {
            events.push(event);
            Ok(match events.len() {
                MAX_LINES => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
        })?;
        Ok(News {
            events,
            runs: recent::runs_after(connection, &self.run, MAX_LINES)?,
            failing: recent::failing(connection)?,
        })
    }
}

/// Prints what is new. If there is too much, skips to the newest.
async fn show_news(store: &Store, mut seen: Seen, cx: &Context) -> Seen {
    let known = seen.clone();
    let Ok(news) = store.read(move |connection| known.news(connection)).await else {
        return seen;
    };
    for event in &news.events {
        cx.ui.status(&line(&cx.ui, event));
    }
    for (run, flow) in &news.runs {
        cx.ui.status(&run_line(&cx.ui, run, flow.as_deref()));
    }
    for job in &news.failing {
        if seen.attempts.get(&job.job) != Some(&job.tries) {
            cx.ui.status(&attempt_line(&cx.ui, job));
        }
    }
    if let Some(last) = news.events.last() {
        seen.event = last.seq.unwrap_or(seen.event);
    }
    if let Some((last, _)) = news.runs.last() {
        seen.run.clone_from(&last.id);
    }
    seen.attempts = news
        .failing
        .iter()
        .map(|job| (job.job, job.tries))
        .collect();
    if news.events.len() < MAX_LINES && news.runs.len() < MAX_LINES {
        return seen;
    }
    cx.ui
        .status("… and more events; evt events and evt flows runs show all");
    store.read(Seen::of).await.unwrap_or(seen)
}

/// A line about a flow: time, the event's reference, `→`, the flow, and what happened.
fn row(ui: &Ui, at: Timestamp, event: Option<Seq>, flow: Option<&str>, what: &str) -> String {
    let reference = event.map_or_else(|| "-".to_owned(), |seq| PlatformRef(seq).to_string());
    format!(
        "{}  {reference}  → {}  {what}",
        ui.paint(Style::Dim, &at.local_clock()),
        ui.paint(Style::Name, &safe(flow.unwrap_or("a deleted flow"))),
    )
}

fn run_line(ui: &Ui, run: &RunRow, flow: Option<&str>) -> String {
    let reason = run.error.as_deref().unwrap_or_default();
    let (style, what) = match run.status.as_str() {
        // The reason names the part of the condition that was false.
        status::SKIPPED => (Style::Dim, safe(reason)),
        status::BLOCKED => (Style::Bad, safe(reason)),
        status::FAILED => (
            Style::Bad,
            format!("run {} failed: {}", safe(&run.id), safe(reason)),
        ),
        _ => (Style::Good, format!("run {}", safe(&run.id))),
    };
    row(ui, run.started, run.event, flow, &ui.paint(style, &what))
}

fn attempt_line(ui: &Ui, job: &Failing) -> String {
    let reason = match (&job.status, &job.error) {
        (Some(status), _) => format!("{status}"),
        (None, Some(error)) => safe(error),
        (None, None) => "no response".to_owned(),
    };
    let what = format!(
        "attempt {} failed: {reason}; next at {}  {}",
        job.tries,
        job.next.local_clock(),
        safe(&job.url)
    );
    let what = ui.paint(Style::Warn, &what);
    row(ui, job.at, job.event, job.flow.as_deref(), &what)
}

async fn show_delivery(store: &Store, delivery: Settled, cx: &Context) {
    let job = delivery.job;
    let run = delivery.run.map(|(run, _)| run);
    let shown = store
        .read(move |connection| {
            let flow = match &run {
                Some(run) => recent::flow_of(connection, run)?,
                None => None,
            };
            let event = match &run {
                Some(run) => crate::store::runs::get(connection, run)?.and_then(|run| run.event),
                None => None,
            };
            Ok::<_, StoreError>((queue::show(connection, job)?, flow, event))
        })
        .await;
    let Ok((Some(detail), flow, event)) = shown else {
        return;
    };
    let (style, what) = match &delivery.end {
        End::Delivered { status } => (Style::Good, format!("delivered, {status}")),
        End::Dead { reason, .. } => (
            Style::Bad,
            format!(
                "dead: {}; evt queue retry {job} --dev sends it again",
                safe(reason)
            ),
        ),
        End::Discarded => (Style::Dim, "discarded".to_owned()),
    };
    let what = format!("{}  {}", cx.ui.paint(style, &what), safe(&detail.job.url));
    let event = delivery.event.or(event);
    cx.ui.status(&row(
        &cx.ui,
        Timestamp::now(),
        event,
        flow.as_deref(),
        &what,
    ));
}
