//! Asking the server: one page at a time and the next one on its way, again where that may help, and never before it wants to be asked.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::emit::Run;
use super::page::{NotAPage, Page};
use super::query::Ask;
use super::{Halt, PollEnd, PollError};
use crate::api::{Answer, ApiError, Why};
use crate::source::Notice;
use crate::time::Timestamp;

/// Tries of one request.
const TRIES: u32 = 12;
/// The first wait is drawn from this span, each later one from twice the span, up to the last.
const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(10);
/// The least that a page is made to try whether the server takes it.
const SMALLEST: u32 = 10;
/// How often an answer that is not what was asked for is asked for again.
const DOUBTS: u32 = 5;
/// How often an answer is asked for again that came just before for another question.
const ECHOES: u32 = 2;
/// How long the last answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often nothing has to be the answer before it is believed.
pub(super) const EMPTIES: u32 = 4;

/// A request that was made before it was needed.
pub(super) struct Ahead {
    body: Vec<u8>,
    answer: AbortOnDropHandle<Result<Answer, ApiError>>,
}

/// What an answer does not keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// A record lies outside of the bounds, or has no date.
    Bounds,
    /// The order is not the one that was asked for; whether it is the opposite one.
    Order { is_reversed: bool },
    /// The keys are not in order, or not behind the one that was named.
    Keys,
    /// The server refuses requests of this kind.
    NotTaken,
}

impl Breach {
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Bounds => "it sends records outside of the dates that were asked for",
            Self::Order { is_reversed: true } => {
                "it sends the newest first, whatever order is asked for"
            }
            Self::Order { is_reversed: false } => "it does not sort",
            Self::Keys => "it does not go on behind a key",
            Self::NotTaken => "it refuses such requests",
        }
    }
}

/// How a try failed.
enum Failure {
    /// Another try may do.
    Passing(PollError),
    /// The server has understood, and does not do this.
    NotTaken(ApiError),
    Final(PollError),
}

impl Run<'_> {
    /// Asks for a page, again and again where that may help.
    pub(super) async fn page(&mut self, ask: &Ask) -> Result<Page, Halt> {
        match self.try_page(ask).await? {
            Ok(page) => Ok(page),
            Err(refused) => Err(refused.into()),
        }
    }

    /// [`Run::page`] for a kind of request that a server need not take: its refusal is a value.
    pub(super) async fn try_page(&mut self, ask: &Ask) -> Result<Result<Page, ApiError>, Halt> {
        let mut body = self.question.body(ask);
        let size = self.question.page_size;
        let mut tries = 0;
        loop {
            self.wait_for_turn().await?;
            self.poll.gauge.asked(tries > 0);
            let failure = match self.send(&body).await? {
                Ok(answer) => match self.read(answer)? {
                    Ok(page) => {
                        let size = ask.size.unwrap_or(self.question.page_size);
                        let widest = self.widest.entry(size).or_default();
                        *widest = page.len().max(*widest);
                        self.takes_size |= ask.size.is_none();
                        return Ok(Ok(page));
                    }
                    Err(why) => Failure::Passing(PollError::NoPages {
                        why: why.to_string(),
                    }),
                },
                Err(error) => self.judge(error),
            };
            let error = match failure {
                Failure::Passing(error) => error,
                Failure::NotTaken(refused) => {
                    if ask.size.is_none() && self.may_be_too_large(&refused) {
                        self.question.page_size /= 2;
                        body = self.question.body(ask);
                        continue;
                    }
                    self.question.page_size = size;
                    return Ok(Err(refused));
                }
                Failure::Final(error) => return Err(error.into()),
            };
            tries += 1;
            if tries == TRIES {
                return Err(Halt::Error(PollError::Spent {
                    tries,
                    source: Box::new(error),
                }));
            }
            self.wait_after(&error, tries).await?;
        }
    }

    /// Asks until the answer keeps to what was asked, and gives up after some doubts.
    pub(super) async fn checked(
        &mut self,
        ask: &Ask,
        check: impl Fn(&Page) -> Result<(), Breach>,
    ) -> Result<Result<Page, Breach>, Halt> {
        self.next_but(EMPTIES, ask, check)
            .await
            .map(|page| page.map(Option::unwrap_or_default))
    }

    /// [`Run::checked`] for a page that may be empty: `None` once nothing was the answer often enough.
    pub(super) async fn next(
        &mut self,
        ask: &Ask,
        check: impl Fn(&Page) -> Result<(), Breach>,
    ) -> Result<Result<Option<Page>, Breach>, Halt> {
        let needed = if self.is_glance { 1 } else { EMPTIES };
        self.next_but(needed, ask, check).await
    }

    /// A page that keeps to what was asked; `None` after so many empty ones in a row. A page that does not shows at least that
    /// there is something, and the count begins anew.
    async fn next_but(
        &mut self,
        needed: u32,
        ask: &Ask,
        check: impl Fn(&Page) -> Result<(), Breach>,
    ) -> Result<Result<Option<Page>, Breach>, Halt> {
        let (mut empties, mut doubts, mut echoes) = (0, 0, 0);
        loop {
            let page = match self.try_page(ask).await? {
                Ok(page) => page,
                Err(_) => return Ok(Err(Breach::NotTaken)),
            };
            // What came just now for another question may have come from a cache; what comes again is the answer.
            if echoes < ECHOES && self.echoes(ask, &page) {
                echoes += 1;
                continue;
            }
            if page.len() == 0 {
                empties += 1;
                if empties >= needed {
                    return Ok(Ok(None));
                }
                continue;
            }
            match check(&page) {
                Ok(()) => return Ok(Ok(Some(page))),
                Err(breach) if doubts == DOUBTS => return Ok(Err(breach)),
                Err(_) => {
                    doubts += 1;
                    empties = 0;
                    self.sleep(jitter(1)).await?;
                }
            }
        }
    }

    /// Whether the page is the one that answered another question before this one.
    fn echoes(&mut self, ask: &Ask, page: &Page) -> bool {
        let (question, answer) = (self.question.body(ask), page.mark());
        let is_echo = self
            .last
            .as_ref()
            .is_some_and(|(asked, answered)| *answered == answer && *asked != question);
        if !is_echo {
            self.last = Some((question, answer));
        }
        is_echo && page.len() > 0
    }

    /// Begins to ask for what will be needed next, unless requests are counted.
    pub(super) async fn look_ahead(&mut self, ask: &Ask) {
        if self.poll.options.pace.is_some() {
            return;
        }
        let body = self.question.body(ask);
        let answer = tokio::spawn((self.poll.find)(body.clone()));
        self.ahead = Some(Ahead {
            body,
            answer: AbortOnDropHandle::new(answer),
        });
        // Lets the request go out before this thread is busy with the page at hand.
        tokio::task::yield_now().await;
    }

    async fn send(&mut self, body: &[u8]) -> Result<Result<Answer, ApiError>, Halt> {
        if self.ahead.as_ref().is_some_and(|ahead| ahead.body != body) {
            self.let_go().await?;
        }
        let answer = match self.ahead.take() {
            Some(ahead) => ahead.answer,
            // In a task of its own: a read in the root future costs a wake-up for each chunk.
            None => AbortOnDropHandle::new(tokio::spawn((self.poll.find)(body.to_vec()))),
        };
        self.asked_at = Some(Instant::now());
        tokio::select! {
            answer = answer => match answer {
                Ok(answer) => Ok(answer),
                Err(_) => Err(Halt::Error(PollError::NoPages { why: "the request broke off".to_owned() })),
            },
            () = self.stop.cancelled() => Err(Halt::End(PollEnd::Stopped)),
        }
    }

    /// Waits for a page that is not needed any more: what it says of the time of the next request counts all the same.
    async fn let_go(&mut self) -> Result<(), Halt> {
        let stop = self.stop;
        let until = tokio::select! {
            until = self.asks_to_wait() => until,
            () = stop.cancelled() => return Err(Halt::End(PollEnd::Stopped)),
        };
        let Some(until) = until else {
            return Ok(());
        };
        self.hold(until, "the server asked for it").await
    }

    /// The end of the wait that the answer on its way asks for.
    async fn asks_to_wait(&mut self) -> Option<Timestamp> {
        let ahead = self.ahead.take()?;
        match ahead.answer.await {
            Ok(Err(ApiError::Refused(refusal))) => refusal.retry_after.map(after),
            _ => None,
        }
    }

    /// [`Run::let_go`] at the end, for the next process.
    pub(super) async fn leave(&mut self) -> Result<(), Halt> {
        let asked = tokio::time::timeout(PATIENCE, self.asks_to_wait()).await;
        if let Ok(Some(until)) = asked {
            self.position.not_before = Some(until);
            self.poll.state.hold_until(Some(until))?;
        }
        Ok(())
    }

    /// Reads an answer. The first one tells whether the state belongs to this server.
    fn read(&mut self, answer: Answer) -> Result<Result<Page, NotAPage>, Halt> {
        if !self.poll.is_claimed {
            let fingerprint = self.poll.fingerprint(answer.platform.as_deref());
            self.poll.state.claim(&fingerprint)?;
            self.poll.is_claimed = true;
            // Before the first record: a crash is to find the output that it may have torn.
            self.poll.state.commit(&self.position, None)?;
        }
        self.poll.has_answered = true;
        let envelope = self.learnt.envelope.as_deref();
        let page = match Page::read(answer, envelope, &self.fields) {
            Ok(page) => page,
            Err(why) => return Ok(Err(why)),
        };
        let page = self.learn(page)?;
        self.poll.gauge.page(page.len() as u64, page.total);
        Ok(Ok(page))
    }

    /// Whether smaller pages may be taken: some servers refuse larger ones than they like.
    fn may_be_too_large(&self, refused: &ApiError) -> bool {
        let is_large = matches!(refused, ApiError::TooLarge { .. });
        (is_large || !self.takes_size) && self.question.page_size > SMALLEST
    }

    fn judge(&self, error: ApiError) -> Failure {
        match &error {
            ApiError::Refused(refusal) => match refusal.status {
                408 | 425 | 429 | 500 | 502..=599 => Failure::Passing(error.into()),
                401 | 403 | 404 => Failure::Final(error.into()),
                _ => Failure::NotTaken(error),
            },
            ApiError::Unreachable { source, .. } => match source {
                Why::Timeout { .. } | Why::Broken(_) => Failure::Passing(error.into()),
                // What was there a moment ago may be back in another.
                Why::Refused | Why::Name { .. } if self.poll.has_answered => {
                    Failure::Passing(error.into())
                }
                Why::Refused | Why::Name { .. } | Why::Tls { .. } => Failure::Final(error.into()),
            },
            ApiError::TooLarge { .. } => Failure::NotTaken(error),
            ApiError::BadUrl { .. }
            | ApiError::BadHeader { .. }
            | ApiError::BadName { .. }
            | ApiError::Setup(_)
            | ApiError::ForeignRedirect { .. }
            | ApiError::RedirectLoop { .. }
            | ApiError::Unreadable { .. }
            | ApiError::Incomplete { .. } => Failure::Final(error.into()),
        }
    }

    async fn wait_after(&mut self, error: &PollError, tries: u32) -> Result<(), Halt> {
        let asked = match error {
            PollError::Api(ApiError::Refused(refusal)) => refusal.retry_after,
            _ => None,
        };
        let why = error.to_string();
        if let Some(wait) = asked.filter(|wait| !wait.is_zero()) {
            return self.hold(after(wait), &why).await;
        }
        let delay = jitter(tries);
        // What passes at once is not worth a line.
        if tries > 2 {
            self.outlet.notice(Notice::Retrying {
                why,
                delay,
                attempt: tries,
            });
        }
        self.sleep(delay).await
    }

    /// Waits until the time that an earlier answer named, also one that an earlier process got, and for the pace.
    async fn wait_for_turn(&mut self) -> Result<(), Halt> {
        if let Some(until) = self.position.not_before
            && until > Timestamp::now()
        {
            self.hold(until, "the server asked for it").await?;
        }
        if let (Some(pace), Some(last)) = (self.poll.options.pace, self.asked_at) {
            let due = last + pace;
            if due > Instant::now() {
                self.sleep(due - Instant::now()).await?;
            }
        }
        if self.stop.is_cancelled() {
            return Err(Halt::End(PollEnd::Stopped));
        }
        Ok(())
    }

    /// Asks nothing until then, nor does any process after this one.
    async fn hold(&mut self, until: Timestamp, why: &str) -> Result<(), Halt> {
        if self.position.not_before != Some(until) {
            // On the disk before the wait: a restart must not ask sooner.
            self.position.not_before = Some(until);
            self.poll.state.hold_until(Some(until))?;
        }
        let now = Timestamp::now();
        if until.since(now) > self.poll.options.max_wait {
            return Err(Halt::Error(PollError::WaitTooLong { until }));
        }
        self.outlet.notice(Notice::Waiting {
            until,
            why: why.to_owned(),
        });
        loop {
            let left = until.since(Timestamp::now());
            if left.is_zero() {
                return Ok(());
            }
            self.sleep(left).await?;
        }
    }

    /// Sleeps, unless it is time to stop.
    pub(super) async fn sleep(&mut self, span: Duration) -> Result<(), Halt> {
        tokio::select! {
            () = tokio::time::sleep(span) => Ok(()),
            () = self.stop.cancelled() => Err(Halt::End(PollEnd::Stopped)),
        }
    }
}

/// The end of a wait. The clock has rounded down to a millisecond; the wait must not.
fn after(wait: Duration) -> Timestamp {
    Timestamp::now().plus(wait.saturating_add(Duration::from_millis(1)))
}

/// Full jitter over a doubling span.
fn jitter(tries: u32) -> Duration {
    let span = FIRST.saturating_mul(1 << tries.saturating_sub(1).min(10));
    span.min(LAST).mul_f64(fastrand::f64())
}
