//! Makes the message from the arguments: its body, headers, signature and target.

use std::path::PathBuf;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::Args;
use crate::cli::Context;
use crate::cli::input::{self, Source};
use crate::cli::vendor_keys::{self, VendorKey};
use crate::envelope;
use crate::error::{CliError, Exit};
use crate::explain::shell_word;
use crate::grammar::destination::Destination;
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::target::Target;
use crate::json;
use crate::running::Running;
use crate::sample::{self, APPENGINE, Occasion};
use crate::secret::Secret;
use crate::send::{Message, Signing, id_of, new_id};
use crate::signature::{self, Options, PLATFORM_SCHEME, SchemeSpec, SignatureError};
use crate::sink::Publication;
use crate::time::Timestamp;

const USER: &str = concat!("evt/", env!("CARGO_PKG_VERSION"));
/// `--sign none`
const NONE: &str = "none";
/// The default organisation.
pub(super) const ORG: &str = "my-org";

/// A body before signing.
struct Draft {
    body: Bytes,
    headers: HeaderMap,
    /// The vendor of a sample.
    vendor: Option<&'static str>,
    /// The scheme of the vendor.
    scheme: Option<&'static str>,
    /// Whether it is an event of the platform, signed with the platform's secret.
    is_platform: bool,
}

pub(super) async fn message(event: &str, args: &Args, cx: &Context) -> Result<Message, CliError> {
    let local = local_platform(cx)?;
    let mut draft = draft(event, args, local.as_ref(), cx)?;
    draft.body = args.change.body(&draft.body, cx)?;
    let receiver = receiver(&draft, args, local.as_ref()).await?;
    let signing = signing(&draft, event, args, local.as_ref(), receiver.as_ref(), cx)?;
    let target = match (&args.to, &receiver) {
        (Some(Destination::Http(target)), _) => target.clone(),
        (Some(Destination::Broker(url)), _) => url.to_string().parse()?,
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
        signing,
        timeout: args.timeout.into(),
    };
    message.adopt_url()?;
    Ok(message)
}

/// Makes the message for a broker: the same body, without a signature.
pub(super) fn publication(event: &str, args: &Args, cx: &Context) -> Result<Publication, CliError> {
    let local = local_platform(cx)?;
    let draft = draft(event, args, local.as_ref(), cx)?;
    let body = args.change.body(&draft.body, cx)?;
    let mut headers = draft.headers;
    headers.remove(USER_AGENT);
    let kind = envelope::detect(&headers, &body).kind;
    args.change.headers(&mut headers);
    Ok(Publication {
        id: match args.seed {
            Some(seed) => id_of(Occasion::seeded(seed, "").id),
            None => new_id(),
        },
        kind,
        headers,
        body,
    })
}

/// Returns the receiver that the running platform has for the vendor of a sample.
async fn receiver(
    draft: &Draft,
    args: &Args,
    local: Option<&Running>,
) -> Result<Option<VendorKey>, CliError> {
    let (Some(local), Some(vendor)) = (local, draft.vendor) else {
        return Ok(None);
    };
    // The arguments give both the target and the secret, so the platform is not needed.
    if args.to.is_some() && !args.secret.is_empty() {
        return Ok(None);
    }
    vendor_keys::of(local, vendor).await
}

/// Returns the running platform if the active profile is the local one.
fn local_platform(cx: &Context) -> Result<Option<Running>, CliError> {
    match cx.profile() {
        Ok(profile) => Ok(profile.local),
        // Sending works without a platform; there is just no secret to sign with.
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
            CliError::usage("the body and the secret cannot both come from stdin")
                .hint("--secret env:NAME or --secret file:PATH"),
        );
    }
    let source = Source::from(PathBuf::from(file));
    let (body, had_mark) = input::body(source.read_exact()?);
    if had_mark {
        let name = source.name();
        cx.ui.status(&format!(
            "The byte order mark of {name} is not sent: JSON must not begin with one."
        ));
    }
    let body = Bytes::from(body);
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

/// Guesses the content type of a file from its bytes.
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
    // The local platform expects its own secret from a vendor that signs nothing; other receivers do not.
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
        false => Ok(Some(Signing::new(scheme, options, &secrets)?)),
        true if draft.is_platform && args.sign.is_none() => {
            cx.ui
                .status("Sent unsigned: `evt dev` is not running, so there is no secret to sign with (--secret REF, or start `evt dev`).");
            Ok(None)
        }
        true => {
            let error = SignatureError::NoSecret {
                scheme: scheme.name(),
            };
            let mut error = CliError::from(error);
            let event = shell_word(event);
            error.hints = vec![
                format!("evt send {event} --secret env:NAME"),
                format!("evt send {event} --sign none   sends it unsigned"),
            ];
            if local.is_none() && draft.vendor.is_some() {
                let hint = "evt dev   in another terminal: it has a key for every vendor, which `evt send` uses";
                error.hints.insert(0, hint.to_owned());
            }
            Err(error)
        }
    }
}

/// Returns the scheme to sign with and its options; `None` sends unsigned. `usual` is the scheme of the event's sender.
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
            cx.ui.status("Signed as Standard Webhooks, the default for --secret: the event's scheme is unknown (--sign SCHEME, or --sign none).");
            Some((PLATFORM_SCHEME, Options::default()))
        }
        (None, None, true) => {
            cx.ui.status(
                "Sent unsigned: the event's scheme is unknown (--sign SCHEME --secret REF).",
            );
            None
        }
    })
}

/// Returns the key that the running platform has for the vendor.
fn dev_secret(known: &VendorKey, args: &Args, cx: &Context) -> Option<Secret> {
    let secret = known.signs.clone()?;
    if args.to.is_some() {
        cx.ui.status(&format!(
            "Signed with the key that the running `evt dev` has for {} (--secret REF for another).",
            known.name
        ));
    }
    Some(secret)
}

/// Words the hint for this command.
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
