//! A flow's document, in either of the shapes that the platform's pages show, compiled into one [`Flow`].
//!
//! The short shape is `{name, trigger, actions}`, the flow builder's `{name, triggers, steps, settings, errorHandling}`; their
//! parts may be mixed. The document itself is kept and answered as it was sent.

use serde_json::Value;

use super::guard::Guard;
use super::reader::{DocumentError, Node};
use super::step::{self, Step};
use super::trigger::{self, Trigger};

/// Steps and triggers of one flow at most.
pub(super) const ENTRIES: usize = 200;
/// Chained events after which a flow no longer starts, unless it says otherwise (the platform's default).
pub const MAX_DEPTH: u32 = 5;
/// What `settings.circularPrevention.maxDepth` can ask for, and what holds when it is switched off: a loop would not end.
pub const HARD_DEPTH: u32 = 25;

/// A flow, ready to run.
#[derive(Clone, Debug)]
pub struct Flow {
    pub name: String,
    /// What the document says; a flow that says nothing is active at once.
    pub enabled: bool,
    pub triggers: Vec<Trigger>,
    pub steps: Vec<Step>,
    pub max_depth: u32,
    pub on_error: OnError,
}

/// What follows a step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    Stop,
    Continue,
}

/// What is read here, and what only describes a flow and changes nothing.
const FIELDS: &[&str] = &[
    "name",
    "description",
    "trigger",
    "triggers",
    "actions",
    "steps",
    "when",
    "conditions",
    "enabled",
    "status",
    "settings",
    "errorHandling",
    "id",
    "flowId",
    "automationId",
    "orgId",
    "orgid",
    "version",
    "category",
    "tags",
    "metadata",
    "createdAt",
    "updatedAt",
    "createdBy",
];

/// Compiles a document; a BaseModel around it, as it is answered, is taken off.
///
/// # Errors
/// [`DocumentError`] naming the place, for whatever is malformed, unknown, or not built yet: nothing is ignored.
pub fn compile(document: &Value) -> Result<Flow, DocumentError> {
    let root = Node::root(unwrapped(document));
    root.only(FIELDS)?;
    let name = name(&root)?;
    let steps = steps(&root)?;
    let mut triggers = triggers(&root)?;
    if triggers.is_empty() {
        triggers = step::triggers(&root)?;
    }
    let shared = Guard::compile(&root)?;
    for trigger in &mut triggers {
        trigger.guard.require(shared.clone());
    }
    Ok(Flow {
        name,
        enabled: enabled(&root)?,
        triggers,
        steps,
        max_depth: max_depth(&root)?,
        on_error: on_error(&root)?,
    })
}

/// The document inside a BaseModel, or the value itself.
pub fn unwrapped(document: &Value) -> &Value {
    let is_model = document.get("datatype").and_then(Value::as_str) == Some("automation");
    match document.get("data") {
        Some(data) if is_model && data.is_object() => data,
        _ => document,
    }
}

fn name(root: &Node<'_>) -> Result<String, DocumentError> {
    let node = root.need("name")?;
    let name = node.text()?.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(node.bad("a name of 1 to 200 printable characters"));
    }
    Ok(name.to_owned())
}

fn triggers(root: &Node<'_>) -> Result<Vec<Trigger>, DocumentError> {
    let nodes = match (root.get("trigger"), root.get("triggers")) {
        (Some(_), Some(both)) => {
            return Err(DocumentError::Both {
                at: both.at,
                other: "trigger",
            });
        }
        (Some(one), None) => vec![one],
        (None, Some(many)) => many.items(ENTRIES)?,
        (None, None) => {
            return Err(DocumentError::Missing {
                at: "trigger".to_owned(),
            });
        }
    };
    nodes
        .iter()
        .enumerate()
        .map(|(index, node)| trigger::compile(node, index))
        .collect()
}

fn steps(root: &Node<'_>) -> Result<Vec<Step>, DocumentError> {
    let list = match (root.get("actions"), root.get("steps")) {
        (Some(_), Some(both)) => {
            return Err(DocumentError::Both {
                at: both.at,
                other: "actions",
            });
        }
        (Some(list), None) | (None, Some(list)) => list,
        (None, None) => {
            return Err(DocumentError::Missing {
                at: "actions".to_owned(),
            });
        }
    };
    let nodes = list.items(ENTRIES)?;
    if nodes.is_empty() {
        return Err(DocumentError::Missing {
            at: format!("{}[0]", list.at),
        });
    }
    step::compile(&nodes)
}

/// `status` is the page's word, `enabled` the builder's switch; where both are given both must say yes.
fn enabled(root: &Node<'_>) -> Result<bool, DocumentError> {
    let switch = root.get("enabled").map_or(Ok(true), |node| node.flag())?;
    let status = match root.get("status") {
        None => true,
        Some(node) => match node.text()? {
            "active" => true,
            "draft" | "inactive" | "archived" | "testing" => false,
            _ => return Err(node.bad("`active`, `inactive`, `draft`, `testing` or `archived`")),
        },
    };
    Ok(switch && status)
}

fn max_depth(root: &Node<'_>) -> Result<u32, DocumentError> {
    let Some(settings) = root.get("settings") else {
        return Ok(MAX_DEPTH);
    };
    settings.only(&["circularPrevention"])?;
    let Some(prevention) = settings.get("circularPrevention") else {
        return Ok(MAX_DEPTH);
    };
    prevention.only(&["enabled", "maxDepth"])?;
    if let Some(switch) = prevention.get("enabled")
        && !switch.flag()?
    {
        return Ok(HARD_DEPTH);
    }
    prevention.get("maxDepth").map_or(Ok(MAX_DEPTH), |node| {
        node.count(HARD_DEPTH, "a whole number from 0 to 25")
    })
}

/// `"stop"`, `"continue"`, or an object with one of them (the page shows the field, not its values).
fn on_error(root: &Node<'_>) -> Result<OnError, DocumentError> {
    let Some(node) = root.get("errorHandling") else {
        return Ok(OnError::Stop);
    };
    let inner = ["onError", "strategy", "onFailure"];
    let node = if node.value.is_object() {
        node.only(&inner)?;
        match node.any(&inner) {
            Some(inner) => inner,
            None => return Ok(OnError::Stop),
        }
    } else {
        node
    };
    match node.text()? {
        "stop" => Ok(OnError::Stop),
        "continue" => Ok(OnError::Continue),
        _ => Err(node.bad("`stop` or `continue`")),
    }
}
