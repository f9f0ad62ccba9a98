//! `evt flows create` without arguments on a terminal: asks for the flags.

use super::create::{self, Args};
use super::{check, shown};
use crate::catalogue::{self, Family, find_trigger};
use crate::cli::Context;
use crate::error::CliError;
use crate::flow::{self, DocumentError};
use crate::grammar::target::Target;
use crate::ui::safe;

/// The default answer.
const DEFAULT_TRIGGER: &str = "contact.created";
/// The answer that shows the list.
const LIST: &str = "?";
/// The last entry of the list, which asks for a name.
const OTHER: &str = "another event or pattern …";

/// Asks for the flags and shows the document. Returns `None` if the user does not confirm it.
///
/// # Errors
/// If there is no terminal. The error names the flags to use instead.
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
    let is_wanted = args.dry_run
        || cx
            .ui
            .confirm("Create this flow?", true, "--on and --webhook")?;
    Ok(is_wanted.then_some(args))
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
