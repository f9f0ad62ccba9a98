//! One call: its attempts, their redirects and limits, and a new token if the old one has expired.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Uri};
use serde::de::DeserializeOwned;
use tracing::{debug, warn};
use url::Url;

use super::answer::{Answer, Head};
use super::content::{self, DecodeError};
use super::error::{ApiError, Refusal, Unread, Why};
use super::{Client, ORG, retry};
use crate::dial::{Opened, Opening};
use crate::secret;
use crate::time::Timestamp;

/// Redirects that are followed, all within the origin.
const MAX_REDIRECTS: usize = 5;
/// Bytes that are allocated in advance for the announced length of a body. A longer body grows as it arrives.
const MAX_ALLOCATION: usize = 4 * 1024 * 1024;
const USER_AGENT: &str = concat!("evt/", env!("CARGO_PKG_VERSION"));

/// One request, which can be sent several times.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Vec<u8>>,
    /// Sending it twice has the same effect as sending it once.
    pub(super) repeatable: bool,
    pub(super) identity: Identity,
    /// Time limit of one attempt, instead of the limits of the client.
    pub(super) limit: Option<Duration>,
}

/// Whose tokens a call carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Those of the account.
    Account,
    /// Without the token of the user, for signing in: the platform would refuse an expired one.
    App,
    /// No token.
    None,
}

impl Call {
    /// A repeatable call without a body.
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            body: None,
            repeatable: true,
            identity: Identity::Account,
            limit: None,
        }
    }
}

impl Client {
    /// Makes the call, with retries, and returns a 2xx response. All of it takes at most the time limit of a call.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, ApiError> {
        let all = self.authorised(call, || self.retry(call));
        let limit = self.limits.call;
        match tokio::time::timeout(limit, all).await {
            Ok(result) => result,
            Err(_) => Err(self.unreachable(Why::Timeout { limit })),
        }
    }

    /// Makes the call without retries, except that a token that has expired is renewed.
    pub(super) async fn call_once(&self, call: &Call) -> Result<Answer, ApiError> {
        self.authorised(call, || self.attempt(call)).await
    }

    /// Makes the call with `send`, and repeats it with a new token if the platform refuses the one that it had.
    async fn authorised<F>(&self, call: &Call, send: impl Fn() -> F) -> Result<Answer, ApiError>
    where
        F: Future<Output = Result<Answer, ApiError>>,
    {
        self.get_app_token().await?;
        let mut result = send().await;
        let refusal = |result: &Result<Answer, ApiError>| result.as_ref().err()?.refusal().cloned();
        if call.identity != Identity::Account {
            return result;
        }
        // The status does not show which of the two tokens was refused. A new one of the app has no side effects.
        if self.is_app() && refusal(&result).is_some_and(|refusal| refusal.status == 401) {
            self.renew_app_token().await?;
            result = send().await;
        }
        let is_expired = refusal(&result).is_some_and(|refusal| refusal.is_expired_token());
        if is_expired && self.tokens().refresh_token.is_some() {
            self.refresh().await?;
            result = send().await;
        }
        result
    }

    /// Makes the call and parses the body as JSON. `expected` describes the content, for the error.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        call: &Call,
        expected: &'static str,
    ) -> Result<T, ApiError> {
        self.read(&self.call(call).await?, expected)
    }

    /// Parses a response. `expected` describes the content, for the error.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        answer: &Answer,
        expected: &'static str,
    ) -> Result<T, ApiError> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.unreadable(answer, expected, error))
    }

    pub(super) fn unreadable(
        &self,
        answer: &Answer,
        expected: &'static str,
        error: serde_json::Error,
    ) -> ApiError {
        ApiError::Unreadable {
            origin: self.origin(),
            expected,
            source: match error.is_data() {
                true => Unread::Form(error),
                false => Unread::Other(answer.describe()),
            },
        }
    }

    /// Makes the call and repeats it as long as that is safe and may help.
    pub(super) async fn retry(&self, call: &Call) -> Result<Answer, ApiError> {
        let mut waited = Duration::ZERO;
        let mut attempt = 0;
        loop {
            let error = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(asked) = self.may_repeat(call, &error) else {
                return Err(error);
            };
            let Some(wait) = self.limits.retry.wait(attempt, asked, waited) else {
                return Err(error);
            };
            if wait >= Duration::from_secs(2) {
                warn!(
                    seconds = wait.as_secs(),
                    cause = %error,
                    "Waiting before the call is repeated."
                );
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            attempt += 1;
        }
    }

    /// `None` if the call must not be repeated, otherwise the wait that the platform asked for (`Retry-After`), if any.
    fn may_repeat(&self, call: &Call, error: &ApiError) -> Option<Option<Duration>> {
        match error {
            ApiError::Refused(refusal) if retry::is_transient(refusal.status) => {
                // A platform answers 429 or 503 before it processes the request. A gateway may answer 502 or 504 after the platform
                // has processed it.
                let is_unprocessed = matches!(refusal.status, 429 | 503);
                (call.repeatable || is_unprocessed).then_some(refusal.retry_after)
            }
            ApiError::Unreachable { source, .. } => {
                (call.repeatable && source.is_transient(self.is_loopback())).then_some(None)
            }
            _ => None,
        }
    }

    /// Makes one attempt, which includes its redirects.
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
        let body = call.body.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&method, &url, body.clone(), call).await?;
            let status = response.status.as_u16();
            debug!(%method, path = url.path(), status, "The platform answered.");
            let Some(next) = self.redirect(&url, status, &response.headers)? else {
                return self.finish(response).await;
            };
            // By the standard these statuses turn a POST into a GET, which is another request.
            if body.is_some() && matches!(status, 302 | 303) {
                let to = next.path().to_owned();
                return Err(ApiError::RedirectedBody { to, status });
            }
            if status == 303 {
                method = Method::GET;
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
    ) -> Result<Opened, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(ORG, self.org.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(self.authorise(call.identity)?);
        if body.is_some() {
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
        }
        let opening = Opening {
            method: method.clone(),
            url: uri(url)?,
            headers,
            body: body.map_or_else(Bytes::new, Bytes::from),
            timeout: call.limit.unwrap_or(self.limits.first_byte),
        };
        let response = self.dialer.begin(opening).await;
        response.map_err(|error| self.unreachable(Why::of(error)))
    }

    /// The target of a redirect; `None` if the response is not one.
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
                path: to.path().to_owned(),
            });
        }
        if is_login(&to) && !is_login(from) {
            let to = to.path().to_owned();
            return Err(ApiError::LoginRedirect { to, status });
        }
        // This fails only for a URL without a host, which never has the same origin.
        let _ = to.set_username("").and_then(|()| to.set_password(None));
        Ok(Some(to))
    }

    /// Reads the body up to the limit. A status other than 2xx is a refusal.
    async fn finish(&self, mut response: Opened) -> Result<Answer, ApiError> {
        let status = response.status;
        let head = Head::read(status.as_u16(), &response.headers, Timestamp::now());
        let announced = response.headers.get(header::CONTENT_LENGTH);
        let announced = announced
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .unwrap_or(0_usize);
        let mut too_large = announced > self.limits.body;
        // A vector that grows by doubling would take up to twice the size of a page.
        let mut body = Vec::with_capacity(announced.min(MAX_ALLOCATION));
        while !too_large {
            match response.next().await {
                Some(Ok(chunk)) => body.extend_from_slice(&chunk),
                None => break,
                Some(Err(error)) => return Err(self.unreachable(Why::Broken(error))),
            }
            too_large = body.len() > self.limits.body;
        }
        let encoding = head.encoding.as_deref();
        let decoded = match too_large {
            true => Ok(Vec::new()),
            false => content::decode(encoding, body, self.limits.body),
        };
        too_large |= matches!(decoded, Err(DecodeError::TooLarge));
        match (status.is_success(), too_large) {
            (true, false) => match decoded {
                Ok(body) => Ok(head.with(body)),
                Err(source) => Err(ApiError::Undecodable {
                    origin: self.origin(),
                    source,
                }),
            },
            (true, true) => Err(ApiError::TooLarge {
                origin: self.origin(),
                limit: self.limits.body,
            }),
            // A refusal is reported even if its body is too large.
            (false, _) => Err(ApiError::Refused(Box::new(Refusal::read(
                status.as_u16(),
                &decoded.unwrap_or_default(),
                head.retry_after,
            )))),
        }
    }
}

/// Whether a page is one on which users sign in, by its path.
fn is_login(url: &Url) -> bool {
    const WORDS: [&str; 9] = [
        "login", "log-in", "signin", "sign-in", "sign_in", "sso", "saml", "oauth", "oauth2",
    ];
    let mut segments = url.path_segments().into_iter().flatten();
    segments.any(|segment| {
        let name = segment.split('.').next().unwrap_or_default();
        WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
    })
}

/// A URL in the type that `dial` takes.
fn uri(url: &Url) -> Result<Uri, ApiError> {
    // The fragment is never sent.
    let text = &url[..url::Position::AfterQuery];
    text.parse().map_err(|_| ApiError::BadUrl {
        url: secret::masked_url(url.as_str()),
        reason: "it contains characters that are not allowed in a URL",
    })
}
