//! A walk over everything, key by key, without any date: what was deleted is missing from it, and what no bound ever showed turns up.

use super::ask::Breach;
use super::emit::Run;
use super::page::{Page, Row};
use super::query::{Ask, Sort};
use super::ties::behind;
use super::{Halt, PollError, Undated};
use crate::json::{Kind, Raw};
use crate::source::{Notice, Op};
use crate::watermark::{Micros, Version, is_new};

/// Walks in which a key must be missing before it is asked for by itself.
const MISSES: u32 = 2;
/// Keys that are asked for at a time.
const BATCH: usize = 100;
/// Records between two commits.
const EACH: usize = 1000;

impl Run<'_> {
    /// Walks, where that was asked for.
    pub(super) async fn walk(&mut self) -> Result<(), Halt> {
        let (sweeps, reconciles) = (self.poll.options.sweep, self.poll.options.reconcile);
        if !sweeps && !reconciles {
            return Ok(());
        }
        // The first walk learns which records there are; those before what is remembered have been emitted.
        let is_baseline = !self.position.knows_keys;
        if is_baseline {
            self.outlet.notice(Notice::Remark(
                "The first walk learns which records there are; what it should have seen before is told from the next one on."
                    .to_owned(),
            ));
        }
        self.position.tracks_keys = true;
        self.commit().await?;
        let walk = self.poll.state.begin_walk()?;
        self.walk_through(walk, is_baseline).await?;
        self.position.knows_keys = true;
        self.commit().await?;
        if sweeps {
            self.poll.state.end_walk(walk)?;
            self.tell_deletions(walk).await?;
        }
        Ok(())
    }

    async fn walk_through(&mut self, walk: u64, is_baseline: bool) -> Result<(), Halt> {
        let mut last: Option<String> = None;
        let mut met = 0;
        loop {
            let ask = Ask {
                after: last.clone(),
                sort: Sort::Key,
                ..self.ask()
            };
            let page = match self
                .next(&ask, |page| behind(page, last.as_deref()))
                .await?
            {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(()),
                Err(breach) => return Err(cannot_walk(breach)),
            };
            last = page
                .rows
                .last()
                .and_then(|row| page.key(row))
                .map(|key| key.text().to_owned());
            for row in &page.rows {
                let is_new = self.meet(&page, row, walk, is_baseline)?;
                if is_new && self.poll.options.one_by_one {
                    self.commit().await?;
                }
            }
            met += page.len();
            if met >= EACH || self.poll.output.is_none() {
                met = 0;
                self.commit().await?;
            }
            self.page_is_done().await?;
        }
    }

    /// Notes that a record is there, and emits it where it has been missed so far.
    fn meet(&mut self, page: &Page, row: &Row, walk: u64, is_baseline: bool) -> Result<bool, Halt> {
        let Some(key) = page.key(row) else {
            return Ok(false);
        };
        let at = row.at.unwrap_or(Micros::MAX);
        if self.position.since.is_some_and(|since| at < since) {
            return Ok(false);
        }
        let record = page.record(row);
        let digest = self.digest(record);
        let plain = key.plain();
        let version = Version {
            key: plain.as_bytes(),
            digest,
            at,
        };
        let known = self.poll.state.met(version.key, digest, at, walk)?;
        let is_undated = row.at.is_none() && self.poll.options.undated != Undated::Include;
        let is_beyond = self.poll.options.until.is_some_and(|until| at >= until);
        let is_known = match known {
            // An older one is that of a server that is behind.
            Some((known, known_at)) => known == digest || at < known_at,
            None => is_baseline && self.position.trimmed.is_some_and(|trimmed| at < trimmed),
        };
        if is_known || is_undated || is_beyond || !is_new(&mut self.poll.state, &version)? {
            return Ok(false);
        }
        let date = page.date(row).map(Raw::text);
        self.hand_over(record, key.text(), row.op, date, &version)?;
        Ok(true)
    }

    /// Tells of keys that two walks have missed and the server, asked for each by itself, does not have.
    async fn tell_deletions(&mut self, walk: u64) -> Result<(), Halt> {
        loop {
            let missing = self.poll.state.missing(MISSES, BATCH)?;
            if missing.is_empty() {
                return Ok(());
            }
            for key in missing {
                if self.is_gone(&key, walk).await? {
                    self.tell_deletion(&key)?;
                    self.poll.state.forget_key(&key);
                }
                if self.poll.options.one_by_one {
                    self.commit().await?;
                }
            }
            self.commit().await?;
        }
    }

    /// Whether the server has no record with this key, however it is written; one that it does have is met.
    async fn is_gone(&mut self, key: &[u8], walk: u64) -> Result<bool, Halt> {
        let text = String::from_utf8_lossy(key).into_owned();
        // Keys are remembered as text; the record may have it as a number or an object.
        let is_bare = matches!(
            Raw::check(key).and_then(Raw::kind),
            Some(Kind::Number | Kind::Object)
        );
        for literal in [Some(quoted(&text)), is_bare.then_some(text)] {
            let Some(literal) = literal else { continue };
            let ask = Ask {
                only: Some(literal),
                ..self.ask()
            };
            let has_it = |page: &Page| {
                let is_it = |row: &Row| {
                    page.key(row)
                        .is_some_and(|found| found.plain().as_bytes() == key)
                };
                match page.rows.iter().all(is_it) {
                    true => Ok(()),
                    false => Err(Breach::Keys),
                }
            };
            match self.next(&ask, has_it).await? {
                Ok(Some(page)) => {
                    for row in &page.rows {
                        self.meet(&page, row, walk, false)?;
                    }
                    return Ok(false);
                }
                Ok(None) => {}
                Err(breach) => return Err(cannot_walk(breach)),
            }
        }
        Ok(true)
    }

    fn tell_deletion(&mut self, key: &[u8]) -> Result<(), Halt> {
        let quoted = quoted(&String::from_utf8_lossy(key));
        let record = format!("{{\"op\":\"delete\",\"key\":{quoted}}}");
        let version = Version {
            key,
            digest: self.digest(&record),
            at: Micros::MIN,
        };
        self.hand_over(&record, &quoted, Op::Deleted, None, &version)
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}

fn cannot_walk(breach: Breach) -> Halt {
    Halt::Error(PollError::Incomplete {
        why: format!("it cannot be walked key by key: {}", breach.in_words()),
    })
}
