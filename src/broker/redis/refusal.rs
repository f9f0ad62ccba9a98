//! Errors of a Redis server. Their first word is the kind of error.

use crate::broker::BrokerError;

/// Another node of a cluster is responsible for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Empty if it is the host of the connection.
    pub host: String,
    pub port: u16,
    /// Only for the next command, which `ASKING` precedes: the key is being moved.
    pub is_ask: bool,
}

impl Redirect {
    /// Reads `MOVED 3999 127.0.0.1:6381`, or the same with `ASK`.
    pub fn parse(error: &[u8]) -> Option<Self> {
        let error = std::str::from_utf8(error).ok()?;
        let mut words = error.split(' ');
        let is_ask = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let (host, port) = words.nth(1)?.rsplit_once(':')?;
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok()?,
            is_ask,
        })
    }
}

/// The error of a server as an error of the broker. `what` is what was refused.
pub fn refusal(server: &str, what: &str, error: &[u8]) -> BrokerError {
    let message = String::from_utf8_lossy(error).into_owned();
    let server = server.to_owned();
    let what = what.to_owned();
    let kind = message.split(' ').next().unwrap_or_default();
    match kind {
        "NOAUTH" | "WRONGPASS" | "NOPERM" => BrokerError::Denied {
            server,
            what,
            message,
        },
        "LOADING" | "READONLY" | "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "BUSY" | "MOVED"
        | "ASK" => BrokerError::NotReady { server, message },
        _ if message.starts_with("ERR max number of clients") => {
            BrokerError::NotReady { server, message }
        }
        "WRONGTYPE" => BrokerError::Refused {
            server,
            what,
            message: "the key has another type than a stream".to_owned(),
            hint: "redis-cli TYPE KEY     shows the type of a key".to_owned(),
        },
        "NOGROUP" => BrokerError::Missing {
            server,
            what: "such consumer group or stream".to_owned(),
            hint: "--create-group     creates both".to_owned(),
        },
        "CROSSSLOT" => BrokerError::Refused {
            server,
            what,
            message,
            hint: "follow one stream per command, or give the streams a common {tag}".to_owned(),
        },
        _ => BrokerError::Refused {
            server,
            what,
            message,
            hint: "evt man streams     describes the addresses of Redis".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::{Exit, Explain};

    #[test]
    fn the_first_word_decides_what_an_error_means() {
        for (error, exit, is_transient) in [
            ("NOAUTH Authentication required.", Exit::NotAllowed, false),
            ("WRONGPASS invalid", Exit::NotAllowed, false),
            (
                "NOPERM this user has no permissions",
                Exit::NotAllowed,
                false,
            ),
            ("WRONGTYPE Operation against a key", Exit::Refused, false),
            ("NOGROUP No such key", Exit::NotFound, false),
            ("LOADING Redis is loading", Exit::Unreachable, true),
            ("READONLY You can't write", Exit::Unreachable, true),
            ("CLUSTERDOWN The cluster is down", Exit::Unreachable, true),
            ("ERR max number of clients reached", Exit::Unreachable, true),
            ("ERR unknown command", Exit::Refused, false),
        ] {
            let refused = refusal("redis://h", "XREAD", error.as_bytes());
            assert_eq!(refused.explain().exit, exit, "{error}");
            assert_eq!(refused.is_transient(), is_transient, "{error}");
        }
    }

    #[test]
    fn a_redirect_names_a_node() {
        let redirect = |host: &str, is_ask| {
            Some(Redirect {
                host: host.to_owned(),
                port: 6381,
                is_ask,
            })
        };
        assert_eq!(
            Redirect::parse(b"MOVED 3999 127.0.0.1:6381"),
            redirect("127.0.0.1", false)
        );
        assert_eq!(Redirect::parse(b"ASK 3999 ::1:6381"), redirect("::1", true));
        assert_eq!(Redirect::parse(b"MOVED 3999 :6381"), redirect("", false));
        for other in ["MOVED 3999", "MOVED 1 h:x", "ERR no"] {
            assert_eq!(Redirect::parse(other.as_bytes()), None, "{other}");
        }
    }
}
