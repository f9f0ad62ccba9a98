//! Scheduled triggers: one job of the queue `schedule` for the next run of each, and what happens when it is due.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Subject;
use super::document::Flow;
use super::engine::{Commit, Flows};
use super::index::Compiled;
use super::run::Run;
use super::schedule::{Misfire, Overlap, Schedule};
use super::trigger::{SCHEDULED, Trigger};
use super::{Cause, NewEvent, RecordStore};
use crate::store::flows::{self, FlowRow};
use crate::store::work::{self, NewWork, Work};
use crate::store::{StoreError, Tx, runs};
use crate::time::Timestamp;

/// The queue of scheduled runs.
pub const SCHEDULE: &str = "schedule";
/// The name of the job of a trigger's next run.
const START: &str = "start";
/// The name of a run that waits until the run before it has ended.
const QUEUED: &str = "queued";
/// A run that starts later than this was missed. Less is the load of the machine.
const LATE: Duration = Duration::from_secs(60);
/// Missed runs that start at most with `misfire: all`, and runs that wait at most with `overlap: queue`.
const MAX_RUNS: usize = 1_000;
/// The time of jobs that only another run's end makes due: the end of the year 9999.
const NEVER: Timestamp = Timestamp::from_secs(253_402_300_799);

/// The data of both kinds of job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Plan {
    org: String,
    flow: String,
    trigger: String,
    /// The trigger's `config` as text. A plan stays as it is while this does not change.
    config: String,
    /// When the run was due. Only of a queued run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<i64>,
    /// The runs that were missed are being made up for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_catching_up: bool,
}

impl Plan {
    /// The key of the job of the next run.
    fn key(&self) -> String {
        format!("{}{}", prefix(&self.flow), self.trigger)
    }
}

fn prefix(flow: &str) -> String {
    format!("schedule:{flow}:")
}

fn queued_prefix(flow: &str) -> String {
    format!("queued:{flow}:")
}

/// Plans the next run of each scheduled trigger after a change of the flow, and removes plans that it no longer has.
pub(super) fn update(tx: &Tx<'_>, row: &FlowRow, flow: &Flow) -> Result<(), StoreError> {
    let planned = work::with_prefix(tx, &prefix(&row.id))?;
    let mut kept = Vec::new();
    for trigger in flow
        .triggers
        .iter()
        .filter(|trigger| trigger.enabled && row.enabled)
    {
        let Some(schedule) = &trigger.schedule else {
            continue;
        };
        let plan = Plan {
            org: row.org.clone(),
            flow: row.id.clone(),
            trigger: trigger.id.clone(),
            config: schedule.text().to_owned(),
            due: None,
            is_catching_up: false,
        };
        let key = plan.key();
        let is_unchanged = |data: &str| {
            serde_json::from_str::<Plan>(data).is_ok_and(|old| old.config == plan.config)
        };
        let is_planned = planned
            .iter()
            .any(|(old, data)| *old == key && is_unchanged(data));
        if !is_planned {
            enqueue(tx, &plan, schedule.next_after(tx.now()))?;
        }
        kept.push(key);
    }
    for (key, _) in planned.iter().filter(|(key, _)| !kept.contains(key)) {
        work::remove(tx, key)?;
    }
    for (key, data) in work::with_prefix(tx, &queued_prefix(&row.id))? {
        let plan = serde_json::from_str::<Plan>(&data);
        if !plan.is_ok_and(|plan| kept.contains(&plan.key())) {
            work::remove(tx, &key)?;
        }
    }
    Ok(())
}

/// Removes all plans of a flow.
pub(super) fn remove(tx: &Tx<'_>, flow: &str) -> Result<(), StoreError> {
    remove_all(tx, &prefix(flow))?;
    remove_all(tx, &queued_prefix(flow))
}

fn remove_all(tx: &Tx<'_>, prefix: &str) -> Result<(), StoreError> {
    for (key, _) in work::with_prefix(tx, prefix)? {
        work::remove(tx, &key)?;
    }
    Ok(())
}

/// Adds the job of the next run, or removes the plan if there is none.
fn enqueue(tx: &Tx<'_>, plan: &Plan, next: Option<Timestamp>) -> Result<(), StoreError> {
    let Some(next) = next else {
        work::remove(tx, &plan.key())?;
        return Ok(());
    };
    let job = NewWork {
        key: Some(plan.key()),
        ..NewWork::new(SCHEDULE, START, data(plan), next)
    };
    work::enqueue(tx, &job)?;
    Ok(())
}

fn data(plan: &Plan) -> String {
    serde_json::to_string(plan).expect("a plan is text and numbers")
}

/// A due run.
struct Due<'a> {
    compiled: &'a Compiled,
    trigger: &'a Trigger,
    schedule: &'a Schedule,
    plan: &'a Plan,
    at: Timestamp,
    /// Runs before it that were missed and do not start.
    missed: usize,
}

impl Flows {
    /// Starts the run of a due job of the queue `schedule`, and plans the next one, in the commit that ends the job.
    pub fn scheduled(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        work: &Work,
    ) -> Result<(), StoreError> {
        let Ok(plan) = serde_json::from_str::<Plan>(&work.data) else {
            return Ok(());
        };
        let commit = Commit { tx, records };
        self.with_due(tx, &plan, work.run_at, |due| match work.name.as_str() {
            QUEUED => self.start(commit, &due, true),
            _ => self.start_due(commit, due),
        })
    }

    /// Calls `then` with a planned run, if its flow and trigger still exist and are enabled.
    fn with_due(
        &self,
        tx: &Tx<'_>,
        plan: &Plan,
        run_at: Timestamp,
        then: impl FnOnce(Due<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(row) = flows::get(tx, &plan.org, &plan.flow)?.filter(|row| row.enabled) else {
            return Ok(());
        };
        let Some(compiled) = self.index().version(tx, &row.id, row.version)? else {
            return Ok(());
        };
        let mut triggers = compiled.flow.triggers.iter();
        let trigger = triggers.find(|trigger| trigger.id == plan.trigger && trigger.enabled);
        let Some((trigger, schedule)) = trigger.and_then(|it| Some((it, it.schedule.as_ref()?)))
        else {
            return Ok(());
        };
        then(Due {
            compiled: &compiled,
            trigger,
            schedule,
            plan,
            at: plan.due.map_or(run_at, Timestamp::from_millis),
            missed: 0,
        })
    }

    /// Plans the run after one whose job was discarded. Does nothing for other jobs.
    pub(super) fn discarded(&self, commit: Commit<'_>, job: i64) -> Result<(), StoreError> {
        let tx = commit.tx;
        let found = work::get(tx, job)?;
        let Some(work) = found.filter(|work| work.queue == SCHEDULE && work.name == START) else {
            return Ok(());
        };
        let Ok(mut plan) = serde_json::from_str::<Plan>(&work.data) else {
            return Ok(());
        };
        plan.is_catching_up = false;
        self.with_due(tx, &plan, work.run_at, |due| {
            let next = due.schedule.next_after(due.at.max(tx.now()));
            enqueue(tx, &plan, next)?;
            self.not_started(commit, &due, "its job was discarded")
        })
    }

    /// Plans all schedules again, because the clock was set back: their next runs would be in the far future.
    pub fn plan_again(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for row in flows::all_enabled(tx)? {
            // A flow of another version of evt may not compile; it does not run either.
            let Some(compiled) = self.index().version(tx, &row.id, row.version)? else {
                continue;
            };
            remove_all(tx, &prefix(&row.id))?;
            update(tx, &row, &compiled.flow)?;
        }
        Ok(())
    }

    /// Ends a run as failed that cannot continue.
    pub fn fail_run(&self, tx: &Tx<'_>, run: &str, reason: &str) -> Result<(), StoreError> {
        runs::fail(tx, run, tx.now(), reason)?;
        match runs::get(tx, run)?.filter(|row| row.cause == "schedule") {
            Some(row) => self.release_queued(tx, &row.flow),
            None => Ok(()),
        }
    }

    fn start_due(&self, commit: Commit<'_>, mut due: Due<'_>) -> Result<(), StoreError> {
        let tx = commit.tx;
        let now = tx.now();
        let is_late = now.since(due.at) > LATE && !due.plan.is_catching_up;
        let mut plan = due.plan.clone();
        if !is_late {
            let next = due.schedule.next_after(due.at);
            plan.is_catching_up &= next.is_some_and(|next| next <= now);
            enqueue(tx, &plan, next)?;
            return self.start(commit, &due, false);
        }
        let later = due.schedule.last_between(due.at, now, MAX_RUNS);
        match due.schedule.misfire {
            Misfire::Skip => {
                enqueue(tx, &plan, due.schedule.next_after(now))?;
                let runs = runs_text(later.len() + 1);
                let cause = self.cause_of_miss(now.since(due.at));
                let reason = format!("{runs} missed since {}: {cause} (misfire: skip)", due.at);
                self.not_started(commit, &due, &reason)
            }
            Misfire::Once => {
                enqueue(tx, &plan, due.schedule.next_after(now))?;
                due.missed = later.len();
                due.at = later.last().copied().unwrap_or(due.at);
                self.start(commit, &due, false)
            }
            Misfire::All => {
                // `later` has the last ones only, if there are very many.
                let next = later
                    .first()
                    .copied()
                    .or_else(|| due.schedule.next_after(now));
                plan.is_catching_up = !later.is_empty();
                enqueue(tx, &plan, next)?;
                self.start(commit, &due, false)
            }
        }
    }

    /// Why a job was not done at its time, which is `late` ago.
    fn cause_of_miss(&self, late: Duration) -> &'static str {
        match self.uptime() < late {
            true => "the platform was not running",
            false => "the system's clock jumped, or the queue `schedule` was paused",
        }
    }

    /// Starts the run, unless an earlier one is still running and the schedule does not allow that.
    fn start(&self, commit: Commit<'_>, due: &Due<'_>, was_queued: bool) -> Result<(), StoreError> {
        let tx = commit.tx;
        let flow = &due.plan.flow;
        if due.schedule.overlap == Overlap::Allow {
            return self.fire_scheduled(commit, due);
        }
        let is_running = runs::is_scheduled_run_running(tx, flow)?;
        let queued = work::with_prefix(tx, &queued_prefix(flow))?.len();
        // Runs that were queued before this one start before it.
        let is_behind = due.schedule.overlap == Overlap::Queue && queued > 0 && !was_queued;
        if !is_running && !is_behind {
            return self.fire_scheduled(commit, due);
        }
        if due.schedule.overlap == Overlap::Skip || queued >= MAX_RUNS {
            let reason = "the run before it is still running (overlap: skip)";
            return self.not_started(commit, due, reason);
        }
        let plan = Plan {
            due: Some(due.at.millis()),
            is_catching_up: false,
            ..due.plan.clone()
        };
        let job = NewWork {
            key: Some(format!("{}{:020}", queued_prefix(flow), due.at.millis())),
            ..NewWork::new(SCHEDULE, QUEUED, data(&plan), NEVER)
        };
        work::enqueue(tx, &job)?;
        match is_running {
            true => Ok(()),
            false => self.release_queued(tx, flow),
        }
    }

    fn fire_scheduled(&self, commit: Commit<'_>, due: &Due<'_>) -> Result<(), StoreError> {
        let _nested = self.enter();
        let now = commit.tx.now();
        let event = scheduled_event(due, now);
        let seq = self.insert(commit.tx, &event, now)?;
        let subject = Subject {
            event,
            seq: Some(seq),
            time: now,
            given: None,
        };
        self.fire(commit, due.compiled, due.trigger, &subject, "schedule")?;
        Ok(())
    }

    /// Stores why a run did not start.
    fn not_started(
        &self,
        commit: Commit<'_>,
        due: &Due<'_>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let now = commit.tx.now();
        let subject = Subject {
            event: scheduled_event(due, now),
            seq: None,
            time: now,
            given: None,
        };
        let run = Run::begin(due.compiled, Some(due.trigger), &subject, "schedule", now);
        self.skip(commit, due.compiled, run, reason.to_owned())
    }

    /// Starts the next queued run of a flow, after a scheduled run has ended.
    pub(super) fn release_queued(&self, tx: &Tx<'_>, flow: &str) -> Result<(), StoreError> {
        match work::with_prefix(tx, &queued_prefix(flow))?.first() {
            Some((key, _)) => work::bring_forward(tx, key),
            None => Ok(()),
        }
    }
}

fn runs_text(count: usize) -> String {
    match count {
        1 => "1 run was".to_owned(),
        MAX_RUNS.. => format!("{MAX_RUNS} runs or more were"),
        count => format!("{count} runs were"),
    }
}

fn scheduled_event(due: &Due<'_>, now: Timestamp) -> NewEvent {
    let mut data = json!({
        "triggerType": SCHEDULED,
        "scheduledAt": due.at,
        "currentTime": now,
        "scheduleId": format!("{}:{}", due.plan.flow, due.trigger.id),
    });
    if let Some(cron) = due.schedule.cron_expression() {
        data["cronExpression"] = cron.into();
    }
    if due.missed > 0 {
        data["missed"] = Value::from(due.missed);
    }
    NewEvent {
        org: due.plan.org.clone(),
        kind: SCHEDULED.to_owned(),
        data,
        before: None,
        cause: Cause::default(),
    }
}
