//! Triggers: the events that start a flow, filtered by the trigger's settings and conditions.

use serde_json::{Value, json};

use super::NewEvent;
use super::guard::Guard;
use super::reader::{DocumentError, Node};
use super::schedule::Schedule;
use crate::catalogue;
use crate::condition::Finding;
use crate::topic::Pattern;

/// A compiled trigger.
#[derive(Clone, Debug)]
pub struct Trigger {
    pub id: String,
    /// The trigger type, as in the platform's reference, or the pattern.
    pub name: String,
    pub events: Events,
    /// The name of the variable that contains the record; `None` to use the record's datatype.
    pub variable: Option<&'static str>,
    pub enabled: bool,
    pub filter: Filter,
    pub guard: Guard,
    /// Of a trigger by clock.
    pub schedule: Option<Schedule>,
}

/// The events that a trigger matches.
#[derive(Clone, Debug)]
pub enum Events {
    Names(Vec<&'static str>),
    Pattern(Pattern),
}

impl Trigger {
    /// Whether the trigger reacts to events of this name, if it is enabled.
    pub(super) fn hears(&self, kind: &str) -> bool {
        match &self.events {
            Events::Names(names) => names.contains(&kind),
            Events::Pattern(pattern) => pattern.matches(kind),
        }
    }

    /// Explains each setting of the trigger's `config` with the value that it saw, whether it matches or not.
    pub(super) fn explain_config(&self, event: &NewEvent) -> Vec<Finding> {
        self.filter.findings(self, event, true)
    }

    /// The name of the event that an execution by hand simulates.
    pub fn event(&self) -> String {
        match &self.events {
            Events::Names(names) => names.first().map_or("manual", |name| name).to_owned(),
            Events::Pattern(pattern) => catalogue::events()
                .iter()
                .find(|event| pattern.matches(event.name))
                .map_or("manual", |event| event.name)
                .to_owned(),
        }
    }
}

/// The type of triggers by clock, and the event that they raise.
pub(super) const SCHEDULED: &str = "scheduled_time";
const FIELDS: &str = "id type name description config enabled automationId when conditions";

pub(super) fn compile(node: &Node<'_>, index: usize) -> Result<Trigger, DocumentError> {
    if node.value.is_string() {
        return named(node, node, index);
    }
    node.only(FIELDS)?;
    named(&node.need("type")?, node, index)
}

/// Compiles a trigger of type `kind` with the settings in `node`.
pub(super) fn named(
    kind: &Node<'_>,
    node: &Node<'_>,
    index: usize,
) -> Result<Trigger, DocumentError> {
    let (name, events, variable) = resolve(kind)?;
    let id = match node.get("id") {
        Some(id) => id.text()?.to_owned(),
        None => format!("trigger-{}", index + 1),
    };
    let enabled = node.get("enabled").map_or(Ok(true), |node| node.flag())?;
    let is_scheduled = name == SCHEDULED;
    let (filter, schedule) = match node.get("config") {
        Some(config) if is_scheduled => (Filter::default(), Some(Schedule::compile(&config)?)),
        Some(config) => (Filter::compile(&config, &name)?, None),
        None if is_scheduled => {
            return Err(node
                .need("config")
                .err()
                .unwrap_or_else(|| node.bad("a trigger")));
        }
        None => (Filter::default(), None),
    };
    Ok(Trigger {
        id,
        name,
        events,
        variable,
        enabled,
        filter,
        guard: Guard::compile(node)?,
        schedule,
    })
}

type Resolved = (String, Events, Option<&'static str>);

fn resolve(kind: &Node<'_>) -> Result<Resolved, DocumentError> {
    let text = kind.text()?;
    if text.contains(['*', '>']) {
        return pattern(kind, text);
    }
    let trigger = catalogue::find_trigger(text).map_err(|source| DocumentError::UnknownName {
        at: kind.at.clone(),
        source,
    })?;
    if let Some(what) = trigger.not_built() {
        return Err(DocumentError::NotBuilt {
            at: kind.at.clone(),
            name: text.to_owned(),
            what,
            supported: built_triggers(),
        });
    }
    let variable = match trigger {
        catalogue::Trigger::Kind(kind) => Some(kind.variable).filter(|name| *name != "record"),
        catalogue::Trigger::Event(_) => None,
    };
    Ok((
        trigger.name().to_owned(),
        Events::Names(trigger.events()),
        variable,
    ))
}

fn pattern(kind: &Node<'_>, text: &str) -> Result<Resolved, DocumentError> {
    let pattern: Pattern = text
        .parse()
        .map_err(|_| kind.bad("a trigger, an event or a pattern such as `contact.*`"))?;
    if !catalogue::events()
        .iter()
        .any(|event| pattern.matches(event.name))
    {
        return Err(kind.bad("a pattern that matches an event of this platform"));
    }
    Ok((text.to_owned(), Events::Pattern(pattern), None))
}

fn built_triggers() -> Vec<&'static str> {
    catalogue::triggers()
        .iter()
        .filter(|kind| kind.not_built.is_none())
        .map(|kind| kind.name)
        .collect()
}

/// A trigger's `config`. All given settings must match.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    sources: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    exclude_tags: Option<Vec<String>>,
    fields: Vec<(String, Value)>,
    datatypes: Option<Vec<String>>,
    operations: Option<Vec<String>>,
}

const CONTACT: &str = "source tags excludeTags customFields";
const TAGGED: &str = "tag tags excludeTags source customFields";
const DATABASE: &str =
    "datatype collection operation operations source tags excludeTags customFields";
const OPERATIONS: &[&str] = &["create", "update", "delete", "publish", "approve"];

impl Filter {
    fn compile(config: &Node<'_>, trigger: &str) -> Result<Self, DocumentError> {
        config.only(match trigger {
            "database_change" => DATABASE,
            "contact_tagged" => TAGGED,
            _ => CONTACT,
        })?;
        let texts = |keys: &[&str]| config.any(keys).map(|node| node.texts()).transpose();
        let fields = match config.get("customFields") {
            Some(fields) => fields.fields()?.clone().into_iter().collect(),
            None => Vec::new(),
        };
        let operations = config.any(&["operation", "operations"]);
        if let Some(node) = &operations {
            let known = |name: &String| OPERATIONS.contains(&name.as_str());
            if !node.texts()?.iter().all(known) {
                return Err(node.bad("one or more of create, update, delete, publish, approve"));
            }
        }
        Ok(Self {
            sources: texts(&["source"])?,
            tags: texts(&["tags", "tag"])?,
            exclude_tags: texts(&["excludeTags"])?,
            fields,
            datatypes: texts(&["datatype", "collection"])?,
            operations: operations.map(|node| node.texts()).transpose()?,
        })
    }

    /// Checks an event. `Err` explains each setting that does not match, with the value it saw.
    pub(super) fn check(&self, trigger: &Trigger, event: &NewEvent) -> Result<(), Finding> {
        let mut findings = self.findings(trigger, event, false);
        match findings.pop() {
            None => Ok(()),
            Some(one) if findings.is_empty() => Err(one),
            Some(last) => {
                findings.push(last);
                Err(Finding::tree("all of", false, findings))
            }
        }
    }

    /// Explains the settings with the values that they saw: all of them, or only those that do not match.
    fn findings(&self, trigger: &Trigger, event: &NewEvent, all_settings: bool) -> Vec<Finding> {
        let record = fields_of(&event.data);
        let source = record.get("source").cloned().unwrap_or_default();
        let datatype = event.data.get("datatype").cloned().unwrap_or_default();
        let operation = event.kind.rsplit('-').next().unwrap_or_default().into();
        let mut settings = Settings {
            all: all_settings,
            findings: Vec::new(),
        };
        settings.check_any("source", self.sources.as_deref(), source);
        settings.check_any("datatype", self.datatypes.as_deref(), datatype);
        settings.check_any("operation", self.operations.as_deref(), operation);
        let all = tags_of(&event.data);
        if let Some(wanted) = &self.tags {
            let tags = match trigger.name.as_str() {
                "contact_tagged" => added_tags(event),
                _ => all.clone(),
            };
            let ok = wanted.iter().any(|tag| tags.contains(tag));
            settings.check("tags", &json!(wanted), &json!(tags), ok);
        }
        if let Some(unwanted) = &self.exclude_tags {
            let ok = !unwanted.iter().any(|tag| all.contains(tag));
            settings.check("excludeTags", &json!(unwanted), &json!(all), ok);
        }
        for (name, expected) in &self.fields {
            let actual = custom_field(record, name);
            settings.check(
                &format!("customFields.{name}"),
                expected,
                &actual,
                actual == *expected,
            );
        }
        settings.findings
    }
}

/// The results of a trigger's settings.
struct Settings {
    /// Also those that match.
    all: bool,
    findings: Vec<Finding>,
}

impl Settings {
    fn check(&mut self, name: &str, expected: &Value, actual: &Value, ok: bool) {
        if self.all || !ok {
            let what = format!("config.{name} {expected}");
            self.findings
                .push(Finding::leaf(what, ok, Some(clipped(actual))));
        }
    }

    fn check_any(&mut self, name: &str, expected: Option<&[String]>, actual: Value) {
        if let Some(expected) = expected {
            let ok = expected.iter().any(|one| actual == one.as_str());
            self.check(name, &json!(expected), &actual, ok);
        }
    }
}

/// The value as text, truncated for the run's history.
fn clipped(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_ACTUAL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Characters of a value that an explanation contains.
const MAX_ACTUAL: usize = 120;

/// The fields of a record: its `data`, or the value itself if it is not a BaseModel.
pub(super) fn fields_of(record: &Value) -> &Value {
    match record.get("data") {
        Some(data) if data.is_object() => data,
        _ => record,
    }
}

fn custom_field(record: &Value, name: &str) -> Value {
    let custom = record
        .get("customFields")
        .and_then(|fields| fields.get(name));
    custom
        .or_else(|| record.get(name))
        .cloned()
        .unwrap_or_default()
}

fn tags_of(record: &Value) -> Vec<String> {
    let tags = fields_of(record).get("tags").and_then(Value::as_array);
    tags.into_iter()
        .flatten()
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect()
}

/// The tags that an event added: the one it names, otherwise those that the previous version did not have.
pub(super) fn added_tags(event: &NewEvent) -> Vec<String> {
    if let Some(tag) = fields_of(&event.data).get("tag").and_then(Value::as_str) {
        return vec![tag.to_owned()];
    }
    let before = event.before.as_ref().map(tags_of).unwrap_or_default();
    let mut tags = tags_of(&event.data);
    tags.retain(|tag| !before.contains(tag));
    tags
}
