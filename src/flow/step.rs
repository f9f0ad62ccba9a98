//! Compiles steps, from the actions of the short form or the steps of the flow builder.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::document::MAX_ENTRIES;
use super::guard::Guard;
use super::notify::Notify;
use super::placeholder::Template;
use super::reader::{DocumentError, Node};
use super::trigger::{self, Trigger};
use super::wait::{self, Wait};
use super::webhook::Webhook;
use crate::backoff::{MOST_RETRIES, Retry};
use crate::catalogue::{self, ActionKind};

/// A compiled step.
#[derive(Clone, Debug)]
pub struct Step {
    pub id: String,
    /// The action's name in the catalogue, or `condition`, `end`, `trigger`.
    pub kind: &'static str,
    pub enabled: bool,
    /// The run waits this long before the step.
    pub delay: Option<Duration>,
    /// Decides whether the step is executed; for a condition step, where the run continues.
    pub guard: Guard,
    pub next: Next,
    pub action: Action,
}

/// Where a run goes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The step after it in the list; the run ends after the last one.
    Following,
    Step(usize),
    End,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing: represents the trigger in the builder's graph.
    Pass,
    Webhook(Box<Webhook>),
    Create {
        datatype: Template,
        data: Template,
    },
    Update {
        target: Target,
        updates: Template,
    },
    Delete {
        target: Target,
        /// `false` sets the record's state to `deleted` instead.
        hard: bool,
    },
    Tag {
        add: bool,
        tags: Template,
        target: Target,
    },
    /// Continues with the next step if the step's guard holds, otherwise with `otherwise`.
    Decide {
        otherwise: Next,
    },
    Wait(Wait),
    Notify(Box<Notify>),
    End,
}

/// The records that a step changes. Without an id or query, the record that the run is about.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub datatype: Option<Template>,
    pub id: Option<Template>,
    pub query: Option<Template>,
}

const FIELDS: &str = "id name description type config enabled order position nextStepId when conditions retryLogic \
    delay";

/// Compiles all steps. If any step has a `nextStepId`, a step without one ends the run; otherwise steps run in list order.
pub(super) fn compile(nodes: &[Node<'_>]) -> Result<Vec<Step>, DocumentError> {
    for node in nodes {
        node.only(FIELDS)?;
    }
    let graph = Graph::of(nodes, step_id)?;
    nodes
        .iter()
        .enumerate()
        .map(|(index, node)| graph.step(node, index))
        .collect()
}

/// Compiles the triggers among the steps. The flow builder writes them as steps with a `triggerType`.
pub(super) fn triggers(root: &Node<'_>) -> Result<Vec<Trigger>, DocumentError> {
    let Some(steps) = root.get("steps") else {
        return Ok(Vec::new());
    };
    let mut triggers = Vec::new();
    for (index, node) in steps.items(MAX_ENTRIES)?.iter().enumerate() {
        let kind = node
            .get("config")
            .and_then(|config| config.get("triggerType"));
        if let Some(kind) = kind {
            triggers.push(trigger::named(&kind, node, index)?);
        }
    }
    Ok(triggers)
}

fn step_id(node: &Node<'_>, index: usize) -> Result<String, DocumentError> {
    let Some(id) = node.get("id") else {
        return Ok(format!("step-{}", index + 1));
    };
    let text = id.text()?;
    // The id becomes part of the header `idempotency-key`.
    let is_valid = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte));
    if text.is_empty() || text.len() > 64 || !is_valid {
        return Err(id.bad("an id of 1 to 64 letters, digits and `._-:`"));
    }
    Ok(text.to_owned())
}

/// How steps are linked.
pub(super) struct Graph {
    is_linked: bool,
    ids: HashMap<String, usize>,
}

impl Graph {
    /// `id` reads the id of the step at an index.
    pub(super) fn of(
        nodes: &[Node<'_>],
        id: impl Fn(&Node<'_>, usize) -> Result<String, DocumentError>,
    ) -> Result<Self, DocumentError> {
        let mut ids = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            let id = id(node, index)?;
            if ids.insert(id.clone(), index).is_some() {
                return Err(DocumentError::SameStep {
                    at: format!("{}.id", node.at),
                    id,
                });
            }
        }
        Ok(Self {
            is_linked: nodes.iter().any(|node| node.get("nextStepId").is_some()),
            ids,
        })
    }

    fn step(&self, node: &Node<'_>, index: usize) -> Result<Step, DocumentError> {
        let (kind, action, guard) = self.action(node)?;
        Ok(Step {
            id: step_id(node, index)?,
            kind,
            enabled: node.get("enabled").map_or(Ok(true), |node| node.flag())?,
            delay: match node.get("delay") {
                Some(delay) if is_empty(&delay) => None,
                Some(delay) => Some(wait::delay(&delay)?).filter(|delay| !delay.is_zero()),
                None => None,
            },
            guard,
            next: self.next_of(node)?,
            action,
        })
    }

    /// The step after a step: its `nextStepId`, or the `trueStepId` of a condition.
    pub(super) fn next_of(&self, node: &Node<'_>) -> Result<Next, DocumentError> {
        match node
            .get("config")
            .filter(|config| config.get("trueStepId").is_some())
        {
            Some(config) => self.next(&config, "trueStepId", Next::End),
            None => self.next(node, "nextStepId", self.default_next()),
        }
    }

    /// The step after a condition that does not hold.
    pub(super) fn otherwise(&self, node: &Node<'_>) -> Result<Next, DocumentError> {
        let Some(config) = node.get("config") else {
            return Ok(Next::End);
        };
        let key = match config.get("falseStepId") {
            Some(_) => "falseStepId",
            None => "elseStepId",
        };
        self.next(&config, key, Next::End)
    }

    fn default_next(&self) -> Next {
        if self.is_linked {
            Next::End
        } else {
            Next::Following
        }
    }

    fn next(&self, node: &Node<'_>, key: &str, default: Next) -> Result<Next, DocumentError> {
        let Some(next) = node.get(key) else {
            return Ok(default);
        };
        let id = next.text()?;
        match self.ids.get(id) {
            Some(index) => Ok(Next::Step(*index)),
            None => Err(DocumentError::NoSuchStep {
                at: next.at,
                id: id.to_owned(),
            }),
        }
    }

    fn action(&self, node: &Node<'_>) -> Result<(&'static str, Action, Guard), DocumentError> {
        let kind = node.need("type")?;
        let own = Guard::compile(node)?;
        match kind.text()? {
            "trigger" => Ok(("trigger", Action::Pass, own)),
            "end" => Ok(("end", Action::End, own)),
            "condition" => {
                let mut guard = own;
                guard.require(decision(node)?);
                if guard.is_empty() {
                    return Err(DocumentError::Missing {
                        at: format!("{}.conditions", node.at),
                    });
                }
                let otherwise = self.otherwise(node)?;
                Ok(("condition", Action::Decide { otherwise }, guard))
            }
            "action" => {
                let kind = node.need("config")?.need("actionType")?;
                let kind = action_kind(&kind)?;
                Ok((kind.name, compile_action(kind, node)?, own))
            }
            _ => {
                let kind = action_kind(&kind)?;
                Ok((kind.name, compile_action(kind, node)?, own))
            }
        }
    }
}

/// The condition of a condition step.
fn decision(node: &Node<'_>) -> Result<Guard, DocumentError> {
    let Some(config) = node.get("config") else {
        return Ok(Guard::default());
    };
    config.only("conditionType field operator value score timeframe conditions when trueStepId elseStepId falseStepId")?;
    let mut guard = Guard::compile(&config)?;
    match config.get("conditionType") {
        Some(kind) if kind.text()? == "check_engagement_score" => {
            guard.require(engagement(&config)?);
        }
        Some(kind) if kind.text()? != "check_field_value" => {
            return Err(kind.bad("`check_field_value` or `check_engagement_score`"));
        }
        _ if config.get("field").is_some() => guard.require(Guard::single(&config)?),
        _ => {}
    }
    Ok(guard)
}

/// `check_engagement_score`: the record's `engagementScore` compared with `score` or `value`, by default whether it is greater.
fn engagement(config: &Node<'_>) -> Result<Guard, DocumentError> {
    let least = match config.any(&["score", "value"]) {
        Some(least) => least,
        None => config.need("value")?,
    };
    let operator = config
        .get("operator")
        .map_or(Ok("greater_than"), |node| node.text())?;
    let condition =
        serde_json::json!({"field": "engagementScore", "operator": operator, "value": least.value});
    Guard::single(&Node {
        value: &condition,
        at: config.at.clone(),
    })
}

/// The builder writes `delay: {}` for a step without a delay.
fn is_empty(node: &Node<'_>) -> bool {
    node.value
        .as_object()
        .is_some_and(serde_json::Map::is_empty)
}

fn action_kind(kind: &Node<'_>) -> Result<&'static ActionKind, DocumentError> {
    let name = kind.text()?;
    let action = catalogue::find_action(name).map_err(|source| DocumentError::UnknownName {
        at: kind.at.clone(),
        source,
    })?;
    match action.not_built {
        None => Ok(action),
        Some(what) => Err(DocumentError::NotBuilt {
            at: kind.at.clone(),
            name: name.to_owned(),
            what,
            supported: catalogue::actions()
                .iter()
                .filter(|action| action.not_built.is_none())
                .map(|action| action.name)
                .chain(["condition", "end"])
                .collect(),
        }),
    }
}

fn compile_action(action: &'static ActionKind, node: &Node<'_>) -> Result<Action, DocumentError> {
    let nothing = Value::Object(serde_json::Map::new());
    let config = node.get("config").unwrap_or_else(|| Node {
        value: &nothing,
        at: format!("{}.config", node.at),
    });
    if action.name != "create_task" {
        config.only_of([&action.config[..], &["actionType"]].concat())?;
    }
    for key in &action.config[..action.required] {
        config.need(key)?;
    }
    match action.name {
        "send_webhook" => {
            let retry = node.get("retryLogic").map(|node| retry_logic(&node));
            Webhook::compile(&config, retry.transpose()?)
                .map(|webhook| Action::Webhook(Box::new(webhook)))
        }
        "create_data" => Ok(Action::Create {
            datatype: template(&config.need("datatype")?)?,
            data: object_template(config.get("data"))?,
        }),
        "create_task" => create_task(&config),
        "update_data" => Ok(Action::Update {
            target: target(&config, true)?,
            updates: object_template(Some(config.need("updates")?))?,
        }),
        "delete_data" => Ok(Action::Delete {
            target: target(&config, true)?,
            hard: config
                .get("hardDelete")
                .map_or(Ok(true), |node| node.flag())?,
        }),
        "delay" | "wait" | "wait_for_event" | "wait_for_reply" => {
            Wait::compile(action.name, &config).map(Action::Wait)
        }
        "send_notification" | "make_call" | "schedule_call" => {
            let spelling = match config.get("actionType") {
                Some(kind) => kind.text()?,
                None => node.need("type")?.text()?,
            };
            let notify = Notify::compile(action.name, spelling, &config)?;
            Ok(Action::Notify(Box::new(notify)))
        }
        "move_pipeline_stage" => Ok(Action::Update {
            target: target(&config, false)?,
            updates: stage(&config)?,
        }),
        add_or_remove => Ok(Action::Tag {
            add: add_or_remove == "add_tag",
            tags: template(&match config.any(&["tag", "tags"]) {
                Some(tags) => tags,
                None => config.need("tag")?,
            })?,
            target: target(&config, false)?,
        }),
    }
}

/// Compiles `create_task`. All settings become fields of the task. The members of `data` become fields, too.
fn create_task(config: &Node<'_>) -> Result<Action, DocumentError> {
    let mut fields = config.fields()?.clone();
    fields.shift_remove("actionType");
    if let Some(data) = config.get("data") {
        let data = data.fields()?.clone();
        fields.shift_remove("data");
        fields.extend(data);
    }
    let fields = Value::Object(fields);
    let data = template(&Node {
        value: &fields,
        at: config.at.clone(),
    })?;
    Ok(Action::Create {
        datatype: Template::Constant("task".into()),
        data,
    })
}

/// The changes that move a record to a stage.
fn stage(config: &Node<'_>) -> Result<Template, DocumentError> {
    let mut fields = vec![("stage".to_owned(), template(&config.need("stage")?)?)];
    if let Some(pipeline) = config.get("pipeline") {
        fields.push(("pipeline".to_owned(), template(&pipeline)?));
    }
    Ok(Template::Object(fields))
}

fn target(config: &Node<'_>, is_required: bool) -> Result<Target, DocumentError> {
    let part = |key: &str| config.get(key).map(|node| template(&node)).transpose();
    let target = Target {
        datatype: part("datatype")?,
        id: part("recordId")?,
        query: part("query")?,
    };
    if is_required && target.id.is_none() && target.query.is_none() {
        config.need("recordId")?;
    }
    Ok(target)
}

pub(super) fn template(node: &Node<'_>) -> Result<Template, DocumentError> {
    Template::compile(node.value).map_err(|source| DocumentError::Placeholder {
        at: node.at.clone(),
        source,
    })
}

/// Compiles an object, or a single placeholder that stands for one.
fn object_template(node: Option<Node<'_>>) -> Result<Template, DocumentError> {
    let Some(node) = node else {
        return Ok(Template::Constant(Value::Object(serde_json::Map::new())));
    };
    let template = template(&node)?;
    if !matches!(template, Template::Path(_)) {
        node.fields()?;
    }
    Ok(template)
}

/// `{maxRetries 0..10 (3), retryDelay in minutes, retryConditions}`.
pub(super) fn retry_logic(node: &Node<'_>) -> Result<Retry, DocumentError> {
    node.only("maxRetries retryDelay retryConditions")?;
    let retries = node.get("maxRetries").map_or(Ok(3), |node| {
        node.count(MOST_RETRIES, "a whole number from 0 to 10")
    })?;
    if let Some(conditions) = node.get("retryConditions")
        && !conditions.items(MAX_ENTRIES)?.is_empty()
    {
        return Err(DocumentError::NotBuilt {
            at: conditions.at,
            name: "retryConditions".to_owned(),
            what: "retrying some failures only",
            supported: vec!["maxRetries", "retryDelay"],
        });
    }
    match node.get("retryDelay") {
        Some(delay) => {
            let minutes = delay.number()?;
            if !(0.0..=1440.0).contains(&minutes) {
                return Err(delay.bad("minutes from 0 to 1440"));
            }
            Ok(Retry::every(retries, minutes))
        }
        None => Ok(Retry::dev_times(retries)),
    }
}
