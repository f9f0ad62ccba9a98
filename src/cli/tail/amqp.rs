//! RabbitMQ: its flags, and how its source is opened.

use super::broker;
use super::open::{Opener, Opening};
use crate::error::CliError;
use crate::event::Transport;
use crate::explain::shell_quoted;
use crate::grammar::broker::BrokerUrl;
use crate::grammar::nearest::nearest;
use crate::source::{Amqp, AmqpOptions, Source, Start, Subscription};

pub(super) const OPENER: Opener = Opener {
    transport: Transport::Amqp,
    credentials_flag: "--user NAME --password env:VARIABLE",
    path_hint: "rabbitmqctl list_vhosts     lists the virtual hosts",
    position_flag: Some("--start"),
    open,
};

/// Parameters of the address. Those that begin with [`HEADER`] are arguments of the binding.
const PARAMETERS: [&str; 5] = ["exchange", "key", "match", "queue", "stream"];
const HEADER: &str = "header.";
/// Matches every key of a topic exchange. A fanout exchange ignores the key.
const EVERY_KEY: &str = "#";
/// Built-in exchanges that compare the key literally.
const DIRECT: &str = "amq.direct";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "RabbitMQ")]
#[group(id = "amqp")]
pub(super) struct Flags {
    /// Consume the queue of the address: its other consumers do not get the messages that are printed
    #[arg(long, conflicts_with_all = ["peek", "declare"])]
    queue: bool,
    /// Print the messages that the queue of the address has, and return them
    #[arg(long, conflicts_with = "declare")]
    peek: bool,
    /// Declare the queue of the address for as long as the command runs; it must not exist
    #[arg(long)]
    declare: bool,
    /// How many messages RabbitMQ sends before they are acknowledged
    #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(u16).range(1..))]
    prefetch: u16,
}

fn open(opening: &Opening<'_>, url: &str) -> Result<Box<dyn Source>, CliError> {
    let url = broker::url(opening, url)?;
    let subscription = subscription(opening, &url)?;
    let position = match (&subscription, &opening.position) {
        (Subscription::Stream { .. }, Some(position)) => position.parse().ok(),
        _ => None,
    };
    let options = AmqpOptions {
        subscription,
        url,
        credentials: opening.credentials()?,
        prefetch: opening.args.amqp.prefetch,
        max_message: opening.max_message,
        position,
        connect_timeout: opening.connect_timeout(),
    };
    Ok(Box::new(Amqp::new(options, opening.dialer.clone())))
}

/// What the address and the flags name.
fn subscription(opening: &Opening<'_>, url: &BrokerUrl) -> Result<Subscription, CliError> {
    check_parameters(url)?;
    let flags = &opening.args.amqp;
    let start = opening.args.broker.start();
    let places = ["exchange", "queue", "stream"].map(|name| url.parameter(name));
    let subscription = match places {
        [Some(""), None, None] => return Err(default_exchange(url)),
        [Some(name), None, None] => exchange(name, url)?,
        [None, Some(name), None] if !name.is_empty() => queue(name, flags, url)?,
        [None, None, Some(name)] if !name.is_empty() => {
            return Ok(Subscription::Stream {
                name: name.to_owned(),
                start: stream_start(start)?,
            });
        }
        _ => {
            return Err(CliError::usage(
                "the address of RabbitMQ names one exchange, queue or stream",
            )
            .hint("evt tail 'amqp://127.0.0.1/?exchange=NAME&key=PATTERN'")
            .hint("evt tail 'amqp://127.0.0.1/?queue=NAME' --peek")
            .hint("evt tail 'amqp://127.0.0.1/?stream=NAME' --start first"));
        }
    };
    let is_queue = url.parameter("queue").is_some();
    for (flag, is_typed) in [
        ("--queue", flags.queue),
        ("--peek", flags.peek),
        ("--declare", flags.declare),
    ] {
        if is_typed && !is_queue {
            return Err(CliError::usage(format!("{flag} is for ?queue=NAME"))
                .hint(format!("leave {flag} out"))
                .hint("evt tail 'amqp://127.0.0.1/?queue=NAME' --peek     shows the messages of a queue"));
        }
    }
    let only_streams = [
        ("--start and --since", start.is_some()),
        ("--resume", opening.args.save.resume.is_some()),
    ];
    match only_streams.iter().find(|(_, is_typed)| *is_typed) {
        Some((flags, _)) => Err(CliError::usage(format!(
            "{flags}: only a stream of RabbitMQ has positions"
        ))
        .hint("evt tail 'amqp://127.0.0.1/?stream=NAME' --start first")
        .hint("evt man streams     describes queues and streams")),
        None => Ok(subscription),
    }
}

fn check_parameters(url: &BrokerUrl) -> Result<(), CliError> {
    let is_known = |name: &str| {
        PARAMETERS.contains(&name)
            || name
                .strip_prefix(HEADER)
                .is_some_and(|rest| !rest.is_empty())
    };
    let Some((name, _)) = url.query.iter().find(|(name, _)| !is_known(name)) else {
        return Ok(());
    };
    let error = CliError::usage(format!("an address of RabbitMQ has no parameter `{name}`"));
    Err(match nearest(name, PARAMETERS) {
        Some(near) => error.hint(format!("use `{near}` instead")),
        None => {
            error.hint("exchange, key, queue, stream; match and header.NAME for a headers exchange")
        }
    })
}

fn exchange(name: &str, url: &BrokerUrl) -> Result<Subscription, CliError> {
    let mut arguments: Vec<(String, String)> = url
        .query
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(HEADER)?.to_owned(), value.clone())))
        .collect();
    match url.parameter("match") {
        None => {}
        Some(how @ ("all" | "any")) => arguments.push(("x-match".to_owned(), how.to_owned())),
        Some(_) => {
            return Err(CliError::usage("match is `all` or `any`")
                .hint("evt tail 'amqp://127.0.0.1/?exchange=NAME&header.region=eu&match=any'"));
        }
    }
    let key = url.parameter("key");
    if name == DIRECT && key.is_none() {
        return Err(CliError::usage(format!(
            "a direct exchange compares the key literally, so the address of {DIRECT} needs one"
        ))
        .hint(format!(
            "evt tail 'amqp://127.0.0.1/?exchange={DIRECT}&key=KEY'"
        )));
    }
    Ok(Subscription::Exchange {
        name: name.to_owned(),
        key: key.unwrap_or(EVERY_KEY).to_owned(),
        arguments,
    })
}

fn queue(name: &str, flags: &Flags, url: &BrokerUrl) -> Result<Subscription, CliError> {
    let name = name.to_owned();
    if flags.queue {
        return Ok(Subscription::Queue(name));
    }
    if flags.peek {
        return Ok(Subscription::Peek(name));
    }
    if flags.declare {
        return Ok(Subscription::OwnQueue(name));
    }
    let command = format!("evt tail {}", shell_quoted(&url.to_string()));
    Err(CliError::usage(format!(
        "each message of queue `{name}` goes to one consumer: choose how to read it"
    ))
    .hint(format!(
        "{command} --peek      prints its messages and returns them"
    ))
    .hint(format!(
        "{command} --queue     takes them away from its other consumers"
    )))
}

fn default_exchange(url: &BrokerUrl) -> CliError {
    let key = url.parameter("key").unwrap_or("NAME");
    let mut by_name = url.clone();
    by_name.query = vec![("queue".to_owned(), key.to_owned())];
    let command = format!("evt tail {}", shell_quoted(&by_name.to_string()));
    CliError::usage(
        "nothing can be bound to the default exchange: its routing key is the name of a queue, and without that queue the message is dropped",
    )
    .hint(format!("{command} --declare     collects the messages, if there is no such queue"))
    .hint(format!("{command} --queue       takes them away from the consumers of the queue"))
}

/// Where a stream begins. An offset is checked here, before connecting.
fn stream_start(start: Option<Start>) -> Result<Start, CliError> {
    match start {
        Some(Start::At(offset)) if offset.parse::<u64>().is_err() => Err(CliError::usage(format!(
            "`{offset}` is not an offset of a stream"
        ))
        .hint("--start first, last, new, or an offset such as 42")),
        Some(start) => Ok(start),
        None => Ok(Start::New),
    }
}
