//! Switches of the running platform (`evt dev set`): kept in its data, read on every request.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;

use super::chaos::{self, Chaos};
use super::gateways::Pace;
use crate::catalogue::{self, find_event};
use crate::store::{Store, StoreError, settings};
use crate::time;

/// Where the store keeps them, apart from the secrets.
const PREFIX: &str = "set.";
/// The switch that names an event.
const THROW: &str = "listener.throw";
/// How a refusal looks that comes before the connection.
const CONNECT_ERROR: &str = "connect-error";
/// No event.
const NONE: &str = "none";

/// One switch.
pub struct Setting {
    pub name: &'static str,
    pub default: &'static str,
    /// The values it takes, in words.
    pub takes: &'static str,
    pub help: &'static str,
    /// Whether a value is one of them.
    pub accepts: fn(&str) -> bool,
}

/// Every switch; the order of `evt dev set`.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "2fa",
        default: "off",
        takes: "on or off",
        help: "sign-in answers with a challenge for a second factor",
        accepts: is_switch,
    },
    Setting {
        name: "token.ttl",
        default: "3600",
        takes: "seconds, 1 to 31536000",
        help: "how long a token lives that sign-in hands out",
        accepts: is_lifetime,
    },
    Setting {
        name: THROW,
        default: NONE,
        takes: "the name of an event, or none",
        help: "the platform's own listener of this event throws: the record is written, the request fails with 500",
        accepts: is_name,
    },
    Setting {
        name: "create.repeat",
        default: "on",
        takes: "on or off",
        help: "an exact repeat of the last create is answered 200 with an empty body, and creates nothing",
        accepts: is_switch,
    },
    Setting {
        name: "gateways.ping_interval",
        default: "25s",
        takes: "a time, 10ms to 60m",
        help: "between two pings of a Socket.IO connection; a change cuts those that are open",
        accepts: is_period,
    },
    Setting {
        name: "gateways.ping_timeout",
        default: "20s",
        takes: "a time, 10ms to 60m",
        help: "how long a Socket.IO client may take to answer a ping",
        accepts: is_period,
    },
    Setting {
        name: "gateways.connect_timeout",
        default: "45s",
        takes: "a time, 10ms to 60m",
        help: "how long a Socket.IO connection may be without a namespace",
        accepts: is_period,
    },
    Setting {
        name: "gateways.refuse",
        default: "disconnect",
        takes: "disconnect or connect-error",
        help: "how a gateway refuses a client: authenticate {success:false} and a disconnect, or Socket.IO's CONNECT_ERROR",
        accepts: |value| matches!(value, "disconnect" | CONNECT_ERROR),
    },
    Setting {
        name: "stream.ping",
        default: "15s",
        takes: "a time, 10ms to 60m",
        help: "how long a stream of the platform is silent before it shows that it lives",
        accepts: is_period,
    },
    Setting {
        name: "poll.ties",
        default: "1",
        takes: "a count, 1 to 1000000",
        help: "so many writes in a row share one instant, if they come within five seconds",
        accepts: |value| chaos::is_count(value, 1..=1_000_000),
    },
    Setting {
        name: "poll.skew",
        default: "0",
        takes: "0, or a time up to 1440m",
        help: "the clock of each write is off by a random time up to this, either way",
        accepts: is_span,
    },
    Setting {
        name: "poll.late",
        default: "0",
        takes: "0, or a time up to 1440m",
        help: "every second write is seen by find only so long after it was made",
        accepts: is_span,
    },
    Setting {
        name: "poll.touch",
        default: "0",
        takes: "a count, 0 to 1000",
        help: "so many records of its datatype are updated after each find, without events",
        accepts: |value| chaos::is_count(value, 0..=1_000),
    },
    Setting {
        name: "poll.page_cap",
        default: "0",
        takes: "a count, 0 to 10000",
        help: "records in one page at most; 0: as --page-cap says",
        accepts: |value| chaos::is_count(value, 0..=10_000),
    },
    Setting {
        name: "poll.window",
        default: "0",
        takes: "a count, 0 to 1000000000",
        help: "a page that reaches beyond so many records is refused with 400; 0: never",
        accepts: |value| chaos::is_count(value, 0..=1_000_000_000),
    },
    Setting {
        name: "poll.ignore",
        default: "none",
        takes: "none, or some of sort,filter,paging",
        help: "what of a find is not obeyed",
        accepts: |value| value.parse::<chaos::Ignore>().is_ok(),
    },
    Setting {
        name: "poll.order",
        default: "stable",
        takes: "stable or shuffled",
        help: "whether records of one instant come in another order for each find",
        accepts: |value| value.parse::<chaos::Order>().is_ok(),
    },
    Setting {
        name: "poll.dates",
        default: "iso-ms",
        takes: "iso-ms, iso-s, iso-us, offset, naive, epoch-ms, epoch-s or mongo",
        help: "how createdate and modifydate are written; a bound of another shape matches nothing (iso-ms takes any)",
        accepts: |value| value.parse::<chaos::Dates>().is_ok(),
    },
    Setting {
        name: "poll.envelope",
        default: "data",
        takes: "data, items, results, records, rows, docs, list or nested",
        help: "where the records stand in a page",
        accepts: |value| value.parse::<chaos::Envelope>().is_ok(),
    },
    Setting {
        name: "poll.429",
        default: "0",
        takes: "a count, 0 to 1000000",
        help: "every Nth find is refused with 429 and Retry-After; 0: never",
        accepts: is_every,
    },
    Setting {
        name: "poll.retry_after",
        default: "1s",
        takes: "0, or a time up to 1440m",
        help: "what Retry-After says",
        accepts: is_span,
    },
    Setting {
        name: "poll.retry_after_form",
        default: "seconds",
        takes: "seconds or date",
        help: "how Retry-After says it",
        accepts: |value| value.parse::<chaos::RetryForm>().is_ok(),
    },
    Setting {
        name: "poll.5xx",
        default: "0",
        takes: "a count, 0 to 1000000",
        help: "every Nth find fails with 503 or 500, in turn; 0: never",
        accepts: is_every,
    },
    Setting {
        name: "poll.html",
        default: "0",
        takes: "a count, 0 to 1000000",
        help: "every Nth find is answered 200 with a web page; 0: never",
        accepts: is_every,
    },
    Setting {
        name: "poll.error",
        default: "0",
        takes: "a count, 0 to 1000000",
        help: "every Nth find is answered 200 with {\"error\":…}; 0: never",
        accepts: is_every,
    },
    Setting {
        name: "poll.duplicate",
        default: "0",
        takes: "a count, 0 to 1000000",
        help: "every Nth find is answered with the page before it again; 0: never",
        accepts: is_every,
    },
    Setting {
        name: "poll.empty",
        default: "0",
        takes: "a count, 0 to 1000000",
        help: "every Nth find is answered with an empty page; 0: never",
        accepts: is_every,
    },
    Setting {
        name: "poll.cut",
        default: "0",
        takes: "a count, 0 to 1000000",
        help: "every Nth page ends in the middle: the connection breaks, or its JSON stops, in turn; 0: never",
        accepts: is_every,
    },
];

/// Why a switch cannot be set.
#[derive(Debug, Error)]
pub enum SettingError {
    #[error("there is no setting `{name}`")]
    Unknown { name: String },
    #[error("`{name}` takes {takes}, not `{value}`")]
    BadValue {
        name: &'static str,
        takes: &'static str,
        value: String,
    },
    #[error("`listener.throw` takes an event or none: {0}")]
    UnknownEvent(catalogue::Unknown),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The values in force.
pub struct Settings {
    values: RwLock<BTreeMap<&'static str, String>>,
    /// What the switches of polling come to.
    chaos: Arc<Chaos>,
}

impl Settings {
    /// Reads what an earlier run has set.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let kept = store.read_blocking(|connection| settings::starting_with(connection, PREFIX))?;
        let mut values = BTreeMap::new();
        for (name, value) in kept {
            let name = name.strip_prefix(PREFIX).unwrap_or(&name);
            // A switch that a later version dropped, or reads otherwise, falls back to its default.
            if let Some(setting) = find(name)
                && (setting.accepts)(&value)
            {
                values.insert(setting.name, value);
            }
        }
        let chaos = Arc::<Chaos>::default();
        chaos.follow(polling(&values));
        Ok(Self {
            values: RwLock::new(values),
            chaos,
        })
    }

    /// Sets switches, for this run and those after it; none of them when one is refused.
    pub async fn set(
        &self,
        store: &Store,
        changes: &[(String, String)],
    ) -> Result<(), SettingError> {
        let mut accepted = Vec::new();
        for (name, value) in changes {
            let setting = find(name).ok_or_else(|| SettingError::Unknown { name: name.clone() })?;
            let value = plain(setting, value);
            if !(setting.accepts)(value) {
                return Err(SettingError::BadValue {
                    name: setting.name,
                    takes: setting.takes,
                    value: value.to_owned(),
                });
            }
            if setting.name == THROW && value != NONE {
                find_event(value).map_err(SettingError::UnknownEvent)?;
            }
            accepted.push((setting.name, value.to_owned()));
        }
        let kept = accepted.clone();
        store
            .write::<_, StoreError, _>(move |tx| {
                kept.iter().try_for_each(|(name, value)| {
                    settings::set(tx, &format!("{PREFIX}{name}"), value)
                })
            })
            .await?;
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let is_polling = |(name, _): &(&str, String)| name.starts_with(chaos::PREFIX);
        let changes_chaos = accepted.iter().any(is_polling);
        values.extend(accepted);
        if changes_chaos {
            self.chaos.follow(polling(&values));
        }
        Ok(())
    }

    /// The value in force of a switch in [`SETTINGS`].
    pub fn get(&self, name: &str) -> Option<String> {
        let setting = find(name)?;
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        Some(
            values
                .get(setting.name)
                .map_or_else(|| setting.default.to_owned(), String::clone),
        )
    }

    /// The hard cases of polling, as the switches have them.
    pub(crate) fn chaos(&self) -> &Arc<Chaos> {
        &self.chaos
    }

    pub(crate) fn two_factor(&self) -> bool {
        self.is_on("2fa")
    }

    pub(crate) fn refuses_repeats(&self) -> bool {
        self.is_on("create.repeat")
    }

    pub(crate) fn token_lifetime(&self) -> Duration {
        let seconds = self.get("token.ttl").and_then(|value| value.parse().ok());
        Duration::from_secs(seconds.unwrap_or(3600))
    }

    /// The times of the gateways' transport.
    pub(crate) fn pace(&self) -> Pace {
        Pace {
            ping_interval: self.period("gateways.ping_interval"),
            ping_timeout: self.period("gateways.ping_timeout"),
            connect_timeout: self.period("gateways.connect_timeout"),
        }
    }

    /// Whether a gateway's refusal is a CONNECT_ERROR.
    pub(crate) fn refuses_connections(&self) -> bool {
        self.get("gateways.refuse").as_deref() == Some(CONNECT_ERROR)
    }

    pub(crate) fn stream_ping(&self) -> Duration {
        self.period("stream.ping")
    }

    /// The event whose listener throws.
    pub(crate) fn throwing_listener(&self) -> Option<String> {
        self.get(THROW).filter(|name| name != NONE)
    }

    fn period(&self, name: &str) -> Duration {
        let period = self.get(name).and_then(|value| time::duration(&value));
        period.unwrap_or(Duration::from_secs(15))
    }

    fn is_on(&self, name: &str) -> bool {
        self.get(name).as_deref() == Some("on")
    }
}

/// The switch of this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// What switches other settings off switches this one off too.
fn plain<'a>(setting: &Setting, value: &'a str) -> &'a str {
    match value {
        "off" | "" if setting.name == THROW => NONE,
        "off" | "" if setting.name.starts_with(chaos::PREFIX) => setting.default,
        _ => value,
    }
}

/// The rules that the switches of polling make.
fn polling(values: &BTreeMap<&'static str, String>) -> chaos::Rules {
    chaos::Rules::read(|name| values.get(&*format!("{}{name}", chaos::PREFIX)).cloned())
}

fn is_span(value: &str) -> bool {
    chaos::span(value).is_some()
}

/// Every how many finds something happens.
fn is_every(value: &str) -> bool {
    chaos::is_count(value, 0..=1_000_000)
}

fn is_switch(value: &str) -> bool {
    matches!(value, "on" | "off")
}

fn is_lifetime(value: &str) -> bool {
    value
        .parse::<u64>()
        .is_ok_and(|seconds| (1..=31_536_000).contains(&seconds))
}

fn is_period(value: &str) -> bool {
    let range = Duration::from_millis(10)..=Duration::from_secs(3600);
    time::duration(value).is_some_and(|period| range.contains(&period))
}

fn is_name(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 128
        && value
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    #[test]
    fn every_default_is_a_value_that_its_setting_takes() {
        for setting in SETTINGS {
            assert!((setting.accepts)(setting.default), "{}", setting.name);
        }
    }

    #[tokio::test]
    async fn a_setting_outlives_a_restart() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let settings = Settings::load(&store).unwrap();
        let change = [("2fa".to_owned(), "on".to_owned())];
        settings.set(&store, &change).await.unwrap();
        assert!(settings.two_factor());
        assert!(Settings::load(&store).unwrap().two_factor());
    }

    #[tokio::test]
    async fn the_switches_of_polling_come_into_force_and_go_again() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let settings = Settings::load(&store).unwrap();
        assert!(settings.chaos().rules().is_none());
        let change = |value: &str| [("poll.ties".to_owned(), value.to_owned())];
        settings.set(&store, &change("50")).await.unwrap();
        assert_eq!(settings.chaos().rules().unwrap().ties, 50);
        let again = Settings::load(&store).unwrap();
        assert_eq!(again.chaos().rules().unwrap().ties, 50);
        settings.set(&store, &change("off")).await.unwrap();
        assert!(settings.chaos().rules().is_none());
    }

    #[tokio::test]
    async fn the_listener_that_throws_is_one_of_an_event_that_there_is() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let settings = Settings::load(&store).unwrap();
        let change = |value: &str| [(THROW.to_owned(), value.to_owned())];
        let error = settings
            .set(&store, &change("contact.craeted"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("`contact.created`"), "{error}");
        settings
            .set(&store, &change("contact.created"))
            .await
            .unwrap();
        settings.set(&store, &change("off")).await.unwrap();
        assert_eq!(settings.throwing_listener(), None);
    }

    #[tokio::test]
    async fn a_value_outside_the_list_is_refused() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let settings = Settings::load(&store).unwrap();
        for (name, value) in [
            ("2fa", "yes"),
            ("token.ttl", "0"),
            ("listener.throw", "a b"),
            ("poll.ties", "0"),
            ("poll.skew", "-1s"),
            ("poll.late", "soon"),
            ("poll.touch", "1001"),
            ("poll.page_cap", "many"),
            ("poll.window", "1.5"),
            ("poll.ignore", "sort,order"),
            ("poll.order", "random"),
            ("poll.dates", "iso"),
            ("poll.envelope", "hits"),
            ("poll.429", "-1"),
            ("poll.retry_after", "tomorrow"),
            ("poll.retry_after_form", "both"),
            ("poll.5xx", "on"),
            ("poll.cut", "0x1"),
        ] {
            let change = [(name.to_owned(), value.to_owned())];
            let error = settings.set(&store, &change).await.unwrap_err();
            assert!(matches!(error, SettingError::BadValue { .. }), "{name}");
        }
    }
}
