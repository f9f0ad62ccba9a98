//! Flows (automations) and their runs.

use serde_json::{Value, json};

use super::{ApiError, Client, unwrapped};

/// Pages that are requested for a complete list, so that a platform that never returns a last page does not cause an endless loop.
const MAX_PAGES: u32 = 200;
/// The largest page that the platform returns.
const PAGE_SIZE: u32 = 200;

/// The paths at which AppEngine's clients find the list of flows. The first one that exists is used.
const LISTS: [&[&str]; 3] = [
    &["automation", "flows"],
    &["automation"],
    &["repository", "find", "automation"],
];

/// A flow as the platform returns it: its document and the fields around it.
#[derive(Clone, Debug)]
pub struct Flow {
    value: Value,
}

impl Flow {
    /// A flow of which only the id is known.
    pub fn with_id(id: &str) -> Self {
        Self {
            value: json!({ "id": id }),
        }
    }

    /// The complete response.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The id that the flow has in the API's paths.
    pub fn id(&self) -> &str {
        text(&self.value, &["/id", "/flowId", "/sk", "/data/id"]).unwrap_or_default()
    }

    /// The name of the flow; empty if it has none.
    pub fn name(&self) -> &str {
        text(&self.value, &["/data/name", "/name"]).unwrap_or_default()
    }

    /// The name of the flow, or its id if it has none.
    pub fn label(&self) -> &str {
        match self.name() {
            "" => self.id(),
            name => name,
        }
    }

    /// Whether the flow reacts to events. The default is yes.
    pub fn is_enabled(&self) -> bool {
        ["/data/enabled", "/enabled"]
            .iter()
            .find_map(|path| self.value.pointer(path).and_then(Value::as_bool))
            .unwrap_or_else(|| {
                let status = text(&self.value, &["/data/status", "/status", "/state"]);
                !matches!(status, Some("inactive" | "draft" | "archived"))
            })
    }

    /// Whether more than the id is known.
    pub fn is_complete(&self) -> bool {
        self.value.as_object().is_none_or(|map| map.len() > 1)
    }

    /// The document that the client sent.
    pub fn document(&self) -> &Value {
        match self.value.get("data") {
            Some(data) if data.is_object() => data,
            _ => &self.value,
        }
    }
}

/// A run of a flow (the platform's execution).
#[derive(Clone, Debug)]
pub struct Run {
    value: Value,
}

impl From<Value> for Run {
    fn from(value: Value) -> Self {
        Self { value }
    }
}

impl Run {
    /// The complete response.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The id that the run has in the API's paths.
    pub fn id(&self) -> &str {
        text(&self.value, &["/id", "/executionId", "/sk", "/data/id"]).unwrap_or_default()
    }

    /// The id of its flow; empty if the response does not contain it.
    pub fn flow_id(&self) -> &str {
        text(
            &self.value,
            &["/automationId", "/flowId", "/data/automationId"],
        )
        .unwrap_or_default()
    }

    /// `pending`, `running`, `completed`, `failed`, …
    pub fn status(&self) -> &str {
        text(&self.value, &["/status", "/data/status"]).unwrap_or("unknown")
    }

    /// Whether the run has ended.
    pub fn is_over(&self) -> bool {
        !matches!(self.status(), "pending" | "running" | "unknown")
    }
}

fn text<'a>(value: &'a Value, paths: &[&str]) -> Option<&'a str> {
    paths
        .iter()
        .find_map(|path| value.pointer(path).and_then(Value::as_str))
        .filter(|text| !text.is_empty())
}

impl Client {
    /// Creates a flow from a document in the platform's format.
    pub async fn create_flow(&self, document: &Value) -> Result<Flow, ApiError> {
        let call = self.post(&["automation", "flows", "create"], document)?;
        self.flow(&call).await
    }

    /// Returns every flow of the organisation.
    ///
    /// # Errors
    /// The refusal of the first path (404) for a platform that has none of [`LISTS`].
    pub async fn list_flows(&self) -> Result<Vec<Flow>, ApiError> {
        let mut missing = None;
        for path in LISTS {
            match self.pages(path, &[], usize::MAX, "a list of flows").await {
                Ok(values) => return Ok(values.into_iter().map(|value| Flow { value }).collect()),
                Err(error) if error.is_missing() => drop(missing.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        Err(missing.expect("there is at least one path"))
    }

    /// Returns one flow, by its id.
    pub async fn get_flow(&self, id: &str) -> Result<Flow, ApiError> {
        self.flow(&self.get(&["automation", "flows", id])?).await
    }

    /// Replaces a flow's document.
    pub async fn update_flow(&self, id: &str, document: &Value) -> Result<Flow, ApiError> {
        let mut call = self.post(&["automation", "flows", id], document)?;
        call.repeatable = true;
        self.flow(&call).await
    }

    /// Deletes a flow, by its id.
    pub async fn delete_flow(&self, id: &str) -> Result<(), ApiError> {
        let call = self.delete(&["automation", "flows", id])?;
        self.call(&call).await.map(drop)
    }

    /// Enables or disables a flow.
    pub async fn set_flow_enabled(&self, id: &str, enabled: bool) -> Result<Flow, ApiError> {
        let verb = if enabled { "enable" } else { "disable" };
        let mut call = self.post(&["automation", "flows", id, verb], &json!({}))?;
        call.repeatable = true;
        self.flow(&call).await
    }

    /// Runs a flow now, without its trigger, and returns the response (`executionId`, `status`).
    ///
    /// Not repeated after a broken connection, because the run may have started.
    pub async fn execute_flow(&self, id: &str, context: &Value) -> Result<Run, ApiError> {
        let body = json!({ "context": context });
        let call = self.post(&["automation", "flows", id, "execute"], &body)?;
        let value = unwrapped(self.ask(&call, "an execution").await?);
        let run = Run { value };
        if run.id().is_empty() {
            return Err(self.incomplete("the id of the run"));
        }
        Ok(run)
    }

    /// Returns up to `limit` runs, newest first, of one or all flows and in one or any state.
    pub async fn list_runs(
        &self,
        flow: Option<&str>,
        status: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Run>, ApiError> {
        let flow = flow.map(|id| ("flowId", id));
        let status = status.map(|word| ("status", word));
        let filter: Vec<(&str, &str)> = flow.into_iter().chain(status).collect();
        let path = ["automation", "executions"];
        let values = self.pages(&path, &filter, limit, "a list of runs").await?;
        Ok(values.into_iter().map(|value| Run { value }).collect())
    }

    /// Returns one run with all steps and attempts.
    pub async fn get_run(&self, id: &str) -> Result<Run, ApiError> {
        let call = self.get(&["automation", "executions", id])?;
        let value = unwrapped(self.ask(&call, "a run").await?);
        Ok(Run { value })
    }

    async fn flow(&self, call: &super::Call) -> Result<Flow, ApiError> {
        let value = unwrapped(self.ask(call, "a flow").await?);
        let flow = Flow { value };
        if flow.id().is_empty() {
            return Err(self.incomplete("the flow's id"));
        }
        Ok(flow)
    }

    /// Requests the pages of a list until it ends or has `limit` items.
    async fn pages(
        &self,
        path: &[&str],
        filter: &[(&str, &str)],
        limit: usize,
        expected: &'static str,
    ) -> Result<Vec<Value>, ApiError> {
        let size = PAGE_SIZE
            .min(u32::try_from(limit).unwrap_or(PAGE_SIZE))
            .max(1);
        let mut all: Vec<Value> = Vec::new();
        for page in 1..=MAX_PAGES {
            let mut call = self.get(path)?;
            call.url
                .query_pairs_mut()
                .extend_pairs(filter)
                .append_pair("page", &page.to_string())
                .append_pair("pageSize", &size.to_string());
            let answer: Value = self.ask(&call, expected).await?;
            let has_next = answer.get("hasNext").and_then(Value::as_bool) == Some(true);
            let items = match answer {
                Value::Array(items) => items,
                Value::Object(mut map) => match map.remove("data") {
                    Some(Value::Array(items)) => items,
                    _ => return Err(self.incomplete(expected)),
                },
                _ => return Err(self.incomplete(expected)),
            };
            let is_last = items.is_empty() || !has_next;
            all.extend(items);
            if is_last || all.len() >= limit {
                break;
            }
        }
        all.truncate(limit);
        Ok(all)
    }
}
