//! Who sends a request: the `orgid` header, the token or API key, and the user of an app.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::super::State;
use super::tokens::Principal;
use crate::dev::host::refusal::{Lints, Refusal};

const MAX_ORG: usize = 128;

/// The organisation of a request that needs no token.
pub(crate) struct Org(pub String);

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
pub(crate) struct Caller {
    pub org: String,
    pub principal: Principal,
}

impl FromRequestParts<Arc<State>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Refusal> {
        let Org(org) = Org::from_request_parts(parts, state).await?;
        let bearer = bearer(&parts.headers, header::AUTHORIZATION.as_str());
        let api_key = parts.headers.get("x-api-key");
        let mut principal = match (bearer, api_key.and_then(|key| key.to_str().ok())) {
            (None, Some(key)) => state.authority.holder_of(key, &org)?,
            _ => state.authority.principal(bearer, &org)?,
        };
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
        // Some clients send the token without `Bearer`. Another scheme has a space after its name.
        _ if name != header::AUTHORIZATION.as_str() || !value.contains(' ') => value,
        _ => return None,
    };
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

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
