//! Lists and shows states.

use serde_json::{Value, json};

use super::{Show, find, folder};
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::store::poll::{self, Holder, Overview, PollStateError, exact};
use crate::ui::{Cell, Format, Style};

/// A state in a list: its content, or why it cannot be read.
struct Listed {
    key: String,
    overview: Result<Overview, PollStateError>,
    in_use: bool,
    holder: Option<Holder>,
}

impl Listed {
    fn read(key: String, cx: &Context) -> Self {
        let folder = folder(cx);
        let (in_use, holder) = poll::in_use(&folder, &key);
        Self {
            overview: poll::inspect(&folder, &key),
            key,
            in_use,
            holder,
        }
    }

    fn used_by(&self) -> String {
        match &self.holder {
            Some(holder) => holder.to_string(),
            None if self.in_use => "another process".to_owned(),
            None => String::new(),
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let key = Cell::styled(Style::Name, self.key.clone());
        let empty = || Cell::from("");
        let mut cells = match &self.overview {
            Ok(overview) => {
                let position = &overview.position;
                let (datatype, platform) = match &overview.fingerprint {
                    Some(print) => (print.datatype.clone(), print.platform.clone()),
                    None => Default::default(),
                };
                let last = position.last_complete.map(|at| at.to_string());
                vec![
                    key,
                    datatype.into(),
                    platform.into(),
                    position.frontier.map(exact).unwrap_or_default().into(),
                    position.emitted.to_string().into(),
                    Cell::styled(Style::Dim, last.unwrap_or_default()),
                    if position.settled { "yes" } else { "no" }.into(),
                ]
            }
            Err(error) => {
                let status = Cell::styled(Style::Bad, status(error));
                vec![key, empty(), empty(), status, empty(), empty(), empty()]
            }
        };
        cells.push(self.used_by().into());
        cells
    }

    /// The JSON of a state in a list, which is also part of `show`.
    fn json(&self) -> Value {
        let holder = match (&self.holder, self.in_use) {
            (Some(holder), _) => json!(holder),
            (None, true) => json!({}),
            (None, false) => Value::Null,
        };
        let overview = match &self.overview {
            Ok(overview) => overview,
            Err(error) => {
                return json!({
                    "key": self.key,
                    "status": status(error),
                    "why": chain(error),
                    "in_use_by": holder,
                });
            }
        };
        let position = &overview.position;
        let fingerprint = overview.fingerprint.as_ref();
        json!({
            "key": self.key,
            "status": "ok",
            "datatype": fingerprint.map(|fingerprint| &fingerprint.datatype),
            "platform": fingerprint.map(|fingerprint| &fingerprint.platform),
            "frontier": position.frontier.map(exact),
            "records": position.emitted,
            "last_complete": position.last_complete,
            "settled": position.settled,
            "in_use_by": holder,
        })
    }
}

/// Why a state cannot be read, in one word.
fn status(error: &PollStateError) -> &'static str {
    match error {
        PollStateError::Damaged { .. } => "damaged",
        PollStateError::Gone { .. } => "gone",
        PollStateError::Newer { .. } => "newer",
        _ => "unreadable",
    }
}

fn chain(error: &PollStateError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

pub(super) fn list(cx: &Context) -> Result<Exit, CliError> {
    let keys = poll::list(&folder(cx))?;
    let states: Vec<Listed> = keys.into_iter().map(|key| Listed::read(key, cx)).collect();
    if cx.ui.format() == Format::Json {
        for state in &states {
            cx.ui.json(&state.json())?;
        }
        return Ok(Exit::Done);
    }
    if states.is_empty() {
        cx.ui.status("No states: nothing has been polled yet");
        return Ok(Exit::Done);
    }
    let headings = [
        "key",
        "datatype",
        "platform",
        "frontier",
        "records",
        "last complete",
        "settled",
        "in use by",
    ];
    cx.ui
        .table(&headings, states.iter().map(Listed::cells).collect())?;
    Ok(Exit::Done)
}

pub(super) fn show(args: &Show, cx: &Context) -> Result<Exit, CliError> {
    let state = Listed::read(find(&args.key, cx)?, cx);
    if cx.ui.format() == Format::Json
        && let Ok(overview) = &state.overview
    {
        cx.ui.json(&detailed(&state, overview))?;
        return Ok(Exit::Done);
    }
    let used_by = state.used_by();
    let key = state.key;
    let overview = state.overview?;
    let rows = facts(&overview, &used_by)
        .into_iter()
        .map(|(name, value)| vec![Cell::styled(Style::Dim, name), value.into()]);
    let key = Cell::styled(Style::Name, key);
    let first = vec![Cell::styled(Style::Dim, "key"), key];
    let rows = std::iter::once(first).chain(rows).collect();
    cx.ui.table(&["", ""], rows)?;
    Ok(Exit::Done)
}

fn detailed(state: &Listed, overview: &Overview) -> Value {
    let mut value = state.json();
    let position = &overview.position;
    let more = json!({
        "fingerprint": overview.fingerprint,
        "since": position.since.map(exact),
        "reached_at": position.reached_at,
        "trimmed": position.trimmed.map(exact),
        "not_before": position.not_before,
        "output": position.output,
        "learnt": position.capabilities,
        "malformed": malformed(overview),
        "versions": overview.seen,
        "tracks_keys": position.tracks_keys,
        "keys": overview.keys,
        "created": overview.created,
        "path": overview.path,
        "last_export": overview.last_export,
    });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

/// The records that were skipped because they could not be read.
fn malformed(overview: &Overview) -> Vec<Value> {
    let known = overview.position.capabilities.as_deref();
    let mut known: Value = known
        .and_then(|known| serde_json::from_str(known).ok())
        .unwrap_or_default();
    match known.get_mut("malformed").map(Value::take) {
        Some(Value::Array(records)) => records,
        _ => Vec::new(),
    }
}

/// `b: it is not UTF-8; …`
fn skipped(overview: &Overview) -> Option<String> {
    let records = malformed(overview);
    let text = |record: &Value| {
        let part = |name: &str| record[name].as_str().unwrap_or("?").to_owned();
        format!("{}: {}", part("key"), part("why"))
    };
    let all: Vec<String> = records.iter().map(text).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn facts(overview: &Overview, used_by: &str) -> Vec<(&'static str, String)> {
    let position = &overview.position;
    let fingerprint = overview.fingerprint.as_ref();
    let of = |part: fn(&poll::Fingerprint) -> String| fingerprint.map(part);
    let settled = match position.settled {
        true => "yes: no more records can appear up to the frontier",
        false => "no",
    };
    let output = position.output.as_ref().map(|output| {
        let (path, offset) = (output.path.display(), output.offset);
        format!("{path}, {offset} bytes")
    });
    let keys = position.tracks_keys.then(|| overview.keys.to_string());
    [
        ("datatype", of(|print| print.datatype.clone())),
        ("platform", of(|print| print.platform.clone())),
        ("organisation", of(|print| print.org.clone())),
        ("query", of(|print| print.query.clone())),
        (
            "key field",
            of(|print| print.key.clone().unwrap_or_default()),
        ),
        ("date field", of(|print| print.field.clone())),
        ("since", position.since.map(exact)),
        ("frontier", position.frontier.map(exact)),
        ("settled", Some(settled.to_owned())),
        ("records", Some(position.emitted.to_string())),
        ("versions remembered", Some(overview.seen.to_string())),
        ("keys known", keys),
        ("skipped as malformed", skipped(overview)),
        (
            "last complete",
            position.last_complete.map(|at| at.to_string()),
        ),
        ("not before", position.not_before.map(|at| at.to_string())),
        ("output", output),
        ("created", Some(overview.created.to_string())),
        ("in use by", Some(used_by.to_owned())),
        ("file", Some(overview.path.display().to_string())),
        (
            "last export",
            overview
                .last_export
                .as_ref()
                .map(|path| path.display().to_string()),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
    .collect()
}
