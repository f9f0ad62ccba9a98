//! Plays a scenario: runs the binary against a hostile server, kills it at random moments, starts it again with the same
//! arguments, lets it come to its end once nothing changes any more, and asks the oracle.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

use super::answer::Manner;
use super::dates::Micros;
use super::deployment::Deployment;
use super::faults::Plan;
use super::model::Model;
use super::oracle::{Terms, Verdict};
use super::process::{Process, Run};
use super::query::Quirks;
use super::record::Content;
use super::server::{HostileServer, ORGANISATION, TOKEN};
use super::story::{Churn, Data};
use crate::support::Sandbox;

/// One deployment, and how it is polled.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) data: Data,
    pub(crate) churn: Churn,
    pub(crate) quirks: Quirks,
    pub(crate) manner: Manner,
    pub(crate) faults: &'static [Plan],
    /// How far the deployment's clock is ahead of the local one.
    pub(crate) clock_offset: Micros,
    /// Beyond those that every run has.
    pub(crate) flags: &'static [&'static str],
    pub(crate) page_size: usize,
    pub(crate) lookback: &'static str,
    /// `--since`, so long before the deployment's now.
    pub(crate) since: Option<Micros>,
    pub(crate) to: To,
    pub(crate) form: Form,
    /// `kill -9` so often, each time within so many requests.
    pub(crate) kills: usize,
    pub(crate) kill_within: usize,
    pub(crate) runs: Runs,
    pub(crate) ends: Ends,
    /// Which versions the poller is to print.
    pub(crate) asked: fn(&Content, Option<Micros>) -> bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// `--out`: exactly once.
    File,
    /// stdout: a kill may repeat a page.
    Pipe,
}

/// How the lines are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each is a record.
    Records,
    /// `--envelope`
    Envelope,
    /// `--format singer`
    Singer,
}

/// How often a poller is run before it must have everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// Once, after nothing changes any more. A second run must print nothing.
    One,
    /// Until a run prints nothing: for `--max`.
    UntilQuiet,
    /// One, with `--follow`, until it has everything.
    Follow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Exit 0, and the oracle has nothing to say.
    Complete,
    /// Exit 11 with a sentence, after a bounded number of requests, and nothing wrong in what it printed.
    Refused,
}

/// The most requests that a poller may need to see that it cannot be done.
const REQUESTS_TO_REFUSE: usize = 100;
/// The most runs that come to an end by themselves where they were to be killed.
const RUNS_TO_KILL: usize = 12;

impl Scenario {
    pub(crate) const PLAIN: Self = Self {
        data: Data::PLAIN,
        churn: Churn::MILD,
        quirks: Quirks::NONE,
        manner: Manner::PLAIN,
        faults: &[],
        clock_offset: 0,
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
        asked: Terms::ALL_DATED.asked,
    };

    /// Plays the scenario.
    ///
    /// # Panics
    /// Where the poller does not keep what it promises.
    pub(crate) fn play(&self, name: &str) {
        let seed = seed_of(name);
        let began = Instant::now();
        let mut play = Play::prepare(*self, name, seed);
        play.kill_and_restart();
        play.run_amid_change();
        play.come_to_rest();
        match (self.ends, self.runs) {
            (Ends::Refused, _) => play.be_refused(),
            (Ends::Complete, Runs::One) => play.run_once(),
            (Ends::Complete, Runs::UntilQuiet) => play.run_until_quiet(),
            (Ends::Complete, Runs::Follow) => play.follow(),
        }
        let requests = play.server.requests().len();
        let (kills, lines) = (play.killed, play.lines().len());
        eprintln!(
            "{name}: {lines} lines, {requests} requests, {kills} kills, {:?}",
            began.elapsed()
        );
    }

    /// The model that the scenario begins with, behind a server.
    pub(crate) fn serve(&self, seed: u64) -> HostileServer<Deployment> {
        self.serve_with(self.faults, seed)
    }

    /// The same with other faults.
    pub(crate) fn serve_with(&self, faults: &[Plan], seed: u64) -> HostileServer<Deployment> {
        let shape = self.quirks.shape;
        let model = Model::new(self.data, self.churn, shape, self.clock_offset, seed);
        let deployment = Deployment::new(model, self.quirks, seed);
        HostileServer::start(deployment, self.manner, faults, seed)
    }
}

/// The same for each run of a test; `EVT_HOSTILE_SEED` makes another story of it.
pub(crate) fn seed_of(name: &str) -> u64 {
    let more = std::env::var("EVT_HOSTILE_SEED").unwrap_or_default();
    let bytes = name.bytes().chain(more.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A scenario under way.
struct Play<'a> {
    scenario: Scenario,
    name: &'a str,
    seed: u64,
    rng: fastrand::Rng,
    sandbox: Sandbox,
    server: HostileServer<Deployment>,
    args: Vec<String>,
    terms: Terms,
    killed: usize,
    /// What readers of the pipe got, run by run.
    piped: Vec<u8>,
    last: Option<Run>,
}

impl<'a> Play<'a> {
    fn prepare(scenario: Scenario, name: &'a str, seed: u64) -> Self {
        let sandbox = Sandbox::new();
        let server = scenario.serve(seed);
        let now = server.stopped().collection.model.now();
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
            terms: Terms {
                asked: scenario.asked,
                since,
                volatile: scenario.manner.volatile,
                // Singer's messages hold the record anew.
                reordered: scenario.manner.reordered || scenario.form == Form::Singer,
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
        self.server.stopped().begin_anew();
        Process::start(&mut self.sandbox.command(&self.args))
    }

    fn kill_and_restart(&mut self) {
        for _ in 0..RUNS_TO_KILL {
            if self.killed == self.scenario.kills {
                return;
            }
            let mut process = self.start();
            let came = self.server.requests().len();
            let moment = came + self.rng.usize(1..=self.scenario.kill_within);
            self.server
                .wait_for_requests(moment, || process.has_ended());
            // Somewhere between this request and the next few.
            std::thread::park_timeout(Duration::from_micros(self.rng.u64(0..6000)));
            let run = process.kill(&self.server);
            match run.exit {
                None => self.killed += 1,
                Some(exit) => assert_eq!(exit, 0, "{}: {}", self.name, run.stderr),
            }
            self.keep(run);
        }
        assert!(
            self.killed > 0,
            "{}: no run lived long enough to be killed",
            self.name
        );
    }

    /// A run that comes to its end while things go on changing: what it leaves to the next must not be forgotten.
    fn run_amid_change(&mut self) {
        let Scenario {
            churn, runs, ends, ..
        } = self.scenario;
        if churn.budget > 0 && runs != Runs::Follow && ends == Ends::Complete {
            self.server.stopped().collection.model.go_on();
            self.run();
        }
    }

    /// Nothing changes from here on, and all that was committed is visible.
    fn come_to_rest(&self) {
        let last = self.server.stopped().collection.model.come_to_rest();
        if let Some(left) = last.and_then(|last| last.checked_duration_since(Instant::now())) {
            std::thread::sleep(left);
        }
    }

    fn run_once(&mut self) {
        self.run();
        self.judge();
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
                return self.judge();
            }
        }
    }

    fn follow(&mut self) {
        let came = self.server.requests().len();
        let mut process = self.start();
        // It may have nothing left to print, and must have begun before it is interrupted.
        self.server
            .wait_for_requests(came + 1, || process.has_ended());
        process.watch(|process| {
            let mut bytes = self.bytes();
            bytes.extend(process.stdout());
            let lines = self.lines_in(&bytes);
            let verdict = self.server.stopped().collection.judge(&self.terms, &lines);
            verdict.lost.is_empty().then_some(())
        });
        process.interrupt();
        let run = process.finish();
        assert_eq!(run.exit, Some(0), "{}: {}", self.name, run.stderr);
        self.keep(run);
        self.judge();
    }

    fn be_refused(&mut self) {
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
        self.keep(run);
        let verdict = self.verdict();
        let wrong = Verdict {
            lost: Vec::new(),
            ..verdict
        };
        assert!(wrong.is_clean(), "{}", self.told(&wrong));
    }

    fn run(&mut self) {
        let run = self.start().finish();
        assert_eq!(run.exit, Some(0), "{}: {}", self.name, run.stderr);
        self.keep(run);
    }

    fn keep(&mut self, run: Run) {
        let mut piped = run.stdout.as_slice();
        if run.exit.is_none() {
            // A reader drops the line that a killed writer left unfinished.
            let whole = piped
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1);
            piped = &piped[..whole];
        }
        self.piped.extend_from_slice(piped);
        self.last = Some(run);
    }

    fn judge(&self) {
        let mut verdict = self.verdict();
        if self.scenario.to == To::Pipe {
            // What was printed and not committed when a kill came is printed again: a page at most.
            let page = self.server.stopped().largest_page;
            if verdict.repeated.len() <= self.killed * page {
                verdict.repeated.clear();
            }
        }
        assert!(verdict.is_clean(), "{}", self.told(&verdict));
        let hasty = self.server.stopped().hasty;
        assert_eq!(
            hasty, 0,
            "{}: requests before `Retry-After` had passed",
            self.name
        );
    }

    fn verdict(&self) -> Verdict {
        let lines = self.lines();
        self.server.stopped().collection.judge(&self.terms, &lines)
    }

    /// A verdict with what helps to understand it.
    fn told(&self, verdict: &Verdict) -> String {
        let world = self.server.stopped();
        let shown = if std::env::var_os("EVT_HOSTILE_STORY").is_some() {
            usize::MAX
        } else {
            12
        };
        let untold = world.story.len().saturating_sub(shown);
        let stderr = self.last.as_ref().map_or("", |run| &run.stderr);
        format!(
            "{} (seed {}, {} kills, {} requests)\n{verdict}last requests (all with EVT_HOSTILE_STORY=1):\n{}\nlast stderr:\n{stderr}",
            self.name,
            self.seed,
            self.killed,
            world.requests.len(),
            world.story[untold..].join("\n"),
        )
    }

    /// All lines that a reader has.
    fn lines(&self) -> Vec<String> {
        self.lines_in(&self.bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        match self.scenario.to {
            To::Pipe => self.piped.clone(),
            // Before the first commit there need not be a file.
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

/// What every run has.
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

/// The record of `{"_evt":{…},"data":…}`, byte for byte; the line itself where it is none.
fn out_of_envelope(line: &str) -> String {
    let record = line
        .strip_prefix("{\"_evt\":{")
        .and_then(|rest| rest.split_once("},\"data\":"))
        .and_then(|(_, record)| record.strip_suffix('}'));
    record.unwrap_or(line).to_owned()
}

/// The record of a RECORD message; the line itself where it is no message, and nothing for the other messages.
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
    fn a_record_is_taken_out_of_its_envelope_as_it_is() {
        let line =
            "{\"_evt\":{\"id\":\"contact/k/0a\",\"op\":\"upsert\"},\"data\":{\"sk\": \"k\"}}";
        assert_eq!(out_of_envelope(line), "{\"sk\": \"k\"}");
        assert_eq!(out_of_envelope("{\"sk\""), "{\"sk\"");
    }

    #[test]
    fn of_singers_messages_only_records_count() {
        let record = "{\"type\":\"RECORD\",\"stream\":\"contact\",\"record\":{\"sk\":\"k\"}}";
        assert_eq!(out_of_singer(record).as_deref(), Some("{\"sk\":\"k\"}"));
        assert_eq!(out_of_singer("{\"type\":\"STATE\",\"value\":{}}"), None);
        assert_eq!(
            out_of_singer("{\"type\":\"REC").as_deref(),
            Some("{\"type\":\"REC")
        );
    }

    #[test]
    fn a_name_has_one_seed_and_two_names_have_two() {
        assert_eq!(seed_of("ties"), seed_of("ties"));
        assert_ne!(seed_of("ties"), seed_of("tie"));
    }
}
