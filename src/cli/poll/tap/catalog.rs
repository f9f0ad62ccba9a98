//! The catalog of a tap: which streams there are, and which are selected.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::{PollArgs, no_datatype};
use super::not_json;
use crate::api::records::{Direction, Find, Record};
use crate::cli::{Context, datatypes};
use crate::config::Profile;
use crate::error::{CliError, Exit};
use crate::json::Raw;
use crate::pipeline::Schema;

/// Records from which a schema is derived.
const SAMPLE: u32 = 100;
/// The names of keys, in the order in which they are tried.
const KEYS: [&str; 3] = ["sk", "id", "_id"];

/// A stream that is selected.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) key: Option<String>,
    /// The properties of its schema.
    pub(super) properties: Map<String, Value>,
    /// Properties that are not selected.
    pub(super) without: Vec<String>,
    /// Everything is read, whatever the state.
    pub(super) is_full_table: bool,
}

impl Stream {
    pub(super) fn named(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
struct Catalog {
    streams: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    tap_stream_id: Option<String>,
    stream: Option<String>,
    #[serde(default)]
    schema: Value,
    #[serde(default)]
    key_properties: Vec<String>,
    replication_method: Option<String>,
    /// In catalogs without metadata.
    selected: Option<bool>,
    #[serde(default)]
    metadata: Vec<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    breadcrumb: Vec<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

impl Metadata {
    fn text(&self, name: &str) -> Option<&str> {
        self.metadata.get(name)?.as_str()
    }

    /// `None` if that is not stated.
    fn is_selected(&self) -> Option<bool> {
        match self.text("inclusion") {
            Some("automatic") => return Some(true),
            Some("unsupported") => return Some(false),
            _ => {}
        }
        let stated = |name| self.metadata.get(name).and_then(Value::as_bool);
        stated("selected").or_else(|| stated("selected-by-default"))
    }
}

/// Reads the selected streams of a catalog. `field` is the replication key, which every record needs.
pub(super) fn selected(text: &[u8], path: &Path, field: &str) -> Result<Vec<Stream>, CliError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let catalog: Catalog =
        serde_json::from_slice(text).map_err(|error| not_json(path, "a Singer catalog", &error))?;
    let streams = catalog.streams.into_iter();
    Ok(streams.filter_map(|entry| entry.selected(field)).collect())
}

impl Entry {
    fn selected(self, field: &str) -> Option<Stream> {
        let root = self
            .metadata
            .iter()
            .find(|entry| entry.breadcrumb.is_empty());
        let is_selected = root
            .and_then(Metadata::is_selected)
            .or(self.selected)
            .unwrap_or(false);
        if !is_selected {
            return None;
        }
        let method = root
            .and_then(|root| root.text("replication-method"))
            .or(self.replication_method.as_deref());
        let is_full_table = method == Some("FULL_TABLE");
        let name = self.tap_stream_id.or(self.stream)?;
        let key = self.key_properties.first().cloned();
        let without: Vec<String> = self
            .metadata
            .iter()
            .filter(|entry| entry.is_selected() == Some(false))
            .filter_map(|entry| match entry.breadcrumb.as_slice() {
                [kind, name] if kind == "properties" => Some(name.clone()),
                _ => None,
            })
            .filter(|name| name != field && Some(name) != key.as_ref())
            .collect();
        let mut properties = match self.schema {
            Value::Object(mut schema) => match schema.remove("properties") {
                Some(Value::Object(properties)) => properties,
                _ => Map::new(),
            },
            _ => Map::new(),
        };
        properties.retain(|name, _| !without.contains(name));
        Some(Stream {
            name,
            key,
            properties,
            without,
            is_full_table,
        })
    }
}

/// Prints a catalog with a schema of each datatype, derived from its latest records.
pub(super) async fn discover(
    mut names: Vec<String>,
    profile: &Profile,
    args: &PollArgs,
    cx: &Arc<Context>,
) -> Result<Exit, CliError> {
    if names.is_empty() {
        names = datatypes::existing(cx).await.unwrap_or_default();
    }
    if names.is_empty() {
        return Err(no_datatype().hint("evt poll contact,order --discover"));
    }
    let client = cx.api_of(profile)?;
    let field = args.request.field.as_str();
    let mut streams = Vec::new();
    for name in names {
        let find = Find {
            page_size: SAMPLE,
            sort: vec![(field.to_owned(), Direction::Descending)],
            ..Find::default()
        };
        let page = client.find_records(&name, &find).await?;
        streams.push(entry(
            &name,
            &page.records,
            field,
            args.request.key.as_deref(),
        ));
    }
    let catalog = json!({ "streams": streams });
    let text = serde_json::to_string_pretty(&catalog).expect("names and schemas are always JSON");
    cx.ui.raw(text.as_bytes())?;
    cx.ui.raw(b"\n")?;
    Ok(Exit::Done)
}

fn entry(name: &str, records: &[Record], field: &str, key: Option<&str>) -> Value {
    let mut schema = Schema::default();
    for record in records {
        schema.learn(Raw::new(record.raw().get()));
    }
    let properties = schema.properties();
    let usual = KEYS.into_iter().find(|key| properties.contains_key(*key));
    let key = key.or(usual).unwrap_or(KEYS[0]);
    let mut metadata = vec![json!({
        "breadcrumb": [],
        "metadata": {
            "inclusion": "available",
            "selected": true,
            "table-key-properties": [key],
            "valid-replication-keys": [field],
            "forced-replication-method": "INCREMENTAL",
        },
    })];
    metadata.extend(properties.keys().map(|property| {
        let is_needed = property == key || property == field;
        let inclusion = if is_needed { "automatic" } else { "available" };
        json!({
            "breadcrumb": ["properties", property],
            "metadata": { "inclusion": inclusion, "selected-by-default": true },
        })
    }));
    json!({
        "tap_stream_id": name,
        "stream": name,
        "key_properties": [key],
        "replication_key": field,
        "replication_method": "INCREMENTAL",
        "schema": schema.json(),
        "metadata": metadata,
    })
}
