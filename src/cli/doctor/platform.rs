//! The platform of the profile: whether it is running, answers, and accepts the token.

use super::super::Context;
use super::Finding;
use crate::config::{ConfigError, LOCAL};
use crate::error::CliError;
use crate::running::{Running, RunningError};

pub(super) async fn check(cx: &Context) -> Vec<Finding> {
    let running = Running::find(&cx.paths.state_dir);
    let file = running_file(cx, &running);
    let is_running = matches!(running, Ok(Some(_)));
    vec![file, reach(cx, is_running).await]
}

fn running_file(cx: &Context, running: &Result<Option<Running>, RunningError>) -> Finding {
    const WHAT: &str = "local platform";
    let path = Running::file(&cx.paths.state_dir);
    let shown = path.display();
    match running {
        Ok(Some(running)) => Finding::ok(WHAT, format!("{} (pid {})", running.url, running.pid)),
        Ok(None) if path.exists() => Finding::warn(
            WHAT,
            format!("{shown} is from an evt dev that has ended"),
            "evt dev      replaces it",
        ),
        Ok(None) => Finding::ok(WHAT, "not running"),
        Err(error) => Finding::fail(
            WHAT,
            format!("{shown}: {}", error.source),
            format!("rm {shown}"),
        ),
    }
}

async fn reach(cx: &Context, local_runs: bool) -> Finding {
    const WHAT: &str = "profile in use";
    let name = cx.profile_name();
    let profile = match cx.profile() {
        Ok(profile) => profile,
        Err(_) if name == LOCAL && !local_runs => {
            let error = ConfigError::NotRunning;
            return Finding::warn(WHAT, format!("{name}: {error}"), "evt dev");
        }
        Err(error) => return failed(&name, &error),
    };
    let answered = match cx.api() {
        Ok(client) => client.whoami().await.map_err(CliError::from),
        Err(error) => Err(error),
    };
    match answered {
        Ok(_) => Finding::ok(
            WHAT,
            format!("{name}: {} answers and accepts the token", profile.url),
        ),
        Err(error) => failed(&name, &error),
    }
}

fn failed(name: &str, error: &CliError) -> Finding {
    let mut found = format!("{name}: {}", error.error);
    if let Some(cause) = error.error.source() {
        found = format!("{found}: {cause}");
    }
    let hint = error.hints.first().cloned();
    Finding::fail(
        "profile in use",
        found,
        hint.unwrap_or_else(|| "evt profile show".to_owned()),
    )
}
