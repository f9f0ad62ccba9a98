//! Why a signature does not fit: what would have made it fit. Nothing here ever accepts a request.

use std::time::Duration;

use aws_lc_rs::hmac::Key;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName};

use super::clock::{self, Clock};
use super::mac::{self, Algorithm, Mac, Writing};
use super::{Judgement, Reason, repair};
use crate::secret::Secret;
use crate::time::Timestamp;

pub(super) const WHITESPACE: &str =
    "secret_whitespace: it fits once the white space around the configured secret is removed";

/// What is said of a secret that travels as it is and is another one.
pub(super) const OTHER_SECRET: &str =
    "unexplained: what came is not the configured secret, and nothing like it";

/// The code of a mismatch that nothing explains.
pub(super) const UNEXPLAINED: &str = "unexplained";

/// Signatures looked at: a request may carry any number of wrong ones, and each costs a comparison a repair.
const MOST_GIVEN: usize = 4;

const fn lenient(alphabet: &alphabet::Alphabet) -> GeneralPurpose {
    GeneralPurpose::new(
        alphabet,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    )
}
const BASE64: GeneralPurpose = lenient(&alphabet::STANDARD);
const BASE64_URL: GeneralPurpose = lenient(&alphabet::URL_SAFE);

/// How a scheme makes its key from the secret's text.
#[derive(Clone, Copy)]
pub(super) enum KeyForm {
    /// The text itself.
    Text,
    /// What its base64 decodes to.
    Base64,
}

/// A request whose signature fits none of the keys.
pub(super) struct Case<'a> {
    pub(super) secrets: &'a [Secret],
    pub(super) keys: &'a [Key],
    pub(super) algorithm: Algorithm,
    /// How the scheme writes its signatures.
    pub(super) writing: Writing,
    pub(super) form: KeyForm,
    /// What is signed before the body.
    pub(super) prefix: &'a [u8],
    /// What is signed after it.
    pub(super) suffix: &'a [u8],
    pub(super) timestamp: Option<&'a [u8]>,
    /// `None` where the body is not signed.
    pub(super) body: Option<&'a [u8]>,
    /// The signatures that could be decoded.
    pub(super) given: &'a [Mac],
    /// All signatures of a kind that the scheme knows, as they were written.
    pub(super) texts: &'a [&'a [u8]],
}

impl Case<'_> {
    /// The judgement: which kind of wrong it is, and what would have been right.
    pub(super) fn judge(&self, now: Timestamp, tolerance: Duration) -> Judgement {
        if self.texts.is_empty() {
            return Judgement {
                hint: Some("no_supported_signature: the header holds no signature of a version that this scheme checks".to_owned()),
                ..Judgement::refused(Reason::NoSupportedSignature)
            };
        }
        if self.given.is_empty() {
            let hint = self.encoding().unwrap_or_else(|| self.malformed());
            return Judgement::refused_with(Reason::MalformedSignature, hint);
        }
        let mut hint = self.explain().unwrap_or_else(|| {
            format!("{UNEXPLAINED}: no other reading of the body or the secret fits; the secret is another one, or the body was changed on its way")
        });
        if let Some(seconds) = self.timestamp.and_then(clock::parse)
            && clock::outside(seconds, now, tolerance, clock::Window::Both).is_some()
        {
            hint.push_str("; besides, its timestamp says ");
            hint.push_str(&clock::distance(seconds, now));
        }
        Judgement {
            hint: Some(hint),
            ..Judgement::refused(Reason::SignatureMismatch)
        }
    }

    fn malformed(&self) -> String {
        let length = self.algorithm.length();
        let (form, characters) = match self.writing {
            Writing::Hex => ("lower-case hexadecimal digits", 2 * length),
            Writing::Base64 => ("characters of base64", mac::base64_length(length)),
        };
        format!(
            "malformed_signature: a signature of this scheme is {characters} {form}, after what belongs before it"
        )
    }

    fn explain(&self) -> Option<String> {
        self.changed_body()
            .or_else(|| self.other_key())
            .or_else(|| self.encoding())
            .or_else(|| self.milliseconds())
    }

    fn fits(&self, key: &Key, prefix: &[u8], body: &[u8]) -> bool {
        let expected = mac::mac(key, &[prefix, body, self.suffix]);
        self.given
            .iter()
            .take(MOST_GIVEN)
            .any(|given| mac::is_equal(&expected, given))
    }

    fn changed_body(&self) -> Option<String> {
        let found = repair::find(self.body?, |body| {
            self.keys
                .iter()
                .any(|key| self.fits(key, self.prefix, body))
        })?;
        Some(body_changed(&found))
    }

    fn received(&self) -> &[u8] {
        self.body.unwrap_or_default()
    }

    fn other_key(&self) -> Option<String> {
        let fits = |bytes: &[u8]| {
            !bytes.is_empty() && self.fits(&self.algorithm.key(bytes), self.prefix, self.received())
        };
        self.secrets.iter().find_map(|secret| {
            let text = secret.reveal();
            let trimmed = text.trim();
            match self.form {
                KeyForm::Text => {
                    if trimmed != text && fits(trimmed.as_bytes()) {
                        Some(WHITESPACE.to_owned())
                    } else {
                        other_text_key(trimmed, fits)
                    }
                }
                KeyForm::Base64 => (fits(text.as_bytes()) || fits(bare(text).as_bytes()))
                    .then(|| "secret_not_base64_decoded: it fits when the text of the secret is the key; this scheme's key is what its base64 decodes to, so the sender signs wrongly or by another scheme".to_owned()),
            }
        })
    }

    /// The same MAC in another writing.
    fn encoding(&self) -> Option<String> {
        self.texts.iter().take(MOST_GIVEN).find_map(|text| {
            let (written, bytes) = decode(text, self.algorithm.length())?;
            let given = [Mac::new(&bytes).filter(|_| bytes.len() == self.algorithm.length())?];
            let case = Case {
                given: &given,
                ..*self
            };
            self.keys
                .iter()
                .any(|key| case.fits(key, self.prefix, self.received()))
                .then(|| {
                    let form = match self.writing {
                        Writing::Hex => "lower-case hexadecimal",
                        Writing::Base64 => "base64 with its padding",
                    };
                    if self.writing.decode(text, self.algorithm).is_some() {
                        return "encoding: the signature is right, but what belongs before it in the header is missing".to_owned();
                    }
                    format!("encoding: the signature is right but written in {written}; this scheme's is {form}")
                })
        })
    }

    /// A sender that signed seconds and wrote milliseconds.
    fn milliseconds(&self) -> Option<String> {
        let timestamp = self.timestamp?;
        let seconds = timestamp.get(..timestamp.len().checked_sub(3)?)?;
        let at = self
            .prefix
            .windows(timestamp.len())
            .rposition(|window| window == timestamp)?;
        let prefix = [
            &self.prefix[..at],
            seconds,
            &self.prefix[at + timestamp.len()..],
        ]
        .concat();
        self.keys
            .iter()
            .any(|key| self.fits(key, &prefix, self.received()))
            .then(|| "timestamp_in_milliseconds: it fits once the timestamp is divided by 1000; this scheme counts seconds".to_owned())
    }
}

fn other_text_key(text: &str, fits: impl Fn(&[u8]) -> bool) -> Option<String> {
    let without = bare(text);
    let with = format!("whsec_{without}");
    if text != with && fits(with.as_bytes()) {
        return Some("secret_prefix: it fits once `whsec_` stands before the configured secret; here it is part of the key".to_owned());
    }
    if text != without && fits(without.as_bytes()) {
        return Some(
            "secret_prefix: it fits once `whsec_` is taken from the configured secret".to_owned(),
        );
    }
    let decoded = BASE64.decode(without).ok()?;
    fits(&decoded).then(|| "secret_not_base64_decoded: it fits when the secret's base64 is decoded, as standard-webhooks and svix do; try one of them".to_owned())
}

fn bare(secret: &str) -> &str {
    secret.strip_prefix("whsec_").unwrap_or(secret)
}

/// What the secret's text decodes to, if it is base64 of either alphabet.
pub(super) fn decoded(secret: &str) -> Option<Vec<u8>> {
    let decoded = BASE64.decode(secret);
    decoded.or_else(|_| BASE64_URL.decode(secret)).ok()
}

fn decode(text: &[u8], length: usize) -> Option<(&'static str, Vec<u8>)> {
    let text = std::str::from_utf8(text).ok()?;
    if text.len() == 2 * length {
        let lower = text.to_ascii_lowercase();
        if let Some(mac) = mac::from_hex(lower.as_bytes(), length) {
            let written = if lower == text {
                "plain hexadecimal"
            } else {
                "upper-case hexadecimal"
            };
            return Some((written, mac.as_slice().to_vec()));
        }
    }
    let base64 = BASE64.decode(text).map(|bytes| ("base64", bytes));
    base64
        .or_else(|_| BASE64_URL.decode(text).map(|bytes| ("base64url", bytes)))
        .ok()
}

/// What a person is told of a body that something rewrote.
pub(super) fn body_changed(found: &str) -> String {
    format!(
        "body_changed: the signature fits {found}; something between the sender and here rewrote it"
    )
}

/// The judgement on a timestamp that cannot be read.
#[cold]
pub(super) fn timestamp(text: &[u8], clock: Clock) -> Judgement {
    let form = match clock {
        Clock::Seconds => "whole seconds since 1970",
        Clock::Rfc3339 => "a time as in RFC 3339",
    };
    let text = String::from_utf8_lossy(&text[..text.len().min(40)]);
    Judgement::refused_with(
        Reason::MalformedTimestamp,
        format!("malformed_timestamp: `{text}` is not {form}"),
    )
}

/// The judgement on a signature of another version than the one that is known.
#[cold]
pub(super) fn version(known: &str, line: &[u8]) -> Judgement {
    let given = line.split(|byte| *byte == b'=').next().unwrap_or_default();
    let given = String::from_utf8_lossy(&given[..given.len().min(20)]);
    Judgement::refused_with(
        Reason::UnsupportedVersion,
        format!(
            "unsupported_version: the signature is of version `{given}`; `{}` is the one that is checked",
            known.trim_end_matches('=')
        ),
    )
}

/// The judgement on a header that is missing or stands there twice.
#[cold]
pub(super) fn header(reason: Reason, name: &HeaderName, headers: &HeaderMap) -> Judgement {
    let hint = if reason == Reason::DuplicateHeader {
        format!("duplicate_header: `{name}` came twice with two values")
    } else if name == "x-hub-signature-256" && headers.contains_key("x-hub-signature") {
        format!(
            "missing_header: there is no `{name}`; the SHA-1 of `x-hub-signature` does not count"
        )
    } else {
        let others = super::SCHEMES
            .iter()
            .filter_map(|scheme| Some((scheme.header()?, scheme.name())));
        match others
            .into_iter()
            .find(|(known, _)| name != known && headers.contains_key(*known))
        {
            Some((known, scheme)) => format!(
                "missing_header: there is no `{name}`, but a `{known}`: was this signed by {scheme}?"
            ),
            None => format!(
                "missing_header: there is no `{name}`; the sender does not sign, or a proxy took it away"
            ),
        }
    };
    Judgement {
        hint: Some(hint),
        ..Judgement::refused(reason)
    }
}
