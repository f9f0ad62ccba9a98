//! A new scheme is one file and one row: no other file names a scheme, and the lists of schemes are derived from the table.

use std::path::{Path, PathBuf};

use evt::signature::SCHEMES;

/// Folders that may name schemes: the samples and receivers of vendors say how their vendor signs, and the demo plays two of them.
const VENDORS: [&str; 3] = ["sample/", "dev/appengine/vendors/", "cli/demo/"];

/// Files that contain the name of a scheme in another meaning: `meta` is a common member of JSON responses.
const OTHER_MEANINGS: [(&str, &str); 1] = [("source/poll/reported.rs", "meta")];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines of a file that are neither comments nor tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next();
    let lines = code.unwrap_or_default().lines();
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

/// Whether a line has the name as a string literal. A value in JSON (`"gateway": "stripe"`) is not one.
fn names(line: &str, scheme: &str) -> bool {
    let quoted = format!("\"{scheme}\"");
    let mut found = line.match_indices(&quoted);
    found.any(|(at, _)| !line[..at].trim_end().ends_with("\":"))
}

/// The files whose code names the scheme, as paths below `src/`.
fn files_that_name(scheme: &str) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let files = files.iter().filter(|file| !file.ends_with("tests.rs"));
    files
        .filter(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            code(&text).any(|line| names(line, scheme))
        })
        .map(|file| file.strip_prefix(&src).unwrap().display().to_string())
        .collect()
}

#[test]
fn a_scheme_is_named_in_its_own_file_only() {
    for scheme in SCHEMES {
        let files = files_that_name(scheme.name());
        let (own, others): (Vec<_>, Vec<_>) = files
            .into_iter()
            .filter(|file| !VENDORS.iter().any(|folder| file.starts_with(folder)))
            .filter(|file| !OTHER_MEANINGS.contains(&(file.as_str(), scheme.name())))
            .partition(|file| file.starts_with("signature/"));
        assert_eq!(own.len(), 1, "{}: {own:?}", scheme.name());
        assert_eq!(others, [""; 0], "{}", scheme.name());
    }
}

#[test]
fn a_name_in_code_is_found() {
    assert!(names("    let scheme = find(\"stripe\");", "stripe"));
    assert!(!names(r#"r{"gateway": "stripe"}"#, "stripe"));
    assert!(!names("\"stripe/invoice.paid\"", "stripe"));
    let text = "// \"stripe\"\nlet x = 1;\n#[cfg(test)]\nmod tests {\n\"stripe\"";
    assert!(code(text).all(|line| !names(line, "stripe")));
}
