//! Every exit code has a test that ends a command with it.

use std::path::Path;

use evt::error::Exit;

/// Exit codes with tests that end a command with them. Several commands use most codes; one of each kind is listed.
const TESTS: [(Exit, &str); 20] = [
    (
        Exit::Done,
        "main_job::a_new_record_and_an_execution_by_hand_both_arrive_verified",
    ),
    (Exit::Failed, "cli::a_full_disk_under_stdout_is_an_error"),
    (Exit::Failed, "listen::a_taken_port_is_reported_with_a_hint"),
    (Exit::Usage, "cli::an_unknown_flag_is_suggested"),
    (
        Exit::NotFound,
        "help::an_unknown_page_is_not_found_and_the_nearest_suggested",
    ),
    (
        Exit::NotFound,
        "dev::command::a_missing_program_is_an_error",
    ),
    (Exit::NotAllowed, "profile::a_wrong_password_is_not_allowed"),
    (
        Exit::Unreachable,
        "dev::command::other_commands_find_the_platform_until_it_has_stopped",
    ),
    (
        Exit::Refused,
        "flows::a_duplicate_flow_name_is_refused_by_the_platform",
    ),
    (
        Exit::Undelivered,
        "send::tamper::a_tampered_request_with_a_server_error_is_exit_7",
    ),
    (
        Exit::Undelivered,
        "events::replay::a_replay_to_a_closed_port_exits_with_7_and_a_hint",
    ),
    (
        Exit::BadSignature,
        "events::verify::a_verdict_explains_a_changed_body",
    ),
    (
        Exit::BadSignature,
        "send::tamper::a_refused_tampered_request_is_exit_0_and_an_accepted_one_is_exit_8",
    ),
    (
        Exit::GoalNotMet,
        "main_job::a_delivery_signed_with_another_secret_is_rejected_and_not_counted",
    ),
    (
        Exit::Partly,
        "events::replay::a_replay_that_fails_for_some_events_exits_with_10",
    ),
    (Exit::Gap, "tail::a_gap_with_fail_on_gap_is_exit_11"),
    (
        Exit::Interrupted,
        "cli::a_signal_ends_a_command_that_waits_for_a_response",
    ),
    (
        Exit::Interrupted,
        "listen::an_interrupt_exits_with_130_before_the_goal_and_with_0_without_one",
    ),
    (
        Exit::Terminated,
        "cli::a_signal_ends_a_command_that_waits_for_a_response",
    ),
    (
        Exit::Child(42),
        "listen::the_command_gets_the_url_and_its_exit_code_is_returned",
    ),
];

#[test]
fn every_exit_code_has_a_test() {
    for exit in Exit::ALL {
        let has_test = TESTS.iter().any(|(code, _)| *code == exit);
        assert!(has_test, "{exit:?} needs a test in TESTS");
    }
}

#[test]
fn every_listed_test_expects_its_code() {
    for (exit, name) in TESTS {
        let (module, test) = name.rsplit_once("::").unwrap();
        let module = root().join("tests/it").join(module.replace("::", "/"));
        let file = Some(module.with_extension("rs"))
            .filter(|file| file.exists())
            .unwrap_or_else(|| module.join("mod.rs"));
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let body = text
            .split_once(&format!("#[test]\nfn {test}() {{\n"))
            .and_then(|(_, rest)| rest.split_once("\n}\n"))
            .map_or_else(|| panic!("there is no test {name}"), |(body, _)| body);
        let code = exit.code();
        assert!(
            [format!("expect_exit({code})"), format!("Some({code})")]
                .iter()
                .any(|expected| body.contains(expected)),
            "{name} does not expect {code}"
        );
    }
}

#[test]
fn the_readme_lists_every_code() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let table = readme
        .split_once("## Exit codes\n")
        .and_then(|(_, rest)| rest.split_once("\n## "))
        .map_or_else(|| panic!("README.md has no exit codes"), |(table, _)| table);
    let cells: Vec<&str> = table.split(['|', '\n']).map(str::trim).collect();
    for exit in Exit::ALL {
        let code = exit.code().to_string();
        let is_listed = cells
            .iter()
            .any(|cell| cell.split(", ").any(|word| word == code));
        assert!(is_listed, "README.md does not list {code}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
