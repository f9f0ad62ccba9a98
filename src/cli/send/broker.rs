//! `evt send --to` a broker: publishes one message, or many, and reports what the broker confirmed.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use serde_json::json;

use super::once::millis;
use super::{Args, many, plan};
use crate::cli::{Context, brokers};
use crate::error::{CliError, Exit};
use crate::grammar::broker::BrokerUrl;
use crate::send::burst::Burst;
use crate::send::publish::{self, Published};
use crate::sink::{self, Publication, Receipt, SinkKind, SinkOptions};
use crate::ui::{Format, Style, safe, safe_block};

pub(super) async fn run(
    event: &str,
    url: &BrokerUrl,
    args: &Args,
    cx: &Context,
) -> Result<Exit, CliError> {
    refuse_flags_of_http(args)?;
    let kind = sink::kind_of(&url.scheme)?;
    (kind.check)(url)?;
    let publication = plan::publication(event, args, cx)?;
    if args.dry_run {
        return preview(kind, url, &publication, cx);
    }
    let url = brokers::complete(url.clone(), cx)?;
    #[cfg(feature = "nats")]
    let key = args.key.key();
    #[cfg(not(feature = "nats"))]
    let key = None;
    let user = args.user.as_deref();
    let login = brokers::login(user, args.password.as_ref(), key.as_ref(), cx)?;
    let options = SinkOptions {
        login: login.or(&url),
        url,
        dialer: cx.dialer()?,
        timeout: args.timeout.into(),
    };
    match args.times {
        None => once(kind, options, &publication, cx).await,
        Some(times) => repeat(kind, options, publication, times, args, cx).await,
    }
}

fn refuse_flags_of_http(args: &Args) -> Result<(), CliError> {
    let typed = [
        ("--check", args.check),
        ("--tamper", args.tamper.is_some()),
        ("--sign", args.sign.is_some()),
        ("--secret", !args.secret.is_empty()),
        ("--expect-status", args.expect_status.is_some()),
    ];
    match typed.iter().find(|(_, is_typed)| *is_typed) {
        Some((flag, _)) => Err(CliError::usage(format!(
            "{flag} is for HTTP, and --to is a broker"
        ))
        .hint(format!("leave {flag} out"))),
        None => Ok(()),
    }
}

fn preview(
    kind: &SinkKind,
    url: &BrokerUrl,
    publication: &Publication,
    cx: &Context,
) -> Result<Exit, CliError> {
    let frame = (kind.preview)(url, publication)?;
    match cx.ui.format() {
        Format::Raw => cx.ui.raw(&publication.body)?,
        Format::Text => cx.ui.line(&safe_block(frame.as_bytes()))?,
        Format::Json => cx
            .ui
            .json(&json!({ "to": url.to_string(), "frame": frame }))?,
    }
    Ok(Exit::Done)
}

async fn once(
    kind: &SinkKind,
    options: SinkOptions,
    publication: &Publication,
    cx: &Context,
) -> Result<Exit, CliError> {
    let url = options.url.to_string();
    let mut sink = (kind.open)(options)?;
    let started = Instant::now();
    let receipt = sink.publish(publication).await;
    let took = millis(started.elapsed());
    sink.close().await;
    let receipt = receipt?;
    if cx.ui.format() == Format::Text {
        let title = safe(publication.kind.as_deref().unwrap_or("message"));
        let result = cx.ui.paint(Style::Good, &described(&receipt));
        cx.ui
            .wrapped_line(&format!("{result} in {took:.1} ms  {title} to {url}"))?;
        return Ok(Exit::Done);
    }
    let mut facts = match receipt {
        Receipt::Sent { receivers } => json!({ "confirmed": false, "receivers": receivers }),
        Receipt::Stored {
            place,
            is_duplicate,
        } => json!({ "confirmed": true, "stored": place, "duplicate": is_duplicate }),
    };
    facts["id"] = publication.id.as_str().into();
    facts["to"] = url.into();
    facts["took_ms"] = took.into();
    cx.ui.json(&facts)?;
    Ok(Exit::Done)
}

fn described(receipt: &Receipt) -> String {
    match receipt {
        Receipt::Sent { receivers: None } => "sent, without confirmation".to_owned(),
        Receipt::Sent {
            receivers: Some(1), ..
        } => "sent to 1 receiver".to_owned(),
        Receipt::Sent {
            receivers: Some(count),
        } => format!("sent to {count} receivers"),
        Receipt::Stored {
            place,
            is_duplicate: false,
        } => format!("confirmed: {}", safe(place)),
        Receipt::Stored {
            place,
            is_duplicate: true,
        } => format!("confirmed as a duplicate: {}", safe(place)),
    }
}

async fn repeat(
    kind: &SinkKind,
    options: SinkOptions,
    publication: Publication,
    times: u64,
    args: &Args,
    cx: &Context,
) -> Result<Exit, CliError> {
    let burst = Burst {
        times,
        interval: args.rate.map(crate::grammar::quantity::Rate::interval),
        concurrency: usize::from(args.concurrency),
    };
    let workers = burst
        .concurrency
        .min(usize::try_from(times).unwrap_or(usize::MAX));
    let mut sinks = Vec::new();
    for _ in 0..workers {
        sinks.push((kind.open)(options.clone())?);
    }
    let done = Arc::new(AtomicU64::new(0));
    let stop = cx.shutdown.child_token();
    let sending = publish::run(sinks, publication, burst, Arc::clone(&done), stop);
    let published = many::watched(sending, &done, times, cx).await;
    show(&published, workers, cx)?;
    judge(published, times, &options.url, cx)
}

fn show(published: &Published, connections: usize, cx: &Context) -> Result<(), CliError> {
    let counts = [
        ("confirmed", published.stored),
        ("sent", published.sent),
        ("duplicates", published.duplicates),
        ("failed", published.failed),
        ("of these perhaps arrived", published.unknown),
    ];
    if cx.ui.format() == Format::Text {
        let mut text = format!(
            "{} published in {:.2} s: {:.0} per second over {connections} connections",
            published.accepted(),
            published.took.as_secs_f64(),
            published.rate(),
        );
        for (name, count) in counts.iter().filter(|(_, count)| *count > 0) {
            text.push_str(&format!("\n  {name:<26}{count:>10}"));
        }
        if published.accepted() > 0 {
            text.push_str(&format!(
                "\nlatency p50 {:.2} ms · p99 {:.2} ms · longest {:.2} ms",
                millis(published.quantile(0.5)),
                millis(published.quantile(0.99)),
                millis(published.longest()),
            ));
        }
        return Ok(cx.ui.line(&text)?);
    }
    cx.ui.json(&json!({
        "confirmed": published.stored,
        "sent": published.sent,
        "duplicates": published.duplicates,
        "failed": published.failed,
        "unknown": published.unknown,
        "took_ms": millis(published.took),
        "rate": published.rate().round(),
        "connections": connections,
        "latency_ms": {
            "p50": millis(published.quantile(0.5)),
            "p99": millis(published.quantile(0.99)),
            "max": millis(published.longest()),
        },
    }))?;
    Ok(())
}

fn judge(
    published: Published,
    times: u64,
    url: &BrokerUrl,
    cx: &Context,
) -> Result<Exit, CliError> {
    let accepted = published.accepted();
    if accepted == times {
        return Ok(Exit::Done);
    }
    match published.first_error {
        Some(error) if accepted == 0 => Err(error.into()),
        Some(error) => {
            let message = format!("{url} accepted {accepted} of {times} messages: {error}");
            Err(CliError::new(Exit::Partly, "partly_delivered", message))
        }
        None => Ok(cx.interrupted().unwrap_or(Exit::Interrupted)),
    }
}
