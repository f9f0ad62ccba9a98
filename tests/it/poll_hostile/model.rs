//! The records of the server, all their committed versions, and the changes that happen while a poller reads.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::data::{Change, Churn, Data, Keys};
use super::dates::{HOUR, Micros, SECOND, Shape};
use super::record::{FAR_FUTURE, Fields, Record, Row, Version};

/// A commit that is not visible yet.
#[derive(Debug)]
struct Late {
    visible_from: Instant,
    record: usize,
    fields: Fields,
}

/// Versions that share a date. One is committed before each request.
#[derive(Debug)]
struct Staged {
    made: Instant,
    record: usize,
    versions: VecDeque<Fields>,
}

/// A collection of records that change.
#[derive(Debug)]
pub(crate) struct Model {
    data: Data,
    churn: Churn,
    shape: Shape,
    /// How far the server's clock is ahead of the local one.
    clock_offset: Micros,
    rng: fastrand::Rng,
    records: Vec<Record>,
    commits: u64,
    /// The records that were written last.
    recent: VecDeque<usize>,
    staged: Vec<Staged>,
    late: Vec<Late>,
    /// Records that a staged or late commit will change. No other change may select them.
    busy: HashSet<usize>,
    left: usize,
}

impl Model {
    pub(crate) fn new(
        data: Data,
        churn: Churn,
        shape: Shape,
        clock_offset: Micros,
        seed: u64,
    ) -> Self {
        let mut model = Self {
            data,
            churn,
            shape,
            clock_offset,
            rng: fastrand::Rng::with_seed(seed),
            records: Vec::new(),
            commits: 0,
            recent: VecDeque::new(),
            staged: Vec::new(),
            late: Vec::new(),
            busy: HashSet::new(),
            left: churn.budget,
        };
        model.fill();
        model
    }

    /// The server's clock.
    pub(crate) fn now(&self) -> Micros {
        let local = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("the clock is past 1970");
        Micros::try_from(local.as_micros()).expect("the clock is before the year 200 000")
            + self.clock_offset
    }

    /// Moves the server's clock.
    pub(crate) fn step_clock(&mut self, by: Micros) {
        self.clock_offset += by;
    }

    /// Deletes the first records.
    pub(crate) fn delete(&mut self, count: usize) {
        for record in 0..count {
            self.commit(record, None);
        }
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits
    }

    pub(crate) fn key_name(&self) -> &'static str {
        self.data.key
    }

    /// The collection after this many commits, in the order of creation.
    pub(crate) fn view(&self, commits: u64) -> Vec<Row> {
        let current = |(record, found): (usize, &Record)| {
            let version = found.history.iter().rev().find(|v| v.commit <= commits)?;
            Some(Row {
                record,
                commit: version.commit,
                content: Arc::clone(version.content.as_ref()?),
            })
        };
        self.records
            .iter()
            .enumerate()
            .filter_map(current)
            .collect()
    }

    /// Makes the changes between two requests.
    pub(crate) fn advance(&mut self) {
        self.reveal();
        self.step_staged();
        for _ in 0..self.churn.per_request {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let change = self.pick();
            self.make(change);
        }
    }

    /// Renews the budget of changes.
    pub(crate) fn continue_changing(&mut self) {
        self.left = self.churn.budget;
    }

    /// Ends all changes, and returns when the last late commit becomes visible.
    pub(crate) fn stop_changing(&mut self) -> Option<Instant> {
        self.left = 0;
        while !self.staged.is_empty() {
            self.step_staged();
        }
        self.reveal();
        self.late.iter().map(|late| late.visible_from).max()
    }

    /// Makes the commits that have become visible.
    fn reveal(&mut self) {
        let now = Instant::now();
        let (due, late) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|late: &Late| late.visible_from <= now);
        self.late = late;
        for Late { record, fields, .. } in due {
            self.busy.remove(&record);
            self.commit(record, Some(fields));
        }
    }

    /// Commits the next staged version of each record, unless it would become visible later than a late commit may.
    fn step_staged(&mut self) {
        for mut staged in std::mem::take(&mut self.staged) {
            let in_time = staged.made.elapsed() <= self.churn.late_by;
            match staged.versions.pop_front().filter(|_| in_time) {
                Some(fields) => {
                    self.commit(staged.record, Some(fields));
                    self.staged.push(staged);
                }
                None => {
                    self.busy.remove(&staged.record);
                }
            }
        }
    }

    fn commit(&mut self, record: usize, fields: Option<Fields>) {
        self.commits += 1;
        let content = fields.map(|fields| {
            let key = &self.records[record].key;
            Arc::new(fields.render(&self.data, self.shape, record, key))
        });
        let version = Version {
            commit: self.commits,
            visible_from: self.now(),
            content,
        };
        self.records[record].history.push(version);
        self.recent.push_back(record);
        if self.recent.len() > 20 {
            self.recent.pop_front();
        }
    }

    fn pick(&mut self) -> Change {
        let total: u32 = self.churn.mix.iter().map(|(_, weight)| weight).sum();
        let mut number = self.rng.u32(0..total);
        for (change, weight) in self.churn.mix {
            if number < *weight {
                return *change;
            }
            number -= weight;
        }
        unreachable!("the number is below the sum of the weights")
    }

    fn make(&mut self, change: Change) {
        let now = self.stamp(self.now());
        match change {
            Change::Insert => {
                let record = self.new_record();
                self.commit(record, Some(Fields::first(Some(now))));
            }
            Change::Update => self.update(now, 1),
            Change::Restamp(records) => self.update(now, records),
            Change::SoftDelete => {
                if let Some((record, fields)) = self.any_record() {
                    let state = "deleted";
                    self.commit(
                        record,
                        Some(Fields {
                            state,
                            ..fields.next(now)
                        }),
                    );
                }
            }
            Change::HardDelete => {
                if let Some((record, _)) = self.any_record() {
                    self.commit(record, None);
                }
            }
            Change::BackAndForth => {
                if let Some((record, fields)) = self.any_record() {
                    let a = fields.next(now);
                    let b = a.next(now);
                    self.commit(record, Some(a));
                    self.busy.insert(record);
                    self.staged.push(Staged {
                        made: Instant::now(),
                        record,
                        versions: [b, a].into(),
                    });
                }
            }
            Change::Late => self.begin_late(now),
            Change::Jitter => self.update_dated_back(now),
        }
    }

    fn update(&mut self, at: Micros, records: usize) {
        for _ in 0..records {
            if let Some((record, fields)) = self.any_record() {
                self.commit(record, Some(fields.next(at)));
            }
        }
    }

    fn begin_late(&mut self, now: Micros) {
        let (record, fields) = match self.any_record() {
            Some((record, fields)) if self.rng.bool() => (record, fields.next(now)),
            _ => (self.new_record(), Fields::first(Some(now))),
        };
        self.busy.insert(record);
        self.late.push(Late {
            visible_from: Instant::now() + self.churn.late_by.mul_f64(self.rng.f64()),
            record,
            fields,
        });
    }

    /// Selects a record that was written just now, so that its date goes backwards.
    fn update_dated_back(&mut self, now: Micros) {
        let jitter = i64::try_from(self.churn.jitter.as_micros()).expect("a jitter is short");
        let back = self.rng.i64(1..jitter.max(2));
        let recent = self.recent.iter().rev().copied();
        let mut candidates = recent.filter(|record| !self.busy.contains(record));
        let chosen = candidates.find_map(|record| Some((record, self.fields(record)?)));
        let Some((record, fields)) = chosen.filter(|(_, fields)| fields.is_of_now(now)) else {
            return self.update(self.stamp(now - back), 1);
        };
        let before = fields.at.map_or(now, |at| at - back);
        let at = self.stamp(before.max(now - jitter));
        self.commit(
            record,
            Some(Fields {
                at: Some(at),
                ..fields.next(now)
            }),
        );
    }

    /// An existing record with a date that no other change is about to modify.
    fn any_record(&mut self) -> Option<(usize, Fields)> {
        (0..20).find_map(|_| {
            let record = self.rng.usize(0..self.records.len().max(1));
            if record == self.records.len() || self.busy.contains(&record) {
                return None;
            }
            let fields = self.fields(record)?;
            fields.at.is_some().then_some((record, fields))
        })
    }

    /// A record's current fields; `None` if it is deleted or not visible yet.
    fn fields(&self, record: usize) -> Option<Fields> {
        let content = self.records[record].history.last()?.content.as_ref()?;
        let number = |name: &str| {
            content.value[name]
                .as_u64()
                .and_then(|n| u32::try_from(n).ok())
        };
        let deleted = content.value["state"] == "deleted";
        Some(Fields {
            at: content.at,
            version: number("version")?,
            state: if deleted { "deleted" } else { "active" },
            amount: number("amount")?,
        })
    }

    /// A time as the server stores it.
    fn stamp(&self, at: Micros) -> Micros {
        let unit = if self.data.hidden_micros {
            1
        } else {
            self.shape.unit()
        };
        at.div_euclid(unit) * unit
    }

    fn new_record(&mut self) -> usize {
        let n = self.records.len();
        let key = match self.data.keys {
            Keys::Text => format!("\"c{n:06}\""),
            Keys::Odd => {
                let sign = ["\"", "\\", "!", " ", "é", "Z", "ß", "\u{1f600}"][n % 8];
                Value::from(format!("k{sign}{n:05}")).to_string()
            }
            Keys::Numbers => n.to_string(),
        };
        self.records.push(Record {
            key,
            history: Vec::new(),
        });
        n
    }

    /// Creates the first records, dated in the two days before, in random order.
    fn fill(&mut self) {
        let newest = self.now() - HOUR;
        let oldest = newest - 47 * HOUR;
        let mut instants: Vec<Micros> = (0..self.data.instants.max(1))
            .map(|n| {
                let at = self.rng.i64(oldest..newest);
                // Some on the full second, which some formats write in another way.
                self.stamp(if n % 3 == 0 { at / SECOND * SECOND } else { at })
            })
            .collect();
        if self.data.in_order {
            instants.sort_unstable();
        }
        for n in 0..self.data.records {
            let at = if n == 6 && self.data.from_2099 {
                Some(FAR_FUTURE)
            } else if n % 2 == 1 && n / 2 < self.data.undated {
                None
            } else {
                Some(instants[self.instant_of(n, instants.len())])
            };
            let record = self.new_record();
            self.commit(record, Some(Fields::first(at)));
        }
        self.recent.clear();
    }

    /// Which of the instants one of the first records has.
    fn instant_of(&mut self, record: usize, instants: usize) -> usize {
        if !self.data.in_order {
            return self.rng.usize(0..instants);
        }
        let instant = record * instants / self.data.records;
        let is_exception = record % 37 == 36 && instant > instants / 2;
        if is_exception {
            self.rng.usize(0..instants / 2)
        } else {
            instant
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::poll_hostile::dates::MILLISECOND;

    fn model(data: Data, mix: &'static [(Change, u32)]) -> Model {
        let churn = Churn {
            per_request: 1,
            budget: 50,
            mix,
            late_by: Duration::ZERO,
            ..Churn::NONE
        };
        Model::new(data, churn, Shape::Millis, 0, 3)
    }

    fn advance_by(model: &mut Model, requests: usize) {
        (0..requests).for_each(|_| model.advance());
    }

    #[test]
    fn a_collection_starts_with_the_scenarios_data() {
        let data = Data {
            records: 50,
            instants: 5,
            undated: 4,
            from_2099: true,
            ..Data::PLAIN
        };
        let rows = model(data, &[]).view(u64::MAX);
        let mut by_date: HashMap<Option<Micros>, usize> = HashMap::new();
        for row in &rows {
            *by_date.entry(row.content.at).or_default() += 1;
        }
        assert_eq!(rows.len(), 50);
        assert_eq!(by_date[&None], 4);
        assert_eq!(by_date[&Some(FAR_FUTURE)], 1);
        assert_eq!(by_date.len(), 5 + 2);
    }

    #[test]
    fn one_seed_gives_one_sequence_of_changes() {
        let keys = |seed| {
            let churn = Churn {
                late_by: Duration::ZERO,
                ..Churn::WILD
            };
            let mut model = Model::new(Data::PLAIN, churn, Shape::Millis, 0, seed);
            advance_by(&mut model, 30);
            let rows = model.view(u64::MAX);
            rows.iter()
                .map(|row| (row.record, row.content.value["version"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(1), keys(1));
        assert_ne!(keys(1), keys(2));
    }

    #[test]
    fn every_change_does_what_its_name_says() {
        let after = |mix| {
            let mut model = model(Data::PLAIN, mix);
            advance_by(&mut model, 10);
            let rows = model.view(u64::MAX);
            let deleted = rows
                .iter()
                .filter(|row| row.content.value["state"] == "deleted")
                .count();
            (rows.len(), deleted, model.commits() - 300)
        };
        assert_eq!(after(&[(Change::Insert, 1)]), (310, 0, 10));
        assert_eq!(after(&[(Change::Update, 1)]), (300, 0, 10));
        assert_eq!(after(&[(Change::HardDelete, 1)]), (290, 0, 10));
        assert_eq!(after(&[(Change::Restamp(7), 1)]), (300, 0, 70));
        let (rows, deleted, commits) = after(&[(Change::SoftDelete, 1)]);
        assert!(
            rows == 300 && deleted > 5 && commits == 10,
            "{rows} {deleted} {commits}"
        );
    }

    #[test]
    fn a_restamp_gives_all_its_records_one_date() {
        let mut model = model(Data::PLAIN, &[(Change::Restamp(20), 1)]);
        advance_by(&mut model, 1);
        let dates: HashSet<_> = model
            .view(u64::MAX)
            .iter()
            .filter(|row| row.commit > 300)
            .map(|row| row.content.at)
            .collect();
        assert_eq!(dates.len(), 1);
    }

    #[test]
    fn back_and_forth_commits_a_then_b_then_a_with_one_date() {
        let mut model = model(Data::PLAIN, &[(Change::BackAndForth, 1)]);
        model.churn.late_by = Duration::from_secs(3600);
        model.left = 1;
        advance_by(&mut model, 3);
        let record = model
            .records()
            .iter()
            .find(|record| record.history.len() > 1)
            .unwrap();
        let versions: Vec<_> = record.history[1..]
            .iter()
            .map(|version| version.content.as_ref().unwrap())
            .collect();
        assert_eq!(versions.len(), 3);
        assert_eq!(versions[0].text, versions[2].text);
        assert_ne!(versions[0].text, versions[1].text);
        assert_eq!(versions[0].at, versions[1].at);
    }

    #[test]
    fn a_late_commit_becomes_visible_after_its_date() {
        let mut model = model(
            Data {
                records: 0,
                ..Data::PLAIN
            },
            &[(Change::Late, 1)],
        );
        model.churn.late_by = Duration::from_secs(3600);
        model.left = 1;
        advance_by(&mut model, 2);
        assert_eq!(model.view(u64::MAX).len(), 0);
        let stamped = model.late[0].fields.at.unwrap();
        model.late[0].visible_from = Instant::now();
        advance_by(&mut model, 1);
        let rows = model.view(u64::MAX);
        assert_eq!(rows[0].content.at, Some(stamped));
        assert!(model.records()[0].history[0].visible_from >= stamped);
    }

    #[test]
    fn jitter_dates_an_update_before_the_version_that_it_replaces() {
        let mut model = model(
            Data {
                records: 5,
                ..Data::PLAIN
            },
            &[(Change::Update, 1), (Change::Jitter, 2)],
        );
        advance_by(&mut model, 50);
        let dates = |record: &Record| -> Vec<Micros> {
            record
                .history
                .iter()
                .map(|v| v.content.as_ref().unwrap().at.unwrap())
                .collect()
        };
        let backwards = model
            .records()
            .iter()
            .flat_map(|record| {
                dates(record)
                    .windows(2)
                    .map(|pair| pair[0] - pair[1])
                    .collect::<Vec<_>>()
            })
            .filter(|back| *back > 0)
            .collect::<Vec<_>>();
        assert!(backwards.len() > 5, "{backwards:?}");
        assert!(
            backwards.iter().all(|back| *back <= 401 * MILLISECOND),
            "{backwards:?}"
        );
    }

    #[test]
    fn a_view_of_earlier_commits_is_the_earlier_collection() {
        let mut model = model(
            Data {
                records: 10,
                ..Data::PLAIN
            },
            &[(Change::Update, 1), (Change::HardDelete, 1)],
        );
        let before: Vec<_> = model.view(u64::MAX).iter().map(|row| row.commit).collect();
        advance_by(&mut model, 10);
        let again: Vec<_> = model.view(10).iter().map(|row| row.commit).collect();
        assert_eq!(before, again);
        assert!(model.view(u64::MAX).len() < 10);
    }

    #[test]
    fn after_stop_changing_nothing_changes() {
        let mut model = Model::new(Data::PLAIN, Churn::WILD, Shape::Millis, 0, 5);
        advance_by(&mut model, 10);
        if let Some(last) = model.stop_changing() {
            model
                .late
                .iter_mut()
                .for_each(|late| late.visible_from = Instant::now());
            assert!(last <= Instant::now() + Churn::WILD.late_by);
        }
        advance_by(&mut model, 1);
        let commits = model.commits();
        advance_by(&mut model, 10);
        assert_eq!(model.commits(), commits);
        assert!(model.busy.is_empty(), "{:?}", model.busy);
    }

    #[test]
    fn records_have_notations_that_only_a_byte_copy_preserves() {
        let data = Data {
            records: 16,
            keys: Keys::Odd,
            pretty: true,
            ..Data::PLAIN
        };
        for row in model(data, &[]).view(u64::MAX) {
            let line = row.content.line();
            assert!(row.content.text.lines().count() > 5 && !line.contains('\n'));
            assert_eq!(
                serde_json::from_str::<Value>(&line).unwrap(),
                row.content.value
            );
            assert_ne!(serde_json::to_string(&row.content.value).unwrap(), line);
        }
    }
}
