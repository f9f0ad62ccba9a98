//! `evt events replay`: sends events again.

mod pace;
mod resign;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

pub(super) use resign::{platform_secret, scheme_name};

use super::pick::{self, Picked};
use super::select::SelectArgs;
use super::{EventsError, stopped};
use crate::attempt::Attempt;
use crate::cli::change::ChangeArgs;
use crate::cli::{Context, RuntimeError};
use crate::dial::{self, Answer, Call, DialError};
use crate::error::{CliError, Exit};
use crate::event::{Event, Seq, Source};
use crate::grammar::event_ref::EventRef;
use crate::grammar::quantity::{Rate, Span};
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::target::Target;
use crate::send::wire;
use crate::signature::SchemeSpec;
use crate::store::{StoreError, attempts, events};
use crate::time::Timestamp;
use crate::ui::{self, Format, Style, safe};
use pace::{Factor, Pace};
use resign::Resigner;

/// Bytes of a response that `-o raw` prints.
const MAX_RESPONSE: usize = 16 * 1024 * 1024;

/// Send events again, unchanged or edited
///
/// Prints the status of each response, with -v also its headers and body, and stores the response with the event. If the target has no path, the event's path is used. A changed
/// body needs a new signature: --resign signs it with the current time and the same message id.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events replay @failed --to 3000
  evt events replay --type 'payment.*' --since 2h --to :3000/hook --rate 10/s
  evt events replay recording.ndjson --timing=2 --to 3000
  evt events replay e_7f3a --set data.data.amount:=0 --resign --secret env:S --to 3000")]
pub(crate) struct Args {
    /// Event: e_7f3a, @last, @-3, @failed (all), a file, or - for stdin [default: all that the flags select]
    #[arg(value_name = "REF")]
    references: Vec<EventRef>,
    /// Replay all stored events
    #[arg(long, conflicts_with = "references")]
    all: bool,
    /// Where to send: 3000, :3000/path, host:port, a URL or unix:/path [default: the local listener]
    #[arg(long, value_name = "TARGET")]
    to: Option<Target>,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    change: ChangeArgs,
    /// Sign again, with the scheme of the event's own signature unless another is given
    #[arg(long, value_name = "SCHEME[:key=value,…]", num_args = 0..=1, help_heading = "Changing")]
    resign: Option<Option<SchemeSpec>>,
    /// Secret to sign with: text, env:NAME, file:PATH, cmd:… or -
    #[arg(
        long,
        value_name = "REF",
        requires = "resign",
        help_heading = "Changing"
    )]
    secret: Option<SecretRef>,
    /// Send at most at this rate, such as 10/s
    #[arg(long, value_name = "RATE", help_heading = "Sending")]
    rate: Option<Rate>,
    /// Keep the original intervals between events; =2 is twice as fast
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, require_equals = true, default_missing_value = "1", conflicts_with = "rate", help_heading = "Sending")]
    timing: Option<Factor>,
    /// How long to wait for each response
    #[arg(
        long,
        value_name = "SPAN",
        default_value = "30s",
        help_heading = "Sending"
    )]
    timeout: Span,
    /// Send nothing; print the requests instead, byte for byte with -o raw, as commands with -o curl
    #[arg(long, help_heading = "Sending")]
    dry_run: bool,
}

impl Args {
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

/// The results so far.
struct Tally {
    target: Target,
    delivered: usize,
    failed: usize,
    /// The target has answered at least once with an error status.
    answered: bool,
    /// The references of the arguments, or `@failed` if that selects what failed.
    again: String,
    refused: Option<Seq>,
    last_error: Option<DialError>,
}

pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    // Scanning a large inbox takes a while. Signals are handled meanwhile.
    let scan_cx = Arc::clone(&cx);
    let (args, picked) = tokio::task::spawn_blocking(move || {
        let picked = picked(&args, &scan_cx);
        (args, picked)
    })
    .await
    .map_err(|_| RuntimeError::Panicked)?;
    send_all(&args, &picked?, &cx).await
}

async fn send_all(args: &Args, picked: &[Picked], cx: &Context) -> Result<Exit, CliError> {
    let target = match &args.to {
        Some(target) => target.clone(),
        None => cx.listener().parse()?,
    };
    let resigner = Resigner::new(args, cx)?;
    let dialer = cx.dialer()?;
    let progress = cx.ui.progress("replaying", Some(picked.len() as u64));
    let mut tally = Tally {
        target,
        delivered: 0,
        failed: 0,
        answered: false,
        again: references(args),
        refused: None,
        last_error: None,
    };
    let mut pace = Pace::of(args);
    let mut warned = false;
    for picked in picked {
        // An event that has been pruned is skipped, not counted as failed.
        let Some(event) = picked.event(cx)? else {
            continue;
        };
        tokio::select! {
            () = pace.wait(&event) => {}
            () = cx.shutdown.cancelled() => {}
        }
        if cx.shutdown.is_cancelled() {
            break;
        }
        let call = prepared(
            args,
            &event,
            &tally.target,
            resigner.as_ref(),
            &mut warned,
            cx,
        )?;
        if args.dry_run {
            show_request(&event, &call, cx)?;
        } else {
            let started_at = Timestamp::now();
            let mut result = dialer.send(call).await;
            let attempt = Arc::new(dial::attempt(started_at, &mut result));
            store_outcome(event.seq, &result, &attempt, cx).await?;
            tally.add(&event, result, &attempt, cx)?;
        }
        progress.add(1);
    }
    drop(progress);
    if args.dry_run {
        return Ok(Exit::Done);
    }
    // Transactions are committed in order: when this empty one ends, all outcomes are on disk.
    cx.inbox()?
        .write(|_| -> Result<(), StoreError> { Ok(()) })
        .await?;
    tally.end(cx)
}

fn picked(args: &Args, cx: &Context) -> Result<Vec<Picked>, CliError> {
    if args.references.is_empty() {
        if !args.all && !args.select.is_given() {
            return Err(CliError::usage("no events given to replay")
                .hint("evt events replay @last")
                .hint("evt events replay @failed --to 3000")
                .hint("evt events replay --type 'contact.*' --since 1h --to 3000"));
        }
        let found = args.select.selection(None).find(cx)?;
        return non_empty(found.seqs.into_iter().map(Picked::Stored).collect());
    }
    non_empty(pick::selected(&args.references, &args.select, cx)?)
}

fn non_empty(picked: Vec<Picked>) -> Result<Vec<Picked>, CliError> {
    if picked.is_empty() {
        return Err(EventsError::NothingSelected.into());
    }
    Ok(picked)
}

/// The references to replay again.
fn references(args: &Args) -> String {
    match &args.references[..] {
        [] => EventRef::Failed.to_string(),
        given => {
            let texts: Vec<String> = given.iter().map(ToString::to_string).collect();
            texts.join(" ")
        }
    }
}

/// The request to send, after changes and signing.
fn prepared(
    args: &Args,
    event: &Event,
    target: &Target,
    resigner: Option<&Resigner>,
    warned: &mut bool,
    cx: &Context,
) -> Result<Call, CliError> {
    let mut call = Call::of(event, target, args.timeout.into(), MAX_RESPONSE);
    let body: Bytes = args.change.body(&event.body, cx)?;
    let changed = body != event.body;
    call.body = body;
    match resigner {
        Some(resigner) => resigner.sign(&mut call, event)?,
        None if changed && scheme_name(event).is_some() && !*warned => {
            *warned = true;
            cx.ui.warn("the body was changed but the signature was not, so the receiver will reject it; use --resign");
        }
        None => {}
    }
    args.change.headers(&mut call.headers);
    Ok(call)
}

fn show_request(event: &Event, call: &Call, cx: &Context) -> Result<(), CliError> {
    if cx.globals.wants_curl() {
        return Ok(cx.ui.line(&wire::curl(call))?);
    }
    match cx.ui.format() {
        Format::Raw => Ok(cx.ui.raw(&wire::raw(call))?),
        Format::Json => {
            let facts = json!({
                "ref": event.seq.map(|seq| seq.to_string()),
                "type": event.meta.kind,
                "method": call.method.as_str(),
                "url": wire::url(call),
                "bytes": call.body.len(),
                "changed": call.body != event.body,
            });
            Ok(cx.ui.json(&facts)?)
        }
        Format::Text => {
            let changed = if call.body == event.body {
                ""
            } else {
                ", changed"
            };
            let size = ui::size(call.body.len());
            let url = safe(&wire::url(call));
            let line = format!(
                "{}  {} {url} ({size}{changed})",
                title(event, cx),
                call.method
            );
            Ok(cx.ui.line(&line)?)
        }
    }
}

/// Stores the outcome and the attempt with the event.
async fn store_outcome(
    seq: Option<Seq>,
    result: &Result<Answer, DialError>,
    attempt: &Arc<Attempt>,
    cx: &Context,
) -> Result<(), CliError> {
    if let Some(seq) = seq {
        let outcome = dial::outcome(result);
        let attempt = Arc::clone(attempt);
        cx.inbox()?
            .post(move |tx| {
                events::set_outcome(tx, seq, outcome)?;
                attempts::insert(tx, seq, &attempt)
            })
            .await;
    }
    Ok(())
}

fn title(event: &Event, cx: &Context) -> String {
    let reference = event
        .seq
        .map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    let title = format!("{:<28}", ui::clip(&event.title(), 40));
    format!("{reference}  {}", cx.ui.paint(Style::Name, &title))
}

impl Tally {
    fn add(
        &mut self,
        event: &Event,
        result: Result<Answer, DialError>,
        attempt: &Attempt,
        cx: &Context,
    ) -> Result<(), CliError> {
        match cx.ui.format() {
            Format::Text => {
                cx.ui.line(&line(event, &result, cx))?;
                if cx.ui.is_verbose() && attempt.status.is_some() {
                    cx.ui.line(&ui::answer(&cx.ui, attempt, false))?;
                }
            }
            Format::Json => {
                let mut facts = facts(event, &result);
                if cx.ui.is_verbose() {
                    facts["attempt"] =
                        serde_json::to_value(attempt).map_err(std::io::Error::from)?;
                }
                cx.ui.json(&facts)?;
            }
            Format::Raw => {
                if let Ok(answer) = &result {
                    cx.ui.raw(&answer.body)?;
                }
            }
        }
        match result {
            Ok(answer) if answer.status.is_success() => self.delivered += 1,
            Ok(_) => {
                self.failed += 1;
                self.answered = true;
                self.refused = event.seq;
            }
            Err(error) => {
                self.failed += 1;
                self.last_error = Some(error);
            }
        }
        if !attempt.is_success() && event.seq.is_some() && event.source != Source::Send {
            self.again = EventRef::Failed.to_string();
        }
        Ok(())
    }

    fn end(self, cx: &Context) -> Result<Exit, CliError> {
        let Self {
            delivered,
            failed,
            again,
            refused,
            ..
        } = self;
        let total = delivered + failed;
        cx.ui.notice(
            "summary",
            json!({ "replayed": total, "delivered": delivered, "failed": failed }),
            &format!("Replayed {total}: {delivered} delivered, {failed} failed."),
        );
        if cx.shutdown.is_cancelled() {
            return Ok(stopped(cx));
        }
        let target = self.target.to_string();
        // If the target has answered at all, a connection error is not the main problem.
        let source = self.last_error.filter(|_| !self.answered);
        match (delivered, failed) {
            (_, 0) => Ok(Exit::Done),
            (0, _) => Err(EventsError::NoneDelivered {
                total,
                target,
                again,
                refused,
                source,
            }
            .into()),
            _ => Err(EventsError::SomeFailed {
                failed,
                total,
                target,
                again,
                source,
            }
            .into()),
        }
    }
}

fn line(event: &Event, result: &Result<Answer, DialError>, cx: &Context) -> String {
    let response = match result {
        Ok(answer) => {
            let style = match answer.status.is_success() {
                true => Style::Good,
                false => Style::Bad,
            };
            let status = cx.ui.paint(style, answer.status.as_str());
            format!("{status} in {:.1} ms", answer.took.as_secs_f64() * 1000.0)
        }
        Err(error) => cx.ui.paint(Style::Bad, &safe(&error.to_string())),
    };
    format!("{}  -> {response}", title(event, cx))
}

fn facts(event: &Event, result: &Result<Answer, DialError>) -> serde_json::Value {
    let mut facts = json!({
        "ref": event.seq.map(|seq| seq.to_string()),
        "type": event.meta.kind,
        "outcome": dial::outcome(result).as_str(),
    });
    match result {
        Ok(answer) => {
            facts["status"] = answer.status.as_u16().into();
            facts["took_ms"] = (answer.took.as_secs_f64() * 1000.0).into();
        }
        Err(error) => {
            facts["error"] = json!({ "code": error.code(), "message": error.to_string() });
        }
    }
    facts
}
