//! `evt doctor`: find what is wrong, and say how to mend it.

mod machine;
mod platform;
mod storage;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::json;

use super::Context;
use crate::error::{CliError, Exit};
use crate::ui::{Cell, Format, Style};

/// Find what is wrong, and say how to mend it
///
/// Looks at folders and their modes, settings, databases, ports, the platform in use, the clock, proxies and disk space. Changes nothing.
/// Exit 0 where nothing failed, 1 where something did.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt doctor\n  evt doctor -o json")]
pub(crate) struct Args {}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// Worth knowing; nothing is broken.
    Warn,
    Fail,
}

/// What one check found.
#[derive(Debug)]
struct Finding {
    what: Cow<'static, str>,
    state: State,
    found: String,
    mend: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state: State::Ok,
            found: found.into(),
            mend: None,
        }
    }

    fn warn(
        what: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            state: State::Warn,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    fn fail(
        what: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Fail,
            ..Self::warn(what, found, mend)
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

/// Runs every check and shows what each found.
pub(super) async fn run(Args {}: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let mut findings = storage::check(&cx);
    findings.extend(machine::check(&cx));
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
                "mend": finding.mend,
            }))?;
        }
        return Ok(());
    }
    let rows = findings.iter().map(|finding| {
        vec![
            Cell::styled(finding.state.style(), finding.state.word()),
            Cell::from(finding.what.as_ref()),
            Cell::from(finding.found.as_str()),
            Cell::styled(Style::Name, finding.mend.as_deref().unwrap_or_default()),
        ]
    });
    cx.ui
        .table(&["", "check", "found", "to mend it"], rows.collect())?;
    Ok(())
}
