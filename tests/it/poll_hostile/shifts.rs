//! Records that appear or disappear right before a chosen request, so that a response is compared with an outdated one.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

use super::dates::{Micros, SECOND, Shape};
use super::deployment::Collection;
use super::driver::arguments;
use super::process::{Process, Run};
use super::query::{Ask, Found, Paging, Quirks, Sort};
use super::record::{Content, Row};
use super::response::Style;
use super::server::HostileServer;
use crate::support::Sandbox;

/// 2026-04-25T10:00:00.120Z
const START: Micros = 1_777_111_200_120_000;
const PAGE_SIZE: usize = 50;
/// Three pages of records before the first insertion.
const RECORDS: usize = 3 * PAGE_SIZE;
const DESCENDING: Quirks = Quirks {
    sort: Sort::AlwaysDescending,
    ..Quirks::NONE
};

/// A collection that changes before chosen requests.
struct Shifting {
    quirks: Quirks,
    rows: Vec<Row>,
    /// The bodies of all requests so far.
    requests: Vec<Value>,
    /// What still happens, in this order.
    steps: VecDeque<Step>,
}

struct Step {
    /// Whether it happens before the last of these requests.
    is_due: fn(&[Value]) -> bool,
    edit: Edit,
}

enum Edit {
    /// Records with these dates.
    Insert(Vec<Micros>),
    DeleteNewest,
}

impl Shifting {
    fn new(quirks: Quirks, dates: impl IntoIterator<Item = Micros>) -> Self {
        let mut collection = Self {
            quirks,
            rows: Vec::new(),
            requests: Vec::new(),
            steps: VecDeque::new(),
        };
        collection.edit(&Edit::Insert(dates.into_iter().collect()));
        collection
    }

    fn inserting(
        self,
        dates: impl IntoIterator<Item = Micros>,
        is_due: fn(&[Value]) -> bool,
    ) -> Self {
        self.changing(Edit::Insert(dates.into_iter().collect()), is_due)
    }

    fn changing(mut self, edit: Edit, is_due: fn(&[Value]) -> bool) -> Self {
        self.steps.push_back(Step { is_due, edit });
        self
    }

    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Insert(dates) => dates.iter().for_each(|at| self.insert(*at)),
            Edit::DeleteNewest => {
                self.rows.pop();
            }
        }
    }

    fn insert(&mut self, at: Micros) {
        let record = self.rows.len();
        let value = json!({"sk": key(record), "modifydate": Shape::Millis.write(at)});
        self.rows.push(Row {
            record,
            commit: 1,
            content: Arc::new(Content {
                text: value.to_string(),
                value,
                at: Some(at),
            }),
        });
    }

    /// Polls it with these flags. Exit 0 is expected.
    fn poll(self, flags: &[&str]) -> Run {
        let server = HostileServer::start(self, Style::PLAIN, &[], 1);
        let mut args = arguments(&server.url(), PAGE_SIZE);
        args.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let run = Process::start(&mut Sandbox::new().command(args)).finish();
        assert_eq!(run.exit, Some(0), "{}", run.stderr);
        let left = server.paused().collection.steps.len();
        assert_eq!(left, 0, "changes that did not happen");
        run
    }
}

impl Collection for Shifting {
    fn now(&self) -> Micros {
        START + 3600 * SECOND
    }

    fn find(&mut self, body: &Value, _ago: u64) -> Result<Found, String> {
        self.requests.push(body.clone());
        if let Some(step) = self
            .steps
            .pop_front_if(|step| (step.is_due)(&self.requests))
        {
            self.edit(&step.edit);
        }
        let ask = Ask::parse(body, &self.quirks)?;
        let mut rng = fastrand::Rng::with_seed(1);
        Ok(ask.answer(&self.quirks, self.rows.clone(), &mut rng))
    }
}

fn key(record: usize) -> String {
    format!("c{record:04}")
}

/// The dates of the first records: one each second.
fn first_dates() -> impl Iterator<Item = Micros> {
    (0i64..).take(RECORDS).map(|n| START + n * SECOND)
}

/// A page of dates after the start of the scan.
fn newest_dates() -> impl Iterator<Item = Micros> {
    let first = START + 2 * 3600 * SECOND;
    (0i64..).take(PAGE_SIZE).map(move |n| first + n * SECOND)
}

/// The page number of the request at this position from the end.
fn page_of(requests: &[Value], from_end: usize) -> Option<u64> {
    requests.iter().rev().nth(from_end)?["options"]["page"].as_u64()
}

/// Whether the last request is for a page between two dates, and not a probe.
fn has_upper_bound(requests: &[Value]) -> bool {
    requests.last().is_some_and(|request| {
        let bounds = &request["query"]["modifydate"];
        let size = request["options"]["pageSize"].as_u64();
        bounds.get("$lt").is_some() && size >= Some(PAGE_SIZE as u64)
    })
}

/// Asserts that each of the first records is printed once.
fn assert_first_records(run: &Run, records: usize) {
    let printed = String::from_utf8(run.stdout.clone()).expect("records are text");
    let times = |record: usize| {
        let key = format!("\"{}\"", key(record));
        printed.lines().filter(|line| line.contains(&key)).count()
    };
    let wrong: Vec<(usize, usize)> = (0..records)
        .map(|record| (record, times(record)))
        .filter(|(_, times)| *times != 1)
        .collect();
    assert_eq!(wrong, [], "records that are not printed exactly once");
}

#[test]
fn a_second_page_that_is_what_the_first_was_is_another_page() {
    let run = Shifting::new(DESCENDING, first_dates())
        .inserting(newest_dates(), |requests| page_of(requests, 0) == Some(2))
        .poll(&["--strategy", "pages"]);
    assert_first_records(&run, RECORDS + PAGE_SIZE);
}

#[test]
fn a_page_1_that_is_what_page_0_was_is_not_skipped() {
    let quirks = Quirks {
        paging: Paging::FromZero,
        ..DESCENDING
    };
    let run = Shifting::new(quirks, first_dates())
        .inserting(newest_dates(), |requests| page_of(requests, 0) == Some(1))
        .poll(&["--strategy", "pages"]);
    assert_first_records(&run, RECORDS + PAGE_SIZE);
}

#[test]
fn a_page_that_is_what_the_last_one_was_does_not_end_a_pass() {
    let is_third =
        |requests: &[Value]| (page_of(requests, 1), page_of(requests, 0)) == (Some(2), Some(3));
    let run = Shifting::new(DESCENDING, first_dates())
        .inserting(newest_dates(), is_third)
        .inserting(newest_dates(), is_third)
        .poll(&["--strategy", "pages"]);
    assert_first_records(&run, RECORDS);
}

#[test]
fn a_record_that_appears_between_descending_records_does_not_mean_that_they_are_unsorted() {
    let between = START + (RECORDS as i64 - 3) * SECOND + SECOND / 2;
    let run = Shifting::new(DESCENDING, first_dates())
        .inserting([between], has_upper_bound)
        .poll(&[]);
    assert!(
        run.stderr.contains("from the newest to the oldest"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("page by page"), "{}", run.stderr);
    assert_first_records(&run, RECORDS + 1);
}

#[test]
fn a_record_that_appears_before_an_instant_does_not_mean_that_the_order_is_reversed() {
    let instant = std::iter::repeat_n(START, PAGE_SIZE);
    let later = first_dates().map(|at| at + SECOND);
    let run = Shifting::new(Quirks::NONE, instant.chain(later))
        .inserting([START - SECOND], has_upper_bound)
        .poll(&[]);
    assert!(!run.stderr.contains("in another way"), "{}", run.stderr);
    assert_first_records(&run, PAGE_SIZE + RECORDS);
}

#[test]
fn a_deletion_of_the_last_record_does_not_mean_that_the_server_does_not_sort() {
    let run = Shifting::new(Quirks::NONE, first_dates().take(PAGE_SIZE / 2))
        .changing(Edit::DeleteNewest, |requests| {
            requests.last().is_some_and(|request| {
                let options = &request["options"];
                options["sort"]["modifydate"] == -1 && options["pageSize"] == PAGE_SIZE
            })
        })
        .poll(&[]);
    assert!(!run.stderr.contains("in another way"), "{}", run.stderr);
    assert_first_records(&run, PAGE_SIZE / 2 - 1);
}

#[test]
fn a_record_that_appears_within_a_tie_does_not_mean_that_keys_are_unsorted() {
    let is_of_usual_size = |requests: &[Value]| {
        let last = requests.last();
        last.is_some_and(|request| request["options"]["pageSize"] == PAGE_SIZE)
    };
    let quirks = Quirks {
        paging: Paging::Ignored,
        cap: PAGE_SIZE,
        ..Quirks::NONE
    };
    // While there is a single record, its key shows no order, so the order of keys is verified later.
    let run = Shifting::new(quirks, [START])
        .inserting(std::iter::repeat_n(START, RECORDS), is_of_usual_size)
        .inserting([START], |requests| {
            let last = requests.last();
            let descends = last.is_some_and(|request| request["options"]["sort"]["sk"] == -1);
            descends && has_upper_bound(requests)
        })
        .poll(&[]);
    assert_first_records(&run, RECORDS + 2);
}
