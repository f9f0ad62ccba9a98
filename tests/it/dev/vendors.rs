//! Receivers of vendors' webhooks, called with the platform's keys.

use bytes::Bytes;
use evt::sample::{self, Occasion, Sample};
use evt::secret::Secret;
use evt::signature::{self, Options, Outgoing};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::wire::{Platform, Reply, exchange};
use crate::support::{LocalPlatform, Running, Sandbox};

/// A request that a vendor would send.
#[derive(Clone)]
struct Call {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn send(&self, platform: &Platform) -> Reply {
        let address = platform.address();
        let mut request = format!(
            "POST {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.path,
            self.body.len()
        )
        .into_bytes();
        for (name, value) in &self.headers {
            request.extend_from_slice(format!("{name}: ").as_bytes());
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(&self.body);
        exchange(address, &request)
    }
}

fn get(platform: &Platform, path: &str) -> Reply {
    let address = platform.address();
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    exchange(address, head.as_bytes())
}

fn facts(platform: &Platform, vendor: &str) -> Value {
    let reply = platform.order("GET", &format!("/_evt/vendors/{vendor}"), &Value::Null);
    assert_eq!(reply.status, 200, "{vendor}: {reply:?}");
    reply.json()
}

/// The raised events, without the requests that raised them.
fn raised(platform: &Platform) -> Vec<Value> {
    let answer = platform.order("GET", "/_evt/events?limit=1000", &Value::Null);
    let events = answer.json()["events"].as_array().cloned().unwrap();
    let is_raised = |event: &Value| event["transport"] == "bus";
    events.into_iter().filter(is_raised).collect()
}

fn kinds(platform: &Platform) -> Vec<String> {
    let of = |event: &Value| event["type"].as_str().unwrap().to_owned();
    raised(platform).iter().map(of).collect()
}

/// A sample as its vendor would send it to `path`, by default to the vendor's receiver.
fn signed(platform: &Platform, vendor: &str, sample: &Sample, path: Option<&str>) -> Call {
    let facts = facts(platform, vendor);
    let path = path.unwrap_or(facts["path"].as_str().unwrap());
    let mut headers = HeaderMap::new();
    let content_type = HeaderValue::from_static(sample.content_type);
    headers.insert("content-type", content_type);
    for (name, value) in sample.headers {
        let name: HeaderName = name.parse().unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let body = sample.body(&Occasion {
        now: Timestamp::now(),
        id: uuid::Uuid::now_v7(),
        org: "my-org",
    });
    sign(platform, &facts, path, headers, body)
}

fn sign(
    platform: &Platform,
    facts: &Value,
    path: &str,
    mut headers: HeaderMap,
    body: Bytes,
) -> Call {
    let scheme = signature::find(facts["scheme"].as_str().unwrap()).unwrap();
    let options = facts["options"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let options = Options(
        options
            .map(|pair| (text(&pair[0]), text(&pair[1])))
            .collect(),
    );
    let secret = Secret::new(facts["secret"].as_str().unwrap());
    let signer = scheme.signer(&secret, &options).unwrap();
    let url = format!("{}{path}", platform.running().url);
    let signed = signer
        .sign(&Outgoing {
            id: &evt::send::new_id(),
            timestamp: Timestamp::now(),
            url: &url,
            headers: &headers,
            body: &body,
        })
        .unwrap();
    headers.extend(
        signed
            .headers
            .into_iter()
            .map(|(name, value)| (Some(name), value)),
    );
    let url = signed.url.unwrap_or(url);
    let path = url
        .strip_prefix(&platform.running().url)
        .unwrap()
        .to_owned();
    Call {
        path,
        headers,
        body: signed.body.unwrap_or(body),
    }
}

fn stripe(platform: &Platform) -> Call {
    let sample = sample::find("stripe/payment_intent.succeeded").unwrap();
    signed(platform, "stripe", &sample, None)
}

/// Vendors of samples without a receiver.
const NOT_RECEIVED: [&str; 4] = ["appengine", "crm", "platform", "outreach"];

/// Samples whose vendors expect another response: handshakes and commands.
const IN_OWN_WORDS: [&str; 11] = [
    "ses/SubscriptionConfirmation",
    "slack/url_verification",
    "slack/slash_command",
    "discord/PING",
    "discord/webhook.PING",
    "discord/APPLICATION_COMMAND",
    "discord/MESSAGE_COMPONENT",
    "discord/APPLICATION_AUTHORIZED",
    "discord/APPLICATION_DEAUTHORIZED",
    "discord/ENTITLEMENT_CREATE",
    "twitch/webhook_callback_verification",
];

#[test]
fn every_sample_of_every_vendor_is_accepted() {
    let platform = Platform::start();
    let samples = sample::all().filter(|sample| !NOT_RECEIVED.contains(&sample.vendor));
    let samples: Vec<Sample> = samples.collect();
    assert_eq!(samples.len(), 194);
    let mut in_own_words = Vec::new();
    for sample in samples {
        let name = sample.name();
        let call = signed(&platform, sample.vendor, &sample, None);
        let reply = call.send(&platform);
        assert!(matches!(reply.status, 200 | 204), "{name}: {reply:?}");
        if IN_OWN_WORDS.contains(&name.as_str()) {
            in_own_words.push(name);
        } else {
            let body = reply.json();
            assert_eq!(body["success"], true, "{name}");
            assert_eq!(body["message"], "Webhook processed successfully", "{name}");
            assert!(
                body["data"]["id"].as_str().unwrap().starts_with("p_"),
                "{name}"
            );
        }
    }
    assert_eq!(in_own_words.len(), IN_OWN_WORDS.len(), "{in_own_words:?}");
    let all = kinds(&platform);
    for kind in [
        "payment.succeeded",
        "payment.failed",
        "payment.refunded",
        "order.placed",
        "subscription.renewed",
        "email.delivered",
        "email.opened",
        "email.clicked",
        "email.bounced",
        "email.complained",
        "call.incoming",
        "call.status",
        "sms.received",
        "sms.status",
        "social.post",
        "social.mention",
        "social.comment",
        "social.message",
        "social.lead",
        "social.other",
    ] {
        assert!(all.iter().any(|known| known == kind), "{kind}");
    }
}

#[test]
fn a_tampered_request_raises_nothing_and_gets_the_reason() {
    let platform = Platform::start();
    // One for each scheme that signs the body.
    let names = [
        "stripe/payment_intent.succeeded",
        "paypal/PAYMENT.CAPTURE.COMPLETED",
        "sendgrid/open",
        "meta/page.post",
        "slack/message",
        "discord/APPLICATION_COMMAND",
        "twitch/stream.online",
        "linkedin/LEAD_ACTION",
        "tiktok/video.publish.completed",
        "github/push",
        "shopify/orders/create",
    ];
    for name in names {
        let sample = sample::find(name).unwrap();
        let mut call = signed(&platform, sample.vendor, &sample, None);
        let mut body = call.body.to_vec();
        body.push(b' ');
        call.body = body.into();
        let reply = call.send(&platform);
        let refusal = reply.json();
        assert_eq!(reply.status, 401, "{}: {reply:?}", sample.name());
        assert_eq!(refusal["message"], "Invalid webhook signature");
        assert_eq!(refusal["statusCode"], 401);
        assert_eq!(refusal["code"], "signature_mismatch", "{name}");
    }
    assert_eq!(kinds(&platform), Vec::<String>::new());
    let refused = stripe(&platform);
    let unsigned = Call {
        headers: HeaderMap::new(),
        ..refused
    };
    let reply = unsigned.send(&platform);
    assert_eq!(reply.refusal(), (401, "missing_header".to_owned()));
}

#[test]
fn every_form_of_a_path_is_received() {
    let platform = Platform::start();
    let forms = [
        ("stripe/payment_intent.succeeded", "/connect/webhook/stripe"),
        (
            "stripe/payment_intent.succeeded",
            "/connect/webhook/stripe/main",
        ),
        (
            "stripe/payment_intent.succeeded",
            "/upstream/storefront/stripe/webhook",
        ),
        (
            "paypal/PAYMENT.CAPTURE.COMPLETED",
            "/connect/webhook/paypal",
        ),
        ("sendgrid/open", "/broadcast/email/webhook"),
        ("mailgun/opened", "/broadcast/email/webhook"),
        ("ses/Open", "/broadcast/email/webhook"),
        ("sendgrid/open", "/connect/webhook/sendgrid"),
        ("ses/Open", "/connect/webhook/ses/acme"),
        ("ses/Open", "/upstream/connect/webhook/ses/acme"),
        ("meta/page.post", "/sync/social/webhook/meta"),
        ("meta/page.post", "/connect/webhook/facebook"),
    ];
    for (name, path) in forms {
        let sample = sample::find(name).unwrap();
        let call = signed(&platform, sample.vendor, &sample, Some(path));
        let reply = call.send(&platform);
        assert_eq!(reply.status, 200, "{name} {path}: {reply:?}");
    }
    let raised = raised(&platform);
    assert_eq!(raised.len(), forms.len());
    let orgs = raised.iter().filter(|event| event["org"] == "acme");
    assert_eq!(orgs.count(), 2);
}

#[test]
fn a_repeated_delivery_raises_nothing_again() {
    let platform = Platform::start();
    let call = stripe(&platform);
    for again in [false, true, true] {
        let reply = call.send(&platform);
        assert_eq!(reply.status, 200);
        let expected = if again { "none" } else { "payment.succeeded" };
        assert_eq!(reply.header("x-evt-raised"), Some(expected));
    }
    assert_eq!(kinds(&platform), ["payment.succeeded"]);
}

/// A request to `path` with a body, signed with the vendor's key.
fn reply_to(platform: &Platform, vendor: &str, path: &str, content_type: &str, body: &str) -> Call {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
    let facts = facts(platform, vendor);
    sign(platform, &facts, path, headers, body.to_owned().into())
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The raised events in the response to an accepted request.
fn raised_by(platform: &Platform, call: &Call) -> String {
    let reply = call.send(platform);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.header("x-evt-raised").unwrap().to_owned()
}

#[test]
fn a_captured_signature_of_mailgun_raises_no_other_event() {
    let platform = Platform::start();
    let body = r#"{"event-data":{"event":"opened","id":"1"}}"#;
    let path = "/broadcast/email/webhook";
    let call = reply_to(&platform, "mailgun", path, JSON, body);
    assert_eq!(raised_by(&platform, &call), "email.opened");
    let mut other: Value = serde_json::from_slice(&call.body).unwrap();
    other["event-data"] = json!({"event": "complained", "id": "2"});
    let replayed = Call {
        body: other.to_string().into(),
        ..call
    };
    assert_eq!(raised_by(&platform, &replayed), "none");
    // The forged id must not count as received, either.
    let body = r#"{"event-data":{"event":"clicked","id":"2"}}"#;
    let honest = reply_to(&platform, "mailgun", path, JSON, body);
    assert_eq!(raised_by(&platform, &honest), "email.clicked");
}

#[test]
fn a_captured_form_of_mailgun_raises_nothing_by_a_second_token() {
    let platform = Platform::start();
    let path = "/broadcast/email/webhook";
    let call = reply_to(&platform, "mailgun", path, FORM, "event=opened&id=1");
    assert_eq!(raised_by(&platform, &call), "email.opened");
    let text = String::from_utf8(call.body.to_vec()).unwrap();
    let replayed = Call {
        body: text.replacen("id=1", "id=2", 1).into(),
        ..call.clone()
    };
    let appended = Call {
        body: format!("{}&token=another", text.replacen("id=1", "id=3", 1)).into(),
        ..call
    };
    assert_eq!(raised_by(&platform, &replayed), "none");
    assert_eq!(raised_by(&platform, &appended), "none");
}

fn notification(platform: &Platform, path: &str, message: &Value) -> Call {
    let body = json!({
        "Type": "Notification", "MessageId": "n-1", "TopicArn": "arn:aws:sns:us-east-1:1:mail",
        "Timestamp": "2026-01-01T00:00:00.000Z", "Message": message.to_string(),
    });
    reply_to(platform, "ses", path, "text/plain", &body.to_string())
}

#[test]
fn one_notification_for_two_organisations_is_raised_for_both() {
    let platform = Platform::start();
    let message = json!({"eventType": "Open", "mail": {"messageId": "m"}});
    for org in ["acme", "other"] {
        let call = notification(&platform, &format!("/connect/webhook/ses/{org}"), &message);
        assert_eq!(raised_by(&platform, &call), "email.opened");
        assert_eq!(raised_by(&platform, &call), "none");
    }
    let orgs: Vec<Value> = raised(&platform)
        .iter()
        .map(|event| event["org"].clone())
        .collect();
    assert_eq!(orgs, ["acme", "other"]);
}

#[test]
fn a_bounce_of_three_recipients_is_raised_for_each() {
    let platform = Platform::start();
    let addresses = ["ada@example.test", "bob@example.test", "eve@example.test"];
    let recipients = addresses.map(|address| json!({ "emailAddress": address }));
    let message = json!({
        "eventType": "Bounce", "mail": {"messageId": "m"},
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": recipients},
    });
    let call = notification(&platform, "/broadcast/email/webhook", &message);
    assert_eq!(call.send(&platform).status, 200);
    assert_eq!(kinds(&platform), ["email.bounced"; 3]);
    let recipients: Vec<Value> = raised(&platform)
        .iter()
        .map(|event| event["data"]["data"]["email"].clone())
        .collect();
    assert_eq!(recipients, addresses);
}

#[test]
fn an_unsigned_header_does_not_make_a_message_of_twilio_new() {
    let platform = Platform::start();
    let body = "MessageSid=SM1&SmsStatus=received&Body=Hi";
    let mut call = reply_to(&platform, "twilio", "/phone/webhook/sms", FORM, body);
    let mut expected = "sms.received";
    for token in ["a", "b"] {
        let token = HeaderValue::from_static(token);
        call.headers.insert("i-twilio-idempotency-token", token);
        assert_eq!(raised_by(&platform, &call), expected);
        expected = "none";
    }
}

#[test]
fn a_signed_but_unreadable_request_is_stored_with_its_verdict() {
    let platform = Platform::start();
    let path = "/connect/webhook/github";
    let call = reply_to(&platform, "github", path, JSON, "{ this is not JSON");
    let reply = call.send(&platform);
    assert_eq!(reply.refusal(), (400, "bad_json".to_owned()));
    let kept = platform.order("GET", "/_evt/events?limit=1000", &Value::Null);
    let kept = kept.json()["events"].clone();
    assert_eq!(kept.as_array().unwrap().len(), 1, "{kept}");
    assert_eq!(kept[0]["transport"], "http");
    assert_eq!(kept[0]["verdict"]["ok"], true, "{kept}");
}

#[test]
fn a_batch_raises_one_event_for_each_of_its_elements() {
    let platform = Platform::start();
    let body = json!([
        {"event": "processed", "sg_event_id": "1", "email": "a@example.test"},
        {"event": "delivered", "sg_event_id": "2", "email": "a@example.test"},
        {"event": "open", "sg_event_id": "3", "email": "a@example.test"},
        {"event": "open", "sg_event_id": "3", "email": "a@example.test"},
    ]);
    let path = "/broadcast/email/webhook";
    let call = reply_to(&platform, "sendgrid", path, JSON, &body.to_string());
    assert_eq!(call.send(&platform).status, 200);
    assert_eq!(kinds(&platform), ["email.delivered", "email.opened"]);
    let first = raised(&platform).remove(0);
    let record = &first["data"];
    assert_eq!(record["data"]["email"], "a@example.test", "{first}");
    assert_eq!(record["data"]["vendor"], "sendgrid");
    assert_eq!(record["data"]["vendorEvent"], "delivered");
}

#[test]
fn challenges_are_answered() {
    let platform = Platform::start();
    let facts = facts(&platform, "facebook");
    let options = facts["options"].as_array().unwrap();
    let token = options
        .iter()
        .find(|pair| pair[0] == "verify-token")
        .unwrap();
    let token = token[1].as_str().unwrap();
    let ask = |token: &str| {
        let query = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        get(&platform, &format!("/connect/webhook/facebook?{query}"))
    };
    let reply = ask(token);
    assert_eq!((reply.status, reply.body.as_str()), (200, "1158201444"));
    assert_eq!(ask("wrong").status, 403);
    let crc = get(
        &platform,
        "/sync/social/webhook/twitter?crc_token=25ow5aRY1G9AMF5iSNOf",
    )
    .json();
    assert!(
        crc["response_token"]
            .as_str()
            .unwrap()
            .starts_with("sha256=")
    );
    let idle = get(&platform, "/connect/webhook/stripe");
    assert_eq!(idle.refusal(), (400, "no_challenge".to_owned()));
    assert_eq!(kinds(&platform), Vec::<String>::new());
}

#[test]
fn a_bank_may_omit_the_secret_but_not_send_a_wrong_one() {
    let platform = Platform::start();
    let call = |secret: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        if let Some(secret) = secret {
            headers.insert("x-bridge-secret", HeaderValue::from_str(secret).unwrap());
        }
        Call {
            path: "/banking/transfers".to_owned(),
            headers,
            body: Bytes::from_static(br#"{"event":"transfer.settled","amount":"120.00"}"#),
        }
        .send(&platform)
    };
    let facts = facts(&platform, "banking");
    assert_eq!(call(None).status, 200);
    assert_eq!(call(facts["secret"].as_str()).status, 200);
    assert_eq!(call(Some("wrong")).status, 401);
    assert_eq!(kinds(&platform), ["transfer.settled", "transfer.settled"]);
}

#[test]
fn keys_and_certificates_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let read = || {
        let platform = Platform::on(folder.path());
        let secret = |vendor| facts(&platform, vendor)["secret"].clone();
        let certificate = get(&platform, "/_certs/sns.pem");
        assert!(certificate.body.contains("BEGIN CERTIFICATE"));
        let secrets = ["stripe", "discord", "ses"].map(secret);
        (secrets, certificate.body)
    };
    assert_eq!(read(), read());
}

fn url_of(listener: &mut Running) -> String {
    let ready = listener.wait_for_stderr("\"ready\"");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    ready["url"].as_str().unwrap().to_owned()
}

#[test]
fn send_finds_receiver_and_key_and_a_delivery_shows_its_causes() {
    let sandbox = Sandbox::new();
    let platform = LocalPlatform::start(&sandbox);
    let mut listener = sandbox.spawn(["listen", "--port", "0", "--count", "1", "-o", "json"]);
    let hook = format!("{}/hook", url_of(&mut listener));
    let create = [
        "flows",
        "create",
        "--on",
        "payment.succeeded",
        "--webhook",
        &hook,
    ];
    sandbox.run(create).expect_exit(0);
    sandbox
        .run(["send", "stripe/payment_intent.succeeded"])
        .expect_exit(0);
    listener.finish().expect_exit(0);
    let shown = sandbox.run([
        "events",
        "list",
        "--type",
        "payment.succeeded",
        "-o",
        "json",
    ]);
    let reference = shown.json_lines()[0]["ref"].as_str().unwrap().to_owned();
    let shown = sandbox
        .run(["events", "show", &reference, "-o", "text"])
        .expect_exit(0);
    for part in [
        "caused by",
        "stripe payment_intent.succeeded",
        "✓ verified",
        "└ payment.succeeded",
        "└ flow",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let listed = sandbox.run(["dev", "vendors", "-o", "json"]).expect_exit(0);
    assert_eq!(listed.json_lines().len(), 23);
    drop(platform);
    let alone = sandbox.run(["send", "stripe/payment_intent.succeeded"]);
    alone.expect_exit(2);
}

#[test]
fn listen_verifies_with_the_keys_of_the_platform() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let arguments = [
        "listen", "--port", "0", "--verify", "stripe", "--count", "1", "-o", "json",
    ];
    let mut listener = sandbox.spawn(arguments);
    let to = url_of(&mut listener);
    let sent = sandbox.run(["send", "stripe/payment_intent.succeeded", "--to", &to]);
    let shown = &sent.expect_exit(0).stderr;
    assert!(shown.contains("`evt dev` has for stripe"), "{shown}");
    listener.finish().expect_exit(0);
}
