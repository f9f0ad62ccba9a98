//! Opens a subscription: checks what it names, declares a queue of its own if that was requested, and starts the consumer.

use lapin::options::{
    BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{Channel, Connection, Consumer, ExchangeKind, Queue};

use super::{Amqp, Subscription};
use crate::broker::amqp::{self, short};
use crate::broker::{BrokerError, Login};
use crate::explain::shell_quoted;
use crate::source::{SourceError, authorise};

/// An open subscription.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) channel: Channel,
    /// `None` if the queue is only shown.
    pub(super) consumer: Option<Consumer>,
    /// The queue as it was found or declared.
    pub(super) queue: Queue,
    pub(super) subscribed: String,
}

impl Amqp {
    pub(super) async fn open(&self) -> Result<Open, SourceError> {
        let options = &self.options;
        let login = authorise(&options.credentials).await?.login;
        let login: Login = login.or(&options.url);
        let connection =
            amqp::connect(&options.url, &login, &self.dialer, options.connect_timeout).await?;
        let opening = self.subscribe(&connection);
        let opened = tokio::time::timeout(options.connect_timeout, opening).await;
        let opened = opened.unwrap_or_else(|_| {
            let seconds = options.connect_timeout.as_secs_f64();
            Err(BrokerError::Lost {
                why: format!("no answer within {seconds} s"),
            })
        });
        match opened {
            Ok((channel, queue, consumer)) => Ok(Open {
                subscribed: self.subscribed(&queue),
                connection,
                channel,
                consumer,
                queue,
            }),
            Err(error) => {
                amqp::close(&connection).await;
                Err(error.into())
            }
        }
    }

    async fn subscribe(
        &self,
        connection: &Connection,
    ) -> Result<(Channel, Queue, Option<Consumer>), BrokerError> {
        let what = match &self.options.subscription {
            Subscription::Exchange { name, .. } => format!("following exchange `{name}`"),
            Subscription::OwnQueue(name) => format!("declaring queue `{name}`"),
            Subscription::Queue(name) => format!("consuming from queue `{name}`"),
            Subscription::Peek(name) => format!("reading queue `{name}`"),
            Subscription::Stream { name, .. } => format!("reading stream `{name}`"),
        };
        let refused = |error: lapin::Error| amqp::refused(&error, &self.options.url, &what);
        let channel = connection.create_channel().await.map_err(refused)?;
        let mut arguments = FieldTable::default();
        let queue = match &self.options.subscription {
            Subscription::Exchange {
                name,
                key,
                arguments,
            } => {
                let bound = self.bind(&channel, name, key, arguments).await?;
                bound.map_err(refused)?
            }
            Subscription::OwnQueue(name) => {
                let name = short(name, "the name of the queue")?;
                self.check_absent(connection, &name).await?;
                let own = QueueDeclareOptions::exclusive().auto_delete();
                let declared = channel.queue_declare(name, own, FieldTable::default());
                declared.await.map_err(refused)?
            }
            Subscription::Queue(name)
            | Subscription::Peek(name)
            | Subscription::Stream { name, .. } => {
                let name = short(name, "the name of the queue")?;
                find(&channel, name).await.map_err(refused)?
            }
        };
        if let Subscription::Peek(_) = self.options.subscription {
            return Ok((channel, queue, None));
        }
        if let Subscription::Stream { start, .. } = &self.options.subscription {
            let from = self.position.offset(start);
            arguments.insert(ShortString::from("x-stream-offset"), from);
        }
        let prefetch = channel.basic_qos(self.options.prefetch, BasicQosOptions::default());
        prefetch.await.map_err(refused)?;
        let consumer = channel.basic_consume(
            queue.name().clone(),
            ShortString::default(),
            BasicConsumeOptions::default(),
            arguments,
        );
        let consumer = consumer.await.map_err(refused)?;
        Ok((channel, queue, Some(consumer)))
    }

    /// Declares a queue and binds it to an exchange that exists.
    async fn bind(
        &self,
        channel: &Channel,
        exchange: &str,
        key: &str,
        arguments: &[(String, String)],
    ) -> Result<lapin::Result<Queue>, BrokerError> {
        let exchange = short(exchange, "the name of the exchange")?;
        let key = short(key, "the routing key")?;
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            let name = short(name, "the name of a header")?;
            table.insert(
                name,
                AMQPValue::LongString(LongString::from(value.as_str())),
            );
        }
        let binding = async {
            let passive = ExchangeDeclareOptions {
                passive: true,
                ..ExchangeDeclareOptions::default()
            };
            let none = FieldTable::default;
            channel
                .exchange_declare(exchange.clone(), ExchangeKind::Topic, passive, none())
                .await?;
            let own = QueueDeclareOptions::exclusive().auto_delete();
            let queue = channel
                .queue_declare(ShortString::default(), own, none())
                .await?;
            let name = queue.name().clone();
            channel
                .queue_bind(name, exchange, key, QueueBindOptions::default(), table)
                .await?;
            Ok(queue)
        };
        Ok(binding.await)
    }

    /// Checks that no queue has the name. The broker closes the channel that asks for a queue that does not exist.
    async fn check_absent(
        &self,
        connection: &Connection,
        name: &ShortString,
    ) -> Result<(), BrokerError> {
        let url = &self.options.url;
        let what = format!("declaring queue `{name}`");
        let channel = connection.create_channel().await;
        let channel = channel.map_err(|error| amqp::refused(&error, url, &what))?;
        match find(&channel, name.clone()).await {
            Ok(_) => Err(BrokerError::Refused {
                server: url.server(),
                what,
                message: "it exists".to_owned(),
                hint: format!(
                    "evt tail {} --peek     shows its messages and returns them",
                    shell_quoted(&url.to_string())
                ),
            }),
            Err(error) => match amqp::refused(&error, url, &what) {
                BrokerError::Missing { .. } => Ok(()),
                error => Err(error),
            },
        }
    }

    /// What is subscribed, in a few words.
    fn subscribed(&self, queue: &Queue) -> String {
        let waiting = match queue.message_count() {
            1 => "1 message".to_owned(),
            count => format!("{count} messages"),
        };
        match &self.options.subscription {
            Subscription::Exchange {
                name,
                key,
                arguments,
            } if arguments.is_empty() => format!("exchange `{name}`, key `{key}`"),
            Subscription::Exchange { name, .. } => format!("exchange `{name}`, by headers"),
            Subscription::OwnQueue(name) => format!("own queue `{name}`"),
            Subscription::Queue(name) => match queue.consumer_count() {
                0 => format!("queue `{name}`, {waiting}"),
                1 => format!("queue `{name}`, {waiting}, 1 other consumer"),
                others => format!("queue `{name}`, {waiting}, {others} other consumers"),
            },
            Subscription::Peek(name) => format!("queue `{name}`, {waiting}, none is taken away"),
            Subscription::Stream { name, start } => {
                format!("stream `{name}`, {}", self.position.described(start))
            }
        }
    }
}

/// Finds a queue without changing anything.
async fn find(channel: &Channel, name: ShortString) -> lapin::Result<Queue> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(name, passive, FieldTable::default())
        .await
}
