//! The judge: holds what a poller printed against what was committed, and counts what is lost, stale, repeated, torn, phantom.
//!
//! A version that was overwritten before anybody read it is owed to nobody. Owed is the last version of every record.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::record::{Content, Record};

/// What the deployment knows.
pub(crate) struct Truth<'a> {
    pub(crate) records: &'a [Record],
    pub(crate) key: &'a str,
    /// Of each record, the commits in the order in which they were sent.
    pub(crate) served: &'a [Vec<u64>],
}

/// What was asked of the poller.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    /// Whether the poller is to print a version.
    pub(crate) asked: fn(&Content, since: Option<i64>) -> bool,
    pub(crate) since: Option<i64>,
    /// A field that says something else in each answer, so that no line is a version byte for byte.
    pub(crate) volatile: Option<&'static str>,
    /// The deployment writes fields in another order each time.
    pub(crate) reordered: bool,
}

/// What is wrong, each with its evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Last versions that were never printed.
    pub(crate) lost: Vec<String>,
    /// Lines that take a record back to an earlier version, and records whose last line is not their last version.
    pub(crate) stale: Vec<String>,
    /// Lines that say again what was said.
    pub(crate) repeated: Vec<String>,
    /// Lines that are no record at all.
    pub(crate) torn: Vec<String>,
    /// Lines that are records which nobody committed, or nobody asked for.
    pub(crate) phantom: Vec<String>,
}

/// One record's history, as numbers that stand for what is printed: the same content has the same number.
struct Story {
    /// `None` where the record was deleted.
    contents: Vec<Option<usize>>,
    /// What was printed of it.
    printed: Vec<usize>,
    /// How often the deployment itself sent an earlier version after a later one.
    descents: usize,
}

/// Every content that was committed, found by what makes it that content.
#[derive(Default)]
struct Book {
    numbers: HashMap<String, usize>,
    /// By number, each with its record.
    contents: Vec<(usize, Arc<Content>)>,
}

impl Book {
    fn number(&mut self, record: usize, content: &Arc<Content>, terms: &Terms) -> usize {
        let next = self.contents.len();
        let number = *self
            .numbers
            .entry(terms.identity_of(content))
            .or_insert(next);
        if number == next {
            self.contents.push((record, Arc::clone(content)));
        }
        number
    }
}

impl Verdict {
    pub(crate) fn of(truth: &Truth<'_>, terms: &Terms, lines: &[String]) -> Self {
        let mut verdict = Self::default();
        let mut book = Book::default();
        let mut stories = Vec::with_capacity(truth.records.len());
        for (n, record) in truth.records.iter().enumerate() {
            let contents = record.history.iter().map(|version| {
                let content = version.content.as_ref()?;
                Some(book.number(n, content, terms))
            });
            stories.push(Story {
                contents: contents.collect(),
                printed: Vec::new(),
                descents: descents(truth.served.get(n).map_or(&[], Vec::as_slice)),
            });
        }
        for line in lines {
            let Some(identity) = terms.identity_in(line) else {
                verdict.torn.push(line.clone());
                continue;
            };
            let number = book.numbers.get(&identity).copied();
            match number.map(|number| (number, &book.contents[number])) {
                Some((number, (record, content))) if (terms.asked)(content, terms.since) => {
                    stories[*record].printed.push(number);
                }
                _ => verdict.phantom.push(line.clone()),
            }
        }
        for (record, story) in truth.records.iter().zip(&stories) {
            let last = record.history.last();
            let owed = last
                .and_then(|version| version.content.as_ref())
                .is_some_and(|content| (terms.asked)(content, terms.since));
            story.judge(&format!("{} {}", truth.key, record.key), owed, &mut verdict);
        }
        verdict
    }

    pub(crate) fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

impl Terms {
    pub(crate) const ALL_DATED: Self = Self {
        asked: |content, since| {
            content
                .at
                .is_some_and(|at| since.is_none_or(|since| at >= since))
        },
        since: None,
        volatile: None,
        reordered: false,
    };

    fn identity_of(&self, content: &Content) -> String {
        if self.is_exact() {
            content.line()
        } else {
            canonical(&content.value)
        }
    }

    /// What makes a line the version that it is; `None` where it is no record.
    fn identity_in(&self, line: &str) -> Option<String> {
        let mut value: Value = serde_json::from_str(line).ok()?;
        let fields = value.as_object_mut()?;
        if self.is_exact() {
            return Some(line.to_owned());
        }
        if let Some(name) = self.volatile {
            fields.remove(name);
        }
        Some(canonical(&value))
    }

    /// Whether a line is its version byte for byte.
    fn is_exact(&self) -> bool {
        self.volatile.is_none() && !self.reordered
    }
}

impl Story {
    fn judge(&self, name: &str, owed: bool, verdict: &mut Verdict) {
        let repeats = self.repeats().saturating_sub(self.descents);
        let steps_back = self.steps_back().saturating_sub(self.descents);
        let told = || {
            format!(
                "{name}: committed {:?}, printed {:?}",
                self.contents, self.printed
            )
        };
        verdict.repeated.extend((0..repeats).map(|_| told()));
        verdict.stale.extend((0..steps_back).map(|_| told()));
        if !owed {
            return;
        }
        let last = self.contents.last().copied().flatten();
        if !self.printed.iter().any(|printed| Some(*printed) == last) {
            verdict.lost.push(told());
        } else if self.printed.last().copied() != last && steps_back == 0 {
            verdict.stale.push(told());
        }
    }

    /// Lines beyond those that the history accounts for. A content that was committed twice, with another between, may be
    /// printed twice, and never twice in a row.
    fn repeats(&self) -> usize {
        let in_a_row = self
            .printed
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .count();
        let mut distinct = self.printed.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let beyond = |content: &usize| {
            let printed = self
                .printed
                .iter()
                .filter(|other| *other == content)
                .count();
            printed.saturating_sub(self.times_committed(*content))
        };
        distinct.iter().map(beyond).sum::<usize>().max(in_a_row)
    }

    fn times_committed(&self, content: usize) -> usize {
        let starts = |n: usize| {
            self.contents[n] == Some(content) && (n == 0 || self.contents[n - 1] != Some(content))
        };
        (0..self.contents.len()).filter(|n| starts(*n)).count()
    }

    /// Lines that the history, read forwards once, does not come to.
    fn steps_back(&self) -> usize {
        let mut place = 0;
        let mut back = 0;
        for printed in &self.printed {
            match self.contents[place..]
                .iter()
                .position(|content| *content == Some(*printed))
            {
                Some(ahead) => place += ahead,
                None => back += 1,
            }
        }
        back
    }
}

fn descents(served: &[u64]) -> usize {
    served.windows(2).filter(|pair| pair[1] < pair[0]).count()
}

/// JSON with its fields in order, so that two spellings of one record are one text.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{name:?}:{}", canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, found) in [
            ("lost", &self.lost),
            ("stale", &self.stale),
            ("repeated", &self.repeated),
            ("torn", &self.torn),
            ("phantom", &self.phantom),
        ] {
            writeln!(f, "{name}: {}", found.len())?;
            for evidence in found.iter().take(3) {
                writeln!(f, "  {evidence}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll_hostile::record::Version;

    /// A version of a record by its key and what it says, `-` being its deletion.
    fn version(key: &str, commit: u64, says: &str) -> Version {
        let text = line(key, says);
        let content = Content {
            value: serde_json::from_str(&text).unwrap(),
            at: (says != "undated").then_some(10),
            text,
        };
        Version {
            commit,
            visible_from: 0,
            content: (says != "-").then(|| Arc::new(content)),
        }
    }

    fn line(key: &str, says: &str) -> String {
        format!("{{\"sk\":\"{key}\",\"says\":\"{says}\"}}")
    }

    fn history(key: &str, says: &str) -> Record {
        let versions = says.split(' ').enumerate();
        Record {
            key: key.to_owned(),
            history: versions
                .map(|(n, says)| version(key, n as u64, says))
                .collect(),
        }
    }

    /// Counts of lost, stale, repeated, torn and phantom for what was printed of one record.
    fn judged(committed: &str, printed: &str) -> [usize; 5] {
        judged_when_served(committed, printed, &[])
    }

    fn judged_when_served(committed: &str, printed: &str, served: &[u64]) -> [usize; 5] {
        let lines: Vec<String> = printed
            .split_whitespace()
            .map(|says| line("k", says))
            .collect();
        counts(&[history("k", committed)], &lines, served)
    }

    fn counts(records: &[Record], lines: &[String], served: &[u64]) -> [usize; 5] {
        let truth = Truth {
            records,
            key: "sk",
            served: &[served.to_vec()],
        };
        let verdict = Verdict::of(&truth, &Terms::ALL_DATED, lines);
        assert_eq!(verdict.is_clean(), verdict == Verdict::default());
        [
            verdict.lost,
            verdict.stale,
            verdict.repeated,
            verdict.torn,
            verdict.phantom,
        ]
        .map(|found| found.len())
    }

    const CLEAN: [usize; 5] = [0; 5];

    #[test]
    fn a_last_version_that_is_printed_is_enough() {
        assert_eq!(judged("a", "a"), CLEAN);
        assert_eq!(judged("a b c", "c"), CLEAN);
        assert_eq!(judged("a b c", "a c"), CLEAN);
        assert_eq!(judged("a b c", "a b c"), CLEAN);
    }

    #[test]
    fn a_last_version_that_is_missing_is_lost() {
        assert_eq!(judged("a", ""), [1, 0, 0, 0, 0]);
        assert_eq!(judged("a b", "a"), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn a_deleted_record_is_owed_to_nobody_and_its_past_is_no_phantom() {
        assert_eq!(judged("a -", ""), CLEAN);
        assert_eq!(judged("a b -", "a"), CLEAN);
    }

    #[test]
    fn an_undated_record_is_owed_only_where_it_was_asked_for() {
        assert_eq!(judged("undated", ""), CLEAN);
        assert_eq!(judged("undated", "undated"), [0, 0, 0, 0, 1]);
        let records = [history("k", "undated")];
        let truth = Truth {
            records: &records,
            key: "sk",
            served: &[],
        };
        let terms = Terms {
            asked: |_, _| true,
            ..Terms::ALL_DATED
        };
        assert_eq!(Verdict::of(&truth, &terms, &[]).lost.len(), 1);
    }

    #[test]
    fn the_same_twice_is_a_repeat() {
        assert_eq!(judged("a", "a a"), [0, 0, 1, 0, 0]);
        assert_eq!(judged("a b", "a a b b b"), [0, 0, 3, 0, 0]);
    }

    #[test]
    fn a_then_b_then_a_is_a_story_and_no_repeat() {
        assert_eq!(judged("a b a", "a b a"), CLEAN);
        assert_eq!(judged("a b a", "a"), CLEAN);
        assert_eq!(judged("a b a", "b a"), CLEAN);
        assert_eq!(judged("a b a", "a a"), [0, 0, 1, 0, 0]);
        assert_eq!(judged("a b a", "a b"), [0, 1, 0, 0, 0]);
        assert_eq!(judged("a b a", "a b a b"), [0, 1, 1, 0, 0]);
    }

    #[test]
    fn an_earlier_version_after_a_later_one_is_stale() {
        assert_eq!(judged("a b", "b a"), [0, 1, 0, 0, 0]);
        assert_eq!(judged("a b c", "b a c"), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn what_the_deployment_told_backwards_is_not_held_against_its_reader() {
        assert_eq!(judged("a b", "b a b"), [0, 1, 1, 0, 0]);
        assert_eq!(judged_when_served("a b", "b a b", &[1, 0, 1]), CLEAN);
        assert_eq!(
            judged_when_served("a b", "b a b", &[0, 1, 1]),
            [0, 1, 1, 0, 0]
        );
        assert_eq!(
            judged_when_served("a b", "b a", &[1, 0]),
            [0, 1, 0, 0, 0],
            "it ends wrongly all the same"
        );
    }

    #[test]
    fn half_a_line_is_torn() {
        let whole = line("k", "a");
        let lines = [
            whole[..9].to_owned(),
            String::new(),
            "12".to_owned(),
            format!("{whole}{whole}"),
        ];
        assert_eq!(counts(&[history("k", "a")], &lines, &[]), [1, 0, 0, 4, 0]);
    }

    #[test]
    fn what_was_never_committed_is_a_phantom_down_to_the_last_byte() {
        assert_eq!(judged("a", "a z"), [0, 0, 0, 0, 1]);
        let spaced = line("k", "a").replace(':', ": ");
        assert_eq!(
            counts(&[history("k", "a")], &[spaced], &[]),
            [1, 0, 0, 0, 1]
        );
    }

    #[test]
    fn where_the_deployment_spells_as_it_likes_the_meaning_counts() {
        let records = [history("k", "a")];
        let truth = Truth {
            records: &records,
            key: "sk",
            served: &[],
        };
        let terms = Terms {
            volatile: Some("fetched"),
            ..Terms::ALL_DATED
        };
        let lines = ["{\"says\":\"a\",\"sk\":\"k\",\"fetched\":7}".to_owned()];
        assert!(Verdict::of(&truth, &terms, &lines).is_clean());
        let lines = [lines[0].clone(), lines[0].replace('7', "8")];
        assert_eq!(Verdict::of(&truth, &terms, &lines).repeated.len(), 1);
    }

    #[test]
    fn what_lies_before_the_floor_was_not_asked_for() {
        let records = [history("k", "a")];
        let truth = Truth {
            records: &records,
            key: "sk",
            served: &[],
        };
        let terms = Terms {
            since: Some(11),
            ..Terms::ALL_DATED
        };
        assert!(Verdict::of(&truth, &terms, &[]).is_clean());
        assert_eq!(
            Verdict::of(&truth, &terms, &[line("k", "a")]).phantom.len(),
            1
        );
    }

    #[test]
    fn records_are_judged_one_by_one_and_together() {
        let records = [history("k", "a b"), history("l", "a"), history("m", "a -")];
        let lines = [line("k", "b"), line("m", "a"), line("k", "a")];
        assert_eq!(counts(&records, &lines, &[]), [1, 1, 0, 0, 0]);
    }
}
