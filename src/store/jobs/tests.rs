//! Rules of the queue, each on its own store.

use std::collections::HashMap;

use super::*;
use crate::store::{Kind, Store, leases};

const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_000);
const URL: &str = "http://127.0.0.1:9/hook";

fn store() -> Store {
    Store::ephemeral(Kind::Inbox).unwrap()
}

fn job(url: &str) -> NewJob {
    NewJob {
        queue: "deliveries",
        run_at: NOW,
        retry: Retry::dev(),
        message_id: Some("msg_1".to_owned()),
        secret: Some(Secret::new("whsec_abc")),
        method: Method::PUT,
        url: url.to_owned(),
        path: Some("/p?q=1".to_owned()),
        headers: HeaderMap::new(),
        body: JobBody::Bytes(Bytes::from_static(b"\xff\x00body")),
        timeout: Duration::from_millis(1_500),
        step: Some(("run-1".to_owned(), 2)),
        event: None,
    }
}

fn capacity(owner: i64) -> Capacity {
    Capacity {
        owner,
        now: NOW,
        total: 100,
        per_endpoint: HashMap::new(),
        unknown_endpoint: 100,
        probe: Duration::from_secs(30),
    }
}

fn attempt(status: u16) -> Attempt {
    let status = http::StatusCode::from_u16(status).unwrap();
    Attempt::answered(
        NOW,
        Duration::from_millis(5),
        status,
        HeaderMap::new(),
        b"",
        false,
    )
}

/// Runs `op` in one commit.
fn write<T: Send + 'static>(
    store: &Store,
    op: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write_blocking(op).unwrap()
}

fn enqueue_one(store: &Store, job: NewJob) -> i64 {
    write(store, move |tx| enqueue(tx, &job))
}

fn owner(store: &Store) -> i64 {
    write(store, |tx| {
        leases::register(tx, "test", NOW.plus(Duration::from_secs(30)))
    })
}

fn claim_with(store: &Store, capacity: Capacity) -> Claim {
    write(store, move |tx| claim(tx, &capacity))
}

fn claim_all(store: &Store, owner: i64) -> Vec<Claimed> {
    claim_with(store, capacity(owner)).jobs
}

fn settle_one(store: &Store, lease: Lease, status: u16, next: Next) -> SettleResult {
    write(store, move |tx| settle(tx, lease, &attempt(status), &next))
}

#[test]
fn a_claimed_job_is_what_was_enqueued() {
    let store = store();
    let id = enqueue_one(&store, job("http://127.0.0.1:9/hook?x=1"));
    let owner = owner(&store);
    let claimed = claim_all(&store, owner).remove(0);
    assert_eq!(claimed.lease.job, id);
    assert_eq!(claimed.method, Method::PUT);
    assert_eq!(claimed.url, "http://127.0.0.1:9/hook?x=1");
    assert_eq!(claimed.path.as_deref(), Some("/p?q=1"));
    assert_eq!(claimed.body.unwrap(), &b"\xff\x00body"[..]);
    assert_eq!(claimed.secret.unwrap().reveal(), "whsec_abc");
    assert_eq!(claimed.timeout, Duration::from_millis(1_500));
    assert_eq!(claimed.retry, Retry::dev());
}

#[test]
fn a_claimed_job_is_not_claimed_again() {
    let store = store();
    enqueue_one(&store, job(URL));
    let owner = owner(&store);
    assert_eq!(claim_all(&store, owner).len(), 1);
    assert!(claim_all(&store, owner).is_empty());
}

#[test]
fn a_job_is_claimed_when_it_is_due() {
    let store = store();
    let later = NOW.plus(Duration::from_secs(5));
    enqueue_one(
        &store,
        NewJob {
            run_at: later,
            ..job(URL)
        },
    );
    let owner = owner(&store);
    let early = claim_with(&store, capacity(owner));
    assert!(early.jobs.is_empty());
    assert_eq!(early.next_at, Some(later));
    let due = Capacity {
        now: later,
        ..capacity(owner)
    };
    assert_eq!(claim_with(&store, due).jobs.len(), 1);
}

#[test]
fn a_full_endpoint_does_not_hide_the_others() {
    let store = store();
    for n in 0..10 {
        enqueue_one(&store, job("http://127.0.0.1:9/full"));
        enqueue_one(&store, job(&format!("http://127.0.0.1:9{n}/")));
    }
    let owner = owner(&store);
    let first = claim_with(
        &store,
        Capacity {
            total: 1,
            ..capacity(owner)
        },
    );
    let full = first.jobs[0].endpoint;
    let claim = claim_with(
        &store,
        Capacity {
            total: 10,
            per_endpoint: HashMap::from([(full, 0)]),
            ..capacity(owner)
        },
    );
    assert_eq!(claim.jobs.len(), 10);
    assert!(claim.jobs.iter().all(|job| job.endpoint != full));
}

#[test]
fn endpoints_take_turns() {
    let store = store();
    let owner = owner(&store);
    for _ in 0..3 {
        enqueue_one(&store, job("http://127.0.0.1:8/a"));
    }
    enqueue_one(&store, job("http://127.0.0.1:9/b"));
    let mut order = Vec::new();
    for second in 1..=3 {
        let one = Capacity {
            total: 1,
            now: NOW.plus(Duration::from_secs(second)),
            ..capacity(owner)
        };
        order.push(claim_with(&store, one).jobs[0].url.clone());
    }
    let last: Vec<&str> = order.iter().map(|url| &url[url.len() - 1..]).collect();
    assert_eq!(last, ["a", "b", "a"]);
}

#[test]
fn an_endpoint_gets_no_more_jobs_than_its_capacity() {
    let store = store();
    for _ in 0..10 {
        enqueue_one(&store, job(URL));
    }
    let owner = owner(&store);
    let four = Capacity {
        unknown_endpoint: 4,
        ..capacity(owner)
    };
    assert_eq!(claim_with(&store, four).jobs.len(), 4);
}

#[test]
fn a_late_result_is_refused_and_changes_nothing() {
    let store = store();
    enqueue_one(&store, job(URL));
    let (first, second) = (owner(&store), owner(&store));
    let old = claim_all(&store, first).remove(0).lease;
    write(&store, move |tx| leases::take_over(tx, first, NOW, 5));
    let new = claim_all(&store, second).remove(0).lease;
    assert!(matches!(
        settle_one(&store, old, 200, Next::Done),
        SettleResult::LeaseLost
    ));
    let settled = settle_one(&store, new, 200, Next::Done);
    assert!(matches!(settled, SettleResult::Ended(_)));
    assert!(matches!(
        settle_one(&store, new, 200, Next::Done),
        SettleResult::LeaseLost
    ));
}

#[test]
fn settling_returns_the_run_and_how_the_job_ended() {
    let store = store();
    let id = enqueue_one(&store, job(URL));
    let owner = owner(&store);
    let lease = claim_all(&store, owner).remove(0).lease;
    match settle_one(&store, lease, 204, Next::Done) {
        SettleResult::Ended(settled) => {
            assert_eq!(settled.job, id);
            assert_eq!(settled.run, Some(("run-1".to_owned(), 2)));
            assert_eq!(settled.end, End::Delivered { status: 204 });
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_counted_failures_use_up_retries() {
    let store = store();
    enqueue_one(&store, job(URL));
    let owner = owner(&store);
    for counted in [true, false] {
        let lease = claim_all(&store, owner).remove(0).lease;
        let next = Next::Retry {
            run_at: NOW,
            counted,
        };
        settle_one(&store, lease, 500, next);
    }
    let job = claim_all(&store, owner).remove(0);
    assert_eq!((job.tries, job.failures), (2, 1));
}

#[test]
fn an_open_endpoint_gets_one_job_per_probe() {
    let store = store();
    for _ in 0..5 {
        enqueue_one(&store, job(URL));
    }
    let owner = owner(&store);
    let lease = claim_with(
        &store,
        Capacity {
            total: 1,
            ..capacity(owner)
        },
    );
    let endpoint = lease.jobs[0].endpoint;
    write(&store, move |tx| {
        let change = endpoints::Change {
            health: endpoints::Health::Open,
            at: NOW,
            held_until: NOW.plus(Duration::from_secs(30)),
            fail_since: Some(NOW),
            reason: None,
        };
        endpoints::change(tx, endpoint, &change)
    });
    let at = |seconds| Capacity {
        now: NOW.plus(Duration::from_secs(seconds)),
        ..capacity(owner)
    };
    assert!(claim_with(&store, at(29)).jobs.is_empty());
    // A job that is enqueued meanwhile does not bypass the hold.
    enqueue_one(&store, job(URL));
    assert!(claim_with(&store, at(29)).jobs.is_empty());
    assert_eq!(claim_with(&store, at(30)).jobs.len(), 1);
    assert!(claim_with(&store, at(31)).jobs.is_empty());
    assert_eq!(claim_with(&store, at(60)).jobs.len(), 1);
}

#[test]
fn an_older_observation_of_an_endpoint_is_ignored() {
    let store = store();
    enqueue_one(&store, job(URL));
    let owner = owner(&store);
    let endpoint = claim_all(&store, owner)[0].endpoint;
    let change = |health, seconds| endpoints::Change {
        health,
        at: NOW.plus(Duration::from_secs(seconds)),
        held_until: NOW,
        fail_since: None,
        reason: None,
    };
    let newer = change(endpoints::Health::Closed, 2);
    let older = change(endpoints::Health::Open, 1);
    let changed = write(&store, move |tx| {
        Ok((
            endpoints::change(tx, endpoint, &newer)?,
            endpoints::change(tx, endpoint, &older)?,
        ))
    });
    assert_eq!(changed, (true, false));
}

#[test]
fn a_large_body_is_read_separately() {
    let store = store();
    let large = Bytes::from(vec![7; 20_000]);
    let id = enqueue_one(
        &store,
        NewJob {
            body: JobBody::Bytes(large.clone()),
            ..job(URL)
        },
    );
    let owner = owner(&store);
    let claimed = claim_all(&store, owner).remove(0);
    assert_eq!((claimed.body, claimed.body_len), (None, 20_000));
    let read = store.read_blocking(|db| body(db, id)).unwrap();
    assert_eq!(read, Some(large));
}

#[test]
fn a_job_whose_engines_crash_is_retried_and_finally_quarantined() {
    let store = store();
    enqueue_one(&store, job(URL));
    let mut now = NOW;
    for round in 1..=MAX_CRASHES {
        now = now.plus(Duration::from_secs(3_600));
        let owner = owner(&store);
        let due = Capacity {
            now,
            ..capacity(owner)
        };
        assert_eq!(claim_with(&store, due).jobs.len(), 1, "round {round}");
        let quarantined = write(&store, move |tx| {
            leases::take_over(tx, owner, now, MAX_CRASHES)
        });
        let is_last = round == MAX_CRASHES;
        assert_eq!(quarantined.len(), usize::from(is_last), "round {round}");
    }
    let owner = owner(&store);
    let much_later = Capacity {
        now: now.plus(Duration::from_secs(86_400)),
        ..capacity(owner)
    };
    assert!(claim_with(&store, much_later).jobs.is_empty());
}

#[test]
fn a_job_whose_attempt_panics_twice_is_quarantined() {
    let store = store();
    enqueue_one(&store, job(URL));
    let owner = owner(&store);
    let lose = || {
        let later = Capacity {
            now: NOW.plus(Duration::from_secs(60)),
            ..capacity(owner)
        };
        let lease = claim_with(&store, later).jobs.remove(0).lease;
        write(&store, move |tx| {
            leases::panicked(tx, lease, NOW, MAX_PANICS)
        })
    };
    assert!(lose().is_none());
    assert!(matches!(lose().unwrap().end, End::Dead { .. }));
}

#[test]
fn a_result_resets_the_count_of_losses() {
    let store = store();
    enqueue_one(&store, job(URL));
    for _ in 0..3 {
        let owner = owner(&store);
        let lease = claim_all(&store, owner).remove(0).lease;
        let again = Next::Retry {
            run_at: NOW,
            counted: false,
        };
        settle_one(&store, lease, 500, again);
        claim_all(&store, owner);
        let quarantined = write(&store, move |tx| leases::take_over(tx, owner, NOW, 2));
        assert!(quarantined.is_empty());
    }
}

#[test]
fn released_jobs_count_no_loss() {
    let store = store();
    enqueue_one(&store, job(URL));
    let owner = owner(&store);
    for _ in 0..5 {
        let lease = claim_all(&store, owner).remove(0).lease;
        write(&store, move |tx| leases::release(tx, &[lease]));
    }
    claim_all(&store, owner);
    write(&store, move |tx| leases::unregister(tx, owner));
    let owners = store.read_blocking(leases::owners).unwrap();
    assert!(owners.is_empty(), "{owners:?}");
}

#[test]
fn leases_of_an_unregistered_owner_have_expired() {
    let store = store();
    enqueue_one(&store, job(URL));
    let gone = claim_all(&store, 4_711).len();
    let owners = store.read_blocking(leases::owners).unwrap();
    assert_eq!((gone, owners[0].id), (1, 4_711));
    assert!(owners[0].until < NOW);
}

#[test]
fn pruning_deletes_done_jobs_and_keeps_dead_ones() {
    let store = store();
    let done = enqueue_one(&store, job(URL));
    let dead = enqueue_one(&store, job(URL));
    let owner = owner(&store);
    for claimed in claim_all(&store, owner) {
        let next = if claimed.lease.job == done {
            Next::Done
        } else {
            let reason = "no".to_owned();
            Next::Dead { reason }
        };
        settle_one(&store, claimed.lease, 200, next);
    }
    let later = NOW.plus(Duration::from_secs(60));
    assert_eq!(write(&store, move |tx| prune(tx, later, 100)), 1);
    let left = store
        .read_blocking(|db| super::super::queue::ids_after(db, &Default::default(), 0, 10))
        .unwrap();
    assert_eq!(left, [dead]);
}

#[test]
fn claims_use_indexes_and_never_scan() {
    let store = store();
    for n in 0..3 {
        enqueue_one(&store, job(&format!("http://127.0.0.1:9{n}/")));
    }
    let plan = |sql: &str| -> String {
        store
            .read_blocking(|db| {
                let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let mut rows = explain.raw_query();
                let mut plan = String::new();
                while let Some(row) = rows.next()? {
                    plan.push_str(&row.get::<_, String>(3)?);
                    plan.push('\n');
                }
                Ok::<_, StoreError>(plan)
            })
            .unwrap()
    };
    for (sql, index) in [
        (endpoints::due_endpoints(), "endpoints_due"),
        (claim::due_jobs(), "jobs_ready"),
        (leases::leased_jobs(), "jobs_leased"),
    ] {
        let plan = plan(&sql);
        assert!(plan.contains(index), "{plan}");
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
}
