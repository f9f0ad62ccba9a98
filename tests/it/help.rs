//! Help and the manual. Commands are found by reading the help itself.

use crate::support::Sandbox;
#[cfg(target_os = "linux")]
use crate::support::terminal::on_terminal;

const WIDTH: usize = 100;

#[test]
fn every_command_has_an_example_and_fits_a_hundred_columns() {
    let sandbox = Sandbox::new();
    let mut waiting = vec![Vec::new()];
    let mut seen = 0;
    while let Some(words) = waiting.pop() {
        let help = help(&sandbox, &words);
        let shown = words.join(" ");
        assert!(
            help.contains("\nExample"),
            "evt {shown} --help has no example"
        );
        for line in help.lines() {
            assert!(
                line.chars().count() <= WIDTH,
                "evt {shown} --help: {line:?} is too wide"
            );
        }
        for inner in subcommands(&help) {
            waiting.push([words.clone(), vec![inner]].concat());
        }
        seen += 1;
    }
    assert!(seen > 15, "only {seen} commands were found");
}

#[test]
fn help_starts_with_one_line_about_the_command() {
    let sandbox = Sandbox::new();
    for command in subcommands(&help(&sandbox, &[])) {
        let help = help(&sandbox, std::slice::from_ref(&command));
        let first = help.lines().next().unwrap_or_default();
        assert!(
            first.chars().next().is_some_and(char::is_uppercase),
            "{command}: {first:?}"
        );
        assert!(!first.ends_with('.'), "{command}: {first:?}");
    }
}

#[test]
fn help_and_manual_name_the_variables_of_flags_that_have_one() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(["man", "environment"]).expect_exit(0).stdout;
    for name in ["EVT_URL", "EVT_PROFILE", "EVT_PROFILE_LOGIN_EMAIL"] {
        assert!(page.contains(name), "{name} is missing");
    }
    for name in ["EVT_QUEUE_DISCARD_YES", "EVT_FLOWS_APPLY_PRUNE"] {
        assert!(!page.contains(name), "{name} is listed");
    }
    let login = help(&sandbox, &["profile".to_owned(), "login".to_owned()]);
    assert!(login.contains("[env: EVT_PROFILE_LOGIN_EMAIL]"), "{login}");
    let discard = help(&sandbox, &["queue".to_owned(), "discard".to_owned()]);
    assert!(!discard.contains("EVT_QUEUE_DISCARD"), "{discard}");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let page = Sandbox::new()
        .run(["man", "environment"])
        .expect_exit(0)
        .stdout;
    let names: Vec<&str> = page
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("EVT_") && *line != "EVT_HOME")
        .collect();
    assert!(names.len() > 100, "{names:?}");
    let plain = Sandbox::new();
    let all = names
        .iter()
        .fold(Sandbox::new(), |sandbox, name| sandbox.with(name, ""));
    for words in [
        &["events", "list"][..],
        &["poll", "state", "list"],
        &["send", "--list", "stripe"],
        &["config", "get", "output"],
        &["profile", "login", "--help"],
        &["listen", "--help"],
    ] {
        assert_eq!(all.run(words), plain.run(words), "{words:?}");
    }
}

#[test]
fn a_variable_replaces_its_flag_and_its_value_is_never_shown() {
    let sandbox = Sandbox::new().with("EVT_PROFILE_LOGIN_PASSWORD", "hunter2");
    let output = sandbox.run(["profile", "login", "--help"]).expect_exit(0);
    assert!(!output.stdout.contains("hunter2"), "{output}");
    let json = Sandbox::new()
        .with("EVT_JSON", "true")
        .run(["profile", "list"])
        .expect_exit(0);
    assert_eq!(json.json_lines().len(), 1);
}

#[test]
fn evt_alone_shows_help() {
    let output = Sandbox::new().run::<&str>([]).expect_exit(0);
    assert!(output.stdout.contains("Usage: evt"), "{output}");
    assert_eq!(output.stderr, "");
}

#[test]
fn the_version_reads_no_settings() {
    let sandbox = Sandbox::new();
    sandbox.write("evt.toml", "not valid toml [");
    let output = sandbox.run(["--version"]).expect_exit(0);
    assert_eq!(
        output.stdout,
        format!("evt {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_manual_is_text_unless_raw_output_is_requested() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(["man", "exit-codes"]).expect_exit(0);
    assert!(
        page.stdout.starts_with("NAME\n    evt-exit-codes - "),
        "{page}"
    );
    let roff = sandbox
        .run(["man", "exit-codes", "-o", "raw"])
        .expect_exit(0);
    assert!(roff.stdout.starts_with(".TH EVT-EXIT-CODES 7 "), "{roff}");
}

#[test]
fn an_unknown_page_is_not_found_and_the_nearest_suggested() {
    let output = Sandbox::new().run(["man", "exitcodes"]).expect_exit(3);
    assert!(
        output.stderr.contains("try  evt man exit-codes"),
        "{output}"
    );
}

#[test]
fn the_manual_of_config_lists_who_can_set_which_setting() {
    let page = Sandbox::new().run(["man", "config"]).expect_exit(0).stdout;
    for (key, sources) in [
        ("listen.port", "your file, project file, EVT_LISTEN_PORT"),
        ("poll.exec", "your file, EVT_POLL_EXEC"),
        ("token", "EVT_TOKEN"),
    ] {
        let mut lines = page.lines().map(str::trim).skip_while(|line| *line != key);
        let _ = lines.next();
        let text: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        assert!(text.join(" ").starts_with(sources), "{key}: {text:?}");
    }
    assert!(!page.contains("discard.yes"));
}

#[test]
fn every_exit_code_is_in_the_manual() {
    let page = Sandbox::new()
        .run(["man", "exit-codes"])
        .expect_exit(0)
        .stdout;
    let codes: Vec<&str> = page
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && line.chars().all(|character| character.is_ascii_digit()))
        .collect();
    assert_eq!(
        codes,
        [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "130", "143"
        ]
    );
}

fn help(sandbox: &Sandbox, words: &[String]) -> String {
    let args = words.iter().map(String::as_str).chain(["--help"]);
    let output = sandbox.run(args).expect_exit(0);
    assert_eq!(output.stderr, "", "evt {} --help", words.join(" "));
    output.stdout
}

/// The names under `Commands:` of a help page.
fn subcommands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn a_mistyped_subcommand_gets_a_suggestion() {
    let output = Sandbox::new().run(["dev", "statsu"]).expect_exit(2);
    assert!(output.stderr.contains("try  evt dev status"), "{output}");
}

#[test]
fn a_subcommand_is_on_the_page_of_its_command() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run(["man", "flows"]).expect_exit(0).stdout;
    for words in [&["man", "flows", "create"][..], &["man", "flows create"]] {
        assert_eq!(sandbox.run(words).expect_exit(0).stdout, whole);
    }
    let _ = sandbox.run(["man", "nonsense"]).expect_exit(3);
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_is_shown_in_the_pager_on_a_terminal_only() {
    let paged = Sandbox::new().with("PAGER", "sed 's/^NAME/PAGED/'");
    let shown = on_terminal(paged.command(["man", "exit-codes"]), 80);
    assert!(shown.starts_with("PAGED\n"), "{shown}");
    let piped = paged.run(["man", "exit-codes"]).expect_exit(0);
    assert!(piped.stdout.starts_with("NAME\n"), "{piped}");
    let without = paged.with("EVT_PAGER", "cat");
    let shown = on_terminal(without.command(["man", "exit-codes"]), 80);
    assert!(shown.starts_with("NAME\n"), "{shown}");
}
