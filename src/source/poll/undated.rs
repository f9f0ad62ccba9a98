//! Records without a date: no bound ever finds them, so they are asked for by themselves.

use super::ask::Breach;
use super::emit::Run;
use super::page::Page;
use super::query::{Ask, Sort};
use super::ties::behind;
use super::{Halt, PollError, Undated};
use crate::source::Notice;

impl Run<'_> {
    /// Counts, emits or refuses records without a date, as was asked for: in the first run, in reconciliations, and where they are
    /// wanted in each one.
    pub(super) async fn look_for_undated(&mut self, is_first: bool) -> Result<(), Halt> {
        let wanted = self.poll.options.undated;
        if self.is_glance
            || !(is_first || self.poll.options.reconcile || wanted == Undated::Include)
        {
            return Ok(());
        }
        // Pages of everything have shown them already.
        let count = match self.undated {
            0 if self.learnt.bounds == Some(false) => return Ok(()),
            0 => match self.ask_for_undated(wanted).await? {
                Some(count) => count,
                None => return Ok(()),
            },
            met => Some(met),
        };
        let field = self.question.field.clone();
        match wanted {
            Undated::Include => {}
            Undated::Fail => return Err(Halt::Error(PollError::Undated { count, field })),
            Undated::Warn => {
                let count = count.map_or_else(|| "Some".to_owned(), |count| count.to_string());
                self.outlet.notice(Notice::Remark(format!(
                    "{count} records have no `{field}` and are left out: --undated include reads them too."
                )));
            }
        }
        Ok(())
    }

    /// How many there are, if any, and if the server tells; `None`: none, or it cannot be asked.
    async fn ask_for_undated(&mut self, wanted: Undated) -> Result<Option<Option<u64>>, Halt> {
        let mut found = None;
        let mut last: Option<String> = None;
        loop {
            let ask = Ask {
                undated: true,
                after: last.clone(),
                sort: Sort::Key,
                ..self.ask()
            };
            let check = |page: &Page| {
                if page.rows.iter().any(|row| row.at.is_some()) {
                    return Err(Breach::Bounds);
                }
                behind(page, last.as_deref())
            };
            // Who only wants to be warned is not worth a doubt.
            let page = match wanted {
                Undated::Warn => match self.try_page(&ask).await? {
                    Ok(page) if page.len() > 0 && check(&page).is_ok() => Ok(Some(page)),
                    _ => Ok(None),
                },
                Undated::Include | Undated::Fail => self.next(&ask, check).await?,
            };
            let page = match page {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(found),
                Err(breach) => {
                    let field = &self.question.field;
                    let why = breach.in_words();
                    return Err(Halt::Error(PollError::Incomplete {
                        why: format!("records without `{field}` cannot be asked for: {why}"),
                    }));
                }
            };
            found = found.or(Some(page.total));
            if wanted != Undated::Include {
                return Ok(found);
            }
            last = page
                .rows
                .last()
                .and_then(|row| page.key(row))
                .map(|key| key.text().to_owned());
            self.emit(&page).await?;
            self.page_is_done().await?;
        }
    }
}
