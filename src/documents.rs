//! Documents that signatures refer to: certificate chains and key sets, fetched by their URL. Which URLs may be asked is the
//! scheme's to say; what was learnt stays with its verifier.

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

/// Certificate chains and key sets are a few kilobytes.
const MOST_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);
/// A document that did not help is not asked for more often: requests with keys that do not exist must not make us call its server each time.
const PAUSE: Duration = Duration::from_secs(30);
/// As [`PAUSE`], where it did not come: whoever waits for it tries again soon.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// URLs remembered; of more, the one that was first asked for longest ago is forgotten.
const MOST_URLS: usize = 64;
/// Fetches at once.
const AT_ONCE: usize = 8;

/// Fetches documents for verifiers, each at most once at a time.
pub struct Documents {
    dialer: Dialer,
    places: Lock<HashMap<String, Arc<Place>>>,
    fetching: Semaphore,
}

/// A URL. Whoever holds it fetches; others that need the same document wait for that, and those of other URLs do not.
struct Place {
    not_before: Mutex<Option<Instant>>,
    asked: Instant,
}

impl Documents {
    pub fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            places: Lock::default(),
            fetching: Semaphore::new(AT_ONCE),
        }
    }

    /// Gives the verifier what it needs to judge this request. Where that cannot be had, the judgement will say so.
    pub async fn teach(&self, verifier: &dyn Verifier, received: &Received<'_>, now: Timestamp) {
        let Some(url) = verifier.wants(received, now) else {
            return;
        };
        let place = self.place(&url);
        let mut not_before = place.not_before.lock().await;
        // Another request may have brought it meanwhile.
        let is_wanted = verifier.wants(received, now).as_deref() == Some(&url);
        if !is_wanted || not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let pause = match self.get(&url).await {
            Ok(document) => {
                verifier.learn(&url, &document, now);
                // What was learnt can be forgotten for another's sake, and has to be had again at once.
                match verifier.wants(received, now).as_deref() == Some(&url) {
                    true => Some(PAUSE),
                    false => None,
                }
            }
            Err(error) => {
                tracing::warn!(%url, %error, "A document that a signature refers to cannot be fetched.");
                Some(PAUSE_AFTER_FAILURE)
            }
        };
        *not_before = pause.map(|pause| Instant::now() + pause);
    }

    fn place(&self, url: &str) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(url) {
            return Arc::clone(place);
        }
        if places.len() >= MOST_URLS
            && let Some(oldest) = places.iter().min_by_key(|(_, place)| place.asked)
        {
            let oldest = oldest.0.clone();
            places.remove(&oldest);
        }
        let place = Arc::new(Place {
            not_before: Mutex::default(),
            asked: Instant::now(),
        });
        places.insert(url.to_owned(), Arc::clone(&place));
        place
    }

    /// Fetches a URL, such as one that confirms a subscription. Anything but 2xx is an error in words.
    ///
    /// # Errors
    /// What went wrong, for a person.
    pub async fn get(&self, url: &str) -> Result<Bytes, String> {
        let target: Target = url.parse().map_err(|_| format!("`{url}` is no URL"))?;
        let turn = tokio::time::timeout(PATIENCE, self.fetching.acquire()).await;
        let _turn = turn.map_err(|_| "too much else is being fetched".to_owned())?;
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
