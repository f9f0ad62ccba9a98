//! `evt man`: the manual, offline. The pages of commands are made from the commands themselves, so they are always up to date.

mod generate;
mod page;
mod pager;
mod pages;
mod render;

use std::sync::Arc;

use serde_json::json;

use super::{Context, parse};
use crate::config::suggest;
use crate::error::{CliError, Exit};
use crate::ui::{Format, Style};
use page::Page;

pub(super) use generate::GenerateArgs;
pub(super) use render::wrapped;

/// The width of a page if stdout is not a terminal, and the maximum if it is.
const WIDTH: (usize, usize) = (80, 100);

/// Read the manual, offline
///
/// There is a page for each command, and pages on exit-codes, grammar, streams, polling, signatures, environment, files and security.
/// On a terminal a page is shown in the pager that EVT_PAGER, MANPAGER or PAGER names, or in less; EVT_PAGER=cat does without.
/// `-o raw` prints a page for man(1): evt man listen -o raw | man -l -
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt man                  lists the pages\n  evt man exit-codes"
)]
pub(crate) struct Args {
    /// Name of the page; lists the pages by default
    #[arg(value_name = "PAGE")]
    words: Vec<String>,
}

/// Prints a page or the list of pages.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let cx = &*cx;
    let pages = pages();
    if args.words.is_empty() {
        return list(&pages, cx);
    }
    let page = find(&pages, &args.words.join(" "))?;
    if cx.ui.format() == Format::Raw {
        cx.ui.raw(render::roff(page).as_bytes())?;
        return Ok(Exit::Done);
    }
    let width = cx
        .ui
        .width()
        .map_or(WIDTH.0, |width| usize::from(width).min(WIDTH.1));
    let text = render::text(page, width, |heading| cx.ui.paint(Style::Strong, heading));
    if cx.ui.explicit_json() {
        cx.ui
            .json(&json!({ "page": page.name, "section": page.section, "text": text }))?;
    } else {
        pager::show(text.trim_end(), cx).await?;
    }
    Ok(Exit::Done)
}

/// Writes the files that are generated from the commands; see [`generate`].
pub(super) fn generate(args: &GenerateArgs, cx: &Context) -> Result<Exit, CliError> {
    generate::run(args, cx)
}

/// Every page: the commands in the order of the help, then the topics.
fn pages() -> Vec<Page> {
    let mut root = parse::tree();
    root.build();
    let mut pages = vec![page::of_command(&mut root)];
    for command in root.get_subcommands_mut() {
        if !command.is_hide_set() {
            pages.push(page::of_command(command));
        }
    }
    let config = pages.iter_mut().find(|page| page.name == "evt-config");
    if let Some(page) = config {
        page.parts.extend(pages::config(&root));
    }
    pages.extend(pages::topics(&root));
    pages
}

fn short(page: &Page) -> &str {
    page.name.strip_prefix("evt-").unwrap_or(&page.name)
}

/// Finds the page for these words. A subcommand (`flows create`) is on the page of its command.
fn find<'a>(pages: &'a [Page], wanted: &str) -> Result<&'a Page, CliError> {
    let words = wanted.strip_prefix("evt ").unwrap_or(wanted);
    let first = words.split([' ', '-']).next().unwrap_or_default();
    let named = |name: &str| {
        pages
            .iter()
            .find(|page| page.name == name || short(page) == name)
    };
    let is_below = |page: &Page| page.section == 1 && words != first;
    let found =
        named(&words.replace(' ', "-")).or_else(|| named(first).filter(|page| is_below(page)));
    found.ok_or_else(|| {
        let near = suggest(wanted, pages.iter().map(short));
        let error = CliError::new(
            Exit::NotFound,
            "unknown_page",
            format!("there is no page `{wanted}`"),
        );
        match near {
            Some(name) => error.hint(format!("evt man {name}")),
            None => error.hint("evt man"),
        }
    })
}

fn list(pages: &[Page], cx: &Context) -> Result<Exit, CliError> {
    if cx.ui.explicit_json() {
        for page in pages {
            cx.ui.json(
                &json!({ "page": page.name, "section": page.section, "summary": page.summary }),
            )?;
        }
        return Ok(Exit::Done);
    }
    let rows = pages
        .iter()
        .map(|page| vec![short(page).to_owned(), page.summary.clone()]);
    cx.ui.table(&["page", "about"], rows.collect())?;
    Ok(Exit::Done)
}
