//! Imports go downwards: every `crate::` path in src/ names a room of its own layer or a lower one. Third parties stay in the rooms that speak for them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

#[test]
fn imports_go_downwards_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let layers = layers(&std::fs::read_to_string(src.join("lib.rs")).unwrap());
    assert!(
        layers.len() > 20,
        "lib.rs lists the rooms under its four headings"
    );
    let mut upwards = Vec::new();
    for file in rust_files(&src) {
        let room = room_of(&src, &file);
        let Some(layer) = layers.get(&room) else {
            continue;
        };
        let text = std::fs::read_to_string(&file).unwrap();
        for other in rooms_named(&text) {
            if layers.get(&other).is_some_and(|found| found > layer) {
                upwards.push(format!("{}: crate::{other}", file.display()));
            }
        }
    }
    assert_eq!(upwards, Vec::<String>::new());
}

#[test]
fn rooms_are_found_in_every_way_to_write_a_path() {
    let text = "use crate::{event::Event, store::{Store, Tx}};\nuse crate::ui;\nlet x = crate::time::now();\n// crate::cli is above\n";
    assert_eq!(rooms_named(text), ["event", "store", "ui", "time"]);
}

/// Crates with the only rooms that may name them; `main.rs` and `lib.rs` name none of them.
const CONFINED: [(&str, &[&str]); 14] = [
    ("rusqlite", &["store"]),
    ("reqwest", &["api"]),
    ("clap", &["cli"]),
    ("comfy_table", &["ui"]),
    ("indicatif", &["ui"]),
    ("dialoguer", &["ui"]),
    ("axum", &["dev", "serve"]),
    ("tokio_tungstenite", &["dev", "source"]),
    ("flate2", &["source"]),
    ("cel", &["condition"]),
    ("socketioxide", &["dev"]),
    ("jaq_core", &["shape"]),
    ("jaq_std", &["shape"]),
    ("jaq_json", &["shape"]),
];

#[test]
fn third_parties_stay_in_their_rooms() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut strays = Vec::new();
    let mut met = HashSet::new();
    for file in rust_files(&src) {
        let room = room_of(&src, &file);
        let text = std::fs::read_to_string(&file).unwrap();
        for (third, rooms) in CONFINED
            .into_iter()
            .filter(|(third, _)| names(&text, third))
        {
            met.insert(third);
            if !rooms.contains(&room.as_str()) {
                strays.push(format!("{}: {third}", file.display()));
            }
        }
    }
    assert_eq!(strays, Vec::<String>::new());
    // A crate that nobody names any more has no place in the table.
    assert_eq!(met.len(), CONFINED.len(), "{met:?}");
}

#[test]
fn a_crate_is_found_in_every_way_to_name_it() {
    for text in [
        "use cel::Program;",
        "use cel;",
        "fn ask(program: &cel::Program) {}",
        "#[derive(cel::Derived)]",
        "use {cel::Program, std::fmt};",
        "pub use ::cel as language;",
    ] {
        assert!(names(text, "cel"), "{text}");
    }
    for text in [
        "// cel::Program",
        "use crate::condition::cel::Program;",
        "let parcel = std::cell::Cell::new(1);",
        "let cel = 1;",
    ] {
        assert!(!names(text, "cel"), "{text}");
    }
}

/// Whether code names a crate: as the first part of a path, or whole in an import.
fn names(text: &str, third: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let code = without_comments(text);
    code.match_indices(third).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + third.len()..]);
        // The root itself (`::cel`) has nothing before its colons.
        let outer = before.strip_suffix("::").unwrap_or(before);
        let is_first = !outer.ends_with(is_word)
            && (outer.len() == before.len() || !outer.ends_with(['>', ':']));
        let imports = before.trim_end().trim_end_matches("::").trim_end();
        let is_import = imports.ends_with("use") || imports.ends_with("extern crate");
        is_first && !after.starts_with(is_word) && (after.starts_with("::") || is_import)
    })
}

/// Each room's layer, from the headings of lib.rs.
fn layers(lib: &str) -> HashMap<String, usize> {
    let mut layer = 0;
    let mut layers = HashMap::new();
    for line in lib.lines() {
        if let Some(heading) = line.strip_prefix("// ") {
            layer = heading
                .split('.')
                .next()
                .and_then(|number| number.parse().ok())
                .unwrap_or(layer);
        }
        let declared = line.trim_start_matches("pub ").strip_prefix("mod ");
        if let Some(room) = declared.and_then(|rest| rest.strip_suffix(';')) {
            assert!(layer > 0, "{room} stands under no heading");
            layers.insert(room.to_owned(), layer);
        }
    }
    layers
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

fn room_of(src: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(src).unwrap();
    let first = inside.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The first segment of every path that begins with `crate::`, comments aside.
fn rooms_named(text: &str) -> Vec<String> {
    let code = without_comments(text);
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            rooms.extend(members(group));
        } else {
            rooms.push(first_word(rest));
        }
    }
    rooms
}

fn without_comments(text: &str) -> String {
    let code = text.lines().map(|line| line.split("//").next());
    code.map(Option::unwrap_or_default)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first words of the members of a braced import, up to its closing brace.
fn members(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut member = String::new();
    let mut found = Vec::new();
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(first_word(&member));
                member.clear();
                continue;
            }
            _ => {}
        }
        member.push(character);
    }
    found.push(first_word(&member));
    found.retain(|word| !word.is_empty());
    found
}

fn first_word(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}
