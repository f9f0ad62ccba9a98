//! `evt profile whoami`.

use super::{named, suggest_sign_in};
use crate::cli::Context;
use crate::cli::calls::CallArgs;
use crate::error::{CliError, Exit};
use crate::ui::{Cell, Format, Style};

/// Show the account of the token
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile whoami")]
pub(super) struct Args {
    /// The profile [default: the one in use]
    name: Option<String>,
    #[command(flatten)]
    calls: CallArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let profile = named(args.name.as_deref(), cx)?;
    cx.limit_calls(&args.calls)?;
    let principal = cx
        .api_of(&profile)?
        .whoami()
        .await
        .map_err(|error| suggest_sign_in(&profile.name, error.into()))?;
    if cx.ui.format() == Format::Json {
        cx.ui.json(&principal)?;
        return Ok(Exit::Done);
    }
    let find = |pointers: &[&str]| {
        let found = pointers
            .iter()
            .filter_map(|pointer| principal.pointer(pointer)?.as_str())
            .find(|text| !text.is_empty());
        found.unwrap_or("-").to_owned()
    };
    let who = find(&["/data/email", "/email", "/user/data/email", "/sk"]);
    let org = find(&["/orgid", "/orgId", "/org", "/data/orgid"]);
    let org = if org == "-" { profile.org } else { org };
    let rows = [
        ("who", who),
        ("org", org),
        ("platform", profile.url),
        ("profile", profile.name),
    ];
    let rows = rows.map(|(name, value)| vec![Cell::styled(Style::Dim, name), Cell::from(value)]);
    cx.ui.table(&["", ""], rows.to_vec())?;
    Ok(Exit::Done)
}
