//! How fast events follow one another: at once, at a rate, or as they came.

use std::str::FromStr;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::Args;
use crate::event::Event;
use crate::grammar::GrammarError;
use crate::time::Timestamp;

/// How much faster than it was: `2` is half the time, `0.5` twice as long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Factor(f64);

impl FromStr for Factor {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim_end_matches('x').parse::<f64>() {
            Ok(factor) if factor.is_finite() && (0.001..=1e6).contains(&factor) => Ok(Self(factor)),
            _ => Err(GrammarError {
                input: text.to_owned(),
                expected: "a factor from 0.001 to 1000000, such as 2 for twice as fast",
                at: None,
            }),
        }
    }
}

pub(super) enum Pace {
    AtOnce,
    Rate(Interval),
    AsItCame {
        factor: f64,
        /// When the first event was sent, and when it had come.
        first: Option<(Instant, Timestamp)>,
    },
}

impl Pace {
    pub(super) fn of(args: &Args) -> Self {
        if let Some(Factor(factor)) = args.timing {
            let first = None;
            return Self::AsItCame { factor, first };
        }
        let Some(rate) = args.rate else {
            return Self::AtOnce;
        };
        let mut pace = tokio::time::interval(rate.interval().max(Duration::from_micros(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self::Rate(pace)
    }

    /// Waits until it is the event's turn. Cancel safe.
    pub(super) async fn wait(&mut self, event: &Event) {
        match self {
            Self::AtOnce => {}
            Self::Rate(interval) => {
                interval.tick().await;
            }
            Self::AsItCame { factor, first } => {
                let (begun, origin) = *first.get_or_insert((Instant::now(), event.received_at));
                let after = event.received_at.since(origin).div_f64(*factor);
                // A sum that no clock can show is never reached either.
                if let Some(due) = begun.checked_add(after) {
                    tokio::time::sleep_until(due).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;
    use crate::event::{Meta, Outcome, Source, Transport};

    fn event(millis: i64) -> Event {
        Event {
            seq: None,
            received_at: Timestamp::from_millis(millis),
            source: Source::Tail,
            transport: Transport::Sse,
            method: Method::GET,
            target: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            meta: Meta::default(),
            verdict: None,
            outcome: Outcome::Kept,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn events_follow_as_they_came_in_half_the_time() {
        let mut pace = Pace::AsItCame {
            factor: 2.0,
            first: None,
        };
        let begun = Instant::now();
        let mut sent = Vec::new();
        // The third came before the second by its clock: it waits for nothing.
        for millis in [1_000, 5_000, 4_000, 9_000] {
            pace.wait(&event(millis)).await;
            sent.push(begun.elapsed().as_millis());
        }
        assert_eq!(sent, [0, 2_000, 2_000, 4_000]);
    }

    #[test]
    fn a_factor_is_a_sensible_number() {
        assert_eq!("2".parse::<Factor>().unwrap(), Factor(2.0));
        assert_eq!("0.5x".parse::<Factor>().unwrap(), Factor(0.5));
        for text in ["0", "-1", "NaN", "inf", "fast", ""] {
            assert!(text.parse::<Factor>().is_err(), "{text}");
        }
    }
}
