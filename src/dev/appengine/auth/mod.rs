//! Authentication: sign-in, sign-up, tokens, and the `orgid` header that every request needs.

mod caller;
mod links;
mod messages;
pub(crate) mod passwords;
mod second_factor;
mod sign_up;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as FromState;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

pub(crate) use caller::{Caller, Org, checked_org};
pub(crate) use second_factor::Challenges;
pub(crate) use tokens::{Authority, Principal};

use super::State;
use super::repository::find_by_id;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::token::Purpose;
use crate::dev::host::{AuthMode, Routes};
use crate::store::{StoreError, passwords as hashes, records};

/// The email of the built-in user.
pub const DEV_EMAIL: &str = "dev@evt.local";
/// The password of the built-in user.
pub const DEV_PASSWORD: &str = "dev";
/// The app key that `--auth strict` accepts.
pub const APP_KEY: &str = "dev";
/// The secret of the app key.
pub const APP_SECRET: &str = "dev";

const REFRESH_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
/// Records with the same email whose passwords are compared.
const MAX_SAME_EMAIL: usize = 8;

/// The routes for sign-in and tokens.
pub(crate) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/profile/signin", sign_in_user)
        .route("POST", "/profile/user/signin", sign_in_user)
        .route("POST", "/user/signin", sign_in_user)
        .route("POST", "/profile/customer/signin", sign_in_customer)
        .route("POST", "/profile/security/challenge/verify", verify_code)
        .route("POST", "/profile/2fa/verify", verify_code)
        .route("POST", "/profile/security/challenge/send", send_code)
        .route("POST", "/profile/user/refresh", refresh)
        .route("POST", "/profile/customer/refresh", refresh)
        .route("POST", "/user/refresh", refresh)
        .route("POST", "/profile/app/key", app_key)
        .route("GET", "/profile/whoami", whoami)
        .merge(sign_up::routes())
        .merge(links::routes())
}

async fn sign_in_user(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    headers: HeaderMap,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    sign_in(&state, org, &headers, &body, Purpose::User).await
}

async fn sign_in_customer(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    headers: HeaderMap,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    sign_in(&state, org, &headers, &body, Purpose::Customer).await
}

async fn sign_in(
    state: &State,
    org: String,
    headers: &HeaderMap,
    body: &Map<String, Value>,
    purpose: Purpose,
) -> Result<Response, Refusal> {
    let email = required(body, "email")?;
    let password = required(body, "password")?;
    let principal = if email == DEV_EMAIL && password == DEV_PASSWORD {
        Principal::dev(&org)
    } else {
        recorded(state, org, email, Some(password), purpose)
            .await?
            .ok_or_else(|| {
                Refusal::unauthorized(
                    "invalid_credentials",
                    format!(
                        "email or password is wrong; `{DEV_EMAIL}` with `{DEV_PASSWORD}` always works"
                    ),
                )
            })?
    };
    let challenges = &state.challenges;
    if state.settings.two_factor() && !challenges.is_trusted(&principal, purpose, headers) {
        let (token, waiting) = challenges.start(&principal, purpose, headers);
        messages::send_code(state, &waiting).await?;
        return Ok(answer(
            StatusCode::OK,
            &json!({
                "requiresTwoFactor": true,
                "challengeToken": token,
                "twoFactorMethod": waiting.method,
                "message": messages::sent_to(&principal),
                "email": principal.email,
                "isNewDevice": true,
            }),
        ));
    }
    signed_in(state, &principal, purpose).await
}

const fn datatype_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Customer => "customer",
        _ => "user",
    }
}

/// The user or customer whose record has this email, and this password if one is given.
async fn recorded(
    state: &State,
    org: String,
    email: &str,
    password: Option<&str>,
    purpose: Purpose,
) -> Result<Option<Principal>, Refusal> {
    let datatype = datatype_of(purpose);
    let (email, password) = (email.to_owned(), password.map(str::to_owned));
    let of = org.clone();
    let found = state
        .host
        .store
        .read(move |connection| {
            for body in records::by_email(connection, &of, datatype, &email, MAX_SAME_EMAIL)? {
                let record: Value = serde_json::from_str(&body).unwrap_or_default();
                let sk = record["sk"].as_str().unwrap_or_default();
                let hash = hashes::get(connection, &of, datatype, sk)?;
                let is_right = match &password {
                    None => true,
                    Some(password) => hash.is_some_and(|hash| passwords::matches(password, &hash)),
                };
                if is_right {
                    return Ok::<_, StoreError>(Some(record));
                }
            }
            Ok(None)
        })
        .await?;
    Ok(found.map(|record| principal_of(&record, org)))
}

fn principal_of(record: &Value, org: String) -> Principal {
    let text = |pointer: &str| {
        let text = record.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let roles = record.pointer("/data/roles").and_then(Value::as_array);
    let roles = roles.into_iter().flatten().filter_map(Value::as_str);
    Principal {
        sk: text("/sk"),
        email: text("/data/email"),
        org,
        roles: roles.map(str::to_owned).collect(),
    }
}

/// The record of a principal with its roles, or what is known of one that has no record.
async fn user_of(
    state: &State,
    principal: &Principal,
    purpose: Purpose,
) -> Result<Value, StoreError> {
    let (org, sk) = (principal.org.clone(), principal.sk.clone());
    let read = state
        .host
        .store
        .read(move |connection| find_by_id(connection, &org, Some(datatype_of(purpose)), &sk));
    let record: Option<Value> = read
        .await?
        .and_then(|text| serde_json::from_str(&text).ok());
    let Some(mut record) = record else {
        return Ok(principal.model());
    };
    if let Value::Object(data) = &mut record["data"] {
        data.entry("roles").or_insert_with(|| json!([]));
    }
    Ok(record)
}

/// The response to a sign-in. AppEngine's clients read it at the root, or below `data` with other names.
async fn signed_in(
    state: &State,
    principal: &Principal,
    purpose: Purpose,
) -> Result<Response, Refusal> {
    let (token, refresh) = pair(state, principal, purpose);
    let user = user_of(state, principal, purpose).await?;
    let body = json!({
        "token": token,
        "refreshToken": refresh,
        "refresh_token": refresh,
        "user": user,
        "data": { "token": token, "refresh_token": refresh, "user": user },
    });
    Ok(answer(StatusCode::OK, &body))
}

fn pair(state: &State, principal: &Principal, purpose: Purpose) -> (String, String) {
    let authority = &state.authority;
    let lifetime = state.settings.token_lifetime();
    (
        authority.issue(principal, purpose, None, lifetime),
        authority.issue(principal, Purpose::Refresh, Some(purpose), REFRESH_TTL),
    )
}

/// Ends a sign-in with its code: `{challengeToken, code, trustDevice}`.
async fn verify_code(
    FromState(state): FromState<Arc<State>>,
    _: Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let (token, code) = (required(&body, "challengeToken")?, required(&body, "code")?);
    let trust = body.get("trustDevice") == Some(&Value::Bool(true));
    let waiting = state.challenges.finish(token, code, trust)?;
    signed_in(&state, &waiting.principal, waiting.purpose).await
}

/// Sends the code again: `{challengeToken, method?}`.
async fn send_code(
    FromState(state): FromState<Arc<State>>,
    _: Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let token = required(&body, "challengeToken")?;
    let method = body.get("method").and_then(Value::as_str);
    let waiting = state.challenges.resend(token, method)?;
    messages::send_code(&state, &waiting).await?;
    Ok(answer(
        StatusCode::OK,
        &json!({
            "success": true,
            "challengeToken": token,
            "twoFactorMethod": waiting.method,
            "message": messages::sent_to(&waiting.principal),
        }),
    ))
}

/// New tokens for a refresh token, which clients send in two spellings.
async fn refresh(
    FromState(state): FromState<Arc<State>>,
    _: Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let sent = required(&body, "refresh_token").or_else(|_| required(&body, "refreshToken"))?;
    let claims = state.authority.claims_of(sent, Purpose::Refresh)?;
    let purpose = claims.then.unwrap_or(Purpose::User);
    let (token, refresh) = pair(&state, &Principal::from(claims), purpose);
    Ok(answer(
        StatusCode::OK,
        &json!({
            "token": token,
            "refreshToken": refresh,
            "refresh_token": refresh,
            "data": { "token": token, "refresh_token": refresh },
        }),
    ))
}

async fn app_key(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let app = required(&body, "appId")?;
    let (key, secret) = (required(&body, "key")?, required(&body, "secret")?);
    if state.authority.mode == AuthMode::Strict && (key, secret) != (APP_KEY, APP_SECRET) {
        return Err(Refusal::unauthorized(
            "invalid_credentials",
            format!(
                "the app key is wrong; key `{APP_KEY}` with secret `{APP_SECRET}` always works"
            ),
        ));
    }
    let principal = Principal::app(app, &org);
    let lifetime = state.settings.token_lifetime();
    let token = state
        .authority
        .issue(&principal, Purpose::App, None, lifetime);
    Ok(answer(StatusCode::OK, &json!({ "token": token })))
}

async fn whoami(caller: Caller) -> Response {
    let mut body = caller.principal.model();
    body["orgid"] = Value::String(caller.org);
    body["email"] = Value::String(caller.principal.email);
    body["roles"] = caller.principal.roles.into();
    answer(StatusCode::OK, &body)
}

fn required<'a>(body: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, Refusal> {
    match body.get(field).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(Refusal::bad_request(
            "missing_field",
            format!("`{field}` is required, as a string"),
        )),
    }
}
