//! Vendors' handshakes at `evt listen --verify`, and rotation of secrets.

use evt::secret::Secret;
use evt::signature::{Options, Outgoing, Scheme, Signed};
use evt::time::Timestamp;
use http::HeaderMap;
use serde_json::{Value, json};

use super::{line, start};
use crate::signature::vector;
use crate::support::app::Answer;
use crate::support::raw::{Reply, exchange};
use crate::support::{App, Sandbox};

const FIRST: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECOND: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Signs a body.
fn sign(scheme: &dyn Scheme, secret: &Secret, options: &Options, body: &[u8]) -> Signed {
    let signer = scheme.signer(secret, options).unwrap();
    let message = Outgoing {
        id: "m-1",
        timestamp: Timestamp::now(),
        url: "",
        headers: &HeaderMap::new(),
        body: &body.to_vec().into(),
    };
    signer.sign(&message).unwrap()
}

fn get(address: std::net::SocketAddr, path: &str) -> Reply {
    exchange(address, "GET", path, &[], b"").expect("the listener answers")
}

#[test]
fn a_meta_subscription_is_confirmed_but_not_counted() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let target = app.url("/");
    let (mut listener, address) = start(
        &sandbox,
        &[
            &target,
            "--verify",
            "meta:verify-token=agreed",
            "--secret",
            "app-secret",
            "--count",
            "1",
            "--for",
            "50s",
        ],
    );
    let path = "/hook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=";
    let reply = get(address, &format!("{path}agreed"));
    assert_eq!((reply.status, reply.body.as_str()), (200, "1158201444"));
    let record = line(&mut listener, 1);
    assert_eq!(record["verdict"], Value::Null, "handshakes are not signed");
    listener.wait_for_stderr("\"handshake\"");
    let reply = get(address, &format!("{path}other"));
    assert_eq!(reply.status, 403);
    assert_eq!(
        line(&mut listener, 2)["verdict"]["reason"],
        "handshake_refused"
    );
    assert!(app.requests().is_empty(), "a handshake is not forwarded");
    listener.interrupt();
    // Interrupted before the first event that counts.
    listener.finish().expect_exit(130);
}

#[test]
fn a_linkedin_challenge_is_answered_with_its_mac() {
    let sandbox = Sandbox::new();
    let args = ["--verify", "linkedin", "--secret", "client-secret"];
    let (_listener, address) = start(&sandbox, &args);
    let reply = get(address, "/hook?challengeCode=c-1");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"client-secret");
    let tag = aws_lc_rs::hmac::sign(&key, b"c-1");
    let digits: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let answer: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        answer,
        json!({ "challengeCode": "c-1", "challengeResponse": digits })
    );
}

#[test]
fn an_sns_subscription_is_confirmed_at_its_url() {
    let sns = App::start();
    let vector = vector::file("sns.json").vectors.remove(0);
    let (_, certificate) = vector.documents().pop_first().unwrap();
    sns.answer(Answer::Status(200, certificate));
    let body = json!({
        "Type": "SubscriptionConfirmation", "MessageId": "m-1", "Token": "t-1", "Message": "Please confirm.",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Timestamp": "2026-11-20T00:00:00.000Z",
        "SubscribeURL": sns.url("/confirm?Token=t-1"),
    });
    let options = Options(vec![
        ("cert-url".to_owned(), sns.url("/sns.pem")),
        ("certs".to_owned(), "loopback".to_owned()),
    ]);
    let signed = sign(
        vector.scheme(),
        &vector.signing_secret(),
        &options,
        body.to_string().as_bytes(),
    );
    let sandbox = Sandbox::new();
    let (mut listener, address) = start(&sandbox, &["--verify", "sns:certs=loopback"]);
    let reply = exchange(address, "POST", "/hook", &[], &signed.body.unwrap()).unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(line(&mut listener, 1)["verdict"]["ok"], true);
    let asked: Vec<String> = sns.requests().into_iter().map(|r| r.target).collect();
    assert_eq!(asked, ["/sns.pem", "/confirm?Token=t-1"]);
}

#[test]
fn the_matching_secret_is_reported_during_a_rotation() {
    let sandbox = Sandbox::new();
    let args = [
        "--verify",
        "standard-webhooks",
        "--secret",
        FIRST,
        "--secret",
        SECOND,
    ];
    let (mut listener, address) = start(&sandbox, &args);
    let url = format!("http://{address}/hook");
    for (secret, expected) in [
        (FIRST, "matched_secret: secret 1 of 2 matches"),
        (SECOND, "matched_secret: secret 2 of 2 matches"),
    ] {
        sandbox
            .run(["send", "contact.created", "--to", &url, "--secret", secret])
            .expect_exit(0);
        let nth = if secret == FIRST { 1 } else { 3 };
        assert_eq!(line(&mut listener, nth)["verdict"]["hint"], expected);
    }
}

#[test]
fn a_sender_signs_with_both_secrets_during_a_rotation() {
    for (scheme, first, second) in [
        ("standard-webhooks", FIRST, SECOND),
        ("stripe", "whsec_old", "whsec_new"),
    ] {
        for known in [first, second] {
            let sandbox = Sandbox::new();
            let (_listener, address) = start(&sandbox, &["--verify", scheme, "--secret", known]);
            let url = format!("http://{address}/hook");
            let args = [
                "send",
                "contact.created",
                "--sign",
                scheme,
                "--to",
                &url,
                "--secret",
                first,
                "--secret",
                second,
            ];
            sandbox.run(args).expect_exit(0);
        }
    }
}

#[test]
fn two_secrets_for_a_scheme_with_one_signature_are_a_usage_error() {
    let sandbox = Sandbox::new();
    let args = [
        "send",
        "github/ping",
        "--to",
        "1",
        "--secret",
        "a",
        "--secret",
        "b",
    ];
    let output = sandbox.run(args).expect_exit(2);
    assert!(output.stderr.contains("one_secret"), "{output}");
}

#[test]
fn the_handshake_of_a_second_app_is_answered() {
    let sandbox = Sandbox::new();
    let discord = evt::signature::find("discord").unwrap();
    let keys = |byte| discord.sample_keys(&[byte; 32]).unwrap();
    let (first, second) = (keys(1), keys(2));
    let args = [
        "--verify",
        "discord",
        "--secret",
        first.verifies.reveal(),
        "--verify",
        "discord",
        "--secret",
        second.verifies.reveal(),
    ];
    let (_listener, address) = start(&sandbox, &args);
    let body = br#"{"type":1}"#;
    let signed = sign(discord, &second.signs, &Options::default(), body);
    let headers: Vec<(&str, &str)> = signed
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let reply = exchange(address, "POST", "/hook", &headers, body).unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"type":1}"#));
}

#[test]
fn an_unavailable_certificate_is_answered_with_503() {
    let nobody = crate::support::Absent::new();
    let vector = vector::file("sns.json").vectors.remove(0);
    let url = format!("http://{}/sns.pem", nobody.address());
    let options = Options(vec![("cert-url".to_owned(), url)]);
    let body = json!({
        "Type": "Notification", "MessageId": "m-1", "Message": "hello",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Timestamp": "2026-11-20T00:00:00.000Z",
    });
    let signed = sign(
        vector.scheme(),
        &vector.signing_secret(),
        &options,
        body.to_string().as_bytes(),
    );
    let sandbox = Sandbox::new();
    let (_listener, address) = start(&sandbox, &["--verify", "sns:certs=loopback"]);
    let reply = exchange(address, "POST", "/hook", &[], &signed.body.unwrap()).unwrap();
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.body.contains("cert_unavailable"), "{reply:?}");
}
