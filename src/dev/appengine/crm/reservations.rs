//! Reservations: what can be booked, when, and bookings.
//!
//! Paths and fields are those of the public clients. The form of a definition is evt's own: the clients only list it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::{Map, Value, json};

use crate::dev::appengine::State;
use crate::dev::appengine::auth::Org;
use crate::dev::appengine::model::Draft;
use crate::dev::appengine::repository::{Edit, Repository};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::{Cause, NewEvent, RecordError};
use crate::store::records::{self, Direction, Span};
use crate::store::{Connection, StoreError, Tx};

const RESERVATION: &str = "reservation";
const DEFINITION: &str = "reservation_definition";
/// Slots of a day at most, and reservations of a customer in a list.
const MAX_LISTED: usize = 500;

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/crm/reservations/definitions", definitions)
        .route("POST", "/crm/reservations/slots", slots)
        .route("PUT POST", "/crm/reservations/create", create)
        .route("GET", "/crm/reservations/by-email/{email}", by_email)
        .route(
            "GET",
            "/crm/reservations/by-email/{email}/{number}",
            by_number,
        )
        .route(
            "DELETE",
            "/crm/reservations/cancel/{email}/{number}",
            cancel,
        )
}

/// The definition of an organisation that has stored none.
fn built_in(org: &str) -> Value {
    let open = json!({"open": "09:00", "close": "17:00"});
    json!({
        "pk": org,
        "sk": format!("{DEFINITION}-default"),
        "name": "default",
        "datatype": DEFINITION,
        "data": {
            "name": "default",
            "businessTimezone": "UTC",
            "services": [{"name": "Consultation", "duration": 60, "capacity": 1}],
            "hours": {"monday": open, "tuesday": open, "wednesday": open, "thursday": open, "friday": open}
        },
        "version": 1,
        "state": "published"
    })
}

async fn definitions(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let number = |names: [&str; 2], default: usize| {
        let text = names.iter().find_map(|name| query.get(*name));
        text.and_then(|text| text.parse().ok())
            .unwrap_or(default)
            .max(1)
    };
    let page = number(["page", "p"], 1);
    let size = number(["pageSize", "ps"], 50).min(state.page_cap);
    let all = state
        .host
        .store
        .read::<_, StoreError, _>(move |db| all_definitions(db, &org))
        .await?;
    let first = (page - 1).saturating_mul(size);
    let shown: Vec<&Value> = all.iter().skip(first).take(size).collect();
    let body = json!({
        "data": shown,
        "total": all.len(),
        "hasNext": first.saturating_add(size) < all.len(),
        "page": page,
        "pageSize": size,
        "totalPages": all.len().div_ceil(size),
    });
    Ok(answer(StatusCode::OK, &body))
}

fn all_definitions(db: &Connection, org: &str) -> Result<Vec<Value>, StoreError> {
    let mut found = scanned(db, org, DEFINITION, |_| true)?;
    if found.is_empty() {
        found.push(built_in(org));
    }
    Ok(found)
}

/// The records of a datatype that `is_wanted`, newest first, at most [`MAX_LISTED`].
fn scanned(
    db: &Connection,
    org: &str,
    datatype: &str,
    is_wanted: impl Fn(&Value) -> bool,
) -> Result<Vec<Value>, StoreError> {
    let mut found = Vec::new();
    records::scan(
        db,
        org,
        datatype,
        Span::ALL,
        Direction::Descending,
        |_, body| {
            if let Ok(model) = serde_json::from_str::<Value>(body)
                && is_wanted(&model)
            {
                found.push(model);
            }
            match found.len() < MAX_LISTED {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        },
    )?;
    Ok(found)
}

async fn slots(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let wanted = Wanted::of(&body)?;
    let found = state
        .host
        .store
        .read::<_, StoreError, _>(move |db| {
            let Some(offer) = Offer::find(db, &org, &wanted)? else {
                return Ok(Err(no_service(&wanted)));
            };
            Ok(offer.slots(db, &org, wanted.date))
        })
        .await?;
    Ok(answer(StatusCode::OK, &found?))
}

fn no_service(wanted: &Wanted) -> Refusal {
    Refusal::not_found(match &wanted.service {
        Some(name) => format!("there is no service `{name}`"),
        None => "there is no such reservation definition".to_owned(),
    })
    .with_hint(Some(
        "GET /crm/reservations/definitions lists them".to_owned(),
    ))
}

/// The service and day that a client asks for.
struct Wanted {
    definition: Option<String>,
    service: Option<String>,
    date: NaiveDate,
}

impl Wanted {
    fn of(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let date = text("serviceDate").or_else(|| text("date"));
        let date = date.as_deref().and_then(day).ok_or_else(|| {
            Refusal::bad_request(
                "bad_field",
                "`serviceDate` accepts a date such as 2026-12-24",
            )
        })?;
        Ok(Self {
            definition: text("reservationDefinitionId"),
            service: text("serviceName"),
            date,
        })
    }
}

/// The date of a date or of a date and time.
fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()
}

/// The time of day of `09:00`, `09:00:00`, or a date and time.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let text = text.split_once(['T', ' ']).map_or(text, |(_, time)| time);
    NaiveTime::parse_from_str(text.get(..5)?, "%H:%M").ok()
}

/// A service and the hours in which it can be booked.
struct Offer {
    definition: Value,
    service: Value,
}

impl Offer {
    fn find(db: &Connection, org: &str, wanted: &Wanted) -> Result<Option<Self>, StoreError> {
        let is_wanted = |definition: &Value| {
            wanted.definition.as_ref().is_none_or(|id| {
                definition["sk"] == id.as_str() || definition["name"] == id.as_str()
            })
        };
        for definition in all_definitions(db, org)?.into_iter().filter(is_wanted) {
            let services = definition["data"]["services"].as_array();
            let mut services = services.into_iter().flatten();
            let named = |service: &&Value| {
                wanted
                    .service
                    .as_ref()
                    .is_none_or(|name| service["name"] == name.as_str())
            };
            if let Some(service) = services.find(named).cloned() {
                return Ok(Some(Self {
                    definition,
                    service,
                }));
            }
        }
        Ok(None)
    }

    fn name(&self) -> &str {
        self.service["name"].as_str().unwrap_or_default()
    }

    fn capacity(&self) -> u64 {
        self.service["capacity"].as_u64().unwrap_or(1)
    }

    /// The first and the last moment of a day; `None` if it is closed.
    fn hours(&self, date: NaiveDate) -> Option<(NaiveTime, NaiveTime)> {
        let weekday = match date.weekday() {
            chrono::Weekday::Mon => "monday",
            chrono::Weekday::Tue => "tuesday",
            chrono::Weekday::Wed => "wednesday",
            chrono::Weekday::Thu => "thursday",
            chrono::Weekday::Fri => "friday",
            chrono::Weekday::Sat => "saturday",
            chrono::Weekday::Sun => "sunday",
        };
        let hours = &self.definition["data"]["hours"][weekday];
        let time = |name: &str| hours[name].as_str().and_then(time_of_day);
        Some((time("open")?, time("close")?))
    }

    /// `{service, slots: [{startTime, endTime, spotsAvailable, businessTimezone}]}`.
    fn slots(&self, db: &Connection, org: &str, date: NaiveDate) -> Result<Value, Refusal> {
        let Some((open, close)) = self.hours(date) else {
            let message = format!(
                "{} is closed on {}",
                self.name(),
                date.format("%A, %Y-%m-%d")
            );
            return Err(Refusal::bad_request("closed_day", message));
        };
        let minutes = self.service["duration"].as_i64().unwrap_or(60);
        let length = Duration::minutes(minutes.clamp(5, 24 * 60));
        let booked = booked(db, org, self.name(), date)?;
        let zone = self.definition["data"]["businessTimezone"]
            .as_str()
            .unwrap_or("UTC");
        let (mut start, end) = (date.and_time(open), date.and_time(close));
        let mut slots = Vec::new();
        while start + length <= end && slots.len() < MAX_LISTED {
            let taken = booked.get(&start.time()).copied().unwrap_or(0);
            slots.push(json!({
                "startTime": shown(start),
                "endTime": shown(start + length),
                "spotsAvailable": self.capacity().saturating_sub(taken),
                "businessTimezone": zone,
            }));
            start += length;
        }
        Ok(json!({"service": self.service, "slots": slots}))
    }
}

fn shown(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The number of reservations of a service on a day, by the time of day.
fn booked(
    db: &Connection,
    org: &str,
    service: &str,
    date: NaiveDate,
) -> Result<HashMap<NaiveTime, u64>, StoreError> {
    let mut booked = HashMap::new();
    let on_that_day = |model: &Value| {
        let text = |name: &str| model["data"][name].as_str();
        model["state"] != "cancelled"
            && text("serviceName") == Some(service)
            && text("serviceDate").and_then(day) == Some(date)
    };
    for model in scanned(db, org, RESERVATION, on_that_day)? {
        if let Some(time) = model["data"]["startTime"].as_str().and_then(time_of_day) {
            *booked.entry(time).or_default() += 1;
        }
    }
    Ok(booked)
}

/// Books without a token. A slot that the body names must be free.
async fn create(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    let mut data = match body.remove("data") {
        Some(Value::Object(data)) => data,
        _ => body,
    };
    let number = number();
    data.insert("reservationNumber".to_owned(), number.clone().into());
    let draft = Draft {
        datatype: RESERVATION.to_owned(),
        name: Some(number),
        data,
        ..Draft::default()
    };
    let record = state
        .change(move |repository, tx| {
            check_free(tx, &org, &draft.data)?;
            let record = repository.add(tx, &org, draft, &Cause::default())?;
            repository.emit(tx, booked_event(&org, &record))?;
            Ok(record)
        })
        .await?;
    Ok(answer(StatusCode::CREATED, &record))
}

/// A number that cannot be guessed, because with the e-mail address it is enough to read and cancel a reservation.
fn number() -> String {
    const LETTERS: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let bytes = crate::dev::host::random_bytes();
    let letters = bytes
        .iter()
        .take(10)
        .map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]);
    format!("R{}", letters.map(char::from).collect::<String>())
}

fn check_free(tx: &Tx<'_>, org: &str, data: &Map<String, Value>) -> Result<(), RecordError> {
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let refused = |reason: String| Err(RecordError::Refused { reason });
    let (Some(service), Some(date), Some(time)) = (
        text("serviceName"),
        text("serviceDate").and_then(day),
        text("startTime").and_then(time_of_day),
    ) else {
        return Ok(());
    };
    let wanted = Wanted {
        definition: text("reservationDefinitionId").map(str::to_owned),
        service: Some(service.to_owned()),
        date,
    };
    let Some(offer) = Offer::find(tx, org, &wanted)? else {
        return Ok(());
    };
    if offer
        .hours(date)
        .is_none_or(|(open, close)| time < open || time >= close)
    {
        return refused(format!("`{service}` is closed then"));
    }
    let taken = booked(tx, org, service, date)?
        .get(&time)
        .copied()
        .unwrap_or(0);
    match taken >= offer.capacity() {
        true => refused(format!("`{service}` is fully booked then")),
        false => Ok(()),
    }
}

fn booked_event(org: &str, record: &Value) -> NewEvent {
    NewEvent {
        org: org.to_owned(),
        kind: "appointment.booked".to_owned(),
        data: record.clone(),
        before: None,
        cause: Cause::default(),
    }
}

fn is_of(model: &Value, email: &str) -> bool {
    let fields = ["email", "customerEmail"].iter();
    fields
        .filter_map(|name| model["data"][*name].as_str())
        .any(|own| own.eq_ignore_ascii_case(email))
}

async fn by_email(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    Path(email): Path<String>,
) -> Result<Response, Refusal> {
    let found = state
        .host
        .store
        .read::<_, StoreError, _>(move |db| {
            scanned(db, &org, RESERVATION, |model| is_of(model, &email))
        })
        .await?;
    Ok(answer(
        StatusCode::OK,
        &json!({"data": found, "total": found.len()}),
    ))
}

async fn by_number(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    Path((email, number)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let found = state
        .host
        .store
        .read::<_, StoreError, _>(move |db| one(db, &org, &email, &number))
        .await?;
    match found {
        Some(record) => Ok(answer(StatusCode::OK, &record)),
        None => Err(Refusal::not_found("there is no such reservation")),
    }
}

fn one(db: &Connection, org: &str, email: &str, number: &str) -> Result<Option<Value>, StoreError> {
    let is_it = |model: &Value| model["name"] == number && is_of(model, email);
    Ok(scanned(db, org, RESERVATION, is_it)?.into_iter().next())
}

async fn cancel(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    Path((email, number)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let record = state
        .change(move |repository, tx| cancelled(repository, tx, &org, &email, &number))
        .await?;
    Ok(answer(StatusCode::OK, &record))
}

fn cancelled(
    repository: &Repository,
    tx: &Tx<'_>,
    org: &str,
    email: &str,
    number: &str,
) -> Result<Value, RecordError> {
    let Some(record) = one(tx, org, email, number)? else {
        return Err(RecordError::NotFound {
            datatype: RESERVATION.to_owned(),
            id: number.to_owned(),
        });
    };
    let id = record["sk"].as_str().unwrap_or_default();
    let edit = json!({"state": "cancelled", "data.status": "cancelled"});
    let edit = Edit::Partial(edit.as_object().cloned().unwrap_or_default());
    repository.edit(tx, org, Some(RESERVATION), id, edit, &Cause::default())
}
