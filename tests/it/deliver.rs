//! The delivery engine in process, against local servers that behave badly.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use evt::backoff::Retry;
use evt::deliver::{DisabledEndpoint, Engine, EngineOptions};
use evt::dial::{AddressPolicy, Dialer};
use evt::secret::Secret;
use evt::store::endpoints::Health;
use evt::store::jobs::{self, End, JobBody, NewJob, Settled, State};
use evt::store::queue::{self, JobDetail, Overview};
use evt::store::{Kind, Store, StoreError, leases};
use evt::time::Timestamp;
use http::{HeaderMap, Method};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::{Answer, App};

const PATIENCE: Duration = Duration::from_secs(60);

/// A store, an engine on it, and all that the engine told.
struct Bench {
    runtime: Runtime,
    store: Store,
    told: Arc<Told>,
    shutdown: CancellationToken,
    engine: Option<Engine>,
}

#[derive(Default)]
struct Told {
    inner: Mutex<(Vec<Settled>, Vec<DisabledEndpoint>)>,
    changed: Condvar,
}

impl Told {
    fn wait<T>(
        &self,
        what: &str,
        found: impl Fn(&[Settled], &[DisabledEndpoint]) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(value) = found(&inner.0, &inner.1) {
                return value;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} never came; settled: {:?}", inner.0);
            inner = self
                .changed
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Bench {
    /// A store without an engine.
    fn new() -> Self {
        Self::on(Store::ephemeral(Kind::Inbox).unwrap())
    }

    fn on(store: Store) -> Self {
        Self {
            runtime: Runtime::new().unwrap(),
            store,
            told: Arc::default(),
            shutdown: CancellationToken::new(),
            engine: None,
        }
    }

    fn start() -> Self {
        Self::new().with_engine(quick())
    }

    fn with_engine(mut self, options: EngineOptions) -> Self {
        let settled = Arc::clone(&self.told);
        let disabled = Arc::clone(&self.told);
        let options = EngineOptions {
            on_ended: Some(Arc::new(move |one| {
                settled.inner.lock().unwrap().0.push(one.clone());
                settled.changed.notify_all();
            })),
            on_disabled: Some(Arc::new(move |_tx, one| {
                disabled.inner.lock().unwrap().1.push(one.clone());
                disabled.changed.notify_all();
                Ok(())
            })),
            ..options
        };
        let _guard = self.runtime.enter();
        self.engine = Some(Engine::start(
            self.store.clone(),
            Dialer::new(AddressPolicy::Local),
            options,
            self.shutdown.clone(),
        ));
        drop(_guard);
        self
    }

    fn enqueue(&self, job: NewJob) -> i64 {
        let enqueued: Result<i64, StoreError> =
            self.store.write_blocking(move |tx| jobs::enqueue(tx, &job));
        enqueued.unwrap()
    }

    fn enqueue_all(&self, all: Vec<NewJob>) -> Vec<i64> {
        let enqueued: Result<Vec<i64>, StoreError> = self
            .store
            .write_blocking(move |tx| all.iter().map(|job| jobs::enqueue(tx, job)).collect());
        enqueued.unwrap()
    }

    /// Waits until `count` jobs are over and returns how each ended, in that order.
    fn ends(&self, count: usize) -> Vec<(i64, End)> {
        self.told.wait("an end", |settled, _| {
            let ends = || settled.iter().map(|one| (one.job, one.end.clone()));
            (settled.len() >= count).then(|| ends().collect())
        })
    }

    fn end_of(&self, job: i64) -> End {
        self.told.wait("the job's end", |settled, _| {
            let found = settled.iter().find(|one| one.job == job)?;
            Some(found.end.clone())
        })
    }

    fn show(&self, job: i64) -> JobDetail {
        let found: Result<_, StoreError> = self.store.read_blocking(|db| queue::show(db, job));
        found.unwrap().unwrap()
    }

    fn overview(&self) -> Overview {
        let found: Result<_, StoreError> = self.store.read_blocking(queue::overview);
        found.unwrap()
    }

    fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(engine) = self.engine.take() {
            self.runtime.block_on(engine.stopped());
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Options with which a test need not wait for a person's patience.
fn quick() -> EngineOptions {
    EngineOptions {
        probe: Duration::from_millis(20),
        ..EngineOptions::dev()
    }
}

fn retries(count: usize) -> Retry {
    Retry {
        delays: vec![Duration::from_millis(5); count],
        ..Retry::none()
    }
}

fn job(url: impl Into<String>) -> NewJob {
    NewJob {
        queue: "deliveries",
        order_key: None,
        run_at: Timestamp::now(),
        retry: retries(3),
        message_id: Some("msg_1".to_owned()),
        secret: None,
        method: Method::POST,
        url: url.into(),
        path: None,
        headers: HeaderMap::new(),
        body: JobBody::Bytes(Bytes::from_static(b"{ \"a\": 1 }\n")),
        timeout: Duration::from_secs(30),
        step: None,
        event: None,
    }
}

fn status(code: u16) -> Answer {
    Answer::Status(code, "no".to_owned())
}

#[test]
fn a_job_arrives_with_the_bytes_that_were_enqueued() {
    let app = App::start();
    let bench = Bench::start();
    let id = bench.enqueue(job(app.url("/hook?x=1")));
    assert_eq!(bench.end_of(id), End::Delivered { status: 200 });
    let request = &app.requests()[0];
    assert_eq!(request.target, "/hook?x=1");
    assert_eq!(request.body, b"{ \"a\": 1 }\n");
    assert_eq!(request.header("content-length"), Some("11"));
}

#[test]
fn a_failed_delivery_is_tried_again_under_the_same_message_id() {
    let app = App::start();
    app.answer_next(status(500));
    app.answer_next(Answer::Close);
    let bench = Bench::start();
    let id = bench.enqueue(job(app.url("/")));
    assert_eq!(bench.end_of(id), End::Delivered { status: 200 });
    let ids: Vec<_> = app
        .requests()
        .iter()
        .map(|request| request.header("webhook-id").unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["msg_1", "msg_1", "msg_1"]);
    let shown = bench.show(id);
    assert_eq!(shown.job.state, State::Done);
    let statuses: Vec<_> = shown.tries.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [Some(500), None, Some(200)]);
    assert_eq!(shown.tries[0].body, "no");
    assert!(
        shown.tries[1]
            .error
            .as_ref()
            .unwrap()
            .contains("closed the connection before")
    );
}

#[test]
fn a_signed_job_verifies_at_the_other_end() {
    let app = App::start();
    let bench = Bench::start();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let id = bench.enqueue(NewJob {
        secret: Some(Secret::new(secret)),
        ..job(app.url("/"))
    });
    bench.end_of(id);
    let request = &app.requests()[0];
    let headers: HeaderMap = request
        .headers
        .iter()
        .map(|(name, value)| {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, http::HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let verifier = evt::signature::find("standard-webhooks")
        .unwrap()
        .verifier(&[Secret::new(secret)], &evt::signature::Options::default())
        .unwrap();
    let received = evt::signature::Received {
        method: "POST",
        url: &app.url("/"),
        headers: &headers,
        body: &request.body,
    };
    let judged = verifier.verify(&received, Timestamp::now(), None);
    assert_eq!(judged.reason, evt::signature::Reason::Ok);
}

#[test]
fn a_job_whose_retries_are_spent_is_dead_with_the_last_answer() {
    let app = App::start();
    app.answer(status(500));
    let bench = Bench::start();
    let id = bench.enqueue(NewJob {
        retry: retries(2),
        ..job(app.url("/"))
    });
    let reason = "it answered 500, the last of 3 attempts".to_owned();
    assert_eq!(
        bench.end_of(id),
        End::Dead {
            status: Some(500),
            reason
        }
    );
    assert_eq!(app.requests().len(), 3);
    assert_eq!(bench.show(id).job.state, State::Dead);
}

#[test]
fn a_redirect_is_a_failure_and_is_not_followed() {
    let app = App::start();
    let elsewhere = App::start();
    let location = ("location".to_owned(), elsewhere.url("/stolen"));
    app.answer(Answer::With(307, vec![location], String::new()));
    let bench = Bench::start();
    let id = bench.enqueue(NewJob {
        retry: retries(1),
        ..job(app.url("/"))
    });
    assert!(matches!(
        bench.end_of(id),
        End::Dead {
            status: Some(307),
            ..
        }
    ));
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_permanent_status_is_not_tried_again() {
    let app = App::start();
    app.answer(status(422));
    let bench = Bench::start();
    let id = bench.enqueue(NewJob {
        retry: retries(3).never_after(&[400, 422]),
        ..job(app.url("/"))
    });
    assert!(matches!(
        bench.end_of(id),
        End::Dead {
            status: Some(422),
            ..
        }
    ));
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn gone_disables_the_endpoint_says_so_and_buries_what_waits_for_it() {
    let app = App::start();
    app.answer(status(410));
    let bench = Bench::start();
    let first = bench.enqueue(job(app.url("/hook?a")));
    bench.end_of(first);
    let url = app.url("/hook");
    let disabled = bench
        .told
        .wait("the announcement", |_, disabled| disabled.first().cloned());
    assert_eq!(
        (disabled.url.as_str(), disabled.reason.as_str()),
        (url.as_str(), "it answered 410 Gone")
    );
    let second = bench.enqueue(job(app.url("/hook?b")));
    match bench.end_of(second) {
        End::Dead {
            status: None,
            reason,
        } => {
            assert_eq!(reason, "its endpoint is disabled: it answered 410 Gone");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(app.requests().len(), 1);
    let endpoints = bench.overview().endpoints;
    let gone = endpoints.iter().find(|row| row.endpoint == url);
    assert_eq!(gone.unwrap().circuit, Health::Disabled);
}

#[test]
fn gone_is_said_of_one_url_and_not_of_its_server() {
    let app = App::start();
    app.answer_next(status(410));
    let bench = Bench::start();
    let gone = bench.enqueue(job(app.url("/hooks/1?a")));
    bench.end_of(gone);
    let other = bench.enqueue(job(app.url("/hooks/2")));
    assert_eq!(bench.end_of(other), End::Delivered { status: 200 });
}

#[test]
fn a_server_has_one_limit_for_all_its_paths() {
    let app = App::start();
    app.answer(Answer::Hang);
    let other = App::start();
    let bench = Bench::start();
    let paths = (0..200).map(|n| job(app.url(&format!("/hooks/{n}"))));
    bench.enqueue_all(paths.collect());
    app.wait_for(4);
    // Whatever the first claim brought has been sent when a later job is done.
    let later = bench.enqueue(job(other.url("/")));
    bench.end_of(later);
    assert_eq!(app.requests().len(), 4);
    assert_eq!(bench.overview().endpoints.len(), 1);
}

#[test]
fn who_looks_on_is_told_once_and_after_the_commit_that_succeeded() {
    let app = App::start();
    let bench = Bench::new();
    let refusals = AtomicU32::new(0);
    let bench = bench.with_engine(EngineOptions {
        on_settled: Some(Arc::new(move |_tx, _settled| {
            match refusals.fetch_add(1, Relaxed) {
                0 => Err(StoreError::Panicked),
                _ => Ok(()),
            }
        })),
        ..quick()
    });
    let id = bench.enqueue(job(app.url("/")));
    bench.end_of(id);
    assert_eq!(bench.show(id).job.state, State::Done);
    let after = bench.enqueue(job(app.url("/")));
    bench.end_of(after);
    assert_eq!(bench.ends(2).len(), 2);
}

#[test]
fn a_settlement_whose_waiter_fails_the_same_way_again_and_again_is_made_without_it() {
    let app = App::start();
    let reasons: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&reasons);
    let bench = Bench::new().with_engine(EngineOptions {
        on_settled: Some(Arc::new(|_tx, _settled| panic!("always"))),
        on_unsettled: Some(Arc::new(move |_tx, _settled, why| {
            noted.lock().unwrap().push(why.to_owned());
            Ok(())
        })),
        ..quick()
    });
    let id = bench.enqueue(job(app.url("/")));
    assert_eq!(bench.end_of(id), End::Delivered { status: 200 });
    assert_eq!(
        *reasons.lock().unwrap(),
        ["an operation on the store panicked"]
    );
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn a_retry_enables_a_disabled_endpoint_again() {
    let app = App::start();
    app.answer_next(status(410));
    let bench = Bench::start();
    let first = bench.enqueue(job(app.url("/hook")));
    bench.end_of(first);
    let again: Result<_, StoreError> = bench.store.write_blocking(move |tx| {
        let now = Timestamp::now();
        queue::enable_endpoint_of(tx, first, now)?;
        queue::retry(tx, first, now)
    });
    let queue::Retried::Redriven(second) = again.unwrap() else {
        panic!("a dead job is enqueued again");
    };
    assert_eq!(bench.end_of(second), End::Delivered { status: 200 });
    let requests = app.requests();
    assert_eq!(
        requests[1].header("webhook-id"),
        requests[0].header("webhook-id")
    );
    assert_eq!(bench.show(second).job.redrive_of, Some(first));
}

#[test]
fn a_retry_after_longer_than_the_schedule_ends_the_job_with_that_reason() {
    let app = App::start();
    let wait = ("retry-after".to_owned(), "3600".to_owned());
    app.answer(Answer::With(429, vec![wait], String::new()));
    let bench = Bench::start();
    let id = bench.enqueue(job(app.url("/")));
    match bench.end_of(id) {
        End::Dead {
            status: Some(429),
            reason,
        } => {
            assert!(reason.contains("wait 3600 s (Retry-After)"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn a_retry_after_is_never_shortened() {
    let app = App::start();
    let wait = ("retry-after".to_owned(), "40".to_owned());
    app.answer(Answer::With(503, vec![wait], String::new()));
    let bench = Bench::start();
    let id = bench.enqueue(NewJob {
        retry: Retry::standard(),
        ..job(app.url("/"))
    });
    app.wait_for(1);
    let waiting = wait_until(|| {
        let shown = bench.show(id);
        (shown.tries.len() == 1).then_some(shown)
    });
    let wait = waiting.job.run_at.since(waiting.tries[0].started_at);
    assert!(wait >= Duration::from_secs(40), "{wait:?}");
}

#[test]
fn a_hanging_endpoint_is_given_up_after_its_time() {
    let app = App::start();
    app.answer(Answer::Hang);
    let bench = Bench::start();
    let id = bench.enqueue(NewJob {
        timeout: Duration::from_secs(1),
        retry: Retry::none(),
        ..job(app.url("/"))
    });
    match bench.end_of(id) {
        End::Dead {
            status: None,
            reason,
        } => assert!(reason.contains("did not answer"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_giant_answer_only_the_beginning_is_kept() {
    let app = App::start();
    app.answer(Answer::Status(200, "x".repeat(8 * 1024 * 1024)));
    let bench = Bench::start();
    let id = bench.enqueue(job(app.url("/")));
    assert_eq!(bench.end_of(id), End::Delivered { status: 200 });
    assert_eq!(bench.show(id).tries[0].body.len(), 2048);
}

#[test]
fn a_body_too_great_to_wait_in_memory_arrives_whole() {
    let app = App::start();
    let bench = Bench::start();
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    let id = bench.enqueue(NewJob {
        body: JobBody::Bytes(body.clone().into()),
        ..job(app.url("/"))
    });
    bench.end_of(id);
    assert!(app.requests()[0].body == body);
}

#[test]
fn nine_endpoints_are_served_while_the_tenth_hangs() {
    let hanging = App::start();
    hanging.answer(Answer::Hang);
    let answering: Vec<App> = (0..9).map(|_| App::start()).collect();
    let bench = Bench::start();
    // The hanging one's jobs are the oldest, and more than there are sockets for any one endpoint.
    bench.enqueue_all((0..200).map(|_| job(hanging.url("/"))).collect());
    hanging.wait_for(4);
    let all = answering
        .iter()
        .flat_map(|app| (0..50).map(|_| job(app.url("/"))))
        .collect();
    bench.enqueue_all(all);
    let ends = bench.ends(450);
    assert!(
        ends.iter()
            .all(|(_, end)| matches!(end, End::Delivered { .. }))
    );
    for app in &answering {
        assert_eq!(app.requests().len(), 50);
    }
    assert!(hanging.requests().len() <= 4);
}

#[test]
fn an_endpoint_that_was_down_gets_everything_once_it_is_back() {
    let app = App::start();
    app.answer(Answer::Close);
    let bench = Bench::start();
    let ids = bench.enqueue_all(
        (0..60)
            .map(|n| NewJob {
                message_id: Some(format!("msg_{n}")),
                ..job(app.url("/"))
            })
            .collect(),
    );
    // It has failed often enough for its circuit to open, and has been probed since.
    wait_until(|| {
        let overview = bench.overview();
        (overview.endpoints[0].circuit == Health::Open).then_some(())
    });
    let so_far = app.requests().len();
    app.wait_for(so_far + 3);
    let before = app.at_once().len();
    app.answer(Answer::After(Duration::from_millis(5), 200));
    let ends = bench.ends(ids.len());
    // One at a time until five have succeeded; then as many as a fresh endpoint gets, and more as it keeps up.
    let at_once = app.at_once();
    assert_eq!(at_once[before + 1..before + 5], [1; 4], "{at_once:?}");
    assert!(at_once[before..].iter().all(|many| *many <= 64));
    let delivered = ends
        .iter()
        .filter(|(_, end)| matches!(end, End::Delivered { .. }))
        .count();
    assert_eq!(delivered, ids.len(), "{ends:?}");
}

#[test]
fn jobs_with_one_order_key_arrive_one_after_the_other_also_past_a_failure() {
    let app = App::start();
    app.answer_next(status(500));
    let bench = Bench::start();
    let all = (0..20)
        .map(|n| NewJob {
            order_key: Some("contact-1".to_owned()),
            message_id: Some(n.to_string()),
            ..job(app.url("/"))
        })
        .collect();
    bench.enqueue_all(all);
    bench.ends(20);
    let order: Vec<String> = app
        .requests()
        .iter()
        .map(|request| request.header("webhook-id").unwrap().to_owned())
        .collect();
    let mut expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    expected.insert(0, "0".to_owned());
    assert_eq!(order, expected);
}

#[test]
fn what_a_dead_engine_had_claimed_is_delivered_by_the_next() {
    let app = App::start();
    let bench = Bench::new();
    let id = bench.enqueue(job(app.url("/")));
    // An engine of an earlier boot claims the job and is never heard of again.
    let claimed: Result<usize, StoreError> = bench.store.write_blocking(|tx| {
        let now = Timestamp::now();
        let until = now.plus(Duration::from_secs(3_600));
        let owner = leases::register(tx, "0b8c8f70-0000-4000-8000-000000000000/pid/1/1", until)?;
        let room = jobs::Room {
            owner,
            now,
            total: 10,
            of: std::collections::HashMap::new(),
            of_others: 4,
            probe: Duration::from_secs(1),
        };
        Ok(jobs::claim(tx, &room)?.jobs.len())
    });
    assert_eq!(claimed.unwrap(), 1);
    let bench = bench.with_engine(quick());
    assert_eq!(bench.end_of(id), End::Delivered { status: 200 });
}

#[test]
fn an_engine_that_stops_gives_back_what_it_has_not_sent() {
    let app = App::start();
    app.answer(Answer::Hang);
    let mut bench = Bench::new().with_engine(EngineOptions {
        drain: Duration::from_secs(1),
        ..quick()
    });
    bench.enqueue_all((0..20).map(|_| job(app.url("/"))).collect());
    app.wait_for(4);
    bench.stop();
    let jobs = &bench.overview().queues[0].jobs;
    assert_eq!(jobs.get("waiting"), Some(&20), "{jobs:?}");
}

#[test]
fn an_engine_that_stops_lets_what_it_has_sent_come_to_its_end() {
    let app = App::start();
    let mut bench = Bench::start();
    let id = bench.enqueue(job(app.url("/")));
    app.wait_for(1);
    bench.stop();
    assert_eq!(bench.show(id).job.state, State::Done);
}

#[test]
fn two_engines_on_one_database_deliver_each_job_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    let first = Bench::on(Store::open(&path, Kind::Inbox).unwrap()).with_engine(quick());
    let second = Bench::on(Store::open(&path, Kind::Inbox).unwrap()).with_engine(quick());
    let app = App::start();
    let all = |bench: &Bench| {
        bench.enqueue_all((0..100).map(|_| job(app.url("/"))).collect());
    };
    all(&first);
    all(&second);
    wait_until(|| {
        let jobs = &first.overview().queues[0].jobs;
        (jobs.get("done") == Some(&200)).then_some(())
    });
    assert_eq!(app.requests().len(), 200);
}

#[test]
fn a_job_that_another_process_enqueued_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    let app = App::start();
    let _working = Bench::on(Store::open(&path, Kind::Inbox).unwrap()).with_engine(quick());
    let other = Bench::on(Store::open(&path, Kind::Inbox).unwrap());
    other.enqueue(job(app.url("/")));
    app.wait_for(1);
}

/// Asks again and again, as a person would; the store has no way to tell another process.
fn wait_until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "it never came to be");
        std::thread::yield_now();
    }
}
