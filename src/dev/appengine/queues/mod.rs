//! The platform's queues and their consumers. A job's work is done in the commit that ends the job.

mod notification;
mod rest;

pub(super) use rest::routes;

use super::{State, billing, broadcast, bulk, escalation, purge, reminders, vendors};
use crate::flow;
use crate::flow::RecordError;
use crate::flow::notify::NOTIFICATION;
use crate::store::jobs::{End, Settled};
use crate::store::work::Work;
use crate::store::{StoreError, Tx};
use crate::work::WorkError;

/// A queue, and what does the work of its jobs.
pub(super) struct Queue {
    pub(super) name: &'static str,
    /// What its jobs do, for users.
    does: &'static str,
    consume: fn(&State, &Tx<'_>, &Work) -> Result<(), WorkError>,
}

static QUEUES: [Queue; 9] = [
    Queue {
        name: flow::AUTOMATION_TRIGGER,
        does: "starts the runs of an event; used while it is paused",
        consume: |state, tx, work| Ok(state.flows.triggered(tx, &*state.repository, work)?),
    },
    Queue {
        name: flow::AUTOMATION,
        does: "starts and continues runs: the end of a wait, and all starts while it is paused",
        consume: |state, tx, work| Ok(state.flows.woken(tx, &*state.repository, work)?),
    },
    Queue {
        name: flow::SCHEDULE,
        does: "starts runs of schedules, raises reminders, and looks for old records in state `deleted`",
        consume: |state, tx, work| match work.name.as_str() {
            purge::PURGE => Ok(purge::schedule(state, tx)?),
            reminders::REMIND => Ok(reminders::remind(state, tx, work)?),
            _ => Ok(state.flows.scheduled(tx, &*state.repository, work)?),
        },
    },
    Queue {
        name: NOTIFICATION,
        does: "sends e-mail, SMS, WhatsApp, push and in-app messages, and makes calls",
        consume: notification::consume,
    },
    Queue {
        name: broadcast::ONEOFF,
        does: "adds the notifications of campaigns",
        consume: |_, tx, work| broadcast::expand(tx, work),
    },
    Queue {
        name: vendors::SOCIAL_SYNC,
        does: "raises the events of social networks; used while it is paused",
        consume: vendors::ingest,
    },
    Queue {
        name: bulk::DATATYPE,
        does: "changes all records of a datatype that match a query, and deletes old records in state `deleted`",
        consume: |state, tx, work| match work.name.as_str() {
            purge::PURGE => Ok(purge::purge(state, tx, work)?),
            _ => bulk::consume(state, tx, work),
        },
    },
    Queue {
        name: escalation::ESCALATION,
        does: "escalates tickets that are open for longer than `escalation.after`",
        consume: escalation::consume,
    },
    Queue {
        name: billing::BILLING,
        does: "writes the monthly invoice of messages and calls",
        consume: billing::consume,
    },
];

/// The names of the queues.
pub(super) static NAMES: [&str; QUEUES.len()] = {
    let mut names = [""; QUEUES.len()];
    let mut n = 0;
    while n < names.len() {
        names[n] = QUEUES[n].name;
        n += 1;
    }
    names
};

/// The other names of queues.
const ALIASES: [(&str, &str); 1] = [("social", vendors::SOCIAL_SYNC)];

/// The queue with this name or alias, in any letter case.
pub(super) fn find(name: &str) -> Option<&'static Queue> {
    let alias = ALIASES
        .iter()
        .find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    let name = alias.map_or(name, |(_, queue)| queue);
    QUEUES
        .iter()
        .find(|queue| queue.name.eq_ignore_ascii_case(name))
}

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

/// A job whose change of a record was refused is tried again.
pub(super) fn failed(error: RecordError) -> WorkError {
    match error {
        RecordError::Store(error) => WorkError::Store(error),
        other => WorkError::Failed(other.to_string()),
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
