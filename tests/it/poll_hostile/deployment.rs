//! Answers `find` requests: a model with quirks, which changes between requests and remembers what it has sent.

use std::collections::VecDeque;

use serde_json::Value;

use super::dates::Micros;
use super::model::Model;
use super::oracle::{Expectation, Truth, Verdict};
use super::query::{Ask, Found, Quirks};
use super::record::Row;

/// A collection that the HTTP server can search.
pub(crate) trait Collection: Send + 'static {
    /// The server's clock.
    fn now(&self) -> Micros;

    /// Makes the changes before a request.
    fn advance(&mut self) {}

    /// Answers a request, as of `ago` commits before.
    ///
    /// # Errors
    /// The text of a 400.
    fn find(&mut self, body: &Value, ago: u64) -> Result<Found, String>;

    /// Notes rows that were sent completely.
    fn sent(&mut self, _rows: &[Row]) {}
}

/// A model behind the quirks of one server.
pub(crate) struct Deployment {
    pub(crate) model: Model,
    quirks: Quirks,
    rng: fastrand::Rng,
    /// The commits of each record, in the order in which they were sent.
    served: Vec<Vec<u64>>,
    /// Steps of the clock that have not happened yet: before which request, and by how much.
    clock_steps: VecDeque<(usize, Micros)>,
    requests: usize,
}

impl Deployment {
    pub(crate) fn new(model: Model, quirks: Quirks, seed: u64) -> Self {
        Self {
            model,
            quirks,
            rng: fastrand::Rng::with_seed(seed),
            served: Vec::new(),
            clock_steps: VecDeque::new(),
            requests: 0,
        }
    }

    /// Lets the server's clock step before requests with these numbers.
    pub(crate) fn stepping(mut self, steps: &[(usize, Micros)]) -> Self {
        self.clock_steps = steps.iter().copied().collect();
        self
    }

    /// Compares printed lines with the committed versions.
    pub(crate) fn verify(&self, expectation: &Expectation, lines: &[String]) -> Verdict {
        let truth = Truth {
            records: self.model.records(),
            key: self.model.key_name(),
            served: &self.served,
        };
        Verdict::of(&truth, expectation, lines)
    }
}

impl Collection for Deployment {
    fn now(&self) -> Micros {
        self.model.now()
    }

    fn advance(&mut self) {
        self.requests += 1;
        let requests = self.requests;
        let is_due = |step: &mut (usize, Micros)| step.0 <= requests;
        if let Some((_, by)) = self.clock_steps.pop_front_if(is_due) {
            self.model.step_clock(by);
        }
        self.model.advance();
    }

    fn find(&mut self, body: &Value, ago: u64) -> Result<Found, String> {
        let ask = Ask::parse(body, &self.quirks)?;
        let rows = self.model.view(self.model.commits().saturating_sub(ago));
        Ok(ask.answer(&self.quirks, rows, &mut self.rng))
    }

    fn sent(&mut self, rows: &[Row]) {
        self.served.resize(self.model.records().len(), Vec::new());
        for row in rows {
            self.served[row.record].push(row.commit);
        }
    }
}
