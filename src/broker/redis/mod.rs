//! Redis: connects to one server, to a node of a cluster, or to the primary that sentinels name, and logs in.

mod connection;
mod refusal;

use std::time::Duration;

use super::{BrokerError, Login, addresses};
use crate::dial::{DialError, Dialer};
use crate::grammar::broker::BrokerUrl;
use crate::wire::resp::{Command, Value};

pub use connection::Connection;
pub use refusal::{Redirect, refusal};

/// The port of a server, and that of a sentinel.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The URL schemes, for the tables of `source` and `sink`.
pub const SCHEMES: &[&str] = &[
    "redis",
    "rediss",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
];

/// How to connect.
#[derive(Clone)]
pub struct RedisOptions {
    pub url: BrokerUrl,
    pub dialer: Dialer,
    /// Time limit for connecting with the login, and for each answer.
    pub timeout: Duration,
    /// Maximum size of one string in bytes.
    pub max_text: usize,
}

/// What an address says about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    database: u32,
    /// The name under which sentinels know the primary.
    primary: Option<String>,
}

impl Place {
    fn of(url: &BrokerUrl) -> Result<Self, BrokerError> {
        let path = url.path.as_deref().unwrap_or_default();
        let is_sentinel = url.scheme.ends_with("+sentinel");
        let number = match is_sentinel {
            true => url.parameter("db").unwrap_or_default(),
            false => path,
        };
        let wrong = |message: String, hint: &str| BrokerError::BadRequest {
            message,
            hint: hint.to_owned(),
        };
        if is_sentinel && path.is_empty() {
            return Err(wrong(
                "the address of sentinels needs the name of the primary".to_owned(),
                "redis+sentinel://HOST,HOST/mymaster?channel=A",
            ));
        }
        let database = match number {
            "" => 0,
            number => number.parse().map_err(|_| {
                wrong(
                    format!("`{number}` is not the number of a database"),
                    "redis://HOST/0?channel=A",
                )
            })?,
        };
        if database != 0 && url.scheme.ends_with("+cluster") {
            return Err(wrong(
                "a cluster has only database 0".to_owned(),
                "redis+cluster://HOST?channel=A",
            ));
        }
        Ok(Self {
            database,
            primary: is_sentinel.then(|| path.to_owned()),
        })
    }
}

/// Checks the path of an address and the names and values of its parameters. `db` is allowed in the address of sentinels.
///
/// # Errors
/// [`BrokerError::BadRequest`] with the allowed parameters.
pub fn check(url: &BrokerUrl, allowed: &[&str]) -> Result<(), BrokerError> {
    Place::of(url)?;
    for (name, value) in &url.query {
        let is_known =
            allowed.contains(&name.as_str()) || (name == "db" && url.scheme.ends_with("+sentinel"));
        if !is_known || value.is_empty() {
            let problem = if is_known { "is empty" } else { "is unknown" };
            return Err(BrokerError::BadRequest {
                message: format!("the parameter `{name}` {problem}"),
                hint: format!("a Redis address has {}", allowed.join(", ")),
            });
        }
    }
    Ok(())
}

/// Connects and logs in. With `node`, connects to this node of a cluster instead of the hosts of the address.
///
/// # Errors
/// See [`BrokerError`]. If no host can be reached, the error is that of the last one.
pub async fn connect(
    options: &RedisOptions,
    login: &Login,
    node: Option<&(String, u16)>,
) -> Result<Connection, BrokerError> {
    let place = Place::of(&options.url)?;
    let connecting = async {
        let hosts = match (&place.primary, node) {
            (_, Some(node)) => vec![node.clone()],
            (Some(primary), _) => vec![find_primary(options, login, primary).await?],
            (None, None) => addresses(&options.url, PORT),
        };
        let mut connection = dial(options, &hosts).await?;
        log_in(&mut connection, login, place.primary.is_some()).await?;
        if place.database != 0 {
            select(&mut connection, place.database).await?;
        }
        Ok(connection)
    };
    in_time(options, connecting).await
}

async fn in_time<T>(
    options: &RedisOptions,
    work: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    let limit = options.timeout;
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let peer = options.url.server();
        Err(DialError::Silent { peer, limit }.into())
    })
}

/// Connects to the first host that accepts a connection.
async fn dial(options: &RedisOptions, hosts: &[(String, u16)]) -> Result<Connection, BrokerError> {
    let mut last = None;
    for (host, port) in hosts {
        let secure = options.url.is_secure();
        match options.dialer.connect(host, *port, secure).await {
            Ok(socket) => return Ok(Connection::new(socket, host, *port, options)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("an address has at least one host").into())
}

/// Asks the sentinels, one after another, for the address of the primary.
async fn find_primary(
    options: &RedisOptions,
    login: &Login,
    primary: &str,
) -> Result<(String, u16), BrokerError> {
    let mut last = None;
    for host in addresses(&options.url, SENTINEL_PORT) {
        match ask_sentinel(options, login, primary, &host).await {
            Ok(Some(address)) => return Ok(address),
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| BrokerError::Missing {
        server: options.url.server(),
        what: format!("primary with the name `{primary}`"),
        hint: "redis-cli -p 26379 SENTINEL masters     lists the names".to_owned(),
    }))
}

async fn ask_sentinel(
    options: &RedisOptions,
    login: &Login,
    primary: &str,
    host: &(String, u16),
) -> Result<Option<(String, u16)>, BrokerError> {
    let mut sentinel = dial(options, std::slice::from_ref(host)).await?;
    let question = Command::new("SENTINEL get-master-addr-by-name").arg(primary);
    let server = sentinel.server().to_owned();
    let mut answer = sentinel.ask(&question).await?;
    // Most sentinels need no login, and some have no user of this name.
    if matches!(answer, Value::Error(error) if error.starts_with(b"NOAUTH")) {
        log_in(&mut sentinel, login, false).await?;
        answer = sentinel.ask(&question).await?;
    }
    match &answer {
        Value::Error(error) => Err(refusal(&server, "the name of a primary", error)),
        Value::List(items) => {
            let address = items.first().and_then(Value::text).zip(
                items
                    .get(1)
                    .and_then(Value::integer)
                    .and_then(|port| u16::try_from(port).ok()),
            );
            Ok(address.map(|(host, port)| (host.to_owned(), port)))
        }
        _ => Ok(None),
    }
}

/// Switches to RESP3 if the server has it, logs in, and sets the name `evt` for `CLIENT LIST`.
async fn log_in(
    connection: &mut Connection,
    login: &Login,
    needs_primary: bool,
) -> Result<(), BrokerError> {
    let user = login.user.as_deref().filter(|user| !user.is_empty());
    let password = login.password.as_ref().map(crate::secret::Secret::reveal);
    let mut hello = Command::new("HELLO 3");
    if user.is_some() || password.is_some() {
        let user = user.unwrap_or("default");
        hello = hello
            .arg("AUTH")
            .arg(user)
            .arg(password.unwrap_or_default());
    }
    let server = connection.server().to_owned();
    let what = match user {
        Some(user) => format!("the login of user {user}"),
        None => "the connection".to_owned(),
    };
    let hello = hello.arg("SETNAME").arg("evt");
    match connection.ask(&hello).await? {
        Value::Error(error) if is_unknown_hello(error) => {
            log_in_without_hello(connection, user, password, &what).await
        }
        Value::Error(error) => Err(refusal(&server, &what, error)),
        answer => match answer.member("role").and_then(Value::text) {
            Some(role @ ("replica" | "slave")) if needs_primary => Err(BrokerError::NotReady {
                message: format!("it is a {role}: the sentinels have not agreed on a primary"),
                server,
            }),
            _ => Ok(()),
        },
    }
}

/// Whether a server, or a proxy before it, is older than RESP3.
fn is_unknown_hello(error: &[u8]) -> bool {
    let error = String::from_utf8_lossy(error).to_ascii_lowercase();
    error.starts_with("noproto") || error.contains("unknown command")
}

async fn log_in_without_hello(
    connection: &mut Connection,
    user: Option<&str>,
    password: Option<&str>,
    what: &str,
) -> Result<(), BrokerError> {
    let server = connection.server().to_owned();
    if user.is_some() || password.is_some() {
        // Before version 6 there were no users.
        let user = user.filter(|user| *user != "default");
        let auth = Command::new("AUTH").args(user);
        let auth = auth.arg(password.unwrap_or_default());
        if let Value::Error(error) = connection.ask(&auth).await? {
            return Err(refusal(&server, what, error));
        }
    }
    // The name is only for the server's list of clients.
    connection.ask(&Command::new("CLIENT SETNAME evt")).await?;
    Ok(())
}

async fn select(connection: &mut Connection, database: u32) -> Result<(), BrokerError> {
    let server = connection.server().to_owned();
    let select = Command::new("SELECT").arg(database.to_string());
    match connection.ask(&select).await? {
        Value::Error(error) if error.starts_with(b"ERR DB index") => Err(BrokerError::Missing {
            server,
            what: format!("database {database}"),
            hint: "redis-cli CONFIG GET databases     shows how many it has".to_owned(),
        }),
        Value::Error(error) => Err(refusal(&server, "SELECT", error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<Place, String> {
        let url = BrokerUrl::parse(text).unwrap();
        Place::of(&url).map_err(|error| error.to_string())
    }

    #[test]
    fn the_path_is_the_database_or_the_name_of_the_primary() {
        let database = |database| {
            Ok(Place {
                database,
                primary: None,
            })
        };
        assert_eq!(place("redis://h"), database(0));
        assert_eq!(place("redis://h/?channel=a"), database(0));
        assert_eq!(place("rediss://h/7"), database(7));
        let primary = Place {
            database: 2,
            primary: Some("main".to_owned()),
        };
        assert_eq!(place("redis+sentinel://h/main?db=2"), Ok(primary));
        for wrong in [
            "redis://h/x",
            "redis://h/-1",
            "redis+cluster://h/1",
            "redis+sentinel://h",
        ] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_or_empty_parameter_is_refused() {
        for (text, is_valid) in [
            ("redis://h?channel=a", true),
            ("redis://h?channel=", false),
            ("redis://h?chanel=a", false),
            ("redis://h?db=1", false),
            ("redis+sentinel://h/m?db=1", true),
        ] {
            let url = BrokerUrl::parse(text).unwrap();
            assert_eq!(check(&url, &["channel"]).is_ok(), is_valid, "{text}");
        }
    }
}
