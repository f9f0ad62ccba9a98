//! `evt records`: records of the platform's repository.

mod filter;
mod list;

use std::sync::Arc;

use clap::Subcommand;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Context;
use super::calls::CallArgs;
use super::datatypes;
use super::input::{self, Field, InputError, Source};
use crate::api::Client;
use crate::api::records::{Find, Record};
use crate::error::{CliError, Exit};
use crate::json;
use crate::running::DEFAULT_PLATFORM;
use crate::ui::{Format, safe, safe_block};

/// List, create, update and delete records of the platform
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt records create contact email=ada@example.com tags:='[\"vip\"]'\n  evt records list contact --where email=ada@example.com"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// The platform of `evt dev` that holds the records
    #[arg(long, global = true, value_name = "NAME", default_value = DEFAULT_PLATFORM)]
    platform: String,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(Show),
    Create(Create),
    Update(Update),
    Delete(Delete),
}

/// Show one record
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt records show contact contact-0198c1f2")]
struct Show {
    /// The kind of record: contact, order, ticket, …
    datatype: String,
    /// The record's id (`sk`)
    id: String,
}

/// Create records
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt records create contact email=ada@example.com address.city=London\n  evt records create contact -f people.ndjson"
)]
struct Create {
    /// The kind of record: contact, order, ticket, …
    datatype: String,
    /// Fields: `path=text` or `path:=json`
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<Field>,
    /// Read JSON objects from a file, or from stdin with `-`: one object, one per line, or an array
    #[arg(short, long, value_name = "FILE")]
    file: Option<Source>,
}

/// Change fields of a record, or replace all its data
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt records update contact contact-0198c1f2 status=active address.city=London\n  evt records update contact contact-0198c1f2 -f data.json"
)]
struct Update {
    /// The kind of record: contact, order, ticket, …
    datatype: String,
    /// The record's id (`sk`)
    id: String,
    /// Fields to change: `path=text` or `path:=json`
    #[arg(value_name = "FIELD=VALUE", required_unless_present = "file")]
    fields: Vec<Field>,
    /// Replace all data with the JSON object in a file, or from stdin with `-`
    #[arg(short, long, value_name = "FILE", conflicts_with = "fields")]
    file: Option<Source>,
}

/// Delete records
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt records delete contact contact-0198c1f2 --yes")]
struct Delete {
    /// The kind of record: contact, order, ticket, …
    datatype: String,
    /// Ids of records (`sk`)
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    cx.limit_calls(&args.calls)?;
    let client = cx.api_on(&args.platform)?;
    match args.command {
        Command::List(args) => list::run(&args, &cx, &client).await,
        Command::Show(args) => show(&args, &cx, &client).await,
        Command::Create(args) => create(&args, &cx, &client).await,
        Command::Update(args) => update(&args, &cx, &client).await,
        Command::Delete(args) => delete(&args, &cx, &client).await,
    }
}

async fn show(args: &Show, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let record = client
        .get_record(&args.datatype, &args.id)
        .await
        .map_err(|error| with_hint(error.into(), &args.datatype))?;
    print(cx, &record)?;
    Ok(Exit::Done)
}

async fn create(args: &Create, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    note_text(&args.fields, cx);
    let is_first = is_first(&args.datatype, client).await;
    let exit = create_all(args, cx, client).await?;
    if is_first {
        note_first(&args.datatype, cx).await;
    }
    Ok(exit)
}

/// Notes that values are text although they look like numbers.
fn note_text(fields: &[Field], cx: &Context) {
    for field in fields {
        if let Some(as_json) = field.as_json() {
            let facts = serde_json::json!({ "field": field.path, "as_json": as_json });
            let text = format!(
                "`{}` is stored as text; as JSON: {}",
                safe(&field.path),
                safe(&as_json)
            );
            cx.ui.notice("text_value", facts, &text);
        }
    }
}

/// Whether the platform has no records of a datatype that AppEngine does not document.
async fn is_first(datatype: &str, client: &Client) -> bool {
    if datatypes::is_usual(datatype) {
        return false;
    }
    let find = Find {
        page_size: 1,
        ..Find::default()
    };
    let found = client.find_records(datatype, &find).await;
    found.is_ok_and(|page| page.records.is_empty())
}

/// Notes that a datatype is new: it may be mistyped.
async fn note_first(datatype: &str, cx: &Context) {
    let existing = datatypes::existing(cx).await.unwrap_or_default();
    let similar = datatypes::similar(datatype, &existing);
    let facts = serde_json::json!({ "datatype": datatype, "similar": similar });
    let mean = similar.map_or_else(String::new, |similar| {
        format!("; did you mean `{}`?", safe(&similar))
    });
    let text = format!("First record of `{}`{mean}", safe(datatype));
    cx.ui.notice("first_record", facts, &text);
}

async fn create_all(args: &Create, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let Some(source) = &args.file else {
        let data = input::nested(Value::Null, &args.fields)?;
        let made = client.create_record(&args.datatype, &data).await?;
        created(cx, made)?;
        return Ok(Exit::Done);
    };
    let objects = source.objects()?;
    let mut batch = Batch::new(objects.len(), &[Exit::Refused]);
    for (number, object) in objects.into_iter().enumerate() {
        match create_one(args, client, &object).await {
            Ok(made) => created(cx, made)?,
            Err(error) => batch.failed(cx, &format!("object {}", number + 1), error)?,
        }
    }
    batch.finish(
        cx,
        |total| format!("the platform refused all {total} objects"),
        |failed, total| format!("{failed} of {total} objects were refused"),
    )
}

/// Counts the failures of a command that changes several records.
struct Batch {
    total: usize,
    failed: usize,
    /// Errors that concern one record, so that the others are still processed.
    tolerated: &'static [Exit],
}

impl Batch {
    fn new(total: usize, tolerated: &'static [Exit]) -> Self {
        Self {
            total,
            failed: 0,
            tolerated,
        }
    }

    /// Prints a warning about one record. Returns the error if it concerns all records, or if there is only this one.
    fn failed(&mut self, cx: &Context, what: &str, error: CliError) -> Result<(), CliError> {
        if self.total == 1 || !self.tolerated.contains(&error.exit) {
            return Err(error);
        }
        self.failed += 1;
        let text = safe(&error.error.to_string());
        cx.ui.warn(&format!("{}: {text}", safe(what)));
        Ok(())
    }

    fn finish(
        self,
        cx: &Context,
        all_failed: impl FnOnce(usize) -> String,
        some_failed: impl FnOnce(usize, usize) -> String,
    ) -> Result<Exit, CliError> {
        match self.failed {
            0 => Ok(Exit::Done),
            all if all == self.total => Err(CliError::new(
                Exit::Refused,
                "platform_refused",
                all_failed(all),
            )),
            some => {
                cx.ui.status(&some_failed(some, self.total));
                Ok(Exit::Partly)
            }
        }
    }
}

async fn create_one(
    args: &Create,
    client: &Client,
    object: &RawValue,
) -> Result<Option<Record>, CliError> {
    let object = data_of(object);
    if args.fields.is_empty() {
        return Ok(client.create_record(&args.datatype, &object).await?);
    }
    let base = serde_json::from_str(object.get()).map_err(|source| InputError::Json {
        name: "the file".to_owned(),
        source,
    })?;
    let data = input::nested(base, &args.fields)?;
    Ok(client.create_record(&args.datatype, &data).await?)
}

/// The data of a complete record, as `evt records show` prints it. Any other object is data itself.
fn data_of(object: &RawValue) -> &RawValue {
    #[derive(serde::Deserialize)]
    struct Whole<'a> {
        #[serde(rename = "datatype", borrow)]
        _datatype: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    match serde_json::from_str::<Whole<'_>>(object.get()) {
        Ok(whole) if whole.data.get().starts_with('{') => whole.data,
        _ => object,
    }
}

fn created(cx: &Context, made: Option<Record>) -> Result<(), CliError> {
    match made {
        Some(record) => print(cx, &record),
        None => {
            cx.ui.warn(
                "the platform returned no record: it treats an exact repetition of the previous creation as a duplicate",
            );
            Ok(())
        }
    }
}

/// The keys of a record.
const KEYS: [&str; 11] = [
    "pk",
    "sk",
    "name",
    "datatype",
    "data",
    "version",
    "state",
    "createdate",
    "modifydate",
    "author",
    "owner",
];

/// Paths from the root of a record, as the platform reads them: a field of the data begins with `data.`.
fn from_root(changes: Map<String, Value>) -> Value {
    let path = |path: String| match path.split('.').next() {
        // Keys that the platform sets are sent unchanged, so that it refuses them.
        Some(first) if KEYS.contains(&first) => path,
        _ => format!("data.{path}"),
    };
    let changes = changes.into_iter();
    changes.map(|(name, value)| (path(name), value)).collect()
}

async fn update(args: &Update, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    note_text(&args.fields, cx);
    let result = match &args.file {
        Some(source) => {
            let objects = source.objects()?;
            let [object] = objects.as_slice() else {
                return Err(CliError::usage(format!(
                    "{} contains {} objects, but one is needed to replace the data",
                    source.name(),
                    objects.len()
                )));
            };
            client
                .update_record(&args.datatype, &args.id, &data_of(object))
                .await
        }
        None => {
            let changes = from_root(input::flat(&args.fields)?);
            client
                .update_record_partially(&args.datatype, &args.id, &changes)
                .await
        }
    };
    let record = result.map_err(|error| with_hint(error.into(), &args.datatype))?;
    print(cx, &record)?;
    Ok(Exit::Done)
}

async fn delete(args: &Delete, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    if !args.yes {
        let what = match args.ids.as_slice() {
            [id] => format!("{} {}", safe(&args.datatype), safe(id)),
            many => format!("{} {} records", many.len(), safe(&args.datatype)),
        };
        if !cx.ui.confirm(&format!("Delete {what}?"), false, "--yes")? {
            cx.ui.status("Nothing was deleted");
            return Ok(Exit::Done);
        }
    }
    let mut batch = Batch::new(args.ids.len(), &[Exit::NotFound, Exit::Refused]);
    for id in &args.ids {
        match client.delete_record(&args.datatype, id).await {
            Ok(_) => deleted(cx, id)?,
            Err(error) => batch.failed(cx, id, with_hint(error.into(), &args.datatype))?,
        }
    }
    batch
        .finish(
            cx,
            |total| format!("none of the {total} records was deleted"),
            |failed, total| format!("{failed} of {total} records were not deleted"),
        )
        .map_err(|error| error.hint(format!("evt records list {}", args.datatype)))
}

fn deleted(cx: &Context, id: &str) -> Result<(), CliError> {
    match cx.ui.format() {
        Format::Text => cx.ui.line(&format!("deleted {}", safe(id)))?,
        Format::Json => cx.ui.json(&serde_json::json!({"deleted": id}))?,
        Format::Raw => {}
    }
    Ok(())
}

/// Adds to a "not found" error how to list the records that exist.
fn with_hint(error: CliError, datatype: &str) -> CliError {
    if error.exit == Exit::NotFound {
        return error.hint(format!("evt records list {datatype}"));
    }
    error
}

/// Prints one record: indented as text, on one line as JSON, unchanged as `raw`.
fn print(cx: &Context, record: &Record) -> Result<(), CliError> {
    match cx.ui.format() {
        Format::Text => cx
            .ui
            .line(&safe_block(json::pretty(record.raw().get()).as_bytes()))?,
        Format::Json => cx.ui.json_bytes(&one_line(record))?,
        Format::Raw => {
            cx.ui.raw(record.raw().get().as_bytes())?;
            cx.ui.raw(b"\n")?;
        }
    }
    Ok(())
}

fn one_line(record: &Record) -> Vec<u8> {
    let mut line = Vec::with_capacity(record.raw().get().len());
    json::minify(record.raw().get().as_bytes(), &mut line);
    line
}
