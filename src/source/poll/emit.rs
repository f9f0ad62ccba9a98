//! One run of the poller: what it has in hand, and how a record goes out.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ask::Ahead;
use super::learnt::Learnt;
use super::page::{Fields, Page, Row, steps};
use super::query::{Ask, Question};
use super::{Halt, Poll, PollEnd, PollError, Undated};
use crate::json::{self, Raw};
use crate::source::{Change, Message, Op, Outlet};
use crate::store::poll::PollState;
use crate::time::Timestamp;
use crate::watermark::{Digest, Micros, Position, Version, is_new};

/// The names of keys, in the order in which they are looked for.
const KEYS: [&str; 3] = ["sk", "id", "_id"];

/// The work of one process.
pub(super) struct Run<'a> {
    pub(super) poll: &'a mut Poll,
    pub(super) outlet: &'a mut dyn Outlet,
    pub(super) stop: &'a CancellationToken,
    pub(super) question: Question,
    pub(super) fields: Fields,
    pub(super) learnt: Learnt,
    /// As it will be committed.
    pub(super) position: Position,
    /// The server's clock when the sweep began.
    pub(super) server_now: Option<Micros>,
    /// By our own clock.
    pub(super) began_at: Instant,
    /// Up to where everything has been emitted in this sweep.
    pub(super) safe: Option<Micros>,
    /// Answers have obeyed this lower bound, so that older versions will not come again.
    pub(super) obeyed: Option<Micros>,
    /// It is read upwards: what lies before each row that comes is out.
    pub(super) climbs: bool,
    /// How far a glance has seen, for the next one.
    pub(super) glanced: Option<Micros>,
    /// The greatest date of this sweep.
    pub(super) greatest: Option<Micros>,
    /// Rows of this sweep that were new and dated no later than its beginning, those left out for their date, and those without
    /// one.
    pub(super) owed: u64,
    pub(super) left_out: u64,
    pub(super) undated: u64,
    pub(super) remarked: Option<String>,
    /// The last question and a mark of its answer.
    pub(super) last: Option<(Vec<u8>, u64)>,
    /// The most records that a page has had, by how many were asked for.
    pub(super) widest: HashMap<u32, usize>,
    /// Records have been seen to have keys.
    has_keys: bool,
    /// A page of the usual size was sent.
    pub(super) takes_size: bool,
    /// A look at what is new, soon followed by another: one empty answer will do.
    pub(super) is_glance: bool,
    pub(super) ahead: Option<Ahead>,
    pub(super) asked_at: Option<Instant>,
    /// Records emitted since the last commit.
    pub(super) uncommitted: usize,
    pub(super) committed_at: Instant,
    pub(super) told_at: Instant,
    /// Records emitted by this process.
    pub(super) emitted: u64,
    canonical: Vec<u8>,
    /// What the last record is called as an event, and what became of it.
    name: (Op, String),
}

impl<'a> Run<'a> {
    pub(super) fn new(
        poll: &'a mut Poll,
        outlet: &'a mut dyn Outlet,
        stop: &'a CancellationToken,
    ) -> Self {
        let position = poll.state.position().clone();
        let mut learnt = Learnt::read(position.learnt.as_deref());
        let options = &poll.options;
        let key = options.key.clone().or_else(|| learnt.key.clone());
        learnt.key = key;
        let question = Question {
            query: options.query.clone(),
            field: options.field.clone(),
            page_size: options.page_size,
        };
        let fields = Fields {
            key: learnt.key.as_deref().map(steps).unwrap_or_default(),
            date: steps(&options.field),
        };
        Self {
            poll,
            outlet,
            stop,
            question,
            fields,
            learnt,
            position,
            server_now: None,
            began_at: Instant::now(),
            safe: None,
            obeyed: None,
            climbs: false,
            glanced: None,
            greatest: None,
            owed: 0,
            left_out: 0,
            undated: 0,
            remarked: None,
            has_keys: false,
            takes_size: false,
            widest: HashMap::new(),
            last: None,
            is_glance: false,
            ahead: None,
            asked_at: None,
            uncommitted: 0,
            committed_at: Instant::now(),
            told_at: Instant::now(),
            emitted: 0,
            canonical: Vec::new(),
            name: (Op::Updated, String::new()),
        }
    }

    /// The finest that dates here tell apart.
    pub(super) fn unit(&self) -> Duration {
        self.learnt.dates.unit()
    }

    /// A request with the key's name, for its order.
    pub(super) fn ask(&self) -> Ask {
        Ask {
            key: self.learnt.key.clone(),
            ..Ask::default()
        }
    }

    /// Takes from a page what it tells about all of them.
    pub(super) fn learn(&mut self, mut page: Page) -> Result<Page, PollError> {
        let now = || Micros::from(Timestamp::now());
        // Without a Date there is only our own clock.
        self.server_now = self.server_now.or(page.server_now).or_else(|| Some(now()));
        if self.learnt.envelope.as_ref() != Some(&page.envelope) && page.len() > 0 {
            self.learnt.envelope = Some(page.envelope.clone());
        }
        if self.fields.key.is_empty()
            && let Some(row) = page.rows.first()
        {
            let key = KEYS
                .into_iter()
                .find(|name| page.value(row, &steps(name)).is_some());
            let key = key.ok_or(PollError::NoKey { key: None })?;
            self.learnt.key = Some(key.to_owned());
            self.fields.key = steps(key);
            page.find_keys(&self.fields);
        }
        if !self.has_keys && page.len() > 0 {
            self.has_keys = page.rows.iter().any(|row| page.key(row).is_some());
            if !self.has_keys {
                let key = self.poll.options.key.clone();
                return Err(PollError::NoKey { key });
            }
        }
        for row in &page.rows {
            if let Some(date) = page.date(row) {
                self.learnt.dates.learn(date);
                if let Some(dates) = &mut self.learnt.bounds_as {
                    dates.learn(date);
                }
            }
        }
        Ok(page)
    }

    /// Hands on every row of a page that is new, in its order.
    pub(super) async fn emit(&mut self, page: &Page) -> Result<(), Halt> {
        let rows = page.rows.iter();
        self.emit_rows(page, rows).await
    }

    pub(super) async fn emit_rows(
        &mut self,
        page: &Page,
        rows: impl Iterator<Item = &Row>,
    ) -> Result<(), Halt> {
        for row in rows {
            if self.emit_row(page, row)? && self.poll.options.one_by_one {
                self.commit().await?;
            }
            self.greatest = self.greatest.max(row.at);
            if self.climbs {
                let unit = self.unit();
                self.safe = self.safe.max(row.at.map(|at| at - unit));
            }
            if self.poll.options.max.is_some_and(|max| self.emitted >= max) {
                return Err(Halt::End(PollEnd::Enough));
            }
        }
        if let Some(at) = page.rows.last().and_then(|row| row.at) {
            self.poll.gauge.reached(at);
        }
        Ok(())
    }

    /// Hands on one row, if it is new; returns whether it was.
    fn emit_row(&mut self, page: &Page, row: &Row) -> Result<bool, Halt> {
        let at = row.at.unwrap_or(Micros::MAX);
        if row.at.is_none() && self.poll.options.undated != Undated::Include {
            self.undated += 1;
            return Ok(false);
        }
        let floor = self.position.since.max(self.position.trimmed);
        // What lies before was emitted and forgotten, or was never asked for; a server that sends it is not believed.
        if floor.is_some_and(|floor| at < floor) {
            self.left_out += 1;
            return Ok(false);
        }
        if row.at.is_some() && self.poll.options.until.is_some_and(|until| at >= until) {
            self.left_out += 1;
            return Ok(false);
        }
        let record = page.record(row);
        let digest = self.digest(record);
        let plain = page.key(row).map(Raw::plain);
        let key = plain.as_deref().map_or(&digest.0[..], str::as_bytes);
        let version = Version { key, digest, at };
        if !is_new(&mut self.poll.state, &version)? {
            if !self.poll.options.ignore.is_empty() {
                // The same but for what is ignored, which may be the date: it is remembered as long as the later one.
                self.poll.state.met_again(&version)?;
            }
            return Ok(false);
        }
        let shown = page.key(row).map_or("null", Raw::text);
        let date = page.date(row).map(Raw::text);
        self.hand_over(record, shown, row.op, date, &version)?;
        let is_owed = row.at.is_none() || self.server_now.is_none_or(|now| at <= now);
        self.owed += u64::from(is_owed);
        Ok(true)
    }

    /// Hands a version to the outlet, and remembers it.
    pub(super) fn hand_over(
        &mut self,
        record: &str,
        key: &str,
        op: Op,
        at: Option<&str>,
        version: &Version<'_>,
    ) -> Result<(), Halt> {
        if self.name.0 != op || self.name.1.is_empty() {
            self.name = (
                op,
                format!("{}.{}", self.poll.options.datatype, op.as_str()),
            );
        }
        let id = String::from_utf8_lossy(version.key);
        let message = Message {
            name: Some(&self.name.1),
            id: Some(&id),
            channel: Some(&self.poll.options.datatype),
            data: record.as_bytes(),
            change: Some(Change {
                op,
                key,
                key_path: self.learnt.key.as_deref().unwrap_or_default(),
                at,
                digest: version.digest,
            }),
            ..Message::default()
        };
        if self.outlet.take(&message).is_break() {
            return Err(Halt::End(PollEnd::Refused));
        }
        self.position.emitted += 1;
        self.poll.state.remember(version, self.position.emitted);
        self.poll.gauge.emitted();
        self.uncommitted += 1;
        self.emitted += 1;
        Ok(())
    }

    /// What a record says, whatever the order of its members.
    pub(super) fn digest(&mut self, record: &str) -> Digest {
        self.canonical.clear();
        json::canonical(record, &self.poll.options.ignore, &mut self.canonical);
        let hash = digest(&SHA256, &self.canonical);
        let mut short = [0; 16];
        short.copy_from_slice(&hash.as_ref()[..16]);
        Digest(short)
    }

    pub(super) fn state(&mut self) -> &mut PollState {
        &mut self.poll.state
    }
}
