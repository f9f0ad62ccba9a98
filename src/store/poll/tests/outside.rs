//! Operations on closed states: list, export, set, reset.

use super::*;

const T: i64 = 1_777_000_000_000_000;

fn parse(text: &str) -> Result<Import, ImportError> {
    Import::parse(text.as_bytes(), Some("contact"))
}

#[test]
fn an_export_restores_the_same_state_elsewhere() {
    let (here, there) = (folder(), folder());
    full(&here);
    let export = exported(here.path()).unwrap();
    let import = parse(&export).unwrap();
    assert_eq!(import.key.as_deref(), Some(KEY));
    set(there.path(), KEY, &import).unwrap();
    assert_eq!(exported(there.path()).unwrap(), export);
    // It also replaces an existing state.
    let mut state = open(&there);
    state.remember(&version(b"z", 1, T), 500);
    state.commit(&position(T, 500), None).unwrap();
    drop(state);
    set(there.path(), KEY, &import).unwrap();
    assert_eq!(exported(there.path()).unwrap(), export);
}

#[test]
fn an_export_has_the_tracked_keys() {
    let (here, there) = (folder(), folder());
    let mut state = open(&here);
    let position = Position {
        tracks_keys: true,
        ..position(T, 1)
    };
    state.remember(&version(b"a", 1, T), 1);
    state.commit(&position, None).unwrap();
    let walk = state.begin_sweep().unwrap();
    state.end_sweep(walk).unwrap();
    drop(state);
    let export = exported(here.path()).unwrap();
    set(there.path(), KEY, &parse(&export).unwrap()).unwrap();
    assert_eq!(exported(there.path()).unwrap(), export);
    assert_eq!(open(&there).missing_keys(1, 9).unwrap(), [b"a"]);
}

#[test]
fn the_automatic_export_has_the_newest_versions_and_counts_the_others() {
    let folder = folder();
    let mut state = open(&folder);
    for n in 1..=10_003_i64 {
        let key = n.to_string();
        state.remember(&version(key.as_bytes(), 1, n), n.cast_unsigned());
    }
    state.commit(&position(10_003, 10_003), None).unwrap();
    assert!(!folder.path().join(format!("{KEY}.last.json")).exists());
    assert!(!state.singer_bookmark("modifydate").unwrap().contains("evt"));
    drop(state);
    drop(open(&folder));
    let text = std::fs::read(folder.path().join(format!("{KEY}.last.json"))).unwrap();
    let import = Import::parse(&text, None).unwrap();
    assert_eq!((import.seen.len(), import.seen_left_out), (10_000, 3));
    assert_eq!(import.seen[0].1.n, 10_003);
}

#[test]
fn a_singer_bookmark_restores_the_remembered_versions() {
    let (here, there) = (folder(), folder());
    let mut state = open(&here);
    state.claim(&fingerprint()).unwrap();
    state.remember(&version(b"a", 1, T), 3);
    state.commit(&position(T + 1, 3), None).unwrap();
    let bookmark = state.singer_bookmark("modifydate").unwrap();
    assert!(
        bookmark.contains("\"replication_key_value\":\"2026-04-24T03:06:40.000001Z\""),
        "{bookmark}"
    );
    let plain = format!("{{\"bookmarks\":{{\"contact\":{bookmark},\"order\":{{}}}}}}");
    let wrapped = format!("{{\"type\":\"STATE\",\"value\":{plain}}}");
    for text in [plain, wrapped] {
        set(there.path(), KEY, &parse(&text).unwrap()).unwrap();
        let mut state = open(&there);
        assert_eq!(state.fingerprint(), Some(&fingerprint()));
        assert_eq!(state.position().frontier, Some(Micros::new(T + 1)));
        assert_eq!(state.position().emitted, 3);
        assert_eq!(state.newest(b"a").unwrap(), Some(row(1, T, 3)));
    }
}

#[test]
fn the_bookmark_of_another_tap_is_rounded_down() {
    for (value, micros) in [
        ("2026-04-24T03:06:40Z", T),
        ("2026-04-24T05:06:40.0000019+02:00", T + 1),
        ("2026-04-24", 1_776_988_800_000_000),
    ] {
        let text = format!(
            "{{\"bookmarks\":{{\"contact\":{{\"replication_key\":\"modifydate\",\"replication_key_value\":\"{value}\",\"starting\":1}}}}}}"
        );
        let import = Import::parse(text.as_bytes(), None).unwrap();
        assert_eq!(import.position.frontier, Some(Micros::new(micros)));
        assert_eq!(import.datatype.as_deref(), Some("contact"));
        assert!(import.seen.is_empty());
    }
}

#[test]
fn invalid_imports_are_refused() {
    let whole = {
        let folder = folder();
        full(&folder);
        exported(folder.path()).unwrap()
    };
    for text in [
        "",
        "[]",
        "{}",
        "{\"evt_poll_state\":2}",
        "{\"evt_poll_state\":1}",
        "{\"bookmarks\":{}}",
        "{\"bookmarks\":{\"order\":{\"replication_key_value\":\"2026-04-24\"}}}",
        "{\"bookmarks\":{\"contact\":{}}}",
        "{\"bookmarks\":{\"contact\":{\"replication_key_value\":1777000000}}}",
        "{\"bookmarks\":{\"contact\":{\"replication_key_value\":\"yesterday\"}}}",
        "{\"type\":\"RECORD\",\"value\":{}}",
        &whole[..whole.len() / 2],
        &whole.replace("\"frontier\"", "\"fronter\":1,\"frontier\":\"x\",\"y\""),
        &whole.replacen("01010101", "0101010", 1),
        &whole.replacen("01010101", "0101010g", 1),
        &whole.replace("seen_left_out", "seen_left_in"),
    ] {
        assert!(parse(text).is_err(), "{text:.80}");
    }
    let two = "{\"bookmarks\":{\"a\":{},\"b\":{}}}";
    let error = Import::parse(two.as_bytes(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it has bookmarks for `a`, `b`; select one by name"
    );
}

#[test]
fn a_state_of_another_query_is_not_set() {
    let (here, there) = (folder(), folder());
    full(&here);
    let other = Fingerprint {
        org: "other".to_owned(),
        ..fingerprint()
    };
    open(&there).claim(&other).unwrap();
    let before = exported(there.path()).unwrap();
    let refused = set(
        there.path(),
        KEY,
        &parse(&exported(here.path()).unwrap()).unwrap(),
    );
    assert!(matches!(refused, Err(PollStateError::OtherQuery { .. })));
    assert_eq!(exported(there.path()).unwrap(), before);
}

#[test]
fn a_state_in_use_can_be_inspected_but_not_set_or_reset() {
    let folder = folder();
    full(&folder);
    let export = exported(folder.path()).unwrap();
    let mut state = open(&folder);
    assert_eq!(exported(folder.path()).unwrap(), export);
    let overview = inspect(folder.path(), KEY).unwrap();
    assert_eq!((overview.seen, overview.position.emitted), (401, 401));
    let is_locked = |error| matches!(error, PollStateError::Locked { .. });
    assert!(is_locked(reset(folder.path(), KEY).unwrap_err()));
    assert!(is_locked(
        rewind(folder.path(), KEY, Micros::new(1)).unwrap_err()
    ));
    let import = parse(&export).unwrap();
    assert!(is_locked(set(folder.path(), KEY, &import).unwrap_err()));
    state.commit(&position(T + 900, 402), None).unwrap();
}

#[test]
fn a_reset_state_is_new_and_its_export_restores_it() {
    let folder = folder();
    full(&folder);
    let export = exported(folder.path()).unwrap();
    let done = reset(folder.path(), KEY).unwrap();
    let file = done.export.unwrap();
    assert_eq!(list(folder.path()).unwrap(), Vec::<String>::new());
    assert_eq!(*open(&folder).position(), Position::default());
    let import = parse(&std::fs::read_to_string(file).unwrap()).unwrap();
    set(folder.path(), KEY, &import).unwrap();
    assert_eq!(exported(folder.path()).unwrap(), export);
}

#[test]
fn a_damaged_state_is_moved_aside_and_never_deleted() {
    let folder = folder();
    full(&folder);
    drop(open(&folder));
    let path = folder.path().join(format!("{KEY}.db"));
    let damaged = vec![7; 5000];
    for by_set in [false, true] {
        std::fs::write(&path, &damaged).unwrap();
        assert_eq!(list(folder.path()).unwrap(), [KEY]);
        let aside = if by_set {
            let text = "{\"bookmarks\":{\"contact\":{\"replication_key_value\":\"2026-04-24\"}}}";
            set(folder.path(), KEY, &parse(text).unwrap()).unwrap()
        } else {
            let done = reset(folder.path(), KEY).unwrap();
            assert!(done.export.unwrap().exists());
            done.aside
        };
        assert_eq!(std::fs::read(aside.unwrap()).unwrap(), damaged);
    }
    assert_eq!(list(folder.path()).unwrap(), [KEY]);
    assert_eq!(
        open(&folder).position().frontier,
        Some(Micros::new(1_776_988_800_000_000))
    );
}

#[test]
fn after_a_rewind_every_later_record_is_new() {
    let folder = folder();
    full(&folder);
    let to = Micros::new(T + 100);
    rewind(folder.path(), KEY, to).unwrap();
    let mut state = open(&folder);
    assert_eq!(state.fingerprint(), Some(&fingerprint()));
    assert!(!is_new(&mut state, &version(b"contact-99", 99, T + 99)).unwrap());
    assert!(is_new(&mut state, &version(b"contact-100", 100, T + 100)).unwrap());
    assert!(is_new(&mut state, &version(b"contact-300", 49, T + 300)).unwrap());
    // A version without a date does not belong to any time.
    assert!(!is_new(&mut state, &version(b"\xff\0", 9, i64::MAX)).unwrap());
    let start = state
        .position()
        .start(std::time::Duration::ZERO, std::time::Duration::ZERO);
    assert!(start.unwrap() < to);
    assert!(!state.position().settled);
    drop(state);
    let refused = rewind(folder.path(), KEY, Micros::new(T + 200));
    assert!(matches!(refused, Err(PollStateError::NotRead { .. })));
}
