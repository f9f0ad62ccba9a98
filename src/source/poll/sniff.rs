//! The first look at a server: what its pages are like, and whether it obeys bounds at all.

use super::ask::{Breach, EMPTIES};
use super::emit::Run;
use super::page::{Page, Row};
use super::query::{Ask, Sort};
use super::ties::{ahead, behind, compare};
use super::{Halt, PollError};
use crate::json::Raw;
use crate::watermark::{Dates, Micros};

/// Records of a first look.
const FEW: u32 = 5;
/// The year 1, which some platforms write for never; and the epoch, for servers that take no bound before it.
const FIRST: Micros = Micros::new(-62_135_596_800_000_000);
const EPOCH: Micros = Micros::new(0);

impl Run<'_> {
    /// Looks at a few records, unless the server is known already. `false`: there are none.
    pub(super) async fn sniff(&mut self) -> Result<bool, Halt> {
        if self.learnt.bounds.is_some() {
            return Ok(true);
        }
        let ask = Ask {
            size: Some(FEW),
            ..Ask::default()
        };
        let Some(page) = self.some(&ask).await? else {
            return Ok(false);
        };
        let page = match page.latest() {
            Some(_) => page,
            // What has no date may come first; sorted downwards it comes last.
            None => {
                let sorted = Ask {
                    sort: Sort::Descending,
                    ..ask
                };
                self.some(&sorted).await?.unwrap_or_default()
            }
        };
        let Some(latest) = page.latest().and_then(|row| row.at) else {
            return Err(Halt::Error(PollError::NoDate {
                field: self.question.field.clone(),
            }));
        };
        let obeyed = self.try_bounds(latest).await?;
        self.learnt.bounds = Some(obeyed);
        self.try_order_of_keys().await?;
        Ok(true)
    }

    /// Whether the server sorts by key in both directions: then what lies in order does so by its doing.
    async fn try_order_of_keys(&mut self) -> Result<(), Halt> {
        let up = Ask {
            sort: Sort::Key,
            size: Some(FEW),
            ..self.ask()
        };
        let down = Ask {
            sort: Sort::KeyDescending,
            ..up.clone()
        };
        let up = self.next(&up, |page| behind(page, None)).await?;
        let Ok(Some(up)) = up else {
            return Ok(());
        };
        let Ok(Some(down)) = self.next(&down, ahead).await? else {
            return Ok(());
        };
        let key = |page: &Page, row: Option<&Row>| Some(page.key(row?)?.text().to_owned());
        let (least, greatest) = (key(&up, up.rows.first()), key(&down, down.rows.first()));
        if let (Some(least), Some(greatest)) = (least, greatest)
            && compare(Raw::new(&least), Raw::new(&greatest)).is_lt()
        {
            self.learnt.key_sort = Some(true);
        }
        Ok(())
    }

    /// The earliest bound that the server takes: where to begin when nobody says.
    pub(super) async fn earliest(&mut self) -> Result<Micros, Halt> {
        let ask = Ask {
            from: Some(self.bound_at(FIRST).text),
            size: Some(FEW),
            ..self.ask()
        };
        Ok(match self.try_page(&ask).await? {
            Ok(page) if page.len() > 0 => FIRST,
            _ => EPOCH,
        })
    }

    /// A page with records, unless there are none however often it is asked.
    async fn some(&mut self, ask: &Ask) -> Result<Option<Page>, Halt> {
        for _ in 0..EMPTIES {
            let page = self.page(ask).await?;
            if page.len() > 0 {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// Whether the server obeys a lower bound at a date that it has; and how that has to be written, which is not always how it is
    /// shown: a bound of another type than the stored one finds nothing, without a word.
    async fn try_bounds(&mut self, latest: Micros) -> Result<bool, Halt> {
        let mut shapes = vec![self.learnt.dates.clone()];
        shapes.extend(self.learnt.dates.alternatives());
        for (number, shape) in shapes.into_iter().enumerate() {
            match self.obeys(&shape, latest).await? {
                Ok(true) => {
                    self.learnt.bounds_as = (number > 0).then_some(shape);
                    return Ok(true);
                }
                Err(Breach::Bounds) if number == 0 => return Ok(false),
                Ok(false) | Err(_) => {}
            }
        }
        Ok(false)
    }

    async fn obeys(&mut self, shape: &Dates, latest: Micros) -> Result<Result<bool, Breach>, Halt> {
        let from = shape.floor(latest);
        let ask = Ask {
            from: Some(shape.write(latest)),
            sort: Sort::Ascending,
            size: Some(FEW),
            ..self.ask()
        };
        let found = self
            .next(&ask, |page| within(page, from, Micros::MAX))
            .await?;
        Ok(found.map(|page| page.is_some()))
    }
}

/// Every record has a date, from the one and before the other.
pub(super) fn within(page: &Page, from: Micros, before: Micros) -> Result<(), Breach> {
    let is_within = |at: Micros| at >= from && (at < before || before == Micros::MAX);
    // A value that is no date may lie anywhere in the server's order.
    let obeys = |row: &Row| row.at.map_or(page.date(row).is_some(), is_within);
    match page.rows.iter().all(obeys) {
        true => Ok(()),
        false => Err(Breach::Bounds),
    }
}

/// Dates go up, or down; the opposite order is told apart from none.
pub(super) fn ordered(page: &Page, is_up: bool) -> Result<(), Breach> {
    let dates = || page.rows.iter().filter_map(|row| row.at);
    let (rises, falls) = (dates().is_sorted(), dates().is_sorted_by(|a, b| a >= b));
    match (is_up, rises, falls) {
        (true, true, _) | (false, _, true) => Ok(()),
        (_, rises, falls) => Err(Breach::Order {
            is_reversed: rises || falls,
        }),
    }
}
