//! Client of the platform's REST interface: records, flows, sign-in. Anything that speaks HTTP here speaks to the platform;
//! deliveries to other people's endpoints are `dial`'s work. The HTTP client's own types stay inside this room.

pub mod agent;
mod answer;
mod error;
pub mod flows;
pub mod profile;
pub mod records;
mod retry;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::{debug, warn};

pub use answer::Answer;
pub use error::{ApiError, Refusal, Transport, Why};
use profile::Tokens;
use retry::Patience;

use crate::grammar::target::Target;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The header that names the organisation.
const ORG: HeaderName = HeaderName::from_static("orgid");
/// Redirects that are followed, all within the origin.
const MAX_REDIRECTS: usize = 5;

/// Bytes of a body for which room is made because they were announced; what is beyond has to come first.
const MOST_AT_ONCE: usize = 4 * 1024 * 1024;

/// Where a platform is and who speaks to it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Base URL, with or without a trailing slash.
    pub url: String,
    pub org: String,
    pub token: Option<Secret>,
    /// Buys one new token when the platform says that the token has expired.
    pub refresh_token: Option<Secret>,
}

/// What a call may cost.
#[derive(Clone, Copy, Debug)]
struct Limits {
    connect: Duration,
    /// From the request to the answer's headers.
    first_byte: Duration,
    /// One attempt, to the last byte of its answer.
    total: Duration,
    /// Bytes of an answer's body.
    body: usize,
    patience: Patience,
}

impl Limits {
    const DEFAULT: Self = Self {
        connect: Duration::from_secs(5),
        first_byte: Duration::from_secs(30),
        total: Duration::from_secs(60),
        body: 16 * 1024 * 1024,
        patience: Patience {
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
    http: reqwest::Client,
    base: Url,
    org: HeaderValue,
    tokens: Mutex<Tokens>,
    renewed: Mutex<bool>,
    limits: Limits,
}

/// One request, as it can be made again.
struct Call {
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    /// Making it twice does what making it once does.
    repeatable: bool,
    /// Sign-in and its like: a stale token must not stand in their way.
    anonymous: bool,
    /// What one attempt may take, in place of the client's own limits.
    limit: Option<Duration>,
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ApiError::BadUrl`] for anything but an `http` or `https` URL without credentials or query, [`ApiError::BadHeader`] for an
    /// org or token that cannot be sent.
    pub fn new(account: &Account) -> Result<Self, ApiError> {
        Self::with_limits(account, Limits::DEFAULT)
    }

    fn with_limits(account: &Account, limits: Limits) -> Result<Self, ApiError> {
        let base = base_url(&account.url)?;
        let tokens = Tokens {
            token: account.token.clone(),
            refresh_token: account.refresh_token.clone(),
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("evt/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never());
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        if base.scheme() == "http" {
            // Redirects never leave the origin, so no certificate will be looked at; reading the system's store takes tens of milliseconds.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            http: builder
                .build()
                .map_err(|error| ApiError::Setup(Transport(error)))?,
            org: header_value(&account.org, "org")?,
            base,
            tokens: Mutex::new(tokens),
            renewed: Mutex::new(false),
            limits,
        })
    }

    /// The address that people see in messages: scheme, host and port.
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Whether the platform runs on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The tokens, if the platform gave new ones since the client was made; the caller keeps them.
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

    /// A URL under the base; each segment is one path segment, whatever characters it holds.
    fn url(&self, segments: &[&str]) -> Result<Url, ApiError> {
        for segment in segments {
            // A URL library drops these, and the call would name its parent.
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
        Ok(Call {
            method: Method::GET,
            url: self.url(segments)?,
            body: None,
            repeatable: true,
            anonymous: false,
            limit: None,
        })
    }

    fn post(&self, segments: &[&str], body: &impl serde::Serialize) -> Result<Call, ApiError> {
        let body = serde_json::to_vec(body).map_err(|source| ApiError::Unreadable {
            origin: self.origin(),
            expected: "JSON that can be sent",
            source,
        })?;
        Ok(Call {
            method: Method::POST,
            url: self.url(segments)?,
            body: Some(body),
            repeatable: false,
            anonymous: false,
            limit: None,
        })
    }

    fn delete(&self, segments: &[&str]) -> Result<Call, ApiError> {
        Ok(Call {
            method: Method::DELETE,
            ..self.get(segments)?
        })
    }

    /// Makes the call and returns the body of a 2xx answer.
    async fn call(&self, call: &Call) -> Result<Vec<u8>, ApiError> {
        match self.persist(call).await {
            Err(error) if self.may_renew(call, &error) => {
                self.refresh().await?;
                self.persist(call).await
            }
            other => other,
        }
    }

    /// Makes the call once, whatever comes of it; only an expired token is renewed.
    async fn call_once(&self, call: &Call) -> Result<Answer, ApiError> {
        match self.attempt(call).await {
            Err(error) if self.may_renew(call, &error) => {
                self.refresh().await?;
                self.attempt(call).await
            }
            other => other,
        }
    }

    fn may_renew(&self, call: &Call, error: &ApiError) -> bool {
        !call.anonymous
            && error.refusal().is_some_and(Refusal::is_expired_token)
            && self.tokens().refresh_token.is_some()
    }

    /// [`Client::call`], read as JSON.
    async fn ask<T: DeserializeOwned>(
        &self,
        call: &Call,
        expected: &'static str,
    ) -> Result<T, ApiError> {
        self.read(&self.call(call).await?, expected)
    }

    fn read<T: DeserializeOwned>(
        &self,
        body: &[u8],
        expected: &'static str,
    ) -> Result<T, ApiError> {
        serde_json::from_slice(body).map_err(|source| ApiError::Unreadable {
            origin: self.origin(),
            expected,
            source,
        })
    }

    /// Repeats a call while that is allowed and may help.
    async fn persist(&self, call: &Call) -> Result<Vec<u8>, ApiError> {
        let mut waited = Duration::ZERO;
        let mut attempt = 0;
        loop {
            let error = match self.attempt(call).await {
                Ok(answer) => return Ok(answer.body),
                Err(error) => error,
            };
            let Some(asked) = self.may_repeat(call, &error) else {
                return Err(error);
            };
            let Some(wait) = self.limits.patience.wait(attempt, asked, waited) else {
                return Err(error);
            };
            if wait >= Duration::from_secs(2) {
                warn!(
                    seconds = wait.as_secs(),
                    cause = %error,
                    "Waiting before the platform is asked again."
                );
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            attempt += 1;
        }
    }

    /// `None`: the error stands. Otherwise how long the platform asked to be left alone, if it did.
    fn may_repeat(&self, call: &Call, error: &ApiError) -> Option<Option<Duration>> {
        match error {
            ApiError::Refused(refusal) if retry::is_transient(refusal.status) => {
                // 429 and 503 are said before any work is done; a gateway's 502 or 504 may come after it.
                let untouched = matches!(refusal.status, 429 | 503);
                (call.repeatable || untouched).then_some(refusal.retry_after)
            }
            ApiError::Unreachable { source, .. } => {
                (call.repeatable && source.is_transient(self.is_loopback())).then_some(None)
            }
            _ => None,
        }
    }

    /// One attempt, with the redirects that belong to it.
    async fn attempt(&self, call: &Call) -> Result<Answer, ApiError> {
        let limit = call.limit.unwrap_or(self.limits.total);
        match tokio::time::timeout(limit, self.follow(call)).await {
            Ok(result) => result,
            Err(_) => Err(self.unreachable(Why::Timeout { limit })),
        }
    }

    async fn follow(&self, call: &Call) -> Result<Answer, ApiError> {
        let mut method = call.method.clone();
        let mut url = call.url.clone();
        let mut body = call.body.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&method, &url, body.clone(), call).await?;
            let status = response.status().as_u16();
            debug!(%method, path = url.path(), status, "The platform answered.");
            let Some(next) = self.redirect(&url, status, response.headers())? else {
                return self.finish(response).await;
            };
            if status == 303 {
                method = Method::GET;
                body = None;
            }
            url = next;
        }
        Err(ApiError::RedirectLoop {
            origin: self.origin(),
            limit: MAX_REDIRECTS,
        })
    }

    async fn send(
        &self,
        method: &Method,
        url: &Url,
        body: Option<Vec<u8>>,
        call: &Call,
    ) -> Result<reqwest::Response, ApiError> {
        let mut request = self
            .http
            .request(method.clone(), url.clone())
            .header(ORG, self.org.clone())
            .header(header::ACCEPT, "application/json");
        if let (false, Some(token)) = (call.anonymous, self.tokens().token) {
            let mut value = header_value(&format!("Bearer {}", token.reveal()), "token")?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(body) = body {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body);
        }
        let limit = call.limit.unwrap_or(self.limits.first_byte);
        match tokio::time::timeout(limit, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_timeout() => Err(self.unreachable(Why::Timeout {
                limit: self.limits.connect,
            })),
            Ok(Err(error)) => Err(self.unreachable(Why::of(error, url))),
            Err(_) => Err(self.unreachable(Why::Timeout { limit })),
        }
    }

    /// Where an answer sends the caller, if it does and may.
    fn redirect(
        &self,
        from: &Url,
        status: u16,
        headers: &HeaderMap,
    ) -> Result<Option<Url>, ApiError> {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(mut to) = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|location| from.join(location).ok())
        else {
            return Ok(None);
        };
        if to.origin() != self.base.origin() {
            return Err(ApiError::ForeignRedirect {
                from: from.path().to_owned(),
                to: to.origin().ascii_serialization(),
            });
        }
        // Same origin, so the only failure would be a URL without a host, which has none in common.
        let _ = to.set_username("").and_then(|()| to.set_password(None));
        Ok(Some(to))
    }

    /// Reads the body within its limit and tells an answer from a refusal.
    async fn finish(&self, mut response: reqwest::Response) -> Result<Answer, ApiError> {
        let status = response.status();
        let head = answer::Head::read(response.headers(), Timestamp::now());
        let announced = response.content_length().unwrap_or(0);
        let mut too_large = announced > self.limits.body as u64;
        let announced = usize::try_from(announced).unwrap_or(0);
        // Grown by halves and doubles, a page would take twice its size.
        let mut body = Vec::with_capacity(announced.min(MOST_AT_ONCE));
        let url = response.url().clone();
        while !too_large {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(self.unreachable(Why::of(error, &url))),
            }
            too_large = body.len() > self.limits.body;
        }
        match (status.is_success(), too_large) {
            (true, false) => Ok(head.with(body)),
            (true, true) => Err(ApiError::TooLarge {
                origin: self.origin(),
                limit: self.limits.body,
            }),
            // A refusal counts whatever came with it.
            (false, _) => Err(ApiError::Refused(Box::new(Refusal::read(
                status.as_u16(),
                &body,
                head.retry_after,
            )))),
        }
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

/// An answer that may be the thing itself, or the thing under `data`.
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
        url: text.to_owned(),
        reason,
    };
    let mut url = Url::parse(text.trim())
        .map_err(|_| bad("it must be a whole URL such as http://127.0.0.1:4870"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad("it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ApiError::BadUrl {
            url: url.origin().ascii_serialization(),
            reason: "credentials do not belong into it",
        });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it must end with the path"));
    }
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
    }
    Ok(url)
}

/// Whether `url` names this machine itself.
fn is_loopback(url: &Url) -> bool {
    url.as_str()
        .parse::<Target>()
        .is_ok_and(|target| target.is_loopback())
}

fn header_value(text: &str, what: &'static str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|_| ApiError::BadHeader { what })
}
