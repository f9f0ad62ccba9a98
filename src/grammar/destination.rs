//! Where events are sent: an HTTP target, or an address at a message broker.

use std::fmt;
use std::str::FromStr;

use super::GrammarError;
use super::broker::{self, BrokerUrl};
use super::target::Target;

const NO_SCHEME: &str =
    "a target: the scheme must be http, https or unix, or that of a broker: nats, amqp, redis";

/// Whether a text before `://` is a scheme, and not one of HTTP. `3000/x?to=http` is not a scheme.
fn is_other_scheme(text: &str) -> bool {
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let http = ["http", "https", "unix"];
    text.bytes().all(is_scheme) && !http.iter().any(|known| text.eq_ignore_ascii_case(known))
}

/// An HTTP target, or an address at a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Http(Target),
    Broker(BrokerUrl),
}

impl Destination {
    /// The destination for messages, without secrets.
    pub fn shown(&self) -> String {
        match self {
            Self::Http(target) => target.shown(),
            Self::Broker(url) => url.to_string(),
        }
    }
}

impl FromStr for Destination {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once("://") {
            Some((scheme, _)) if broker::is_scheme(scheme) => {
                BrokerUrl::parse(text).map(Self::Broker)
            }
            Some((scheme, _)) if is_other_scheme(scheme) => {
                Err(GrammarError::new(text, NO_SCHEME).at_byte(0).masked())
            }
            _ => text.parse().map(Self::Http),
        }
    }
}

/// The form that can be parsed again.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(target) => target.fmt(f),
            Self::Broker(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_what_a_destination_is() {
        for (text, full) in [
            ("3000/hook", "http://127.0.0.1:3000/hook"),
            ("3000/x?to=ftp://y", "http://127.0.0.1:3000/x?to=ftp://y"),
            ("NATS://a/orders.new", "nats://a/orders.new"),
            ("amqp://a/?exchange=e&key=k", "amqp://a/?exchange=e&key=k"),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.to_string(), full);
            let is_broker = matches!(destination, Destination::Broker(_));
            assert_eq!(is_broker, !full.starts_with("http"), "{text}");
        }
        let error = "mqtt://h/x".parse::<Destination>().unwrap_err();
        assert_eq!((error.expected, error.at), (NO_SCHEME, Some(0)));
    }
}
