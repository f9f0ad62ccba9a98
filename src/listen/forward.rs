//! Forwards events: picks the target, sends the request, passes the response back, and watches whether targets are up.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Report;
use super::intake::Intake;
use super::reply::{Reply, problem, with_status};
use crate::backoff::Retry;
use crate::dial::{self, Answer, Call, DialError, forwarded_headers, outcome, peer_of, rebase};
use crate::event::Event;
use crate::grammar::GrammarError;
use crate::grammar::glob;
use crate::grammar::target::Target;
use crate::hops;
use crate::secret;
use crate::store::jobs::{JobBody, NewJob};
use crate::store::{attempts, events};
use crate::time::Timestamp;
use crate::topic::{Pattern, TopicError};

/// Largest response of the target that is passed back to the sender, in bytes.
const MAX_RESPONSE: usize = 16 * 1024 * 1024;
/// How often a target that is down is probed.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// Targets that are watched. Events are forwarded to further targets too, but no change of theirs is reported.
const MAX_WATCHED: usize = 256;

/// Where events go.
#[derive(Default)]
pub struct Forward {
    /// The first route that matches decides.
    pub routes: Vec<Route>,
    /// Where events go that match no route.
    pub target: Option<Target>,
    /// Set in each forwarded request.
    pub headers: HeaderMap,
    pub timeout: Duration,
    /// With retries the sender receives 202 as soon as the event is stored, and the delivery engine forwards it.
    pub retry: Option<Retry>,
}

/// `--route 'GLOB=TARGET'`. A pattern that starts with `/` matches the path, any other pattern the event's type.
#[derive(Clone, Debug)]
pub struct Route {
    pub pattern: RoutePattern,
    pub target: Target,
}

/// What a route matches.
#[derive(Clone, Debug)]
pub enum RoutePattern {
    /// `*` matches any characters.
    Path(String),
    Type(Pattern),
}

/// An invalid `--route`.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RouteError {
    #[error("`{text}` has no target; write '/path/*=TARGET' or 'contact.*=TARGET'")]
    NoTarget { text: String },
    #[error(transparent)]
    Target(#[from] GrammarError),
    #[error(transparent)]
    Pattern(#[from] TopicError),
}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (glob, target) = text.split_once('=').ok_or_else(|| RouteError::NoTarget {
            text: secret::masked_url(text),
        })?;
        let pattern = if glob.starts_with('/') || glob == "*" {
            RoutePattern::Path(glob.to_owned())
        } else {
            RoutePattern::Type(glob.parse()?)
        };
        Ok(Self {
            pattern,
            target: target.parse()?,
        })
    }
}

impl Route {
    fn matches(&self, event: &Event) -> bool {
        match &self.pattern {
            RoutePattern::Path(glob) => {
                let path = event.target.split('?').next().unwrap_or_default();
                glob::matches(glob, path)
            }
            RoutePattern::Type(pattern) => event
                .meta
                .kind
                .as_deref()
                .is_some_and(|kind| pattern.matches(kind)),
        }
    }
}

impl Forward {
    pub(super) fn target_for(&self, event: &Event) -> Option<&Target> {
        self.routes
            .iter()
            .find(|route| route.matches(event))
            .map(|route| &route.target)
            .or(self.target.as_ref())
    }

    /// The delivery job for this event; `None` if forwards are not retried or no target matches.
    pub(super) fn job(&self, event: &Event) -> Option<NewJob> {
        let retry = self.retry.clone()?;
        let (url, path) = match self.target_for(event)? {
            Target::Url(url) => (rebase(url, &event.target).to_string(), None),
            unix @ Target::Unix(_) => (unix.to_string(), Some(event.target.clone())),
        };
        Some(NewJob {
            queue: "forwards",
            run_at: Timestamp::now(),
            retry,
            message_id: None,
            secret: None,
            method: event.method.clone(),
            url,
            path,
            headers: self.headers_for(event),
            body: JobBody::OfEvent,
            timeout: self.timeout,
            step: None,
            event: None,
        })
    }

    /// The headers of a forwarded event: its own, those of `--header`, and one hop more than it arrived with.
    fn headers_for(&self, event: &Event) -> HeaderMap {
        let mut headers = forwarded_headers(&event.headers);
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        hops::set(&mut headers, hops::of(&event.headers) + 1);
        headers
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.routes
            .iter()
            .map(|route| &route.target)
            .chain(&self.target)
            .take(MAX_WATCHED)
    }
}

impl Intake {
    /// Forwards an event, stores the outcome and the answer, and returns the response for the sender.
    pub(super) async fn deliver(&self, forward: &Forward, event: &mut Event) -> Reply {
        let Some(target) = forward.target_for(event) else {
            return problem(StatusCode::BAD_GATEWAY, "no_target", "no route matches");
        };
        let started_at = Timestamp::now();
        let mut call = Call::of(event, target, forward.timeout, MAX_RESPONSE);
        call.headers = forward.headers_for(event);
        let mut result = self.dialer.send(call).await;
        event.outcome = outcome(&result);
        let reply = match &result {
            Ok(answer) => passed_back(answer),
            Err(error) => {
                self.health.failed(target, error);
                let status = match error {
                    DialError::Timeout { .. } | DialError::Silent { .. } => {
                        StatusCode::GATEWAY_TIMEOUT
                    }
                    _ => StatusCode::BAD_GATEWAY,
                };
                problem(status, error.code(), &error.to_string())
            }
        };
        let attempt = Arc::new(dial::attempt(started_at, &mut result));
        event.attempts.push(Arc::clone(&attempt));
        if let (Some(seq), outcome) = (event.seq, event.outcome) {
            self.store
                .post(move |tx| {
                    events::set_outcome(tx, seq, outcome)?;
                    attempts::insert(tx, seq, &attempt)
                })
                .await;
        }
        reply
    }
}

fn passed_back(answer: &Answer) -> Reply {
    if answer.truncated {
        return problem(
            StatusCode::BAD_GATEWAY,
            "answer_too_large",
            "the target's response is too large to pass back",
        );
    }
    let mut reply = with_status(answer.status, answer.body.clone());
    *reply.headers_mut() = forwarded_headers(&answer.headers);
    reply
}

/// The targets that are down.
#[derive(Default)]
pub(super) struct Health {
    /// Forwards that failed, by the target's address.
    down: Mutex<HashMap<String, u64>>,
    changed: Notify,
}

impl Health {
    fn failed(&self, target: &Target, error: &DialError) {
        // A target that is only slow is not down, but the next probe finds out.
        let missed = match error {
            DialError::Refused { .. } | DialError::Name { .. } => 1,
            DialError::Timeout { .. } => 0,
            _ => return,
        };
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = down.get_mut(&peer_of(target)) {
            *count += missed;
        } else if down.len() < MAX_WATCHED {
            down.insert(peer_of(target), missed);
            self.changed.notify_one();
        }
    }

    fn is_down(&self, peer: &str) -> bool {
        self.down
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(peer)
    }
}

/// Probes each target once, and then those that are down until they are up again. Returns at once without a target.
pub(super) async fn watch(intake: Arc<Intake>, shutdown: CancellationToken) {
    let Some(forward) = &intake.forward else {
        return;
    };
    let targets: HashMap<String, &Target> = forward
        .targets()
        .map(|target| (peer_of(target), target))
        .collect();
    let mut reported: HashMap<String, bool> = HashMap::new();
    loop {
        for (peer, target) in &targets {
            let was_up = reported.get(peer).copied();
            if was_up == Some(true) && !intake.health.is_down(peer) {
                continue;
            }
            let why = intake.dialer.probe(target).await.err();
            let up = why.is_none();
            let missed = {
                let mut down = intake
                    .health
                    .down
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if up {
                    down.remove(peer).unwrap_or(0)
                } else {
                    *down.entry(peer.clone()).or_default()
                }
            };
            // A target that is up again after a short failure is reported as well.
            if was_up != Some(up) || missed > 0 && up {
                reported.insert(peer.clone(), up);
                let why = why.map(|error| with_cause(&error));
                intake
                    .reporter
                    .send(Report::Target {
                        peer: peer.clone(),
                        up,
                        why,
                        missed,
                    })
                    .await;
            }
        }
        let all_up = reported.values().all(|up| *up);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = intake.health.changed.notified() => {}
            () = tokio::time::sleep(PROBE_INTERVAL), if !all_up => {}
        }
    }
}

/// The error with its cause, which names each address that was tried.
fn with_cause(error: &DialError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
