//! One event, sent once: kept, shown, and judged by its answer.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::Args;
use crate::cli::Context;
use crate::dial::{self, AddressPolicy, Answer, Call, DialError, Dialer};
use crate::envelope;
use crate::error::{CliError, Exit};
use crate::event::{Event, Outcome, Source, Transport};
use crate::grammar::target::Target;
use crate::json::{self, Raw};
use crate::record;
use crate::sample::{self, APPENGINE, Occasion};
use crate::send::tamper::{self, Tamper, TamperError};
use crate::send::{Message, id_of, new_id, wire};
use crate::signature::{self, Options, PLATFORM_SCHEME};
use crate::store::{StoreError, events};
use crate::time::Timestamp;
use crate::ui::{Format, Style, safe_block};

/// Of an answer's body, shown to a person.
const LINES: usize = 20;
const LINE_BYTES: usize = 4096;
/// `--sign none`
const NONE: &str = "none";
/// Characters of the reason that an answer gives.
const WHY: usize = 200;

pub(super) async fn run(message: Message, args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let now = Timestamp::now();
    let id = match args.seed {
        Some(seed) => id_of(Occasion::seeded(seed, "").id),
        None => new_id(),
    };
    let call = match args.tamper {
        Some(tamper) => tampered(&message, tamper, &id, now, args, cx)?,
        None => message.call(&id, now)?,
    };
    if args.dry_run {
        show_request(&call, cx)?;
        return Ok(Exit::Done);
    }
    let dialer = Dialer::new(AddressPolicy::Local);
    if args.tamper == Some(Tamper::Replay) {
        let first = dialer.send(call.clone()).await?;
        if !first.status.is_success() {
            return Err(undelivered(&call, &first)
                .hint("to be refused a second time, the request must be accepted a first time"));
        }
    }
    let result = dialer.send(call.clone()).await;
    let outcome = match &result {
        // Kept as what it is: a replay of everything that failed must not send it again.
        Ok(answer) if args.tamper.is_some() && answer.status.is_client_error() => Outcome::Rejected,
        _ => dial::outcome(&result),
    };
    let event = keep(event(&call, now, outcome), cx).await?;
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => return Err(unreachable(error, &event, args, cx)?),
    };
    show(&event, &call, &answer, cx)?;
    judge(&call, &answer, &event, args)
}

/// The request with one thing wrong that a receiver of its scheme has to notice.
fn tampered(
    message: &Message,
    tamper: Tamper,
    id: &str,
    now: Timestamp,
    args: &Args,
    cx: &Context,
) -> Result<Call, CliError> {
    let call = tamper::call(message, tamper, id, now).map_err(explain_tamper)?;
    if tamper == Tamper::Timestamp
        && let Some(scheme) = scheme_name(args)
    {
        let (scheme, options) = match &args.sign {
            Some(spec) => cx.scheme(spec)?,
            None => (signature::find(scheme)?, Options::default()),
        };
        if !tamper::checks_clock(message, scheme, &options, now) {
            return Err(explain_tamper(TamperError::ClockNotChecked));
        }
    }
    Ok(call)
}

/// The scheme that a person chose, or the one by which the sample's vendor signs.
fn scheme_name(args: &Args) -> Option<&str> {
    if let Some(spec) = &args.sign {
        return Some(&spec.name);
    }
    sample::find(args.event.as_deref()?).ok()?.scheme
}

/// Shows what would be sent. `-o curl` comes here as raw output of the command's text.
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
        target: path_of(call),
        headers: call.headers.clone(),
        body: call.body.clone(),
        meta: envelope::detect(&call.headers, &call.body),
        verdict: None,
        outcome,
    }
}

fn path_of(call: &Call) -> String {
    match &call.target {
        Target::Url(url) => url
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
        Target::Unix(_) => call.path.clone().unwrap_or_else(|| "/".to_owned()),
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
            cx.ui.line(&headline(event, call, answer, cx))?;
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
    let reference = event.seq.map(|seq| seq.to_string()).unwrap_or_default();
    format!(
        "{} in {:.1} ms  {} to {}, kept as {reference}",
        cx.ui.paint(style, &answer.status.to_string()),
        millis(answer.took),
        crate::ui::safe(&event.title()),
        call.target,
    )
}

fn first_lines(body: &[u8]) -> String {
    let shown = &body[..body.len().min(LINE_BYTES)];
    let lines: Vec<&[u8]> = shown.split(|byte| *byte == b'\n').take(LINES).collect();
    let text = lines.join(&b'\n');
    let text = text.trim_ascii_end();
    let mut block = safe_block(text);
    if text.len() < body.trim_ascii_end().len() {
        block.push('…');
    }
    block
}

/// Adds a body to an object of JSON that is open at its end: JSON as it came, text as a string.
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

fn judge(call: &Call, answer: &Answer, event: &Event, args: &Args) -> Result<Exit, CliError> {
    let status = answer.status;
    if let Some(tamper) = args.tamper {
        return judge_tampered(tamper, call, answer);
    }
    if let Some(expected) = &args.expect_status {
        if expected.contains(status.as_u16()) {
            return Ok(Exit::Done);
        }
        let message = format!("the target answered {status}; {expected} was expected");
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
    // What was refused once would be refused again: its signature stays as it is.
    let mut error = undelivered(call, answer);
    if let Some(why) = why(&answer.body) {
        error = error.hint(format!("it says: {why}"));
    }
    Err(error.hint(verify_hint(event, args)))
}

/// What an answer of JSON says of its reason, in one line.
fn why(body: &[u8]) -> Option<String> {
    let body = Raw::check(body)?;
    let places = [Some(body), body.member("error")];
    let mut texts = places.into_iter().flatten().flat_map(|object| {
        ["hint", "message"]
            .iter()
            .filter_map(move |name| object.member(name)?.as_str())
    });
    let text = texts.find(|text| !text.trim().is_empty())?;
    let mut line: String = text.trim().chars().take(WHY).collect();
    if line.len() < text.trim().len() {
        line.push('…');
    }
    Some(crate::ui::safe(&line))
}

fn verify_hint(event: &Event, args: &Args) -> String {
    let is_platform = event.meta.system.as_deref() == Some(APPENGINE);
    let usual = (is_platform || !args.secret.is_empty()).then_some(PLATFORM_SCHEME);
    let Some(scheme) = scheme_name(args).or(usual).filter(|name| *name != NONE) else {
        return "--sign SCHEME --secret REF   signs it".to_owned();
    };
    let reference = event.seq.map(|seq| seq.to_string()).unwrap_or_default();
    format!("evt events verify {reference} --scheme {scheme} --secret REF   says why")
}

fn judge_tampered(tamper: Tamper, call: &Call, answer: &Answer) -> Result<Exit, CliError> {
    let what = match tamper {
        Tamper::Body => "whose body was changed after it was signed",
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
                "verify the raw bytes of the body before anything else, and answer 401 where they do not fit"
            }
            Tamper::Timestamp => {
                "compare the signed timestamp with the clock; five minutes are usual"
            }
            Tamper::Replay => {
                "--tamper replay asks whether what comes again is refused: for that remember the ids of the last minutes. A receiver that answers 2xx and does nothing the second time is right as well: --check asks no more than that"
            }
        };
        return Err(CliError::new(Exit::BadSignature, "tampered_accepted", message).hint(hint));
    }
    Err(undelivered(call, answer).hint("a request that is not right is to be answered with 4xx"))
}

fn undelivered(call: &Call, answer: &Answer) -> CliError {
    let message = format!("{} answered {}", call.target, answer.status);
    CliError::new(Exit::Undelivered, "target_answered", message)
}

fn replay_hint(event: &Event, call: &Call) -> String {
    let reference = event.seq.map(|seq| seq.to_string()).unwrap_or_default();
    format!("evt events replay {reference} --to {}", call.target)
}

/// No answer came: the event is kept nevertheless, and shown to scripts.
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
        error.hints = vec!["evt listen   and send it again from another terminal".to_owned()];
    } else if args.tamper.is_none() && error.exit == Exit::Unreachable {
        let reference = event.seq.map(|seq| seq.to_string()).unwrap_or_default();
        let to = args
            .to
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        error = error.hint(format!("evt events replay {reference} --to {to}"));
    }
    Ok(error)
}

fn explain_tamper(error: TamperError) -> CliError {
    let hint = match error {
        TamperError::Cannot(error) => return error.into(),
        TamperError::Unsigned => "--sign SCHEME --secret REF",
        // What authorises can be made wrong in every scheme, whatever it covers.
        TamperError::BodyNotCovered
        | TamperError::NothingToChange
        | TamperError::NoTimestamp
        | TamperError::ClockNotChecked => "--tamper signature",
    };
    CliError::new(Exit::Usage, "nothing_to_tamper", error).hint(hint)
}

pub(super) fn millis(took: Duration) -> f64 {
    // Three digits are as exact as a clock in another process can be.
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
