//! What is forwarded, with the flags of other tools, and what is printed about it.

use super::*;
use crate::support::LocalPlatform;

fn typed(kind: &str) -> String {
    format!("{{\"type\":\"{kind}\"}}")
}

/// The command lines of the documentation of Stripe's and Hookdeck's tools. PORT is the app's.
const FORMS: [(&[&str], &str); 7] = [
    (&["--forward-to", "localhost:PORT/hook"], "/hook?a=1"),
    (&["--forward-to", "PORT"], "/hook?a=1"),
    (
        &["--forward-to", "http://localhost:PORT/webhook"],
        "/webhook?a=1",
    ),
    (&["PORT", "--path", "/webhooks"], "/webhooks?a=1"),
    (&["PORT", "shopify", "--path", "webhooks"], "/webhooks?a=1"),
    (
        &["PORT", "shopify", "--cli-path", "/webhooks"],
        "/webhooks?a=1",
    ),
    (
        &[
            "-e",
            "payment_intent.succeeded,charge.*",
            "--forward-to",
            "localhost:PORT/hook",
        ],
        "/hook?a=1",
    ),
];

#[test]
fn the_flags_of_other_tools_have_their_meaning() {
    for (args, target) in FORMS {
        let sandbox = Sandbox::new();
        let app = App::start();
        let port = app.address().port().to_string();
        let args: Vec<String> = args.iter().map(|arg| arg.replace("PORT", &port)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (_listener, address) = start(&sandbox, &args);
        assert_eq!(
            post(address, &[], &typed("charge.dispute.created")).status,
            200,
            "{args:?}"
        );
        assert_eq!(app.wait_for(1)[0].target, target, "{args:?}");
    }
}

#[test]
fn headers_are_added_to_forwarded_requests() {
    let sandbox = Sandbox::new();
    let app = App::start();
    for (nth, more) in [(1, &[][..]), (2, &["--retry"])] {
        let args = [
            "--headers",
            "Key1:Value1, Key2:Value2",
            "-H",
            "webhook-id: mine",
        ];
        let (_listener, address) = start(&sandbox, &[&[&*app.url("")][..], &args, more].concat());
        assert!(post(address, &signed(SECRET, BODY), BODY).status < 300);
        app.wait_for(nth);
    }
    for request in app.requests() {
        for (name, value) in [
            ("key1", "Value1"),
            ("key2", "Value2"),
            ("webhook-id", "mine"),
        ] {
            assert_eq!(request.header(name), Some(value), "{name}");
        }
    }
}

#[test]
fn events_that_are_not_selected_are_stored_and_neither_forwarded_printed_nor_counted() {
    for select in [
        &["--events", "payment_intent.succeeded,charge.*"][..],
        &["--type", "charge.*", "--type", "!charge.failed"],
        &["--where", "type.startsWith('charge.s')"],
    ] {
        let sandbox = Sandbox::new();
        let app = App::start();
        let goal = ["--count", "1", "--for", "50s"];
        let (listener, address) = start(&sandbox, &[&[&*app.url("")][..], select, &goal].concat());
        assert_eq!(post(address, &[], &typed("order.paid")).status, 200);
        assert_eq!(post(address, &[], &typed("charge.succeeded")).status, 200);
        let output = listener.finish().expect_exit(0);
        let printed = output.json_lines();
        assert_eq!(printed.len(), 1, "{output}");
        assert_eq!(printed[0]["type"], "charge.succeeded");
        assert_eq!(output.notice("summary")["not_selected"], 1);
        assert_eq!(app.requests().len(), 1, "{select:?}");
        let stored = sandbox.run(["events", "list", "-o", "json"]).expect_exit(0);
        assert_eq!(stored.json_lines().len(), 2);
    }
}

#[test]
fn flags_about_forwarding_require_a_target() {
    let sandbox = Sandbox::new();
    for args in [&["--retry"][..], &["--path", "/x"], &["-H", "A: b"]] {
        let args = ["listen", "--port", "0"].iter().chain(args);
        let output = sandbox.run(args).expect_exit(2);
        assert!(output.stderr.contains("requires a target"), "{output}");
    }
    let both = ["listen", "3000", "--forward-to", "3001"];
    assert_eq!(sandbox.run(both).exit, Some(2));
}

#[test]
fn every_failed_attempt_is_printed_with_the_time_of_the_next() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer_next(Answer::Status(500, String::new()));
    let (mut listener, address) = start(&sandbox, &[&app.url(""), "--retry"]);
    assert_eq!(post(address, &[], "{}").status, 202);
    let notice: Value = serde_json::from_str(&listener.wait_for_stderr("\"retry\"")).unwrap();
    assert_eq!(
        (&notice["ref"], &notice["attempt"]),
        (&"e_0001".into(), &1.into())
    );
    assert!(notice["why"].as_str().unwrap().contains("500"), "{notice}");
    assert!(notice["next_at"].is_string(), "{notice}");
    listener.wait_for_stderr("\"delivered\"");
}

#[test]
fn a_slow_target_is_not_reported_as_back() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer_next(Answer::After(Duration::from_millis(600), 200));
    let (mut listener, address) = start(&sandbox, &[&app.url(""), "--timeout", "200ms"]);
    listener.wait_for_stderr("\"up\":true");
    assert_eq!(post(address, &[], "{}").status, 504);
    assert_eq!(post(address, &[], "{}").status, 200);
    listener.interrupt();
    let output = listener.finish();
    assert_eq!(output.stderr.matches("\"target\",").count(), 1, "{output}");
}

/// A listener that prints text, and its address.
fn printing(sandbox: &Sandbox, args: &[&str]) -> (Running, SocketAddr) {
    let all = ["listen", "--port", "0", "-o", "text"];
    let mut listener = sandbox.spawn(all.iter().chain(args));
    let ready = listener.wait_for_stderr("Listening on");
    let url = ready.split("http://").nth(1).unwrap();
    let address = url
        .split([',', ' '])
        .next()
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    (listener, address)
}

#[test]
fn headers_and_bodies_are_printed_on_request_escaped_and_masked() {
    for (args, headers, body, answer) in [
        (&[][..], false, false, false),
        (&["--show", "headers"], true, false, false),
        (&["--show", "body"], false, true, false),
        (&["--show", "all"], true, true, false),
        (&["-v"], true, true, true),
    ] {
        let sandbox = Sandbox::new();
        let app = App::start();
        app.answer(Answer::With(200, Vec::new(), "the app's words".to_owned()));
        let (listener, address) = printing(&sandbox, &[&[&*app.url("")][..], args].concat());
        let sent = [
            ("x-name", "value".to_owned()),
            ("authorization", "Bearer s3cr3t".to_owned()),
        ];
        assert_eq!(post(address, &sent, "{\"a\":\"\u{1b}[2J\"}").status, 200);
        listener.interrupt();
        let shown = listener.finish().stdout;
        assert_eq!(shown.contains("x-name: value"), headers, "{args:?} {shown}");
        assert_eq!(
            shown.contains("\n    POST /hook?a=1"),
            headers,
            "{args:?} {shown}"
        );
        assert_eq!(shown.contains("[2J"), body, "{args:?} {shown}");
        assert_eq!(
            shown.contains("the app's words"),
            answer,
            "{args:?} {shown}"
        );
        assert!(
            !shown.contains(['\u{1b}']) && !shown.contains("s3cr3t"),
            "{shown}"
        );
    }
}

#[test]
fn show_does_not_change_the_json() {
    let sandbox = Sandbox::new();
    let (mut listener, address) = start(&sandbox, &["--show", "all"]);
    assert_eq!(post(address, &[], BODY).status, 200);
    assert_eq!(line(&mut listener, 1)["ref"], "e_0001");
    listener.interrupt();
    assert_eq!(listener.finish().json_lines().len(), 1);
}

#[test]
fn verify_does_not_refuse_the_running_platform() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let verify = ["--verify", "stripe", "--secret", "stripe-key"];
    let (mut listener, address) = start(&sandbox, &verify);
    let hook = format!("http://{address}/hook");
    let create = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        &hook,
    ];
    let _ = sandbox.run(create).expect_exit(0);
    let _ = sandbox
        .run(["records", "create", "contact", "email=ada@example.test"])
        .expect_exit(0);
    let event = line(&mut listener, 1);
    assert_eq!(
        (&event["verdict"]["ok"], &event["verdict"]["scheme"]),
        (&true.into(), &"standard-webhooks".into())
    );
    assert_eq!(post(address, &[], "{}").status, 401);
    assert_eq!(post(address, &signed(OTHER, BODY), BODY).status, 401);
}
