//! Schedules and waiting steps, with the platform's clock.

use serde_json::{Value, json};

use super::object;
use crate::support::raw::exchange;
use crate::support::{LocalPlatform, Output, Running, Sandbox};

/// Follows up on a contact: an e-mail if no mail is opened within three days, otherwise a tag. In the form of the flow builder.
const NURTURE: &str = r#"{
  "name": "nurture", "status": "active", "enabled": true,
  "triggers": [{"id": "t1", "type": "contact_created", "name": "New contact", "config": {}, "enabled": true}],
  "steps": [
    {"id": "s1", "name": "Opened?", "type": "action", "config": {"actionType": "wait_for_event", "event": "email.opened", "timeout": {"value": 3, "unit": "days"}}, "nextStepId": "s2"},
    {"id": "s2", "name": "Was it?", "type": "condition", "config": {"conditionType": "check_field_value", "field": "steps.s1.output.received", "operator": "equals", "value": true, "elseStepId": "s4"}, "nextStepId": "s3"},
    {"id": "s3", "name": "Tag", "type": "action", "config": {"actionType": "add_tag", "tag": "engaged"}, "nextStepId": "s5"},
    {"id": "s4", "name": "Write", "type": "action", "config": {"actionType": "send_notification", "deliveryType": "email", "to": "{{contact.email}}", "subject": "Still there?", "body": "Hello"}, "nextStepId": "s5"},
    {"id": "s5", "type": "end", "config": {}}
  ]
}"#;

fn nurture() -> Value {
    serde_json::from_str(NURTURE).unwrap()
}

/// A platform in its own process, which keeps its data.
pub(super) fn dev(sandbox: &Sandbox) -> Running {
    let args = ["dev", "--port", "0", "--console-port", "0", "-o", "json"];
    let mut platform = sandbox.spawn(args);
    platform.wait_for_stderr("\"ready\"");
    platform
}

pub(super) fn apply(sandbox: &Sandbox, flow: &Value) -> Output {
    let file = sandbox.write("flow.json", flow.to_string());
    let file = file.display().to_string();
    sandbox.run(["flows", "apply", "-f", &file, "--yes"])
}

pub(super) fn clock(sandbox: &Sandbox, args: &[&str]) -> Output {
    sandbox.run(["-o", "json", "dev", "clock"].iter().chain(args))
}

pub(super) fn runs(sandbox: &Sandbox, flow: &str) -> Vec<Value> {
    let listed = sandbox.run(["flows", "runs", flow, "--limit", "200"]);
    listed.expect_exit(0).json_lines()
}

pub(super) fn contact(sandbox: &Sandbox, email: &str) {
    let email = format!("email={email}");
    let _ = sandbox
        .run(["records", "create", "contact", &email])
        .expect_exit(0);
}

/// A flow that writes a record for each run of a schedule.
pub(super) fn scheduled(name: &str, schedule: &Value) -> Value {
    json!({
        "name": name,
        "trigger": {"type": "scheduled", "config": {"schedule": schedule}},
        "actions": [{"type": "create_data", "config": {"datatype": "note", "data": {"at": "{{scheduledAt}}"}}}]
    })
}

/// The times for which runs of a schedule started, without seconds and zone.
pub(super) fn times(sandbox: &Sandbox, flow: &str) -> Vec<String> {
    let runs = runs(sandbox, flow);
    let started = runs.iter().filter(|run| run["status"] == "completed");
    let times = started
        .map(|run| run["steps"][0]["output"]["data"]["at"].as_str().unwrap()[..16].to_owned());
    times.collect()
}

#[test]
fn a_run_that_waits_survives_a_kill_and_takes_the_branch_of_what_happened() {
    let sandbox = Sandbox::new();
    let platform = dev(&sandbox);
    let _ = apply(&sandbox, &nurture()).expect_exit(0);
    contact(&sandbox, "ada@example.com");
    contact(&sandbox, "bob@example.com");
    platform.kill();
    let _platform = dev(&sandbox);
    assert!(
        runs(&sandbox, "nurture")
            .iter()
            .all(|run| run["status"] == "running")
    );
    let opened = [
        "dev",
        "emit",
        "email.opened",
        "--set",
        "data.email=bob@example.com",
    ];
    let _ = sandbox.run(opened).expect_exit(0);
    let _ = clock(&sandbox, &["advance", "73h"]).expect_exit(0);
    let runs = runs(&sandbox, "nurture");
    let taken: Vec<_> = runs
        .iter()
        .map(|run| {
            let steps = run["steps"].as_array().unwrap();
            let ids = steps.iter().map(|step| step["stepId"].as_str().unwrap());
            (run["status"].as_str().unwrap(), ids.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(
        taken,
        [
            ("completed", vec!["s1", "s2", "s4", "s5"]),
            ("completed", vec!["s1", "s2", "s3", "s5"])
        ]
    );
    let sent = sandbox
        .run(["-o", "json", "dev", "outbox"])
        .expect_exit(0)
        .json_lines();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0]["to"], json!(["ada@example.com"]));
}

#[test]
fn a_flow_of_thirty_days_runs_to_its_end_in_order_of_time() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let day = |n: u32| json!({"type": "create_data", "config": {"datatype": "note", "data": {"day": n}}, "delay": {"value": 1, "unit": "days"}});
    let flow = json!({"name": "month", "trigger": {"type": "contact.created"}, "actions": (1..=30).map(day).collect::<Vec<_>>()});
    let _ = apply(&sandbox, &flow).expect_exit(0);
    let _ = clock(&sandbox, &["freeze"]).expect_exit(0);
    contact(&sandbox, "ada@example.com");
    let begun = object(&clock(&sandbox, &[]).expect_exit(0));
    let _ = clock(&sandbox, &["advance", "31d"]).expect_exit(0);
    let run = runs(&sandbox, "month").remove(0);
    assert_eq!(run["status"], "completed");
    let created = [
        "records",
        "list",
        "note",
        "--sort",
        "modifydate",
        "--limit",
        "50",
    ];
    let notes = sandbox.run(created).expect_exit(0).json_lines();
    let days: Vec<_> = notes
        .iter()
        .filter_map(|note| note["data"]["day"].as_u64())
        .collect();
    assert_eq!(days, (1..=30).collect::<Vec<_>>());
    let at = |value: &Value| {
        value
            .as_str()
            .unwrap()
            .parse::<evt::time::Timestamp>()
            .unwrap()
    };
    let last = at(&notes[29]["createdate"]).since(at(&begun["now"]));
    assert_eq!(last.as_secs(), 30 * 24 * 3600);
}

#[test]
fn a_schedule_follows_daylight_saving() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = clock(&sandbox, &["set", "2027-03-27T12:00:00Z"]).expect_exit(0);
    let fixed =
        json!({"type": "cron", "cronExpression": "30 2 * * *", "timezone": "Europe/Berlin"});
    let often =
        json!({"type": "cron", "cronExpression": "*/30 * * * *", "timezone": "Europe/Berlin"});
    let _ = apply(&sandbox, &scheduled("fixed", &fixed)).expect_exit(0);
    let _ = apply(&sandbox, &scheduled("often", &often)).expect_exit(0);
    let _ = clock(&sandbox, &["set", "2027-03-28T01:40:00Z"]).expect_exit(0);
    // 03:00 CEST; 01:30 CET and 03:00 and 03:30 CEST.
    assert_eq!(times(&sandbox, "fixed"), ["2027-03-28T01:00"]);
    let often = times(&sandbox, "often");
    assert_eq!(
        often[often.len() - 3..],
        ["2027-03-28T00:30", "2027-03-28T01:00", "2027-03-28T01:30"]
    );
}

#[test]
fn a_schedule_runs_once_in_the_hour_that_is_repeated() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let back = clock(
        &sandbox,
        &["set", "2026-10-24T22:00:00Z", "--allow-backwards"],
    );
    assert!(
        back.expect_exit(0)
            .stderr
            .contains("pollers may miss changes")
    );
    let fixed = json!({"cronExpression": "30 2 * * *", "timezone": "Europe/Berlin"});
    let often = json!({"cronExpression": "*/30 * * * *", "timezone": "Europe/Berlin"});
    let _ = apply(&sandbox, &scheduled("fixed", &fixed)).expect_exit(0);
    let _ = apply(&sandbox, &scheduled("often", &often)).expect_exit(0);
    let _ = clock(&sandbox, &["set", "2026-10-25T02:10:00Z"]).expect_exit(0);
    assert_eq!(times(&sandbox, "fixed"), ["2026-10-25T00:30"]);
    let often = times(&sandbox, "often");
    // 02:00 and 02:30, twice each, and 03:00.
    assert_eq!(
        often[often.len() - 5..],
        [
            "2026-10-25T00:00",
            "2026-10-25T00:30",
            "2026-10-25T01:00",
            "2026-10-25T01:30",
            "2026-10-25T02:00"
        ]
    );
}

/// Starts a platform with hourly schedules of each misfire policy, and again after five hours.
#[test]
fn runs_missed_while_the_platform_did_not_run_follow_the_misfire_policy() {
    let sandbox = Sandbox::new();
    let platform = dev(&sandbox);
    let _ = clock(&sandbox, &["set", "2030-01-01T00:30:00Z"]).expect_exit(0);
    for misfire in ["skip", "once", "all"] {
        let schedule = json!({"type": "cron", "cronExpression": "0 * * * *", "timezone": "UTC", "misfire": misfire});
        let _ = apply(&sandbox, &scheduled(misfire, &schedule)).expect_exit(0);
    }
    let before = ["skip", "once", "all"].map(|flow| times(&sandbox, flow).len());
    platform.kill();
    // The stored clock, five hours later.
    let database = sandbox.home().join("data/dev/platform.db");
    let sql = "UPDATE settings SET value = 'shifted ' || (CAST(substr(value, 9) AS INTEGER) + 18000000) WHERE name = 'clock'";
    rusqlite::Connection::open(database)
        .unwrap()
        .execute(sql, [])
        .unwrap();
    let _platform = dev(&sandbox);
    // What is due is done before this returns.
    let _ = clock(&sandbox, &["advance", "1s"]).expect_exit(0);
    let after = |index: usize, flow: &str| times(&sandbox, flow).split_off(before[index]);
    assert_eq!(after(0, "skip"), Vec::<String>::new());
    assert_eq!(after(1, "once"), ["2030-01-01T05:00"]);
    let all = [1, 2, 3, 4, 5].map(|hour| format!("2030-01-01T0{hour}:00"));
    assert_eq!(after(2, "all"), all);
    let skipped = runs(&sandbox, "skip").remove(0);
    assert_eq!(
        skipped["reason"],
        "5 runs were missed since 2030-01-01T01:00:00.000Z: the platform was not running (misfire: skip)"
    );
    let run = skipped["id"].as_str().unwrap();
    let why = object(
        &sandbox
            .run(["flows", "why", run, "-o", "json"])
            .expect_exit(0),
    );
    assert_eq!(why["flows"][0]["outcome"], "skipped");
    assert_eq!(why["flows"][0]["reason"], skipped["reason"]);
}

#[test]
fn a_run_that_is_due_while_the_last_one_runs_follows_the_overlap_policy() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = clock(&sandbox, &["set", "2030-01-01T00:30:00Z"]).expect_exit(0);
    for overlap in ["allow", "skip", "queue"] {
        let schedule =
            json!({"cronExpression": "0 * * * *", "timezone": "UTC", "overlap": overlap});
        let mut flow = scheduled(overlap, &schedule);
        // Each run takes an hour and a half.
        flow["actions"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "delay", "config": {"duration": 90, "unit": "minutes"}}));
        let _ = apply(&sandbox, &flow).expect_exit(0);
    }
    let _ = clock(&sandbox, &["set", "2030-01-01T05:10:00Z"]).expect_exit(0);
    let started = |flow: &str| {
        let runs = runs(&sandbox, flow);
        let started = runs.iter().filter(|run| run["status"] != "skipped");
        let times = started.map(|run| run["startedAt"].as_str().unwrap()[11..16].to_owned());
        times.collect::<Vec<_>>()
    };
    assert_eq!(
        started("allow"),
        ["01:00", "02:00", "03:00", "04:00", "05:00"]
    );
    assert_eq!(started("skip"), ["01:00", "03:00", "05:00"]);
    assert_eq!(started("queue"), ["01:00", "02:30", "04:00"]);
}

#[test]
fn a_schedule_ends_with_its_flow() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = clock(&sandbox, &["freeze"]).expect_exit(0);
    let every = json!({"type": "interval", "interval": 1, "unit": "hours"});
    for name in ["changed", "disabled", "deleted"] {
        let _ = apply(&sandbox, &scheduled(name, &every)).expect_exit(0);
    }
    let daily = json!({"type": "interval", "interval": 1, "unit": "days"});
    let _ = apply(&sandbox, &scheduled("changed", &daily)).expect_exit(0);
    let _ = sandbox.run(["flows", "disable", "disabled"]).expect_exit(0);
    let _ = sandbox
        .run(["flows", "delete", "deleted", "--yes"])
        .expect_exit(0);
    let _ = clock(&sandbox, &["advance", "25h"]).expect_exit(0);
    assert_eq!(times(&sandbox, "changed").len(), 1);
    let _ = sandbox.run(["flows", "enable", "disabled"]).expect_exit(0);
    assert_eq!(times(&sandbox, "disabled").len(), 0);
    let _ = clock(&sandbox, &["advance", "2h"]).expect_exit(0);
    assert_eq!(times(&sandbox, "disabled").len(), 2);
    let notes = sandbox
        .run(["records", "list", "note"])
        .expect_exit(0)
        .json_lines();
    assert_eq!(notes.len(), 3);
}

#[test]
fn a_cancelled_run_does_not_continue() {
    let sandbox = Sandbox::new();
    let platform = LocalPlatform::start(&sandbox);
    let _ = apply(&sandbox, &nurture()).expect_exit(0);
    contact(&sandbox, "ada@example.com");
    let run = runs(&sandbox, "nurture").remove(0);
    let path = format!(
        "/automation/executions/{}/cancel",
        run["id"].as_str().unwrap()
    );
    let address = platform
        .running
        .url
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let token = format!("Bearer {}", platform.running.token);
    let headers = [("orgid", "my-org"), ("authorization", token.as_str())];
    let cancelled = exchange(address, "POST", &path, &headers, b"").unwrap();
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    let opened = [
        "dev",
        "emit",
        "email.opened",
        "--set",
        "data.email=ada@example.com",
    ];
    let _ = sandbox.run(opened).expect_exit(0);
    let _ = clock(&sandbox, &["advance", "4d"]).expect_exit(0);
    let run = runs(&sandbox, "nurture").remove(0);
    assert_eq!(run["status"], "cancelled");
    assert_eq!(run["steps"].as_array().unwrap().len(), 1);
}

#[test]
fn the_clock_goes_back_only_if_that_is_allowed() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = clock(&sandbox, &["advance", "3d"]).expect_exit(0);
    for args in [&["real"][..], &["set", "2026-01-01"]] {
        let refused = clock(&sandbox, args).expect_exit(2);
        assert_eq!(refused.error()["code"], "clock_backwards", "{refused}");
        assert!(
            refused.error()["hint"]
                .as_str()
                .unwrap()
                .contains("evt dev reset")
        );
    }
    let real = clock(&sandbox, &["real", "--allow-backwards"]).expect_exit(0);
    assert_eq!(object(&real)["mode"], "real");
    let _ = clock(&sandbox, &["advance", "3d"]).expect_exit(0);
    let _ = sandbox.run(["dev", "reset", "--yes"]).expect_exit(0);
    assert_eq!(object(&clock(&sandbox, &[]).expect_exit(0))["mode"], "real");
}

#[test]
fn invalid_times_are_refused() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    for args in [
        &["set", "tomorrow"][..],
        &["advance", "3"],
        &["advance", "-3d"],
        &["set", "99999-01-01"],
    ] {
        let _ = clock(&sandbox, args).expect_exit(2);
    }
}

#[test]
fn the_clock_ends_with_the_year_9999() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let yearly = json!({"cronExpression": "0 0 1 1 *", "timezone": "UTC"});
    let _ = apply(&sandbox, &scheduled("yearly", &yearly)).expect_exit(0);
    let _ = clock(&sandbox, &["freeze"]).expect_exit(0);
    let last = clock(&sandbox, &["set", "9999-12-31T23:59:59Z"]).expect_exit(0);
    assert_eq!(object(&last)["now"], "9999-12-31T23:59:59.000Z");
    for args in [
        &["advance", "1s"][..],
        &["advance", "5000000w"],
        &["set", "10000-01-01"],
    ] {
        let refused = clock(&sandbox, args).expect_exit(2);
        assert!(!refused.stderr.contains("internal"), "{refused}");
    }
    contact(&sandbox, "ada@example.com");
    let now = object(&clock(&sandbox, &[]).expect_exit(0))["now"].clone();
    assert_eq!(now, "9999-12-31T23:59:59.000Z");
}
