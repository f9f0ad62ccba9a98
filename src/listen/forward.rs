//! Passing events on: which target, which headers, what the sender hears, and whether the target is there at all.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Answered, Intake, Message, problem};
use crate::backoff::Retry;
use crate::dial::{Answer, Call, DialError, outcome, passed_on, peer_of, rebase};
use crate::event::Event;
use crate::grammar::GrammarError;
use crate::grammar::glob;
use crate::grammar::target::Target;
use crate::store::events;
use crate::store::jobs::{JobBody, NewJob};
use crate::time::Timestamp;
use crate::topic::{Pattern, TopicError};

/// Bytes of the app's answer that are given back to the sender.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// How often a target that is down is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Targets whose health is watched; more routes than this are forwarded to without.
const WATCHED: usize = 256;

/// Where events go.
pub struct Forward {
    /// The first that matches.
    pub routes: Vec<Route>,
    pub target: Option<Target>,
    pub timeout: Duration,
    /// With retries the sender hears 202 once the event is kept, and the delivery engine does the rest.
    pub retry: Option<Retry>,
}

/// `--route 'GLOB=TARGET'`: a glob that begins with `/` is matched with the path, any other pattern with the event's type.
#[derive(Clone, Debug)]
pub struct Route {
    pub pattern: RoutePattern,
    pub target: Target,
}

/// What a route looks at.
#[derive(Clone, Debug)]
pub enum RoutePattern {
    /// `*` stands for any characters.
    Path(String),
    Type(Pattern),
}

/// A `--route` that is not `GLOB=TARGET`.
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
            text: text.to_owned(),
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

    /// The delivery that stands for this event, when forwards are durable.
    pub(super) fn job(&self, event: &Event) -> Option<NewJob> {
        let retry = self.retry.clone()?;
        let (url, path) = match self.target_for(event)? {
            Target::Url(url) => (rebase(url, &event.target).to_string(), None),
            unix @ Target::Unix(_) => (unix.to_string(), Some(event.target.clone())),
        };
        Some(NewJob {
            queue: "forwards",
            order_key: None,
            run_at: Timestamp::now(),
            retry,
            message_id: None,
            secret: None,
            method: event.method.clone(),
            url,
            path,
            headers: passed_on(&event.headers),
            body: JobBody::OfEvent,
            timeout: self.timeout,
            step: None,
            event: None,
        })
    }

    fn targets(&self) -> impl Iterator<Item = &Target> {
        self.routes
            .iter()
            .map(|route| &route.target)
            .chain(&self.target)
            .take(WATCHED)
    }
}

impl Intake {
    /// Forwards an event, notes what came of it and turns it into the sender's answer.
    pub(super) async fn hand_over(&self, forward: &Forward, event: &mut Event) -> Answered {
        let Some(target) = forward.target_for(event) else {
            return problem(StatusCode::BAD_GATEWAY, "no_target", "no route");
        };
        let result = self
            .dialer
            .send(Call::of(event, target, forward.timeout, MAX_ANSWER))
            .await;
        event.outcome = outcome(&result);
        if let (Some(seq), outcome) = (event.seq, event.outcome) {
            self.store
                .post(move |tx| events::set_outcome(tx, seq, outcome))
                .await;
        }
        match result {
            Ok(answer) => given_back(answer),
            Err(error) => {
                self.health.failed(target, &error);
                let status = match error {
                    DialError::Timeout { .. } | DialError::Silent { .. } => {
                        StatusCode::GATEWAY_TIMEOUT
                    }
                    _ => StatusCode::BAD_GATEWAY,
                };
                problem(status, error.code(), &error.to_string())
            }
        }
    }
}

fn given_back(answer: Answer) -> Answered {
    if answer.truncated {
        return problem(
            StatusCode::BAD_GATEWAY,
            "answer_too_large",
            "the target's answer is too large to pass back",
        );
    }
    let mut response = Response::new(Full::<Bytes>::new(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = passed_on(&answer.headers);
    response
}

/// Which targets are known to be down.
#[derive(Default)]
pub(super) struct Health {
    down: Mutex<HashMap<String, u64>>,
    changed: Notify,
}

impl Health {
    fn failed(&self, target: &Target, error: &DialError) {
        if !matches!(
            error,
            DialError::Refused { .. } | DialError::Name { .. } | DialError::Timeout { .. }
        ) {
            return;
        }
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(missed) = down.get_mut(&peer_of(target)) {
            *missed += 1;
        } else if down.len() < WATCHED {
            down.insert(peer_of(target), 1);
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

/// Looks at each target once, and then at those that are down until they are back.
pub(super) async fn watch(intake: Arc<Intake>, shutdown: CancellationToken) {
    let Some(forward) = &intake.forward else {
        return;
    };
    let targets: HashMap<String, &Target> = forward
        .targets()
        .map(|target| (peer_of(target), target))
        .collect();
    let mut told: HashMap<String, bool> = HashMap::new();
    loop {
        for (peer, target) in &targets {
            let was_up = told.get(peer).copied();
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
            // One that answers now but had failed in between is worth its line, too.
            if was_up != Some(up) || missed > 0 && up {
                told.insert(peer.clone(), up);
                let why = why.map(|error| error.to_string());
                let _ = intake
                    .messages
                    .send(Message::Target {
                        peer: peer.clone(),
                        up,
                        why,
                        missed,
                    })
                    .await;
            }
        }
        let all_up = told.values().all(|up| *up);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = intake.health.changed.notified() => {}
            () = tokio::time::sleep(LOOK), if !all_up => {}
        }
    }
}
