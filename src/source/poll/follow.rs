//! One sweep after another: which way each one reads, and how long to wait between two.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ask::Breach;
use super::emit::Run;
use super::learnt::Way;
use super::query::{Ask, Sort};
use super::{Halt, Poll, PollEnd, PollError, Strategy};
use crate::source::{Notice, Outlet};
use crate::time::Timestamp;
use crate::watermark::{Dates, Micros};

/// What a quiet poll makes the next wait longer by.
const SLOWER: f64 = 1.5;
/// How far chance moves a wait, so that pollers do not come together.
const JITTER: f64 = 0.1;

pub(super) async fn run(
    poll: &mut Poll,
    outlet: &mut dyn Outlet,
    stop: &CancellationToken,
) -> Result<PollEnd, PollError> {
    let mut run = Run::new(poll, outlet, stop);
    let worked = run.work().await;
    let left = run.leave().await;
    let halt = match worked.and(left).and_then(|()| run.close()) {
        Ok(()) => return Ok(PollEnd::Complete),
        Err(halt) => halt,
    };
    match halt {
        Halt::End(PollEnd::Refused) => {
            run.state().roll_back();
            Ok(PollEnd::Refused)
        }
        Halt::End(end) => match run.commit_last().await.and_then(|()| run.close()) {
            Ok(()) => Ok(end),
            Err(Halt::End(end)) => Ok(end),
            Err(Halt::Error(error)) => Err(error),
        },
        Halt::Error(error) => {
            // What was emitted is as good as it was before the error.
            if !matches!(error, PollError::State(_) | PollError::Output(_)) {
                let _ = run.commit_last().await.and_then(|()| run.close());
            }
            Err(error)
        }
    }
}

impl Run<'_> {
    async fn work(&mut self) -> Result<(), Halt> {
        self.begin();
        let Some((least, most)) = self.poll.options.follow else {
            return self.sweep(false).await;
        };
        let mut wait = least;
        let mut deep_at = None::<Instant>;
        loop {
            let every = self.poll.options.lookback / 2;
            let is_deep = deep_at.is_none_or(|at| at.elapsed() >= every) || !self.may_glance();
            let begun = Instant::now();
            let before = self.emitted;
            match self.sweep(!is_deep).await {
                Ok(()) if is_deep => deep_at = Some(begun),
                Ok(()) => {}
                // Who follows waits for a server that is away.
                Err(Halt::Error(PollError::Spent { tries, source })) => {
                    self.outlet.notice(Notice::Retrying {
                        why: source.to_string(),
                        delay: most,
                        attempt: tries,
                    });
                    wait = most;
                }
                Err(halt) => return Err(halt),
            }
            wait = match self.emitted > before {
                true => least,
                false => wait.mul_f64(SLOWER).min(most).max(least),
            };
            self.sleep(around(wait)).await?;
        }
    }

    /// What the position is before anything is read; committed once it is known whose records they are.
    fn begin(&mut self) {
        if !self.position.has_begun() {
            self.position.since = self.poll.options.since;
        }
        if let Some(output) = &self.poll.output {
            self.position.output = Some(output.place(0));
        }
    }

    /// Whether a look behind the frontier alone says something.
    fn may_glance(&self) -> bool {
        self.position.frontier.is_some()
            && self.learnt.way(Timestamp::now()) == Way::Ascending
            && matches!(
                self.poll.options.strategy,
                Strategy::Auto | Strategy::Ascending
            )
    }

    /// Reads what there is; with `is_glance` only what lies behind the frontier.
    async fn sweep(&mut self, is_glance: bool) -> Result<(), Halt> {
        let began = Timestamp::now();
        let frontier = self.position.frontier;
        let was_settled = self.position.settled;
        (self.server_now, self.safe, self.obeyed) = (None, None, None);
        self.began_at = Instant::now();
        (self.owed, self.left_out, self.undated) = (0, 0, 0);
        self.greatest = None;
        self.is_glance = is_glance;
        let is_first = frontier.is_none();
        self.learnt.doubt(began);
        if self.poll.options.strategy != Strategy::Descending && !self.sniff().await? {
            // Where there is nothing any more, all that there was is gone.
            if !is_glance && self.learnt.key.is_some() {
                self.walk().await?;
            }
            return self.conclude().await;
        }
        let start = match frontier {
            Some(frontier) if is_glance => {
                Some(self.glanced.max(Some(frontier)).unwrap_or(frontier) + self.unit())
            }
            _ => self.position.start(self.poll.options.lookback, self.unit()),
        };
        let start = match start {
            Some(start) => start,
            None => self.earliest().await?,
        };
        self.poll.gauge.spans(
            Some(start),
            self.server_now.or(Some(Timestamp::now().into())),
        );
        self.read_from(start).await?;
        // The record that the frontier stands at should have come again. Where nothing did, dates may be written otherwise by now.
        let is_silent = !is_glance && !is_first && !was_settled && self.greatest.is_none();
        if is_silent && self.learnt.bounds == Some(true) {
            (self.learnt.bounds, self.learnt.dates) = (None, Dates::default());
            if self.sniff().await? {
                self.read_from(start).await?;
            }
        }
        self.look_for_undated(is_first).await?;
        if !is_glance {
            self.walk().await?;
        }
        let stays = self.position.frontier.max(self.frontier()) == frontier;
        let is_cut = self
            .poll
            .options
            .until
            .is_some_and(|until| Some(until) <= frontier);
        if stays && !is_glance && !was_settled && !is_cut {
            let (lookback, unit) = (self.poll.options.lookback, self.unit());
            self.position.settle(began, self.server_now, lookback, unit);
        }
        self.conclude().await
    }

    async fn conclude(&mut self) -> Result<(), Halt> {
        self.position.last_complete = Some(Timestamp::now());
        self.commit_last().await
    }

    /// Reads in the best way that the server allows, and in the next one where an answer shows that it does not.
    async fn read_from(&mut self, start: Micros) -> Result<(), Halt> {
        let now = Timestamp::now();
        if self.learnt.bounds == Some(false) {
            self.learnt.fall_back(Way::Passes, now);
        }
        let mut way = match self.poll.options.strategy {
            Strategy::Auto => self.learnt.way(now),
            Strategy::Ascending => Way::Ascending,
            Strategy::Descending => Way::Descending,
            Strategy::Pages => Way::Passes,
        };
        if self.learnt.bounds == Some(false) && way == Way::Passes {
            self.remark_once(
                "The server does not obey bounds of the date: everything is read, page by page.",
            );
        }
        loop {
            self.climbs = way == Way::Ascending;
            let breach = match way {
                Way::Ascending => self.ascending(start).await?,
                Way::Descending => self.newest_first(start).await?,
                Way::Passes => return self.all_of_it(start).await,
            };
            let Err(breach) = breach else {
                if way == Way::Ascending {
                    self.learnt.stands();
                }
                return Ok(());
            };
            if self.poll.options.strategy != Strategy::Auto {
                return Err(Halt::Error(PollError::Incomplete {
                    why: format!(
                        "{}; --strategy auto reads it in another way",
                        breach.in_words()
                    ),
                }));
            }
            way = self.fall_back(way, breach, now);
        }
    }

    fn fall_back(&mut self, from: Way, breach: Breach, now: Timestamp) -> Way {
        let way = match (from, breach) {
            (Way::Ascending, Breach::Order { is_reversed: true }) => Way::Descending,
            _ => Way::Passes,
        };
        if breach == Breach::Bounds {
            self.learnt.bounds = Some(false);
        }
        self.learnt.fall_back(way, now);
        let how = match way {
            Way::Descending => "from the newest to the oldest",
            _ => "page by page, until a pass finds nothing new",
        };
        self.safe = None;
        self.remark_once(&format!(
            "The server is read in another way, because {}: {how}.",
            breach.in_words()
        ));
        way
    }

    /// Every page, whatever its order.
    async fn all_of_it(&mut self, start: Micros) -> Result<(), Halt> {
        let ask = Ask {
            from: match self.learnt.bounds {
                Some(false) => None,
                _ => Some(self.bound_at(start).text),
            },
            sort: Sort::Ascending,
            ..self.ask()
        };
        self.greatest = None;
        // An answer that obeyed no bound must not make anything forgotten.
        self.obeyed = None;
        match self.passes(&ask, None).await? {
            Ok(()) => {
                self.safe = self.greatest;
                Ok(())
            }
            Err(why) => Err(Halt::Error(PollError::Incomplete { why })),
        }
    }

    /// Downwards from the first request on, which is the documentation's own. Where it finds nothing, its bound may have been of
    /// another shape than the dates here.
    async fn newest_first(&mut self, start: Micros) -> Result<Result<(), Breach>, Halt> {
        self.greatest = None;
        if let Err(breach) = self.descending(start).await? {
            return Ok(Err(breach));
        }
        if self.learnt.bounds.is_none() {
            if self.greatest.is_some() {
                self.learnt.bounds = Some(true);
            } else if self.sniff().await? {
                return self.descending(start).await;
            }
        }
        Ok(Ok(()))
    }

    fn remark_once(&mut self, text: &str) {
        if self.remarked.as_deref() != Some(text) {
            self.remarked = Some(text.to_owned());
            self.outlet.notice(Notice::Remark(text.to_owned()));
        }
    }
}

fn around(wait: Duration) -> Duration {
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * fastrand::f64())
}
