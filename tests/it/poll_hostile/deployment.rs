//! What answers `find`: a model behind quirks, which lives on between requests and remembers what it sent.

use serde_json::Value;

use super::dates::Micros;
use super::model::Model;
use super::oracle::{Terms, Truth, Verdict};
use super::query::{Ask, Found, Quirks};
use super::record::Row;

/// Something that can be searched, as the wire sees it.
pub(crate) trait Collection: Send + 'static {
    /// The deployment's clock.
    fn now(&self) -> Micros;

    /// What happens before a request is answered, or not answered.
    fn live_on(&mut self) {}

    /// Answers as of `ago` commits before.
    ///
    /// # Errors
    /// The text of a 400.
    fn find(&mut self, body: &Value, ago: u64) -> Result<Found, String>;

    /// Notes what went out in full.
    fn sent(&mut self, _rows: &[Row]) {}
}

/// A model as one deployment shows it.
pub(crate) struct Deployment {
    pub(crate) model: Model,
    quirks: Quirks,
    rng: fastrand::Rng,
    /// Of each record, the commits in the order in which they were sent.
    served: Vec<Vec<u64>>,
}

impl Deployment {
    pub(crate) fn new(model: Model, quirks: Quirks, seed: u64) -> Self {
        Self {
            model,
            quirks,
            rng: fastrand::Rng::with_seed(seed),
            served: Vec::new(),
        }
    }

    /// Holds what was printed against what was committed.
    pub(crate) fn judge(&self, terms: &Terms, lines: &[String]) -> Verdict {
        let truth = Truth {
            records: self.model.records(),
            key: self.model.key_name(),
            served: &self.served,
        };
        Verdict::of(&truth, terms, lines)
    }
}

impl Collection for Deployment {
    fn now(&self) -> Micros {
        self.model.now()
    }

    fn live_on(&mut self) {
        self.model.live_on();
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
