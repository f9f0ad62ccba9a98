//! Which signatures a listener asks for, and its word on each request.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue};

use crate::documents::Documents;
use crate::event::Verdict;
use crate::running::Running;
use crate::secret::Secret;
use crate::signature::{
    self, Handshake, Judgement, Options, Reason, Received, Scheme, SignatureError, Verifier,
};
use crate::time::Timestamp;

/// How often the running platform's secret is looked for.
const LOOK: Duration = Duration::from_secs(1);
const PLATFORM_HEADER: &str = "webhook-signature";

/// One `--verify` with its secrets, ready to judge.
pub struct Check {
    scheme: &'static dyn Scheme,
    verifier: Box<dyn Verifier>,
    /// For the diagnosis of what another check refused.
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

/// What a listener asks for.
pub enum Checks {
    /// Every request must satisfy one of these. None at all: everything is kept as unverified.
    Asked(Vec<Check>),
    /// Nothing was asked for: what the running platform signs is checked with its secret, the rest stays unverified.
    Platform(PlatformSecret),
}

/// A request under judgement.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) host: Option<&'a HeaderValue>,
    pub(super) public_url: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) tolerance: Option<Duration>,
}

/// What is found of a request.
#[derive(Default)]
pub(super) struct Found {
    /// `None`: nothing was checked, or what was asked is a handshake that nobody signs.
    pub(super) verdict: Option<Verdict>,
    /// The answer that its vendor waits for.
    pub(super) handshake: Option<Handshake>,
}

impl Checks {
    /// Judges a request; fetches what its signature refers to.
    pub(super) async fn find(&self, request: &Request<'_>, documents: &Documents) -> Found {
        match self {
            Self::Asked(checks) => judge(checks, request, documents).await,
            Self::Platform(platform) => {
                if !request.headers.contains_key(PLATFORM_HEADER) {
                    return Found::default();
                }
                let Some(check) = platform.check() else {
                    return Found::default();
                };
                judge(std::slice::from_ref(check.as_ref()), request, documents).await
            }
        }
    }
}

async fn judge(checks: &[Check], request: &Request<'_>, documents: &Documents) -> Found {
    let url = url_of(request);
    let received = Received {
        method: request.method,
        url: &url,
        headers: request.headers,
        body: request.body,
    };
    let mut closest: Option<(Judgement, &Check)> = None;
    let mut refused = None;
    for check in checks {
        let verifier = &*check.verifier;
        documents.teach(verifier, &received, request.now).await;
        let mut judgement = verifier.verify(&received, request.now, request.tolerance);
        match verifier.handshake(&received, &judgement) {
            Some(handshake) if handshake.accepted => {
                return shaken(handshake, judgement, check.scheme.name());
            }
            // Another check may know the sender.
            Some(handshake) if refused.is_none() => {
                refused = Some(shaken(handshake, judgement, check.scheme.name()));
                continue;
            }
            _ => {}
        }
        if judgement.reason == Reason::Ok {
            if let (Some(at), true) = (judgement.matched, check.secrets.len() > 1) {
                // While secrets are being replaced, it matters which one a sender still uses.
                let of = check.secrets.len();
                judgement.hint = Some(format!("matched_secret: secret {} of {of} fits", at + 1));
            }
            return Found {
                verdict: Some(judgement.verdict(check.scheme.name())),
                handshake: None,
            };
        }
        // A scheme whose headers are there says more about what went wrong than one whose headers are not.
        let closer = closest
            .as_ref()
            .is_none_or(|(known, _)| known.reason == Reason::MissingHeader)
            // And the one that could not be asked may be the one: its sender has to come again.
            || judgement.reason == Reason::CertUnavailable;
        if closer {
            closest = Some((judgement, check));
        }
    }
    if let Some(refused) = refused {
        return refused;
    }
    let Some((mut judgement, check)) = closest else {
        return Found::default();
    };
    if let Some(hint) = wrong_secret(&judgement, check, checks, &received) {
        judgement.hint = Some(hint);
    }
    Found {
        verdict: Some(judgement.verdict(check.scheme.name())),
        handshake: None,
    }
}

/// A handshake that is not accepted is a request that is refused; one that is accepted says nothing of a signature that it
/// does not have.
fn shaken(handshake: Handshake, judgement: Judgement, scheme: &str) -> Found {
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
    Found {
        verdict,
        handshake: Some(handshake),
    }
}

/// Whether the secret of another `--verify` would have matched: told where nothing else explains the mismatch.
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

/// The URL as the sender knew it: the public one where it was told, else by the host that was called.
fn url_of(request: &Request<'_>) -> String {
    match request.public_url {
        Some(base) => format!("{}{}", base.trim_end_matches('/'), request.target),
        None => {
            let host = request
                .host
                .and_then(|host| host.to_str().ok())
                .unwrap_or("localhost");
            format!("http://{host}{}", request.target)
        }
    }
}

/// The webhook secret of the platform around this program, or of whichever platform runs now: then it is looked up again
/// when that platform's file changes.
pub struct PlatformSecret {
    around: Option<Arc<Check>>,
    state_dir: PathBuf,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    looked: Option<Instant>,
    written: Option<SystemTime>,
    check: Option<Arc<Check>>,
}

impl PlatformSecret {
    /// `around`: the secret of the platform that this program was started by (`evt dev -- CMD`).
    pub fn new(around: Option<&Secret>, state_dir: PathBuf) -> Self {
        Self {
            around: around.and_then(platform_check).map(Arc::new),
            state_dir,
            known: Mutex::default(),
        }
    }

    fn check(&self) -> Option<Arc<Check>> {
        if let Some(around) = &self.around {
            return Some(Arc::clone(around));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return known.check.clone();
        }
        known.looked = Some(Instant::now());
        let written = std::fs::metadata(Running::file(&self.state_dir))
            .and_then(|file| file.modified())
            .ok();
        if written != known.written || known.check.is_none() {
            known.written = written;
            known.check = self.prepare().map(Arc::new);
        }
        known.check.clone()
    }

    fn prepare(&self) -> Option<Check> {
        let secret = Running::find(&self.state_dir).ok()??.webhook_secret?;
        platform_check(&Secret::new(secret))
    }
}

fn platform_check(secret: &Secret) -> Option<Check> {
    let scheme = signature::find(signature::PLATFORM_SCHEME).ok()?;
    Check::new(scheme, std::slice::from_ref(secret), &Options::default()).ok()
}
