//! `evt send` of a single event: stores it, prints the answer, and judges it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::Args;
use crate::cli::Context;
use crate::dial::{self, Answer, Call, DialError};
use crate::envelope;
use crate::error::{CliError, Exit};
use crate::event::{Event, Outcome, Source, Transport};
use crate::explain::shell_word;
use crate::json::{self, Raw};
use crate::record;
use crate::sample::Occasion;
use crate::send::tamper::{self, Tamper, TamperError};
use crate::send::{Message, id_of, new_id, wire};
use crate::store::{StoreError, events};
use crate::time::Timestamp;
use crate::ui::{Format, Style, safe_block};

/// How much of the answer's body is printed.
const LINES: usize = 20;
const BYTES: usize = 4096;
/// The most characters of the reason that an answer gives.
const LONGEST_REASON: usize = 200;

pub(super) async fn run(message: Message, args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let now = Timestamp::now();
    let id = match args.seed {
        Some(seed) => id_of(Occasion::seeded(seed, "").id),
        None => new_id(),
    };
    let call = match args.tamper {
        Some(tamper) => tamper::call(&message, tamper, &id, now).map_err(explain_tamper)?,
        None => message.call(&id, now)?,
    };
    if args.dry_run {
        show_request(&call, cx)?;
        return Ok(Exit::Done);
    }
    let dialer = cx.dialer()?;
    if args.tamper == Some(Tamper::Replay) {
        let first = dialer.send(call.clone()).await?;
        if !first.status.is_success() {
            return Err(undelivered(&call, &first)
                .hint("--tamper replay needs an endpoint that accepts the first request"));
        }
    }
    let started_at = Timestamp::now();
    let mut result = dialer.send(call.clone()).await;
    let outcome = match &result {
        // Not `failed`: a replay of all failed events must not send it again.
        Ok(answer) if args.tamper.is_some() && answer.status.is_client_error() => Outcome::Rejected,
        _ => dial::outcome(&result),
    };
    let attempts = vec![Arc::new(dial::attempt(started_at, &mut result))];
    let sent = Event {
        attempts,
        ..event(&call, now, outcome)
    };
    let event = keep(sent, cx).await?;
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => return Err(unreachable(error, &event, args, cx)?),
    };
    show(&event, &call, &answer, cx)?;
    let scheme = message.signing.map(|signing| signing.scheme.name());
    judge(&call, &answer, &event, scheme, args)
}

/// Prints the request.
fn show_request(call: &Call, cx: &Context) -> Result<(), CliError> {
    if cx.globals.wants_curl() {
        cx.ui.line(&wire::curl(call))?;
        return Ok(());
    }
    match cx.ui.format() {
        Format::Raw => cx.ui.raw(&wire::raw(call))?,
        Format::Text => cx.ui.line(
            safe_block(&wire::raw(call))
                .replace("\\r\n", "\n")
                .trim_end_matches('\n'),
        )?,
        Format::Json => {
            let headers: Vec<[String; 2]> = call
                .headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    [name.to_string(), value.into_owned()]
                })
                .collect();
            let head = json!({
                "method": call.method.as_str(),
                "url": call.target.to_string(),
                "headers": headers,
            });
            let mut line = serde_json::to_vec(&head).unwrap_or_default();
            append(&mut line, "body", &call.body);
            cx.ui.json_bytes(&line)?;
        }
    }
    Ok(())
}

fn event(call: &Call, now: Timestamp, outcome: Outcome) -> Event {
    Event {
        seq: None,
        received_at: now,
        source: Source::Send,
        transport: Transport::Http,
        method: call.method.clone(),
        target: wire::path(call),
        headers: call.headers.clone(),
        body: call.body.clone(),
        meta: envelope::detect(&call.headers, &call.body),
        verdict: None,
        outcome,
        attempts: Vec::new(),
    }
}

async fn keep(event: Event, cx: &Context) -> Result<Event, CliError> {
    let store = cx.inbox()?;
    let kept = store
        .write(move |tx| -> Result<Event, StoreError> {
            let seq = events::insert(tx, &event, None)?;
            Ok(Event {
                seq: Some(seq),
                ..event
            })
        })
        .await?;
    Ok(kept)
}

fn show(event: &Event, call: &Call, answer: &Answer, cx: &Context) -> Result<(), CliError> {
    match cx.ui.format() {
        Format::Text => {
            cx.ui.wrapped_line(&headline(event, call, answer, cx))?;
            let body = first_lines(&answer.body);
            if !body.is_empty() {
                cx.ui.line(&body)?;
            }
        }
        Format::Json => {
            let mut line = Vec::new();
            record::write(event, &mut line);
            let mut facts = serde_json::to_vec(&json!({
                "status": answer.status.as_u16(),
                "took_ms": millis(answer.took),
            }))
            .unwrap_or_default();
            append(&mut facts, "body", &answer.body);
            line.pop();
            line.extend_from_slice(b",\"answer\":");
            line.extend_from_slice(&facts);
            line.push(b'}');
            cx.ui.json_bytes(&line)?;
        }
        Format::Raw => cx.ui.raw(&answer.body)?,
    }
    Ok(())
}

fn headline(event: &Event, call: &Call, answer: &Answer, cx: &Context) -> String {
    let style = if answer.status.is_success() {
        Style::Good
    } else {
        Style::Bad
    };
    let reference = reference(event);
    format!(
        "{} in {:.1} ms  {} to {}, stored as {reference}",
        cx.ui.paint(style, &answer.status.to_string()),
        millis(answer.took),
        crate::ui::safe(&event.title()),
        call.target,
    )
}

fn first_lines(body: &[u8]) -> String {
    let shown = &body[..body.len().min(BYTES)];
    let lines: Vec<&[u8]> = shown.split(|byte| *byte == b'\n').take(LINES).collect();
    let text = lines.join(&b'\n');
    let text = text.trim_ascii_end();
    let mut block = safe_block(text);
    if text.len() < body.trim_ascii_end().len() {
        block.push('…');
    }
    block
}

/// Adds a body to a JSON object: JSON as it is, text as a string.
fn append(object: &mut Vec<u8>, name: &str, body: &[u8]) {
    object.pop();
    object.extend_from_slice(format!(",\"{name}\":").as_bytes());
    if json::is_json(body) {
        json::minify(body, object);
    } else {
        let text = serde_json::to_vec(&String::from_utf8_lossy(body)).unwrap_or_default();
        object.extend_from_slice(&text);
    }
    object.push(b'}');
}

fn judge(
    call: &Call,
    answer: &Answer,
    event: &Event,
    scheme: Option<&str>,
    args: &Args,
) -> Result<Exit, CliError> {
    let status = answer.status;
    if let Some(tamper) = args.tamper {
        return judge_tampered(tamper, call, answer);
    }
    if let Some(expected) = &args.expect_status {
        if expected.contains(status.as_u16()) {
            return Ok(Exit::Done);
        }
        let message = format!("the target answered {status}; expected {expected}");
        return Err(CliError::new(
            Exit::GoalNotMet,
            "unexpected_status",
            message,
        ));
    }
    if status.is_success() {
        return Ok(Exit::Done);
    }
    if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(undelivered(call, answer).hint(replay_hint(event, call)));
    }
    // No hint to replay: with the same signature the event would be refused again.
    let mut error = undelivered(call, answer);
    if let Some(why) = why(&answer.body) {
        error = error.hint(format!("the endpoint says: {why}"));
    }
    Err(error.hint(verify_hint(event, scheme)))
}

/// Returns the reason that a JSON answer gives, in one line.
fn why(body: &[u8]) -> Option<String> {
    let body = Raw::check(body)?;
    let objects = [Some(body), body.member("error")];
    let mut texts = objects.into_iter().flatten().flat_map(|object| {
        ["hint", "message"]
            .iter()
            .filter_map(move |name| object.member(name)?.as_str())
    });
    let text = texts.find(|text| !text.trim().is_empty())?;
    let mut line: String = text.trim().chars().take(LONGEST_REASON).collect();
    if line.len() < text.trim().len() {
        line.push('…');
    }
    Some(crate::ui::safe(&line))
}

fn verify_hint(event: &Event, scheme: Option<&str>) -> String {
    let Some(scheme) = scheme else {
        return "--sign SCHEME --secret REF   signs the event".to_owned();
    };
    let reference = reference(event);
    format!("evt events verify {reference} --scheme {scheme} --secret REF   explains why")
}

fn reference(event: &Event) -> String {
    event.seq.map(|seq| seq.to_string()).unwrap_or_default()
}

fn judge_tampered(tamper: Tamper, call: &Call, answer: &Answer) -> Result<Exit, CliError> {
    let what = match tamper {
        Tamper::Body => "whose body was changed after signing",
        Tamper::Signature => "whose signature was changed",
        Tamper::Timestamp => "that was signed two hours ago",
        Tamper::Replay => "that it had accepted before",
    };
    if answer.status.is_client_error() {
        return Ok(Exit::Done);
    }
    if answer.status.is_success() {
        let message = format!("{} accepted a request {what}", call.target);
        let hint = match tamper {
            Tamper::Body | Tamper::Signature => {
                "verify the raw bytes of the body before anything else, and answer 401 if they do not match"
            }
            Tamper::Timestamp => {
                "compare the signed timestamp with the clock; five minutes are a common tolerance"
            }
            Tamper::Replay => {
                "--tamper replay tests whether a repeated request is refused; for that, remember the ids of the last minutes. A receiver that answers 2xx and ignores the repetition is right as well, and passes --check"
            }
        };
        return Err(CliError::new(Exit::BadSignature, "tampered_accepted", message).hint(hint));
    }
    Err(undelivered(call, answer).hint("answer an invalid request with 4xx"))
}

fn undelivered(call: &Call, answer: &Answer) -> CliError {
    let message = format!("{} answered {}", call.target, answer.status);
    CliError::new(Exit::Undelivered, "target_answered", message)
}

fn replay_hint(event: &Event, call: &Call) -> String {
    format!(
        "evt events replay {} --to {}",
        reference(event),
        shell_word(&call.target.to_string())
    )
}

/// There was no answer. The event is stored anyway, and printed with JSON output.
fn unreachable(
    error: DialError,
    event: &Event,
    args: &Args,
    cx: &Context,
) -> Result<CliError, CliError> {
    if cx.ui.format() == Format::Json {
        let mut line = Vec::new();
        record::write(event, &mut line);
        cx.ui.json_bytes(&line)?;
    }
    let refused = matches!(error, DialError::Refused { .. });
    let mut error = CliError::from(error);
    if refused && args.to.is_none() {
        error.hints = vec!["evt listen   then send it again from another terminal".to_owned()];
    } else if args.tamper.is_none() && error.exit == Exit::Unreachable {
        let to = args
            .to
            .as_ref()
            .map(|to| shell_word(&to.to_string()))
            .unwrap_or_default();
        let reference = reference(event);
        error = error.hint(format!("evt events replay {reference} --to {to}"));
    }
    Ok(error)
}

fn explain_tamper(error: TamperError) -> CliError {
    let hint = match error {
        TamperError::Cannot(error) => return error.into(),
        TamperError::Unsigned => "--sign SCHEME --secret REF",
        // Every scheme has a signature or secret that can be changed.
        TamperError::BodyNotCovered
        | TamperError::NothingToChange
        | TamperError::NoTimestamp
        | TamperError::ClockNotChecked => "--tamper signature",
    };
    CliError::new(Exit::Usage, "nothing_to_tamper", error).hint(hint)
}

pub(super) fn millis(took: Duration) -> f64 {
    // Microseconds: more digits would be noise.
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
