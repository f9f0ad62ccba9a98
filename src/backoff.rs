//! Retry profiles: the delays between attempts, with a cap and jitter. Random numbers are arguments.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The longest delay of any profile, and the longest `Retry-After` that a delivery waits for.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The largest number of retries in a flow's `retryLogic`.
pub const MOST_RETRIES: u32 = 10;

/// The delays of the Standard Webhooks specification, in seconds.
const STANDARD: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Delays in seconds that are short enough to wait for.
const DEV: [u64; 5] = [1, 2, 4, 8, 15];

/// When and how often a failed delivery is retried. Stored with each job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// The delays after the first, second, … failure. After the last delay the job is dead.
    #[serde(with = "millis")]
    pub delays: Vec<Duration>,
    #[serde(default, skip_serializing_if = "Jitter::is_usual")]
    pub jitter: Jitter,
}

/// How far a delay is changed at random, so that jobs that failed together are not retried together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Jitter {
    /// Up to 20 % shorter or longer.
    #[default]
    Around,
    /// Shorter by up to this percentage, as in BullMQ.
    Below(u8),
}

impl Jitter {
    fn is_usual(&self) -> bool {
        *self == Self::Around
    }

    fn apply(self, delay: Duration, random: f64) -> Duration {
        let random = random.clamp(0.0, 1.0);
        let factor = match self {
            Self::Around => 0.8 + 0.4 * random,
            Self::Below(percent) => 1.0 - f64::from(percent.min(100)) / 100.0 * random,
        };
        delay.mul_f64(factor)
    }
}

impl Retry {
    fn of(delays: impl IntoIterator<Item = Duration>) -> Self {
        Self {
            delays: delays.into_iter().map(|delay| delay.min(LONGEST)).collect(),
            jitter: Jitter::Around,
        }
    }

    /// No retries.
    pub fn none() -> Self {
        Self::of([])
    }

    /// 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: the schedule of the Standard Webhooks specification.
    pub fn standard() -> Self {
        Self::of(STANDARD.map(Duration::from_secs))
    }

    /// 1 s, 2 s, 4 s, 8 s, 15 s: for local development.
    pub fn dev() -> Self {
        Self::of(DEV.map(Duration::from_secs))
    }

    /// BullMQ's exponential backoff: `delay * 2^(attempt - 1)`, shortened by up to `jitter` percent.
    pub fn bullmq(delay: Duration, attempts: u32, jitter: u8) -> Self {
        let retries = attempts.saturating_sub(1).min(1_000);
        let mut retry = Self::of(
            (0..retries)
                .map(|made| delay.saturating_mul(2_u32.checked_pow(made).unwrap_or(u32::MAX))),
        );
        retry.jitter = Jitter::Below(jitter.min(100));
        retry
    }

    /// A flow's `retryLogic`: at most [`MOST_RETRIES`] retries, each `minutes` after the previous failure.
    pub fn every(retries: u32, minutes: f64) -> Self {
        let seconds = if minutes.is_finite() {
            (minutes * 60.0).clamp(0.0, LONGEST.as_secs_f64())
        } else {
            0.0
        };
        let count = retries.min(MOST_RETRIES) as usize;
        Self::of(std::iter::repeat_n(Duration::from_secs_f64(seconds), count))
    }

    /// The `dev` profile with `retries` delays; the last delay is repeated if necessary.
    pub fn dev_times(retries: u32) -> Self {
        let last = DEV[DEV.len() - 1];
        let delays = DEV.into_iter().chain(std::iter::repeat(last));
        Self::of(
            delays
                .take(retries.min(1_000) as usize)
                .map(Duration::from_secs),
        )
    }

    /// The delay after this many failures, with jitter from `random` (0 to 1). `None` after the last retry.
    pub fn delay(&self, failures: u32, random: f64) -> Option<Duration> {
        let index = usize::try_from(failures).ok()?.checked_sub(1)?;
        let delay = self.delays.get(index)?;
        Some(self.jitter.apply(*delay, random).min(LONGEST))
    }
}

/// Parses a `Retry-After` header: seconds, or an HTTP date, which is counted from `now`. Returns `None` for invalid values and
/// for dates in the past.
pub fn retry_after(value: &[u8], now: Timestamp) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is still longer than any wait.
        return Some(Duration::from_secs(
            text.parse::<u64>()
                .unwrap_or(u64::MAX / 1_000)
                .min(u64::MAX / 1_000),
        ));
    }
    let date = http_date(text.as_bytes())?;
    (date > now).then(|| date.since(now))
}

/// Parses an HTTP date in one of the three forms of RFC 9110, section 5.6.7. Recipients must accept the two obsolete forms.
pub fn http_date(value: &[u8]) -> Option<Timestamp> {
    const FORMS: [&str; 3] = [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    ];
    // No valid date is longer.
    if value.len() > 40 {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?.trim();
    FORMS.iter().find_map(|form| {
        let date = chrono::NaiveDateTime::parse_from_str(text, form).ok()?;
        Some(Timestamp::from_millis(date.and_utc().timestamp_millis()))
    })
}

/// Durations as whole milliseconds, because each job stores its schedule.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        delays: &[Duration],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            delays
                .iter()
                .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Duration>, D::Error> {
        let millis = Vec::<u64>::deserialize(deserializer)?;
        Ok(millis.into_iter().map(Duration::from_millis).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_000);

    /// The whole schedule with one random number.
    fn schedule(retry: &Retry, random: f64) -> Vec<Duration> {
        (1..)
            .map_while(|failures| retry.delay(failures, random))
            .collect()
    }

    fn seconds(retry: &Retry) -> Vec<u64> {
        let schedule = schedule(retry, 0.5);
        schedule.iter().map(Duration::as_secs).collect()
    }

    #[test]
    fn the_standard_profile_has_the_delays_of_the_specification() {
        assert_eq!(
            seconds(&Retry::standard()),
            [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
        );
    }

    #[test]
    fn the_dev_profile_can_have_any_number_of_retries() {
        assert_eq!(seconds(&Retry::dev()), [1, 2, 4, 8, 15]);
        assert_eq!(seconds(&Retry::dev_times(2)), [1, 2]);
        assert_eq!(seconds(&Retry::dev_times(7)), [1, 2, 4, 8, 15, 15, 15]);
    }

    #[test]
    fn bullmq_delays_double_and_jitter_only_shortens_them() {
        let retry = Retry::bullmq(Duration::from_secs(1), 5, 50);
        let longest = [1000, 2000, 4000, 8000].map(Duration::from_millis);
        assert_eq!(schedule(&retry, 0.0), longest);
        let shortest = [500, 1000, 2000, 4000].map(Duration::from_millis);
        assert_eq!(schedule(&retry, 1.0), shortest);
    }

    #[test]
    fn an_exponential_profile_is_capped_at_a_day() {
        let retry = Retry::bullmq(Duration::from_secs(3600), 60, 0);
        assert_eq!(retry.delay(59, 0.0), Some(LONGEST));
    }

    #[test]
    fn jitter_changes_a_delay_by_at_most_20_percent() {
        let retry = Retry::dev();
        assert_eq!(retry.delay(1, 0.0), Some(Duration::from_millis(800)));
        assert_eq!(retry.delay(1, 1.0), Some(Duration::from_millis(1200)));
        assert_eq!(retry.delay(1, 7.0), Some(Duration::from_millis(1200)));
    }

    #[test]
    fn there_is_no_delay_before_the_first_failure_or_after_the_last_retry() {
        let retry = Retry::dev();
        assert!(retry.delay(5, 0.5).is_some());
        assert_eq!(retry.delay(6, 0.5), None);
        assert_eq!(retry.delay(0, 0.5), None);
        assert_eq!(Retry::none().delay(1, 0.5), None);
    }

    #[test]
    fn the_delays_of_a_flow_are_minutes_and_bounded() {
        assert_eq!(seconds(&Retry::every(2, 1.5)), [90, 90]);
        assert_eq!(Retry::every(99, 1.0).delays.len(), 10);
        assert_eq!(seconds(&Retry::every(1, f64::NAN)), [0]);
        assert_eq!(seconds(&Retry::every(1, -3.0)), [0]);
        assert_eq!(Retry::every(1, 1e300).delays, [LONGEST]);
    }

    #[test]
    fn a_schedule_is_stored_as_short_json_and_read_back() {
        let plain = serde_json::to_string(&Retry::dev()).unwrap();
        assert_eq!(plain, r#"{"delays":[1000,2000,4000,8000,15000]}"#);
        let full = Retry::bullmq(Duration::from_secs(1), 3, 20);
        let text = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<Retry>(&text).unwrap(), full);
    }

    #[test]
    fn retry_after_is_parsed_in_all_its_forms() {
        let reads = |text: &str| retry_after(text.as_bytes(), NOW);
        assert_eq!(reads("120"), Some(Duration::from_secs(120)));
        assert_eq!(reads(" 0 "), Some(Duration::ZERO));
        let minute = Some(Duration::from_secs(60));
        assert_eq!(reads("Sat, 25 Apr 2026 10:01:00 GMT"), minute);
        assert_eq!(reads("Saturday, 25-Apr-26 10:01:00 GMT"), minute);
        assert_eq!(reads("Sat Apr 25 10:01:00 2026"), minute);
    }

    #[test]
    fn an_invalid_retry_after_or_a_past_date_is_ignored() {
        for text in [
            "",
            "-1",
            "1.5",
            "soon",
            "+5",
            "0x10",
            "Sat, 25 Apr 2026 09:00:00 GMT",
            "Sat, 99 Apr 2026",
            "\u{0665}",
        ] {
            assert_eq!(retry_after(text.as_bytes(), NOW), None, "{text}");
        }
        assert_eq!(retry_after(b"\xff\xfe", NOW), None);
    }

    #[test]
    fn a_number_that_overflows_is_a_long_wait() {
        let wait = retry_after(b"99999999999999999999999999", NOW).unwrap();
        assert!(wait > 365 * LONGEST);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(wait) = retry_after(&bytes, NOW) {
                prop_assert!(NOW.plus(wait) >= NOW);
            }
        }

        #[test]
        fn any_number_of_seconds_is_accepted(seconds in 0_u64..1_000_000_000) {
            prop_assert_eq!(
                retry_after(seconds.to_string().as_bytes(), NOW),
                Some(Duration::from_secs(seconds))
            );
        }

        #[test]
        fn any_future_date_is_accepted(ahead in 1_i64..1_000_000_000) {
            let date = chrono::DateTime::from_timestamp(NOW.secs() + ahead, 0).unwrap();
            let text = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            prop_assert_eq!(
                retry_after(text.as_bytes(), NOW),
                Some(Duration::from_secs(ahead.unsigned_abs()))
            );
        }

        #[test]
        fn a_delay_stays_within_20_percent(failures in 1_u32..10, random in -1.0_f64..2.0) {
            let retry = Retry::standard();
            let plain = retry.delays[failures as usize - 1];
            if let Some(delay) = retry.delay(failures, random) {
                prop_assert!(delay <= plain.mul_f64(1.2001) && delay >= plain.mul_f64(0.7999));
            }
        }
    }
}
