//! `evt doctor`: finds problems and prints how to fix them.

mod machine;
mod network;
mod platform;
mod storage;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::json;

use super::Context;
use crate::error::{CliError, Exit};
use crate::ui::{Cell, Format, Style};

/// Find problems and print how to fix them
///
/// Checks folders and their permissions, settings, databases, ports, the platform of the profile, the clock, proxies, certificates and disk space.
/// Changes nothing. Exits with 1 if a check failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt doctor\n  evt doctor -o json")]
pub(crate) struct Args {}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// A possible problem.
    Warn,
    Fail,
}

/// The result of one check, for the user.
#[derive(Debug)]
struct Finding {
    what: Cow<'static, str>,
    state: State,
    found: String,
    fix: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state: State::Ok,
            found: found.into(),
            fix: None,
        }
    }

    fn warn(
        what: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            state: State::Warn,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }

    fn fail(
        what: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Fail,
            ..Self::warn(what, found, fix)
        }
    }
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Ok => Style::Good,
            Self::Warn => Style::Warn,
            Self::Fail => Style::Bad,
        }
    }
}

/// Runs every check and prints its result.
pub(super) async fn run(Args {}: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let mut findings = storage::check(&cx);
    findings.extend(machine::check(&cx));
    findings.extend(network::check(&cx).await);
    findings.extend(platform::check(&cx).await);
    show(&cx, &findings)?;
    let failed = findings
        .iter()
        .filter(|finding| finding.state == State::Fail)
        .count();
    if failed == 0 {
        return Ok(Exit::Done);
    }
    cx.ui
        .status(&format!("{failed} of {} checks failed", findings.len()));
    Ok(Exit::Failed)
}

fn show(cx: &Context, findings: &[Finding]) -> Result<(), CliError> {
    if cx.ui.format() == Format::Json {
        for finding in findings {
            cx.ui.json(&json!({
                "check": finding.what,
                "state": finding.state.word(),
                "found": finding.found,
                "fix": finding.fix,
            }))?;
        }
        return Ok(());
    }
    let rows = findings.iter().map(|finding| {
        vec![
            Cell::styled(finding.state.style(), finding.state.word()),
            Cell::from(finding.what.as_ref()),
            Cell::from(finding.found.as_str()),
            Cell::styled(Style::Name, finding.fix.as_deref().unwrap_or_default()),
        ]
    });
    cx.ui
        .table(&["", "check", "found", "fix"], rows.collect())?;
    Ok(())
}
