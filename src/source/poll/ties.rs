//! Many records of one instant, more than a page holds: the date cannot tell them apart, so something else has to.

use std::cmp::Ordering;

use super::ascending::Bound;
use super::ask::Breach;
use super::emit::Run;
use super::page::{Page, Row};
use super::query::{Ask, Sort};
use super::sniff::{ordered, within};
use super::{Halt, PollError};
use crate::json::{Kind, Number, Raw};
use crate::watermark::Micros;

/// Records of a page that is to hold a whole instant.
pub(super) const LARGE: u32 = 2000;

/// What one large page has shown of an instant.
enum Large {
    /// All of it; where to go on.
    Beyond(Bound),
    /// So many records of it, and nothing else.
    Within(usize),
    /// The server takes no such request.
    Refused,
}

impl Run<'_> {
    /// Emits everything of the instant at `from`, of which `page` is a part, and returns where to go on: in one large page that
    /// reaches beyond it, or key by key, or page by page until nothing new comes.
    pub(super) async fn ties(
        &mut self,
        from: &Bound,
        page: &Page,
    ) -> Result<Result<Bound, Breach>, Halt> {
        self.emit(page).await?;
        self.page_is_done().await?;
        // A page that is nearly empty is no cut: its keys settle it.
        let is_full = page.len() * 2 >= self.question.page_size as usize;
        let (mut length, mut size) = (page.len(), self.question.page_size);
        if is_full {
            match self.in_one_page(from).await? {
                Ok(Large::Beyond(next)) => return Ok(Ok(next)),
                Ok(Large::Within(records)) => (length, size) = (records, LARGE),
                Ok(Large::Refused) => {}
                Err(breach) => return Ok(Err(breach)),
            }
        }
        let after = from.at + self.unit();
        if self.by_key(from, after).await?.is_err() {
            let ask = self.upwards(from);
            self.by_pages(&ask, from, length, size).await?;
        }
        self.safe = self.safe.max(Some(from.at));
        Ok(Ok(self.bound_at(after)))
    }

    /// The last resort for an instant of which a page of `length` records is known, of `size` that were asked for: page by page. Where that leads nowhere, a page
    /// is whole all the same if the server is known to send larger ones: then it was not cut.
    pub(super) async fn by_pages(
        &mut self,
        ask: &Ask,
        instant: &Bound,
        length: usize,
        size: u32,
    ) -> Result<(), Halt> {
        let upto = (ask.sort == Sort::Ascending).then_some(instant.at);
        let Err(why) = self.passes(ask, upto).await? else {
            return Ok(());
        };
        let everything = Ask {
            size: Some(size),
            ..self.ask()
        };
        let widest = |run: &Self| run.widest.get(&size).copied().unwrap_or(0);
        if widest(self) <= length {
            // What it sends of everything shows how large its pages can be.
            let _ = self.try_page(&everything).await?;
        }
        if widest(self) > length {
            return Ok(());
        }
        Err(Halt::Error(PollError::Incomplete {
            why: format!(
                "more records than a page holds share the instant {}, and {why}",
                instant.text
            ),
        }))
    }

    /// One page from the instant on that reaches beyond it has all of it, in one snapshot.
    async fn in_one_page(&mut self, from: &Bound) -> Result<Result<Large, Breach>, Halt> {
        let ask = self.upwards(from);
        let check = |page: &Page| {
            within(page, from.at, Micros::MAX)?;
            ordered(page, true)
        };
        let page = match self.large_page(&ask, check).await? {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(Ok(Large::Refused)),
            Err(breach) => return Ok(Err(breach)),
        };
        if page.len() == 0 {
            return Ok(Ok(Large::Refused));
        }
        self.emit(&page).await?;
        let last = page.latest().and_then(|row| row.at);
        let next = last.map(|at| self.bound_at(at));
        Ok(Ok(match next.filter(|next| next.at > from.at) {
            Some(next) => Large::Beyond(next),
            None => Large::Within(page.len()),
        }))
    }

    /// A page that is larger than the usual, unless the server takes none.
    pub(super) async fn large_page(
        &mut self,
        ask: &Ask,
        check: impl Fn(&Page) -> Result<(), Breach>,
    ) -> Result<Result<Option<Page>, Breach>, Halt> {
        if self.learnt.large_pages == Some(false) {
            return Ok(Ok(None));
        }
        let ask = Ask {
            size: Some(LARGE),
            ..ask.clone()
        };
        let checked = self.checked(&ask, check).await?;
        self.learnt.large_pages = Some(!matches!(checked, Err(Breach::NotTaken)));
        match checked {
            Ok(page) => Ok(Ok(Some(page))),
            Err(Breach::NotTaken) => Ok(Ok(None)),
            Err(breach) => Ok(Err(breach)),
        }
    }

    /// The records of an instant in the order of their keys, each page behind the last key of the one before.
    pub(super) async fn by_key(
        &mut self,
        from: &Bound,
        after: Micros,
    ) -> Result<Result<(), Breach>, Halt> {
        let before = self.bound_at(after);
        if before.at <= from.at {
            return Ok(Err(Breach::Bounds));
        }
        let instant = Ask {
            from: Some(from.text.clone()),
            before: Some(before.text.clone()),
            sort: Sort::Key,
            size: (self.learnt.large_pages == Some(true)).then_some(LARGE),
            ..self.ask()
        };
        let is_inside = |page: &Page| within(page, from.at, before.at);
        let (mut first, mut last) = (None, None::<String>);
        loop {
            let ask = Ask {
                after: last.clone(),
                ..instant.clone()
            };
            let check = |page: &Page| {
                is_inside(page)?;
                behind(page, last.as_deref())
            };
            let page = match self.next(&ask, check).await? {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(breach) => return Ok(Err(breach)),
            };
            let key_of = |row: Option<&Row>| Some(page.key(row?)?.text().to_owned());
            first = first.or_else(|| key_of(page.rows.first()));
            last = key_of(page.rows.last());
            let next = Ask {
                after: last.clone(),
                ..instant.clone()
            };
            self.look_ahead(&next).await;
            self.emit(&page).await?;
            self.page_is_done().await?;
        }
        match first.zip(last) {
            Some((first, last)) if self.learnt.key_sort != Some(true) => {
                self.sorts_keys(&instant, first, &last, is_inside).await
            }
            _ => Ok(Ok(())),
        }
    }

    /// Whether the order of keys is the server's doing: nothing lies before the first one, and in the other order the last one comes
    /// first.
    async fn sorts_keys(
        &mut self,
        ask: &Ask,
        first: String,
        last: &str,
        is_inside: impl Fn(&Page) -> Result<(), Breach>,
    ) -> Result<Result<(), Breach>, Halt> {
        let reversed = Ask {
            sort: Sort::KeyDescending,
            ..ask.clone()
        };
        let check = |page: &Page| {
            is_inside(page)?;
            ahead(page)?;
            let greatest = page.rows.first().and_then(|row| page.key(row));
            match greatest.is_none_or(|greatest| greatest.text() == last) {
                true => Ok(()),
                false => Err(Breach::Keys),
            }
        };
        if let Err(breach) = self.checked(&reversed, check).await? {
            return Ok(Err(breach));
        }
        let before = Ask {
            below: Some(first),
            ..ask.clone()
        };
        Ok(match self.next(&before, is_inside).await? {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Breach::Keys),
            Err(breach) => Err(breach),
        })
    }
}

/// Each key lies before the one ahead of it.
pub(super) fn ahead(page: &Page) -> Result<(), Breach> {
    let keys: Option<Vec<Raw<'_>>> = page.rows.iter().map(|row| page.key(row)).collect();
    let falls = |keys: Vec<Raw<'_>>| keys.is_sorted_by(|a, b| compare(*a, *b) == Ordering::Greater);
    match keys.is_some_and(falls) {
        true => Ok(()),
        false => Err(Breach::Keys),
    }
}

/// Every record has a key, behind the one before it and behind `last`.
pub(super) fn behind(page: &Page, last: Option<&str>) -> Result<(), Breach> {
    let mut before = last.map(Raw::new);
    for row in &page.rows {
        let key = page.key(row).ok_or(Breach::Keys)?;
        if before.is_some_and(|before| compare(before, key) != Ordering::Less) {
            return Err(Breach::Keys);
        }
        before = Some(key);
    }
    Ok(())
}

/// The order of keys: numbers before text, numbers by value, text by its bytes.
pub(super) fn compare(a: Raw<'_>, b: Raw<'_>) -> Ordering {
    match (a.kind(), b.kind()) {
        (Some(Kind::Number), Some(Kind::Number)) => {
            let (a, b) = (Number::parse(a.text()), Number::parse(b.text()));
            a.zip(b)
                .and_then(|(a, b)| a.compare(b))
                .unwrap_or(Ordering::Equal)
        }
        (Some(Kind::Number), _) => Ordering::Less,
        (_, Some(Kind::Number)) => Ordering::Greater,
        _ => a.plain().as_bytes().cmp(b.plain().as_bytes()),
    }
}
