//! `evt dev clock`.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::super::Context;
use super::ask::control;
use crate::control::Control;
use crate::error::{CliError, Exit};
use crate::grammar::quantity::Span;
use crate::time::Timestamp;
use crate::ui::Format;

const PATH: &str = "/_evt/clock";
/// How long the platform lets the clock go forward in one request, in milliseconds. Ctrl-C waits for the end of a request.
const SLICE: u64 = 500;
/// How long one request may take: one commit more than its slice.
const LONGEST: Duration = Duration::from_secs(60);

/// Show the platform's clock, or change it to test what happens later
///
/// Dates of records, waiting steps, schedules, reminders and retries of deliveries follow this clock. It goes forward in order of time, so
/// a flow that waits for days runs to its end at once. Signatures and timeouts use the real time.
///
/// A time without a zone is one of this machine's zone.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt dev clock\n  evt dev clock advance 3d\n  evt dev clock set 2026-12-24T09:00\n  evt dev clock freeze\n  evt dev clock real"
)]
pub(super) struct Clock {
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Set the clock to a time
    Set {
        /// 2026-12-24, 2026-12-24T09:00, 2026-12-24T09:00:00Z
        #[arg(value_parser = time)]
        time: Timestamp,
        #[command(flatten)]
        backwards: Backwards,
    },
    /// Go forward by a time span
    Advance {
        /// 30s, 15m, 2h, 3d, 1w
        span: Span,
    },
    /// Stop the clock
    Freeze,
    /// Let a stopped clock run from its time
    Run,
    /// Use the real time again
    Real {
        #[command(flatten)]
        backwards: Backwards,
    },
}

#[derive(Debug, clap::Args)]
struct Backwards {
    /// Also set the clock back; pollers may then miss changes
    #[arg(long)]
    allow_backwards: bool,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_local(text).ok_or_else(|| {
        "a time: 2026-12-24, 2026-12-24T09:00, or with a zone 2026-12-24T09:00:00Z".to_owned()
    })
}

impl Clock {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let control = control(cx)?;
        let (to, allow_backwards) = match self.change {
            None => {
                show(&control.get(PATH).await?, cx)?;
                return Ok(Exit::Done);
            }
            Some(Change::Set { time, backwards }) => {
                (json!({"time": time.millis()}), backwards.allow_backwards)
            }
            Some(Change::Advance { span }) => {
                let millis = Duration::from(span).as_millis();
                (
                    json!({"forward": u64::try_from(millis).unwrap_or(u64::MAX)}),
                    false,
                )
            }
            Some(Change::Freeze) => (json!("freeze"), false),
            Some(Change::Run) => (json!("run"), false),
            Some(Change::Real { backwards }) => (json!("real"), backwards.allow_backwards),
        };
        let body = json!({"to": to, "allow_backwards": allow_backwards});
        let changed = change(&control, body, cx).await?;
        if changed["backwards"] == true {
            cx.ui.warn("the clock was set back: pollers may miss changes that are dated before what they have seen");
        }
        if changed["impatient"] == true {
            cx.ui
                .warn("some deliveries had no answer yet when the clock continued");
        }
        show(&changed, cx)?;
        Ok(Exit::Done)
    }
}

/// Sends the change until the clock has reached its time, and shows how far it is. Ctrl-C stops it where it is.
async fn change(control: &Control, mut body: Value, cx: &Context) -> Result<Value, CliError> {
    let progress = cx.ui.activity();
    body["within_ms"] = SLICE.into();
    let (mut steps, mut is_impatient) = (0, false);
    loop {
        let mut clock = control.post_within(PATH, &body, LONGEST).await?;
        steps += clock["steps"].as_u64().unwrap_or(0);
        is_impatient |= clock["impatient"] == true;
        let Some(target) = time_of(&clock, "target") else {
            clock["steps"] = steps.into();
            clock["impatient"] = is_impatient.into();
            return Ok(clock);
        };
        body["turn"] = clock["turn"].take();
        if let Some(exit) = cx.interrupted() {
            body["to"] = "stop".into();
            return Err(stopped(exit, target, &control.post(PATH, &body).await?));
        }
        if let Some(now) = time_of(&clock, "now") {
            progress.set_text(&format!("at {}, until {}", now.local(), target.local()));
        }
    }
}

/// The error for a change that a signal has stopped.
fn stopped(exit: Exit, target: Timestamp, clock: &Value) -> CliError {
    let now = time_of(clock, "now").map_or_else(String::new, Timestamp::local_with_offset);
    let message = format!("stopped before the time was reached; the clock shows {now}");
    CliError::new(exit, "interrupted", message)
        .hint(format!("evt dev clock set {target}     continues"))
}

fn time_of(clock: &Value, name: &str) -> Option<Timestamp> {
    clock[name].as_str()?.parse().ok()
}

fn show(clock: &Value, cx: &Context) -> Result<(), CliError> {
    if cx.ui.format() != Format::Text {
        cx.ui.json(clock)?;
        return Ok(());
    }
    let local =
        |name: &str| time_of(clock, name).map_or_else(String::new, Timestamp::local_with_offset);
    let mode = match (clock["mode"].as_str(), clock["text"].as_str()) {
        (Some("real"), _) | (None, _) | (_, None) => "the real time".to_owned(),
        (_, Some(text)) => text
            .split_once(", ")
            .map_or(text, |(_, rest)| rest)
            .to_owned(),
    };
    cx.ui.line(&format!("{}  {mode}", local("now")))?;
    if let Some(steps) = clock["steps"].as_u64().filter(|steps| *steps > 0) {
        let plural = if steps == 1 { "" } else { "s" };
        cx.ui.status(&format!(
            "went through {steps} time{plural} at which something was due     evt flows runs     shows the runs"
        ));
    }
    Ok(())
}
