//! Fault injection: delays, drops, duplicates and reorders events, to test senders and apps.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;

use crate::grammar::GrammarError;
use crate::grammar::quantity::{Percent, Span};
use crate::serve::Dropped;

/// How long a reordered event waits for another one to overtake it.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// `latency=200ms,drop=1%,dup=5%,reorder`. Each part is optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chaos {
    /// Delay before each event is forwarded.
    pub latency: Duration,
    /// Share (0 to 1) of connections that are closed without a response. Their events are stored.
    pub drop: f64,
    /// Share (0 to 1) of events that are forwarded twice.
    pub dup: f64,
    /// Every other event waits until the next one has overtaken it, for at most [`MAX_WAIT`].
    pub reorder: bool,
}

/// An invalid `--chaos`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ChaosError {
    #[error("`{part}` is not a kind of chaos; use latency=200ms, drop=1%, dup=5% or reorder")]
    Unknown { part: String },
    #[error(transparent)]
    Value(#[from] GrammarError),
}

impl FromStr for Chaos {
    type Err = ChaosError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut chaos = Self::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            match part.split_once('=') {
                Some(("latency", value)) => chaos.latency = value.parse::<Span>()?.into(),
                Some(("drop", value)) => chaos.drop = value.parse::<Percent>()?.share(),
                Some(("dup", value)) => chaos.dup = value.parse::<Percent>()?.share(),
                None if part == "reorder" => chaos.reorder = true,
                _ => {
                    return Err(ChaosError::Unknown {
                        part: part.to_owned(),
                    });
                }
            }
        }
        Ok(chaos)
    }
}

/// Every event passes the gate before it is forwarded.
pub(super) struct Gate {
    chaos: Chaos,
    /// Wakes the event that waits to be overtaken.
    waiting: Mutex<Option<oneshot::Sender<()>>>,
}

/// An event that has passed the gate. Dropping it wakes the event that it overtook.
pub(super) struct Passage {
    is_duplicated: bool,
    _overtaken: Option<oneshot::Sender<()>>,
}

impl Passage {
    pub(super) fn is_duplicated(&self) -> bool {
        self.is_duplicated
    }
}

impl Gate {
    pub(super) fn new(chaos: Chaos) -> Self {
        Self {
            chaos,
            waiting: Mutex::new(None),
        }
    }

    pub(super) async fn enter(&self) -> Result<Passage, Dropped> {
        let chaos = &self.chaos;
        if chaos.drop > 0.0 && fastrand::f64() < chaos.drop {
            return Err(Dropped);
        }
        if !chaos.latency.is_zero() {
            tokio::time::sleep(chaos.latency).await;
        }
        let overtaken = if chaos.reorder {
            self.overtake().await
        } else {
            None
        };
        Ok(Passage {
            is_duplicated: chaos.dup > 0.0 && fastrand::f64() < chaos.dup,
            _overtaken: overtaken,
        })
    }

    async fn overtake(&self) -> Option<oneshot::Sender<()>> {
        let receiver = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(earlier) = waiting.take() {
                return Some(earlier);
            }
            let (sender, receiver) = oneshot::channel();
            *waiting = Some(sender);
            receiver
        };
        // Woken when the overtaking event's passage is dropped.
        if tokio::time::timeout(MAX_WAIT, receiver).await.is_err() {
            self.waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_parsed() {
        let chaos: Chaos = "latency=200ms,drop=1%,dup=5%,reorder".parse().unwrap();
        assert_eq!(
            chaos,
            Chaos {
                latency: Duration::from_millis(200),
                drop: 0.01,
                dup: 0.05,
                reorder: true
            }
        );
    }

    #[test]
    fn an_unknown_part_is_refused() {
        assert_eq!(
            "lag=3".parse::<Chaos>(),
            Err(ChaosError::Unknown {
                part: "lag=3".to_owned()
            })
        );
        assert!("drop=200%".parse::<Chaos>().is_err());
    }

    #[tokio::test]
    async fn drop_100_percent_drops_every_event() {
        let gate = Gate::new(Chaos {
            drop: 1.0,
            ..Chaos::default()
        });
        assert!(gate.enter().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_event_overtakes_the_first() {
        let gate = std::sync::Arc::new(Gate::new(Chaos {
            reorder: true,
            ..Chaos::default()
        }));
        let first = tokio::spawn({
            let gate = std::sync::Arc::clone(&gate);
            async move { gate.enter().await.map(drop) }
        });
        tokio::task::yield_now().await;
        let second = gate.enter().await.unwrap();
        tokio::task::yield_now().await;
        assert!(!first.is_finished());
        drop(second);
        first.await.unwrap().unwrap();
    }
}
