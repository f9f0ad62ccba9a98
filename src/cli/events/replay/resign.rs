//! Signs replayed events, and detects the scheme of their old signature.

use http::header::CONTENT_TYPE;

use crate::cli::Context;
use crate::dial::Call;
use crate::error::CliError;
use crate::event::Event;
use crate::secret::Secret;
use crate::send::{new_id, wire};
use crate::signature::SchemeSpec;
use crate::signature::{self, Options, Outgoing, PLATFORM_SCHEME, SCHEMES, SignatureError};
use crate::time::Timestamp;

use super::super::EventsError;
use super::Args;

/// Headers that contain the message id. It stays the same in the new signature.
const ID_HEADERS: [&str; 3] = ["webhook-id", "svix-id", "x-github-delivery"];

/// The scheme of the event's signature: from its verdict, otherwise from its headers.
pub(in super::super) fn scheme_name(event: &Event) -> Option<&str> {
    if let Some(verdict) = &event.verdict {
        return Some(&verdict.scheme);
    }
    let signed = SCHEMES.iter().find(|scheme| {
        let header = scheme.facts().header;
        header.is_some_and(|header| event.headers.contains_key(header))
    });
    signed.map(|scheme| scheme.name())
}

/// The webhook secret of the running platform.
pub(in super::super) fn platform_secret(cx: &Context) -> Result<Option<Secret>, CliError> {
    let running = cx.running()?;
    let secret = running.and_then(|running| running.webhook_secret);
    Ok(secret.map(Secret::new))
}

/// Signs requests as `--resign` asks.
pub(super) struct Resigner {
    spec: Option<SchemeSpec>,
    secret: Option<Secret>,
    platform: Option<Secret>,
}

impl Resigner {
    pub(super) fn new(args: &Args, cx: &Context) -> Result<Option<Self>, CliError> {
        let Some(spec) = &args.resign else {
            return Ok(None);
        };
        let spec = match spec {
            Some(spec) => Some(SchemeSpec {
                name: spec.name.clone(),
                options: cx.scheme(spec)?.1,
            }),
            None => None,
        };
        let secret = match &args.secret {
            Some(reference) => Some(cx.secret(reference)?),
            None => None,
        };
        Ok(Some(Self {
            spec,
            platform: platform_secret(cx)?,
            secret,
        }))
    }

    /// Replaces the signature: with the current time and the same message id.
    pub(super) fn sign(&self, call: &mut Call, event: &Event) -> Result<(), CliError> {
        let name = match &self.spec {
            Some(spec) => spec.name.as_str(),
            None => scheme_name(event).ok_or_else(|| {
                let reference = event
                    .seq
                    .map_or_else(|| "the event".to_owned(), |seq| seq.to_string());
                let mut error = CliError::from(EventsError::NoScheme { reference });
                error.hints =
                    vec!["--resign stripe --secret env:NAME     names the scheme".to_owned()];
                error
            })?,
        };
        let scheme = signature::find(name)?;
        let platform = (name == PLATFORM_SCHEME)
            .then_some(self.platform.as_ref())
            .flatten();
        let secret = self
            .secret
            .as_ref()
            .or(platform)
            .ok_or(SignatureError::NoSecret {
                scheme: scheme.name(),
            })?;
        let options = self
            .spec
            .as_ref()
            .map_or_else(Options::default, |spec| spec.options.clone());
        let signer = scheme.signer(secret, &options)?;
        let url = wire::url(call);
        // Only the content type is passed to the signer, which would otherwise sign an old timestamp header again.
        let kind = call.headers.get(CONTENT_TYPE).cloned();
        let content = kind.into_iter().map(|kind| (CONTENT_TYPE, kind)).collect();
        let signed = signer.sign(&Outgoing {
            id: &id_of(event),
            timestamp: Timestamp::now(),
            url: &url,
            headers: &content,
            body: &call.body,
        });
        let signed = signed.map_err(|error| {
            let mut error = CliError::from(error);
            error.hints = vec!["leave --resign out to send the old signature".to_owned()];
            error
        })?;
        // Signatures of other schemes no longer match either.
        let old: Vec<_> = call
            .headers
            .keys()
            .filter(|name| name.as_str().contains("-signature"))
            .cloned()
            .collect();
        for name in old {
            call.headers.remove(name);
        }
        for (name, value) in signed.headers {
            call.headers.insert(name, value);
        }
        if let Some(body) = signed.body {
            call.body = body;
        }
        Ok(())
    }
}

fn id_of(event: &Event) -> String {
    let header = ID_HEADERS
        .iter()
        .filter_map(|name| event.headers.get(*name))
        .find_map(|id| id.to_str().ok());
    match (header, &event.meta.id) {
        (Some(id), _) => id.to_owned(),
        (None, Some(id)) => id.clone(),
        (None, None) => new_id(),
    }
}
