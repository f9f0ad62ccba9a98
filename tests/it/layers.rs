//! Imports go downwards: every `crate::` path in src/ names a room of its own layer or a lower one.

use std::collections::HashMap;
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
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
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
