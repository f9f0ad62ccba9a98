//! What AppEngine names: its events, its trigger types and what each listens to, its actions, its condition operators.
//!
//! Pure data and lookups. What a trigger or an action does belongs to `flow`; how an operator compares, to `condition`.

mod events;

use thiserror::Error;

use crate::explain::{Explain, Explanation};

pub use events::{EVENTS, EventKind, Family};

/// Whether the local platform does what a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built {
    Yes,
    /// The platform has it, the local one not yet; the text says what it is, to follow "`name` (…)".
    NotYet(&'static str),
}

/// A row of [`TRIGGERS`].
#[derive(Clone, Copy, Debug)]
pub struct TriggerKind {
    /// The type in the trigger reference: `contact_created`.
    pub name: &'static str,
    /// Other spellings that mean the same trigger.
    pub aliases: &'static [&'static str],
    /// The events that start it.
    pub listens_to: &'static [&'static str],
    /// The variable that the event's record becomes in a flow's context.
    pub variable: &'static str,
    pub built: Built,
}

const fn trigger(
    name: &'static str,
    aliases: &'static [&'static str],
    listens_to: &'static [&'static str],
    variable: &'static str,
) -> TriggerKind {
    TriggerKind {
        name,
        aliases,
        listens_to,
        variable,
        built: Built::Yes,
    }
}

/// The trigger types with a name of their own; any event's name is a trigger type too, see [`find_trigger`].
pub const TRIGGERS: &[TriggerKind] = &[
    trigger(
        "contact_created",
        &["contact.created"],
        &["contact.created", "contact.imported", "contact.registered"],
        "contact",
    ),
    trigger(
        "email_opened",
        &["email.opened"],
        &["email.opened", "email.open", "email_tracking.open"],
        "emailEvent",
    ),
    trigger(
        "email_clicked",
        &["email.clicked"],
        &[
            "email.clicked",
            "email.link_clicked",
            "email_tracking.click",
        ],
        "emailEvent",
    ),
    trigger(
        "appointment_booked",
        &["appointment.booked"],
        &[
            "appointment.booked",
            "calendar.appointment_created",
            "booking.created",
        ],
        "appointment",
    ),
    trigger(
        "page_visited",
        &["page.visited"],
        &["page.visited", "website.page_view", "tracking.page_visit"],
        "pageVisit",
    ),
    trigger(
        "contact_tagged",
        &["tagged", "contact.tagged", "tag.added"],
        &[
            "tag.added",
            "contact.tagged",
            "contact.tag_added",
            "tag.assigned",
        ],
        "contact",
    ),
    trigger(
        "database_change",
        &["db_change"],
        &[
            "collection-create",
            "collection-update",
            "collection-delete",
            "collection-publish",
            "collection-approve",
        ],
        "record",
    ),
    trigger(
        "call_incoming",
        &["call.incoming"],
        &["call.incoming"],
        "call",
    ),
    trigger("call_missed", &["call.missed"], &["call.missed"], "call"),
    trigger(
        "sms_received",
        &["sms.received"],
        &["sms.received"],
        "message",
    ),
    TriggerKind {
        name: "scheduled_time",
        aliases: &["scheduled", "cron_trigger", "schedule"],
        listens_to: &[],
        variable: "schedule",
        built: Built::NotYet("a trigger by clock"),
    },
];

/// A row of [`ACTIONS`].
#[derive(Clone, Copy, Debug)]
pub struct ActionKind {
    /// As in the action reference, with underscores; [`find_action`] takes dashes for them too.
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// What it does, to follow its name.
    pub summary: &'static str,
    /// Keys of its `config`; the first ones up to `required` must be there.
    pub config: &'static [&'static str],
    pub required: usize,
    pub built: Built,
}

const fn action(
    name: &'static str,
    aliases: &'static [&'static str],
    summary: &'static str,
    config: &'static [&'static str],
    required: usize,
) -> ActionKind {
    ActionKind {
        name,
        aliases,
        summary,
        config,
        required,
        built: Built::Yes,
    }
}

const fn later(
    name: &'static str,
    aliases: &'static [&'static str],
    summary: &'static str,
) -> ActionKind {
    ActionKind {
        name,
        aliases,
        summary,
        config: &[],
        required: 0,
        built: Built::NotYet(summary),
    }
}

/// The actions of a flow.
pub const ACTIONS: &[ActionKind] = &[
    action(
        "send_webhook",
        &["webhook"],
        "POSTs the event to a URL",
        &[
            "url", "method", "headers", "body", "timeout", "secret", "retry",
        ],
        1,
    ),
    action(
        "create_data",
        &[],
        "creates a record",
        &["datatype", "data"],
        1,
    ),
    action(
        "update_data",
        &[],
        "updates records by id or query",
        &["datatype", "recordId", "query", "updates"],
        0,
    ),
    action(
        "delete_data",
        &[],
        "deletes a record",
        &["datatype", "recordId", "hardDelete"],
        0,
    ),
    action(
        "add_tag",
        &[],
        "adds a tag to a contact",
        &["tag", "tags", "recordId", "datatype"],
        0,
    ),
    action(
        "remove_tag",
        &[],
        "takes a tag off a contact",
        &["tag", "tags", "recordId", "datatype"],
        0,
    ),
    action("create_task", &[], "creates a task", &["title", "data"], 0),
    later(
        "send_notification",
        &["send_email", "send_sms", "notification"],
        "a notification",
    ),
    later("make_call", &[], "a phone call"),
    later("schedule_call", &[], "a phone call at a later time"),
    later("delay", &[], "a waiting step"),
    later("wait", &[], "a waiting step"),
    later("wait_for_reply", &[], "a waiting step"),
    later(
        "move_pipeline_stage",
        &["move_to_stage"],
        "a move between pipeline stages",
    ),
];

/// The operators of a condition `{field, operator, value, timeframe}`.
pub const OPERATORS: [&str; 13] = [
    "equals",
    "not_equals",
    "contains",
    "not_contains",
    "greater_than",
    "less_than",
    "exists",
    "not_exists",
    "in_last",
    "after_date",
    "before_date",
    "between",
    "regex_match",
];

/// A name that the platform does not know.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no {what} `{name}`{}", did_you_mean(.suggestion))]
pub struct Unknown {
    /// "trigger", "action", "event", "operator"
    pub what: &'static str,
    pub name: String,
    /// The nearest name that there is.
    pub suggestion: Option<&'static str>,
}

impl Explain for Unknown {
    fn explain(&self) -> Explanation {
        let (code, hint) = match self.what {
            "event" => ("unknown_event", "evt send --list"),
            "trigger" => ("unknown_trigger", "evt flows create --help"),
            "operator" => ("unknown_operator", "evt flows create --help"),
            _ => ("unknown_action", "evt flows create --help"),
        };
        Explanation::usage(code).hint(hint)
    }
}

fn did_you_mean(suggestion: &Option<&'static str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

/// What a trigger type stands for.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// A named type with the events that it listens to.
    Kind(&'static TriggerKind),
    /// One event by its own name.
    Event(&'static EventKind),
}

impl Trigger {
    /// The name in the reference: what a flow is listed under.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.name,
            Self::Event(event) => event.name,
        }
    }

    /// The event that an execution by hand is said to be.
    pub fn events(&self) -> Vec<&'static str> {
        match self {
            Self::Kind(kind) => kind.listens_to.to_vec(),
            Self::Event(event) => vec![event.name],
        }
    }

    pub fn built(&self) -> Built {
        match self {
            Self::Kind(kind) => kind.built,
            Self::Event(_) => Built::Yes,
        }
    }
}

/// Finds a trigger type by name or alias; any event's name is one too. Case and `-` for `_` do not matter in named types.
///
/// # Errors
/// [`Unknown`] with the nearest name, when there is one near enough.
pub fn find_trigger(name: &str) -> Result<Trigger, Unknown> {
    let spelled = spelling(name);
    let kind = TRIGGERS
        .iter()
        .find(|kind| kind.name == spelled || kind.aliases.contains(&spelled.as_str()));
    if let Some(kind) = kind {
        return Ok(Trigger::Kind(kind));
    }
    if let Some(event) = EVENTS.iter().find(|event| event.name == name) {
        return Ok(Trigger::Event(event));
    }
    let known = TRIGGERS
        .iter()
        .flat_map(|kind| kind.aliases.iter().copied().chain([kind.name]))
        .chain(EVENTS.iter().map(|event| event.name));
    Err(unknown("trigger", name, known))
}

/// Finds an action by name or alias: `send_webhook`, `send-webhook`.
///
/// # Errors
/// [`Unknown`] with the nearest name, when there is one near enough.
pub fn find_action(name: &str) -> Result<&'static ActionKind, Unknown> {
    let spelled = spelling(name);
    ACTIONS
        .iter()
        .find(|kind| kind.name == spelled || kind.aliases.contains(&spelled.as_str()))
        .ok_or_else(|| {
            let known = ACTIONS
                .iter()
                .flat_map(|kind| kind.aliases.iter().copied().chain([kind.name]));
            unknown("action", name, known)
        })
}

/// Finds an event by its exact name.
///
/// # Errors
/// [`Unknown`] with the nearest name, when there is one near enough.
pub fn find_event(name: &str) -> Result<&'static EventKind, Unknown> {
    EVENTS
        .iter()
        .find(|event| event.name == name)
        .ok_or_else(|| unknown("event", name, EVENTS.iter().map(|event| event.name)))
}

/// Finds a condition's operator.
///
/// # Errors
/// [`Unknown`] with the nearest name, when there is one near enough.
pub fn find_operator(name: &str) -> Result<&'static str, Unknown> {
    OPERATORS
        .into_iter()
        .find(|operator| *operator == name)
        .ok_or_else(|| unknown("operator", name, OPERATORS.into_iter()))
}

fn spelling(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace(['-', ' '], "_")
}

/// Names further than this from what was typed are no help.
const NEAR: f64 = 0.75;

fn unknown(what: &'static str, name: &str, known: impl Iterator<Item = &'static str>) -> Unknown {
    // A name of hostile length is no typing mistake, and comparing it is quadratic.
    let typed: String = name.chars().take(64).collect::<String>().to_lowercase();
    let suggestion = known
        .map(|known| (strsim::jaro_winkler(&typed, known), known))
        .filter(|(nearness, _)| *nearness >= NEAR)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known);
    Unknown {
        what,
        name: name.chars().take(128).collect(),
        suggestion,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fourteen_system_events() {
        let system = EVENTS
            .iter()
            .filter(|event| event.family == Family::System)
            .count();
        assert_eq!(system, 14);
    }

    #[test]
    fn every_event_has_one_row_and_a_sample_that_is_an_object() {
        for (index, event) in EVENTS.iter().enumerate() {
            let sample: serde_json::Value = serde_json::from_str(event.sample).unwrap();
            assert!(sample.is_object(), "{}", event.name);
            let rows = EVENTS.iter().filter(|other| other.name == event.name);
            assert_eq!(rows.count(), 1, "{} at {index}", event.name);
        }
    }

    #[test]
    fn every_trigger_listens_to_events_that_exist() {
        for kind in TRIGGERS {
            for event in kind.listens_to {
                assert!(find_event(event).is_ok(), "{} → {event}", kind.name);
            }
        }
    }

    #[test]
    fn every_name_and_alias_finds_its_own_row() {
        for kind in TRIGGERS {
            for name in kind.aliases.iter().chain([&kind.name]) {
                assert_eq!(find_trigger(name).unwrap().name(), kind.name, "{name}");
            }
        }
        for kind in ACTIONS {
            for name in kind.aliases.iter().chain([&kind.name]) {
                assert_eq!(find_action(name).unwrap().name, kind.name, "{name}");
                let dashed = name.replace('_', "-");
                assert_eq!(find_action(&dashed).unwrap().name, kind.name, "{dashed}");
            }
        }
    }

    #[test]
    fn an_event_without_a_type_of_its_own_is_a_trigger() {
        assert_eq!(
            find_trigger("payment.succeeded").unwrap().events(),
            ["payment.succeeded"]
        );
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest_one() {
        let trigger = find_trigger("contact.creatd").unwrap_err();
        assert_eq!(
            trigger.to_string(),
            "there is no trigger `contact.creatd`, did you mean `contact.created`?"
        );
        let action = find_action("send_webhok").unwrap_err();
        assert_eq!(action.suggestion, Some("send_webhook"));
        assert_eq!(
            find_operator("equal").unwrap_err().suggestion,
            Some("equals")
        );
    }

    #[test]
    fn a_name_that_is_near_nothing_gets_no_suggestion() {
        assert_eq!(find_event("zzzz").unwrap_err().suggestion, None);
        assert_eq!(
            find_event(&"z".repeat(1 << 20)).unwrap_err().name.len(),
            128
        );
    }
}
