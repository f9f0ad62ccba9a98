//! The schemes with public keys, tokens and URLs against vectors that the vendors' own libraries were run over.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::{Handshake, Judgement, Options, Outgoing, Received, Scheme, Verifier, find};
use crate::secret::Secret;
use crate::time::Timestamp;

const FILES: &[&str] = &[
    include_str!("../../tests/data/signatures/standard-webhooks-v1a.json"),
    include_str!("../../tests/data/signatures/paypal.json"),
    include_str!("../../tests/data/signatures/sendgrid.json"),
    include_str!("../../tests/data/signatures/sns.json"),
    include_str!("../../tests/data/signatures/twilio.json"),
    include_str!("../../tests/data/signatures/discord.json"),
    include_str!("../../tests/data/signatures/google-pubsub-jwt.json"),
    include_str!("../../tests/data/signatures/jwt-hs256.json"),
];

/// `paypal-08`: other contents; `paypal-10`: no other id is configured; `twilio-15`: nothing in the request names the public host.
const NOT_DERIVABLE: [&str; 3] = ["paypal-08", "paypal-10", "twilio-15"];

#[derive(Deserialize)]
struct File {
    scheme: String,
    vectors: Vec<Vector>,
    #[serde(default)]
    handshakes: Vec<HandshakeVector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    key: Key,
    #[serde(flatten)]
    request: Request,
    now: i64,
    tolerance: Option<u64>,
    expect: String,
    reason: String,
    #[serde(default)]
    accept_reasons: Vec<String>,
    hint: Option<String>,
    sign: Option<Sign>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_b64: String,
}

#[derive(Deserialize)]
struct HandshakeVector {
    id: String,
    #[serde(default)]
    key: Key,
    now: Option<i64>,
    request: Option<Request>,
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    content_type: Option<String>,
    json: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Key {
    secrets: Vec<String>,
    public_keys: Vec<String>,
    private_key: Option<String>,
    public_key_hex: Option<String>,
    private_key_seed_hex: Option<String>,
    public_key_b64_der: Option<String>,
    private_key_pem: Option<String>,
    webhook_id: Option<String>,
    trust_anchors_pem: Vec<String>,
    intermediates_pem: Vec<String>,
    certs: HashMap<String, String>,
    jwks: Option<Value>,
    audience: Option<String>,
    email: Option<String>,
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct Sign {
    id: Option<String>,
    transmission_id: Option<String>,
    timestamp: Option<i64>,
    transmission_time: Option<Timestamp>,
    expect_header: (String, String),
}

impl Key {
    fn verifies(&self) -> Vec<Secret> {
        let one = self.public_key_hex.iter().chain(&self.public_key_b64_der);
        let all = self.secrets.iter().chain(&self.public_keys).chain(one);
        all.map(Secret::new).collect()
    }

    fn signs(&self) -> Secret {
        let keys = self.private_key.iter().chain(&self.private_key_seed_hex);
        let mut keys = keys.chain(&self.private_key_pem).chain(&self.secrets);
        Secret::new(keys.next().unwrap())
    }

    fn options(&self, request: &Request) -> Options {
        let ca = [&self.trust_anchors_pem[..], &self.intermediates_pem].concat();
        let settings = "X-Twilio-Webhooks-Signature-Settings";
        let settings = request.headers.iter().any(|(name, _)| name == settings);
        let options = [
            ("webhook-id", self.webhook_id.clone()),
            ("ca", (!ca.is_empty()).then(|| ca.concat())),
            ("jwks", self.jwks.as_ref().map(Value::to_string)),
            ("audience", self.audience.clone()),
            ("email", self.email.clone()),
            ("issuer", self.issuer.clone()),
            ("algorithm", settings.then(|| "HMAC_SHA256".to_owned())),
        ];
        let given = options
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Options(given.collect())
    }

    fn verifier(&self, scheme: &dyn Scheme, request: &Request) -> Box<dyn Verifier> {
        scheme
            .verifier(&self.verifies(), &self.options(request))
            .unwrap()
    }
}

impl Request {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn body(&self) -> Bytes {
        STANDARD.decode(&self.body_b64).unwrap().into()
    }

    /// The judgement, and the handshake, once the documents were fetched that the request refers to.
    fn judge(
        &self,
        verifier: &dyn Verifier,
        certs: &HashMap<String, String>,
        now: Timestamp,
        tolerance: Option<u64>,
    ) -> (Judgement, Option<Handshake>) {
        let (headers, body) = (self.headers(), self.body());
        let received = Received {
            method: &self.method,
            url: &self.url,
            headers: &headers,
            body: &body,
        };
        if let Some(url) = verifier.wants(&received, now) {
            verifier.learn(&url, certs[&url].as_bytes(), now);
            assert_eq!(verifier.wants(&received, now), None);
        }
        let tolerance = tolerance.map(Duration::from_secs);
        let judgement = verifier.verify(&received, now, tolerance);
        let handshake = verifier.handshake(&received, &judgement);
        (judgement, handshake)
    }
}

fn files() -> impl Iterator<Item = (&'static dyn Scheme, File)> {
    FILES.iter().map(|text| {
        let file: File = serde_json::from_str(text).unwrap();
        (find(&file.scheme).unwrap(), file)
    })
}

fn judge(scheme: &dyn Scheme, vector: &Vector) -> (Judgement, Option<Handshake>) {
    let verifier = vector.key.verifier(scheme, &vector.request);
    let now = Timestamp::from_secs(vector.now);
    vector
        .request
        .judge(&*verifier, &vector.key.certs, now, vector.tolerance)
}

#[test]
fn every_vector_gets_its_verdict_reason_and_hint() {
    let mut wrong = Vec::new();
    for (scheme, file) in files() {
        for vector in &file.vectors {
            let (judgement, _) = judge(scheme, vector);
            let reason = judgement.reason.code();
            let hint = judgement.hint.clone().unwrap_or_default();
            let code = hint.split(':').next();
            let right = judgement.is_valid() == (vector.expect == "valid")
                && (reason == vector.reason || vector.accept_reasons.iter().any(|r| r == reason))
                && (vector.hint.is_none()
                    || NOT_DERIVABLE.contains(&vector.id.as_str())
                    || vector.hint.as_deref() == code);
            if !right {
                wrong.push(format!("{}: {reason}: {hint}", vector.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_refusal_says_what_would_mend_it() {
    for (scheme, file) in files() {
        for vector in &file.vectors {
            let (judgement, _) = judge(scheme, vector);
            assert_eq!(
                judgement.is_valid(),
                judgement.hint.is_none(),
                "{}",
                vector.id
            );
        }
    }
}

#[test]
fn every_signer_makes_the_exact_header() {
    let mut signed = 0;
    for (scheme, file) in files() {
        for vector in &file.vectors {
            let Some(sign) = &vector.sign else { continue };
            signed += 1;
            let mut options = vector.key.options(&vector.request);
            options.0.retain(|(name, _)| name != "ca");
            if let Some(url) = vector.request.headers().get("paypal-cert-url") {
                let url = url.to_str().unwrap().to_owned();
                options.0.push(("cert-url".to_owned(), url));
            }
            let seconds = sign.timestamp.unwrap_or(vector.now);
            let message = Outgoing {
                id: sign
                    .id
                    .as_deref()
                    .or(sign.transmission_id.as_deref())
                    .unwrap_or("msg_1"),
                timestamp: sign
                    .transmission_time
                    .unwrap_or(Timestamp::from_secs(seconds)),
                url: &vector.request.url,
                headers: &vector.request.headers(),
                body: &vector.request.body(),
            };
            let signer = scheme.signer(&vector.key.signs(), &options).unwrap();
            let headers: HeaderMap = signer.sign(&message).unwrap().headers.into_iter().collect();
            let (name, value) = &sign.expect_header;
            assert_eq!(headers[name.as_str()], value.as_str(), "{}", vector.id);
        }
    }
    assert_eq!(signed, 4, "vectors that sign");
}

#[test]
fn handshakes_get_their_answers() {
    for (scheme, file) in files() {
        for vector in &file.handshakes {
            let (Some(request), Some(response)) = (&vector.request, &vector.response) else {
                continue;
            };
            let verifier = vector.key.verifier(scheme, request);
            let now = Timestamp::from_secs(vector.now.unwrap());
            let (_, handshake) = request.judge(&*verifier, &vector.key.certs, now, None);
            let handshake = handshake.unwrap();
            assert_eq!(handshake.status, response.status, "{}", vector.id);
            assert_eq!(handshake.accepted, response.status < 300, "{}", vector.id);
            if let Some(json) = &response.json {
                let body: Value = serde_json::from_slice(&handshake.body).unwrap();
                assert_eq!(&body, json, "{}", vector.id);
                let kind = response.content_type.as_deref();
                assert_eq!(Some(handshake.content_type), kind, "{}", vector.id);
            } else {
                assert!(handshake.body.is_empty(), "{}", vector.id);
            }
        }
    }
}

/// Signs a vector's message anew and judges the result, as it was and with its body changed.
fn sign_and_judge(scheme: &str, id: &str, extra: &[(&str, &str)]) {
    let (scheme, file) = files().find(|(found, _)| found.name() == scheme).unwrap();
    let mut vector = file
        .vectors
        .into_iter()
        .find(|vector| vector.id == id)
        .unwrap();
    let mut options = vector.key.options(&vector.request);
    options.0.retain(|(name, _)| name != "ca" && name != "jwks");
    let extra = extra
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    options.0.extend(extra);
    let message = Outgoing {
        id: "msg_2",
        timestamp: Timestamp::from_secs(vector.now),
        url: &vector.request.url,
        headers: &vector.request.headers(),
        body: &vector.request.body(),
    };
    let signer = scheme.signer(&vector.key.signs(), &options).unwrap();
    let signed = signer.sign(&message).unwrap();
    let pair = |(name, value): &(HeaderName, HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    vector.request.headers = signed.headers.iter().map(pair).collect();
    let body = signed.body.unwrap_or_else(|| vector.request.body());
    vector.request.body_b64 = STANDARD.encode(&body);
    let (judgement, _) = judge(scheme, &vector);
    assert!(judgement.is_valid(), "{id}: {judgement:?}");
    if scheme.covers_body() {
        let changed = String::from_utf8(body.to_vec())
            .unwrap()
            .replacen("Bounce", "Bouncy", 1);
        vector.request.body_b64 = STANDARD.encode(changed + " \n");
        let (judgement, _) = judge(scheme, &vector);
        assert!(!judgement.is_valid(), "{id}");
    }
}

#[test]
fn what_is_signed_with_rsa_verifies() {
    let certificate = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-932a4f6f17225c4c";
    sign_and_judge("paypal", "paypal-01", &[("cert-url", certificate)]);
    let certificate = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1a9025a3e23fba4bda0444d336b6c3d3.pem";
    sign_and_judge("sns", "sns-02", &[("cert-url", certificate)]);
    let kid = "05058dc603d806db368b3ff30a9bd8494d9dd054";
    sign_and_judge("google-pubsub-jwt", "google-pubsub-jwt-01", &[("kid", kid)]);
}

#[test]
fn broken_requests_are_refused_and_break_nothing() {
    for (scheme, file) in files() {
        for vector in file
            .vectors
            .iter()
            .filter(|vector| vector.expect == "valid")
        {
            let verifier = vector.key.verifier(scheme, &vector.request);
            let now = Timestamp::from_secs(vector.now);
            for at in 0..vector.request.headers.len() {
                for length in [0, 1, 7, 20] {
                    let mut headers = vector.request.headers();
                    let (name, value) = &vector.request.headers[at];
                    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                    let mut cut = value.clone();
                    cut.truncate(length);
                    headers.insert(name, HeaderValue::from_str(&cut).unwrap());
                    for body in [&b""[..], b"{", b"\xff\xfe", b"{\"Type\":7}", b"=&%"] {
                        let received = Received {
                            method: "POST",
                            url: &vector.request.url[..length],
                            headers: &headers,
                            body,
                        };
                        verifier.wants(&received, now);
                        let judgement = verifier.verify(&received, now, None);
                        verifier.handshake(&received, &judgement);
                    }
                }
            }
        }
    }
}

/// What a verification costs beside the bare check of the provider. Run by hand, optimised.
#[test]
#[ignore = "measures"]
fn verifying_costs_the_check_alone() {
    for (scheme, file) in files() {
        let vector = &file.vectors[usize::from(scheme.name() == "sns")];
        let verifier = vector.key.verifier(scheme, &vector.request);
        let now = Timestamp::from_secs(vector.now);
        vector
            .request
            .judge(&*verifier, &vector.key.certs, now, None);
        let (headers, body) = (vector.request.headers(), vector.request.body());
        let received = Received {
            method: "POST",
            url: &vector.request.url,
            headers: &headers,
            body: &body,
        };
        let start = std::time::Instant::now();
        for _ in 0..2000 {
            assert!(verifier.verify(&received, now, None).is_valid());
        }
        let each = start.elapsed() / 2000;
        assert!(each.as_millis() < 5, "{}: {each:?}", scheme.name());
    }
}
