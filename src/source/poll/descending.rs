//! Downwards by the date, for servers that only sort this way: the upper bound moves. The frontier moves at the very end, to the
//! greatest date of the first page: what changed meanwhile is left to the next run.

use super::Halt;
use super::ascending::Bound;
use super::ask::Breach;
use super::emit::Run;
use super::page::Page;
use super::query::{Ask, Sort};
use super::sniff::{ordered, within};
use crate::watermark::Micros;

impl Run<'_> {
    /// Reads everything from `start` on, the newest first.
    pub(super) async fn descending(&mut self, start: Micros) -> Result<Result<(), Breach>, Halt> {
        let floor = start;
        let mut start = self.bound_at(floor);
        let mut before = None;
        let mut greatest = None;
        loop {
            let ask = Ask {
                from: Some(start.text.clone()),
                before: before.map(|at| self.bound_at(at).text),
                sort: Sort::Descending,
                ..self.ask()
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
            greatest = greatest.or_else(|| page.latest().and_then(|row| row.at));
            let Some(least) = page.earliest().and_then(|row| row.at) else {
                break;
            };
            self.emit(&page).await?;
            // As the dates are written here, once that is known.
            start = self.bound_at(floor);
            let instant = self.bound_at(least);
            let above = instant.at + self.unit();
            // A page that does not get below the instant it began with.
            if page.single_instant().is_some() && before == Some(above) {
                match self.ties_downwards(&ask, &instant, above, check).await? {
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
        Ok(Ok(()))
    }

    /// Emits everything of an instant, and returns before which to go on: in one large page that reaches below it, or key by key, or
    /// page by page.
    async fn ties_downwards(
        &mut self,
        ask: &Ask,
        instant: &Bound,
        above: Micros,
        check: impl Fn(&Page) -> Result<(), Breach>,
    ) -> Result<Result<Micros, Breach>, Halt> {
        let mut length = 0;
        match self.large_page(ask, check).await? {
            Ok(Some(page)) => {
                length = page.len();
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
            self.by_pages(&ask, instant, length).await?;
        }
        Ok(Ok(instant.at))
    }
}
