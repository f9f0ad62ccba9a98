//! `evt dev routes`.

use serde_json::Value;

use super::super::Context;
use super::ask::control;
use crate::error::{CliError, Exit};
use crate::running::DEFAULT_PLATFORM;
use crate::ui::Format;

/// Show the routes that a platform serves
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt dev routes\n  evt dev routes -o json")]
pub(super) struct Routes {
    /// The platform
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PLATFORM)]
    platform: String,
}

impl Routes {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        cx.running_platform(&self.platform)?;
        let path = format!("/_evt/{}/routes", self.platform);
        let answer = control(cx)?.get(&path).await?;
        let routes = answer["routes"].as_array().into_iter().flatten();
        if cx.ui.format() != Format::Text {
            for route in routes {
                cx.ui.json(route)?;
            }
            return Ok(Exit::Done);
        }
        let rows = routes.map(|route| {
            let methods = route["methods"].as_array().into_iter().flatten();
            let methods: Vec<&str> = methods.filter_map(Value::as_str).collect();
            let path = route["path"].as_str().unwrap_or_default().to_owned();
            vec![methods.join(" "), path]
        });
        cx.ui.table(&["METHODS", "PATH"], rows.collect())?;
        Ok(Exit::Done)
    }
}
