//! The selection flags of list, replay and export, and the scan that they describe.

use std::ops::ControlFlow;

use crate::cli::Context;
use crate::error::CliError;
use crate::event::{Event, Seq};
use crate::grammar::quantity::When;
use crate::select::{Select, Status, TypeRule, Where};
use crate::store::events::{self, Scan};
use crate::time::Timestamp;

/// Flags that select stored events.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Selecting")]
pub(super) struct SelectArgs {
    /// Only events of this type: contact.created, 'contact.*', 'contact.>'; '!contact.*' excludes (repeatable)
    #[arg(long = "type", value_name = "PATTERN")]
    types: Vec<TypeRule>,
    /// Only events that match this expression, such as 'data.amount >= 100' (see `evt man grammar`)
    #[arg(long = "where", value_name = "EXPR")]
    condition: Option<Where>,
    /// Only events with this status: kept, rejected, queued, delivered, failed (received events, as @failed), verified, invalid, 500, 5xx
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<Status>,
    /// Only events received since 10m, 2h or 7d ago, 2026-04-25, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Only events received before this time
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Only the newest N events; 0 for all
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// The flags, with relative times resolved against one point in time.
pub(super) struct Selection {
    select: Select,
    now: Timestamp,
}

/// The selected events, oldest first.
pub(super) struct Found {
    pub(super) seqs: Vec<Seq>,
    /// True if the limit left out older events.
    pub(super) more: bool,
}

impl SelectArgs {
    /// Whether any flag is given.
    pub(super) fn is_given(&self) -> bool {
        !self.types.is_empty()
            || self.condition.is_some()
            || !self.status.is_empty()
            || self.since.is_some()
            || self.until.is_some()
            || self.limit.is_some()
    }

    /// `default` is the limit if the flags have none.
    pub(super) fn selection(&self, default: Option<usize>) -> Selection {
        let select = Select {
            types: self.types.clone(),
            condition: self.condition.clone(),
            status: self.status.clone(),
            since: self.since,
            until: self.until,
            limit: self.limit.or(default).filter(|limit| *limit > 0),
        };
        Selection {
            select,
            now: Timestamp::now(),
        }
    }
}

impl Selection {
    /// Whether the event matches the flags. The limit is not considered.
    pub(super) fn matches(&self, event: &Event) -> bool {
        self.select.matches(event, self.now)
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.select.limit
    }

    fn scan(&self, newest_first: bool) -> Scan {
        let select = &self.select;
        Scan {
            since: select.since.map(|when| when.at(self.now)),
            until: select.until.map(|when| when.at(self.now)),
            failed: !select.status.is_empty()
                && select.status.iter().all(|status| status.is_failed()),
            newest_first,
            ..Scan::default()
        }
    }

    /// Finds the positions of the selected events. They take eight bytes each, however large the events are.
    pub(super) fn find(&self, cx: &Context) -> Result<Found, CliError> {
        let mut seqs = Vec::new();
        let mut more = false;
        cx.inbox()?.read_blocking(|db| {
            events::scan::<CliError, _>(db, &self.scan(true), |event| {
                if cx.shutdown.is_cancelled() {
                    return Ok(ControlFlow::Break(()));
                }
                if self.matches(&event) {
                    if self.limit().is_some_and(|limit| seqs.len() >= limit) {
                        more = true;
                        return Ok(ControlFlow::Break(()));
                    }
                    seqs.extend(event.seq);
                }
                Ok(ControlFlow::Continue(()))
            })
        })?;
        seqs.reverse();
        Ok(Found { seqs, more })
    }

    /// Visits the selected events, oldest first, with one in memory at a time. Returns whether the limit left out older events.
    pub(super) fn each(
        &self,
        cx: &Context,
        visit: &mut dyn FnMut(Event) -> Result<(), CliError>,
    ) -> Result<bool, CliError> {
        if self.limit().is_some() {
            let found = self.find(cx)?;
            cx.inbox()?.read_blocking(|db| -> Result<(), CliError> {
                for seq in &found.seqs {
                    // Another process may have pruned the event since.
                    if let Some(event) = events::get(db, *seq)? {
                        visit(event)?;
                    }
                    if cx.shutdown.is_cancelled() {
                        break;
                    }
                }
                Ok(())
            })?;
            return Ok(found.more);
        }
        cx.inbox()?.read_blocking(|db| {
            events::scan::<CliError, _>(db, &self.scan(false), |event| {
                if self.matches(&event) {
                    visit(event)?;
                }
                Ok(match cx.shutdown.is_cancelled() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                })
            })
        })?;
        Ok(false)
    }
}
