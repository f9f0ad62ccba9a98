//! `evt flows create` without arguments on a terminal: a few questions make the flags.

use super::create::{self, Args};
use super::{document, shown};
use crate::catalogue::{Built, EVENTS, Family, TRIGGERS, find_trigger};
use crate::cli::Context;
use crate::error::CliError;
use crate::flow::{self, DocumentError};
use crate::grammar::target::Target;
use crate::ui::safe;

/// Where `evt listen` listens by itself.
const DEFAULT_TARGET: &str = "http://127.0.0.1:4871/hook";
/// The last entry of the list: a name that is typed.
const OTHER: &str = "another event or pattern …";

/// Asks for what makes a flow and shows the document. `None`: the person said no at the end.
///
/// # Errors
/// That there is no terminal to ask on, naming the flags that answer.
pub(super) fn ask(mut args: Args, cx: &Context) -> Result<Option<Args>, CliError> {
    args.on = vec![trigger(cx)?];
    args.webhook = Some(target(cx)?);
    args.when = condition(&args, cx)?;
    if args.name.is_none() {
        let proposed = create::from_flags(&args)?;
        let proposed = proposed["name"].as_str().unwrap_or_default();
        args.name = Some(cx.ui.input("Name", Some(proposed), "--name")?);
    }
    let document = create::from_flags(&args)?;
    cx.ui.status(&shown::yaml(&shown::masked(&document), cx)?);
    let is_wanted = args.dry_run || cx.ui.confirm("Create it?", true, "--on and --webhook")?;
    Ok(is_wanted.then_some(args))
}

fn trigger(cx: &Context) -> Result<String, CliError> {
    let names = choices();
    let chosen = cx.ui.select("Start on", &names, "--on")?;
    match names.get(chosen) {
        Some(name) if *name != OTHER => Ok((*name).to_owned()),
        _ => loop {
            let typed = cx.ui.input("Event or pattern", None, "--on")?;
            let typed = typed.trim();
            match find_trigger(typed) {
                Err(error) if !typed.contains(['*', '>']) => cx.ui.warn(&safe(&error.to_string())),
                _ => return Ok(typed.to_owned()),
            }
        },
    }
}

/// What happens to people and orders first, then the triggers that stand for more than one event, then what happens to any record.
fn choices() -> Vec<&'static str> {
    let triggers = TRIGGERS
        .iter()
        .filter(|kind| matches!(kind.built, Built::Yes) && kind.listens_to.len() > 1)
        .map(|kind| kind.name);
    let events = |system: bool| {
        EVENTS
            .iter()
            .filter(move |event| (event.family == Family::System) == system)
            .map(|event| event.name)
    };
    events(false)
        .chain(triggers)
        .chain(events(true))
        .chain([OTHER])
        .collect()
}

/// Asks until the answer is a condition, or nothing.
fn condition(args: &Args, cx: &Context) -> Result<Option<String>, CliError> {
    const QUESTION: &str = "Only when (such as data.status == \"lead\"; empty: always)";
    let mut draft = Args {
        on: args.on.clone(),
        webhook: args.webhook.clone(),
        ..Args::default()
    };
    loop {
        let typed = cx.ui.input(QUESTION, Some(""), "--when")?;
        draft.when = Some(typed.trim().to_owned()).filter(|when| !when.is_empty());
        match flow::compile(&create::from_flags(&draft)?) {
            Err(error @ DocumentError::Condition { .. }) => {
                document::point_at(&error, cx);
                cx.ui.warn(&safe(&error.to_string()));
            }
            // What else may be wrong is told when all is known.
            _ => return Ok(draft.when),
        }
    }
}

fn target(cx: &Context) -> Result<String, CliError> {
    loop {
        let typed = cx
            .ui
            .input("POST the event to", Some(DEFAULT_TARGET), "--webhook")?;
        match typed.trim().parse::<Target>() {
            Ok(_) => return Ok(typed.trim().to_owned()),
            Err(error) => cx.ui.warn(&safe(&error.to_string())),
        }
    }
}
