//! Delivers the mails of the outbox to an SMTP server, without TLS: for a server on this machine or in the same container network.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message as Mail};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::store::outbox::{self, Message};
use crate::store::{Store, StoreError};
use crate::time::Timestamp;

/// The pauses between attempts. After the last one a mail is given up.
const PAUSES: [u64; 4] = [1, 5, 30, 120];
/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest sleep between two looks at the outbox.
const LOOK: Duration = Duration::from_secs(1);
/// The sender of mails that name none.
const SENDER: &str = "no-reply@evt.local";

/// The address of an SMTP server: `127.0.0.1:1025`, `[::1]:25`, `mailpit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    host: String,
    port: u16,
}

impl FromStr for SmtpServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || "use HOST:PORT, such as 127.0.0.1:1025".to_owned();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| invalid())?)
            }
            _ => (text, 25),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
        if host.is_empty() || port == 0 || !host.chars().all(is_host) {
            return Err(invalid());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Delivers mails until `stop`. A mail whose delivery was not stored before a crash is delivered again.
pub(crate) async fn deliver(store: Store, server: SmtpServer, stop: CancellationToken) {
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.as_str())
        .port(server.port)
        .timeout(Some(TIMEOUT))
        .build();
    let mut stored = store.events_stored();
    loop {
        if let Err(error) = deliver_due(&store, &transport).await {
            error!(%error, "The outbox cannot be read yet.");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // A notification is stored together with its event.
            _ = stored.changed() => {}
            () = sleep(LOOK) => {}
        }
    }
}

async fn deliver_due(
    store: &Store,
    transport: &AsyncSmtpTransport<Tokio1Executor>,
) -> Result<(), StoreError> {
    while let Some((message, tries)) = store
        .read(|db| outbox::next_mail(db, Timestamp::now()))
        .await?
    {
        let id = message.id;
        let sent = match mail(&message) {
            Ok(mail) => transport.send(mail).await.map(drop).map_err(|error| {
                let is_final = error.is_permanent();
                (chain(&error), is_final)
            }),
            Err(reason) => Err((reason, true)),
        };
        match sent {
            Ok(()) => {
                info!(message = id, "A mail was delivered by SMTP.");
                store
                    .write::<_, StoreError, _>(move |tx| outbox::delivered(tx, id))
                    .await?;
            }
            Err((reason, is_final)) => {
                warn!(message = id, reason, "A mail was not delivered by SMTP.");
                let pause = PAUSES.get(tries as usize).filter(|_| !is_final);
                let again = pause.map(|pause| Timestamp::now().plus(Duration::from_secs(*pause)));
                store
                    .write::<_, StoreError, _>(move |tx| {
                        outbox::not_delivered(tx, id, &reason, again)
                    })
                    .await?;
            }
        }
    }
    Ok(())
}

/// An error and its causes on one line.
fn chain(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

/// The mail of a message. lettre encodes headers, so text cannot break out of them.
fn mail(message: &Message) -> Result<Mail, String> {
    let mailbox = |address: &str| -> Result<Mailbox, String> {
        let address: Address = address
            .parse()
            .map_err(|error| format!("`{address}` is not an e-mail address: {error}"))?;
        Ok(Mailbox::new(None, address))
    };
    let from = message.from.as_deref().unwrap_or(SENDER);
    let mut builder = Mail::builder()
        .from(mailbox(from)?)
        .date(SystemTime::now())
        .message_id(Some(format!("<{}>", message.message_id())))
        .subject(message.subject.clone().unwrap_or_default());
    for address in &message.to {
        builder = builder.to(mailbox(address)?);
    }
    for address in &message.cc {
        builder = builder.cc(mailbox(address)?);
    }
    // lettre writes these into the envelope only.
    for address in &message.bcc {
        builder = builder.bcc(mailbox(address)?);
    }
    let is_html = message.body.trim_start().starts_with('<');
    builder
        .header(if is_html {
            ContentType::TEXT_HTML
        } else {
            ContentType::TEXT_PLAIN
        })
        .body(message.body.clone())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_server_has_a_host_and_a_port() {
        for (text, expected) in [
            ("127.0.0.1:1025", Some("127.0.0.1:1025")),
            ("mailpit", Some("mailpit:25")),
            ("[::1]:1025", Some("[::1]:1025")),
            (":25", None),
            ("host:", None),
            ("host:0", None),
            ("smtp://host:25", None),
        ] {
            let parsed = text
                .parse::<SmtpServer>()
                .ok()
                .map(|server| server.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn text_cannot_add_a_header_to_a_mail() {
        let message = Message {
            id: 1,
            org: "my-org".to_owned(),
            channel: "email".to_owned(),
            sent_at: Timestamp::from_secs(0),
            to: vec!["ada@example.com".to_owned()],
            cc: Vec::new(),
            bcc: Vec::new(),
            from: None,
            subject: Some("Hi\r\nBcc: eve@example.com".to_owned()),
            body: "Hello".to_owned(),
            cause: None,
            event: None,
            smtp: None,
            error: None,
        };
        let text = String::from_utf8(mail(&message).unwrap().formatted()).unwrap();
        let has_bcc = text
            .lines()
            .any(|line| line.to_ascii_lowercase().starts_with("bcc"));
        assert!(!has_bcc, "{text}");
        let to = vec!["ada@example.com>\r\nBcc: eve@example.com".to_owned()];
        assert!(mail(&Message { to, ..message }).is_err());
    }
}
