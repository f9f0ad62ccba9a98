//! The verdict on one request, and the reasons for it.

use super::diagnose::UNEXPLAINED;
use crate::event::Verdict;

/// What a verifier found out about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub reason: Reason,
    /// Index of the secret that matched. Also set if only the timestamp was refused.
    pub matched: Option<usize>,
    /// The diagnosis: a code (`body_changed`, `secret_whitespace`, …), a colon, then the cause and what to do about it.
    pub hint: Option<String>,
}

/// `Ok` is a valid signature, `Err` any other. Boxed because a refusal is large and rare.
pub type Judged = Result<Judgement, Box<Judgement>>;

impl Judgement {
    pub(super) fn valid(matched: usize) -> Self {
        Self {
            reason: Reason::Ok,
            matched: Some(matched),
            hint: None,
        }
    }

    pub(super) fn refused(reason: Reason, hint: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            reason,
            matched: None,
            hint: Some(hint.into()),
        })
    }

    pub fn is_valid(&self) -> bool {
        self.reason == Reason::Ok
    }

    /// Returns whether the hint names a cause.
    pub fn is_explained(&self) -> bool {
        let hint = self.hint.as_deref();
        hint.is_some_and(|hint| !hint.starts_with(UNEXPLAINED))
    }

    /// Converts the judgement to the form in which it is stored with its event.
    pub fn verdict(self, scheme: &str) -> Verdict {
        Verdict {
            scheme: scheme.to_owned(),
            ok: self.reason == Reason::Ok,
            reason: self.reason.code().to_owned(),
            hint: self.hint,
        }
    }
}

macro_rules! reasons {
    ($($name:ident = $code:literal,)*) => {
        /// Why a signature is valid or not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($name,)*
        }

        impl Reason {
            /// The code that is stored with the event. The test vectors use the same codes.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

reasons! {
    Ok = "ok",
    SignatureMismatch = "signature_mismatch",
    TimestampTooOld = "timestamp_too_old",
    TimestampTooNew = "timestamp_too_new",
    MalformedTimestamp = "malformed_timestamp",
    MissingHeader = "missing_header",
    DuplicateHeader = "duplicate_header",
    MalformedHeader = "malformed_header",
    MalformedSignature = "malformed_signature",
    NoSupportedSignature = "no_supported_signature",
    UnsupportedVersion = "unsupported_version",
    MissingField = "missing_field",
    MalformedBody = "malformed_body",
    BodyHashMismatch = "body_hash_mismatch",
    SecretMismatch = "secret_mismatch",
    CertUrlNotAllowed = "cert_url_not_allowed",
    CertUnavailable = "cert_unavailable",
    CertUntrusted = "cert_untrusted",
    CertExpired = "cert_expired",
    CertNameMismatch = "cert_name_mismatch",
    AlgorithmNotAllowed = "algorithm_not_allowed",
    UnknownKey = "unknown_key",
    ClaimMismatch = "claim_mismatch",
    TokenExpired = "token_expired",
    TokenNotYetValid = "token_not_yet_valid",
    MalformedToken = "malformed_token",
}
