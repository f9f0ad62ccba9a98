//! `--agent`: asking first.

use std::io::Read;

use crate::cli::input::InputError;
use crate::cli::{Context, RuntimeError};
use crate::error::CliError;

/// Bytes of a message that are read from stdin.
const LIMIT: u64 = 1024 * 1024;

/// Puts the message to the agent and returns the id of the stream with its answer. Ctrl-C ends the wait.
pub(super) async fn ask(name: &str, message: &str, cx: &Context) -> Result<String, CliError> {
    tokio::select! {
        id = answered(name, message, cx) => id,
        () = cx.shutdown.cancelled() => Err(super::interrupted(cx)),
    }
}

async fn answered(name: &str, message: &str, cx: &Context) -> Result<String, CliError> {
    let message = match message {
        "-" => {
            let reading = tokio::task::spawn_blocking(piped);
            reading.await.map_err(|_| RuntimeError::Fault)??
        }
        message => message.to_owned(),
    };
    if message.trim().is_empty() {
        return Err(CliError::usage("there is no message for the agent")
            .hint(format!("evt tail --agent {name} \"hello\" --text")));
    }
    Ok(cx.api()?.start_agent(name, &message).await?)
}

fn piped() -> Result<String, CliError> {
    let name = || "stdin".to_owned();
    let mut text = String::new();
    let mut stdin = std::io::stdin().lock().take(LIMIT + 1);
    stdin
        .read_to_string(&mut text)
        .map_err(|source| InputError::Read {
            name: name(),
            source,
        })?;
    if text.len() as u64 > LIMIT {
        return Err(InputError::TooLarge { name: name() }.into());
    }
    Ok(text)
}
