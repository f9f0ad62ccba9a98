//! AppEngine's rows of `evt dev set`, and their values as the handlers use them.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::chaos::{self, Chaos};
use super::gateways::Timing;
use crate::catalogue::find_event;
use crate::dev::host::Host;
use crate::dev::host::settings::{self as host, Setting, Values, is_period, is_switch};
use crate::store::{Connection, StoreError};
use crate::time::seconds_of;

/// The age at which open tickets are escalated.
pub(super) const ESCALATION_AFTER: &str = "escalation.after";
/// Names the event whose listener throws.
const THROW: &str = "listener.throw";
/// A value of `gateways.refuse`.
const CONNECT_ERROR: &str = "connect-error";
/// No event.
const NONE: &str = "none";

/// All rows, in the order in which `evt dev set` shows them.
pub const SETTINGS: &[Setting] = &[
    Setting::new(
        "2fa",
        "off",
        "on or off",
        "sign-in requires a second factor",
        is_switch,
    ),
    Setting::new(
        "token.ttl",
        "3600",
        "seconds, 1 to 31536000",
        "lifetime of tokens issued at sign-in",
        is_lifetime,
    ),
    Setting::new(
        THROW,
        NONE,
        "the name of an event, or none",
        "a listener of this event throws: the record is written, the request fails with 500",
        is_event_or_none,
    )
    .off_is_default()
    .explained_by(not_an_event),
    Setting::new(
        "create.repeat",
        "on",
        "on or off",
        "an exact repeat of the last create gets 200 and an empty body, and creates nothing",
        is_switch,
    ),
    Setting::new(
        "sync.queue",
        "off",
        "on or off",
        "POST /sync/queue adds jobs; AppEngine refuses them with 403",
        is_switch,
    ),
    Setting::new(
        "purge.after",
        "30d",
        "a time, 1s to 3660d",
        "age at which the daily purge deletes records in state `deleted`",
        |value| age(value).is_some(),
    ),
    Setting::new(
        ESCALATION_AFTER,
        "24h",
        "a time, 1s to 3660d",
        "age at which an open ticket is escalated",
        |value| age(value).is_some(),
    ),
    Setting::new(
        "gateways.ping_interval",
        "25s",
        "a time, 10ms to 60m",
        "time between two pings of a Socket.IO connection; a change closes open connections",
        is_period,
    ),
    Setting::new(
        "gateways.ping_timeout",
        "20s",
        "a time, 10ms to 60m",
        "time that a Socket.IO client has to answer a ping",
        is_period,
    ),
    Setting::new(
        "gateways.connect_timeout",
        "45s",
        "a time, 10ms to 60m",
        "time that a Socket.IO connection may exist without a namespace",
        is_period,
    ),
    Setting::new(
        "gateways.refuse",
        "disconnect",
        "disconnect or connect-error",
        "how gateways refuse: authenticate {success:false} and a disconnect, or CONNECT_ERROR",
        |value| matches!(value, "disconnect" | CONNECT_ERROR),
    ),
    Setting::new(
        "chat.queue_update",
        "15s",
        "a time, 10ms to 60m",
        "time between two reports of the position to a customer in the chat queue",
        is_period,
    ),
    Setting::new(
        "poll.ties",
        "1",
        "a count, 1 to 1000000",
        "this many consecutive writes share one timestamp if they happen within five seconds",
        |value| chaos::is_count(value, 1..=1_000_000),
    )
    .off_is_default(),
    Setting::new(
        "poll.skew",
        "0",
        "0, or a time up to 1440m",
        "the timestamp of each write is off by up to this, in either direction",
        is_span,
    )
    .off_is_default(),
    Setting::new(
        "poll.late",
        "0",
        "0, or a time up to 1440m",
        "every second write becomes visible to find only after this time",
        is_span,
    )
    .off_is_default(),
    Setting::new(
        "poll.touch",
        "0",
        "a count, 0 to 1000",
        "this many records of the datatype are updated after each find, without events",
        |value| chaos::is_count(value, 0..=1_000),
    )
    .off_is_default(),
    Setting::new(
        "poll.page_cap",
        "0",
        "a count, 0 to 10000",
        "maximum number of records in a page; 0: the value of --page-cap",
        |value| chaos::is_count(value, 0..=10_000),
    )
    .off_is_default(),
    Setting::new(
        "poll.window",
        "0",
        "a count, 0 to 1000000000",
        "a page beyond this many records is refused with 400; 0: never",
        |value| chaos::is_count(value, 0..=1_000_000_000),
    )
    .off_is_default(),
    Setting::new(
        "poll.ignore",
        "none",
        "none, or some of sort,filter,paging",
        "parts of a find request that have no effect",
        |value| value.parse::<chaos::Ignore>().is_ok(),
    )
    .off_is_default(),
    Setting::new(
        "poll.order",
        "stable",
        "stable or shuffled",
        "whether each find orders records with the same timestamp differently",
        |value| value.parse::<chaos::TieOrder>().is_ok(),
    )
    .off_is_default(),
    Setting::new(
        "poll.dates",
        "iso-ms",
        "iso-ms, iso-s, iso-us, offset, naive, epoch-ms, epoch-s or mongo",
        "format of dates; a bound in another format matches nothing (iso-ms accepts any)",
        |value| value.parse::<chaos::Dates>().is_ok(),
    )
    .off_is_default(),
    Setting::new(
        "poll.envelope",
        "data",
        "data, items, results, records, rows, docs, list or nested",
        "the member of a page that holds the records",
        |value| value.parse::<chaos::Envelope>().is_ok(),
    )
    .off_is_default(),
    Setting::new(
        "poll.429",
        "0",
        "a count, 0 to 1000000",
        "every Nth find is refused with 429 and Retry-After; 0: never",
        is_every,
    )
    .off_is_default(),
    Setting::new(
        "poll.retry_after",
        "1s",
        "0, or a time up to 1440m",
        "the time in Retry-After",
        is_span,
    )
    .off_is_default(),
    Setting::new(
        "poll.retry_after_form",
        "seconds",
        "seconds or date",
        "the format of Retry-After",
        |value| value.parse::<chaos::RetryForm>().is_ok(),
    )
    .off_is_default(),
    Setting::new(
        "poll.5xx",
        "0",
        "a count, 0 to 1000000",
        "every Nth find fails with 503 and 500 in turn; 0: never",
        is_every,
    )
    .off_is_default(),
    Setting::new(
        "poll.html",
        "0",
        "a count, 0 to 1000000",
        "every Nth find is answered with 200 and a web page; 0: never",
        is_every,
    )
    .off_is_default(),
    Setting::new(
        "poll.error",
        "0",
        "a count, 0 to 1000000",
        "every Nth find is answered with 200 and {\"error\":…}; 0: never",
        is_every,
    )
    .off_is_default(),
    Setting::new(
        "poll.duplicate",
        "0",
        "a count, 0 to 1000000",
        "every Nth find is answered with the previous page again; 0: never",
        is_every,
    )
    .off_is_default(),
    Setting::new(
        "poll.empty",
        "0",
        "a count, 0 to 1000000",
        "every Nth find is answered with an empty page; 0: never",
        is_every,
    )
    .off_is_default(),
    Setting::new(
        "poll.cut",
        "0",
        "a count, 0 to 1000000",
        "every Nth page is truncated: a broken connection and incomplete JSON in turn; 0: never",
        is_every,
    )
    .off_is_default(),
];

/// The settings of the host, with accessors for AppEngine's rows.
pub struct Settings {
    host: Arc<Host>,
    /// The rules that the values of the `poll.` rows define.
    chaos: Arc<Chaos>,
}

impl Deref for Settings {
    type Target = host::Settings;

    fn deref(&self) -> &host::Settings {
        &self.host.settings
    }
}

impl Settings {
    /// Follows the settings of the host.
    pub(crate) fn new(host: &Arc<Host>) -> Self {
        let chaos = Arc::<Chaos>::default();
        let following = Arc::clone(&chaos);
        host.settings.follow(chaos::PREFIX, move |values| {
            following.follow(polling(values));
        });
        Self {
            host: Arc::clone(host),
            chaos,
        }
    }

    /// The difficult cases of polling that are switched on.
    pub(crate) fn chaos(&self) -> &Arc<Chaos> {
        &self.chaos
    }

    pub(crate) fn two_factor(&self) -> bool {
        self.is_on("2fa")
    }

    /// Whether clients may add jobs to the platform's queues.
    pub(crate) fn accepts_jobs(&self) -> bool {
        self.is_on("sync.queue")
    }

    /// The age at which records in state `deleted` are deleted for good.
    pub(crate) fn purge_after(&self) -> Duration {
        let after = self.get("purge.after").and_then(|value| age(&value));
        after.unwrap_or(Duration::from_secs(30 * 24 * 3_600))
    }

    pub(crate) fn refuses_repeats(&self) -> bool {
        self.is_on("create.repeat")
    }

    pub(crate) fn token_lifetime(&self) -> Duration {
        let seconds = self.get("token.ttl").and_then(|value| value.parse().ok());
        Duration::from_secs(seconds.unwrap_or(3600))
    }

    /// The timing of the gateways' transport.
    pub(crate) fn timing(&self) -> Timing {
        Timing {
            ping_interval: self.period("gateways.ping_interval"),
            ping_timeout: self.period("gateways.ping_timeout"),
            connect_timeout: self.period("gateways.connect_timeout"),
        }
    }

    /// The time between two reports to the customers in the chat queue.
    pub(crate) fn queue_update(&self) -> Duration {
        self.period("chat.queue_update")
    }

    /// Whether a gateway refuses clients with a CONNECT_ERROR.
    pub(crate) fn refuses_connections(&self) -> bool {
        self.get("gateways.refuse").as_deref() == Some(CONNECT_ERROR)
    }

    /// The event whose listener throws.
    pub(crate) fn throwing_listener(&self) -> Option<String> {
        self.get(THROW).filter(|name| name != NONE)
    }
}

/// The age at which open tickets are escalated, as a commit sees it.
pub(super) fn escalation_after(db: &Connection) -> Result<Duration, StoreError> {
    let after = host::stored(db, ESCALATION_AFTER)?.and_then(|value| age(&value));
    Ok(after.unwrap_or(Duration::from_secs(24 * 3_600)))
}

/// The rules that the `poll.` rows define.
fn polling(values: &Values) -> chaos::Rules {
    chaos::Rules::read(|name| values.get(&*format!("{}{name}", chaos::PREFIX)).cloned())
}

fn is_span(value: &str) -> bool {
    chaos::span(value).is_some()
}

/// Accepts the N of "every Nth find".
fn is_every(value: &str) -> bool {
    chaos::is_count(value, 0..=1_000_000)
}

/// A time from a second to ten years: `90s`, `12h`, `30d`.
fn age(value: &str) -> Option<Duration> {
    let unit = value.find(|c: char| !c.is_ascii_digit())?;
    let (count, seconds) = (
        value[..unit].parse::<u32>().ok()?,
        seconds_of(&value[unit..])?,
    );
    let age = Duration::from_secs_f64(f64::from(count) * seconds);
    let range = Duration::from_secs(1)..=Duration::from_secs(3_660 * 24 * 3_600);
    range.contains(&age).then_some(age)
}

fn is_lifetime(value: &str) -> bool {
    value
        .parse::<u64>()
        .is_ok_and(|seconds| (1..=31_536_000).contains(&seconds))
}

fn is_event_or_none(value: &str) -> bool {
    value == NONE || find_event(value).is_ok()
}

fn not_an_event(value: &str) -> String {
    find_event(value).map_or_else(|unknown| unknown.to_string(), |event| event.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::host::settings::SettingError;
    use crate::store::{Kind, Store};

    #[test]
    fn every_default_is_accepted() {
        for setting in SETTINGS {
            assert!((setting.accepts)(setting.default), "{}", setting.name);
        }
    }

    async fn open(store: Store) -> Host {
        let (url, stop) = (String::new(), tokio_util::sync::CancellationToken::new());
        let host = Host::open(
            store,
            &[SETTINGS],
            url,
            None,
            Default::default(),
            false,
            stop,
        );
        host.await.unwrap()
    }

    async fn host() -> (Store, Arc<Host>) {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        (store.clone(), Arc::new(open(store).await))
    }

    #[tokio::test]
    async fn polling_settings_take_effect_at_once_and_off_resets_them() {
        let (store, host) = host().await;
        let settings = Settings::new(&host);
        assert!(settings.chaos().rules().is_none());
        let change = |value: &str| [("poll.ties".to_owned(), value.to_owned())];
        settings.set(&store, &change("50")).await.unwrap();
        assert_eq!(settings.chaos().rules().unwrap().ties, 50);
        let again = Settings::new(&Arc::new(open(store.clone()).await));
        assert_eq!(again.chaos().rules().unwrap().ties, 50);
        settings.set(&store, &change("off")).await.unwrap();
        assert!(settings.chaos().rules().is_none());
    }

    #[tokio::test]
    async fn a_throwing_listener_needs_a_known_event() {
        let (store, host) = host().await;
        let settings = Settings::new(&host);
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
    async fn a_value_that_a_row_does_not_accept_is_refused() {
        let (store, host) = host().await;
        let settings = Settings::new(&host);
        for (name, value) in [
            ("2fa", "yes"),
            ("token.ttl", "0"),
            ("purge.after", "0s"),
            ("purge.after", "4000d"),
            ("escalation.after", "soon"),
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
