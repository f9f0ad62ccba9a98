//! `evt flows`: automations of the platform, and their runs.

mod actions;
mod apply;
mod check;
mod create;
mod diagram;
mod difference;
mod document;
mod edit;
mod execute;
mod find;
mod local;
mod run_view;
mod runs;
mod show;
mod shown;
mod steps;
mod test;
mod typed;
mod why;
mod wizard;

use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};

use super::calls::CallArgs;
use super::{Context, Runtime};
use crate::api::Client;
use crate::api::flows::Flow;
use crate::error::{CliError, Exit};
use crate::ui::{Cell, Format, Style, safe};

/// Manage and run automations
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows create --on contact.created --webhook 4871/hook\n  evt flows execute 'contact.created to 127.0.0.1:4871/hook' contact.email=ada@example.test"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(show::Args),
    Create(Box<create::Args>),
    Apply(apply::Args),
    Edit(edit::Args),
    Delete(Delete),
    /// Enable flows
    #[command(after_help = "Example:\n  evt flows enable 'Notify CRM bridge'")]
    Enable(Switch),
    /// Disable flows; running runs continue
    #[command(after_help = "Example:\n  evt flows disable 'Notify CRM bridge'")]
    Disable(Switch),
    Execute(execute::Args),
    Runs(runs::Args),
    Why(why::Args),
    Test(test::Args),
}

/// List the flows of the organisation
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt flows list")]
struct List {}

/// Delete flows
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt flows delete 'Notify CRM bridge' --yes")]
struct Delete {
    /// Ids or names
    #[arg(required = true, value_name = "FLOW")]
    flows: Vec<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

// Arguments of `enable` and `disable`, whose help is on the variants.
#[derive(Debug, clap::Args)]
struct Switch {
    /// Ids or names
    #[arg(required = true, value_name = "FLOW")]
    flows: Vec<String>,
}

/// The runtime for the command. `runs --watch` finishes its output on Ctrl-C; the other commands stop immediately.
pub(super) fn runtime(args: &Args) -> Runtime {
    match &args.command {
        Command::Runs(args) if args.is_open_ended() => Runtime::Client,
        _ => Runtime::Brief,
    }
}

/// Returns whether the command can print Mermaid.
pub(super) fn draws(args: &Args) -> bool {
    matches!(args.command, Command::Show(_))
}

pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let cx = cx.as_ref();
    cx.limit_calls(&args.calls)?;
    if let Command::Show(args) = &args.command
        && let Some(shown) = args.show_file(cx)
    {
        return shown;
    }
    let client = cx.api()?;
    match args.command {
        Command::List(_) => list(cx, &client).await,
        Command::Show(args) => show::run(&args, cx, &client).await,
        Command::Create(args) => create::run(*args, cx, &client).await,
        Command::Apply(args) => apply::run(&args, cx, &client).await,
        Command::Edit(args) => edit::run(&args, cx, &client).await,
        Command::Delete(args) => delete(&args, cx, &client).await,
        Command::Enable(args) => switch(&args, true, cx, &client).await,
        Command::Disable(args) => switch(&args, false, cx, &client).await,
        Command::Execute(args) => execute::run(&args, cx, &client).await,
        Command::Runs(args) => runs::run(&args, cx, &client).await,
        Command::Why(args) => why::run(&args, cx, &client).await,
        Command::Test(args) => test::run(&args, cx, &client).await,
    }
}

async fn list(cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let flows = client.list_flows().await?;
    if cx.ui.format() == Format::Text {
        if flows.is_empty() {
            cx.ui.status("No flows. To create one: evt flows create --on contact.created --webhook 4871/hook");
            return Ok(Exit::Done);
        }
        let rows = flows
            .iter()
            .map(|flow| {
                let document = flow.document();
                vec![
                    Cell::styled(Style::Name, flow.name()),
                    state_cell(flow),
                    Cell::from(shown::triggers(document).join(", ")),
                    Cell::from(shown::actions(document).join(", ")),
                    Cell::from(flow.id()),
                ]
            })
            .collect();
        cx.ui
            .table(&["name", "state", "trigger", "actions", "id"], rows)?;
        return Ok(Exit::Done);
    }
    for flow in &flows {
        print(cx, flow.value(), false)?;
    }
    Ok(Exit::Done)
}

fn state_cell(flow: &Flow) -> Cell {
    if flow.is_enabled() {
        Cell::styled(Style::Good, "enabled")
    } else {
        Cell::styled(Style::Dim, "disabled")
    }
}

async fn delete(args: &Delete, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let flows = find::several(client, &args.flows).await?;
    if !args.yes {
        let names: Vec<String> = flows.iter().map(|flow| safe(flow.label())).collect();
        let question = format!("Delete {}?", names.join(", "));
        if !cx.ui.confirm(&question, false, "--yes")? {
            cx.ui.status("Nothing was deleted");
            return Ok(Exit::Done);
        }
    }
    for flow in &flows {
        client.delete_flow(flow.id()).await?;
        done(cx, "deleted", flow)?;
    }
    Ok(Exit::Done)
}

async fn switch(
    args: &Switch,
    enabled: bool,
    cx: &Context,
    client: &Client,
) -> Result<Exit, CliError> {
    for flow in find::several(client, &args.flows).await? {
        client.set_flow_enabled(flow.id(), enabled).await?;
        done(cx, if enabled { "enabled" } else { "disabled" }, &flow)?;
    }
    Ok(Exit::Done)
}

/// Prints the result for a flow.
fn done(cx: &Context, what: &str, flow: &Flow) -> Result<(), CliError> {
    match cx.ui.format() {
        Format::Text => {
            let id = safe(flow.id());
            let shown = match flow.name() {
                "" => cx.ui.paint(Style::Name, &id),
                name => format!("{} ({id})", cx.ui.paint(Style::Name, &safe(name))),
            };
            cx.ui
                .line(&format!("{} {shown}", cx.ui.paint(Style::Good, what)))?;
        }
        Format::Json => cx
            .ui
            .json(&json!({"id": flow.id(), "name": flow.name(), "done": what}))?,
        Format::Raw => {}
    }
    Ok(())
}

/// Prints a flow as the platform returned it.
fn print(cx: &Context, flow: &Value, show_secrets: bool) -> Result<(), CliError> {
    if show_secrets {
        cx.ui.json(flow)?;
    } else {
        cx.ui.json(&shown::masked(flow))?;
    }
    Ok(())
}
