//! Verifies requests: which signatures are required, and the verdict on each request.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};

use crate::documents::Documents;
use crate::event::Verdict;
use crate::running::Running;
use crate::secret::Secret;
use crate::signature::{
    self, Handshake, Judgement, Options, PublicUrls, Reason, Received, Scheme, SignatureError,
    Verifier,
};
use crate::time::Timestamp;

/// How often the running platform's file is checked for a new secret.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
const PLATFORM_HEADER: &str = "webhook-signature";

/// One `--verify` with its secrets.
pub struct Check {
    scheme: &'static dyn Scheme,
    verifier: Box<dyn Verifier>,
    /// Used to diagnose a mismatch of another check.
    secrets: Vec<Secret>,
    options: Options,
}

impl Check {
    /// Prepares the keys of a scheme.
    pub fn new(
        scheme: &'static dyn Scheme,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Self, SignatureError> {
        Ok(Self {
            scheme,
            verifier: scheme.verifier(secrets, options)?,
            secrets: secrets.to_vec(),
            options: options.clone(),
        })
    }
}

/// What is verified.
pub enum Checks {
    /// Every request must pass one of these checks, or be signed by the running platform. With an empty list, all requests are
    /// unverified.
    Schemes(Vec<Check>, PlatformSecret),
    /// Without `--verify`: requests that the running platform signed are verified with its secret, others are unverified.
    Platform(PlatformSecret),
}

/// A request to verify.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) host: Option<&'a HeaderValue>,
    pub(super) public_urls: &'a PublicUrls,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) tolerance: Option<Duration>,
}

/// The result of a verification.
#[derive(Default)]
pub(super) struct Verification {
    /// `None` if nothing was checked, and for handshakes that are not signed.
    pub(super) verdict: Option<Verdict>,
    /// The response to send, if the request is a vendor's handshake.
    pub(super) handshake: Option<Handshake>,
}

impl Checks {
    /// Verifies a request. Fetches the certificates or keys that its signature refers to.
    pub(super) async fn verify(
        &self,
        request: &Request<'_>,
        documents: &Documents,
    ) -> Verification {
        match self {
            Self::Schemes(checks, platform) => {
                let own = verify(checks, request, documents).await;
                // The deliveries of the running platform are verified by their own scheme.
                let is_refused = own.verdict.as_ref().is_some_and(|verdict| !verdict.ok);
                if !is_refused || own.handshake.is_some() {
                    return own;
                }
                match verify_platform(platform, request, documents).await {
                    Some(found) if found.verdict.as_ref().is_some_and(|found| found.ok) => found,
                    _ => own,
                }
            }
            Self::Platform(platform) => verify_platform(platform, request, documents)
                .await
                .unwrap_or_default(),
        }
    }
}

/// Verifies a request with the secret of the running platform. `None` if it is not signed as the platform signs, or if no platform
/// runs.
async fn verify_platform(
    platform: &PlatformSecret,
    request: &Request<'_>,
    documents: &Documents,
) -> Option<Verification> {
    if !request.headers.contains_key(PLATFORM_HEADER) {
        return None;
    }
    let check = platform.check()?;
    Some(verify(std::slice::from_ref(check.as_ref()), request, documents).await)
}

async fn verify(checks: &[Check], request: &Request<'_>, documents: &Documents) -> Verification {
    let url = url_of(request);
    let received = Received {
        method: request.method,
        url: &url,
        headers: request.headers,
        body: request.body,
    };
    let mut closest: Option<(Judgement, &Check)> = None;
    let mut refused_handshake = None;
    for check in checks {
        let verifier = &*check.verifier;
        documents.fetch_for(verifier, &received, request.now).await;
        let mut judgement = verifier.verify(&received, request.now, request.tolerance);
        match verifier.handshake(&received, &judgement) {
            Some(handshake) if handshake.accepted => {
                return handshake_result(handshake, judgement, check.scheme.name());
            }
            // Another check may accept the handshake.
            Some(handshake) if refused_handshake.is_none() => {
                refused_handshake =
                    Some(handshake_result(handshake, judgement, check.scheme.name()));
                continue;
            }
            _ => {}
        }
        if judgement.reason == Reason::Ok {
            if let (Some(at), true) = (judgement.matched, check.secrets.len() > 1) {
                // During a rotation the user wants to know which secret the sender still uses.
                let of = check.secrets.len();
                judgement.hint = Some(format!("matched_secret: secret {} of {of} matches", at + 1));
            }
            return Verification {
                verdict: Some(judgement.verdict(check.scheme.name())),
                handshake: None,
            };
        }
        // The user sees one diagnosis: that of a check whose headers are present.
        let closer = closest
            .as_ref()
            .is_none_or(|(best, _)| best.reason == Reason::MissingHeader)
            // If a certificate was unavailable, the signature may be valid, so the sender must retry.
            || judgement.reason == Reason::CertUnavailable;
        if closer {
            closest = Some((judgement, check));
        }
    }
    if let Some(refused) = refused_handshake {
        return refused;
    }
    let Some((mut judgement, check)) = closest else {
        return Verification::default();
    };
    if let Some(hint) = wrong_secret(&judgement, check, checks, &received) {
        judgement.hint = Some(hint);
    }
    Verification {
        verdict: Some(judgement.verdict(check.scheme.name())),
        handshake: None,
    }
}

/// The verdict on a handshake. One that is refused counts as a rejected request. One that is accepted has a verdict only if it
/// is signed.
fn handshake_result(handshake: Handshake, judgement: Judgement, scheme: &str) -> Verification {
    let verdict = if !handshake.accepted {
        Some(Verdict {
            scheme: scheme.to_owned(),
            ok: false,
            reason: "handshake_refused".to_owned(),
            hint: handshake.hint.clone().or(judgement.hint),
        })
    } else if judgement.is_valid() {
        let hint = handshake.hint.clone().or(judgement.hint.clone());
        Some(Judgement { hint, ..judgement }.verdict(scheme))
    } else {
        None
    };
    Verification {
        verdict,
        handshake: Some(handshake),
    }
}

/// Returns a hint if the secret of another `--verify` matches, unless the mismatch has been explained already.
fn wrong_secret(
    judgement: &Judgement,
    check: &Check,
    checks: &[Check],
    received: &Received<'_>,
) -> Option<String> {
    let is_mismatch = matches!(
        judgement.reason,
        Reason::SignatureMismatch | Reason::SecretMismatch
    );
    if !is_mismatch || judgement.is_explained() {
        return None;
    }
    let others = checks.iter().filter(|other| !std::ptr::eq(*other, check));
    let secrets = others.flat_map(|other| {
        let name = other.scheme.name();
        other.secrets.iter().map(move |secret| (name, secret))
    });
    signature::wrong_secret(check.scheme, &check.options, received, secrets)
}

/// The URL that the sender signed: `--public-url` if set, otherwise built from the `Host` header.
fn url_of(request: &Request<'_>) -> String {
    match request.public_urls.of(request.target) {
        Some(url) => url,
        None => {
            let host = request
                .host
                .and_then(|host| host.to_str().ok())
                .unwrap_or("localhost");
            format!("http://{host}{}", request.target)
        }
    }
}

/// The webhook secret of the platform that started this process, or else the secrets of all local platforms that run. Those are read
/// again from time to time, because platforms start and stop.
pub struct PlatformSecret {
    parent: Option<Arc<Check>>,
    state_dir: PathBuf,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    checked_at: Option<Instant>,
    check: Option<Arc<Check>>,
}

impl PlatformSecret {
    /// `parent` is the secret of the platform that started this process (`evt dev -- CMD`).
    pub fn new(parent: Option<&Secret>, state_dir: PathBuf) -> Self {
        Self {
            parent: parent
                .map(std::slice::from_ref)
                .and_then(platform_check)
                .map(Arc::new),
            state_dir,
            cache: Mutex::default(),
        }
    }

    fn check(&self) -> Option<Arc<Check>> {
        if let Some(parent) = &self.parent {
            return Some(Arc::clone(parent));
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache
            .checked_at
            .is_some_and(|at| at.elapsed() < REFRESH_INTERVAL)
        {
            return cache.check.clone();
        }
        cache.checked_at = Some(Instant::now());
        cache.check = self.read().map(Arc::new);
        cache.check.clone()
    }

    fn read(&self) -> Option<Check> {
        let running = Running::all(&self.state_dir);
        let secrets = running.into_iter().filter_map(|one| one.webhook_secret);
        platform_check(&secrets.map(Secret::new).collect::<Vec<_>>())
    }
}

/// A check of what any of these platforms may have signed.
fn platform_check(secrets: &[Secret]) -> Option<Check> {
    if secrets.is_empty() {
        return None;
    }
    let scheme = signature::find(signature::PLATFORM_SCHEME).ok()?;
    Check::new(scheme, secrets, &Options::default()).ok()
}
