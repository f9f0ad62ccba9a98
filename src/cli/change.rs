//! Flags that change a request before it is sent: its body, by paths or in an editor, and its headers.

use std::io::Write;
use std::process::Command;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use thiserror::Error;

use super::Context;
use crate::error::CliError;
use crate::explain::{Explain, Explanation};
use crate::grammar::change::{self, Change, Path};
use crate::grammar::header_line::HeaderLine;
use crate::json;
use crate::ui::PromptError;

/// The changes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Changing")]
pub(super) struct ChangeArgs {
    /// Set a value of the body: path=text or path:=json (repeatable)
    #[arg(long, value_name = "CHANGE")]
    set: Vec<Change>,
    /// Allow --set to add values that do not exist
    #[arg(long, requires = "set")]
    set_new: bool,
    /// Remove a value of the body (repeatable)
    #[arg(long, value_name = "PATH")]
    unset: Vec<Path>,
    /// Open the body in $VISUAL or $EDITOR first
    #[arg(long)]
    edit: bool,
    /// Add or replace a header (repeatable)
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<HeaderLine>,
}

/// Why a body cannot be edited.
#[derive(Debug, Error)]
pub(crate) enum EditError {
    #[error("cannot edit the body in a file")]
    File(#[source] std::io::Error),
    #[error("cannot start the editor `{editor}`")]
    Start {
        editor: String,
        source: std::io::Error,
    },
    #[error("the editor `{editor}` failed: {status}")]
    Ended {
        editor: String,
        status: std::process::ExitStatus,
    },
}

impl Explain for EditError {
    fn explain(&self) -> Explanation {
        match self {
            Self::File(_) => Explanation::failed("edit_file").hint("evt doctor"),
            Self::Start { .. } | Self::Ended { .. } => {
                Explanation::usage("editor").hint("export EDITOR=nano")
            }
        }
    }
}

impl ChangeArgs {
    /// Applies all changes to the body. Other bytes are unchanged.
    pub(super) fn body(&self, body: &Bytes, cx: &Context) -> Result<Bytes, CliError> {
        let unset = self.unset.iter().cloned().map(Change::unset);
        let changes: Vec<Change> = self.set.iter().cloned().chain(unset).collect();
        let mut changed = body.clone();
        if !changes.is_empty() {
            changed = Bytes::from(change::apply(body, &changes, self.set_new)?);
        }
        if self.edit {
            changed = edited(&changed, cx)?;
        }
        Ok(changed)
    }

    /// Sets the headers. The first one of a name replaces existing ones, further ones are added.
    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        let mut named: Vec<&HeaderName> = Vec::new();
        for line in &self.header {
            if named.contains(&&line.name) {
                headers.append(line.name.clone(), line.value.clone());
            } else {
                headers.insert(line.name.clone(), line.value.clone());
                named.push(&line.name);
            }
        }
    }
}

/// Opens the body in an editor. The temporary file is private (`tempfile` creates it with 0600) and removed afterwards.
fn edited(body: &Bytes, cx: &Context) -> Result<Bytes, CliError> {
    if !cx.may_ask {
        return Err(PromptError::NotAsked {
            what: "--edit".to_owned(),
            flag: "--set".to_owned(),
        }
        .into());
    }
    let suffix = if json::is_json(body) { ".json" } else { ".txt" };
    let mut file = tempfile::Builder::new()
        .prefix("evt-body-")
        .suffix(suffix)
        .tempfile()
        .map_err(EditError::File)?;
    file.write_all(body).map_err(EditError::File)?;
    let path = file.into_temp_path();
    let editor = cx.env.get("VISUAL").or_else(|| cx.env.get("EDITOR"));
    let editor = editor.unwrap_or("vi").to_owned();
    cx.ui.flush()?;
    // The variable may contain arguments (`code --wait`), so a shell splits it.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("evt")
        .arg(&path)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(EditError::Ended { editor, status }.into()),
        Err(source) => return Err(EditError::Start { editor, source }.into()),
    }
    // Reads by name, because many editors replace the file.
    Ok(Bytes::from(std::fs::read(&path).map_err(EditError::File)?))
}
