//! Campaigns: one notification for each recipient.
//!
//! A request adds jobs of the queue `oneoff`, each with a part of the recipients; their consumer adds a job of the queue
//! `notification` for each recipient. So a large campaign does not hold up other requests.

use std::sync::Arc;

use axum::extract::{Path, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::State;
use super::auth::Caller;
use super::model::Draft;
use super::repository::Repository;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::notify::{CHANNELS, NOTIFICATION, Notification, addresses};
use crate::flow::{Cause, RecordError, RecordStore};
use crate::store::jobs;
use crate::store::work::{self, NewWork, Work};
use crate::store::{Connection, StoreError, Tx, records};
use crate::work::WorkError;

/// The queue of jobs that are done once, and belong to no run.
pub(super) const ONEOFF: &str = "oneoff";
/// The name of a job that adds the notifications of a part of a campaign.
const EXPAND: &str = "campaign";
/// The datatype of campaigns.
const CAMPAIGN: &str = "campaign";
/// Recipients of one request at most.
const MAX_RECIPIENTS: usize = 10_000;
/// Recipients of one job of the queue `oneoff`.
const PART: usize = 500;
/// Invalid addresses in an error.
const MAX_SHOWN: usize = 3;

/// `/broadcast/campaign…`
pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/broadcast/campaign/send", send)
        .route("GET", "/broadcast/campaign/{id}", show)
}

/// `{name, channel, to, subject, body | template, from}`. `to` is a list, a text with commas, or `{datatype, query}`.
async fn send(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    let org = caller.org;
    let message = message(&body, &org)?;
    let name = text(&body, "name").unwrap_or_else(|| "campaign".to_owned());
    let to = body.remove("to").unwrap_or_default();
    let author = caller.principal.email;
    let campaign = state
        .change(move |repository, tx| {
            let to = recipients(repository, tx, &message, to)?;
            let data = json!({
                "name": name,
                "channel": message.channel,
                "subject": message.subject,
                "recipients": to.len(),
            });
            let draft = Draft {
                datatype: CAMPAIGN.to_owned(),
                data: data.as_object().cloned().unwrap_or_default(),
                author: Some(author),
                ..Draft::default()
            };
            let record = repository.add(tx, &org, draft, &Cause::default())?;
            let id = record["sk"].as_str().unwrap_or_default();
            for (part, to) in to.chunks(PART).enumerate() {
                let part_of = Notification {
                    to: to.to_vec(),
                    cause: Some(id.to_owned()),
                    ..message.clone()
                };
                let data = serde_json::to_string(&part_of).unwrap_or_default();
                let job = NewWork {
                    key: Some(format!("{}{part:08}", part_prefix(id))),
                    ..NewWork::new(ONEOFF, EXPAND, data, tx.now())
                };
                work::enqueue(tx, &job)?;
            }
            Ok(view(tx, &record)?)
        })
        .await?;
    Ok(answer(StatusCode::CREATED, &campaign))
}

/// The notification without recipients.
fn message(body: &Map<String, Value>, org: &str) -> Result<Notification, Refusal> {
    let channel = text(body, "channel").unwrap_or_else(|| "email".to_owned());
    if !CHANNELS.contains(&channel.as_str()) {
        let all = CHANNELS.join("`, `");
        let message = format!("`channel` accepts `{all}`");
        return Err(Refusal::bad_request("bad_field", message));
    }
    let message = Notification {
        org: org.to_owned(),
        channel,
        from: text(body, "from"),
        subject: text(body, "subject"),
        body: text(body, "body").or_else(|| text(body, "message")),
        template: text(body, "template").or_else(|| text(body, "templateId")),
        variables: body.get("variables").cloned().unwrap_or_default(),
        ..Notification::default()
    };
    if message.body.is_none() && message.template.is_none() {
        let message = "`body` or `template` is required, as a string";
        return Err(Refusal::bad_request("missing_field", message));
    }
    Ok(message)
}

/// The addresses of all recipients, each once.
fn recipients(
    repository: &Repository,
    tx: &Tx<'_>,
    message: &Notification,
    to: Value,
) -> Result<Vec<String>, RecordError> {
    let mut all = match to {
        Value::Object(of) => found(repository, tx, message, &of)?,
        other => addresses(other),
    };
    let mut seen = std::collections::HashSet::new();
    all.retain(|address| seen.insert(address.clone()));
    if all.is_empty() {
        return Err(refused(
            "the campaign has no recipient: `to` accepts addresses or {datatype, query}",
        ));
    }
    if all.len() > MAX_RECIPIENTS {
        return Err(refused(format!(
            "the campaign has more than {MAX_RECIPIENTS} recipients: send it in parts"
        )));
    }
    let is_bad = |address: &&String| {
        let one = Notification {
            to: vec![(*address).clone()],
            ..message.clone()
        };
        one.check().is_err()
    };
    let bad: Vec<String> = all
        .iter()
        .filter(is_bad)
        .take(MAX_SHOWN)
        .map(|address| {
            format!(
                "`{}`",
                address.chars().take(80).collect::<String>().escape_debug()
            )
        })
        .collect();
    match bad.is_empty() {
        true => Ok(all),
        false => Err(refused(format!(
            "the campaign cannot be sent by {} to {}",
            message.channel,
            bad.join(", ")
        ))),
    }
}

/// The addresses in the records that match a query.
fn found(
    repository: &Repository,
    tx: &Tx<'_>,
    message: &Notification,
    of: &Map<String, Value>,
) -> Result<Vec<String>, RecordError> {
    let datatype = text(of, "datatype").unwrap_or_else(|| "contact".to_owned());
    let query = of.get("query").cloned().unwrap_or_else(|| json!({}));
    let ids = repository.find(tx, &message.org, &datatype, &query, MAX_RECIPIENTS + 1)?;
    let field = match message.channel.as_str() {
        "email" => "/data/email",
        "sms" | "whatsapp" => "/data/phone",
        _ => "/sk",
    };
    let mut addresses = Vec::new();
    for id in ids {
        let record = repository.get(tx, &message.org, &datatype, &id)?;
        let address = record
            .as_ref()
            .and_then(|record| record.pointer(field)?.as_str());
        addresses.extend(address.map(str::to_owned));
    }
    Ok(addresses)
}

fn refused(reason: impl Into<String>) -> RecordError {
    RecordError::Refused {
        reason: reason.into(),
    }
}

fn text(body: &Map<String, Value>, field: &str) -> Option<String> {
    let text = body.get(field)?.as_str()?;
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// The keys of jobs with a part of the recipients.
fn part_prefix(id: &str) -> String {
    format!("campaign-part:{id}:")
}

/// The keys of jobs with one recipient.
fn prefix(id: &str) -> String {
    format!("campaign:{id}:")
}

/// Adds the notifications of a part of a campaign, in the commit that ends the job.
pub(super) fn expand(tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
    let part: Notification = serde_json::from_str(&work.data).map_err(|error| {
        WorkError::Permanent(format!("its data is not a part of a campaign: {error}"))
    })?;
    let id = part.cause.clone().unwrap_or_default();
    for (n, to) in part.to.iter().enumerate() {
        let one = Notification {
            to: vec![to.clone()],
            ..part.clone()
        };
        let job = NewWork {
            key: Some(format!("{}{}:{n}", prefix(&id), work.id)),
            ..one.job(tx.now())
        };
        work::enqueue(tx, &job)?;
    }
    Ok(())
}

async fn show(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let missing = format!("there is no campaign `{id}`");
    let read = state.host.store.read(move |db| {
        let Some(text) = records::body(db, &caller.org, CAMPAIGN, &id)? else {
            return Ok(None);
        };
        let record: Value = serde_json::from_str(&text).unwrap_or_default();
        view(db, &record).map(Some)
    });
    match read.await? {
        Some(campaign) => Ok(answer(StatusCode::OK, &campaign)),
        None => Err(Refusal::not_found(missing)),
    }
}

/// A campaign and how many of its recipients are in which state.
fn view(db: &Connection, record: &Value) -> Result<Value, StoreError> {
    let id = record["sk"].as_str().unwrap_or_default();
    let recipients = record["data"]["recipients"].as_u64().unwrap_or(0);
    let parts = work::with_prefix(db, &part_prefix(id))?;
    let in_parts = parts.iter().map(|(_, data)| {
        let part = serde_json::from_str::<Notification>(data);
        part.map_or(0, |part| part.to.len() as u64)
    });
    let (mut waiting, mut failed, mut discarded) = (in_parts.sum::<u64>(), 0, 0);
    for (state, count) in work::unfinished(db, NOTIFICATION, &prefix(id))? {
        match state {
            jobs::State::Dead | jobs::State::Quarantined => failed += count,
            jobs::State::Discarded => discarded += count,
            _ => waiting += count,
        }
    }
    let sent = recipients.saturating_sub(waiting + failed + discarded);
    let status = if waiting > 0 { "sending" } else { "sent" };
    Ok(json!({
        "success": true,
        "id": id,
        "campaignId": id,
        "name": record["data"]["name"],
        "channel": record["data"]["channel"],
        "status": status,
        "recipients": recipients,
        "queued": waiting,
        "sent": sent,
        "failed": failed,
        "discarded": discarded,
    }))
}
