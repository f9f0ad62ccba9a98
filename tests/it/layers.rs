//! The structure of `src/`: imports go down, no two rooms import each other, and third-party crates stay in their rooms.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::support::rust_source::{Piece, files, is_word, pieces, root};

#[test]
fn imports_go_downwards_only() {
    let layers = layers(&std::fs::read_to_string(source().join("lib.rs")).unwrap());
    assert!(
        layers.len() > 20,
        "lib.rs lists the rooms below its four headings"
    );
    let mut upwards = Vec::new();
    for (room, others) in imports() {
        let Some(layer) = layers.get(&room) else {
            continue;
        };
        for (other, file) in others {
            if layers.get(&other).is_some_and(|found| found > layer) {
                upwards.push(format!("{}: crate::{other}", file.display()));
            }
        }
    }
    assert_eq!(upwards, Vec::<String>::new());
}

#[test]
fn no_rooms_import_each_other() {
    let mut rooms = imports();
    rooms.remove("main");
    rooms.remove("lib");
    // A room that imports none of the others is in no cycle. Remove such rooms until only cycles are left.
    loop {
        let left: BTreeSet<String> = rooms.keys().cloned().collect();
        for others in rooms.values_mut() {
            others.retain(|other, _| left.contains(other));
        }
        rooms.retain(|_, others| !others.is_empty());
        if rooms.len() == left.len() {
            break;
        }
    }
    let cycles: Vec<String> = rooms
        .iter()
        .flat_map(|(room, others)| {
            others
                .iter()
                .map(move |(other, file)| format!("{room} imports {other} ({})", file.display()))
        })
        .collect();
    assert_eq!(cycles, Vec::<String>::new());
}

/// Folders of `dev/` with the names that they must not import. Platforms and `control` know the host, the host knows neither.
const PARTS_OF_DEV: [(&str, &[&str]); 3] = [
    (
        "host",
        &["dev::appengine", "dev::control", "dev::PLATFORMS"],
    ),
    ("control", &["dev::appengine", "dev::PLATFORMS"]),
    ("appengine", &["dev::control", "dev::PLATFORMS"]),
];

#[test]
fn the_host_of_dev_knows_no_platform() {
    let mut upwards = Vec::new();
    for (folder, forbidden) in PARTS_OF_DEV {
        for file in files(&source().join("dev").join(folder), "rs") {
            let text = std::fs::read_to_string(&file).unwrap();
            let modules = modules_of(&file);
            let parents: Vec<&str> = modules.iter().map(String::as_str).collect();
            let named = paths(&text, &parents)
                .into_iter()
                .map(|path| path.join("::"))
                .filter(|path| forbidden.iter().any(|name| path.starts_with(name)));
            upwards.extend(named.map(|path| format!("{}: {path}", file.display())));
        }
    }
    assert_eq!(upwards, Vec::<String>::new());
}

#[test]
fn a_module_with_children_is_a_folder_with_mod_rs() {
    let both: Vec<PathBuf> = ["src", "tests/it"]
        .into_iter()
        .flat_map(|folder| files(&root().join(folder), "rs"))
        .filter(|file| {
            let folder = file.with_extension("");
            folder.is_dir() && !files(&folder, "rs").is_empty()
        })
        .collect();
    assert_eq!(both, Vec::<PathBuf>::new(), "move `x.rs` to `x/mod.rs`");
}

#[test]
fn every_form_of_a_path_is_resolved() {
    let text = r#"
        use crate::{event::Event, store::{Store, Tx}};
        use crate::ui;
        use super::super::json::Raw;
        use super::{super::topic, sibling};
        let x = crate::time::now(); // crate::cli is a comment
        let y = "crate::config";
        mod inner { use super::super::super::deliver; mod tests { use super::*; } }
        use super::own;
    "#;
    let named: Vec<String> = paths(text, &["flow", "step"])
        .into_iter()
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(
        named,
        [
            "event::Event",
            "store::Store",
            "store::Tx",
            "ui",
            "json::Raw",
            "topic",
            "flow::sibling",
            "time::now",
            "deliver",
            "flow::step::inner::*",
            "flow::own",
        ]
    );
}

/// Crates with the only rooms that may name them; `main.rs` and `lib.rs` name none of them.
const CONFINED: [(&str, &[&str]); 18] = [
    ("rusqlite", &["store"]),
    ("url", &["api"]),
    ("clap", &["cli"]),
    ("comfy_table", &["ui"]),
    ("indicatif", &["ui"]),
    ("dialoguer", &["ui"]),
    ("axum", &["dev", "serve"]),
    ("tokio_tungstenite", &["dev", "source"]),
    ("flate2", &["api", "signature", "source"]),
    ("cel", &["condition"]),
    ("croner", &["flow"]),
    ("lettre", &["dev"]),
    ("socketioxide", &["dev"]),
    ("jaq_core", &["shape"]),
    ("jaq_std", &["shape"]),
    ("jaq_json", &["shape"]),
    ("lapin", &["broker", "sink", "source"]),
    ("async_rs", &["broker"]),
];

#[test]
fn third_party_crates_stay_in_their_rooms() {
    let mut misplaced = Vec::new();
    let mut named = HashSet::new();
    for file in files(&source(), "rs") {
        let room = modules_of(&file).swap_remove(0);
        let text = std::fs::read_to_string(&file).unwrap();
        let code = tokens(&text);
        for (third, rooms) in CONFINED {
            if names(&code, third) {
                named.insert(third);
                if !rooms.contains(&room.as_str()) {
                    misplaced.push(format!("{}: {third}", file.display()));
                }
            }
        }
    }
    assert_eq!(misplaced, Vec::<String>::new());
    assert_eq!(
        named.len(),
        CONFINED.len(),
        "the table has a crate that no room names: {named:?}"
    );
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
        assert!(names(&tokens(text), "cel"), "{text}");
    }
    for text in [
        "// cel::Program",
        "let text = \"cel::Program\";",
        "use crate::condition::cel::Program;",
        "let parcel = std::cell::Cell::new(1);",
        "let cel = 1;",
    ] {
        assert!(!names(&tokens(text), "cel"), "{text}");
    }
}

/// Whether code names a crate: as the first part of a path, or alone in an import.
fn names(code: &[String], third: &str) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| code.get(at)).map_or("", String::as_str);
    (0..code.len()).any(|at| {
        if code[at] != third {
            return false;
        }
        let mut before = at.checked_sub(1);
        // `::cel` is the crate, `x::cel` is not.
        if word(before) == "::" {
            before = at.checked_sub(2);
            let is_root = !word(before).ends_with(is_word) && word(before) != ">";
            if !is_root && word(before) != "use" {
                return false;
            }
        }
        word(Some(at + 1)) == "::" || matches!(word(before), "use" | "crate")
    })
}

fn source() -> PathBuf {
    root().join("src")
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
            assert!(layer > 0, "{room} is below no heading");
            layers.insert(room.to_owned(), layer);
        }
    }
    layers
}

/// For each room the other rooms that it names, each with one of the files that do.
fn imports() -> BTreeMap<String, BTreeMap<String, PathBuf>> {
    let mut rooms: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for file in files(&source(), "rs") {
        let modules = modules_of(&file);
        let text = std::fs::read_to_string(&file).unwrap();
        let parents: Vec<&str> = modules.iter().map(String::as_str).collect();
        let others = rooms.entry(modules[0].clone()).or_default();
        for path in paths(&text, &parents) {
            if path[0] != modules[0] {
                others.entry(path[0].clone()).or_insert(file.clone());
            }
        }
    }
    rooms
}

/// The path of a file's module: `["dial", "connect"]`; the first one is its room.
fn modules_of(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(source()).unwrap().with_extension("");
    let mut modules: Vec<String> = inside
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if modules.last().is_some_and(|last| last == "mod") {
        modules.pop();
    }
    modules
}

/// Every path in a module's code that begins with `crate` or `super`, from the root of the crate.
fn paths(text: &str, module: &[&str]) -> Vec<Vec<String>> {
    let code = tokens(text);
    let mut modules: Vec<String> = module.iter().map(|name| (*name).to_owned()).collect();
    // The depths of braces at which the modules inside this file begin.
    let (mut depth, mut inner) = (0, Vec::new());
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        match code[at].as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inner.last() == Some(&depth) {
                    inner.pop();
                    modules.pop();
                }
            }
            "mod" if code.get(at + 2).is_some_and(|next| next == "{") => {
                inner.push(depth);
                modules.push(code[at + 1].clone());
            }
            "crate" | "super" if code.get(at + 1).is_some_and(|next| next == "::") => {
                at = follow(&code, at, &modules, &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads the path at `at`, with its groups, and returns the index of the token after it.
fn follow(
    code: &[String],
    mut at: usize,
    before: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = before.to_vec();
    loop {
        match code[at].as_str() {
            "crate" => path.clear(),
            "super" => {
                path.pop();
            }
            "self" => {}
            "{" => {
                at += 1;
                while code[at] != "}" {
                    at = match code[at].as_str() {
                        "," => at + 1,
                        _ => follow(code, at, &path, found),
                    };
                }
                return at + 1;
            }
            name => path.push(name.to_owned()),
        }
        at += 1;
        if code.get(at).is_some_and(|next| next == "::") && code[at + 1] != "<" {
            at += 1;
            continue;
        }
        // `x as y`
        if code.get(at).is_some_and(|next| next == "as") {
            at += 2;
        }
        if !path.is_empty() {
            found.push(path);
        }
        return at;
    }
}

/// The words and signs of source text, without comments and strings.
fn tokens(text: &str) -> Vec<String> {
    pieces(text)
        .into_iter()
        .filter_map(|(_, piece)| match piece {
            Piece::Code(code) => Some(code.to_owned()),
            Piece::Comment(_) | Piece::Text(_) => None,
        })
        .collect()
}
