//! How a collection begins, and what befalls it while somebody reads.

use std::time::Duration;

/// What is there before anything changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data {
    pub(crate) records: usize,
    /// How many different dates the records have; more records than that tie.
    pub(crate) instants: usize,
    /// Records were created in the order of their dates, but for a few far behind that are older than those before them.
    pub(crate) in_order: bool,
    /// So many records have no date: of every second the field is missing, of the others it is null.
    pub(crate) undated: usize,
    /// One record is from 2099.
    pub(crate) from_2099: bool,
    /// The name of the key field, and what stands in it.
    pub(crate) key: &'static str,
    pub(crate) keys: Keys,
    /// The deployment compares microseconds, and writes what its shape has room for.
    pub(crate) hidden_micros: bool,
    /// Records come over several lines.
    pub(crate) pretty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// `c000017`
    Text,
    /// With quotes, backslashes, spaces and letters beyond ASCII, so that escaped keys sort otherwise than the keys.
    Odd,
    /// `17`
    Numbers,
}

impl Data {
    pub(crate) const PLAIN: Self = Self {
        records: 300,
        instants: 60,
        in_order: false,
        undated: 0,
        from_2099: false,
        key: "sk",
        keys: Keys::Text,
        hidden_micros: false,
        pretty: false,
    };
}

/// What changes while the poller reads: so many changes with each request, until the budget is spent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Churn {
    pub(crate) per_request: usize,
    pub(crate) budget: usize,
    /// Changes and their weights.
    pub(crate) mix: &'static [(Change, u32)],
    /// How long a late commit stays invisible.
    pub(crate) late_by: Duration,
    /// How far a clock of the deployment may be behind.
    pub(crate) jitter: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Insert,
    Update,
    /// `state` becomes `deleted`.
    SoftDelete,
    /// The record is gone.
    HardDelete,
    /// So many records are saved at one instant.
    Restamp(usize),
    /// A, then B, then A again, each a request apart and all with one date.
    BackAndForth,
    /// Stamped now, visible later.
    Late,
    /// An update that is dated before the version that it replaces.
    Jitter,
}

impl Churn {
    pub(crate) const NONE: Self = Self {
        per_request: 0,
        budget: 0,
        mix: &[],
        late_by: Duration::from_millis(300),
        jitter: Duration::from_millis(400),
    };

    /// The everyday: new records, changed ones.
    pub(crate) const MILD: Self = Self {
        per_request: 3,
        budget: 120,
        mix: &[(Change::Insert, 1), (Change::Update, 3)],
        ..Self::NONE
    };

    /// All that happens, at once.
    pub(crate) const WILD: Self = Self {
        per_request: 6,
        budget: 250,
        mix: &[
            (Change::Insert, 4),
            (Change::Update, 12),
            (Change::SoftDelete, 2),
            (Change::HardDelete, 2),
            (Change::Restamp(40), 1),
            (Change::BackAndForth, 2),
            (Change::Late, 3),
            (Change::Jitter, 3),
        ],
        ..Self::NONE
    };
}
