//! Positions in streams, and how many entries were trimmed or deleted before they were read.

use std::fmt;

use crate::broker::BrokerError;
use crate::source::Start;
use crate::time::Timestamp;
use crate::wire::resp::Value;

/// The id of an entry: milliseconds and a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(u64, u64);

impl Id {
    /// `1700000000000-3`; without a number it is the first one of the millisecond.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (millis, number) = text.split_once('-').unwrap_or((text, "0"));
        Some(Self(millis.parse().ok()?, number.parse().ok()?))
    }

    /// The first id at this time.
    fn at(time: Timestamp) -> Self {
        Self(u64::try_from(time.millis()).unwrap_or(0), 0)
    }

    /// The largest smaller id.
    fn before(self) -> Self {
        match self {
            Self(0, 0) => self,
            Self(millis, 0) => Self(millis - 1, u64::MAX),
            Self(millis, number) => Self(millis, number - 1),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// Refuses a start that is not an id.
pub(super) fn check_start(start: Option<&Start>) -> Result<(), BrokerError> {
    match start {
        Some(Start::At(text)) if Id::parse(text).is_none() => Err(BrokerError::BadRequest {
            message: format!("`{text}` is not the id of an entry"),
            hint: "--start first, last, new, or an id such as 1700000000000-0".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What `XINFO STREAM` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    length: u64,
    last: Id,
    /// The first entry that is still there.
    first: Option<Id>,
    /// How many entries were ever added. Since Redis 7.
    added: Option<u64>,
    /// The largest id that was deleted other than by trimming. Since Redis 7.
    max_deleted: Id,
}

impl Info {
    pub(super) fn of(answer: &Value<'_>) -> Option<Self> {
        let count = |key| u64::try_from(answer.member(key)?.integer()?).ok();
        let id = |key| Id::parse(answer.member(key)?.text()?);
        let first = answer.member("first-entry").and_then(Value::items);
        Some(Self {
            length: count("length")?,
            last: id("last-generated-id")?,
            first: first.and_then(|entry| Id::parse(entry.first()?.text()?)),
            added: count("entries-added"),
            max_deleted: id("max-deleted-entry-id").unwrap_or_default(),
        })
    }

    /// How many entries from the start of the stream are gone, if all missing ones are from the start.
    fn gone(&self) -> Option<u64> {
        let is_from_start = self.first.is_none_or(|first| self.max_deleted < first);
        self.added?
            .checked_sub(self.length)
            .filter(|_| is_from_start)
    }
}

/// Entries that were not read and are gone. `None`: an unknown number.
pub(super) type Lost = Option<u64>;

/// A stream and how far it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) name: String,
    /// The last entry that was read; `None` before the start is known.
    pub(super) last: Option<Id>,
    /// How many entries had been added up to it, counted from the creation of the stream; `None` if unknown.
    index: Option<u64>,
    /// The stream is older than what was read, and that has been reported.
    is_reset: bool,
}

impl Track {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            last: None,
            index: None,
            is_reset: false,
        }
    }

    /// Sets where the stream begins. `info` is `None` if the stream does not exist, `newest` is its newest entry.
    pub(super) fn begin(&mut self, start: &Start, info: Option<&Info>, newest: Option<Id>) {
        let end = info.map(|info| info.last).or(newest).unwrap_or_default();
        self.last = Some(match start {
            Start::First => Id::default(),
            Start::New => end,
            Start::Last => newest.unwrap_or_default().before(),
            Start::Since(time) => Id::at(*time).before(),
            Start::At(text) => Id::parse(text).unwrap_or_default().before(),
        });
    }

    /// Counts an entry that was read.
    pub(super) fn read(&mut self, id: Id) {
        self.last = Some(id);
        self.index = self.index.map(|index| index + 1);
    }

    /// Compares what was read with what the server has. Returns the entries that are gone.
    pub(super) fn check(&mut self, info: Option<&Info>, is_resumed: bool) -> Option<Lost> {
        let last = self.last?;
        let Some(info) = info else {
            // A stream that does not exist counts from 0 when it is created.
            self.index = Some(0);
            return (is_resumed && last != Id::default()).then_some(None);
        };
        let was_reset = std::mem::replace(&mut self.is_reset, info.last < last);
        let is_recreated = self
            .index
            .zip(info.added)
            .is_some_and(|(index, added)| added < index);
        if self.is_reset || is_recreated {
            self.index = None;
            return (!was_reset).then_some(None);
        }
        let Some(index) = self.index else {
            return self.find_index(last, info, is_resumed);
        };
        // Everything that was added up to the last entry was either read or is lost.
        let now = match last == info.last {
            true => info.added?,
            false => info.gone().filter(|gone| *gone > index).unwrap_or(index),
        };
        self.index = Some(now);
        (now > index).then(|| Some(now - index))
    }

    /// Finds the index of the position.
    fn find_index(&mut self, last: Id, info: &Info, is_resumed: bool) -> Option<Lost> {
        if last == info.last {
            self.index = info.added;
            return None;
        }
        let is_before_first = info.first.is_none_or(|first| last < first);
        if !is_before_first {
            return None;
        }
        self.index = info.gone();
        is_resumed.then_some(None)
    }
}

/// The positions of all streams, in their order: `ID@INDEX`, or only `ID`. `None` before the start is known.
pub(super) fn position(tracks: &[Track]) -> Option<String> {
    let mut text = String::new();
    for track in tracks {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&track.last?.to_string());
        if let Some(index) = track.index {
            text.push_str(&format!("@{index}"));
        }
    }
    Some(text).filter(|text| !text.is_empty())
}

/// Reads what [`position`] wrote for the same streams.
pub(super) fn parse(text: &str, names: &[String]) -> Option<Vec<Track>> {
    let parts: Vec<&str> = text.split(',').collect();
    if parts.len() != names.len() {
        return None;
    }
    let tracks = parts.iter().zip(names).map(|(part, name)| {
        let (id, index) = match part.split_once('@') {
            Some((id, index)) => (id, Some(index.parse().ok()?)),
            None => (*part, None),
        };
        Some(Track {
            last: Some(Id::parse(id)?),
            index,
            ..Track::new(name)
        })
    });
    tracks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64, index: Option<u64>) -> Track {
        Track {
            last: Some(Id(millis, 0)),
            index,
            ..Track::new("s")
        }
    }

    /// A stream whose entries have the ids 1, 2, 3 …, of which the first `gone` are trimmed.
    fn stream(added: u64, gone: u64) -> Info {
        Info {
            length: added - gone,
            last: Id(added, 0),
            first: (gone < added).then_some(Id(gone + 1, 0)),
            added: Some(added),
            max_deleted: Id::default(),
        }
    }

    #[test]
    fn trimmed_entries_that_were_not_read_are_counted() {
        for (position, added, gone, lost) in [
            (5, 5, 0, None),
            (5, 5, 5, None),
            (5, 9, 3, None),
            (5, 9, 5, None),
            (5, 9, 7, Some(Some(2))),
            (5, 9, 9, Some(Some(4))),
        ] {
            let mut track = at(position, Some(position));
            // Of a stream that is trimmed completely only the number of added entries is left.
            let checked = track.check(Some(&stream(added, gone)), true);
            assert_eq!(checked, lost, "{position} {added} {gone}");
            assert_eq!(
                track.check(Some(&stream(added, gone)), true),
                None,
                "only once"
            );
        }
    }

    #[test]
    fn entries_that_were_added_and_trimmed_between_two_reads_are_counted() {
        let mut track = at(5, Some(5));
        // Entry 9 was read; 6 to 8 were gone before.
        track.read(Id(9, 0));
        assert_eq!(track.check(Some(&stream(9, 8)), false), Some(Some(3)));
    }

    #[test]
    fn without_a_known_index_the_number_is_unknown() {
        assert_eq!(at(5, None).check(Some(&stream(9, 7)), true), Some(None));
        assert_eq!(
            at(5, None).check(Some(&stream(9, 7)), false),
            None,
            "a fresh start"
        );
        assert_eq!(
            at(5, None).check(Some(&stream(9, 3)), true),
            None,
            "5 is still there"
        );
        assert_eq!(
            at(9, None).check(Some(&stream(9, 9)), true),
            None,
            "nothing was added"
        );
        let deleted = Info {
            max_deleted: Id(9, 0),
            ..stream(9, 7)
        };
        assert_eq!(
            at(5, Some(5)).check(Some(&deleted), true),
            None,
            "perhaps 9 was read"
        );
    }

    #[test]
    fn a_stream_that_is_older_than_the_position_is_reported_once() {
        let mut track = at(9, Some(9));
        assert_eq!(track.check(Some(&stream(7, 0)), true), Some(None));
        assert_eq!(track.check(Some(&stream(7, 0)), false), None);
        let mut track = at(9, Some(9));
        let recreated = Info {
            last: Id(10, 0),
            first: Some(Id(10, 0)),
            ..stream(1, 0)
        };
        assert_eq!(track.check(Some(&recreated), true), Some(None));
    }

    #[test]
    fn a_position_is_read_again() {
        let names = ["s".to_owned(), "s".to_owned()];
        let tracks = vec![at(5, Some(7)), at(6, None)];
        let text = position(&tracks).unwrap();
        assert_eq!(text, "5-0@7,6-0");
        assert_eq!(parse(&text, &names), Some(tracks));
        for wrong in ["", "5-0", "a,b", "5-0@x,6-0"] {
            assert_eq!(parse(wrong, &names), None, "{wrong}");
        }
    }

    #[test]
    fn a_start_is_the_id_before_the_first_entry() {
        let info = stream(9, 0);
        for (start, last) in [
            (Start::First, Id(0, 0)),
            (Start::New, Id(9, 0)),
            (Start::Last, Id(8, u64::MAX)),
            (Start::Since(Timestamp::from_millis(7)), Id(6, u64::MAX)),
            (Start::At("7-3".to_owned()), Id(7, 2)),
        ] {
            let mut track = Track::new("s");
            track.begin(&start, Some(&info), Some(Id(9, 0)));
            assert_eq!(track.last, Some(last), "{start:?}");
        }
    }
}
