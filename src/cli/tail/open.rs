//! Opens the source of a stream. What differs between transports is in the file of each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Id;
use clap::parser::ValueSource;
use http::Uri;

use super::broker::BROKER;
use super::credentials::{self, Server};
use super::subject::{Subject, join};
use super::{Args, OPENERS};
use crate::cli::Context;
use crate::dial::Dialer;
use crate::error::CliError;
use crate::event::Transport;
use crate::source::{
    ConnectionLoss, Credentials, Outgoing, Source, Stream, StreamTransport, TRANSPORTS,
};
use crate::store::cursors;
use crate::time::Timestamp;

/// Largest value of `--max-message-size`.
const MAX_MESSAGE: u64 = 1 << 30;

/// The group of the flags that send messages, for transports that can.
pub(super) const SENDING: &str = "sending";
/// The group of the flags that store a position, for transports that have one.
pub(super) const RESUMING: &str = "resuming";
/// The group of the flags of HTTP, for transports that begin with a request.
pub(super) const REQUEST: &str = "request";

/// Opens the source of a URL.
pub(super) type OpenFn = fn(&Opening<'_>, &str) -> Result<Box<dyn Source>, CliError>;

/// What `evt tail` needs to know of a transport in addition to its row in [`TRANSPORTS`].
pub(super) struct Opener {
    pub(super) transport: Transport,
    /// The flag with which credentials are sent to a server other than the platform.
    pub(super) credentials_flag: &'static str,
    /// A hint for a server that has no stream at the requested path.
    pub(super) path_hint: &'static str,
    /// The flag that resumes after a position, if the transport has one.
    pub(super) position_flag: Option<&'static str>,
    pub(super) open: OpenFn,
}

impl Opener {
    pub(super) fn of(transport: &StreamTransport) -> &'static Self {
        let mut openers = OPENERS.iter();
        let opener = openers.find(|opener| opener.transport == transport.transport);
        opener.expect("a test checks that each transport has an opener")
    }
}

/// A source that is ready to connect.
pub(super) struct Following {
    pub(super) source: Box<dyn Source>,
    pub(super) transport: &'static StreamTransport,
    pub(super) server: Server,
    /// The stream in a form that can be typed again. A cursor belongs to this text.
    pub(super) name: String,
    /// The end of an earlier run that is resumed. Cleared once the server has shown that nothing was missed since.
    pub(super) loss: Option<ConnectionLoss>,
    /// The stream is an AI agent's answer.
    pub(super) is_answer: bool,
}

impl Following {
    pub(super) fn open(subject: Subject, args: &Args, cx: &Arc<Context>) -> Result<Self, CliError> {
        let limit = args.connect.max_message_size.bytes();
        if limit == 0 || limit > MAX_MESSAGE {
            return Err(
                CliError::usage("--max-message-size must be from 1 byte to 1GiB")
                    .hint("evt tail … --max-message-size 64MiB"),
            );
        }
        if Duration::from(args.connect.timeout).is_zero() {
            return Err(CliError::usage("--timeout must be longer than 0").hint("--timeout 30s"));
        }
        let stream = subject.stream(cx)?;
        let name = stream.to_string();
        let resumed = ResumePoint::of(args, &name, cx)?;
        let is_answer = matches!(stream, Stream::Agent(_));
        let (transport, url) = match stream {
            Stream::Agent(id) => {
                let path = format!("/ai/stream/{}", segment(&id)?);
                (
                    StreamTransport::of(Transport::Sse),
                    join(&cx.platform_url()?, &path),
                )
            }
            Stream::Url(transport, url) => (transport, url.url),
        };
        check_flags(transport, cx)?;
        let server = Server::of(&url, cx)?;
        let opening = Opening {
            args,
            cx,
            server,
            dialer: cx.dialer()?,
            max_message: usize::try_from(limit).unwrap_or(usize::MAX),
            position: resumed.as_ref().and_then(|point| point.position.clone()),
            is_answer,
        };
        Ok(Self {
            source: (Opener::of(transport).open)(&opening, &url)?,
            transport,
            server,
            name,
            loss: resumed.map(|point| ConnectionLoss {
                since: point.since,
                why: "an earlier run ended".to_owned(),
            }),
            is_answer,
        })
    }
}

/// Where an earlier run ended.
struct ResumePoint {
    /// `None` if the stream was followed but had no positions.
    position: Option<String>,
    /// The time of the position; now, if unknown.
    since: Timestamp,
}

impl ResumePoint {
    /// Reads the cursor, or uses the id from the command line.
    fn of(args: &Args, stream: &str, cx: &Context) -> Result<Option<Self>, CliError> {
        let Some(cursor) = &args.save.resume else {
            let typed = args.sse.last_event_id.clone();
            return Ok(typed.map(|position| Self {
                position: Some(position),
                since: Timestamp::now(),
            }));
        };
        let stored = cx
            .inbox()?
            .read_blocking(|db| cursors::find(db, cursor, stream))?;
        Ok(stored.map(|stored| Self {
            position: Some(stored.position).filter(|position| !position.is_empty()),
            since: stored.updated_at,
        }))
    }
}

/// What each transport needs to open its source.
pub(super) struct Opening<'a> {
    pub(super) args: &'a Args,
    pub(super) cx: &'a Arc<Context>,
    server: Server,
    pub(super) dialer: Dialer,
    pub(super) max_message: usize,
    /// Where to resume.
    pub(super) position: Option<String>,
    pub(super) is_answer: bool,
}

impl Opening<'_> {
    pub(super) fn credentials(&self) -> Result<Credentials, CliError> {
        credentials::of(self.server, self.args, self.cx)
    }

    /// The messages of `--send-on-connect`.
    pub(super) fn messages(&self) -> Vec<Outgoing> {
        let texts = self.args.send.send_on_connect.iter();
        texts.map(|text| Outgoing::Text(text.clone())).collect()
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.args.connect.timeout.into()
    }
}

pub(super) fn uri(url: &str) -> Result<Uri, CliError> {
    url.parse()
        .map_err(|_| CliError::usage(format!("`{url}` is not a URL")).hint("evt man streams"))
}

/// Refuses flags of other transports. Only the command line counts: a variable or a setting applies where it fits.
pub(super) fn check_flags(transport: &StreamTransport, cx: &Context) -> Result<(), CliError> {
    let Some(typed) = cx.matches.subcommand_matches("tail") else {
        return Ok(());
    };
    let mut owners: BTreeMap<&Id, Vec<&'static StreamTransport>> = BTreeMap::new();
    for row in TRANSPORTS {
        let own = row.transport.as_str();
        for group in [
            Some(own),
            row.sends.then_some(SENDING),
            row.is_resumable.then_some(RESUMING),
            Some(if row.is_broker { BROKER } else { REQUEST }),
        ] {
            let flags = group.and_then(|group| typed.get_many::<Id>(group));
            for flag in flags.into_iter().flatten() {
                owners.entry(flag).or_default().push(row);
            }
        }
    }
    for (flag, owners) in owners {
        let is_typed = typed.value_source(flag.as_str()) == Some(ValueSource::CommandLine);
        if is_typed
            && owners
                .iter()
                .all(|row| row.transport != transport.transport)
        {
            return Err(refused(flag, &owners, transport));
        }
    }
    Ok(())
}

fn refused(flag: &Id, owners: &[&StreamTransport], transport: &StreamTransport) -> CliError {
    let flag = format!("--{}", flag.as_str().replace('_', "-"));
    let names: Vec<&str> = owners.iter().map(|row| row.name).collect();
    let names = match names.as_slice() {
        [names @ .., last] if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        names => names.concat(),
    };
    let mut message = format!("{flag} is for {names}, and this is {}", transport.name);
    if !transport.is_resumable && flag == "--resume" {
        message.push_str(&format!(": {}", transport.without_position));
    }
    CliError::usage(message)
        .hint(format!("leave {flag} out"))
        .hint("evt man streams     describes the transports")
}

/// Checks that an id is one segment of a path.
fn segment(id: &str) -> Result<&str, CliError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~:@!$&'()*+,;=".contains(&byte);
    if id.bytes().all(is_plain) && !matches!(id, "" | "." | "..") {
        return Ok(id);
    }
    Err(CliError::usage(format!("`{id}` is not the id of a stream"))
        .hint("evt tail --agent NAME \"message\"     asks an agent and follows the answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_transport_has_an_opener_and_a_group_of_flags() {
        use clap::CommandFactory;
        let mut tree = crate::cli::Cli::command();
        tree.build();
        let tail = tree.find_subcommand("tail").unwrap();
        for row in TRANSPORTS {
            Opener::of(row);
            let mut groups = tail.get_groups();
            assert!(
                groups.any(|group| group.get_id() == row.transport.as_str()),
                "{}",
                row.name
            );
        }
        for group in [SENDING, RESUMING, REQUEST, BROKER] {
            assert!(
                tail.get_groups().any(|known| known.get_id() == group),
                "{group}"
            );
        }
    }
}
