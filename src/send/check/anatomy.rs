//! What a scheme's signature is made of, found by signing: which header is which, and what it covers.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};

use super::super::tamper::signature_in;
use super::super::{MAX_ANSWER, new_id};
use super::{Skip, Subject};
use crate::dial::Call;
use crate::grammar::target::Target;
use crate::signature::{Outgoing, Received, SignatureError, Signed, Signer, Verifier};
use crate::time::Timestamp;

/// Far enough for a timestamp to be another one.
const STEP: Duration = Duration::from_secs(7);

/// Where the cases are made.
pub(super) struct Bench<'a> {
    pub(super) subject: &'a Subject,
    pub(super) now: Timestamp,
    /// What keys and challenges of this run are made of.
    pub(super) random: [u8; 32],
    pub(super) anatomy: Anatomy,
    /// The scheme's own verifier, where the key that signs also verifies.
    oracle: Option<Box<dyn Verifier>>,
}

/// The parts of a signature.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Anatomy {
    /// The header that holds the signature, or the secret; `None` where it stands inside the body.
    pub(super) signature: Option<HeaderName>,
    /// The header of the timestamp, where it has one of its own.
    pub(super) stamp: Option<HeaderName>,
    /// The header of the message's id, where the signature covers it.
    pub(super) id: Option<HeaderName>,
    /// Whether a time is signed that a receiver can judge.
    pub(super) is_timed: bool,
}

/// A request before it is signed.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) method: Method,
    pub(super) target: Target,
    pub(super) path: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    timeout: Duration,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        subject: &'a Subject,
        now: Timestamp,
        random: [u8; 32],
    ) -> Result<Self, SignatureError> {
        let mut bench = Self {
            subject,
            now,
            random,
            anatomy: Anatomy::default(),
            oracle: None,
        };
        bench.anatomy = bench.dissect()?;
        let oracle = subject
            .scheme
            .verifier(std::slice::from_ref(&subject.secret), &subject.options);
        // A private key may have the form of another secret: only who accepts the good one may be asked about the rest.
        bench.oracle = oracle.ok();
        let draft = bench.draft();
        let signed = bench.sign(&draft, "msg_good", now)?;
        if !bench.is_acceptable(&draft.call(signed)) {
            bench.oracle = None;
        }
        Ok(bench)
    }

    /// Whether the scheme's own verifier refuses it; no, where that cannot be known.
    pub(super) fn is_unacceptable(&self, call: &Call) -> bool {
        self.oracle.is_some() && !self.is_acceptable(call)
    }

    /// Whether the scheme's own verifier accepts it; no, where that cannot be known.
    pub(super) fn is_acceptable(&self, call: &Call) -> bool {
        self.oracle.as_ref().is_some_and(|oracle| {
            let received = Received {
                method: call.method.as_str(),
                url: &self.url(&call.target),
                headers: &call.headers,
                body: &call.body,
            };
            oracle.verify(&received, self.now, None).is_valid()
        })
    }

    pub(super) fn scheme(&self) -> &'static str {
        self.subject.scheme.name()
    }

    /// The message, as yet unsigned.
    pub(super) fn draft(&self) -> Draft {
        let message = &self.subject.message;
        Draft {
            method: Method::POST,
            target: message.target.clone(),
            path: message.path.clone(),
            headers: message.headers.clone(),
            body: message.body.clone(),
            timeout: message.timeout,
        }
    }

    /// Signed as it should be, under an id of its own.
    pub(super) fn good(&self, draft: &Draft) -> Result<Call, Skip> {
        let signed = self.sign(draft, &new_id(), self.now)?;
        Ok(draft.call(signed))
    }

    /// The signature of the key in question.
    pub(super) fn sign(
        &self,
        draft: &Draft,
        id: &str,
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        match &self.subject.message.signer {
            Some(signer) => self.sign_by(&**signer, draft, id, now),
            None => Ok(Signed::default()),
        }
    }

    pub(super) fn sign_by(
        &self,
        signer: &dyn Signer,
        draft: &Draft,
        id: &str,
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        signer.sign(&Outgoing {
            id,
            timestamp: now,
            url: &self.url(&draft.target),
            headers: &draft.headers,
            body: &draft.body,
        })
    }

    fn url(&self, target: &Target) -> String {
        match target {
            Target::Url(_) => target.to_string(),
            Target::Unix(_) => self.subject.message.url.clone(),
        }
    }

    fn dissect(&self) -> Result<Anatomy, SignatureError> {
        let draft = self.draft();
        let base = self.sign(&draft, "msg_1", self.now)?;
        let later = self.sign(&draft, "msg_1", self.now.plus(STEP))?;
        let other = self.sign(&draft, "msg_2", self.now)?;
        let is_inside = base.body.as_deref().and_then(signature_in).is_some();
        let signature = (!is_inside).then(|| self.named(&base)).flatten();
        let differs = |name: &HeaderName, than: &Signed| value(name, &base) != value(name, than);
        let beside = |than: &Signed, as_in: &Signed| {
            let mut names = base.headers.iter().map(|(name, _)| name);
            let found = names.find(|name| {
                Some(*name) != signature.as_ref() && differs(name, than) && !differs(name, as_in)
            });
            found.cloned()
        };
        let stamp = beside(&later, &other);
        let id = beside(&other, &later).filter(|_| {
            let signature = signature.as_ref();
            signature.is_some_and(|signature| differs(signature, &other))
        });
        let moves = signature.as_ref().is_some_and(|name| differs(name, &later));
        let is_timed = stamp.is_some() || moves || base.body != later.body;
        Ok(Anatomy {
            is_timed,
            signature,
            stamp,
            id,
        })
    }

    /// The header of the signature: the scheme's own, or what its name tells, or the only one.
    fn named(&self, signed: &Signed) -> Option<HeaderName> {
        let mut names = signed.headers.iter().map(|(name, _)| name);
        let own = self.subject.scheme.header();
        let found = names
            .clone()
            .find(|name| own.is_some_and(|own| name.as_str().eq_ignore_ascii_case(own)))
            .or_else(|| {
                let is_signature = |name: &str| name.contains("sig") && !name.contains("time");
                names.clone().find(|name| is_signature(name.as_str()))
            })
            .or_else(|| names.next());
        found.cloned()
    }
}

fn value<'a>(name: &HeaderName, signed: &'a Signed) -> Option<&'a http::HeaderValue> {
    let mut headers = signed.headers.iter();
    headers
        .find(|(found, _)| found == name)
        .map(|(_, value)| value)
}

impl Draft {
    /// The request with this signature.
    pub(super) fn call(&self, signed: Signed) -> Call {
        let mut headers = self.headers.clone();
        for (name, value) in signed.headers {
            headers.entry(name).or_insert(value);
        }
        let signed_url = signed.url.and_then(|url| url.parse().ok());
        Call {
            method: self.method.clone(),
            target: signed_url.unwrap_or_else(|| self.target.clone()),
            path: self.path.clone(),
            headers,
            body: signed.body.unwrap_or_else(|| self.body.clone()),
            timeout: self.timeout,
            max_answer: MAX_ANSWER,
        }
    }

    /// The request without any signature.
    pub(super) fn unsigned(&self) -> Call {
        self.call(Signed::default())
    }

    /// The same with this added to its query.
    pub(super) fn asked(mut self, query: &str) -> Self {
        let joined = |path: &str| {
            let separator = if path.contains('?') { '&' } else { '?' };
            format!("{path}{separator}{query}")
        };
        self.path = self.path.as_deref().map(joined);
        if let Target::Url(url) = &self.target {
            let path = url.path_and_query().map_or("/", |path| path.as_str());
            let mut parts = url.clone().into_parts();
            parts.path_and_query = joined(path).parse().ok();
            if let Ok(url) = http::Uri::from_parts(parts) {
                self.target = Target::Url(url);
            }
        }
        self.method = Method::GET;
        self.body = Bytes::new();
        self.headers.remove(http::header::CONTENT_TYPE);
        self
    }
}
