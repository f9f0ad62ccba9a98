//! The settings of retention, and the task that deletes old data in the process that owns a database.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::error::{CliError, Exit};
use crate::grammar::quantity::Size;
use crate::store::retention::{Retention, keep};
use crate::store::{Kind, Store};
use crate::time::Timestamp;

/// The group of the settings: `retention.inbox.days`.
pub(super) const GROUP: &str = "retention";
/// No limit.
const OFF: &str = "off";
const DAY: f64 = 24.0 * 60.0 * 60.0;

fn database(kind: Kind) -> &'static str {
    match kind {
        Kind::Inbox => "inbox",
        Kind::Platform => "platform",
    }
}

/// The default of a setting of this group; `None` for other settings.
pub(super) fn default_of(key: &str) -> Option<String> {
    let key = key.strip_prefix(GROUP)?;
    match key.rsplit_once('.')? {
        (_, "days") => Some(Retention::DEFAULT_DAYS.to_string()),
        (_, "size") => Some(Retention::DEFAULT_SIZE.to_owned()),
        _ => None,
    }
}

/// Checks a value of `days` or `size`.
pub(super) fn check(name: &str, value: &str) -> Result<(), CliError> {
    match name {
        "days" => days(value).map(drop),
        _ => size(value).map(drop),
    }
}

fn days(value: &str) -> Result<Option<Duration>, CliError> {
    if value == OFF {
        return Ok(None);
    }
    let days: Option<f64> = value.parse().ok();
    let days = days.filter(|days| *days > 0.0 && *days <= 36_500.0);
    match days {
        Some(days) => Ok(Some(Duration::from_secs_f64(days * DAY))),
        None => Err(bad(
            value,
            "a number of days, such as 7, or off",
            "days",
            "7",
        )),
    }
}

fn size(value: &str) -> Result<Option<u64>, CliError> {
    if value == OFF {
        return Ok(None);
    }
    match value.parse::<Size>() {
        Ok(size) if size.bytes() > 0 => Ok(Some(size.bytes())),
        _ => Err(bad(value, "a size, such as 1GiB, or off", "size", "1GiB")),
    }
}

fn bad(value: &str, expected: &str, name: &str, example: &str) -> CliError {
    let message = format!("`{}` is not {expected}", value.escape_debug());
    CliError::new(Exit::Usage, "bad_value", message)
        .hint(format!("evt config set retention.inbox.{name} {example}"))
}

/// The limits of a database.
///
/// # Errors
/// An invalid value in the user's file. The default does not replace it, because it could delete what the user wanted to keep.
pub(super) fn of(cx: &Context, kind: Kind) -> Result<Retention, CliError> {
    let value = |name: &str| {
        let key = format!("{GROUP}.{}.{name}", database(kind));
        let set = cx.config.get(&key).map(|(values, _)| values.join(","));
        set.or_else(|| default_of(&key)).unwrap_or_default()
    };
    Ok(Retention {
        age: days(&value("days"))?,
        size: size(&value("size"))?,
    })
}

/// The limits in words: `older than 7 days, or beyond 1.0 GiB`.
pub(super) fn in_words(retention: Retention) -> Option<String> {
    let age = retention
        .age
        .map(|age| format!("older than {}", days_in_words(age)));
    let size = retention.size.map(|size| {
        let bytes = usize::try_from(size).unwrap_or(usize::MAX);
        format!("beyond {}", crate::ui::size(bytes))
    });
    match (age, size) {
        (Some(age), Some(size)) => Some(format!("{age}, and the oldest {size}")),
        (age, size) => age.or(size),
    }
}

fn days_in_words(age: Duration) -> String {
    let days = age.as_secs_f64() / DAY;
    let unit = if days == 1.0 { "day" } else { "days" };
    format!("{days} {unit}")
}

/// Warns if an imported event is so old that the next `evt listen` deletes it.
pub(super) fn warn_if_old(cx: &Context, oldest: Timestamp) -> Result<(), CliError> {
    let Some(age) = of(cx, Kind::Inbox)?.age else {
        return Ok(());
    };
    if oldest < Timestamp::now().minus(age) {
        cx.ui.warn(&format!(
            "some of these events are older than {} and will be deleted by `evt listen`; to keep them: evt config set {GROUP}.inbox.days off",
            days_in_words(age)
        ));
    }
    Ok(())
}

/// Starts to delete in the background what is beyond the limits of a database.
pub(super) fn start(
    cx: &Arc<Context>,
    store: Store,
    kind: Kind,
    stop: CancellationToken,
) -> Result<JoinHandle<()>, CliError> {
    let retention = of(cx, kind)?;
    let own = Arc::clone(cx);
    let announce = move || {
        let name = database(kind);
        let what = match kind {
            Kind::Inbox => "events",
            Kind::Platform => "the platform's events, runs and deliveries",
        };
        let limits = in_words(retention).unwrap_or_default();
        let hint = format!("evt config set {GROUP}.{name}.days 30");
        own.ui.notice(
            "retention",
            json!({ "database": name, "deletes": limits, "hint": hint }),
            &format!(
                "evt deletes {what} {limits}, but nothing undelivered. To change this: {hint}     (or off)"
            ),
        );
    };
    Ok(tokio::spawn(keep(store, kind, retention, announce, stop)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::SETTINGS;

    #[test]
    fn every_default_is_a_valid_value() {
        let keys = SETTINGS.iter().map(|setting| setting.key);
        let mut count = 0;
        for key in keys.filter(|key| key.starts_with(GROUP)) {
            let name = key.rsplit('.').next().unwrap();
            check(name, &default_of(key).unwrap()).unwrap();
            check(name, OFF).unwrap();
            count += 1;
        }
        assert_eq!(count, 4);
    }

    #[test]
    fn invalid_limits_are_refused() {
        for (name, value) in [
            ("days", "0"),
            ("days", "-1"),
            ("days", "NaN"),
            ("days", "inf"),
            ("days", "soon"),
            ("days", "1e300"),
            ("days", ""),
            ("size", "0"),
            ("size", "big"),
            ("size", "OFF"),
        ] {
            assert!(check(name, value).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn limits_are_described_in_words() {
        let both = Retention {
            age: Some(Duration::from_secs(7 * 86_400)),
            size: Some(1 << 30),
        };
        assert_eq!(
            in_words(both).unwrap(),
            "older than 7 days, and the oldest beyond 1.0 GiB"
        );
        let none = Retention {
            age: None,
            size: None,
        };
        assert_eq!(in_words(none), None);
    }
}
