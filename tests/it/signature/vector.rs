//! The vectors in `tests/data/signatures/`, and how they are verified and signed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use evt::secret::Secret;
use evt::signature::{self, Judgement, Options, Outgoing, Received, Scheme, Verifier};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) scheme: String,
    pub(crate) vectors: Vec<Vector>,
}

#[derive(Deserialize)]
pub(crate) struct Vector {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) scheme: String,
    pub(crate) key: BTreeMap<String, Value>,
    pub(crate) method: String,
    pub(crate) url: String,
    headers: Vec<(String, String)>,
    body_b64: String,
    pub(crate) now: i64,
    tolerance: Option<u64>,
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) accept_reasons: Vec<String>,
    pub(crate) hint: Option<String>,
    pub(crate) sign: Option<Sign>,
}

#[derive(Deserialize)]
pub(crate) struct Sign {
    id: Option<String>,
    transmission_id: Option<String>,
    transmission_time: Option<String>,
    token: Option<String>,
    timestamp: Option<Value>,
    expect_header: Option<(String, String)>,
    expect_body_field: Option<(String, String)>,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/signatures")
}

pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("the vectors are there")
}

/// All files of vectors.
pub(crate) fn files() -> Vec<File> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").file_name())
        .map(|name| name.to_str().expect("names are text").to_owned())
        .filter(|name| name.ends_with(".json") && name != "handshakes.json")
        .collect();
    names.sort();
    names.iter().map(|name| file(name)).collect()
}

pub(crate) fn file(name: &str) -> File {
    let mut file: File = serde_json::from_str(&read(name)).expect("vectors are JSON");
    for vector in &mut file.vectors {
        vector.scheme.clone_from(&file.scheme);
    }
    file
}

pub(crate) fn headers(pairs: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// Gives the verifier the document that it needs.
pub(crate) fn add_documents(
    verifier: &dyn Verifier,
    received: &Received<'_>,
    now: Timestamp,
    documents: &BTreeMap<String, String>,
) {
    if let Some(url) = verifier.missing_document(received, now)
        && let Some(document) = documents.get(&url)
    {
        verifier.add_document(&url, document.as_bytes(), now);
    }
}

impl Vector {
    fn text(&self, name: &str) -> Option<String> {
        Some(self.key.get(name)?.as_str()?.to_owned())
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let list = self.key.get(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    pub(crate) fn scheme(&self) -> &'static dyn Scheme {
        signature::find(&self.scheme).unwrap()
    }

    /// The secrets of the receiver.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let mut texts = self.texts("secrets");
        texts.extend(self.texts("public_keys"));
        texts.extend(self.text("public_key_b64_der"));
        texts.extend(self.text("public_key_hex"));
        if let (Some(user), Some(password)) = (self.text("username"), self.text("password")) {
            texts.push(format!("{user}:{password}"));
        }
        texts.into_iter().map(Secret::new).collect()
    }

    /// The secret of the sender.
    pub(crate) fn signing_secret(&self) -> Secret {
        let names = ["private_key", "private_key_pem", "private_key_seed_hex"];
        match names.iter().find_map(|name| self.text(name)) {
            Some(text) => Secret::new(text),
            None => self.secrets().remove(0),
        }
    }

    pub(crate) fn options(&self) -> Options {
        let mut options = Vec::new();
        let mut put = |name: &str, value: Option<String>| {
            options.extend(value.map(|value| (name.to_owned(), value)));
        };
        let others = self.key.get("options").and_then(Value::as_object);
        for (name, value) in others.into_iter().flatten() {
            put(name, value.as_str().map(str::to_owned));
        }
        put("header", self.text("header"));
        put("webhook-id", self.text("webhook_id"));
        let certificates = [
            self.texts("trust_anchors_pem"),
            self.texts("intermediates_pem"),
        ];
        let certificates = certificates.concat().join("\n");
        put("ca", (!certificates.is_empty()).then_some(certificates));
        put("audience", self.text("audience"));
        put("issuer", self.text("issuer"));
        put("email", self.text("email"));
        put("jwks", self.key.get("jwks").map(Value::to_string));
        // The receiver configures the algorithm. Two vectors are for a receiver with a shared key.
        let has_shared_key = self
            .headers
            .iter()
            .any(|(name, _)| name == "X-Twilio-Webhooks-Signature-Settings");
        put(
            "algorithm",
            has_shared_key.then(|| "HMAC_SHA256".to_owned()),
        );
        Options(options)
    }

    pub(crate) fn documents(&self) -> BTreeMap<String, String> {
        let certificates = self.key.get("certs").and_then(Value::as_object);
        let pairs = certificates.into_iter().flatten();
        pairs
            .map(|(url, pem)| (url.clone(), pem.as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    pub(crate) fn body(&self) -> Bytes {
        STANDARD.decode(&self.body_b64).unwrap().into()
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        headers(&self.headers)
    }

    pub(crate) fn judge(&self) -> Judgement {
        self.judge_body(&self.body())
    }

    pub(crate) fn judge_body(&self, body: &[u8]) -> Judgement {
        let headers = self.headers();
        let received = Received {
            method: &self.method,
            url: &self.url,
            headers: &headers,
            body,
        };
        let now = Timestamp::from_secs(self.now);
        let verifier = self
            .scheme()
            .verifier(&self.secrets(), &self.options())
            .unwrap_or_else(|error| panic!("{}: {error}", self.id));
        add_documents(&*verifier, &received, now, &self.documents());
        verifier.verify(&received, now, self.tolerance.map(Duration::from_secs))
    }

    /// Signs the vector's message and compares the result.
    pub(crate) fn check_signature(&self, sign: &Sign) {
        let body = self.body();
        let mut headers = HeaderMap::new();
        let content_type = self.headers().get("content-type").cloned();
        headers.extend(content_type.map(|kind| (http::header::CONTENT_TYPE, kind)));
        let timestamp = match (&sign.timestamp, &sign.transmission_time) {
            (Some(Value::String(text)), _) => {
                // More digits than milliseconds, so it is given as a header.
                headers.insert(
                    "twitch-eventsub-message-timestamp",
                    HeaderValue::from_str(text).unwrap(),
                );
                text.parse().unwrap()
            }
            (Some(seconds), _) => Timestamp::from_secs(seconds.as_i64().unwrap()),
            (None, Some(text)) => text.parse().unwrap(),
            (None, None) => Timestamp::from_secs(self.now),
        };
        let ids = [&sign.id, &sign.transmission_id, &sign.token];
        let message = Outgoing {
            id: ids.into_iter().flatten().next().map_or("msg_1", |id| id),
            timestamp,
            url: &self.url,
            headers: &headers,
            body: &body,
        };
        let signer = self
            .scheme()
            .signer(&self.signing_secret(), &self.signing_options())
            .unwrap_or_else(|error| panic!("{}: {error}", self.id));
        let signed = signer.sign(&message).unwrap();
        if let Some((name, value)) = &sign.expect_header {
            let headers: HeaderMap = signed.headers.into_iter().collect();
            assert_eq!(headers[name.as_str()], value.as_str(), "{}", self.id);
        }
        if let Some((path, value)) = &sign.expect_body_field {
            let body: Value = serde_json::from_slice(&signed.body.unwrap()).unwrap();
            let pointer = format!("/{}", path.replace('.', "/"));
            assert_eq!(body.pointer(&pointer).unwrap(), value, "{}", self.id);
        }
    }

    /// The options of the receiver, and the URL of the sender's certificate.
    pub(crate) fn signing_options(&self) -> Options {
        let mut options = self.options();
        if let Some(url) = self.documents().into_keys().next() {
            options.0.push(("cert-url".to_owned(), url));
        }
        options
    }
}
