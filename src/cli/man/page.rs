//! A manual page as a value, and the page of a command.

use clap::{Arg, ArgAction, Command};

/// A page. There are three renderers: for a terminal, for man(1) and for docs/commands.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// `evt-listen`, `evt-exit-codes`
    pub(super) name: String,
    /// 1 for commands, 7 for everything else (man-pages(7)).
    pub(super) section: u8,
    pub(super) summary: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) heading: String,
    pub(super) blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A paragraph. The renderer wraps it.
    Text(String),
    /// Lines that are printed as they are.
    Code(Vec<String>),
    /// Terms with their meanings.
    Items(Vec<(String, String)>),
}

impl Part {
    pub(super) fn new(heading: &str, blocks: Vec<Block>) -> Self {
        Self {
            heading: heading.to_owned(),
            blocks,
        }
    }
}

/// The page of a command with all its subcommands. `command` must have been built, so that its usage is complete.
pub(super) fn of_command(command: &mut Command) -> Page {
    let is_root = command.get_name() == "evt";
    let mut parts = vec![
        Part::new("Synopsis", vec![Block::Code(vec![usage(command)])]),
        Part::new("Description", description(command)),
    ];
    let commands = listed(command);
    if !commands.is_empty() {
        parts.push(Part::new("Commands", vec![Block::Items(commands)]));
    }
    parts.extend(examples(command));
    parts.extend(flags(command, is_root));
    if !is_root {
        below(command, &mut parts);
        let text = "The global flags are in evt(1), settings and variables in evt-environment(7), exit codes in evt-exit-codes(7).";
        parts.push(Part::new("See also", vec![Block::Text(text.to_owned())]));
    }
    let name = match is_root {
        true => "evt".to_owned(),
        false => format!("evt-{}", command.get_name()),
    };
    Page {
        name,
        section: 1,
        summary: about(command),
        parts,
    }
}

/// Each subcommand as parts of its command's page.
fn below(command: &mut Command, parts: &mut Vec<Part>) {
    for inner in command.get_subcommands_mut() {
        if inner.is_hide_set() {
            continue;
        }
        let title = inner.get_bin_name().unwrap_or_default().to_owned();
        let mut blocks = vec![Block::Code(vec![usage(inner)])];
        blocks.extend(description(inner));
        parts.push(Part::new(&title, blocks));
        for part in examples(inner).into_iter().chain(flags(inner, false)) {
            let heading = format!("{title}: {}", part.heading.to_lowercase());
            parts.push(Part::new(&heading, part.blocks));
        }
        below(inner, parts);
    }
}

pub(super) fn about(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn usage(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

fn description(command: &Command) -> Vec<Block> {
    let text = command
        .get_long_about()
        .or(command.get_about())
        .map(ToString::to_string)
        .unwrap_or_default();
    text.split("\n\n")
        .map(|paragraph| Block::Text(sentence(paragraph)))
        .collect()
}

/// Adds the full stop that the first line of a help text does not have.
fn sentence(paragraph: &str) -> String {
    let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.ends_with(['.', ':', '!', '?']) || text.is_empty() {
        true => text,
        false => format!("{text}."),
    }
}

fn listed(command: &Command) -> Vec<(String, String)> {
    command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
        .map(|inner| (inner.get_name().to_owned(), sentence(&about(inner))))
        .collect()
}

/// The examples, which are the `after_help` of a command.
fn examples(command: &Command) -> Option<Part> {
    let text = command.get_after_help()?.to_string();
    let lines = text
        .lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    if lines
        .first()
        .is_some_and(|line| line.starts_with("Example"))
    {
        lines.remove(0);
    }
    Some(Part::new("Examples", vec![Block::Code(lines)]))
}

/// The arguments and flags, by the headings of the help.
fn flags(command: &Command, with_globals: bool) -> Vec<Part> {
    let mut parts: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for arg in command.get_arguments() {
        let asks = matches!(
            arg.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::Version
        );
        if arg.is_hide_set() || (!with_globals && (arg.is_global_set() || asks)) {
            continue;
        }
        let heading = match arg.get_help_heading() {
            Some(heading) => heading,
            None if arg.is_positional() => "Arguments",
            None => "Options",
        };
        let item = (term(arg), meaning(arg));
        match parts.iter_mut().find(|(found, _)| found == heading) {
            Some((_, items)) => items.push(item),
            None => parts.push((heading.to_owned(), vec![item])),
        }
    }
    parts
        .into_iter()
        .map(|(heading, items)| Part::new(&heading, vec![Block::Items(items)]))
        .collect()
}

fn term(arg: &Arg) -> String {
    if arg.is_positional() {
        return arg.to_string();
    }
    // clap prints `--port <PORT>` or `--all`. The short flag comes first.
    let long = arg.to_string();
    match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(_)) => format!("-{short}, {long}"),
        _ => long,
    }
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help());
    let mut text = sentence(&help.map(ToString::to_string).unwrap_or_default());
    let takes_value = arg.get_action().takes_values();
    let values = arg.get_possible_values();
    let shown: Vec<&str> = values
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name())
        .collect();
    if takes_value && !shown.is_empty() && !arg.is_hide_possible_values_set() {
        text = format!("{text} One of: {}.", shown.join(", "));
    }
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if takes_value && !defaults.is_empty() && !arg.is_hide_default_value_set() {
        text = format!("{text} Default: {}.", defaults.join(", "));
    }
    if let Some(name) = arg.get_env() {
        text = format!("{text} Variable: {}.", name.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_command_has_everything_that_its_help_has() {
        let mut command = Command::new("evt-x")
            .about("Do a thing")
            .long_about("Do a thing\n\nWith care.")
            .after_help("Example:\n  evt x --port 1")
            .arg(
                Arg::new("port")
                    .long("port")
                    .short('p')
                    .default_value("4871")
                    .env("EVT_X_PORT")
                    .help("Listen here"),
            );
        command.build();
        let page = of_command(&mut command);
        assert_eq!(page.summary, "Do a thing");
        let item = Block::Items(vec![(
            "-p, --port <port>".to_owned(),
            "Listen here. Default: 4871. Variable: EVT_X_PORT.".to_owned(),
        )]);
        assert!(
            page.parts.contains(&Part::new("Options", vec![item])),
            "{page:?}"
        );
        let code = Block::Code(vec!["evt x --port 1".to_owned()]);
        assert!(
            page.parts.contains(&Part::new("Examples", vec![code])),
            "{page:?}"
        );
        let blocks = ["Do a thing.", "With care."].map(|text| Block::Text(text.to_owned()));
        assert!(
            page.parts
                .contains(&Part::new("Description", blocks.to_vec())),
            "{page:?}"
        );
    }
}
