//! Reads a state from an export or from the bookmark of a Singer state.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use thiserror::Error;

use super::Fingerprint;
use super::bookmark::{self, Bookmark};
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
    /// What the user should know about the bookmark of another tap.
    pub notes: Vec<String>,
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
    #[error("the value of the bookmark for `{stream}` is not a time: `{value}`")]
    NoTime { stream: String, value: String },
    #[error("the bookmark for `{stream}` has no value{}", members(has))]
    NoValue { stream: String, has: Vec<String> },
    #[error(
        "the sync of `{stream}` was interrupted: its bookmark has only `progress_markers`, and records before their value may be missing"
    )]
    Unfinished { stream: String },
    #[error(
        "the bookmark for `{stream}` has a position for each of its partitions; evt needs one for all of them"
    )]
    Partitioned { stream: String },
    #[error("the bookmark for `{stream}` has several times: {}", words(has))]
    SeveralTimes { stream: String, has: Vec<String> },
}

fn members(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(", only {}", words(names)),
    }
}

fn words(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The member that marks an export.
#[derive(Deserialize)]
struct Outline {
    evt_poll_state: Option<u64>,
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

/// The member `evt` of a bookmark that evt wrote.
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
    /// Reads an export or a Singer state. `datatype` selects the bookmark; without it, a state with one bookmark is accepted. Of
    /// several JSON texts in a row, such as the lines that a Singer target wrote, the last one counts.
    ///
    /// # Errors
    /// If any part of the text is not understood.
    pub fn parse(text: &[u8], datatype: Option<&str>) -> Result<Self, ImportError> {
        let text = bookmark::last_text(text)?.ok_or(ImportError::Unknown)?;
        if !text.starts_with('{') {
            return Err(ImportError::Unknown);
        }
        let outline: Outline = serde_json::from_str(text).map_err(ImportError::Form)?;
        match outline.evt_poll_state {
            Some(found) if found > FORMAT => Err(ImportError::Newer { found }),
            Some(FORMAT) => Self::exported(text),
            Some(_) => Err(ImportError::Unknown),
            None => Self::singer(bookmark::find(text, datatype)?),
        }
    }

    /// The number of remembered versions.
    pub fn versions(&self) -> usize {
        self.seen.len()
    }

    fn exported(text: &str) -> Result<Self, ImportError> {
        let exported: Exported = serde_json::from_str(text).map_err(ImportError::Form)?;
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
            notes: Vec::new(),
        })
    }

    fn singer(bookmark: Bookmark) -> Result<Self, ImportError> {
        let mut import = Self {
            key: None,
            datatype: Some(bookmark.stream.clone()),
            fingerprint: None,
            position: Position::default(),
            seen: Vec::new(),
            keys: Vec::new(),
            seen_left_out: 0,
            notes: Vec::new(),
        };
        let position = &mut import.position;
        if let Some(block) = bookmark.evt() {
            let block = Block::deserialize(block).map_err(ImportError::Form)?;
            position.frontier = block.frontier;
            position.since = block.since;
            import.fingerprint = block.fingerprint;
            import.seen = rows(block.seen);
        } else {
            // The value is rounded down, so a run may repeat records but does not skip any.
            position.frontier = Some(bookmark.time(&mut import.notes)?);
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
