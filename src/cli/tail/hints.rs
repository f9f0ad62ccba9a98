//! What to try if a stream cannot be followed. It depends on the server, on the transport, and on what the server is.

use std::time::Duration;

use super::Args;
use super::credentials::Server;
use super::open::Opener;
use super::resume::quoted_where_needed;
use crate::dial::DialError;
use crate::error::CliError;
use crate::event::Transport;
use crate::source::{SourceError, StreamTransport};

/// A failed attempt to follow a stream.
pub(super) struct Attempt<'a> {
    pub(super) transport: &'static StreamTransport,
    pub(super) server: Server,
    /// The stream as it was typed, without secrets.
    pub(super) stream: &'a str,
    pub(super) flags: Flags,
}

/// The flags that change which hints help.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) reconnect: bool,
    pub(super) no_reconnect: bool,
    pub(super) until_end: bool,
    pub(super) has_subprotocol: bool,
    pub(super) max_retries: Option<u32>,
    pub(super) timeout: Duration,
}

impl From<&Args> for Flags {
    fn from(args: &Args) -> Self {
        Self {
            reconnect: args.connect.reconnect,
            no_reconnect: args.connect.no_reconnect,
            until_end: args.stop.until_end,
            has_subprotocol: args.websocket.has_subprotocol(),
            max_retries: args.connect.max_retries,
            timeout: args.connect.timeout.into(),
        }
    }
}

impl Attempt<'_> {
    /// Converts the error. Hints for this case replace the general ones, and a hint names no flag that is already given,
    /// excluded by another one, or unknown to the transport.
    pub(super) fn explain(&self, error: SourceError) -> CliError {
        let hints = self.hints(&error);
        let mut shown = CliError::from(error);
        if !hints.is_empty() {
            shown.hints = hints;
        }
        let may_reconnect =
            !(self.flags.reconnect || self.flags.no_reconnect || self.flags.until_end);
        shown
            .hints
            .retain(|hint| may_reconnect || !hint.starts_with("--reconnect"));
        shown
    }

    fn hints(&self, error: &SourceError) -> Vec<String> {
        match error {
            SourceError::Refused { status, .. } => match status.as_u16() {
                401 | 403 => self.credentials(),
                404 if self.server == Server::Foreign => vec![self.path()],
                426 => self.with_scheme("ws", "wss"),
                _ => Vec::new(),
            },
            SourceError::Denied { auth: true, .. } => self.credentials(),
            SourceError::NotAStream { content_type, .. } if is_event_stream(content_type) => {
                self.with_scheme("http", "https")
            }
            SourceError::NotEngineIo {
                is_websocket: true, ..
            } => {
                let mut hints = self.with_scheme("ws", "wss");
                hints.push(self.path());
                hints
            }
            SourceError::NotEngineIo { .. } => vec![self.path()],
            SourceError::Lost { .. } => vec![match self.flags.no_reconnect {
                true => "leave --no-reconnect out to reconnect".to_owned(),
                false => {
                    "--reconnect     retries until the server accepts the connection".to_owned()
                }
            }],
            SourceError::Spent { retries, .. } => {
                let more = self
                    .flags
                    .max_retries
                    .unwrap_or(*retries)
                    .max(1)
                    .saturating_mul(10);
                vec![format!("--max-retries {more}     retries more often")]
            }
            SourceError::Redirect { .. } => vec![match self.transport.transport {
                Transport::WebSocket => {
                    "use the URL of the redirect, or -L to follow it".to_owned()
                }
                _ => "use the URL of the redirect".to_owned(),
            }],
            SourceError::Credentials(_) if self.flags.has_subprotocol => {
                vec![
                    "--subprotocol v1     a name consists of letters, digits and some signs"
                        .to_owned(),
                ]
            }
            SourceError::Dial(DialError::Silent { .. }) => {
                let longer = 2 * self.flags.timeout.as_secs().max(30);
                vec![format!(
                    "check whether the server hangs, or wait longer: --timeout {longer}s"
                )]
            }
            SourceError::TooLarge { limit } => {
                let larger = limit.saturating_mul(8).min(1 << 30).div_ceil(1 << 20);
                vec![format!(
                    "--max-message-size {larger}MiB     accepts larger messages"
                )]
            }
            _ => Vec::new(),
        }
    }

    fn credentials(&self) -> Vec<String> {
        if self.server != Server::Foreign {
            return vec!["evt profile login".to_owned()];
        }
        let flag = Opener::of(self.transport).credentials_flag;
        vec![
            format!("{flag}     env:NAME instead of the value hides it"),
            "--token env:NAME     is sent as a bearer token".to_owned(),
        ]
    }

    fn path(&self) -> String {
        Opener::of(self.transport).path_hint.to_owned()
    }

    /// The same address with another scheme; nothing if it has that scheme already.
    fn with_scheme(&self, plain: &str, secure: &str) -> Vec<String> {
        let Some((scheme, rest)) = self.stream.split_once("://") else {
            return Vec::new();
        };
        if [plain, secure].contains(&scheme) {
            return Vec::new();
        }
        let is_secure = matches!(scheme.rsplit('+').next(), Some("https" | "wss"));
        let scheme = if is_secure { secure } else { plain };
        let url = quoted_where_needed(&format!("{scheme}://{rest}"));
        vec![format!("evt tail {url}")]
    }
}

fn is_event_stream(content_type: &str) -> bool {
    content_type
        .trim()
        .to_ascii_lowercase()
        .starts_with("text/event-stream")
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn hints(
        transport: Transport,
        server: Server,
        stream: &str,
        error: SourceError,
    ) -> Vec<String> {
        let attempt = Attempt {
            transport: StreamTransport::of(transport),
            server,
            stream,
            flags: Flags::default(),
        };
        attempt.explain(error).hints
    }

    fn with_flags(flags: Flags, error: SourceError) -> Vec<String> {
        let attempt = Attempt {
            transport: StreamTransport::of(Transport::WebSocket),
            server: Server::Foreign,
            stream: "ws://a.test/",
            flags,
        };
        attempt.explain(error).hints
    }

    #[test]
    fn a_hint_names_a_flag_only_if_it_helps() {
        let closed = || SourceError::Closed {
            code: 1008,
            reason: String::new(),
        };
        assert!(with_flags(Flags::default(), closed())[0].starts_with("--reconnect"));
        let given = [
            Flags {
                reconnect: true,
                ..Flags::default()
            },
            Flags {
                no_reconnect: true,
                ..Flags::default()
            },
            Flags {
                until_end: true,
                ..Flags::default()
            },
        ];
        for flags in given {
            assert_eq!(with_flags(flags, closed()), [""; 0], "{flags:?}");
        }
        let lost = || SourceError::Lost {
            why: "reset".to_owned(),
        };
        let hints = with_flags(
            Flags {
                no_reconnect: true,
                ..Flags::default()
            },
            lost(),
        );
        assert!(hints[0].contains("--no-reconnect"), "{hints:?}");
        let hints = with_flags(Flags::default(), lost());
        assert!(!hints[0].contains("--no-reconnect"), "{hints:?}");
        let large = SourceError::TooLarge { limit: 100 << 20 };
        let hints = with_flags(Flags::default(), large);
        assert!(
            hints[0].starts_with("--max-message-size 800MiB"),
            "{hints:?}"
        );
    }

    #[test]
    fn a_redirect_is_followed_by_a_flag_only_for_websockets() {
        for (transport, mentions) in [
            (Transport::WebSocket, true),
            (Transport::Sse, false),
            (Transport::SocketIo, false),
        ] {
            let error = SourceError::Redirect {
                target: "a.test".to_owned(),
                why: "to b.test".to_owned(),
            };
            let hints = hints(transport, Server::Foreign, "ws://a.test/", error);
            assert_eq!(hints[0].contains("-L"), mentions, "{hints:?}");
        }
    }

    fn refused(status: u16) -> SourceError {
        SourceError::Refused {
            target: "a.test".to_owned(),
            status: StatusCode::from_u16(status).unwrap(),
            body: String::new(),
            retry_after: None,
        }
    }

    #[test]
    fn a_stream_of_another_transport_is_suggested() {
        let events = SourceError::NotAStream {
            target: "a.test".to_owned(),
            content_type: "text/event-stream; charset=utf-8".to_owned(),
            body: String::new(),
        };
        let ws = "wss://a.test/x";
        assert_eq!(
            hints(Transport::WebSocket, Server::Foreign, ws, events),
            ["evt tail https://a.test/x"]
        );
        let sse = "http://a.test/x?a=1";
        assert_eq!(
            hints(Transport::Sse, Server::Foreign, sse, refused(426)),
            ["evt tail 'ws://a.test/x?a=1'"]
        );
        let plain = SourceError::NotEngineIo {
            target: "a.test".to_owned(),
            why: "it sent `hello`".to_owned(),
            is_websocket: true,
        };
        let socketio = "socketio+http://a.test/";
        let hints = hints(Transport::SocketIo, Server::Foreign, socketio, plain);
        assert_eq!(hints[0], "evt tail ws://a.test/");
    }

    #[test]
    fn login_is_suggested_only_for_the_platform() {
        for (transport, server, first) in [
            (Transport::Sse, Server::Platform, "evt profile login"),
            (
                Transport::Sse,
                Server::Foreign,
                "-H 'Authorization: Bearer …'",
            ),
            (Transport::WebSocket, Server::Foreign, "-H 'Authorization"),
            (Transport::SocketIo, Server::Foreign, "--auth '{"),
        ] {
            let hints = hints(transport, server, "http://a.test/", refused(401));
            assert!(hints[0].starts_with(first), "{hints:?}");
        }
    }

    #[test]
    fn a_missing_stream_has_hints_for_its_server() {
        let of = |server| hints(Transport::Sse, server, "http://a.test/", refused(404));
        assert!(of(Server::Platform)[0].contains("everything of the platform"));
        assert!(of(Server::Foreign)[0].starts_with("check the path"));
    }
}
