//! Sign-up, and the record of the account that a token belongs to.

use std::sync::Arc;

use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};

use super::super::State;
use super::super::model::Draft;
use super::{
    Caller, DEV_EMAIL, Org, datatype_of, passwords, principal_of, required, signed_in, user_of,
};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::token::Purpose;
use crate::flow::Cause;
use crate::store::records;

/// Maximum length of an email address (RFC 5321).
const MAX_EMAIL: usize = 254;
/// The fields of a sign-up that are stored in the record.
const FIELDS: [&str; 5] = ["email", "password", "firstName", "lastName", "phone"];

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/profile/user/signup", sign_up_user)
        .route("POST", "/profile/customer/signup", sign_up_customer)
        .route("GET", "/profile/user/profile", user_profile)
        .route("GET", "/profile/customer/profile", customer_profile)
}

async fn sign_up_user(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    sign_up(&state, org, body, Purpose::User).await
}

async fn sign_up_customer(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    sign_up(&state, org, body, Purpose::Customer).await
}

async fn sign_up(
    state: &State,
    org: String,
    mut body: Map<String, Value>,
    purpose: Purpose,
) -> Result<Response, Refusal> {
    let email = required(&body, "email")?.to_owned();
    if !is_email(&email) {
        return Err(Refusal::bad_request(
            "bad_email",
            "the email address is not valid",
        ));
    }
    passwords::check(required(&body, "password")?, &email)
        .map_err(|sentence| Refusal::bad_request("weak_password", sentence))?;
    let mut data = Map::new();
    for field in FIELDS {
        match body.remove(field) {
            Some(value @ Value::String(_)) => drop(data.insert(field.to_owned(), value)),
            None | Some(Value::Null) => {}
            Some(_) => {
                let message = format!("`{field}` accepts a string");
                return Err(Refusal::bad_request("bad_field", message));
            }
        }
    }
    let datatype = datatype_of(purpose);
    let draft = Draft {
        datatype: datatype.to_owned(),
        author: Some(email.clone()),
        data,
        ..Draft::default()
    };
    let is_built_in = email.eq_ignore_ascii_case(DEV_EMAIL);
    let of = org.clone();
    let created = state
        .change(move |repository, tx| {
            if is_built_in || !records::by_email(tx, &of, datatype, &email, 1)?.is_empty() {
                return Ok(None);
            }
            let record = repository.add(tx, &of, draft, &Cause::default())?;
            Ok(Some(record))
        })
        .await?;
    let Some(record) = created else {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "email_taken",
            "an account with this email address exists already: sign in instead",
        ));
    };
    signed_in(state, &principal_of(&record, org), purpose).await
}

/// Whether a text has the form of an email address: a name, `@` and a host, without spaces.
fn is_email(text: &str) -> bool {
    let is_plain = |part: &str| {
        let mut characters = part.chars();
        !part.is_empty() && !characters.any(|c| c.is_whitespace() || c.is_control() || c == '@')
    };
    text.len() <= MAX_EMAIL
        && text
            .split_once('@')
            .is_some_and(|(name, host)| is_plain(name) && is_plain(host))
}

async fn user_profile(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    profile(&state, &caller, Purpose::User).await
}

async fn customer_profile(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    profile(&state, &caller, Purpose::Customer).await
}

async fn profile(state: &State, caller: &Caller, purpose: Purpose) -> Result<Response, Refusal> {
    let user = user_of(state, &caller.principal, purpose).await?;
    Ok(answer(StatusCode::OK, &user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_a_name_and_a_host() {
        assert!(is_email("ada@example.com") && is_email("a+b@localhost"));
        let long = format!("{}@b", "a".repeat(MAX_EMAIL));
        for text in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nc", &long] {
            assert!(!is_email(text), "{text:?}");
        }
    }
}
