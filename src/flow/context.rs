//! The event that a run is about, and the variables that placeholders and conditions use.

use serde_json::{Map, Value, json};

use super::trigger::{Trigger, added_tags, fields_of};
use super::{Cause, NewEvent};
use crate::event::Seq;
use crate::store::runs::RunRow;
use crate::store::{Connection, StoreError, events};
use crate::time::Timestamp;

/// The event that a run is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) event: NewEvent,
    /// Position of the event in the store.
    pub(super) seq: Option<Seq>,
    pub(super) time: Timestamp,
    /// The context of an execution by hand.
    pub(super) given: Option<Value>,
}

impl Subject {
    /// Reads the subject of a stored run; `None` if its event has been deleted.
    pub(super) fn load(connection: &Connection, row: &RunRow) -> Result<Option<Self>, StoreError> {
        let Some(seq) = row.event else {
            return Ok(None);
        };
        let Some(event) = events::get(connection, seq)? else {
            return Ok(None);
        };
        let mut context: Value = row
            .context
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let mut take = |name: &str| Some(context[name].take()).filter(|value| !value.is_null());
        let data = serde_json::from_slice(event.data()).unwrap_or_default();
        Ok(Some(Self {
            event: NewEvent {
                org: row.org.clone(),
                kind: event.meta.kind.unwrap_or_default(),
                data,
                before: take("before"),
                cause: Cause {
                    event: None,
                    depth: row.depth,
                },
            },
            seq: Some(seq),
            time: event.received_at,
            given: take("given"),
        }))
    }

    pub(super) fn datatype(&self) -> &str {
        let datatype = self.event.data.get("datatype").and_then(Value::as_str);
        datatype.unwrap_or("record")
    }

    /// The record's id, which is the default target of steps.
    pub(super) fn record_id(&self) -> Option<String> {
        let data = &self.event.data;
        let id = data.get("sk").or_else(|| data.get("id"))?;
        id.as_str().map(str::to_owned)
    }

    /// `context.variables`: the variables that the platform's reference lists for the trigger, and the event.
    pub(super) fn variables(&self, trigger: Option<&Trigger>) -> Value {
        let record = &self.event.data;
        let mut variables = Map::new();
        let name = trigger
            .and_then(|trigger| trigger.variable)
            .unwrap_or_else(|| self.datatype());
        variables.insert(name.to_owned(), flattened(record));
        if name != "contact" && self.datatype() == "contact" {
            variables.insert("contact".to_owned(), flattened(record));
        }
        variables.insert("record".to_owned(), record.clone());
        if trigger.is_some_and(|trigger| trigger.schedule.is_some())
            && let Value::Object(fields) = record
        {
            variables.extend(fields.clone());
        }
        if let Some(before) = &self.event.before {
            variables.insert("before".to_owned(), before.clone());
            variables.insert("after".to_owned(), record.clone());
        }
        let trigger_type = trigger.map_or(self.event.kind.as_str(), |trigger| &trigger.name);
        let mut result = json!({"triggerType": trigger_type});
        if self.datatype() == "contact" {
            about_contact(record, &mut result);
        }
        if let Some(tag) = added_tags(&self.event).first()
            && trigger_type == "contact_tagged"
        {
            let contact = self.record_id();
            variables.insert(
                "tagEvent".to_owned(),
                json!({"contactId": contact, "tag": tag}),
            );
        }
        variables.insert("triggerResult".to_owned(), result);
        variables.insert("event".to_owned(), self.envelope());
        if let Some(Value::Object(given)) = &self.given {
            let inner = given.get("variables").and_then(Value::as_object);
            for (name, value) in given.iter().chain(inner.into_iter().flatten()) {
                variables.insert(name.clone(), value.clone());
            }
        }
        Value::Object(variables)
    }

    fn envelope(&self) -> Value {
        json!({
            "event": self.event.kind,
            "type": self.event.kind,
            "orgId": self.event.org,
            "timestamp": self.time.to_string(),
            "data": self.event.data,
        })
    }

    /// The variables of conditions: those of [`Self::variables`], the names of `--where` (`type`, `org`, `data`), and the record's
    /// fields by their bare names.
    pub(super) fn scope(&self, variables: &Value) -> Value {
        let mut scope = Map::new();
        if let Value::Object(fields) = fields_of(&self.event.data) {
            scope.extend(fields.clone());
        }
        if let Value::Object(variables) = variables {
            scope.extend(variables.clone());
        }
        scope.insert("type".to_owned(), self.event.kind.clone().into());
        scope.insert("org".to_owned(), self.event.org.clone().into());
        scope.insert("time".to_owned(), self.time.to_string().into());
        scope.insert("data".to_owned(), flattened(&self.event.data));
        Value::Object(scope)
    }
}

/// A record with its own fields at the top level, so that both `contact.email` and `contact.data.email` work.
fn flattened(record: &Value) -> Value {
    let Value::Object(model) = record else {
        return record.clone();
    };
    let mut flat = match model.get("data") {
        Some(Value::Object(data)) => data.clone(),
        _ => Map::new(),
    };
    for (name, value) in model {
        flat.entry(name.clone()).or_insert_with(|| value.clone());
    }
    for (name, from) in [("id", "sk"), ("createdAt", "createdate")] {
        if let Some(value) = model.get(from) {
            flat.entry(name).or_insert_with(|| value.clone());
        }
    }
    Value::Object(flat)
}

fn about_contact(record: &Value, result: &mut Value) {
    let fields = fields_of(record);
    let name = ["firstName", "lastName"]
        .iter()
        .filter_map(|part| fields.get(part)?.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    result["contactId"] = record.get("sk").cloned().unwrap_or_default();
    result["contactEmail"] = fields.get("email").cloned().unwrap_or_default();
    result["contactName"] = name.into();
    result["source"] = fields.get("source").cloned().unwrap_or_default();
}

/// Returns the record in an execution's context, as the data of the trigger's event would be.
///
/// `context.contact` becomes `{sk, datatype: "contact", data}`, with its own `sk` or `id`, or else `contact-test`.
pub(super) fn record_of(context: &Value, variable: Option<&str>, datatype: &str) -> Value {
    let named = [variable.unwrap_or(datatype), datatype, "contact", "record"]
        .into_iter()
        .find_map(|name| Some((name, context.get(name)?)))
        .filter(|(_, value)| value.is_object());
    let (datatype, value) = match named {
        Some(("contact", value)) => ("contact", value.clone()),
        Some((_, value)) => (datatype, value.clone()),
        None => (datatype, context.clone()),
    };
    let is_model = value.get("datatype").is_some_and(Value::is_string)
        && value.get("data").is_some_and(Value::is_object);
    if is_model {
        return value;
    }
    let data = if value.is_object() { value } else { json!({}) };
    let id = ["sk", "id"]
        .iter()
        .find_map(|key| data.get(key)?.as_str().map(str::to_owned))
        .unwrap_or_else(|| format!("{datatype}-test"));
    json!({"sk": id, "datatype": datatype, "data": data})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(data: Value) -> Subject {
        Subject {
            event: NewEvent {
                org: "my-org".into(),
                kind: "contact.created".into(),
                data,
                before: None,
                cause: Cause::default(),
            },
            seq: None,
            time: Timestamp::from_secs(0),
            given: None,
        }
    }

    #[test]
    fn variables_contain_a_records_fields_and_its_ids() {
        let model = json!({"sk": "contact-1", "datatype": "contact", "data": {"email": "a@example.test", "firstName": "Ada"}});
        let variables = subject(model).variables(None);
        assert_eq!(variables["contact"]["email"], "a@example.test");
        assert_eq!(variables["contact"]["id"], "contact-1");
        assert_eq!(variables["contact"]["data"]["firstName"], "Ada");
        assert_eq!(variables["triggerResult"]["contactName"], "Ada");
    }

    #[test]
    fn the_context_of_an_execution_contains_its_record() {
        let given = json!({"contact": {"email": "a@example.test"}});
        assert_eq!(
            record_of(&given, Some("contact"), "contact"),
            json!({"sk": "contact-test", "datatype": "contact", "data": {"email": "a@example.test"}})
        );
        let with_id = json!({"contact": {"id": "contact-7"}});
        assert_eq!(record_of(&with_id, None, "contact")["sk"], "contact-7");
    }

    #[test]
    fn a_context_without_a_record_is_the_records_data() {
        assert_eq!(
            record_of(&json!({"amount": 3}), None, "payment"),
            json!({"sk": "payment-test", "datatype": "payment", "data": {"amount": 3}})
        );
        assert_eq!(record_of(&Value::Null, None, "order")["data"], json!({}));
    }
}
