//! Behaviour that all commands share: usage errors, output formats, closed pipes, signals.

use std::io::Read;

use crate::support::app::Answer;
use crate::support::{App, LocalPlatform, Sandbox};

#[test]
fn an_unknown_command_is_suggested() {
    let output = Sandbox::new().run(["completion"]).expect_exit(2);
    assert_eq!(
        output.stderr,
        "error: `evt` has no command `completion`\n  try  evt completions\n  try  evt --help\n  code unknown_command (exit 2)\n"
    );
    assert_eq!(output.stdout, "");
}

#[test]
fn an_unknown_flag_is_suggested() {
    let output = Sandbox::new()
        .run(["profile", "login", "--emial", "x"])
        .expect_exit(2);
    assert!(
        output
            .stderr
            .contains("error: `evt profile login` has no flag `--emial`"),
        "{output}"
    );
    assert!(output.stderr.contains("--email"), "{output}");
}

#[test]
fn a_usage_error_is_an_object_with_json_output() {
    for args in [
        &["-o", "json", "nonsense"][..],
        &["nonsense", "--json"],
        &["-ojson", "nonsense"],
    ] {
        let output = Sandbox::new().run(args).expect_exit(2);
        let error: serde_json::Value = serde_json::from_str(&output.stderr).unwrap();
        assert_eq!(error["error"]["code"], "unknown_command", "{args:?}");
        assert_eq!(error["error"]["exit"], 2, "{args:?}");
    }
}

#[test]
fn an_invalid_value_from_a_variable_names_the_variable() {
    let sandbox = Sandbox::new().with("EVT_COLOR", "blue");
    let output = sandbox.run(["profile", "list"]).expect_exit(2);
    assert!(output.stderr.contains("try  unset EVT_COLOR"), "{output}");
}

#[test]
fn control_characters_of_an_argument_do_not_reach_the_terminal() {
    for args in [
        &["\u{1b}]0;x\u{7}"][..],
        &["man", "\u{1b}[2J\u{202e}"],
        &["completions", "\u{9b}2J"],
    ] {
        let output = Sandbox::new().run(args);
        assert_ne!(output.exit, Some(0));
        let raw = output.stderr.chars().find(|character| {
            (character.is_control() && *character != '\n') || *character == '\u{202e}'
        });
        assert_eq!(raw, None, "{:?}", output.stderr);
    }
}

#[test]
fn arguments_that_are_not_text_are_refused() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let word = std::ffi::OsStr::from_bytes(b"\xff\xfe");
        let _ = Sandbox::new().run([word]).expect_exit(2);
    }
}

#[test]
fn a_closed_pipe_ends_quietly_with_success() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(["completions", "bash"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_stdout_is_an_error() {
    let sandbox = Sandbox::new();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = sandbox
        .command(["completions", "bash"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("code disk_full (exit 1)"), "{stderr}");
}

#[test]
fn colours_are_printed_only_if_requested() {
    let plain = Sandbox::new()
        .run(["profile", "list", "-o", "text"])
        .expect_exit(0);
    assert!(!plain.stdout.contains('\u{1b}'), "{plain}");
    let forced = Sandbox::new().with("FORCE_COLOR", "1");
    let coloured = forced.run(["profile", "list", "-o", "text"]).expect_exit(0);
    assert!(coloured.stdout.contains('\u{1b}'), "{coloured}");
    let never = forced
        .run(["profile", "list", "-o", "text", "--color", "never"])
        .expect_exit(0);
    assert!(!never.stdout.contains('\u{1b}'), "{never}");
}

#[test]
fn a_home_that_is_a_file_is_an_error() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.home(), "").unwrap();
    let output = sandbox.run(["config", "set", "output", "text"]);
    assert_ne!(output.exit, Some(0), "{output}");
    assert!(output.stderr.contains("config.toml"), "{output}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_command_that_waits_for_a_response() {
    let app = App::start();
    app.answer(Answer::Hang);
    let sandbox = Sandbox::new()
        .with("EVT_URL", app.url(""))
        .with("EVT_ORG", "my-org");
    let interrupted = sandbox.spawn(["profile", "whoami"]);
    let _ = app.wait_for(1);
    interrupted.interrupt();
    let _ = interrupted.finish().expect_exit(130);
    let terminated = sandbox.spawn(["profile", "whoami"]);
    let _ = app.wait_for(2);
    terminated.terminate();
    let _ = terminated.finish().expect_exit(143);
}

#[test]
fn people_see_local_time_and_scripts_see_utc() {
    // A zone as a rule, which needs no database: noon in winter is +01:00, noon in summer +02:00.
    let sandbox = Sandbox::new().with("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    for (utc, local) in [
        ("2026-01-15T12:00:00.000Z", "2026-01-15 13:00:00"),
        ("2026-07-15T12:00:00.000Z", "2026-07-15 14:00:00"),
    ] {
        let line = format!(
            r#"{{"received_at":"{utc}","source":"listen","method":"POST","target":"/","data":{{}}}}"#
        );
        let _ = sandbox
            .run_with_input(["events", "import", "-"], line.as_bytes())
            .expect_exit(0);
        let table = sandbox.run(["events", "list", "-o", "text"]).expect_exit(0);
        assert!(table.stdout.contains(local), "{table}");
        let json = sandbox.run(["events", "list", "-o", "json"]).expect_exit(0);
        assert!(json.stdout.contains(utc), "{json}");
    }
    let shown = sandbox
        .run(["events", "show", "@last", "-o", "text"])
        .expect_exit(0);
    assert!(
        shown.stdout.contains("2026-07-15 14:00:00.000 +02:00"),
        "{shown}"
    );
}

#[test]
fn words_of_other_tools_mean_the_same() {
    let sandbox = Sandbox::new();
    for (typed, meant) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "flows", "create"], &["flows", "create", "--help"]),
        (&["flows", "help", "create"], &["flows", "create", "--help"]),
        (&["version"], &["--version"]),
        (&["login", "nobody"], &["profile", "login", "nobody"]),
        (&["whoami"], &["profile", "whoami"]),
        (&["profile", "ls"], &["profile", "list"]),
        (
            &["records", "get", "contact", "c-1"],
            &["records", "show", "contact", "c-1"],
        ),
        (&["flows", "rm", "f-1"], &["flows", "delete", "f-1"]),
        (
            &["profile", "delete", "nobody"],
            &["profile", "remove", "nobody"],
        ),
    ] {
        let (typed, meant) = (sandbox.run(typed), sandbox.run(meant));
        assert_eq!(typed.to_string(), meant.to_string());
    }
}

#[test]
fn commands_of_other_tools_are_answered_with_ours() {
    let sandbox = Sandbox::new();
    for (typed, suggested) in [
        ("logs", "  try  evt events list\n"),
        ("status", "  try  evt dev status\n"),
        ("forward", "  try  evt listen 3000\n"),
    ] {
        let output = sandbox.run([typed]).expect_exit(2);
        assert!(output.stderr.contains(suggested), "{output}");
    }
}

#[test]
fn hints_keep_the_profile() {
    let sandbox = Sandbox::new();
    let platform = LocalPlatform::start(&sandbox);
    let running = &platform.running;
    let (url, org, token) = (&running.url, &running.org, &running.token);
    let add = [
        "profile", "add", "work", "--url", url, "--org", org, "--token", token,
    ];
    let _ = sandbox.run(add).expect_exit(0);
    let output = sandbox
        .run(["-p", "work", "flows", "show", "nothing"])
        .expect_exit(3);
    assert!(
        output.stderr.contains("try  evt -p work flows list"),
        "{output}"
    );
}

#[test]
fn invalid_values_are_described_in_plain_words() {
    let sandbox = Sandbox::new();
    for (args, message) in [
        (
            &["dev", "--port", "abc"][..],
            "`--port <PORT>`: `abc` is not a whole number",
        ),
        (
            &["dev", "--port", "99999"],
            "`--port <PORT>`: `99999` is not a number from 0 to 65535",
        ),
        (
            &["poll", "contact", "--page-size", "0"],
            "`--page-size <N>`: `0` is not a number from 1 to 10000",
        ),
        (
            &["events", "list", "--limit", "99999999999999999999999"],
            "is too large",
        ),
        (
            &["events", "prune"],
            "`evt events prune` needs one of `--keep <SPAN>`, `--max-size <SIZE>`, `--all`",
        ),
        (
            &["records", "list"],
            "`evt records list` needs `<DATATYPE>`",
        ),
        (
            &["events", "list", "--where", "data.a = 3"],
            "`=` is not an operator, write `==` (at character 8)",
        ),
        (
            &["events", "list", "--where", "a and b"],
            "`and` is not an operator, write `&&`",
        ),
        (&["events", "list", "--where", "a b"], "`b` is unexpected"),
        (
            &["events", "list", "--where", "a == 'b"],
            "a text has no closing quote",
        ),
        (&["events", "list", "--where", "a =="], "it ends too early"),
    ] {
        let output = sandbox.run(args).expect_exit(2);
        assert!(output.stderr.contains(message), "{output}");
    }
}

/// Phrases of the standard library, clap, the CEL parser, SQLite and serde, which say nothing to users.
const PHRASES: [&str; 9] = [
    "invalid digit",
    "ParseIntError",
    "token recognition",
    "mismatched input",
    "no viable alternative",
    "extraneous input",
    "is not in ",
    "were not provided",
    "invalid float literal",
];

#[test]
fn no_flag_answers_an_invalid_value_with_the_words_of_a_library() {
    let sandbox = Sandbox::new();
    let mut tried = 0;
    for command in [
        "dev",
        "listen",
        "tail",
        "poll",
        "send",
        "events list",
        "events prune",
        "records list",
        "queue list",
    ] {
        let command: Vec<&str> = command.split(' ').collect();
        let help = sandbox
            .run(command.iter().chain(&["--help"]))
            .expect_exit(0)
            .stdout;
        let flags = help
            .lines()
            .filter_map(|line| line.trim_start().split_once("--"))
            .filter(|(_, rest)| rest.contains('<'))
            .filter_map(|(_, rest)| rest.split([' ', '=']).next());
        for flag in flags {
            let flag = format!("--{flag}=\u{7}= x'");
            // `--help` after it ends the command if the value is accepted.
            let args = command.iter().copied().chain([flag.as_str(), "--help"]);
            let output = sandbox.run(args);
            tried += 1;
            for phrase in PHRASES {
                assert!(!output.stderr.contains(phrase), "{flag}: {output}");
            }
        }
    }
    assert!(tried > 60, "only {tried} flags were found");
}
