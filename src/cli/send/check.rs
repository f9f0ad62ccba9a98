//! `evt send --check`: a table of what an endpoint does with right and wrong requests, and what to do about it.

use serde_json::json;

use super::once::millis;
use super::plan::Signing;
use crate::cli::Context;
use crate::dial::{AddressPolicy, Dialer};
use crate::error::{CliError, Exit};
use crate::send::Message;
use crate::send::check::{self, Came, Finding, Report, Subject, Told, Verdict};
use crate::ui::{Cell, Format, Style};

pub(super) async fn run(
    message: Message,
    signing: Option<Signing>,
    cx: &Context,
) -> Result<Exit, CliError> {
    let subject = subject(message, signing)?;
    let target = subject.message.target.to_string();
    if !subject.scheme.covers_body() {
        cx.ui.warn(&format!(
            "{} does not sign the body: whoever sees one request can send others under its secret.",
            subject.scheme.name(),
        ));
    }
    let dialer = Dialer::new(AddressPolicy::Local);
    let progress = cx.ui.activity();
    let mut written = Ok(());
    let tell = |told: Told<'_>| match told {
        Told::Begins(case, number, of) => {
            progress.say(&format!(
                "{}/{of} {}: {}",
                number + 1,
                case.group.word(),
                case.name
            ));
        }
        Told::Ended(finding) if cx.ui.format() != Format::Text && written.is_ok() => {
            written = cx.ui.json(&object(finding));
        }
        Told::Ended(_) => {}
    };
    let report = check::run(&subject, &dialer, &cx.shutdown, tell).await?;
    drop(progress);
    written?;
    show(&report, &target, cx)?;
    end(report, cx)
}

fn subject(message: Message, signing: Option<Signing>) -> Result<Subject, CliError> {
    // While a secret is being replaced either one has to do: the first stands for both.
    let first = signing.and_then(|signing| {
        let secret = signing.secrets.first()?.clone();
        Some((signing, secret))
    });
    let Some((signing, secret)) = first else {
        let what = "an unsigned event has nothing that an endpoint could check";
        return Err(
            CliError::new(Exit::Usage, "nothing_to_check", what).hint("--sign SCHEME --secret REF")
        );
    };
    Ok(Subject {
        message,
        scheme: signing.scheme,
        options: signing.options,
        secret,
    })
}

/// The report as a table; as JSON its cases are written already.
fn show(report: &Report, target: &str, cx: &Context) -> Result<(), CliError> {
    let holding = report.count(Verdict::holds);
    let leaking = report.count(|verdict| verdict == Verdict::Leaks);
    let failing = report.count(|verdict| verdict == Verdict::Fails);
    let skipped = report.count(|verdict| verdict == Verdict::Skipped);
    if cx.ui.format() != Format::Text {
        cx.ui.json(&json!({
            "summary": true,
            "passed": holding,
            "leaks": leaking,
            "failed": failing,
            "skipped": skipped,
        }))?;
        return Ok(());
    }
    if report.silence.is_some() && report.findings.len() == 1 {
        // The error says all there is to say.
        return Ok(());
    }
    if !report.findings.is_empty() {
        let rows = report.findings.iter().map(row).collect();
        cx.ui
            .table(&["", "group", "case", "expected", "came", ""], rows)?;
    }
    let hints = hints(report);
    if !hints.is_empty() {
        cx.ui.line("")?;
        cx.ui.table(&["", "", ""], hints)?;
    }
    let tried = holding + leaking + failing;
    let mut summary = format!("{holding} of {tried} hold");
    let wrong: Vec<String> = [(leaking, "leaks"), (failing, "fails")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if !wrong.is_empty() {
        summary.push_str(&format!("; {}", wrong.join(", ")));
    }
    let style = if wrong.is_empty() {
        Style::Good
    } else {
        Style::Bad
    };
    let skips = if skipped > 0 {
        format!(", {skipped} skipped")
    } else {
        String::new()
    };
    let summary = cx.ui.paint(style, &summary);
    cx.ui.line(&format!("\n{summary}  ({target}{skips})"))?;
    Ok(())
}

fn row(finding: &Finding) -> Vec<Cell> {
    let (mark, style) = picture(finding.verdict);
    let came: Cell = match finding.verdict {
        Verdict::Skipped if finding.came.is_empty() => {
            Cell::styled(Style::Dim, finding.hint.as_deref().unwrap_or_default())
        }
        _ => answers(&finding.came).into(),
    };
    let word = match finding.verdict {
        Verdict::Leaks => "LEAKS",
        other => other.word(),
    };
    vec![
        Cell::styled(style, mark),
        Cell::styled(Style::Dim, finding.case.group.word()),
        finding.case.name.into(),
        Cell::styled(Style::Dim, finding.expected.as_str()),
        came,
        Cell::styled(style, word),
    ]
}

const fn picture(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Passes | Verdict::Refuses => ("✓", Style::Good),
        Verdict::Leaks => ("✗", Style::Bad),
        Verdict::Fails => ("!", Style::Warn),
        Verdict::Skipped => ("–", Style::Dim),
    }
}

/// `200, 409 in 12 ms`: the time is that of the last.
fn answers(came: &[Came]) -> String {
    let statuses: Vec<String> = came
        .iter()
        .map(|came| match came.status {
            Ok(status) => status.to_string(),
            Err("target_timeout") => "no answer".to_owned(),
            Err("target_broke_off") => "broke off".to_owned(),
            Err(code) => code.to_owned(),
        })
        .collect();
    let statuses = statuses.join(", ");
    match came.last() {
        Some(Came { took, .. }) if !took.is_zero() => match took.as_millis().max(1) {
            millis @ ..10_000 => format!("{statuses} in {millis} ms"),
            _ => format!("{statuses} in {} s", took.as_secs()),
        },
        _ => statuses,
    }
}

/// What to do about the cases that do not hold, then what else there is to know; cases with one remedy stand together.
fn hints(report: &Report) -> Vec<Vec<Cell>> {
    let is_wrong = |verdict| matches!(verdict, Verdict::Leaks | Verdict::Fails);
    let told = report
        .findings
        .iter()
        .filter(|finding| !finding.came.is_empty());
    let mut groups: Vec<(Verdict, &str, Vec<&str>)> = Vec::new();
    for finding in told {
        let Some(hint) = finding.hint.as_deref() else {
            continue;
        };
        let verdict = finding.verdict;
        match groups
            .iter_mut()
            .find(|(v, h, _)| (*v, *h) == (verdict, hint))
        {
            Some((.., names)) => names.push(finding.case.name),
            None => groups.push((verdict, hint, vec![finding.case.name])),
        }
    }
    groups.sort_by_key(|(verdict, ..)| !is_wrong(*verdict));
    groups
        .into_iter()
        .map(|(verdict, hint, names)| {
            let (mark, style) = picture(verdict);
            let names = match names.as_slice() {
                [first, second, third, _, ..] => {
                    format!("{first}, {second}, {third} and {} more", names.len() - 3)
                }
                names => names.join(", "),
            };
            let hint_style = if is_wrong(verdict) {
                Style::Name
            } else {
                Style::Dim
            };
            vec![
                Cell::styled(style, mark),
                names.into(),
                Cell::styled(hint_style, hint),
            ]
        })
        .collect()
}

fn object(finding: &Finding) -> serde_json::Value {
    let last = finding.came.last();
    let mut object = json!({
        "case": finding.case.name,
        "group": finding.case.group.word(),
        "proves": finding.case.proves,
        "verdict": finding.verdict.word(),
        "expected": finding.expected,
        "status": last.and_then(|came| came.status.ok()),
        "took_ms": last.map(|came| millis(came.took)),
        "hint": finding.hint,
    });
    if let Some(Err(code)) = last.map(|came| came.status) {
        object["error"] = code.into();
    }
    object
}

fn end(report: Report, cx: &Context) -> Result<Exit, CliError> {
    let is_good = report
        .findings
        .iter()
        .all(|finding| finding.verdict.holds() || finding.verdict == Verdict::Skipped);
    if let Some(error) = report.silence {
        return Err(error.into());
    }
    if let Some(exit) = cx.interrupted() {
        return Ok(exit);
    }
    match is_good {
        true => Ok(Exit::Done),
        false => Ok(Exit::BadSignature),
    }
}
