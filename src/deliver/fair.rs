//! Whose turn it is: claimed jobs wait in a lane per endpoint, lanes take turns by deficit round robin, and each has a limit
//! that grows while the endpoint keeps up and halves when it does not. Pure.

use std::collections::{HashMap, VecDeque};

/// Requests at once to an endpoint that nothing is known of.
pub(crate) const START: usize = 4;
/// Requests at once to one endpoint at most.
pub(crate) const MOST: usize = 64;
/// What a lane may send a turn, in units of cost.
const QUANTUM: u64 = 4;
/// Bytes of body that cost as much as one request.
const BYTES_A_UNIT: usize = 64 * 1024;
/// Jobs that are claimed beyond those under way, so that sockets do not wait for commits.
const AHEAD: usize = 256;
/// Idle lanes that are remembered.
pub(crate) const LANES: usize = 2_048;

/// How an endpoint bore a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// It answered well: more may be tried.
    Fine,
    /// It failed, but not for being asked too much.
    Unchanged,
    /// It asked for less, or did not answer in time.
    TooMuch,
}

/// A job's place in a lane: handed back when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) endpoint: i64,
    /// The limit's generation when the request began: of many requests that fail together only the first halves the limit.
    generation: u64,
}

#[derive(Debug)]
struct Lane<J> {
    ready: VecDeque<(u64, J)>,
    in_flight: usize,
    limit: usize,
    /// A limit from outside: the circuit's.
    cap: Option<usize>,
    grown: usize,
    generation: u64,
    deficit: u64,
    listed: bool,
    /// The store may have more jobs than were claimed.
    more: bool,
}

impl<J> Lane<J> {
    fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            in_flight: 0,
            limit: START,
            cap: None,
            grown: 0,
            generation: 0,
            deficit: 0,
            listed: false,
            more: true,
        }
    }

    fn allowed(&self) -> usize {
        self.cap.map_or(self.limit, |cap| cap.min(self.limit))
    }

    /// Twice the limit is claimed, except where each request decides about the next.
    fn room(&self) -> usize {
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

/// All lanes, and the sockets that they share.
#[derive(Debug)]
pub(crate) struct Fair<J> {
    lanes: HashMap<i64, Lane<J>>,
    ring: VecDeque<i64>,
    in_flight: usize,
    ready: usize,
    max_in_flight: usize,
    /// The last claim was cut short by the number of jobs in all.
    more: bool,
}

impl<J> Fair<J> {
    pub(crate) fn new(max_in_flight: usize) -> Self {
        Self {
            lanes: HashMap::new(),
            ring: VecDeque::new(),
            in_flight: 0,
            ready: 0,
            max_in_flight: max_in_flight.max(1),
            more: false,
        }
    }

    /// Puts a claimed job into its endpoint's lane.
    pub(crate) fn push(&mut self, endpoint: i64, bytes: usize, job: J) {
        let cost = 1 + (bytes / BYTES_A_UNIT) as u64;
        let lane = self.lanes.entry(endpoint).or_insert_with(Lane::new);
        lane.ready.push_back((cost, job));
        self.ready += 1;
        self.list(endpoint);
    }

    fn list(&mut self, endpoint: i64) {
        if let Some(lane) = self.lanes.get_mut(&endpoint)
            && !lane.listed
            && !lane.ready.is_empty()
        {
            lane.listed = true;
            self.ring.push_back(endpoint);
        }
    }

    /// The next job to send, if a socket is free and any lane may send one.
    pub(crate) fn next(&mut self) -> Option<(Ticket, J)> {
        if self.in_flight >= self.max_in_flight {
            return None;
        }
        while let Some(endpoint) = self.ring.front().copied() {
            let lane = self.lanes.get_mut(&endpoint)?;
            let cost = match lane.ready.front() {
                Some((cost, _)) if lane.in_flight < lane.allowed() => *cost,
                _ => {
                    // Off the ring until a job or a socket comes back to it.
                    lane.listed = false;
                    lane.deficit = 0;
                    self.ring.pop_front();
                    continue;
                }
            };
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

    /// A request is over: its socket is free, and the limit learns from it. Returns whether it is time to claim more.
    pub(crate) fn finished(&mut self, ticket: Ticket, pressure: Pressure) -> bool {
        let Some(lane) = self.lanes.get_mut(&ticket.endpoint) else {
            return false;
        };
        let was_full = lane.in_flight >= lane.limit;
        lane.in_flight = lane.in_flight.saturating_sub(1);
        self.in_flight = self.in_flight.saturating_sub(1);
        match pressure {
            Pressure::Fine if was_full && lane.limit < MOST => {
                lane.grown += 1;
                if lane.grown >= lane.limit {
                    lane.limit += 1;
                    lane.grown = 0;
                }
            }
            Pressure::TooMuch if ticket.generation == lane.generation => {
                lane.limit = (lane.limit / 2).max(1);
                lane.grown = 0;
                lane.generation += 1;
            }
            Pressure::Fine | Pressure::Unchanged | Pressure::TooMuch => {}
        }
        let is_low = lane.ready.len() * 2 <= lane.allowed() && lane.room() > 0;
        let wants = lane.more && is_low;
        self.list(ticket.endpoint);
        wants || (self.more && self.ready * 2 <= AHEAD)
    }

    /// Limits an endpoint from outside; an endpoint that was limited starts with one request and grows from there.
    pub(crate) fn set_cap(&mut self, endpoint: i64, cap: Option<usize>) {
        let lane = self.lanes.entry(endpoint).or_insert_with(Lane::new);
        if lane.cap.is_some() && cap.is_none() {
            lane.limit = 1;
            lane.grown = 0;
        }
        lane.cap = cap;
        self.list(endpoint);
    }

    /// Takes back the jobs of an endpoint that have not been sent.
    pub(crate) fn drain(&mut self, endpoint: i64) -> Vec<J> {
        let Some(lane) = self.lanes.get_mut(&endpoint) else {
            return Vec::new();
        };
        self.ready -= lane.ready.len();
        lane.more = true;
        lane.ready.drain(..).map(|(_, job)| job).collect()
    }

    /// Takes back all jobs that have not been sent.
    pub(crate) fn drain_all(&mut self) -> Vec<J> {
        let endpoints: Vec<i64> = self.lanes.keys().copied().collect();
        endpoints
            .into_iter()
            .flat_map(|endpoint| self.drain(endpoint))
            .collect()
    }

    /// What may be claimed: jobs in all, and jobs of each known endpoint.
    pub(crate) fn room(&mut self) -> (usize, HashMap<i64, usize>) {
        if self.lanes.len() > LANES {
            self.lanes
                .retain(|_, lane| !lane.is_idle() || lane.listed || lane.cap.is_some());
        }
        let total = (self.max_in_flight + AHEAD).saturating_sub(self.in_flight + self.ready);
        let mut of = HashMap::with_capacity(self.lanes.len());
        for (endpoint, lane) in &self.lanes {
            of.insert(*endpoint, lane.room());
        }
        (total, of)
    }

    /// Notes what a claim under [`Fair::room`] brought, so that [`Fair::finished`] knows when to claim again.
    pub(crate) fn claimed(
        &mut self,
        total: usize,
        asked: &HashMap<i64, usize>,
        brought: &HashMap<i64, usize>,
    ) {
        let sum: usize = brought.values().sum();
        self.more = sum >= total;
        for (endpoint, lane) in &mut self.lanes {
            let asked = asked.get(endpoint).copied().unwrap_or(START);
            lane.more = brought.get(endpoint).copied().unwrap_or(0) >= asked;
        }
    }

    /// Whether the circuit's memory of an endpoint is still of use.
    pub(crate) fn knows(&self, endpoint: i64) -> bool {
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
    fn an_unknown_endpoint_gets_four_at_once() {
        let mut fair = filled(1, 10);
        assert_eq!(send_all(&mut fair).len(), START);
    }

    #[test]
    fn the_sockets_are_bounded_over_all_endpoints() {
        let mut fair = Fair::new(6);
        for endpoint in 0..5 {
            for job in 0..4 {
                fair.push(endpoint, 0, job);
            }
        }
        assert_eq!(send_all(&mut fair).len(), 6);
    }

    #[test]
    fn one_that_hangs_takes_its_own_limit_and_no_more() {
        let mut fair = filled(10, 1_000);
        let mut sent = [0_usize; 10];
        let mut under_way = send_all(&mut fair);
        for _ in 0..100 {
            let (hanging, answered): (Vec<_>, Vec<_>) = under_way
                .into_iter()
                .partition(|ticket| ticket.endpoint == 0);
            for ticket in answered {
                sent[usize::try_from(ticket.endpoint).unwrap()] += 1;
                fair.finished(ticket, Pressure::Fine);
            }
            under_way = hanging;
            under_way.extend(send_all(&mut fair));
        }
        let hanging = under_way
            .iter()
            .filter(|ticket| ticket.endpoint == 0)
            .count();
        assert_eq!(hanging, START);
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
    fn a_lane_of_great_bodies_gets_fewer_turns() {
        let mut fair = Fair::new(512);
        for endpoint in [1, 2] {
            fair.set_cap(endpoint, None);
            fair.lanes.get_mut(&endpoint).unwrap().limit = MOST;
        }
        for job in 0..40 {
            fair.push(1, 7 * BYTES_A_UNIT, job);
            fair.push(2, 0, job);
        }
        let first: Vec<i64> = (0..18).map(|_| fair.next().unwrap().0.endpoint).collect();
        let great = first.iter().filter(|endpoint| **endpoint == 1).count();
        assert!((1..=3).contains(&great), "{first:?}");
    }

    #[test]
    fn a_body_greater_than_any_turn_is_sent_at_last() {
        let mut fair = Fair::new(512);
        fair.push(1, 64 * 1024 * 1024, 0);
        assert!(fair.next().is_some());
    }

    #[test]
    fn the_limit_grows_by_one_for_each_window_that_went_well() {
        let mut fair = filled(1, 400);
        let mut under_way = send_all(&mut fair);
        for _ in 0..START {
            fair.finished(under_way.pop().unwrap(), Pressure::Fine);
            under_way.extend(send_all(&mut fair));
        }
        assert_eq!(fair.limit(0), START + 1);
    }

    #[test]
    fn the_limit_never_passes_its_bound() {
        let mut fair = filled(1, 10_000);
        let mut under_way: VecDeque<_> = send_all(&mut fair).into();
        while let Some(ticket) = under_way.pop_front() {
            fair.finished(ticket, Pressure::Fine);
            under_way.extend(send_all(&mut fair));
        }
        assert_eq!(fair.limit(0), MOST);
    }

    #[test]
    fn an_unused_limit_does_not_grow() {
        let mut fair = filled(1, 1);
        for job in 0..100 {
            let (ticket, _) = fair.next().unwrap();
            fair.finished(ticket, Pressure::Fine);
            fair.push(0, 0, job);
        }
        assert_eq!(fair.limit(0), START);
    }

    #[test]
    fn requests_that_fail_together_halve_the_limit_once() {
        let mut fair = filled(1, 100);
        for ticket in send_all(&mut fair) {
            fair.finished(ticket, Pressure::TooMuch);
        }
        assert_eq!(fair.limit(0), START / 2);
        for _ in 0..5 {
            for ticket in send_all(&mut fair) {
                fair.finished(ticket, Pressure::TooMuch);
            }
        }
        assert_eq!(fair.limit(0), 1);
    }

    #[test]
    fn after_a_circuit_has_closed_the_endpoint_gets_a_trickle_that_grows() {
        let mut fair = filled(1, 100);
        fair.set_cap(0, Some(1));
        fair.set_cap(0, None);
        assert_eq!(send_all(&mut fair).len(), 1);
    }

    #[test]
    fn a_cap_of_nothing_sends_nothing() {
        let mut fair = filled(1, 3);
        fair.set_cap(0, Some(0));
        assert!(fair.next().is_none());
        assert_eq!(fair.room().1[&0], 0);
        fair.set_cap(0, Some(1));
        assert!(fair.next().is_some());
    }

    #[test]
    fn a_saturated_endpoint_has_no_room() {
        let mut fair = filled(1, 2 * START);
        let (total, of) = fair.room();
        assert_eq!(of[&0], 0);
        assert_eq!(total, 512 + AHEAD - 2 * START);
    }

    #[test]
    fn more_is_claimed_when_half_of_what_was_ready_is_gone() {
        let mut fair = filled(1, 2 * START);
        let (total, asked) = fair.room();
        fair.claimed(total, &asked, &HashMap::new());
        let mut tickets = send_all(&mut fair);
        assert!(!fair.finished(tickets.pop().unwrap(), Pressure::Unchanged));
        tickets.extend(send_all(&mut fair));
        fair.finished(tickets.pop().unwrap(), Pressure::Unchanged);
        tickets.extend(send_all(&mut fair));
        assert!(fair.finished(tickets.pop().unwrap(), Pressure::Unchanged));
    }

    #[test]
    fn drained_jobs_are_neither_sent_nor_counted() {
        let mut fair = filled(2, 3);
        assert_eq!(fair.drain(0).len(), 3);
        assert_eq!(send_all(&mut fair).len(), 3);
        assert_eq!(fair.ready, 0);
        assert!(fair.drain_all().is_empty());
    }

    #[test]
    fn idle_lanes_are_forgotten_when_there_are_many() {
        let mut fair = Fair::new(512);
        for endpoint in 0..5_000 {
            fair.push(endpoint, 0, ());
            let (ticket, ()) = fair.next().unwrap();
            fair.finished(ticket, Pressure::Fine);
        }
        while fair.next().is_some() {}
        fair.room();
        assert!(fair.lanes.len() <= LANES, "{}", fair.lanes.len());
    }
}
