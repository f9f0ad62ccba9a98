//! Splits Rust source into code, comments and strings, for the tests that read the project itself.

use std::path::{Path, PathBuf};

/// A piece of Rust source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A word, `::` or another single character.
    Code(&'a str),
    /// A line comment without its slashes.
    Comment(&'a str),
    /// The content of a string.
    Text(&'a str),
}

/// The root of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files in a folder with this extension, at any depth.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            files.push(path);
        }
    }
    files
}

/// The pieces of source text in order, each with its line number. Characters and lifetimes are left out.
pub(crate) fn pieces(source: &str) -> Vec<(usize, Piece<'_>)> {
    let mut pieces = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (length, piece) = piece(rest, first);
        pieces.extend(piece.map(|piece| (line, piece)));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    pieces
}

pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length and the content of the piece at the start of `rest`.
fn piece(rest: &str, first: char) -> (usize, Option<Piece<'_>>) {
    if rest.starts_with("//") {
        let length = rest.find('\n').unwrap_or(rest.len());
        let comment = rest[..length].trim_start_matches(['/', '!']);
        return (length, Some(Piece::Comment(comment)));
    }
    if rest.starts_with("r\"") || rest.starts_with("r#") {
        if let Some((length, text)) = raw_string(rest) {
            return (length, Some(Piece::Text(text)));
        }
        return (1, None);
    }
    match first {
        '"' => {
            let length = quoted(rest, '"');
            let text = rest[1..length].trim_end_matches('"');
            (length, Some(Piece::Text(text)))
        }
        '\'' => (character(rest), None),
        first if first.is_whitespace() => (first.len_utf8(), None),
        first => {
            let length = match rest.find(|character| !is_word(character)) {
                Some(0) if rest.starts_with("::") => 2,
                Some(0) => first.len_utf8(),
                word => word.unwrap_or(rest.len()),
            };
            (length, Some(Piece::Code(&rest[..length])))
        }
    }
}

/// The length of a quoted text with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            character if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length and the content of a raw string.
fn raw_string(text: &str) -> Option<(usize, &str)> {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    let start = 1 + hashes + 1;
    if text.as_bytes().get(start - 1) != Some(&b'"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let end = start + text[start..].find(&close)?;
    Some((end + close.len(), &text[start..end]))
}

/// The length of a character with its quotes, or 1 for the mark of a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), _) => quoted(text, '\''),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
