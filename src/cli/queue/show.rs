//! Prints queues, endpoints, jobs and attempts.

use std::collections::BTreeMap;

use crate::cli::Context;
use crate::error::CliError;
use crate::store::endpoints::Health;
use crate::store::jobs::State;
use crate::store::queue::{AttemptRow, EndpointRow, JobDetail, JobRow, Overview, QueueRow};
use crate::time::Timestamp;
use crate::ui::{Cell, Format, Style, clip, safe};

/// Characters of an error in a table; `evt queue show` prints all of it.
const ERROR_WIDTH: usize = 60;
/// Columns of the table of queues.
const QUEUE_STATES: [State; 5] = [
    State::Waiting,
    State::Active,
    State::Paused,
    State::Done,
    State::Dead,
];
/// Columns of the table of endpoints.
const ENDPOINT_STATES: [State; 3] = [State::Waiting, State::Active, State::Dead];

/// What all backends returned, each row with the name of its backend.
#[derive(Default)]
pub(super) struct Listing {
    queues: Vec<(&'static str, QueueRow)>,
    endpoints: Vec<(&'static str, EndpointRow)>,
    jobs: Vec<(&'static str, JobRow)>,
}

impl Listing {
    pub(super) fn add_overview(&mut self, place: &'static str, overview: Overview) {
        let queues = overview.queues.into_iter().map(|row| (place, row));
        self.queues.extend(queues);
        let endpoints = overview.endpoints.into_iter().map(|row| (place, row));
        self.endpoints.extend(endpoints);
    }

    pub(super) fn add_jobs(&mut self, place: &'static str, jobs: Vec<JobRow>) {
        self.jobs.extend(jobs.into_iter().map(|row| (place, row)));
    }

    pub(super) fn print(&self, cx: &Context, lists_jobs: bool) -> Result<(), CliError> {
        if cx.ui.format() == Format::Json {
            return self.print_json(cx);
        }
        if lists_jobs {
            return self.print_jobs(cx);
        }
        if self.queues.is_empty() {
            cx.ui.status("The queue is empty");
            return Ok(());
        }
        self.print_queues(cx)?;
        if !self.endpoints.is_empty() {
            cx.ui.line("")?;
            self.print_endpoints(cx)?;
        }
        Ok(())
    }

    fn print_jobs(&self, cx: &Context) -> Result<(), CliError> {
        if self.jobs.is_empty() {
            cx.ui.status("No jobs match");
            return Ok(());
        }
        let headings = [
            "job",
            "in",
            "state",
            "tries",
            "status",
            "next or end",
            "target",
            "message",
            "error",
        ];
        let rows = self.jobs.iter().map(|(place, job)| job_cells(place, job));
        cx.ui.table(&headings, rows.collect())?;
        Ok(())
    }

    fn print_queues(&self, cx: &Context) -> Result<(), CliError> {
        let rows = self.queues.iter().map(|(place, row)| {
            let mut cells = vec![
                Cell::styled(Style::Name, row.queue.clone()),
                (*place).into(),
                match row.paused_at {
                    Some(_) => Cell::styled(Style::Warn, "paused"),
                    None => "".into(),
                },
            ];
            cells.extend(QUEUE_STATES.map(|state| count(&row.jobs, state)));
            cells
        });
        let mut headings = vec!["queue", "in", ""];
        headings.extend(QUEUE_STATES.map(State::as_str));
        cx.ui.table(&headings, rows.collect())?;
        Ok(())
    }

    fn print_endpoints(&self, cx: &Context) -> Result<(), CliError> {
        let mut headings = vec!["endpoint", "in", "circuit"];
        headings.extend(ENDPOINT_STATES.map(State::as_str));
        headings.extend(["next", "why"]);
        let rows = self.endpoints.iter().map(endpoint_cells);
        cx.ui.table(&headings, rows.collect())?;
        Ok(())
    }

    fn print_json(&self, cx: &Context) -> Result<(), CliError> {
        for (place, row) in &self.queues {
            json(cx, place, row)?;
        }
        for (place, row) in &self.endpoints {
            json(cx, place, row)?;
        }
        for (place, row) in &self.jobs {
            json(cx, place, row)?;
        }
        Ok(())
    }
}

/// Prints one JSON object and adds the name of its backend as `in`.
pub(super) fn json(cx: &Context, place: &str, row: &impl serde::Serialize) -> Result<(), CliError> {
    let mut value = serde_json::to_value(row).map_err(std::io::Error::from)?;
    value["in"] = place.into();
    cx.ui.json(&value)?;
    Ok(())
}

fn count(jobs: &BTreeMap<String, i64>, state: State) -> Cell {
    let number = |state: State| jobs.get(state.as_str()).copied().unwrap_or(0);
    // Quarantined jobs are shown as dead: neither is retried automatically.
    let number = match state {
        State::Dead => number(State::Dead) + number(State::Quarantined),
        _ => number(state),
    };
    match (number, state) {
        (0, _) => Cell::styled(Style::Dim, "0"),
        (_, State::Dead) => Cell::styled(Style::Bad, number.to_string()),
        _ => number.to_string().into(),
    }
}

fn endpoint_cells((place, row): &(&'static str, EndpointRow)) -> Vec<Cell> {
    let style = match row.circuit {
        Health::Closed => Style::Good,
        Health::HalfOpen => Style::Warn,
        Health::Open | Health::Disabled => Style::Bad,
    };
    let why = match (&row.reason, row.failing_since) {
        (Some(reason), _) => reason.clone(),
        (None, Some(since)) => format!("failing since {since}"),
        (None, None) => String::new(),
    };
    let next = match row.circuit {
        Health::Disabled => String::new(),
        _ => row.next_at.map(due).unwrap_or_default(),
    };
    let mut cells = vec![
        Cell::styled(Style::Name, row.endpoint.clone()),
        (*place).into(),
        Cell::styled(style, row.circuit.as_str()),
    ];
    cells.extend(ENDPOINT_STATES.map(|state| count(&row.jobs, state)));
    cells.extend([next.into(), why.into()]);
    cells
}

fn due(at: Timestamp) -> String {
    let now = Timestamp::now();
    if at <= now {
        return "now".to_owned();
    }
    let seconds = at.since(now).as_secs();
    match seconds {
        0..60 => format!("in {} s", seconds + 1),
        60..3600 => format!("in {} min", seconds / 60),
        _ => at.local_with_offset(),
    }
}

fn style_of(state: State) -> Style {
    match state {
        State::Done => Style::Good,
        State::Dead | State::Quarantined => Style::Bad,
        State::Waiting | State::Active | State::Paused => Style::Warn,
        State::Discarded | State::Redriven => Style::Dim,
    }
}

fn job_cells(place: &'static str, job: &JobRow) -> Vec<Cell> {
    let when = match (job.ended_at, job.state) {
        (Some(ended), _) => ended.to_string(),
        (None, State::Waiting) => due(job.run_at),
        (None, _) => String::new(),
    };
    vec![
        Cell::styled(Style::Name, job.id.to_string()),
        place.into(),
        Cell::styled(style_of(job.state), job.state.as_str()),
        job.attempts.to_string().into(),
        job.status
            .map(|status| status.to_string())
            .unwrap_or_default()
            .into(),
        Cell::styled(Style::Dim, when),
        target(job).into(),
        job.message_id.clone().unwrap_or_default().into(),
        clip(job.error.as_deref().unwrap_or_default(), ERROR_WIDTH).into(),
    ]
}

/// The URL of a delivery; queue and name of another job.
fn target(job: &JobRow) -> String {
    match &job.name {
        Some(name) => format!("{} {name}", job.queue),
        None => job.url.clone(),
    }
}

/// Prints one job and its attempts.
pub(super) fn detail(cx: &Context, place: &str, job: &JobDetail) -> Result<(), CliError> {
    if cx.ui.format() == Format::Json {
        return json(cx, place, job);
    }
    let row = &job.job;
    let state = cx.ui.paint(style_of(row.state), row.state.as_str());
    cx.ui.line(&format!(
        "job {} in {place}, queue {}: {state}",
        row.id,
        safe(&row.queue)
    ))?;
    for (name, value) in facts(row) {
        cx.ui
            .wrapped_line(&format!("  {name:<9} {}", safe(&value)))?;
    }
    for attempt in &job.tries {
        print_attempt(cx, attempt)?;
    }
    Ok(())
}

fn facts(row: &JobRow) -> Vec<(&'static str, String)> {
    let run = row.run.as_ref().map(|run| match row.step {
        Some(step) => format!("{run}, step {step}"),
        None => run.clone(),
    });
    let next = (row.state == State::Waiting).then(|| row.run_at.local_with_offset());
    [
        (
            "request",
            row.name
                .is_none()
                .then(|| format!("{} {}", row.method, row.url)),
        ),
        ("job", row.name.clone()),
        ("event", row.event.clone()),
        ("message", row.message_id.clone()),
        ("run", run),
        ("queued", Some(row.created_at.local_with_offset())),
        ("next", next),
        ("ended", row.ended_at.map(|at| at.local_with_offset())),
        ("retry of", row.redrive_of.map(|id| format!("job {id}"))),
        ("error", row.error.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn print_attempt(cx: &Context, attempt: &AttemptRow) -> Result<(), CliError> {
    let (style, outcome) = match (attempt.status, &attempt.error) {
        (Some(status @ 200..300), _) => (Style::Good, status.to_string()),
        (Some(status), _) => (Style::Bad, status.to_string()),
        (None, Some(error)) => (Style::Bad, safe(error)),
        (None, None) => (Style::Bad, "no response".to_owned()),
    };
    cx.ui.wrapped_line(&format!(
        "attempt {}  {}  {}  {} ms",
        attempt.n,
        attempt.started_at.local_clock(),
        cx.ui.paint(style, &outcome),
        attempt.took_ms
    ))?;
    if cx.ui.is_verbose() {
        for header in &attempt.headers {
            cx.ui.line(&format!("    {}", safe(header)))?;
        }
    }
    for line in attempt.body.lines() {
        cx.ui.line(&format!("    {}", safe(line)))?;
    }
    if attempt.cut.iter().any(|part| part == "body") {
        cx.ui.line("    … (the rest of the body is not stored)")?;
    }
    Ok(())
}
