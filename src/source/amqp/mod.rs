//! RabbitMQ (AMQP 0-9-1): follows an exchange with an exclusive queue, consumes or shows a queue, reads a stream.

mod open;
mod peek;
mod record;
mod stream;

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, ChannelFlowOptions};
use lapin::{Channel, Consumer};
use tokio_util::sync::CancellationToken;

use super::budget::YieldBudget;
use super::{
    BoxFuture, Credentials, Cx, Ended, Guarantee, Notice, Outlet, Pulse, Source, SourceError, Start,
};
use crate::broker::{BrokerError, amqp};
use crate::dial::Dialer;
use crate::event::Transport;
use crate::grammar::broker::BrokerUrl;
use crate::time::Timestamp;
use open::Open;
use record::Record;
use stream::StreamPosition;

/// How many bytes are handled before waiting for the outlet, and an estimate of the overhead of each message.
const BATCH: usize = 64 * 1024;
const PER_MESSAGE: usize = 64;
/// Interval between questions to a quiet broker, and time limit for each answer.
const PING: Duration = Duration::from_secs(20);
/// How long the messages before a stop may take to be written. What is not written then is not acknowledged.
const LAST: Duration = Duration::from_millis(400);

/// What to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// A exclusive queue that is bound to an exchange. RabbitMQ deletes it with the connection.
    Exchange {
        name: String,
        key: String,
        /// Arguments of the binding, for a headers exchange.
        arguments: Vec<(String, String)>,
    },
    /// A exclusive queue with this name, which must not exist. RabbitMQ deletes it with the connection.
    OwnQueue(String),
    /// Takes the messages of a queue away from other consumers.
    Queue(String),
    /// Shows the messages of a queue and returns them.
    Peek(String),
    /// A queue of type `stream`.
    Stream {
        name: String,
        /// `New` by default.
        start: Start,
    },
}

/// What to follow and how.
#[derive(Clone)]
pub struct AmqpOptions {
    pub url: BrokerUrl,
    pub credentials: Credentials,
    pub subscription: Subscription,
    /// How many messages the broker sends before they are acknowledged. Limits the memory that they need.
    pub prefetch: u16,
    /// Maximum size of one message in bytes.
    pub max_message: usize,
    /// The offset of a stream at which an earlier run ended.
    pub position: Option<u64>,
    /// Time limit for connecting to one host.
    pub connect_timeout: Duration,
}

/// A subscription at RabbitMQ.
pub struct Amqp {
    options: AmqpOptions,
    dialer: Dialer,
    /// Of a stream.
    position: StreamPosition,
}

/// The messages that were taken together.
struct Batch {
    /// The tag of the last one that was passed on.
    tag: Option<u64>,
    end: Option<Result<Ended, SourceError>>,
}

impl Amqp {
    pub fn new(options: AmqpOptions, dialer: Dialer) -> Self {
        let position = StreamPosition::new(options.position);
        Self {
            options,
            dialer,
            position,
        }
    }

    async fn follow_once(&mut self, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
        let stop = cx.stop.clone();
        let open = tokio::select! {
            () = stop.cancelled() => return Ok(Ended::Stopped),
            open = self.open() => open?,
        };
        self.report(&open, cx);
        let end = match open.consumer {
            Some(consumer) => self.follow(&open.channel, consumer, cx).await,
            None => self.peek(&open, cx).await,
        };
        // Messages that are not acknowledged return to their queue.
        amqp::close(&open.connection).await;
        match end {
            Err(SourceError::Broker(BrokerError::Lost { why })) => Ok(Ended::lost(why)),
            end => end,
        }
    }

    /// Reports that the subscription is open, and what a loss before means.
    fn report(&self, open: &Open, cx: &mut Cx<'_>) {
        let guarantee = match self.options.subscription {
            Subscription::Exchange { .. } | Subscription::OwnQueue(_) => Guarantee::AtMostOnce,
            Subscription::Queue(_) | Subscription::Peek(_) => Guarantee::AtLeastOnce,
            Subscription::Stream { .. } => Guarantee::ResumableByServer,
        };
        let is_first = cx.reconnects == 0;
        cx.connected(self.target(), open.subscribed.clone(), guarantee);
        match &self.options.subscription {
            Subscription::Exchange { .. } | Subscription::OwnQueue(_) => {
                cx.gap(None, None, "RabbitMQ deleted the queue with the connection");
            }
            Subscription::Queue(name) => {
                cx.resumed();
                if is_first {
                    cx.outlet.notice(Notice::Remark(format!(
                        "other consumers of queue `{name}` do not get the messages that are taken here (--peek returns them)"
                    )));
                }
            }
            Subscription::Peek(_) => cx.resumed(),
            Subscription::Stream { .. } if self.position.next().is_none() => {
                cx.gap(
                    None,
                    None,
                    "no message had shown the position in the stream",
                );
            }
            // The first message shows whether the stream still has the one at the position.
            Subscription::Stream { .. } => {}
        }
    }

    /// Passes messages on until the connection has to end.
    async fn follow(
        &mut self,
        channel: &Channel,
        mut consumer: Consumer,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let stop = cx.stop.clone();
        let mut alive = pin!(stay_alive(channel.clone(), Arc::clone(&cx.pulse)));
        let mut budget = YieldBudget::default();
        let mut record = Record::default();
        let accepted_before = cx.outlet.secure().await.unwrap_or_default();
        loop {
            let first = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                why = alive.as_mut() => return Ok(Ended::lost(why)),
                next = consumer.next() => next,
            };
            let batch = self.take(first, &mut consumer, &mut record, &mut budget, cx);
            let mut flow = budget.settle(cx.outlet).await;
            let tag = match self.options.subscription {
                Subscription::Queue(_) => {
                    let accepted = secure(cx.outlet, &stop).await;
                    if accepted.is_none() {
                        flow = ControlFlow::Break(());
                    }
                    // The broker numbers the deliveries of a channel from 1.
                    accepted.map(|accepted| accepted - accepted_before)
                }
                _ => batch.tag.filter(|_| flow.is_continue()),
            };
            if let Some(tag) = tag.filter(|tag| *tag > 0) {
                let options = BasicAckOptions { multiple: true };
                let acknowledged = channel.basic_ack(tag, options).await;
                acknowledged.map_err(|error| self.refused(&error))?;
            }
            match (batch.end, flow) {
                (Some(end), _) => return end,
                (None, ControlFlow::Break(())) if stop.is_cancelled() => return Ok(Ended::Stopped),
                (None, ControlFlow::Break(())) => return Ok(Ended::Enough),
                (None, ControlFlow::Continue(())) => {}
            }
        }
    }

    /// Passes on `next` and the messages that have already arrived, up to [`BATCH`] bytes.
    fn take(
        &mut self,
        mut next: Option<lapin::Result<Delivery>>,
        consumer: &mut Consumer,
        record: &mut Record,
        budget: &mut YieldBudget,
        cx: &mut Cx<'_>,
    ) -> Batch {
        let mut room = BATCH;
        let mut tag = None;
        let end = loop {
            let delivery = match next {
                Some(Ok(delivery)) => delivery,
                Some(Err(error)) => break Some(Err(self.refused(&error))),
                None => {
                    let why = "the broker cancelled the consumer: its queue was deleted or moved";
                    break Some(Ok(Ended::lost(why)));
                }
            };
            room = room.saturating_sub(delivery.data.len() + PER_MESSAGE);
            match self.pass_on(&delivery, record, cx) {
                Ok(ControlFlow::Continue(())) => tag = Some(delivery.delivery_tag),
                Ok(ControlFlow::Break(())) => break Some(Ok(Ended::Enough)),
                Err(error) => break Some(Err(error)),
            }
            if room == 0 {
                break None;
            }
            match consumer.next().now_or_never() {
                Some(arrived) => next = arrived,
                None => break None,
            }
        };
        budget.spend(BATCH - room);
        if tag.is_some() {
            cx.pulse.message(Timestamp::now());
        }
        Batch { tag, end }
    }

    /// Passes one message on, unless it is too large.
    fn pass_on(
        &mut self,
        delivery: &Delivery,
        record: &mut Record,
        cx: &mut Cx<'_>,
    ) -> Result<ControlFlow<()>, SourceError> {
        record.read(delivery);
        if let Subscription::Stream { name, .. } = &self.options.subscription {
            self.position.reach(name, delivery, &self.options.url, cx)?;
        }
        let limit = self.options.max_message;
        if delivery.data.len() <= limit {
            return Ok(cx.outlet.take(&record.message(delivery)));
        }
        if let Subscription::Queue(_) = self.options.subscription {
            // It returns to the queue.
            return Err(SourceError::TooLarge { limit });
        }
        cx.outlet.notice(Notice::Malformed {
            bytes: delivery.data.len() as u64,
            why: format!("too large: a message of more than {limit} bytes"),
            is_lost: true,
        });
        Ok(ControlFlow::Continue(()))
    }

    fn refused(&self, error: &lapin::Error) -> SourceError {
        amqp::refused(error, &self.options.url, "the consumer").into()
    }
}

/// Waits until the accepted messages are written and stored, and returns how many there are. After a stop it waits for [`LAST`].
async fn secure(outlet: &mut dyn Outlet, stop: &CancellationToken) -> Option<u64> {
    tokio::select! {
        biased;
        accepted = outlet.secure() => accepted,
        () = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST).await;
        } => None,
    }
}

/// Asks the broker something that changes nothing, again and again: a quiet connection shows whether it is alive. Returns when
/// there is no answer.
async fn stay_alive(channel: Channel, pulse: Arc<Pulse>) -> String {
    loop {
        tokio::time::sleep(PING).await;
        let question = channel.channel_flow(ChannelFlowOptions { active: true });
        match tokio::time::timeout(PING, question).await {
            Ok(Ok(_)) => pulse.sign(Timestamp::now()),
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return format!("the broker has not answered for {} s", PING.as_secs()),
        }
    }
}

impl Source for Amqp {
    fn transport(&self) -> Transport {
        Transport::Amqp
    }

    fn target(&self) -> String {
        self.options.url.to_string()
    }

    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        Box::pin(self.follow_once(cx))
    }

    /// The offset of the next message of a stream.
    fn position(&self) -> Option<String> {
        self.position.next().map(|next| next.to_string())
    }
}
