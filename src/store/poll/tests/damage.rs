//! Damaged files are refused, unless their content is unchanged.

use super::*;

fn database(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join(format!("{KEY}.db"))
}

/// Replaces a file. Some file systems sync a file that is overwritten.
fn put(path: &Path, bytes: &[u8]) {
    let _ = std::fs::remove_file(path);
    std::fs::write(path, bytes).unwrap();
}

/// Damages a file as a bad disk does.
fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    match random.u8(..10) {
        0 => bytes.truncate(random.usize(..bytes.len())),
        1 => {
            let start = random.usize(..bytes.len());
            let end = (start + random.usize(1..4096)).min(bytes.len());
            bytes[start..end].fill(0);
        }
        2 => {
            let (from, to) = (
                random.usize(..bytes.len() / 4096),
                random.usize(..bytes.len() / 4096),
            );
            bytes.copy_within(from * 4096..(from + 1) * 4096, to * 4096);
        }
        // The header, on which SQLite relies most.
        3 => bytes[random.usize(..100)] = random.u8(..),
        _ => {
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                bytes[at] ^= 1 << random.u8(..8);
            }
        }
    }
}

#[test]
fn a_thousand_damaged_files_are_refused_or_read_unchanged() {
    let folder = folder();
    full(&folder);
    let whole = std::fs::read(database(&folder)).unwrap();
    let before = exported(folder.path()).unwrap();
    let mut random = fastrand::Rng::with_seed(20_260_425);
    let (mut refused, mut harmless) = (0, 0);
    for round in 0..1000 {
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut random);
        put(&database(&folder), &bytes);
        match exported(folder.path()) {
            Ok(text) => {
                assert_eq!(text, before, "round {round}");
                harmless += 1;
            }
            Err(PollStateError::Damaged { .. } | PollStateError::Newer { .. }) => refused += 1,
            Err(error) => panic!("round {round}: {error:?}"),
        }
        assert!(
            std::fs::read(database(&folder)).unwrap() == bytes,
            "round {round}: the file was changed"
        );
        if round % 50 == 0
            && let Ok(mut state) = PollState::open(folder.path(), KEY, false)
        {
            assert_eq!(state.newest(b"contact-7").unwrap().unwrap().n, 8);
            state.commit(&position(1, 500), None).unwrap();
        }
    }
    assert!(refused > 700 && harmless > 0, "{refused} and {harmless}");
}

#[test]
fn a_damaged_log_leaves_an_earlier_commit_or_is_refused() {
    let (folder, copy) = (folder(), folder());
    let mut state = open(&folder);
    for n in 1..=5_u64 {
        let key = format!("contact-{n}");
        state.remember(&version(key.as_bytes(), 1, 10), n);
        state.commit(&position(10, n), None).unwrap();
    }
    let [whole, log] = [".db", ".db-wal"].map(|end| {
        let path = folder.path().join(format!("{KEY}{end}"));
        std::fs::read(path).unwrap()
    });
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..100 {
        let mut bytes = log.clone();
        mutate(&mut bytes, &mut random);
        put(&database(&copy), &whole);
        put(&copy.path().join(format!("{KEY}.db-wal")), &bytes);
        // SQLite creates the index again from the log.
        let _ = std::fs::remove_file(copy.path().join(format!("{KEY}.db-shm")));
        match inspect(copy.path(), KEY) {
            Ok(look) => assert_eq!(look.position.emitted, look.seen, "round {round}"),
            Err(PollStateError::Damaged { .. }) => {}
            Err(error) => panic!("round {round}: {error:?}"),
        }
    }
}

#[test]
fn rows_that_evt_did_not_write_are_damage() {
    for sql in [
        "DELETE FROM seen WHERE key = x'61'",
        "UPDATE seen SET n = n + 1",
        "INSERT INTO seen VALUES (x'62', zeroblob(16), 1, 1)",
        "INSERT INTO keys VALUES (x'62', zeroblob(16), 1, 0, 0)",
        "UPDATE pos SET position = replace(position, '10', '11')",
        "UPDATE meta SET fingerprint = '{}'",
        "DELETE FROM pos",
        "DROP TABLE seen",
        "CREATE TABLE more (a)",
    ] {
        let folder = folder();
        let mut state = open(&folder);
        state.remember(&version(b"a", 1, 10), 1);
        state.commit(&position(10, 1), None).unwrap();
        drop(state);
        let connection = rusqlite::Connection::open(database(&folder)).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let refused = PollState::open(folder.path(), KEY, false);
        assert!(
            matches!(refused, Err(PollStateError::Damaged { .. })),
            "{sql}"
        );
    }
}

#[test]
fn other_files_and_newer_schemas_are_refused() {
    let folder = folder();
    for content in [&b""[..], b"{\"frontier\":1}", &[0; 8192]] {
        std::fs::write(database(&folder), content).unwrap();
        let refused = PollState::open(folder.path(), KEY, false);
        assert!(matches!(refused, Err(PollStateError::Damaged { .. })));
        assert_eq!(std::fs::read(database(&folder)).unwrap(), content);
    }
    std::fs::remove_file(database(&folder)).unwrap();
    drop(open(&folder));
    let connection = rusqlite::Connection::open(database(&folder)).unwrap();
    connection
        .execute_batch("UPDATE meta SET schema_version = 2")
        .unwrap();
    drop(connection);
    let refused = PollState::open(folder.path(), KEY, false);
    assert!(matches!(
        refused,
        Err(PollStateError::Newer {
            found: 2,
            known: 1,
            ..
        })
    ));
}

#[test]
fn a_deleted_state_is_not_created_again() {
    let folder = folder();
    full(&folder);
    drop(open(&folder));
    std::fs::remove_file(database(&folder)).unwrap();
    let Err(PollStateError::Gone {
        last_export: Some(export),
        ..
    }) = PollState::open(folder.path(), KEY, false)
    else {
        panic!("a new state was created, or the export is not named");
    };
    let import = Import::parse(&std::fs::read(export).unwrap(), None).unwrap();
    assert_eq!(set(folder.path(), KEY, &import).unwrap(), None);
    assert_eq!(open(&folder).seen_count(), 401);
}
