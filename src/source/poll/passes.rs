//! All of it by pages, again and again until a pass finds nothing new: for servers whose order or bounds cannot be used. Pages shift
//! under the reader, which is why one pass is never enough.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Halt;
use super::ask::EMPTIES;
use super::emit::Run;
use super::learnt::Paging;
use super::page::Page;
use super::query::{Ask, Place};
use crate::json::Raw;
use crate::watermark::Micros;

/// Records that two pages have in common, against those that shift while they are read.
const OVERLAP: u64 = 5;
/// Passes at most; a datatype that changes faster than it is read is never done.
const MOST: u32 = 60;
/// Passes without anything new before a server is believed that has another order each time.
const QUIET: u32 = 10;

/// Why there is no way through a server's pages.
const NO_PAGES: &str = "it sends the same page whatever page is asked for";

impl Run<'_> {
    /// Reads all that `ask` finds, or of it what lies no later than `upto`. Why that cannot be done, where it cannot.
    pub(super) async fn passes(
        &mut self,
        ask: &Ask,
        upto: Option<Micros>,
    ) -> Result<Result<(), String>, Halt> {
        let needed = match self.is_steady(ask).await? {
            true => 1,
            false => QUIET,
        };
        let (mut quiet, mut misled) = (0, 0);
        for _ in 0..MOST {
            let Some(paging) = self.paging(ask).await? else {
                return Ok(Err(NO_PAGES.to_owned()));
            };
            let before = self.owed;
            let total = match self.pass(ask, paging, upto).await? {
                Ok(total) => total,
                // How it pages is found out once more.
                Err(_) if self.learnt.paging.is_none() && misled < EMPTIES => {
                    misled += 1;
                    continue;
                }
                Err(why) => return Ok(Err(why)),
            };
            self.commit().await?;
            let is_quiet = self.owed == before;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            let is_short = needed > 1 && self.falls_short(total, upto)?;
            if quiet >= needed && !is_short {
                return Ok(Ok(()));
            }
        }
        Ok(Err(format!(
            "after {MOST} passes over its pages there was still something new or missing"
        )))
    }

    /// Whether fewer records are known than the server says there are.
    fn falls_short(&mut self, total: Option<u64>, upto: Option<Micros>) -> Result<bool, Halt> {
        let counts = upto.is_none() && self.undated == 0 && self.position.trimmed.is_none();
        match total {
            Some(total) if counts => Ok(self.poll.state.distinct_keys()? < total),
            _ => Ok(false),
        }
    }

    /// One pass; the total that the server told at its end.
    async fn pass(
        &mut self,
        ask: &Ask,
        paging: Paging,
        upto: Option<Micros>,
    ) -> Result<Result<Option<u64>, String>, Halt> {
        let known = self.poll.state.distinct_keys()?;
        let (begun, mut passed_over) = (self.emitted, 0);
        let (mut offset, mut number) = (0, 0);
        let (mut last, mut repeats) = (Vec::new(), 0);
        let mut total = None;
        loop {
            let place = match paging {
                _ if number == 0 => Place::First,
                Paging::Skip => Place::Skip(offset),
                Paging::Number { first } => Place::Page(first + number),
            };
            let ask = Ask {
                place,
                ..ask.clone()
            };
            let page = match self.next_of_pass(&ask).await? {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(Ok(total)),
                Err(why) => return Ok(Err(why)),
            };
            total = page.total.or(total);
            let keys = self.keys(&page);
            if keys == last {
                // The end, for servers that repeat their last page; or a page from a cache.
                repeats += 1;
                match (repeats == EMPTIES, number) {
                    (false, _) => continue,
                    // What was found out about its pages was not so.
                    (true, 1) => {
                        self.learnt.paging = None;
                        return Ok(Err(NO_PAGES.to_owned()));
                    }
                    (true, _) => return Ok(Ok(total)),
                }
            }
            repeats = 0;
            let is_beyond =
                |at: Option<Micros>| upto.is_some_and(|upto| at.is_none_or(|at| at > upto));
            let rows = page.rows.iter().filter(|row| !is_beyond(row.at));
            passed_over += page.rows.iter().filter(|row| is_beyond(row.at)).count() as u64;
            self.emit_rows(&page, rows).await?;
            self.page_is_done().await?;
            // Only a server that is known to sort has nothing more of the instant behind that.
            let is_sorted = self.learnt.sort == Some(true);
            if is_sorted && page.rows.last().is_some_and(|row| is_beyond(row.at)) {
                return Ok(Ok(total));
            }
            let length = page.len() as u64;
            offset += length - OVERLAP.min(length / 2);
            number += 1;
            last = keys;
            // Far behind all that is known there is nothing, but pages that come again.
            let met = known + (self.emitted - begun) + passed_over + self.left_out + self.undated;
            if offset > 2 * met + 20 * u64::from(self.question.page_size) {
                return Ok(Err("its pages do not end".to_owned()));
            }
        }
    }

    async fn next_of_pass(&mut self, ask: &Ask) -> Result<Result<Option<Page>, String>, Halt> {
        for _ in 0..EMPTIES {
            match self.try_page(ask).await? {
                Ok(page) if page.len() == 0 => {}
                Ok(page) => return Ok(Ok(Some(page))),
                Err(refused) => return Ok(Err(format!("it refuses to go on: {refused}"))),
            }
        }
        Ok(Ok(None))
    }

    /// Whether the same question gets the same answer.
    async fn is_steady(&mut self, ask: &Ask) -> Result<bool, Halt> {
        let mut seen: Vec<Vec<u64>> = Vec::new();
        for _ in 0..EMPTIES {
            let page = self.page(ask).await?;
            let keys = self.keys(&page);
            if seen.contains(&keys) {
                return Ok(true);
            }
            seen.push(keys);
        }
        Ok(false)
    }

    /// How the server pages: found out by what differs from its first page.
    async fn paging(&mut self, ask: &Ask) -> Result<Option<Paging>, Halt> {
        if let Some(paging) = self.learnt.paging {
            return Ok(Some(paging));
        }
        let Ok(Some(first)) = self.next_of_pass(ask).await? else {
            return Ok(Some(Paging::Skip));
        };
        let first_keys = self.keys(&first);
        let length = first.len() as u64;
        for (place, paging) in [
            (Place::Skip(length), Paging::Skip),
            (Place::Page(2), Paging::Number { first: 1 }),
        ] {
            let there = Ask {
                place,
                ..ask.clone()
            };
            let differs = self.differs(&there, &first_keys).await?;
            if !differs {
                continue;
            }
            let found = match paging {
                Paging::Skip => Paging::Skip,
                Paging::Number { .. } => self.first_page(ask, &first_keys).await?,
            };
            self.learnt.paging = Some(found);
            return Ok(Some(found));
        }
        Ok(None)
    }

    /// Whether the first page has the number 1 or 0.
    async fn first_page(&mut self, ask: &Ask, first: &[u64]) -> Result<Paging, Halt> {
        let one = Ask {
            place: Place::Page(1),
            ..ask.clone()
        };
        let first = u64::from(!self.differs(&one, first).await?);
        Ok(Paging::Number { first })
    }

    /// Whether another page than the first comes there, or none. A page from a cache, or an empty one for no reason, deceives now
    /// and then, not every time.
    async fn differs(&mut self, ask: &Ask, first: &[u64]) -> Result<bool, Halt> {
        let (mut same, mut other, mut empty) = (0, 0, 0);
        loop {
            let Ok(page) = self.try_page(ask).await? else {
                return Ok(false);
            };
            let keys = self.keys(&page);
            let shared = keys.iter().filter(|key| first.contains(key)).count();
            if page.len() == 0 {
                empty += 1;
            } else if shared * 2 > keys.len() {
                (same, empty) = (same + 1, 0);
            } else {
                (other, empty) = (other + 1, 0);
            }
            if same == EMPTIES {
                return Ok(false);
            }
            if other == 2 || empty == EMPTIES {
                return Ok(true);
            }
        }
    }

    /// The keys of a page, in its order.
    pub(super) fn keys(&self, page: &Page) -> Vec<u64> {
        let hash = |row| {
            let mut hasher = DefaultHasher::new();
            match page.key(row) {
                Some(key) => Raw::plain(key).hash(&mut hasher),
                None => page.record(row).hash(&mut hasher),
            }
            hasher.finish()
        };
        page.rows.iter().map(hash).collect()
    }
}
