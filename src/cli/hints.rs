//! Every command and flag that a message names exists: what a user pastes is not refused as usage.
//!
//! The messages are read from the source, so a new hint is checked too. A command is parsed by clap; a flag that is named without
//! a command must exist where the message is shown. Only the text in place of `{…}` and of words in capitals is made up.

use std::path::Path;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory};

use super::{Cli, network};

#[path = "../../tests/it/support/rust_source.rs"]
mod rust_source;

use rust_source::{Piece, files, pieces, root};

/// Text in place of a placeholder.
const FILLER: &str = "x1";

fn root_command() -> Command {
    network::with_flags(Cli::command())
}

/// A string of the program's source.
struct Text {
    /// Path below `src/`, and line.
    place: String,
    /// The command whose folder or file this is, if it is one.
    command: Option<String>,
    text: String,
}

/// All strings outside tests, without their escapes.
fn texts() -> Vec<Text> {
    let src = root().join("src");
    let mut texts = Vec::new();
    for file in files(&src, "rs") {
        let path = file.strip_prefix(&src).unwrap().display().to_string();
        let is_test =
            path.ends_with("tests.rs") || path.contains("/tests/") || path == "cli/hints.rs";
        // Arguments of another program.
        if is_test || path == "send/wire.rs" {
            continue;
        }
        let source = std::fs::read_to_string(&file).unwrap();
        let code = source.split("\n#[cfg(test)]\nmod tests").next().unwrap();
        for (line, piece) in pieces(code) {
            if let Piece::Text(text) = piece {
                texts.push(Text {
                    place: format!("src/{path}:{line}"),
                    command: command_of(Path::new(&path)),
                    text: text
                        .replace("\\\n", "")
                        .replace("\\n", "\n")
                        .replace("\\\"", "\"")
                        .replace("\\\\", "\\")
                        .replace("{{", "{")
                        .replace("}}", "}"),
                });
            }
        }
    }
    texts
}

/// `cli/events/verify.rs` belongs to `events`.
fn command_of(path: &Path) -> Option<String> {
    let name = path.strip_prefix("cli").ok()?.components().next()?;
    let name = name.as_os_str().to_str()?.trim_end_matches(".rs");
    let tree = root_command();
    tree.find_subcommand(name).map(|_| name.to_owned())
}

/// The command lines in a text: those of examples and hints, and those in backticks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // In prose a command often stands for itself, without its arguments.
    let in_backticks = text.split('`').skip(1).step_by(2);
    let in_backticks = in_backticks.filter(|part| part.starts_with("evt "));
    found.extend(in_backticks.map(|part| format!("{part} …")));
    for line in text.lines() {
        let line = line.trim_start();
        // Variables may be set before a command.
        let start = line
            .split(' ')
            .take_while(|word| word.contains('=') && !word.starts_with('-'))
            .map(|word| word.len() + 1)
            .sum();
        let rest = line.get(start..).unwrap_or_default();
        let after = ["(to retry: ", "(see: ", ": "]
            .iter()
            .find_map(|lead| rest.split_once(lead).map(|(_, after)| after));
        let after_pipe = line.split_once(" | ").map(|(_, after)| after);
        for candidate in [Some(rest), after, after_pipe].into_iter().flatten() {
            if !candidate.starts_with("evt ") {
                continue;
            }
            let mut command = candidate[..end_of(candidate)].to_owned();
            // The rest is added by the code.
            if command.ends_with(' ') {
                command.push_str(FILLER);
                command.push_str(" …");
            }
            found.push(command);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Where the explanation of a command begins: after two spaces, a comma or a colon, outside quotes.
fn end_of(command: &str) -> usize {
    let mut quote = None;
    for (at, letter) in command.char_indices() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None, _) => {
                let rest = &command[at..];
                if ["  ", ", then", ": ", ")", "; "]
                    .iter()
                    .any(|end| rest.starts_with(end))
                {
                    return at;
                }
            }
            _ => {}
        }
    }
    command.len()
}

/// Splits a command line into its words, up to the first operator of the shell. `None` for prose that only mentions evt.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut is_started) = (None, false);
    for letter in command.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => (quote, is_started) = (Some(letter), true),
            (Some(open), letter) if open == letter => quote = None,
            (None, ' ') if is_started => {
                words.push(std::mem::take(&mut word));
                is_started = false;
            }
            (None, ' ') => {}
            (None, '>' | '|' | '&' | ';' | '#') if !is_started => break,
            (_, letter) => {
                word.push(letter);
                is_started = true;
            }
        }
    }
    if is_started {
        words.push(word);
    }
    let first = words.get(1)?;
    let is_command = first.starts_with('-')
        || root_command()
            .get_subcommands()
            .any(|known| known.get_name() == first);
    is_command.then_some(words)
}

/// Replaces `{…}`, `…` and words in capitals. Returns whether something was replaced.
fn fill(word: &str) -> (String, bool) {
    let mut filled = String::new();
    let mut rest = word;
    let mut is_filled = false;
    // JSON and templates are values, not placeholders.
    let is_value = word.contains(['"', '[', '*']) || word.contains("{body}");
    while let Some(at) = rest.find('{').filter(|_| !is_value) {
        let Some(end) = rest[at..].find('}') else {
            break;
        };
        filled.push_str(&rest[..at]);
        filled.push_str(match &rest[at..=at + end] {
            "{reference}" => "e_0001",
            "{to}" | "{target}" | "{peer}" | "{hook}" => "3000",
            "{name}" if word.starts_with("file:") => FILLER,
            _ => FILLER,
        });
        is_filled = true;
        rest = &rest[at + end + 1..];
    }
    filled.push_str(rest);
    let is_capital = |text: &str| {
        text.len() > 1
            && text
                .chars()
                .all(|letter| letter.is_ascii_uppercase() || letter == '_')
    };
    let last = filled.rsplit([':', '=', '/']).next().unwrap_or_default();
    if filled.contains('…') || is_capital(last) {
        return (filled.replace('…', FILLER), true);
    }
    (filled, is_filled)
}

/// Why clap refuses the command line, apart from the values of placeholders.
fn refusal(words: &[String]) -> Option<String> {
    let mut filled = Vec::new();
    let (mut has_fillers, mut has_rest) = (false, false);
    for word in words {
        let word = match word.as_str() {
            "." => ".",
            word => word.trim_end_matches([',', '.']),
        };
        if word == "…" || word.starts_with("--{") {
            has_rest = true;
            continue;
        }
        let (word, is_filled) = fill(word);
        has_fillers |= is_filled;
        filled.push(word);
    }
    let error = root_command().try_get_matches_from(&filled).err()?;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => None,
        // Only a name is made up, such as that of a command's argument.
        ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::InvalidSubcommand
            if has_fillers =>
        {
            None
        }
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand if has_rest => None,
        _ => Some(format!("{}: {error}", filled.join(" "))),
    }
}

#[test]
fn every_command_in_a_message_is_accepted() {
    let mut refused = Vec::new();
    let mut checked = 0;
    for text in texts() {
        for command in commands(&text.text) {
            let Some(words) = words(&command) else {
                continue;
            };
            checked += 1;
            if let Some(reason) = refusal(&words) {
                refused.push(format!("{}: {reason}", text.place));
            }
        }
    }
    assert!(checked > 200, "only {checked} commands were found");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// All commands below this one, and itself.
fn tree(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().flat_map(tree);
    std::iter::once(command).chain(below).collect()
}

/// The flags that a text names, without their dashes.
fn flags(text: &str) -> Vec<&str> {
    text.match_indices("--")
        .filter_map(|(at, _)| {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|letter| !matches!(letter, ' ' | '`' | '(' | '\n' | '\'')) {
                return None;
            }
            let rest = &text[at + 2..];
            let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
            let name = rest[..end].trim_end_matches('-');
            (name.len() > 1 && !rest[end..].starts_with('{')).then_some(name)
        })
        .collect()
}

#[test]
fn every_flag_in_a_message_exists() {
    let root = root_command();
    let all = tree(&root);
    let has = |commands: &[&Command], flag: &str| {
        let mut arguments = commands.iter().flat_map(|command| command.get_arguments());
        arguments.any(|argument| {
            let names = argument.get_long_and_visible_aliases().unwrap_or_default();
            names.contains(&flag)
        })
    };
    let mut unknown = Vec::new();
    let mut checked = 0;
    for text in texts() {
        // A text that names a command may name the flags of that one, and the tour runs them all.
        let is_own = |name: &&str| *name != "demo" && !text.text.contains("evt ");
        let own = text.command.as_deref().filter(is_own);
        let own = own.and_then(|name| root.find_subcommand(name));
        // A variable before a command is not an argument of evt, and neither is one of another program.
        let is_other = |line: &&str| {
            let program = line.split(' ').next().unwrap_or_default();
            ["cargo", "nats", "rabbitmqctl"].contains(&program)
        };
        let shown: Vec<&str> = text
            .text
            .lines()
            .filter(|line| !is_other(line))
            .map(|line| line.split_once("' evt ").map_or(line, |(_, after)| after))
            .collect();
        for flag in flags(&shown.join("\n")) {
            checked += 1;
            let is_known = match own {
                Some(command) => has(&tree(command), flag) || has(&[&root], flag),
                None => has(&all, flag),
            };
            if !is_known && !matches!(flag, "help" | "version") {
                unknown.push(format!("{}: --{flag} in `{}`", text.place, text.text));
            }
        }
    }
    assert!(checked > 200, "only {checked} flags were found");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

/// The value of a flag in a hint that is not a command: `--tamper signature`.
#[test]
fn every_value_of_a_flag_in_a_hint_is_accepted() {
    let root = root_command();
    let mut refused = Vec::new();
    for text in texts() {
        if !text.text.starts_with("--") {
            continue;
        }
        let end = ["  ", ", ", "; ", " or "]
            .iter()
            .filter_map(|end| text.text.find(end))
            .min();
        let Some(words) = words(&format!(
            "evt -q {}",
            &text.text[..end.unwrap_or(text.text.len())]
        )) else {
            continue;
        };
        let [_, _, flag, value] = words.as_slice() else {
            continue;
        };
        let (value, is_filled) = fill(value);
        if is_filled || !value.is_ascii() {
            continue;
        }
        let name = flag.trim_start_matches("--");
        let owners: Vec<Vec<String>> = paths(&root, &mut vec!["evt".to_owned()], name);
        let accepts = |path: &Vec<String>| {
            let line = path.iter().cloned().chain([flag.clone(), value.clone()]);
            let error = root_command().try_get_matches_from(line).err();
            error.is_none_or(|error| {
                matches!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand
                )
            })
        };
        if !owners.is_empty() && !owners.iter().any(accepts) {
            refused.push(format!("{}: {flag} {value}", text.place));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// The commands that have a flag, each with the words before it.
fn paths(command: &Command, words: &mut Vec<String>, flag: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    if command
        .get_arguments()
        .any(|argument| argument.get_long() == Some(flag))
    {
        found.push(words.clone());
    }
    for below in command.get_subcommands() {
        words.push(below.get_name().to_owned());
        found.extend(paths(below, words, flag));
        words.pop();
    }
    found
}

#[test]
fn commands_are_found_in_examples_hints_and_backticks() {
    for (text, expected) in [
        ("evt doctor", "evt doctor"),
        (
            "Examples:\n  evt listen 3000     forward",
            "evt listen 3000",
        ),
        ("EDITOR=vi evt flows edit NAME", "evt flows edit NAME"),
        ("start it, then: evt dev", "evt dev"),
        ("use `evt man files` for that", "evt man files …"),
        (
            "echo '{}' | evt records create contact -f -",
            "evt records create contact -f -",
        ),
    ] {
        assert_eq!(commands(text), [expected], "{text}");
    }
    assert_eq!(words("evt that holds it"), None);
    assert_eq!(flags("use --to X or (--json), not a--b"), ["to", "json"]);
}

#[test]
fn a_command_with_a_mistake_is_refused() {
    for command in [
        "evt listen --prot 1",
        "evt evnts list",
        "evt send x --tamper all",
        "evt flows apply -f",
    ] {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert!(refusal(&words).is_some(), "{command}");
    }
}
