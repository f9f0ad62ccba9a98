use std::collections::BTreeSet;
use std::sync::Mutex;

use super::*;
use crate::backoff::Retry;
use crate::clock::Mode;
use crate::store::jobs::State;
use crate::store::work::NewWork;
use crate::store::{Kind, queue, settings, version_of_data};
use crate::time::Timestamp;

const NOON: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A store whose clock is frozen at [`NOON`].
async fn store() -> Store {
    let store = Store::ephemeral(Kind::Platform).unwrap();
    store.set_clock(Mode::Frozen(NOON)).await.unwrap();
    store
}

async fn add(store: &Store, work: NewWork) -> i64 {
    let added: Result<i64, StoreError> = store.write(move |tx| work::enqueue(tx, &work)).await;
    added.unwrap()
}

fn job(name: &'static str, after: u64) -> NewWork {
    let run_at = NOON.plus(Duration::from_secs(after));
    NewWork::new("notification", name, "{}".to_owned(), run_at)
}

/// A consumer that notes the names of its jobs and then does `rest`.
fn noting(
    rest: impl Fn(&Tx<'_>, &Work) -> Result<(), WorkError> + Send + Sync + 'static,
) -> (Consumer, Arc<Mutex<Vec<String>>>) {
    let names = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&names);
    let consumer: Consumer = Arc::new(move |tx: &Tx<'_>, job: &Work| {
        noted.lock().unwrap().push(job.name.clone());
        rest(tx, job)
    });
    (consumer, names)
}

async fn detail(store: &Store, id: i64) -> queue::JobDetail {
    let found: Result<_, StoreError> = store.read(move |db| queue::show(db, id)).await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn due_jobs_are_done_in_order_of_their_time() {
    let store = store().await;
    for (name, after) in [("third", 9), ("first", 3), ("second", 6)] {
        add(&store, job(name, after)).await;
    }
    let (consumer, names) = noting(|_, _| Ok(()));
    assert_eq!(do_due(&store, &consumer).await.unwrap(), 0);
    let later = Mode::Frozen(NOON.plus(Duration::from_secs(6)));
    store.set_clock(later).await.unwrap();
    assert_eq!(do_due(&store, &consumer).await.unwrap(), 2);
    assert_eq!(*names.lock().unwrap(), ["first", "second"]);
}

#[tokio::test]
async fn a_thousand_jobs_that_are_due_at_once_share_commits() {
    let store = store().await;
    let jobs = (0..1_000).map(|n| NewWork {
        name: n.to_string().into(),
        ..job("", 0)
    });
    let jobs: Vec<_> = jobs.collect();
    let added = store.write::<_, StoreError, _>(move |tx| {
        let mut jobs = jobs.iter();
        jobs.try_for_each(|job| work::enqueue(tx, job).map(|_| ()))
    });
    added.await.unwrap();
    let commits = Arc::new(Mutex::new(BTreeSet::new()));
    let (seen, reader) = (Arc::clone(&commits), store.clone());
    let (consumer, names) = noting(move |_, _| {
        // The jobs of one commit see the same version; it is that of the commit before.
        let version = reader.read_blocking(version_of_data)?;
        seen.lock().unwrap().insert(version);
        Ok(())
    });
    assert_eq!(do_due(&store, &consumer).await.unwrap(), 1_000);
    let distinct: BTreeSet<_> = names.lock().unwrap().drain(..).collect();
    assert_eq!(distinct.len(), 1_000);
    // Four full batches. A slow machine makes some more, because a commit ends after 50 ms.
    let commits = commits.lock().unwrap().len();
    assert!((4..100).contains(&commits), "{commits} commits");
}

#[tokio::test]
async fn a_failed_job_leaves_nothing_behind_and_is_dead_after_its_retries() {
    let store = store().await;
    let retry = Retry::bullmq(Duration::from_secs(1), 3, 0);
    let id = add(
        &store,
        NewWork {
            retry,
            ..job("send", 0)
        },
    )
    .await;
    let (consumer, _) = noting(|tx, _| {
        settings::set(tx, "written", "yes")?;
        Err(WorkError::Failed("no such template".to_owned()))
    });
    let mut waits = Vec::new();
    for _ in 0..3 {
        do_due(&store, &consumer).await.unwrap();
        let job = detail(&store, id).await.job;
        waits.push((job.state, job.run_at.since(store.now()).as_secs()));
        store.set_clock(Mode::Frozen(job.run_at)).await.unwrap();
    }
    assert_eq!(
        waits,
        [(State::Waiting, 1), (State::Waiting, 2), (State::Dead, 0)]
    );
    let detail = detail(&store, id).await;
    assert_eq!(detail.job.error.as_deref(), Some("no such template"));
    assert_eq!(detail.tries.len(), 3);
    let written = store.read(|db| settings::get(db, "written")).await;
    assert_eq!(written.unwrap(), None);
}

#[tokio::test]
async fn a_panic_ends_its_job_and_no_other_one() {
    let store = store().await;
    let bad = add(&store, job("bad", 0)).await;
    let good = add(&store, job("good", 0)).await;
    let (consumer, _) = noting(|_, job| {
        assert_eq!(job.name, "good");
        Ok(())
    });
    do_due(&store, &consumer).await.unwrap();
    assert_eq!(detail(&store, bad).await.job.state, State::Dead);
    assert_eq!(detail(&store, good).await.job.state, State::Done);
}

/// Fails every job, and panics when one is dead.
struct Undertaker;

impl Consume for Undertaker {
    fn consume(&self, _: &Tx<'_>, job: &Work) -> Result<(), WorkError> {
        match job.name.as_str() {
            "bad" => Err(WorkError::Permanent("no".to_owned())),
            _ => Ok(()),
        }
    }

    fn dead(&self, tx: &Tx<'_>, _: &Work, _: &str) -> Result<(), StoreError> {
        settings::set(tx, "written", "yes")?;
        panic!("as a step of a run might");
    }
}

#[tokio::test]
async fn a_panic_about_a_dead_job_stops_no_other_one() {
    let store = store().await;
    let bad = add(&store, job("bad", 0)).await;
    let good = add(&store, job("good", 0)).await;
    let consumer: Consumer = Arc::new(Undertaker);
    do_due(&store, &consumer).await.unwrap();
    assert_eq!(detail(&store, bad).await.job.state, State::Dead);
    assert_eq!(detail(&store, good).await.job.state, State::Done);
    let written = store.read(|db| settings::get(db, "written")).await;
    assert_eq!(written.unwrap(), None);
}

#[tokio::test]
async fn a_job_replaces_the_waiting_job_with_its_key() {
    let store = store().await;
    let key = Some("plan".to_owned());
    for name in ["old", "new"] {
        let key = key.clone();
        add(
            &store,
            NewWork {
                key,
                ..job(name, 0)
            },
        )
        .await;
    }
    let (consumer, names) = noting(|_, _| Ok(()));
    do_due(&store, &consumer).await.unwrap();
    assert_eq!(*names.lock().unwrap(), ["new"]);
}

#[tokio::test]
async fn a_job_can_remove_another_one_of_its_batch() {
    let store = store().await;
    add(&store, job("first", 0)).await;
    let key = Some("plan".to_owned());
    add(
        &store,
        NewWork {
            key,
            ..job("removed", 0)
        },
    )
    .await;
    let (consumer, names) = noting(|tx, _| {
        work::remove(tx, "plan")?;
        Ok(())
    });
    do_due(&store, &consumer).await.unwrap();
    assert_eq!(*names.lock().unwrap(), ["first"]);
}

#[tokio::test]
async fn a_job_that_adds_the_next_one_with_its_key_is_done() {
    let store = store().await;
    let key = || Some("plan".to_owned());
    let first = NewWork {
        key: key(),
        ..job("first", 0)
    };
    let first = add(&store, first).await;
    let (consumer, names) = noting(move |tx, work| {
        if work.name == "first" {
            let next = NewWork {
                key: key(),
                ..job("next", 0)
            };
            work::enqueue(tx, &next)?;
        }
        Ok(())
    });
    do_due(&store, &consumer).await.unwrap();
    assert_eq!(*names.lock().unwrap(), ["first", "next"]);
    assert_eq!(detail(&store, first).await.job.state, State::Done);
}

#[tokio::test]
async fn the_engine_wakes_when_a_job_is_added_and_when_the_clock_is_set() {
    let store = store().await;
    let (sender, mut done) = tokio::sync::mpsc::unbounded_channel();
    let consumer: Consumer = Arc::new(move |_: &Tx<'_>, job: &Work| {
        let _ = sender.send(job.name.clone());
        Ok(())
    });
    let stop = CancellationToken::new();
    let engine = Engine::start(store.clone(), consumer, stop.clone());
    add(&store, job("now", 0)).await;
    add(&store, job("in an hour", 3_600)).await;
    assert_eq!(done.recv().await.as_deref(), Some("now"));
    let later = Mode::Frozen(NOON.plus(Duration::from_secs(3_600)));
    store.set_clock(later).await.unwrap();
    assert_eq!(done.recv().await.as_deref(), Some("in an hour"));
    stop.cancel();
    engine.stopped().await;
}
