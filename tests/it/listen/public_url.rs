//! `--public-url`: the URL that a vendor signed, behind a tunnel or proxy.

use std::net::SocketAddr;

use evt::secret::Secret;
use evt::signature::{self, Options, Outgoing};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderValue};

use super::start;
use crate::support::Sandbox;
use crate::support::raw::exchange;

const FORM: &str = "application/x-www-form-urlencoded";
const BODY: &[u8] = b"From=%2B15550001111&Body=hi";

/// The signature of a vendor that signs the URL.
fn signature(url: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(FORM));
    let scheme = signature::find("twilio").unwrap();
    let signer = scheme.signer(&Secret::new("token"), &Options::default());
    let signed = signer.unwrap().sign(&Outgoing {
        id: "",
        timestamp: Timestamp::from_secs(0),
        url,
        headers: &headers,
        body: &BODY.into(),
    });
    let headers = signed.unwrap().headers;
    headers[0].1.to_str().unwrap().to_owned()
}

/// Posts what the vendor signed for `url` to a path of the listener, and returns the status.
fn post(address: SocketAddr, url: &str, target: &str) -> u16 {
    let signature = signature(url);
    let headers = [
        ("content-type", FORM),
        ("x-twilio-signature", &signature),
        ("x-forwarded-host", "hooks.example.test"),
    ];
    let reply = exchange(address, "POST", target, &headers, BODY);
    reply.expect("the listener answers").status
}

const VERIFY: [&str; 4] = ["--verify", "twilio", "--secret", "token"];

#[test]
fn the_whole_url_is_verified_as_it_is_configured() {
    let url = "https://hooks.example.test/in/sms?tenant=a%20b";
    let sandbox = Sandbox::new();
    let (_listener, address) = start(&sandbox, &[&VERIFY[..], &["--public-url", url]].concat());
    assert_eq!(post(address, url, "/sms"), 200);
    assert_eq!(post(address, "https://hooks.example.test/sms", "/sms"), 401);
}

#[test]
fn an_origin_and_the_urls_of_single_paths_are_used_together() {
    let sandbox = Sandbox::new();
    let urls = [
        "--public-url",
        "https://hooks.example.test",
        "--public-url",
        "/voice=https://voice.example.test/in",
    ];
    let (_listener, address) = start(&sandbox, &[&VERIFY[..], &urls].concat());
    assert_eq!(
        post(address, "https://hooks.example.test/sms?x=1", "/sms?x=1"),
        200
    );
    assert_eq!(
        post(address, "https://voice.example.test/in", "/voice"),
        200
    );
    assert_eq!(
        post(address, "https://hooks.example.test/voice", "/voice"),
        401
    );
}

#[test]
fn a_scheme_can_name_its_url() {
    let sandbox = Sandbox::new();
    let scheme = "twilio:url=https://hooks.example.test/in";
    let args = ["--verify", scheme, "--secret", "token"];
    let (_listener, address) = start(&sandbox, &args);
    assert_eq!(
        post(address, "https://hooks.example.test/in", "/other"),
        200
    );
}

#[test]
fn text_that_is_not_a_url_is_refused() {
    let sandbox = Sandbox::new();
    for url in ["hooks.example.test", "ftp://hooks.example.test", "/sms"] {
        for command in [&["listen", "--port", "0"][..], &["events", "verify"]] {
            let args = [command, &["--public-url", url]].concat();
            let _ = sandbox.run(args).expect_exit(2);
        }
    }
}

#[test]
fn the_hint_about_another_url_works_when_it_is_pasted() {
    for (signed, target) in [
        ("https://hooks.example.test/sms?x=1", "/sms?x=1"),
        ("https://hooks.example.test/sms/", "/sms"),
    ] {
        let sandbox = Sandbox::new();
        let (listener, address) = start(&sandbox, &[&VERIFY[..], &["--for", "1s"]].concat());
        assert_eq!(post(address, signed, target), 401);
        let event = listener.finish().expect_exit(0).json_lines().remove(0);
        let hint = event["verdict"]["hint"].as_str().unwrap().to_owned();
        let pasted = hint
            .split("--public-url '")
            .nth(1)
            .and_then(|rest| rest.split('\'').next());
        let verify = [
            "events",
            "verify",
            "@last",
            "--secret",
            "token",
            "--public-url",
        ];
        let args = verify.iter().copied().chain(pasted);
        let _ = sandbox.run(args).expect_exit(0);
    }
}
