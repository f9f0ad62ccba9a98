//! The vocabulary of platforms: events, trigger types and the events they listen to, actions, condition operators.
//!
//! The data is a JSON file for each platform, parsed at the first lookup. What a trigger or an action does is in `flow`; how an
//! operator compares, in `condition`.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::explain::{Explain, Explanation};

static APPENGINE: LazyLock<Catalogue> = LazyLock::new(|| {
    serde_json::from_str(include_str!("appengine.json")).expect("every test parses the file")
});

/// The contents of a platform's file. Texts are slices of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    events: Vec<EventKind>,
    triggers: Vec<TriggerKind>,
    actions: Vec<ActionKind>,
    #[serde(borrow)]
    operators: Vec<&'static str>,
}

/// Who raises an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Raised by the repository, on every change of a record.
    System,
    /// Raised by a module, when something happens in its domain.
    Domain,
}

/// An event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventKind {
    /// The name in the event: `contact.created`, `collection-update`.
    pub name: &'static str,
    pub family: Family,
    /// The module that emits it, in the platform's words.
    pub module: &'static str,
    /// When it is emitted: completes the sentence "fires when …".
    pub fires: &'static str,
    /// The datatype of the record that it carries.
    pub datatype: &'static str,
    sample: &'static RawValue,
}

impl EventKind {
    /// The `data` of a sample record, as a JSON object.
    pub fn sample(&self) -> &'static str {
        self.sample.get()
    }
}

/// A named trigger type. The name of an event is a trigger type too, see [`find_trigger`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerKind {
    /// The type in the trigger reference: `contact_created`.
    pub name: &'static str,
    /// Other spellings of the same trigger.
    #[serde(default)]
    pub aliases: Vec<&'static str>,
    /// The events that start it.
    pub listens_to: Vec<&'static str>,
    /// The name of the event's record in a flow's context.
    pub variable: &'static str,
    /// Set if the local platform does not support this trigger yet: what it is, in a few words. Messages show it in brackets after the name.
    pub not_built: Option<&'static str>,
}

/// An action of a flow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionKind {
    /// The name in the platform's action reference, with underscores. [`find_action`] also accepts dashes.
    pub name: &'static str,
    #[serde(default)]
    pub aliases: Vec<&'static str>,
    /// What it does; help texts print it after the name.
    pub summary: &'static str,
    /// Keys of its `config`, the required ones first.
    #[serde(default)]
    pub config: Vec<&'static str>,
    /// The number of required keys.
    #[serde(default)]
    pub required: usize,
    /// Set if the local platform does not support this action yet: what it is, in a few words. Messages show it in brackets after the name.
    pub not_built: Option<&'static str>,
}

/// Every event that the local platform knows, system events first.
///
/// Some events have two names, such as `email.open` and `email.opened`: the trigger reference lists both.
pub fn events() -> &'static [EventKind] {
    &APPENGINE.events
}

/// The named trigger types.
pub fn triggers() -> &'static [TriggerKind] {
    &APPENGINE.triggers
}

/// The actions of a flow.
pub fn actions() -> &'static [ActionKind] {
    &APPENGINE.actions
}

/// The operators of a condition `{field, operator, value, timeframe}`.
pub fn operators() -> &'static [&'static str] {
    &APPENGINE.operators
}

/// A name that is not in the catalogue.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no {what} `{name}`{}", did_you_mean(.suggestion))]
pub struct Unknown {
    /// "trigger", "action", "event", "operator"
    pub what: &'static str,
    pub name: String,
    /// The most similar name, if any.
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

/// A trigger type.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// A named type, for several events.
    Kind(&'static TriggerKind),
    /// One event, by its name.
    Event(&'static EventKind),
}

impl Trigger {
    /// The name in the trigger reference, under which a flow is listed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.name,
            Self::Event(event) => event.name,
        }
    }

    /// The events that start it.
    pub fn events(&self) -> Vec<&'static str> {
        match self {
            Self::Kind(kind) => kind.listens_to.clone(),
            Self::Event(event) => vec![event.name],
        }
    }

    /// Set if the local platform does not support this trigger yet: what it is, in a few words. Messages show it in brackets after the name.
    pub fn not_built(&self) -> Option<&'static str> {
        match self {
            Self::Kind(kind) => kind.not_built,
            Self::Event(_) => None,
        }
    }
}

/// Finds a trigger type by name or alias, or by the name of an event. Types ignore case, and accept `-` for `_`.
///
/// # Errors
/// [`Unknown`] with the most similar name, if any is similar enough.
pub fn find_trigger(name: &str) -> Result<Trigger, Unknown> {
    let spelled = spelling(name);
    let kind = triggers()
        .iter()
        .find(|kind| kind.name == spelled || kind.aliases.contains(&spelled.as_str()));
    if let Some(kind) = kind {
        return Ok(Trigger::Kind(kind));
    }
    if let Some(event) = events().iter().find(|event| event.name == name) {
        return Ok(Trigger::Event(event));
    }
    let known = triggers()
        .iter()
        .flat_map(|kind| kind.aliases.iter().copied().chain([kind.name]))
        .chain(events().iter().map(|event| event.name));
    Err(unknown("trigger", name, known))
}

/// Finds an action by name or alias: `send_webhook`, `send-webhook`.
///
/// # Errors
/// [`Unknown`] with the most similar name, if any is similar enough.
pub fn find_action(name: &str) -> Result<&'static ActionKind, Unknown> {
    let spelled = spelling(name);
    actions()
        .iter()
        .find(|kind| kind.name == spelled || kind.aliases.contains(&spelled.as_str()))
        .ok_or_else(|| {
            let known = actions()
                .iter()
                .flat_map(|kind| kind.aliases.iter().copied().chain([kind.name]));
            unknown("action", name, known)
        })
}

/// Finds an event by its exact name.
///
/// # Errors
/// [`Unknown`] with the most similar name, if any is similar enough.
pub fn find_event(name: &str) -> Result<&'static EventKind, Unknown> {
    events()
        .iter()
        .find(|event| event.name == name)
        .ok_or_else(|| unknown("event", name, events().iter().map(|event| event.name)))
}

/// Finds a condition's operator.
///
/// # Errors
/// [`Unknown`] with the most similar name, if any is similar enough.
pub fn find_operator(name: &str) -> Result<&'static str, Unknown> {
    operators()
        .iter()
        .copied()
        .find(|operator| *operator == name)
        .ok_or_else(|| unknown("operator", name, operators().iter().copied()))
}

fn spelling(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace(['-', ' '], "_")
}

/// Names less similar to the typed one are not suggested.
const NEAR: f64 = 0.75;

fn unknown(what: &'static str, name: &str, known: impl Iterator<Item = &'static str>) -> Unknown {
    // The comparison takes quadratic time, so only the start of a very long name is compared.
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
    fn the_repository_raises_fourteen_events() {
        let system = events()
            .iter()
            .filter(|event| event.family == Family::System)
            .count();
        assert_eq!(system, 14);
    }

    #[test]
    fn every_event_is_listed_once_and_its_sample_is_an_object() {
        for (index, event) in events().iter().enumerate() {
            let sample: serde_json::Value = serde_json::from_str(event.sample()).unwrap();
            assert!(sample.is_object(), "{}", event.name);
            let rows = events().iter().filter(|other| other.name == event.name);
            assert_eq!(rows.count(), 1, "{} at {index}", event.name);
        }
    }

    #[test]
    fn every_trigger_listens_to_known_events() {
        for kind in triggers() {
            for event in &kind.listens_to {
                assert!(find_event(event).is_ok(), "{} → {event}", kind.name);
            }
        }
    }

    #[test]
    fn every_name_and_alias_finds_its_own_row() {
        for kind in triggers() {
            for name in kind.aliases.iter().chain([&kind.name]) {
                assert_eq!(find_trigger(name).unwrap().name(), kind.name, "{name}");
            }
        }
        for kind in actions() {
            for name in kind.aliases.iter().chain([&kind.name]) {
                assert_eq!(find_action(name).unwrap().name, kind.name, "{name}");
                let dashed = name.replace('_', "-");
                assert_eq!(find_action(&dashed).unwrap().name, kind.name, "{dashed}");
            }
        }
    }

    #[test]
    fn the_name_of_an_event_is_a_trigger() {
        assert_eq!(
            find_trigger("payment.succeeded").unwrap().events(),
            ["payment.succeeded"]
        );
    }

    #[test]
    fn a_mistyped_name_suggests_the_most_similar() {
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
    fn a_name_that_resembles_none_gets_no_suggestion() {
        assert_eq!(find_event("zzzz").unwrap_err().suggestion, None);
        assert_eq!(
            find_event(&"z".repeat(1 << 20)).unwrap_err().name.len(),
            128
        );
    }
}
