//! The first records of a collection, and how they change while a poller reads.

use std::time::Duration;

/// The records before the first change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data {
    pub(crate) records: usize,
    /// The number of different dates. If there are more records, some share a date.
    pub(crate) instants: usize,
    /// Records are created in the order of their dates, except for a few late ones with earlier dates.
    pub(crate) in_order: bool,
    /// The number of records without a date. In half of them the field is missing, in the others it is null.
    pub(crate) undated: usize,
    /// One record is from 2099.
    pub(crate) from_2099: bool,
    /// The name of the key field, and its values.
    pub(crate) key: &'static str,
    pub(crate) keys: Keys,
    /// The server compares microseconds, but writes only what its format can express.
    pub(crate) hidden_micros: bool,
    /// Records have several lines.
    pub(crate) pretty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// `c000017`
    Text,
    /// With quotes, backslashes, spaces and non-ASCII letters, so that keys and escaped keys sort differently.
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

/// The changes while a poller reads: a number with each request, until the budget is spent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Churn {
    pub(crate) per_request: usize,
    pub(crate) budget: usize,
    /// Changes and their weights.
    pub(crate) mix: &'static [(Change, u32)],
    /// How long a late commit stays invisible.
    pub(crate) late_by: Duration,
    /// How far a clock of the server may be behind.
    pub(crate) jitter: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Insert,
    Update,
    /// `state` becomes `deleted`.
    SoftDelete,
    /// The record disappears.
    HardDelete,
    /// This many records are saved at one instant.
    Restamp(usize),
    /// Content A, then B, then A again, one per request and all with one date.
    BackAndForth,
    /// Dated now, visible later.
    Late,
    /// An update dated before the version that it replaces.
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

    /// New and updated records.
    pub(crate) const MILD: Self = Self {
        per_request: 3,
        budget: 120,
        mix: &[(Change::Insert, 1), (Change::Update, 3)],
        ..Self::NONE
    };

    /// Every kind of change.
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
