//! What happens to schedules and waits when users change flows, discard jobs, reset, set the clock back, or kill the platform.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::object;
use super::time::{apply, clock, contact, dev, runs, scheduled, times};
use crate::support::{LocalPlatform, Sandbox};

fn hourly(more: &Value) -> Value {
    let mut schedule = json!({"cronExpression": "0 * * * *", "timezone": "UTC"});
    let fields = schedule.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    schedule
}

/// A flow that waits an hour after a contact is created, and then writes a note.
fn waiting(text: &str) -> Value {
    json!({
        "name": "waiting",
        "trigger": {"type": "contact.created"},
        "actions": [
            {"type": "delay", "config": {"duration": 1, "unit": "hours"}},
            {"type": "create_data", "config": {"datatype": "note", "data": {"text": text}}}
        ]
    })
}

fn discard(sandbox: &Sandbox, job: &Value) {
    let job = job.to_string();
    let discarded = sandbox.run(["queue", "discard", &job, "--yes"]);
    assert!(discarded.expect_exit(0).stdout.contains("\"done\":1"));
}

fn set(sandbox: &Sandbox, time: &str) {
    let _ = clock(sandbox, &["set", time]).expect_exit(0);
}

#[test]
fn a_discarded_wait_fails_its_run() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = apply(&sandbox, &waiting("never")).expect_exit(0);
    contact(&sandbox, "ada@example.com");
    discard(&sandbox, &runs(&sandbox, "waiting")[0]["steps"][0]["job"]);
    let run = runs(&sandbox, "waiting").remove(0);
    assert_eq!(run["status"], "failed");
    assert_eq!(run["steps"][0]["error"], "its job was discarded");
}

#[test]
fn a_discarded_job_of_a_schedule_skips_one_run() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    set(&sandbox, "2030-01-01T00:30:00Z");
    let _ = apply(&sandbox, &scheduled("hourly", &hourly(&json!({})))).expect_exit(0);
    let _ = sandbox
        .run(["queue", "discard", "--all", "--yes"])
        .expect_exit(0);
    set(&sandbox, "2030-01-01T03:30:00Z");
    assert_eq!(
        times(&sandbox, "hourly"),
        ["2030-01-01T02:00", "2030-01-01T03:00"]
    );
    let mut runs = runs(&sandbox, "hourly").into_iter();
    let skipped = runs.find(|run| run["status"] == "skipped").unwrap();
    assert_eq!(skipped["reason"], "its job was discarded");
}

#[test]
fn schedules_and_reminders_follow_a_clock_that_is_set_back() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    set(&sandbox, "2030-01-01T00:30:00Z");
    let _ = apply(&sandbox, &scheduled("hourly", &hourly(&json!({})))).expect_exit(0);
    let remind = json!({
        "name": "remind",
        "trigger": {"type": "event.reminder"},
        "actions": [{"type": "create_data", "config": {"datatype": "reminded", "data": {}}}]
    });
    let _ = apply(&sandbox, &remind).expect_exit(0);
    let before = times(&sandbox, "hourly").len();
    let start = "startTime=2029-06-01T01:00:00Z";
    let _ = sandbox
        .run(["records", "create", "event", start])
        .expect_exit(0);
    let back = ["set", "2029-06-01T00:30:00Z", "--allow-backwards"];
    let _ = clock(&sandbox, &back).expect_exit(0);
    set(&sandbox, "2029-06-01T01:30:00Z");
    assert_eq!(times(&sandbox, "hourly").len(), before + 1);
    let reminded = sandbox.run(["records", "list", "reminded"]);
    assert_eq!(reminded.expect_exit(0).json_lines().len(), 1);
}

#[test]
fn a_run_that_waits_ends_in_its_version_of_a_flow_that_was_changed_and_deleted() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = apply(&sandbox, &waiting("first version")).expect_exit(0);
    contact(&sandbox, "ada@example.com");
    for n in 0..15 {
        let _ = apply(&sandbox, &waiting(&format!("version {n}"))).expect_exit(0);
    }
    let _ = sandbox
        .run(["flows", "delete", "waiting", "--yes"])
        .expect_exit(0);
    let _ = clock(&sandbox, &["advance", "2h"]).expect_exit(0);
    let notes = sandbox.run(["records", "list", "note"]).expect_exit(0);
    let notes = notes.json_lines();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["data"]["text"], "first version");
}

#[test]
fn a_queued_run_of_a_trigger_that_was_disabled_does_not_start() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    set(&sandbox, "2030-01-01T00:30:00Z");
    let mut flow = scheduled("slow", &hourly(&json!({"overlap": "queue"})));
    let delay = json!({"type": "delay", "config": {"duration": 5, "unit": "hours"}});
    flow["actions"].as_array_mut().unwrap().push(delay);
    let _ = apply(&sandbox, &flow).expect_exit(0);
    set(&sandbox, "2030-01-01T03:30:00Z");
    flow["trigger"]["enabled"] = json!(false);
    let _ = apply(&sandbox, &flow).expect_exit(0);
    set(&sandbox, "2030-01-02T00:30:00Z");
    let runs = runs(&sandbox, "slow");
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0]["status"], "completed");
}

#[test]
fn two_scheduled_triggers_need_different_ids() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let mut flow = scheduled("two", &hourly(&json!({})));
    let mut trigger = flow["trigger"].take();
    trigger["id"] = json!("a");
    flow.as_object_mut().unwrap().shift_remove("trigger");
    flow["triggers"] = json!([trigger, trigger]);
    let refused = apply(&sandbox, &flow);
    assert_ne!(refused.exit, Some(0));
    assert!(
        refused.stderr.contains("duplicate trigger id `a`"),
        "{refused}"
    );
}

/// Waits until another command moves the clock.
fn wait_until_it_moves(sandbox: &Sandbox) {
    while object(&clock(sandbox, &[]).expect_exit(0))["mode"] == "real" {
        std::thread::yield_now();
    }
}

#[test]
fn data_is_not_reset_while_the_clock_goes_forward() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let minutely = json!({"cronExpression": "* * * * *", "timezone": "UTC"});
    let _ = apply(&sandbox, &scheduled("minutely", &minutely)).expect_exit(0);
    let advance = sandbox.spawn(["-o", "json", "dev", "clock", "advance", "2d"]);
    wait_until_it_moves(&sandbox);
    let refused = sandbox.run(["-o", "json", "dev", "reset", "--yes"]);
    assert!(
        refused.stderr.contains("the clock is being changed"),
        "{refused}"
    );
    let _ = advance.finish().expect_exit(0);
    while sandbox.run(["dev", "reset", "--yes"]).exit != Some(0) {
        std::thread::yield_now();
    }
    assert_eq!(object(&clock(&sandbox, &[]).expect_exit(0))["mode"], "real");
}

/// Starts to advance the clock far, and returns once it moves.
#[cfg(unix)]
fn advance_far(sandbox: &Sandbox) -> crate::support::Running {
    let minutely = json!({"cronExpression": "* * * * *", "timezone": "UTC"});
    let _ = apply(sandbox, &scheduled("minutely", &minutely)).expect_exit(0);
    let advance = sandbox.spawn(["-o", "json", "dev", "clock", "advance", "300d"]);
    wait_until_it_moves(sandbox);
    advance
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_the_clock_where_it_is() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let advance = advance_far(&sandbox);
    advance.interrupt();
    let stopped = advance.finish().expect_exit(130).error();
    // It would be refused while the clock is being changed.
    let frozen = object(&clock(&sandbox, &["freeze"]).expect_exit(0));
    let message = stopped["message"].as_str().unwrap();
    assert!(message.contains("the clock shows"), "{stopped}");
    let hint = stopped["hint"].as_str().unwrap();
    let target = hint.split(' ').nth(4).unwrap();
    assert!(frozen["now"].as_str().unwrap() < target, "{frozen} {hint}");
}

#[cfg(unix)]
#[test]
fn a_command_that_advances_the_clock_ends_when_another_one_changes_it_in_between() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let advance = advance_far(&sandbox);
    advance.pause();
    while clock(&sandbox, &["freeze"]).exit != Some(0) {
        std::thread::yield_now();
    }
    advance.resume();
    let refused = advance.finish();
    assert!(
        refused.stderr.contains("another command has changed"),
        "{refused}"
    );
    assert_eq!(
        object(&clock(&sandbox, &[]).expect_exit(0))["mode"],
        "frozen"
    );
}

/// Kills of the platform in one test.
const KILLS: usize = 8;

#[test]
fn a_platform_that_is_killed_while_the_clock_goes_forward_starts_each_run_once() {
    let sandbox = Sandbox::new();
    let mut platform = dev(&sandbox);
    set(&sandbox, "2030-01-01T00:00:30Z");
    let minutely = json!({"cronExpression": "*/10 * * * *", "timezone": "UTC"});
    let _ = apply(&sandbox, &scheduled("often", &minutely)).expect_exit(0);
    let _ = apply(&sandbox, &waiting("once")).expect_exit(0);
    for n in 0..KILLS {
        contact(&sandbox, &format!("{n}@example.com"));
        let before = times(&sandbox, "often").len();
        let hour = 4 * (n + 1);
        let target = format!("2030-01-{:02}T{:02}:05:00Z", 1 + hour / 24, hour % 24);
        let advance = sandbox.spawn(["-o", "json", "dev", "clock", "set", &target]);
        while times(&sandbox, "often").len() <= before {
            std::thread::yield_now();
        }
        platform.kill();
        drop(advance);
        platform = dev(&sandbox);
    }
    // A minute after the last target, which the clock may have reached before the last kill.
    set(&sandbox, "2030-01-02T08:06:00Z");
    let times = times(&sandbox, "often");
    let distinct: BTreeSet<_> = times.iter().collect();
    // Six in each hour, from 00:10 to 08:00 of the next day.
    assert_eq!((times.len(), distinct.len()), (192, 192));
    let waited = runs(&sandbox, "waiting");
    assert_eq!(waited.len(), KILLS);
    assert!(waited.iter().all(|run| run["status"] == "completed"));
    let list = ["records", "list", "note", "--limit", "500"];
    let notes = sandbox.run(list).expect_exit(0).json_lines();
    assert_eq!(notes.len(), 192 + KILLS);
}
