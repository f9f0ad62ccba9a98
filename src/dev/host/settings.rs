//! The mechanism of `evt dev set`: values are stored in the data directory and read on every request. Rows come from platforms.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;

use super::refusal::Refusal;
use crate::grammar::nearest::nearest;
use crate::store::{Connection, Store, StoreError, Tx, settings};
use crate::time;

/// Separates settings from secrets in the store.
const PREFIX: &str = "set.";

/// A row of `evt dev set`.
pub struct Setting {
    /// Unique among all platforms: `poll.ties`.
    pub name: &'static str,
    pub default: &'static str,
    /// The accepted values, to follow "accepts".
    pub takes: &'static str,
    pub help: &'static str,
    /// Returns whether a value is accepted.
    pub accepts: fn(&str) -> bool,
    /// `off` and an empty value mean the default.
    pub off_is_default: bool,
    /// Says more about a value that is not accepted.
    pub explain: Option<fn(&str) -> String>,
}

impl Setting {
    pub const fn new(
        name: &'static str,
        default: &'static str,
        takes: &'static str,
        help: &'static str,
        accepts: fn(&str) -> bool,
    ) -> Self {
        Self {
            name,
            default,
            takes,
            help,
            accepts,
            off_is_default: false,
            explain: None,
        }
    }

    #[must_use]
    pub const fn off_is_default(self) -> Self {
        Self {
            off_is_default: true,
            ..self
        }
    }

    #[must_use]
    pub const fn explained_by(self, explain: fn(&str) -> String) -> Self {
        Self {
            explain: Some(explain),
            ..self
        }
    }

    /// The value to store for what the user typed.
    fn parse(&self, typed: &str) -> Result<String, SettingError> {
        let value = match typed {
            "off" | "" if self.off_is_default => self.default,
            _ => typed,
        };
        if (self.accepts)(value) {
            return Ok(value.to_owned());
        }
        Err(SettingError::BadValue {
            name: self.name,
            takes: self.takes,
            value: value.to_owned(),
            more: self.explain.map(|explain| explain(value)),
        })
    }
}

/// Settings of the host itself.
const HOST: &[Setting] = &[Setting::new(
    "stream.ping",
    "15s",
    "a time, 10ms to 60m",
    "send a keep-alive on a stream after this time without data",
    is_period,
)];

/// Why a setting cannot be changed.
#[derive(Debug, Error)]
pub enum SettingError {
    #[error("there is no setting `{name}`{}", match .nearest { Some(name) => format!("; did you mean `{name}`?"), None => String::new() })]
    Unknown {
        name: String,
        nearest: Option<&'static str>,
    },
    #[error("`{name}` accepts {takes}, not `{value}`{}", match .more { Some(more) => format!(": {more}"), None => String::new() })]
    BadValue {
        name: &'static str,
        takes: &'static str,
        value: String,
        more: Option<String>,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SettingError> for Refusal {
    fn from(error: SettingError) -> Self {
        let message = error.to_string();
        match error {
            SettingError::Unknown { .. } => Self::bad_request("unknown_setting", message),
            SettingError::BadValue { .. } => Self::bad_request("bad_setting", message),
            SettingError::Store(error) => error.into(),
        }
    }
}

/// Current values by name; a setting with its default value may be missing.
pub type Values = BTreeMap<&'static str, String>;
type React = Box<dyn Fn(&Values) + Send + Sync>;
type Plan = fn(&Tx<'_>) -> Result<(), StoreError>;

/// The value of a setting as a commit sees it; `None` if it was never set.
pub fn stored(db: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    settings::get(db, &format!("{PREFIX}{name}"))
}

/// The settings of a running host.
pub struct Settings {
    rows: Vec<&'static Setting>,
    values: RwLock<Values>,
    followers: Mutex<Vec<(&'static str, React)>>,
    plans: Mutex<Vec<(&'static str, Plan)>>,
}

impl Settings {
    /// Reads the values that an earlier run stored.
    pub fn load(store: &Store, rows: &[&'static [Setting]]) -> Result<Self, StoreError> {
        let rows: Vec<_> = rows.iter().copied().flatten().chain(HOST).collect();
        let stored =
            store.read_blocking(|connection| settings::starting_with(connection, PREFIX))?;
        let mut values = Values::new();
        for (name, value) in stored {
            let name = name.strip_prefix(PREFIX).unwrap_or(&name);
            // A value that this version does not accept any more counts as the default.
            if let Some(setting) = rows.iter().find(|row| row.name == name)
                && (setting.accepts)(&value)
            {
                values.insert(setting.name, value);
            }
        }
        Ok(Self {
            rows,
            values: RwLock::new(values),
            followers: Mutex::default(),
            plans: Mutex::default(),
        })
    }

    /// Calls `react` now, and after each change of a setting whose name starts with `prefix`.
    pub fn follow(&self, prefix: &'static str, react: impl Fn(&Values) + Send + Sync + 'static) {
        react(&self.values.read().unwrap_or_else(PoisonError::into_inner));
        let mut followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        followers.push((prefix, Box::new(react)));
    }

    /// Calls `plan` in the commit of each change of the setting `name`, because what was planned depends on it.
    pub fn plan_with(&self, name: &'static str, plan: Plan) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.push((name, plan));
    }

    /// Changes settings, for this run and later ones. If one change is refused, none is made.
    pub async fn set(
        &self,
        store: &Store,
        changes: &[(String, String)],
    ) -> Result<(), SettingError> {
        let mut accepted = Vec::new();
        for (name, value) in changes {
            let setting = self.find(name).ok_or_else(|| SettingError::Unknown {
                name: name.clone(),
                nearest: nearest(name, self.rows.iter().map(|row| row.name)),
            })?;
            accepted.push((setting.name, setting.parse(value)?));
        }
        let stored = accepted.clone();
        let mut plans = self
            .plans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        plans.retain(|(of, _)| accepted.iter().any(|(name, _)| name == of));
        store
            .write::<_, StoreError, _>(move |tx| {
                stored.iter().try_for_each(|(name, value)| {
                    settings::set(tx, &format!("{PREFIX}{name}"), value)
                })?;
                plans.iter().try_for_each(|(_, plan)| plan(tx))
            })
            .await?;
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<&str> = accepted.iter().map(|(name, _)| *name).collect();
        values.extend(accepted);
        let followers = self
            .followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (prefix, react) in followers.iter() {
            if names.iter().any(|name| name.starts_with(prefix)) {
                react(&values);
            }
        }
        Ok(())
    }

    /// All rows, those of the host last.
    pub fn rows(&self) -> &[&'static Setting] {
        &self.rows
    }

    fn find(&self, name: &str) -> Option<&'static Setting> {
        self.rows.iter().copied().find(|row| row.name == name)
    }

    /// The current value of a setting; `None` if there is no such setting.
    pub fn get(&self, name: &str) -> Option<String> {
        let setting = self.find(name)?;
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let value = values.get(setting.name).map(String::as_str);
        Some(value.unwrap_or(setting.default).to_owned())
    }

    /// The current value of a setting that is `on` or `off`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).as_deref() == Some("on")
    }

    /// The current value of a setting that is a time.
    pub fn period(&self, name: &str) -> Duration {
        let period = self.get(name).and_then(|value| time::duration(&value));
        period.unwrap_or(Duration::from_secs(15))
    }

    /// How long a stream is silent before it sends a keep-alive.
    pub(crate) fn stream_ping(&self) -> Duration {
        self.period("stream.ping")
    }
}

/// Accepts `on` and `off`.
pub fn is_switch(value: &str) -> bool {
    matches!(value, "on" | "off")
}

/// Accepts times from 10 ms to an hour.
pub fn is_period(value: &str) -> bool {
    let range = Duration::from_millis(10)..=Duration::from_secs(3600);
    time::duration(value).is_some_and(|period| range.contains(&period))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::store::Kind;

    const ROWS: &[Setting] = &[
        Setting::new("tiny.loud", "off", "on or off", "", is_switch),
        Setting::new("tiny.count", "0", "a digit", "", |value| value.len() == 1).off_is_default(),
    ];

    fn changes(name: &str, value: &str) -> [(String, String); 1] {
        [(name.to_owned(), value.to_owned())]
    }

    #[tokio::test]
    async fn a_setting_survives_a_restart() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let settings = Settings::load(&store, &[ROWS]).unwrap();
        settings
            .set(&store, &changes("tiny.loud", "on"))
            .await
            .unwrap();
        assert!(settings.is_on("tiny.loud"));
        assert!(Settings::load(&store, &[ROWS]).unwrap().is_on("tiny.loud"));
    }

    #[tokio::test]
    async fn off_restores_the_default_where_a_row_says_so() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let settings = Settings::load(&store, &[ROWS]).unwrap();
        for value in ["7", "off"] {
            settings
                .set(&store, &changes("tiny.count", value))
                .await
                .unwrap();
        }
        assert_eq!(settings.get("tiny.count").as_deref(), Some("0"));
    }

    #[tokio::test]
    async fn an_unknown_setting_suggests_the_nearest() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let settings = Settings::load(&store, &[ROWS]).unwrap();
        let error = settings.set(&store, &changes("tiny.lod", "on")).await;
        assert!(error.unwrap_err().to_string().contains("`tiny.loud`"));
    }

    #[tokio::test]
    async fn a_follower_is_called_for_its_own_settings() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let settings = Settings::load(&store, &[ROWS]).unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        settings.follow("tiny.count", move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        settings
            .set(&store, &changes("tiny.loud", "on"))
            .await
            .unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 1, "once at the start");
        settings
            .set(&store, &changes("tiny.count", "3"))
            .await
            .unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
