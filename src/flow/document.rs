//! Compiles a flow's document into a [`Flow`].
//!
//! The platform's documentation shows two forms: the short one, `{name, trigger, actions}`, and that of the flow builder,
//! `{name, triggers, steps, settings, errorHandling}`. Both can be mixed. The API stores and returns documents unchanged.

use serde_json::Value;

use super::guard::Guard;
use super::reader::{DocumentError, Node};
use super::step::{self, Step};
use super::trigger::{self, Trigger};

/// Number of steps, and of triggers, that one flow can have.
pub(super) const MAX_ENTRIES: usize = 200;
/// Default of `settings.circularPrevention.maxDepth`: events in a chain after which a flow does not start.
pub const DEFAULT_MAX_DEPTH: u32 = 5;
/// Largest value of `maxDepth`. Applies even if circular prevention is disabled, because a loop would never end.
pub const MAX_DEPTH_LIMIT: u32 = 25;

/// A compiled flow.
#[derive(Clone, Debug)]
pub struct Flow {
    pub name: String,
    /// From the document's `enabled` and `status`; true if it has neither.
    pub enabled: bool,
    pub triggers: Vec<Trigger>,
    pub steps: Vec<Step>,
    pub max_depth: u32,
    pub on_error: OnError,
}

/// What a run does after a failed step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    Stop,
    Continue,
}

/// The fields of a document. Some only describe the flow and have no effect.
const FIELDS: &str = "name description trigger triggers actions steps when conditions enabled status settings \
    errorHandling id flowId automationId orgId orgid version category tags metadata createdAt \
    updatedAt createdBy";

/// Compiles a document, or a BaseModel that contains one.
///
/// # Errors
/// [`DocumentError`] with the location of anything that is malformed, unknown or not supported. Nothing is ignored.
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

/// Returns the document inside a BaseModel, or the value itself.
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
        (Some(_), Some(second)) => {
            return Err(DocumentError::Both {
                at: second.at,
                other: "trigger",
            });
        }
        (Some(one), None) => vec![one],
        (None, Some(many)) => many.items(MAX_ENTRIES)?,
        (None, None) => {
            return Err(DocumentError::Missing {
                at: "trigger".to_owned(),
            });
        }
    };
    let mut triggers: Vec<Trigger> = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let trigger = trigger::compile(node, index)?;
        // A plan belongs to the trigger with its id.
        if trigger.schedule.is_some() && triggers.iter().any(|other| other.id == trigger.id) {
            return Err(DocumentError::SameTrigger {
                at: format!("{}.id", node.at),
                id: trigger.id,
            });
        }
        triggers.push(trigger);
    }
    Ok(triggers)
}

fn steps(root: &Node<'_>) -> Result<Vec<Step>, DocumentError> {
    let list = match (root.get("actions"), root.get("steps")) {
        (Some(_), Some(second)) => {
            return Err(DocumentError::Both {
                at: second.at,
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
    let nodes = list.items(MAX_ENTRIES)?;
    if nodes.is_empty() {
        return Err(DocumentError::Missing {
            at: format!("{}[0]", list.at),
        });
    }
    step::compile(&nodes)
}

/// The short form has `status`, the flow builder has `enabled`. With both, both must be on.
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
        return Ok(DEFAULT_MAX_DEPTH);
    };
    settings.only("circularPrevention")?;
    let Some(prevention) = settings.get("circularPrevention") else {
        return Ok(DEFAULT_MAX_DEPTH);
    };
    prevention.only("enabled maxDepth")?;
    if let Some(switch) = prevention.get("enabled")
        && !switch.flag()?
    {
        return Ok(MAX_DEPTH_LIMIT);
    }
    prevention
        .get("maxDepth")
        .map_or(Ok(DEFAULT_MAX_DEPTH), |node| {
            node.count(MAX_DEPTH_LIMIT, "a whole number from 0 to 25")
        })
}

/// Reads `"stop"`, `"continue"`, or an object with one of them. The documentation mentions the field but not its values.
fn on_error(root: &Node<'_>) -> Result<OnError, DocumentError> {
    let Some(node) = root.get("errorHandling") else {
        return Ok(OnError::Stop);
    };
    let node = if node.value.is_object() {
        node.only("onError strategy onFailure")?;
        match node.any(&["onError", "strategy", "onFailure"]) {
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
    use crate::flow::step::{Action, Next};
    use crate::flow::trigger::Events;

    fn short_form() -> Value {
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

    fn builder_form() -> Value {
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

    /// The short form with one part replaced.
    fn with(path: &str, value: Value) -> Value {
        let mut document = short_form();
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
    fn the_short_form_has_one_trigger_and_steps_in_order() {
        let flow = compile(&short_form()).unwrap();
        assert!(flow.enabled);
        assert_eq!(flow.max_depth, DEFAULT_MAX_DEPTH);
        let Events::Names(names) = &flow.triggers[0].events else {
            panic!("{:?}", flow.triggers[0].events);
        };
        assert_eq!(
            *names,
            ["contact.created", "contact.imported", "contact.registered"]
        );
        assert_eq!(flow.steps[0].kind, "send_webhook");
        assert_eq!(flow.steps[0].next, Next::Following);
    }

    #[test]
    fn the_builder_form_has_links_depth_and_error_handling() {
        let flow = compile(&builder_form()).unwrap();
        assert_eq!(flow.max_depth, 2);
        assert_eq!(flow.on_error, OnError::Continue);
        let nexts: Vec<_> = flow.steps.iter().map(|step| step.next).collect();
        assert_eq!(nexts, [Next::Step(1), Next::Step(3), Next::End, Next::End]);
        assert!(matches!(flow.steps[3].action, Action::Webhook(_)));
    }

    #[test]
    fn a_base_model_around_the_document_is_unwrapped() {
        let model = json!({"sk": "automation-1", "datatype": "automation", "version": 3, "data": short_form()});
        assert_eq!(compile(&model).unwrap().name, "Notify CRM bridge");
    }

    #[test]
    fn a_flow_that_is_not_active_is_disabled() {
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
    fn unknown_names_are_refused_with_location_and_suggestion() {
        assert_eq!(
            refusal(&with("/actions/0/type", json!("send_webhok"))),
            "`actions[0].type`: there is no action `send_webhok`, did you mean `send_webhook`?"
        );
        assert_eq!(
            refusal(&with("/trigger/type", json!("contact.creatd"))),
            "`trigger.type`: there is no trigger `contact.creatd`, did you mean `contact.created`?"
        );
    }

    /// Rows of `path | JSON | expected text`.
    fn table(rows: &str) -> impl Iterator<Item = (&str, Value, &str)> {
        rows.trim().lines().map(|row| {
            let cells: Vec<_> = row.split(" | ").map(str::trim).collect();
            let [path, json, expected] = cells[..] else {
                panic!("{row}");
            };
            (path, serde_json::from_str(json).unwrap(), expected)
        })
    }

    #[test]
    fn unsupported_parts_are_refused_by_name() {
        let cases = r#"
            /actions/0/retryLogic | {"retryConditions": ["timeout"]} | `retryConditions`"#;
        for (path, value, name) in table(cases) {
            let refusal = refusal(&with(path, value));
            assert!(refusal.contains(name), "{refusal}");
            assert!(
                refusal.contains("`evt dev` does not support it yet; it supports: "),
                "{refusal}"
            );
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        let cases = [
            ("/schedule", "`schedule`"),
            ("/trigger/cron", "`trigger.cron`"),
            ("/trigger/config", "`trigger.config"),
            ("/actions/0/parallel", "`actions[0].parallel`"),
            ("/actions/0/config/proxy", "`actions[0].config.proxy`"),
            ("/settings", "`settings"),
        ];
        for (path, location) in cases {
            let refusal = refusal(&with(path, json!({"rateLimit": 1})));
            assert!(refusal.contains(location), "{refusal}");
        }
    }

    #[test]
    fn malformed_parts_are_refused_with_their_location() {
        let cases = r#"
            /name | "" | `name`
            /name | 7 | `name` must be a string, not a number
            /actions | [] | `actions[0]` is missing
            /actions | {} | `actions` must be a list
            /actions/0/config/url | "ftp://x" | `actions[0].config.url`
            /actions/0/config/url | null | `actions[0].config.url` is missing
            /actions/0/config/method | "BREW" | `actions[0].config.method`
            /actions/0/config/timeout | 30 | milliseconds from 100
            /actions/0/config/retry | "often" | `actions[0].config.retry`
            /actions/0/config/headers | {"content-length": "1"} | headers that a webhook can set
            /actions/0/config/headers | {"a": "b\nc"} | `actions[0].config.headers.a`
            /actions/0/config/body | {"a": "{{b"} | `actions[0].config.body`
            /actions/0/nextStepId | "nowhere" | there is no step `nowhere`
            /actions/0/id | "a b" | `actions[0].id`
            /errorHandling | "panic" | `errorHandling`
            /trigger/type | "scheduled" | `trigger.config` is missing
            /actions/0/type | "wait_for_event" | `actions[0].config.url` is unknown
            /actions/0/delay | {"value": 5, "unit": "moons"} | `actions[0].delay.unit`
            /actions/0/delay | {"value": -5, "unit": "days"} | `actions[0].delay.value`
            /actions/0/delay | "400d" | a time span up to 366 days
            /status | "on" | `status`
            /triggers | [] | `triggers` and `trigger` cannot both be given"#;
        for (path, value, expected) in table(cases) {
            let refusal = refusal(&with(path, value));
            assert!(refusal.contains(expected), "{path}: {refusal}");
        }
        assert!(refusal(&json!([])).contains("the flow"));
        assert!(refusal(&json!({"name": "x"})).contains("`actions` is missing"));
    }

    #[test]
    fn a_duplicate_step_id_is_refused() {
        let mut document = builder_form();
        document["steps"][1]["id"] = json!("s0");
        assert!(refusal(&document).contains("duplicate step id `s0`"));
    }

    #[test]
    fn a_secret_that_cannot_sign_is_refused_when_the_flow_is_created() {
        let refusal = refusal(&with("/actions/0/config/secret", json!("whsec_not*base64")));
        assert!(
            refusal.starts_with("`actions[0].config.secret` cannot be used to sign"),
            "{refusal}"
        );
        assert!(!refusal.contains("not*base64"), "{refusal}");
    }

    #[test]
    fn an_error_never_contains_the_secret() {
        let refusal = refusal(&with("/actions/0/config/secret", json!("x".repeat(2000))));
        assert!(!refusal.contains("xxxx"), "{refusal}");
    }
}
