//! Switches of the running platform (`evt dev set`): kept in its data, read on every request.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;

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
        Ok(Self {
            values: RwLock::new(values),
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
        values.extend(accepted);
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

    pub(super) fn two_factor(&self) -> bool {
        self.is_on("2fa")
    }

    pub(super) fn refuses_repeats(&self) -> bool {
        self.is_on("create.repeat")
    }

    pub(super) fn token_lifetime(&self) -> Duration {
        let seconds = self.get("token.ttl").and_then(|value| value.parse().ok());
        Duration::from_secs(seconds.unwrap_or(3600))
    }

    /// The times of the gateways' transport.
    pub(super) fn pace(&self) -> Pace {
        Pace {
            ping_interval: self.period("gateways.ping_interval"),
            ping_timeout: self.period("gateways.ping_timeout"),
            connect_timeout: self.period("gateways.connect_timeout"),
        }
    }

    /// Whether a gateway's refusal is a CONNECT_ERROR.
    pub(super) fn refuses_connections(&self) -> bool {
        self.get("gateways.refuse").as_deref() == Some(CONNECT_ERROR)
    }

    pub(super) fn stream_ping(&self) -> Duration {
        self.period("stream.ping")
    }

    /// The event whose listener throws.
    pub(super) fn throwing_listener(&self) -> Option<String> {
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
        _ => value,
    }
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
        ] {
            let change = [(name.to_owned(), value.to_owned())];
            let error = settings.set(&store, &change).await.unwrap_err();
            assert!(matches!(error, SettingError::BadValue { .. }), "{name}");
        }
    }
}
