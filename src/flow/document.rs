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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flow::step::{Does, Next};
    use crate::flow::trigger::Listens;

    fn short() -> Value {
        json!({
            "name": "Notify CRM bridge",
            "trigger": {"type": "contact.created"},
            "actions": [{
                "type": "send_webhook",
                "config": {
                    "url": "https://bridge.example.test/contact",
                    "method": "POST",
                    "headers": {"X-Bridge-Secret": "shared-secret-here"}
                }
            }]
        })
    }

    fn long() -> Value {
        json!({
            "id": "flow-1",
            "orgId": "my-org",
            "name": "Welcome",
            "status": "active",
            "enabled": true,
            "triggers": [{"id": "t1", "type": "contact_created", "name": "New", "config": {"source": "form"}, "enabled": true, "automationId": "flow-1"}],
            "steps": [
                {"id": "s0", "name": "Start", "enabled": true, "type": "trigger", "config": {}, "nextStepId": "s1", "conditions": []},
                {"id": "s1", "name": "Tag", "type": "action", "config": {"actionType": "add_tag", "tag": "new"}, "nextStepId": "s3"},
                {"id": "s2", "type": "end", "config": {}},
                {"id": "s3", "type": "action", "config": {"actionType": "send-webhook", "url": "http://127.0.0.1:1/x"},
                 "retryLogic": {"maxRetries": 2, "retryDelay": 1, "retryConditions": []}, "delay": {"value": 0, "unit": "minutes"}}
            ],
            "settings": {"circularPrevention": {"enabled": true, "maxDepth": 2}},
            "errorHandling": {"onError": "continue"}
        })
    }

    /// The short shape with one part changed.
    fn with(path: &str, value: Value) -> Value {
        let mut document = short();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        match (parent, key.parse::<usize>()) {
            (Value::Array(list), Ok(index)) => list[index] = value,
            (parent, _) => parent[key] = value,
        }
        document
    }

    fn refusal(document: &Value) -> String {
        compile(document).unwrap_err().to_string()
    }

    #[test]
    fn the_short_shape_is_one_trigger_and_steps_in_order() {
        let flow = compile(&short()).unwrap();
        assert!(flow.enabled);
        assert_eq!(flow.max_depth, MAX_DEPTH);
        let Listens::Names(names) = &flow.triggers[0].listens else {
            panic!("{:?}", flow.triggers[0].listens);
        };
        assert_eq!(
            *names,
            ["contact.created", "contact.imported", "contact.registered"]
        );
        assert_eq!(flow.steps[0].kind, "send_webhook");
        assert_eq!(flow.steps[0].next, Next::Following);
    }

    #[test]
    fn the_builders_shape_keeps_its_links_depth_and_error_handling() {
        let flow = compile(&long()).unwrap();
        assert_eq!(flow.max_depth, 2);
        assert_eq!(flow.on_error, OnError::Continue);
        let nexts: Vec<_> = flow.steps.iter().map(|step| step.next).collect();
        assert_eq!(nexts, [Next::Step(1), Next::Step(3), Next::End, Next::End]);
        assert!(matches!(flow.steps[3].does, Does::Webhook(_)));
    }

    #[test]
    fn a_base_model_around_the_document_is_taken_off() {
        let model =
            json!({"sk": "automation-1", "datatype": "automation", "version": 3, "data": short()});
        assert_eq!(compile(&model).unwrap().name, "Notify CRM bridge");
    }

    #[test]
    fn a_flow_that_is_not_active_is_accepted_and_off() {
        for status in ["draft", "inactive", "archived", "testing"] {
            assert!(
                !compile(&with("/status", json!(status))).unwrap().enabled,
                "{status}"
            );
        }
        assert!(!compile(&with("/enabled", json!(false))).unwrap().enabled);
    }

    #[test]
    fn a_trigger_may_be_a_pattern_that_some_event_matches() {
        let flow = compile(&with("/trigger/type", json!("payment.*"))).unwrap();
        assert_eq!(flow.triggers[0].event(), "payment.succeeded");
        assert!(refusal(&with("/trigger/type", json!("nothing.*"))).contains("nothing.*"));
    }

    #[test]
    fn unknown_names_are_refused_with_their_place_and_a_suggestion() {
        assert_eq!(
            refusal(&with("/actions/0/type", json!("send_webhok"))),
            "`actions[0].type`: there is no action `send_webhok`, did you mean `send_webhook`?"
        );
        assert_eq!(
            refusal(&with("/trigger/type", json!("contact.creatd"))),
            "`trigger.type`: there is no trigger `contact.creatd`, did you mean `contact.created`?"
        );
    }

    #[test]
    fn what_is_not_built_yet_is_refused_by_name() {
        let cases = [
            (
                "/trigger/type",
                json!("scheduled"),
                "`scheduled` (a trigger by clock)",
            ),
            (
                "/actions/0/type",
                json!("send_notification"),
                "`send_notification` (a notification)",
            ),
            (
                "/actions/0/type",
                json!("make_call"),
                "`make_call` (a phone call)",
            ),
            ("/actions/0/type", json!("wait"), "`wait` (a waiting step)"),
            (
                "/actions/0/type",
                json!("delay"),
                "`delay` (a waiting step)",
            ),
            (
                "/actions/0/delay",
                json!({"value": 5, "unit": "minutes"}),
                "`delay` (waiting before a step)",
            ),
            (
                "/actions/0/retryLogic",
                json!({"retryConditions": ["timeout"]}),
                "`retryConditions`",
            ),
        ];
        for (path, value, name) in cases {
            let refusal = refusal(&with(path, value));
            assert!(refusal.contains(name), "{refusal}");
            assert!(
                refusal.contains("not built into this platform yet; it has: "),
                "{refusal}"
            );
        }
    }

    #[test]
    fn nothing_unknown_is_passed_over() {
        let cases = [
            ("/schedule", "`schedule`"),
            ("/trigger/cron", "`trigger.cron`"),
            ("/trigger/config", "`trigger.config"),
            ("/actions/0/parallel", "`actions[0].parallel`"),
            ("/actions/0/config/proxy", "`actions[0].config.proxy`"),
            ("/settings", "`settings"),
        ];
        for (path, place) in cases {
            let refusal = refusal(&with(path, json!({"rateLimit": 1})));
            assert!(refusal.contains(place), "{refusal}");
        }
    }

    #[test]
    fn malformed_parts_are_refused_with_their_place() {
        let cases = [
            ("/name", json!(""), "`name`"),
            ("/name", json!(7), "`name` must be a string, not a number"),
            ("/actions", json!([]), "`actions[0]` is missing"),
            ("/actions", json!({}), "`actions` must be a list"),
            (
                "/actions/0/config/url",
                json!("ftp://x"),
                "`actions[0].config.url`",
            ),
            (
                "/actions/0/config/url",
                Value::Null,
                "`actions[0].config.url` is missing",
            ),
            (
                "/actions/0/config/method",
                json!("BREW"),
                "`actions[0].config.method`",
            ),
            (
                "/actions/0/config/timeout",
                json!(30),
                "milliseconds from 100",
            ),
            (
                "/actions/0/config/retry",
                json!("often"),
                "`actions[0].config.retry`",
            ),
            (
                "/actions/0/config/headers",
                json!({"content-length": "1"}),
                "headers that a request may carry",
            ),
            (
                "/actions/0/config/headers",
                json!({"a": "b\nc"}),
                "`actions[0].config.headers.a`",
            ),
            (
                "/actions/0/config/body",
                json!({"a": "{{b"}),
                "`actions[0].config.body`",
            ),
            (
                "/actions/0/nextStepId",
                json!("nowhere"),
                "names the step `nowhere`",
            ),
            ("/actions/0/id", json!("a b"), "`actions[0].id`"),
            ("/errorHandling", json!("panic"), "`errorHandling`"),
            ("/status", json!("on"), "`status`"),
            (
                "/triggers",
                json!([]),
                "`triggers` and `trigger` say the same thing twice",
            ),
        ];
        for (path, value, expected) in cases {
            let refusal = refusal(&with(path, value));
            assert!(refusal.contains(expected), "{path}: {refusal}");
        }
        assert!(refusal(&json!([])).contains("the flow"));
        assert!(refusal(&json!({"name": "x"})).contains("`actions` is missing"));
    }

    #[test]
    fn two_steps_with_one_id_are_refused() {
        let mut document = long();
        document["steps"][1]["id"] = json!("s0");
        assert!(refusal(&document).contains("second step with the id `s0`"));
    }

    #[test]
    fn a_secret_that_cannot_sign_is_refused_when_the_flow_is_made() {
        let refusal = refusal(&with("/actions/0/config/secret", json!("whsec_not*base64")));
        assert!(
            refusal.starts_with("`actions[0].config.secret` cannot sign"),
            "{refusal}"
        );
        assert!(!refusal.contains("not*base64"), "{refusal}");
    }

    #[test]
    fn a_secret_is_never_repeated_in_a_refusal() {
        let refusal = refusal(&with("/actions/0/config/secret", json!("x".repeat(2000))));
        assert!(!refusal.contains("xxxx"), "{refusal}");
    }
}
