//! The settings of the tap: a JSON file that a Singer runner writes (`--config`).

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{not_json, read};
use crate::api::auth::Auth;
use crate::cli::Context;
use crate::config::Profile;
use crate::error::CliError;
use crate::grammar::secret_ref::SecretRef;
use crate::json::Raw;
use crate::ui::safe;
use crate::watermark::{Dates, Micros};

/// Settings that every tap of Meltano's SDK has. They are for the SDK, so that evt does not use them is not worth a note.
const OF_THE_SDK: [&str; 8] = [
    "add_record_metadata",
    "batch_config",
    "faker_config",
    "flattening_enabled",
    "flattening_max_depth",
    "stream_map_config",
    "stream_maps",
    "user_agent",
];

/// The settings of the tap.
#[derive(Debug, Default, Deserialize)]
pub(super) struct TapSettings {
    url: Option<String>,
    org: Option<String>,
    /// The token, or a reference to it.
    token: Option<String>,
    start_date: Option<String>,
    datatypes: Option<Datatypes>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A list, or names separated by commas.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Datatypes {
    List(Vec<String>),
    Text(String),
}

/// Splits names at commas.
pub(super) fn split(text: &str) -> Vec<String> {
    let names = text.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

impl TapSettings {
    pub(super) fn read(path: &Path, cx: &Context) -> Result<Self, CliError> {
        let text = read(path, cx)?;
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let settings: Self = serde_json::from_slice(text)
            .map_err(|error| not_json(path, "the settings of a tap", &error))?;
        for name in settings.others.keys() {
            if !OF_THE_SDK.contains(&name.as_str()) {
                let name = safe(name);
                cx.ui
                    .warn(&format!("the setting `{name}` of the tap is not used"));
            }
        }
        Ok(settings)
    }

    pub(super) fn datatypes(&self) -> Vec<String> {
        match &self.datatypes {
            None => Vec::new(),
            Some(Datatypes::List(names)) => names.clone(),
            Some(Datatypes::Text(text)) => split(text),
        }
    }

    /// The profile in use, with the platform of these settings. Flags and their variables win.
    pub(super) fn profile(&self, cx: &Context) -> Result<Profile, CliError> {
        let globals = &cx.globals;
        let url = globals.url.as_ref().or(self.url.as_ref());
        let org = globals.org.as_ref().or(self.org.as_ref());
        let token = match (&globals.token, &self.token) {
            (Some(reference), _) => Some(cx.secret(reference)?),
            (None, Some(text)) => Some(cx.secret(&text.parse::<SecretRef>()?)?),
            (None, None) => None,
        };
        if let (Some(url), Some(org), Some(token)) = (url, org, &token) {
            return Ok(Profile {
                name: cx.profile_name(),
                url: url.trim_end_matches('/').to_owned(),
                org: org.clone(),
                auth: Auth::with_token(Some(token.clone())),
                local: None,
            });
        }
        let mut profile = cx.profile()?;
        if let Some(url) = url
            && profile.url != url.trim_end_matches('/')
        {
            // The credentials of the profile must not be sent to another server.
            profile.url = url.trim_end_matches('/').to_owned();
            (profile.auth, profile.local) = (Auth::default(), None);
        }
        if let Some(org) = org {
            profile.org.clone_from(org);
        }
        if token.is_some() {
            profile.auth = Auth::with_token(token);
        }
        Ok(profile)
    }

    /// Where a stream without a bookmark starts.
    pub(super) fn start_date(&self) -> Result<Option<Micros>, CliError> {
        let Some(text) = &self.start_date else {
            return Ok(None);
        };
        let quoted = Value::from(text.as_str()).to_string();
        match Dates::read(Raw::new(&quoted)) {
            Some(start) => Ok(Some(start)),
            None => Err(
                CliError::usage(format!("`{text}` is not a date for start_date"))
                    .hint("\"start_date\": \"2026-04-25T00:00:00Z\""),
            ),
        }
    }
}
