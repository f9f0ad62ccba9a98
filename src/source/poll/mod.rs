//! Polls records by their date of change, without losing or repeating any, whatever the server does.
//!
//! Requests ask for ascending dates from the frontier on. The lower bound moves forward instead of a page number: a record that
//! changes meanwhile moves ahead of the reader, and nothing shifts past it. Every response is checked against its request:
//! bounds, order, keys. A server that fails a check is read in another way, or refused. Emitted versions are remembered by
//! digest, so a record that is read twice is emitted once.
//!
//! A [`Run`](run::Run) has three parts: the [`Server`](server::Server) with what is known of it, the [`Scan`](scan::Scan)
//! that says where the reader is, and the [`Output`](output::Output) with the stored state.

mod ascending;
mod capabilities;
mod checks;
mod clock;
mod descending;
mod gap;
mod halt;
mod key_sweep;
mod lookup;
mod malformed;
mod out_file;
mod output;
mod pacing;
mod page;
mod passes;
mod probe;
mod progress;
mod reported;
mod request;
mod run;
mod scan;
mod server;
mod silence;
mod ties;
mod undated;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Outlet};
use crate::api::{Answer, ApiError};
use crate::explain::{Exit, Explain, Explanation};
use crate::store::poll::{Fingerprint, PollState, PollStateError};
use crate::time::Timestamp;
use crate::watermark::{Micros, Position};
use capabilities::Capabilities;

pub use out_file::{OutFile, OutFileError};
pub use progress::{Counts, Progress};

/// Sends one request with this body to `find`. The future borrows nothing, so the next page can be requested while the current
/// one is processed.
pub type Find = Arc<dyn Fn(Vec<u8>) -> BoxFuture<'static, Result<Answer, ApiError>> + Send + Sync>;

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct PollOptions {
    pub datatype: String,
    /// Lower bound of everything that is requested. Only a new state adopts it.
    pub since: Option<Micros>,
    /// Leave out records modified at or after this.
    pub until: Option<Micros>,
    /// End after this many records.
    pub max: Option<u64>,
    /// How long after its date a record may become visible.
    pub lookback: Duration,
    pub page_size: u32,
    /// The user's own filter, in the platform's syntax.
    pub query: Map<String, Value>,
    /// Path of a record's key. Discovered if `None`.
    pub key: Option<String>,
    /// Path of a record's date of change.
    pub field: String,
    /// Paths whose changes do not make a new version.
    pub ignore: Vec<String>,
    pub undated: Undated,
    pub strategy: Strategy,
    /// Minimum time between two requests.
    pub pace: Option<Duration>,
    /// The longest wait that the server may ask for.
    pub max_wait: Duration,
    /// Sweep through all keys to find deleted records.
    pub sweep: bool,
    /// Report deletions even if most of the known records are missing.
    pub allow_mass_deletion: bool,
    /// Sweep through all keys to find records that no date query returned.
    pub reconcile: bool,
    /// Fail if the server's clock went back, instead of reading again from the earlier time.
    pub fail_on_gap: bool,
    /// Keep polling after everything has been read; the shortest and the longest time between two scans.
    pub follow: Option<(Duration, Duration)>,
    /// Skip and report records that cannot be read. Otherwise they are an error.
    pub skip_malformed: bool,
    /// Commit each record before the next one is emitted.
    pub commit_each_record: bool,
    /// Write Singer STATE messages.
    pub writes_bookmarks: bool,
}

/// What to do with records that have no date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undated {
    /// Leave them out and report how many there are.
    #[default]
    Warn,
    Include,
    /// Fail if there are any.
    Fail,
}

/// The order in which to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Ascending, with fall-backs if the server does not support that.
    #[default]
    Auto,
    Ascending,
    Descending,
    Pages,
}

/// Whose records are polled, as far as that is known before the first response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Without secrets.
    pub url: String,
    pub org: String,
    /// A local platform is identified by its data, whatever its port.
    pub is_loopback: bool,
}

impl Subject {
    /// What the state belongs to. `platform` identifies the data of a local platform.
    fn fingerprint(&self, options: &PollOptions, platform: Option<&str>) -> Fingerprint {
        let platform = match platform.filter(|_| self.is_loopback) {
            Some(data) => format!("evt-dev:{data}"),
            None => self.url.clone(),
        };
        let mut query = Vec::new();
        let text = Value::Object(options.query.clone()).to_string();
        crate::json::canonical(&text, &[], &mut query);
        Fingerprint {
            platform,
            org: self.org.clone(),
            datatype: options.datatype.clone(),
            query: String::from_utf8_lossy(&query).into_owned(),
            key: options.key.clone(),
            field: options.field.clone(),
        }
    }
}

/// How polling ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollEnd {
    /// Everything has been read.
    Complete,
    /// [`PollOptions::max`] was reached.
    MaxReached,
    /// The caller asked to stop. Emitted records are committed.
    Stopped,
    /// The outlet accepts no more. Records that it did not write are not committed.
    OutletClosed,
}

/// Why records cannot be polled.
#[derive(Debug, Error)]
pub enum PollError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    State(#[from] PollStateError),
    #[error(transparent)]
    Output(#[from] OutFileError),
    #[error("the server's responses are not pages of records: {why}")]
    NotPages { why: String },
    #[error("{what}")]
    Malformed {
        /// Which record, and why it cannot be read.
        what: String,
    },
    #[error("gave up after {tries} tries")]
    RetriesExhausted { tries: u32, source: Box<PollError> },
    /// No way of reading returns every record.
    #[error("this server cannot be read completely: {why}")]
    Incomplete { why: String },
    /// The server sends pages in which records are missing that it has.
    #[error("the server's responses are outdated: {why}")]
    Stale { why: String },
    #[error("the server's clock went back to {now}, but records up to {frontier} have been read")]
    ClockWentBack { now: Micros, frontier: Micros },
    #[error("{missing} of {known} records are missing from the server's list of all keys")]
    MassDeletion { missing: u64, known: u64 },
    #[error("the server asks to wait until {until}, longer than allowed")]
    WaitTooLong { until: Timestamp },
    #[error("records have {}", key.as_ref().map_or_else(|| "none of the keys `sk`, `id` and `_id`".to_owned(), |key| format!("no key in `{key}`")))]
    NoKey {
        /// The configured key.
        key: Option<String>,
    },
    #[error("no record has a date in `{field}`{}", sample.as_ref().map_or_else(String::new, |sample| format!(": evt cannot read `{sample}`")))]
    NoDate {
        field: String,
        /// The first value, if any record has one.
        sample: Option<String>,
    },
    #[error("{}records have no date in `{field}`", count.map_or_else(String::new, |count| format!("{count} ")))]
    Undated { count: Option<u64>, field: String },
}

impl Explain for PollError {
    fn explain(&self) -> Explanation {
        let refused = |code| Explanation::new(Exit::Refused, code);
        let gap = |code| Explanation::new(Exit::Gap, code);
        match self {
            Self::Api(error) => error.explain(),
            Self::State(error) => error.explain(),
            Self::Output(error) => error.explain(),
            Self::RetriesExhausted { tries, source } => source.explain().hint(format!(
                "the request failed {tries} times; run the same command to continue"
            )),
            Self::NotPages { .. } => {
                refused("bad_answer").hint("check the address of the platform: evt profile show")
            }
            Self::Malformed { .. } => refused("malformed_record")
                .hint("--skip-malformed     skips such records, and reports each of them"),
            Self::Incomplete { .. } => {
                gap("incomplete").hint("evt man polling     describes what a server must support")
            }
            Self::Stale { .. } => gap("stale_pages").hint(
                "a cache or an outdated replica answers; run the same command later to continue",
            ),
            Self::ClockWentBack { .. } => gap("clock_went_back").hint(
                "without --fail-on-gap     reads again from the earlier time; records may be printed again",
            ),
            Self::MassDeletion { .. } => gap("mass_deletion")
                .hint("--allow-mass-deletion     if the records were really deleted")
                .hint("run the same command later if the server has a problem"),
            Self::WaitTooLong { .. } => refused("wait_too_long").hint(
                "--max-wait allows a longer wait; evt poll state reset deletes the whole state",
            ),
            Self::NoKey { .. } => {
                Explanation::usage("no_key").hint("--key PATH     sets the path of a record's key")
            }
            Self::NoDate { .. } => Explanation::usage("no_date")
                .hint("--field PATH     sets the path of a record's date of change"),
            Self::Undated { .. } => gap("undated").hint("--undated include     reads them too"),
        }
    }
}

/// Paths of conditions that the records of a state have had.
pub fn known_paths(position: &Position) -> Vec<String> {
    Capabilities::read(position.capabilities.as_deref()).known_paths
}

/// A poller of one datatype. It holds the lock of its state.
pub struct Poll {
    options: PollOptions,
    subject: Subject,
    find: Find,
    state: PollState,
    file: Option<OutFile>,
    progress: Arc<Progress>,
}

impl Poll {
    pub fn new(
        options: PollOptions,
        subject: Subject,
        find: Find,
        state: PollState,
        file: Option<OutFile>,
    ) -> Self {
        Self {
            options,
            subject,
            find,
            state,
            file,
            progress: Arc::default(),
        }
    }

    /// Counters that can be read while polling runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    pub fn state(&mut self) -> &mut PollState {
        &mut self.state
    }

    /// Stores which paths of conditions the records have, unless that is known.
    ///
    /// # Errors
    /// If the state cannot be written.
    pub fn store_known_paths(&mut self, paths: Vec<String>) -> Result<(), PollStateError> {
        let mut position = self.state.position().clone();
        if !position.has_begun() || known_paths(&position) == paths {
            return Ok(());
        }
        let mut known = Capabilities::read(position.capabilities.as_deref());
        known.known_paths = paths;
        position.capabilities = Some(known.write());
        self.state.commit(&position, None)
    }

    /// Reads until everything has been read, or with [`PollOptions::follow`] until `stop`.
    ///
    /// Records are committed after [`Outlet::flush`] has confirmed them. Whenever the process ends, the next one continues after
    /// the last commit.
    ///
    /// # Errors
    /// [`PollError`]; records that were emitted before it are committed.
    pub async fn run(
        &mut self,
        outlet: &mut dyn Outlet,
        stop: &CancellationToken,
    ) -> Result<PollEnd, PollError> {
        run::run(self, outlet, stop).await
    }
}
