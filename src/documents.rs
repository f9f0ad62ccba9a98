//! Fetches the documents that signatures refer to: certificate chains and key sets. The scheme decides which URLs are allowed,
//! and its verifier stores the documents.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::{Mutex, Semaphore};

use crate::dial::{AddressPolicy, Call, DialError, Dialer};
use crate::grammar::target::Target;
use crate::signature::{Received, Verifier};
use crate::time::Timestamp;

/// The size limit of a document. Certificate chains and key sets have a few kilobytes.
const MOST_BYTES: usize = 256 * 1024;
/// How long to wait for a free slot, and then for the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pause after a document that did not help. Otherwise every request with an unknown key would cause a fetch.
const PAUSE: Duration = Duration::from_secs(30);
/// The pause after a failed fetch. It is short, because senders retry soon.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How many URLs are remembered. The oldest is removed first.
const MOST_URLS: usize = 64;
/// The most concurrent fetches.
const CONCURRENCY: usize = 8;

/// Fetches documents for verifiers. Each URL is fetched by one request at a time.
pub struct Documents {
    dialer: Dialer,
    origins: Lock<HashMap<String, Arc<Origin>>>,
    fetching: Semaphore,
}

/// The state of one URL.
struct Origin {
    /// When the URL may be fetched again. The request that holds the lock fetches; others that need the same document wait.
    not_before: Mutex<Option<Instant>>,
    first_used: Instant,
}

impl Documents {
    pub fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            origins: Lock::default(),
            fetching: Semaphore::new(CONCURRENCY),
        }
    }

    /// Fetches the document that the verifier needs to judge this request. If that fails, the judgement reports it.
    pub async fn fetch_for(
        &self,
        verifier: &dyn Verifier,
        received: &Received<'_>,
        now: Timestamp,
    ) {
        let Some(url) = verifier.missing_document(received, now) else {
            return;
        };
        let is_missing = || verifier.missing_document(received, now).as_deref() == Some(&url);
        let origin = self.origin(&url);
        let mut not_before = origin.not_before.lock().await;
        // Another request may have fetched it in the meantime.
        if !is_missing() || not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let pause = match self.get(&url).await {
            Ok(document) => {
                verifier.add_document(&url, &document, now);
                // No pause after success: the verifier may evict the document and need it again at once.
                is_missing().then_some(PAUSE)
            }
            Err(error) => {
                tracing::warn!(%url, %error, "Cannot fetch a document that a signature refers to.");
                Some(PAUSE_AFTER_FAILURE)
            }
        };
        *not_before = pause.map(|pause| Instant::now() + pause);
    }

    fn origin(&self, url: &str) -> Arc<Origin> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(origin) = origins.get(url) {
            return Arc::clone(origin);
        }
        if origins.len() >= MOST_URLS
            && let Some(oldest) = origins.iter().min_by_key(|(_, origin)| origin.first_used)
        {
            let oldest = oldest.0.clone();
            origins.remove(&oldest);
        }
        let origin = Arc::new(Origin {
            not_before: Mutex::default(),
            first_used: Instant::now(),
        });
        origins.insert(url.to_owned(), Arc::clone(&origin));
        origin
    }

    /// Fetches a URL, such as one that confirms a subscription.
    ///
    /// # Errors
    /// A message for the user; also for every status but 2xx.
    pub async fn get(&self, url: &str) -> Result<Bytes, String> {
        let target: Target = url.parse().map_err(|_| format!("`{url}` is not a URL"))?;
        let turn = tokio::time::timeout(TIMEOUT, self.fetching.acquire()).await;
        let _turn = turn.map_err(|_| "too many other fetches are running".to_owned())?;
        let answer = self.dialer.send(Call {
            method: Method::GET,
            target,
            path: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: TIMEOUT,
            max_answer: MOST_BYTES,
        });
        let answer = answer.await.map_err(|error: DialError| error.to_string())?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(format!("{url} answered {}", answer.status))
    }
}

impl Default for Documents {
    fn default() -> Self {
        Self::new(Dialer::new(AddressPolicy::Local))
    }
}
