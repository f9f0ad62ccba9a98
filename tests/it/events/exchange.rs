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

#[test]
fn a_log_in_utf16_is_imported() {
    let sandbox = Sandbox::new();
    let lines = format!(
        "{}\r\n{}\r\n",
        line("a.b", "kept", "{}"),
        line("c.d", "kept", "ë")
    );
    let utf16: Vec<u8> = format!("\u{feff}{lines}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let output = sandbox
        .run_with_input(["events", "import", "-"], &utf16)
        .expect_exit(0);
    assert_eq!(output.json_lines()[0]["imported"], 2);
    let broken = sandbox.run_with_input(["events", "import", "-"], &utf16[..9]);
    assert!(broken.expect_exit(2).stderr.contains("UTF-16"));
}

#[test]
fn a_file_that_was_imported_before_is_skipped() {
    let sandbox = Sandbox::new();
    let (one, two) = (line("a.b", "kept", "{}"), line("c.d", "kept", "{}"));
    // The same event twice in one file is two events.
    let text = format!("{one}\n{one}\n{two}\n");
    let import = |more: &[&str], text: &str| {
        let args = ["events", "import", "-"];
        let output = sandbox.run_with_input(args.iter().chain(more), text.as_bytes());
        let line = output.expect_exit(0).json_lines().remove(0);
        (line["imported"].clone(), line["skipped"].clone())
    };
    assert_eq!(import(&[], &text), (3.into(), 0.into()));
    assert_eq!(import(&[], &text), (0.into(), 3.into()));
    let other = line("a.b", "kept", "{\"x\":1}");
    assert_eq!(
        import(&[], &format!("{text}{other}\n{one}\n")),
        (2.into(), 3.into())
    );
    assert_eq!(import(&["--again"], &text), (3.into(), 0.into()));
}

#[test]
fn a_skipped_file_is_reported_in_text() {
    let sandbox = Sandbox::new();
    let text = line("a.b", "kept", "{}");
    import(&sandbox, std::slice::from_ref(&text));
    let output = sandbox.run_with_input(["events", "import", "-", "-o", "text"], text.as_bytes());
    let output = output.expect_exit(0);
    assert_eq!(
        output.stdout,
        "Imported no events; 1 are already stored (--again imports them again)\n"
    );
}

#[test]
fn a_body_with_a_byte_order_mark_is_edited_and_sent_without_it() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let to = app.url("/");
    let file = sandbox.write("b.json", b"\xef\xbb\xbf{\"type\":\"x\"}");
    let event = format!("@{}", file.display());
    let args = ["send", &event, "--sign", "none", "--to", &to];
    let _ = sandbox
        .run(args.iter().chain(&["--set", "type=y"]))
        .expect_exit(0);
    let binary = sandbox.write("b.csv", b"\xef\xbb\xbfa,b");
    let event = format!("@{}", binary.display());
    let _ = sandbox
        .run(["send", &event, "--sign", "none", "--to", &to])
        .expect_exit(0);
    let requests = app.wait_for(2);
    assert_eq!(requests[0].body, b"{\"type\":\"y\"}");
    assert_eq!(requests[1].body, b"\xef\xbb\xbfa,b");
}
