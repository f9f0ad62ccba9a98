//! A record that is missing is not a deleted record. `--deletes sweep` prints a deletion only with evidence.

use serde_json::Value;

use super::data::{Churn, Data};
use super::deployment::Deployment;
use super::driver::{Scenario, arguments, seed_of};
use super::faults::{Fault, Plan};
use super::process::{Process, Run};
use super::query::Quirks;
use super::server::HostileServer;
use crate::support::Sandbox;

const CALM: Scenario = Scenario {
    churn: Churn::NONE,
    data: Data {
        records: 120,
        ..Data::PLAIN
    },
    ..Scenario::PLAIN
};

/// A poller of a server, with all its records known.
struct Sweeper {
    server: HostileServer<Deployment>,
    sandbox: Sandbox,
}

impl Sweeper {
    fn new(name: &str, quirks: Quirks) -> Self {
        let sweeper = Self {
            server: Scenario { quirks, ..CALM }.serve(seed_of(name)),
            sandbox: Sandbox::new(),
        };
        let first = sweeper.sweep(&[]);
        assert_eq!(first.exit, Some(0), "{}", first.stderr);
        sweeper
    }

    fn sweep(&self, flags: &[&str]) -> Run {
        let mut args = arguments(&self.server.url(), 50);
        args.extend(
            ["--deletes", "sweep"]
                .iter()
                .chain(flags)
                .map(|flag| (*flag).to_owned()),
        );
        Process::start(&mut self.sandbox.command(args)).finish()
    }

    fn fail(&self, faults: &[Plan]) {
        self.server.paused().plan(faults);
    }

    /// Sweeps several times, and expects this exit code each time and no line.
    fn refused(&self, exit: i32, code: &str) {
        for _ in 0..3 {
            let run = self.sweep(&[]);
            assert_eq!(run.exit, Some(exit), "{}", run.stderr);
            assert!(run.stderr.contains(code), "{}", run.stderr);
            assert_eq!(String::from_utf8_lossy(&run.stdout), "");
        }
    }

    /// Expects that nothing is printed once the server is well again.
    fn recovers(&self) {
        self.fail(&[]);
        for _ in 0..2 {
            let run = self.sweep(&[]);
            assert_eq!(run.exit, Some(0), "{}", run.stderr);
            assert_eq!(String::from_utf8_lossy(&run.stdout), "");
        }
    }
}

/// The keys of the deletions that a run prints.
fn deleted(run: &Run) -> Vec<String> {
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    let text = String::from_utf8_lossy(&run.stdout);
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|line| {
            assert_eq!(line["op"], "delete");
            line["key"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn errors_beside_an_empty_list_delete_nothing() {
    let sweeper = Sweeper::new("errors delete nothing", Quirks::NONE);
    let error = r#""statusCode":503,"message":"Service Unavailable""#;
    sweeper.fail(&[Plan::every(1, Fault::None(error))]);
    let run = sweeper.sweep(&[]);
    assert_eq!(run.exit, Some(6), "{}", run.stderr);
    assert!(run.stderr.contains("Service Unavailable"), "{}", run.stderr);
    assert_eq!(String::from_utf8_lossy(&run.stdout), "");
    sweeper.recovers();
}

#[test]
fn an_empty_collection_is_refused_each_time_until_it_is_confirmed() {
    let sweeper = Sweeper::new("empty is refused", Quirks::NONE);
    sweeper.fail(&[Plan::every(1, Fault::Empty)]);
    sweeper.refused(11, "mass_deletion");
    sweeper.recovers();
}

#[test]
fn most_records_are_deleted_only_if_the_user_confirms_it() {
    let sweeper = Sweeper::new("most are deleted", Quirks::NONE);
    sweeper.server.paused().collection.model.delete(100);
    sweeper.refused(11, "--allow-mass-deletion");
    let confirmed = sweeper.sweep(&["--allow-mass-deletion"]);
    assert_eq!(deleted(&confirmed).len(), 100);
    sweeper.recovers();
}

#[test]
fn a_few_deletions_need_no_confirmation() {
    let sweeper = Sweeper::new("few are deleted", Quirks::NONE);
    sweeper.server.paused().collection.model.delete(3);
    let printed = [sweeper.sweep(&[]), sweeper.sweep(&[])].map(|run| deleted(&run));
    let mut printed = printed.concat();
    printed.sort();
    assert_eq!(printed, ["c000000", "c000001", "c000002"]);
    sweeper.recovers();
}

#[test]
fn no_deletion_is_printed_if_the_server_finds_no_record_by_key() {
    let quirks = Quirks {
        keys_not_found: true,
        ..Quirks::NONE
    };
    let sweeper = Sweeper::new("no lookup", quirks);
    sweeper.server.paused().collection.model.delete(3);
    let first = sweeper.sweep(&[]);
    assert_eq!(deleted(&first), [""; 0]);
    sweeper.refused(11, "cannot be requested by key");
}

#[test]
fn records_that_a_part_of_the_server_does_not_return_are_not_deleted() {
    let sweeper = Sweeper::new("half is missing", Quirks::NONE);
    let shards = r#""_shards":{"total":2,"successful":1,"failed":1}"#;
    sweeper.fail(&[Plan::every(2, Fault::Half(shards))]);
    for _ in 0..3 {
        assert_eq!(deleted(&sweeper.sweep(&[])), [""; 0]);
    }
    sweeper.recovers();
}
