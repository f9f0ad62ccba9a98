//! Tokens and API keys: for whom they are, and whether they are accepted.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::DEV_EMAIL;
use crate::dev::host::AuthMode;
use crate::dev::host::refusal::Refusal;
use crate::dev::host::token::{self, Claims, Purpose, TokenError};
use crate::time::Timestamp;

/// The platform's clock.
pub(crate) type Now = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// Signs and checks tokens.
pub(crate) struct Authority {
    /// How strictly tokens are checked.
    pub mode: AuthMode,
    key: hmac::Key,
    now: Now,
}

impl Authority {
    /// A data directory keeps its `secret`, so that tokens stay valid after a restart.
    pub(crate) fn new(mode: AuthMode, secret: &[u8], now: Now) -> Self {
        Self {
            mode,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            now,
        }
    }

    /// A token for the built-in user, for evt's own commands.
    pub(crate) fn dev_token(&self, org: &str, lifetime: Duration) -> String {
        let claims = claims(
            &Principal::dev(org),
            Purpose::User,
            Timestamp::now(),
            lifetime,
        );
        token::sign(
            &Claims {
                local: true,
                ..claims
            },
            &self.key,
        )
    }

    /// A token for a principal. Its dates are those of the platform's clock.
    pub(super) fn issue(
        &self,
        principal: &Principal,
        kind: Purpose,
        then: Option<Purpose>,
        lifetime: Duration,
    ) -> String {
        let claims = claims(principal, kind, (self.now)(), lifetime);
        token::sign(&Claims { then, ..claims }, &self.key)
    }

    pub(super) fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let claims = token::verify(token, &self.key, Timestamp::from_secs(0))?;
        let now = match claims.local {
            true => Timestamp::now(),
            false => (self.now)(),
        };
        match claims.exp > now.secs() {
            true => Ok(claims),
            false => Err(TokenError::Expired),
        }
    }

    /// The claims of a token with this purpose.
    pub(super) fn claims_of(&self, token: &str, kind: Purpose) -> Result<Claims, Refusal> {
        match self.verify(token) {
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

    /// The API key of an organisation. It is derived from the secret of the data directory, so it stays the same.
    pub(crate) fn api_key(&self, org: &str) -> String {
        let tag = hmac::sign(&self.key, format!("api-key\n{org}").as_bytes());
        format!("evt_{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The app that an API key stands for, according to the mode.
    pub(super) fn holder_of(&self, key: &str, org: &str) -> Result<Principal, Refusal> {
        let own = self.api_key(org);
        if self.mode == AuthMode::Strict
            && verify_slices_are_equal(key.as_bytes(), own.as_bytes()).is_err()
        {
            return Err(Refusal::unauthorized(
                "invalid_api_key",
                "the API key is wrong; `evt dev token --api-key` prints the one of this organisation",
            ));
        }
        Ok(Principal::app("api-key", org))
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
        Purpose::Refresh | Purpose::Link => Err(Refusal::unauthorized(
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
pub(crate) struct Principal {
    pub sk: String,
    pub email: String,
    pub org: String,
    pub roles: Vec<String>,
}

fn claims(principal: &Principal, kind: Purpose, now: Timestamp, lifetime: Duration) -> Claims {
    Claims {
        sub: principal.sk.clone(),
        email: principal.email.clone(),
        orgid: principal.org.clone(),
        roles: principal.roles.clone(),
        kind,
        then: None,
        local: false,
        iat: now.secs(),
        exp: now.plus(lifetime).secs(),
    }
}

impl Principal {
    /// An app, which has no email.
    pub(super) fn app(id: &str, org: &str) -> Self {
        Self {
            sk: format!("app-{id}"),
            email: String::new(),
            org: org.to_owned(),
            roles: vec!["app".to_owned()],
        }
    }

    /// The built-in user.
    pub(super) fn dev(org: &str) -> Self {
        Self {
            sk: "user-dev".to_owned(),
            email: DEV_EMAIL.to_owned(),
            org: org.to_owned(),
            roles: vec!["admin".to_owned()],
        }
    }

    /// `{pk, sk, data:{email, roles}}`, as in the response to a sign-in.
    pub(super) fn model(&self) -> Value {
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

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH_TTL: Duration = Duration::from_secs(3600);

    fn authority(mode: AuthMode) -> Authority {
        Authority::new(mode, b"a secret for tests", Box::new(Timestamp::now))
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
    fn a_sign_in_expires_by_the_platforms_clock_and_evts_own_token_does_not() {
        let later = || Timestamp::now().plus(Duration::from_secs(7200));
        let secret = b"a secret for tests";
        let before = Authority::new(AuthMode::Strict, secret, Box::new(Timestamp::now));
        let after = Authority::new(AuthMode::Strict, secret, Box::new(later));
        let principal = Principal::dev("my-org");
        let token = before.issue(&principal, Purpose::User, None, REFRESH_TTL);
        let refusal = after.principal(Some(&token), "my-org").unwrap_err();
        assert_eq!(refusal.code, "token_expired");
        let own = before.dev_token("my-org", REFRESH_TTL);
        assert!(after.principal(Some(&own), "my-org").is_ok());
    }

    #[test]
    fn an_api_key_is_valid_for_one_organisation() {
        let strict = authority(AuthMode::Strict);
        let key = strict.api_key("my-org");
        assert!(strict.holder_of(&key, "my-org").is_ok());
        let refusal = strict.holder_of(&key, "other").unwrap_err();
        assert_eq!(refusal.code, "invalid_api_key");
        assert!(
            authority(AuthMode::Lenient)
                .holder_of("any", "my-org")
                .is_ok()
        );
    }
}
