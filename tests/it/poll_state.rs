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
