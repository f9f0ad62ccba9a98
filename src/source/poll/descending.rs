//! Downwards by the date, for servers that only sort this way: the upper bound moves. The frontier moves at the very end, to the
//! greatest date of the first page: what changed meanwhile is left to the next run.

use super::Halt;
use super::ascending::Bound;
use super::ask::Breach;
use super::emit::Run;
use super::page::{Page, Row};
use super::query::{Ask, Sort};
use super::sniff::{ordered, within};
use super::ties::LARGE;
use crate::watermark::Micros;

/// The order is not the server's doing.
const BY_CHANCE: Breach = Breach::Order { is_reversed: false };

impl Run<'_> {
    /// Reads everything from `start` on, the newest first.
    pub(super) async fn descending(&mut self, start: Micros) -> Result<Result<(), Breach>, Halt> {
        let floor = start;
        let mut start = self.bound_at(floor);
        let mut before = None;
        let mut greatest = None;
        loop {
            let ask = Ask {
                before: before.map(|at| self.bound_at(at).text),
                ..self.downwards(&start)
            };
            let (begun, limit) = (start.at, before.unwrap_or(Micros::MAX));
            let check = |page: &Page| {
                within(page, begun, limit)?;
                ordered(page, false)
            };
            let page = match self.next(&ask, check).await? {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(breach) => return Ok(Err(breach)),
            };
            // As the dates are written here, once that is known.
            start = self.bound_at(floor);
            if let Err(breach) = self.falls(&start, &page, before).await? {
                return Ok(Err(breach));
            }
            greatest = greatest.or_else(|| page.latest().and_then(|row| row.at));
            let Some(least) = page.earliest().and_then(|row| row.at) else {
                break;
            };
            self.emit(&page).await?;
            let instant = self.bound_at(least);
            let above = instant.at + self.unit();
            // A page that does not get below the instant it began with.
            if page.single_instant().is_some() && before == Some(above) {
                let known = page.len();
                match self
                    .ties_downwards(&ask, &instant, above, known, check)
                    .await?
                {
                    Ok(next) => before = Some(next),
                    Err(breach) => return Ok(Err(breach)),
                }
            } else {
                before = Some(above);
            }
            self.page_is_done().await?;
            if instant.at <= start.at && before == Some(instant.at) {
                break;
            }
        }
        self.safe = self.safe.max(greatest);
        self.obeyed = Some(start.at);
        Ok(Ok(()))
    }

    fn downwards(&self, from: &Bound) -> Ask {
        Ask {
            from: Some(from.text.clone()),
            sort: Sort::Descending,
            ..self.ask()
        }
    }

    /// Emits everything of an instant, and returns before which to go on: in one large page that reaches below it, or key by key, or
    /// page by page.
    async fn ties_downwards(
        &mut self,
        ask: &Ask,
        instant: &Bound,
        above: Micros,
        known: usize,
        check: impl Fn(&Page) -> Result<(), Breach>,
    ) -> Result<Result<Micros, Breach>, Halt> {
        let (mut length, mut size) = (known, self.question.page_size);
        match self.large_page(ask, check).await? {
            Ok(Some(page)) if page.len() == 0 => {}
            Ok(Some(page)) => {
                (length, size) = (page.len(), LARGE);
                self.emit(&page).await?;
                let least = page.earliest().and_then(|row| row.at);
                let next = least.map(|at| self.bound_at(at).at);
                if let Some(next) = next.filter(|next| *next < instant.at) {
                    return Ok(Ok(next + self.unit()));
                }
            }
            Ok(None) => {}
            Err(breach) => return Ok(Err(breach)),
        }
        if self.by_key(instant, above).await?.is_err() {
            let ask = Ask {
                from: Some(instant.text.clone()),
                ..ask.clone()
            };
            self.by_pages(&ask, instant, length, size).await?;
        }
        Ok(Ok(instant.at))
    }

    /// Whether the order is the server's doing. One that sorts upwards, too, when it is asked to, does; of any other each page is
    /// held against what the server has between its dates: records that lie in order by chance have others among them elsewhere.
    async fn falls(
        &mut self,
        start: &Bound,
        page: &Page,
        before: Option<Micros>,
    ) -> Result<Result<(), Breach>, Halt> {
        if before.is_none() && self.learnt.sort != Some(true) {
            if self.rises_when_asked(start, page).await? {
                self.learnt.sort = Some(true);
            } else if let Err(breach) = self.begins_with_the_greatest(start, page).await? {
                return Ok(Err(breach));
            }
        }
        match self.learnt.sort {
            Some(true) => Ok(Ok(())),
            _ => self.has_no_others(page, before).await,
        }
    }

    async fn rises_when_asked(&mut self, start: &Bound, page: &Page) -> Result<bool, Halt> {
        let least = page.earliest().and_then(|row| row.at);
        let check = |upwards: &Page| {
            ordered(upwards, true)?;
            let first = upwards.rows.first().and_then(|row| row.at);
            match upwards.single_instant().is_none() && first <= least {
                true => Ok(()),
                false => Err(BY_CHANCE),
            }
        };
        let ask = self.upwards(start);
        Ok(matches!(self.next(&ask, check).await?, Ok(Some(_))))
    }

    /// Nothing lies above the first page, unless it has come since.
    async fn begins_with_the_greatest(
        &mut self,
        start: &Bound,
        page: &Page,
    ) -> Result<Result<(), Breach>, Halt> {
        let Some(greatest) = page.latest().and_then(|row| row.at) else {
            return Ok(Ok(()));
        };
        let above = self.bound_at(greatest + self.unit());
        let (higher, first) = (self.downwards(&above), self.downwards(start));
        let found = self
            .next(&higher, |page| within(page, above.at, Micros::MAX))
            .await?;
        match found {
            Ok(None) => return Ok(Ok(())),
            Ok(Some(_)) => {}
            Err(breach) => return Ok(Err(breach)),
        }
        let has_grown = |page: &Page| match page.latest().and_then(|row| row.at) {
            Some(latest) if latest > greatest => Ok(()),
            _ => Err(BY_CHANCE),
        };
        Ok(self.checked(&first, has_grown).await?.map(|_| ()))
    }

    /// What a page has above its least instant is all that the server has from there to the page's own bound: asked for by its dates,
    /// it is less than a page, so that anything else would show.
    async fn has_no_others(
        &mut self,
        page: &Page,
        before: Option<Micros>,
    ) -> Result<Result<(), Breach>, Halt> {
        let date = |row: Option<&Row>| row.and_then(|row| row.at);
        let (Some(least), Some(greatest)) = (date(page.earliest()), date(page.latest())) else {
            return Ok(Ok(()));
        };
        let from = self.bound_at(least + self.unit());
        let before = self.bound_at(before.unwrap_or(greatest + self.unit()));
        if from.at >= before.at {
            return Ok(Ok(()));
        }
        let ask = Ask {
            before: Some(before.text.clone()),
            ..self.downwards(&from)
        };
        let known = self.keys(page);
        let above = match self
            .next(&ask, |page| within(page, from.at, before.at))
            .await?
        {
            Ok(above) => above.unwrap_or_default(),
            Err(breach) => return Ok(Err(breach)),
        };
        let is_known = self.keys(&above).iter().all(|key| known.contains(key));
        Ok(if is_known { Ok(()) } else { Err(BY_CHANCE) })
    }
}
