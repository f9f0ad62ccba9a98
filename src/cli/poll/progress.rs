//! Progress on stderr: records, date, rate and retries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::task::AbortOnDropHandle;

use crate::cli::Context;
use crate::source::poll::{Counts, Progress};

/// A poll that ends sooner shows no progress.
const DELAY: Duration = Duration::from_millis(600);
/// Between two updates.
const INTERVAL: Duration = Duration::from_millis(200);

/// Shows progress until the value is dropped.
pub(super) fn show(
    datatype: &str,
    progress: Arc<Progress>,
    has_file: bool,
    cx: &Arc<Context>,
) -> Option<AbortOnDropHandle<()>> {
    if cx.ui.stdout_is_terminal() && !has_file {
        // The records on the terminal are the progress.
        return None;
    }
    let (datatype, cx) = (datatype.to_owned(), Arc::clone(cx));
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        let begun = Instant::now();
        tokio::time::sleep(DELAY).await;
        let activity = cx.ui.activity();
        loop {
            activity.set_text(&line(&datatype, progress.counts(), begun.elapsed()));
            tokio::time::sleep(INTERVAL).await;
        }
    })))
}

/// `contact 48 210 of 200 000 records · at 2026-03-02 · 12.1k/s · 3 retries`
fn line(datatype: &str, counts: Counts, elapsed: Duration) -> String {
    let mut line = format!("{datatype} {}", grouped(counts.emitted));
    match (counts.total, share(counts)) {
        (Some(total), _) if total >= counts.emitted => {
            line.push_str(&format!(" of {} records", grouped(total)));
        }
        (_, Some(percent)) => line.push_str(&format!(" records · {percent} %")),
        _ => line.push_str(" records"),
    }
    if let Some(at) = counts.at {
        let at = at.to_string();
        line.push_str(&format!(" · at {}", at.get(..16).unwrap_or(&at)));
    }
    let rate = counts.rows as f64 / elapsed.as_secs_f64().max(0.001);
    line.push_str(&format!(" · {}/s", short(rate)));
    if counts.retries > 0 {
        let plural = if counts.retries == 1 {
            "retry"
        } else {
            "retries"
        };
        line.push_str(&format!(" · {} {plural}", counts.retries));
    }
    line
}

/// How far the poll has come between its start and now, in percent.
fn share(counts: Counts) -> Option<i64> {
    let (from, at, until) = (counts.from?.get(), counts.at?.get(), counts.until?.get());
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
    fn progress_shows_records_date_rate_and_retries() {
        let counts = Counts {
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
            line("contact", counts, Duration::from_secs(4)),
            "contact 48 210 records · 50 % · at 2026-04-25T10:00 · 12.1k/s · 3 retries"
        );
        let counted = Counts {
            total: Some(200_000),
            retries: 0,
            ..counts
        };
        assert_eq!(
            line("contact", counted, Duration::from_secs(100)),
            "contact 48 210 of 200 000 records · at 2026-04-25T10:00 · 484/s"
        );
    }
}
