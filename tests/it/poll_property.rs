//! Property: with random servers and random crashes, polling emits each record once. The poller and its state are real, the server is
//! in memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evt::api::{Answer, ApiError};
use evt::source::poll::{Find, Poll, PollEnd, PollOptions, Strategy as Way, Subject, Undated};
use evt::source::{BoxFuture, Message, Notice, Outlet};
use evt::store::poll::{PollState, PollStateError};
use evt::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A server in memory: its records, and how it handles requests.
#[derive(Clone, Debug)]
struct Server {
    /// Key and date of each record, in random order.
    rows: Vec<(String, i64)>,
    order: Order,
    paging: Paging,
    respects_bounds: bool,
    cap: usize,
    page_size: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// As requested. Records of one date are in another order each time, unless the key is requested.
    Respected,
    AlwaysDescending,
    /// The server returns records in the order in which they are stored.
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paging {
    Skip,
    From(u64),
}

impl Server {
    fn answer(&self, body: &[u8], turn: usize) -> Vec<u8> {
        let asked: Value = serde_json::from_slice(body).unwrap();
        let (query, options) = (&asked["query"], &asked["options"]);
        let mut rows: Vec<&(String, i64)> = self
            .rows
            .iter()
            .filter(|row| self.accepts(query, row))
            .collect();
        self.sort(&mut rows, &options["sort"], turn);
        let size = options["pageSize"].as_u64().unwrap_or(50) as usize;
        let size = size.min(self.cap);
        let skip = match self.paging {
            Paging::Skip => options["skip"].as_u64().unwrap_or(0) as usize,
            Paging::From(first) => {
                let page = options["page"].as_u64().unwrap_or(first);
                page.saturating_sub(first) as usize * size
            }
        };
        let page: Vec<Value> = rows
            .iter()
            .skip(skip)
            .take(size)
            .map(|row| record(row))
            .collect();
        json!({ "data": page }).to_string().into_bytes()
    }

    fn accepts(&self, query: &Value, (key, at): &(String, i64)) -> bool {
        if query["modifydate"].is_null() && query.get("modifydate").is_some() {
            return false;
        }
        let bounds = &query["modifydate"];
        let date = shown(*at);
        let dated = !self.respects_bounds
            || bounds["$gte"]
                .as_str()
                .is_none_or(|from| date.as_str() >= from)
                && bounds["$lt"]
                    .as_str()
                    .is_none_or(|before| date.as_str() < before);
        dated
            && query["sk"]["$gt"]
                .as_str()
                .is_none_or(|after| key.as_str() > after)
    }

    fn sort(&self, rows: &mut [&(String, i64)], sort: &Value, turn: usize) {
        let direction = |field: &str| sort[field].as_i64();
        match self.order {
            Order::Ignored => {}
            Order::AlwaysDescending => rows.sort_by_key(|(_, at)| -at),
            Order::Respected => {
                fastrand::Rng::with_seed(turn as u64).shuffle(rows);
                match (direction("modifydate"), direction("sk")) {
                    (Some(1), Some(_)) => rows.sort_by_key(|(key, at)| (*at, key.clone())),
                    (Some(1), None) => rows.sort_by_key(|(_, at)| *at),
                    (Some(_), _) => rows.sort_by_key(|(_, at)| -at),
                    (None, Some(1)) => rows.sort(),
                    (None, Some(_)) => rows.sort_by(|a, b| b.cmp(a)),
                    (None, None) => {}
                }
            }
        }
    }
}

fn shown(at: i64) -> String {
    Timestamp::from_millis(at).to_string()
}

fn record((key, at): &(String, i64)) -> Value {
    json!({ "sk": key, "modifydate": shown(*at), "data": { "n": at % 7 } })
}

/// The printed lines. After a crash they are cut back to what the state counts, like a file.
#[derive(Default)]
struct Lines {
    lines: Vec<(String, String)>,
}

/// Ends a run within a step.
struct Crash {
    steps: AtomicUsize,
    ends_at: usize,
    crashed: Notify,
}

impl Crash {
    fn new(ends_at: usize) -> Arc<Self> {
        Arc::new(Self {
            steps: AtomicUsize::new(0),
            ends_at,
            crashed: Notify::new(),
        })
    }

    async fn step(&self) {
        if self.steps.fetch_add(1, Ordering::Relaxed) + 1 == self.ends_at {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

struct Printer {
    out: Arc<Mutex<Lines>>,
    crash: Arc<Crash>,
}

impl Outlet for Printer {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        let data = String::from_utf8(message.data.to_vec()).unwrap();
        let key = message.id.unwrap().to_owned();
        self.out.lock().unwrap().lines.push((key, data));
        ControlFlow::Continue(())
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(async {
            self.crash.step().await;
            ControlFlow::Continue(())
        })
    }

    fn notice(&mut self, _: Notice) {}
}

/// Runs one process to its end, or to the step at which it crashes.
async fn run(
    server: &Server,
    home: &Path,
    out: &Arc<Mutex<Lines>>,
    ends_at: usize,
) -> Option<PollEnd> {
    let crash = Crash::new(ends_at);
    let (served, crashes) = (Arc::new(server.clone()), Arc::clone(&crash));
    let find: Find = Arc::new(move |body| {
        let (server, crash) = (Arc::clone(&served), Arc::clone(&crashes));
        Box::pin(async move {
            crash.step().await;
            let turn = crash.steps.load(Ordering::Relaxed);
            Ok::<_, ApiError>(Answer {
                body: server.answer(&body, turn),
                date: None,
                platform: None,
                status: 200,
                content_type: None,
            })
        })
    });
    let state = open(home);
    out.lock()
        .unwrap()
        .lines
        .truncate(state.position().emitted as usize);
    let subject = Subject {
        url: "http://127.0.0.1:1".to_owned(),
        org: "o".to_owned(),
        is_loopback: true,
    };
    let mut poll = Poll::new(options(server.page_size), subject, find, state, None);
    let mut printer = Printer {
        out: Arc::clone(out),
        crash: Arc::clone(&crash),
    };
    let stop = CancellationToken::new();
    tokio::select! {
        biased;
        () = crash.crashed.notified() => None,
        end = poll.run(&mut printer, &stop) => Some(end.unwrap()),
    }
}

/// Opens the state. A process that another test is starting inherits the lock of the last run for a moment.
fn open(home: &Path) -> PollState {
    let mut tries = 0;
    loop {
        match PollState::open(home, "contact", false) {
            Err(PollStateError::Locked { .. }) if tries < 100 => tries += 1,
            opened => return opened.unwrap(),
        }
    }
}

fn options(page_size: u32) -> PollOptions {
    PollOptions {
        datatype: "contact".to_owned(),
        since: None,
        until: None,
        max: None,
        lookback: Duration::from_secs(120),
        page_size,
        query: serde_json::Map::new(),
        key: None,
        field: "modifydate".to_owned(),
        ignore: Vec::new(),
        undated: Undated::Warn,
        strategy: Way::Auto,
        pace: None,
        max_wait: Duration::from_secs(600),
        sweep: false,
        allow_mass_deletion: false,
        reconcile: false,
        fail_on_gap: false,
        follow: None,
        commit_each_record: false,
        skip_malformed: false,
        writes_bookmarks: false,
    }
}

/// Records with few different dates, so that many share one. Some dates are within the lookback, some long before it.
fn rows() -> impl Strategy<Value = Vec<(String, i64)>> {
    let now = Timestamp::now().millis();
    let age = prop_oneof![0..40_i64, (1..30_i64).prop_map(|hours| hours * 3_600_000)];
    (
        proptest::collection::vec(age, 1..8),
        proptest::collection::vec((any::<u32>(), any::<prop::sample::Index>()), 0..90),
    )
        .prop_map(move |(ages, rows)| {
            let rows: BTreeMap<u32, i64> = rows
                .into_iter()
                .map(|(key, age)| (key, now - 1_000 - age.get(&ages)))
                .collect();
            let mut rows: Vec<_> = rows
                .into_iter()
                .map(|(key, at)| (format!("k{key:010}"), at))
                .collect();
            fastrand::Rng::with_seed(rows.len() as u64).shuffle(&mut rows);
            rows
        })
}

fn servers() -> impl Strategy<Value = Server> {
    let order = prop_oneof![
        3 => Just(Order::Respected),
        1 => Just(Order::AlwaysDescending),
        1 => Just(Order::Ignored),
    ];
    let paging = prop_oneof![
        Just(Paging::Skip),
        Just(Paging::From(0)),
        Just(Paging::From(1))
    ];
    (
        rows(),
        order,
        paging,
        prop::bool::weighted(0.8),
        2..40_usize,
        2..40_u32,
    )
        .prop_map(
            |(rows, order, paging, respects_bounds, cap, page_size)| Server {
                rows,
                order,
                paging,
                respects_bounds,
                cap,
                page_size,
            },
        )
}

/// Fewer cases than the default, because each has several runs with a database. `PROPTEST_CASES` sets another number.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => usual,
        None => ProptestConfig { cases: 40, ..usual },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_record_is_emitted_once_whatever_the_server_does_and_whenever_it_is_killed(
        mut server in servers(),
        kills in proptest::collection::vec(1..40_usize, 0..4),
        changes in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let home = tempfile::tempdir().unwrap();
        let out = Arc::new(Mutex::new(Lines::default()));
        runtime.block_on(async {
            for kill in kills {
                run(&server, home.path(), &out, kill).await;
            }
            prop_assert_eq!(run(&server, home.path(), &out, usize::MAX).await, Some(PollEnd::Complete));
            prop_assert_eq!(printed(&out), expected(&server));
            // Some records change, and only those are printed again.
            let before = printed(&out).len();
            let (mut changed, count) = (BTreeMap::new(), server.rows.len());
            let changes = changes.iter().filter(|_| count > 0).enumerate();
            for (turn, change) in changes {
                let row = change.index(server.rows.len());
                server.rows[row].1 = Timestamp::now().millis() + turn as i64;
                changed.insert(server.rows[row].0.clone(), record(&server.rows[row]).to_string());
            }
            prop_assert_eq!(run(&server, home.path(), &out, usize::MAX).await, Some(PollEnd::Complete));
            let mut again = out.lock().unwrap().lines.split_off(before);
            again.sort();
            prop_assert_eq!(again, changed.into_iter().collect::<Vec<_>>());
            Ok(())
        })?;
    }
}

fn printed(out: &Mutex<Lines>) -> Vec<(String, String)> {
    let mut lines = out.lock().unwrap().lines.clone();
    lines.sort();
    lines
}

fn expected(server: &Server) -> Vec<(String, String)> {
    let mut rows: Vec<_> = server
        .rows
        .iter()
        .map(|row| (row.0.clone(), record(row).to_string()))
        .collect();
    rows.sort();
    rows
}
