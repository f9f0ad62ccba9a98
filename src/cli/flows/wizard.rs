//! `evt flows create` without arguments on a terminal: asks for the flags.

use super::actions::{Action, Actions, Notice};
use super::create::{self, Args};
use super::steps::{DEFAULT_BODY, DEFAULT_SUBJECT, Steps};
use super::{check, shown, typed};
use crate::catalogue::{self, Family, find_trigger};
use crate::cli::Context;
use crate::error::CliError;
use crate::flow::notify::CHANNELS;
use crate::flow::{self, DocumentError};
use crate::grammar::GrammarError;
use crate::grammar::quantity::Span;
use crate::grammar::target::Target;
use crate::time::Timestamp;
use crate::ui::safe;

/// The default answer.
const DEFAULT_TRIGGER: &str = "contact.created";
/// The answer that shows the list.
const LIST: &str = "?";
/// The last entry of the list, which asks for a name.
const OTHER: &str = "another event or pattern …";

/// Ways to start a flow, in the order of the question.
const STARTS: [&str; 3] = [
    "when an event happens",
    "on a schedule",
    "only by hand (evt flows execute)",
];
/// Actions, in the order of the question.
const ACTIONS: [&str; 3] = [
    "send a webhook",
    "send a notification",
    "call a phone number",
];
/// Runs of a schedule that are shown.
const PREVIEW: usize = 3;

/// Asks for the flags and shows the document. Returns `None` if the user does not confirm it.
///
/// # Errors
/// If there is no terminal. The error names the flags to use instead.
pub(super) fn ask(mut args: Args, cx: &Context) -> Result<Option<Args>, CliError> {
    match cx
        .ui
        .select("Start the flow", &STARTS, "--on, --every, --at or --manual")?
    {
        0 => args.on = vec![trigger(cx)?],
        1 => schedule(&mut args, cx)?,
        _ => args.steps.manual = true,
    }
    loop {
        let action = action(&args.actions, cx)?;
        args.actions.0.push(action);
        const MORE: &str = "Add another action?";
        if !cx
            .ui
            .confirm(MORE, false, "--webhook, --notify or --call")?
        {
            break;
        }
    }
    if !args.on.is_empty() {
        args.when = condition(&args, cx)?;
    }
    texts(&mut args, cx)?;
    args.steps.after = wait(cx)?;
    if args.name.is_none() {
        let proposed = proposed_name(&args)?;
        let name = cx.ui.input("Name", Some(&proposed), "--name")?;
        args.name = Some(name).filter(|name| *name != proposed);
    }
    let document = create::from_flags(&args)?;
    cx.ui.status(&shown::yaml(&shown::masked(&document), cx)?);
    let is_wanted = args.dry_run
        || cx
            .ui
            .confirm("Create this flow?", true, "--on and --webhook")?;
    Ok(is_wanted.then_some(args))
}

/// Prints the command that creates the same flow without questions.
pub(super) fn print_command(args: &Args, cx: &Context) {
    let globals = [
        ("profile", &cx.globals.profile),
        ("url", &cx.globals.url),
        ("org", &cx.globals.org),
    ];
    let globals: Vec<String> = globals
        .into_iter()
        .filter(|(flag, _)| cx.is_flag(flag))
        .filter_map(|(flag, value)| Some([format!("--{flag}"), value.clone()?]))
        .flatten()
        .collect();
    let command = safe(&typed::command(args, &globals));
    cx.ui
        .status(&format!("The same without questions:\n  {command}"));
}

fn proposed_name(args: &Args) -> Result<String, CliError> {
    let document = create::from_flags(args)?;
    Ok(document["name"].as_str().unwrap_or_default().to_owned())
}

/// Asks for a schedule until it is valid, and shows its next runs.
fn schedule(args: &mut Args, cx: &Context) -> Result<(), CliError> {
    const QUESTION: &str =
        "Schedule: a cron expression, an interval such as 15m, or a time such as 2026-12-24T09:00";
    const ZONE: &str =
        "Time zone, such as Europe/Berlin (empty for that of the platform's machine)";
    loop {
        let typed = cx
            .ui
            .input(QUESTION, Some("0 9 * * MON"), "--every or --at")?;
        let typed = typed.trim().to_owned();
        let is_time = Timestamp::parse_local(&typed).is_some();
        let mut steps = Steps::default();
        if !is_time && typed.parse::<Span>().is_err() {
            let zone = cx.ui.input(ZONE, Some(""), "--tz")?;
            steps.tz = Some(zone.trim().to_owned()).filter(|zone| !zone.is_empty());
        }
        match is_time {
            true => steps.at = Some(typed),
            false => steps.every = Some(typed),
        }
        match next_runs(&steps)? {
            Ok(runs) => {
                cx.ui
                    .status(&format!("next runs  {}", runs.join("\n           ")));
                args.steps = steps;
                return Ok(());
            }
            Err(problem) => cx.ui.warn(&safe(&problem)),
        }
    }
}

/// The next runs of a schedule, or why it is not valid.
fn next_runs(steps: &Steps) -> Result<Result<Vec<String>, String>, CliError> {
    let draft = Args {
        steps: steps.clone(),
        actions: Actions(vec![Action::Webhook("4871".to_owned())]),
        ..Args::default()
    };
    let flow = match flow::compile(&create::from_flags(&draft)?) {
        Ok(flow) => flow,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let zone = steps.tz.as_deref().unwrap_or_default();
    let schedule = flow
        .triggers
        .iter()
        .find_map(|trigger| trigger.schedule.as_ref());
    let next = |after: Timestamp| schedule.and_then(|schedule| schedule.next_after(after));
    let runs = std::iter::successors(next(Timestamp::now()), |run| next(*run));
    let runs: Vec<String> = runs
        .take(PREVIEW)
        .map(|run| run.in_named_zone(zone))
        .collect();
    Ok(match runs.is_empty() {
        true => Err("this time has passed".to_owned()),
        false => Ok(runs),
    })
}

/// Asks for an action. A flow from flags has at most one webhook.
fn action(so_far: &Actions, cx: &Context) -> Result<Action, CliError> {
    let skipped = usize::from(so_far.has_webhook());
    let chosen = cx.ui.select(
        "Action",
        &ACTIONS[skipped..],
        "--webhook, --notify or --call",
    )?;
    match chosen + skipped {
        0 => Ok(Action::Webhook(target(cx)?)),
        1 => {
            let channel = cx.ui.select("Channel", &CHANNELS, "--notify")?;
            let channel = CHANNELS.get(channel).copied().unwrap_or_default();
            const TO: &str = "Recipient (empty for the contact of the event)";
            let to = cx.ui.input(TO, Some(""), "--notify")?;
            Ok(Action::Notify(Notice {
                channel: channel.to_owned(),
                to: Some(to.trim().to_owned()).filter(|to| !to.is_empty()),
            }))
        }
        _ => Ok(Action::Call(cx.ui.input("Phone number", None, "--call")?)),
    }
}

/// Asks for subject and text of the notifications and calls, if any.
fn texts(args: &mut Args, cx: &Context) -> Result<(), CliError> {
    let ask = |question: &str, default: &str, flag: &str| -> Result<Option<String>, CliError> {
        let typed = cx.ui.input(question, Some(default), flag)?;
        Ok(Some(typed).filter(|typed| typed != default))
    };
    if args.actions.has_email() {
        args.steps.subject = ask("Subject", DEFAULT_SUBJECT, "--subject")?;
    }
    if args.actions.has_text() {
        args.steps.body = ask("Text", DEFAULT_BODY, "--body")?;
    }
    Ok(())
}

fn wait(cx: &Context) -> Result<Option<Span>, CliError> {
    const QUESTION: &str = "Wait before the first action, such as 2h or 3d (empty for none)";
    loop {
        let typed = cx.ui.input(QUESTION, Some(""), "--after")?;
        match typed.trim() {
            "" => return Ok(None),
            typed => match typed.parse() {
                Ok(span) => return Ok(Some(span)),
                Err(error) => cx.ui.warn(&safe(&GrammarError::to_string(&error))),
            },
        }
    }
}

/// Asks for the trigger. The list is long, so a name is typed; `?` shows the list.
fn trigger(cx: &Context) -> Result<String, CliError> {
    const QUESTION: &str = "Trigger: an event, or a pattern such as order.* (? for a list)";
    loop {
        let typed = cx.ui.input(QUESTION, Some(DEFAULT_TRIGGER), "--on")?;
        let typed = typed.trim();
        if typed == LIST {
            let names = choices();
            let chosen = cx.ui.select("Trigger", &names, "--on")?;
            match names.get(chosen) {
                Some(name) if *name != OTHER => return Ok((*name).to_owned()),
                _ => continue,
            }
        }
        match find_trigger(typed) {
            Err(error) if !typed.contains(['*', '>']) => cx.ui.warn(&safe(&error.to_string())),
            _ => return Ok(typed.to_owned()),
        }
    }
}

/// The events of contacts and orders, then triggers that cover several events, then the events of any record.
fn choices() -> Vec<&'static str> {
    let triggers = catalogue::triggers()
        .iter()
        .filter(|kind| kind.not_built.is_none() && kind.listens_to.len() > 1)
        .map(|kind| kind.name);
    let events = |system: bool| {
        catalogue::events()
            .iter()
            .filter(move |event| (event.family == Family::System) == system)
            .map(|event| event.name)
    };
    let rest = events(false).chain(triggers).chain(events(true));
    std::iter::once(DEFAULT_TRIGGER)
        .chain(rest.filter(|name| *name != DEFAULT_TRIGGER))
        .chain([OTHER])
        .collect()
}

/// Asks for a condition until the answer is valid or empty.
fn condition(args: &Args, cx: &Context) -> Result<Option<String>, CliError> {
    const QUESTION: &str = "Condition, such as data.status == \"lead\" (empty for none)";
    let given = args.when.as_deref().unwrap_or_default();
    let mut draft = Args {
        on: args.on.clone(),
        actions: args.actions.clone(),
        ..Args::default()
    };
    loop {
        let typed = cx.ui.input(QUESTION, Some(given), "--when")?;
        draft.when = Some(typed.trim().to_owned()).filter(|when| !when.is_empty());
        match flow::compile(&create::from_flags(&draft)?) {
            Err(error @ DocumentError::Condition { .. }) => {
                check::point_at(&error, cx);
                cx.ui.warn(&safe(&error.to_string()));
            }
            // Other errors are reported when the document is complete.
            _ => return Ok(draft.when),
        }
    }
}

fn target(cx: &Context) -> Result<String, CliError> {
    // The default port of `evt listen`.
    let default = format!("{}/hook", cx.listener());
    loop {
        let typed = cx.ui.input("Webhook target", Some(&default), "--webhook")?;
        match typed.trim().parse::<Target>() {
            Ok(_) => return Ok(typed.trim().to_owned()),
            Err(error) => cx.ui.warn(&safe(&error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_starts_with_the_default_and_has_no_duplicates() {
        let names = choices();
        assert_eq!(names[0], DEFAULT_TRIGGER);
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
    }
}
