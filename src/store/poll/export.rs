//! A state as portable JSON, for `evt poll state export` and for the automatic export at each start.

use std::io::{self, BufWriter, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, SecondsFormat};
use rusqlite::Connection;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::database::Metadata;
use super::error::{Fault, PollStateError};
use super::files::StateFiles;
use super::rows::{digest, each_seen, micros};
use super::{Fingerprint, PollState};
use crate::watermark::{Digest, Micros, Position, SeenRow};

/// The version of the format.
pub(super) const FORMAT: u64 = 1;
/// Maximum number of versions in an automatic export or a Singer bookmark. Without the others, a run may repeat records but
/// never skips any.
pub(super) const FEW: usize = 10_000;

const ALL_SEEN: &str = "SELECT key, digest, ts, n FROM seen";
const FEW_SEEN: &str = "SELECT key, digest, ts, n FROM seen ORDER BY ts DESC LIMIT 10000";

/// How much is exported.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ExportScope {
    /// All versions, and all tracked keys.
    All,
    /// The newest [`FEW`] versions.
    Few,
}

/// A key as JSON: its text, or `{"base64":…}` if it is not UTF-8.
pub(super) struct Key<'a>(pub(super) &'a [u8]);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &BASE64_STANDARD.encode(self.0))?;
        map.end()
    }
}

struct Hex(Digest);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Formats a time in RFC 3339 with all its digits, or as a number if it is beyond the calendar.
pub fn exact(at: Micros) -> String {
    match DateTime::from_timestamp_micros(at.get()) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => at.get().to_string(),
    }
}

/// Writes a state as one JSON object, row by row.
pub(super) fn write(
    connection: &Connection,
    key: &str,
    metadata: &Metadata,
    extent: ExportScope,
    out: &mut dyn Write,
) -> Result<(), Fault> {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    write!(out, "{{\"evt_poll_state\":{FORMAT},\"key\":")?;
    json_to(&mut out, &key)?;
    out.write_all(b",\"fingerprint\":")?;
    json_to::<Option<Fingerprint>>(&mut out, &metadata.fingerprint)?;
    out.write_all(b",\"position\":")?;
    json_to::<Position>(&mut out, &metadata.position)?;
    out.write_all(b",\"seen\":")?;
    let sql = match extent {
        ExportScope::All => ALL_SEEN,
        ExportScope::Few => FEW_SEEN,
    };
    let written = seen_to(connection, sql, &mut out)?;
    write!(
        out,
        ",\"seen_left_out\":{}",
        metadata.seen.rows.saturating_sub(written)
    )?;
    if metadata.position.tracks_keys {
        out.write_all(b",\"keys\":")?;
        let written = match extent {
            ExportScope::All => keys_to(connection, &mut out)?,
            ExportScope::Few => {
                out.write_all(b"[]")?;
                0
            }
        };
        write!(
            out,
            ",\"keys_left_out\":{}",
            metadata.keys.rows.saturating_sub(written)
        )?;
    }
    out.write_all(b"}\n")?;
    Ok(out.flush()?)
}

fn json_to<T: Serialize>(out: &mut impl Write, value: &T) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

fn seen_to(connection: &Connection, sql: &str, out: &mut impl Write) -> Result<u64, Fault> {
    let mut written = 0;
    each_seen(connection, sql, &mut |key, SeenRow { digest, at, n }| {
        out.write_all(if written == 0 { b"[" } else { b"," })?;
        written += 1;
        Ok(json_to(out, &(Key(key), Hex(digest), at, n))?)
    })?;
    out.write_all(if written == 0 { b"[]" } else { b"]" })?;
    Ok(written)
}

fn keys_to(connection: &Connection, out: &mut impl Write) -> Result<u64, Fault> {
    let mut statement = connection.prepare("SELECT key, digest, ts, miss FROM keys")?;
    let mut rows = statement.query([])?;
    let mut written = 0;
    while let Some(row) = rows.next()? {
        out.write_all(if written == 0 { b"[" } else { b"," })?;
        written += 1;
        let key = row.get_ref(0)?.as_blob()?;
        let miss: i64 = row.get(3)?;
        let row = (
            Key(key),
            Hex(digest(row.get_ref(1)?)?),
            micros(row, 2)?,
            miss,
        );
        json_to(out, &row)?;
    }
    out.write_all(if written == 0 { b"[]" } else { b"]" })?;
    Ok(written)
}

/// Writes an export to a file that only the user can read. It gets its name when it is complete, and replaces an existing file.
pub(super) fn to_file(
    files: &StateFiles,
    connection: &Connection,
    metadata: &Metadata,
    extent: ExportScope,
    path: &std::path::Path,
) -> Result<(), PollStateError> {
    let failed = |source| PollStateError::File {
        path: path.to_owned(),
        source,
    };
    // tempfile creates with 0600, whatever the umask.
    let mut file = tempfile::Builder::new()
        .prefix(".export-")
        .tempfile_in(&files.folder)
        .map_err(failed)?;
    write(connection, &files.key, metadata, extent, &mut file).map_err(|fault| match fault {
        Fault::Export(source) => failed(source),
        fault => files.error(fault),
    })?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    files.sync()
}

impl PollState {
    /// Writes the automatic export. A state without a position has nothing to lose.
    pub(super) fn export_last(&self) -> Result<(), PollStateError> {
        let database = &self.database;
        if database.metadata.position == Position::default() {
            return Ok(());
        }
        let path = database.files.last_export();
        let (connection, metadata) = (&database.connection, &database.metadata);
        to_file(
            &database.files,
            connection,
            metadata,
            ExportScope::Few,
            &path,
        )
    }

    /// The bookmark of a Singer state, as JSON: the last commit's frontier as `replication_key_value`, and a member `evt` with
    /// the remembered versions. If there are too many, `evt` is left out: Singer targets accept repeated records, but a STATE
    /// message of many megabytes is a burden.
    pub fn singer_bookmark(&self, field: &str) -> Result<String, PollStateError> {
        let Position {
            frontier, since, ..
        } = self.position();
        let mut bookmark = json!({
            "replication_key": field,
            "replication_key_value": frontier.map(exact),
        });
        if self.seen_count() <= FEW as u64 {
            let mut seen = Vec::new();
            self.read(|connection| seen_to(connection, FEW_SEEN, &mut seen))?;
            let seen: serde_json::Value = serde_json::from_slice(&seen)
                .map_err(|error| PollStateError::Export(error.into()))?;
            bookmark["evt"] = json!({
                "frontier": frontier,
                "since": since,
                "fingerprint": self.fingerprint(),
                "seen": seen,
            });
        }
        Ok(bookmark.to_string())
    }
}
