//! The answers of an app are stored with the event and shown.

use serde_json::Value;

use super::*;
use crate::support::raw::exchange;

/// Answers with an error, a header and a body that a terminal would act on.
fn failing_app() -> App {
    let app = App::start();
    let headers = vec![("x-build".to_owned(), "7".to_owned())];
    let body = "TypeError: \u{1b}[31muser is not here".to_owned();
    app.answer(Answer::With(500, headers, body));
    app
}

fn shown(sandbox: &Sandbox, reference: &str) -> Value {
    let output = sandbox.run(["events", "show", reference]).expect_exit(0);
    output.json_lines().remove(0)
}

fn header<'a>(attempt: &'a Value, name: &str) -> Option<&'a str> {
    let pairs = attempt["headers"].as_array()?;
    let pair = pairs.iter().find(|pair| pair[0] == name)?;
    pair[1].as_str()
}

#[test]
fn the_answer_to_a_sent_event_is_stored_and_shown() {
    let sandbox = Sandbox::new();
    let app = failing_app();
    let to = app.url("/hook");
    let _ = sandbox.run(["send", "contact.created", "--sign", "none", "--to", &to]);
    let attempt = shown(&sandbox, "@last")["attempts"][0].clone();
    assert_eq!(attempt["status"], 500);
    assert_eq!(attempt["body"], "TypeError: \u{1b}[31muser is not here");
    assert_eq!(header(&attempt, "x-build"), Some("7"));
    assert!(attempt["took_ms"].as_f64().unwrap() > 0.0);
    let text = sandbox.run(["events", "show", "-o", "text"]).stdout;
    assert!(text.contains("x-build: 7"), "{text}");
    assert!(text.contains("TypeError: \\u{1b}[31muser"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn the_answer_to_a_forwarded_event_is_stored_and_printed_with_v() {
    let sandbox = Sandbox::new();
    let app = failing_app();
    let to = app.url("");
    let mut listener = sandbox.spawn(["listen", &to, "--port", "0", "-v", "-o", "text"]);
    let line = listener.wait_for_stderr("Listening on http://");
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split([',', ' ']).next())
        .unwrap()
        .parse()
        .unwrap();
    let reply = exchange(address, "POST", "/hook", &[], b"{}").unwrap();
    assert_eq!(reply.status, 500);
    listener.wait_for_stdout("TypeError");
    // The answer is stored in the background; a listener that ends waits for that.
    listener.terminate();
    let _ = listener.finish();
    let mut listener = sandbox.spawn(["listen", &to, "--port", "0", "-v", "-o", "json"]);
    let address = listener.wait_until_ready();
    let _ = exchange(address, "POST", "/hook", &[], b"{}").unwrap();
    listener.wait_for_stdout("\"attempts\":[{");
    drop(listener);
    let event = shown(&sandbox, "e_0001");
    assert_eq!(event["attempts"][0]["status"], 500);
    assert_eq!(event["attempts"].as_array().unwrap().len(), 1);
}

#[test]
fn every_attempt_of_a_queued_delivery_is_shown() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer_next(Answer::Status(503, "not yet".to_owned()));
    let to = app.url("");
    let mut listener = sandbox.spawn(["listen", &to, "--port", "0", "--retry", "-o", "json"]);
    let address = listener.wait_until_ready();
    let reply = exchange(address, "POST", "/hook", &[], b"{}").unwrap();
    assert_eq!(reply.status, 202);
    listener.wait_for_stderr("\"delivered\"");
    let event = shown(&sandbox, "@last");
    let attempts = event["attempts"].as_array().unwrap();
    let found: Vec<_> = attempts
        .iter()
        .map(|one| (one["status"].as_u64(), one["body"].as_str()))
        .collect();
    assert_eq!(
        found,
        [(Some(503), Some("not yet")), (Some(200), Some("ok"))]
    );
}

#[test]
fn a_replay_prints_the_answer_with_v_and_stores_it() {
    let sandbox = Sandbox::new();
    let app = failing_app();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let to = app.url("");
    let output = sandbox.run(["events", "replay", "@last", "--to", &to, "-o", "text"]);
    assert!(!output.stdout.contains("TypeError"), "{output}");
    let output = sandbox.run(["-v", "events", "replay", "@last", "--to", &to, "-o", "text"]);
    assert!(output.stdout.contains("TypeError"), "{output}");
    let output = sandbox.run(["-v", "events", "replay", "@last", "--to", &to]);
    assert_eq!(output.json_lines()[0]["attempt"]["status"], 500);
    assert_eq!(
        shown(&sandbox, "@last")["attempts"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn an_attempt_without_an_answer_has_its_reason() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let absent = Absent::new();
    let to = absent.address().to_string();
    let _ = sandbox.run(["events", "replay", "@last", "--to", &to]);
    let attempt = shown(&sandbox, "@last")["attempts"][0].clone();
    let error = attempt["error"].as_str().unwrap();
    assert!(
        error.contains("cannot reach") && error.contains("refused"),
        "{error}"
    );
    assert_eq!(attempt.get("status"), None);
}

#[test]
fn a_long_answer_is_cut_and_marked() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer(Answer::Status(200, "x".repeat(100_000)));
    let to = app.url("");
    let _ = sandbox.run(["send", "contact.created", "--sign", "none", "--to", &to]);
    let attempt = shown(&sandbox, "@last")["attempts"][0].clone();
    assert_eq!(attempt["body"].as_str().unwrap().len(), 64 * 1024);
    assert_eq!(attempt["cut"], serde_json::json!(["body"]));
    let text = sandbox.run(["events", "show", "-o", "text"]).stdout;
    assert!(text.contains("the rest of the body is not stored"));
}

#[test]
fn exports_contain_the_answer_and_imports_restore_it() {
    let first = Sandbox::new();
    let app = failing_app();
    let to = app.url("/hook");
    let _ = first.run(["send", "contact.created", "--sign", "none", "--to", &to]);
    let written = shown(&first, "@last")["attempts"].clone();
    for form in ["ndjson", "har"] {
        let exported = first
            .run(["events", "export", "--format", form])
            .expect_exit(0);
        if form == "har" {
            let log: Value = serde_json::from_str(&exported.stdout).unwrap();
            let entry = &log["log"]["entries"][0];
            assert_eq!(entry["response"]["status"], 500);
            assert_eq!(
                entry["response"]["content"]["text"],
                "TypeError: \u{1b}[31muser is not here"
            );
            assert_eq!(entry["time"], written[0]["took_ms"]);
        }
        let second = Sandbox::new();
        let output = second.run_with_input(["events", "import", "-"], exported.stdout.as_bytes());
        let _ = output.expect_exit(0);
        assert_eq!(shown(&second, "@last")["attempts"], written, "{form}");
    }
}

#[cfg(unix)]
#[test]
fn a_replay_whose_reader_has_gone_ends_without_a_panic() {
    let sandbox = Sandbox::new();
    let app = failing_app();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let to = app.url("");
    let mut child = sandbox
        .command(["-v", "events", "replay", "@last", "--to", &to])
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    // A signal, such as the one of an abort, leaves no code.
    assert!(child.wait().unwrap().code().is_some());
}
