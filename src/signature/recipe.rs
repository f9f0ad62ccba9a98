//! HMAC schemes as data: where the signature stands, what is signed, and how it is written. A vendor's file says this of its
//! scheme, and this file does the rest.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac::Key;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::clock::{self, Clock, Window};
use super::diagnose::{self, Case, KeyForm};
use super::mac::{self, Algorithm, Mac, Writing};
use super::{
    Handshake, Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError,
    Signed, Signer, Verifier, header,
};
use crate::secret::Secret;
use crate::time::Timestamp;

/// Parts of a message at most.
pub(super) const MOST_PARTS: usize = 8;

/// A scheme whose key is the text of its secret.
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    /// The names under which the signature may come; the first is the one that is sent.
    pub(super) signature: Cow<'static, [HeaderName]>,
    pub(super) carries: Carries,
    pub(super) algorithm: Algorithm,
    pub(super) writing: Writing,
    pub(super) id: Option<Cow<'static, HeaderName>>,
    pub(super) stamp: Option<Stamp>,
    /// What is signed, in order.
    pub(super) message: Cow<'static, [Part]>,
    /// The secret's text before its random part, and how many random bytes it has.
    pub(super) sample: (&'static str, usize),
    /// What the vendor sends along.
    pub(super) along: fn(&Outgoing<'_>) -> Vec<(HeaderName, HeaderValue)>,
    /// Answers the vendor's handshake.
    pub(super) handshake: Option<Answerer>,
    /// What the handshake may need.
    pub(super) options: &'static [(&'static str, &'static str)],
}

/// Answers a handshake, given what is configured, the request and the judgement on it.
pub(super) type Answerer = fn(&Configured, &Received<'_>, &Judgement) -> Option<Handshake>;

/// What a handshake may look at.
pub(super) struct Configured {
    pub(super) secrets: Vec<Secret>,
    pub(super) keys: Vec<Key>,
    pub(super) options: Options,
}

/// How the header's value holds the signature.
#[derive(Clone, Debug)]
pub(super) enum Carries {
    /// The whole value, after this.
    After(Cow<'static, str>),
    /// The whole value, after this where it is there.
    Perhaps(&'static str),
    /// Elements with commas between them; the MAC may stand there more than once.
    Elements {
        stamp: &'static str,
        mac: &'static str,
        /// What it means when there is no MAC among them.
        without: Reason,
    },
}

/// The timestamp that is signed.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    /// `None`: an element of the signature's header.
    pub(super) header: Option<Cow<'static, HeaderName>>,
    pub(super) clock: Clock,
    pub(super) window: Window,
    /// The usual tolerance.
    pub(super) tolerance: Duration,
}

/// A part of the signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(Cow<'static, str>),
    Id,
    Timestamp,
    Body,
}

/// Nothing goes along.
pub(super) fn alone(_message: &Outgoing<'_>) -> Vec<(HeaderName, HeaderValue)> {
    Vec::new()
}

/// A header with the message's id.
pub(super) fn with_id(name: &HeaderName, message: &Outgoing<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let id = header::visible(message.id).into_owned();
    vec![(name.clone(), header::value(id.into_bytes()))]
}

/// A recipe that is a row of the table.
pub(super) struct Row(pub(super) &'static Recipe);

/// A recipe of the table, or one that was made of options.
pub(super) enum Shared {
    Row(&'static Recipe),
    Made(Arc<Recipe>),
}

impl Deref for Shared {
    type Target = Recipe;

    fn deref(&self) -> &Recipe {
        match self {
            Self::Row(recipe) => recipe,
            Self::Made(recipe) => recipe,
        }
    }
}

impl Scheme for Row {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn summary(&self) -> &'static str {
        self.0.summary
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        self.0.options
    }

    fn header(&self) -> Option<&'static str> {
        match &self.0.signature {
            Cow::Borrowed(names) => names.first().map(HeaderName::as_str),
            Cow::Owned(_) => None,
        }
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let (prefix, length) = self.0.sample;
        Some(hex_keys(prefix, &random[..length]))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Shared::Row(self.0).verifier(secrets, options)
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        self.rotating_signer(std::slice::from_ref(secret), options)
    }

    fn rotating_signer(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        Shared::Row(self.0).signer(secrets)
    }
}

/// A text with so many random digits.
pub(super) fn hex_keys(prefix: &str, random: &[u8]) -> KeyPair {
    let mut text = prefix.as_bytes().to_vec();
    mac::push_hex(random, &mut text);
    KeyPair::shared(Secret::new(String::from_utf8_lossy(&text)))
}

impl Shared {
    pub(super) fn verifier(
        self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        let keys = super::keys(self.name, secrets, |secret| self.key(secret))?;
        Ok(Box::new(RecipeVerifier {
            recipe: self,
            configured: Configured {
                secrets: secrets.to_vec(),
                keys,
                options: options.clone(),
            },
        }))
    }

    pub(super) fn signer(self, secrets: &[Secret]) -> Result<Box<dyn Signer>, SignatureError> {
        let is_list = matches!(self.carries, Carries::Elements { .. });
        if secrets.len() > 1 && !is_list {
            return Err(SignatureError::OneSecret { scheme: self.name });
        }
        let keys = super::keys(self.name, secrets, |secret| self.key(secret))?;
        Ok(Box::new(RecipeSigner { recipe: self, keys }))
    }
}

impl Recipe {
    fn key(&self, secret: &Secret) -> Result<Key, SignatureError> {
        let text = super::not_empty(self.name, secret)?.reveal();
        Ok(self.algorithm.key(text.as_bytes()))
    }

    /// Whether the message that is signed holds this part.
    pub(super) fn signs(&self, part: &Part) -> bool {
        self.message.contains(part)
    }

    /// The parts of the message, in order; the rest of the array is empty.
    fn parts<'a>(&'a self, claim: &Claim<'a>, body: &'a [u8]) -> [&'a [u8]; MOST_PARTS] {
        let mut parts: [&[u8]; MOST_PARTS] = [b""; MOST_PARTS];
        for (place, part) in parts.iter_mut().zip(self.message.iter()) {
            *place = match part {
                Part::Text(text) => text.as_bytes(),
                Part::Id => claim.id,
                Part::Timestamp => claim.timestamp.unwrap_or_default(),
                Part::Body => body,
            };
        }
        parts
    }

    /// Reads what the headers claim.
    fn claim<'a>(&'a self, headers: &'a HeaderMap) -> Result<Claim<'a>, Box<Judgement>> {
        let single = |name: &HeaderName| {
            header::single(headers, name)
                .map_err(|reason| Box::new(diagnose::header(reason, name, headers)))
        };
        let line = match &*self.signature {
            [only] => single(only)?,
            several => {
                let mut there = several.iter().filter(|name| headers.contains_key(*name));
                let name = there.next().unwrap_or(&several[0]);
                let line = single(name)?;
                if let Some(other) =
                    there.find(|other| headers.get(*other).map(HeaderValue::as_bytes) != Some(line))
                {
                    let judgement = diagnose::header(Reason::DuplicateHeader, other, headers);
                    return Err(Box::new(judgement));
                }
                line
            }
        };
        let id = match &self.id {
            Some(name) => single(name)?,
            None => b"",
        };
        let timestamp = match &self.stamp {
            None => None,
            Some(Stamp {
                header: Some(name), ..
            }) => Some(single(name)?),
            Some(_) => Some(self.element(line)?),
        };
        Ok(Claim {
            line,
            id,
            timestamp,
        })
    }

    /// The timestamp's element: one, or the same one twice.
    fn element<'a>(&self, line: &'a [u8]) -> Result<&'a [u8], Box<Judgement>> {
        let malformed = |stamp: &str| {
            let hint =
                format!("malformed_header: the header has not exactly one timestamp (`{stamp}…`)");
            Box::new(Judgement::refused_with(Reason::MalformedHeader, hint))
        };
        let Carries::Elements { stamp, .. } = &self.carries else {
            return Err(malformed(""));
        };
        let mut values = elements(line, stamp);
        let first = values.next().ok_or_else(|| malformed(stamp))?;
        if values.any(|other| other != first) {
            return Err(malformed(stamp));
        }
        Ok(first)
    }

    /// The signatures in the header's value, as they are written.
    fn written<'a>(&self, line: &'a [u8]) -> Written<'a> {
        match &self.carries {
            Carries::After(prefix) => Written::One(line.strip_prefix(prefix.as_bytes())),
            Carries::Perhaps(prefix) => {
                Written::One(Some(line.strip_prefix(prefix.as_bytes()).unwrap_or(line)))
            }
            Carries::Elements { mac, .. } => Written::Elements { line, mac },
        }
    }
}

/// What the headers say.
struct Claim<'a> {
    line: &'a [u8],
    id: &'a [u8],
    timestamp: Option<&'a [u8]>,
}

/// The signatures of a header's value.
#[derive(Clone, Copy)]
enum Written<'a> {
    One(Option<&'a [u8]>),
    Elements { line: &'a [u8], mac: &'static str },
}

impl<'a> Written<'a> {
    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let (one, many) = match self {
            Self::One(text) => (text, None),
            Self::Elements { line, mac } => (None, Some(elements(line, mac))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

fn elements<'a>(line: &'a [u8], key: &'static str) -> impl Iterator<Item = &'a [u8]> {
    line.split(|byte| *byte == b',')
        .filter_map(move |element| element.strip_prefix(key.as_bytes()))
}

struct RecipeVerifier {
    recipe: Shared,
    configured: Configured,
}

impl Verifier for RecipeVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        let recipe = &*self.recipe;
        let claim = match recipe.claim(received.headers) {
            Ok(claim) => claim,
            Err(judgement) => return *judgement,
        };
        let seconds = match (&recipe.stamp, claim.timestamp) {
            (Some(stamp), Some(timestamp)) => match stamp.clock.parse(timestamp) {
                Some(seconds) => Some(seconds),
                None => return diagnose::timestamp(timestamp, stamp.clock),
            },
            _ => None,
        };
        let parts = recipe.parts(&claim, received.body);
        let parts = &parts[..recipe.message.len().min(MOST_PARTS)];
        let matched = self.configured.keys.iter().position(|key| {
            let expected = mac::mac(key, parts);
            recipe
                .written(claim.line)
                .iter()
                .filter_map(|text| recipe.writing.decode(text, recipe.algorithm))
                .any(|given| mac::is_equal(&expected, &given))
        });
        match (matched, &recipe.stamp, seconds) {
            (Some(matched), Some(stamp), Some(seconds)) => {
                let tolerance = tolerance.unwrap_or(stamp.tolerance);
                clock::judge(seconds, now, tolerance, stamp.window, matched)
            }
            (Some(matched), ..) => Judgement::valid(matched),
            (None, ..) => self.mismatch(&claim, received, now, tolerance),
        }
    }

    fn handshake(&self, received: &Received<'_>, judgement: &Judgement) -> Option<Handshake> {
        self.recipe.handshake?(&self.configured, received, judgement)
    }
}

impl RecipeVerifier {
    #[cold]
    fn mismatch(
        &self,
        claim: &Claim<'_>,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        let recipe = &*self.recipe;
        let mut texts: Vec<&[u8]> = recipe.written(claim.line).iter().collect();
        if texts.is_empty() {
            match &recipe.carries {
                Carries::Elements { without, .. } if *without != Reason::NoSupportedSignature => {
                    let hint = "malformed_header: the header has no element with a signature that this scheme knows";
                    return Judgement::refused_with(*without, hint);
                }
                Carries::After(prefix) if is_version(prefix) && is_version_of(claim.line) => {
                    return diagnose::version(prefix, claim.line);
                }
                // Not in the form that is asked for: perhaps the signature alone.
                Carries::After(_) => texts.push(claim.line),
                Carries::Perhaps(_) | Carries::Elements { .. } => {}
            }
        }
        let given: Vec<Mac> = recipe
            .written(claim.line)
            .iter()
            .filter_map(|text| recipe.writing.decode(text, recipe.algorithm))
            .collect();
        let parts = recipe.parts(claim, received.body);
        let at = recipe.message.iter().position(|part| *part == Part::Body);
        let at = at.unwrap_or(recipe.message.len());
        let case = Case {
            secrets: &self.configured.secrets,
            keys: &self.configured.keys,
            algorithm: recipe.algorithm,
            writing: recipe.writing,
            form: KeyForm::Text,
            prefix: &parts[..at].concat(),
            suffix: &parts.get(at + 1..).unwrap_or_default().concat(),
            timestamp: claim.timestamp,
            body: recipe.signs(&Part::Body).then_some(received.body),
            given: &given,
            texts: &texts,
        };
        let usual = recipe.stamp.as_ref().map(|stamp| stamp.tolerance);
        case.judge(now, tolerance.or(usual).unwrap_or_default())
    }
}

/// `v0=`: a version before the signature.
fn is_version(prefix: &str) -> bool {
    prefix.starts_with('v') && prefix.ends_with('=')
}

fn is_version_of(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"v").unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b'=')
}

struct RecipeSigner {
    recipe: Shared,
    /// More than one only where the header is a list.
    keys: Vec<Key>,
}

impl Signer for RecipeSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let recipe = &*self.recipe;
        let stamp = recipe.stamp.as_ref();
        let header = stamp.and_then(|stamp| stamp.header.as_deref());
        // A timestamp that a person wrote is the one that goes out, and so the one that is signed.
        let written = header.and_then(|name| message.headers.get(name)?.to_str().ok());
        let timestamp = match (written, stamp) {
            (Some(text), _) => text.to_owned(),
            (None, Some(stamp)) => stamp.clock.write(message.timestamp),
            (None, None) => String::new(),
        };
        let id = header::visible(message.id);
        let claim = Claim {
            line: b"",
            id: id.as_bytes(),
            timestamp: Some(timestamp.as_bytes()),
        };
        let parts = recipe.parts(&claim, message.body);
        let mut line = Vec::with_capacity(96);
        if let Carries::Elements { stamp, .. } = &recipe.carries {
            line.extend_from_slice(stamp.as_bytes());
            line.extend_from_slice(timestamp.as_bytes());
        }
        for key in &self.keys {
            match &recipe.carries {
                Carries::After(prefix) => line.extend_from_slice(prefix.as_bytes()),
                Carries::Perhaps(_) => {}
                Carries::Elements { mac, .. } => {
                    line.push(b',');
                    line.extend_from_slice(mac.as_bytes());
                }
            }
            recipe
                .writing
                .push(mac::mac(key, &parts).as_ref(), &mut line);
        }
        let mut headers = vec![(recipe.signature[0].clone(), header::value(line))];
        if let Some(name) = &recipe.id {
            let id = header::value(id.as_bytes().to_vec());
            headers.push((name.as_ref().clone(), id));
        }
        if let Some(name) = header {
            let timestamp = header::value(header::visible(&timestamp).into_owned().into_bytes());
            headers.push((name.clone(), timestamp));
        }
        headers.extend((recipe.along)(message));
        Ok(headers.into())
    }
}
