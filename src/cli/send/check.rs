//! `evt send --check`: a table of how an endpoint answers valid and wrong requests, and what to change.

use serde_json::json;

use super::once::millis;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::send::Message;
use crate::send::check::{self, Attempt, Finding, Progress, Report, Verdict};
use crate::ui::{Cell, Format, Style};

pub(super) async fn run(message: Message, cx: &Context) -> Result<Exit, CliError> {
    let Some(signing) = &message.signing else {
        let what = "an endpoint cannot check an unsigned event";
        return Err(
            CliError::new(Exit::Usage, "nothing_to_check", what).hint("--sign SCHEME --secret REF")
        );
    };
    let target = message.target.to_string();
    if !signing.scheme.facts().covers_body {
        cx.ui.warn(&format!(
            "{} does not sign the body: an attacker who sees one request can send another body with the same secret.",
            signing.scheme.name(),
        ));
    }
    let dialer = cx.dialer()?;
    let activity = cx.ui.activity();
    let mut written = Ok(());
    let progress = |progress: Progress<'_>| match progress {
        Progress::Started { case, number, of } => {
            activity.set_text(&format!(
                "{}/{of} {}: {}",
                number + 1,
                case.group.word(),
                case.name
            ));
        }
        Progress::Finished(finding) if cx.ui.format() != Format::Text && written.is_ok() => {
            written = cx.ui.json(&object(finding));
        }
        Progress::Finished(_) => {}
    };
    let report = check::run(&message, signing, &dialer, &cx.shutdown, progress).await?;
    drop(activity);
    written?;
    show(&report, &target, cx)?;
    end(report, cx)
}

/// Prints the table and the summary. With JSON output only the summary: the cases are printed already.
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
    if report.unanswered.is_some() && report.findings.len() == 1 {
        // The error message is enough.
        return Ok(());
    }
    if !report.findings.is_empty() {
        let rows = report.findings.iter().map(row).collect();
        cx.ui
            .table(&["", "group", "case", "expected", "answer", ""], rows)?;
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
    let answer: Cell = match finding.verdict {
        Verdict::Skipped if finding.attempts.is_empty() => {
            Cell::styled(Style::Dim, finding.hint.as_deref().unwrap_or_default())
        }
        _ => answers(&finding.attempts).into(),
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
        answer,
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

/// `200, 409 in 12 ms`, with the time of the last answer; `4 × 401` if there are many and all are alike.
fn answers(attempts: &[Attempt]) -> String {
    let statuses: Vec<String> = attempts
        .iter()
        .map(|attempt| match attempt.status {
            Ok(status) => status.to_string(),
            Err("target_timeout") => "no answer".to_owned(),
            Err("target_broke_off") => "broke off".to_owned(),
            Err(code) => code.to_owned(),
        })
        .collect();
    let statuses = match statuses.as_slice() {
        [first, _, _, ..] if statuses.iter().all(|status| status == first) => {
            format!("{} × {first}", statuses.len())
        }
        statuses => statuses.join(", "),
    };
    match attempts.last() {
        Some(Attempt { took, .. }) if !took.is_zero() => match took.as_millis().max(1) {
            millis @ ..10_000 => format!("{statuses} in {millis} ms"),
            _ => format!("{statuses} in {} s", took.as_secs()),
        },
        _ => statuses,
    }
}

/// What to change for the failed cases, then further information. Cases with the same hint share a row.
fn hints(report: &Report) -> Vec<Vec<Cell>> {
    let is_wrong = |verdict| matches!(verdict, Verdict::Leaks | Verdict::Fails);
    let sent = report
        .findings
        .iter()
        .filter(|finding| !finding.attempts.is_empty());
    let mut groups: Vec<(Verdict, &str, Vec<&str>)> = Vec::new();
    for finding in sent {
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
    let last = finding.attempts.last();
    let mut object = json!({
        "case": finding.case.name,
        "group": finding.case.group.word(),
        "proves": finding.case.proves,
        "verdict": finding.verdict.word(),
        "expected": finding.expected,
        "status": last.and_then(|attempt| attempt.status.ok()),
        "took_ms": last.map(|attempt| millis(attempt.took)),
        "hint": finding.hint,
    });
    if let Some(Err(code)) = last.map(|attempt| attempt.status) {
        object["error"] = code.into();
    }
    object
}

fn end(report: Report, cx: &Context) -> Result<Exit, CliError> {
    let is_good = report
        .findings
        .iter()
        .all(|finding| finding.verdict.holds() || finding.verdict == Verdict::Skipped);
    if let Some(error) = report.unanswered {
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
