//! The language of comments, messages and documentation: phrases that readers had to read twice do not return.

use std::path::{Path, PathBuf};

use regex::RegexSetBuilder;

use crate::support::rust_source::{Piece, files, pieces, root};

/// Phrases that are not plain English, each with what to write instead.
const PHRASES: [(&str, &str); 27] = [
    (
        r"\bwhere (there|they|none|nobody|nothing) (is|are|was|were|has|have|had)\b",
        "if",
    ),
    (
        r"\b(whoever|whosoever|whomever)\b",
        "name the actor: the user, the client",
    ),
    (
        r"\b(nobody|somebody|a person)\b",
        "name the actor: no client, another process, the user",
    ),
    (
        r"(^|[.:;] )Who (does|is|has|waits|wants|knows|asks|reads|cannot|may)\b",
        "name the actor: a client that …",
    ),
    (r"\banew\b", "again"),
    (
        r"\b(came|comes|come|became|becomes|become) of (it|that|this|them|what|a|an|the)\b",
        "the result of",
    ),
    (
        r"\b(goes|gone|went|going) on (with|behind|from|where|as|under|until|in)\b",
        "continues, resumes",
    ),
    (
        r"\bstands? (in (the|a|an|it|its|one)|on|at|there|behind|before|beside|between|below|above|alone|so|by)\b",
        "is, is stored",
    ),
    (
        r"\b(thereby|therein|hereby|whereby|thereof|hence)\b",
        "leave it out",
    ),
    (
        r"\b(a|an|with|without|any|each|some) [a-z ]{1,30} of (its|their|our|his) own([.,;:)]|$)",
        "its own …",
    ),
    (r"\bto the letter\b", "exactly"),
    (
        r"\b(that|which) (is|are) none\b",
        "that is invalid, that is empty",
    ),
    (
        r"\bwhat (was|is|has been|had been) (said|asked|meant|told|taken|given)\b",
        "name it: the request, the value",
    ),
    (
        r"\b(told|tell|tells) (apart|of it|them apart|so)\b",
        "distinguished, reported",
    ),
    (r"\band (says|said|say) so\b", "and reports it"),
    (r"\bheld? against\b", "checked against"),
    (
        r"\b(it|that|which|what|text|value|one|body|line|answer) (is|are|was|were) no (event|json|number|name|list|object|header|error|time|text|url|path|page)\b",
        "is not a …",
    ),
    (
        r"\b(as|where|how) it (stands|lies)\b",
        "unchanged, where it is",
    ),
    (r"\bmend(s|ed|ing)?\b", "fix"),
    (r"\bin the shade of\b", "another instance is running"),
    (r"\b(errands?|shaken)\b", "task, handshake done"),
    (r"\bof course\b", "leave it out"),
    (r"\b(which|that) is (its|their|his) right\b", "may do so"),
    (r"\b(a fault|faults) of its own\b", "an internal error"),
    (
        r"\bis (kept|left) for (whoever|those who)\b",
        "is for users who …",
    ),
    (r"\bas (good|much) as (none|nothing)\b", "counts as missing"),
    (
        r"\bso (many|long) (is|are|was|were) (it|they|he)\b",
        "this many, for this long",
    ),
];

#[test]
fn prose_is_plain_english() {
    let phrases = RegexSetBuilder::new(PHRASES.map(|(phrase, _)| phrase))
        .case_insensitive(true)
        .unicode(false)
        .build()
        .unwrap();
    let mut found = Vec::new();
    for file in prose_files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let blocks = if file.extension().is_some_and(|end| end == "rs") {
            rust_prose(&text)
        } else {
            markdown_prose(&text)
        };
        let file = file.strip_prefix(root()).unwrap().display();
        for (line, block) in blocks {
            for phrase in &phrases.matches(&block) {
                let (phrase, instead) = PHRASES[phrase];
                found.push(format!(
                    "{file}:{line}: {phrase}\n  write: {instead}\n  {block}"
                ));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} phrases:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn prose_is_found_in_comments_strings_and_markdown() {
    let source =
        "/// One\n/// two.\nfn f<'a>() { g('\"', \"three four five\", \"six\"); } // seven\n";
    let blocks = rust_prose(source);
    assert_eq!(
        blocks,
        [
            (1, "One two.".to_owned()),
            (3, "three four five".to_owned()),
            (3, "seven".to_owned())
        ]
    );
    let markdown = "# Title\n\nOne\ntwo.\n```sh\nthree\n```\nfour\n";
    let blocks = markdown_prose(markdown);
    assert_eq!(
        blocks,
        [
            (1, "# Title".to_owned()),
            (3, "One two.".to_owned()),
            (8, "four".to_owned())
        ]
    );
}

fn prose_files() -> Vec<PathBuf> {
    let mut found = files(&root().join("src"), "rs");
    found.extend(files(&root().join("src"), "md"));
    found.extend(files(&root().join("docs"), "md"));
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        found.push(Path::new(root()).join(name));
    }
    found
}

/// Blocks of line comments, and strings of at least three words, with their line numbers.
fn rust_prose(source: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut is_in_comment = false;
    for (line, piece) in pieces(source) {
        match piece {
            Piece::Comment(text) if is_in_comment => {
                let (_, block) = blocks.last_mut().expect("the block has begun");
                block.push(' ');
                block.push_str(text);
            }
            Piece::Comment(text) => blocks.push((line, text.to_owned())),
            Piece::Text(text) if text.matches(' ').count() >= 2 => {
                blocks.push((line, text.to_owned()));
            }
            Piece::Text(_) | Piece::Code(_) => {}
        }
        is_in_comment = matches!(piece, Piece::Comment(_));
    }
    for (_, block) in &mut blocks {
        *block = block
            .replace("\\\n", " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
    }
    blocks
}

/// Paragraphs outside of code blocks, with their line numbers.
fn markdown_prose(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let (mut is_code, mut is_open) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if is_fence || is_code || line.trim().is_empty() {
            is_open = false;
            continue;
        }
        match blocks.last_mut() {
            Some((_, block)) if is_open => {
                block.push(' ');
                block.push_str(line.trim());
            }
            _ => blocks.push((at + 1, line.trim().to_owned())),
        }
        is_open = true;
    }
    blocks
}
