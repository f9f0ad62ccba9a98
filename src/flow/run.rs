//! A run: its position in the flow, and its log with one entry for each step.

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::context::Subject;
use super::document::Flow;
use super::index::Compiled;
use super::trigger::Trigger;
use crate::event::PlatformRef;
use crate::store::queue::{self, AttemptRow};
use crate::store::runs::{self, RunRow};
use crate::store::{Connection, StoreError, flows};
use crate::time::Timestamp;
use crate::ui::hidden_header;

/// Log entries of one run at most. Ends runs whose steps form a loop.
pub(super) const MAX_ENTRIES: usize = 1_000;
/// Bytes of a step's output that the log stores in full.
const MAX_OUTPUT: usize = 16 * 1024;

/// The states of a run, as the platform spells them. A run that is `skipped` or `blocked` never started.
pub mod status {
    pub const RUNNING: &str = "running";
    pub const COMPLETED: &str = "completed";
    pub const FAILED: &str = "failed";
    pub const CANCELLED: &str = "cancelled";
    /// A condition of the trigger did not hold.
    pub const SKIPPED: &str = "skipped";
    /// Circular prevention stopped the run.
    pub const BLOCKED: &str = "blocked";
    pub const ALL: [&str; 7] = [
        "pending", RUNNING, COMPLETED, FAILED, CANCELLED, SKIPPED, BLOCKED,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StepStatus {
    Running,
    /// Until a time or an event.
    Waiting,
    Completed,
    Failed,
    Skipped,
    Cancelled,
}

/// One execution of a step. The stored names are short because every delivery writes the log twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LogEntry {
    #[serde(rename = "i")]
    pub(super) index: usize,
    #[serde(rename = "id")]
    pub(super) step: String,
    #[serde(rename = "k")]
    pub(super) kind: String,
    #[serde(rename = "s")]
    pub(super) status: StepStatus,
    #[serde(rename = "a")]
    pub(super) started: i64,
    #[serde(rename = "z", skip_serializing_if = "Option::is_none", default)]
    pub(super) ended: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) input: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) output: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) explain: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) job: Option<i64>,
    /// When a wait ends at the latest.
    #[serde(rename = "u", skip_serializing_if = "Option::is_none", default)]
    pub(super) until: Option<i64>,
    /// The wait before the step, as opposed to the step itself.
    #[serde(rename = "b", skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) is_delay: bool,
}

impl LogEntry {
    pub(super) fn begin(index: usize, flow: &Flow, now: Timestamp) -> Self {
        let step = &flow.steps[index];
        Self {
            index,
            step: step.id.clone(),
            kind: step.kind.to_owned(),
            status: StepStatus::Running,
            started: now.millis(),
            ended: None,
            input: None,
            output: None,
            error: None,
            warnings: Vec::new(),
            explain: None,
            job: None,
            until: None,
            is_delay: false,
        }
    }

    pub(super) fn end(&mut self, status: StepStatus, now: Timestamp) {
        self.status = status;
        self.ended = Some(now.millis());
    }

    /// Whether the step is running or waiting.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, StepStatus::Running | StepStatus::Waiting)
    }

    fn view(&self, delivery: Option<Delivery>) -> Value {
        let warnings = Some(&self.warnings).filter(|warnings| !warnings.is_empty());
        let (request, attempts) = delivery
            .map(|delivery| (delivery.request, delivery.attempts))
            .unzip();
        object([
            ("stepId", json!(self.step)),
            ("type", json!(self.kind)),
            ("status", json!(self.status)),
            ("startedAt", timestamp(self.started)),
            ("completedAt", json!(self.ended.map(timestamp))),
            ("input", json!(self.input)),
            ("output", json!(self.output)),
            ("error", json!(self.error)),
            ("explain", json!(self.explain)),
            ("job", json!(self.job)),
            ("until", json!(self.until.map(timestamp))),
            ("warnings", json!(warnings)),
            ("request", json!(request)),
            ("attempts", json!(attempts)),
        ])
    }
}

/// A run in memory: its row, and its parsed log.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) row: RunRow,
    pub(super) log: Vec<LogEntry>,
    /// Index of the next step.
    pub(super) next: usize,
}

impl Run {
    pub(super) fn begin(
        compiled: &Compiled,
        trigger: Option<&Trigger>,
        subject: &Subject,
        cause: &str,
        now: Timestamp,
    ) -> Self {
        let context = match (&subject.given, &subject.event.before) {
            (Some(given), _) => Some(json!({ "given": given })),
            (None, Some(before)) => Some(json!({ "before": before })),
            (None, None) => None,
        };
        Self {
            row: RunRow {
                id: format!("exec-{}", Uuid::now_v7().simple()),
                flow: compiled.id.clone(),
                flow_version: compiled.version,
                org: subject.event.org.clone(),
                cause: cause.to_owned(),
                trigger_id: trigger.map(|trigger| trigger.id.clone()),
                event: subject.seq,
                status: status::RUNNING.to_owned(),
                depth: subject.event.cause.depth,
                next_step: 0,
                context: context.map(|context| context.to_string()),
                steps: String::new(),
                explain: None,
                started: now,
                ended: None,
                error: None,
            },
            log: Vec::new(),
            next: 0,
        }
    }

    /// Reads a stored run. A damaged log counts as empty, so that the run can still be shown and ended.
    pub(super) fn from_row(row: RunRow) -> Self {
        let log = serde_json::from_str(&row.steps).unwrap_or_default();
        let next = usize::try_from(row.next_step).unwrap_or(0);
        Self { row, log, next }
    }

    /// Whether it waits for its first step because the queue `automation` is paused.
    pub(super) fn is_held(&self) -> bool {
        self.is_running() && self.log.is_empty()
    }

    pub(super) fn is_running(&self) -> bool {
        self.row.status == status::RUNNING
    }

    pub(super) fn end(&mut self, status: &str, error: Option<String>, now: Timestamp) {
        self.row.status = status.to_owned();
        self.row.error = error;
        self.row.ended = Some(now);
    }

    /// Updates the row from the log and the position, and returns it.
    pub(super) fn updated_row(&mut self) -> &RunRow {
        self.row.next_step = i64::try_from(self.next).unwrap_or(i64::MAX);
        self.row.steps = match self.log.is_empty() {
            true => "[]".to_owned(),
            false => serde_json::to_string(&self.log).unwrap_or_else(|_| "[]".to_owned()),
        };
        &self.row
    }

    /// How many times the run has completed this step.
    pub(super) fn visits(&self, index: usize) -> u32 {
        let completed = self
            .log
            .iter()
            .filter(|entry| entry.index == index && entry.status == StepStatus::Completed);
        u32::try_from(completed.count()).unwrap_or(u32::MAX)
    }
}

/// Returns the output as the log stores it: in full, or only the record's id, type and version if it is too large.
pub(super) fn bounded(output: Value) -> Value {
    let is_small = serde_json::to_vec(&output).is_ok_and(|text| text.len() <= MAX_OUTPUT);
    if is_small {
        return output;
    }
    let part = |name: &str| output.get(name).cloned().unwrap_or_default();
    json!({"sk": part("sk"), "datatype": part("datatype"), "version": part("version"), "truncated": true})
}

fn timestamp(millis: i64) -> Value {
    Timestamp::from_millis(millis).to_string().into()
}

/// The delivery of a `send_webhook` step.
struct Delivery {
    /// The request that each attempt sends, without the event's body and the signature.
    request: Value,
    attempts: Vec<AttemptRow>,
}

impl Delivery {
    fn read(connection: &Connection, job: i64) -> Result<Option<Self>, StoreError> {
        let detail = queue::show(connection, job)?;
        // The job of a wait has no request.
        let Some(detail) = detail.filter(|detail| !detail.job.method.is_empty()) else {
            return Ok(None);
        };
        let (headers, body) = runs::request(connection, job)?.unwrap_or_default();
        let mut request = json!({
            "method": detail.job.method,
            "url": detail.job.url,
            "messageId": detail.job.message_id,
            "headers": headers.iter().map(header_line).collect::<Vec<_>>(),
        });
        if let Some(body) = body {
            let text = String::from_utf8_lossy(&body);
            request["body"] = text.chars().take(MAX_BODY).collect::<String>().into();
        }
        Ok(Some(Self {
            request,
            attempts: detail.tries,
        }))
    }
}

/// Characters of a configured body that a run shows.
const MAX_BODY: usize = 4096;

/// Formats a header. Credentials are masked.
fn header_line((name, value): (&HeaderName, &HeaderValue)) -> String {
    let text = hidden_header(name.as_str(), value.as_bytes())
        .unwrap_or_else(|| String::from_utf8_lossy(value.as_bytes()).into_owned());
    format!("{name}: {text}")
}

/// What the answer to an execution by hand says about the run, in the words of the platform's pages.
pub fn executed(connection: &Connection, row: &RunRow) -> Result<Value, StoreError> {
    let run = Run::from_row(row.clone());
    let body = flows::version(connection, &row.flow, row.flow_version)?.unwrap_or_default();
    let document: Value = serde_json::from_str(&body).unwrap_or_default();
    let steps = document.get("steps").or_else(|| document.get("actions"));
    let done = run
        .log
        .iter()
        .filter(|entry| entry.status == StepStatus::Completed && !entry.is_delay);
    let logs = run.log.iter().map(|entry| {
        let (level, message) = match (&entry.error, entry.status) {
            (Some(error), _) => ("error", error.clone()),
            (None, StepStatus::Completed) => ("info", format!("{} completed", entry.kind)),
            (None, status) => (
                "info",
                format!(
                    "{} {}",
                    entry.kind,
                    json!(status).as_str().unwrap_or_default()
                ),
            ),
        };
        json!({"level": level, "message": message, "stepId": entry.step})
    });
    Ok(json!({
        "success": row.status != status::FAILED && row.status != status::BLOCKED,
        "completedSteps": done.map(|entry| entry.step.as_str()).collect::<Vec<_>>(),
        "totalSteps": steps.and_then(Value::as_array).map_or(0, Vec::len),
        "logs": logs.collect::<Vec<_>>(),
        "startedAt": row.started,
        "completedAt": row.ended,
    }))
}

/// A run as the API lists it, without its deliveries. `flow` is the flow's name, if the flow still exists.
pub fn view(row: &RunRow, flow: Option<&str>) -> Value {
    let run = Run::from_row(row.clone());
    let steps = run.log.iter().map(|entry| entry.view(None)).collect();
    view_with(&run, flow, steps)
}

/// Like [`view`], with all attempts of all deliveries.
pub fn view_with_attempts(
    connection: &Connection,
    row: &RunRow,
    flow: Option<&str>,
) -> Result<Value, StoreError> {
    let run = Run::from_row(row.clone());
    let mut steps = Vec::with_capacity(run.log.len());
    for entry in &run.log {
        let delivery = match entry.job {
            Some(job) => Delivery::read(connection, job)?,
            None => None,
        };
        steps.push(entry.view(delivery));
    }
    Ok(view_with(&run, flow, steps))
}

fn view_with(run: &Run, flow: Option<&str>, steps: Vec<Value>) -> Value {
    let row = &run.row;
    object([
        ("id", json!(row.id)),
        ("executionId", json!(row.id)),
        ("automationId", json!(row.flow)),
        ("flowId", json!(row.flow)),
        ("flowName", json!(flow)),
        ("flowVersion", json!(row.flow_version)),
        ("status", json!(row.status)),
        ("cause", json!(row.cause)),
        ("triggerId", json!(row.trigger_id)),
        (
            "event",
            json!(row.event.map(|seq| PlatformRef(seq).to_string())),
        ),
        ("depth", json!(row.depth)),
        ("startedAt", json!(row.started)),
        ("completedAt", json!(row.ended)),
        ("reason", json!(row.error)),
        ("explain", parsed(row.explain.as_deref())),
        ("context", parsed(row.context.as_deref())),
        ("steps", Value::Array(steps)),
        ("errors", errors(run)),
    ])
}

/// A JSON object without the fields that are `null`.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    fields.collect()
}

fn errors(run: &Run) -> Value {
    run.log
        .iter()
        .filter_map(|entry| {
            let message = entry.error.as_ref()?;
            let at = timestamp(entry.ended.unwrap_or(entry.started));
            Some(json!({"message": message, "stepId": entry.step, "timestamp": at}))
        })
        .collect()
}

fn parsed(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
