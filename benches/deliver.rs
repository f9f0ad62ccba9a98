//! Durable deliveries per second: jobs on the disk, requests over loopback, results on the disk.
//!
//! `cargo bench --bench deliver [JOBS [WAITING]]` prints one line per case. In the last two cases, WAITING jobs (default: one million)
//! that are not due yet are in the queue as well.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use evt::backoff::Retry;
use evt::deliver::{Engine, EngineOptions};
use evt::dial::{AddressPolicy, Dialer};
use evt::secret::Secret;
use evt::store::jobs::{self, JobBody, NewJob};
use evt::store::{Kind, Store, StoreError};
use evt::time::Timestamp;
use http::Response;
use http_body_util::{BodyExt, Empty};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const BODY: usize = 600;

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse::<usize>().ok());
    let jobs = numbers.next().unwrap_or(30_000);
    let waiting = numbers.next().unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        backlog("one endpoint", jobs, 1, 0, 1).await;
        backlog("ten endpoints", jobs, 10, 0, 1).await;
        live("enqueued one by one", jobs).await;
        backlog("waiting jobs on one endpoint", jobs, 1, waiting, 1).await;
        backlog("waiting jobs on many endpoints", jobs, 1, waiting, 100_000).await;
    });
}

/// A store on the disk and a server that answers every request.
struct Bench {
    _folder: tempfile::TempDir,
    store: Store,
    server: SocketAddr,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("inbox.db"), Kind::Inbox).unwrap();
        Self {
            _folder: folder,
            store,
            server: serve().await,
        }
    }

    fn job(&self, endpoint: usize, run_at: Timestamp) -> NewJob {
        NewJob {
            run_at,
            retry: Retry::standard(),
            message_id: Some(format!("msg_{endpoint}")),
            secret: Some(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            body: JobBody::Bytes(Bytes::from(vec![b'x'; BODY])),
            ..NewJob::post(format!("http://{}/{endpoint}", self.server))
        }
    }

    async fn fill(&self, count: usize, endpoints: usize, run_at: Timestamp) {
        for start in (0..count).step_by(1_000) {
            let end = (start + 1_000).min(count);
            let batch: Vec<_> = (start..end)
                .map(|n| self.job(n % endpoints, run_at))
                .collect();
            let written: Result<(), StoreError> = self
                .store
                .write(move |tx| {
                    for job in &batch {
                        jobs::enqueue(tx, job)?;
                    }
                    Ok(())
                })
                .await;
            written.unwrap();
        }
    }

    /// Starts an engine. The returned `Notify` is notified after `count` settlements.
    fn deliver(&self, count: usize, shutdown: &CancellationToken) -> (Engine, Arc<Notify>) {
        let settled = AtomicUsize::new(0);
        let all = Arc::new(Notify::new());
        let done = Arc::clone(&all);
        let options = EngineOptions {
            on_settled: Some(Arc::new(move |_, _| {
                if settled.fetch_add(1, Relaxed) + 1 == count {
                    done.notify_one();
                }
                Ok(())
            })),
            ..EngineOptions::default()
        };
        let dialer = Dialer::new(AddressPolicy::Local);
        let engine = Engine::start(self.store.clone(), dialer, options, shutdown.clone());
        (engine, all)
    }
}

/// All jobs are due when the engine starts; `waiting` other jobs are not due yet.
async fn backlog(
    name: &str,
    jobs: usize,
    endpoints: usize,
    waiting: usize,
    their_endpoints: usize,
) {
    let bench = Bench::new().await;
    let later = Timestamp::now().plus(Duration::from_secs(86_400));
    let filling = Instant::now();
    bench.fill(waiting, their_endpoints, later).await;
    let filled = filling.elapsed();
    bench.fill(jobs, endpoints, Timestamp::now()).await;
    let shutdown = CancellationToken::new();
    let started = Instant::now();
    let (engine, all) = bench.deliver(jobs, &shutdown);
    all.notified().await;
    let took = started.elapsed();
    shutdown.cancel();
    engine.stopped().await;
    report(name, jobs, took);
    if waiting > 0 {
        println!(
            "    {waiting} jobs waiting, enqueued at {:.0}/s; memory {} (at most {})",
            waiting as f64 / filled.as_secs_f64(),
            memory("VmRSS"),
            memory("VmHWM"),
        );
    }
}

/// Jobs are enqueued while the engine delivers, each in a separate operation.
async fn live(name: &str, jobs: usize) {
    let bench = Arc::new(Bench::new().await);
    let shutdown = CancellationToken::new();
    let started = Instant::now();
    let (engine, all) = bench.deliver(jobs, &shutdown);
    let writers = (0..64).map(|writer| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            for n in (writer..jobs).step_by(64) {
                let job = bench.job(n % 3, Timestamp::now());
                let written: Result<i64, StoreError> =
                    bench.store.write(move |tx| jobs::enqueue(tx, &job)).await;
                written.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    all.notified().await;
    let took = started.elapsed();
    for writer in writers {
        writer.await.unwrap();
    }
    shutdown.cancel();
    engine.stopped().await;
    report(name, jobs, took);
}

fn report(name: &str, jobs: usize, took: Duration) {
    let rate = jobs as f64 / took.as_secs_f64();
    println!("{name:<32} {rate:>8.0} deliveries/s  ({jobs} in {took:.2?})");
}

/// A line of `/proc/self/status`; empty on other systems than Linux.
fn memory(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':'))
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

/// A server that reads each request completely and answers 200.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let service = service_fn(|request: http::Request<hyper::body::Incoming>| async {
                    let _ = request.into_body().collect().await;
                    Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}
