//! The platform's scripted agents.

use serde_json::Value;

use super::super::Context;
use super::super::input::Source;
use super::ask::control;
use crate::error::{CliError, Exit};
use crate::ui::Format;

/// Show the agents that answer AI streams, or load scripts
///
/// An agent follows a script: each request opens a stream, to which the steps of the script write. A loaded script replaces the
/// agent with the same id until the platform stops.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt dev ai                       show all agents
  evt dev ai agents.yaml           load scripts from YAML or JSON

Format of a file:
  agents:
    support:
      pace: 20ms                   before each frame
      steps:
        - say: \"You asked: {message}\"
        - tool: {name: find_order, input: {id: 7}, result: {state: paid}}
        - delay: 2s                or forever
        - cut: 'data: {\"type\":'    send this and break the connection, once
        - say: and here I am again
        - error: out of tokens
  The other steps are event, raw, comment, retry and repeat; framing changes line ends and the size of pieces.")]
pub(super) struct Ai {
    /// The file with the scripts; - reads stdin
    file: Option<Source>,
}

impl Ai {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let control = control(cx)?;
        let Some(file) = self.file else {
            return show(&control.get("/_evt/agents").await?, cx);
        };
        let document = file.document().map_err(|error| {
            let mut error = CliError::from(error);
            error.hints = vec!["evt dev ai --help     shows the format of a file".to_owned()];
            error
        })?;
        let answer = control.post("/_evt/agents", &document).await?;
        match cx.ui.format() {
            Format::Text => {
                let loaded = texts(&answer["loaded"]).map(|id| vec![id.to_owned()]);
                cx.ui.table(&["LOADED"], loaded.collect())?;
            }
            Format::Json | Format::Raw => cx.ui.json(&answer)?,
        }
        Ok(Exit::Done)
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn show(answer: &Value, cx: &Context) -> Result<Exit, CliError> {
    let agents = answer["agents"].as_array().into_iter().flatten();
    if cx.ui.format() != Format::Text {
        for agent in agents {
            cx.ui.json(agent)?;
        }
        return Ok(Exit::Done);
    }
    let text = |agent: &Value, field: &str| agent[field].as_str().unwrap_or_default().to_owned();
    let rows = agents
        .map(|agent| {
            let origin = if agent["built_in"] == true {
                "evt"
            } else {
                "loaded"
            };
            vec![text(agent, "id"), origin.to_owned(), text(agent, "about")]
        })
        .collect();
    cx.ui.table(&["AGENT", "FROM", "WHAT IT DOES"], rows)?;
    Ok(Exit::Done)
}
