//! From words to a message: which body, which headers, who signs, where to.

use std::path::PathBuf;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::Args;
use crate::cli::Context;
use crate::cli::input::Source;
use crate::cli::vendor_keys::{self, VendorKey};
use crate::envelope;
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::target::Target;
use crate::json;
use crate::running::Running;
use crate::sample::{self, APPENGINE, Occasion};
use crate::secret::Secret;
use crate::send::Message;
use crate::signature::SchemeSpec;
use crate::signature::{self, Options, PLATFORM_SCHEME, Scheme, SignatureError};
use crate::time::Timestamp;

const USER: &str = concat!("evt/", env!("CARGO_PKG_VERSION"));
/// `--sign none`
const NONE: &str = "none";
/// The organisation of a platform that nobody has named.
pub(super) const ORG: &str = "my-org";

/// A body and what is known of it.
struct Draft {
    body: Bytes,
    headers: HeaderMap,
    /// Whose event it is, where it is a sample.
    vendor: Option<&'static str>,
    /// As the vendor signs.
    scheme: Option<&'static str>,
    /// Whether the platform's own secret is the one to sign with.
    is_platform: bool,
}

/// What signs: a scheme with its options, and the secrets that it takes.
pub(super) struct Signing {
    pub(super) scheme: &'static dyn Scheme,
    pub(super) options: Options,
    /// At least one; several while a secret is being replaced.
    pub(super) secrets: Vec<Secret>,
}

/// The message, and what signs it.
pub(super) async fn message(
    event: &str,
    args: &Args,
    cx: &Context,
) -> Result<(Message, Option<Signing>), CliError> {
    let local = local_platform(cx)?;
    let mut draft = draft(event, args, local.as_ref(), cx)?;
    draft.body = args.change.body(&draft.body, cx)?;
    let receiver = receiver(&draft, args, local.as_ref()).await?;
    let signing = signing(&draft, event, args, local.as_ref(), receiver.as_ref(), cx)?;
    let signer = match &signing {
        Some(signing) => {
            let scheme = signing.scheme;
            Some(scheme.rotating_signer(&signing.secrets, &signing.options)?)
        }
        None => None,
    };
    let target = match (&args.to, &receiver) {
        (Some(target), _) => target.clone(),
        (None, Some(receiver)) => receiver.url.parse()?,
        (None, None) => cx.listener().parse()?,
    };
    let mut headers = draft.headers;
    args.change.headers(&mut headers);
    let path = match &target {
        Target::Url(_) => None,
        Target::Unix(_) => Some("/".to_owned()),
    };
    let mut message = Message {
        url: target.to_string(),
        target,
        path,
        headers,
        body: draft.body,
        signer,
        timeout: args.timeout.into(),
    };
    message.adopt_url()?;
    Ok((message, signing))
}

/// The vendor of a sample, as the running platform receives it.
async fn receiver(
    draft: &Draft,
    args: &Args,
    local: Option<&Running>,
) -> Result<Option<VendorKey>, CliError> {
    let (Some(local), Some(vendor)) = (local, draft.vendor) else {
        return Ok(None);
    };
    // With a target and a secret there is nothing that the platform could add.
    if args.to.is_some() && !args.secret.is_empty() {
        return Ok(None);
    }
    vendor_keys::of(local, vendor).await
}

/// The running platform, where the profile in force is the local one.
fn local_platform(cx: &Context) -> Result<Option<Running>, CliError> {
    match cx.profile() {
        Ok(profile) => Ok(profile.local),
        // To send needs no platform: without one there is just no secret to sign with.
        Err(error) if error.exit == Exit::Unreachable => Ok(None),
        Err(error) => Err(error),
    }
}

fn draft(
    event: &str,
    args: &Args,
    local: Option<&Running>,
    cx: &Context,
) -> Result<Draft, CliError> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(USER));
    let file = match event {
        "-" => Some("-"),
        _ => event.strip_prefix('@'),
    };
    let Some(file) = file else {
        return sampled(event, headers, args.seed, local, cx);
    };
    if file == "-" && args.secret.contains(&SecretRef::Stdin) {
        return Err(
            CliError::usage("both the body and the secret are to come from stdin")
                .hint("--secret env:NAME or --secret file:PATH"),
        );
    }
    let body = Bytes::from(Source::from(PathBuf::from(file)).read()?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(&body)));
    let is_platform = envelope::detect(&headers, &body).system.as_deref() == Some(APPENGINE);
    Ok(Draft {
        vendor: None,
        scheme: is_platform.then_some(PLATFORM_SCHEME),
        body,
        headers,
        is_platform,
    })
}

fn sampled(
    name: &str,
    mut headers: HeaderMap,
    seed: Option<u64>,
    local: Option<&Running>,
    cx: &Context,
) -> Result<Draft, CliError> {
    let sample = sample::find(name)?;
    let org = cx.globals.org.as_deref();
    let org = org
        .or(local.map(|running| running.org.as_str()))
        .unwrap_or(ORG);
    let occasion = match seed {
        Some(seed) => Occasion::seeded(seed, org),
        None => Occasion {
            now: Timestamp::now(),
            id: Uuid::now_v7(),
            org,
        },
    };
    let body = sample.body(&occasion);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(sample.content_type));
    for (name, value) in sample.headers {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    Ok(Draft {
        body,
        headers,
        vendor: (sample.vendor != APPENGINE).then_some(sample.vendor),
        scheme: sample.scheme,
        is_platform: sample.vendor == APPENGINE,
    })
}

/// What the bytes look like: nothing else says what a file holds.
pub(in crate::cli) fn content_type(body: &[u8]) -> &'static str {
    if json::is_json(body) {
        "application/json"
    } else if std::str::from_utf8(body).is_ok() {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    }
}

fn signing(
    draft: &Draft,
    event: &str,
    args: &Args,
    local: Option<&Running>,
    receiver: Option<&VendorKey>,
    cx: &Context,
) -> Result<Option<Signing>, CliError> {
    // Of vendors that sign nothing the platform wants its own secret; nobody else does.
    let own = receiver.filter(|_| args.to.is_none());
    let usual = draft.scheme.or(own.map(|own| own.scheme.as_str()));
    let Some((name, options)) = chosen(usual, args, cx)? else {
        return Ok(None);
    };
    let scheme = signature::find(name).map_err(explain)?;
    let mut secrets = Vec::new();
    for reference in &args.secret {
        secrets.push(cx.secret(reference)?);
    }
    if secrets.is_empty() && name == PLATFORM_SCHEME {
        secrets.extend(platform_secret(local));
    }
    let known = receiver.filter(|known| known.scheme == name);
    let options = known.map_or(options.clone(), |known| known.options_with(&options));
    if secrets.is_empty() {
        secrets.extend(known.and_then(|known| dev_secret(known, args, cx)));
    }
    match secrets.is_empty() {
        false => Ok(Some(Signing {
            scheme,
            options,
            secrets,
        })),
        true if draft.is_platform && args.sign.is_none() => {
            cx.ui
                .status("Sent unsigned: no platform runs here whose secret could sign it (--secret REF, or start `evt dev`).");
            Ok(None)
        }
        true => {
            let needs = SignatureError::NoSecret {
                scheme: scheme.name(),
            };
            let mut error = CliError::from(needs);
            error.hints = vec![
                format!("evt send {event} --secret env:NAME"),
                format!("evt send {event} --sign none   sends it unsigned"),
            ];
            if local.is_none() && draft.vendor.is_some() {
                let hint = "evt dev   in another terminal: it has a key for each vendor, and this one finds it";
                error.hints.insert(0, hint.to_owned());
            }
            Err(error)
        }
    }
}

/// The scheme to sign by, and its options; `None` sends unsigned. `usual`: as the event's sender signs.
fn chosen<'a>(
    usual: Option<&'a str>,
    args: &'a Args,
    cx: &Context,
) -> Result<Option<(&'a str, Options)>, CliError> {
    Ok(match (&args.sign, usual, args.secret.is_empty()) {
        (Some(SchemeSpec { name, .. }), ..) if name == NONE => None,
        (Some(spec), ..) => {
            signature::find(&spec.name).map_err(explain)?;
            Some((spec.name.as_str(), cx.scheme(spec)?.1))
        }
        (None, Some(scheme), _) => Some((scheme, Options::default())),
        (None, None, false) => {
            cx.ui.status("Signed as Standard Webhooks: nothing says who signs it, and a secret was given (--sign SCHEME, or --sign none).");
            Some((PLATFORM_SCHEME, Options::default()))
        }
        (None, None, true) => {
            cx.ui
                .status("Sent unsigned: nothing says who signs it (--sign SCHEME --secret REF).");
            None
        }
    })
}

/// The key that the running platform gave a vendor.
fn dev_secret(known: &VendorKey, args: &Args, cx: &Context) -> Option<Secret> {
    let secret = known.signs.clone()?;
    if args.to.is_some() {
        cx.ui.status(&format!(
            "Signed with the key that the running `evt dev` gave {} (--secret REF for another).",
            known.name
        ));
    }
    Some(secret)
}

/// The hint in the words of this command.
fn explain(error: SignatureError) -> CliError {
    let meant = match &error {
        SignatureError::UnknownScheme {
            suggestion: Some(name),
            ..
        } => Some(format!("--sign {name}")),
        _ => None,
    };
    let mut explained = CliError::from(error);
    if let Some(hint) = meant {
        explained.hints = vec![hint];
    }
    explained
}

fn platform_secret(local: Option<&Running>) -> Option<Secret> {
    let secret = local?.webhook_secret.as_ref()?;
    Some(Secret::new(secret.as_str()))
}
