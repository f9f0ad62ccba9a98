//! The pages that are written by hand: Markdown files below `pages/`, compiled in.
//!
//! They use a small part of Markdown: a title `# NAME: SUMMARY`, headings, paragraphs, code blocks, and lists of
//! terms (``* `TERM`: MEANING``). A line `{{NAME}}` is replaced by a list that is made from a table of the code.

use std::iter::Peekable;
use std::str::Lines;

use clap::Command;

use super::page::{Block, Page, Part};
use crate::config::settings::{SETTINGS, Setting, Source, variable};
use crate::error::Exit;
use crate::signature::{Facts, SCHEMES};
use crate::source::{StreamTransport, TRANSPORTS};

/// Every page on a topic, in the order of `evt man`.
const TOPICS: [&str; 9] = [
    include_str!("pages/exit-codes.md"),
    include_str!("pages/grammar.md"),
    include_str!("pages/streams.md"),
    include_str!("pages/polling.md"),
    include_str!("pages/signatures.md"),
    include_str!("pages/network.md"),
    include_str!("pages/environment.md"),
    include_str!("pages/files.md"),
    include_str!("pages/security.md"),
];
/// What the page of `evt config` says in addition.
const CONFIG: &str = include_str!("pages/config.md");

/// The pages on topics. `root` is the tree of commands, after `Command::build`.
pub(super) fn topics(root: &Command) -> Vec<Page> {
    TOPICS.iter().map(|text| read(text, root)).collect()
}

/// The parts that the page of `evt config` has in addition to its commands.
pub(super) fn config(root: &Command) -> Vec<Part> {
    read(CONFIG, root).parts
}

fn read(text: &str, root: &Command) -> Page {
    let mut lines = text.lines().peekable();
    let title = lines.next().and_then(|line| line.strip_prefix("# "));
    let (name, summary) = title
        .and_then(|title| title.split_once(": "))
        .expect("a page starts with `# NAME: SUMMARY`");
    let mut parts: Vec<Part> = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            parts.push(Part::new(heading, Vec::new()));
        } else if !line.is_empty() {
            let part = parts.last_mut().expect("text follows a heading");
            part.blocks.push(block(line, &mut lines, root));
        }
    }
    Page {
        name: name.to_owned(),
        section: 7,
        summary: summary.to_owned(),
        parts,
    }
}

/// The block that starts with `first`. Takes its other lines from `lines`.
fn block(first: &str, lines: &mut Peekable<Lines<'_>>, root: &Command) -> Block {
    if first.starts_with("```") {
        let code = lines.by_ref().take_while(|line| !line.starts_with("```"));
        return Block::Code(code.map(str::to_owned).collect());
    }
    if let Some(name) = placeholder(first) {
        return Block::Items(generated(name, root));
    }
    if first.starts_with("* ") {
        let more = std::iter::from_fn(|| lines.next_if(|line| line.starts_with("* ")));
        return Block::Items(std::iter::once(first).chain(more).map(item).collect());
    }
    Block::Text(first.to_owned())
}

fn placeholder(line: &str) -> Option<&str> {
    line.strip_prefix("{{")?.strip_suffix("}}")
}

fn item(line: &str) -> (String, String) {
    let pair = line
        .strip_prefix("* `")
        .and_then(|rest| rest.split_once("`: "));
    let (term, meaning) = pair.expect("an item is written as * `TERM`: MEANING");
    (term.to_owned(), meaning.to_owned())
}

fn generated(name: &str, root: &Command) -> Vec<(String, String)> {
    match name {
        "exit-codes" => Exit::ALL
            .iter()
            .map(|exit| (exit.code().to_string(), exit.meaning().to_owned()))
            .collect(),
        "schemes" => schemes(),
        "scheme-handshakes" => facts(|facts| facts.handshake),
        "scheme-keys" => facts(|facts| facts.keys),
        "scheme-limits" => facts(|facts| facts.limits),
        "settings" => SETTINGS.iter().map(setting).collect(),
        "transports" => TRANSPORTS.iter().map(transport).collect(),
        "variables" => {
            let mut flags = Vec::new();
            variables(root, "evt", &mut flags);
            flags
        }
        _ => panic!("no list is called `{name}`"),
    }
}

fn schemes() -> Vec<(String, String)> {
    let row = |scheme: &&dyn crate::signature::Scheme| {
        let options: String = scheme
            .options()
            .iter()
            .map(|(name, meaning)| format!(" {name}: {meaning}."))
            .collect();
        let summary = scheme.facts().summary;
        let several = match scheme.facts().several_secrets {
            true => " Signs with several secrets at once.",
            false => "",
        };
        let text = format!("{summary}.{several}{options}");
        (scheme.name().to_owned(), text)
    };
    SCHEMES.iter().map(row).collect()
}

/// The schemes that have this fact.
fn facts(fact: impl Fn(&Facts) -> Option<&'static str>) -> Vec<(String, String)> {
    let facts = SCHEMES.iter().map(|scheme| scheme.facts());
    let with = facts.filter_map(|facts| Some((facts.name.to_owned(), fact(facts)?.to_owned())));
    with.collect()
}

fn transport(row: &StreamTransport) -> (String, String) {
    let urls: Vec<String> = row
        .schemes
        .iter()
        .map(|name| format!("{name}://"))
        .collect();
    (
        row.name.to_owned(),
        format!("{}: {}", urls.join(", "), row.guarantee),
    )
}

fn setting(setting: &Setting) -> (String, String) {
    let sources = setting.sources.iter().map(|source| match source {
        Source::User => "your file".to_owned(),
        Source::Project => "project file".to_owned(),
        Source::Environment => variable(setting.key),
    });
    let mut text = sources.collect::<Vec<_>>().join(", ");
    let limits = setting.kind.allowed_in_project();
    if let Some(values) = limits.filter(|_| setting.allows(Source::Project)) {
        text.push_str(&format!(". The project file can only set it to {values}"));
    }
    let danger = setting.kind.danger();
    if let Some(danger) = danger.filter(|_| setting.allows(Source::User)) {
        text.push_str(&format!(". The project file cannot set it: {danger}"));
    }
    (setting.key.to_owned(), format!("{text}."))
}

fn variables(command: &Command, path: &str, flags: &mut Vec<(String, String)>) {
    let is_root = path == "evt";
    for arg in command.get_arguments() {
        // A built tree has the global flags on every command.
        if arg.is_hide_set() || (arg.is_global_set() && !is_root) {
            continue;
        }
        if let (Some(name), Some(long)) = (arg.get_env(), arg.get_long()) {
            let name = name.to_string_lossy().into_owned();
            flags.push((name, format!("{path} --{long}")));
        }
    }
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        variables(inner, &format!("{path} {}", inner.get_name()), flags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_read_without_leftover_markup() {
        let mut root = super::super::parse::tree();
        root.build();
        let mut pages = topics(&root);
        pages.push(read(CONFIG, &root));
        for page in pages {
            assert!(page.parts.len() > 1, "{}", page.name);
            for part in &page.parts {
                assert!(!part.blocks.is_empty(), "{}: {}", page.name, part.heading);
                for block in &part.blocks {
                    let is_plain = match block {
                        Block::Text(text) => {
                            let markup = ["* ", "#", "{{", "```"];
                            !markup.iter().any(|mark| text.starts_with(mark))
                        }
                        Block::Items(items) => !items.is_empty(),
                        Block::Code(lines) => !lines.is_empty(),
                    };
                    assert!(is_plain, "{}: {block:?}", page.name);
                }
            }
        }
    }

    #[test]
    fn a_page_is_read_block_by_block() {
        let text = "# evt-x: a thing\n\n## One\n\nText.\n\n* `a`: first\n* `b`: second\n\n```\ncode\n\nmore\n```\n\n{{exit-codes}}\n";
        let page = read(text, &Command::new("evt"));
        assert_eq!(
            (page.name.as_str(), page.summary.as_str()),
            ("evt-x", "a thing")
        );
        let blocks = &page.parts[0].blocks;
        assert_eq!(blocks[0], Block::Text("Text.".to_owned()));
        let pairs = [("a", "first"), ("b", "second")];
        let pairs = pairs.map(|(term, meaning)| (term.to_owned(), meaning.to_owned()));
        assert_eq!(blocks[1], Block::Items(pairs.to_vec()));
        let code = ["code", "", "more"].map(str::to_owned);
        assert_eq!(blocks[2], Block::Code(code.to_vec()));
        assert!(matches!(&blocks[3], Block::Items(items) if items.len() == Exit::ALL.len()));
    }
}
