//! The platform's queues and their consumers. A job's work is done in the commit that ends the job.

mod notification;

use super::{State, reminders};
use crate::flow;
use crate::flow::notify::NOTIFICATION;
use crate::store::jobs::{End, Settled};
use crate::store::work::Work;
use crate::store::{StoreError, Tx};
use crate::work::WorkError;

/// A queue, and what does the work of its jobs.
struct Queue {
    name: &'static str,
    consume: fn(&State, &Tx<'_>, &Work) -> Result<(), WorkError>,
}

static QUEUES: [Queue; 4] = [
    Queue {
        name: flow::AUTOMATION_TRIGGER,
        consume: |state, tx, work| Ok(state.flows.triggered(tx, &*state.repository, work)?),
    },
    Queue {
        name: flow::AUTOMATION,
        consume: |state, tx, work| Ok(state.flows.woken(tx, &*state.repository, work)?),
    },
    Queue {
        name: flow::SCHEDULE,
        consume: |state, tx, work| match work.name.as_str() {
            reminders::REMIND => Ok(reminders::remind(state, tx, work)?),
            _ => Ok(state.flows.scheduled(tx, &*state.repository, work)?),
        },
    },
    Queue {
        name: NOTIFICATION,
        consume: notification::consume,
    },
];

/// The names of the queues.
pub(super) static NAMES: [&str; 4] = [
    QUEUES[0].name,
    QUEUES[1].name,
    QUEUES[2].name,
    QUEUES[3].name,
];

/// Does the work of a job.
pub(super) fn consume(state: &State, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
    match QUEUES.iter().find(|queue| queue.name == work.queue) {
        Some(queue) => (queue.consume)(state, tx, work),
        None => Err(WorkError::Permanent(format!(
            "there is no queue `{}`",
            work.queue
        ))),
    }
}

/// Fails the step of a run that waits for a dead job.
pub(super) fn dead(
    state: &State,
    tx: &Tx<'_>,
    work: &Work,
    reason: &str,
) -> Result<(), StoreError> {
    let settled = Settled {
        job: work.id,
        run: work.step.clone(),
        event: work.event,
        end: End::Dead {
            status: None,
            reason: reason.to_owned(),
        },
    };
    state.flows.settled(tx, &*state.repository, &settled)
}
