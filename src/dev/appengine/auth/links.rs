//! Sign-in without a password: magic links and passcodes. The outbox has the message with the link or the code.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::State;
use super::{DEV_EMAIL, Org, Principal, messages, recorded, required, signed_in};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::token::Purpose;

/// Lifetime of a magic link.
const LIFETIME: Duration = Duration::from_secs(900);

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/profile/magic-link", magic_link_customer)
        .route("GET", "/profile/user/magic-link", magic_link_user)
        .route("POST", "/profile/magic-link/redirect", redirect)
        .route("POST", "/profile/user/signin/passcode", passcode_user)
        .route(
            "POST",
            "/profile/customer/signin/passcode",
            passcode_customer,
        )
}

async fn account(
    state: &State,
    org: String,
    email: &str,
    purpose: Purpose,
) -> Result<Principal, Refusal> {
    if email == DEV_EMAIL {
        return Ok(Principal::dev(&org));
    }
    let found = recorded(state, org, email, None, purpose).await?;
    found.ok_or_else(|| Refusal::not_found("there is no account with this email address"))
}

type Asked = Query<HashMap<String, String>>;

async fn magic_link_user(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    Query(query): Asked,
) -> Result<Response, Refusal> {
    magic_link(&state, org, &query, Purpose::User).await
}

async fn magic_link_customer(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    Query(query): Asked,
) -> Result<Response, Refusal> {
    magic_link(&state, org, &query, Purpose::Customer).await
}

/// "Sends" a link that signs in: `?email=…`.
async fn magic_link(
    state: &State,
    org: String,
    query: &HashMap<String, String>,
    purpose: Purpose,
) -> Result<Response, Refusal> {
    let email = query.get("email").map_or("", String::as_str);
    if email.is_empty() {
        let message = "`email` is required, as a query parameter";
        return Err(Refusal::bad_request("missing_field", message));
    }
    let principal = account(state, org, email, purpose).await?;
    let authority = &state.authority;
    let token = authority.issue(&principal, Purpose::Link, Some(purpose), LIFETIME);
    let link = format!(
        "{}/profile/magic-link/redirect?token={token}",
        state.host.url
    );
    messages::send_link(state, &principal, &link).await?;
    Ok(sent(&format!(
        "A link was sent to {}. {}",
        principal.email,
        messages::WHERE
    )))
}

/// Exchanges the token of a link for a sign-in: `{token}`.
async fn redirect(
    FromState(state): FromState<Arc<State>>,
    _: Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let token = required(&body, "token")?;
    let claims = state.authority.claims_of(token, Purpose::Link)?;
    let purpose = claims.then.unwrap_or(Purpose::Customer);
    signed_in(&state, &Principal::from(claims), purpose).await
}

async fn passcode_user(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    passcode(&state, org, &body, Purpose::User).await
}

async fn passcode_customer(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    passcode(&state, org, &body, Purpose::Customer).await
}

/// Signs in with `{email, passcode}`; with `{email}` alone, "sends" a passcode.
async fn passcode(
    state: &State,
    org: String,
    body: &Map<String, Value>,
    purpose: Purpose,
) -> Result<Response, Refusal> {
    let principal = account(state, org, required(body, "email")?, purpose).await?;
    let code = ["passcode", "code"]
        .iter()
        .find_map(|field| body.get(*field).and_then(Value::as_str));
    match code {
        Some(code) => {
            state
                .challenges
                .finish_passcode(&principal, purpose, code)?;
            signed_in(state, &principal, purpose).await
        }
        None => {
            let waiting = state.challenges.start_passcode(&principal, purpose);
            messages::send_code(state, &waiting).await?;
            Ok(sent(&messages::sent_to(&principal)))
        }
    }
}

fn sent(message: &str) -> Response {
    answer(
        StatusCode::OK,
        &json!({ "success": true, "message": message }),
    )
}
