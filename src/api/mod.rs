//! Client of the platform's REST API: records, flows, sign-in. `dial` makes its connections.

pub mod agent;
mod answer;
pub mod auth;
mod call;
mod content;
mod error;
pub mod flows;
pub mod profile;
pub mod records;
mod retry;
pub mod second_factor;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use http::header::{HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

pub use answer::Answer;
use auth::{App, Auth};
use call::Call;
pub use content::DecodeError;
pub use error::{ApiError, Refusal, Unread, Why};
use profile::Tokens;
use retry::RetryPolicy;

use crate::dial::Dialer;
use crate::grammar::target::Target;
use crate::secret::{self, Secret};

/// The header that names the organisation.
const ORG: HeaderName = HeaderName::from_static("orgid");

/// A platform, and the account with which to use it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Base URL, with or without a trailing slash.
    pub url: String,
    pub org: String,
    pub auth: Auth,
}

/// How long a call may take by default, with all its attempts.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Limits of a call.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// From connecting to the headers of the response.
    first_byte: Duration,
    /// One attempt, until the last byte of the response.
    total: Duration,
    /// One call, with all its attempts and the waits between them.
    call: Duration,
    /// Bytes of a response body.
    body: usize,
    retry: RetryPolicy,
}

impl Limits {
    const DEFAULT: Self = Self {
        first_byte: Duration::from_secs(30),
        total: Duration::from_secs(60),
        call: DEFAULT_TIMEOUT,
        body: 16 * 1024 * 1024,
        retry: RetryPolicy {
            retries: 5,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            budget: Duration::from_secs(60),
        },
    };
}

/// A client of one platform, for one organisation.
#[derive(Debug)]
pub struct Client {
    dialer: Dialer,
    base: Url,
    org: HeaderValue,
    tokens: Mutex<Tokens>,
    app: Option<App>,
    /// Requested before the first call, and again when the platform refuses it.
    app_token: Mutex<Option<Secret>>,
    api_key: Option<Secret>,
    renewed: Mutex<bool>,
    limits: Limits,
}

impl Client {
    /// Creates a client. Sends nothing.
    ///
    /// # Errors
    /// [`ApiError::BadUrl`] unless the URL is `http` or `https` without credentials and query, [`ApiError::BadHeader`] for an
    /// org or token that is not a valid header.
    pub fn new(account: &Account, dialer: Dialer) -> Result<Self, ApiError> {
        Self::with_limits(account, dialer, Limits::DEFAULT)
    }

    /// Sets how long a call may take, with all its attempts and the waits between them.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.limits.call = timeout;
        // One slow response may use all of the time.
        self.limits.first_byte = timeout;
        self.limits.total = timeout;
        self
    }

    fn with_limits(account: &Account, dialer: Dialer, limits: Limits) -> Result<Self, ApiError> {
        let base = base_url(&account.url)?;
        let auth = account.auth.clone();
        Ok(Self {
            dialer,
            org: header_value(&account.org, "org")?,
            base,
            tokens: Mutex::new(auth.tokens),
            app: auth.app,
            app_token: Mutex::default(),
            api_key: auth.api_key,
            renewed: Mutex::new(false),
            limits,
        })
    }

    /// The address for messages to the user: scheme, host and port.
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Whether the platform runs on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The tokens, if the platform has issued new ones since the client was created. The caller stores them.
    pub fn renewed_tokens(&self) -> Option<Tokens> {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.then(|| self.tokens())
    }

    fn tokens(&self) -> Tokens {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A URL below the base URL. Each argument becomes one path segment; special characters are encoded.
    fn url(&self, segments: &[&str]) -> Result<Url, ApiError> {
        for segment in segments {
            // The URL library removes these segments, so the call would have another path.
            if matches!(*segment, "" | "." | "..") {
                return Err(ApiError::BadName {
                    what: "name in a path",
                    name: (*segment).to_owned(),
                });
            }
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Ok(url)
    }

    fn get(&self, segments: &[&str]) -> Result<Call, ApiError> {
        Ok(Call::new(Method::GET, self.url(segments)?))
    }

    fn post(&self, segments: &[&str], body: &impl serde::Serialize) -> Result<Call, ApiError> {
        let body = serde_json::to_vec(body).expect("bodies are built from JSON values");
        Ok(Call {
            body: Some(body),
            repeatable: false,
            ..Call::new(Method::POST, self.url(segments)?)
        })
    }

    fn delete(&self, segments: &[&str]) -> Result<Call, ApiError> {
        Ok(Call::new(Method::DELETE, self.url(segments)?))
    }

    fn unreachable(&self, source: Why) -> ApiError {
        ApiError::Unreachable {
            origin: self.origin(),
            source,
        }
    }

    fn incomplete(&self, what: &'static str) -> ApiError {
        ApiError::Incomplete {
            origin: self.origin(),
            what,
        }
    }
}

/// Unwraps a response that has its content in `data`.
fn unwrapped(answer: Value) -> Value {
    match answer {
        Value::Object(mut map) if map.len() == 1 && map.contains_key("data") => {
            map.remove("data").unwrap_or_default()
        }
        other => other,
    }
}

fn base_url(text: &str) -> Result<Url, ApiError> {
    let bad = |reason| ApiError::BadUrl {
        url: secret::masked_url(text),
        reason,
    };
    let mut url = Url::parse(text.trim())
        .map_err(|_| bad("it must be a complete URL such as http://127.0.0.1:4870"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad("it must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ApiError::BadUrl {
            url: url.origin().ascii_serialization(),
            reason: "it must not contain credentials",
        });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it must not have a query or a fragment"));
    }
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
    }
    Ok(url)
}

/// Whether `url` is on this machine.
fn is_loopback(url: &Url) -> bool {
    url.as_str()
        .parse::<Target>()
        .is_ok_and(|target| target.is_loopback())
}

fn header_value(text: &str, what: &'static str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|_| ApiError::BadHeader { what })
}
