//! Sweeps over all keys.

use super::*;

fn tracking(emitted: u64) -> Position {
    Position {
        tracks_keys: true,
        ..position(10, emitted)
    }
}

fn three(folder: &tempfile::TempDir) -> PollState {
    let mut state = open(folder);
    for (n, key) in [b"a", b"b", b"c"].into_iter().enumerate() {
        state.remember(&version(key, 1, 10), n as u64 + 1);
    }
    state.commit(&tracking(3), Some(Micros::new(100))).unwrap();
    state
}

#[test]
fn a_key_is_known_after_its_versions_are_forgotten() {
    let folder = folder();
    let mut state = three(&folder);
    assert_eq!((state.seen_count(), state.tracked_keys()), (0, 3));
    drop(state);
    state = open(&folder);
    let sweep = state.begin_sweep().unwrap();
    let known = state
        .visit_key(b"a", digest(2), Micros::new(20), sweep)
        .unwrap();
    assert_eq!(known, Some((digest(1), Micros::new(10))));
    let unknown = state
        .visit_key(b"d", digest(1), Micros::new(20), sweep)
        .unwrap();
    assert_eq!(unknown, None);
    // The record was not committed, so the visit was not either.
    drop(state);
    let mut state = open(&folder);
    let sweep = state.begin_sweep().unwrap();
    let known = state
        .visit_key(b"a", digest(2), Micros::new(20), sweep)
        .unwrap();
    assert_eq!(known, Some((digest(1), Micros::new(10))));
    state.commit(&tracking(4), None).unwrap();
    let known = state
        .visit_key(b"a", digest(2), Micros::new(20), sweep)
        .unwrap();
    assert_eq!(known, Some((digest(2), Micros::new(20))));
}

#[test]
fn keys_that_sweeps_miss_are_reported_until_they_reappear_or_are_forgotten() {
    let folder = folder();
    let mut state = three(&folder);
    for _ in 0..2 {
        let sweep = state.begin_sweep().unwrap();
        state
            .visit_key(b"a", digest(1), Micros::new(10), sweep)
            .unwrap();
        state.commit(&tracking(3), None).unwrap();
        state.end_sweep(sweep).unwrap();
    }
    let missing = |state: &PollState, least| {
        let mut keys = state.missing_keys(least, 10).unwrap();
        keys.sort();
        keys
    };
    assert_eq!(missing(&state, 2), [b"b", b"c"]);
    assert_eq!(missing(&state, 3), Vec::<Vec<u8>>::new());
    assert_eq!(state.missing_keys(1, 1).unwrap().len(), 1);
    state.forget_key(b"b");
    assert_eq!(missing(&state, 2), [b"c"]);
    state.remember(&version(b"c", 2, 11), 4);
    state.commit(&tracking(4), None).unwrap();
    assert_eq!(missing(&state, 1), Vec::<Vec<u8>>::new());
    assert_eq!(state.tracked_keys(), 2);
    drop(state);
    // It opens, so the sums are right.
    assert_eq!(open(&folder).tracked_keys(), 2);
}

#[test]
fn a_sweep_that_is_not_ended_misses_nothing() {
    let folder = folder();
    let mut state = three(&folder);
    let sweep = state.begin_sweep().unwrap();
    state
        .visit_key(b"a", digest(1), Micros::new(10), sweep)
        .unwrap();
    let sweep = state.begin_sweep().unwrap();
    for key in [b"a", b"b", b"c"] {
        state
            .visit_key(key, digest(1), Micros::new(10), sweep)
            .unwrap();
    }
    state.end_sweep(sweep).unwrap();
    assert_eq!(state.missing_keys(1, 10).unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_record_that_reappears_is_new() {
    let folder = folder();
    let mut state = open(&folder);
    state.remember(&version(b"a", 1, 10), 1);
    state.commit(&tracking(1), None).unwrap();
    state.forget_key(b"a");
    assert!(is_new(&mut state, &version(b"a", 1, 10)).unwrap());
    state.remember(&version(b"a", 1, 10), 2);
    state.commit(&tracking(2), None).unwrap();
    assert_eq!(state.newest(b"a").unwrap(), Some(row(1, 10, 2)));
    assert_eq!(state.tracked_keys(), 1);
}

#[test]
fn keys_are_deleted_when_they_are_no_longer_tracked() {
    let folder = folder();
    let mut state = three(&folder);
    state.commit(&position(10, 3), None).unwrap();
    assert_eq!(state.tracked_keys(), 0);
    drop(state);
    open(&folder);
}
