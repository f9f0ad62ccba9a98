//! `evt profile show`.

use serde_json::Value;

use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::secret::Secret;
use crate::ui::{Cell, Format, Style};

/// Show the values of a profile that a request would use
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile show")]
pub(super) struct Args {
    /// The profile [default: the one in use]
    name: Option<String>,
}

pub(super) fn run(args: Args, cx: &Context) -> Result<Exit, CliError> {
    let profile = match args.name {
        Some(name) => cx.profile_named(&name)?,
        None => cx.profile()?,
    };
    let auth = profile.auth;
    let masked = |secret: &Secret| secret.to_string();
    let signed_in = auth.tokens.refresh_token.as_ref();
    let app = auth.app.as_ref();
    let rows: [(&str, Option<String>); 9] = [
        ("name", Some(profile.name)),
        ("url", Some(profile.url)),
        ("org", Some(profile.org)),
        ("token", auth.tokens.token.as_ref().map(masked)),
        (
            "account",
            signed_in.map(|_| auth.tokens.principal.word().to_owned()),
        ),
        ("app_id", app.map(|app| app.id.clone())),
        ("app_key", app.map(|app| masked(&app.key))),
        ("app_secret", app.map(|app| masked(&app.secret))),
        ("api_key", auth.api_key.as_ref().map(masked)),
    ];
    if cx.ui.format() == Format::Json {
        let map = rows.map(|(name, value)| (name.to_owned(), Value::from(value)));
        cx.ui.json(&Value::Object(map.into_iter().collect()))?;
        return Ok(Exit::Done);
    }
    let rows = rows.into_iter().filter_map(|(name, value)| {
        let value = match (name, value) {
            ("token", None) => "none".to_owned(),
            (_, value) => value?,
        };
        let name = name.replace('_', " ");
        Some(vec![Cell::styled(Style::Dim, name), Cell::from(value)])
    });
    cx.ui.table(&["", ""], rows.collect())?;
    Ok(Exit::Done)
}
