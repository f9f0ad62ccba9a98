//! `evt events list` and `show`.

use super::*;

#[test]
fn the_selection_flags_select_events() {
    let sandbox = Sandbox::new();
    import(
        &sandbox,
        &[
            line("contact.created", "kept", r#"{"amount":5}"#),
            line("contact.deleted", "failed", r#"{"amount":50}"#),
            line("order.created", "delivered", r#"{"amount":500}"#),
        ],
    );
    for (flags, expected) in [
        (&[][..], &["e_0001", "e_0002", "e_0003"][..]),
        (&["--type", "contact.*"], &["e_0001", "e_0002"]),
        (&["--type", "!contact.deleted"], &["e_0001", "e_0003"]),
        (
            &["--type", "contact.*", "--type", "!*.deleted"],
            &["e_0001"],
        ),
        (&["--where", "data.amount >= 50"], &["e_0002", "e_0003"]),
        (&["--status", "failed"], &["e_0002"]),
        (&["--status", "failed,delivered"], &["e_0002", "e_0003"]),
        (&["--limit", "2"], &["e_0002", "e_0003"]),
        (&["--since", "2026-04-26"], &[]),
        (&["--until", "2026-04-26", "--limit", "1"], &["e_0003"]),
    ] {
        let args = ["events", "list"].iter().chain(flags);
        let output = sandbox.run(args).expect_exit(0);
        assert_eq!(refs(&output), expected, "{flags:?}");
    }
}

#[test]
fn the_text_format_is_a_table() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("contact.created", "failed", "{}")]);
    let output = sandbox.run(["events", "list", "-o", "text"]).expect_exit(0);
    assert_eq!(
        output.stdout,
        "REF     TIME                 SOURCE  TYPE             VERDICT      OUTCOME  SIZE\n\
         e_0001  2026-04-25 10:00:00  import  contact.created  · unchecked  failed   2 B\n"
    );
}

#[test]
fn an_invalid_selection_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for flags in [
        ["--status", "faild"],
        ["--where", "data.amount >="],
        ["--type", "a..b"],
        ["--since", "yesterday"],
    ] {
        let _ = sandbox
            .run(["events", "list"].iter().chain(&flags))
            .expect_exit(2);
    }
}

#[test]
fn an_unknown_reference_is_not_found() {
    let sandbox = Sandbox::new();
    for args in [
        &["show", "e_7f3a"][..],
        &["show", "@last"],
        &["show", "@failed"],
        &["show", "no-such-file"],
        &["replay", "e_7f3a"],
        &["replay", "--type", "contact.*"],
        &["verify", "@-3", "--scheme", "stripe", "--secret", "x"],
        &["diff", "e_0001", "e_0002"],
        &["export"],
    ] {
        let output = sandbox.run(["events"].iter().chain(args)).expect_exit(3);
        assert!(output.stderr.contains("try  evt events list"), "{output}");
    }
}

#[test]
fn control_characters_are_escaped_in_text() {
    let sandbox = Sandbox::new();
    let body = "{\"a\":\"\u{9b}31m\u{202e}\"}";
    let mut hostile =
        serde_json::from_str::<serde_json::Value>(&line("x\u{1b}[2Jy", "kept", body)).unwrap();
    hostile["headers"] =
        serde_json::json!([["x-a", { "base64": "m1sySg==" }], ["x-b", "\u{9b}2J"]]);
    import(
        &sandbox,
        &[
            hostile.to_string(),
            line("z", "kept", "\u{1b}]0;t\u{7}\r\n"),
        ],
    );
    for args in [
        &["show", "@-2"][..],
        &["show", "@last"],
        &["list"],
        &["diff", "@-2", "@last"],
        &["export", "--format", "curl"],
        &["replay", "--all", "--dry-run"],
    ] {
        let output = sandbox.run(["events", "-o", "text"].iter().chain(args));
        let shown = output.expect_exit(0).stdout;
        let is_unsafe = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.is_empty(), "{args:?}");
        assert!(!shown.contains(is_unsafe), "{args:?}: {shown:?}");
    }
}

#[test]
fn credentials_are_masked() {
    let sandbox = Sandbox::new();
    import(
        &sandbox,
        &[line("a.b", "kept", "{}"), line("a.b", "kept", "[]")],
    );
    for args in [&["show", "@last"][..], &["diff", "@-2", "@last"]] {
        let output = sandbox.run(["events", "-o", "text"].iter().chain(args));
        assert!(
            !output.expect_exit(0).stdout.contains("very-secret"),
            "{args:?}"
        );
    }
    let _ = sandbox
        .run(["events", "show", "--show-secrets"])
        .expect_exit(2);
}

#[test]
fn failed_events_are_received_ones_and_the_same_for_every_command() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer(Answer::Status(500, "no".to_owned()));
    let to = app.url("");
    let mut listener = sandbox.spawn(["listen", &to, "--port", "0", "-o", "json"]);
    let hook = format!("http://{}/hook", listener.wait_until_ready());
    for _ in 0..2 {
        // Fails, too: the listener passes the 500 back.
        let _ = sandbox.run(["send", "contact.created", "--sign", "none", "--to", &hook]);
    }
    drop(listener);
    let listed = refs(&sandbox.run(["events", "list", "--status", "failed"]));
    assert_eq!(listed.len(), 2, "{listed:?}");
    let exported = sandbox.run(["events", "export", "@failed"]);
    let sources: Vec<_> = exported
        .json_lines()
        .iter()
        .map(|line| line["source"].clone())
        .collect();
    assert_eq!(sources, ["listen", "listen"]);
    assert_eq!(refs(&exported), listed);
    let replayed = sandbox.run(["events", "replay", "@failed", "--to", &to]);
    assert_eq!(refs_of_events(&replayed), listed);
    let shown = refs(&sandbox.run(["events", "show", "@failed"]));
    assert_eq!(shown, listed[1..]);
}

#[test]
fn the_advice_after_a_refused_replay_works() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer(Answer::Status(500, "no".to_owned()));
    let to = app.url("/");
    let _ = sandbox.run(["send", "contact.created", "--sign", "none", "--to", &to]);
    let output = sandbox
        .run(["events", "replay", "@last", "--to", &to, "-o", "text"])
        .expect_exit(7);
    let hints: Vec<&str> = output
        .stderr
        .lines()
        .filter_map(|line| line.split_once("evt events "))
        .map(|(_, words)| words.split("     ").next().unwrap())
        .collect();
    assert_eq!(hints.len(), 2, "{output}");
    app.answer(Answer::Status(200, String::new()));
    for hint in hints {
        let words = ["events"].into_iter().chain(hint.split(' '));
        let _ = sandbox.run(words).expect_exit(0);
    }
}
