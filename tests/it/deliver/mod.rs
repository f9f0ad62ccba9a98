//! The delivery engine in process, against local servers that fail in all ways.

mod endpoints;
mod engines;
mod requests;
mod retries;
mod settlement;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use evt::backoff::Retry;
use evt::deliver::{DisabledEndpoint, Engine, EngineOptions};
use evt::dial::{AddressPolicy, Dialer};
use evt::store::jobs::{self, End, JobBody, NewJob, Settled};
use evt::store::queue::{self, JobDetail, Overview};
use evt::store::{Kind, Store, StoreError};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::Answer;

const PATIENCE: Duration = Duration::from_secs(60);

/// A store, an engine that works on it, and all that the engine has reported.
struct Setup {
    runtime: Runtime,
    store: Store,
    reports: Arc<Reports>,
    shutdown: CancellationToken,
    engine: Option<Engine>,
}

/// What the engine has passed to its callbacks.
#[derive(Default)]
struct Reports {
    inner: Mutex<(Vec<Settled>, Vec<DisabledEndpoint>)>,
    changed: Condvar,
}

impl Reports {
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

impl Setup {
    /// A store without an engine.
    fn new() -> Self {
        Self::on(Store::ephemeral(Kind::Inbox).unwrap())
    }

    fn on(store: Store) -> Self {
        Self {
            runtime: Runtime::new().unwrap(),
            store,
            reports: Arc::default(),
            shutdown: CancellationToken::new(),
            engine: None,
        }
    }

    fn start() -> Self {
        Self::new().with_engine(quick())
    }

    fn with_engine(mut self, options: EngineOptions) -> Self {
        let settled = Arc::clone(&self.reports);
        let disabled = Arc::clone(&self.reports);
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

    /// Waits until `count` jobs have ended and returns how, in the order in which they ended.
    fn ends(&self, count: usize) -> Vec<(i64, End)> {
        self.reports.wait("an end", |settled, _| {
            let ends = || settled.iter().map(|one| (one.job, one.end.clone()));
            (settled.len() >= count).then(|| ends().collect())
        })
    }

    fn end_of(&self, job: i64) -> End {
        self.reports.wait("the job's end", |settled, _| {
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

impl Drop for Setup {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Options with short delays.
fn quick() -> EngineOptions {
    EngineOptions {
        probe: Duration::from_millis(20),
        ..EngineOptions::default()
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
        retry: retries(3),
        message_id: Some("msg_1".to_owned()),
        body: JobBody::Bytes(Bytes::from_static(b"{ \"a\": 1 }\n")),
        ..NewJob::post(url)
    }
}

fn status(code: u16) -> Answer {
    Answer::Status(code, "no".to_owned())
}

/// Polls until `found` returns a value. SQLite does not notify other processes of changes.
fn wait_until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "the condition never became true");
        std::thread::yield_now();
    }
}
