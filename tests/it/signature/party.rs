//! A sender and a receiver of each scheme with matching keys.

use std::collections::BTreeMap;

use bytes::Bytes;
use evt::secret::Secret;
use evt::signature::{Judgement, Options, Outgoing, Received, SCHEMES, Scheme, Signed};
use evt::time::Timestamp;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::vector::{self, add_documents};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);
pub(crate) const URL: &str = "https://hooks.example.test/hook";

/// The sender and the receiver of a scheme.
pub(crate) struct Party {
    pub(crate) scheme: &'static dyn Scheme,
    pub(crate) signs: Secret,
    pub(crate) secrets: Vec<Secret>,
    signing: Options,
    pub(crate) options: Options,
    documents: BTreeMap<String, String>,
}

/// A signed request.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Every scheme with keys made from these bytes. RSA keys come from the vectors, because they are slow to make.
pub(crate) fn parties(random: &[u8; 32]) -> Vec<Party> {
    let parties = SCHEMES
        .iter()
        .map(|scheme| match scheme.sample_keys(random) {
            Some(keys) => Party {
                scheme: *scheme,
                signs: keys.signs,
                secrets: vec![keys.verifies],
                signing: Options::default(),
                options: Options::default(),
                documents: BTreeMap::new(),
            },
            None => of_vectors(*scheme),
        });
    parties.collect()
}

fn of_vectors(scheme: &'static dyn Scheme) -> Party {
    let vector = vector::file(&format!("{}.json", scheme.name()))
        .vectors
        .remove(0);
    let mut documents = vector.documents();
    documents.retain(|url, _| {
        String::from_utf8_lossy(&vector.body()).contains(url.as_str())
            || vector
                .headers()
                .values()
                .any(|value| value.as_bytes() == url.as_bytes())
    });
    let mut signing = vector.options();
    if let Some(url) = documents.keys().next() {
        signing.0.push(("cert-url".to_owned(), url.clone()));
    }
    if let Some(kid) = vector
        .key
        .get("jwks")
        .and_then(|set| set.pointer("/keys/0/kid"))
    {
        let kid = kid.as_str().expect("a key id is text").to_owned();
        signing.0.push(("kid".to_owned(), kid));
    }
    Party {
        scheme,
        signs: vector.signing_secret(),
        secrets: vector.secrets(),
        signing,
        options: vector.options(),
        documents,
    }
}

impl Party {
    pub(crate) fn name(&self) -> &'static str {
        self.scheme.name()
    }

    /// Signs a body. Returns `None` if the scheme cannot sign it.
    pub(crate) fn send(&self, body: &[u8]) -> Option<Sent> {
        let body = Bytes::copy_from_slice(body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let signer = self.scheme.signer(&self.signs, &self.signing);
        let signer = signer.unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        let signed: Signed = signer
            .sign(&Outgoing {
                id: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
                timestamp: NOW,
                url: URL,
                headers: &headers,
                body: &body,
            })
            .ok()?;
        headers.extend(signed.headers);
        Some(Sent {
            url: signed.url.unwrap_or_else(|| URL.to_owned()),
            headers,
            body: signed.body.unwrap_or(body),
        })
    }

    pub(crate) fn receive(&self, sent: &Sent) -> Judgement {
        self.receive_with(&self.secrets, sent)
    }

    /// The judgement of a receiver with these secrets instead.
    pub(crate) fn receive_with(&self, secrets: &[Secret], sent: &Sent) -> Judgement {
        let verifier = self.scheme.verifier(secrets, &self.options);
        let verifier = verifier.unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        let received = Received {
            method: "POST",
            url: &sent.url,
            headers: &sent.headers,
            body: &sent.body,
        };
        add_documents(&*verifier, &received, NOW, &self.documents);
        verifier.verify(&received, NOW, None)
    }
}
