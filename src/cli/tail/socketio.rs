//! Socket.IO: its flags, and how its source is opened.

use http::Uri;

use super::open::{Opener, Opening, uri};
use crate::cli::parse::one_of;
use crate::error::CliError;
use crate::event::Transport;
use crate::grammar::secret_ref::SecretRef;
use crate::source::{EngineTransport, SocketIo, SocketIoOptions, Source};

pub(super) const OPENER: Opener = Opener {
    transport: Transport::SocketIo,
    credentials_flag: "--auth '{\"token\":\"…\"}'",
    path_hint: "--path /PATH/     if Socket.IO is not at this path of the server",
    position_flag: None,
    open,
};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Socket.IO")]
#[group(id = "socketio")]
pub(super) struct Flags {
    /// Authorise with this object: JSON, or env:NAME, file:PATH, cmd:…
    #[arg(long, value_name = "JSON|REF")]
    pub(super) auth: Option<SecretRef>,
    /// Also follow this namespace, over the same connection (repeatable)
    #[arg(long, value_name = "NAME")]
    namespace: Vec<String>,
    /// Path of Socket.IO on the server
    #[arg(long, value_name = "PATH", default_value = "/socket.io/")]
    path: String,
    /// Use a WebSocket, long polling, or polling with an upgrade to WebSocket
    #[arg(long, value_name = "HOW", value_parser = one_of(&EngineTransport::WORDS), default_value = "websocket")]
    transport: EngineTransport,
    /// Acknowledge events that request it, with these arguments (a JSON list)
    #[arg(long, value_name = "JSON", num_args = 0..=1, require_equals = true, default_missing_value = "[]")]
    ack: Option<String>,
}

/// Opens `socketio+http(s)://HOST/NAMESPACE`.
fn open(opening: &Opening<'_>, url: &str) -> Result<Box<dyn Source>, CliError> {
    let flags = &opening.args.socketio;
    if let Some(ack) = &flags.ack
        && serde_json::from_str::<Vec<&serde_json::value::RawValue>>(ack).is_err()
    {
        return Err(
            CliError::usage("--ack requires a JSON list of arguments").hint("--ack='[\"ok\"]'")
        );
    }
    let url = uri(url.trim_start_matches("socketio+"))?;
    let mut namespaces = vec![url.path().to_owned()];
    namespaces.extend(flags.namespace.iter().map(|name| slashed(name)));
    namespaces.dedup();
    let options = SocketIoOptions {
        url: with_path(&url, &slashed(&flags.path))?,
        namespaces,
        credentials: opening.credentials()?,
        engine_transport: flags.transport,
        send_on_connect: opening.messages(),
        ack: flags.ack.clone(),
        echo: opening.args.send.echo,
        resume: opening.position.clone(),
        max_message: opening.max_message,
        connect_timeout: opening.connect_timeout(),
    };
    Ok(Box::new(SocketIo::new(options, opening.dialer.clone())))
}

fn slashed(name: &str) -> String {
    match name.strip_prefix('/') {
        Some(_) => name.to_owned(),
        None => format!("/{name}"),
    }
}

/// The same server and query with another path.
fn with_path(url: &Uri, path: &str) -> Result<Uri, CliError> {
    let mut parts = url.clone().into_parts();
    let path_and_query = match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let invalid = || {
        CliError::usage(format!("`{path}` is not a valid path on a server"))
            .hint("--path /socket.io/")
    };
    parts.path_and_query = Some(path_and_query.parse().map_err(|_| invalid())?);
    Uri::from_parts(parts).map_err(|_| invalid())
}
