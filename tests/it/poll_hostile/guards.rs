//! A refusal or a warning that protects data is repeated by the next call, as long as the facts are the same.

use super::data::{Churn, Data};
use super::dates::HOUR;
use super::deployment::Deployment;
use super::driver::{Scenario, arguments, seed_of};
use super::faults::{Fault, Plan, RetryAfter};
use super::process::{Process, Run};
use super::server::HostileServer;
use crate::poll::{keys, poll, row};
use crate::support::{Sandbox, Table};

const CALM: Scenario = Scenario {
    churn: Churn::NONE,
    ..Scenario::PLAIN
};

fn call(sandbox: &Sandbox, server: &HostileServer<Deployment>, flags: &[&str]) -> Run {
    let mut args = arguments(&server.url(), 50);
    args.extend(flags.iter().map(|flag| (*flag).to_owned()));
    Process::start(&mut sandbox.command(args)).finish()
}

/// Calls three times, and expects this exit code and text each time.
fn refused(
    sandbox: &Sandbox,
    server: &HostileServer<Deployment>,
    flags: &[&str],
    says: (i32, &str),
) {
    for _ in 0..3 {
        let run = call(sandbox, server, flags);
        assert_eq!(run.exit, Some(says.0), "{}", run.stderr);
        assert!(run.stderr.contains(says.1), "{}", run.stderr);
    }
}

/// A server whose clock goes back after its records, which are an hour old, have been read and changed.
fn with_clock_set_back(name: &str) -> (HostileServer<Deployment>, Sandbox) {
    let server = Scenario::PLAIN.serve(seed_of(name));
    let sandbox = Sandbox::new();
    let first = call(&sandbox, &server, &[]);
    assert_eq!(first.exit, Some(0), "{}", first.stderr);
    server.paused().collection.model.step_clock(-HOUR);
    server.paused().collection.model.continue_changing();
    (server, sandbox)
}

#[test]
fn with_fail_on_gap_a_clock_that_went_back_is_refused_each_time() {
    let (server, sandbox) = with_clock_set_back("refused clock");
    refused(
        &sandbox,
        &server,
        &["--fail-on-gap"],
        (11, "clock_went_back"),
    );
    let run = call(&sandbox, &server, &[]);
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("clock went back"), "{}", run.stderr);
}

#[test]
fn a_clock_that_went_back_is_reported_and_then_followed() {
    let (server, sandbox) = with_clock_set_back("followed clock");
    let run = call(&sandbox, &server, &[]);
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("clock went back"), "{}", run.stderr);
    let again = call(&sandbox, &server, &["--fail-on-gap"]);
    assert_eq!(again.exit, Some(0), "{}", again.stderr);
}

#[test]
fn undated_fail_refuses_in_every_call() {
    let data = Data {
        undated: 12,
        ..Data::PLAIN
    };
    let server = Scenario { data, ..CALM }.serve(seed_of("undated fail"));
    let flags = ["--undated", "fail"];
    refused(&Sandbox::new(), &server, &flags, (11, "undated"));
}

#[test]
fn records_without_a_date_are_reported_in_every_call() {
    let data = Data {
        undated: 12,
        ..Data::PLAIN
    };
    let server = Scenario { data, ..CALM }.serve(seed_of("undated warn"));
    refused(&Sandbox::new(), &server, &[], (0, "are left out"));
}

#[test]
fn an_endless_wait_is_limited_to_a_day_and_refused_each_time() {
    for text in [
        "999999999999",
        "99999999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let faults = [Plan::at(3, Fault::TooMany(RetryAfter::Text(text)))];
        let server = CALM.serve_with(&faults, seed_of("endless wait"));
        let sandbox = Sandbox::new();
        refused(&sandbox, &server, &[], (6, "wait_too_long"));
        assert_eq!(server.requests().len(), 3, "{text}");
    }
}

#[test]
fn dates_of_all_years_are_read_once() {
    let years = [
        "0001-01-01",
        "0001-12-31",
        "1969-12-31",
        "2262-04-12",
        "9999-12-31",
    ];
    let rows: Vec<String> = years
        .iter()
        .map(|day| row(day, "00:00:00.000", "").replace("2026-04-25", day))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    for strategy in ["auto", "desc", "pages"] {
        let sandbox = Table::start(&rows);
        let (table, sandbox) = (&sandbox, sandbox.sandbox());
        let flags = ["--strategy", strategy, "--page-size", "2"];
        let mut printed = keys(&poll(&sandbox, &flags).expect_exit(0));
        printed.sort();
        assert_eq!(printed, years, "{strategy}");
        table.put(&row("new", "10:00:00.000", "").replace("2026-04-25", "9999-12-31"));
        let flags = ["--page-size", "2"];
        assert_eq!(
            keys(&poll(&sandbox, &flags).expect_exit(0)),
            ["new"],
            "{strategy}"
        );
    }
}

#[test]
fn a_key_of_a_megabyte_is_read_once() {
    let long = "k".repeat(1024 * 1024);
    let table = Table::start(&[
        &row(&long, "10:00:00.000", ""),
        &row("short", "10:00:00.000", ""),
    ]);
    let sandbox = table.sandbox();
    assert_eq!(keys(&poll(&sandbox, &[]).expect_exit(0)).len(), 2);
    assert_eq!(keys(&poll(&sandbox, &[]).expect_exit(0)), [""; 0]);
}
