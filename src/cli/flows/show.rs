//! `evt flows show`: prints a flow's document, or draws it.

use serde_json::Value;

use super::{diagram, document, find, print, shown};
use crate::api::Client;
use crate::cli::Context;
use crate::cli::input::Source;
use crate::error::{CliError, Exit};
use crate::ui::{Format, safe};

/// Show a flow's document
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows show 'Notify CRM bridge'\n  evt flows show 'Notify CRM bridge' --diagram\n  evt flows show -f flow.yaml -o mermaid\n  evt flows show 'Notify CRM bridge' -o text --show-secrets > flow.yaml"
)]
pub(super) struct Args {
    /// The flow's id or name
    #[arg(required_unless_present = "file")]
    flow: Option<String>,
    /// Show the flows of this file instead (YAML or JSON), or `-` for stdin
    #[arg(short, long, value_name = "FILE", conflicts_with = "flow")]
    file: Option<Source>,
    /// Draw the flow: triggers, conditions, steps and branches; `-o mermaid` prints Mermaid
    #[arg(long)]
    diagram: bool,
    /// Do not mask secrets and credentials in headers
    #[arg(long)]
    show_secrets: bool,
}

impl Args {
    /// Prints the flows of the file. Returns `None` if no file is given.
    pub(super) fn show_file(&self, cx: &Context) -> Option<Result<Exit, CliError>> {
        let source = self.file.as_ref()?;
        Some(document::read(source).and_then(|documents| {
            for document in &documents {
                self.show(&document.value, &document.value, cx)?;
            }
            Ok(Exit::Done)
        }))
    }

    /// Prints a document, or `record`, which contains it, as JSON.
    fn show(&self, document: &Value, record: &Value, cx: &Context) -> Result<(), CliError> {
        if self.diagram || cx.globals.wants_mermaid() {
            if cx.ui.explicit_json() {
                return Err(CliError::usage("a diagram is not JSON")
                    .hint("--diagram -o text     draws it")
                    .hint("-o mermaid     prints it as Mermaid"));
            }
            return diagram::print(document, cx);
        }
        if cx.ui.format() != Format::Text {
            return print(cx, record, self.show_secrets);
        }
        let document = document::without_platform_fields(document);
        let document = match self.show_secrets {
            true => document,
            false => shown::masked(&document),
        };
        Ok(cx.ui.line(&shown::yaml(&document, cx)?)?)
    }
}

pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let flow = find::one(client, args.flow.as_deref().unwrap_or_default()).await?;
    if cx.ui.format() == Format::Text && !args.diagram {
        let state = match flow.is_enabled() {
            true => "enabled",
            false => "disabled",
        };
        cx.ui.status(&format!("{} is {state}", safe(flow.id())));
    }
    args.show(flow.document(), flow.value(), cx)?;
    Ok(Exit::Done)
}
