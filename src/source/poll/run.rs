//! One process's work: scans, the way in which each one reads, and the pauses between them.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::capabilities::Method;
use super::halt::{Halt, Violation};
use super::output::Output;
use super::page::{Page, Row};
use super::request::{Request, Sort};
use super::scan::Scan;
use super::server::{EMPTY_RESPONSES, Server};
use super::{
    Poll, PollEnd, PollError, PollOptions, Strategy, ascending, clock, descending, key_sweep,
    passes, probe, silence, undated,
};
use crate::source::{Notice, Outlet};
use crate::time::Timestamp;
use crate::watermark::{Dates, Micros};

/// By how much a scan without new records makes the next pause longer.
const IDLE_FACTOR: f64 = 1.5;
/// Random deviation of a pause, so that several pollers spread out.
const JITTER: f64 = 0.1;

pub(super) async fn run(
    poll: &mut Poll,
    outlet: &mut dyn Outlet,
    stop: &CancellationToken,
) -> Result<PollEnd, PollError> {
    let mut run = Run::new(poll, outlet, stop);
    let scanned = run.scan_until_done().await;
    let finished = run.server.finish_prefetch(&mut run.output).await;
    let halt = match scanned.and(finished).and_then(|()| run.output.close()) {
        Ok(()) => return Ok(PollEnd::Complete),
        Err(halt) => halt,
    };
    match halt.into_result() {
        Ok(PollEnd::OutletClosed) => {
            run.output.state.roll_back();
            Ok(PollEnd::OutletClosed)
        }
        Ok(end) => match run.finish().await {
            Ok(()) => Ok(end),
            Err(halt) => halt.into_result(),
        },
        Err(error) => {
            // Records emitted before the error are complete, so they are committed, unless the commit itself failed.
            if !matches!(error, PollError::State(_) | PollError::Output(_)) {
                let _ = run.finish().await;
            }
            Err(error)
        }
    }
}

/// The work of one process.
pub(super) struct Run<'a> {
    pub(super) options: &'a PollOptions,
    pub(super) server: Server<'a>,
    pub(super) scan: Scan,
    pub(super) output: Output<'a>,
    /// The last remark about how the server is read.
    last_remark: Option<String>,
}

impl<'a> Run<'a> {
    fn new(poll: &'a mut Poll, outlet: &'a mut dyn Outlet, stop: &'a CancellationToken) -> Self {
        let Poll {
            options,
            subject,
            find,
            state,
            file,
            progress,
        } = poll;
        let options: &PollOptions = options;
        Self {
            options,
            server: Server::new(options, subject, find, state.position(), stop),
            scan: Scan::new(false),
            output: Output::new(options, outlet, state, file.as_ref(), progress),
            last_remark: None,
        }
    }

    /// [`Server::page`]
    pub(super) async fn page(&mut self, request: &Request) -> Result<Page, Halt> {
        self.server.page(&mut self.output, request).await
    }

    /// [`Server::checked_page`]
    pub(super) async fn checked_page(
        &mut self,
        request: &Request,
        check: impl Fn(&Page) -> Result<(), Violation>,
    ) -> Result<Page, Halt> {
        self.server
            .checked_page(&mut self.output, request, check)
            .await
    }

    /// [`Server::next_page`]
    pub(super) async fn next_page(
        &mut self,
        request: &Request,
        check: impl Fn(&Page) -> Result<(), Violation>,
    ) -> Result<Option<Page>, Halt> {
        self.server
            .next_page(&mut self.output, request, check)
            .await
    }

    /// Emits every new row of a page, in its order.
    pub(super) async fn emit(&mut self, page: &Page) -> Result<(), Halt> {
        self.emit_rows(page, page.rows.iter()).await
    }

    pub(super) async fn emit_rows(
        &mut self,
        page: &Page,
        rows: impl Iterator<Item = &Row>,
    ) -> Result<(), Halt> {
        for row in rows {
            let is_new = self
                .output
                .emit_row(page, row, &self.server, &mut self.scan)?;
            if is_new && self.options.commit_each_record {
                self.commit().await?;
            }
            self.scan.advance(row.at, self.server.unit());
            if self
                .options
                .max
                .is_some_and(|max| self.output.emitted >= max)
            {
                return Err(Halt::End(PollEnd::MaxReached));
            }
        }
        if let Some(at) = page.rows.last().and_then(|row| row.at) {
            self.output.progress.update().at = Some(at);
        }
        Ok(())
    }

    /// Commits after a page if that is due, and stops if the caller asks for it.
    pub(super) async fn page_done(&mut self) -> Result<(), Halt> {
        if self.output.is_commit_due() {
            self.commit().await?;
        }
        match self.server.pacing.is_stopped() {
            true => Err(Halt::End(PollEnd::Stopped)),
            false => Ok(()),
        }
    }

    pub(super) async fn commit(&mut self) -> Result<(), Halt> {
        self.output
            .commit(&self.server, &mut self.scan, false)
            .await
    }

    async fn finish(&mut self) -> Result<(), Halt> {
        self.output
            .commit(&self.server, &mut self.scan, true)
            .await?;
        self.output.close()
    }

    async fn scan_until_done(&mut self) -> Result<(), Halt> {
        let Some((shortest, longest)) = self.options.follow else {
            return self.scan(false).await;
        };
        let mut pause = shortest;
        let mut last_deep = None::<Instant>;
        loop {
            // A record that becomes visible late is found by the next deep scan. Two of them per lookback let a frontier settle
            // soon without reading the lookback again in every scan.
            let interval = self.options.lookback / 2;
            let is_deep =
                last_deep.is_none_or(|at| at.elapsed() >= interval) || !self.may_scan_quickly();
            let begun = Instant::now();
            let before = self.output.emitted;
            match self.scan(!is_deep).await {
                Ok(()) if is_deep => last_deep = Some(begun),
                Ok(()) => {}
                // With `--follow`, a server that is down is awaited.
                Err(Halt::Error(PollError::RetriesExhausted { tries, source })) => {
                    self.output.notice(Notice::Retrying {
                        why: source.to_string(),
                        delay: longest,
                        attempt: tries,
                    });
                    pause = longest;
                }
                Err(halt) => return Err(halt),
            }
            pause = match self.output.emitted > before {
                true => shortest,
                false => pause.mul_f64(IDLE_FACTOR).min(longest).max(shortest),
            };
            self.server.pacing.sleep(jittered(pause)).await?;
        }
    }

    /// Whether it is enough to ask for what is after the frontier.
    fn may_scan_quickly(&self) -> bool {
        self.output.position.frontier.is_some()
            && self.server.capabilities.method(Timestamp::now()) == Method::Ascending
            && matches!(self.options.strategy, Strategy::Auto | Strategy::Ascending)
    }

    /// Reads what has changed.
    async fn scan(&mut self, is_quick: bool) -> Result<(), Halt> {
        let began = Timestamp::now();
        let frontier = self.output.position.frontier;
        let was_settled = self.output.position.settled;
        let is_first = frontier.is_none();
        self.scan.restart(is_quick);
        self.server.clock = None;
        self.server.empty_responses = if is_quick { 1 } else { EMPTY_RESPONSES };
        self.server.capabilities.expire_fallback(began);
        if self.options.strategy != Strategy::Descending
            && !probe::probe(&mut self.server, &mut self.output).await?
        {
            // There are no records. If there were some before, all of them are deleted.
            if !is_quick && self.server.capabilities.key.is_some() {
                key_sweep::sweep(self).await?;
            }
            return self.conclude().await;
        }
        let start = self.start().await?;
        let clock = self.server.clock.unwrap_or_else(|| Timestamp::now().into());
        self.output.progress.set_span(start, clock);
        self.read_from(start).await?;
        if clock::went_back(self).await? {
            self.scan.restart(false);
            self.server.empty_responses = EMPTY_RESPONSES;
            let start = self.start().await?;
            self.read_from(start).await?;
        }
        // The record at the frontier should have been sent again. If nothing was, the server may write dates differently now,
        // so that the bound matches nothing: probe it again.
        let is_silent = !is_quick && !is_first && !was_settled && self.scan.latest.is_none();
        let is_explained = is_silent && self.explain_silence(start).await?;
        if !is_quick {
            undated::look_for_undated(self).await?;
            key_sweep::sweep(self).await?;
        }
        // A scan that has read nothing proves nothing, unless it is known why.
        if self.scan.latest.is_some() || is_explained {
            self.settle(began, frontier, was_settled);
        }
        self.conclude().await
    }

    /// Finds out why a scan has read nothing where records were read before. Returns whether they are deleted.
    async fn explain_silence(&mut self, start: Micros) -> Result<bool, Halt> {
        let capabilities = &mut self.server.capabilities;
        if capabilities.bounds != Some(true) {
            return Ok(false);
        }
        (capabilities.bounds, capabilities.dates) = (None, Dates::default());
        if !probe::probe(&mut self.server, &mut self.output).await? {
            return Ok(false);
        }
        self.read_from(start).await?;
        match self.scan.latest {
            Some(_) => Ok(false),
            None => silence::is_explained(self, start).await,
        }
    }

    /// Where the scan starts to read.
    async fn start(&mut self) -> Result<Micros, Halt> {
        let (position, unit) = (&self.output.position, self.server.unit());
        let start = match position.frontier {
            Some(frontier) if self.scan.is_quick => Some(
                self.scan
                    .quick_frontier
                    .map_or(frontier, |at| at.max(frontier))
                    + unit,
            ),
            _ => position.start(self.options.lookback, unit),
        };
        match start {
            Some(start) => Ok(start),
            None => probe::earliest_bound(&mut self.server, &mut self.output).await,
        }
    }

    /// Marks the frontier as settled if this scan proves that nothing before it can still appear.
    fn settle(&mut self, began: Timestamp, frontier: Option<Micros>, was_settled: bool) {
        let until = self.options.until;
        let reached = self.scan.frontier(&self.server, until);
        let has_moved = self.output.position.frontier.max(reached) != frontier;
        // A scan that `--until` ends before the frontier has not read up to it.
        let is_cut_short = until.is_some_and(|until| Some(until) <= frontier);
        if !has_moved && !self.scan.is_quick && !was_settled && !is_cut_short {
            let (lookback, unit) = (self.options.lookback, self.server.unit());
            self.output
                .position
                .settle(began, self.server.clock, lookback, unit);
        }
    }

    async fn conclude(&mut self) -> Result<(), Halt> {
        self.output.position.last_complete = Some(Timestamp::now());
        self.output.commit(&self.server, &mut self.scan, true).await
    }

    /// Reads with the best method that the server supports, and with the next one after a response shows that it does not.
    async fn read_from(&mut self, start: Micros) -> Result<(), Halt> {
        let now = Timestamp::now();
        let ignores_bounds = self.server.capabilities.bounds == Some(false);
        if ignores_bounds {
            self.server.capabilities.fall_back(Method::Passes, now);
        }
        let mut method = match self.options.strategy {
            Strategy::Auto => self.server.capabilities.method(now),
            Strategy::Ascending => Method::Ascending,
            Strategy::Descending => Method::Descending,
            Strategy::Pages => Method::Passes,
        };
        if ignores_bounds && method == Method::Passes {
            self.remark_once(
                "The server does not respect bounds of the date: reading every record, page by page.",
            );
        }
        loop {
            self.scan.is_ascending = method == Method::Ascending;
            let read = match method {
                Method::Ascending => ascending::read(self, start).await,
                Method::Descending => self.newest_first(start).await,
                Method::Passes => return self.every_page(start).await,
            };
            let violation = match read {
                Err(Halt::Violation(violation)) => violation,
                read => {
                    if read.is_ok() && method == Method::Ascending {
                        self.server.capabilities.clear_fallback();
                    }
                    return read;
                }
            };
            if self.options.strategy != Strategy::Auto {
                let why = format!("{violation}; --strategy auto reads it in another way");
                return Err(PollError::Incomplete { why }.into());
            }
            method = self.fall_back(method, &violation, now);
        }
    }

    fn fall_back(&mut self, from: Method, violation: &Violation, now: Timestamp) -> Method {
        let (method, how) = match (from, violation) {
            (Method::Ascending, Violation::Reversed) => {
                (Method::Descending, "from the newest to the oldest")
            }
            _ => (
                Method::Passes,
                "page by page, until a pass finds nothing new",
            ),
        };
        if *violation == Violation::Bounds {
            self.server.capabilities.bounds = Some(false);
        }
        self.server.capabilities.fall_back(method, now);
        // The order was not reliable after all, so nothing read so far is known to be complete.
        self.scan.complete_to = None;
        self.remark_once(&format!(
            "The server is read in another way, because {violation}: {how}."
        ));
        method
    }

    /// Reads every page, whatever its order.
    async fn every_page(&mut self, start: Micros) -> Result<(), Halt> {
        let mut request = self
            .server
            .request_from(&self.server.bound_at(start), Sort::Ascending);
        if self.server.capabilities.bounds == Some(false) {
            request.from = None;
        }
        self.scan.latest = None;
        // No response has to respect a bound here, so none may cause versions to be forgotten.
        self.scan.verified_bound = None;
        match passes::read(self, &request, None).await {
            Ok(()) => {
                self.scan.complete_to = self.scan.latest;
                Ok(())
            }
            Err(Halt::Violation(violation)) => Err(PollError::Incomplete {
                why: violation.to_string(),
            }
            .into()),
            Err(halt) => Err(halt),
        }
    }

    /// Reads in descending order. With `--strategy desc` the server was not probed, so if nothing comes, the bound may have been
    /// in another format than the server's dates: probe, and read again.
    async fn newest_first(&mut self, start: Micros) -> Result<(), Halt> {
        self.scan.latest = None;
        descending::read(self, start).await?;
        if self.server.capabilities.bounds.is_none() {
            if let Some(latest) = self.scan.latest {
                self.server.capabilities.bounds = Some(true);
                probe::probe_lower_bound(&mut self.server, &mut self.output, latest).await?;
                if self.server.capabilities.excludes_bound {
                    return descending::read(self, start).await;
                }
            } else if probe::probe(&mut self.server, &mut self.output).await? {
                return descending::read(self, start).await;
            }
        }
        Ok(())
    }

    pub(super) fn remark_once(&mut self, text: &str) {
        if self.last_remark.as_deref() != Some(text) {
            self.last_remark = Some(text.to_owned());
            self.output.notice(Notice::Remark(text.to_owned()));
        }
    }
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * fastrand::f64())
}
