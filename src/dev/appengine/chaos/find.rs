//! `POST /repository/find/{datatype}` while a `poll.` setting is active.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::State;
use super::super::auth::Caller;
use super::super::find::{self, Filter, FindError, Page, Search};
use super::super::model;
use super::super::rest::searching;
use super::dates::Dates;
use super::envelope::{Envelope, Enveloped};
use super::faults::{self, Fault};
use super::rules::{Rules, TieOrder};
use super::{Collection, search};
use crate::dev::host::refusal::{Lints, Refusal, json_response};

/// Lists the settings that changed a response.
const CHAOS: HeaderName = HeaderName::from_static("x-evt-chaos");

/// The names of the settings that changed a response.
#[derive(Default)]
struct Marks(Vec<&'static str>);

impl Marks {
    fn when(&mut self, is_so: bool, name: &'static str) {
        if is_so {
            self.0.push(name);
        }
    }

    fn mark(self, mut response: Response) -> Response {
        if !self.0.is_empty()
            && let Ok(names) = HeaderValue::from_str(&self.0.join(", "))
        {
            response.headers_mut().insert(CHAOS, names);
        }
        response
    }
}

/// Answers a find, with a fault if one is due, else with a page according to the rules.
pub(crate) async fn find(
    state: &Arc<State>,
    rules: Arc<Rules>,
    caller: Caller,
    (datatype, query, mut options): (String, Value, Map<String, Value>),
    lints: &Lints,
) -> Result<Response, Refusal> {
    model::check_name("datatype", &datatype)?;
    let path = format!("/repository/find/{datatype}");
    let collection: Collection = (caller.org, datatype);
    let chaos = state.settings.chaos();
    let mut marks = Marks::default();
    let (fault, turn) = chaos.due(&rules).unzip();
    if let Some(fault) = fault {
        let answered = match fault {
            Fault::Duplicate => chaos.page_before(&collection).map(page_response),
            fault => fault.answer(&rules, turn.unwrap_or(0), &path),
        };
        if let Some(response) = answered {
            marks.when(true, fault.name());
            return Ok(marks.mark(response));
        }
    }
    let search = asked(state, &rules, query, &mut options, &mut marks, lints)?;
    let end = search.skip().saturating_add(search.page_size as u64);
    if rules.window > 0 && end > rules.window {
        marks.when(true, "window");
        let refusal = Refusal::bad_request(
            "window_exceeded",
            format!(
                "a page cannot extend beyond the first {} records",
                rules.window
            ),
        );
        return Ok(marks.mark(faults::refused(&refusal, &path)));
    }
    let page = if fault == Some(Fault::Empty) {
        marks.when(true, Fault::Empty.name());
        Page::of(&search, Vec::new(), 0)
    } else {
        let page = read(state, &rules, &collection, search, &mut marks).await?;
        touch(state, &rules, &collection, &mut marks).await?;
        page
    };
    let body = written(page, &rules, &mut marks)?;
    if rules.every[Fault::Duplicate as usize] > 0 {
        chaos.store_page(collection, body.clone());
    }
    if fault == Some(Fault::Cut) {
        marks.when(true, Fault::Cut.name());
        return Ok(marks.mark(faults::cut(body, turn.unwrap_or(0))));
    }
    Ok(marks.mark(page_response(body)))
}

fn page_response(body: Bytes) -> Response {
    json_response(StatusCode::OK, body.into())
}

/// The search of a request, without the parts that the rules ignore.
fn asked(
    state: &State,
    rules: &Rules,
    query: Value,
    options: &mut Map<String, Value>,
    marks: &mut Marks,
    lints: &Lints,
) -> Result<Search, Refusal> {
    let mut ignored = false;
    if rules.ignore.paging {
        ignored |= options.remove("page").is_some();
    }
    if rules.ignore.sort {
        ignored |= options.remove("sort").is_some();
        // Without a sort, a database returns records in the order of the primary key.
        options.insert("sort".into(), json!({"sk": 1}));
    }
    let filter = if rules.ignore.filter {
        ignored |= query.as_object().is_some_and(|query| !query.is_empty());
        Filter::parse(&Value::Null)?
    } else {
        let nothing = || json!({ "modifydate": { "$lt": i64::MIN } });
        let query = rules.dates.understand(query)?;
        Filter::parse(&query.unwrap_or_else(nothing))?
    };
    marks.when(ignored, "ignore");
    let cap = match rules.page_cap {
        0 => state.page_cap,
        cap => cap,
    };
    let search = Search::new(filter, options, cap, &mut |finding| lints.add(finding))?;
    let is_capped = rules.page_cap > 0 && search.page_size == cap && cap != state.page_cap;
    marks.when(is_capped, "page_cap");
    Ok(search)
}

async fn read(
    state: &Arc<State>,
    rules: &Arc<Rules>,
    collection: &Collection,
    search: Search,
    marks: &mut Marks,
) -> Result<Page, FindError> {
    marks.when(rules.order == TieOrder::Shuffled, "order");
    let is_usual = rules.order == TieOrder::Stable
        && rules.late.is_zero()
        && rules.dates.unit() == 1
        && !rules.ignore.sort;
    let (own, chaotic, (org, datatype)) =
        (Arc::clone(state), Arc::clone(rules), collection.clone());
    let (page, is_late) = searching(&state.host.store, &state.searches, move |connection| {
        if is_usual {
            let page = find::run(connection, &org, &datatype, &search)?;
            return Ok((page, false));
        }
        let chaos = (&**own.settings.chaos(), &*chaotic);
        search::run(connection, &org, &datatype, &search, chaos)
    })
    .await?;
    marks.when(is_late, "late");
    Ok(page)
}

/// Updates some records, as if users changed them between two pages.
async fn touch(
    state: &Arc<State>,
    rules: &Rules,
    collection: &Collection,
    marks: &mut Marks,
) -> Result<(), Refusal> {
    if rules.touch == 0 {
        return Ok(());
    }
    let (many, (org, datatype)) = (rules.touch, collection.clone());
    let touched = state
        .change(move |repository, tx| repository.touch(tx, &org, &datatype, many))
        .await?;
    marks.when(touched > 0, "touch");
    Ok(())
}

/// The text of the page, with the date format and the envelope of the rules.
fn written(mut page: Page, rules: &Rules, marks: &mut Marks) -> Result<Bytes, Refusal> {
    let dates = rules.dates;
    if dates != Dates::default() {
        marks.when(true, "dates");
        for record in &mut page.data {
            if let Ok(rewritten) = RawValue::from_string(dates.rewrite(record.get())) {
                *record = rewritten;
            }
        }
    }
    let envelope = rules.envelope;
    marks.when(envelope != Envelope::default(), "envelope");
    let page = &page;
    let text = serde_json::to_vec(&Enveloped { envelope, page });
    text.map(Bytes::from).map_err(|error| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Refusal::new(status, "not_serializable", error.to_string())
    })
}
