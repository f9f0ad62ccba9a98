//! An endpoint's circuit: closed, open after repeated failure, half open after the first success of a probe. Pure: time is passed in.

use std::time::Duration;

use crate::store::endpoints::{Change, Endpoint, Health};
use crate::time::Timestamp;

/// Failures in a row that open a circuit (the numbers are Convoy's).
pub(crate) const CONSECUTIVE: u32 = 10;
/// Requests in the window below which a rate says nothing.
const MINIMUM: u32 = 10;
/// Share of failures in the window, in percent, that opens a circuit.
const THRESHOLD: u32 = 70;
/// The window: ten slots of half a minute.
const SLOT: Duration = Duration::from_secs(30);
const SLOTS: usize = 10;
/// Successes in a row that close a circuit again.
pub(crate) const TRUSTED: u32 = 5;

/// The times that a circuit goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) probe: Duration,
    pub(crate) disable_after: Duration,
}

/// What an attempt showed of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    Success,
    Failure,
    /// It refused this very message or URL for good; that says nothing of its health.
    Neutral,
}

/// What follows for the attempt's job and for the endpoint's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// The failure counts against the job's retries: jobs are not burnt on an endpoint that is known to be down.
    pub(crate) counted: bool,
    pub(crate) change: Option<Change>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: i64,
    good: u32,
    bad: u32,
}

/// The circuit of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Circuit {
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
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
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

    /// Takes over what another engine has stored since.
    pub(crate) fn adopt(&mut self, endpoint: &Endpoint) {
        if endpoint.changed_at > self.changed_at && endpoint.health != self.health {
            *self = Self::of(endpoint);
        }
    }

    /// Jobs under way at once, where the circuit has a say.
    pub(crate) fn cap(&self) -> Option<usize> {
        match self.health {
            Health::Closed => None,
            // Of a disabled endpoint nothing is claimed; its room is what lets the store say that it is enabled again.
            Health::Open | Health::HalfOpen | Health::Disabled => Some(1),
        }
    }

    pub(crate) fn held_until(&self) -> Timestamp {
        self.held_until
    }

    pub(crate) fn observe(&mut self, observed: Observed, now: Timestamp, pace: Pace) -> Ruling {
        let counted = self.health == Health::Closed;
        let change = match observed {
            Observed::Success => self.succeeded(now),
            Observed::Failure => self.failed(now, pace),
            Observed::Neutral => None,
        };
        Ruling { counted, change }
    }

    fn succeeded(&mut self, now: Timestamp) -> Option<Change> {
        self.slot(now).good += 1;
        self.failures = 0;
        match self.health {
            Health::Closed => {
                self.fail_since.take()?;
                Some(self.change(now))
            }
            Health::Open => {
                self.successes = 1;
                self.turn(Health::HalfOpen, now, Timestamp::from_millis(0))
            }
            Health::HalfOpen => {
                self.successes += 1;
                if self.successes < TRUSTED {
                    return None;
                }
                self.fail_since = None;
                self.window = [Slot::default(); SLOTS];
                self.turn(Health::Closed, now, Timestamp::from_millis(0))
            }
            Health::Disabled => None,
        }
    }

    fn failed(&mut self, now: Timestamp, pace: Pace) -> Option<Change> {
        self.slot(now).bad += 1;
        self.failures = self.failures.saturating_add(1);
        self.successes = 0;
        let is_first = self.fail_since.is_none();
        let since = *self.fail_since.get_or_insert(now);
        if self.health == Health::Disabled {
            return None;
        }
        if now.since(since) >= pace.disable_after {
            let days = pace.disable_after.as_secs_f64() / 86_400.0;
            return self.disable(now, format!("nothing has succeeded for {days} days"));
        }
        let held_until = now.plus(pace.probe);
        match self.health {
            Health::Closed if self.failures >= CONSECUTIVE || self.fails_mostly(now) => {
                self.turn(Health::Open, now, held_until)
            }
            Health::Open | Health::HalfOpen => self.turn(Health::Open, now, held_until),
            _ => is_first.then(|| self.change(now)),
        }
    }

    fn disable(&mut self, now: Timestamp, reason: String) -> Option<Change> {
        if self.health == Health::Disabled {
            return None;
        }
        self.reason = Some(reason);
        self.turn(Health::Disabled, now, Timestamp::from_millis(0))
    }

    fn turn(&mut self, health: Health, now: Timestamp, held_until: Timestamp) -> Option<Change> {
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
                good: 0,
                bad: 0,
            };
        }
        slot
    }

    fn fails_mostly(&self, now: Timestamp) -> bool {
        let oldest = slot_number(now) - SLOTS as i64;
        let recent = || self.window.iter().filter(|slot| slot.number > oldest);
        let bad: u32 = recent().map(|slot| slot.bad).sum();
        let all: u32 = bad + recent().map(|slot| slot.good).sum::<u32>();
        all >= MINIMUM && bad * 100 >= all * THRESHOLD
    }
}

fn slot_number(now: Timestamp) -> i64 {
    now.secs().div_euclid(SLOT.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        probe: Duration::from_secs(30),
        disable_after: Duration::from_secs(5 * 86_400),
    };

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
        for _ in 0..CONSECUTIVE {
            circuit.observe(Observed::Failure, at(0), PACE);
        }
        circuit
    }

    #[test]
    fn ten_failures_in_a_row_open_it_and_nine_do_not() {
        let mut circuit = fresh();
        for _ in 0..9 {
            circuit.observe(Observed::Failure, at(0), PACE);
        }
        assert_eq!(circuit.health, Health::Closed);
        let ruling = circuit.observe(Observed::Failure, at(1), PACE);
        assert!(ruling.counted);
        let change = ruling.change.unwrap();
        assert_eq!((change.health, change.held_until), (Health::Open, at(31)));
    }

    #[test]
    fn a_success_between_starts_the_row_again() {
        let mut circuit = fresh();
        for round in 0..40 {
            let observed = if round % 3 == 0 {
                Observed::Success
            } else {
                Observed::Failure
            };
            circuit.observe(observed, at(0), PACE);
        }
        assert_eq!(circuit.health, Health::Closed);
    }

    #[test]
    fn seven_of_ten_within_five_minutes_open_it() {
        let mut circuit = fresh();
        for second in [0, 60, 120] {
            circuit.observe(Observed::Success, at(second), PACE);
        }
        for second in 0..6 {
            circuit.observe(Observed::Failure, at(130 + second), PACE);
        }
        assert_eq!(circuit.health, Health::Closed);
        circuit.observe(Observed::Failure, at(150), PACE);
        assert_eq!(circuit.health, Health::Open);
    }

    #[test]
    fn what_lies_more_than_five_minutes_back_is_forgotten() {
        let mut circuit = fresh();
        for _ in 0..9 {
            circuit.observe(Observed::Failure, at(0), PACE);
        }
        circuit.observe(Observed::Success, at(1), PACE);
        assert_eq!(circuit.health, Health::Closed);
        circuit.observe(Observed::Failure, at(400), PACE);
        assert_eq!(circuit.health, Health::Closed);
    }

    #[test]
    fn failures_of_an_open_circuit_are_not_counted_and_put_the_next_probe_off() {
        let mut circuit = opened();
        let ruling = circuit.observe(Observed::Failure, at(31), PACE);
        assert!(!ruling.counted);
        assert_eq!(ruling.change.unwrap().held_until, at(61));
        assert_eq!(circuit.cap(), Some(1));
    }

    #[test]
    fn five_successes_close_an_open_circuit() {
        let mut circuit = opened();
        let first = circuit.observe(Observed::Success, at(31), PACE);
        assert_eq!(first.change.unwrap().health, Health::HalfOpen);
        for _ in 1..4 {
            assert_eq!(
                circuit.observe(Observed::Success, at(32), PACE).change,
                None
            );
        }
        let last = circuit.observe(Observed::Success, at(33), PACE);
        let change = last.change.unwrap();
        assert_eq!((change.health, change.fail_since), (Health::Closed, None));
        assert_eq!(circuit.cap(), None);
    }

    #[test]
    fn one_failure_opens_a_half_open_circuit_again() {
        let mut circuit = opened();
        circuit.observe(Observed::Success, at(31), PACE);
        let ruling = circuit.observe(Observed::Failure, at(32), PACE);
        assert!(!ruling.counted);
        assert_eq!(ruling.change.unwrap().health, Health::Open);
        circuit.observe(Observed::Success, at(62), PACE);
        assert_eq!(circuit.health, Health::HalfOpen);
    }

    #[test]
    fn five_days_without_a_success_disable_the_endpoint_once() {
        let mut circuit = fresh();
        circuit.observe(Observed::Failure, at(0), PACE);
        let short = circuit.observe(Observed::Failure, at(5 * 86_400 - 1), PACE);
        assert_eq!(short.change, None);
        let change = circuit
            .observe(Observed::Failure, at(5 * 86_400), PACE)
            .change
            .unwrap();
        assert_eq!(change.health, Health::Disabled);
        assert_eq!(change.reason.unwrap(), "nothing has succeeded for 5 days");
        let again = circuit.observe(Observed::Failure, at(6 * 86_400), PACE);
        assert_eq!(again.change, None);
    }

    #[test]
    fn a_success_ends_the_unbroken_failure() {
        let mut circuit = fresh();
        circuit.observe(Observed::Failure, at(0), PACE);
        circuit.observe(Observed::Success, at(3 * 86_400), PACE);
        circuit.observe(Observed::Failure, at(6 * 86_400), PACE);
        assert_eq!(circuit.health, Health::Closed);
    }

    #[test]
    fn a_message_that_is_refused_for_good_says_nothing_of_the_endpoint() {
        let mut circuit = fresh();
        for _ in 0..50 {
            circuit.observe(Observed::Neutral, at(0), PACE);
        }
        assert_eq!(circuit.health, Health::Closed);
    }

    #[test]
    fn the_beginning_and_the_end_of_failure_are_stored() {
        let mut circuit = fresh();
        let begins = circuit
            .observe(Observed::Failure, at(0), PACE)
            .change
            .unwrap();
        assert_eq!(begins.fail_since, Some(at(0)));
        assert_eq!(circuit.observe(Observed::Failure, at(1), PACE).change, None);
        let ends = circuit
            .observe(Observed::Success, at(2), PACE)
            .change
            .unwrap();
        assert_eq!(ends.fail_since, None);
        assert_eq!(circuit.observe(Observed::Success, at(3), PACE).change, None);
    }

    #[test]
    fn the_later_observation_of_two_engines_wins() {
        let mut circuit = opened();
        circuit.adopt(&endpoint(Health::Closed, 5));
        assert_eq!(circuit.health, Health::Open);
        circuit.adopt(&endpoint(Health::Closed, at(2).secs()));
        assert_eq!(circuit.health, Health::Closed);
    }
}
