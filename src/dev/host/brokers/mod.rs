//! The brokers of an `evt dev`: servers that it starts as children, and servers that run already.

mod recipes;
pub mod supervisor;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::DevError;
use crate::broker::addresses;
use crate::dial::Dialer;
use crate::files::{private_folder, replace_private_file};
use crate::grammar::broker::BrokerUrl;
use supervisor::{Job, Supervisor};

/// How often a broker is asked whether it accepts connections: while it starts, and later.
const STARTING: Duration = Duration::from_millis(100);
const RUNNING: Duration = Duration::from_secs(5);
/// The file with the ports and passwords of the brokers of a data directory.
const FILE: &str = "brokers.json";

/// A kind of broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerKind {
    Nats,
    RabbitMq,
    Redis,
}

impl BrokerKind {
    pub const ALL: [Self; 3] = [Self::Nats, Self::RabbitMq, Self::Redis];

    /// Its name on the command line and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::RabbitMq => "rabbitmq",
            Self::Redis => "redis",
        }
    }

    /// Its key in `dev.json`, and the scheme of its address.
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::RabbitMq => "amqp",
            Self::Redis => "redis",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Nats => 4222,
            Self::RabbitMq => 5672,
            Self::Redis => 6379,
        }
    }
}

/// Which broker to use.
#[derive(Clone, Debug)]
pub enum BrokerOption {
    /// Start the installed server.
    Start(BrokerKind),
    /// Use the server at this address.
    Attach(BrokerKind, BrokerUrl),
}

/// Whether a broker can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerState {
    /// It does not accept connections yet.
    Starting,
    Ready,
    /// It has been ready, or is not ours, and does not accept connections.
    Unreachable {
        why: String,
    },
    /// The server that was started has ended.
    Ended {
        why: String,
    },
}

/// A broker of the host.
pub struct Broker {
    pub kind: BrokerKind,
    /// With user and password.
    pub url: String,
    /// Whether `evt dev` has started the server.
    pub is_own: bool,
    state: watch::Sender<BrokerState>,
}

/// The brokers of the host. Clones share them.
#[derive(Clone, Default)]
pub struct Brokers {
    all: Arc<[Broker]>,
    supervisor: Option<Arc<Supervisor>>,
}

/// The port and password of a broker that was started before, so that its address stays the same.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    port: u16,
    password: String,
}

impl Broker {
    pub fn state(&self) -> BrokerState {
        self.state.borrow().clone()
    }

    /// Follows the state.
    pub fn changes(&self) -> watch::Receiver<BrokerState> {
        self.state.subscribe()
    }
}

impl Brokers {
    /// Starts the servers; they may not accept connections yet. Servers that an earlier `evt dev` left behind are ended first.
    ///
    /// # Errors
    /// A program is not installed, or a folder or file cannot be written.
    pub(crate) fn start(options: &[BrokerOption], data: Option<&Path>) -> Result<Self, DevError> {
        if options.is_empty() {
            return Ok(Self::default());
        }
        let (folder, temporary) = match data {
            Some(data) => (data.join("brokers"), None),
            None => {
                let folder = temporary_folder()?;
                (folder.clone(), Some(folder))
            }
        };
        private_folder(&folder).map_err(|source| failed(&folder, source))?;
        supervisor::end_leftovers(&folder);
        let mut stored = read(&folder);
        let (mut all, mut jobs) = (Vec::new(), Vec::new());
        for option in options {
            let (kind, url) = match option {
                BrokerOption::Attach(kind, url) => (*kind, with_login(url)),
                BrokerOption::Start(kind) => {
                    let place = stored.entry(kind.name().to_owned());
                    let place = place.or_insert_with(|| Stored {
                        port: 0,
                        password: password(),
                    });
                    place.port = port(place.port).map_err(|source| failed(&folder, source))?;
                    jobs.push(recipes::prepare(*kind, &folder, place)?);
                    (*kind, address(*kind, place))
                }
            };
            all.push(Broker {
                kind,
                url,
                is_own: matches!(option, BrokerOption::Start(_)),
                state: watch::Sender::new(BrokerState::Starting),
            });
        }
        write(&folder, &stored).map_err(|source| failed(&folder, source))?;
        let supervisor = match jobs.is_empty() {
            true => None,
            false => Some(Arc::new(supervise(&folder, jobs, temporary)?)),
        };
        Ok(Self {
            all: all.into(),
            supervisor,
        })
    }

    pub fn all(&self) -> &[Broker] {
        &self.all
    }

    /// The addresses by protocol, as `dev.json` has them.
    pub fn addresses(&self) -> BTreeMap<String, String> {
        let all = self.all.iter();
        all.map(|broker| (broker.kind.protocol().to_owned(), broker.url.clone()))
            .collect()
    }

    /// Watches whether the brokers accept connections, until `stop`.
    pub(crate) async fn watch(self, dialer: Dialer, stop: CancellationToken) {
        let watching = self
            .all
            .iter()
            .map(|broker| self.watch_one(broker, &dialer));
        tokio::select! {
            _ = futures_util::future::join_all(watching) => {}
            () = stop.cancelled() => {}
        }
    }

    async fn watch_one(&self, broker: &Broker, dialer: &Dialer) {
        let Ok(url) = BrokerUrl::parse_with_login(&broker.url) else {
            return;
        };
        let places = addresses(&url, broker.kind.default_port());
        let Some((host, port)) = places.first() else {
            return;
        };
        loop {
            let ended = self
                .supervisor
                .as_ref()
                .and_then(|own| own.ended(broker.kind.name()));
            let before = broker.state();
            let state = match (dialer.connect_tcp(host, *port).await, ended) {
                (_, Some(why)) if broker.is_own => BrokerState::Ended { why },
                (Ok(_), _) => BrokerState::Ready,
                (Err(_), _) if broker.is_own && before == BrokerState::Starting => before,
                (Err(error), _) => BrokerState::Unreachable {
                    why: crate::source::chain(&error),
                },
            };
            let pause = match state {
                BrokerState::Starting => STARTING,
                _ => RUNNING,
            };
            broker.state.send_if_modified(|known| {
                let is_new = *known != state;
                *known = state;
                is_new
            });
            tokio::time::sleep(pause).await;
        }
    }

    /// Ends the servers that were started, and waits until they have ended.
    pub(crate) async fn stop(self) {
        if let Some(supervisor) = self.supervisor {
            supervisor.stop().await;
        }
    }
}

fn supervise(
    folder: &Path,
    jobs: Vec<Job>,
    temporary: Option<PathBuf>,
) -> Result<Supervisor, DevError> {
    Supervisor::start(folder, jobs, temporary).map_err(|source| failed(folder, source))
}

fn failed(folder: &Path, source: io::Error) -> DevError {
    DevError::DataFolder {
        path: folder.to_owned(),
        source,
    }
}

/// A folder that the supervisor deletes at the end.
fn temporary_folder() -> Result<PathBuf, DevError> {
    let folder = tempfile::Builder::new().prefix("evt-brokers-").tempdir();
    let folder = folder.map_err(|source| failed(&std::env::temp_dir(), source))?;
    Ok(folder.keep())
}

/// A free loopback port, the last one if possible.
fn port(last: u16) -> io::Result<u16> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, last))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(bound.local_addr()?.port())
}

fn password() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in &super::random_bytes()[..16] {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The user of the servers that are started.
const USER: &str = "evt";

fn address(kind: BrokerKind, stored: &Stored) -> String {
    let Stored { port, password } = stored;
    let path = match kind {
        // Libraries differ in what an empty path of AMQP means; without one it is the default vhost for all.
        BrokerKind::Nats | BrokerKind::RabbitMq => "",
        BrokerKind::Redis => "/0",
    };
    format!(
        "{}://{USER}:{password}@127.0.0.1:{port}{path}",
        kind.protocol()
    )
}

/// The address with its login, which its text form leaves out.
fn with_login(url: &BrokerUrl) -> String {
    let text = url.to_string();
    let Some(login) = &url.login else {
        return text;
    };
    let encoded = |part: &str| {
        percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let mut credentials = encoded(&login.user);
    if let Some(password) = &login.password {
        credentials.push(':');
        credentials.push_str(&encoded(password.reveal()));
    }
    text.replacen("://", &format!("://{credentials}@"), 1)
}

/// What an earlier start stored; nothing if it cannot be read, because ports and passwords can be chosen again.
fn read(folder: &Path) -> BTreeMap<String, Stored> {
    let bytes = crate::files::read(&folder.join(FILE), 1 << 16).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn write(folder: &Path, stored: &BTreeMap<String, Stored>) -> io::Result<()> {
    let bytes = serde_json::to_vec_pretty(stored)?;
    replace_private_file(&folder.join(FILE), &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attached_address_keeps_its_login() {
        for text in [
            "nats://127.0.0.1:4222",
            "amqp://evt:p%40ss@127.0.0.1/v",
            "nats://token@127.0.0.1",
        ] {
            let url = BrokerUrl::parse_with_login(text).unwrap();
            let full = BrokerUrl::parse_with_login(&with_login(&url)).unwrap();
            assert_eq!(full, url, "{text}");
        }
    }

    #[test]
    fn a_port_stays_the_same_while_it_is_free() {
        let first = port(0).unwrap();
        assert_eq!(port(first).unwrap(), first);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert_ne!(port(first).unwrap(), first);
    }
}
