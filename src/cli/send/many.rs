//! `evt send --times`: a progress bar, then counts and response times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Args;
use super::once::millis;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::grammar::statuses::Statuses;
use crate::send::Message;
use crate::send::burst::{self, Burst, Tally};
use crate::ui::Format;

/// How often the progress bar is updated.
const TICK: Duration = Duration::from_millis(100);
/// The quantiles of the response time that are printed.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

pub(super) async fn run(
    message: Message,
    times: u64,
    args: &Args,
    cx: &Context,
) -> Result<Exit, CliError> {
    let burst = Burst {
        times,
        interval: args.rate.map(crate::grammar::quantity::Rate::interval),
        concurrency: usize::from(args.concurrency),
    };
    let target = message.target.to_string();
    let done = Arc::new(AtomicU64::new(0));
    let stop = cx.shutdown.child_token();
    let dialer = cx.dialer()?;
    let sending = burst::run(&dialer, message, burst, Arc::clone(&done), stop);
    let tally = watched(sending, &done, times, cx).await?;
    show(&tally, &burst, cx)?;
    judge(tally, times, &target, args, cx)
}

/// Runs the work and shows its progress.
pub(super) async fn watched<T>(
    work: impl Future<Output = T>,
    done: &AtomicU64,
    times: u64,
    cx: &Context,
) -> T {
    let progress = cx.ui.progress("sent", Some(times));
    let mut ticks = tokio::time::interval(TICK);
    let mut shown = 0;
    tokio::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return result,
            _ = ticks.tick() => {
                let now = done.load(Ordering::Relaxed);
                progress.add(now - shown);
                shown = now;
            }
        }
    }
}

fn show(tally: &Tally, burst: &Burst, cx: &Context) -> Result<(), CliError> {
    if cx.ui.format() == Format::Text {
        return Ok(cx.ui.line(&text(tally, burst))?);
    }
    let statuses: Map<String, Value> = tally
        .statuses
        .iter()
        .map(|(status, count)| (status.to_string(), (*count).into()))
        .collect();
    let errors: Map<String, Value> = tally
        .errors
        .iter()
        .map(|(code, count)| ((*code).to_owned(), (*count).into()))
        .collect();
    let mut latency: Map<String, Value> = QUANTILES
        .iter()
        .map(|(name, share)| ((*name).to_owned(), millis(tally.quantile(*share)).into()))
        .collect();
    latency.insert("max".to_owned(), millis(tally.longest()).into());
    cx.ui.json(&json!({
        "sent": tally.answered() + tally.unanswered(),
        "answered": tally.answered(),
        "statuses": statuses,
        "errors": errors,
        "took_ms": millis(tally.took),
        "rate": tally.rate().round(),
        "concurrency": burst.concurrency,
        "latency_ms": latency,
    }))?;
    Ok(())
}

fn text(tally: &Tally, burst: &Burst) -> String {
    let mut text = format!(
        "{} sent in {:.2} s: {:.0} answers per second over {} connections",
        tally.answered() + tally.unanswered(),
        tally.took.as_secs_f64(),
        tally.rate(),
        burst.concurrency,
    );
    for (status, count) in &tally.statuses {
        text.push_str(&format!("\n  {status:<18}{count:>10}"));
    }
    for (code, count) in &tally.errors {
        text.push_str(&format!("\n  {code:<18}{count:>10}"));
    }
    if tally.answered() > 0 {
        text.push_str("\nlatency");
        for (name, share) in QUANTILES {
            text.push_str(&format!(
                " {name} {:.2} ms ·",
                millis(tally.quantile(share))
            ));
        }
        text.push_str(&format!(" longest {:.2} ms", millis(tally.longest())));
    }
    text
}

fn judge(
    tally: Tally,
    times: u64,
    target: &str,
    args: &Args,
    cx: &Context,
) -> Result<Exit, CliError> {
    let answered = tally.answered();
    if answered == 0
        && let Some(error) = tally.first_error
    {
        return Err(error.into());
    }
    if let Some(exit) = cx.interrupted()
        && answered + tally.unanswered() < times
    {
        return Ok(exit);
    }
    let two_hundreds: Statuses = "2xx".parse()?;
    let expected = args.expect_status.as_ref().unwrap_or(&two_hundreds);
    let good: u64 = tally
        .statuses
        .iter()
        .filter(|(status, _)| expected.contains(**status))
        .map(|(_, count)| count)
        .sum();
    if good == times {
        return Ok(Exit::Done);
    }
    let message = format!("{target} answered {good} of {times} requests with {expected}");
    let (exit, code) = if args.expect_status.is_some() {
        (Exit::GoalNotMet, "unexpected_status")
    } else if good == 0 {
        (Exit::Undelivered, "target_answered")
    } else {
        (Exit::Partly, "partly_delivered")
    };
    Err(CliError::new(exit, code, message))
}
