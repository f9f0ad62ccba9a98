//! `evt events verify`: checks the signature of an event.

use serde_json::json;
use tokio::runtime::Handle;

use super::{EventsError, pick};
use crate::cli::Context;
use crate::documents::Documents;
use crate::error::{CliError, Exit};
use crate::event::Event;
use crate::grammar::event_ref::EventRef;
use crate::grammar::quantity::{Span, When};
use crate::grammar::secret_ref::SecretRef;
use crate::secret::Secret;
use crate::signature::{self, Judgement, Options, Reason, Received, Scheme, SignatureError};
use crate::signature::{PublicUrl, SchemeSpec};
use crate::time::Timestamp;
use crate::ui::{Format, Style, safe};

/// Verify an event's signature and explain the result
///
/// The signature is checked as of the time of receipt, so that an old event is not rejected for its age. Exits with 0 if the
/// signature is valid, otherwise with 8.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events verify @last --scheme stripe --secret env:STRIPE_SECRET
  evt events verify e_7f3a --scheme shared-secret-header:header=X-Bridge-Secret --secret env:S")]
pub(crate) struct Args {
    /// Event: e_7f3a, @last, @-3, @failed (the last), a file, or - for stdin
    #[arg(value_name = "REF", default_value = "@last")]
    reference: EventRef,
    /// Signature scheme [default: the one checked on receipt]
    #[arg(long, value_name = "SCHEME[:key=value,…]")]
    scheme: Option<SchemeSpec>,
    /// Secret: text, env:NAME, file:PATH, cmd:… or - (repeatable, one must match)
    #[arg(long, value_name = "REF")]
    secret: Vec<SecretRef>,
    /// Largest difference between the signed timestamp and the time of the check; 0 disables it [default: by scheme, usually
    /// 5m]
    #[arg(long, value_name = "SPAN")]
    tolerance: Option<Span>,
    /// Check as of this time: 0 (now), 10m or 2h ago, 2026-04-25, or an RFC 3339 time [default: time of receipt]
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    /// The URL that the sender called, if a tunnel or proxy was in front of the listener: https://host, or a whole URL with
    /// path and query
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let event = pick::one(&args.reference, cx)?;
    let (scheme, options) = scheme_of(args, &event, cx)?;
    let platform = super::replay::platform_secret(cx)?;
    let mut secrets = Vec::new();
    for reference in &args.secret {
        secrets.push(cx.secret(reference)?);
    }
    let is_platform = secrets.is_empty() && scheme.name() == signature::PLATFORM_SCHEME;
    if is_platform {
        secrets.extend(platform.clone());
    }
    let url = match &args.public_url {
        Some(url) => url.of(&event.target),
        None => event.url(),
    };
    let received = Received {
        method: event.method.as_str(),
        url: &url,
        headers: &event.headers,
        body: &event.body,
    };
    let at = match args.at {
        Some(when) => when.at(Timestamp::now()),
        None => event.received_at,
    };
    let verifier = scheme.verifier(&secrets, &options).map_err(explain)?;
    // `events::run` calls this on a blocking thread.
    let documents = Documents::new(cx.dialer()?);
    Handle::current().block_on(documents.fetch_for(&*verifier, &received, at));
    let mut judgement = verifier.verify(&received, at, args.tolerance.map(Into::into));
    if is_platform && is_mismatch(judgement.reason) && was_valid(&event) {
        return Err(EventsError::SecretNotGiven {
            reference: args.reference.to_string(),
        }
        .into());
    }
    if is_platform {
        cx.ui
            .status("Checked with the secret of the running `evt dev` (use --secret for another)");
    }
    if is_mismatch(judgement.reason) && judgement.hint.is_none() {
        let others = platform
            .iter()
            .map(|secret| ("the running `evt dev`", secret));
        judgement.hint = signature::wrong_secret(scheme, &options, &received, others);
    }
    print(&event, scheme, &judgement, &secrets, cx)?;
    Ok(if judgement.is_valid() {
        Exit::Done
    } else {
        Exit::BadSignature
    })
}

fn scheme_of(
    args: &Args,
    event: &Event,
    cx: &Context,
) -> Result<(&'static dyn Scheme, Options), CliError> {
    if let Some(spec) = &args.scheme {
        signature::find(&spec.name).map_err(explain)?;
        return cx.scheme(spec);
    }
    match super::replay::scheme_name(event) {
        Some(name) => Ok((signature::find(name).map_err(explain)?, Options::default())),
        None => Err(EventsError::NoScheme {
            reference: args.reference.to_string(),
        }
        .into()),
    }
}

/// Adapts the hints of an error to this command.
fn explain(error: SignatureError) -> CliError {
    let hint = match &error {
        SignatureError::UnknownScheme {
            suggestion: Some(name),
            ..
        } => Some(format!("--scheme {name}")),
        _ => None,
    };
    let mut explained = CliError::from(error);
    if let Some(hint) = hint {
        explained.hints = vec![hint];
    }
    explained
}

fn was_valid(event: &Event) -> bool {
    event.verdict.as_ref().is_some_and(|verdict| verdict.ok)
}

const fn is_mismatch(reason: Reason) -> bool {
    matches!(reason, Reason::SignatureMismatch | Reason::SecretMismatch)
}

fn print(
    event: &Event,
    scheme: &dyn Scheme,
    judgement: &Judgement,
    secrets: &[Secret],
    cx: &Context,
) -> Result<(), CliError> {
    let reference = event.seq.map(|seq| seq.to_string());
    if cx.ui.format() != Format::Text {
        let mut facts = json!({
            "scheme": scheme.name(),
            "ok": judgement.is_valid(),
            "reason": judgement.reason.code(),
        });
        let more = [
            ("ref", reference.map(Into::into)),
            ("hint", judgement.hint.clone().map(Into::into)),
            ("secret", judgement.matched.map(|at| (at + 1).into())),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                facts[name] = value;
            }
        }
        return Ok(cx.ui.json(&facts)?);
    }
    let reference = reference.unwrap_or_else(|| "it".to_owned());
    let name = scheme.name();
    let line = if judgement.is_valid() {
        let which = match judgement.matched {
            Some(at) if secrets.len() > 1 => format!(" with secret {}", at + 1),
            _ => String::new(),
        };
        let mark = cx.ui.paint(Style::Good, "✓ verified");
        format!("{mark} {reference} ({name}{which})")
    } else {
        let mark = cx.ui.paint(Style::Bad, "✗ not valid");
        format!("{mark} {reference} ({name}: {})", judgement.reason.code())
    };
    cx.ui.line(&line)?;
    if let Some(hint) = &judgement.hint {
        cx.ui.line(&format!("  {}", safe(hint)))?;
    }
    Ok(())
}
