//! The second factor of a sign-in: a code that the platform sends, or that an authenticator app shows.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Identity;
use super::profile::{Principal, SignedIn};
use super::{ApiError, Call, Client, Refusal};
use crate::secret::Secret;

/// A sign-in that waits for its code. It stays valid after a wrong one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub principal: Principal,
    pub token: Secret,
    /// `email`, `sms`, `authenticator`, …
    pub method: Option<String>,
    /// The email address of the account.
    pub email: Option<String>,
    /// The platform's own sentence.
    pub message: Option<String>,
}

/// The fields of a response that requests a code, or that confirms a code was sent again.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    requires_two_factor: bool,
    challenge_token: Option<String>,
    two_factor_method: Option<String>,
    message: Option<String>,
    email: Option<String>,
}

impl Fields {
    /// Reads the fields at the root, or in `data`.
    fn of(answer: &Value) -> Self {
        let is_here = |level: &&Value| {
            ["requiresTwoFactor", "challengeToken", "twoFactorMethod"]
                .iter()
                .any(|name| level.get(name).is_some())
        };
        let level = [Some(answer), answer.get("data")].into_iter().flatten();
        let level = level.into_iter().find(is_here);
        level
            .and_then(|level| Self::deserialize(level).ok())
            .unwrap_or_default()
    }
}

impl Challenge {
    /// The challenge in a response to a sign-in, if it is one.
    pub(super) fn of(answer: &Value, principal: Principal) -> Option<Self> {
        let fields = Fields::of(answer);
        let token = fields
            .challenge_token
            .filter(|_| fields.requires_two_factor);
        Some(Self {
            principal,
            token: Secret::new(token?),
            method: fields.two_factor_method,
            email: fields.email,
            message: fields.message,
        })
    }
}

impl Client {
    /// Ends a sign-in with its code. The client uses the new token from then on.
    ///
    /// # Errors
    /// A refusal for a wrong code: see [`Refusal::is_wrong_code`].
    pub async fn verify_code(
        &self,
        challenge: &Challenge,
        code: &str,
    ) -> Result<SignedIn, ApiError> {
        let body = json!({
            "challengeToken": challenge.token.reveal(),
            "code": code,
            "trustDevice": false,
        });
        let call = self.challenge_call("verify", &body)?;
        let answer: Value = self.ask(&call, "a response to a code").await?;
        self.signed_in(&answer, challenge.principal)
    }

    /// Sends the code again, and returns the challenge as it is now.
    pub async fn resend_code(&self, challenge: Challenge) -> Result<Challenge, ApiError> {
        let body = json!({ "challengeToken": challenge.token.reveal() });
        let call = self.challenge_call("send", &body)?;
        let answer: Value = self.ask(&call, "a response to a code's request").await?;
        let fields = Fields::of(&answer);
        Ok(Challenge {
            token: fields.challenge_token.map_or(challenge.token, Secret::new),
            method: fields.two_factor_method.or(challenge.method),
            message: fields.message.or(challenge.message),
            ..challenge
        })
    }

    fn challenge_call(&self, verb: &str, body: &Value) -> Result<Call, ApiError> {
        let mut call = self.post(&["profile", "security", "challenge", verb], body)?;
        call.identity = Identity::App;
        Ok(call)
    }
}

impl Refusal {
    /// Whether another code may be accepted: the challenge is still valid, and the client is not blocked.
    pub fn is_wrong_code(&self) -> bool {
        let is_over = ["invalid_challenge", "too_many_codes"];
        matches!(self.status, 400 | 401 | 403 | 422)
            && !is_over
                .iter()
                .any(|code| self.code.as_deref() == Some(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_a_second_factor_is_read_in_both_forms() {
        let fields = json!({"requiresTwoFactor": true, "challengeToken": "c", "twoFactorMethod": "totp", "email": "a@b.test"});
        for asked in [fields.clone(), json!({ "data": fields })] {
            let challenge = Challenge::of(&asked, Principal::Customer).unwrap();
            assert_eq!(challenge.method.as_deref(), Some("totp"));
            assert_eq!(challenge.email.as_deref(), Some("a@b.test"));
        }
    }

    #[test]
    fn a_token_is_not_a_request_for_a_second_factor() {
        for answer in [
            json!({"token": "t"}),
            json!({"requiresTwoFactor": false, "challengeToken": "c"}),
            json!({"requiresTwoFactor": true}),
            json!([1]),
        ] {
            assert_eq!(Challenge::of(&answer, Principal::User), None, "{answer}");
        }
    }
}
