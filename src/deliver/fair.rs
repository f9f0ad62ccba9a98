//! Decides which claimed job is sent next. Pure.
//!
//! Jobs wait in one lane per endpoint, and lanes take turns (deficit round robin), so that an endpoint with many jobs or large
//! bodies does not delay the others. Each lane has a limit of concurrent requests, which follows the endpoint like the window
//! of TCP: it grows by one after each full window of successes and halves when the endpoint is overloaded. A slow endpoint
//! therefore occupies few connections, and a fast one gets many without any configuration.

use std::collections::{HashMap, VecDeque};

/// Concurrent requests to an endpoint that is not known yet.
pub(super) const INITIAL_LIMIT: usize = 4;
/// Concurrent requests to one endpoint at most.
const MAX_LIMIT: usize = 64;
/// Units of cost that a lane may send per turn.
const QUANTUM: u64 = 4;
/// Bytes of body that cost as much as one request.
const BYTES_PER_UNIT: usize = 64 * 1024;
/// Jobs that are claimed before there is a connection for them, so that connections do not wait for a commit.
const PREFETCH: usize = 256;
/// Idle lanes that keep what they have learned of their endpoint.
pub(super) const MAX_IDLE_LANES: usize = 2_048;

/// What a request shows of the load of its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feedback {
    /// It succeeded: the endpoint may bear more.
    Ok,
    /// It failed for another reason than overload.
    Neutral,
    /// The endpoint asked for fewer requests, or did not answer in time.
    Overloaded,
}

/// A request in flight. The caller returns it to [`Fair::finished`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) endpoint: i64,
    /// Counts the reductions of the limit when the request was sent. Of many requests that fail together only the first one halves the limit.
    generation: u64,
}

#[derive(Debug)]
struct Lane<J> {
    ready: VecDeque<(u64, J)>,
    in_flight: usize,
    limit: usize,
    /// The limit that the circuit sets.
    cap: Option<usize>,
    /// Successes at the limit since it last grew.
    successes: usize,
    generation: u64,
    deficit: u64,
    is_in_ring: bool,
    /// The store may have more jobs for this endpoint.
    has_more: bool,
}

impl<J> Lane<J> {
    fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            in_flight: 0,
            limit: INITIAL_LIMIT,
            cap: None,
            successes: 0,
            generation: 0,
            deficit: 0,
            is_in_ring: false,
            has_more: true,
        }
    }

    fn effective_limit(&self) -> usize {
        self.cap.map_or(self.limit, |cap| cap.min(self.limit))
    }

    /// How many jobs to claim. Twice the limit, so that the lane is not empty while the next claim runs. With a cap only the cap,
    /// because then the result of one request decides whether there is another one.
    fn capacity(&self) -> usize {
        let wanted = match self.cap {
            Some(cap) => cap,
            None => self.limit * 2,
        };
        wanted.saturating_sub(self.in_flight + self.ready.len())
    }

    fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.ready.is_empty()
    }
}

/// All lanes, and the connections that they share.
#[derive(Debug)]
pub(super) struct Fair<J> {
    lanes: HashMap<i64, Lane<J>>,
    ring: VecDeque<i64>,
    in_flight: usize,
    ready: usize,
    max_in_flight: usize,
    /// The last claim returned as many jobs as were requested in total.
    has_more: bool,
}

impl<J> Fair<J> {
    pub(super) fn new(max_in_flight: usize) -> Self {
        Self {
            lanes: HashMap::new(),
            ring: VecDeque::new(),
            in_flight: 0,
            ready: 0,
            max_in_flight: max_in_flight.max(1),
            has_more: false,
        }
    }

    /// Adds a claimed job to the lane of its endpoint.
    pub(super) fn push(&mut self, endpoint: i64, bytes: usize, job: J) {
        let cost = 1 + (bytes / BYTES_PER_UNIT) as u64;
        let lane = self.lanes.entry(endpoint).or_insert_with(Lane::new);
        lane.ready.push_back((cost, job));
        self.ready += 1;
        self.enter_ring(endpoint);
    }

    fn enter_ring(&mut self, endpoint: i64) {
        if let Some(lane) = self.lanes.get_mut(&endpoint)
            && !lane.is_in_ring
            && !lane.ready.is_empty()
        {
            lane.is_in_ring = true;
            self.ring.push_back(endpoint);
        }
    }

    /// The next job to send, if there is a free connection and a lane that may send one.
    pub(super) fn next(&mut self) -> Option<(Ticket, J)> {
        if self.in_flight >= self.max_in_flight {
            return None;
        }
        while let Some(endpoint) = self.ring.front().copied() {
            let lane = self.lanes.get_mut(&endpoint)?;
            let cost = match lane.ready.front() {
                Some((cost, _)) if lane.in_flight < lane.effective_limit() => *cost,
                _ => {
                    // The lane leaves the ring until it has a job and is below its limit.
                    lane.is_in_ring = false;
                    lane.deficit = 0;
                    self.ring.pop_front();
                    continue;
                }
            };
            // Too expensive for this turn: the lane saves up for it, and the others go first.
            if lane.deficit < cost {
                lane.deficit += QUANTUM;
                self.ring.rotate_left(1);
                continue;
            }
            let (_, job) = lane.ready.pop_front()?;
            lane.deficit -= cost;
            lane.in_flight += 1;
            self.in_flight += 1;
            self.ready -= 1;
            let generation = lane.generation;
            return Some((
                Ticket {
                    endpoint,
                    generation,
                },
                job,
            ));
        }
        None
    }

    /// Ends a request and adjusts the limit of its endpoint. Returns whether to claim more jobs.
    pub(super) fn finished(&mut self, ticket: Ticket, feedback: Feedback) -> bool {
        let Some(lane) = self.lanes.get_mut(&ticket.endpoint) else {
            return false;
        };
        let was_full = lane.in_flight >= lane.limit;
        lane.in_flight = lane.in_flight.saturating_sub(1);
        self.in_flight = self.in_flight.saturating_sub(1);
        match feedback {
            // The limit grows only if it was reached: otherwise the success does not show that it is too low.
            Feedback::Ok if was_full && lane.limit < MAX_LIMIT => {
                lane.successes += 1;
                if lane.successes >= lane.limit {
                    lane.limit += 1;
                    lane.successes = 0;
                }
            }
            Feedback::Overloaded if ticket.generation == lane.generation => {
                lane.limit = (lane.limit / 2).max(1);
                lane.successes = 0;
                lane.generation += 1;
            }
            Feedback::Ok | Feedback::Neutral | Feedback::Overloaded => {}
        }
        let is_low = lane.ready.len() * 2 <= lane.effective_limit() && lane.capacity() > 0;
        let wants = lane.has_more && is_low;
        self.enter_ring(ticket.endpoint);
        wants || (self.has_more && self.ready * 2 <= PREFETCH)
    }

    /// Sets the limit of the circuit. When it is removed, the endpoint starts with one request: it has just recovered.
    pub(super) fn set_cap(&mut self, endpoint: i64, cap: Option<usize>) {
        let lane = self.lanes.entry(endpoint).or_insert_with(Lane::new);
        if lane.cap.is_some() && cap.is_none() {
            lane.limit = 1;
            lane.successes = 0;
        }
        lane.cap = cap;
        self.enter_ring(endpoint);
    }

    /// Removes and returns the jobs of an endpoint that were not sent.
    pub(super) fn drain(&mut self, endpoint: i64) -> Vec<J> {
        let Some(lane) = self.lanes.get_mut(&endpoint) else {
            return Vec::new();
        };
        self.ready -= lane.ready.len();
        lane.has_more = true;
        lane.ready.drain(..).map(|(_, job)| job).collect()
    }

    /// Removes and returns all jobs that were not sent.
    pub(super) fn drain_all(&mut self) -> Vec<J> {
        let endpoints: Vec<i64> = self.lanes.keys().copied().collect();
        endpoints
            .into_iter()
            .flat_map(|endpoint| self.drain(endpoint))
            .collect()
    }

    /// How many jobs may be claimed: in total, and for each known endpoint.
    pub(super) fn capacity(&mut self) -> (usize, HashMap<i64, usize>) {
        if self.lanes.len() > MAX_IDLE_LANES {
            self.lanes
                .retain(|_, lane| !lane.is_idle() || lane.is_in_ring || lane.cap.is_some());
        }
        let total = (self.max_in_flight + PREFETCH).saturating_sub(self.in_flight + self.ready);
        let mut per_endpoint = HashMap::with_capacity(self.lanes.len());
        for (endpoint, lane) in &self.lanes {
            per_endpoint.insert(*endpoint, lane.capacity());
        }
        (total, per_endpoint)
    }

    /// Notes how many jobs a claim with [`Fair::capacity`] returned, so that [`Fair::finished`] knows when to claim again.
    pub(super) fn claimed(
        &mut self,
        total: usize,
        requested: &HashMap<i64, usize>,
        received: &HashMap<i64, usize>,
    ) {
        let sum: usize = received.values().sum();
        self.has_more = sum >= total;
        for (endpoint, lane) in &mut self.lanes {
            let requested = requested.get(endpoint).copied().unwrap_or(INITIAL_LIMIT);
            lane.has_more = received.get(endpoint).copied().unwrap_or(0) >= requested;
        }
    }

    /// Whether the endpoint has a lane. If not, its circuit is not needed either.
    pub(super) fn has_lane(&self, endpoint: i64) -> bool {
        self.lanes.contains_key(&endpoint)
    }

    #[cfg(test)]
    fn limit(&self, endpoint: i64) -> usize {
        self.lanes[&endpoint].limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(endpoints: i64, jobs: usize) -> Fair<usize> {
        let mut fair = Fair::new(512);
        for endpoint in 0..endpoints {
            for job in 0..jobs {
                fair.push(endpoint, 0, job);
            }
        }
        fair
    }

    fn send_all(fair: &mut Fair<usize>) -> Vec<Ticket> {
        std::iter::from_fn(|| fair.next().map(|(ticket, _)| ticket)).collect()
    }

    #[test]
    fn an_unknown_endpoint_gets_four_concurrent_requests() {
        let mut fair = filled(1, 10);
        assert_eq!(send_all(&mut fair).len(), INITIAL_LIMIT);
    }

    #[test]
    fn the_connections_of_all_endpoints_are_bounded() {
        let mut fair = Fair::new(6);
        for endpoint in 0..5 {
            for job in 0..4 {
                fair.push(endpoint, 0, job);
            }
        }
        assert_eq!(send_all(&mut fair).len(), 6);
    }

    #[test]
    fn a_hanging_endpoint_occupies_only_its_own_limit() {
        let mut fair = filled(10, 1_000);
        let mut sent = [0_usize; 10];
        let mut in_flight = send_all(&mut fair);
        for _ in 0..100 {
            let (hanging, answered): (Vec<_>, Vec<_>) = in_flight
                .into_iter()
                .partition(|ticket| ticket.endpoint == 0);
            for ticket in answered {
                sent[usize::try_from(ticket.endpoint).unwrap()] += 1;
                fair.finished(ticket, Feedback::Ok);
            }
            in_flight = hanging;
            in_flight.extend(send_all(&mut fair));
        }
        let hanging = in_flight
            .iter()
            .filter(|ticket| ticket.endpoint == 0)
            .count();
        assert_eq!(hanging, INITIAL_LIMIT);
        assert!(
            sent[1..]
                .iter()
                .all(|count| *count == 1_000 || *count > 900),
            "{sent:?}"
        );
    }

    #[test]
    fn lanes_take_turns() {
        let mut fair = Fair::new(512);
        for job in 0..8 {
            fair.push(1, 0, job);
        }
        for job in 0..8 {
            fair.push(2, 0, job);
        }
        let order: Vec<i64> = send_all(&mut fair)
            .iter()
            .map(|ticket| ticket.endpoint)
            .collect();
        assert_eq!(order, [1, 1, 1, 1, 2, 2, 2, 2]);
    }

    #[test]
    fn a_lane_with_large_bodies_sends_fewer_requests() {
        let mut fair = Fair::new(512);
        for endpoint in [1, 2] {
            fair.set_cap(endpoint, None);
            fair.lanes.get_mut(&endpoint).unwrap().limit = MAX_LIMIT;
        }
        for job in 0..40 {
            fair.push(1, 7 * BYTES_PER_UNIT, job);
            fair.push(2, 0, job);
        }
        let first: Vec<i64> = (0..18).map(|_| fair.next().unwrap().0.endpoint).collect();
        let large = first.iter().filter(|endpoint| **endpoint == 1).count();
        assert!((1..=3).contains(&large), "{first:?}");
    }

    #[test]
    fn a_body_larger_than_a_turn_is_sent() {
        let mut fair = Fair::new(512);
        fair.push(1, 64 * 1024 * 1024, 0);
        assert!(fair.next().is_some());
    }

    #[test]
    fn the_limit_grows_by_one_after_a_window_of_successes() {
        let mut fair = filled(1, 400);
        let mut in_flight = send_all(&mut fair);
        for _ in 0..INITIAL_LIMIT {
            fair.finished(in_flight.pop().unwrap(), Feedback::Ok);
            in_flight.extend(send_all(&mut fair));
        }
        assert_eq!(fair.limit(0), INITIAL_LIMIT + 1);
    }

    #[test]
    fn the_limit_never_exceeds_its_maximum() {
        let mut fair = filled(1, 10_000);
        let mut in_flight: VecDeque<_> = send_all(&mut fair).into();
        while let Some(ticket) = in_flight.pop_front() {
            fair.finished(ticket, Feedback::Ok);
            in_flight.extend(send_all(&mut fair));
        }
        assert_eq!(fair.limit(0), MAX_LIMIT);
    }

    #[test]
    fn an_unused_limit_does_not_grow() {
        let mut fair = filled(1, 1);
        for job in 0..100 {
            let (ticket, _) = fair.next().unwrap();
            fair.finished(ticket, Feedback::Ok);
            fair.push(0, 0, job);
        }
        assert_eq!(fair.limit(0), INITIAL_LIMIT);
    }

    #[test]
    fn requests_that_fail_together_halve_the_limit_once() {
        let mut fair = filled(1, 100);
        for ticket in send_all(&mut fair) {
            fair.finished(ticket, Feedback::Overloaded);
        }
        assert_eq!(fair.limit(0), INITIAL_LIMIT / 2);
        for _ in 0..5 {
            for ticket in send_all(&mut fair) {
                fair.finished(ticket, Feedback::Overloaded);
            }
        }
        assert_eq!(fair.limit(0), 1);
    }

    #[test]
    fn after_its_circuit_has_closed_an_endpoint_gets_one_request() {
        let mut fair = filled(1, 100);
        fair.set_cap(0, Some(1));
        fair.set_cap(0, None);
        assert_eq!(send_all(&mut fair).len(), 1);
    }

    #[test]
    fn with_a_cap_of_zero_nothing_is_sent() {
        let mut fair = filled(1, 3);
        fair.set_cap(0, Some(0));
        assert!(fair.next().is_none());
        assert_eq!(fair.capacity().1[&0], 0);
        fair.set_cap(0, Some(1));
        assert!(fair.next().is_some());
    }

    #[test]
    fn a_full_lane_has_no_capacity() {
        let mut fair = filled(1, 2 * INITIAL_LIMIT);
        let (total, of) = fair.capacity();
        assert_eq!(of[&0], 0);
        assert_eq!(total, 512 + PREFETCH - 2 * INITIAL_LIMIT);
    }

    #[test]
    fn more_jobs_are_claimed_when_a_lane_is_half_empty() {
        let mut fair = filled(1, 2 * INITIAL_LIMIT);
        let (total, asked) = fair.capacity();
        fair.claimed(total, &asked, &HashMap::new());
        let mut tickets = send_all(&mut fair);
        assert!(!fair.finished(tickets.pop().unwrap(), Feedback::Neutral));
        tickets.extend(send_all(&mut fair));
        fair.finished(tickets.pop().unwrap(), Feedback::Neutral);
        tickets.extend(send_all(&mut fair));
        assert!(fair.finished(tickets.pop().unwrap(), Feedback::Neutral));
    }

    #[test]
    fn drained_jobs_are_not_sent() {
        let mut fair = filled(2, 3);
        assert_eq!(fair.drain(0).len(), 3);
        assert_eq!(send_all(&mut fair).len(), 3);
        assert_eq!(fair.ready, 0);
        assert!(fair.drain_all().is_empty());
    }

    #[test]
    fn idle_lanes_are_removed_when_there_are_too_many() {
        let mut fair = Fair::new(512);
        for endpoint in 0..5_000 {
            fair.push(endpoint, 0, ());
            let (ticket, ()) = fair.next().unwrap();
            fair.finished(ticket, Feedback::Ok);
        }
        while fair.next().is_some() {}
        fair.capacity();
        assert!(fair.lanes.len() <= MAX_IDLE_LANES, "{}", fair.lanes.len());
    }
}
