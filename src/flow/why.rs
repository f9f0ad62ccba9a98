//! Explains for one event which flows it starts, and why the other flows do not start.

use serde::Serialize;
use serde_json::Value;

use super::backlog::AUTOMATION_TRIGGER;
use super::context::Subject;
use super::document::{self, Flow};
use super::run::status;
use super::trigger::{Events, SCHEDULED, Trigger};
use super::{Cause, FlowError, NewEvent};
use crate::condition::Finding;
use crate::event::{Event, PlatformRef, Seq, Transport};
use crate::store::flows::FlowRow;
use crate::store::runs::RunRow;
use crate::store::{Connection, StoreError, events, flows, queue, runs};
use crate::time::Timestamp;

/// Flows that one explanation contains.
const MAX_FLOWS: usize = 1_000;
/// Runs of one event that are read.
const MAX_RUNS: usize = 1_000;
/// Later events that are searched for those that this event led to.
const MAX_LATER: i64 = 50;

/// Why an event started some flows and not others.
#[derive(Debug, Serialize)]
pub struct Why {
    pub event: About,
    pub flows: Vec<Verdict>,
}

/// The event of an explanation.
#[derive(Debug, Serialize)]
pub struct About {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub org: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub time: Timestamp,
    /// Whether a vendor sent it. Flows hear the events that it led to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_from_vendor: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub led_to: Vec<Link>,
}

#[derive(Debug, Serialize)]
pub struct Link {
    #[serde(rename = "ref")]
    pub reference: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// What one flow did with the event.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub id: String,
    pub name: String,
    pub enabled: bool,
    /// The status of the latest run, or `not_heard`, `disabled`, `created_later`, `skipped`, `blocked`, `waiting`, `no_run`, `would_start`.
    pub outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The paused queue in which the event or the run waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_queue: Option<String>,
    /// The conditions for a start, with the values that they saw.
    pub checks: Vec<Finding>,
    /// Newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct RunFacts {
    pub id: String,
    pub status: String,
    pub cause: String,
    pub version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Explains the event that a run is about, as [`why`] does. A run of a schedule that did not start has no event: explains that run.
///
/// # Errors
/// [`FlowError::NoSuchRun`], [`FlowError::NoSuchEvent`].
pub fn why_run(
    connection: &Connection,
    run: &str,
    only: Option<&str>,
    now: Timestamp,
) -> Result<Why, FlowError> {
    let Some(row) = runs::get(connection, run)? else {
        return Err(FlowError::NoSuchRun { id: run.to_owned() });
    };
    match row.event {
        Some(seq) => why(connection, seq, only, now),
        None => Ok(unstarted(connection, &row)?),
    }
}

fn unstarted(connection: &Connection, run: &RunRow) -> Result<Why, StoreError> {
    let flow = flows::get(connection, &run.org, &run.flow)?;
    let verdict = flow.map(|row| Verdict {
        outcome: run.status.clone(),
        reason: run.error.clone(),
        runs: vec![RunFacts::of(run)],
        ..Verdict::new(&row)
    });
    Ok(Why {
        event: About {
            reference: None,
            kind: SCHEDULED.to_owned(),
            org: run.org.clone(),
            subject: None,
            time: run.started,
            is_from_vendor: false,
            led_to: Vec::new(),
        },
        flows: verdict.into_iter().collect(),
    })
}

/// Explains a stored event for all flows of its organisation, or only for the flow `only`.
///
/// Conditions are evaluated at the time of the event, in the version of the flow that ran, otherwise in the current one. `now` is
/// the time of the platform.
///
/// # Errors
/// [`FlowError::NoSuchEvent`].
pub fn why(
    connection: &Connection,
    seq: Seq,
    only: Option<&str>,
    now: Timestamp,
) -> Result<Why, FlowError> {
    let Some(event) = events::get(connection, seq)? else {
        return Err(FlowError::NoSuchEvent {
            reference: PlatformRef(seq).to_string(),
        });
    };
    let is_held = queue::holds_event(connection, AUTOMATION_TRIGGER, seq)?;
    let all = runs::of_event(connection, seq, MAX_RUNS)?;
    let subject = subject_of(connection, &event, seq, &all)?;
    let org = subject.event.org.clone();
    let (mut rows, _) = flows::list(connection, &org, MAX_FLOWS, 0)?;
    rows.retain(|row| only.is_none_or(|id| row.id == id));
    let mut verdicts = Vec::with_capacity(rows.len());
    for row in &rows {
        let runs: Vec<&RunRow> = all.iter().filter(|run| run.flow == row.id).collect();
        let mut verdict = Verdict::of(connection, row, &subject, &runs)?;
        match runs.first() {
            None if is_held => verdict.hold_event(),
            Some(run) if run.status == status::RUNNING => {
                if let Some(queue) = queue::holding(connection, &run.id, now)? {
                    verdict.hold("its run", queue);
                }
            }
            _ => {}
        }
        verdicts.push(verdict);
    }
    verdicts.sort_by_key(|verdict| verdict.outcome == "not_heard");
    Ok(Why {
        event: About {
            reference: Some(PlatformRef(seq).to_string()),
            is_from_vendor: event.transport == Transport::Http,
            led_to: led_to(connection, seq)?,
            ..About::of(&subject)
        },
        flows: verdicts,
    })
}

impl About {
    pub(super) fn of(subject: &Subject) -> Self {
        Self {
            reference: None,
            kind: subject.event.kind.clone(),
            org: subject.event.org.clone(),
            subject: subject.record_id(),
            time: subject.time,
            is_from_vendor: false,
            led_to: Vec::new(),
        }
    }
}

/// The event as its flows saw it. Only a run stores the previous version of a record.
pub(super) fn subject_of(
    connection: &Connection,
    event: &Event,
    seq: Seq,
    runs: &[RunRow],
) -> Result<Subject, StoreError> {
    let with_context = runs.iter().find(|run| run.context.is_some());
    if let Some(run) = with_context.or(runs.first())
        && let Some(subject) = Subject::load(connection, run)?
    {
        return Ok(subject);
    }
    let depth = events::cause(connection, seq)?.map_or(0, |(_, depth)| depth);
    Ok(Subject {
        event: NewEvent {
            org: event.meta.org.clone().unwrap_or_default(),
            kind: event.meta.kind.clone().unwrap_or_default(),
            data: serde_json::from_slice(event.data()).unwrap_or_default(),
            before: None,
            cause: Cause { event: None, depth },
        },
        seq: Some(seq),
        time: event.received_at,
        given: None,
    })
}

fn led_to(connection: &Connection, seq: Seq) -> Result<Vec<Link>, StoreError> {
    let mut links = Vec::new();
    for later in (1..=MAX_LATER).filter_map(|step| seq.0.checked_add(step).map(Seq)) {
        let cause = events::cause(connection, later)?.and_then(|(cause, _)| cause);
        if cause == Some(seq)
            && let Some(event) = events::get(connection, later)?
        {
            links.push(Link {
                reference: PlatformRef(later).to_string(),
                kind: event.meta.kind,
            });
        }
    }
    Ok(links)
}

impl Verdict {
    /// A flow without runs and checks.
    pub(super) fn new(row: &FlowRow) -> Self {
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            enabled: row.enabled,
            outcome: "no_run".to_owned(),
            reason: None,
            paused_queue: None,
            checks: Vec::new(),
            runs: Vec::new(),
            note: None,
        }
    }

    fn of(
        connection: &Connection,
        row: &FlowRow,
        subject: &Subject,
        runs: &[&RunRow],
    ) -> Result<Self, StoreError> {
        let ran = runs.first().map(|run| run.flow_version);
        let body = match ran.filter(|version| *version != row.version) {
            Some(version) => flows::version(connection, &row.id, version)?,
            None => None,
        };
        let document: Value =
            serde_json::from_str(body.as_deref().unwrap_or(&row.body)).unwrap_or_default();
        let mut verdict = Self {
            runs: runs.iter().map(|run| RunFacts::of(run)).collect(),
            note: ran
                .filter(|version| *version != row.version)
                .map(|version| {
                    format!(
                        "version {version} of the flow ran; the current one is version {}",
                        row.version
                    )
                }),
            ..Self::new(row)
        };
        match document::compile(&document) {
            Ok(flow) => verdict.decide(row, &flow, subject, runs),
            Err(error) => verdict.reason = Some(format!("the document is not valid: {error}")),
        }
        Ok(verdict)
    }

    fn decide(&mut self, row: &FlowRow, flow: &Flow, subject: &Subject, runs: &[&RunRow]) {
        let started: Vec<&str> = runs
            .iter()
            .filter_map(|run| run.trigger_id.as_deref())
            .collect();
        self.checks = checks(flow, row.enabled, subject, &started);
        let (outcome, reason) = match runs.first() {
            Some(run) => (run.status.as_str(), run.error.clone()),
            None => not_started(row, flow, subject),
        };
        self.outcome = outcome.to_owned();
        self.reason = reason;
    }

    /// The event waits for its queue, so the flow has not decided yet. A flow that would not start now keeps its reason.
    fn hold_event(&mut self) {
        if ["no_run", "created_later"].contains(&self.outcome.as_str()) {
            self.outcome = "waiting".to_owned();
            self.hold("the event", AUTOMATION_TRIGGER.to_owned());
        }
    }

    fn hold(&mut self, what: &str, queue: String) {
        self.reason = Some(format!(
            "{what} waits in the queue `{queue}`, which is paused"
        ));
        self.paused_queue = Some(queue);
    }
}

impl RunFacts {
    fn of(run: &RunRow) -> Self {
        Self {
            id: run.id.clone(),
            status: run.status.clone(),
            cause: run.cause.clone(),
            version: run.flow_version,
            reason: run.error.clone(),
        }
    }
}

/// All conditions for a start of the flow. `started` contains the triggers by clock that started a run.
pub(super) fn checks(
    flow: &Flow,
    is_enabled: bool,
    subject: &Subject,
    started: &[&str],
) -> Vec<Finding> {
    let mut checks = vec![Finding::leaf("the flow is enabled", is_enabled, None)];
    checks.extend(flow.triggers.iter().map(|trigger| {
        let has_started = started.contains(&trigger.id.as_str());
        explain(trigger, subject, has_started)
    }));
    let depth = subject.event.cause.depth;
    checks.push(Finding::leaf(
        format!("at most {} events led to this one", flow.max_depth),
        depth <= flow.max_depth,
        Some(depth.to_string()),
    ));
    checks
}

/// Explains a trigger: the name of the event, the trigger's settings and its conditions. The latter only if it hears the event.
pub(super) fn explain(trigger: &Trigger, subject: &Subject, has_started: bool) -> Finding {
    let kind = &subject.event.kind;
    let mut parts = Vec::new();
    if !trigger.enabled {
        parts.push(Finding::leaf("the trigger is enabled", false, None));
    }
    if trigger.schedule.is_some() {
        parts.push(Finding::leaf("its own schedule is due", has_started, None));
    } else {
        let hears = trigger.hears(kind);
        let what = format!("hears {}", names(trigger));
        parts.push(Finding::leaf(what, hears, Some(kind.clone())));
    }
    if parts.iter().all(|part| part.held) || (hears(trigger, subject) && !trigger.enabled) {
        parts.extend(trigger.explain_config(&subject.event));
        let scope = subject.scope(&subject.variables(Some(trigger)));
        parts.extend(trigger.guard.explain(&scope, subject.time));
    }
    let held = parts.iter().all(|part| part.held);
    Finding::tree(format!("trigger {}", trigger.name), held, parts)
}

/// A schedule raises an event for its own flow only.
fn hears(trigger: &Trigger, subject: &Subject) -> bool {
    trigger.schedule.is_none() && trigger.hears(&subject.event.kind)
}

fn names(trigger: &Trigger) -> String {
    match &trigger.events {
        Events::Names(names) => names.join(", "),
        Events::Pattern(_) => trigger.name.clone(),
    }
}

/// Why a flow has no run for the event.
fn not_started(row: &FlowRow, flow: &Flow, subject: &Subject) -> (&'static str, Option<String>) {
    let kind = &subject.event.kind;
    let mut heard = flow
        .triggers
        .iter()
        .filter(|trigger| hears(trigger, subject))
        .peekable();
    if heard.peek().is_none() {
        let names: Vec<String> = flow.triggers.iter().map(names).collect();
        return ("not_heard", Some(format!("it hears {}", names.join(", "))));
    }
    if row.created > subject.time {
        let reason = format!("the flow was created after this event, at {}", row.created);
        return ("created_later", Some(reason));
    }
    if !row.enabled {
        return ("disabled", Some("the flow is disabled".to_owned()));
    }
    let mut enabled = heard.filter(|trigger| trigger.enabled).peekable();
    if enabled.peek().is_none() {
        return (
            "disabled",
            Some(format!("the trigger of {kind} is disabled")),
        );
    }
    let failed: Vec<Finding> = enabled
        .map(|trigger| explain(trigger, subject, false))
        .collect();
    if failed.iter().all(|trigger| !trigger.held) {
        let reasons: Vec<String> = failed.iter().map(Finding::reason).collect();
        let reason = format!("condition not met: {}", reasons.join("; "));
        return (status::SKIPPED, Some(reason));
    }
    if subject.event.cause.depth > flow.max_depth {
        return (
            status::BLOCKED,
            Some("too many events led to this one".to_owned()),
        );
    }
    let reason = if row.modified > subject.time {
        "the flow was changed after this event; the current version would start"
    } else {
        "the event was stored without starting flows, or its run has been deleted"
    };
    ("no_run", Some(reason.to_owned()))
}
