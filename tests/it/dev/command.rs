//! The command: starting, finding, asking and ending a platform; a program after `--`.

use std::process::Command;

use serde_json::{Value, json};

use super::wire::exchange;
use crate::support::{App, Output, Running, Sandbox};

/// `evt dev` on free ports, once it answers, and what it said of itself.
fn start(sandbox: &Sandbox, more: &[&str]) -> (Running, Value) {
    let mut args = vec!["dev", "--port", "0", "-o", "json"];
    args.extend(more);
    let mut dev = sandbox.spawn(args);
    let ready = dev.wait_for_stderr("\"ready\"");
    (dev, serde_json::from_str(&ready).unwrap())
}

fn json_of(output: Output) -> Value {
    let output = output.expect_exit(0);
    serde_json::from_str(output.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {output}"))
}

#[test]
fn a_start_says_where_it_is_once_on_stdout() {
    let sandbox = Sandbox::new();
    let (dev, ready) = start(&sandbox, &[]);
    dev.interrupt();
    let output = dev.finish().expect_exit(0);
    let said = output.json_lines();
    assert_eq!(said.len(), 1, "{output}");
    assert_eq!(said[0]["url"], ready["url"]);
    assert_eq!(said[0]["org"], "my-org");
    assert!(!output.stdout.contains("whsec_"), "{output}");
}

#[test]
fn other_commands_find_the_platform_until_it_has_stopped() {
    let sandbox = Sandbox::new();
    let (dev, ready) = start(&sandbox, &[]);
    let status = json_of(sandbox.run(["dev", "status"]));
    assert_eq!(
        (&status["url"], &status["auth"]),
        (&ready["url"], &json!("lenient"))
    );
    let stopped = sandbox.run(["dev", "stop"]);
    assert_eq!(stopped.exit, Some(0), "{stopped}");
    assert_eq!(dev.finish().exit, Some(0));
    let gone = sandbox.run(["dev", "status"]).expect_exit(5);
    assert!(gone.stderr.contains("not_running"), "{gone}");
}

#[test]
fn an_event_is_emitted_with_the_changes_that_were_asked_for() {
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &[]);
    let args = [
        "dev",
        "emit",
        "payment.succeeded",
        "--set",
        "data.amount:=99",
        "--set",
        "sk=payment-1",
    ];
    let emitted = json_of(sandbox.run(args));
    assert_eq!(
        (
            &emitted["record"]["data"]["amount"],
            &emitted["record"]["sk"]
        ),
        (&json!(99), &json!("payment-1"))
    );
    let typo = sandbox
        .run(["dev", "emit", "payment.succeded"])
        .expect_exit(2);
    assert!(
        typo.stderr.contains("evt dev emit payment.succeeded"),
        "{typo}"
    );
}

#[test]
fn switches_are_set_shown_and_refused() {
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &[]);
    assert_eq!(
        json_of(sandbox.run(["dev", "set", "2fa=on"])),
        json!({"2fa": "on"})
    );
    let shown = sandbox.run(["dev", "set"]).expect_exit(0).json_lines();
    assert_eq!(
        (&shown[0]["name"], &shown[0]["value"]),
        (&json!("2fa"), &json!("on"))
    );
    let unknown = sandbox.run(["dev", "set", "2f=on"]).expect_exit(2);
    assert!(unknown.stderr.contains("did you mean `2fa`"), "{unknown}");
    let bad = sandbox.run(["dev", "set", "2fa=maybe"]).expect_exit(2);
    assert!(bad.stderr.contains("on or off"), "{bad}");
}

#[test]
fn a_reset_asks_first_and_cannot_without_a_terminal() {
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &[]);
    let emitted = sandbox.run(["dev", "emit", "contact.created"]);
    assert_eq!(emitted.exit, Some(0));
    let refused = sandbox.run(["dev", "reset"]).expect_exit(2);
    assert!(refused.stderr.contains("--yes"), "{refused}");
    assert_eq!(
        json_of(sandbox.run(["dev", "status"]))["last_event"],
        "e_0001"
    );
    assert_eq!(sandbox.run(["dev", "reset", "--yes"]).exit, Some(0));
    assert_eq!(
        json_of(sandbox.run(["dev", "status"]))["last_event"],
        Value::Null
    );
}

#[test]
fn the_token_opens_a_strict_platform() {
    let sandbox = Sandbox::new();
    let (_dev, ready) = start(&sandbox, &["--auth", "strict", "--ephemeral"]);
    let token = sandbox.run(["dev", "token"]).expect_exit(0);
    let named = json_of(sandbox.run(["dev", "token", "-o", "json"]));
    assert!(named["token"].is_string(), "{named}");
    let url = ready["url"].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let request = format!(
        "GET /profile/whoami HTTP/1.1\r\nhost: {address}\r\norgid: my-org\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        token.stdout.trim()
    );
    assert_eq!(
        exchange(address.parse().unwrap(), request.as_bytes()).status,
        200
    );
}

#[test]
fn a_taken_port_is_told_with_who_has_it_and_a_way_out() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let port = app.address().port().to_string();
    let output = sandbox.run(["dev", "--port", &port]).expect_exit(1);
    assert!(
        output.stderr.contains(&format!("port {port} is taken")),
        "{output}"
    );
    assert!(output.stderr.contains("evt dev --port 0"), "{output}");
    assert!(output.stderr.contains("port_taken (exit 1)"), "{output}");
    #[cfg(target_os = "linux")]
    assert!(
        output
            .stderr
            .contains(&format!("(pid {})", std::process::id())),
        "{output}"
    );
}

#[test]
fn a_port_that_another_platform_has_is_told_so() {
    let sandbox = Sandbox::new();
    let (_dev, ready) = start(&sandbox, &[]);
    let port = ready["url"]
        .as_str()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let output = sandbox
        .run(["dev", "--ephemeral", "--port", &port])
        .expect_exit(1);
    assert!(
        output.stderr.contains("taken by another `evt dev`"),
        "{output}"
    );
    assert!(output.stderr.contains("evt dev stop"), "{output}");
}

#[test]
fn two_platforms_do_not_share_their_data() {
    let sandbox = Sandbox::new();
    let (dev, _) = start(&sandbox, &[]);
    let output = sandbox.run(["dev", "--port", "0"]).expect_exit(1);
    assert!(
        output.stderr.contains(&format!("(pid {})", dev.pid())),
        "{output}"
    );
    assert!(output.stderr.contains("data_in_use"), "{output}");
}

#[test]
fn a_second_platform_leaves_the_first_where_others_find_it() {
    let sandbox = Sandbox::new();
    let (_first, ready) = start(&sandbox, &[]);
    let (second, _) = start(&sandbox, &["--ephemeral"]);
    assert_eq!(json_of(sandbox.run(["dev", "status"]))["url"], ready["url"]);
    second.interrupt();
    assert_eq!(second.finish().exit, Some(0));
    assert_eq!(json_of(sandbox.run(["dev", "status"]))["url"], ready["url"]);
}

#[test]
fn a_damaged_database_is_an_error_in_words() {
    let sandbox = Sandbox::new();
    let data = sandbox.home().join("data/dev");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("platform.db"), [0x5a; 8192]).unwrap();
    let output = sandbox.run(["dev", "--port", "0"]).expect_exit(1);
    assert!(output.stderr.contains("is damaged"), "{output}");
}

#[cfg(unix)]
#[test]
fn what_is_kept_can_be_read_by_its_owner_alone() {
    use crate::support::sandbox::mode;
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &[]);
    let home = sandbox.home();
    for folder in ["data/dev", "state"] {
        assert_eq!(mode(&home.join(folder)), 0o700, "{folder}");
    }
    for file in [
        "data/dev/platform.db",
        "data/dev/platform.db-wal",
        "data/dev/dev.lock",
        "state/dev.json",
    ] {
        assert_eq!(mode(&home.join(file)), 0o600, "{file}");
    }
}

#[cfg(unix)]
#[test]
fn a_program_after_the_dashes_gets_the_addresses_and_gives_its_code() {
    let sandbox = Sandbox::new();
    let script = "test -n \"$EVT_URL\" && test -n \"$EVT_CONTROL_URL\" && test \"$EVT_ORG\" = my-org && test -n \"$EVT_TOKEN\" \
                  && case \"$EVT_WEBHOOK_SECRET\" in whsec_*) exit 7;; esac";
    let args = [
        "dev",
        "--ephemeral",
        "--port",
        "0",
        "--",
        "sh",
        "-c",
        script,
    ];
    let output = sandbox.run(args).expect_exit(7);
    assert_eq!(output.stdout, "", "stdout is the program's: {output}");
}

#[cfg(unix)]
#[test]
fn a_program_after_the_dashes_speaks_to_its_own_platform() {
    let sandbox = Sandbox::new();
    let (_other, _) = start(&sandbox, &[]);
    let evt = env!("CARGO_BIN_EXE_evt");
    let script = format!("{evt} dev emit contact.created >&2 && {evt} dev status");
    let args = [
        "dev",
        "--ephemeral",
        "--port",
        "0",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let inner = json_of(sandbox.run(args));
    assert_eq!(inner["last_event"], "e_0001");
    assert_eq!(
        json_of(sandbox.run(["dev", "status"]))["last_event"],
        Value::Null
    );
}

#[cfg(unix)]
#[test]
fn a_signal_reaches_the_program_and_its_code_comes_back() {
    let sandbox = Sandbox::new();
    let script = "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done";
    let mut dev = sandbox.spawn([
        "dev",
        "--ephemeral",
        "--port",
        "0",
        "--",
        "sh",
        "-c",
        script,
    ]);
    dev.wait_for_stdout("up");
    dev.terminate();
    assert_eq!(dev.finish().exit, Some(5));
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let sandbox = Sandbox::new();
    let args = ["dev", "--ephemeral", "--port", "0", "--", "no-such-program"];
    let output = sandbox.run(args).expect_exit(3);
    assert!(
        output
            .stderr
            .contains("there is no command `no-such-program`"),
        "{output}"
    );
}

#[test]
fn export_lines_are_printed_only_when_asked_for() {
    let sandbox = Sandbox::new();
    let (dev, ready) = start(&sandbox, &["--print-env"]);
    dev.interrupt();
    let output = dev.finish().expect_exit(0);
    let url = ready["url"].as_str().unwrap();
    assert!(
        output.stdout.contains(&format!("export EVT_URL='{url}'")),
        "{output}"
    );
    assert!(
        output.stdout.contains("export EVT_WEBHOOK_SECRET='whsec_"),
        "{output}"
    );
}

/// The requests of AppEngine's documentation, as they are printed there: only host, organisation and token differ.
#[test]
fn the_documented_curl_commands_work_as_they_are_printed() {
    if Command::new("curl").arg("--version").output().is_err() {
        // Without curl the same bytes are sent by the next test.
        let required = std::env::var("EVT_TEST_REQUIRE").is_ok_and(|what| what == "all");
        assert!(!required, "curl is not installed");
        eprintln!("skipped: curl is not installed");
        return;
    }
    let sandbox = Sandbox::new();
    let app = App::start();
    let (_dev, ready) = start(&sandbox, &[]);
    let jwt = sandbox.run(["dev", "token"]).expect_exit(0);
    let curl = |script: &str| -> Value {
        let output = Command::new("sh")
            .args(["-c", script])
            .env("BASE", ready["url"].as_str().unwrap())
            .env("JWT", jwt.stdout.trim())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let create = CREATE.replace(
        "https://my-bridge.example.com/appmint/contact",
        &app.url("/appmint/contact"),
    );
    let flow = curl(&create);
    let id = flow["flowId"].as_str().unwrap_or_else(|| panic!("{flow}"));
    let execution = curl(&EXECUTE.replace("{flowId}", id));
    assert!(
        execution["executionId"]
            .as_str()
            .unwrap()
            .starts_with("exec-"),
        "{execution}"
    );
    let delivery = app.wait_for(1).remove(0);
    let body = delivery.json();
    assert_eq!(
        delivery.header("X-Bridge-Secret"),
        Some("shared-secret-here")
    );
    assert_eq!(
        (&body["event"], &body["orgId"]),
        (&json!("contact.created"), &json!("my-org"))
    );
    assert_eq!(body["data"]["datatype"], "contact");
    assert_eq!(body["data"]["data"], json!({"email": "[email protected]"}));
    let page = curl(FIND);
    assert_eq!(
        (&page["data"], &page["pageSize"]),
        (&json!([]), &json!(100))
    );
}

const CREATE: &str = r#"curl -s -X POST $BASE/automation/flows/create \
      -H "orgid: my-org" -H "Authorization: Bearer $JWT" \
      -H "Content-Type: application/json" \
      -d '{
        "name": "Notify CRM bridge",
        "trigger": { "type": "contact.created" },
        "actions": [
          {
            "type": "send_webhook",
            "config": {
              "url": "https://my-bridge.example.com/appmint/contact",
              "method": "POST",
              "headers": { "X-Bridge-Secret": "shared-secret-here" }
            }
          }
        ]
      }'
"#;
const EXECUTE: &str = r#"curl -s -X POST $BASE/automation/flows/{flowId}/execute \
      -H "orgid: my-org" -H "Authorization: Bearer $JWT" \
      -H "Content-Type: application/json" \
      -d '{ "context": { "contact": { "email": "[email protected]" } } }'
"#;
const FIND: &str = r#"curl -s -X POST $BASE/repository/find/contact \
      -H "orgid: my-org" -H "Authorization: Bearer $JWT" \
      -d '{
  "query": { "modifydate": { "$gte": "2026-04-25T00:00:00Z" } },
  "options": { "sort": { "modifydate": -1 }, "pageSize": 100 }
}'
"#;

/// What curl sends for those commands, byte for byte.
#[test]
fn the_documented_requests_work_as_curl_sends_them() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let (_dev, ready) = start(&sandbox, &[]);
    let address = ready["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let send = |path: &str, body: &str| {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\norgid: my-org\r\n\
             Authorization: Bearer some.jwt.here\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let reply = exchange(address.parse().unwrap(), request.as_bytes());
        assert!(reply.status < 300, "{path}: {reply:?}");
        reply.json()
    };
    let body = |command: &str| {
        let start = command.find('\'').unwrap() + 1;
        command[start..command.rfind('\'').unwrap()].to_owned()
    };
    let create = body(CREATE).replace(
        "https://my-bridge.example.com/appmint/contact",
        &app.url("/appmint/contact"),
    );
    let flow = send("/automation/flows/create", &create);
    let id = flow["flowId"].as_str().unwrap();
    let execution = send(&format!("/automation/flows/{id}/execute"), &body(EXECUTE));
    assert_eq!(execution["status"], "pending");
    app.wait_for(1);
    assert_eq!(send("/repository/find/contact", &body(FIND))["total"], 0);
}

#[test]
fn a_host_that_is_allowed_is_served() {
    let sandbox = Sandbox::new();
    let more = ["--allow-host", "platform.internal", "--allow-host", "b:80"];
    let (_dev, ready) = start(&sandbox, &more);
    let address = ready["url"].as_str().unwrap().replace("http://", "");
    let status = |host: &str| {
        let request = format!(
            "GET /profile/whoami HTTP/1.1\r\nhost: {host}\r\norgid: my-org\r\nauthorization: Bearer x\r\nconnection: close\r\n\r\n"
        );
        exchange(address.parse().unwrap(), request.as_bytes()).status
    };
    assert_eq!(status("platform.internal:4870"), 200);
    assert_eq!(status("b:81"), 403);
}

#[test]
fn a_push_and_a_cut_say_how_many_clients_they_were_about() {
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &["--ephemeral"]);
    let pushed = sandbox.run(["dev", "push", "chat", "message", "{\"a\":1}"]);
    assert_eq!(json_of(pushed), json!({ "sent": 0, "lost": 0 }));
    assert_eq!(json_of(sandbox.run(["dev", "cut"])), json!({ "cut": 0 }));
    let wrong = sandbox
        .run(["dev", "push", "chats", "message"])
        .expect_exit(2);
    assert!(wrong.stderr.contains("/community-chat"), "{wrong}");
    sandbox
        .run(["dev", "push", "chat", "message", "{"])
        .expect_exit(2);
}

#[test]
fn agents_are_loaded_from_a_file_and_listed() {
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &[]);
    let script = "agents:\n  support:\n    about: says hello\n    steps:\n      - say: Hello\n";
    let file = sandbox.write("agents.yaml", script);
    let loaded = json_of(sandbox.run(["dev", "ai", file.to_str().unwrap(), "-o", "json"]));
    assert_eq!(loaded, json!({"loaded": ["support"]}));
    let listed = sandbox.run(["dev", "ai", "-o", "text"]).expect_exit(0);
    let row = listed.stdout.lines().find(|line| line.contains("support"));
    assert!(
        row.is_some_and(|row| row.contains("says hello")),
        "{listed}"
    );
}

#[test]
fn a_script_that_is_wrong_is_told_with_its_place() {
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &[]);
    let wrong = "agents: {a: {steps: [{sya: x}]}}";
    let output = sandbox
        .run_with_input(["dev", "ai", "-"], wrong.as_bytes())
        .expect_exit(2);
    assert!(output.stderr.contains("`agents.a.steps[0]`"), "{output}");
    assert!(output.stderr.contains("evt dev ai --help"), "{output}");
    let tabs = sandbox.run_with_input(["dev", "ai", "-"], b"agents:\n\ta: 1");
    assert!(tabs.stderr.contains("is not YAML"), "{tabs}");
}
