//! `evt flows edit`: a flow's document in the editor of the person's choice.

use std::io::Write;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::document::{self, Document};
use super::{difference, done, find, shown};
use crate::api::Client;
use crate::cli::Context;
use crate::cli::child::Child;
use crate::error::{CliError, Exit};
use crate::ui::Format;

/// Change a flow in your editor
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  EDITOR='code --wait' evt flows edit 'Notify CRM bridge'")]
pub(crate) struct Args {
    /// The flow's id or name
    flow: String,
    /// Apply also what a remote platform cannot be expected to make work
    #[arg(long)]
    force: bool,
}

/// Opens the document, checks what comes back, shows the difference and applies it.
pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let editor = editor(cx)?;
    let flow = find::one(client, &args.flow).await?;
    let before = document::without_surroundings(flow.document());
    let file = draft(&before)?;
    let wanted = loop {
        let mut command = editor.clone();
        command.push(file.path().display().to_string());
        let code = Child::start(&command, &[], cx)?.wait().await?;
        if code != 0 {
            return Err(CliError::new(
                Exit::Failed,
                "editor_failed",
                format!(
                    "`{}` ended with {code}; nothing was changed",
                    editor.join(" ")
                ),
            ));
        }
        match read_back(&file, args.force, cx, client) {
            Ok(wanted) => break wanted,
            Err(error) => again(cx, error)?,
        }
    };
    if !difference::is_change(&before, &wanted) {
        cx.ui.status("Nothing was changed");
        return Ok(Exit::Done);
    }
    for line in difference::lines(&before, &wanted)? {
        match (cx.ui.format(), line.style) {
            (Format::Text, Some(style)) => cx.ui.line(&cx.ui.paint(style, &line.text))?,
            (Format::Text, None) => cx.ui.line(&line.text)?,
            (Format::Json | Format::Raw, _) => cx.ui.status(&line.text),
        }
    }
    let body = document::resolved(&wanted, false, cx)?;
    let changed = client.update_flow(flow.id(), &body).await?;
    done(cx, "changed", &changed)?;
    Ok(Exit::Done)
}

/// The words of `$VISUAL` or `$EDITOR`.
fn editor(cx: &Context) -> Result<Vec<String>, CliError> {
    let words: Vec<String> = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| cx.env.get(name))
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    if words.is_empty() {
        return Err(CliError::new(
            Exit::Usage,
            "no_editor",
            "there is no editor to open: neither VISUAL nor EDITOR is set",
        )
        .hint("EDITOR=vi evt flows edit NAME")
        .hint("evt flows show NAME -o text --show-secrets > flow.yaml && evt flows apply -f flow.yaml"));
    }
    Ok(words)
}

/// The document in a file that only its owner reads (`tempfile` creates 0600): it holds the secrets as they are.
fn draft(document: &Value) -> Result<NamedTempFile, CliError> {
    let mut file = tempfile::Builder::new()
        .prefix("evt-flow-")
        .suffix(".yaml")
        .tempfile()?;
    file.write_all(shown::raw_yaml(document)?.as_bytes())?;
    file.flush()?;
    Ok(file)
}

fn read_back(
    file: &NamedTempFile,
    force: bool,
    cx: &Context,
    client: &Client,
) -> Result<Value, CliError> {
    // By its path: editors often write a new file over the old one.
    let bytes = std::fs::read(file.path())?;
    let mut values = document::parse(&bytes, "the edited file", false)?;
    let value = match (values.pop(), values.is_empty()) {
        (Some(value), true) => value,
        _ => return Err(CliError::usage("the edited file holds more than one flow")),
    };
    let document = Document {
        value,
        source: "the edited file".to_owned(),
    };
    document::check(&document, force, cx, client)?;
    Ok(document.value)
}

/// Says what is wrong and opens the editor again, if the person wants that; otherwise the error ends the command.
fn again(cx: &Context, error: CliError) -> Result<(), CliError> {
    if !cx.may_ask {
        return Err(error);
    }
    let mut message = error.error.to_string();
    let mut cause = error.error.source();
    while let Some(link) = cause {
        let reason = link.to_string();
        // Some errors say their cause already.
        if !message.contains(&reason) {
            message.push_str(": ");
            message.push_str(&reason);
        }
        cause = link.source();
    }
    cx.ui.warn(&crate::ui::safe(&message));
    if cx.ui.confirm("Open it again?", true, "--no-input")? {
        Ok(())
    } else {
        Err(error)
    }
}
