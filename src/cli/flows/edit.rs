//! `evt flows edit`: opens a flow's document in the user's editor.

use std::io::Write;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::document::{self, Document};
use super::{check, difference, done, find, shown};
use crate::api::Client;
use crate::cli::Context;
use crate::cli::child::Child;
use crate::error::{CliError, Exit};

/// Edit a flow in your editor
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  EDITOR='code --wait' evt flows edit 'Notify CRM bridge'")]
pub(crate) struct Args {
    /// The flow's id or name
    flow: String,
    /// Skip the checks for remote platforms
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let editor = editor(cx)?;
    let flow = find::one(client, &args.flow).await?;
    let before = document::without_platform_fields(flow.document());
    let file = draft(&before)?;
    let original = std::fs::read(file.path())?;
    let edited = edit(&editor, &file, (flow.id(), &before), args.force, cx, client).await;
    match edited {
        Err(error) if std::fs::read(file.path()).is_ok_and(|text| text != original) => {
            Err(with_text_kept(error, file))
        }
        edited => edited,
    }
}

/// Opens the editor until the document is valid, and sends it to the platform.
async fn edit(
    editor: &[String],
    file: &NamedTempFile,
    (id, before): (&str, &Value),
    force: bool,
    cx: &Context,
    client: &Client,
) -> Result<Exit, CliError> {
    let wanted = loop {
        let mut command = editor.to_vec();
        command.push(file.path().display().to_string());
        let code = Child::start(&command, &[], cx)?.wait().await?;
        if code != 0 {
            return Err(CliError::new(
                Exit::Failed,
                "editor_failed",
                format!(
                    "`{}` exited with {code}; nothing was changed",
                    editor.join(" ")
                ),
            ));
        }
        match read_back(file, force, cx, client) {
            Ok(wanted) => break wanted,
            Err(error) => ask_to_reopen(cx, error)?,
        }
    };
    if !difference::is_change(before, &wanted) {
        cx.ui.status("Nothing was changed");
        return Ok(Exit::Done);
    }
    for line in difference::lines(before, &wanted)? {
        line.print(cx)?;
    }
    let body = check::resolved(&wanted, false, cx)?;
    let changed = client.update_flow(id, &body).await?;
    done(cx, "changed", &changed)?;
    Ok(Exit::Done)
}

/// The command in `$VISUAL` or `$EDITOR`.
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
            "no editor is set: VISUAL and EDITOR are empty",
        )
        .hint("EDITOR=vi evt flows edit NAME")
        .hint("evt flows show NAME -o text --show-secrets > flow.yaml && evt flows apply -f flow.yaml"));
    }
    Ok(words)
}

/// Writes the document to a temporary file with mode 0600, because it contains unmasked secrets.
fn draft(document: &Value) -> Result<NamedTempFile, CliError> {
    let mut file = tempfile::Builder::new()
        .prefix("evt-flow-")
        .suffix(".yaml")
        .tempfile()?;
    file.write_all(shown::raw_yaml(document)?.as_bytes())?;
    file.flush()?;
    Ok(file)
}

/// Leaves the edited text on disk, so that a mistake in it or a refusal does not cost the work.
fn with_text_kept(error: CliError, file: NamedTempFile) -> CliError {
    match file.into_temp_path().keep() {
        Ok(path) => {
            let path = path.display();
            error.hint(format!(
                "evt flows apply -f {path}     applies your text, which is in this file"
            ))
        }
        Err(_) => error,
    }
}

fn read_back(
    file: &NamedTempFile,
    force: bool,
    cx: &Context,
    client: &Client,
) -> Result<Value, CliError> {
    // Read by path, not from the open file: many editors replace the file.
    let bytes = std::fs::read(file.path())?;
    let mut values = document::parse(&bytes, "the edited file", false)?;
    let value = match (values.pop(), values.is_empty()) {
        (Some(value), true) => value,
        _ => {
            return Err(CliError::usage(
                "the edited file contains more than one flow",
            ));
        }
    };
    let document = Document {
        value,
        source: "the edited file".to_owned(),
    };
    check::check(&document, force, cx, client)?;
    Ok(document.value)
}

/// Prints the error and asks whether to open the editor again. Returns the error if not.
fn ask_to_reopen(cx: &Context, error: CliError) -> Result<(), CliError> {
    if !cx.may_ask {
        return Err(error);
    }
    let mut message = error.error.to_string();
    let mut cause = error.error.source();
    while let Some(link) = cause {
        let reason = link.to_string();
        // Some errors include their cause in their own text.
        if !message.contains(&reason) {
            message.push_str(": ");
            message.push_str(&reason);
        }
        cause = link.source();
    }
    cx.ui.warn(&crate::ui::safe(&message));
    if cx
        .ui
        .confirm("Open the editor again?", true, "--no-input")?
    {
        Ok(())
    } else {
        Err(error)
    }
}
