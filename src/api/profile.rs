//! Authentication: sign-in, refresh, whoami.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Client, unwrapped};
use crate::secret::Secret;

/// The tokens of a sign-in.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    pub token: Option<Secret>,
    pub refresh_token: Option<Secret>,
}

/// The kind of account that signs in; each has its own path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A member of the organisation.
    User,
    /// A customer of the organisation.
    Customer,
}

impl Principal {
    const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Customer => "customer",
        }
    }
}

/// The result of a sign-in.
#[derive(Clone, Debug)]
pub enum SignIn {
    Done {
        tokens: Tokens,
        user: Value,
    },
    /// The platform requires a second factor and has issued no token.
    SecondFactor {
        challenge: Secret,
        method: Option<String>,
        message: Option<String>,
    },
}

impl Client {
    /// Signs in. The client uses the new token from then on.
    ///
    /// # Errors
    /// A refusal (401) for wrong credentials; [`ApiError::Incomplete`] if the response contains no token under any known name.
    pub async fn sign_in(
        &self,
        principal: Principal,
        email: &str,
        password: &Secret,
    ) -> Result<SignIn, ApiError> {
        let mut call = self.post(
            &["profile", principal.word(), "signin"],
            &json!({"email": email, "password": password.reveal()}),
        )?;
        call.anonymous = true;
        let answer: Value = self.ask(&call, "a response to a sign-in").await?;
        if let Some(challenge) = second_factor(&answer) {
            return Ok(challenge);
        }
        let tokens = tokens_of(&answer);
        if tokens.token.is_none() {
            return Err(self.incomplete("a token"));
        }
        self.adopt(&tokens);
        let user = [answer.get("user"), answer.pointer("/data/user")]
            .into_iter()
            .flatten()
            .next()
            .cloned()
            .unwrap_or_default();
        Ok(SignIn::Done { tokens, user })
    }

    /// Gets a new token with the refresh token.
    ///
    /// # Errors
    /// A refusal if the refresh token is no longer valid; [`ApiError::Incomplete`] if the client has none, or if the response has no token.
    pub async fn refresh(&self) -> Result<Tokens, ApiError> {
        let Some(old) = self.tokens().refresh_token else {
            return Err(self.incomplete("a refresh token at the sign-in"));
        };
        let mut call = self.post(
            &["profile", Principal::User.word(), "refresh"],
            // Servers read one of the two spellings.
            &json!({"refreshToken": old.reveal(), "refresh_token": old.reveal()}),
        )?;
        call.anonymous = true;
        let answer: Value = self.read(&self.retry(&call).await?, "a response to a refresh")?;
        let mut tokens = tokens_of(&answer);
        if tokens.token.is_none() {
            return Err(self.incomplete("a new token"));
        }
        // Without a new refresh token in the response, the old one stays valid.
        tokens.refresh_token.get_or_insert(old);
        self.adopt(&tokens);
        Ok(tokens)
    }

    /// Returns the account that the token belongs to.
    pub async fn whoami(&self) -> Result<Value, ApiError> {
        let answer = self
            .ask(&self.get(&["profile", "whoami"])?, "a principal")
            .await?;
        Ok(unwrapped(answer))
    }

    fn adopt(&self, tokens: &Tokens) {
        use std::sync::PoisonError;
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens.clone();
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

/// The tokens of a response. The platform's documentation has three forms, and its own clients read a fourth. All are accepted; fields
/// at the root win over those in `data`.
fn tokens_of(answer: &Value) -> Tokens {
    let find = |names: &[&str]| {
        [Some(answer), answer.get("data")]
            .into_iter()
            .flatten()
            .find_map(|level| {
                names
                    .iter()
                    .find_map(|name| level.get(name).and_then(Value::as_str))
            })
            .filter(|text| !text.is_empty())
            .map(Secret::new)
    };
    Tokens {
        token: find(&["token", "accessToken", "access_token"]),
        refresh_token: find(&["refreshToken", "refresh_token"]),
    }
}

fn second_factor(answer: &Value) -> Option<SignIn> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Challenge {
        #[serde(default)]
        requires_two_factor: bool,
        challenge_token: String,
        two_factor_method: Option<String>,
        message: Option<String>,
    }
    let level = if answer.get("requiresTwoFactor").is_some() {
        answer
    } else {
        answer.get("data")?
    };
    let challenge = Challenge::deserialize(level).ok()?;
    challenge.requires_two_factor.then(|| SignIn::SecondFactor {
        challenge: Secret::new(challenge.challenge_token),
        method: challenge.two_factor_method,
        message: challenge.message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(answer: &Value) -> Option<(String, Option<String>)> {
        let tokens = tokens_of(answer);
        let show = |secret: Secret| secret.reveal().to_owned();
        Some((show(tokens.token?), tokens.refresh_token.map(show)))
    }

    #[test]
    fn every_form_of_a_sign_in_response_is_read() {
        let both = Some(("t".to_owned(), Some("r".to_owned())));
        assert_eq!(token(&json!({"token": "t", "refreshToken": "r"})), both);
        assert_eq!(
            token(&json!({"data": {"token": "t", "refresh_token": "r"}})),
            both
        );
        assert_eq!(
            token(&json!({"access_token": "t", "refresh_token": "r"})),
            both
        );
        assert_eq!(
            token(&json!({"accessToken": "t"})),
            Some(("t".to_owned(), None))
        );
        assert_eq!(token(&json!({"token": ""})), None);
        assert_eq!(token(&json!([1])), None);
    }

    #[test]
    fn a_request_for_a_second_factor_is_not_a_sign_in() {
        let asked = json!({"requiresTwoFactor": true, "challengeToken": "c", "twoFactorMethod": "totp", "message": "enter the code"});
        assert!(
            matches!(second_factor(&asked), Some(SignIn::SecondFactor { method: Some(method), .. }) if method == "totp")
        );
        assert!(second_factor(&json!({"token": "t"})).is_none());
    }
}
