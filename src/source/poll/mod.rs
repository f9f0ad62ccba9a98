//! Records by their date of change: a watermark that neither loses nor repeats, whatever the server does.
//!
//! The server is asked in ascending order from the frontier on, and the lower bound is shifted instead of counting pages.
//! Every answer is held against what was asked; a server that does not do as it is told is read in another way, by the
//! evidence, or refused. What was emitted is remembered by digest, so that reading twice repeats nothing.

mod ascending;
mod ask;
mod commit;
mod descending;
mod emit;
mod follow;
mod gauge;
mod learnt;
mod output;
mod page;
mod passes;
mod query;
mod sniff;
mod ties;
mod undated;
mod walk;

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
use crate::watermark::Micros;

pub use gauge::{Gauge, Reading};
pub use output::{OutFile, OutFileError};

/// Asks the server once: a body of `find`, and what came of it. What it returns needs no borrow, so that the next page can be on its
/// way while this one is worked on.
pub type Find = Arc<dyn Fn(Vec<u8>) -> BoxFuture<'static, Result<Answer, ApiError>> + Send + Sync>;

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct PollOptions {
    pub datatype: String,
    /// Nothing that was modified before this is ever asked for; only a new state takes it.
    pub since: Option<Micros>,
    /// Leave out what was modified at or after this.
    pub until: Option<Micros>,
    /// End after so many records.
    pub max: Option<u64>,
    /// How long after its date a record may become visible.
    pub lookback: Duration,
    pub page_size: u32,
    /// A filter of the person's own, in the platform's terms.
    pub query: Map<String, Value>,
    /// The path of a record's key; found out where it is not given.
    pub key: Option<String>,
    /// The path of its date of change.
    pub field: String,
    /// Paths whose changes are no change.
    pub ignore: Vec<String>,
    pub undated: Undated,
    pub strategy: Strategy,
    /// The least time between two requests.
    pub pace: Option<Duration>,
    /// The longest wait that the server may ask for.
    pub max_wait: Duration,
    pub sweep: bool,
    pub reconcile: bool,
    /// Go on when all has been read, asking again after so long: at least, at most.
    pub follow: Option<(Duration, Duration)>,
    /// Each record counts as done before the next one is handed on.
    pub one_by_one: bool,
    /// How a state of Singer's is told, where it is.
    pub tells_state: bool,
}

/// What becomes of records without a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undated {
    /// They are counted, and left out.
    #[default]
    Warn,
    Include,
    /// They end the run.
    Fail,
}

/// The order in which to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Ascending, and another way where the server does not allow that.
    #[default]
    Auto,
    Ascending,
    Descending,
    Pages,
}

/// Whose records they are, as far as it is known before the server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Without secrets.
    pub url: String,
    pub org: String,
    /// A local platform is known by its data, whatever its port.
    pub is_loopback: bool,
}

/// How polling ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollEnd {
    /// All that there is has been read.
    Complete,
    /// [`PollOptions::max`] was reached.
    Enough,
    /// Asked to stop; what was emitted is committed.
    Stopped,
    /// The outlet takes no more; what it did not write is not committed.
    Refused,
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
    /// An answer that is no page, again and again.
    #[error("the server's answers are no pages of records: {why}")]
    NoPages { why: String },
    /// Reads as the last failure.
    #[error("{source}")]
    Spent { tries: u32, source: Box<PollError> },
    /// Completeness cannot be had.
    #[error("this server cannot be read completely: {why}")]
    Incomplete { why: String },
    #[error("the server asks to wait until {until}, longer than allowed")]
    WaitTooLong { until: Timestamp },
    #[error("records have {}", key.as_ref().map_or_else(|| "none of the keys `sk`, `id` and `_id`".to_owned(), |key| format!("no key in `{key}`")))]
    NoKey {
        /// The one that was asked for.
        key: Option<String>,
    },
    #[error("no record has a date in `{field}`")]
    NoDate { field: String },
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
            Self::Spent { tries, source } => source.explain().hint(format!(
                "it was tried {tries} times; what was read is kept, and the same command goes on"
            )),
            Self::NoPages { .. } => refused("bad_answer")
                .hint("check that this is the platform's address: evt profile show"),
            Self::Incomplete { .. } => gap("incomplete")
                .hint("evt man polling     says what a server has to be able to do"),
            Self::WaitTooLong { .. } => refused("wait_too_long").hint(
                "--max-wait waits longer; evt poll state reset forgets the wait, and everything else",
            ),
            Self::NoKey { .. } => {
                Explanation::usage("no_key").hint("--key PATH     says where a record has its key")
            }
            Self::NoDate { .. } => Explanation::usage("no_date")
                .hint("--field PATH     says where a record has its date of change"),
            Self::Undated { .. } => gap("undated").hint("--undated include     reads them too"),
        }
    }
}

/// A datatype that is polled. Its state is locked as long as this lives.
pub struct Poll {
    options: PollOptions,
    subject: Subject,
    find: Find,
    state: PollState,
    output: Option<OutFile>,
    gauge: Arc<Gauge>,
    /// The state belongs to what this server has.
    is_claimed: bool,
    /// It has answered once in this process.
    has_answered: bool,
}

impl Poll {
    pub fn new(
        options: PollOptions,
        subject: Subject,
        find: Find,
        state: PollState,
        output: Option<OutFile>,
    ) -> Self {
        Self {
            options,
            subject,
            find,
            state,
            output,
            gauge: Arc::default(),
            is_claimed: false,
            has_answered: false,
        }
    }

    /// How far it has come, for whoever shows it.
    pub fn gauge(&self) -> Arc<Gauge> {
        Arc::clone(&self.gauge)
    }

    pub fn state(&mut self) -> &mut PollState {
        &mut self.state
    }

    /// Reads until all is read, or with [`PollOptions::follow`] until `stop`.
    ///
    /// What was handed to `outlet` counts as done once [`Outlet::flush`] has said so, and is committed then: whenever the
    /// process ends, the next one goes on behind the last commit.
    ///
    /// # Errors
    /// [`PollError`]; what was emitted before is committed.
    pub async fn run(
        &mut self,
        outlet: &mut dyn Outlet,
        stop: &CancellationToken,
    ) -> Result<PollEnd, PollError> {
        follow::run(self, outlet, stop).await
    }

    fn fingerprint(&self, platform: Option<&str>) -> Fingerprint {
        let platform = match platform.filter(|_| self.subject.is_loopback) {
            Some(data) => format!("evt-dev:{data}"),
            None => self.subject.url.clone(),
        };
        let mut query = Vec::new();
        let text = Value::Object(self.options.query.clone()).to_string();
        crate::json::canonical(&text, &[], &mut query);
        Fingerprint {
            platform,
            org: self.subject.org.clone(),
            datatype: self.options.datatype.clone(),
            query: String::from_utf8_lossy(&query).into_owned(),
            key: self.options.key.clone(),
            field: self.options.field.clone(),
        }
    }
}

/// Why a sweep ends before it is complete.
#[derive(Debug)]
enum Halt {
    End(PollEnd),
    Error(PollError),
}

impl<E: Into<PollError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}
