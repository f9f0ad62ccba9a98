//! Runs a scenario: starts the binary against a hostile server, kills it at random moments, restarts it with the same arguments,
//! lets it finish after the last change, and asks the oracle.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

use super::data::{Churn, Data};
use super::dates::Micros;
use super::deployment::Deployment;
use super::faults::Plan;
use super::model::Model;
use super::oracle::{Expectation, Verdict};
use super::process::{Process, Run};
use super::query::Quirks;
use super::record::Content;
use super::response::Style;
use super::server::{HostileServer, ORGANISATION, TOKEN};
use crate::support::Sandbox;

/// A server, and how it is polled.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) data: Data,
    pub(crate) churn: Churn,
    pub(crate) quirks: Quirks,
    pub(crate) style: Style,
    pub(crate) faults: &'static [Plan],
    /// How far the server's clock is ahead of the local one.
    pub(crate) clock_offset: Micros,
    /// Steps of the server's clock: before which request, and by how much. Records may be printed again after a step back.
    pub(crate) clock_steps: &'static [(usize, Micros)],
    /// How many responses after each start are the last one of the process before, as from a cache.
    pub(crate) replays: usize,
    /// In addition to those of every run.
    pub(crate) flags: &'static [&'static str],
    pub(crate) page_size: usize,
    pub(crate) lookback: &'static str,
    /// `--since`, as the time before the server's now.
    pub(crate) since: Option<Micros>,
    pub(crate) to: To,
    pub(crate) form: Form,
    /// The number of `kill -9`, and within how many requests each happens.
    pub(crate) kills: usize,
    pub(crate) kill_within: usize,
    pub(crate) runs: Runs,
    pub(crate) ends: Ends,
    /// Which versions the poller must print.
    pub(crate) selects: fn(&Content, Option<Micros>) -> bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// `--out`: every record exactly once.
    File,
    /// stdout: each kill may repeat one page.
    Pipe,
}

/// The format of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each line is a record.
    Records,
    /// `--envelope`
    Envelope,
    /// `--format singer`
    Singer,
}

/// How many runs the poller needs for everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// One after the last change. A second one must print nothing.
    One,
    /// Repeats the command (with `--max`) until a run prints nothing.
    UntilQuiet,
    /// Runs the command once, with `--follow`, until it has printed everything.
    Follow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Exit 0, and the oracle finds nothing wrong.
    Complete,
    /// Exit 11 with a sentence, after a limited number of requests, and no wrong line.
    Refused,
}

/// Maximum number of requests before a poller refuses a server.
const REQUESTS_TO_REFUSE: usize = 100;
/// How often a server is polled that is refused.
const REFUSALS: usize = 3;
/// Maximum number of runs, some of which end before they are killed.
const MAX_RUNS: usize = 12;

impl Scenario {
    pub(crate) const PLAIN: Self = Self {
        data: Data::PLAIN,
        churn: Churn::MILD,
        quirks: Quirks::NONE,
        style: Style::PLAIN,
        faults: &[],
        clock_offset: 0,
        clock_steps: &[],
        replays: 0,
        flags: &[],
        page_size: 50,
        lookback: "1s",
        since: None,
        to: To::File,
        form: Form::Records,
        kills: 1,
        kill_within: 15,
        runs: Runs::One,
        ends: Ends::Complete,
        selects: Expectation::ALL_DATED.selects,
    };

    /// Runs the scenario.
    ///
    /// # Panics
    /// If the poller breaks a promise.
    pub(crate) fn run(&self, name: &str) {
        let seed = seed_of(name);
        let began = Instant::now();
        let mut run = ScenarioRun::prepare(*self, name, seed);
        run.kill_and_restart();
        run.run_during_changes();
        run.stop_changing();
        match (self.ends, self.runs) {
            (Ends::Refused, _) => run.expect_refusals(),
            (Ends::Complete, Runs::One) => run.run_once(),
            (Ends::Complete, Runs::UntilQuiet) => run.run_until_quiet(),
            (Ends::Complete, Runs::Follow) => run.follow(),
        }
        let requests = run.server.requests().len();
        let (kills, lines) = (run.killed, run.lines().len());
        eprintln!(
            "{name}: {lines} lines, {requests} requests, {kills} kills, {:?}",
            began.elapsed()
        );
    }

    /// Starts the server with the scenario's data.
    pub(crate) fn serve(&self, seed: u64) -> HostileServer<Deployment> {
        self.serve_with(self.faults, seed)
    }

    /// Starts the server with other faults.
    pub(crate) fn serve_with(&self, faults: &[Plan], seed: u64) -> HostileServer<Deployment> {
        let shape = self.quirks.shape;
        let model = Model::new(self.data, self.churn, shape, self.clock_offset, seed);
        let deployment = Deployment::new(model, self.quirks, seed).stepping(self.clock_steps);
        HostileServer::start(deployment, self.style, faults, seed)
    }
}

/// The seed of a test, the same in each run; `EVT_HOSTILE_SEED` changes it.
pub(crate) fn seed_of(name: &str) -> u64 {
    let more = std::env::var("EVT_HOSTILE_SEED").unwrap_or_default();
    let bytes = name.bytes().chain(more.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A running scenario.
struct ScenarioRun<'a> {
    scenario: Scenario,
    name: &'a str,
    seed: u64,
    rng: fastrand::Rng,
    sandbox: Sandbox,
    server: HostileServer<Deployment>,
    args: Vec<String>,
    expectation: Expectation,
    killed: usize,
    /// What the readers of the pipe have received, over all runs.
    piped: Vec<u8>,
    last: Option<Run>,
}

impl<'a> ScenarioRun<'a> {
    fn prepare(scenario: Scenario, name: &'a str, seed: u64) -> Self {
        let sandbox = Sandbox::new();
        let server = scenario.serve(seed);
        let now = server.paused().collection.model.now();
        let since = scenario.since.map(|ago| now - ago);
        let mut args = arguments(&server.url(), scenario.page_size);
        args.extend(["--lookback".to_owned(), scenario.lookback.to_owned()]);
        if let Some(since) = since {
            args.extend(["--since".to_owned(), rfc3339(since)]);
        }
        if scenario.to == To::File {
            args.extend([
                "--out".to_owned(),
                out_file(&sandbox).to_string_lossy().into_owned(),
            ]);
        }
        match scenario.form {
            Form::Records => {}
            Form::Envelope => args.push("--envelope".to_owned()),
            Form::Singer => args.extend(["--format".to_owned(), "singer".to_owned()]),
        }
        if scenario.runs == Runs::Follow {
            args.extend(["--follow", "--interval", "50ms..200ms"].map(str::to_owned));
        }
        args.extend(scenario.flags.iter().map(|flag| (*flag).to_owned()));
        Self {
            expectation: Expectation {
                selects: scenario.selects,
                since,
                volatile: scenario.style.volatile,
                // Singer messages contain the record in another notation.
                reordered: scenario.style.reordered || scenario.form == Form::Singer,
            },
            scenario,
            name,
            seed,
            rng: fastrand::Rng::with_seed(seed),
            sandbox,
            server,
            args,
            killed: 0,
            piped: Vec::new(),
            last: None,
        }
    }

    fn start(&self) -> Process {
        self.server.paused().replay(self.scenario.replays);
        Process::start(&mut self.sandbox.command(&self.args))
    }

    fn kill_and_restart(&mut self) {
        for _ in 0..MAX_RUNS {
            if self.killed == self.scenario.kills {
                return;
            }
            let mut process = self.start();
            let before = self.server.requests().len();
            let kill_at = before + self.rng.usize(1..=self.scenario.kill_within);
            self.server
                .wait_for_requests(kill_at, || process.has_ended());
            // The process is killed at a random time during this request or the next few.
            std::thread::park_timeout(Duration::from_micros(self.rng.u64(0..6000)));
            let run = process.kill(&self.server);
            match run.exit {
                None => self.killed += 1,
                // It may refuse outdated responses, but must not accept them.
                Some(11) if self.scenario.replays > 0 => {}
                Some(exit) => assert_eq!(exit, 0, "{}: {}", self.name, run.stderr),
            }
            self.collect(run);
        }
        assert!(
            self.killed > 0,
            "{}: every run ended before it was killed",
            self.name
        );
    }

    /// Lets a run finish while records change. The next run must print what this one could not.
    fn run_during_changes(&mut self) {
        let Scenario {
            churn, runs, ends, ..
        } = self.scenario;
        if churn.budget > 0 && runs != Runs::Follow && ends == Ends::Complete {
            self.server.paused().collection.model.continue_changing();
            self.run();
        }
    }

    /// Ends all changes, and waits until every commit is visible.
    fn stop_changing(&self) {
        let last = self.server.paused().collection.model.stop_changing();
        if let Some(left) = last.and_then(|last| last.checked_duration_since(Instant::now())) {
            std::thread::sleep(left);
        }
    }

    fn run_once(&mut self) {
        self.run();
        self.verify();
        let before = self.lines().len();
        self.run();
        let again = self.lines().split_off(before);
        assert!(
            again.is_empty(),
            "{}: a second run prints {again:?}",
            self.name
        );
    }

    fn run_until_quiet(&mut self) {
        loop {
            let before = self.lines().len();
            self.run();
            if self.lines().len() == before {
                return self.verify();
            }
        }
    }

    fn follow(&mut self) {
        let before = self.server.requests().len();
        let mut process = self.start();
        // It may have nothing left to print, but must have started before it is interrupted.
        self.server
            .wait_for_requests(before + 1, || process.has_ended());
        process.watch(|process| {
            let mut bytes = self.bytes();
            bytes.extend(process.stdout());
            let lines = self.lines_in(&bytes);
            let verdict = self
                .server
                .paused()
                .collection
                .verify(&self.expectation, &lines);
            verdict.lost.is_empty().then_some(())
        });
        process.interrupt();
        let run = process.finish();
        assert_eq!(run.exit, Some(0), "{}: {}", self.name, run.stderr);
        self.collect(run);
        self.verify();
    }

    /// The same facts are refused in the same way each time.
    fn expect_refusals(&mut self) {
        for _ in 0..REFUSALS {
            self.expect_refusal();
        }
    }

    fn expect_refusal(&mut self) {
        let before = self.server.requests().len();
        let run = self.start().finish();
        let requests = self.server.requests().len() - before;
        assert_eq!(run.exit, Some(11), "{}: {}", self.name, run.stderr);
        assert!(
            requests <= REQUESTS_TO_REFUSE,
            "{}: {requests} requests",
            self.name
        );
        assert!(
            run.stderr.contains(' '),
            "{}: no sentence: {}",
            self.name,
            run.stderr
        );
        self.collect(run);
        let verdict = self.verdict();
        let wrong = Verdict {
            lost: Vec::new(),
            ..verdict
        };
        assert!(wrong.is_clean(), "{}", self.report(&wrong));
    }

    fn run(&mut self) {
        let mut run = self.start().finish();
        if self.scenario.replays > 0 && run.exit == Some(11) {
            // It has refused outdated responses. The cache expires.
            self.collect(run);
            self.server.paused().replay(0);
            run = Process::start(&mut self.sandbox.command(&self.args)).finish();
        }
        assert_eq!(run.exit, Some(0), "{}: {}", self.name, run.stderr);
        self.collect(run);
    }

    fn collect(&mut self, run: Run) {
        let mut piped = run.stdout.as_slice();
        if run.exit.is_none() {
            // A reader drops the unfinished line of a killed writer.
            let whole = piped
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1);
            piped = &piped[..whole];
        }
        self.piped.extend_from_slice(piped);
        self.last = Some(run);
    }

    fn verify(&self) {
        let mut verdict = self.verdict();
        if !self.scenario.clock_steps.is_empty() {
            verdict.repeated.clear();
        }
        if self.scenario.to == To::Pipe {
            // Lines that were printed but not committed before a kill are printed again: at most one page.
            let page = self.server.paused().largest_page;
            if verdict.repeated.len() <= self.killed * page {
                verdict.repeated.clear();
            }
        }
        assert!(verdict.is_clean(), "{}", self.report(&verdict));
        let early = self.server.paused().early_requests;
        assert_eq!(
            early, 0,
            "{}: requests before the end of `Retry-After`",
            self.name
        );
    }

    fn verdict(&self) -> Verdict {
        let lines = self.lines();
        self.server
            .paused()
            .collection
            .verify(&self.expectation, &lines)
    }

    /// A verdict with the last requests and stderr.
    fn report(&self, verdict: &Verdict) -> String {
        let server = self.server.paused();
        let shown = if std::env::var_os("EVT_HOSTILE_STORY").is_some() {
            usize::MAX
        } else {
            12
        };
        let skipped = server.log.len().saturating_sub(shown);
        let stderr = self.last.as_ref().map_or("", |run| &run.stderr);
        format!(
            "{} (seed {}, {} kills, {} requests)\n{verdict}last requests (all with EVT_HOSTILE_STORY=1):\n{}\nlast stderr:\n{stderr}",
            self.name,
            self.seed,
            self.killed,
            server.requests.len(),
            server.log[skipped..].join("\n"),
        )
    }

    /// All lines that the readers have.
    fn lines(&self) -> Vec<String> {
        self.lines_in(&self.bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        match self.scenario.to {
            To::Pipe => self.piped.clone(),
            // The file need not exist before the first commit.
            To::File => std::fs::read(out_file(&self.sandbox)).unwrap_or_default(),
        }
    }

    fn lines_in(&self, bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.split_terminator('\n');
        match self.scenario.form {
            Form::Records => lines.map(str::to_owned).collect(),
            Form::Envelope => lines.map(out_of_envelope).collect(),
            Form::Singer => lines.filter_map(out_of_singer).collect(),
        }
    }
}

/// The arguments of every run.
pub(crate) fn arguments(url: &str, page_size: usize) -> Vec<String> {
    let page_size = page_size.to_string();
    let args = [
        "poll",
        "contact",
        "--url",
        url,
        "--org",
        ORGANISATION,
        "--token",
        TOKEN,
        "-o",
        "json",
        "--page-size",
        &page_size,
    ];
    args.map(str::to_owned).to_vec()
}

fn out_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.work().join("out.jsonl")
}

fn rfc3339(at: Micros) -> String {
    let time = DateTime::from_timestamp_micros(at).expect("a test's date is within chrono's");
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The record in `{"_evt":{…},"data":…}`, byte for byte; the line itself if it is something else.
fn out_of_envelope(line: &str) -> String {
    let record = line
        .strip_prefix("{\"_evt\":{")
        .and_then(|rest| rest.split_once("},\"data\":"))
        .and_then(|(_, record)| record.strip_suffix('}'));
    record.unwrap_or(line).to_owned()
}

/// The record of a RECORD message, nothing for other messages, and the line itself for any other text.
fn out_of_singer(line: &str) -> Option<String> {
    let Ok(message) = serde_json::from_str::<Value>(line) else {
        return Some(line.to_owned());
    };
    match message["type"].as_str() {
        Some("RECORD") => Some(message["record"].to_string()),
        Some("SCHEMA" | "STATE") => None,
        _ => Some(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_in_an_envelope_is_returned_unchanged() {
        let line =
            "{\"_evt\":{\"id\":\"contact/k/0a\",\"op\":\"upsert\"},\"data\":{\"sk\": \"k\"}}";
        assert_eq!(out_of_envelope(line), "{\"sk\": \"k\"}");
        assert_eq!(out_of_envelope("{\"sk\""), "{\"sk\"");
    }

    #[test]
    fn only_record_messages_of_singer_have_a_record() {
        let record = "{\"type\":\"RECORD\",\"stream\":\"contact\",\"record\":{\"sk\":\"k\"}}";
        assert_eq!(out_of_singer(record).as_deref(), Some("{\"sk\":\"k\"}"));
        assert_eq!(out_of_singer("{\"type\":\"STATE\",\"value\":{}}"), None);
        assert_eq!(
            out_of_singer("{\"type\":\"REC").as_deref(),
            Some("{\"type\":\"REC")
        );
    }

    #[test]
    fn the_seed_depends_only_on_the_name() {
        assert_eq!(seed_of("ties"), seed_of("ties"));
        assert_ne!(seed_of("ties"), seed_of("tie"));
    }
}
