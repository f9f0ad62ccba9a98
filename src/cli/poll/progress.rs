//! How far it has come: records, place in time, rate, retries; on stderr, where that is a terminal and stdout is none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::task::AbortOnDropHandle;

use crate::cli::Context;
use crate::source::poll::{Gauge, Reading};

/// What is over sooner needs no progress.
const PATIENCE: Duration = Duration::from_millis(600);
/// Between two looks.
const EACH: Duration = Duration::from_millis(200);

/// Shows progress until the value is dropped.
pub(super) fn show(
    datatype: &str,
    gauge: Arc<Gauge>,
    has_file: bool,
    cx: &Arc<Context>,
) -> Option<AbortOnDropHandle<()>> {
    if cx.ui.stdout_is_terminal() && !has_file {
        // The records themselves are what is seen.
        return None;
    }
    let (datatype, cx) = (datatype.to_owned(), Arc::clone(cx));
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        let begun = Instant::now();
        tokio::time::sleep(PATIENCE).await;
        let progress = cx.ui.activity();
        loop {
            progress.say(&line(&datatype, gauge.read(), begun.elapsed()));
            tokio::time::sleep(EACH).await;
        }
    })))
}

/// `contact 48 210 of 200 000 records · at 2026-03-02 · 12.1k/s · 3 retries`
fn line(datatype: &str, reading: Reading, elapsed: Duration) -> String {
    let mut line = format!("{datatype} {}", grouped(reading.emitted));
    match (reading.total, share(reading)) {
        (Some(total), _) if total >= reading.emitted => {
            line.push_str(&format!(" of {} records", grouped(total)));
        }
        (_, Some(percent)) => line.push_str(&format!(" records · {percent} %")),
        _ => line.push_str(" records"),
    }
    if let Some(at) = reading.at {
        let at = at.to_string();
        line.push_str(&format!(" · at {}", at.get(..16).unwrap_or(&at)));
    }
    let rate = reading.rows as f64 / elapsed.as_secs_f64().max(0.001);
    line.push_str(&format!(" · {}/s", short(rate)));
    if reading.retries > 0 {
        let plural = if reading.retries == 1 {
            "retry"
        } else {
            "retries"
        };
        line.push_str(&format!(" · {} {plural}", reading.retries));
    }
    line
}

/// How much of the time between the start and now is behind.
fn share(reading: Reading) -> Option<i64> {
    let (from, at, until) = (reading.from?.get(), reading.at?.get(), reading.until?.get());
    let whole = until.checked_sub(from).filter(|whole| *whole > 0)?;
    Some((at.saturating_sub(from).saturating_mul(100) / whole).clamp(0, 100))
}

/// `48 210`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `12.1k`
fn short(rate: f64) -> String {
    if rate >= 1000.0 {
        format!("{:.1}k", rate / 1000.0)
    } else {
        format!("{rate:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watermark::Micros;

    #[test]
    fn progress_says_how_many_where_how_fast_and_what_was_asked_again() {
        let reading = Reading {
            emitted: 48_210,
            rows: 48_400,
            requests: 500,
            retries: 3,
            total: None,
            at: Some(Micros::new(1_777_111_200_000_000)),
            from: Some(Micros::new(1_777_111_100_000_000)),
            until: Some(Micros::new(1_777_111_300_000_000)),
        };
        assert_eq!(
            line("contact", reading, Duration::from_secs(4)),
            "contact 48 210 records · 50 % · at 2026-04-25T10:00 · 12.1k/s · 3 retries"
        );
        let counted = Reading {
            total: Some(200_000),
            retries: 0,
            ..reading
        };
        assert_eq!(
            line("contact", counted, Duration::from_secs(100)),
            "contact 48 210 of 200 000 records · at 2026-04-25T10:00 · 484/s"
        );
    }
}
