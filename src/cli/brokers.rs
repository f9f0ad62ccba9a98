//! Completes the address of a broker: `nats:///orders.>` is the broker of `EVT_NATS_URL`, or of the running `evt dev`.

use std::sync::Arc;

use super::Context;
use crate::broker::{BrokerError, Login};
use crate::error::CliError;
use crate::grammar::broker::BrokerUrl;
use crate::grammar::secret_ref::SecretRef;
use crate::sink::Complete;

/// A kind of broker: the word in `dev.json`, its variable, its schemes, and whether its address has a default path (vhost, database).
struct Known {
    name: &'static str,
    variable: &'static str,
    schemes: &'static [&'static str],
    has_default_path: bool,
}

static KNOWN: [Known; 3] = [
    Known {
        name: "nats",
        variable: "EVT_NATS_URL",
        schemes: &["nats", "tls"],
        has_default_path: false,
    },
    Known {
        name: "amqp",
        variable: "EVT_AMQP_URL",
        schemes: &["amqp", "amqps"],
        has_default_path: true,
    },
    Known {
        name: "redis",
        variable: "EVT_REDIS_URL",
        schemes: &[
            "redis",
            "rediss",
            "redis+cluster",
            "rediss+cluster",
            "redis+sentinel",
        ],
        has_default_path: true,
    },
];

/// Completes an address without a host. An address that names the same hosts as the variable gets its user and password.
///
/// # Errors
/// The variable is not an address of this kind of broker, or `dev.json` cannot be read.
pub(super) fn complete(url: BrokerUrl, cx: &Context) -> Result<BrokerUrl, CliError> {
    let mut kinds = KNOWN.iter();
    let Some(kind) = kinds.find(|kind| kind.schemes.contains(&url.scheme.as_str())) else {
        return Ok(url);
    };
    match text(kind, cx)? {
        Some(text) => Ok(merge(url, parse(kind, &text)?, kind.has_default_path)),
        None => Ok(url),
    }
}

/// Completes the addresses of deliveries like [`complete`], with the variables and the `evt dev` of now.
pub(super) fn completer(cx: &Context) -> Complete {
    let texts = KNOWN.each_ref().map(|kind| text(kind, cx).ok().flatten());
    Arc::new(move |url| {
        let mut kinds = KNOWN.iter().zip(&texts);
        let found = kinds.find(|(kind, _)| kind.schemes.contains(&url.scheme.as_str()));
        let Some((kind, Some(text))) = found else {
            return Ok(url);
        };
        let known = parse(kind, text)?;
        Ok(merge(url, known, kind.has_default_path))
    })
}

/// The address in the variable, or that of the running `evt dev`.
fn text(kind: &Known, cx: &Context) -> Result<Option<String>, CliError> {
    if let Some(text) = cx.env.get(kind.variable) {
        return Ok(Some(text.to_owned()));
    }
    let running = cx.running()?;
    Ok(running.and_then(|mut running| running.brokers.remove(kind.name)))
}

fn parse(kind: &Known, text: &str) -> Result<BrokerUrl, BrokerError> {
    let url = BrokerUrl::parse_with_login(text).ok();
    url.filter(|url| kind.schemes.contains(&url.scheme.as_str()))
        .ok_or_else(|| BrokerError::BadRequest {
            message: format!("{} is not an address of such a broker", kind.variable),
            hint: format!("{}={}://127.0.0.1", kind.variable, kind.schemes[0]),
        })
}

fn merge(url: BrokerUrl, known: BrokerUrl, has_default_path: bool) -> BrokerUrl {
    if !url.hosts.is_empty() {
        let login = known.login.filter(|_| known.hosts == url.hosts);
        return BrokerUrl {
            login: url.login.or(login),
            ..url
        };
    }
    let is_default = has_default_path && url.path.as_deref().unwrap_or_default().is_empty();
    BrokerUrl {
        scheme: known.scheme,
        hosts: known.hosts,
        path: if is_default { known.path } else { url.path },
        query: url.query,
        login: known.login,
    }
}

/// The flags that log in at NATS with a key.
#[cfg(feature = "nats")]
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct KeyFlags {
    /// Log in at NATS with this credentials file (a JWT and a seed)
    #[arg(long, value_name = "FILE", group = "nats")]
    creds: Option<std::path::PathBuf>,
    /// Log in at NATS with this seed of an NKey: env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF", conflicts_with = "creds", group = "nats")]
    nkey: Option<SecretRef>,
}

#[cfg(feature = "nats")]
impl KeyFlags {
    /// The key that logs in.
    pub(super) fn key(&self) -> Option<SecretRef> {
        let file = self.creds.clone().map(SecretRef::File);
        file.or_else(|| self.nkey.clone())
    }
}

/// The login of `--user`, `--password`, and `--creds` or `--nkey`.
///
/// # Errors
/// A reference cannot be resolved.
pub(super) fn login(
    user: Option<&str>,
    password: Option<&SecretRef>,
    key: Option<&SecretRef>,
    cx: &Context,
) -> Result<Login, CliError> {
    let secret = |reference: Option<&SecretRef>| reference.map(|one| cx.secret(one)).transpose();
    Ok(Login {
        user: user.map(str::to_owned),
        password: secret(password)?,
        key: secret(key)?,
        token: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(typed: &str, known: &str) -> BrokerUrl {
        let typed = BrokerUrl::parse(typed).unwrap();
        let has_default_path = typed.scheme != "nats";
        let known = BrokerUrl::parse_with_login(known).unwrap();
        merge(typed, known, has_default_path)
    }

    #[test]
    fn an_address_without_a_host_is_completed() {
        for (typed, known, whole) in [
            ("nats:///a.>", "nats://u:p@h:1", "nats://h:1/a.>"),
            ("nats:///a.>", "tls://h:1/ignored", "tls://h:1/a.>"),
            (
                "amqp:///?queue=q",
                "amqp://u:p@h:1/v",
                "amqp://h:1/v?queue=q",
            ),
            ("amqp:///w?queue=q", "amqp://h:1/v", "amqp://h:1/w?queue=q"),
            (
                "redis:///?channel=c",
                "redis://h:1/3",
                "redis://h:1/3?channel=c",
            ),
        ] {
            let url = merged(typed, known);
            assert_eq!(url.to_string(), whole, "{typed}");
            assert_eq!(url.login.is_some(), known.contains('@'), "{typed}");
        }
    }

    #[test]
    fn a_login_is_used_for_the_same_hosts_only() {
        assert!(merged("nats://h:1/a", "nats://u:p@h:1").login.is_some());
        assert!(merged("nats://other:1/a", "nats://u:p@h:1").login.is_none());
        assert!(merged("nats://h:2/a", "nats://u:p@h:1").login.is_none());
    }

    #[test]
    fn every_scheme_belongs_to_one_broker() {
        for scheme in crate::grammar::broker::SCHEMES {
            let kinds = KNOWN.iter().filter(|kind| kind.schemes.contains(&scheme));
            assert_eq!(kinds.count(), 1, "{scheme}");
        }
    }
}
