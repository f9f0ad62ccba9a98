//! Authentication: sign-in, tokens, and the `orgid` header that every request needs.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::extract::{FromRequestParts, State as FromState};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::State;
use crate::dev::host::refusal::{Lints, Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::token::{self, Claims, Purpose, TokenError};
use crate::dev::host::{AuthMode, Routes};
use crate::store::records;
use crate::time::Timestamp;

/// The email of the built-in user.
pub const DEV_EMAIL: &str = "dev@evt.local";
/// The password of the built-in user.
pub const DEV_PASSWORD: &str = "dev";
/// The app key that `--auth strict` accepts.
pub const APP_KEY: &str = "dev";
/// The secret of the app key.
pub const APP_SECRET: &str = "dev";
/// The code of the second factor. It is always the same because no message is sent.
pub const SECOND_FACTOR: &str = "000000";

const REFRESH_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
const CHALLENGE_TTL: Duration = Duration::from_secs(600);
const MAX_ORG: usize = 128;

/// Signs and checks tokens.
pub struct Authority {
    /// How strictly tokens are checked.
    pub mode: AuthMode,
    key: hmac::Key,
}

impl Authority {
    /// A data directory keeps its `secret`, so that tokens stay valid after a restart.
    pub fn new(mode: AuthMode, secret: &[u8]) -> Self {
        Self {
            mode,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }

    /// A token for the built-in user.
    pub fn dev_token(&self, org: &str, lifetime: Duration) -> String {
        self.issue(&Principal::dev(org), Purpose::User, None, lifetime)
    }

    fn issue(
        &self,
        principal: &Principal,
        kind: Purpose,
        then: Option<Purpose>,
        lifetime: Duration,
    ) -> String {
        let now = Timestamp::now();
        let claims = Claims {
            sub: principal.sk.clone(),
            email: principal.email.clone(),
            orgid: principal.org.clone(),
            roles: principal.roles.clone(),
            kind,
            then,
            iat: now.secs(),
            exp: now.plus(lifetime).secs(),
        };
        token::sign(&claims, &self.key)
    }

    fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        token::verify(token, &self.key, Timestamp::now())
    }

    /// The expiry of a token that this platform issued.
    pub(crate) fn expiry(&self, token: &str) -> Option<Timestamp> {
        let claims = self.verify(token).ok()?;
        Some(Timestamp::from_secs(claims.exp))
    }

    /// The user or app of a bearer token, according to the mode.
    pub(crate) fn principal(&self, bearer: Option<&str>, org: &str) -> Result<Principal, Refusal> {
        let Some(bearer) = bearer else {
            return match self.mode {
                AuthMode::Off => Ok(Principal::dev(org)),
                AuthMode::Lenient | AuthMode::Strict => Err(Refusal::unauthorized(
                    "missing_authorization_header",
                    "authorization header is required: `Authorization: Bearer <token>`; `evt dev token` prints one",
                )),
            };
        };
        match (self.verify(bearer), self.mode) {
            (Ok(claims), AuthMode::Strict) => allowed(claims, org),
            (Ok(claims), _) => Ok(Principal::from(claims)),
            (Err(_), AuthMode::Off) => Ok(Principal::dev(org)),
            (Err(TokenError::Expired), _) => Err(Refusal::unauthorized(
                "token_expired",
                "the token has expired: refresh it or sign in again",
            )),
            (Err(_), AuthMode::Lenient) => Ok(Principal::dev(org)),
            (Err(error), AuthMode::Strict) => Err(Refusal::unauthorized(
                "invalid_token",
                format!("the token is not accepted: {error}"),
            )),
        }
    }
}

fn allowed(claims: Claims, org: &str) -> Result<Principal, Refusal> {
    match claims.kind {
        Purpose::Refresh | Purpose::Challenge => Err(Refusal::unauthorized(
            "invalid_token",
            "this token can only be exchanged for another one",
        )),
        Purpose::User | Purpose::Customer | Purpose::App if claims.orgid != org => {
            Err(Refusal::forbidden(
                "wrong_org",
                format!(
                    "the token belongs to `{}`, but the orgid header is `{org}`",
                    claims.orgid
                ),
            ))
        }
        Purpose::User | Purpose::Customer | Purpose::App => Ok(Principal::from(claims)),
    }
}

/// A user or an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub sk: String,
    pub email: String,
    pub org: String,
    pub roles: Vec<String>,
}

impl Principal {
    fn dev(org: &str) -> Self {
        Self {
            sk: "user-dev".to_owned(),
            email: DEV_EMAIL.to_owned(),
            org: org.to_owned(),
            roles: vec!["admin".to_owned()],
        }
    }

    /// `{pk, sk, data:{email, roles}}`, as in the response to a sign-in.
    fn model(&self) -> Value {
        json!({
            "pk": self.org,
            "sk": self.sk,
            "data": { "email": self.email, "roles": self.roles },
        })
    }
}

impl From<Claims> for Principal {
    fn from(claims: Claims) -> Self {
        Self {
            sk: claims.sub,
            email: claims.email,
            org: claims.orgid,
            roles: claims.roles,
        }
    }
}

/// The organisation of a request that needs no token.
pub struct Org(pub String);

impl FromRequestParts<Arc<State>> for Org {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Refusal> {
        let org = org_of(&parts.headers)?;
        if org != state.org
            && let Some(lints) = parts.extensions.get::<Lints>()
        {
            lints.add(format!(
                "orgid `{org}` is not this platform's organisation `{}`: it has separate records",
                state.org
            ));
        }
        Ok(Self(org))
    }
}

/// The organisation and the user of a request. Every route that needs a token extracts it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub org: String,
    pub principal: Principal,
}

impl FromRequestParts<Arc<State>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Refusal> {
        let Org(org) = Org::from_request_parts(parts, state).await?;
        let bearer = bearer(&parts.headers, header::AUTHORIZATION.as_str());
        let mut principal = state.authority.principal(bearer, &org)?;
        // App clients send the app's token in `Authorization` and the user's token in another header.
        if let Some(user) = self::bearer(&parts.headers, "x-client-authorization") {
            principal = state.authority.principal(Some(user), &org)?;
        }
        Ok(Self { org, principal })
    }
}

fn org_of(headers: &HeaderMap) -> Result<String, Refusal> {
    let Some(org) = headers.get("orgid").filter(|value| !value.is_empty()) else {
        return Err(Refusal::bad_request(
            "missing_orgid",
            "orgid header is required",
        ));
    };
    checked_org(org.as_bytes())
}

/// Checks the name of an organisation.
pub(crate) fn checked_org(org: &[u8]) -> Result<String, Refusal> {
    let allowed = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    match std::str::from_utf8(org) {
        Ok(text) if text.len() <= MAX_ORG && org.iter().all(allowed) => Ok(text.to_owned()),
        _ => Err(Refusal::bad_request(
            "bad_orgid",
            "the orgid header accepts at most 128 letters, digits, `.`, `_` and `-`",
        )),
    }
}

fn bearer<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    let token = match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => token.trim(),
        // App clients send the user's token without `Bearer`.
        _ if name != header::AUTHORIZATION.as_str() => value,
        _ => return None,
    };
    (!token.is_empty()).then_some(token)
}

/// The routes for sign-in and tokens.
pub(crate) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/profile/signin", sign_in_user)
        .route("POST", "/profile/user/signin", sign_in_user)
        .route("POST", "/user/signin", sign_in_user)
        .route("POST", "/profile/customer/signin", sign_in_customer)
        .route("POST", "/profile/2fa/verify", second_factor)
        .route("POST", "/profile/user/refresh", refresh)
        .route("POST", "/profile/customer/refresh", refresh)
        .route("POST", "/user/refresh", refresh)
        .route("POST", "/profile/app/key", app_key)
        .route("GET", "/profile/whoami", whoami)
}

async fn sign_in_user(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    sign_in(&state, org, &body, Purpose::User).await
}

async fn sign_in_customer(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    sign_in(&state, org, &body, Purpose::Customer).await
}

async fn sign_in(
    state: &State,
    org: String,
    body: &Map<String, Value>,
    purpose: Purpose,
) -> Result<Response, Refusal> {
    let email = required(body, "email")?;
    let password = required(body, "password")?;
    let principal = if email == DEV_EMAIL && password == DEV_PASSWORD {
        Principal::dev(&org)
    } else {
        recorded(state, org, email, password, purpose).await?
    };
    if state.settings.two_factor() {
        let challenge =
            state
                .authority
                .issue(&principal, Purpose::Challenge, Some(purpose), CHALLENGE_TTL);
        return Ok(answer(
            StatusCode::OK,
            &json!({
                "requiresTwoFactor": true,
                "challengeToken": challenge,
                "twoFactorMethod": "email",
                "message": format!("A code was sent to {}. (No message is sent locally: the code is always {SECOND_FACTOR}.)", principal.email),
            }),
        ));
    }
    Ok(signed_in(state, &principal, purpose))
}

/// The user or customer whose record has this email and password.
async fn recorded(
    state: &State,
    org: String,
    email: &str,
    password: &str,
    purpose: Purpose,
) -> Result<Principal, Refusal> {
    let datatype = match purpose {
        Purpose::Customer => "customer",
        _ => "user",
    };
    let (email, password) = (email.to_owned(), password.to_owned());
    let found = state
        .host
        .store
        .read({
            let org = org.clone();
            move |connection| records::by_credentials(connection, &org, datatype, &email, &password)
        })
        .await?;
    let Some(body) = found else {
        return Err(Refusal::unauthorized(
            "invalid_credentials",
            format!("email or password is wrong; `{DEV_EMAIL}` with `{DEV_PASSWORD}` always works"),
        ));
    };
    let record: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = |pointer: &str| {
        record
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let roles = record.pointer("/data/roles").and_then(Value::as_array);
    Ok(Principal {
        sk: text("/sk"),
        email: text("/data/email"),
        org,
        roles: roles.map_or_else(Vec::new, |roles| {
            let names = roles.iter().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        }),
    })
}

/// The response to a sign-in. AppEngine's clients read it at the root, or below `data` with other names.
fn signed_in(state: &State, principal: &Principal, purpose: Purpose) -> Response {
    let (token, refresh) = pair(state, principal, purpose);
    let user = principal.model();
    let body = json!({
        "token": token,
        "refreshToken": refresh,
        "user": user,
        "data": { "token": token, "refresh_token": refresh, "user": user },
    });
    answer(StatusCode::OK, &body)
}

fn pair(state: &State, principal: &Principal, purpose: Purpose) -> (String, String) {
    let authority = &state.authority;
    let lifetime = state.settings.token_lifetime();
    (
        authority.issue(principal, purpose, None, lifetime),
        authority.issue(principal, Purpose::Refresh, Some(purpose), REFRESH_TTL),
    )
}

async fn second_factor(
    FromState(state): FromState<Arc<State>>,
    _: Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let claims = claims_of(
        &state,
        required(&body, "challengeToken")?,
        Purpose::Challenge,
    )?;
    if required(&body, "code")? != SECOND_FACTOR {
        return Err(Refusal::unauthorized(
            "invalid_code",
            format!("the code is wrong; locally it is always {SECOND_FACTOR}"),
        ));
    }
    let purpose = claims.then.unwrap_or(Purpose::User);
    Ok(signed_in(&state, &Principal::from(claims), purpose))
}

async fn refresh(
    FromState(state): FromState<Arc<State>>,
    _: Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let claims = claims_of(&state, required(&body, "refreshToken")?, Purpose::Refresh)?;
    let purpose = claims.then.unwrap_or(Purpose::User);
    let (token, refresh) = pair(&state, &Principal::from(claims), purpose);
    Ok(answer(
        StatusCode::OK,
        &json!({ "token": token, "refreshToken": refresh }),
    ))
}

fn claims_of(state: &State, token: &str, kind: Purpose) -> Result<Claims, Refusal> {
    match state.authority.verify(token) {
        Ok(claims) if claims.kind == kind => Ok(claims),
        Ok(_) => Err(Refusal::unauthorized(
            "invalid_token",
            "this token has another purpose",
        )),
        Err(TokenError::Expired) => Err(Refusal::unauthorized(
            "token_expired",
            "the token has expired: sign in again",
        )),
        Err(error) => Err(Refusal::unauthorized(
            "invalid_token",
            format!("the token is not accepted: {error}"),
        )),
    }
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
    let principal = Principal {
        sk: format!("app-{app}"),
        email: String::new(),
        org,
        roles: vec!["app".to_owned()],
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(mode: AuthMode) -> Authority {
        Authority::new(mode, b"a secret for tests")
    }

    #[test]
    fn lenient_accepts_any_token_but_requires_one() {
        let authority = authority(AuthMode::Lenient);
        assert!(authority.principal(Some("anything"), "my-org").is_ok());
        let refusal = authority.principal(None, "my-org").unwrap_err();
        assert_eq!(refusal.code, "missing_authorization_header");
    }

    #[test]
    fn an_expired_token_and_an_invalid_one_have_different_codes() {
        let lenient = authority(AuthMode::Lenient);
        let token = lenient.dev_token("my-org", Duration::ZERO);
        let code = |authority: &Authority, token: &str| {
            authority.principal(Some(token), "my-org").unwrap_err().code
        };
        assert_eq!(code(&lenient, &token), "token_expired");
        assert_eq!(code(&authority(AuthMode::Strict), &token), "token_expired");
        assert_eq!(code(&authority(AuthMode::Strict), "a.b.c"), "invalid_token");
    }

    #[test]
    fn strict_binds_a_token_to_its_organisation() {
        let authority = authority(AuthMode::Strict);
        let token = authority.dev_token("my-org", REFRESH_TTL);
        assert!(authority.principal(Some(&token), "my-org").is_ok());
        let refusal = authority.principal(Some(&token), "other").unwrap_err();
        assert_eq!(refusal.code, "wrong_org");
    }

    #[test]
    fn a_refresh_token_opens_no_route() {
        let authority = authority(AuthMode::Strict);
        let principal = Principal::dev("my-org");
        let token = authority.issue(
            &principal,
            Purpose::Refresh,
            Some(Purpose::User),
            REFRESH_TTL,
        );
        let refusal = authority.principal(Some(&token), "my-org").unwrap_err();
        assert_eq!(refusal.code, "invalid_token");
    }

    #[test]
    fn off_requires_no_token() {
        assert!(authority(AuthMode::Off).principal(None, "my-org").is_ok());
    }

    #[test]
    fn an_organisation_with_other_characters_is_refused() {
        for org in ["", "a b", "a/b", "ä", &"x".repeat(129)] {
            let mut headers = HeaderMap::new();
            headers.insert(
                "orgid",
                http::HeaderValue::from_bytes(org.as_bytes()).unwrap(),
            );
            assert!(org_of(&headers).is_err(), "{org:?}");
        }
    }
}
