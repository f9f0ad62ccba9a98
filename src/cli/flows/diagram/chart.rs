//! What a diagram shows of a flow's document.

use serde_json::{Map, Value};

use super::super::shown;
use crate::flow::DocumentError;
use crate::flow::document::unwrapped;
use crate::flow::outline::outline;
use crate::flow::wait::DEFAULT_TIMEOUT;
use crate::grammar::quantity::Span;
use crate::ui::clip;

/// Characters of a value or condition that are shown.
const MAX_TEXT: usize = 300;
/// The settings of actions that are shown. None of them is a credential.
const SHOWN: [&str; 16] = [
    "deliveryType",
    "channel",
    "datatype",
    "recordId",
    "query",
    "tag",
    "tags",
    "stage",
    "pipeline",
    "to",
    "recipient",
    "recipients",
    "phone",
    "title",
    "subject",
    "scheduledFor",
];

/// A flow to draw. Its texts may contain control characters.
pub(super) struct Chart {
    pub(super) name: String,
    pub(super) notes: Vec<&'static str>,
    /// The lines of each trigger.
    pub(super) triggers: Vec<Vec<String>>,
    /// The conditions for all triggers.
    pub(super) conditions: Vec<String>,
    pub(super) steps: Vec<Step>,
}

/// A step to draw.
pub(super) struct Step {
    /// The action's name, or `condition`, `end`, `trigger`.
    pub(super) kind: String,
    pub(super) name: Option<String>,
    pub(super) facts: Vec<String>,
    /// The two ways in which a wait for an event ends: the event, and the time limit.
    pub(super) ends: Option<[String; 2]>,
    /// The index of the next step; `None` if the run ends.
    pub(super) next: Option<usize>,
    /// Where a condition step continues if its condition does not hold.
    pub(super) otherwise: Option<Option<usize>>,
}

impl Chart {
    /// # Errors
    /// If the document has no steps, or a link names a step that does not exist.
    pub(super) fn of(document: &Value) -> Result<Self, DocumentError> {
        let root = unwrapped(document);
        let steps: Vec<Step> = outline(root)?
            .into_iter()
            .map(|step| Step {
                next: step.next,
                otherwise: step.otherwise,
                ..Step::of(step.value)
            })
            .collect();
        let is_off = root["enabled"] == false
            || root["status"]
                .as_str()
                .is_some_and(|status| status != "active");
        let on_error = match &root["errorHandling"] {
            Value::Object(fields) => ["onError", "strategy", "onFailure"]
                .iter()
                .find_map(|key| fields.get(*key)?.as_str()),
            other => other.as_str(),
        };
        let notes = [
            (is_off, "disabled"),
            (
                on_error == Some("continue"),
                "continues after a failed step",
            ),
        ];
        Ok(Self {
            name: text(&root["name"]),
            notes: notes
                .into_iter()
                .filter(|(holds, _)| *holds)
                .map(|(_, note)| note)
                .collect(),
            triggers: triggers(root),
            conditions: only_if(conditions(root)),
            steps,
        })
    }

    /// Whether each step can be reached.
    pub(super) fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.steps.len()];
        let mut open = vec![0];
        while let Some(index) = open.pop() {
            if let Some(seen) = reached.get_mut(index)
                && !std::mem::replace(seen, true)
            {
                open.extend(self.steps[index].targets());
            }
        }
        reached
    }
}

impl Step {
    fn of(value: &Value) -> Self {
        let config = &value["config"];
        let kind = match value["type"].as_str() {
            Some("action") => config["actionType"].as_str(),
            kind => kind,
        };
        let kind = kind.unwrap_or("?").to_owned();
        let mut facts = Vec::new();
        if value["enabled"] == false {
            facts.push("disabled".to_owned());
        }
        if let Some(delay) = span(&value["delay"]) {
            facts.push(format!("waits {delay} first"));
        }
        let mut asked = conditions(value);
        if kind == "condition" {
            asked.extend(conditions(config));
            asked.extend(Some(compared(config)).filter(|text| !text.is_empty()));
            facts.extend(joined(asked));
        } else {
            facts.extend(only_if(asked));
            facts.extend(what(&kind, config));
        }
        Self {
            ends: ends(&kind, config),
            name: value["name"].as_str().map(str::to_owned),
            kind,
            facts,
            next: None,
            otherwise: None,
        }
    }

    /// The steps that may be next.
    pub(super) fn targets(&self) -> impl Iterator<Item = usize> {
        self.next.into_iter().chain(self.otherwise.flatten())
    }

    /// Whether the run can end after this step.
    pub(super) fn ends_run(&self) -> bool {
        self.next.is_none() || self.otherwise == Some(None)
    }
}

/// The lines of each trigger. The flow builder writes triggers as steps, too.
fn triggers(root: &Value) -> Vec<Vec<String>> {
    let list = |key: &str| root[key].as_array().into_iter().flatten();
    let one = Some(&root["trigger"]).filter(|one| !one.is_null());
    let mut triggers: Vec<Vec<String>> = one
        .into_iter()
        .chain(list("triggers"))
        .map(|trigger| trigger_lines(&trigger["type"], trigger))
        .collect();
    if triggers.is_empty() {
        let steps = list("steps").filter(|step| step["config"]["triggerType"].is_string());
        triggers = steps
            .map(|step| trigger_lines(&step["config"]["triggerType"], step))
            .collect();
    }
    triggers
}

fn trigger_lines(kind: &Value, trigger: &Value) -> Vec<String> {
    let kind = match trigger {
        Value::String(name) => name.clone(),
        _ => text(kind),
    };
    let mut lines = vec![kind];
    if trigger["enabled"] == false {
        lines.push("disabled".to_owned());
    }
    let config = &trigger["config"];
    match schedule(config) {
        Some(schedule) => lines.push(schedule),
        None => {
            let fields = config.as_object().into_iter().flatten();
            let fields = fields.filter(|(key, _)| *key != "triggerType");
            lines.extend(fields.map(|(key, value)| format!("{key} {}", text(value))));
        }
    }
    lines.extend(only_if(conditions(trigger)));
    lines
}

/// `cron 0 9 * * MON, Europe/Berlin`
fn schedule(config: &Value) -> Option<String> {
    let inner = match &config["schedule"] {
        Value::Null => config,
        schedule => schedule,
    };
    let any = |keys: &[&str]| {
        let found = keys
            .iter()
            .find_map(|key| inner.get(*key).or(config.get(*key)));
        found.filter(|value| !value.is_null())
    };
    let when = if let Some(cron) = any(&["cronExpression", "cron", "expression"]) {
        format!("cron {}", text(cron))
    } else if let Some(at) = any(&["executeAt"]) {
        format!("at {}", text(at))
    } else {
        let every = any(&["interval"])?;
        let unit = any(&["unit"]).map_or_else(String::new, |unit| format!(" {}", text(unit)));
        format!("every {}{unit}", text(every))
    };
    let zone = any(&["timezone", "timeZone", "tz"]);
    let zone = zone.map_or_else(String::new, |zone| format!(", {}", text(zone)));
    Some(when + &zone)
}

/// The conditions of a flow, trigger or step, in words.
fn conditions(node: &Value) -> Vec<String> {
    let when = node["when"].as_str().map(|when| clip(when, MAX_TEXT));
    let list = node["conditions"].as_array().into_iter().flatten();
    when.into_iter().chain(list.map(compared)).collect()
}

/// `status equals "lead"`; empty if the node has no condition.
fn compared(node: &Value) -> String {
    let kind = node["conditionType"].as_str();
    let field = match node["field"].as_str() {
        None if kind == Some("check_engagement_score") => Some("engagementScore"),
        field => field,
    };
    let Some(field) = field else {
        return String::new();
    };
    let operator = node["operator"].as_str().unwrap_or("greater_than");
    let values = ["value", "score", "timeframe"].map(|key| &node[key]);
    let values = values.into_iter().filter(|value| !value.is_null());
    let values: Vec<String> = values.map(Value::to_string).collect();
    clip(
        &format!("{field} {operator} {}", values.join(" ")),
        MAX_TEXT,
    )
}

fn joined(conditions: Vec<String>) -> impl Iterator<Item = String> {
    let first = std::iter::once("").chain(std::iter::repeat("and "));
    first
        .zip(conditions)
        .map(|(word, condition)| format!("{word}{condition}"))
}

fn only_if(conditions: Vec<String>) -> Vec<String> {
    let first = std::iter::once("only if ").chain(std::iter::repeat("and "));
    first
        .zip(conditions)
        .map(|(word, condition)| format!("{word}{condition}"))
        .collect()
}

/// What an action does.
fn what(kind: &str, config: &Value) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(url) = config["url"].as_str() {
        let method = config["method"].as_str().unwrap_or("POST");
        facts.push(clip(
            &format!("{method} {}", shown::short_url(url)),
            MAX_TEXT,
        ));
    }
    if matches!(kind, "delay" | "wait") {
        let until = [&config["until"], &config["executeAt"]];
        let until = until.into_iter().find(|until| !until.is_null());
        facts.extend(match until {
            Some(until) => Some(format!("until {}", text(until))),
            None => span(config),
        });
    }
    let fields = SHOWN
        .iter()
        .filter_map(|key| Some((key, config.get(*key)?)));
    facts.extend(fields.map(|(key, value)| format!("{key} {}", text(value))));
    let names = |value: &Value| value.as_object().map(names_of).unwrap_or_default();
    facts.extend(
        ["updates", "data"]
            .map(|key| (key, names(&config[key])))
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(key, names)| format!("{key} {names}")),
    );
    facts
}

fn names_of(fields: &Map<String, Value>) -> String {
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    clip(&names.join(", "), MAX_TEXT)
}

fn ends(kind: &str, config: &Value) -> Option<[String; 2]> {
    let event = match kind {
        "wait_for_event" => text(&config["event"]),
        "wait_for_reply" => "a reply".to_owned(),
        _ => return None,
    };
    let event = match conditions(config) {
        conditions if conditions.is_empty() => event,
        conditions => format!("{event} if {}", conditions.join(" and ")),
    };
    let limit = span(&config["timeout"]);
    let limit = limit.unwrap_or_else(|| Span::new(DEFAULT_TIMEOUT).to_string());
    Some([event, limit])
}

/// A time span as the document writes it: `"3d"`, `{duration: 3, unit: "days"}`, or a number of minutes.
fn span(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let count = ["duration", "value", "delay"]
                .iter()
                .find_map(|key| fields.get(*key))?;
            match fields.get("unit") {
                Some(_) if *count == 0 => None,
                Some(unit) => Some(format!("{} {}", text(count), text(unit))),
                None => span(count),
            }
        }
        Value::Number(minutes) => Some(format!("{minutes} minutes")),
        Value::String(_) => Some(text(value)),
        _ => None,
    }
}

/// A value in one line.
fn text(value: &Value) -> String {
    let text = match value {
        Value::Null => "?".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    clip(&text, MAX_TEXT)
}
