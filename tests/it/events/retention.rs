//! Old events are deleted in the background.

use std::time::Duration;

use evt::event::{Event, Meta, Source, Transport};
use evt::store::{Kind, Store, StoreError, events};
use evt::time::Timestamp;

use super::*;

fn store_event(sandbox: &Sandbox, days: u64) {
    let path = sandbox.home().join("data/inbox.db");
    let store = Store::open(&path, Kind::Inbox).unwrap();
    let age = Duration::from_secs(days * 24 * 60 * 60);
    let at = Timestamp::now().minus(age);
    let event = Event {
        source: Source::Listen,
        transport: Transport::Http,
        ..Event::raised("{}".into(), Meta::default(), at)
    };
    let stored: Result<_, StoreError> =
        store.write_blocking(move |tx| events::insert(tx, &event, None));
    stored.unwrap();
}

#[test]
fn a_listener_deletes_old_events_and_announces_it_once() {
    let sandbox = Sandbox::new();
    for days in [8, 1] {
        store_event(&sandbox, days);
    }
    let mut listener = sandbox.spawn(["listen", "--port", "0", "-o", "json"]);
    listener.wait_for_stderr("evt config set retention.inbox.days");
    loop {
        let left = refs(&sandbox.run(["events", "list"]));
        if left == ["e_0002"] {
            break;
        }
        assert_eq!(left, ["e_0001", "e_0002"]);
    }
    drop(listener);
    store_event(&sandbox, 8);
    let mut listener = sandbox.spawn(["listen", "--port", "0", "-o", "json"]);
    let _ = listener.wait_until_ready();
    while refs(&sandbox.run(["events", "list"])).len() > 1 {}
    listener.terminate();
    let output = listener.finish();
    assert!(!output.stderr.contains("retention"), "{output}");
}

#[test]
fn limits_are_settings_of_the_user_only() {
    let sandbox = Sandbox::new();
    let set = |words: &[&str]| sandbox.run([&["config", "set"], words].concat());
    let shown = sandbox
        .run(["config", "show", "--all", "-o", "text"])
        .stdout;
    let row = shown
        .lines()
        .find(|line| line.starts_with("retention.platform.size"));
    assert!(row.is_some_and(|row| row.contains("1GiB")), "{shown}");
    let _ = set(&["retention.inbox.days", "30"]).expect_exit(0);
    let _ = set(&["retention.platform.size", "off"]).expect_exit(0);
    let doctor = sandbox.run(["doctor", "-o", "text"]).stdout;
    assert!(
        doctor.contains("older than 30 days, and the oldest beyond 1.0 GiB"),
        "{doctor}"
    );
    assert!(doctor.contains("deliveries older than 7 days"), "{doctor}");
    for (key, value) in [
        ("retention.inbox.days", "soon"),
        ("retention.inbox.size", "0"),
    ] {
        let refused = set(&[key, value]).expect_exit(2);
        assert!(refused.stderr.contains(value), "{refused}");
    }
    let refused = set(&["--project", "retention.inbox.days", "1"]);
    assert_ne!(refused.exit, Some(0), "{refused}");
    assert!(refused.stderr.contains("deleted"), "{refused}");
}

#[test]
fn an_invalid_limit_in_a_file_is_an_error_and_deletes_nothing() {
    let sandbox = Sandbox::new();
    store_event(&sandbox, 8);
    let config = sandbox.home().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(
        config.join("config.toml"),
        "[retention.inbox]\ndays = \"x\"\n",
    )
    .unwrap();
    let output = sandbox
        .run(["listen", "--port", "0", "--for", "1s"])
        .expect_exit(2);
    assert!(output.stderr.contains("number of days"), "{output}");
}
