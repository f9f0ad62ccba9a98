//! `evt flows create` without arguments on a terminal: a few questions make the flags.

use super::create::{self, Args};
use super::{document, shown};
use crate::catalogue::{Built, EVENTS, Family, TRIGGERS, find_trigger};
use crate::cli::Context;
use crate::error::CliError;
use crate::flow::{self, DocumentError};
use crate::grammar::target::Target;
use crate::ui::safe;

/// What most people try first.
const FIRST: &str = "contact.created";
/// Shows the list.
const LIST: &str = "?";
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

/// A list of so many is searched faster by typing than by arrows: the name is asked for, and `?` shows the list.
fn trigger(cx: &Context) -> Result<String, CliError> {
    const QUESTION: &str = "Start on (an event or a pattern such as order.*; ? lists them)";
    loop {
        let typed = cx.ui.input(QUESTION, Some(FIRST), "--on")?;
        let typed = typed.trim();
        if typed == LIST {
            let names = choices();
            let chosen = cx.ui.select("Start on", &names, "--on")?;
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
    let rest = events(false).chain(triggers).chain(events(true));
    std::iter::once(FIRST)
        .chain(rest.filter(|name| *name != FIRST))
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
    // Where `evt listen` listens by itself.
    let default = format!("{}/hook", cx.listener());
    loop {
        let typed = cx
            .ui
            .input("POST the event to", Some(&default), "--webhook")?;
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
    fn the_list_begins_with_a_contact_that_is_created_and_names_nothing_twice() {
        let names = choices();
        assert_eq!(names[0], FIRST);
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
    }
}
