//! Several local platforms at once, and platforms that have no home or that other machines can reach.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::command::{json_of, start};
use super::wire::Platform;
use crate::support::raw;
use crate::support::{App, Running, Sandbox};

/// A sandbox with two platforms, `local` and `staging`, and what they printed.
fn two() -> (Sandbox, [(Running, Value); 2]) {
    let sandbox = Sandbox::new();
    let local = start(&sandbox, &[]);
    let mut staging = sandbox.spawn(["dev", "--name", "staging", "-o", "json"]);
    let ready = serde_json::from_str(&staging.wait_for_stderr("\"ready\"")).unwrap();
    (sandbox, [local, (staging, ready)])
}

fn create(sandbox: &Sandbox, more: &[&str]) {
    let args = ["records", "create", "contact", "email=ada@example.com"];
    let _ = sandbox.run(args.iter().chain(more)).expect_exit(0);
}

fn count(sandbox: &Sandbox, more: &[&str]) -> usize {
    let args = ["records", "list", "contact"];
    sandbox
        .run(args.iter().chain(more))
        .expect_exit(0)
        .json_lines()
        .len()
}

#[test]
fn a_named_platform_has_its_own_data_and_every_command_finds_it() {
    let (sandbox, [(_local, first), (_staging, second)]) = two();
    assert_ne!(first["url"], second["url"]);
    assert_eq!(second["name"], "staging");
    assert!(second["data"].as_str().unwrap().ends_with("dev/staging"));
    create(&sandbox, &["-p", "staging"]);
    assert_eq!(count(&sandbox, &["-p", "staging"]), 1);
    assert_eq!(count(&sandbox, &["-p", "local"]), 0);
    assert_eq!(count(&sandbox, &[]), 0);
    let polled = sandbox
        .run(["-p", "staging", "poll", "contact", "--since", "1h"])
        .expect_exit(0);
    assert_eq!(polled.json_lines().len(), 1, "{polled}");
    let shown = json_of(sandbox.run(["profile", "show", "staging"]));
    assert_eq!(shown["url"], second["url"]);
    let listed = sandbox.run(["profile", "list"]).expect_exit(0).json_lines();
    assert_eq!(
        listed[1],
        json!({"name": "staging", "in_use": false, "url": second["url"], "org": "my-org"})
    );
}

#[test]
fn the_status_lists_all_that_run_and_shows_the_one_that_is_named() {
    let (sandbox, [(_local, first), (_staging, second)]) = two();
    let all = sandbox.run(["dev", "status"]).expect_exit(0).json_lines();
    let names: Vec<&Value> = all.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, [&json!("local"), &json!("staging")]);
    let url = second["url"].as_str().unwrap();
    for before in [["--name", "staging"], ["-p", "staging"], ["--url", url]] {
        let status = json_of(sandbox.run(["dev"].iter().chain(&before).chain(&["status"])));
        assert_eq!(status["url"], second["url"], "{before:?}");
    }
    let started = sandbox.run(["dev", "--port", "0", "status"]).expect_exit(2);
    assert!(
        started.stderr.contains("`--port` is for starting"),
        "{started}"
    );
    for named in [&["--name", "staging"], &["-p", "staging"], &["--url", url]] {
        let status = json_of(sandbox.run(["dev", "status"].iter().chain(named)));
        assert_eq!(status["url"], second["url"], "{named:?}");
        assert!(status["uptime_seconds"].is_u64(), "{status}");
    }
    let status = json_of(sandbox.run(["dev", "status", "-p", "local"]));
    assert_eq!(status["url"], first["url"]);
    let unknown = sandbox
        .run(["dev", "status", "--url", "http://127.0.0.1:1"])
        .expect_exit(5);
    assert!(
        unknown.stderr.contains("no local platform runs at"),
        "{unknown}"
    );
}

#[test]
fn commands_of_evt_dev_act_on_the_named_platform() {
    let (sandbox, [(_local, _), (staging, _)]) = two();
    let set = ["dev", "set", "--name", "staging", "poll.page_cap=7"];
    let refused_or_set = sandbox.run(set);
    assert!(
        !refused_or_set.stderr.contains("not_running"),
        "{refused_or_set}"
    );
    let _ = sandbox
        .run(["dev", "emit", "contact.created", "-p", "staging"])
        .expect_exit(0);
    let last = |name| json_of(sandbox.run(["dev", "status", "-p", name]))["last_event"].clone();
    assert!(last("staging").is_string());
    assert!(last("local").is_null());
    let _ = sandbox
        .run(["dev", "stop", "--name", "staging"])
        .expect_exit(0);
    assert_eq!(staging.finish().exit, Some(0));
    let gone = sandbox
        .run(["-p", "staging", "flows", "list"])
        .expect_exit(5);
    assert!(
        gone.stderr
            .contains("try  start it: evt dev --name staging"),
        "{gone}"
    );
    assert_eq!(count(&sandbox, &[]), 0);
}

#[test]
fn a_listener_verifies_what_each_of_them_delivers() {
    let (sandbox, _platforms) = two();
    let mut listener = sandbox.spawn(["listen", "--port", "0", "--count", "2", "-o", "json"]);
    let hook = format!("http://{}/hook", listener.wait_until_ready());
    for name in ["local", "staging"] {
        let flow = [
            "-p",
            name,
            "flows",
            "create",
            "--on",
            "contact.created",
            "--webhook",
            &hook,
        ];
        let _ = sandbox.run(flow).expect_exit(0);
        create(&sandbox, &["-p", name]);
    }
    let events = listener.finish().expect_exit(0).json_lines();
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(event["verdict"]["ok"], true, "{event}");
    }
}

#[test]
fn a_vendors_event_goes_to_the_named_platform() {
    let (sandbox, _platforms) = two();
    let args = ["-p", "staging", "send", "stripe/payment_intent.succeeded"];
    let _ = sandbox.run(args).expect_exit(0);
    let last = |name| json_of(sandbox.run(["dev", "status", "-p", name]))["last_event"].clone();
    assert!(last("staging").is_string());
    assert!(last("local").is_null());
}

#[test]
fn a_second_platform_without_a_name_is_told_to_use_one() {
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &[]);
    let second = sandbox.run(["dev", "--port", "0"]).expect_exit(1);
    assert!(second.stderr.contains("data_in_use"), "{second}");
    assert!(
        second.stderr.contains("try  evt dev --name second"),
        "{second}"
    );
}

#[test]
fn a_name_belongs_to_a_profile_or_to_a_local_platform() {
    let (sandbox, _platforms) = two();
    let url = ["--url", "https://api.example.com"];
    let taken = sandbox
        .run(["profile", "add", "staging"].iter().chain(&url))
        .expect_exit(2);
    assert!(taken.stderr.contains("name_taken"), "{taken}");
    let _ = sandbox
        .run(["profile", "add", "work"].iter().chain(&url))
        .expect_exit(0);
    let taken = sandbox.run(["dev", "--name", "work"]).expect_exit(2);
    assert!(taken.stderr.contains("name_taken"), "{taken}");
    for name in ["platform.db", "../x", "A"] {
        let _ = sandbox.run(["dev", "--name", name]).expect_exit(2);
    }
}

#[test]
fn a_program_belongs_to_the_platform_that_started_it() {
    let (sandbox, [_local, (_staging, second)]) = two();
    let script = r#"EVT=$0; "$EVT" profile show -o json; "$EVT" profile show -p staging -o json"#;
    let evt = env!("CARGO_BIN_EXE_evt");
    let args = [
        "dev",
        "--ephemeral",
        "--name",
        "own",
        "--",
        "sh",
        "-c",
        script,
        evt,
    ];
    let shown = sandbox.run(args).expect_exit(0).json_lines();
    assert_ne!(shown[0]["url"], second["url"]);
    assert_eq!(shown[1]["url"], second["url"]);
}

#[test]
fn export_lines_are_those_of_the_running_platform() {
    let sandbox = Sandbox::new();
    let none = sandbox.spawn(["dev", "--print-env"]).finish();
    assert_eq!((none.exit, none.stdout.as_str()), (Some(5), ""), "{none}");
    assert!(none.stderr.contains("try  start one: evt dev"), "{none}");
    let (_dev, ready) = start(&sandbox, &["--org", "it's"]);
    let url = ready["url"].as_str().unwrap();
    let printed = sandbox.run(["dev", "--print-env"]).expect_exit(0).stdout;
    assert!(
        printed.contains(&format!("export EVT_URL='{url}'")),
        "{printed}"
    );
    assert!(
        printed.contains("export EVT_WEBHOOK_SECRET='whsec_"),
        "{printed}"
    );
    assert!(printed.contains(r"export EVT_ORG='it'\''s'"), "{printed}");
}

/// A home below a file: even a user who may do everything cannot create it.
fn without_home() -> (Sandbox, tempfile::TempDir) {
    let temporary = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new()
        .with("EVT_HOME", "/dev/null/home")
        .with("TMPDIR", temporary.path().to_str().unwrap());
    (sandbox, temporary)
}

#[test]
fn without_a_home_that_can_be_written_a_temporary_one_is_used() {
    let (sandbox, temporary) = without_home();
    let (dev, _) = start(&sandbox, &["--ephemeral"]);
    create(&sandbox, &[]);
    assert_eq!(count(&sandbox, &[]), 1);
    let app = App::start();
    let sent = sandbox
        .run(["send", "contact.created", "--to", &app.url("/")])
        .expect_exit(0);
    assert!(sent.stderr.contains("can be deleted at any time"), "{sent}");
    let mut listener = sandbox.spawn(["listen", "--port", "0", "--count", "1", "-o", "json"]);
    let address = listener.wait_until_ready();
    assert!(raw::exchange(address, "POST", "/", &[], b"{}").is_some());
    let _ = listener.finish().expect_exit(0);
    dev.interrupt();
    assert!(!dev.finish().expect_exit(0).stderr.contains("temporary"));
    let own = std::fs::read_dir(temporary.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    #[cfg(unix)]
    assert_eq!(crate::support::sandbox::mode(&own.path()), 0o700);
    let doctor = sandbox.run(["doctor"]);
    assert_ne!(doctor.exit, Some(0), "{doctor}");
    assert!(doctor.stdout.contains("/dev/null/home/data"), "{doctor}");
}

#[test]
fn other_addresses_than_loopback_need_a_token_and_an_allowed_host() {
    let sandbox = Sandbox::new();
    let off = sandbox.run([
        "dev",
        "--ephemeral",
        "--port",
        "0",
        "--bind",
        "0.0.0.0",
        "--auth",
        "off",
    ]);
    assert!(off.expect_exit(2).stderr.contains("requests need a token"));
    let mut dev = sandbox.spawn([
        "dev",
        "--ephemeral",
        "--port",
        "0",
        "--bind",
        "0.0.0.0",
        "--allow-host",
        "platform.test",
        "-o",
        "json",
    ]);
    let warning = dev.wait_for_stderr("other machines can connect");
    assert!(warning.contains("warning"), "{warning}");
    let address = dev.wait_until_ready();
    let ask = |host: &str, token: &str| {
        let request = format!(
            "GET /profile/whoami HTTP/1.1\r\nhost: {host}\r\norgid: my-org\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        raw::exchange_bytes(address, request.as_bytes())
            .unwrap()
            .status
    };
    let token = sandbox.run(["dev", "token"]).expect_exit(0).stdout;
    let token = token.trim();
    assert_eq!(ask("platform.test", token), 200);
    assert_eq!(ask("platform.test", "any"), 401);
    assert_eq!(ask("192.0.2.1", token), 403);
    assert_eq!(ask("evil.test", token), 403);
}

/// An image or a link of another site.
#[test]
fn requests_that_a_browser_sends_for_another_site_are_refused() {
    let platform = Platform::start();
    let handshake = "/socket.io/?EIO=4&transport=polling";
    for path in [handshake, "/profile/whoami", "/webhooks/stripe", "/"] {
        for site in ["cross-site", "same-site"] {
            let headers = [("sec-fetch-site", site)];
            let reply = raw::exchange(platform.address(), "GET", path, &headers, b"").unwrap();
            assert_eq!(reply.status, 403, "{path} {site}: {reply:?}");
            assert!(reply.body.contains("foreign_origin"), "{path}: {reply:?}");
        }
    }
    for headers in [&[][..], &[("sec-fetch-site", "same-origin")]] {
        let reply = raw::exchange(platform.address(), "GET", handshake, headers, b"").unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[test]
fn polling_sessions_are_bounded() {
    let platform = Platform::start();
    let request = format!(
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: {}\r\n\r\n",
        platform.address()
    );
    // Pipelined on one connection, because the test needs more requests than sessions.
    let last = request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(platform.address()).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let all = request.repeat(1_049) + &last;
    let writing = std::thread::spawn(move || writer.write_all(all.as_bytes()));
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    writing.join().unwrap().unwrap();
    assert_eq!(text.matches("HTTP/1.1 200").count(), 1_000);
    assert_eq!(text.matches("HTTP/1.1 503").count(), 50);
}

/// `script` gives the command a terminal.
#[test]
fn a_terminal_shows_what_happens_with_time_event_and_flow() {
    let sandbox = Sandbox::new();
    let listed = std::process::Command::new("script")
        .arg("--version")
        .output();
    if listed.is_err() {
        let required = std::env::var("EVT_TEST_REQUIRE").is_ok_and(|what| what == "all");
        assert!(!required, "script is not installed");
        eprintln!("skipped: script is not installed");
        return;
    }
    let evt = sandbox.command([""; 0]);
    let line = format!(
        "{} dev --port 0 --color never",
        evt.get_program().to_str().unwrap()
    );
    let mut terminal = std::process::Command::new("script");
    terminal
        .args(["-qefc", &line, "/dev/null"])
        .current_dir(sandbox.work());
    terminal.env_clear();
    terminal.envs(
        evt.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let piped = std::process::Stdio::piped;
    terminal.stdin(piped()).stdout(piped()).stderr(piped());
    let mut dev = Running::start(&mut terminal);
    let _ = dev.wait_for_stdout("Ctrl-C stops it");
    let app = App::start();
    app.answer_next(crate::support::Answer::Status(503, "{}".to_owned()));
    let hook = app.url("/");
    for (name, when) in [
        ("Tell app", "data.status == 'lead'"),
        ("Never", "data.status == 'lost'"),
    ] {
        let flow = [
            "flows",
            "create",
            "--name",
            name,
            "--on",
            "contact.created",
            "--webhook",
            &hook,
            "--when",
            when,
        ];
        let _ = sandbox.run(flow).expect_exit(0);
    }
    let create = ["records", "create", "contact", "status=lead"];
    let _ = sandbox.run(create).expect_exit(0);
    for (flow, what) in [
        ("→ Never", "condition not met: "),
        ("→ Tell app", "run exec-"),
        ("→ Tell app", "attempt 1 failed: 503; next at "),
        ("→ Tell app", "delivered, 200"),
    ] {
        let line = dev.wait_for_stdout(what);
        assert!(line.contains(flow), "{line}");
        // Time, reference, flow.
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(
            words[0].matches(':').count() == 2 && words[1].starts_with("p_"),
            "{line}"
        );
    }
    let _ = sandbox.run(["dev", "stop"]).expect_exit(0);
}
