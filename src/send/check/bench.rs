//! Where the requests of a check are made: the message, the key, and which headers its signature consists of.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};

use super::super::tamper::signature_in;
use super::super::{MAX_ANSWER, Message, Signing, new_id};
use super::Skip;
use crate::dial::Call;
use crate::grammar::target::Target;
use crate::signature::{
    Challenge, Facts, Outgoing, Received, SignatureError, Signed, Signer, Verifier,
};
use crate::time::Timestamp;

/// The time between two signatures whose timestamps must differ.
const STEP: Duration = Duration::from_secs(7);

pub(super) struct Bench<'a> {
    pub(super) message: &'a Message,
    pub(super) signing: &'a Signing,
    pub(super) now: Timestamp,
    /// The source of the keys and challenges of this run.
    pub(super) random: [u8; 32],
    pub(super) layout: Layout,
    /// The scheme's own verifier, if the key that signs also verifies.
    verifier: Option<Box<dyn Verifier>>,
}

/// The headers of a signature, found by signing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The header of the signature or of the secret. `None` if it is in the body.
    pub(super) signature: Option<HeaderName>,
    /// The header of the timestamp, if it has its own.
    pub(super) stamp: Option<HeaderName>,
    /// The header of the message id, if the signature covers it.
    pub(super) id: Option<HeaderName>,
    /// Whether a timestamp is signed.
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
        message: &'a Message,
        signing: &'a Signing,
        now: Timestamp,
        random: [u8; 32],
    ) -> Result<Self, SignatureError> {
        let mut bench = Self {
            message,
            signing,
            now,
            random,
            layout: Layout::default(),
            verifier: None,
        };
        bench.layout = bench.find_layout()?;
        let Signing {
            scheme,
            options,
            secret,
            ..
        } = signing;
        let verifier = scheme.verifier(std::slice::from_ref(secret), options);
        bench.verifier = verifier.ok();
        // Some private keys look like a shared secret. A verifier that refuses the valid request was therefore given the wrong kind of key.
        let draft = bench.draft();
        let signed = bench.sign(&draft, "msg_valid", now)?;
        if !bench.is_accepted(&draft.call(signed)) {
            bench.verifier = None;
        }
        Ok(bench)
    }

    /// Whether the scheme's own verifier refuses the request. False if there is none.
    pub(super) fn is_refused(&self, call: &Call) -> bool {
        self.verifier.is_some() && !self.is_accepted(call)
    }

    /// Whether the scheme's own verifier accepts the request. False if there is none.
    pub(super) fn is_accepted(&self, call: &Call) -> bool {
        self.verifier.as_ref().is_some_and(|verifier| {
            let received = Received {
                method: call.method.as_str(),
                url: &self.url(&call.target),
                headers: &call.headers,
                body: &call.body,
            };
            verifier.verify(&received, self.now, None).is_valid()
        })
    }

    pub(super) fn facts(&self) -> &'static Facts {
        self.signing.scheme.facts()
    }

    /// Sixteen random digits. Digits, because some vendors send a number.
    pub(super) fn challenge_text(&self) -> String {
        let bytes = self.random[..8].iter();
        bytes.map(|byte| (byte % 90 + 10).to_string()).collect()
    }

    pub(super) fn challenge<'c>(&'c self, text: &'c str) -> Challenge<'c> {
        Challenge {
            text,
            secret: &self.signing.secret,
            options: &self.signing.options,
            event: &self.message.body,
        }
    }

    /// The unsigned message.
    pub(super) fn draft(&self) -> Draft {
        let message = self.message;
        Draft {
            method: Method::POST,
            target: message.target.clone(),
            path: message.path.clone(),
            headers: message.headers.clone(),
            body: message.body.clone(),
            timeout: message.timeout,
        }
    }

    /// Signs a draft correctly, with a new id.
    pub(super) fn valid(&self, draft: &Draft) -> Result<Call, Skip> {
        let signed = self.sign(draft, &new_id(), self.now)?;
        Ok(draft.call(signed))
    }

    /// Signs with the secrets that the check was started with.
    pub(super) fn sign(
        &self,
        draft: &Draft,
        id: &str,
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        self.sign_with(&*self.signing.signer, draft, id, now)
    }

    pub(super) fn sign_with(
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
            Target::Unix(_) => self.message.url.clone(),
        }
    }

    fn find_layout(&self) -> Result<Layout, SignatureError> {
        let draft = self.draft();
        let base = self.sign(&draft, "msg_1", self.now)?;
        let later = self.sign(&draft, "msg_1", self.now.plus(STEP))?;
        let other = self.sign(&draft, "msg_2", self.now)?;
        let in_body = base.body.as_deref();
        let in_body = in_body.and_then(|body| signature_in(body, self.facts()));
        let signature = match in_body {
            Some(_) => None,
            None => self.signature_header(&base),
        };
        let differs = |name: &HeaderName, than: &Signed| value(name, &base) != value(name, than);
        // A header, other than the signature's, that differs between `base` and `on`, but not between `base` and `not_on`.
        let depending = |on: &Signed, not_on: &Signed| {
            let mut names = base.headers.iter().map(|(name, _)| name);
            let found = names.find(|name| {
                Some(*name) != signature.as_ref() && differs(name, on) && !differs(name, not_on)
            });
            found.cloned()
        };
        let signature_differs =
            |than: &Signed| signature.as_ref().is_some_and(|name| differs(name, than));
        let stamp = depending(&later, &other);
        let id = depending(&other, &later).filter(|_| signature_differs(&other));
        let is_timed = stamp.is_some() || signature_differs(&later) || base.body != later.body;
        Ok(Layout {
            is_timed,
            signature,
            stamp,
            id,
        })
    }

    /// The scheme's own header, or one whose name says that it is a signature, or the only one.
    fn signature_header(&self, signed: &Signed) -> Option<HeaderName> {
        let mut names = signed.headers.iter().map(|(name, _)| name);
        let own = self.facts().header;
        let found = names
            .clone()
            .find(|name| own.is_some_and(|own| **name == *own))
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

    /// The request without a signature.
    pub(super) fn unsigned(&self) -> Call {
        self.call(Signed::default())
    }

    /// Turns the draft into a GET with these parameters added to the query.
    pub(super) fn get(mut self, query: &str) -> Self {
        let joined = |path: &str| {
            let separator = match (query.is_empty(), path.contains('?')) {
                (true, _) => "",
                (false, true) => "&",
                (false, false) => "?",
            };
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
