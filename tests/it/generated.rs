//! The files in completions/, man/ and docs/commands.md are those that the binary generates.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::Sandbox;

const REGENERATE: &str = "out of date; run: cargo run -- generate all .";

#[test]
fn generated_files_are_up_to_date() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["generate", "all", "."]).expect_exit(0);
    assert_eq!(output.stdout, "");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["completions", "man"] {
        let (generated, committed) = (
            files(&sandbox.work().join(folder)),
            files(&root.join(folder)),
        );
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            names(&generated),
            names(&committed),
            "{folder}/ is {REGENERATE}"
        );
        for (name, content) in generated {
            assert!(
                committed[&name] == content,
                "{folder}/{name} is {REGENERATE}"
            );
        }
    }
    let reference = |folder: &Path| std::fs::read_to_string(folder.join("docs/commands.md"));
    assert!(
        reference(&sandbox.work()).unwrap() == reference(root).unwrap_or_default(),
        "docs/commands.md is {REGENERATE}"
    );
}

#[test]
fn generated_files_do_not_depend_on_the_environment() {
    let plain = Sandbox::new();
    let odd = Sandbox::new()
        .with("EVT_URL", "http://127.0.0.1:1")
        .with("EVT_TOKEN", "t0ps3cret")
        .with("EVT_OUTPUT", "json")
        .with("COLUMNS", "40")
        .with("LANG", "tr_TR.UTF-8");
    odd.write("evt.toml", "output = \"text\"\n");
    let pages = [plain, odd].map(|sandbox| {
        let _ = sandbox.run(["generate", "all", "."]).expect_exit(0);
        files(&sandbox.work().join("man"))
    });
    assert!(pages[0] == pages[1]);
    assert!(!pages[1].is_empty());
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}; {REGENERATE}", folder.display()));
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}
