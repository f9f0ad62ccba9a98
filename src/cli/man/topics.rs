//! The pages that belong to no single command.

use clap::Command;

use super::page::{Block, Page, Part};
use super::{polling, signatures, streams};
use crate::error::Exit;

/// The variables that stand for no flag.
const VARIABLES: [(&str, &str); 6] = [
    (
        "EVT_HOME",
        "One folder for settings, data and state, in place of the operating system's own.",
    ),
    (
        "EVT_LOG",
        "What to log to stderr, in the form of tracing's directives: evt=debug.",
    ),
    ("NO_COLOR", "Any value: no colours."),
    (
        "FORCE_COLOR, CLICOLOR_FORCE",
        "Any value but 0: colours also where there is no terminal.",
    ),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "Proxies for platforms that are not on this machine.",
    ),
    (
        "VISUAL, EDITOR",
        "The editor where a command offers --edit.",
    ),
];

/// What `data` is, which differs between an event and a flow.
const DATA: &str = "In a selection `data` is the payload as it was sent: the member `data` of AppEngine's events and of CloudEvents, the whole body of anything else. A record of AppEngine has its own fields in a `data` of its own, and so has a body of Stripe. A flow's --when sees the record, whose fields stand in `data` itself.";
const DATA_EXAMPLES: [(&str, &str); 3] = [
    (
        "data.data.amount >= 100",
        "AppEngine's payment, in a selection",
    ),
    (
        "data.amount >= 100",
        "the same payment in a flow's --when; in a selection, a body that is {\"amount\": 100}",
    ),
    (
        "data.data.object.amount >= 100",
        "Stripe's payment, in a selection",
    ),
];

/// Every topic. `root` is the tree of commands, built.
pub(super) fn all(root: &Command) -> Vec<Page> {
    vec![
        exit_codes(),
        grammar(),
        streams::page(),
        polling::page(),
        signatures::page(),
        environment(root),
        files(),
    ]
}

pub(super) fn topic(name: &str, summary: &str, parts: Vec<Part>) -> Page {
    Page {
        name: format!("evt-{name}"),
        section: 7,
        summary: summary.to_owned(),
        parts,
    }
}

pub(super) fn items(pairs: &[(&str, &str)]) -> Block {
    Block::Items(
        pairs
            .iter()
            .map(|(term, meaning)| ((*term).to_owned(), (*meaning).to_owned()))
            .collect(),
    )
}

pub(super) fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

fn exit_codes() -> Page {
    let codes = Exit::ALL
        .iter()
        .map(|exit| (exit.code().to_string(), exit.meaning().to_owned()))
        .collect();
    let own = "`evt dev -- CMD` and `evt listen -- CMD` end with CMD's own code.";
    let error =
        "An error has a code word beside its exit code. With -o json it is one line on stderr:";
    let example =
        r#"{"error":{"code":"not_running","message":"…","hint":"start one: evt dev","exit":5}}"#;
    topic(
        "exit-codes",
        "how evt ends, and why",
        vec![
            Part::new("Codes", vec![Block::Items(codes), text(own)]),
            Part::new(
                "Errors",
                vec![text(error), Block::Code(vec![example.to_owned()])],
            ),
        ],
    )
}

fn grammar() -> Page {
    topic(
        "grammar",
        "what targets, events, times, selections, changes and secrets look like, on every command",
        vec![
            Part::new(
                "Target",
                vec![items(&[
                    ("3000", "port 3000 of this machine"),
                    (":3000/path", "the same, with a path"),
                    ("host:port", "another host"),
                    ("https://host/path", "a URL"),
                    ("unix:/path", "a Unix socket"),
                ])],
            ),
            Part::new(
                "Event",
                vec![items(&[
                    (
                        "e_7f3a",
                        "its number, as `evt events list` shows it; complete, but for leading zeros: e_0012 is e_12",
                    ),
                    ("@last, @-3", "the last, the third from the end"),
                    ("@failed", "those whose delivery failed"),
                    ("FILE, -", "a file, stdin"),
                ])],
            ),
            Part::new(
                "Time",
                vec![items(&[
                    ("10m, 2h, 7d", "so long ago"),
                    ("2026-04-25", "midnight UTC of that day"),
                    ("2026-04-25T10:00:00Z", "RFC 3339"),
                    ("1777111200007", "milliseconds since the epoch"),
                ])],
            ),
            Part::new(
                "Selection",
                vec![items(&[
                    ("--type 'contact.*'", "by type; repeatable; !x excludes"),
                    (
                        "--where 'data.data.amount >= 100'",
                        "by content, in CEL over type, system, org, subject, time, data, headers; what is missing makes its own comparison false",
                    ),
                    ("--status failed", "by what became of it"),
                    ("--since T, --until T", "by time"),
                    ("--limit N", "at most so many"),
                ])],
            ),
            Part::new("Data", vec![text(DATA), items(&DATA_EXAMPLES)]),
            Part::new(
                "Change",
                vec![items(&[
                    ("--set path=text", "a text at a path of the body"),
                    ("--set path:=json", "any JSON value"),
                    ("--unset path", "nothing at a path"),
                    ("-H 'Name: value'", "a header"),
                ])],
            ),
            Part::new(
                "Secret",
                vec![
                    items(&[
                        ("env:NAME", "the value of a variable"),
                        (
                            "file:PATH",
                            "the content of a file, without its last line end",
                        ),
                        ("cmd:COMMAND", "what a shell command prints"),
                        ("-", "stdin"),
                        (
                            "anything else",
                            "the secret itself; other programs can see it in the list of processes",
                        ),
                    ]),
                    text(
                        "Secrets are shown masked (whsec_…9f2c), never logged, and kept only in files that their owner alone can read.",
                    ),
                ],
            ),
        ],
    )
}

fn environment(root: &Command) -> Page {
    let mut flags = Vec::new();
    collect(root, "evt", &mut flags);
    let order = "The strongest wins: defaults, your settings file, the project's evt.toml, variables, flags. An empty variable counts as not set.";
    topic(
        "environment",
        "the variables that evt reads",
        vec![
            Part::new("Order", vec![text(order)]),
            Part::new("Variables", vec![items(&VARIABLES)]),
            Part::new("Variables that stand for flags", vec![Block::Items(flags)]),
        ],
    )
}

fn collect(command: &Command, path: &str, flags: &mut Vec<(String, String)>) {
    let is_root = path == "evt";
    for arg in command.get_arguments() {
        // A built tree has the global flags on every command.
        if arg.is_hide_set() || (arg.is_global_set() && !is_root) {
            continue;
        }
        if let (Some(name), Some(long)) = (arg.get_env(), arg.get_long()) {
            flags.push((
                name.to_string_lossy().into_owned(),
                format!("{path} --{long}"),
            ));
        }
    }
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        collect(inner, &format!("{path} {}", inner.get_name()), flags);
    }
}

fn files() -> Page {
    const SETTINGS: [&str; 10] = [
        "default_profile = \"staging\"",
        "output = \"json\"",
        "",
        "[listen]",
        "port = 5000            # evt listen --port 5000",
        "",
        "[profile.staging]",
        "url = \"https://api.example.com\"",
        "org = \"my-org\"",
        "token = \"env:STAGING_TOKEN\"",
    ];
    let where_ = "`evt config path` prints where they are on this machine. On Linux: ~/.config/evt, ~/.local/share/evt, ~/.local/state/evt; with EVT_HOME: its folders config, data and state. Folders are open to their owner alone (0700), files too (0600).";
    let settings = "A setting is a flag of a command, written in a file. `evt config set` keeps your comments. A profile is a table of its own:";
    let project = "The project's evt.toml lies in the current folder or above it, up to the root of the repository. It is meant to be committed, so it holds no secrets: a token is refused there, and a secret must be env:NAME.";
    topic(
        "files",
        "where evt keeps settings and data",
        vec![
            Part::new(
                "Files",
                vec![
                    text(where_),
                    items(&[
                        ("config/config.toml", "your settings"),
                        ("config/credentials.toml", "the tokens of evt profile login"),
                        (
                            "data/inbox.db",
                            "what evt listen and evt send received and sent, and its queue",
                        ),
                        ("data/dev/", "the platform that evt dev runs"),
                        ("state/dev.json", "where the running evt dev is to be found"),
                        (
                            "state/poll/",
                            "how far each evt poll has come: KEY.db, its lock, and KEY.last.json, what it was when it was last opened",
                        ),
                        (
                            "state/tails/",
                            "which names of evt tail --resume are in use",
                        ),
                        ("evt.toml", "the project's settings"),
                    ]),
                ],
            ),
            Part::new(
                "Settings",
                vec![
                    text(settings),
                    Block::Code(SETTINGS.map(str::to_owned).to_vec()),
                ],
            ),
            Part::new("Project", vec![text(project)]),
        ],
    )
}
