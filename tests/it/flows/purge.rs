//! The daily purge of records in state `deleted`, with the platform's clock.

use super::object;
use super::time::{clock, dev};
use crate::support::{LocalPlatform, Sandbox};

/// Creates a contact and returns its id.
fn contact(sandbox: &Sandbox, name: &str) -> String {
    let name = format!("name={name}");
    let made = sandbox.run(["records", "create", "contact", &name]);
    object(&made.expect_exit(0))["sk"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn set_state(sandbox: &Sandbox, id: &str, state: &str) {
    let state = format!("state={state}");
    let _ = sandbox
        .run(["records", "update", "contact", id, &state])
        .expect_exit(0);
}

fn advance(sandbox: &Sandbox, by: &str) {
    let _ = clock(sandbox, &["advance", by]).expect_exit(0);
}

/// How many jobs are in the queue `schedule`, whatever their state.
fn jobs(sandbox: &Sandbox) -> usize {
    let list = ["queue", "list", "--queue", "schedule", "-o", "json"];
    sandbox.run(list).expect_exit(0).json_lines().len()
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let list = ["records", "list", "contact", "--sort", "createdate"];
    let contacts = sandbox.run(list).expect_exit(0).json_lines();
    let names = contacts
        .iter()
        .map(|contact| contact["data"]["name"].as_str());
    names.map(|name| name.unwrap().to_owned()).collect()
}

#[test]
fn records_in_state_deleted_are_deleted_after_thirty_days() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let [gone, _kept] = ["gone", "kept"].map(|name| contact(&sandbox, name));
    set_state(&sandbox, &gone, "deleted");
    advance(&sandbox, "29d");
    assert_eq!(names(&sandbox), ["gone", "kept"]);
    advance(&sandbox, "2d");
    assert_eq!(names(&sandbox), ["kept"]);
}

#[test]
fn the_setting_decides_the_age_of_the_purge() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = sandbox.run(["dev", "set", "purge.after=2d"]).expect_exit(0);
    set_state(&sandbox, &contact(&sandbox, "gone"), "deleted");
    advance(&sandbox, "36h");
    assert_eq!(names(&sandbox), ["gone"]);
    advance(&sandbox, "36h");
    assert_eq!(names(&sandbox), [""; 0]);
}

#[test]
fn a_record_that_leaves_the_state_in_time_is_kept() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let id = contact(&sandbox, "restored");
    set_state(&sandbox, &id, "deleted");
    advance(&sandbox, "20d");
    set_state(&sandbox, &id, "published");
    advance(&sandbox, "60d");
    assert_eq!(names(&sandbox), ["restored"]);
}

#[test]
fn a_purge_raises_the_event_of_each_deletion() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    set_state(&sandbox, &contact(&sandbox, "gone"), "deleted");
    advance(&sandbox, "31d");
    // Created (two events), put into the state, deleted.
    let shown = sandbox.run(["-o", "json", "events", "show", "p_0004"]);
    let event = shown.expect_exit(0).json_lines().remove(0);
    assert_eq!(event["type"], "collection-delete");
}

#[test]
fn a_platform_without_deleted_records_has_no_jobs_in_a_year() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    contact(&sandbox, "kept");
    advance(&sandbox, "365d");
    assert_eq!((names(&sandbox).len(), jobs(&sandbox)), (1, 0));
}

#[test]
fn a_purge_waits_while_the_queue_of_its_datatype_is_paused() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    set_state(&sandbox, &contact(&sandbox, "gone"), "deleted");
    let _ = sandbox.run(["queue", "pause", "datatype"]).expect_exit(0);
    advance(&sandbox, "35d");
    assert_eq!(names(&sandbox), ["gone"]);
    let _ = sandbox.run(["queue", "resume", "datatype"]).expect_exit(0);
    advance(&sandbox, "0s");
    assert_eq!(names(&sandbox), [""; 0]);
}

#[test]
fn a_planned_purge_survives_a_kill() {
    let sandbox = Sandbox::new();
    let platform = dev(&sandbox);
    set_state(&sandbox, &contact(&sandbox, "gone"), "deleted");
    platform.kill();
    let _platform = dev(&sandbox);
    advance(&sandbox, "31d");
    assert_eq!(names(&sandbox), [""; 0]);
}

#[test]
fn the_paused_job_of_a_purge_survives_a_kill() {
    let sandbox = Sandbox::new();
    let platform = dev(&sandbox);
    set_state(&sandbox, &contact(&sandbox, "gone"), "deleted");
    let _ = sandbox.run(["queue", "pause", "datatype"]).expect_exit(0);
    advance(&sandbox, "35d");
    platform.kill();
    let _platform = dev(&sandbox);
    let _ = sandbox.run(["queue", "resume", "datatype"]).expect_exit(0);
    advance(&sandbox, "0s");
    assert_eq!(names(&sandbox), [""; 0]);
}
