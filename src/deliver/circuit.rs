//! The circuit breaker of an endpoint. Pure: the time is an argument.
//!
//! Closed: jobs are delivered. Open, after repeated failures: one job probes the endpoint from time to time, and its failures do
//! not count against its retries, so that an outage of the endpoint does not use up the retries of every job. Half open, after
//! the first success: one job at a time until enough have succeeded in a row. Disabled, after days without a success: all
//! jobs are dead until a user retries one.

use std::time::Duration;

use crate::store::endpoints::{Change, Endpoint, Health};
use crate::time::Timestamp;

/// Consecutive failures that open a circuit (the numbers are those of Convoy).
const OPEN_AFTER: u32 = 10;
/// Requests in the window below which the failure rate is ignored.
const MIN_REQUESTS: u32 = 10;
/// Failures in the window, in percent, that open a circuit.
const MAX_FAILURES: u32 = 70;
/// The sliding window: ten slots of half a minute.
const SLOT: Duration = Duration::from_secs(30);
const SLOTS: usize = 10;
/// Consecutive successes that close a circuit again.
const CLOSE_AFTER: u32 = 5;
/// Time without a success after which an endpoint is disabled.
const DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// What an attempt shows of the health of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    Success,
    Failure,
    /// It refused this message or this URL permanently, which says nothing about its health.
    Neutral,
}

/// What follows for the job of the attempt and for the row of the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// A failure counts against the job's retries.
    pub(super) counted: bool,
    pub(super) change: Option<Change>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: i64,
    successes: u32,
    failures: u32,
}

/// The circuit of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Circuit {
    health: Health,
    changed_at: Timestamp,
    held_until: Timestamp,
    fail_since: Option<Timestamp>,
    reason: Option<String>,
    failures: u32,
    successes: u32,
    window: [Slot; SLOTS],
}

impl Circuit {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            health: endpoint.health,
            changed_at: endpoint.changed_at,
            held_until: endpoint.held_until,
            fail_since: endpoint.fail_since,
            reason: endpoint.reason.clone(),
            failures: 0,
            successes: 0,
            window: [Slot::default(); SLOTS],
        }
    }

    /// Adopts a newer state that another engine has stored.
    pub(super) fn update(&mut self, endpoint: &Endpoint) {
        if endpoint.changed_at > self.changed_at && endpoint.health != self.health {
            *self = Self::of(endpoint);
        }
    }

    /// The number of concurrent jobs that the circuit allows; `None` for no limit.
    pub(super) fn cap(&self) -> Option<usize> {
        match self.health {
            Health::Closed => None,
            // Disabled endpoints need capacity, too: with 0 the engine would not claim from them and never see that one is enabled again.
            Health::Open | Health::HalfOpen | Health::Disabled => Some(1),
        }
    }

    pub(super) fn held_until(&self) -> Timestamp {
        self.held_until
    }

    /// Applies the result of an attempt. `probe`: the time between two probes of an open circuit.
    pub(super) fn observe(
        &mut self,
        observation: Observation,
        now: Timestamp,
        probe: Duration,
    ) -> Decision {
        let counted = self.health == Health::Closed;
        let change = match observation {
            Observation::Success => self.succeeded(now),
            Observation::Failure => self.failed(now, probe),
            Observation::Neutral => None,
        };
        Decision { counted, change }
    }

    fn succeeded(&mut self, now: Timestamp) -> Option<Change> {
        self.slot(now).successes += 1;
        self.failures = 0;
        match self.health {
            Health::Closed => {
                self.fail_since.take()?;
                Some(self.change(now))
            }
            Health::Open => {
                self.successes = 1;
                self.set(Health::HalfOpen, now, Timestamp::from_millis(0))
            }
            Health::HalfOpen => {
                self.successes += 1;
                if self.successes < CLOSE_AFTER {
                    return None;
                }
                self.fail_since = None;
                self.window = [Slot::default(); SLOTS];
                self.set(Health::Closed, now, Timestamp::from_millis(0))
            }
            Health::Disabled => None,
        }
    }

    fn failed(&mut self, now: Timestamp, probe: Duration) -> Option<Change> {
        self.slot(now).failures += 1;
        self.failures = self.failures.saturating_add(1);
        self.successes = 0;
        let is_first = self.fail_since.is_none();
        let since = *self.fail_since.get_or_insert(now);
        if self.health == Health::Disabled {
            return None;
        }
        if now.since(since) >= DISABLE_AFTER {
            let days = DISABLE_AFTER.as_secs() / 86_400;
            self.reason = Some(format!("nothing has succeeded for {days} days"));
            return self.set(Health::Disabled, now, Timestamp::from_millis(0));
        }
        let held_until = now.plus(probe);
        match self.health {
            Health::Closed if self.failures >= OPEN_AFTER || self.fails_too_often(now) => {
                self.set(Health::Open, now, held_until)
            }
            Health::Open | Health::HalfOpen => self.set(Health::Open, now, held_until),
            _ => is_first.then(|| self.change(now)),
        }
    }

    fn set(&mut self, health: Health, now: Timestamp, held_until: Timestamp) -> Option<Change> {
        self.health = health;
        self.held_until = held_until;
        Some(self.change(now))
    }

    fn change(&mut self, now: Timestamp) -> Change {
        self.changed_at = now;
        Change {
            health: self.health,
            at: now,
            held_until: self.held_until,
            fail_since: self.fail_since,
            reason: self.reason.clone(),
        }
    }

    fn slot(&mut self, now: Timestamp) -> &mut Slot {
        let number = slot_number(now);
        let slot = &mut self.window[usize::try_from(number.rem_euclid(SLOTS as i64)).unwrap_or(0)];
        if slot.number != number {
            *slot = Slot {
                number,
                ..Slot::default()
            };
        }
        slot
    }

    fn fails_too_often(&self, now: Timestamp) -> bool {
        let oldest = slot_number(now) - SLOTS as i64;
        let recent = || self.window.iter().filter(|slot| slot.number > oldest);
        let failures: u32 = recent().map(|slot| slot.failures).sum();
        let requests: u32 = failures + recent().map(|slot| slot.successes).sum::<u32>();
        requests >= MIN_REQUESTS && failures * 100 >= requests * MAX_FAILURES
    }
}

fn slot_number(now: Timestamp) -> i64 {
    now.secs().div_euclid(SLOT.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: Duration = Duration::from_secs(30);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_777_111_200 + seconds)
    }

    fn fresh() -> Circuit {
        Circuit::of(&endpoint(Health::Closed, 0))
    }

    fn endpoint(health: Health, changed: i64) -> Endpoint {
        Endpoint {
            id: 1,
            url: "http://127.0.0.1:1/".to_owned(),
            health,
            changed_at: Timestamp::from_secs(changed),
            held_until: Timestamp::from_millis(0),
            fail_since: None,
            reason: None,
        }
    }

    fn opened() -> Circuit {
        let mut circuit = fresh();
        for _ in 0..OPEN_AFTER {
            circuit.observe(Observation::Failure, at(0), PROBE);
        }
        circuit
    }

    #[test]
    fn ten_consecutive_failures_open_a_circuit() {
        let mut circuit = fresh();
        for _ in 0..9 {
            circuit.observe(Observation::Failure, at(0), PROBE);
        }
        assert_eq!(circuit.health, Health::Closed);
        let decision = circuit.observe(Observation::Failure, at(1), PROBE);
        assert!(decision.counted);
        let change = decision.change.unwrap();
        assert_eq!((change.health, change.held_until), (Health::Open, at(31)));
    }

    #[test]
    fn a_success_resets_the_consecutive_failures() {
        let mut circuit = fresh();
        for round in 0..40 {
            let observation = if round % 3 == 0 {
                Observation::Success
            } else {
                Observation::Failure
            };
            circuit.observe(observation, at(0), PROBE);
        }
        assert_eq!(circuit.health, Health::Closed);
    }

    #[test]
    fn seven_failures_of_ten_requests_within_five_minutes_open_a_circuit() {
        let mut circuit = fresh();
        for second in [0, 60, 120] {
            circuit.observe(Observation::Success, at(second), PROBE);
        }
        for second in 0..6 {
            circuit.observe(Observation::Failure, at(130 + second), PROBE);
        }
        assert_eq!(circuit.health, Health::Closed);
        circuit.observe(Observation::Failure, at(150), PROBE);
        assert_eq!(circuit.health, Health::Open);
    }

    #[test]
    fn failures_older_than_five_minutes_are_ignored() {
        let mut circuit = fresh();
        for _ in 0..9 {
            circuit.observe(Observation::Failure, at(0), PROBE);
        }
        circuit.observe(Observation::Success, at(1), PROBE);
        assert_eq!(circuit.health, Health::Closed);
        circuit.observe(Observation::Failure, at(400), PROBE);
        assert_eq!(circuit.health, Health::Closed);
    }

    #[test]
    fn a_failed_probe_is_not_counted_and_delays_the_next_one() {
        let mut circuit = opened();
        let decision = circuit.observe(Observation::Failure, at(31), PROBE);
        assert!(!decision.counted);
        assert_eq!(decision.change.unwrap().held_until, at(61));
        assert_eq!(circuit.cap(), Some(1));
    }

    #[test]
    fn five_successes_close_an_open_circuit() {
        let mut circuit = opened();
        let first = circuit.observe(Observation::Success, at(31), PROBE);
        assert_eq!(first.change.unwrap().health, Health::HalfOpen);
        for _ in 1..4 {
            assert_eq!(
                circuit.observe(Observation::Success, at(32), PROBE).change,
                None
            );
        }
        let last = circuit.observe(Observation::Success, at(33), PROBE);
        let change = last.change.unwrap();
        assert_eq!((change.health, change.fail_since), (Health::Closed, None));
        assert_eq!(circuit.cap(), None);
    }

    #[test]
    fn one_failure_opens_a_half_open_circuit_again() {
        let mut circuit = opened();
        circuit.observe(Observation::Success, at(31), PROBE);
        let decision = circuit.observe(Observation::Failure, at(32), PROBE);
        assert!(!decision.counted);
        assert_eq!(decision.change.unwrap().health, Health::Open);
        circuit.observe(Observation::Success, at(62), PROBE);
        assert_eq!(circuit.health, Health::HalfOpen);
    }

    #[test]
    fn five_days_without_a_success_disable_an_endpoint_once() {
        let mut circuit = fresh();
        circuit.observe(Observation::Failure, at(0), PROBE);
        let short = circuit.observe(Observation::Failure, at(5 * 86_400 - 1), PROBE);
        assert_eq!(short.change, None);
        let change = circuit
            .observe(Observation::Failure, at(5 * 86_400), PROBE)
            .change
            .unwrap();
        assert_eq!(change.health, Health::Disabled);
        assert_eq!(change.reason.unwrap(), "nothing has succeeded for 5 days");
        let again = circuit.observe(Observation::Failure, at(6 * 86_400), PROBE);
        assert_eq!(again.change, None);
    }

    #[test]
    fn a_success_resets_the_time_until_an_endpoint_is_disabled() {
        let mut circuit = fresh();
        circuit.observe(Observation::Failure, at(0), PROBE);
        circuit.observe(Observation::Success, at(3 * 86_400), PROBE);
        circuit.observe(Observation::Failure, at(6 * 86_400), PROBE);
        assert_eq!(circuit.health, Health::Closed);
    }

    #[test]
    fn permanent_refusals_of_messages_do_not_open_a_circuit() {
        let mut circuit = fresh();
        for _ in 0..50 {
            circuit.observe(Observation::Neutral, at(0), PROBE);
        }
        assert_eq!(circuit.health, Health::Closed);
    }

    #[test]
    fn the_first_failure_and_the_first_success_are_stored() {
        let mut circuit = fresh();
        let begins = circuit
            .observe(Observation::Failure, at(0), PROBE)
            .change
            .unwrap();
        assert_eq!(begins.fail_since, Some(at(0)));
        assert_eq!(
            circuit.observe(Observation::Failure, at(1), PROBE).change,
            None
        );
        let ends = circuit
            .observe(Observation::Success, at(2), PROBE)
            .change
            .unwrap();
        assert_eq!(ends.fail_since, None);
        assert_eq!(
            circuit.observe(Observation::Success, at(3), PROBE).change,
            None
        );
    }

    #[test]
    fn a_newer_state_of_another_engine_is_adopted() {
        let mut circuit = opened();
        circuit.update(&endpoint(Health::Closed, 5));
        assert_eq!(circuit.health, Health::Open);
        circuit.update(&endpoint(Health::Closed, at(2).secs()));
        assert_eq!(circuit.health, Health::Closed);
    }
}
