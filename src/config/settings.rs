//! The allow-list of settings: which flags can be set outside the command line, and by which sources.
//!
//! A flag without a row in [`SETTINGS`] can only be given on the command line. That includes every flag that confirms
//! something (`--yes`, `--force`, `--prune`) and every flag that says what a single call acts on.
//!
//! A project's `evt.toml` arrives with a cloned repository, so its author may be a stranger. It can hold only values that
//! are harmless even if a stranger wrote them: [`Kind::danger`] names the kinds that are not, and [`Setting::check`] checks the rest.

use Kind::{
    Access, Command, Deletion, Expression, Folder, Personal, Plain, Profile, Request, Route,
    Scheme, Secret, Stream, Target,
};
use Source::{Environment, Project, User};

use super::DEFAULT_PROFILE;
use crate::grammar::target;
use crate::secret;
use crate::signature::SchemeSpec;
use crate::source;

/// What can set a setting, apart from its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The user's own file.
    User,
    /// The project's `evt.toml`.
    Project,
    /// A variable: `EVT_LISTEN_PORT` for `listen.port`.
    Environment,
}

/// What the value of a setting can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A port, format, filter, size, count or duration.
    Plain,
    /// An HTTP target. A project can name one on this machine.
    Target,
    /// `GLOB=TARGET`.
    Route,
    /// A stream to follow. A project can name one on this machine.
    Stream,
    /// A signature scheme with its options.
    Scheme,
    /// The name of a profile. A project can name `local` and those that the user allowed for its folder.
    Profile,
    /// A command line that evt runs.
    Command,
    /// A secret, or a reference that evt resolves to one.
    Secret,
    /// A header or message that evt sends.
    Request,
    /// A file or folder, or a name that selects one.
    Folder,
    /// Which clients can connect, and with which authorisation.
    Access,
    /// What is deleted.
    Deletion,
    /// A jq expression. Its `env` reads every environment variable.
    Expression,
    /// How evt interacts with its user.
    Personal,
}

/// One row of the allow-list.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The command and the flag, such as `listen.port`. A global flag has no command, and what is not a flag is in a group, such
    /// as `retention`.
    pub key: &'static str,
    pub sources: &'static [Source],
    pub kind: Kind,
}

/// Why a file cannot hold a key or its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The flag can only be given on the command line.
    FlagOnly,
    /// The flag has a variable, but no file can set it.
    VariableOnly,
    /// The user's file can set it, a project's file cannot.
    Dangerous(Kind),
    /// A project's file can set it, but not to this value.
    Value(Kind),
    /// A project's file defines a profile.
    ForeignProfile,
}

const ALL: &[Source] = &[User, Project, Environment];
const OWN: &[Source] = &[User, Environment];
const VARIABLE: &[Source] = &[Environment];
const FILE: &[Source] = &[User];
const FILES: &[Source] = &[User, Project];

const fn row(key: &'static str, sources: &'static [Source], kind: Kind) -> Setting {
    Setting { key, sources, kind }
}

/// Every setting, in the order of the help.
pub const SETTINGS: &[Setting] = &[
    row(DEFAULT_PROFILE, FILES, Profile),
    row("profile", VARIABLE, Profile),
    row("config", VARIABLE, Folder),
    row("output", ALL, Plain),
    row("json", VARIABLE, Plain),
    row("quiet", OWN, Personal),
    row("verbose", VARIABLE, Plain),
    row("color", ALL, Plain),
    row("no-input", OWN, Personal),
    row("url", VARIABLE, Target),
    row("org", VARIABLE, Plain),
    row("token", VARIABLE, Secret),
    row("dev.bind", OWN, Access),
    row("dev.port", ALL, Plain),
    row("dev.console-port", ALL, Plain),
    row("dev.data", OWN, Folder),
    row("dev.ephemeral", ALL, Plain),
    row("dev.seed", OWN, Folder),
    row("dev.auth", OWN, Access),
    row("dev.allow-host", OWN, Access),
    row("dev.page-cap", ALL, Plain),
    row("dev.bare", ALL, Plain),
    row("dev.smtp", OWN, Access),
    row("dev.with", ALL, Plain),
    row("dev.nats", OWN, Access),
    row("dev.amqp", OWN, Access),
    row("dev.redis", OWN, Access),
    row("listen.port", ALL, Plain),
    row("listen.bind", OWN, Access),
    row("listen.allow-host", OWN, Access),
    row("listen.max-body", ALL, Plain),
    row("listen.verify", ALL, Scheme),
    row("listen.secret", OWN, Secret),
    row("listen.tolerance", ALL, Plain),
    row("listen.public-url", OWN, Access),
    row("listen.type", ALL, Plain),
    row("listen.where", ALL, Plain),
    row("listen.header", OWN, Request),
    row("listen.show", ALL, Plain),
    row("listen.route", ALL, Route),
    row("listen.retry", ALL, Plain),
    row("listen.timeout", ALL, Plain),
    row("listen.respond", ALL, Plain),
    row("listen.chaos", ALL, Plain),
    row("listen.count", ALL, Plain),
    row("listen.for", ALL, Plain),
    row("listen.expect", ALL, Plain),
    row("tail.stream", ALL, Stream),
    row("tail.gateway", ALL, Plain),
    row("tail.type", ALL, Plain),
    row("tail.where", ALL, Plain),
    row("tail.jq", OWN, Expression),
    row("tail.text", ALL, Plain),
    row("tail.on-slow", ALL, Plain),
    row("tail.count", ALL, Plain),
    row("tail.for", ALL, Plain),
    row("tail.expect", ALL, Plain),
    row("tail.until-end", ALL, Plain),
    row("tail.fail-on-gap", ALL, Plain),
    row("tail.user", OWN, Access),
    row("tail.password", OWN, Secret),
    row("tail.prefetch", ALL, Plain),
    row("tail.save", OWN, Folder),
    row("tail.record", OWN, Folder),
    row("tail.forward", ALL, Target),
    row("tail.secret", OWN, Secret),
    row("tail.resume", OWN, Folder),
    row("tail.header", OWN, Request),
    row("tail.token-cmd", OWN, Command),
    row("tail.timeout", ALL, Plain),
    row("tail.reconnect", ALL, Plain),
    row("tail.no-reconnect", ALL, Plain),
    row("tail.max-retries", ALL, Plain),
    row("tail.max-message-size", ALL, Plain),
    row("tail.idle", ALL, Plain),
    row("tail.location", OWN, Request),
    row("tail.subprotocol", ALL, Plain),
    row("tail.ping", ALL, Plain),
    row("tail.auth", OWN, Secret),
    row("tail.namespace", ALL, Plain),
    row("tail.path", ALL, Plain),
    row("tail.transport", ALL, Plain),
    row("tail.send-on-connect", OWN, Request),
    row("tail.ack", OWN, Request),
    #[cfg(feature = "redis")]
    row("tail.consumer", ALL, Plain),
    #[cfg(feature = "redis")]
    row("tail.claim-after", ALL, Plain),
    row("poll.since", ALL, Plain),
    row("poll.until", ALL, Plain),
    row("poll.query", ALL, Plain),
    row("poll.type", ALL, Plain),
    row("poll.where", ALL, Plain),
    row("poll.undated", ALL, Plain),
    row("poll.skip-malformed", ALL, Plain),
    row("poll.deletes", ALL, Plain),
    row("poll.reconcile", ALL, Plain),
    row("poll.out", OWN, Folder),
    row("poll.format", ALL, Plain),
    row("poll.envelope", ALL, Plain),
    row("poll.jq", OWN, Expression),
    row("poll.forward", ALL, Target),
    row("poll.secret", OWN, Secret),
    row("poll.exec", OWN, Command),
    row("poll.save", OWN, Folder),
    row("poll.record", OWN, Folder),
    row("poll.follow", ALL, Plain),
    row("poll.interval", ALL, Plain),
    row("poll.max", ALL, Plain),
    row("poll.lookback", ALL, Plain),
    row("poll.page-size", ALL, Plain),
    row("poll.key", ALL, Plain),
    row("poll.field", ALL, Plain),
    row("poll.ignore-field", ALL, Plain),
    row("poll.strategy", ALL, Plain),
    row("poll.rate", ALL, Plain),
    row("poll.timeout", ALL, Plain),
    row("poll.max-wait", ALL, Plain),
    row("poll.state-key", OWN, Folder),
    row("send.to", ALL, Target),
    row("send.seed", ALL, Plain),
    row("send.header", OWN, Request),
    row("send.sign", ALL, Scheme),
    row("send.secret", OWN, Secret),
    row("send.rate", ALL, Plain),
    row("send.concurrency", ALL, Plain),
    row("send.expect-status", ALL, Plain),
    row("send.timeout", ALL, Plain),
    row("events.list.type", ALL, Plain),
    row("events.list.where", ALL, Plain),
    row("events.list.status", ALL, Plain),
    row("events.list.since", ALL, Plain),
    row("events.list.until", ALL, Plain),
    row("events.list.limit", ALL, Plain),
    row("events.replay.to", ALL, Target),
    row("events.replay.header", OWN, Request),
    row("events.replay.secret", OWN, Secret),
    row("events.replay.rate", ALL, Plain),
    row("events.replay.timeout", ALL, Plain),
    row("events.verify.scheme", ALL, Scheme),
    row("events.verify.secret", OWN, Secret),
    row("events.verify.tolerance", ALL, Plain),
    row("events.verify.public-url", OWN, Access),
    row("events.export.format", ALL, Plain),
    row("events.export.to", ALL, Target),
    row("events.prune.keep", OWN, Deletion),
    row("events.prune.max-size", OWN, Deletion),
    row("records.timeout", ALL, Plain),
    row("flows.timeout", ALL, Plain),
    row("records.list.where", ALL, Plain),
    row("records.list.query", ALL, Plain),
    row("records.list.sort", ALL, Plain),
    row("records.list.limit", ALL, Plain),
    row("records.list.page-size", ALL, Plain),
    row("flows.create.webhook", ALL, Target),
    row("flows.create.header", OWN, Request),
    row("flows.create.secret", OWN, Secret),
    row("flows.execute.watch", ALL, Plain),
    row("flows.runs.status", ALL, Plain),
    row("flows.runs.limit", ALL, Plain),
    row("queue.list.state", ALL, Plain),
    row("queue.list.where", ALL, Plain),
    row("queue.list.limit", ALL, Plain),
    row("queue.retry.rate", ALL, Plain),
    row("profile.login.timeout", ALL, Plain),
    row("profile.login.email", VARIABLE, Plain),
    row("profile.login.password", VARIABLE, Secret),
    row("retention.inbox.days", FILE, Deletion),
    row("retention.inbox.size", FILE, Deletion),
    row("retention.platform.days", FILE, Deletion),
    row("retention.platform.size", FILE, Deletion),
];

/// Finds a setting by its key.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The keys that at least one kind of file can hold.
pub fn file_keys() -> impl Iterator<Item = &'static str> {
    let is_in_files = |setting: &&Setting| setting.allows(User) || setting.allows(Project);
    SETTINGS
        .iter()
        .filter(is_in_files)
        .map(|setting| setting.key)
}

/// The name of the variable for a key, whether or not the setting has one: `EVT_LISTEN_PORT`.
pub fn variable(key: &str) -> String {
    format!("EVT_{}", key.replace(['-', '.'], "_").to_ascii_uppercase())
}

impl Setting {
    /// Returns whether `source` can set it.
    pub fn allows(&self, source: Source) -> bool {
        self.sources.contains(&source)
    }

    /// Checks that `source` can set it to `value`.
    ///
    /// [`Kind::Profile`] is not checked here: whether a project may name a profile depends on its folder.
    pub fn check(&self, source: Source, value: &str) -> Result<(), Refusal> {
        if !self.allows(source) {
            return Err(match source {
                Project if self.allows(User) => Refusal::Dangerous(self.kind),
                _ => Refusal::VariableOnly,
            });
        }
        match source {
            Project if !self.kind.is_harmless(value) => Err(Refusal::Value(self.kind)),
            _ => Ok(()),
        }
    }
}

impl Kind {
    /// What a project's file could do with a setting of this kind; `None` for the kinds that it may set.
    pub fn danger(self) -> Option<&'static str> {
        match self {
            Plain | Target | Route | Stream | Scheme | Profile => None,
            Command => Some("it runs a command"),
            Secret => Some("it is a secret, or fetches one"),
            Request => Some("it changes what evt sends to a server"),
            Folder => Some("it names a file or folder"),
            Access => Some("it decides which clients have access"),
            Deletion => Some("it decides what is deleted"),
            Expression => Some("a jq expression can read your environment variables"),
            Personal => Some("it hides messages or questions from you"),
        }
    }

    /// The values that a project's file can set, where not all are allowed.
    pub fn allowed_in_project(self) -> Option<&'static str> {
        match self {
            Target => Some("a target on this machine, such as 3000 or http://127.0.0.1:3000/hook"),
            Route => Some("a route to a target on this machine, such as /hook=3000"),
            Stream => Some(
                "a stream on this machine or on the profile's platform, such as http://127.0.0.1:8080/events",
            ),
            Scheme => Some(
                "a scheme whose options hold no file, secret or URL of another host, such as stripe",
            ),
            Profile => Some("`local` or a profile that you allowed for its folder"),
            _ => None,
        }
    }

    fn is_harmless(self, value: &str) -> bool {
        match self {
            Plain | Profile => true,
            Target => is_local(value),
            Route => value
                .split_once('=')
                .is_some_and(|(_, target)| is_local(target)),
            Stream => is_local_stream(value),
            Scheme => is_harmless_scheme(value),
            Command | Secret | Request | Folder | Access | Deletion | Expression | Personal => {
                false
            }
        }
    }
}

/// Returns whether `value` is an HTTP target on a loopback address. A Unix socket is a path, so it is not.
fn is_local(value: &str) -> bool {
    match value.parse() {
        Ok(target::Target::Url(url)) => is_local_host(url.host()),
        Ok(target::Target::Unix(_)) | Err(_) => false,
    }
}

/// Stricter than `Target::is_loopback`: a resolver decides what a name below `.localhost` means.
fn is_local_host(host: Option<&str>) -> bool {
    let host = host.unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<std::net::IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn is_local_stream(value: &str) -> bool {
    match value.parse() {
        Ok(source::Stream::Agent(_)) => true,
        Ok(source::Stream::Url(_, stream)) => {
            // Schemes such as `socketio+http` are not valid in every URL parser.
            let rest = stream.url.split_once("://").map(|(_, rest)| rest);
            let url = rest.and_then(|rest| format!("http://{rest}").parse::<http::Uri>().ok());
            url.is_some_and(|url| is_local_host(url.host()))
        }
        Err(_) => false,
    }
}

/// An option that begins with `@` is read from a file, and some options name a URL to fetch keys from.
fn is_harmless_scheme(value: &str) -> bool {
    let Ok(spec) = value.parse::<SchemeSpec>() else {
        return false;
    };
    spec.options.0.iter().all(|(name, value)| {
        let is_remote = value.contains("//") && !is_local(value);
        !value.starts_with('@') && !is_remote && !secret::is_named(&name.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_sets_no_kind_that_is_dangerous() {
        for setting in SETTINGS {
            let is_safe = setting.kind.danger().is_none();
            assert!(is_safe || !setting.allows(Project), "{}", setting.key);
            assert_eq!(
                is_safe && setting.allows(User),
                setting.allows(Project),
                "{}",
                setting.key
            );
        }
    }

    #[test]
    fn every_key_has_one_row() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            let again = SETTINGS[at + 1..]
                .iter()
                .any(|other| other.key == setting.key);
            assert!(!again, "{}", setting.key);
        }
    }

    #[test]
    fn a_project_reaches_this_machine_only() {
        let check = |key, value| find(key).unwrap().check(Project, value);
        for (key, value) in [
            ("poll.forward", "3000"),
            ("poll.forward", "http://[::1]:3000/x"),
            ("poll.forward", "http://LOCALHOST:1/"),
            ("listen.route", "/x=:3000/y"),
            ("tail.stream", "strm_1"),
            ("tail.stream", "ws://127.0.0.1:1/x"),
            ("tail.stream", "socketio+http://127.0.0.1:1/chat"),
            ("listen.verify", "hmac:header=X-Sig,encoding=hex"),
        ] {
            assert_eq!(check(key, value), Ok(()), "{key} = {value}");
        }
        for (key, value) in [
            ("poll.forward", "https://evil.test/"),
            ("poll.forward", "http://127.0.0.1.evil.test/"),
            ("poll.forward", "http://evil.localhost/"),
            ("poll.forward", "http://0.0.0.0:3000/"),
            ("poll.forward", "http://169.254.169.254/"),
            ("poll.forward", "unix:/run/docker.sock"),
            ("poll.forward", "not a target"),
            ("listen.route", "*=https://evil.test/"),
            ("listen.route", "3000"),
            ("tail.stream", "https://evil.test/x"),
            ("tail.stream", "wss://evil.test"),
            ("tail.stream", "socketio+https://evil.test/chat"),
            ("listen.verify", "hmac:template=@/etc/passwd"),
            (
                "listen.verify",
                "google-pubsub:jwks-url=https://evil.test/k",
            ),
            ("send.sign", "hmac:secret=x"),
        ] {
            let kind = find(key).unwrap().kind;
            assert_eq!(
                check(key, value),
                Err(Refusal::Value(kind)),
                "{key} = {value}"
            );
        }
    }
}
