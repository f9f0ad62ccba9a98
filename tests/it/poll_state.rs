//! `evt poll state` on states that a poller has left.

use std::path::PathBuf;

use evt::store::poll::{Fingerprint, PollState};
use evt::watermark::{Digest, Micros, Position, Seen, Version};
use serde_json::json;

use crate::support::Sandbox;
#[cfg(unix)]
use crate::support::sandbox::mode;

const KEY: &str = "local.contact";
/// 2026-04-24T03:06:40Z
const T: i64 = 1_777_000_000_000_000;

fn folder(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join("state/poll")
}

fn open(sandbox: &Sandbox, key: &str) -> PollState {
    PollState::open(&folder(sandbox), key, false).unwrap()
}

/// Creates the state of a run that has read ten contacts, one second apart.
fn polled(sandbox: &Sandbox) {
    let mut state = open(sandbox, KEY);
    state
        .claim(&Fingerprint {
            platform: "https://api.example.com".to_owned(),
            org: "acme".to_owned(),
            datatype: "contact".to_owned(),
            query: "{}".to_owned(),
            key: None,
            field: "modifydate".to_owned(),
        })
        .unwrap();
    for n in 0..10_u8 {
        let version = Version {
            key: &[b'a' + n],
            digest: Digest([n; 16]),
            at: Micros::new(T + i64::from(n) * 1_000_000),
        };
        state.remember(&version, u64::from(n) + 1);
    }
    let position = Position {
        frontier: Some(Micros::new(T + 9_000_000)),
        emitted: 10,
        ..Position::default()
    };
    state.commit(&position, None).unwrap();
}

fn run(sandbox: &Sandbox, words: &[&str]) -> crate::support::Output {
    sandbox.run(["poll", "state"].iter().chain(words))
}

#[test]
fn states_are_listed_as_a_table_and_as_json() {
    let sandbox = Sandbox::new();
    let nothing = run(&sandbox, &["list", "-o", "text"]).expect_exit(0);
    assert_eq!(nothing.stderr, "No states: nothing has been polled yet\n");
    polled(&sandbox);
    let text = run(&sandbox, &["list", "-o", "text"]).expect_exit(0).stdout;
    let row = text.lines().nth(1).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        cells,
        [
            "local.contact",
            "contact",
            "https://api.example.com",
            "2026-04-24T03:06:49Z",
            "10",
            "no"
        ]
    );
    let listed = run(&sandbox, &["list"]).expect_exit(0).json_lines();
    assert_eq!(listed[0]["records"], 10);
    assert_eq!(listed[0]["in_use_by"], json!(null));
}

#[test]
fn a_state_in_use_shows_its_process_and_cannot_be_changed() {
    let sandbox = Sandbox::new();
    polled(&sandbox);
    let held = open(&sandbox, KEY);
    let shown = run(&sandbox, &["show", "contact"])
        .expect_exit(0)
        .json_lines();
    assert_eq!(shown[0]["in_use_by"]["pid"], std::process::id());
    assert_eq!(shown[0]["versions"], 10);
    let _ = run(&sandbox, &["export", "contact"]).expect_exit(0);
    sandbox.write("one.json", run(&sandbox, &["export", "contact"]).stdout);
    for words in [
        &["reset", "contact"][..],
        &["reset", "contact", "--to", "2026-04-24"],
        &["set", "contact", "one.json"],
    ] {
        let refused = run(&sandbox, words).expect_exit(1);
        assert!(refused.stderr.contains("code state_locked"), "{refused}");
        let holder = format!("process {}", std::process::id());
        assert!(refused.stderr.contains(&holder), "{refused}");
    }
    drop(held);
    let _ = run(&sandbox, &["reset", "contact"]).expect_exit(0);
}

#[test]
fn an_unknown_state_is_an_error_with_a_suggestion() {
    let sandbox = Sandbox::new();
    polled(&sandbox);
    for (typed, try_this) in [
        ("contcat", "evt poll state show contact"),
        ("local.contat", "evt poll state show local.contact"),
        ("zzz", "evt poll state list"),
    ] {
        let missing = run(&sandbox, &["show", typed]).expect_exit(3);
        assert!(missing.stderr.contains(try_this), "{missing}");
    }
}

#[test]
fn an_export_is_private_is_not_overwritten_and_can_be_set_elsewhere() {
    let (here, there) = (Sandbox::new(), Sandbox::new());
    polled(&here);
    let _ = run(&here, &["export", "contact", "kept.json"]).expect_exit(0);
    let file = here.work().join("kept.json");
    #[cfg(unix)]
    assert_eq!(mode(&file), 0o600);
    let refused = run(&here, &["export", "contact", "kept.json"]).expect_exit(2);
    assert!(refused.stderr.contains("code file_exists"), "{refused}");
    let _ = run(&here, &["export", "contact", "kept.json", "--force"]).expect_exit(0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(run(&here, &["export", KEY]).stdout, text);
    let set = there.run_with_input(["poll", "state", "set", "contact", "-"], text.as_bytes());
    assert_eq!(
        set.expect_exit(0).json_lines(),
        [
            json!({"key": KEY, "datatype": "contact", "frontier": "2026-04-24T03:06:49Z", "versions": 10})
        ]
    );
    assert_eq!(run(&there, &["export", "contact"]).stdout, text);
}

#[test]
fn a_damaged_state_is_listed_and_its_last_export_restores_it() {
    let sandbox = Sandbox::new();
    polled(&sandbox);
    let whole = run(&sandbox, &["export", "contact"]).stdout;
    drop(open(&sandbox, KEY));
    let path = folder(&sandbox).join("local.contact.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(6000);
    std::fs::write(&path, &bytes).unwrap();
    let listed = run(&sandbox, &["list"]).expect_exit(0).json_lines();
    assert_eq!(listed[0]["status"], "damaged");
    let refused = run(&sandbox, &["show", "contact", "-o", "text"]).expect_exit(1);
    assert!(refused.stderr.contains("code state_damaged"), "{refused}");
    let export = folder(&sandbox).join("local.contact.last.json");
    let try_this = format!("evt poll state set local.contact {}", export.display());
    assert!(refused.stderr.contains(&try_this), "{refused}");
    let set = run(&sandbox, &["set", KEY, export.to_str().unwrap()]).expect_exit(0);
    assert!(set.stderr.contains(".damaged-"), "{set}");
    // The automatic export has its rows in another order.
    let mut state = open(&sandbox, KEY);
    assert_eq!(state.newest(b"c").unwrap().unwrap().n, 3);
    drop(state);
    assert_eq!(run(&sandbox, &["export", "contact"]).stdout, whole);
}

#[test]
fn a_reset_prints_how_to_undo_it() {
    let sandbox = Sandbox::new();
    polled(&sandbox);
    let whole = run(&sandbox, &["export", "contact"]).stdout;
    let reset = run(&sandbox, &["reset", "contact", "-o", "text"]).expect_exit(0);
    assert_eq!(reset.stdout, "local.contact: the next poll starts over\n");
    assert_eq!(run(&sandbox, &["list"]).expect_exit(0).stdout, "");
    let words = reset
        .stderr
        .trim()
        .strip_prefix("To undo: evt poll state ")
        .unwrap_or_else(|| panic!("{reset}"));
    let words: Vec<&str> = words.split(' ').collect();
    let _ = run(&sandbox, &words).expect_exit(0);
    assert_eq!(run(&sandbox, &["export", "contact"]).stdout, whole);
}

#[test]
fn a_rewound_state_forgets_later_records() {
    let sandbox = Sandbox::new();
    polled(&sandbox);
    let words = ["reset", "contact", "--to", "2026-04-24T03:06:45Z"];
    let _ = run(&sandbox, &words).expect_exit(0);
    let shown = run(&sandbox, &["show", "contact"])
        .expect_exit(0)
        .json_lines();
    assert_eq!(shown[0]["frontier"], "2026-04-24T03:06:44.999999Z");
    assert_eq!(shown[0]["versions"], 5);
    let words = ["reset", "contact", "--to", "2026-04-25"];
    let refused = run(&sandbox, &words).expect_exit(2);
    assert!(refused.stderr.contains("code not_read_yet"), "{refused}");
}

/// Sets the state `contact` in a new home.
fn set_contact(state: &str, more: &[&str]) -> crate::support::Output {
    let set = ["poll", "state", "set", "contact", "-"];
    Sandbox::new().run_with_input(set.iter().chain(more), state.as_bytes())
}

#[test]
fn every_form_of_a_singer_bookmark_is_accepted() {
    for (state, frontier) in [
        (
            r#"{"bookmarks":{"contact":{"replication_key_value":"2024-01-02T03:04:05Z","progress_markers":{"replication_key_value":"2025-01-01T00:00:00Z"}}}}"#,
            "2024-01-02T03:04:05Z",
        ),
        (
            r#"{"bookmarks":{"contact":{"modifydate":"2024-01-02T03:04:05.000000Z"}}}"#,
            "2024-01-02T03:04:05Z",
        ),
        (
            r#"{"currently_syncing":"contact","bookmarks":{"contact":{"modifydate":"2024-01-02T03:04:05+01:00","version":1704164645000}}}"#,
            "2024-01-02T02:04:05Z",
        ),
        (
            r#"{"bookmarks":{"contact":{"updated_at":"2024-01-02T03:04:05Z"},"order":{"modifydate":"2030-01-01T00:00:00Z"}}}"#,
            "2024-01-02T03:04:05Z",
        ),
        (
            r#"{"contact":{"modifydate":"2024-01-02T03:04:05Z"}}"#,
            "2024-01-02T03:04:05Z",
        ),
        (
            r#"{"contact":"2024-01-02T03:04:05Z"}"#,
            "2024-01-02T03:04:05Z",
        ),
        (
            r#"{"singer_state":{"bookmarks":{"contact":{"replication_key_value":"2024-01-02T03:04:05Z"}}}}"#,
            "2024-01-02T03:04:05Z",
        ),
        (
            r#"{"completed":{"singer_state":{"bookmarks":{"contact":{"replication_key_value":"2024-01-02T03:04:05Z"}}}},"partial":{}}"#,
            "2024-01-02T03:04:05Z",
        ),
        (
            r#"{"type":"STATE","value":{"contact":{"modifydate":"2024-01-02T03:04:05Z"}}}"#,
            "2024-01-02T03:04:05Z",
        ),
        (
            "{\"bookmarks\":{\"contact\":{\"modifydate\":\"2020-01-01\"}}}\n{\"bookmarks\":{\"contact\":{\"modifydate\":\"2024-01-02\"}}}\n",
            "2024-01-02T00:00:00Z",
        ),
        (
            "\u{feff}{\"bookmarks\":{\"contact\":{\"modifydate\":\"2024-01-02T03:04:05Z\"}}}",
            "2024-01-02T03:04:05Z",
        ),
    ] {
        let set = set_contact(state, &[]).expect_exit(0).json_lines();
        assert_eq!(
            (&set[0]["datatype"], &set[0]["frontier"]),
            (&json!("contact"), &json!(frontier)),
            "{state}"
        );
    }
}

#[test]
fn a_time_without_a_zone_is_utc_and_another_field_is_named() {
    let naive = r#"{"bookmarks":{"contact":{"replication_key":"updated_at","replication_key_value":"2024-01-02 03:04:05"}}}"#;
    let set = set_contact(naive, &[]).expect_exit(0);
    assert_eq!(set.json_lines()[0]["frontier"], "2024-01-02T03:04:05Z");
    assert!(set.stderr.contains("read as UTC"), "{set}");
    assert!(set.stderr.contains("--field updated_at"), "{set}");
}

#[test]
fn a_bookmark_that_is_no_position_of_the_datatype_is_refused_with_the_reason() {
    for (state, why) in [
        (
            r#"{"bookmarks":{"orders":{"replication_key_value":"2030-01-01T00:00:00Z"}}}"#,
            "it has no bookmark for `contact`, only for `orders`",
        ),
        (
            r#"{"orders":{"modifydate":"2030-01-01T00:00:00Z"},"tickets":"2030-01-01"}"#,
            "only for `orders`, `tickets`",
        ),
        (
            r#"{"bookmarks":{"contact":{"progress_markers":{"replication_key_value":"2024-06-01T00:00:00Z"}}}}"#,
            "was interrupted",
        ),
        (
            r#"{"bookmarks":{"contact":{"partitions":[{"context":{},"replication_key_value":"2024-01-01"}]}}}"#,
            "partitions",
        ),
        (
            r#"{"bookmarks":{"contact":{"created":"2024-01-01","updated":"2024-02-01"}}}"#,
            "several times: `created`, `updated`",
        ),
        (
            r#"{"bookmarks":{"contact":{"replication_key_value":42}}}"#,
            "is not a time: `42`",
        ),
        (
            r#"{"bookmarks":{"contact":{"offset":{"page":3}}}}"#,
            "no value, only `offset`",
        ),
        (r#"{"bookmarks":{}}"#, "no bookmark"),
        (
            r#"{"bookmarks":[]}"#,
            "neither the export of a state nor a Singer state",
        ),
        (
            r#"{"tap":1}"#,
            "neither the export of a state nor a Singer state",
        ),
    ] {
        let refused = set_contact(state, &[]).expect_exit(2);
        assert!(refused.stderr.contains(why), "{why}: {refused}");
    }
}

#[test]
fn the_hint_for_a_bookmark_of_another_stream_works_as_it_stands() {
    let state = r#"{"bookmarks":{"orders":{"replication_key_value":"2024-01-01T00:00:00Z"}}}"#;
    let refused = set_contact(state, &[]).expect_exit(2);
    assert!(
        refused
            .stderr
            .contains("evt poll state set contact - --datatype orders"),
        "{refused}"
    );
    let set = set_contact(state, &["--datatype", "orders"]).expect_exit(0);
    assert_eq!(set.json_lines()[0]["datatype"], "orders");
}

#[test]
fn a_singer_state_is_accepted_and_other_files_are_refused() {
    let sandbox = Sandbox::new();
    let singer = br#"{"type":"STATE","value":{"bookmarks":{"order":{},"contact":{"replication_key":"modifydate","replication_key_value":"2026-04-25T10:00:00+02:00"}}}}"#;
    let set = ["poll", "state", "set", "contact", "-"];
    let taken = sandbox.run_with_input(set, singer).expect_exit(0);
    assert_eq!(
        taken.json_lines(),
        [
            json!({"key": KEY, "datatype": "contact", "frontier": "2026-04-25T08:00:00Z", "versions": 0})
        ]
    );
    let before = run(&sandbox, &["export", "contact"]).stdout;
    for other in [
        &b"{\"bookmarks\":{\"order\":{},\"deal\":{}}}"[..],
        b"[]",
        b"no",
    ] {
        let refused = sandbox.run_with_input(set, other).expect_exit(2);
        assert!(refused.stderr.contains("code not_a_state"), "{refused}");
    }
    assert_eq!(run(&sandbox, &["export", "contact"]).stdout, before);
}
