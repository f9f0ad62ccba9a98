//! Connections to message brokers, for `source` (which follows), `sink` (which publishes) and `dev`: credentials, TLS and errors.
//!
//! One file per broker. What is received or sent over a connection does not belong here.

#[cfg(feature = "amqp")]
pub mod amqp;
mod error;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "redis")]
pub mod redis;

use std::time::Duration;

use crate::grammar::broker::{BrokerLogin, BrokerUrl, Host};
use crate::secret::Secret;

pub use error::BrokerError;

/// Default time limit for connecting to a broker.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What authenticates a connection to a broker.
#[derive(Clone, Debug, Default)]
pub struct Login {
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// NATS accepts a token instead of user and password.
    pub token: Option<Secret>,
    /// A seed of NATS, or the text of a credentials file.
    pub key: Option<Secret>,
}

impl Login {
    /// These credentials; what they leave out is taken from the address.
    pub fn or(self, url: &BrokerUrl) -> Self {
        match &url.login {
            Some(BrokerLogin { user, password }) if self.is_empty() => Self {
                user: Some(user.clone()),
                password: password.clone(),
                ..Self::default()
            },
            _ => self,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.user.is_none() && self.password.is_none() && self.token.is_none() && self.key.is_none()
    }
}

/// The hosts of an address with their ports, in the order in which they are tried; this machine if it names none.
pub fn addresses(url: &BrokerUrl, default_port: u16) -> Vec<(String, u16)> {
    let local = [Host {
        name: "127.0.0.1".to_owned(),
        port: None,
    }];
    let hosts = match url.hosts.is_empty() {
        true => &local[..],
        false => &url.hosts[..],
    };
    hosts
        .iter()
        .map(|host| (host.name.clone(), host.port.unwrap_or(default_port)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_host_is_this_machine() {
        let url = BrokerUrl::parse("nats:///x").unwrap();
        assert_eq!(addresses(&url, 4222), [("127.0.0.1".to_owned(), 4222)]);
        let url = BrokerUrl::parse("nats://a:1,b/x").unwrap();
        let expected = [("a".to_owned(), 1), ("b".to_owned(), 4222)];
        assert_eq!(addresses(&url, 4222), expected);
    }

    #[test]
    fn typed_credentials_replace_those_of_the_address() {
        let url = BrokerUrl::parse_with_login("nats://a:b@host/").unwrap();
        assert_eq!(Login::default().or(&url).user.as_deref(), Some("a"));
        let typed = Login {
            token: Some(Secret::new("t")),
            ..Login::default()
        };
        assert_eq!(typed.or(&url).user, None);
    }
}
