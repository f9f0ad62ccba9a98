//! Compares a poller's lines with the committed versions, and counts lost, stale, repeated, torn and phantom lines.
//!
//! The last version of every record must be printed. Earlier versions may be missing: they were overwritten between two reads.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::record::{Content, Record};

/// What the server knows.
pub(crate) struct Truth<'a> {
    pub(crate) records: &'a [Record],
    pub(crate) key: &'a str,
    /// The commits of each record, in the order in which they were sent.
    pub(crate) served: &'a [Vec<u64>],
}

/// What the poller must print.
#[derive(Clone, Copy)]
pub(crate) struct Expectation {
    /// Whether the poller must print a version.
    pub(crate) selects: fn(&Content, since: Option<i64>) -> bool,
    pub(crate) since: Option<i64>,
    /// A field that differs in each response, so that no line equals a version byte for byte.
    pub(crate) volatile: Option<&'static str>,
    /// The server writes fields in another order each time.
    pub(crate) reordered: bool,
}

/// The wrong lines, each with its evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Last versions that were never printed.
    pub(crate) lost: Vec<String>,
    /// Lines that return a record to an earlier version, and records whose last line is not their last version.
    pub(crate) stale: Vec<String>,
    /// Lines that were printed before.
    pub(crate) repeated: Vec<String>,
    /// Lines that are not records.
    pub(crate) torn: Vec<String>,
    /// Records that were never committed, or not requested.
    pub(crate) phantom: Vec<String>,
}

/// One record's history. Each content has a number.
struct History {
    /// `None` for a deletion.
    contents: Vec<Option<usize>>,
    /// The printed contents.
    printed: Vec<usize>,
    /// How often the server itself sent an earlier version after a later one.
    descents: usize,
}

/// Every committed content, by its identity.
#[derive(Default)]
struct Contents {
    numbers: HashMap<String, usize>,
    /// By number, with the record.
    contents: Vec<(usize, Arc<Content>)>,
}

impl Contents {
    fn number(
        &mut self,
        record: usize,
        content: &Arc<Content>,
        expectation: &Expectation,
    ) -> usize {
        let next = self.contents.len();
        let number = *self
            .numbers
            .entry(expectation.identity_of(content))
            .or_insert(next);
        if number == next {
            self.contents.push((record, Arc::clone(content)));
        }
        number
    }
}

impl Verdict {
    pub(crate) fn of(truth: &Truth<'_>, expectation: &Expectation, lines: &[String]) -> Self {
        let mut verdict = Self::default();
        let mut known = Contents::default();
        let mut histories = Vec::with_capacity(truth.records.len());
        for (n, record) in truth.records.iter().enumerate() {
            let contents = record.history.iter().map(|version| {
                let content = version.content.as_ref()?;
                Some(known.number(n, content, expectation))
            });
            histories.push(History {
                contents: contents.collect(),
                printed: Vec::new(),
                descents: descents(truth.served.get(n).map_or(&[], Vec::as_slice)),
            });
        }
        for line in lines {
            let Some(identity) = expectation.identity_in(line) else {
                verdict.torn.push(line.clone());
                continue;
            };
            let number = known.numbers.get(&identity).copied();
            match number.map(|number| (number, &known.contents[number])) {
                Some((number, (record, content)))
                    if (expectation.selects)(content, expectation.since) =>
                {
                    histories[*record].printed.push(number);
                }
                _ => verdict.phantom.push(line.clone()),
            }
        }
        for (record, history) in truth.records.iter().zip(&histories) {
            let last = record.history.last();
            let is_required = last
                .and_then(|version| version.content.as_ref())
                .is_some_and(|content| (expectation.selects)(content, expectation.since));
            let name = format!("{} {}", truth.key, record.key);
            history.verify(&name, is_required, &mut verdict);
        }
        verdict
    }

    pub(crate) fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

impl Expectation {
    pub(crate) const ALL_DATED: Self = Self {
        selects: |content, since| {
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

    /// The identity of the content of a line; `None` if it is not a record.
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

    /// Whether a line must equal its version byte for byte.
    fn is_exact(&self) -> bool {
        self.volatile.is_none() && !self.reordered
    }
}

impl History {
    fn verify(&self, name: &str, is_required: bool, verdict: &mut Verdict) {
        let repeats = self.repeats().saturating_sub(self.descents);
        let steps_back = self.steps_back().saturating_sub(self.descents);
        let evidence = || {
            format!(
                "{name}: committed {:?}, printed {:?}",
                self.contents, self.printed
            )
        };
        verdict.repeated.extend((0..repeats).map(|_| evidence()));
        verdict.stale.extend((0..steps_back).map(|_| evidence()));
        if !is_required {
            return;
        }
        let last = self.contents.last().copied().flatten();
        if !self.printed.iter().any(|printed| Some(*printed) == last) {
            verdict.lost.push(evidence());
        } else if self.printed.last().copied() != last && steps_back == 0 {
            verdict.stale.push(evidence());
        }
    }

    /// Lines in excess of the history. A content that was committed twice, with another one in between, may be printed twice, but
    /// not twice in a row.
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

    /// Lines that do not follow the order of the history.
    fn steps_back(&self) -> usize {
        let mut at = 0;
        let mut back = 0;
        for printed in &self.printed {
            match self.contents[at..]
                .iter()
                .position(|content| *content == Some(*printed))
            {
                Some(ahead) => at += ahead,
                None => back += 1,
            }
        }
        back
    }
}

fn descents(served: &[u64]) -> usize {
    served.windows(2).filter(|pair| pair[1] < pair[0]).count()
}

/// JSON with sorted fields, so that two notations of one record are one text.
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

    /// A version of a record with this key and content; `-` is a deletion.
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

    /// The numbers of lost, stale, repeated, torn and phantom lines for one record.
    fn verdict(committed: &str, printed: &str) -> [usize; 5] {
        verdict_when_served(committed, printed, &[])
    }

    fn verdict_when_served(committed: &str, printed: &str, served: &[u64]) -> [usize; 5] {
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
        let verdict = Verdict::of(&truth, &Expectation::ALL_DATED, lines);
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
    fn only_the_last_version_has_to_be_printed() {
        assert_eq!(verdict("a", "a"), CLEAN);
        assert_eq!(verdict("a b c", "c"), CLEAN);
        assert_eq!(verdict("a b c", "a c"), CLEAN);
        assert_eq!(verdict("a b c", "a b c"), CLEAN);
    }

    #[test]
    fn a_missing_last_version_is_lost() {
        assert_eq!(verdict("a", ""), [1, 0, 0, 0, 0]);
        assert_eq!(verdict("a b", "a"), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn a_deleted_record_may_be_printed_or_missing() {
        assert_eq!(verdict("a -", ""), CLEAN);
        assert_eq!(verdict("a b -", "a"), CLEAN);
    }

    #[test]
    fn an_undated_record_must_be_printed_only_if_selected() {
        assert_eq!(verdict("undated", ""), CLEAN);
        assert_eq!(verdict("undated", "undated"), [0, 0, 0, 0, 1]);
        let records = [history("k", "undated")];
        let truth = Truth {
            records: &records,
            key: "sk",
            served: &[],
        };
        let expectation = Expectation {
            selects: |_, _| true,
            ..Expectation::ALL_DATED
        };
        assert_eq!(Verdict::of(&truth, &expectation, &[]).lost.len(), 1);
    }

    #[test]
    fn a_line_printed_twice_is_a_repeat() {
        assert_eq!(verdict("a", "a a"), [0, 0, 1, 0, 0]);
        assert_eq!(verdict("a b", "a a b b b"), [0, 0, 3, 0, 0]);
    }

    #[test]
    fn a_content_that_was_committed_twice_may_be_printed_twice() {
        assert_eq!(verdict("a b a", "a b a"), CLEAN);
        assert_eq!(verdict("a b a", "a"), CLEAN);
        assert_eq!(verdict("a b a", "b a"), CLEAN);
        assert_eq!(verdict("a b a", "a a"), [0, 0, 1, 0, 0]);
        assert_eq!(verdict("a b a", "a b"), [0, 1, 0, 0, 0]);
        assert_eq!(verdict("a b a", "a b a b"), [0, 1, 1, 0, 0]);
    }

    #[test]
    fn an_earlier_version_after_a_later_one_is_stale() {
        assert_eq!(verdict("a b", "b a"), [0, 1, 0, 0, 0]);
        assert_eq!(verdict("a b c", "b a c"), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn versions_that_the_server_sent_backwards_are_not_the_pollers_fault() {
        assert_eq!(verdict("a b", "b a b"), [0, 1, 1, 0, 0]);
        assert_eq!(verdict_when_served("a b", "b a b", &[1, 0, 1]), CLEAN);
        assert_eq!(
            verdict_when_served("a b", "b a b", &[0, 1, 1]),
            [0, 1, 1, 0, 0]
        );
        assert_eq!(
            verdict_when_served("a b", "b a", &[1, 0]),
            [0, 1, 0, 0, 0],
            "the last line is still wrong"
        );
    }

    #[test]
    fn a_partial_line_is_torn() {
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
    fn a_line_that_differs_from_every_version_in_one_byte_is_a_phantom() {
        assert_eq!(verdict("a", "a z"), [0, 0, 0, 0, 1]);
        let spaced = line("k", "a").replace(':', ": ");
        assert_eq!(
            counts(&[history("k", "a")], &[spaced], &[]),
            [1, 0, 0, 0, 1]
        );
    }

    #[test]
    fn with_a_volatile_field_the_content_is_compared() {
        let records = [history("k", "a")];
        let truth = Truth {
            records: &records,
            key: "sk",
            served: &[],
        };
        let expectation = Expectation {
            volatile: Some("fetched"),
            ..Expectation::ALL_DATED
        };
        let lines = ["{\"says\":\"a\",\"sk\":\"k\",\"fetched\":7}".to_owned()];
        assert!(Verdict::of(&truth, &expectation, &lines).is_clean());
        let lines = [lines[0].clone(), lines[0].replace('7', "8")];
        assert_eq!(Verdict::of(&truth, &expectation, &lines).repeated.len(), 1);
    }

    #[test]
    fn a_record_before_since_is_not_required() {
        let records = [history("k", "a")];
        let truth = Truth {
            records: &records,
            key: "sk",
            served: &[],
        };
        let expectation = Expectation {
            since: Some(11),
            ..Expectation::ALL_DATED
        };
        assert!(Verdict::of(&truth, &expectation, &[]).is_clean());
        assert_eq!(
            Verdict::of(&truth, &expectation, &[line("k", "a")])
                .phantom
                .len(),
            1
        );
    }

    #[test]
    fn each_record_is_verified_independently() {
        let records = [history("k", "a b"), history("l", "a"), history("m", "a -")];
        let lines = [line("k", "b"), line("m", "a"), line("k", "a")];
        assert_eq!(counts(&records, &lines, &[]), [1, 1, 0, 0, 0]);
    }
}
