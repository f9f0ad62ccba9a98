//! The callbacks of a settlement.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use evt::deliver::EngineOptions;
use evt::store::StoreError;
use evt::store::jobs::{End, State};

use super::{Setup, job, quick};
use crate::support::App;

#[test]
fn on_ended_is_called_once_after_the_commit_that_succeeded() {
    let app = App::start();
    let setup = Setup::new();
    let refusals = AtomicU32::new(0);
    let setup = setup.with_engine(EngineOptions {
        on_settled: Some(Arc::new(move |_tx, _settled| {
            match refusals.fetch_add(1, Relaxed) {
                0 => Err(StoreError::Panicked),
                _ => Ok(()),
            }
        })),
        ..quick()
    });
    let id = setup.enqueue(job(app.url("/")));
    setup.end_of(id);
    assert_eq!(setup.show(id).job.state, State::Done);
    let after = setup.enqueue(job(app.url("/")));
    setup.end_of(after);
    assert_eq!(setup.ends(2).len(), 2);
}

#[test]
fn a_settlement_whose_callback_keeps_failing_is_stored_without_it() {
    let app = App::start();
    let reasons: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&reasons);
    let setup = Setup::new().with_engine(EngineOptions {
        on_settled: Some(Arc::new(|_tx, _settled| panic!("always"))),
        on_settle_failed: Some(Arc::new(move |_tx, _settled, why| {
            noted.lock().unwrap().push(why.to_owned());
            Ok(())
        })),
        ..quick()
    });
    let id = setup.enqueue(job(app.url("/")));
    assert_eq!(setup.end_of(id), End::Delivered { status: 200 });
    assert_eq!(
        *reasons.lock().unwrap(),
        ["an operation on the store panicked"]
    );
    assert_eq!(app.requests().len(), 1);
}
