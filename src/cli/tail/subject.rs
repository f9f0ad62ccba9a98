//! What to follow: the live feed, a gateway, an agent's answer, or a stream by its URL.

use std::io::Read;
use std::sync::Arc;

use http::Uri;

use super::{Args, open};
use crate::cli::input::InputError;
use crate::cli::{Context, RuntimeError};
use crate::control::Control;
use crate::error::{CliError, Exit};
use crate::event::Transport;
use crate::grammar::nearest::nearest;
use crate::running::Running;
use crate::source::{Stream, StreamTransport};

/// Path of the live feed on the platform's control port.
const FEED: &str = "/_evt/feed";
/// Maximum size of a message for an agent that is read from stdin, in bytes.
const MAX_QUESTION: u64 = 1024 * 1024;

/// Socket.IO namespaces of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Gateway {
    Chat,
    CommunityChat,
    Voice,
}

impl Gateway {
    const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::CommunityChat => "community-chat",
            Self::Voice => "voice",
        }
    }
}

/// What to follow.
#[derive(Clone)]
pub(super) enum Subject {
    /// Everything that the running `evt dev` emits.
    Feed(Running),
    Gateway(Gateway),
    Stream(Stream),
}

impl Subject {
    /// The stream to open. A cursor belongs to its text form.
    pub(super) fn stream(self, cx: &Context) -> Result<Stream, CliError> {
        let url = match self {
            Self::Feed(running) => join(&running.control_url, FEED),
            Self::Gateway(gateway) => {
                let platform: Uri = parse(&cx.platform_url()?)?;
                let scheme = platform.scheme_str().unwrap_or("http");
                let host = platform
                    .authority()
                    .map_or("", |authority| authority.as_str());
                format!("socketio+{scheme}://{host}/{}", gateway.name())
            }
            Self::Stream(stream) => return Ok(stream),
        };
        Ok(url.parse()?)
    }
}

/// Returns the subject from the arguments, by default the live feed. With `--agent` the agent is asked.
pub(super) async fn subject(args: &Args, cx: &Arc<Context>) -> Result<Subject, CliError> {
    if let Some(name) = &args.agent {
        // An invalid command line must not start an agent.
        open::check_flags(StreamTransport::of(Transport::Sse), cx)?;
        let message = args.source.as_deref().unwrap_or_default();
        let id = ask(name, message, cx).await?;
        return Ok(Subject::Stream(Stream::Agent(id)));
    }
    if let Some(gateway) = args.gateway {
        return Ok(Subject::Gateway(gateway));
    }
    match args.source.as_ref().or(args.stream.as_ref()) {
        Some(text) => Ok(Subject::Stream(text.parse()?)),
        None => feed(cx),
    }
}

/// The live feed of the local platform.
fn feed(cx: &Context) -> Result<Subject, CliError> {
    let profile = cx.profile_name();
    if !cx.is_local(&profile) {
        return Err(CliError::usage(format!(
            "the platform of profile `{profile}` has no live feed: name a source"
        ))
        .hint("evt tail --gateway chat")
        .hint("evt tail --profile local     follows the platform of this machine"));
    }
    let running = cx.running()?.ok_or_else(|| cx.not_running())?;
    Ok(Subject::Feed(running))
}

/// Sends the message to the agent and returns the id of the stream with its answer. Ctrl-C cancels the wait.
async fn ask(name: &str, message: &str, cx: &Context) -> Result<String, CliError> {
    let asking = async {
        let message = match message {
            "-" => {
                let reading = tokio::task::spawn_blocking(read_question);
                reading.await.map_err(|_| RuntimeError::Panicked)??
            }
            message => message.to_owned(),
        };
        if message.trim().is_empty() {
            return Err(CliError::usage("there is no message for the agent")
                .hint(format!("evt tail --agent {name} \"hello\" --text")));
        }
        check_agent(name, cx).await?;
        Ok(cx.api()?.start_agent(name, &message).await?)
    };
    tokio::select! {
        id = asking => id,
        () = cx.shutdown.cancelled() => Err(super::interrupted(cx)),
    }
}

/// Checks that the local platform has this agent: it would answer for any name. Other platforms check it themselves.
async fn check_agent(name: &str, cx: &Context) -> Result<(), CliError> {
    let Some(running) = cx.profile()?.local else {
        return Ok(());
    };
    let Ok(answer) = Control::of(&running).get("/_evt/agents").await else {
        return Ok(());
    };
    let agents = answer["agents"].as_array().into_iter().flatten();
    let known: Vec<&str> = agents.filter_map(|agent| agent["id"].as_str()).collect();
    if known.is_empty() || known.contains(&name) {
        return Ok(());
    }
    let message = format!("there is no agent `{name}`; there are {}", known.join(", "));
    let error = CliError::new(Exit::NotFound, "no_such_agent", message);
    let similar = nearest(name, known.iter().copied()).unwrap_or(known[0]);
    Err(error.hint(format!("evt tail --agent {similar} \"hello\" --text")))
}

fn read_question() -> Result<String, CliError> {
    let name = || "stdin".to_owned();
    let mut text = String::new();
    let mut stdin = std::io::stdin().lock().take(MAX_QUESTION + 1);
    stdin
        .read_to_string(&mut text)
        .map_err(|source| InputError::Read {
            name: name(),
            source,
        })?;
    if text.len() as u64 > MAX_QUESTION {
        return Err(InputError::TooLarge { name: name() }.into());
    }
    Ok(text)
}

/// `base` with a path, which starts with a slash.
pub(super) fn join(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}

fn parse(url: &str) -> Result<Uri, CliError> {
    url.parse()
        .map_err(|_| CliError::usage(format!("`{url}` is not a URL")).hint("evt profile list"))
}
