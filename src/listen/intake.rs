//! The path of one request: read the body, verify, store, forward, answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::{Body, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::forward::{Forward, Health};
use super::guard::{Guard, Refusal};
use super::reply::{self, Reply, Respond, problem, received, unauthorized};
use super::verify::{self, Checks, Verification};
use super::{ListenOptions, Report, Reporter, chaos};
use crate::dial::Dialer;
use crate::documents::Documents;
use crate::envelope;
use crate::event::{Event, Outcome, Source, Transport};
use crate::select::Select;
use crate::serve::{BodyLimits, Dropped, read_body};
use crate::signature::{Handshake, PublicUrls};
use crate::store::jobs::NewJob;
use crate::store::{Store, StoreError, events, jobs};
use crate::time::Timestamp;

/// Kilobytes of bodies in memory at once. A body counts from its first byte until its line is printed.
const MAX_MEMORY: u32 = 256 * 1024;

/// Everything that the handling of a request needs.
pub(super) struct Intake {
    guard: Guard,
    checks: Checks,
    tolerance: Option<Duration>,
    public_urls: PublicUrls,
    pub(super) forward: Option<Forward>,
    select: Option<Select>,
    respond: Option<Respond>,
    chaos: chaos::Gate,
    body: BodyLimits,
    pub(super) health: Health,
    pub(super) store: Store,
    documents: Documents,
    pub(super) dialer: Dialer,
    pub(super) reporter: Arc<Reporter>,
    memory: Arc<Semaphore>,
}

impl Intake {
    pub(super) fn new(
        options: ListenOptions,
        guard: Guard,
        store: Store,
        dialer: Dialer,
        reporter: Arc<Reporter>,
    ) -> Self {
        Self {
            guard,
            checks: options.checks,
            tolerance: options.tolerance,
            public_urls: options.public_urls,
            forward: options.forward,
            select: options.select,
            respond: options.respond,
            chaos: chaos::Gate::new(options.chaos),
            body: options.body,
            health: Health::default(),
            store,
            documents: Documents::new(dialer.clone()),
            dialer,
            reporter,
            memory: Arc::new(Semaphore::new(MAX_MEMORY as usize)),
        }
    }

    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Reply, Dropped> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        if let Err(Refusal { status, code, why }) = self.guard.admit(&head) {
            self.report_refusal(status, &why).await;
            return Ok(problem(status, code, &why));
        }
        let Some(memory) = self.reserve_memory(&body).await else {
            let why = "the listener has too many request bodies in memory";
            return Ok(self.refuse(StatusCode::SERVICE_UNAVAILABLE, why).await);
        };
        let body = match read_body(body, &self.body).await {
            Ok(body) => body,
            Err(error) => return Ok(self.refuse(error.status(), &error.to_string()).await),
        };
        let (event, handshake) = self.verify(head, body).await;
        let is_rejected = event.outcome == Outcome::Rejected;
        let now = event.received_at;
        let is_selected = self
            .select
            .as_ref()
            .is_none_or(|select| select.matches(&event, now));
        let is_forwarded = is_selected && handshake.is_none() && self.has_target(&event);
        let event = match self.store_event(event, is_forwarded).await {
            Ok(event) => event,
            Err(error) => {
                let reply = reply::not_stored(&error);
                self.reporter.send(Report::NotStored(error)).await;
                return Ok(reply);
            }
        };
        let mut pending = Pending {
            intake: &self,
            event: Some((Box::new(event), memory)),
            handshake: handshake.as_ref().map(|handshake| handshake.name),
            is_selected,
            is_forwarded,
            started,
        };
        let reply = match pending.event_mut() {
            Some(_) if let Some(handshake) = &handshake => {
                Ok(self.answer_handshake(handshake).await)
            }
            Some(event) if is_rejected => Ok(unauthorized(event)),
            Some(event) => self.forward_and_answer(event, is_forwarded).await,
            None => Err(Dropped),
        };
        pending
            .report(reply.as_ref().map_or(0, |reply| reply.status().as_u16()))
            .await;
        reply
    }

    /// Reserves memory for the body: its `content-length`, or the limit if it has none. Returns `None` after waiting too long.
    async fn reserve_memory(&self, body: &Incoming) -> Option<OwnedSemaphorePermit> {
        let bytes = body.size_hint().exact().map_or(self.body.bytes, |exact| {
            usize::try_from(exact).unwrap_or(usize::MAX)
        });
        // `read_body` refuses a longer body before its first byte.
        let kilobytes = bytes.min(self.body.bytes) / 1024 + 1;
        let kilobytes = u32::try_from(kilobytes)
            .unwrap_or(MAX_MEMORY)
            .min(MAX_MEMORY);
        let permit = Arc::clone(&self.memory).acquire_many_owned(kilobytes);
        tokio::time::timeout(self.body.idle, permit)
            .await
            .ok()?
            .ok()
    }

    async fn refuse(&self, status: StatusCode, why: &str) -> Reply {
        self.report_refusal(status, why).await;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return reply::unavailable("body_refused", why);
        }
        problem(status, "body_refused", why)
    }

    async fn report_refusal(&self, status: StatusCode, why: &str) {
        let why = why.to_owned();
        let status = status.as_u16();
        self.reporter.send(Report::Refused { status, why }).await;
    }

    /// Makes an event of the request, with its verdict.
    ///
    /// The request is verified before it is stored, so that one transaction stores the event and its verdict. The request is
    /// answered, printed and forwarded only after that transaction.
    async fn verify(&self, head: Parts, body: Bytes) -> (Event, Option<Handshake>) {
        let meta = envelope::detect(&head.headers, &body);
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned();
        let received_at = Timestamp::now();
        let request = verify::Request {
            method: head.method.as_str(),
            target: &target,
            host: head.headers.get(HOST),
            public_urls: &self.public_urls,
            headers: &head.headers,
            body: &body,
            now: received_at,
            tolerance: self.tolerance,
        };
        let Verification { verdict, handshake } =
            self.checks.verify(&request, &self.documents).await;
        let outcome = match &verdict {
            Some(verdict) if !verdict.ok => Outcome::Rejected,
            _ => Outcome::Kept,
        };
        let event = Event {
            seq: None,
            received_at,
            source: Source::Listen,
            transport: Transport::Http,
            method: head.method,
            target,
            headers: head.headers,
            body,
            meta,
            verdict,
            outcome,
            attempts: Vec::new(),
        };
        (event, handshake)
    }

    /// Answers a vendor's handshake, after confirming the subscription if the handshake requires that.
    async fn answer_handshake(&self, handshake: &Handshake) -> Reply {
        if let Some(url) = &handshake.confirm
            && let Err(why) = self.documents.get(url).await
        {
            let why = format!("the subscription cannot be confirmed: {why}");
            return problem(StatusCode::BAD_GATEWAY, "not_confirmed", &why);
        }
        let status = StatusCode::from_u16(handshake.status).unwrap_or(StatusCode::FORBIDDEN);
        let mut reply = reply::with_status(status, handshake.body.clone().into());
        if !handshake.content_type.is_empty() {
            let kind = HeaderValue::from_static(handshake.content_type);
            reply.headers_mut().insert(CONTENT_TYPE, kind);
        }
        reply
    }

    /// Stores an event, and enqueues its delivery if it is forwarded with retries.
    async fn store_event(&self, mut event: Event, is_forwarded: bool) -> Result<Event, StoreError> {
        let job = match (&event.outcome, &self.forward) {
            (Outcome::Kept, Some(forward)) if is_forwarded => forward.job(&event),
            _ => None,
        };
        if job.is_some() {
            event.outcome = Outcome::Queued;
        }
        let outcome = event.outcome;
        if outcome == Outcome::Kept && is_forwarded {
            // Stored as failed until the target has answered. If the process ends before that, the user finds the event
            // with `--status failed`.
            event.outcome = Outcome::Failed { status: None };
        }
        let stored = self
            .store
            .write::<_, StoreError, _>(move |tx| {
                let seq = events::insert(tx, &event, None)?;
                event.seq = Some(seq);
                event.outcome = outcome;
                let job = job.map(|job| NewJob {
                    event: Some(seq),
                    ..job
                });
                let job = job.map(|job| jobs::enqueue(tx, &job)).transpose()?;
                Ok((event, job))
            })
            .await;
        let (event, job) = stored?;
        if let (Some(job), Some(seq)) = (job, event.seq) {
            self.reporter.queued(job, seq);
        }
        Ok(event)
    }

    fn has_target(&self, event: &Event) -> bool {
        self.forward
            .as_ref()
            .is_some_and(|forward| forward.target_for(event).is_some())
    }

    async fn forward_and_answer(
        &self,
        event: &mut Event,
        is_forwarded: bool,
    ) -> Result<Reply, Dropped> {
        let passage = self.chaos.enter().await?;
        let reply = match (&self.forward, event.outcome) {
            (_, Outcome::Queued) => received(StatusCode::ACCEPTED, event),
            (Some(forward), _) if is_forwarded => {
                let reply = self.deliver(forward, event).await;
                if passage.is_duplicated() {
                    let _ = self.deliver(forward, event).await;
                }
                reply
            }
            _ => received(StatusCode::OK, event),
        };
        Ok(self.respond.as_ref().map_or(reply, Respond::reply))
    }
}

/// A stored event whose sender waits for the response. It is reported on drop too, because the connection may close first: the
/// sender disconnects, or the listener shuts down.
struct Pending<'a> {
    intake: &'a Intake,
    event: Option<(Box<Event>, OwnedSemaphorePermit)>,
    handshake: Option<&'static str>,
    is_selected: bool,
    is_forwarded: bool,
    started: Instant,
}

impl Pending<'_> {
    fn event_mut(&mut self) -> Option<&mut Event> {
        self.event.as_mut().map(|(event, _)| event.as_mut())
    }

    fn take_report(&mut self, answer: u16) -> Option<Report> {
        let (event, memory) = self.event.take()?;
        Some(Report::Received {
            event,
            handshake: self.handshake,
            answer,
            took: self.started.elapsed(),
            is_selected: self.is_selected,
            memory,
        })
    }

    async fn report(mut self, answer: u16) {
        if let Some(report) = self.take_report(answer) {
            self.intake.reporter.send(report).await;
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let (intake, is_forwarded) = (self.intake, self.is_forwarded);
        if let Some(event) = self.event_mut()
            && event.outcome == Outcome::Kept
            && is_forwarded
        {
            event.outcome = Outcome::Failed { status: None };
        }
        if let Some(report) = self.take_report(0) {
            intake.reporter.try_send(report);
        }
    }
}
