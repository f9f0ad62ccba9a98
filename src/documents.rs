//! Documents that signatures refer to: certificate chains and key sets, fetched by their URL. Which URLs may be asked is the
//! scheme's to say; what was learnt stays with its verifier.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::Mutex;

use crate::dial::{AddressPolicy, Call, DialError, Dialer};
use crate::grammar::target::Target;
use crate::signature::{Received, Verifier};
use crate::time::Timestamp;

/// Certificate chains and key sets are a few kilobytes.
const MOST_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);
/// A document is not asked for more often: requests with keys that do not exist must not make us call its server each time.
const PAUSE: Duration = Duration::from_secs(30);
/// URLs remembered.
const MOST_URLS: usize = 64;

/// Fetches documents for verifiers, each at most once at a time.
pub struct Documents {
    dialer: Dialer,
    asked: Mutex<HashMap<String, Instant>>,
}

impl Documents {
    pub fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            asked: Mutex::default(),
        }
    }

    /// Gives the verifier what it needs to judge this request. Where that cannot be had, the judgement will say so.
    pub async fn teach(&self, verifier: &dyn Verifier, received: &Received<'_>, now: Timestamp) {
        if verifier.wants(received, now).is_none() {
            return;
        }
        let mut asked = self.asked.lock().await;
        // Another request may have brought it meanwhile.
        let Some(url) = verifier.wants(received, now) else {
            return;
        };
        let is_recent = |at: &Instant| at.elapsed() < PAUSE;
        if asked.get(&url).is_some_and(is_recent) {
            return;
        }
        if asked.len() >= MOST_URLS {
            asked.retain(|_, at| is_recent(at));
        }
        if asked.len() >= MOST_URLS {
            return;
        }
        asked.insert(url.clone(), Instant::now());
        match self.get(&url).await {
            Ok(document) => verifier.learn(&url, &document, now),
            Err(error) => {
                tracing::warn!(%url, %error, "A document that a signature refers to cannot be fetched.");
            }
        }
    }

    /// Fetches a URL, such as one that confirms a subscription. Anything but 2xx is an error in words.
    ///
    /// # Errors
    /// What went wrong, for a person.
    pub async fn get(&self, url: &str) -> Result<Bytes, String> {
        let target: Target = url.parse().map_err(|_| format!("`{url}` is no URL"))?;
        let answer = self.dialer.send(Call {
            method: Method::GET,
            target,
            path: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: PATIENCE,
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
