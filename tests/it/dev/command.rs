//! The command `evt dev`: start, find, call and stop a platform; a program after `--`.

use std::process::Command;

use serde_json::{Value, json};

use super::wire::exchange;
use crate::support::{App, Output, Running, Sandbox};

/// Starts `evt dev` on free ports. Returns it with the facts that it printed.
pub(super) fn start(sandbox: &Sandbox, more: &[&str]) -> (Running, Value) {
    let mut args = vec!["dev", "--port", "0", "-o", "json"];
    args.extend(more);
    let mut dev = sandbox.spawn(args);
    let ready = dev.wait_for_stderr("\"ready\"");
    (dev, serde_json::from_str(&ready).unwrap())
}

pub(super) fn json_of(output: Output) -> Value {
    let output = output.expect_exit(0);
    serde_json::from_str(output.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {output}"))
}

#[test]
fn a_start_prints_its_addresses_once_on_stdout() {
    let sandbox = Sandbox::new();
    let (dev, ready) = start(&sandbox, &[]);
    dev.interrupt();
    let output = dev.finish().expect_exit(0);
    let printed = output.json_lines();
    assert_eq!(printed.len(), 1, "{output}");
    assert_eq!(printed[0]["url"], ready["url"]);
    assert_eq!(printed[0]["org"], "my-org");
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
fn an_event_is_emitted_with_the_requested_changes() {
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
fn settings_are_changed_shown_and_refused() {
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
        "p_0001"
    );
    assert_eq!(sandbox.run(["dev", "reset", "--yes"]).exit, Some(0));
    assert_eq!(
        json_of(sandbox.run(["dev", "status"]))["last_event"],
        Value::Null
    );
}

#[test]
fn events_of_the_platform_and_of_the_inbox_have_different_references() {
    let sandbox = Sandbox::new();
    let (dev, _) = start(&sandbox, &["--ephemeral"]);
    let _ = sandbox
        .run([
            "dev",
            "emit",
            "contact.created",
            "--set",
            "data.email=ada@example.com",
        ])
        .expect_exit(0);
    let shown = json_of(sandbox.run(["events", "show", "p_0001"]));
    assert_eq!(shown["ref"], "p_0001");
    assert_eq!(shown["type"], "contact.created");
    let body = sandbox.run(["events", "show", "p_0001", "-o", "raw"]);
    assert!(body.stdout.contains("ada@example.com"), "{body}");
    let inbox = sandbox.run(["events", "show", "e_0001"]).expect_exit(3);
    assert!(inbox.stderr.contains("no_such_event"), "{inbox}");
    let _ = sandbox.run(["events", "show", "p_0002"]).expect_exit(3);
    dev.interrupt();
    let _ = dev.finish();
    let stopped = sandbox.run(["events", "show", "p_0001"]).expect_exit(5);
    assert!(stopped.stderr.contains("not running"), "{stopped}");
}

#[test]
fn a_strict_platform_accepts_the_token() {
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
fn a_taken_port_is_reported_with_its_process_and_a_hint() {
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
fn a_port_of_another_platform_is_reported_as_such() {
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
fn commands_still_find_the_first_of_two_platforms() {
    let sandbox = Sandbox::new();
    let (_first, ready) = start(&sandbox, &[]);
    let (second, _) = start(&sandbox, &["--ephemeral"]);
    assert_eq!(json_of(sandbox.run(["dev", "status"]))["url"], ready["url"]);
    second.interrupt();
    assert_eq!(second.finish().exit, Some(0));
    assert_eq!(json_of(sandbox.run(["dev", "status"]))["url"], ready["url"]);
}

#[test]
fn a_damaged_database_is_reported() {
    let sandbox = Sandbox::new();
    let data = sandbox.home().join("data/dev");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("platform.db"), [0x5a; 8192]).unwrap();
    let output = sandbox.run(["dev", "--port", "0"]).expect_exit(1);
    assert!(output.stderr.contains("is damaged"), "{output}");
}

#[cfg(unix)]
#[test]
fn files_are_readable_only_by_their_owner() {
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
fn a_program_gets_the_addresses_and_determines_the_exit_code() {
    let sandbox = Sandbox::new();
    let script = "test -n \"$EVT_URL\" && test -n \"$EVT_CONTROL_URL\" && test \"$EVT_ORG\" = my-org && test -n \"$EVT_TOKEN\" \
                  && test \"$EVT_APPENGINE_URL\" = \"$EVT_URL\" && test -n \"$EVT_APPENGINE_TOKEN\" \
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
fn a_program_uses_the_platform_that_started_it() {
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
    assert_eq!(inner["last_event"], "p_0001");
    assert_eq!(
        json_of(sandbox.run(["dev", "status"]))["last_event"],
        Value::Null
    );
}

#[cfg(unix)]
#[test]
fn a_signal_is_passed_to_the_program() {
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
fn a_missing_program_is_an_error() {
    let sandbox = Sandbox::new();
    let args = ["dev", "--ephemeral", "--port", "0", "--", "no-such-program"];
    let output = sandbox.run(args).expect_exit(3);
    assert!(
        output
            .stderr
            .contains("command `no-such-program` not found"),
        "{output}"
    );
}

#[test]
fn routes_are_listed_with_their_methods() {
    let sandbox = Sandbox::new();
    let (_dev, _) = start(&sandbox, &["--only", "appengine"]);
    let routes = sandbox.run(["dev", "routes"]).expect_exit(0).json_lines();
    let create = json!({"methods": ["POST", "PUT"], "path": "/repository/create"});
    assert!(routes.contains(&create), "{routes:?}");
    let paths: Vec<_> = routes.iter().map(|route| &route["path"]).collect();
    assert!(paths.contains(&&json!("/automation/ai/generate")));
    assert!(paths.contains(&&json!("/crm/contact-form/post/{app}/{name}")));
}

#[test]
fn a_platform_is_selected_by_name() {
    let sandbox = Sandbox::new();
    let (_dev, ready) = start(&sandbox, &[]);
    assert_eq!(ready["platforms"]["appengine"]["url"], ready["url"]);
    let status = json_of(sandbox.run(["dev", "status"]));
    let own = json_of(sandbox.run(["dev", "status", "--platform", "appengine"]));
    assert_eq!(status["platforms"]["appengine"], own);
    let list = ["records", "list", "contact", "--platform"];
    let listed = sandbox.run(list.into_iter().chain(["appengine"]));
    assert_eq!(listed.exit, Some(0), "{listed}");
    for args in [
        vec!["dev", "status", "--platform", "other"],
        vec!["dev", "token", "--platform", "other"],
        vec!["dev", "routes", "--platform", "other"],
        vec!["dev", "emit", "contact.created", "--platform", "other"],
        list.into_iter().chain(["other"]).collect(),
    ] {
        let refused = sandbox.run(args).expect_exit(5);
        assert!(refused.stderr.contains("platform_not_running"), "{refused}");
    }
}

/// The requests in AppEngine's documentation, except for host, organisation and token.
#[test]
fn the_documented_curl_commands_work() {
    if Command::new("curl").arg("--version").output().is_err() {
        // The next test sends the same bytes without curl.
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

/// The exact bytes that curl sends for those commands.
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
fn an_allowed_host_is_served() {
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
fn a_push_and_a_cut_report_the_number_of_clients() {
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
fn an_invalid_script_is_reported_with_its_path() {
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
