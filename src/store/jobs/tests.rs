//! Rules of the queue, each on a store of its own.

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
        order_key: None,
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

fn ordered(key: &str) -> NewJob {
    NewJob {
        order_key: Some(key.to_owned()),
        ..job(URL)
    }
}

fn room(owner: i64) -> Room {
    Room {
        owner,
        now: NOW,
        total: 100,
        of: HashMap::new(),
        of_others: 100,
        probe: Duration::from_secs(30),
    }
}

fn attempt(status: u16) -> Attempt {
    Attempt {
        started_at: NOW,
        took: Duration::from_millis(5),
        status: Some(status),
        error: None,
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

/// Runs `op` in a commit of its own.
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

fn claim_with(store: &Store, room: Room) -> Claim {
    write(store, move |tx| claim(tx, &room))
}

fn claim_all(store: &Store, owner: i64) -> Vec<Claimed> {
    claim_with(store, room(owner)).jobs
}

fn settle_one(store: &Store, lease: Lease, status: u16, next: Next) -> Settling {
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
fn a_job_is_claimed_when_its_time_has_come() {
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
    let early = claim_with(&store, room(owner));
    assert!(early.jobs.is_empty());
    assert_eq!(early.next_at, Some(later));
    let due = Room {
        now: later,
        ..room(owner)
    };
    assert_eq!(claim_with(&store, due).jobs.len(), 1);
}

#[test]
fn a_saturated_endpoint_is_left_out_and_does_not_hide_others() {
    let store = store();
    for n in 0..10 {
        enqueue_one(&store, job("http://127.0.0.1:9/full"));
        enqueue_one(&store, job(&format!("http://127.0.0.1:9{n}/")));
    }
    let owner = owner(&store);
    let first = claim_with(
        &store,
        Room {
            total: 1,
            ..room(owner)
        },
    );
    let full = first.jobs[0].endpoint;
    let claim = claim_with(
        &store,
        Room {
            total: 10,
            of: HashMap::from([(full, 0)]),
            ..room(owner)
        },
    );
    assert_eq!(claim.jobs.len(), 10);
    assert!(claim.jobs.iter().all(|job| job.endpoint != full));
}

#[test]
fn an_endpoint_that_was_served_stands_behind_those_that_wait() {
    let store = store();
    let owner = owner(&store);
    for _ in 0..3 {
        enqueue_one(&store, job("http://127.0.0.1:8/a"));
    }
    enqueue_one(&store, job("http://127.0.0.1:9/b"));
    let mut order = Vec::new();
    for second in 1..=3 {
        let one = Room {
            total: 1,
            now: NOW.plus(Duration::from_secs(second)),
            ..room(owner)
        };
        order.push(claim_with(&store, one).jobs[0].url.clone());
    }
    let last: Vec<&str> = order.iter().map(|url| &url[url.len() - 1..]).collect();
    assert_eq!(last, ["a", "b", "a"]);
}

#[test]
fn an_endpoint_gets_no_more_than_there_is_room_for() {
    let store = store();
    for _ in 0..10 {
        enqueue_one(&store, job(URL));
    }
    let owner = owner(&store);
    let four = Room {
        of_others: 4,
        ..room(owner)
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
        Settling::Late
    ));
    let settled = settle_one(&store, new, 200, Next::Done);
    assert!(matches!(settled, Settling::Ended(_)));
    assert!(matches!(
        settle_one(&store, new, 200, Next::Done),
        Settling::Late
    ));
}

#[test]
fn who_waits_is_told_how_a_job_ended() {
    let store = store();
    let id = enqueue_one(&store, job(URL));
    let owner = owner(&store);
    let lease = claim_all(&store, owner).remove(0).lease;
    match settle_one(&store, lease, 204, Next::Done) {
        Settling::Ended(settled) => {
            assert_eq!(settled.job, id);
            assert_eq!(settled.run, Some(("run-1".to_owned(), 2)));
            assert_eq!(settled.end, End::Delivered { status: 204 });
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_failures_that_count_are_counted() {
    let store = store();
    enqueue_one(&store, job(URL));
    let owner = owner(&store);
    for counted in [true, false] {
        let lease = claim_all(&store, owner).remove(0).lease;
        let next = Next::Again {
            run_at: NOW,
            counted,
        };
        settle_one(&store, lease, 500, next);
    }
    let job = claim_all(&store, owner).remove(0);
    assert_eq!((job.tries, job.failures), (2, 1));
}

#[test]
fn a_job_waits_for_the_earlier_one_of_its_key_also_while_that_is_retried() {
    let store = store();
    let first = enqueue_one(&store, ordered("k"));
    let second = enqueue_one(&store, ordered("k"));
    enqueue_one(&store, ordered("other"));
    let owner = owner(&store);
    let claimed = claim_all(&store, owner);
    assert_eq!(claimed.len(), 2);
    assert_eq!(claimed[0].lease.job, first);
    let again = Next::Again {
        run_at: NOW.plus(Duration::from_secs(60)),
        counted: true,
    };
    settle_one(&store, claimed[0].lease, 500, again);
    assert!(claim_all(&store, owner).is_empty());
    let later = Room {
        now: NOW.plus(Duration::from_secs(60)),
        ..room(owner)
    };
    let lease = claim_with(&store, later).jobs.remove(0).lease;
    settle_one(&store, lease, 200, Next::Done);
    let next = claim_all(&store, owner);
    assert_eq!(next[0].lease.job, second);
}

#[test]
fn a_dead_job_lets_the_next_of_its_key_go() {
    let store = store();
    enqueue_one(&store, ordered("k"));
    let second = enqueue_one(&store, ordered("k"));
    let owner = owner(&store);
    let lease = claim_all(&store, owner).remove(0).lease;
    let reason = "no".to_owned();
    settle_one(&store, lease, 500, Next::Bury { reason });
    assert_eq!(claim_all(&store, owner)[0].lease.job, second);
}

#[test]
fn an_open_endpoint_gets_one_job_and_then_none_until_the_next_probe() {
    let store = store();
    for _ in 0..5 {
        enqueue_one(&store, job(URL));
    }
    let owner = owner(&store);
    let lease = claim_with(
        &store,
        Room {
            total: 1,
            ..room(owner)
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
    let at = |seconds| Room {
        now: NOW.plus(Duration::from_secs(seconds)),
        ..room(owner)
    };
    assert!(claim_with(&store, at(29)).jobs.is_empty());
    // A job that comes meanwhile does not open the door either.
    enqueue_one(&store, job(URL));
    assert!(claim_with(&store, at(29)).jobs.is_empty());
    assert_eq!(claim_with(&store, at(30)).jobs.len(), 1);
    assert!(claim_with(&store, at(31)).jobs.is_empty());
    assert_eq!(claim_with(&store, at(60)).jobs.len(), 1);
}

#[test]
fn the_older_of_two_observations_changes_nothing() {
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
fn a_great_body_comes_when_it_is_asked_for() {
    let store = store();
    let great = Bytes::from(vec![7; 20_000]);
    let id = enqueue_one(
        &store,
        NewJob {
            body: JobBody::Bytes(great.clone()),
            ..job(URL)
        },
    );
    let owner = owner(&store);
    let claimed = claim_all(&store, owner).remove(0);
    assert_eq!((claimed.body, claimed.body_len), (None, 20_000));
    let read = store.read_blocking(|db| body(db, id)).unwrap();
    assert_eq!(read, Some(great));
}

#[test]
fn a_lost_job_waits_again_and_is_quarantined_in_the_end() {
    let store = store();
    enqueue_one(&store, job(URL));
    let mut now = NOW;
    for round in 1..=LOSSES_BY_DEATH {
        now = now.plus(Duration::from_secs(3_600));
        let owner = owner(&store);
        let due = Room { now, ..room(owner) };
        assert_eq!(claim_with(&store, due).jobs.len(), 1, "round {round}");
        let quarantined = write(&store, move |tx| {
            leases::take_over(tx, owner, now, LOSSES_BY_DEATH)
        });
        let is_last = round == LOSSES_BY_DEATH;
        assert_eq!(quarantined.len(), usize::from(is_last), "round {round}");
    }
    let owner = owner(&store);
    let much_later = Room {
        now: now.plus(Duration::from_secs(86_400)),
        ..room(owner)
    };
    assert!(claim_with(&store, much_later).jobs.is_empty());
}

#[test]
fn an_attempt_that_breaks_down_twice_is_quarantined() {
    let store = store();
    enqueue_one(&store, job(URL));
    let owner = owner(&store);
    let lose = || {
        let later = Room {
            now: NOW.plus(Duration::from_secs(60)),
            ..room(owner)
        };
        let lease = claim_with(&store, later).jobs.remove(0).lease;
        write(&store, move |tx| {
            leases::lost(tx, lease, NOW, LOSSES_BY_PANIC)
        })
    };
    assert!(lose().is_none());
    assert!(matches!(lose().unwrap().end, End::Dead { .. }));
}

#[test]
fn a_result_clears_what_was_lost_before() {
    let store = store();
    enqueue_one(&store, job(URL));
    for _ in 0..3 {
        let owner = owner(&store);
        let lease = claim_all(&store, owner).remove(0).lease;
        let again = Next::Again {
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
fn what_is_given_back_has_lost_nothing() {
    let store = store();
    enqueue_one(&store, job(URL));
    let owner = owner(&store);
    for _ in 0..5 {
        let lease = claim_all(&store, owner).remove(0).lease;
        write(&store, move |tx| leases::give_back(tx, &[lease]));
    }
    claim_all(&store, owner);
    write(&store, move |tx| leases::leave(tx, owner));
    let owners = store.read_blocking(leases::owners).unwrap();
    assert!(owners.is_empty(), "{owners:?}");
}

#[test]
fn leases_whose_owner_has_no_entry_are_known_to_be_free() {
    let store = store();
    enqueue_one(&store, job(URL));
    let gone = claim_all(&store, 4_711).len();
    let owners = store.read_blocking(leases::owners).unwrap();
    assert_eq!((gone, owners[0].id), (1, 4_711));
    assert!(owners[0].until < NOW);
}

#[test]
fn old_jobs_that_are_done_go_and_dead_ones_stay() {
    let store = store();
    let done = enqueue_one(&store, job(URL));
    let dead = enqueue_one(&store, job(URL));
    let owner = owner(&store);
    for claimed in claim_all(&store, owner) {
        let next = if claimed.lease.job == done {
            Next::Done
        } else {
            let reason = "no".to_owned();
            Next::Bury { reason }
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
fn a_claim_looks_at_no_more_than_it_takes() {
    let store = store();
    for n in 0..3 {
        enqueue_one(&store, job(&format!("http://127.0.0.1:9{n}/")));
    }
    let plan = |sql: &str| -> String {
        store
            .read_blocking(|db| {
                let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let mut rows = explain.query(())?;
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
        (
            "SELECT id FROM endpoints WHERE next_at <= 5 ORDER BY next_at, id LIMIT 9",
            "endpoints_due",
        ),
        (
            "SELECT id FROM jobs WHERE state = 0 AND endpoint = 1 AND run_at <= 5 ORDER BY run_at, id LIMIT 9",
            "jobs_ready",
        ),
        (
            "SELECT id FROM jobs WHERE endpoint = 1 AND order_key = 'k' AND state IN (0, 1, 7) ORDER BY id LIMIT 1",
            "jobs_order",
        ),
        (
            "SELECT id FROM jobs WHERE owner = 1 AND state = 1",
            "jobs_leased",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index), "{plan}");
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
}
