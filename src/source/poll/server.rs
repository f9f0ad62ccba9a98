//! The server: sends requests, retries them, and stores what is known of the server.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::capabilities::Capabilities;
use super::halt::{Halt, Violation};
use super::output::Output;
use super::pacing::{Pacing, SERVER_ASKED, end_of_wait};
use super::page::{FieldPaths, Page, PageError, steps};
use super::request::{Request, Sort, Template};
use super::{Find, PollEnd, PollError, PollOptions, Subject};
use crate::api::{Answer, ApiError, DecodeError, Why};
use crate::source::Notice;
use crate::time::Timestamp;
use crate::watermark::{Micros, Position, ServerClock};

/// The names of keys, in the order in which they are tried.
pub(super) const KEYS: [&str; 3] = ["sk", "id", "_id"];
/// Tries of one request.
const TRIES: u32 = 12;
/// Tries of a request whose response has a record that cannot be read: a broken transmission is unlikely to leave the rest intact.
const MALFORMED_TRIES: u32 = 3;
/// A page of this size is not made smaller when the server refuses a request.
const MIN_PAGE_SIZE: u32 = 10;
/// How often a request is repeated whose response violates it. A cache or a replica is wrong now and then; a server that is
/// wrong every time does not support the request.
const RECHECKS: u32 = 5;
/// How often a request is repeated if its response equals that of the previous, different request: it may come from a cache.
const STALE_RETRIES: u32 = 2;
/// How long the last prefetched response is awaited at the end.
const PREFETCH_GRACE: Duration = Duration::from_secs(1);
/// Empty responses in a row that prove that there are no records. One is not enough: caches and overloaded replicas sometimes
/// send an empty page, and to stop there would lose everything after it.
pub(super) const EMPTY_RESPONSES: u32 = 4;

/// A lower or upper bound of the date, and how it is written for the server.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) at: Micros,
    /// The earliest date that a response may have. It is before `at` if the server excludes records at a lower bound.
    pub(super) least: Micros,
    pub(super) text: String,
}

/// A request that was sent before it was needed.
struct Prefetch {
    body: Vec<u8>,
    response: AbortOnDropHandle<Result<Answer, ApiError>>,
}

impl Prefetch {
    /// Awaits the response. Returns the time before which it forbids the next request.
    async fn retry_at(self) -> Option<Timestamp> {
        match self.response.await {
            Ok(Err(ApiError::Refused(refusal))) => refusal.retry_after.map(end_of_wait),
            _ => None,
        }
    }
}

/// How a try failed.
enum Failure {
    /// Another try may succeed.
    Transient(PollError),
    /// The server understood the request and does not support it.
    Refused(ApiError),
    Final(Halt),
}

impl<E: Into<Halt>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

/// The server that is polled.
pub(super) struct Server<'a> {
    options: &'a PollOptions,
    subject: &'a Subject,
    find: &'a Find,
    pub(super) pacing: Pacing<'a>,
    pub(super) template: Template,
    pub(super) paths: FieldPaths,
    pub(super) capabilities: Capabilities,
    /// The server's clock at the first response of the scan.
    pub(super) clock: Option<Micros>,
    /// The server's clock at the last response.
    pub(super) last_clock: Option<ServerClock>,
    /// The most records that a page had, by the page size requested.
    pub(super) largest_pages: HashMap<u32, usize>,
    /// Empty responses that end a scan.
    pub(super) empty_responses: u32,
    /// It has responded to this process.
    has_answered: bool,
    /// It has sent records with keys.
    has_keys: bool,
    /// It has sent a page of the usual size.
    accepts_page_size: bool,
    /// The body of the last request, and a hash of its response.
    last_response: Option<(Vec<u8>, u64)>,
    prefetch: Option<Prefetch>,
    /// Malformed records that this process has reported.
    reported: HashSet<u64>,
}

impl<'a> Server<'a> {
    pub(super) fn new(
        options: &'a PollOptions,
        subject: &'a Subject,
        find: &'a Find,
        position: &Position,
        stop: &'a CancellationToken,
    ) -> Self {
        let mut capabilities = Capabilities::read(position.capabilities.as_deref());
        capabilities.key = options.key.clone().or(capabilities.key);
        Self {
            options,
            subject,
            find,
            pacing: Pacing::new(options, stop),
            template: Template {
                query: options.query.clone(),
                field: options.field.clone(),
                page_size: options.page_size,
            },
            paths: FieldPaths {
                key: capabilities.key.as_deref().map(steps).unwrap_or_default(),
                date: steps(&options.field),
            },
            capabilities,
            clock: None,
            last_clock: None,
            largest_pages: HashMap::new(),
            empty_responses: EMPTY_RESPONSES,
            has_answered: false,
            has_keys: false,
            accepts_page_size: false,
            last_response: None,
            prefetch: None,
            reported: HashSet::new(),
        }
    }

    /// The smallest difference between two dates of this server.
    pub(super) fn unit(&self) -> Duration {
        self.capabilities.dates.unit()
    }

    /// A lower bound that includes `at`, rounded down to what the server's dates can express.
    pub(super) fn bound_at(&self, at: Micros) -> Bound {
        let dates = self.capabilities.bound_dates();
        let at = dates.floor(at);
        let least = match self.capabilities.excludes_bound {
            true => dates.floor(at - self.unit()),
            false => at,
        };
        Bound {
            at,
            least,
            text: dates.write(least),
        }
    }

    /// An upper bound that excludes `at`, rounded in the same way.
    pub(super) fn end_at(&self, at: Micros) -> Bound {
        let dates = self.capabilities.bound_dates();
        let at = dates.floor(at);
        Bound {
            at,
            least: at,
            text: dates.write(at),
        }
    }

    /// A request for everything, with the name of the key for sorting.
    pub(super) fn request(&self) -> Request {
        Request {
            key: self.capabilities.key.clone(),
            ..Request::default()
        }
    }

    /// A request for everything from `from` on, sorted by date.
    pub(super) fn request_from(&self, from: &Bound, sort: Sort) -> Request {
        Request {
            from: Some(from.text.clone()),
            sort,
            ..self.request()
        }
    }

    /// Requests a page until it satisfies `check`; an empty page always does.
    pub(super) async fn checked_page(
        &mut self,
        output: &mut Output<'_>,
        request: &Request,
        check: impl Fn(&Page) -> Result<(), Violation>,
    ) -> Result<Page, Halt> {
        let page = self
            .page_or_empty(EMPTY_RESPONSES, output, request, check)
            .await?;
        Ok(page.unwrap_or_default())
    }

    /// Requests a page until it satisfies `check`; `None` once enough responses in a row were empty.
    pub(super) async fn next_page(
        &mut self,
        output: &mut Output<'_>,
        request: &Request,
        check: impl Fn(&Page) -> Result<(), Violation>,
    ) -> Result<Option<Page>, Halt> {
        self.page_or_empty(self.empty_responses, output, request, check)
            .await
    }

    /// Requests a page until it satisfies `check`; `None` once this many responses in a row were empty.
    pub(super) async fn page_or_empty(
        &mut self,
        empty_responses: u32,
        output: &mut Output<'_>,
        request: &Request,
        check: impl Fn(&Page) -> Result<(), Violation>,
    ) -> Result<Option<Page>, Halt> {
        let (mut empty, mut rechecks, mut stale) = (0, 0, 0);
        loop {
            let page = match self.page(output, request).await {
                Err(Halt::Refused(_)) => return Err(Violation::Refused.into()),
                page => page?,
            };
            // The response to the previous request may come from a cache. If it comes again, it is the right one.
            if stale < STALE_RETRIES && self.is_stale(request, &page) {
                stale += 1;
                continue;
            }
            if page.len() == 0 {
                empty += 1;
                if empty >= empty_responses {
                    return Ok(None);
                }
                continue;
            }
            match check(&page) {
                Ok(()) => return Ok(Some(page)),
                Err(violation) if rechecks == RECHECKS => return Err(violation.into()),
                Err(_) => {
                    rechecks += 1;
                    // A wrong page proves that there are records, so earlier empty pages do not count.
                    empty = 0;
                    self.pacing.back_off(1).await?;
                }
            }
        }
    }

    /// Requests a page, and again after failures that may pass. The page is not checked.
    ///
    /// # Errors
    /// [`Halt::Refused`] if the server does not support the request.
    pub(super) async fn page(
        &mut self,
        output: &mut Output<'_>,
        request: &Request,
    ) -> Result<Page, Halt> {
        let mut body = self.template.body(request);
        let page_size = self.template.page_size;
        let mut tries = 0;
        loop {
            self.pacing.wait_for_turn(output).await?;
            output.progress.count_request(tries > 0);
            let error = match self.try_page(output, &body, request).await {
                Ok(page) => return Ok(page),
                Err(Failure::Transient(error)) => error,
                Err(Failure::Refused(refused)) => {
                    if request.size.is_none() && self.may_be_too_large(&refused) {
                        self.template.page_size /= 2;
                        body = self.template.body(request);
                        continue;
                    }
                    // Smaller pages did not help, so their size was not the reason.
                    self.template.page_size = page_size;
                    return Err(Halt::Refused(refused));
                }
                Err(Failure::Final(halt)) => return Err(halt),
            };
            tries += 1;
            if tries >= MALFORMED_TRIES && matches!(error, PollError::Malformed { .. }) {
                return Err(error.into());
            }
            if tries >= TRIES {
                let source = Box::new(error);
                return Err(PollError::RetriesExhausted { tries, source }.into());
            }
            self.pacing.wait_after(output, &error, tries).await?;
        }
    }

    /// Whether the page is the response to the previous, different request.
    fn is_stale(&mut self, request: &Request, page: &Page) -> bool {
        let (body, hash) = (self.template.body(request), page.hash());
        let is_stale = self
            .last_response
            .as_ref()
            .is_some_and(|(asked, answered)| *answered == hash && *asked != body);
        if !is_stale {
            self.last_response = Some((body, hash));
        }
        is_stale && page.len() > 0
    }

    /// Sends a request that will be needed next, unless the rate of requests is limited.
    pub(super) async fn prefetch(&mut self, request: &Request) {
        if self.options.pace.is_some() {
            return;
        }
        let body = self.template.body(request);
        let response = tokio::spawn((self.find)(body.clone()));
        self.prefetch = Some(Prefetch {
            body,
            response: AbortOnDropHandle::new(response),
        });
        // Lets the request go out before this thread processes the current page.
        tokio::task::yield_now().await;
    }

    async fn try_page(
        &mut self,
        output: &mut Output<'_>,
        body: &[u8],
        request: &Request,
    ) -> Result<Page, Failure> {
        let is_other = |prefetch: &Prefetch| prefetch.body != body;
        if self.prefetch.as_ref().is_some_and(is_other) {
            self.discard_prefetch(output).await?;
        }
        let response = match self.prefetch.take() {
            Some(prefetch) => prefetch.response,
            // In a separate task: in the root future, each chunk of the body would cost a wake-up.
            None => AbortOnDropHandle::new(tokio::spawn((self.find)(body.to_vec()))),
        };
        self.pacing.note_request();
        let response = tokio::select! {
            response = response => response,
            () = self.pacing.stopped() => return Err(Halt::End(PollEnd::Stopped).into()),
        };
        match response {
            Ok(Ok(answer)) => self.read(output, answer, request),
            Ok(Err(error)) => Err(self.classify(error)),
            Err(_) => {
                let why = "the request broke off".to_owned();
                Err(PollError::NotPages { why }.into())
            }
        }
    }

    /// Awaits a prefetched page that is not needed after all. It is not cancelled, because its `Retry-After` header limits the
    /// next request as well.
    async fn discard_prefetch(&mut self, output: &mut Output<'_>) -> Result<(), Halt> {
        let Some(prefetch) = self.prefetch.take() else {
            return Ok(());
        };
        let retry_at = tokio::select! {
            retry_at = prefetch.retry_at() => retry_at,
            () = self.pacing.stopped() => return Err(Halt::End(PollEnd::Stopped)),
        };
        match retry_at {
            Some(until) => self.pacing.wait_until(output, until, SERVER_ASKED).await,
            None => Ok(()),
        }
    }

    /// Awaits the prefetched response at the end of polling, and stores its `Retry-After` for the next process.
    pub(super) async fn finish_prefetch(&mut self, output: &mut Output<'_>) -> Result<(), Halt> {
        let Some(prefetch) = self.prefetch.take() else {
            return Ok(());
        };
        match tokio::time::timeout(PREFETCH_GRACE, prefetch.retry_at()).await {
            Ok(Some(until)) => output.hold_until(until),
            _ => Ok(()),
        }
    }

    /// Reads a response. The first one shows whether the state belongs to this server.
    fn read(
        &mut self,
        output: &mut Output<'_>,
        answer: Answer,
        request: &Request,
    ) -> Result<Page, Failure> {
        let platform = answer.platform.as_deref();
        output.claim(|| self.subject.fingerprint(self.options, platform))?;
        self.has_answered = true;
        let envelope = self.capabilities.envelope.as_deref();
        let skips = self.options.skip_malformed;
        let mut page = Page::read(answer, envelope, &self.paths, skips).map_err(|error| {
            Failure::Transient(match error {
                PageError::Malformed(record) => PollError::Malformed {
                    what: record.to_string(),
                },
                other => PollError::NotPages {
                    why: other.to_string(),
                },
            })
        })?;
        for record in std::mem::take(&mut page.malformed) {
            if self
                .capabilities
                .note_malformed(&record, &mut self.reported)
            {
                output.notice(Notice::Malformed {
                    bytes: record.bytes.len() as u64,
                    why: record.to_string(),
                    is_lost: false,
                });
            }
        }
        self.learn(&mut page)?;
        output.progress.count_page(page.len() as u64, page.total);
        let size = request.size.unwrap_or(self.template.page_size);
        let largest = self.largest_pages.entry(size).or_default();
        *largest = page.len().max(*largest);
        self.accepts_page_size |= request.size.is_none();
        Ok(page)
    }

    /// Learns from a page what holds for all pages: clock, envelope, name of the key, format of dates.
    fn learn(&mut self, page: &mut Page) -> Result<(), PollError> {
        // The local clock may differ from the server's, so it is used only if there is no `Date` header.
        let local = Timestamp::now();
        let server = page.clock.unwrap_or_else(|| local.into());
        self.clock = self.clock.or(Some(server));
        self.last_clock = Some(ServerClock { server, local });
        if page.len() == 0 {
            return Ok(());
        }
        if self.capabilities.envelope.as_ref() != Some(&page.envelope) {
            self.capabilities.envelope = Some(page.envelope.clone());
        }
        if self.paths.key.is_empty()
            && let Some(row) = page.rows.first()
        {
            let has_it = |name: &&str| page.value(row, &steps(name)).is_some();
            let key = KEYS.into_iter().find(has_it);
            let key = key.ok_or(PollError::NoKey { key: None })?;
            self.capabilities.key = Some(key.to_owned());
            self.paths.key = steps(key);
            page.find_keys(&self.paths);
        }
        if !self.has_keys {
            self.has_keys = page.rows.iter().any(|row| page.key(row).is_some());
            if !self.has_keys {
                let key = self.options.key.clone();
                return Err(PollError::NoKey { key });
            }
        }
        for date in page.rows.iter().filter_map(|row| page.date(row)) {
            self.capabilities.learn_date(date);
        }
        Ok(())
    }

    /// Whether a smaller page may be accepted: some servers refuse a page size above their limit. A server that has accepted the
    /// size before refuses something else.
    fn may_be_too_large(&self, refused: &ApiError) -> bool {
        let is_large = matches!(refused, ApiError::TooLarge { .. });
        (is_large || !self.accepts_page_size) && self.template.page_size > MIN_PAGE_SIZE
    }

    fn classify(&self, error: ApiError) -> Failure {
        match &error {
            ApiError::Refused(refusal) => match refusal.status {
                408 | 425 | 429 | 500 | 502..=599 => Failure::Transient(error.into()),
                401 | 403 | 404 => Failure::Final(error.into()),
                _ => Failure::Refused(error),
            },
            ApiError::Unreachable { source, .. } => match source {
                Why::Timeout { .. } | Why::Broken(_) => Failure::Transient(error.into()),
                // The server may be restarting if it has answered before. Otherwise the URL is probably wrong.
                Why::Refused | Why::Name { .. } if self.has_answered => {
                    Failure::Transient(error.into())
                }
                Why::Dial(dial) if self.has_answered && dial.is_transient() => {
                    Failure::Transient(error.into())
                }
                Why::Refused | Why::Name { .. } | Why::Dial(_) => Failure::Final(error.into()),
            },
            ApiError::TooLarge { .. } => Failure::Refused(error),
            ApiError::Undecodable { source, .. } => match source {
                DecodeError::Damaged(_) => Failure::Transient(error.into()),
                _ => Failure::Final(error.into()),
            },
            ApiError::BadUrl { .. }
            | ApiError::BadHeader { .. }
            | ApiError::BadName { .. }
            | ApiError::ForeignRedirect { .. }
            | ApiError::LoginRedirect { .. }
            | ApiError::RedirectedBody { .. }
            | ApiError::RedirectLoop { .. }
            | ApiError::Unreadable { .. }
            | ApiError::Incomplete { .. } => Failure::Final(error.into()),
        }
    }
}
