//! Why a signature does not match: tries what would have matched, and says what to change. Nothing here accepts a request.

use aws_lc_rs::hmac::Key;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName};

use super::clock::{self, Clock};
use super::mac::{self, Algorithm, Encoding, Mac};
use super::{Judgement, Reason, SCHEMES, Timing, repair};
use crate::secret::Secret;

pub(super) const WHITESPACE: &str = "secret_whitespace: the signature matches without the white space around the configured secret; remove it (a file often ends with a line break)";

pub(super) const MILLISECONDS: &str = "timestamp_in_milliseconds: the signature matches if the timestamp is divided by 1000; the sender signs seconds and must also send seconds";

/// The hint for a plain-text secret that differs from the configured one.
pub(super) const OTHER_SECRET: &str = "unexplained: the request carries another secret than the configured one; set the same secret on both sides";

/// The code of a mismatch without a known cause.
pub(super) const UNEXPLAINED: &str = "unexplained";

/// How many signatures of a request are tried: a request may carry any number, and each costs one comparison per attempt.
const MOST_TRIED: usize = 4;

const fn lenient(alphabet: &alphabet::Alphabet) -> GeneralPurpose {
    GeneralPurpose::new(
        alphabet,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    )
}
/// Standard base64 with or without padding: users often lose the padding when they copy a secret.
pub(super) const BASE64: GeneralPurpose = lenient(&alphabet::STANDARD);
pub(super) const BASE64_URL: GeneralPurpose = lenient(&alphabet::URL_SAFE);

/// How a scheme makes its key from the text of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// The key is the text itself.
    Text,
    /// The key is the decoded base64.
    Base64,
    /// The key is the decoded hexadecimal digits.
    Hex,
}

/// A request whose signature matches none of the keys.
pub(super) struct Case<'a> {
    pub(super) secrets: &'a [Secret],
    pub(super) keys: &'a [Key],
    pub(super) algorithm: Algorithm,
    /// How the scheme encodes its signatures.
    pub(super) encoding: Encoding,
    pub(super) form: KeyForm,
    /// The signed bytes before the body.
    pub(super) prefix: &'a [u8],
    /// The signed bytes after the body.
    pub(super) suffix: &'a [u8],
    pub(super) timestamp: Option<&'a [u8]>,
    /// `None` if the body is not signed.
    pub(super) body: Option<&'a [u8]>,
    /// The signatures that could be decoded.
    pub(super) macs: &'a [Mac],
    /// The text of every signature of a supported version.
    pub(super) texts: &'a [&'a [u8]],
}

impl Case<'_> {
    /// The judgement: which kind of error it is, and what would have matched.
    pub(super) fn judge(&self, timing: Timing) -> Box<Judgement> {
        if self.texts.is_empty() {
            let hint = "no_supported_signature: the header holds no signature of a version that this scheme supports";
            return Judgement::refused(Reason::NoSupportedSignature, hint);
        }
        if self.macs.is_empty() {
            let hint = self.other_encoding().unwrap_or_else(|| self.malformed());
            return Judgement::refused(Reason::MalformedSignature, hint);
        }
        let mut hint = self.explain().unwrap_or_else(|| {
            format!("{UNEXPLAINED}: no other form of the body or of the secret matches; check that both sides use the same secret and that nothing changes the body on its way")
        });
        if let Some(seconds) = self.timestamp.and_then(clock::parse) {
            hint.push_str(&clock::remark(seconds, timing));
        }
        Judgement::refused(Reason::SignatureMismatch, hint)
    }

    fn malformed(&self) -> String {
        format!(
            "malformed_signature: a signature of this scheme has {}, after the prefix",
            self.encoding.in_words(self.algorithm)
        )
    }

    fn explain(&self) -> Option<String> {
        self.changed_body()
            .or_else(|| self.other_key().map(str::to_owned))
            .or_else(|| self.other_encoding())
            .or_else(|| self.milliseconds().then(|| MILLISECONDS.to_owned()))
    }

    fn matches(&self, key: &Key, prefix: &[u8], body: &[u8]) -> bool {
        let expected = mac::mac(key, &[prefix, body, self.suffix]);
        let mut tried = self.macs.iter().take(MOST_TRIED);
        tried.any(|given| mac::is_equal(&expected, given))
    }

    fn any_key_matches(&self, prefix: &[u8], body: &[u8]) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|key| self.matches(key, prefix, body))
    }

    fn changed_body(&self) -> Option<String> {
        let matches = |body: &[u8]| self.any_key_matches(self.prefix, body);
        Some(repair::find(self.body?, repair::MOST_MACS, matches)?.hint())
    }

    /// The body as received; empty if it is not signed.
    fn received(&self) -> &[u8] {
        self.body.unwrap_or_default()
    }

    fn other_key(&self) -> Option<&'static str> {
        let matches = |bytes: &[u8]| {
            let key = || self.algorithm.key(bytes);
            !bytes.is_empty() && self.matches(&key(), self.prefix, self.received())
        };
        self.secrets.iter().find_map(|secret| {
            let text = secret.reveal();
            match self.form {
                KeyForm::Text if text.trim() != text && matches(text.trim().as_bytes()) => {
                    Some(WHITESPACE)
                }
                KeyForm::Text => other_text_key(text.trim(), matches),
                KeyForm::Base64 | KeyForm::Hex => {
                    let is_text = matches(text.as_bytes()) || matches(bare(text).as_bytes());
                    is_text.then_some("secret_not_base64_decoded: the sender used the text of the secret as its key, but here the key is the decoded secret; decode the secret in the sender, or verify with the option key=text")
                }
            }
        })
    }

    /// The same MAC in another encoding.
    fn other_encoding(&self) -> Option<String> {
        let length = self.algorithm.length();
        self.texts.iter().take(MOST_TRIED).find_map(|text| {
            let (found, bytes) = decode(text, length)?;
            let macs = [Mac::new(&bytes).filter(|_| bytes.len() == length)?];
            let case = Case {
                macs: &macs,
                ..*self
            };
            if !case.any_key_matches(self.prefix, self.received()) {
                return None;
            }
            if self.encoding.decode(text, self.algorithm).is_some() {
                return Some("encoding: the signature matches, but its prefix is missing in the header".to_owned());
            }
            let expected = match self.encoding {
                Encoding::Hex | Encoding::Any => "lower-case hexadecimal",
                Encoding::HexUpper => "upper-case hexadecimal",
                Encoding::Base64 => "padded base64",
                Encoding::Base64Bare => "base64 without padding",
                Encoding::Base64Url | Encoding::Base64UrlPadded => "base64url",
            };
            Some(format!("encoding: the signature matches, but it is encoded as {found}; send it as {expected}"))
        })
    }

    /// Whether the sender signed seconds and sent milliseconds.
    fn milliseconds(&self) -> bool {
        let shorter = |timestamp: &[u8]| {
            let seconds = timestamp.get(..timestamp.len().checked_sub(3)?)?;
            let mut windows = self.prefix.windows(timestamp.len());
            let at = windows.rposition(|window| window == timestamp)?;
            let rest = &self.prefix[at + timestamp.len()..];
            Some([&self.prefix[..at], seconds, rest].concat())
        };
        self.timestamp
            .and_then(shorter)
            .is_some_and(|prefix| self.any_key_matches(&prefix, self.received()))
    }
}

fn other_text_key(text: &str, matches: impl Fn(&[u8]) -> bool) -> Option<&'static str> {
    let unquoted = text.trim_matches(['"', '\'', '`']).trim();
    if unquoted != text && matches(unquoted.as_bytes()) {
        return Some(
            "secret_quotes: the signature matches without the quotes around the configured secret; remove them",
        );
    }
    let without = bare(text);
    let with = format!("whsec_{without}");
    if text != with && matches(with.as_bytes()) {
        return Some(
            "secret_prefix: the signature matches with `whsec_` before the configured secret; here the prefix is part of the key, so add it",
        );
    }
    if text != without && matches(without.as_bytes()) {
        return Some(
            "secret_prefix: the signature matches without `whsec_` before the configured secret; remove the prefix",
        );
    }
    let decoded = BASE64.decode(without).ok()?;
    matches(&decoded).then_some("secret_not_base64_decoded: the sender used the decoded base64 of the secret as its key, but this scheme's key is the text; sign with the text, or verify with a scheme that decodes its secret (evt man signatures)")
}

fn bare(secret: &str) -> &str {
    secret.strip_prefix("whsec_").unwrap_or(secret)
}

/// Whether one of the secrets matches once the white space around it is removed.
pub(super) fn matches_trimmed(secrets: &[Secret], matches: impl Fn(&str) -> bool) -> bool {
    secrets.iter().any(|secret| {
        let (text, trimmed) = (secret.reveal(), secret.reveal().trim());
        text != trimmed && matches(trimmed)
    })
}

/// Decodes a secret if it is base64 of either alphabet.
pub(super) fn decoded(secret: &str) -> Option<Vec<u8>> {
    let decoded = BASE64.decode(secret);
    decoded.or_else(|_| BASE64_URL.decode(secret)).ok()
}

/// Decodes a signature and names its encoding.
fn decode(text: &[u8], length: usize) -> Option<(&'static str, Vec<u8>)> {
    let text = std::str::from_utf8(text).ok()?;
    if text.len() == 2 * length {
        let lower = text.to_ascii_lowercase();
        if let Some(mac) = mac::from_hex(lower.as_bytes(), length) {
            let name = match lower == text {
                true => "lower-case hexadecimal",
                false => "upper-case hexadecimal",
            };
            return Some((name, mac.as_slice().to_vec()));
        }
    }
    let base64 = BASE64.decode(text).map(|bytes| ("base64", bytes));
    base64
        .or_else(|_| BASE64_URL.decode(text).map(|bytes| ("base64url", bytes)))
        .ok()
}

/// The hint for a body that was rewritten. `signed` names the form that matches: `the body without its trailing newline`.
pub(super) fn body_changed(signed: &str) -> String {
    format!(
        "body_changed: the signature matches {signed}; a proxy, framework or body parser rewrote it, so pass on and verify the raw bytes"
    )
}

/// The judgement on a timestamp that cannot be parsed.
#[cold]
pub(super) fn timestamp(text: &[u8], clock: Clock) -> Box<Judgement> {
    let form = match clock {
        Clock::Seconds => "whole seconds since 1970",
        Clock::Milliseconds => "whole milliseconds since 1970",
        Clock::Rfc3339 => "an RFC 3339 time",
        Clock::Any => "seconds or milliseconds since 1970, or an RFC 3339 time",
    };
    let text = String::from_utf8_lossy(&text[..text.len().min(40)]);
    let hint = format!("malformed_timestamp: the timestamp must be {form}, but is `{text}`");
    Judgement::refused(Reason::MalformedTimestamp, hint)
}

/// The judgement on a signature of an unsupported version.
#[cold]
pub(super) fn version(supported: &str, line: &[u8]) -> Box<Judgement> {
    let given = line.split(|byte| *byte == b'=').next().unwrap_or_default();
    let given = String::from_utf8_lossy(&given[..given.len().min(20)]);
    let supported = supported.trim_end_matches('=');
    let hint = format!(
        "unsupported_version: the signature has version `{given}`; only `{supported}` is supported"
    );
    Judgement::refused(Reason::UnsupportedVersion, hint)
}

/// The header of an unknown scheme whose name says that it is a signature.
fn signature_like(headers: &HeaderMap) -> Option<&HeaderName> {
    let mut names = headers.keys();
    names.find(|name| {
        let name = name.as_str();
        ["signature", "-hmac"]
            .iter()
            .any(|word| name.contains(word))
            || name.ends_with("-sig")
    })
}

/// The judgement on a request without a header.
#[cold]
pub(super) fn missing_header(name: &HeaderName, headers: &HeaderMap) -> Box<Judgement> {
    let facts = || SCHEMES.iter().map(|scheme| scheme.facts());
    let legacy = facts()
        .filter(|facts| facts.header == Some(name.as_str()))
        .find_map(|facts| facts.legacy_header.filter(|old| headers.contains_key(*old)));
    let other = facts().find_map(|facts| {
        let header = facts.header.filter(|header| *name != **header)?;
        headers.contains_key(header).then_some((header, facts.name))
    });
    let hint = match (legacy, other) {
        (Some(legacy), _) => format!(
            "missing_header: there is `{legacy}` but not `{name}`; the older header is not accepted, because its SHA-1 signature is weak"
        ),
        (None, Some((header, scheme))) => format!(
            "missing_header: there is `{header}` but not `{name}`; if {scheme} sent this request, verify with that scheme"
        ),
        (None, None) if headers.contains_key(name) => format!(
            "missing_header: the `{name}` header is empty; the sender signs with an empty value, often of a variable that is not set"
        ),
        (None, None) => match signature_like(headers) {
            Some(header) => format!(
                "missing_header: there is no `{name}` header, but `{header}` may hold a signature; if it does, verify with hmac:header={header} and its template (evt man signatures)"
            ),
            None => format!(
                "missing_header: there is no `{name}` header; the sender does not sign its requests, or a proxy removed the header"
            ),
        },
    };
    Judgement::refused(Reason::MissingHeader, hint)
}
