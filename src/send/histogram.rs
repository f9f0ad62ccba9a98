//! A histogram of response times: a few kilobytes for any number of requests, exact to two percent.

use std::time::Duration;

/// Steps per power of two of microseconds.
const STEPS: usize = 64;
/// Powers of two: 2^40 µs are twelve days.
const POWERS: usize = 40;

/// Counts of requests by response time.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; STEPS * POWERS],
            total: 0,
            longest: Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, took: Duration) {
        self.counts[step(took)] += 1;
        self.total += 1;
        self.longest = self.longest.max(took);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// Returns the time that this share of all requests did not exceed; zero if there are no requests.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let wanted = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper(at).min(self.longest);
            }
        }
        self.longest
    }
}

fn step(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if micros < STEPS as u64 {
        return micros as usize;
    }
    let power = micros.ilog2() as usize;
    // Times below STEPS (2^6 µs) have returned above. Each later power of two is divided into STEPS steps.
    let within = (micros >> (power - 6)) as usize - STEPS;
    ((power - 5) * STEPS + within).min(STEPS * POWERS - 1)
}

/// The longest time of a step.
fn upper(step: usize) -> Duration {
    let micros = if step < STEPS {
        step as u64
    } else {
        let shift = step / STEPS - 1;
        (((step % STEPS + STEPS + 1) as u64) << shift) - 1
    };
    Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_exact_to_two_percent() {
        for micros in [0, 1, 63, 64, 100, 999, 12_345, 1_000_000, 90_000_000_u64] {
            let took = Duration::from_micros(micros);
            let upper = upper(step(took)).as_micros() as f64;
            assert!(
                upper >= micros as f64 && upper <= micros as f64 * 1.02 + 1.0,
                "{micros}: {upper}"
            );
        }
    }

    #[test]
    fn quantiles_cover_merged_histograms() {
        let (mut a, mut b) = (Histogram::new(), Histogram::new());
        for millis in 1..=50 {
            a.add(Duration::from_millis(millis));
            b.add(Duration::from_millis(millis + 50));
        }
        a.merge(&b);
        let half = a.quantile(0.5).as_secs_f64();
        assert!((0.050..0.0515).contains(&half), "{half}");
        assert_eq!(a.quantile(1.0), Duration::from_millis(100));
    }

    #[test]
    fn the_longest_possible_time_is_counted() {
        let mut histogram = Histogram::new();
        histogram.add(Duration::MAX);
        assert_eq!(histogram.longest(), Duration::MAX);
    }
}
