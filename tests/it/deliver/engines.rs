//! Several engines, crashes and shutdown.

use std::time::Duration;

use evt::deliver::EngineOptions;
use evt::store::jobs::{self, End, State};
use evt::store::{Kind, Store, StoreError, leases};
use evt::time::Timestamp;

use super::{Setup, job, quick, wait_until};
use crate::support::{Answer, App};

#[test]
fn jobs_of_a_crashed_engine_are_delivered_by_the_next_one() {
    let app = App::start();
    let setup = Setup::new();
    let id = setup.enqueue(job(app.url("/")));
    // An engine of an earlier boot claims the job and is never heard of again.
    let claimed: Result<usize, StoreError> = setup.store.write_blocking(|tx| {
        let now = Timestamp::now();
        let until = now.plus(Duration::from_secs(3_600));
        let owner = leases::register(tx, "0b8c8f70-0000-4000-8000-000000000000/pid/1/1", until)?;
        let capacity = jobs::Capacity {
            owner,
            now,
            total: 10,
            per_endpoint: std::collections::HashMap::new(),
            unknown_endpoint: 4,
            probe: Duration::from_secs(1),
        };
        Ok(jobs::claim(tx, &capacity)?.jobs.len())
    });
    assert_eq!(claimed.unwrap(), 1);
    let setup = setup.with_engine(quick());
    assert_eq!(setup.end_of(id), End::Delivered { status: 200 });
}

#[test]
fn a_stopping_engine_releases_jobs_that_it_has_not_sent() {
    let app = App::start();
    app.answer(Answer::Hang);
    let mut setup = Setup::new().with_engine(EngineOptions {
        drain: Duration::from_secs(1),
        ..quick()
    });
    setup.enqueue_all((0..20).map(|_| job(app.url("/"))).collect());
    app.wait_for(4);
    setup.stop();
    let jobs = &setup.overview().queues[0].jobs;
    assert_eq!(jobs.get("waiting"), Some(&20), "{jobs:?}");
}

#[test]
fn a_stopping_engine_waits_for_requests_in_flight() {
    let app = App::start();
    let mut setup = Setup::start();
    let id = setup.enqueue(job(app.url("/")));
    app.wait_for(1);
    setup.stop();
    assert_eq!(setup.show(id).job.state, State::Done);
}

#[test]
fn two_engines_on_one_database_deliver_each_job_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    let first = Setup::on(Store::open(&path, Kind::Inbox).unwrap()).with_engine(quick());
    let second = Setup::on(Store::open(&path, Kind::Inbox).unwrap()).with_engine(quick());
    let app = App::start();
    let all = |setup: &Setup| {
        setup.enqueue_all((0..100).map(|_| job(app.url("/"))).collect());
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
fn a_job_that_another_process_enqueued_is_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    let app = App::start();
    let _working = Setup::on(Store::open(&path, Kind::Inbox).unwrap()).with_engine(quick());
    let other = Setup::on(Store::open(&path, Kind::Inbox).unwrap());
    other.enqueue(job(app.url("/")));
    app.wait_for(1);
}
