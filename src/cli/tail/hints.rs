//! What to try if a stream cannot be followed. It depends on the server, on the transport, and on what the server is.

use super::credentials::Server;
use super::open::Opener;
use super::resume::quoted_where_needed;
use crate::error::CliError;
use crate::source::{SourceError, StreamTransport};

/// A failed attempt to follow a stream.
pub(super) struct Attempt<'a> {
    pub(super) transport: &'static StreamTransport,
    pub(super) server: Server,
    /// The stream as it was typed, without secrets.
    pub(super) stream: &'a str,
}

impl Attempt<'_> {
    /// Converts the error. Hints for this case replace the general ones.
    pub(super) fn explain(&self, error: SourceError) -> CliError {
        let hints = self.hints(&error);
        let mut shown = CliError::from(error);
        if !hints.is_empty() {
            shown.hints = hints;
        }
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
    use crate::event::Transport;

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
        };
        attempt.explain(error).hints
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
        assert!(of(Server::Platform)[0].contains("what the platform has"));
        assert!(of(Server::Foreign)[0].starts_with("check the path"));
    }
}
