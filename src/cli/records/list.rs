//! `evt records list`: finds records page by page.

use std::collections::HashSet;

use super::filter::{self, Clause, Query, Sort};
use super::{Context, one_line};
use crate::api::Client;
use crate::api::records::{Find, Record};
use crate::error::{CliError, Exit};
use crate::ui::Format;

/// Columns of the table for fields of the data.
const DATA_COLUMNS: usize = 3;
/// The largest page that the platform returns.
const LARGEST_PAGE: u32 = 200;

/// List records
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt records list contact\n  evt records list order --where 'amount>=100' --sort modifydate:desc --all"
)]
pub(crate) struct Args {
    /// The kind of record: contact, order, ticket, …
    datatype: String,
    /// Only records that match this condition, such as `email=ada@example.com`, `amount>=100`, `state!=deleted` or `name~^A` (repeatable; all must match)
    #[arg(long = "where", value_name = "CONDITION")]
    clauses: Vec<Clause>,
    /// A filter in the platform's format (MongoDB), as JSON
    #[arg(long, value_name = "JSON")]
    query: Option<Query>,
    /// Sort by a field, `:asc` or `:desc` (repeatable)
    #[arg(long, value_name = "FIELD", default_value = "modifydate:desc")]
    sort: Vec<Sort>,
    /// List at most this many records
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "all")]
    limit: usize,
    /// List all records
    #[arg(long)]
    all: bool,
    /// Request this many records per page
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=LARGEST_PAGE as i64))]
    page_size: Option<u32>,
}

/// Prints the records: a line for each as soon as its page arrives, or one table at the end.
pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let limit = if args.all { usize::MAX } else { args.limit };
    let mut find = Find {
        query: filter::query(args.query.as_ref().map(|query| &query.0), &args.clauses),
        sort: args
            .sort
            .iter()
            .map(|Sort(field, direction)| (field.clone(), *direction))
            .collect(),
        page_size: args.page_size.unwrap_or_else(|| {
            LARGEST_PAGE.min(u32::try_from(limit).unwrap_or(LARGEST_PAGE).max(1))
        }),
        page: 1,
    };
    let mut listing = Listing::new(cx, limit);
    while listing.taken < limit {
        let page = client.find_records(&args.datatype, &find).await?;
        listing.total = page.total;
        let added = listing.add(page.records)?;
        if !page.has_next {
            listing.complete = true;
            break;
        }
        if added == 0 {
            cx.ui
                .warn("the platform returned the same page twice; later records are not listed");
            break;
        }
        find.page += 1;
    }
    listing.finish(&args.datatype)
}

struct Listing<'a> {
    cx: &'a Context,
    limit: usize,
    taken: usize,
    total: Option<u64>,
    complete: bool,
    /// Records that change while pages are read may appear on two pages; each is listed once.
    seen: HashSet<String>,
    /// Rows of the table. Its columns depend on all of them.
    rows: Vec<Record>,
}

impl<'a> Listing<'a> {
    fn new(cx: &'a Context, limit: usize) -> Self {
        Self {
            cx,
            limit,
            taken: 0,
            total: None,
            complete: false,
            seen: HashSet::new(),
            rows: Vec::new(),
        }
    }

    /// Adds a page and returns how many of its records were new.
    fn add(&mut self, records: Vec<Record>) -> Result<usize, CliError> {
        let before = self.taken;
        for record in records {
            if self.taken == self.limit {
                break;
            }
            if !record.id().is_empty() && !self.seen.insert(record.id().to_owned()) {
                continue;
            }
            self.taken += 1;
            match self.cx.ui.format() {
                Format::Text => self.rows.push(record),
                Format::Json => self.cx.ui.json_bytes(&one_line(&record))?,
                Format::Raw => {
                    self.cx.ui.raw(record.raw().get().as_bytes())?;
                    self.cx.ui.raw(b"\n")?;
                }
            }
        }
        Ok(self.taken - before)
    }

    fn finish(self, datatype: &str) -> Result<Exit, CliError> {
        let ui = &self.cx.ui;
        if !self.rows.is_empty() {
            let columns = data_columns(&self.rows);
            let mut headings = vec!["id", "state", "version", "modified"];
            headings.extend(columns.iter().map(String::as_str));
            ui.table(
                &headings,
                self.rows
                    .iter()
                    .map(|record| row(record, &columns))
                    .collect(),
            )?;
        }
        let datatype = crate::ui::safe(datatype);
        if self.taken == 0 {
            ui.status(&format!("No {datatype} matches"));
        } else if !self.complete {
            let of = self
                .total
                .map_or_else(String::new, |total| format!(" of {total}"));
            ui.status(&format!(
                "{}{of} shown; use --all or --limit to see more",
                self.taken
            ));
        }
        Ok(Exit::Done)
    }
}

/// The first fields of the data that are not objects or arrays, in the order of the records.
fn data_columns(records: &[Record]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for record in records {
        for (name, value) in record.data().as_object().into_iter().flatten() {
            if columns.len() == DATA_COLUMNS {
                return columns;
            }
            if !value.is_object() && !value.is_array() && !columns.contains(name) {
                columns.push(name.clone());
            }
        }
    }
    columns
}

fn row(record: &Record, columns: &[String]) -> Vec<String> {
    let mut row = vec![
        record.id().to_owned(),
        record.field("state"),
        record.field("version"),
        record.field("modifydate"),
    ];
    row.extend(columns.iter().map(|name| match record.data().get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        None | Some(serde_json::Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }));
    row
}
