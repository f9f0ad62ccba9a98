//! `evt flows apply`: makes the platform's flows match files. Prints the difference and asks before it changes anything.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::check;
use super::difference::{self, Line};
use super::document::{self, Document, FlowFileError};
use crate::api::Client;
use crate::api::flows::Flow;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::ui::{Format, Style, safe};

/// Create and update flows to match files
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows apply -f flows/\n  evt flows apply -f flows/ --prune --yes"
)]
pub(crate) struct Args {
    /// A YAML or JSON file, a folder of such files, or `-` for stdin (repeatable)
    #[arg(short, long = "file", value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
    /// Delete flows that are in none of the files
    #[arg(long)]
    prune: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
    /// Print the difference and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Skip the checks for remote platforms
    #[arg(long)]
    force: bool,
}

/// The planned change of one flow.
enum Step {
    Create { body: Value, name: String },
    Update { flow: Flow, body: Value },
    Keep { flow: Flow },
    Delete { flow: Flow },
}

impl Step {
    fn name(&self) -> &str {
        match self {
            Self::Create { name, .. } => name,
            Self::Update { flow, .. } | Self::Keep { flow } | Self::Delete { flow } => flow.name(),
        }
    }

    fn is_change(&self) -> bool {
        !matches!(self, Self::Keep { .. })
    }

    /// The sign, colour and word that the plan prints.
    fn mark(&self) -> (&'static str, Style, &'static str) {
        match self {
            Self::Create { .. } => ("+", Style::Good, "create"),
            Self::Update { .. } => ("~", Style::Warn, "change"),
            Self::Keep { .. } => ("=", Style::Dim, "keep"),
            Self::Delete { .. } => ("-", Style::Bad, "delete"),
        }
    }
}

pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let documents = read(args)?;
    for document in &documents {
        check::check(document, args.force, cx, client)?;
    }
    let steps = plan(&documents, client.list_flows().await?, args.prune, cx)?;
    for step in &steps {
        show(step, cx)?;
    }
    let changes = steps.iter().filter(|step| step.is_change()).count();
    if changes == 0 {
        cx.ui.status("Nothing to change");
    } else if args.dry_run {
        cx.ui
            .status(&format!("{changes} of {} flows would change", steps.len()));
    } else if !args.yes && !cx.ui.confirm(&question(&steps), false, "--yes")? {
        cx.ui.status("Nothing was changed");
        return Ok(Exit::Done);
    }
    if !args.dry_run {
        return apply_all(steps, changes, cx, client).await;
    }
    for step in &steps {
        report(&planned(step), cx)?;
    }
    Ok(Exit::Done)
}

/// Makes all changes. A flow that the platform refuses does not stop the others.
async fn apply_all(
    steps: Vec<Step>,
    changes: usize,
    cx: &Context,
    client: &Client,
) -> Result<Exit, CliError> {
    let mut failures: Vec<CliError> = Vec::new();
    let mut made = 0_usize;
    for step in steps {
        let (name, is_change) = (step.name().to_owned(), step.is_change());
        match apply(step, client).await {
            Ok(outcome) => {
                report(&outcome, cx)?;
                made += usize::from(is_change);
            }
            Err(error) => {
                let is_about_this_flow = matches!(error.exit, Exit::Refused | Exit::NotFound);
                cx.ui.warn(&format!(
                    "flow `{}` was not changed: {}",
                    safe(&name),
                    safe(&error.error.to_string())
                ));
                failures.push(error);
                if !is_about_this_flow {
                    break;
                }
            }
        }
    }
    match failures.into_iter().next() {
        None => Ok(Exit::Done),
        Some(first) if made == 0 => Err(first),
        Some(first) => {
            let message = format!("{made} of {changes} changes were made");
            let mut partly = CliError::new(Exit::Partly, "partly_applied", message);
            partly.hints = first.hints;
            Err(partly)
        }
    }
}

fn read(args: &Args) -> Result<Vec<Document>, CliError> {
    let mut all: Vec<Document> = Vec::new();
    for path in &args.files {
        all.extend(document::read_tree(path)?);
    }
    let mut sources: HashMap<String, String> = HashMap::new();
    for document in &all {
        let known = sources.insert(document.name().to_owned(), document.source.clone());
        if let (Some(first), false) = (known, document.name().is_empty()) {
            return Err(FlowFileError::SameName {
                flow: document.name().to_owned(),
                first,
                second: document.source.clone(),
            }
            .into());
        }
    }
    Ok(all)
}

fn plan(
    documents: &[Document],
    present: Vec<Flow>,
    prune: bool,
    cx: &Context,
) -> Result<Vec<Step>, CliError> {
    let mut rest: Vec<Flow> = present;
    let mut steps = Vec::with_capacity(documents.len());
    for document in documents {
        let body = check::resolved(&document.value, false, cx)?;
        let found = rest
            .iter()
            .position(|flow| flow.name() == document.name().trim());
        steps.push(match found.map(|position| rest.remove(position)) {
            None => Step::Create {
                name: document.name().to_owned(),
                body,
            },
            Some(flow) if difference::is_change(flow.document(), &body) => {
                Step::Update { flow, body }
            }
            Some(flow) => Step::Keep { flow },
        });
    }
    if prune {
        steps.extend(rest.into_iter().map(|flow| Step::Delete { flow }));
    }
    Ok(steps)
}

/// Prints the plan for one flow: on stdout as text, or on stderr if stdout has JSON.
fn show(step: &Step, cx: &Context) -> Result<(), CliError> {
    let (sign, style, word) = step.mark();
    let text = format!("{sign} {word} {}", safe(step.name()));
    let style = Some(style);
    Line { style, text }.print(cx)?;
    let changed = match step {
        Step::Create { body, .. } => difference::lines(&json!({}), body)?,
        Step::Update { flow, body } => difference::lines(flow.document(), body)?,
        Step::Keep { .. } | Step::Delete { .. } => Vec::new(),
    };
    for mut line in changed {
        if line.text != "- {}" {
            line.text.insert_str(0, "    ");
            line.print(cx)?;
        }
    }
    Ok(())
}

fn question(steps: &[Step]) -> String {
    let count = |word: &str| steps.iter().filter(|step| step.mark().2 == word).count();
    let parts: Vec<String> = ["create", "change", "delete"]
        .into_iter()
        .filter(|word| count(word) > 0)
        .map(|word| format!("{word} {}", count(word)))
        .collect();
    let text = parts.join(", ");
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    format!("{}{}?", first.unwrap_or_default(), characters.as_str())
}

/// The result for one flow.
struct Outcome {
    what: &'static str,
    id: Option<String>,
    name: String,
}

fn planned(step: &Step) -> Outcome {
    Outcome {
        what: step.mark().2,
        id: match step {
            Step::Create { .. } => None,
            Step::Update { flow, .. } | Step::Keep { flow } | Step::Delete { flow } => {
                Some(flow.id().to_owned())
            }
        },
        name: step.name().to_owned(),
    }
}

async fn apply(step: Step, client: &Client) -> Result<Outcome, CliError> {
    let name = step.name().to_owned();
    let (what, id) = match step {
        Step::Create { body, .. } => {
            let flow = client.create_flow(&body).await?;
            ("created", flow.id().to_owned())
        }
        Step::Update { flow, body } => {
            client.update_flow(flow.id(), &body).await?;
            ("changed", flow.id().to_owned())
        }
        Step::Keep { flow } => ("unchanged", flow.id().to_owned()),
        Step::Delete { flow } => {
            client.delete_flow(flow.id()).await?;
            ("deleted", flow.id().to_owned())
        }
    };
    Ok(Outcome {
        what,
        id: Some(id),
        name,
    })
}

fn report(outcome: &Outcome, cx: &Context) -> Result<(), CliError> {
    match cx.ui.format() {
        // The plan has printed this already.
        Format::Text if outcome.id.is_none() || outcome.what == "unchanged" => {}
        Format::Text if matches!(outcome.what, "create" | "change" | "delete" | "keep") => {}
        Format::Text => cx.ui.line(&format!(
            "{} {} ({})",
            cx.ui.paint(Style::Good, outcome.what),
            cx.ui.paint(Style::Name, &safe(&outcome.name)),
            safe(outcome.id.as_deref().unwrap_or_default())
        ))?,
        Format::Json => cx.ui.json(&json!({
            "id": outcome.id,
            "name": outcome.name,
            "done": outcome.what,
        }))?,
        Format::Raw => {}
    }
    Ok(())
}
