//! Upwards by the date: the lower bound moves to the last date that came, never a page number. An updated record moves ahead of
//! the reader, not behind it.

use std::time::Duration;

use super::Halt;
use super::ask::Breach;
use super::emit::Run;
use super::page::Page;
use super::query::{Ask, Sort};
use super::sniff::{ordered, within};
use crate::watermark::Micros;

/// What the header `Date` leaves out: it has whole seconds.
const DATE_UNIT: Duration = Duration::from_secs(1);

/// A bound: when, and as the server takes it.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) at: Micros,
    pub(super) text: String,
}

impl Run<'_> {
    /// A bound at or just before an instant, as fine as the server writes.
    pub(super) fn bound_at(&self, at: Micros) -> Bound {
        let dates = self.learnt.bound_dates();
        Bound {
            at: dates.floor(at),
            text: dates.write(at),
        }
    }

    /// Reads everything from `start` on.
    pub(super) async fn ascending(&mut self, start: Micros) -> Result<Result<(), Breach>, Halt> {
        let mut from = self.bound_at(start);
        loop {
            let ask = self.upwards(&from);
            let check = |page: &Page| {
                within(page, from.at, Micros::MAX)?;
                ordered(page, true)
            };
            let page = match self.next(&ask, check).await? {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(Ok(())),
                Err(breach) => return Ok(Err(breach)),
            };
            self.obeyed = Some(from.at);
            let last = page.latest().and_then(|row| row.at);
            match last.map(|at| self.bound_at(at)) {
                Some(next) if next.at > from.at => {
                    if let Err(breach) = self.sorts(&from, &page).await? {
                        return Ok(Err(breach));
                    }
                    if self.is_beyond(next.at) {
                        self.emit(&page).await?;
                        return Ok(Ok(()));
                    }
                    let next = self.past_what_is_new(next);
                    self.look_ahead(&self.upwards(&next)).await;
                    self.emit(&page).await?;
                    from = next;
                }
                _ => match self.ties(&from, &page).await? {
                    // At the end of time there is no later bound.
                    Ok(next) if next.at <= from.at => return Ok(Ok(())),
                    Ok(next) => from = self.past_what_is_new(next),
                    Err(breach) => return Ok(Err(breach)),
                },
            }
            self.page_is_done().await?;
        }
    }

    pub(super) fn upwards(&self, from: &Bound) -> Ask {
        Ask {
            from: Some(from.text.clone()),
            sort: Sort::Ascending,
            ..self.ask()
        }
    }

    /// What has changed since the sweep began is left to the next one: where records change faster than they are read, there would be
    /// no end. Only what lies in the future is still looked for.
    fn past_what_is_new(&self, next: Bound) -> Bound {
        let Some(began) = self.server_now else {
            return next;
        };
        if next.at <= began + DATE_UNIT {
            return next;
        }
        let now = began + self.began_at.elapsed() + DATE_UNIT;
        if next.at >= now {
            return next;
        }
        self.bound_at(now)
    }

    /// Nothing from here on is wanted.
    fn is_beyond(&self, at: Micros) -> bool {
        self.poll.options.until.is_some_and(|until| at >= until)
    }

    /// Whether the order is the server's doing: once, the other order is asked for. Records that happen to lie in order, part by
    /// part, would pass every look at a single page.
    async fn sorts(&mut self, from: &Bound, page: &Page) -> Result<Result<(), Breach>, Halt> {
        let (first, last) = (page.earliest(), page.latest());
        let (Some(first), Some(last)) = (first.and_then(|row| row.at), last.and_then(|row| row.at))
        else {
            return Ok(Ok(()));
        };
        if self.learnt.sort == Some(true) {
            return Ok(Ok(()));
        }
        if first == last {
            return self.nothing_below(from, first).await;
        }
        let ask = Ask {
            sort: Sort::Descending,
            ..self.upwards(from)
        };
        let checked = self
            .checked(&ask, |page| {
                ordered(page, false)?;
                match page.rows.first().and_then(|row| row.at) {
                    Some(greatest) if greatest >= last => Ok(()),
                    _ => Err(Breach::Order { is_reversed: false }),
                }
            })
            .await?;
        // That nothing came is no evidence.
        if checked.as_ref().is_err() || checked.as_ref().is_ok_and(|page| page.len() > 0) {
            self.learnt.sort = Some(checked.is_ok());
        }
        Ok(checked.map(|_| ()))
    }

    /// A page of one instant is in any order; that it is the least one shows when nothing lies below it.
    async fn nothing_below(
        &mut self,
        from: &Bound,
        instant: Micros,
    ) -> Result<Result<(), Breach>, Halt> {
        let before = self.bound_at(instant);
        let ask = Ask {
            before: Some(before.text.clone()),
            ..self.upwards(from)
        };
        let found = self
            .next(&ask, |page| within(page, from.at, before.at))
            .await?;
        Ok(match found {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Breach::Order { is_reversed: true }),
            Err(_) => Err(Breach::Order { is_reversed: false }),
        })
    }
}
