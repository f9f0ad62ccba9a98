//! Redis: pub/sub channels, rooms of WebSocket servers, and streams.

mod entry;
mod group;
mod pubsub;
mod reader;
mod stream;
mod subscription;
mod track;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::budget::YieldBudget;
use super::{BoxFuture, Credentials, Cx, Ended, Source, SourceError, Start, authorise};
use crate::broker::redis::{self, Connection};
use crate::broker::{BrokerError, Login};
use crate::dial::Dialer;
use crate::event::Transport;
use crate::grammar::broker::BrokerUrl;
use subscription::Subscription;
use track::Track;

/// What to follow and how.
#[derive(Clone)]
pub struct RedisOptions {
    pub url: BrokerUrl,
    pub credentials: Credentials,
    /// Where streams begin; `None` for new entries.
    pub start: Option<Start>,
    /// Where to resume streams ([`Source::position`]); more important than `start`.
    pub position: Option<String>,
    pub group: Option<Group>,
    /// Maximum size of one message, and of one field of an entry, in bytes.
    pub max_message: usize,
    /// Time limit for connecting, and for each answer.
    pub timeout: Duration,
}

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub consumer: String,
    /// Create the group, and the stream, if they do not exist.
    pub create: bool,
    /// Take over entries that another consumer has not acknowledged for this long.
    pub claim_after: Duration,
}

/// A Redis server.
pub struct Redis {
    options: RedisOptions,
    dialer: Dialer,
    subscription: Subscription,
    budget: YieldBudget,
    /// The streams with their positions.
    tracks: Vec<Track>,
    /// The node of a cluster that has the streams.
    node: Option<(String, u16)>,
    /// That node only takes over the streams: each command needs `ASKING`.
    is_asking: bool,
    /// Lost entries by the position before them, until the stream is open.
    lost: Vec<(String, track::Lost)>,
    /// Entries of each stream that a consumer group has to acknowledge.
    unacknowledged: Vec<Vec<String>>,
    /// The last server, and how many slow subscribers it had disconnected.
    cut_off: Option<(String, u64)>,
    /// Data of a message, reused.
    data: Vec<u8>,
}

impl Redis {
    /// # Errors
    /// The address, or a flag that does not fit to it.
    pub fn new(options: RedisOptions, dialer: Dialer) -> Result<Self, BrokerError> {
        let subscription = Subscription::of(&options.url)?;
        let streams = subscription.streams();
        if streams.is_empty() && (options.group.is_some() || options.start.is_some()) {
            return Err(BrokerError::BadRequest {
                message: "pub/sub has no positions and no consumer groups".to_owned(),
                hint: "evt tail 'redis://HOST?stream=NAME' --start first".to_owned(),
            });
        }
        if options.start.is_some() && options.group.as_ref().is_some_and(|group| !group.create) {
            return Err(BrokerError::BadRequest {
                message: "a consumer group has its own position at the server".to_owned(),
                hint: "leave --start and --since out, or create the group: --create-group"
                    .to_owned(),
            });
        }
        let tracks = match options.position.as_deref() {
            Some(position) => {
                track::parse(position, streams).ok_or_else(|| BrokerError::BadRequest {
                    message: format!("`{position}` is not a position of these streams"),
                    hint: "evt tail 'redis://HOST?stream=NAME' --start first".to_owned(),
                })?
            }
            None => streams.iter().map(|name| Track::new(name)).collect(),
        };
        track::check_start(options.start.as_ref())?;
        Ok(Self {
            options,
            dialer,
            subscription,
            budget: YieldBudget::default(),
            unacknowledged: vec![Vec::new(); tracks.len()],
            tracks,
            node: None,
            is_asking: false,
            lost: Vec::new(),
            cut_off: None,
            data: Vec::new(),
        })
    }

    async fn follow(&mut self, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
        let stop = cx.stop.clone();
        let result = match self.subscription {
            Subscription::PubSub { .. } | Subscription::Room { .. } => {
                self.follow_channels(&stop, cx).await
            }
            Subscription::Streams(_) => self.follow_streams(&stop, cx).await,
        };
        match result {
            Err(SourceError::Broker(BrokerError::Lost { why }))
                if cx.pulse.last_sign().is_some() =>
            {
                Ok(Ended::lost(why))
            }
            Err(SourceError::Broker(BrokerError::TooLarge { limit })) => {
                let too_large = Err(SourceError::TooLarge { limit });
                cx.report_too_large(&too_large);
                too_large
            }
            other => other,
        }
    }

    /// Connects with new credentials; `None` if that was stopped.
    async fn connect(
        &mut self,
        stop: &CancellationToken,
    ) -> Result<Option<Connection>, SourceError> {
        let connecting = async {
            let login = authorise(&self.options.credentials).await?.login;
            let login = Login {
                token: None,
                ..login
            }
            .or(&self.options.url);
            let options = redis::RedisOptions {
                url: self.options.url.clone(),
                dialer: self.dialer.clone(),
                timeout: self.options.timeout,
                max_text: self.options.max_message,
            };
            let connected = redis::connect(&options, &login, self.node.as_ref()).await;
            Ok::<_, SourceError>(connected?)
        };
        let connected = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            connected = connecting => connected,
        };
        if connected.is_err() {
            // The other nodes know which one replaces it.
            self.node = None;
            self.is_asking = false;
        }
        connected.map(Some)
    }
}

impl Source for Redis {
    fn transport(&self) -> Transport {
        Transport::Redis
    }

    fn target(&self) -> String {
        self.options.url.to_string()
    }

    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        Box::pin(self.follow(cx))
    }

    /// A group's position is at the server.
    fn position(&self) -> Option<String> {
        match &self.options.group {
            Some(group) => Some(format!("group {}", group.name)),
            None => track::position(&self.tracks),
        }
    }
}
