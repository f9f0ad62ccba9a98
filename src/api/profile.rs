//! Authentication: sign-in, refresh, whoami.

use std::str::FromStr;

use serde_json::{Value, json};

use super::call::Identity;
use super::second_factor::Challenge;
use super::{ApiError, Client, unwrapped};
use crate::secret::Secret;

/// The tokens of a sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub token: Option<Secret>,
    /// Used once to get a new token when the platform reports that the token has expired.
    pub refresh_token: Option<Secret>,
    /// The kind of account that signed in. The tokens are renewed on its path.
    pub principal: Principal,
}

/// The kind of account that signs in; each has its own path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Principal {
    /// A member of the organisation.
    #[default]
    User,
    /// A customer of the organisation.
    Customer,
}

impl Principal {
    /// The name in paths and files: `user` or `customer`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Customer => "customer",
        }
    }
}

impl FromStr for Principal {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::User, Self::Customer];
        all.into_iter().find(|kind| kind.word() == text).ok_or(())
    }
}

/// A complete sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub tokens: Tokens,
    /// The record of the account; `null` if the response has none.
    pub user: Value,
}

/// The result of a sign-in.
#[derive(Clone, Debug)]
pub enum SignIn {
    Done(SignedIn),
    /// The platform requires a second factor and has issued no token.
    SecondFactor(Challenge),
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
        call.identity = Identity::App;
        let answer: Value = self.ask(&call, "a response to a sign-in").await?;
        match Challenge::of(&answer, principal) {
            Some(challenge) => Ok(SignIn::SecondFactor(challenge)),
            None => Ok(SignIn::Done(self.signed_in(&answer, principal)?)),
        }
    }

    /// Reads the tokens in the response to a sign-in, and uses them from then on.
    pub(super) fn signed_in(
        &self,
        answer: &Value,
        principal: Principal,
    ) -> Result<SignedIn, ApiError> {
        let tokens = Tokens {
            principal,
            ..tokens_of(answer)
        };
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
        Ok(SignedIn { tokens, user })
    }

    /// Gets a new token with the refresh token.
    ///
    /// # Errors
    /// A refusal if the refresh token is no longer valid; [`ApiError::Incomplete`] if the client has none, or if the response has no token.
    pub async fn refresh(&self) -> Result<Tokens, ApiError> {
        let Tokens {
            refresh_token: Some(old),
            principal,
            ..
        } = self.tokens()
        else {
            return Err(self.incomplete("a refresh token at the sign-in"));
        };
        self.get_app_token().await?;
        let mut call = self.post(
            &["profile", principal.word(), "refresh"],
            // Servers read one of the two spellings.
            &json!({"refreshToken": old.reveal(), "refresh_token": old.reveal()}),
        )?;
        call.identity = Identity::App;
        let answer: Value = self.read(&self.retry(&call).await?, "a response to a refresh")?;
        let mut tokens = Tokens {
            principal,
            ..tokens_of(&answer)
        };
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
pub(super) fn tokens_of(answer: &Value) -> Tokens {
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
        principal: Principal::default(),
    }
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
}
