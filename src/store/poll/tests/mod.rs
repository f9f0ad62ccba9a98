use std::path::PathBuf;

use super::*;
use crate::watermark::{OutputOffset, is_new};

mod damage;
mod outside;
mod sweeps;

const KEY: &str = "local.contact";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &tempfile::TempDir) -> PollState {
    PollState::open(folder.path(), KEY, false).unwrap()
}

fn digest(content: u8) -> Digest {
    Digest([content; 16])
}

fn version(key: &[u8], content: u8, at: i64) -> Version<'_> {
    Version {
        key,
        digest: digest(content),
        at: Micros::new(at),
    }
}

fn row(content: u8, at: i64, n: u64) -> SeenRow {
    SeenRow {
        digest: digest(content),
        at: Micros::new(at),
        n,
    }
}

fn position(frontier: i64, emitted: u64) -> Position {
    Position {
        frontier: Some(Micros::new(frontier)),
        emitted,
        ..Position::default()
    }
}

fn fingerprint() -> Fingerprint {
    Fingerprint {
        platform: "https://api.example.com".to_owned(),
        org: "acme".to_owned(),
        datatype: "contact".to_owned(),
        query: "{}".to_owned(),
        key: None,
        field: "modifydate".to_owned(),
    }
}

/// A whole state, as JSON.
fn exported(folder: &std::path::Path) -> Result<String, PollStateError> {
    let mut out = Vec::new();
    export(folder, KEY, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// A state with a fingerprint, every field of a position, and versions on several pages.
fn full(folder: &tempfile::TempDir) {
    let mut state = open(folder);
    state.claim(&fingerprint()).unwrap();
    for n in 0..400_u64 {
        let key = format!("contact-{n}");
        let at = 1_777_000_000_000_000 + i64::try_from(n).unwrap();
        state.remember(&version(key.as_bytes(), (n % 251) as u8, at), n + 1);
    }
    state.remember(&version(b"\xff\0", 9, i64::MAX), 401);
    let position = Position {
        since: Some(Micros::new(5)),
        reached_at: Some(Timestamp::from_millis(1_777_000_000_007)),
        trimmed: Some(Micros::new(7)),
        capabilities: Some("{\"unit\":1000}".to_owned()),
        output: Some(OutputOffset {
            path: PathBuf::from("/tmp/a \"file\".ndjson"),
            file: Some((1, 2)),
            offset: 12,
            is_whole: false,
        }),
        ..position(1_777_000_000_000_300, 401)
    };
    state.commit(&position, None).unwrap();
}

#[test]
fn a_state_can_move_to_another_thread() {
    fn assert_send<T: Send>(_: T) {}
    assert_send(open(&folder()));
}

#[test]
fn a_commit_is_read_back_after_reopening() {
    let folder = folder();
    let mut state = open(&folder);
    assert_eq!(*state.position(), Position::default());
    assert_eq!(state.newest(b"a").unwrap(), None);
    state.remember(&version(b"a", 1, 10), 1);
    assert_eq!(state.newest(b"a").unwrap(), Some(row(1, 10, 1)));
    state.commit(&position(10, 1), None).unwrap();
    drop(state);
    let mut state = open(&folder);
    assert_eq!(*state.position(), position(10, 1));
    assert_eq!(state.newest(b"a").unwrap(), Some(row(1, 10, 1)));
    assert!(state.contains(b"a", digest(1)).unwrap());
    assert!(!state.contains(b"a", digest(2)).unwrap());
    assert_eq!(state.newest(b"b").unwrap(), None);
}

#[test]
fn only_uncommitted_versions_are_lost() {
    let folder = folder();
    let mut state = open(&folder);
    state.remember(&version(b"a", 1, 10), 1);
    state.commit(&position(10, 1), None).unwrap();
    state.remember(&version(b"b", 1, 11), 2);
    drop(state);
    let mut state = open(&folder);
    assert_eq!(*state.position(), position(10, 1));
    assert!(state.newest(b"a").unwrap().is_some());
    assert_eq!(state.newest(b"b").unwrap(), None);
    state.remember(&version(b"b", 1, 11), 2);
    state.roll_back();
    assert_eq!(state.newest(b"b").unwrap(), None);
}

#[test]
fn a_crash_leaves_the_last_commit() {
    let (folder, copy) = (folder(), folder());
    let mut state = open(&folder);
    state.remember(&version(b"a", 1, 10), 1);
    state.commit(&position(10, 1), None).unwrap();
    state.remember(&version(b"b", 1, 11), 2);
    // The files that a killed process leaves.
    for end in [".db", ".db-wal"] {
        let name = format!("{KEY}{end}");
        std::fs::copy(folder.path().join(&name), copy.path().join(&name)).unwrap();
    }
    let mut state = open(&copy);
    assert_eq!(*state.position(), position(10, 1));
    assert!(state.newest(b"a").unwrap().is_some());
    assert_eq!(state.newest(b"b").unwrap(), None);
}

#[test]
fn the_emit_rule_holds_across_commits() {
    let folder = folder();
    let mut state = open(&folder);
    let mut n = 0;
    for (content, at, expected) in [
        (1, 10, true),
        (2, 10, true),
        // The earlier content again within the same instant, and then the stale page.
        (1, 10, true),
        (1, 10, false),
        (2, 9, false),
    ] {
        let version = version(b"a", content, at);
        assert_eq!(
            is_new(&mut state, &version).unwrap(),
            expected,
            "{content} at {at}"
        );
        if expected {
            n += 1;
            state.remember(&version, n);
        }
        state.commit(&position(10, n), None).unwrap();
    }
    assert_eq!(state.newest(b"a").unwrap(), Some(row(1, 10, 3)));
    assert_eq!((state.seen_count(), state.distinct_keys().unwrap()), (2, 1));
}

#[test]
fn only_versions_dated_before_the_trim_are_forgotten() {
    let folder = folder();
    let mut state = open(&folder);
    for (key, at) in [(b"a", 10), (b"b", 20), (b"c", i64::MAX)] {
        state.remember(&version(key, 1, at), 1);
    }
    state.commit(&position(20, 3), None).unwrap();
    assert_eq!(state.seen_count(), 3);
    state.remember(&version(b"d", 1, 5), 4);
    state
        .commit(&position(20, 4), Some(Micros::new(20)))
        .unwrap();
    drop(state);
    let mut state = open(&folder);
    let mut held = |key: &[u8]| state.newest(key).unwrap().is_some();
    assert_eq!(
        [held(b"a"), held(b"b"), held(b"c"), held(b"d")],
        [false, true, true, false]
    );
}

#[test]
fn a_version_read_with_two_dates_keeps_the_later_one() {
    let folder = folder();
    let mut state = open(&folder);
    state.remember(&version(b"a", 1, 10), 1);
    state.commit(&position(10, 1), None).unwrap();
    for at in [30, 20] {
        state.seen_again(&version(b"a", 1, at)).unwrap();
    }
    state
        .commit(&position(30, 1), Some(Micros::new(25)))
        .unwrap();
    drop(state);
    assert_eq!(open(&folder).newest(b"a").unwrap(), Some(row(1, 30, 1)));
}

#[test]
fn holding_requests_stores_nothing_else() {
    let folder = folder();
    let mut state = open(&folder);
    state.remember(&version(b"a", 1, 10), 1);
    let until = Timestamp::from_millis(1_777_000_000_000);
    state.hold_until(until).unwrap();
    drop(state);
    let mut state = open(&folder);
    assert_eq!(state.position().not_before, Some(until));
    assert_eq!(state.newest(b"a").unwrap(), None);
}

#[test]
fn a_position_that_cannot_be_read_back_is_refused_and_the_state_stays_intact() {
    let folder = folder();
    let mut state = open(&folder);
    let beyond = Position {
        not_before: Some(Timestamp::from_millis(i64::MAX)),
        ..Position::default()
    };
    let refused = state.commit(&beyond, None);
    assert!(matches!(refused, Err(PollStateError::Position(_))));
    drop(state);
    assert_eq!(*open(&folder).position(), Position::default());
}

#[test]
fn a_second_process_is_refused_with_the_name_of_the_first() {
    let folder = folder();
    let state = open(&folder);
    let refused = PollState::open(folder.path(), KEY, false);
    let Err(PollStateError::Locked {
        holder: Some(holder),
        ..
    }) = refused
    else {
        panic!("the state is not refused, or the holder is missing");
    };
    assert_eq!(holder.pid, std::process::id());
    assert_eq!(in_use(folder.path(), KEY), (true, Some(holder)));
    drop(state);
    assert_eq!(in_use(folder.path(), KEY), (false, None));
    open(&folder);
}

#[test]
fn a_process_that_was_taken_over_cannot_commit() {
    let folder = folder();
    let mut first = open(&folder);
    first.remember(&version(b"a", 1, 10), 1);
    first.commit(&position(10, 1), None).unwrap();
    let mut second = PollState::open(folder.path(), KEY, true).unwrap();
    assert_eq!(*second.position(), position(10, 1));
    first.remember(&version(b"b", 1, 11), 2);
    let refused = first.commit(&position(11, 2), None);
    assert!(matches!(refused, Err(PollStateError::TakenOver { .. })));
    assert!(first.hold_until(Timestamp::now()).is_err());
    second.remember(&version(b"c", 1, 12), 2);
    second.commit(&position(12, 2), None).unwrap();
    // When the first releases the lock, the next commit of the second acquires it.
    drop(first);
    second.commit(&position(13, 2), None).unwrap();
    let third = PollState::open(folder.path(), KEY, false);
    assert!(matches!(third, Err(PollStateError::Locked { .. })));
    drop(second);
    let mut state = open(&folder);
    assert_eq!(*state.position(), position(13, 2));
    assert_eq!(state.newest(b"b").unwrap(), None);
}

#[test]
fn a_state_of_another_query_is_refused_with_the_differences() {
    let folder = folder();
    open(&folder).claim(&fingerprint()).unwrap();
    let mut state = open(&folder);
    state.claim(&fingerprint()).unwrap();
    let asked = Fingerprint {
        datatype: "order".to_owned(),
        ..fingerprint()
    };
    assert_eq!(
        state.claim(&asked).unwrap_err().to_string(),
        "the state `local.contact` belongs to another query: its datatype is `contact`, not `order`"
    );
    assert_eq!(state.fingerprint(), Some(&fingerprint()));
}

#[cfg(unix)]
#[test]
fn files_are_made_private() {
    use std::os::unix::fs::PermissionsExt;
    let above = folder();
    let folder = above.path().join("poll");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut state = PollState::open(&folder, KEY, false).unwrap();
    state.commit(&position(1, 0), None).unwrap();
    drop(state);
    let database = folder.join(format!("{KEY}.db"));
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut state = PollState::open(&folder, KEY, false).unwrap();
    state.commit(&position(2, 0), None).unwrap();
    assert_eq!(mode(&folder), 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 4, "database, its log, the lock and the export");
}

#[test]
fn the_sums_are_right_after_many_commits_and_trims() {
    let folder = folder();
    let mut random = fastrand::Rng::with_seed(7);
    let mut state = open(&folder);
    for commit in 1..=60 {
        for _ in 0..random.u64(..80) {
            let key = format!("k{}", random.u8(..60));
            let version = version(key.as_bytes(), random.u8(..5), random.i64(..1000));
            state.remember(&version, state.position().emitted + 1);
        }
        let position = position(commit, random.u64(..1000));
        let trim = random.bool().then(|| Micros::new(random.i64(..900)));
        state.commit(&position, trim).unwrap();
        if commit % 10 == 0 {
            drop(state);
            state = open(&folder);
        }
    }
}
