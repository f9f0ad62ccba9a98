//! The main workflow: a record changes, a flow runs, and its signed webhook reaches a listener that verifies it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::raw::{Reply, exchange};
use crate::support::sandbox::Running;
use crate::support::{App, Sandbox};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAAAA";
/// JSON with white space, escapes, digits and a final line break that a careless copy changes.
const ODD: &str = "{  \"url\": \"https:\\/\\/a.test\\/x\", \"amount\": 10.00, \"n\": 12345678901234567890, \"name\": \"Zoë\\u00e9\" }\n";

/// A running `evt dev`, with its address and token.
struct Platform {
    _process: Running,
    address: SocketAddr,
    token: String,
}

impl Platform {
    fn start(sandbox: &Sandbox) -> Self {
        let ports = ["--port", "0", "--console-port", "0"];
        let mut process = sandbox.spawn(["dev", "-o", "json"].iter().chain(&ports));
        let address = process.wait_until_ready();
        let token = sandbox.run(["dev", "token"]).expect_exit(0);
        Self {
            _process: process,
            address,
            token: token.stdout.trim().to_owned(),
        }
    }

    /// `POST /repository/create` of a contact.
    fn create_contact(&self, email: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("orgid", "my-org"),
            ("content-type", "application/json"),
        ];
        let body = json!({ "datatype": "contact", "isNew": true, "data": { "email": email } });
        let body = body.to_string();
        let target = "/repository/create";
        let reply = exchange(self.address, "POST", target, &headers, body.as_bytes());
        reply.expect("the platform answers")
    }
}

/// Starts a listener on a free port. Returns it and a URL for webhooks.
fn listen(sandbox: &Sandbox, args: &[&str]) -> (Running, String) {
    let always = ["listen", "--port", "0", "-o", "json"];
    let mut listener = sandbox.spawn(always.iter().chain(args));
    let address = listener.wait_until_ready();
    (listener, format!("http://{address}/hook"))
}

/// Creates a flow for new contacts.
fn create_flow(sandbox: &Sandbox, hook: &str, more: &[&str]) {
    let args = ["flows", "create", "--on", "contact.created"];
    let what = ["--name", "tell", "--webhook", hook];
    let args = args.iter().chain(&what).chain(more);
    let _ = sandbox.run(args).expect_exit(0);
}

fn email(event: &Value) -> &str {
    event["data"]["data"]["email"].as_str().unwrap_or_default()
}

#[test]
fn a_new_record_and_an_execution_by_hand_both_arrive_verified() {
    let sandbox = Sandbox::new();
    let platform = Platform::start(&sandbox);
    let check = ["--verify", "standard-webhooks", "--secret", SECRET];
    let goal = ["--count", "2", "--for", "20s"];
    let (mut listener, hook) = listen(&sandbox, &[check, goal].concat());
    create_flow(&sandbox, &hook, &["--secret", SECRET]);

    let created = platform.create_contact("ada@example.test");
    assert_eq!(created.status, 201, "{created:?}");
    let _ = listener.wait_for_stdout("ada@example.test");
    let execute = ["flows", "execute", "tell"];
    let context = "contact.email=grace@example.test";
    let _ = sandbox.run(execute.iter().chain(&[context])).expect_exit(0);

    let output = listener.finish().expect_exit(0);
    let events = output.json_lines();
    let emails: Vec<&str> = events.iter().map(email).collect();
    assert_eq!(
        emails,
        ["ada@example.test", "grace@example.test"],
        "{output}"
    );
    for event in &events {
        assert_eq!(
            (&event["verdict"]["ok"], &event["verdict"]["scheme"]),
            (&json!(true), &json!("standard-webhooks")),
            "{event}"
        );
        assert_eq!(event["type"], "contact.created");
    }
}

#[test]
fn the_platforms_webhooks_are_verified_without_a_secret() {
    let sandbox = Sandbox::new();
    let platform = Platform::start(&sandbox);
    let (mut listener, hook) = listen(&sandbox, &["--count", "1"]);
    create_flow(&sandbox, &hook, &[]);
    let created = platform.create_contact("ada@example.test");
    assert_eq!(created.status, 201, "{created:?}");
    let event: Value = serde_json::from_str(&listener.wait_for_stdout("e_0001")).unwrap();
    assert_eq!(event["verdict"]["ok"], true, "{event}");
    assert_eq!(email(&event), "ada@example.test", "{event}");
    let _ = listener.finish().expect_exit(0);
}

/// The listener starts before the platform, so it has no secret at first.
#[test]
fn a_listener_that_started_first_finds_the_platforms_secret() {
    let sandbox = Sandbox::new();
    let (mut listener, hook) = listen(&sandbox, &[]);
    let platform = Platform::start(&sandbox);
    create_flow(&sandbox, &hook, &[]);
    let created = platform.create_contact("ada@example.test");
    assert_eq!(created.status, 201, "{created:?}");
    let event: Value = serde_json::from_str(&listener.wait_for_stdout("e_0001")).unwrap();
    assert_eq!(event["verdict"]["ok"], true, "{event}");
}

#[test]
fn a_delivery_signed_with_another_secret_is_rejected_and_not_counted() {
    let sandbox = Sandbox::new();
    let platform = Platform::start(&sandbox);
    let check = ["--verify", "standard-webhooks", "--secret", OTHER];
    let goal = ["--expect", "contact.created", "--for", "5s"];
    let (mut listener, hook) = listen(&sandbox, &[check, goal].concat());
    create_flow(&sandbox, &hook, &["--secret", SECRET]);
    let created = platform.create_contact("ada@example.test");
    assert_eq!(created.status, 201, "{created:?}");

    let event: Value = serde_json::from_str(&listener.wait_for_stdout("e_0001")).unwrap();
    assert_eq!(
        (&event["verdict"]["reason"], &event["outcome"]),
        (&json!("signature_mismatch"), &json!("rejected")),
        "{event}"
    );
    let kept = sandbox.run(["events", "show", "e_0001", "-o", "raw"]);
    assert!(kept.stdout.contains("ada@example.test"), "{kept}");
    let _ = listener.finish().expect_exit(9);
    let attempts = sandbox.run(["flows", "runs", "tell"]).expect_exit(0);
    assert!(attempts.stdout.contains("401"), "{attempts}");
}

#[test]
fn a_forwarded_and_replayed_body_still_verifies() {
    let (sender, first, second) = (Sandbox::new(), Sandbox::new(), Sandbox::new());
    let check = ["--verify", "standard-webhooks", "--secret", SECRET];
    let app = App::start();
    let (mut last, last_hook) = listen(&second, &[&[app.url("").as_str()][..], &check].concat());
    let (mut front, hook) = listen(&first, &[&[last_hook.as_str()][..], &check].concat());

    let path = sender.write("odd.json", ODD);
    let body = format!("@{}", path.display());
    let sign = ["--sign", "standard-webhooks", "--secret", SECRET];
    let send = ["send", &body, "--to", &hook];
    let _ = sender.run(send.iter().chain(&sign)).expect_exit(0);
    let replay = ["events", "replay", "e_0001", "--to", &last_hook];
    let _ = first.run(replay).expect_exit(0);

    let line = |listener: &mut Running, reference: &str| -> Value {
        serde_json::from_str(&listener.wait_for_stdout(reference)).unwrap()
    };
    for event in [
        line(&mut front, "e_0001"),
        line(&mut last, "e_0001"),
        line(&mut last, "e_0002"),
    ] {
        assert_eq!(event["verdict"]["ok"], true, "{event}");
    }
    for request in app.wait_for(2) {
        assert_eq!(request.body, ODD.as_bytes());
    }
    let kept = ["events", "verify", "e_0001", "--secret", SECRET];
    let _ = first.run(kept).expect_exit(0);
}
