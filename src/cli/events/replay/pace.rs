//! The pace of a replay: immediately, at a rate, or at the original intervals.

use std::str::FromStr;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::Args;
use crate::event::Event;
use crate::grammar::GrammarError;
use crate::time::Timestamp;

/// How much faster than the original: `2` halves the intervals, `0.5` doubles them.
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
    Immediate,
    Rate(Interval),
    Original {
        factor: f64,
        /// When the first event was sent, and when it was received.
        first: Option<(Instant, Timestamp)>,
    },
}

impl Pace {
    pub(super) fn of(args: &Args) -> Self {
        if let Some(Factor(factor)) = args.timing {
            let first = None;
            return Self::Original { factor, first };
        }
        let Some(rate) = args.rate else {
            return Self::Immediate;
        };
        let mut pace = tokio::time::interval(rate.interval().max(Duration::from_micros(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self::Rate(pace)
    }

    /// Waits until the event is due. Cancel safe.
    pub(super) async fn wait(&mut self, event: &Event) {
        match self {
            Self::Immediate => {}
            Self::Rate(interval) => {
                interval.tick().await;
            }
            Self::Original { factor, first } => {
                let (begun, origin) = *first.get_or_insert((Instant::now(), event.received_at));
                let after = event.received_at.since(origin).div_f64(*factor);
                // After a pause that overflows the clock the event is sent at once.
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
            attempts: Vec::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_factor_of_2_halves_the_intervals() {
        let mut pace = Pace::Original {
            factor: 2.0,
            first: None,
        };
        let begun = Instant::now();
        let mut sent = Vec::new();
        // The third event has an earlier time than the second, so it is sent immediately.
        for millis in [1_000, 5_000, 4_000, 9_000] {
            pace.wait(&event(millis)).await;
            sent.push(begun.elapsed().as_millis());
        }
        assert_eq!(sent, [0, 2_000, 2_000, 4_000]);
    }

    #[test]
    fn a_factor_must_be_a_positive_number() {
        assert_eq!("2".parse::<Factor>().unwrap(), Factor(2.0));
        assert_eq!("0.5x".parse::<Factor>().unwrap(), Factor(0.5));
        for text in ["0", "-1", "NaN", "inf", "fast", ""] {
            assert!(text.parse::<Factor>().is_err(), "{text}");
        }
    }
}
