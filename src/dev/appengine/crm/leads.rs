//! Leads: scored when they are created, and moved by verbs that each leave an activity.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{data_of, list_of, raised};
use crate::dev::appengine::State;
use crate::dev::appengine::auth::Caller;
use crate::dev::appengine::model::Draft;
use crate::dev::appengine::repository::{Edit, Repository};
use crate::dev::appengine::rest;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Lints, Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::{Cause, RecordError};
use crate::store::Tx;

const DATATYPE: &str = "lead";

/// What the fields of a lead add to its score.
const SCORES: [(&str, i64); 6] = [
    ("email", 25),
    ("phone", 20),
    ("company", 20),
    ("budget", 20),
    ("lastName", 10),
    ("message", 5),
];

/// A change of a lead that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Qualify,
    Disqualify,
    Assign,
    FollowUp,
    Convert,
}

const VERBS: [(&str, Verb); 5] = [
    ("qualify", Verb::Qualify),
    ("disqualify", Verb::Disqualify),
    ("assign", Verb::Assign),
    ("follow-up", Verb::FollowUp),
    ("convert", Verb::Convert),
];

pub(super) fn routes() -> Routes<Arc<State>> {
    let mut routes = Routes::new()
        .route("GET", "/crm/leads/detail", list)
        .route("POST PUT", "/crm/leads/detail", create)
        .route("GET", "/crm/leads/detail/{*id}", get)
        .route("POST PUT", "/crm/leads/detail/{*id}", update);
    for (name, verb) in VERBS {
        for path in [
            format!("/crm/leads/{name}/{{*id}}"),
            format!("/crm/leads/{{id}}/{name}"),
        ] {
            let change =
                move |state, caller, id, body| apply(state, caller, id, body, (name, verb));
            routes = routes.route("POST PUT", &path, change);
        }
    }
    routes
}

async fn list(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    lints: Lints,
    Query(mut query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let search = query.remove("search").filter(|text| !text.is_empty());
    let status = query.remove("status").filter(|text| !text.is_empty());
    let mut conditions = Map::new();
    if let Some(status) = status {
        conditions.insert("data.status".to_owned(), status.into());
    }
    if let Some(search) = search {
        let text = json!({ "$regex": format!("(?i){}", regex::escape(&search)) });
        let fields = [
            "name",
            "data.email",
            "data.firstName",
            "data.lastName",
            "data.company",
            "data.phone",
        ];
        let any: Vec<Value> = fields.iter().map(|field| json!({ *field: text })).collect();
        conditions.insert("$or".to_owned(), any.into());
    }
    list_of(&state, caller, DATATYPE, &conditions.into(), query, &lints).await
}

async fn get(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    rest::one(&state, caller, Some(DATATYPE.to_owned()), id).await
}

/// Creates a lead with a name, a status, a source and a score, and raises `lead.scored`.
async fn create(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let draft = Draft {
        datatype: DATATYPE.to_owned(),
        name: Some(number()),
        data: completed(data_of(body)),
        author: Some(caller.principal.email.clone()),
        ..Draft::default()
    };
    let record = state
        .change(move |repository, tx| {
            let record = repository.add(tx, &caller.org, draft, &Cause::default())?;
            repository.emit(tx, raised(&caller.org, "lead.scored", &record))?;
            Ok(record)
        })
        .await?;
    Ok(answer(StatusCode::CREATED, &record))
}

/// Changes fields of a lead. Raises `lead.scored` if its score is another one.
async fn update(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let data = data_of(body);
    let has_score = data.contains_key("score");
    let record = state
        .change(move |repository, tx| {
            let record = edit(repository, tx, &caller, &id, json!({ "data": data }))?;
            if has_score {
                repository.emit(tx, raised(&caller.org, "lead.scored", &record))?;
            }
            Ok(record)
        })
        .await?;
    Ok(answer(StatusCode::OK, &record))
}

/// Adds the fields that the platform sets.
fn completed(mut data: Map<String, Value>) -> Map<String, Value> {
    if let Some(full) = data.get("fullName").and_then(Value::as_str) {
        let full = full.trim().to_owned();
        let (first, last) = full.split_once(char::is_whitespace).unwrap_or((&full, ""));
        data.entry("firstName").or_insert_with(|| first.into());
        data.entry("lastName").or_insert_with(|| last.trim().into());
    }
    data.entry("status").or_insert_with(|| "new".into());
    data.entry("source").or_insert_with(|| "other".into());
    let score = score(&data);
    data.entry("score").or_insert_with(|| score.into());
    data
}

fn score(data: &Map<String, Value>) -> i64 {
    let has = |field: &str| match data.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    let points = SCORES.iter().filter(|(field, _)| has(field));
    points.map(|(_, points)| points).sum()
}

fn number() -> String {
    // The beginning of such an id is the time; its end is random.
    let id = Uuid::now_v7().simple().to_string();
    format!("LEAD-{}", id[24..].to_ascii_uppercase())
}

async fn apply(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    JsonObject(details): JsonObject,
    (name, verb): (&'static str, Verb),
) -> Result<Response, Refusal> {
    let record = state
        .change(move |repository, tx| {
            let changes = changes(verb, &details);
            let mut lead = edit(repository, tx, &caller, &id, changes)?;
            if verb == Verb::Convert {
                let contact = contact(repository, tx, &caller, &lead)?;
                let changes = json!({ "data.contactId": contact["sk"] });
                lead = edit(repository, tx, &caller, &id, changes)?;
            }
            note(repository, tx, &caller, &lead, (name, details))?;
            if verb == Verb::Qualify {
                repository.emit(tx, raised(&caller.org, "lead.qualified", &lead))?;
            }
            Ok(lead)
        })
        .await?;
    Ok(answer(StatusCode::OK, &record))
}

/// What a verb changes in the lead.
fn changes(verb: Verb, details: &Map<String, Value>) -> Value {
    let given = |names: &[&str]| {
        let value = names.iter().find_map(|name| details.get(*name));
        value.cloned().unwrap_or_default()
    };
    match verb {
        Verb::Qualify => json!({ "data.status": "qualified" }),
        Verb::Disqualify => {
            json!({ "data.status": "disqualified", "data.disqualifyReason": given(&["reason"]) })
        }
        Verb::Assign => {
            json!({ "data.assignedTo": given(&["assignedTo", "assignTo", "userId", "email"]) })
        }
        Verb::FollowUp => {
            json!({ "data.followUpDate": given(&["followUpDate", "date", "dueDate"]) })
        }
        Verb::Convert => json!({ "data.status": "converted" }),
    }
}

fn edit(
    repository: &Repository,
    tx: &Tx<'_>,
    caller: &Caller,
    id: &str,
    changes: Value,
) -> Result<Value, RecordError> {
    let changes = changes.as_object().cloned().unwrap_or_default();
    let edit = Edit::Partial(changes);
    repository.edit(tx, &caller.org, Some(DATATYPE), id, edit, &Cause::default())
}

/// Creates the contact of a converted lead.
fn contact(
    repository: &Repository,
    tx: &Tx<'_>,
    caller: &Caller,
    lead: &Value,
) -> Result<Value, RecordError> {
    let fields = [
        "email",
        "phone",
        "firstName",
        "lastName",
        "company",
        "source",
    ];
    let data = lead["data"].as_object();
    let known = |field: &&str| Some(((*field).to_owned(), data?.get(*field)?.clone()));
    let draft = Draft {
        datatype: "contact".to_owned(),
        data: fields.iter().filter_map(known).collect(),
        owner: Some(json!({ "id": lead["sk"], "datatype": DATATYPE })),
        author: Some(caller.principal.email.clone()),
        ..Draft::default()
    };
    repository.add(tx, &caller.org, draft, &Cause::default())
}

/// Stores an activity: the verb, the user and the request.
fn note(
    repository: &Repository,
    tx: &Tx<'_>,
    caller: &Caller,
    lead: &Value,
    (action, details): (&str, Map<String, Value>),
) -> Result<(), RecordError> {
    let email = &caller.principal.email;
    let data = json!({
        "activityType": action,
        "performedBy": email,
        "data": { "action": action, "details": details },
    });
    let draft = Draft {
        datatype: "lead_activity".to_owned(),
        data: data.as_object().cloned().unwrap_or_default(),
        owner: Some(json!({ "id": lead["sk"], "datatype": DATATYPE })),
        author: Some(email.clone()),
        ..Draft::default()
    };
    repository.add(tx, &caller.org, draft, &Cause::default())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_completed_and_scored() {
        let data = json!({"fullName": "Ada King Lovelace", "email": "a@example.com"});
        let data = completed(data.as_object().cloned().unwrap());
        let expected = json!({
            "fullName": "Ada King Lovelace", "email": "a@example.com", "firstName": "Ada",
            "lastName": "King Lovelace", "status": "new", "source": "other", "score": 35,
        });
        assert_eq!(Value::Object(data), expected);
    }
}
