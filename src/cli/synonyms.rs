//! Words that people bring from other tools: hidden aliases of commands, and what to suggest for commands that `evt` does not have.

use std::ffi::OsString;

use clap::Command;

/// Other names of a subcommand, at every level. A name that a sibling has is not an alias.
const ALIASES: [(&str, &[&str]); 5] = [
    ("delete", &["rm", "remove"]),
    ("list", &["ls"]),
    ("remove", &["rm", "delete"]),
    ("show", &["get", "view"]),
    ("create", &["new"]),
];

/// Commands that stand for a subcommand.
const SHORTHANDS: [(&str, &[&str]); 3] = [
    ("login", &["profile", "login"]),
    ("logout", &["profile", "logout"]),
    ("whoami", &["profile", "whoami"]),
];

/// Commands of other tools, and the commands that do the same or nearly the same here.
const SUGGESTIONS: [(&str, &[&str]); 12] = [
    ("forward", &["evt listen 3000"]),
    ("history", &["evt events list"]),
    ("init", &["evt dev"]),
    ("log", &["evt events list", "evt tail"]),
    ("logs", &["evt events list", "evt tail"]),
    ("replay", &["evt events replay @last"]),
    ("resend", &["evt events replay @last"]),
    ("run", &["evt dev"]),
    ("serve", &["evt dev"]),
    ("start", &["evt dev"]),
    ("status", &["evt dev status"]),
    ("stop", &["evt dev stop"]),
];

/// Adds the hidden aliases of the subcommands.
pub(super) fn with_aliases(command: Command) -> Command {
    let taken: Vec<String> = command
        .get_subcommands()
        .flat_map(|sub| std::iter::once(sub.get_name()).chain(sub.get_all_aliases()))
        .map(str::to_owned)
        .collect();
    command.mut_subcommands(|sub| {
        let aliases = ALIASES.iter().find(|(name, _)| *name == sub.get_name());
        let free = aliases
            .into_iter()
            .flat_map(|(_, aliases)| aliases.iter().copied())
            .filter(|alias| !taken.iter().any(|name| name == alias));
        sub.aliases(free.collect::<Vec<_>>())
    })
}

/// Returns the arguments with the command that the unknown command at position `at` stands for.
pub(super) fn expanded(args: &[OsString], at: usize) -> Option<Vec<OsString>> {
    let (before, after) = (args.get(..at)?, args.get(at + 1..)?);
    // `evt help flows create` is `evt flows create --help`.
    let (command, last): (&[&str], Option<&str>) = match args.get(at)?.to_str()? {
        "help" => (&[], Some("--help")),
        "version" => (&[], Some("--version")),
        word => {
            let (_, command) = SHORTHANDS.iter().find(|(name, _)| *name == word)?;
            (command, None)
        }
    };
    let command = command.iter().map(OsString::from);
    let mut all: Vec<OsString> = before.iter().cloned().chain(command).collect();
    all.extend(after.iter().cloned());
    all.extend(last.map(OsString::from));
    Some(all)
}

/// Returns the commands to suggest for a command that does not exist.
pub(super) fn suggestions(word: &str) -> Option<&'static [&'static str]> {
    let found = SUGGESTIONS.iter().find(|(name, _)| *name == word);
    found.map(|(_, commands)| *commands)
}
