//! Claims that do not fit the table: memory, refusals, two pollers, the first request, broken outputs.

use std::collections::HashSet;
use std::fs::File;
use std::process::Stdio;

use serde_json::Value;

use super::data::{Churn, Data};
use super::deployment::Deployment;
use super::driver::{Scenario, To, arguments, seed_of};
use super::faults::{Fault, Plan, RetryAfter};
use super::oracle::Expectation;
use super::process::{Process, Run};
use super::query::{Paging, Quirks, Sort};
use super::response::Style;
use super::server::HostileServer;
use super::tie::{self, LargeTie};
use crate::support::Sandbox;

/// Nothing changes, and the server does what is requested.
const CALM: Scenario = Scenario {
    churn: Churn::NONE,
    to: To::Pipe,
    ..Scenario::PLAIN
};

fn poll(sandbox: &Sandbox, server: &HostileServer<Deployment>, flags: &[&str]) -> Process {
    let mut args = arguments(&server.url(), 50);
    args.extend(flags.iter().map(|flag| (*flag).to_owned()));
    Process::start(&mut sandbox.command(args))
}

/// Verifies the lines of several runs.
fn assert_complete(server: &HostileServer<Deployment>, runs: &[&Run]) {
    let lines: Vec<String> = runs
        .iter()
        .flat_map(|run| {
            std::str::from_utf8(&run.stdout)
                .expect("records are text")
                .lines()
        })
        .map(str::to_owned)
        .collect();
    let verdict = server
        .paused()
        .collection
        .verify(&Expectation::ALL_DATED, &lines);
    assert!(verdict.is_clean(), "{verdict}");
}

/// The error object of `-o json`.
fn error_of(run: &Run) -> Value {
    let mut objects = run
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let error = objects.find_map(|mut object| object.get_mut("error").map(Value::take));
    error.unwrap_or_else(|| panic!("no error in {}", run.stderr))
}

#[test]
#[cfg(target_os = "linux")]
fn a_tie_of_140_000_records_is_read_within_40_megabytes() {
    const RECORDS: usize = 140_000;
    const MEGABYTES: usize = if cfg!(debug_assertions) { 25 } else { 40 };
    let server = HostileServer::start(LargeTie::new(RECORDS, Quirks::NONE), Style::PLAIN, &[], 1);
    let sandbox = Sandbox::new();
    let out = sandbox.work().join("out.jsonl");
    let mut args = arguments(&server.url(), 1000);
    args.extend(["--out".to_owned(), out.to_string_lossy().into_owned()]);
    let mut process = Process::start(&mut sandbox.command(args));
    let mut peak = 0;
    process.watch(|process| {
        match memory(process.id()) {
            Some(kilobytes) => peak = peak.max(kilobytes),
            // The process has ended.
            None if peak > 0 => return Some(()),
            None => {}
        }
        None
    });
    let run = process.finish();
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    let printed = std::fs::read_to_string(out).expect("the file was written");
    let distinct: HashSet<&str> = printed.lines().collect();
    let (lines, distinct_lines) = (printed.lines().count(), distinct.len());
    assert_eq!(
        (lines, distinct_lines),
        (RECORDS, RECORDS),
        "every record exactly once"
    );
    assert!((0..RECORDS).all(|record| distinct.contains(tie::line(record).as_str())));
    assert!(peak < MEGABYTES * 1024, "peak memory was {peak} kB");
}

/// A process's memory in kilobytes; `None` once it has ended.
///
/// For an optimised binary, the peak of its resident memory. An unoptimised one has 30 MB of code, so only the allocated memory
/// counts.
#[cfg(target_os = "linux")]
fn memory(id: u32) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let kilobytes = |name: &str| -> Option<usize> {
        let value = status.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix(" kB")?.parse().ok()
    };
    if cfg!(debug_assertions) {
        Some(kilobytes("RssAnon:")? + kilobytes("RssShmem:")?)
    } else {
        kilobytes("VmHWM:")
    }
}

#[test]
fn a_server_that_ignores_every_request_is_refused_with_a_reason() {
    let quirks = Quirks {
        sort: Sort::Ignored,
        filter_ignored: true,
        paging: Paging::Ignored,
        ..Quirks::NONE
    };
    let server = Scenario { quirks, ..CALM }.serve(seed_of("all ignored"));
    let run = poll(&Sandbox::new(), &server, &[]).finish();
    assert_eq!(run.exit, Some(11), "{}", run.stderr);
    let error = error_of(&run);
    let message = error["message"].as_str().unwrap_or_default();
    assert!(
        message.split(' ').count() > 4,
        "no sentence with the reason: {error}"
    );
    assert!(
        server.requests().len() < 100,
        "{} requests",
        server.requests().len()
    );
    let printed = String::from_utf8(run.stdout).expect("records are text");
    let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    let verdict = server
        .paused()
        .collection
        .verify(&Expectation::ALL_DATED, &lines);
    let wrong = [
        verdict.phantom.len(),
        verdict.torn.len(),
        verdict.repeated.len(),
    ];
    assert_eq!(wrong, [0; 3], "{verdict}");
}

#[test]
fn a_second_poller_of_a_state_is_refused_with_the_process_id() {
    let server = CALM.serve(seed_of("two pollers"));
    let sandbox = Sandbox::new();
    server.hold();
    let first = poll(&sandbox, &server, &[]);
    server.wait_for_requests(1, || false);
    let second = poll(&sandbox, &server, &[]).finish();
    assert_eq!(second.exit, Some(1), "{}", second.stderr);
    let error = error_of(&second);
    assert_eq!(error["code"], "state_locked", "{error}");
    assert!(
        error.to_string().contains(&first.id().to_string()),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1, "the second sent a request");
    server.release();
    let first = first.finish();
    assert_eq!(first.exit, Some(0), "{}", first.stderr);
    assert_complete(&server, &[&first]);
}

/// Kills the poller during a wait, restarts it, and expects that it continues to wait.
fn retry_after_outlives_a_kill(retry_after: RetryAfter) {
    let server = CALM.serve_with(
        &[Plan::at(4, Fault::TooMany(retry_after))],
        seed_of("retry-after"),
    );
    let sandbox = Sandbox::new();
    let mut first = poll(&sandbox, &server, &[]);
    first.watch(|process| process.stderr().contains("\"throttled\"").then_some(()));
    let first = first.kill_now();
    assert!(
        server.paused().is_throttling(),
        "the wait ended before the kill"
    );
    let second = poll(&sandbox, &server, &[]).finish();
    assert_eq!(second.exit, Some(0), "{}", second.stderr);
    assert_eq!(server.paused().early_requests, 0, "a request was too early");
    assert_complete(&server, &[&first, &second]);
}

#[test]
fn retry_after_in_seconds_outlives_a_kill() {
    retry_after_outlives_a_kill(RetryAfter::Seconds(3));
}

#[test]
fn retry_after_as_a_date_outlives_a_kill() {
    retry_after_outlives_a_kill(RetryAfter::Date(4));
}

#[test]
fn a_wait_longer_than_max_wait_exits_with_6() {
    let faults = [Plan::at(3, Fault::TooMany(RetryAfter::Seconds(3600)))];
    let server = CALM.serve_with(&faults, seed_of("long wait"));
    let run = poll(&Sandbox::new(), &server, &["--max-wait", "10s"]).finish();
    assert_eq!(run.exit, Some(6), "{}", run.stderr);
    assert_eq!(server.paused().early_requests, 0);
}

#[test]
fn the_first_request_in_descending_order_is_the_documented_one() {
    let server = CALM.serve(seed_of("first words"));
    let mut args = arguments(&server.url(), 100);
    args.extend(["--strategy", "desc", "--since", "2026-04-25"].map(str::to_owned));
    let run = Process::start(&mut Sandbox::new().command(args)).finish();
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    let first = String::from_utf8(server.requests()[0].clone()).expect("a request is text");
    assert_eq!(
        first,
        r#"{"query":{"modifydate":{"$gte":"2026-04-25T00:00:00Z"}},"options":{"sort":{"modifydate":-1},"pageSize":100}}"#
    );
}

#[test]
fn a_wrong_token_exits_with_4() {
    let server = CALM.serve(seed_of("stranger"));
    let mut args = arguments(&server.url(), 50);
    let token = args
        .iter()
        .position(|arg| arg == "--token")
        .expect("a token is given");
    args[token + 1] = "another".to_owned();
    let run = Process::start(&mut Sandbox::new().command(args)).finish();
    assert_eq!(run.exit, Some(4), "{}", run.stderr);
}

#[test]
fn a_closed_pipe_loses_no_record() {
    let server = CALM.serve(seed_of("epipe"));
    let sandbox = Sandbox::new();
    let (read, write) = std::io::pipe().expect("a pipe");
    drop(read);
    let mut command = sandbox.command(arguments(&server.url(), 50));
    let first = Process::start(command.stdout(write)).finish();
    assert_eq!(first.exit, Some(0), "{}", first.stderr);
    let second = poll(&sandbox, &server, &[]).finish();
    assert_eq!(second.exit, Some(0), "{}", second.stderr);
    assert_complete(&server, &[&second]);
}

#[test]
fn a_reader_that_closes_early_loses_at_most_what_it_was_sent() {
    let data = Data {
        records: 3000,
        ..Data::PLAIN
    };
    let server = Scenario { data, ..CALM }.serve(seed_of("head -1"));
    let sandbox = Sandbox::new();
    let (read, write) = std::io::pipe().expect("a pipe");
    let mut command = sandbox.command(arguments(&server.url(), 50));
    let process = Process::start(command.stdout(write));
    drop(command);
    // Like `head -1`. A pipe buffers 64 kB, and a writer cannot know whether they are read.
    let mut given = vec![0; 64 * 1024];
    let mut read = read;
    std::io::Read::read_exact(&mut read, &mut given).expect("the output is larger");
    let first_run = process;
    drop(read);
    let first = first_run.finish();
    assert_eq!(first.exit, Some(0), "{}", first.stderr);
    let second = poll(&sandbox, &server, &[]).finish();
    assert_eq!(second.exit, Some(0), "{}", second.stderr);
    let again = String::from_utf8(second.stdout)
        .expect("records are text")
        .lines()
        .count();
    let given = given.iter().filter(|byte| **byte == b'\n').count();
    let unread = 64 * 1024 / 250;
    assert!(
        again + given + unread >= 3000,
        "{given} were read and {again} were printed again"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_and_loses_no_record() {
    let server = CALM.serve(seed_of("enospc"));
    let sandbox = Sandbox::new();
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let mut command = sandbox.command(arguments(&server.url(), 50));
    let first = Process::start(command.stdout(Stdio::from(full))).finish();
    assert!(first.exit.is_some_and(|exit| exit != 0), "{first:?}");
    let second = poll(&sandbox, &server, &[]).finish();
    assert_eq!(second.exit, Some(0), "{}", second.stderr);
    assert_complete(&server, &[&second]);
}
