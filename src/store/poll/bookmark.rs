//! Finds the bookmark of one stream in a Singer state, in the forms that taps write, and reads its time.
//!
//! The SDK of Meltano keeps the time as `replication_key_value`. Taps on singer-python keep it under the name of the field.
//! The oldest taps have no `bookmarks`, and some keep the time itself. `meltano state get` wraps the state.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::import::ImportError;
use crate::json;
use crate::watermark::{Dates, Micros};

/// The members in which tools wrap a state, outermost first.
const WRAPPERS: [&str; 3] = ["completed", "singer_state", "value"];
/// The usual name of the date of change.
const FIELD: &str = "modifydate";
/// The member of the SDK that holds the time.
const VALUE: &str = "replication_key_value";

/// The bookmark of one stream.
pub(super) struct Bookmark {
    pub(super) stream: String,
    value: Value,
}

/// Finds the bookmark of `wanted`, or the only one.
pub(super) fn find(text: &str, wanted: Option<&str>) -> Result<Bookmark, ImportError> {
    let state: Map<String, Value> = serde_json::from_str(text).map_err(ImportError::Form)?;
    let mut bookmarks = bookmarks(state)?;
    let known: Vec<String> = bookmarks.keys().cloned().collect();
    let stream = match (wanted, known.as_slice()) {
        (Some(wanted), [_, ..]) => wanted.to_owned(),
        (None, [only]) => only.clone(),
        _ => return Err(ImportError::NotOneBookmark { known }),
    };
    match bookmarks.remove(&stream) {
        Some(value) => Ok(Bookmark { stream, value }),
        None => Err(ImportError::OtherBookmark {
            wanted: stream,
            known,
        }),
    }
}

/// Reads the bookmarks of all streams of a Singer state, as they are. An empty text is a state without bookmarks.
///
/// # Errors
/// If the text is not a Singer state.
pub fn singer_bookmarks(text: &[u8]) -> Result<Map<String, Value>, ImportError> {
    let Some(text) = last_text(text)? else {
        return Ok(Map::new());
    };
    let state: Map<String, Value> = serde_json::from_str(text).map_err(ImportError::Form)?;
    match state.is_empty() {
        true => Ok(state),
        false => bookmarks(state),
    }
}

/// The last of several JSON texts in a row, such as the lines that a Singer target writes, without a byte order mark.
pub(super) fn last_text(text: &[u8]) -> Result<Option<&str>, ImportError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut last: Option<&RawValue> = None;
    for text in serde_json::Deserializer::from_slice(text).into_iter() {
        last = Some(text.map_err(ImportError::Form)?);
    }
    Ok(last.map(RawValue::get))
}

/// The bookmarks of a state, by stream.
fn bookmarks(mut state: Map<String, Value>) -> Result<Map<String, Value>, ImportError> {
    for name in WRAPPERS {
        if !state.contains_key("bookmarks")
            && let Some(Value::Object(inner)) = state.get_mut(name)
            && (name != "value" || state_is_message(inner))
        {
            state = std::mem::take(inner);
        }
    }
    match state.remove("bookmarks") {
        Some(Value::Object(bookmarks)) => return Ok(bookmarks),
        Some(_) => return Err(ImportError::Unknown),
        None => {}
    }
    // A state without `bookmarks`: its members are the streams.
    let is_bookmark = |value: &Value| value.is_object() || time_of(value).is_some();
    state.retain(|_, value| is_bookmark(value));
    match state.is_empty() {
        true => Err(ImportError::Unknown),
        false => Ok(state),
    }
}

/// Whether the member `value` is the state of a STATE message, and not a stream of this name.
fn state_is_message(inner: &Map<String, Value>) -> bool {
    inner
        .values()
        .all(|value| value.is_object() || value.is_string() || value.is_null())
}

impl Bookmark {
    /// The member that only evt writes.
    pub(super) fn evt(&self) -> Option<&Value> {
        self.value.get("evt").filter(|block| block.is_object())
    }

    /// The time up to which everything was read. A note is added for what had to be assumed.
    pub(super) fn time(&self, notes: &mut Vec<String>) -> Result<Micros, ImportError> {
        let stream = || self.stream.clone();
        let (name, value) = self.position()?;
        let Some((at, has_zone)) = time_of(value) else {
            return Err(ImportError::NoTime {
                stream: stream(),
                value: value.to_string(),
            });
        };
        if !has_zone {
            notes.push(format!(
                "the time of the bookmark, {value}, has no zone; it is read as UTC"
            ));
        }
        let field = match name {
            Some(VALUE) => self.value.get("replication_key").and_then(Value::as_str),
            name => name,
        };
        if let Some(field) = field.filter(|field| *field != FIELD) {
            notes.push(format!(
                "the bookmark is of the field `{field}`; to continue by it: evt poll … --field {field}"
            ));
        }
        Ok(at)
    }

    /// The value that holds the time, with its name.
    fn position(&self) -> Result<(Option<&str>, &Value), ImportError> {
        let stream = self.stream.clone();
        let Value::Object(members) = &self.value else {
            return Ok((None, &self.value));
        };
        let has_value = |name: &str| members.get(name).filter(|value| !value.is_null());
        for name in [VALUE, FIELD] {
            if let Some(value) = has_value(name) {
                return Ok((Some(name), value));
            }
        }
        let is_unresumable = has_value("progress_markers").is_some();
        if has_value("partitions").is_some() {
            return Err(ImportError::Partitioned { stream });
        }
        let is_text_time = |value: &Value| value.is_string() && time_of(value).is_some();
        let mut times = members.iter().filter(|(_, value)| is_text_time(value));
        match (times.next(), times.next()) {
            (Some((name, value)), None) => Ok((Some(name), value)),
            (Some(_), Some(_)) => {
                let times = members.iter().filter(|(_, value)| is_text_time(value));
                let has = times.map(|(name, _)| name.clone()).collect();
                Err(ImportError::SeveralTimes { stream, has })
            }
            (None, _) if is_unresumable => Err(ImportError::Unfinished { stream }),
            (None, _) => Err(ImportError::NoValue {
                stream,
                has: members.keys().cloned().collect(),
            }),
        }
    }
}

/// Reads a time, rounded down to microseconds, and whether it has a zone. Numbers may be ids or page numbers, so they are not
/// read.
fn time_of(value: &Value) -> Option<(Micros, bool)> {
    let text = value.as_str()?;
    if text.parse::<f64>().is_ok() {
        return None;
    }
    let quoted = value.to_string();
    let raw = json::Raw::new(&quoted);
    Some((Dates::read(raw)?, Dates::has_zone(raw)))
}
