//! Faults on the wire, and when they happen.

/// A fault of one response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// 429. Requests before its time has passed are counted.
    TooMany(RetryAfter),
    /// Only this status.
    Status(u16),
    /// The connection is reset before the response.
    ResetBefore,
    /// The connection is reset within the body.
    ResetMiddle,
    /// The connection ends before `Content-Length` bytes are sent, or before the last chunk.
    CutShort,
    /// Half of the JSON, with a matching `Content-Length`.
    CutJson,
    /// The HTML page of a proxy, with 200.
    Html,
    /// `{"error":…}`, with 200.
    ErrorWith200,
    /// The right response, with these members next to the list.
    With(&'static str),
    /// Half of the records, and these members next to the list.
    Half(&'static str),
    /// No records, and these members next to the list.
    None(&'static str),
    /// Half of the records, with this status.
    HalfWithStatus(u16),
    /// The right response, with a `Date` that differs by this many seconds.
    Date(i64),
    /// The right response, compressed with gzip, with or without a header that says so.
    Gzip { with_header: bool },
    /// The right response after a byte order mark.
    ByteOrderMark,
    /// The right response with letters in Latin-1.
    Latin1,
    /// A valid page without records.
    Empty,
    /// The previous response again.
    Duplicate,
    /// The response as of this many commits ago: a stale replica.
    Stale(u64),
    /// No response, and the connection stays open.
    Silence,
}

/// The format of `Retry-After`; the time is in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Absent,
    Seconds(i64),
    Date(i64),
    /// This text, which does not mean a wait that the poller must respect.
    Text(&'static str),
}

/// A fault, and when it happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) fault: Fault,
    pub(crate) when: When,
    /// Maximum number of times.
    pub(crate) times: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    /// The nth request, the 2nth, …
    Every(usize),
    /// The nth request.
    At(usize),
    Chance(f64),
}

impl Plan {
    pub(crate) const fn every(n: usize, fault: Fault) -> Self {
        Self {
            fault,
            when: When::Every(n),
            times: usize::MAX,
        }
    }

    pub(crate) const fn at(n: usize, fault: Fault) -> Self {
        Self {
            fault,
            when: When::At(n),
            times: 1,
        }
    }

    pub(crate) const fn chance(chance: f64, fault: Fault) -> Self {
        Self {
            fault,
            when: When::Chance(chance),
            times: usize::MAX,
        }
    }

    pub(crate) const fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

/// The plans of a scenario, and how often each fault has happened.
#[derive(Debug)]
pub(crate) struct Faults {
    plans: Vec<(Plan, usize)>,
    requests: usize,
}

impl Faults {
    pub(crate) fn new(plans: &[Plan]) -> Self {
        Self {
            plans: plans.iter().map(|plan| (*plan, 0)).collect(),
            requests: 0,
        }
    }

    /// The fault of the next request. The first matching plan wins.
    pub(crate) fn next(&mut self, rng: &mut fastrand::Rng) -> Option<Fault> {
        self.requests += 1;
        let requests = self.requests;
        let (plan, used) = self.plans.iter_mut().find(|(plan, used)| {
            let now = match plan.when {
                When::Every(n) => requests.is_multiple_of(n),
                When::At(n) => requests == n,
                When::Chance(chance) => rng.f64() < chance,
            };
            now && *used < plan.times
        })?;
        *used += 1;
        Some(plan.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_happen_when_planned() {
        let mut faults = Faults::new(&[
            Plan::at(2, Fault::Html),
            Plan::every(3, Fault::CutJson).times(2),
            Plan::chance(1.0, Fault::Empty).times(1),
        ]);
        let mut rng = fastrand::Rng::with_seed(1);
        let used: Vec<_> = (0..9).map(|_| faults.next(&mut rng)).collect();
        assert_eq!(
            used,
            [
                Some(Fault::Empty),
                Some(Fault::Html),
                Some(Fault::CutJson),
                None,
                None,
                Some(Fault::CutJson),
                None,
                None,
                None
            ]
        );
    }
}
