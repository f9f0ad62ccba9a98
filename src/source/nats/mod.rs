//! NATS: follows a subject over one connection after another, directly or from a stream of JetStream.

mod core;
mod line;
mod stream;

use std::time::Duration;

use super::{BoxFuture, Credentials, Cx, Ended, Notice, Source, SourceError, Start, authorise};
use crate::broker::nats::{ConnectOptions, Connection, PORT, jetstream};
use crate::broker::{BrokerError, addresses};
use crate::dial::Dialer;
use crate::event::Transport;
use crate::grammar::broker::BrokerUrl;
use crate::wire::nats;
use line::Line;

/// What to follow and how.
#[derive(Clone)]
pub struct NatsOptions {
    /// The path is the subject. Parameters: `queue` and `stream`.
    pub url: BrokerUrl,
    pub credentials: Credentials,
    /// Where a stream of JetStream begins.
    pub start: Option<Start>,
    /// The sequence after which a stream is resumed.
    pub position: Option<String>,
    /// The position is stored, so the subject must be stored by a stream.
    pub is_resumable: bool,
    /// The durable consumer that delivers a stream's messages until they are acknowledged.
    pub durable: Option<String>,
    /// Larger messages are skipped, in bytes.
    pub max_message: usize,
    /// Time limit for connecting to each host, and for each request.
    pub connect_timeout: Duration,
}

/// A subject.
pub struct Nats {
    options: NatsOptions,
    dialer: Dialer,
    /// `>` if the address has none.
    subject: String,
    queue: Option<String>,
    /// Whether JetStream delivers the messages.
    is_stored: bool,
    progress: stream::Progress,
    /// Other servers of the cluster, which are tried after those of the address.
    others: Vec<(String, u16)>,
}

impl Nats {
    /// # Errors
    /// [`BrokerError::BadRequest`] if the address is not complete, or options contradict each other.
    pub fn new(options: NatsOptions, dialer: Dialer) -> Result<Self, BrokerError> {
        let url = &options.url;
        for (name, _) in &url.query {
            if !matches!(name.as_str(), "queue" | "stream") {
                let message = format!("NATS has no parameter `{name}`");
                return Err(bad(message, "?queue=GROUP or ?stream=NAME"));
            }
        }
        let stream = url.parameter("stream");
        let queue = url.parameter("queue").map(str::to_owned);
        let subject = url.path.as_deref().unwrap_or_default();
        let subject = match (subject, stream) {
            ("", Some(_)) => ">",
            (subject, _) if nats::is_pattern(subject) => subject,
            ("", None) => {
                return Err(bad(
                    "the address has no subject",
                    "evt tail 'nats:///orders.>'",
                ));
            }
            (subject, _) => {
                let message = format!("`{subject}` is not a subject");
                return Err(bad(
                    message,
                    "words separated by dots; * stands for one word, > for the rest: 'orders.>'",
                ));
            }
        }
        .to_owned();
        let names = [stream, options.durable.as_deref(), queue.as_deref()];
        for name in names.into_iter().flatten() {
            if !jetstream::is_name(name) {
                let message = format!("`{name}` is not a name in NATS");
                return Err(bad(message, "a name has no dots, spaces and wildcards"));
            }
        }
        let starts = !matches!(options.start, None | Some(Start::New));
        let is_stored =
            stream.is_some() || options.durable.is_some() || options.is_resumable || starts;
        if is_stored && queue.is_some() {
            let message = "a queue group gets new messages only, and no stored ones";
            return Err(bad(
                message,
                "--durable NAME     shares a stream between several readers",
            ));
        }
        Ok(Self {
            progress: stream::Progress::new(options.position.as_deref())?,
            options,
            dialer,
            subject,
            queue,
            is_stored,
            others: Vec::new(),
        })
    }

    async fn follow(&mut self, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
        let stop = cx.stop.clone();
        let connection = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Ended::Stopped),
            connection = self.connect() => connection?,
        };
        self.others = connection.info().others();
        let mut line = Line::new(
            connection,
            !self.others.is_empty() || self.has_other_hosts(),
        );
        let result = match self.is_stored {
            true => self.follow_stream(&mut line, cx).await,
            false => self.follow_subject(&mut line, cx).await,
        };
        self.others = line.connection.info().others();
        match result {
            Err(SourceError::Broker(BrokerError::Lost { why })) => Ok(line.lost(why, cx)),
            result => result,
        }
    }

    fn has_other_hosts(&self) -> bool {
        self.options.url.hosts.len() > 1
    }

    async fn connect(&self) -> Result<Connection, SourceError> {
        let authorisation = authorise(&self.options.credentials).await?;
        let url = self.options.url.clone();
        let mut hosts = addresses(&url, PORT);
        for other in &self.others {
            if !hosts.contains(other) {
                hosts.push(other.clone());
            }
        }
        let options = ConnectOptions {
            login: authorisation.login.or(&url),
            url,
            dialer: self.dialer.clone(),
            timeout: self.options.connect_timeout,
            max_message: self.options.max_message,
        };
        Ok(Connection::open_any(&options, &hosts).await?)
    }
}

fn bad(message: impl Into<String>, hint: &str) -> BrokerError {
    BrokerError::BadRequest {
        message: message.into(),
        hint: hint.to_owned(),
    }
}

/// Reports a message that exceeds the limit and was skipped.
fn report_too_large(bytes: usize, limit: usize, cx: &mut Cx<'_>) {
    cx.outlet.notice(Notice::Malformed {
        bytes: bytes as u64,
        why: format!("too large: a message of more than {limit} bytes"),
        is_lost: true,
    });
}

impl Source for Nats {
    fn transport(&self) -> Transport {
        Transport::Nats
    }

    fn target(&self) -> String {
        self.options.url.to_string()
    }

    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        Box::pin(self.follow(cx))
    }

    fn position(&self) -> Option<String> {
        self.progress.position()
    }
}
