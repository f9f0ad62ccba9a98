//! What authorises requests: the token of a user or customer, the token of an app, an API key.

use std::sync::PoisonError;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::call::Identity;
use super::profile::{Tokens, tokens_of};
use super::{ApiError, Client, header_value};
use crate::secret::Secret;

/// The header with the token of the user of an app.
const USER: HeaderName = HeaderName::from_static("x-client-authorization");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What authorises the requests of an account.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// The tokens of a user or customer.
    pub tokens: Tokens,
    /// The app on whose behalf requests are sent. Its own token is requested from the platform.
    pub app: Option<App>,
    /// Sent by requests that have no token.
    pub api_key: Option<Secret>,
}

/// The credentials of an app.
#[derive(Clone, Debug)]
pub struct App {
    pub id: String,
    pub key: Secret,
    pub secret: Secret,
}

impl Auth {
    /// A token that cannot be renewed, and nothing else.
    pub fn with_token(token: Option<Secret>) -> Self {
        let tokens = Tokens {
            token,
            ..Tokens::default()
        };
        Self {
            tokens,
            ..Self::default()
        }
    }

    /// The headers of a request. `app_token` is the token of [`Auth::app`].
    ///
    /// The token of an app is the bearer. That of its user is in another header, without `Bearer`, as AppEngine's clients send it.
    ///
    /// # Errors
    /// [`ApiError::BadHeader`] for a token or key that is not a valid header value.
    pub fn headers(&self, app_token: Option<&Secret>) -> Result<HeaderMap, ApiError> {
        let bearer = |token: &Secret| sensitive(&format!("Bearer {}", token.reveal()), "token");
        let mut headers = HeaderMap::new();
        match (app_token, &self.tokens.token, &self.api_key) {
            (Some(app), user, _) => {
                headers.insert(AUTHORIZATION, bearer(app)?);
                if let Some(user) = user {
                    headers.insert(USER, sensitive(user.reveal(), "token")?);
                }
            }
            (None, Some(user), _) => drop(headers.insert(AUTHORIZATION, bearer(user)?)),
            (None, None, Some(key)) => {
                headers.insert(API_KEY, sensitive(key.reveal(), "API key")?);
            }
            (None, None, None) => {}
        }
        Ok(headers)
    }
}

fn sensitive(text: &str, what: &'static str) -> Result<HeaderValue, ApiError> {
    let mut value = header_value(text, what)?;
    value.set_sensitive(true);
    Ok(value)
}

impl Client {
    /// The headers that authorise a call.
    pub(super) fn authorise(&self, identity: Identity) -> Result<HeaderMap, ApiError> {
        let tokens = match identity {
            Identity::None => return Ok(HeaderMap::new()),
            Identity::App => Tokens::default(),
            Identity::Account => self.tokens(),
        };
        let auth = Auth {
            tokens,
            app: None,
            api_key: self.api_key.clone(),
        };
        auth.headers(self.known_app_token().as_ref())
    }

    /// Whether requests carry the token of an app.
    pub(super) fn is_app(&self) -> bool {
        self.app.is_some()
    }

    fn known_app_token(&self) -> Option<Secret> {
        let token = self.app_token.lock();
        token.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets the token of the app, if there is an app and the token is not known yet.
    pub(super) async fn get_app_token(&self) -> Result<(), ApiError> {
        match self.known_app_token() {
            Some(_) => Ok(()),
            None => self.renew_app_token().await.map(drop),
        }
    }

    /// Gets a new token for the app. `None` without an app.
    ///
    /// # Errors
    /// A refusal for wrong credentials of the app; [`ApiError::Incomplete`] for a response without a token.
    pub async fn renew_app_token(&self) -> Result<Option<Secret>, ApiError> {
        let Some(app) = &self.app else {
            return Ok(None);
        };
        let mut call = self.post(
            &["profile", "app", "key"],
            &json!({"appId": app.id, "key": app.key.reveal(), "secret": app.secret.reveal()}),
        )?;
        call.identity = Identity::None;
        call.repeatable = true;
        let answer: Value = self.read(&self.retry(&call).await?, "a token for an app")?;
        let token = tokens_of(&answer).token;
        let token = token.ok_or_else(|| self.incomplete("a token for the app"))?;
        let mut known = self
            .app_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Some(token.clone());
        Ok(Some(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(auth: &Auth, app_token: Option<&str>) -> Vec<(String, String)> {
        let app_token = app_token.map(Secret::new);
        let headers = auth.headers(app_token.as_ref()).unwrap();
        let mut sent: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        sent.sort();
        sent
    }

    #[test]
    fn the_bearer_is_the_app_then_the_user_and_a_key_needs_no_bearer() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut auth = Auth::with_token(Some(Secret::new("user")));
        auth.api_key = Some(Secret::new("key"));
        assert_eq!(sent(&auth, None), [pair("authorization", "Bearer user")]);
        assert_eq!(
            sent(&auth, Some("app")),
            [
                pair("authorization", "Bearer app"),
                pair("x-client-authorization", "user")
            ]
        );
        auth.tokens = Tokens::default();
        assert_eq!(sent(&auth, None), [pair("x-api-key", "key")]);
    }

    #[test]
    fn all_credentials_are_marked_as_sensitive() {
        let mut auth = Auth::with_token(Some(Secret::new("user")));
        let app = Secret::new("app");
        let of_app = auth.headers(Some(&app)).unwrap();
        auth.tokens = Tokens::default();
        auth.api_key = Some(Secret::new("key"));
        let of_key = auth.headers(None).unwrap();
        let mut values = of_app.values().chain(of_key.values());
        assert!(values.all(HeaderValue::is_sensitive));
    }
}
