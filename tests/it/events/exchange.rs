//! `evt events export` and `import`.

use super::*;

#[test]
fn export_import_and_replay_preserve_every_byte() {
    let (first, second) = (Sandbox::new(), Sandbox::new());
    let app = App::start();
    let _ = send_odd(&first, &app.url("/hook?a=1")).expect_exit(0);
    for form in ["ndjson", "har"] {
        let exported = first
            .run(["events", "export", "--format", form])
            .expect_exit(0);
        let output = second.run_with_input(["events", "import", "-"], exported.stdout.as_bytes());
        let _ = output.expect_exit(0);
        let to = app.url("");
        let output = second.run(["events", "replay", "@last", "--to", &to]);
        let _ = output.expect_exit(0);
    }
    let requests = app.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.body, ODD);
        assert_eq!(request.target, "/hook?a=1");
        for name in [
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "content-type",
        ] {
            assert_eq!(request.header(name), requests[0].header(name), "{name}");
        }
    }
    let verified = second.run(["events", "verify", "@last", "--secret", SECRET]);
    let _ = verified.expect_exit(0);
}

#[test]
fn show_raw_prints_the_body_byte_for_byte() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let _ = send_odd(&sandbox, &app.url("/")).expect_exit(0);
    let output = sandbox
        .command(["events", "show", "@last", "-o", "raw"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, ODD);
}

#[test]
fn export_and_import_preserve_binary_bodies() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let body: Vec<u8> = (0..=255).collect();
    let path = sandbox.write("bytes", &body);
    let event = format!("@{}", path.display());
    let to = app.url("/");
    let _ = sandbox
        .run(["send", &event, "--sign", "none", "--to", &to])
        .expect_exit(0);
    let _ = sandbox
        .run(["events", "export", "-f", "out.ndjson"])
        .expect_exit(0);
    let _ = sandbox
        .run(["events", "import", "out.ndjson"])
        .expect_exit(0);
    let _ = sandbox
        .run(["events", "replay", "@last", "--to", &to])
        .expect_exit(0);
    assert_eq!(app.wait_for(2)[1].body, body);
}

#[cfg(unix)]
#[test]
fn an_exported_file_has_mode_0600() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let _ = sandbox
        .run(["events", "export", "-f", "out.ndjson"])
        .expect_exit(0);
    let mode = crate::support::sandbox::mode(&sandbox.work().join("out.ndjson"));
    assert_eq!(mode, 0o600);
}

#[cfg(unix)]
#[test]
fn a_curl_command_sends_the_same_request() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let _ = send_odd(&sandbox, &app.url("/hook?a=1")).expect_exit(0);
    let to = app.url("");
    let output = sandbox
        .run(["events", "export", "@last", "--format", "curl", "--to", &to])
        .expect_exit(0);
    let curl = std::process::Command::new("sh")
        .args(["-c", &output.stdout])
        .output()
        .unwrap();
    if curl.status.code() == Some(127) {
        eprintln!("skipped: curl is not installed");
        return;
    }
    let requests = app.wait_for(2);
    let without_host = |at: usize| {
        let mut headers = requests[at].headers.clone();
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
        headers
            .iter_mut()
            .for_each(|(name, _)| name.make_ascii_lowercase());
        headers.sort();
        headers
    };
    assert_eq!(requests[1].body, ODD);
    assert_eq!(requests[1].target, "/hook?a=1");
    assert_eq!(without_host(1), without_host(0));
}

#[test]
fn invalid_lines_are_reported_and_the_others_imported() {
    let sandbox = Sandbox::new();
    let good = line("a.b", "kept", "{}");
    let text = format!("{good}\n\n{{\"no\":1}}\n{good}\nnonsense\n");
    let output = sandbox
        .run_with_input(["events", "import", "-"], text.as_bytes())
        .expect_exit(10);
    assert!(output.stderr.contains("skipped line 3"), "{output}");
    assert!(output.stderr.contains("skipped line 5"), "{output}");
    assert_eq!(output.json_lines()[0]["imported"], 2);
    assert_eq!(
        refs(&sandbox.run(["events", "list"]).expect_exit(0)),
        ["e_0001", "e_0002"]
    );
}

#[test]
fn a_file_without_events_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for text in [
        "",
        "nonsense",
        "[]",
        "{\"log\":{}}",
        "{\"log\":{\"entries\":[]}}",
        "\u{0}\u{1}",
    ] {
        let output = sandbox.run_with_input(["events", "import", "-"], text.as_bytes());
        assert_eq!(output.exit, Some(2), "{text:?}: {output}");
    }
    let _ = sandbox
        .run(["events", "import", "no-such-file"])
        .expect_exit(2);
}

#[test]
fn a_byte_order_mark_is_ignored_on_import() {
    let sandbox = Sandbox::new();
    let text = format!("\u{feff}{}", line("a.b", "kept", "{}"));
    let output = sandbox.run_with_input(["events", "import", "-"], text.as_bytes());
    let _ = output.expect_exit(0);
}
