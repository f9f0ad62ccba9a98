//! HMAC schemes as data: which header holds the signature, what is signed, and how it is encoded. The file of a vendor fills in
//! a [`Recipe`], and this folder signs and verifies with it.

mod sign;

use std::borrow::Cow;
use std::time::Duration;

use aws_lc_rs::hmac::Key;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::clock::{self, Clock, Window};
use super::diagnose::{self, Case, KeyForm};
use super::listed::Listed;
use super::mac::{self, Algorithm, Encoding, Mac};
use super::{
    Facts, Handshake, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Reason,
    Received, Scheme, SignatureError, Timing, Verifier, header,
};
use crate::secret::Secret;
use sign::RecipeSigner;

/// The most parts of a signed message.
pub(super) const MOST_PARTS: usize = 8;

/// How to sign.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) facts: &'static Facts,
    /// The header of the signature.
    pub(super) signature: HeaderName,
    /// Another name for the same header, accepted but never sent.
    pub(super) other_signature: Option<HeaderName>,
    pub(super) format: Format,
    pub(super) key: KeyRule,
    pub(super) algorithm: Algorithm,
    pub(super) encoding: Encoding,
    /// The header of the message id, if the id is signed.
    pub(super) id: Option<HeaderName>,
    pub(super) stamp: Option<Stamp>,
    /// What is signed, in order.
    pub(super) message: Cow<'static, [Part]>,
}

/// How the secret becomes the key.
#[derive(Clone, Debug)]
pub(super) struct KeyRule {
    pub(super) form: KeyForm,
    /// Removed from the secret first, if it is there.
    pub(super) prefix: Cow<'static, str>,
}

impl KeyRule {
    /// The key is the text of the secret.
    pub(super) const TEXT: Self = Self {
        form: KeyForm::Text,
        prefix: Cow::Borrowed(""),
    };
}

/// How the value of the header holds the signature.
#[derive(Clone)]
pub(super) enum Format {
    /// The whole value is this prefix and the signature.
    Prefixed(Cow<'static, str>),
    /// The same, but the prefix may be missing. It is not sent.
    MaybePrefixed(&'static str),
    /// Comma-separated elements. There may be several signatures.
    Elements {
        stamp: &'static str,
        mac: &'static str,
        /// The reason for a header without a signature.
        without: Reason,
    },
    /// A layout that the user describes.
    Listed(Listed),
}

/// The signed timestamp.
#[derive(Clone)]
pub(super) struct Stamp {
    /// `None`: it is an element of the signature's header.
    pub(super) header: Option<HeaderName>,
    /// Whether it is looked for in the signature's header if the request does not have `header`.
    pub(super) is_guessed: bool,
    pub(super) clock: Clock,
    pub(super) window: Window,
    /// The default tolerance.
    pub(super) tolerance: Duration,
}

/// A part of the signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(Cow<'static, str>),
    Id,
    Timestamp,
    Method,
    /// The URL that the sender called, as it is known.
    Url,
    /// Path and query of the URL.
    Path,
    Body,
}

impl Part {
    pub(super) const fn text(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl Recipe {
    /// HMAC-SHA256 over nothing but the body.
    pub(super) const fn of_body(
        facts: &'static Facts,
        header: &'static str,
        prefix: &'static str,
        encoding: Encoding,
    ) -> Self {
        const BODY: &[Part] = &[Part::Body];
        Self {
            facts,
            signature: HeaderName::from_static(header),
            other_signature: None,
            format: Format::Prefixed(Cow::Borrowed(prefix)),
            key: KeyRule::TEXT,
            algorithm: Algorithm::Sha256,
            encoding,
            id: None,
            stamp: None,
            message: Cow::Borrowed(BODY),
        }
    }

    /// HMAC-SHA256 over `timestamp.body`. The header is a list of a timestamp and signatures in hexadecimal.
    pub(super) const fn of_list(
        facts: &'static Facts,
        header: &'static str,
        mac: &'static str,
        without: Reason,
        window: Window,
    ) -> Self {
        const MESSAGE: &[Part] = &[Part::Timestamp, Part::text("."), Part::Body];
        Self {
            facts,
            signature: HeaderName::from_static(header),
            other_signature: None,
            format: Format::Elements {
                stamp: "t=",
                mac,
                without,
            },
            key: KeyRule::TEXT,
            algorithm: Algorithm::Sha256,
            encoding: Encoding::Hex,
            id: None,
            stamp: Some(Stamp {
                header: None,
                is_guessed: false,
                clock: Clock::Seconds,
                window,
                tolerance: Duration::from_secs(300),
            }),
            message: Cow::Borrowed(MESSAGE),
        }
    }
}

/// A vendor's scheme that is a recipe.
pub(super) struct Row {
    pub(super) recipe: Recipe,
    /// The form of the vendor's secrets: the text before the random part, and the number of random bytes.
    pub(super) sample: (&'static str, usize),
    /// A header for the message id that the vendor sends but does not sign.
    pub(super) unsigned_id: Option<&'static str>,
    pub(super) handshake: Option<AnswerHandshake>,
}

/// Answers a handshake, given the configuration, the request and the judgement on it.
pub(super) type AnswerHandshake = fn(&Configured, &Received<'_>, &Judgement) -> Option<Handshake>;

/// What a verifier is configured with.
pub(super) struct Configured {
    pub(super) secrets: Vec<Secret>,
    pub(super) keys: Vec<Key>,
    pub(super) options: Options,
}

impl Scheme for Row {
    fn facts(&self) -> &'static Facts {
        self.recipe.facts
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let (prefix, length) = self.sample;
        Some(KeyPair::hex(prefix, &random[..length]))
    }

    fn new_verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier {
        self.recipe.verifier(secrets, options, self.handshake)
    }

    fn new_signer(&self, secret: &Secret, more: &[Secret], _options: &Options) -> NewSigner {
        self.recipe.signer(secret, more, self.unsigned_id)
    }
}

impl Recipe {
    pub(super) fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
        handshake: Option<AnswerHandshake>,
    ) -> NewVerifier {
        Ok(Box::new(RecipeVerifier {
            recipe: self.clone(),
            configured: Configured {
                secrets: secrets.to_vec(),
                keys: super::keys(self.facts.name, secrets, |secret| self.key(secret))?,
                options: options.clone(),
            },
            handshake,
        }))
    }

    pub(super) fn signer(
        &self,
        secret: &Secret,
        more: &[Secret],
        unsigned_id: Option<&'static str>,
    ) -> NewSigner {
        let secrets = std::iter::once(secret).chain(more);
        Ok(Box::new(RecipeSigner {
            recipe: self.clone(),
            keys: secrets
                .map(|secret| self.key(secret))
                .collect::<Result<_, _>>()?,
            unsigned_id: unsigned_id.map(HeaderName::from_static),
        }))
    }

    fn key(&self, secret: &Secret) -> Result<Key, SignatureError> {
        let text = super::text_of(self.facts.name, secret)?;
        let text = text.strip_prefix(&*self.key.prefix).unwrap_or(text);
        let bad = |expected| SignatureError::BadSecret {
            scheme: self.facts.name,
            expected,
        };
        match self.key.form {
            KeyForm::Text if text.is_empty() => Err(bad("longer than its prefix")),
            KeyForm::Text => Ok(self.algorithm.key(text.as_bytes())),
            KeyForm::Base64 => match diagnose::decoded(text) {
                Some(bytes) if !bytes.is_empty() => Ok(self.algorithm.key(&bytes)),
                _ => Err(bad("base64, as the option `key` says")),
            },
            KeyForm::Hex => match mac::any_hex(text) {
                Some(bytes) if !bytes.is_empty() => Ok(self.algorithm.key(&bytes)),
                _ => Err(bad("hexadecimal digits, as the option `key` says")),
            },
        }
    }

    /// The parts of the message, in order. The rest of the array is empty.
    fn parts<'a>(&'a self, claim: &Claim<'a>, body: &'a [u8]) -> [&'a [u8]; MOST_PARTS] {
        let mut parts: [&[u8]; MOST_PARTS] = [b""; MOST_PARTS];
        for (slot, part) in parts.iter_mut().zip(self.message.iter()) {
            *slot = match part {
                Part::Text(text) => text.as_bytes(),
                Part::Id => claim.id,
                Part::Timestamp => claim.timestamp.unwrap_or_default(),
                Part::Method => claim.method.as_bytes(),
                Part::Url => claim.url.as_bytes(),
                Part::Path => path_of(claim.url).as_bytes(),
                Part::Body => body,
            };
        }
        parts
    }

    fn claim<'a>(&'a self, received: &Received<'a>) -> Result<Claim<'a>, Box<Judgement>> {
        let headers = received.headers;
        let line = self.line(headers)?;
        let id = match &self.id {
            Some(name) => header::single(headers, name)?,
            None => b"",
        };
        let timestamp = match &self.stamp {
            None => None,
            Some(Stamp {
                header: Some(name),
                is_guessed,
                ..
            }) => match header::single(headers, name) {
                Err(missing) if *is_guessed && missing.reason == Reason::MissingHeader => {
                    Some(self.element(line)?)
                }
                found => Some(found?),
            },
            Some(_) => Some(self.element(line)?),
        };
        Ok(Claim {
            line,
            id,
            timestamp,
            method: received.method,
            url: received.url,
        })
    }

    /// The value of the signature's header, under either name. Both names with different values are a duplicate.
    fn line<'a>(&self, headers: &'a HeaderMap) -> Result<&'a [u8], Box<Judgement>> {
        let Some(other) = &self.other_signature else {
            return header::single(headers, &self.signature);
        };
        match (
            headers.contains_key(&self.signature),
            headers.get(other).map(HeaderValue::as_bytes),
        ) {
            (false, Some(_)) => header::single(headers, other),
            (_, None) => header::single(headers, &self.signature),
            (true, Some(value)) => match header::single(headers, &self.signature)? {
                line if line == value => Ok(line),
                _ => Err(header::duplicate(other)),
            },
        }
    }

    /// The element of the timestamp. The same timestamp twice is accepted, two different ones are not.
    fn element<'a>(&self, line: &'a [u8]) -> Result<&'a [u8], Box<Judgement>> {
        let malformed = |stamp: &str| {
            let hint = format!(
                "malformed_header: the header must have exactly one timestamp (`{stamp}…`)"
            );
            Judgement::refused(Reason::MalformedHeader, hint)
        };
        let stamp = match &self.format {
            Format::Elements { stamp, .. } => stamp,
            Format::Listed(listed) => return self.listed_stamp(listed, line),
            Format::Prefixed(_) | Format::MaybePrefixed(_) => return Err(malformed("")),
        };
        let mut values = elements(line, stamp);
        let first = values.next().ok_or_else(|| malformed(stamp))?;
        if values.any(|other| other != first) {
            return Err(malformed(stamp));
        }
        Ok(first)
    }

    fn listed_stamp<'a>(
        &self,
        listed: &Listed,
        line: &'a [u8],
    ) -> Result<&'a [u8], Box<Judgement>> {
        let stamp = self.stamp.as_ref();
        let clock = stamp.map_or(Clock::Any, |stamp| stamp.clock);
        listed.timestamp(line, clock).ok_or_else(|| {
            let header = stamp.and_then(|stamp| stamp.header.as_ref());
            let hint = match (&listed.stamp, header) {
                (None, Some(header)) => format!(
                    "missing_header: there is no `{header}` header, and `{}` has no element `t` or `ts` with one time; name the place of the timestamp with timestamp-header or timestamp-element",
                    self.signature
                ),
                (name, _) => format!(
                    "missing_header: `{}` must have exactly one timestamp (`{}=…`)",
                    self.signature,
                    name.as_deref().unwrap_or("t")
                ),
            };
            Judgement::refused(Reason::MissingHeader, hint)
        })
    }

    /// The signatures in the header's value, as text.
    fn texts<'a>(&'a self, line: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let (one, many, listed) = match &self.format {
            Format::Prefixed(prefix) => (line.strip_prefix(prefix.as_bytes()), None, None),
            Format::MaybePrefixed(prefix) => {
                let rest = line.strip_prefix(prefix.as_bytes());
                (Some(rest.unwrap_or(line)), None, None)
            }
            Format::Elements { mac, .. } => (None, Some(elements(line, mac)), None),
            Format::Listed(listed) => (None, None, Some(listed.texts(line))),
        };
        one.into_iter()
            .chain(many.into_iter().flatten())
            .chain(listed.into_iter().flatten())
    }

    /// The signatures in the header's value that can be decoded.
    fn macs<'a>(&'a self, line: &'a [u8]) -> impl Iterator<Item = Mac> + 'a {
        self.texts(line)
            .filter_map(|text| self.encoding.decode(text, self.algorithm))
    }
}

/// What the headers claim.
struct Claim<'a> {
    line: &'a [u8],
    id: &'a [u8],
    timestamp: Option<&'a [u8]>,
    method: &'a str,
    url: &'a str,
}

/// Path and query of a URL.
pub(super) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

fn elements<'a>(line: &'a [u8], key: &'static str) -> impl Iterator<Item = &'a [u8]> {
    line.split(|byte| *byte == b',')
        .filter_map(move |element| element.strip_prefix(key.as_bytes()))
}

struct RecipeVerifier {
    recipe: Recipe,
    configured: Configured,
    handshake: Option<AnswerHandshake>,
}

impl Verifier for RecipeVerifier {
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged {
        let recipe = &self.recipe;
        let claim = recipe.claim(received)?;
        let stamp = recipe.stamp.as_ref();
        let timing = stamp.map_or(timing, |stamp| timing.or(stamp.tolerance));
        let seconds = match (stamp, claim.timestamp) {
            (Some(stamp), Some(timestamp)) => match stamp.clock.parse(timestamp) {
                Some(seconds) => Some(seconds),
                None => return Err(diagnose::timestamp(timestamp, stamp.clock)),
            },
            _ => None,
        };
        let parts = recipe.parts(&claim, received.body);
        let parts = &parts[..recipe.message.len().min(MOST_PARTS)];
        let matched = self.configured.keys.iter().position(|key| {
            let expected = mac::mac(key, parts);
            recipe
                .macs(claim.line)
                .any(|given| mac::is_equal(&expected, &given))
        });
        match (matched, stamp, seconds) {
            (Some(matched), Some(stamp), Some(seconds)) => {
                clock::judge(seconds, timing, stamp.window, matched)
            }
            (Some(matched), ..) => Ok(Judgement::valid(matched)),
            (None, ..) => Err(self.mismatch(&claim, received, timing)),
        }
    }

    fn handshake(&self, received: &Received<'_>, judgement: &Judgement) -> Option<Handshake> {
        self.handshake?(&self.configured, received, judgement)
    }
}

impl RecipeVerifier {
    #[cold]
    fn mismatch(
        &self,
        claim: &Claim<'_>,
        received: &Received<'_>,
        timing: Timing,
    ) -> Box<Judgement> {
        let recipe = &self.recipe;
        let mut texts: Vec<&[u8]> = recipe.texts(claim.line).collect();
        if texts.is_empty() {
            match &recipe.format {
                Format::Elements { without, .. } if *without != Reason::NoSupportedSignature => {
                    let hint =
                        "malformed_header: the header holds no signature that this scheme supports";
                    return Judgement::refused(*without, hint);
                }
                Format::Prefixed(prefix) if is_version(prefix) && has_version(claim.line) => {
                    return diagnose::version(prefix, claim.line);
                }
                // The prefix is missing: the value may be the bare signature.
                Format::Prefixed(_) | Format::Listed(_) => texts.push(claim.line),
                Format::MaybePrefixed(_) | Format::Elements { .. } => {}
            }
        }
        let macs: Vec<Mac> = recipe.macs(claim.line).collect();
        let parts = recipe.parts(claim, received.body);
        let body = recipe.message.iter().position(|part| *part == Part::Body);
        let at = body.unwrap_or(recipe.message.len());
        let case = Case {
            secrets: &self.configured.secrets,
            keys: &self.configured.keys,
            algorithm: recipe.algorithm,
            encoding: recipe.encoding,
            form: recipe.key.form,
            prefix: &parts[..at].concat(),
            suffix: &parts.get(at + 1..).unwrap_or_default().concat(),
            timestamp: claim.timestamp,
            body: body.map(|_| received.body),
            macs: &macs,
            texts: &texts,
        };
        case.judge(timing)
    }
}

/// Whether a prefix names the version of the signature, such as `v0=`.
fn is_version(prefix: &str) -> bool {
    prefix.starts_with('v') && prefix.ends_with('=')
}

fn has_version(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"v").unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b'=')
}
