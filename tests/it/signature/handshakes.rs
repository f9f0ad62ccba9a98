//! The vendors' handshakes: each request gets the answer that its vendor expects.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evt::secret::Secret;
use evt::signature::{self, Handshake, Options, Received};
use evt::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::vector::{self, Vector, add_documents, headers};

#[derive(Deserialize)]
struct File {
    handshakes: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    vendor: String,
    #[serde(default)]
    key: BTreeMap<String, Value>,
    now: Option<i64>,
    request: Option<Request>,
    see_vector: Option<String>,
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_b64: String,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    content_type: Option<String>,
    body: Option<String>,
    json: Option<Value>,
}

fn asked() -> Vec<Asked> {
    let file: File = serde_json::from_str(&vector::read("handshakes.json")).unwrap();
    file.handshakes
}

fn answer(asked: &Asked, request: &Request) -> Option<Handshake> {
    let text = |name: &str| asked.key.get(name).and_then(Value::as_str);
    let mut options = Options::default();
    let mut secrets: Vec<Secret> = asked
        .key
        .get("secrets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|secret| secret.as_str().map(Secret::new))
        .collect();
    secrets.extend(text("public_key_hex").map(Secret::new));
    if let Some(token) = text("verify_token") {
        options
            .0
            .push(("verify-token".to_owned(), token.to_owned()));
        // The answer does not depend on the app secret.
        secrets.push(Secret::new("an app secret"));
    }
    let scheme = signature::find(&asked.vendor).unwrap();
    let verifier = scheme.verifier(&secrets, &options).unwrap();
    let (headers, body) = (
        headers(&request.headers),
        STANDARD.decode(&request.body_b64).unwrap(),
    );
    let received = Received {
        method: &request.method,
        url: &request.url,
        headers: &headers,
        body: &body,
    };
    let now = Timestamp::from_secs(asked.now.unwrap());
    let judgement = verifier.verify(&received, now, None);
    verifier.handshake(&received, &judgement)
}

#[test]
fn every_handshake_gets_its_answer() {
    let mut count = 0;
    for asked in asked() {
        let (Some(request), Some(expected)) = (&asked.request, &asked.response) else {
            continue;
        };
        count += 1;
        let got = answer(&asked, request).unwrap_or_else(|| panic!("{}: no handshake", asked.id));
        assert_eq!(got.status, expected.status, "{}", asked.id);
        assert_eq!(got.accepted, expected.status < 300, "{}", asked.id);
        if let Some(kind) = &expected.content_type {
            assert_eq!(got.content_type, kind, "{}", asked.id);
        }
        if let Some(body) = &expected.body {
            assert_eq!(String::from_utf8(got.body).unwrap(), *body, "{}", asked.id);
        } else if let Some(json) = &expected.json {
            let body: Value = serde_json::from_slice(&got.body).unwrap();
            assert_eq!(body, *json, "{}", asked.id);
        }
    }
    assert_eq!(count, 11, "the twelfth is a subscription's confirmation");
}

/// The vector whose message confirms a subscription.
fn confirmation() -> Vector {
    let asked = asked().into_iter().find(|asked| asked.see_vector.is_some());
    let id = asked.unwrap().see_vector.unwrap();
    let file = vector::file("sns.json");
    let mut vectors = file.vectors.into_iter();
    vectors.find(|vector| vector.id == id).unwrap()
}

/// The answer to it with these options.
fn subscription(options: Vec<(String, String)>) -> Handshake {
    let vector = confirmation();
    let (headers, body) = (vector.headers(), vector.body());
    let received = Received {
        method: &vector.method,
        url: &vector.url,
        headers: &headers,
        body: &body,
    };
    let now = Timestamp::from_secs(vector.now);
    let verifier = vector.scheme().verifier(&[], &Options(options)).unwrap();
    add_documents(&*verifier, &received, now, &vector.documents());
    let judgement = verifier.verify(&received, now, None);
    verifier.handshake(&received, &judgement).unwrap()
}

#[test]
fn a_subscription_is_confirmed_at_its_subscribe_url() {
    let message: Value = serde_json::from_slice(&confirmation().body()).unwrap();
    let topic = message["TopicArn"].as_str().unwrap().to_owned();
    let handshake = subscription(vec![("topic".to_owned(), topic)]);
    assert_eq!(
        handshake.confirm.as_deref(),
        message["SubscribeURL"].as_str()
    );
    assert!(handshake.accepted);
}

#[test]
fn an_event_sent_as_a_challenge_is_not_signed() {
    for (vendor, parameter, header, before) in [
        ("linkedin", "challengeCode", "x-li-signature", "hmacsha256="),
        ("twitter", "crc_token", "x-twitter-webhooks-signature", ""),
    ] {
        let scheme = signature::find(vendor).unwrap();
        let verifier = scheme
            .verifier(&[Secret::new("secret")], &Options::default())
            .unwrap();
        let forged = r#"{"forged":true}"#;
        let encoded: String = format!("{before}{forged}")
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        let url = format!("https://hooks.example.test/?{parameter}={encoded}");
        let none = headers(&[]);
        let asked = Received {
            method: "GET",
            url: &url,
            headers: &none,
            body: b"",
        };
        let judgement = verifier.verify(&asked, Timestamp::from_secs(0), None);
        let handshake = verifier.handshake(&asked, &judgement).unwrap();
        assert!(!handshake.accepted, "{vendor} signs for {header}");
        assert!(handshake.body.is_empty(), "{vendor}");
    }
}

#[test]
fn an_empty_token_confirms_nothing() {
    let scheme = signature::find("meta").unwrap();
    let options = Options(vec![("verify-token".to_owned(), String::new())]);
    assert!(scheme.verifier(&[Secret::new("s")], &options).is_err());
}

#[test]
fn a_subscription_to_an_unknown_topic_is_not_confirmed() {
    let handshake = subscription(Vec::new());
    assert_eq!((handshake.confirm, handshake.accepted), (None, true));
    assert!(handshake.hint.unwrap().contains("sns:topic=arn:aws:sns:"));
}

#[test]
fn an_unsigned_challenge_is_not_answered() {
    for (vendor, body, header) in [
        (
            "slack",
            r#"{"type":"url_verification","challenge":"c"}"#,
            ("x", "x"),
        ),
        (
            "twitch",
            r#"{"challenge":"c"}"#,
            (
                "twitch-eventsub-message-type",
                "webhook_callback_verification",
            ),
        ),
    ] {
        let scheme = signature::find(vendor).unwrap();
        let verifier = scheme
            .verifier(&[Secret::new("secret")], &Options::default())
            .unwrap();
        let headers = headers(&[(header.0.to_owned(), header.1.to_owned())]);
        let received = Received {
            method: "POST",
            url: "https://hooks.example.test/",
            headers: &headers,
            body: body.as_bytes(),
        };
        let judgement = verifier.verify(&received, Timestamp::from_secs(0), None);
        assert_eq!(verifier.handshake(&received, &judgement), None, "{vendor}");
    }
}
