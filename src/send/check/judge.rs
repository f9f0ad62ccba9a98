//! Judges the answers of a case, and says what to change if they are wrong.

use std::time::Duration;

use http::StatusCode;

use super::bench::Bench;
use super::{Attempt, Case, Expect, Finding, Group, Report, Verdict};
use crate::dial::{Answer, DialError};

/// Words of an answer that recognises a repeated event.
const REPEATED: [&str; 5] = ["duplicate", "already", "replay", "idempot", "seen before"];

/// The name of the case that all others are compared with.
pub(super) const VALID: &str = "a valid request";

const NOTHING_PROVED: &str = "it refuses the valid request too, so this proves nothing";
const SAME_ANSWER: &str = "it gives the valid request the same answer, so this proves nothing";
const VALID_FIRST: &str = "fix the valid request first: this one is refused too";
const NOT_JUDGED: &str = "for information: the scheme's own verifier accepts such a request, so an endpoint may accept it too";
const UNNOTICED: &str =
    "both answers are alike, so it is unknown whether it acted twice; remember the ids of events";
const NOTICED: &str = "it recognised the second request as a repetition";

type Result = std::result::Result<Answer, DialError>;

pub(super) fn skipped(case: Case, reason: String) -> Finding {
    Finding {
        case,
        verdict: Verdict::Skipped,
        expected: String::new(),
        attempts: Vec::new(),
        hint: Some(reason),
    }
}

/// Returns the status with which the endpoint refused the valid request, if it did.
pub(super) fn valid_request_refusal(report: &Report) -> Option<StatusCode> {
    let valid = report.findings.first()?;
    let mut attempts = valid.attempts.iter();
    let status = attempts.find_map(|attempt| attempt.status.ok())?;
    let status = StatusCode::from_u16(status).ok()?;
    let is_refusal = status.is_client_error() || accepts_no_deliveries(status);
    (valid.verdict == Verdict::Fails && is_refusal).then_some(status)
}

/// Whether the status says that this path or method takes no deliveries.
fn accepts_no_deliveries(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    )
}

/// Judges the answers of one case. `refusal` is the status with which the valid request was refused.
pub(super) fn judge(
    case: Case,
    expect: Expect,
    bench: &Bench<'_>,
    results: &[Result],
    refusal: Option<StatusCode>,
) -> Finding {
    let (verdict, mut hint) = verdict(&case, expect, bench, results);
    let mut finding = Finding {
        case,
        verdict,
        expected: expected(expect, bench),
        attempts: results.iter().map(attempt).collect(),
        hint: None,
    };
    let Some(refusal) = refusal else {
        finding.hint = hint;
        return finding;
    };
    let is_same = |result: &Result| is_status(result, refusal);
    let is_nothing = accepts_no_deliveries(refusal) && results.iter().all(is_same);
    let is_open = matches!(expect, Expect::Any | Expect::Either);
    if is_nothing && !matches!(expect, Expect::NoCrash) {
        finding.verdict = Verdict::Skipped;
        hint = Some(SAME_ANSWER.to_owned());
    } else if case.group == Group::Refuses
        && (verdict == Verdict::Refuses || (is_open && results.iter().any(is_refusal)))
    {
        finding.verdict = Verdict::Skipped;
        hint = Some(NOTHING_PROVED.to_owned());
    } else if verdict == Verdict::Fails && results.iter().any(is_refusal) {
        hint = Some(VALID_FIRST.to_owned());
    }
    finding.hint = hint;
    finding
}

fn is_status(result: &Result, status: StatusCode) -> bool {
    result.as_ref().is_ok_and(|answer| answer.status == status)
}

fn is_refusal(result: &Result) -> bool {
    let answer = result.as_ref().ok();
    answer.is_some_and(|answer| answer.status.is_client_error())
}

fn attempt(result: &Result) -> Attempt {
    match result {
        Ok(answer) => Attempt {
            status: Ok(answer.status.as_u16()),
            took: answer.took,
        },
        Err(error) => Attempt {
            status: Err(error.code()),
            took: match error {
                DialError::Timeout { limit, .. } | DialError::Silent { limit, .. } => *limit,
                _ => Duration::ZERO,
            },
        },
    }
}

fn expected(expect: Expect, bench: &Bench<'_>) -> String {
    match expect {
        Expect::Accepted => "2xx".to_owned(),
        Expect::AcceptedOrTooLarge => "2xx or 413".to_owned(),
        Expect::Answered => "no 5xx".to_owned(),
        Expect::NoCrash => "no 5xx (501 is fine)".to_owned(),
        Expect::Any => "any but 5xx".to_owned(),
        Expect::Either => "2xx or 4xx".to_owned(),
        Expect::Refused => "4xx".to_owned(),
        Expect::RefusedWith(status) => status.to_string(),
        Expect::InTime => format!("2xx in {} s", bench.facts().answer_within.as_secs()),
        Expect::Twice => "2xx first".to_owned(),
        Expect::Reply(_) => "its reply".to_owned(),
    }
}

type Judged = (Verdict, Option<String>);

fn verdict(case: &Case, expect: Expect, bench: &Bench<'_>, results: &[Result]) -> Judged {
    // Only the last result can be an error: nothing is sent after one.
    let answer = match results.last() {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => return (Verdict::Fails, Some(unanswered(error))),
        None => return (Verdict::Skipped, None),
    };
    // Each of several forged requests must be refused.
    let answer = match expect {
        Expect::Refused => worst(results).unwrap_or(answer),
        _ => answer,
    };
    let status = answer.status;
    let passes_if = |holds: bool| match holds {
        true => (Verdict::Passes, None),
        false => (Verdict::Fails, Some(fix(case, status))),
    };
    match expect {
        Expect::Accepted => passes_if(status.is_success()),
        Expect::AcceptedOrTooLarge => {
            passes_if(status.is_success() || status == StatusCode::PAYLOAD_TOO_LARGE)
        }
        Expect::Answered => passes_if(!status.is_server_error()),
        // 501 says that the method is not implemented, which is a proper answer.
        Expect::NoCrash => {
            passes_if(!status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED)
        }
        Expect::Any => match status.is_server_error() {
            true => passes_if(false),
            false => (Verdict::Passes, Some(case.fix.to_owned())),
        },
        Expect::Either => {
            let (verdict, hint) = passes_if(status.is_success() || status.is_client_error());
            (verdict, hint.or_else(|| Some(NOT_JUDGED.to_owned())))
        }
        Expect::InTime if status.is_success() && answer.took > bench.facts().answer_within => {
            (Verdict::Fails, Some(case.fix.to_owned()))
        }
        Expect::InTime => passes_if(status.is_success()),
        Expect::Reply(is_right) if status.is_success() => {
            let text = bench.challenge_text();
            match is_right(&bench.challenge(&text), status.as_u16(), &answer.body) {
                true => (Verdict::Passes, None),
                false => (Verdict::Fails, Some(case.fix.to_owned())),
            }
        }
        Expect::Reply(_) => passes_if(false),
        Expect::Refused => refusal(case, status, None),
        Expect::RefusedWith(wanted) => refusal(case, status, Some(wanted)),
        Expect::Twice => twice(case, results, answer),
    }
}

/// The answer that is furthest from a refusal.
fn worst(results: &[Result]) -> Option<&Answer> {
    let answers = results.iter().filter_map(|result| result.as_ref().ok());
    answers.min_by_key(|answer| {
        let is_refusal = answer.status.is_client_error() && !proves_nothing(answer.status);
        (!answer.status.is_success(), is_refusal)
    })
}

fn refusal(case: &Case, status: StatusCode, wanted: Option<u16>) -> Judged {
    if status.is_success() {
        return (Verdict::Leaks, Some(case.fix.to_owned()));
    }
    let is_judgement = status.is_client_error() && !proves_nothing(status);
    match wanted.is_none_or(|wanted| wanted == status) && is_judgement {
        true => (Verdict::Refuses, None),
        false if is_judgement => (Verdict::Fails, Some(case.fix.to_owned())),
        false => (Verdict::Fails, Some(fix(case, status))),
    }
}

/// Whether the endpoint refused the request without looking at it.
fn proves_nothing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
}

fn twice(case: &Case, results: &[Result], second: &Answer) -> Judged {
    let Some(Ok(first)) = results.first() else {
        return (Verdict::Skipped, None);
    };
    if !first.status.is_success() {
        return (Verdict::Fails, Some(fix(case, first.status)));
    }
    let status = second.status;
    if !(status.is_success() || status.is_client_error()) || proves_nothing(status) {
        return (Verdict::Fails, Some(fix(case, status)));
    }
    let is_noticed = status != first.status || (reports(second) && !reports(first));
    let hint = if is_noticed { NOTICED } else { UNNOTICED };
    (Verdict::Passes, Some(hint.to_owned()))
}

/// Whether an answer says that the event is a repetition.
fn reports(answer: &Answer) -> bool {
    let headers = answer.headers.iter();
    let headers = headers.flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
    let mut texts = headers.chain([answer.body.as_ref()]);
    texts.any(|text| {
        let text = String::from_utf8_lossy(text).to_ascii_lowercase();
        REPEATED.iter().any(|word| text.contains(word))
    })
}

/// What to change if the answer is wrong. The status may be more specific than the case.
fn fix(case: &Case, status: StatusCode) -> String {
    let hint = match status.as_u16() {
        404 | 405 | 501 if case.name == VALID => {
            return format!(
                "the endpoint answers {} to a POST: check the path and the method",
                status.as_u16()
            );
        }
        429 => "lift the rate limit for the check: a request that was not looked at proves nothing",
        300..400 => "answer the delivery directly: vendors do not follow redirects",
        500.. if case.group == Group::Refuses => {
            "answer 401 instead of failing: verify the request before anything else uses it"
        }
        502..=504 => "a proxy could not reach the endpoint: check that it runs",
        500.. if case.name == VALID => "the endpoint failed: look into its log",
        _ => case.fix,
    };
    hint.to_owned()
}

fn unanswered(error: &DialError) -> String {
    let hint = match error {
        DialError::Timeout { .. } | DialError::Silent { .. } => {
            "answer first and work afterwards; --timeout gives the endpoint more time during the check"
        }
        DialError::Broken { .. } => {
            "the endpoint closed the connection without an answer: look into its log"
        }
        _ => "the endpoint no longer accepts connections: check that it still runs",
    };
    hint.to_owned()
}
