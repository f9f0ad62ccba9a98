//! The vendors' own libraries (npm) verify what `evt send` sends, and `evt listen` verifies what they sign.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use evt::time::Timestamp;
use serde_json::{Value, json};

use crate::support::app::{App, Request};
use crate::support::{Node, Sandbox};

const SCHEMES: [(&str, &str); 4] = [
    (
        "standard-webhooks",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ),
    ("svix", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("stripe", "whsec_012df4dda02957c54cfacb4647b480eee5e89c6f"),
    ("github", "It's a Secret to Everybody"),
];

/// A body that every JSON library would write otherwise.
const BODY: &str = "{ \"url\": \"https:\\/\\/a.test\\/x\",  \"amount\": 10.00, \"n\": 12345678901234567890, \"name\": \"Zoë\\u00e9\" }\n";

/// The node process that holds the libraries.
struct Libraries(Node);

impl Libraries {
    fn start() -> Option<Self> {
        Node::start("check.mjs", &[]).map(Self)
    }

    fn ask(&mut self, request: &Value) -> Value {
        self.0.say(&request.to_string());
        serde_json::from_str(&self.0.line()).expect("a line of JSON")
    }

    /// What the scheme's library says of a request: true, false, or why not.
    fn verify(&mut self, scheme: &str, secret: &str, request: &Request) -> Value {
        let headers: BTreeMap<&str, &str> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let body = std::str::from_utf8(&request.body).expect("the tests send text");
        self.ask(&json!({
            "scheme": scheme, "action": "verify", "secret": secret, "headers": headers, "body": body,
        }))
    }

    /// The headers that the scheme's library makes.
    fn sign(&mut self, scheme: &str, secret: &str, body: &str) -> BTreeMap<String, String> {
        let answer = self.ask(&json!({
            "scheme": scheme, "action": "sign", "secret": secret, "id": "msg_interop",
            "timestamp": Timestamp::now().secs(), "body": body,
        }));
        serde_json::from_value(answer["ok"].clone()).unwrap_or_else(|_| panic!("{answer}"))
    }
}

fn sent(scheme: &str, secret: &str, more: &[&str]) -> Vec<Request> {
    let (sandbox, app) = (Sandbox::new(), App::start());
    sandbox.write("body.json", BODY);
    let to = app.url("/hook");
    let args = [
        "send",
        "@body.json",
        "--sign",
        scheme,
        "--secret",
        secret,
        "--to",
        &to,
    ];
    let output = sandbox.run(args.iter().chain(more));
    assert!(matches!(output.exit, Some(0 | 8)), "{output}");
    app.requests()
}

#[test]
fn each_library_verifies_what_evt_sends() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    for (scheme, secret) in SCHEMES {
        let request = &sent(scheme, secret, &[])[0];
        let verdict = libraries.verify(scheme, secret, request);
        assert_eq!(verdict, json!({ "ok": true }), "{scheme}");
    }
}

#[test]
fn each_library_verifies_each_of_many() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    for (scheme, secret) in SCHEMES {
        for request in sent(scheme, secret, &["--times", "5", "--concurrency", "2"]) {
            let verdict = libraries.verify(scheme, secret, &request);
            assert_eq!(verdict, json!({ "ok": true }), "{scheme}");
        }
    }
}

#[test]
fn each_library_refuses_what_evt_tampered_with() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    for (scheme, secret) in SCHEMES {
        for tamper in ["body", "signature", "timestamp"] {
            if scheme == "github" && tamper == "timestamp" {
                continue;
            }
            let request = &sent(scheme, secret, &["--tamper", tamper])[0];
            let verdict = libraries.verify(scheme, secret, request);
            assert_ne!(verdict, json!({ "ok": true }), "{scheme} {tamper}");
        }
    }
}

#[test]
fn evt_listen_verifies_what_each_library_signs() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    for (scheme, secret) in SCHEMES {
        let headers = libraries.sign(scheme, secret, BODY);
        let record = listened(scheme, secret, &headers);
        assert_eq!(record["verdict"]["ok"], true, "{record}");
        assert_eq!(record["verdict"]["scheme"], scheme);
    }
}

#[test]
fn evt_listen_refuses_what_a_library_signed_with_another_secret() {
    let Some(mut libraries) = Libraries::start() else {
        return;
    };
    for (scheme, secret) in SCHEMES {
        // Still base64 where it is to be, and of the same length.
        let other = secret.replace('a', "b").replace('0', "1");
        let headers = libraries.sign(scheme, &other, BODY);
        let record = listened(scheme, secret, &headers);
        assert_eq!(record["verdict"]["reason"], "signature_mismatch");
    }
}

/// What `evt listen` prints of one request with these headers.
fn listened(scheme: &str, secret: &str, headers: &BTreeMap<String, String>) -> Value {
    let sandbox = Sandbox::new();
    let args = [
        "listen", "--port", "0", "--verify", scheme, "--secret", secret, "-o", "json",
    ];
    let mut listener = sandbox.spawn(args);
    let ready: Value =
        serde_json::from_str(&listener.wait_for_stderr("\"ready\"")).expect("a notice is JSON");
    let url = ready["url"].as_str().expect("the notice has the address");
    let status = post(url.trim_start_matches("http://"), headers);
    let line = listener.wait_for_stdout("\"ref\"");
    let record: Value = serde_json::from_str(&line).expect("a record is JSON");
    let accepted = record["verdict"]["ok"] == true;
    assert_eq!(accepted, status.starts_with("HTTP/1.1 2"), "{status}");
    record
}

fn post(address: &str, headers: &BTreeMap<String, String>) -> String {
    let mut stream = TcpStream::connect(address).expect("the listener listens");
    let mut head = format!(
        "POST /hook HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        BODY.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{head}\r\n{BODY}").expect("the request is written");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the answer is read");
    answer.lines().next().unwrap_or_default().to_owned()
}
