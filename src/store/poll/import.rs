//! Reads a state from an export or from the bookmark of a Singer state.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::DateTime;
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;

use super::Fingerprint;
use super::export::FORMAT;
use crate::time::Timestamp;
use crate::watermark::{Digest, Micros, Position, SeenRow};

/// A state that was read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The key under which it was stored.
    pub key: Option<String>,
    /// The datatype, if the file has it.
    pub datatype: Option<String>,
    pub fingerprint: Option<Fingerprint>,
    pub position: Position,
    pub(super) seen: Vec<(Box<[u8]>, SeenRow)>,
    pub(super) keys: Vec<KnownKey>,
    /// The number of versions that were not exported. Their records may be emitted again.
    pub seen_left_out: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownKey {
    pub(super) key: Box<[u8]>,
    pub(super) digest: Digest,
    pub(super) at: Micros,
    pub(super) miss: u32,
}

/// Why a file is not a state.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error("it is not JSON in the format of exported states")]
    Form(#[source] serde_json::Error),
    #[error("it is neither the export of a state nor a Singer state")]
    Unknown,
    #[error("it was exported by a newer evt (format {found}, this one knows {FORMAT})")]
    Newer { found: u64 },
    #[error("it has no bookmark for `{wanted}`, only for {}", words(known))]
    OtherBookmark { wanted: String, known: Vec<String> },
    #[error("it has {}", if known.is_empty() { "no bookmark".to_owned() } else { format!("bookmarks for {}; select one by name", words(known)) })]
    NotOneBookmark { known: Vec<String> },
    #[error("the value of the bookmark for `{stream}` is not an RFC 3339 time: `{value}`")]
    NoTime { stream: String, value: String },
}

fn words(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The members that show the format of a file.
#[derive(Deserialize)]
struct Outline {
    evt_poll_state: Option<u64>,
    bookmarks: Option<IgnoredAny>,
    #[serde(rename = "type")]
    kind: Option<String>,
    value: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exported {
    #[serde(rename = "evt_poll_state")]
    _form: u64,
    key: String,
    fingerprint: Option<Fingerprint>,
    position: Position,
    seen: Vec<Seen>,
    #[serde(default)]
    seen_left_out: u64,
    #[serde(default)]
    keys: Vec<Known>,
    #[serde(default)]
    #[serde(rename = "keys_left_out")]
    _keys_left_out: u64,
}

#[derive(Deserialize)]
struct Seen(Key, Hex, Micros, u64);

#[derive(Deserialize)]
struct Known(Key, Hex, Micros, u32);

/// A STATE message as a Singer target writes it.
#[derive(Deserialize)]
struct Message {
    value: SingerState,
}

#[derive(Deserialize)]
struct SingerState {
    bookmarks: BTreeMap<String, Bookmark>,
}

/// Other taps may store more members.
#[derive(Deserialize)]
struct Bookmark {
    replication_key_value: Option<serde_json::Value>,
    evt: Option<Block>,
}

#[derive(Deserialize)]
struct Block {
    frontier: Option<Micros>,
    since: Option<Micros>,
    fingerprint: Option<Fingerprint>,
    seen: Vec<Seen>,
}

#[derive(Deserialize)]
#[serde(try_from = "KeyForm")]
struct Key(Box<[u8]>);

#[derive(Deserialize)]
#[serde(untagged)]
enum KeyForm {
    Text(String),
    Bytes { base64: String },
}

impl TryFrom<KeyForm> for Key {
    type Error = base64::DecodeError;

    fn try_from(form: KeyForm) -> Result<Self, Self::Error> {
        let bytes = match form {
            KeyForm::Text(text) => text.into_bytes(),
            KeyForm::Bytes { base64 } => BASE64_STANDARD.decode(base64)?,
        };
        Ok(Self(bytes.into()))
    }
}

/// A digest as 32 hexadecimal digits.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Hex(Digest);

impl TryFrom<String> for Hex {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(&text, 16) {
            Ok(number) if is_hex => Ok(Self(Digest(number.to_be_bytes()))),
            _ => Err("a digest has 32 hexadecimal digits"),
        }
    }
}

impl Import {
    /// Reads an export or a Singer state. `datatype` selects one of several bookmarks.
    ///
    /// # Errors
    /// If any part of the text is not understood.
    pub fn parse(text: &[u8], datatype: Option<&str>) -> Result<Self, ImportError> {
        let outline: Outline = serde_json::from_slice(text).map_err(ImportError::Form)?;
        match outline {
            Outline {
                evt_poll_state: Some(found),
                ..
            } if found > FORMAT => Err(ImportError::Newer { found }),
            Outline {
                evt_poll_state: Some(FORMAT),
                ..
            } => Self::exported(text),
            Outline {
                bookmarks: Some(_), ..
            } => {
                let state: SingerState = serde_json::from_slice(text).map_err(ImportError::Form)?;
                Self::singer(state, datatype)
            }
            Outline {
                kind: Some(kind),
                value: Some(_),
                ..
            } if kind == "STATE" => {
                let message: Message = serde_json::from_slice(text).map_err(ImportError::Form)?;
                Self::singer(message.value, datatype)
            }
            _ => Err(ImportError::Unknown),
        }
    }

    /// The number of remembered versions.
    pub fn versions(&self) -> usize {
        self.seen.len()
    }

    fn exported(text: &[u8]) -> Result<Self, ImportError> {
        let exported: Exported = serde_json::from_slice(text).map_err(ImportError::Form)?;
        let known = exported.keys.into_iter();
        Ok(Self {
            key: Some(exported.key),
            datatype: exported
                .fingerprint
                .as_ref()
                .map(|fingerprint| fingerprint.datatype.clone()),
            fingerprint: exported.fingerprint,
            position: exported.position,
            seen: rows(exported.seen),
            keys: known
                .map(|Known(Key(key), Hex(digest), at, miss)| KnownKey {
                    key,
                    digest,
                    at,
                    miss,
                })
                .collect(),
            seen_left_out: exported.seen_left_out,
        })
    }

    fn singer(state: SingerState, wanted: Option<&str>) -> Result<Self, ImportError> {
        let (stream, bookmark) = one_of(state.bookmarks, wanted)?;
        let mut import = Self {
            key: None,
            datatype: Some(stream.clone()),
            fingerprint: None,
            position: Position::default(),
            seen: Vec::new(),
            keys: Vec::new(),
            seen_left_out: 0,
        };
        let position = &mut import.position;
        if let Some(block) = bookmark.evt {
            position.frontier = block.frontier;
            position.since = block.since;
            import.fingerprint = block.fingerprint;
            import.seen = rows(block.seen);
        } else {
            // The value is rounded down, so a run may repeat records but does not skip any.
            position.frontier = Some(value_of(&stream, bookmark.replication_key_value)?);
        }
        position.reached_at = position.frontier.map(|_| Timestamp::now());
        position.emitted = import.seen.iter().map(|(_, row)| row.n).max().unwrap_or(0);
        Ok(import)
    }
}

fn rows(seen: Vec<Seen>) -> Vec<(Box<[u8]>, SeenRow)> {
    let row = |Seen(Key(key), Hex(digest), at, n)| (key, SeenRow { digest, at, n });
    seen.into_iter().map(row).collect()
}

fn one_of(
    mut bookmarks: BTreeMap<String, Bookmark>,
    wanted: Option<&str>,
) -> Result<(String, Bookmark), ImportError> {
    let known: Vec<String> = bookmarks.keys().cloned().collect();
    match (wanted, &known[..]) {
        (Some(wanted), [_, ..]) => {
            let bookmark = bookmarks.remove(wanted);
            bookmark
                .map(|bookmark| (wanted.to_owned(), bookmark))
                .ok_or_else(|| ImportError::OtherBookmark {
                    wanted: wanted.to_owned(),
                    known,
                })
        }
        (None, [_]) => bookmarks
            .pop_first()
            .ok_or(ImportError::NotOneBookmark { known }),
        _ => Err(ImportError::NotOneBookmark { known }),
    }
}

fn value_of(stream: &str, value: Option<serde_json::Value>) -> Result<Micros, ImportError> {
    let value = value.unwrap_or_default();
    let text = value.as_str().unwrap_or_default();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Micros::new(time.timestamp_micros()));
    }
    // A bare date is midnight.
    text.parse()
        .map(|time: Timestamp| Micros::from(time))
        .map_err(|_| ImportError::NoTime {
            stream: stream.to_owned(),
            value: value.to_string(),
        })
}
