//! Interoperability with the vendors' npm libraries: they verify requests of `evt send`, and `evt listen` verifies
//! requests that they signed.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use evt::time::Timestamp;
use serde_json::{Value, json};

use crate::signature::party::{Party, parties};
use crate::signature::vector;
use crate::support::app::{App, Request};
use crate::support::{Node, Sandbox};

/// A body that every JSON library would serialize differently.
const BODY: &str = "{ \"url\": \"https:\\/\\/a.test\\/x\",  \"amount\": 10.00, \"n\": 12345678901234567890, \"name\": \"Zoë\\u00e9\" }\n";
const FORM: &str =
    "From=%2B15005550006&To=%2B15005550001&Body=Gr%C3%BC%C3%9Fe+%F0%9F%9A%80&CallSid=CA1";
const NOTIFICATION: &str = r#"{"Type":"Notification","MessageId":"m-1","TopicArn":"arn:aws:sns:us-east-1:123456789012:t","Message":"Zoë \"said\"\nso","Timestamp":"2026-11-19T23:59:55.000Z"}"#;
const AUDIENCE: &str = "https://hooks.example.test/push";

/// A scheme as both sides use it.
struct Side {
    scheme: &'static str,
    /// `--sign` and `--verify`.
    signing: String,
    verifying: String,
    signs: String,
    verifies: String,
    content_type: &'static str,
    body: &'static str,
    /// Headers that a library requires besides the signature.
    headers: &'static [&'static str],
    /// Other values that a library requires.
    more: Value,
    has_timestamp: bool,
}

impl Side {
    fn new(scheme: &'static str) -> Self {
        let party = party(scheme);
        Self {
            scheme,
            signing: scheme.to_owned(),
            verifying: scheme.to_owned(),
            signs: party.signs.reveal().to_owned(),
            verifies: party
                .secrets
                .first()
                .map(|secret| secret.reveal().to_owned())
                .unwrap_or_default(),
            content_type: "application/json",
            body: BODY,
            headers: &[],
            more: json!({}),
            has_timestamp: false,
        }
    }

    fn stamped(scheme: &'static str) -> Self {
        Self {
            has_timestamp: true,
            ..Self::new(scheme)
        }
    }

    fn shopify() -> Self {
        Self {
            headers: &[
                "x-shopify-topic: orders/create",
                "x-shopify-shop-domain: evt.myshopify.com",
                "x-shopify-api-version: 2026-01",
            ],
            ..Self::new("shopify")
        }
    }

    fn twilio() -> Self {
        Self {
            content_type: "application/x-www-form-urlencoded",
            body: FORM,
            ..Self::new("twilio")
        }
    }

    fn google(sandbox: &Sandbox) -> Self {
        let vector = vector::file("google-pubsub-jwt.json").vectors.remove(0);
        let keys = &vector.key["jwks"];
        let key = &keys["keys"][0];
        let kid = key["kid"].as_str().expect("a key id is text");
        let email = vector.key["email"].as_str().expect("an address is text");
        let jwks = sandbox.write("jwks.json", keys.to_string());
        Self {
            signing: format!("google-pubsub-jwt:audience={AUDIENCE},email={email},kid={kid}"),
            verifying: format!(
                "google-pubsub-jwt:audience={AUDIENCE},email={email},jwks=@{}",
                jwks.display()
            ),
            signs: vector.signing_secret().reveal().to_owned(),
            verifies: String::new(),
            more: json!({
                "kid": kid, "audience": AUDIENCE, "email": email, "keys": [key],
            }),
            ..Self::new("google-pubsub-jwt")
        }
    }

    fn sns() -> Self {
        let vector = vector::file("sns.json").vectors.remove(0);
        let (url, certificate) = vector.documents().pop_first().expect("a certificate");
        Self {
            signing: format!("sns:cert-url={url}"),
            signs: vector.signing_secret().reveal().to_owned(),
            content_type: "text/plain; charset=UTF-8",
            body: NOTIFICATION,
            more: json!({ "certificate": certificate }),
            ..Self::new("sns")
        }
    }
}

fn party(scheme: &str) -> Party {
    let mut parties = parties(&[7; 32]).into_iter();
    parties
        .find(|party| party.name() == scheme)
        .expect("it is in the table")
}

/// Every scheme that has an official npm library and signs a whole request.
fn sides(sandbox: &Sandbox) -> Vec<Side> {
    let mut sides = vec![Side::sns()];
    sides.extend(both_ways(sandbox));
    sides
}

/// The schemes for which a library, or Node's own crypto, can also sign.
fn both_ways(sandbox: &Sandbox) -> Vec<Side> {
    vec![
        Side::stamped("standard-webhooks"),
        Side::stamped("svix"),
        Side::stamped("stripe"),
        Side::new("github"),
        Side::twilio(),
        Side::new("sendgrid"),
        Side::stamped("slack"),
        Side::shopify(),
        Side::new("discord"),
        Side::new("jwt-hs256"),
        Side::google(sandbox),
    ]
}

/// The node process with the libraries.
struct Libraries(Node);

impl Libraries {
    fn start() -> Option<Self> {
        Node::start("check.mjs", &[]).map(Self)
    }

    fn ask(&mut self, side: &Side, request: Value) -> Value {
        let mut request = request;
        let fields = request.as_object_mut().expect("it is an object");
        fields.extend(side.more.as_object().cloned().unwrap_or_default());
        fields.insert("scheme".to_owned(), side.scheme.into());
        fields.insert("secret".to_owned(), side.signs.as_str().into());
        fields.insert("verifies".to_owned(), side.verifies.as_str().into());
        self.0.say(&request.to_string());
        serde_json::from_str(&self.0.line()).expect("a line of JSON")
    }

    /// The result of the scheme's library: true, false, or an error.
    fn verify(&mut self, side: &Side, url: &str, request: &Request) -> Value {
        let headers: BTreeMap<&str, &str> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let body = std::str::from_utf8(&request.body).expect("the tests send text");
        let asked = json!({ "action": "verify", "headers": headers, "body": body, "url": url });
        self.ask(side, asked)
    }

    /// The headers that the scheme's library creates.
    fn sign(&mut self, side: &Side, url: &str) -> BTreeMap<String, String> {
        let answer = self.ask(
            side,
            json!({
                "action": "sign", "id": "msg_interop", "timestamp": Timestamp::now().secs(),
                "body": side.body, "url": url,
            }),
        );
        serde_json::from_value(answer["ok"].clone())
            .unwrap_or_else(|_| panic!("{}: {answer}", side.scheme))
    }
}

/// The requests that an app received, and its URL.
fn sent(side: &Side, more: &[&str]) -> (String, Vec<Request>) {
    let (sandbox, app) = (Sandbox::new(), App::start());
    sandbox.write("body", side.body);
    // A private key starts with hyphens, like a flag.
    let secret = format!("file:{}", sandbox.write("secret", &side.signs).display());
    let to = app.url("/hook");
    let kind = format!("content-type: {}", side.content_type);
    let mut args = vec![
        "send",
        "@body",
        "--sign",
        &side.signing,
        "--secret",
        &secret,
    ];
    args.extend(["--to", &to, "-H", &kind]);
    args.extend(side.headers.iter().flat_map(|header| ["-H", header]));
    args.extend(more);
    let output = sandbox.run(args);
    assert!(
        matches!(output.exit, Some(0 | 8)),
        "{}: {output}",
        side.scheme
    );
    (to, app.requests())
}

#[test]
fn each_library_verifies_what_evt_sends() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    let sandbox = Sandbox::new();
    for side in sides(&sandbox) {
        let (url, requests) = sent(&side, &[]);
        let verdict = libraries.verify(&side, &url, &requests[0]);
        assert_eq!(verdict, json!({ "ok": true }), "{}", side.scheme);
    }
}

#[test]
fn each_library_verifies_each_of_many() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    let sandbox = Sandbox::new();
    for side in sides(&sandbox) {
        let (url, requests) = sent(&side, &["--times", "5", "--concurrency", "2"]);
        for request in requests {
            let verdict = libraries.verify(&side, &url, &request);
            assert_eq!(verdict, json!({ "ok": true }), "{}", side.scheme);
        }
    }
}

#[test]
fn each_library_refuses_what_evt_tampered_with() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    let sandbox = Sandbox::new();
    for side in sides(&sandbox) {
        let covers = party(side.scheme).scheme.facts().covers_body;
        let tampers = [
            ("body", covers),
            ("signature", true),
            ("timestamp", side.has_timestamp),
        ];
        for (tamper, applies) in tampers {
            if !applies {
                continue;
            }
            let (url, requests) = sent(&side, &["--tamper", tamper]);
            let verdict = libraries.verify(&side, &url, &requests[0]);
            assert_ne!(verdict, json!({ "ok": true }), "{} {tamper}", side.scheme);
        }
    }
}

#[test]
fn twilios_library_verifies_json_that_evt_sends() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    let side = Side::new("twilio");
    let (url, requests) = sent(&side, &[]);
    let request = &requests[0];
    let url = url.replace("/hook", &request.target);
    let verdict = libraries.verify(&side, &url, request);
    assert_eq!(verdict, json!({ "ok": true }));
}

#[test]
fn evt_listen_verifies_what_each_library_signs() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    let sandbox = Sandbox::new();
    for side in both_ways(&sandbox) {
        let record = listened(&side, |url| libraries.sign(&side, url));
        assert_eq!(record["verdict"]["ok"], true, "{record}");
        assert_eq!(record["verdict"]["scheme"], side.scheme);
    }
}

#[test]
fn evt_listen_refuses_what_a_library_signed_with_another_secret() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    let sandbox = Sandbox::new();
    for side in both_ways(&sandbox) {
        // There is only one Google key pair. The vectors test that another one is refused.
        let Some(other) = party(side.scheme).scheme.sample_keys(&[9; 32]) else {
            continue;
        };
        let other = Side {
            signs: other.signs.reveal().to_owned(),
            more: json!({}),
            signing: String::new(),
            ..Side::new(side.scheme)
        };
        let other = Side {
            body: side.body,
            ..other
        };
        let record = listened(&side, |url| libraries.sign(&other, url));
        assert_eq!(
            record["verdict"]["reason"], "signature_mismatch",
            "{}",
            side.scheme
        );
    }
}

/// The record that `evt listen` prints of a request, whose headers are created for its URL.
fn listened(side: &Side, headers: impl FnOnce(&str) -> BTreeMap<String, String>) -> Value {
    let sandbox = Sandbox::new();
    let mut args = vec![
        "listen",
        "--port",
        "0",
        "--verify",
        &side.verifying,
        "-o",
        "json",
    ];
    if !side.verifies.is_empty() {
        args.extend(["--secret", &side.verifies]);
    }
    let mut listener = sandbox.spawn(args);
    let ready: Value =
        serde_json::from_str(&listener.wait_for_stderr("\"ready\"")).expect("a notice is JSON");
    let url = ready["url"].as_str().expect("the notice has the address");
    let headers = headers(&format!("{url}/hook"));
    let status = post(url.trim_start_matches("http://"), side, &headers);
    let line = listener.wait_for_stdout("\"ref\"");
    let record: Value = serde_json::from_str(&line).expect("a record is JSON");
    let accepted = record["verdict"]["ok"] == true;
    assert_eq!(accepted, status.starts_with("HTTP/1.1 2"), "{status}");
    record
}

fn post(address: &str, side: &Side, headers: &BTreeMap<String, String>) -> String {
    let mut stream = TcpStream::connect(address).expect("the listener listens");
    let mut head = format!(
        "POST /hook HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: {}\r\ncontent-length: {}\r\n",
        side.content_type,
        side.body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{head}\r\n{}", side.body).expect("the request is written");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the answer is read");
    answer.lines().next().unwrap_or_default().to_owned()
}
