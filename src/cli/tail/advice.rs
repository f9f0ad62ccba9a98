//! What to try when a stream cannot be followed: that depends on whose server it is, and on what it turned out to be.

use super::credentials::Server;
use super::resume::quoted_where_needed;
use crate::error::CliError;
use crate::event::Transport;
use crate::source::SourceError;

/// What was tried.
pub(super) struct Tried<'a> {
    pub(super) transport: Transport,
    pub(super) server: Server,
    /// As it was named, without secrets.
    pub(super) stream: &'a str,
}

impl Tried<'_> {
    /// The error as a person meets it, with what helps here in place of what helps in general.
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
                404 if self.server == Server::Foreign => vec![self.path().to_owned()],
                426 if self.transport == Transport::Sse => self.as_scheme("ws", "wss"),
                _ => Vec::new(),
            },
            SourceError::Denied { auth: true, .. } => self.credentials(),
            SourceError::NotAStream { content_type, .. }
                if self.transport == Transport::WebSocket && is_events(content_type) =>
            {
                self.as_scheme("http", "https")
            }
            SourceError::NotEngineIo {
                is_websocket: true, ..
            } => {
                let mut hints = self.as_scheme("ws", "wss");
                hints.push(self.path().to_owned());
                hints
            }
            _ => Vec::new(),
        }
    }

    fn credentials(&self) -> Vec<String> {
        if self.server != Server::Foreign {
            return vec!["evt profile login".to_owned()];
        }
        let own = match self.transport {
            Transport::SocketIo => "--auth '{\"token\":\"…\"}'",
            _ => "-H 'Authorization: Bearer …'",
        };
        vec![
            format!("{own}     env:NAME in place of the value keeps it out of sight"),
            "--token env:NAME     is sent as a bearer token".to_owned(),
        ]
    }

    fn path(&self) -> &'static str {
        match self.transport {
            Transport::SocketIo => "--path /socket.io/     says where the server has Socket.IO",
            _ => "check the path: the server has no stream there",
        }
    }

    /// The same address, spoken to in another way.
    fn as_scheme(&self, plain: &str, secure: &str) -> Vec<String> {
        let Some((scheme, rest)) = self.stream.split_once("://") else {
            return Vec::new();
        };
        let is_secure = matches!(scheme, "https" | "wss" | "socketio+https");
        let scheme = if is_secure { secure } else { plain };
        let url = quoted_where_needed(&format!("{scheme}://{rest}"));
        vec![format!("evt tail {url}")]
    }
}

fn is_events(content_type: &str) -> bool {
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
        let tried = Tried {
            transport,
            server,
            stream,
        };
        tried.explain(error).hints
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
    fn a_stream_of_another_kind_is_named_as_such() {
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
        let said = hints(Transport::SocketIo, Server::Foreign, socketio, plain);
        assert_eq!(said[0], "evt tail ws://a.test/");
    }

    #[test]
    fn only_the_platform_is_signed_in_to() {
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
    fn only_the_platform_offers_what_it_has() {
        let of = |server| hints(Transport::Sse, server, "http://a.test/", refused(404));
        assert!(of(Server::Platform)[0].contains("what the platform has"));
        assert!(of(Server::Foreign)[0].starts_with("check the path"));
    }
}
