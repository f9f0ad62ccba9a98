//! What goes wrong on the wire, and when.

/// One thing that goes wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// 429, and whoever asks before the time has passed is noted down.
    TooMany(RetryAfter),
    /// A status without more.
    Status(u16),
    /// The connection is reset instead of an answer.
    ResetBefore,
    /// The connection is reset within the body.
    ResetMiddle,
    /// The connection ends before `Content-Length` bytes have come, or before the last chunk.
    CutShort,
    /// Half of the JSON, under the `Content-Length` of the half.
    CutJson,
    /// A proxy's page, with 200.
    Html,
    /// `{"error":…}`, with 200.
    ErrorWith200,
    /// An answer in good form that holds no record.
    Empty,
    /// The previous answer once more.
    Duplicate,
    /// The right answer of so many commits ago: a replica that is behind.
    Stale(u64),
    /// No answer, and the connection stays open.
    Silence,
}

/// The form of `Retry-After`; the time is in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Absent,
    Seconds(i64),
    Date(i64),
}

/// A fault with its moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) fault: Fault,
    pub(crate) when: When,
    /// At most so often.
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

/// The plans of a scenario, and how often each has struck.
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

    /// What goes wrong with the next request; the first plan that strikes wins.
    pub(crate) fn strike(&mut self, rng: &mut fastrand::Rng) -> Option<Fault> {
        self.requests += 1;
        let requests = self.requests;
        let (plan, struck) = self.plans.iter_mut().find(|(plan, struck)| {
            let now = match plan.when {
                When::Every(n) => requests.is_multiple_of(n),
                When::At(n) => requests == n,
                When::Chance(chance) => rng.f64() < chance,
            };
            now && *struck < plan.times
        })?;
        *struck += 1;
        Some(plan.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_when_their_plan_says() {
        let mut faults = Faults::new(&[
            Plan::at(2, Fault::Html),
            Plan::every(3, Fault::CutJson).times(2),
            Plan::chance(1.0, Fault::Empty).times(1),
        ]);
        let mut rng = fastrand::Rng::with_seed(1);
        let struck: Vec<_> = (0..9).map(|_| faults.strike(&mut rng)).collect();
        assert_eq!(
            struck,
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
