//! What an answer says: whether it is the right one, and what to do where it is not.

use std::time::Duration;

use http::StatusCode;

use super::anatomy::Bench;
use super::{Came, Case, Expect, Finding, Group, Report, Verdict};
use crate::dial::{Answer, DialError};

/// How long a vendor waits for an answer.
const LIMITS: [(&str, u64); 6] = [
    ("slack", 3),
    ("twitter", 3),
    ("discord", 3),
    ("shopify", 5),
    ("twitch", 5),
    ("linkedin", 3),
];
/// How long others wait that say how long.
const USUAL: u64 = 10;
/// Words by which an answer shows that it knows the event already.
const NOTICED: [&str; 5] = ["duplicate", "already", "replay", "idempot", "seen before"];

/// The case that all others are compared with.
pub(super) const GOOD: &str = "a good one";

const NOTHING_PROVED: &str = "it refuses the good one too, so this proves nothing";
const NOTHING_THERE: &str = "the good one is answered so too, so this proves nothing";
const GOOD_FIRST: &str = "mend the good one first: this one is refused as well";
const NOT_JUDGED: &str =
    "for information: the scheme's own verifier accepts such a request, so an endpoint may";
const UNSEEN: &str =
    "both are answered alike: whether it acted twice cannot be seen from outside; keep the ids";
const SEEN: &str = "it noticed the second one";

type Result = std::result::Result<Answer, DialError>;

pub(super) fn skipped(case: &'static Case, reason: String) -> Finding {
    Finding {
        case,
        verdict: Verdict::Skipped,
        expected: String::new(),
        came: Vec::new(),
        hint: Some(reason),
    }
}

/// The status by which the good one was refused, if it was.
pub(super) fn refusal_of_the_good(report: &Report) -> Option<StatusCode> {
    let good = report.findings.first()?;
    let mut statuses = good.came.iter().filter_map(|came| came.status.ok());
    let status = StatusCode::from_u16(statuses.next()?).ok()?;
    let is_refusal = status.is_client_error() || is_nothing_there(status);
    (good.verdict == Verdict::Fails && is_refusal).then_some(status)
}

/// Whether it says that deliveries are taken elsewhere, or by another method.
fn is_nothing_there(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    )
}

/// Judges the answers of one case. `good`: the status by which the good one was refused before.
pub(super) fn judge(
    case: &'static Case,
    expect: Expect,
    bench: &Bench<'_>,
    results: &[Result],
    good: Option<StatusCode>,
) -> Finding {
    let (verdict, mut hint) = verdict(case, expect, bench, results);
    let mut finding = Finding {
        case,
        verdict,
        expected: expected(expect, bench),
        came: results.iter().map(came).collect(),
        hint: None,
    };
    let Some(good) = good else {
        finding.hint = hint;
        return finding;
    };
    let is_nothing = is_nothing_there(good) && results.iter().all(|result| is_status(result, good));
    let is_open = matches!(expect, Expect::Whatever | Expect::Either);
    if is_nothing && !matches!(expect, Expect::NoCrash) {
        finding.verdict = Verdict::Skipped;
        hint = Some(NOTHING_THERE.to_owned());
    } else if case.group == Group::Refuses
        && (verdict == Verdict::Refuses || (is_open && results.iter().any(is_refusal)))
    {
        finding.verdict = Verdict::Skipped;
        hint = Some(NOTHING_PROVED.to_owned());
    } else if verdict == Verdict::Fails && results.iter().any(is_refusal) {
        hint = Some(GOOD_FIRST.to_owned());
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

fn came(result: &Result) -> Came {
    match result {
        Ok(answer) => Came {
            status: Ok(answer.status.as_u16()),
            took: answer.took,
        },
        Err(error) => Came {
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
        Expect::NoCrash => "no crash (501 is fine)".to_owned(),
        Expect::Whatever => "any, but no 5xx".to_owned(),
        Expect::Either => "2xx or 4xx".to_owned(),
        Expect::Refused => "4xx".to_owned(),
        Expect::RefusedWith(status) => status.to_string(),
        Expect::InTime => format!("2xx in {} s", limit(bench).as_secs()),
        Expect::Twice => "2xx first".to_owned(),
        Expect::Reply(_) => "its reply".to_owned(),
    }
}

fn limit(bench: &Bench<'_>) -> Duration {
    let found = LIMITS.iter().find(|(scheme, _)| *scheme == bench.scheme());
    Duration::from_secs(found.map_or(USUAL, |(_, seconds)| *seconds))
}

type Judged = (Verdict, Option<String>);

fn verdict(case: &Case, expect: Expect, bench: &Bench<'_>, results: &[Result]) -> Judged {
    // The last is the one in question: those before it are answered, or it would not have been sent.
    let answer = match results.last() {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => return (Verdict::Fails, Some(unanswered(error))),
        None => return (Verdict::Skipped, None),
    };
    let status = answer.status;
    let passes_if = |holds: bool| match holds {
        true => (Verdict::Passes, None),
        false => (Verdict::Fails, Some(mend(case, status))),
    };
    match expect {
        Expect::Accepted => passes_if(status.is_success()),
        Expect::AcceptedOrTooLarge => {
            passes_if(status.is_success() || status == StatusCode::PAYLOAD_TOO_LARGE)
        }
        Expect::Answered => passes_if(!status.is_server_error()),
        // 501 says that there is no such method, which is an answer.
        Expect::NoCrash => {
            passes_if(!status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED)
        }
        Expect::Whatever => match status.is_server_error() {
            true => passes_if(false),
            false => (Verdict::Passes, Some(case.mend.to_owned())),
        },
        Expect::Either => {
            let (verdict, hint) = passes_if(status.is_success() || status.is_client_error());
            (verdict, hint.or_else(|| Some(NOT_JUDGED.to_owned())))
        }
        Expect::InTime if status.is_success() && answer.took > limit(bench) => {
            (Verdict::Fails, Some(case.mend.to_owned()))
        }
        Expect::InTime => passes_if(status.is_success()),
        Expect::Reply(is_right) if status.is_success() => match is_right(bench, answer) {
            true => (Verdict::Passes, None),
            false => (Verdict::Fails, Some(case.mend.to_owned())),
        },
        Expect::Reply(_) => passes_if(false),
        Expect::Refused => refusal(case, status, None),
        Expect::RefusedWith(wanted) => refusal(case, status, Some(wanted)),
        Expect::Twice => twice(case, results, answer),
    }
}

fn refusal(case: &Case, status: StatusCode, wanted: Option<u16>) -> Judged {
    if status.is_success() {
        return (Verdict::Leaks, Some(case.mend.to_owned()));
    }
    let is_judgement = status.is_client_error() && !proves_nothing(status);
    match wanted.is_none_or(|wanted| wanted == status) && is_judgement {
        true => (Verdict::Refuses, None),
        false if is_judgement => (Verdict::Fails, Some(case.mend.to_owned())),
        false => (Verdict::Fails, Some(mend(case, status))),
    }
}

/// Refusals that do not come from looking at the request.
fn proves_nothing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
}

fn twice(case: &Case, results: &[Result], second: &Answer) -> Judged {
    let Some(Ok(first)) = results.first() else {
        return (Verdict::Skipped, None);
    };
    if !first.status.is_success() {
        return (Verdict::Fails, Some(mend(case, first.status)));
    }
    let status = second.status;
    if !(status.is_success() || status.is_client_error()) || proves_nothing(status) {
        return (Verdict::Fails, Some(mend(case, status)));
    }
    let is_noticed = status != first.status || (says_so(second) && !says_so(first));
    let hint = if is_noticed { SEEN } else { UNSEEN };
    (Verdict::Passes, Some(hint.to_owned()))
}

/// Whether an answer speaks of an event that came before.
fn says_so(answer: &Answer) -> bool {
    let headers = answer.headers.iter();
    let headers = headers.flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
    let mut texts = headers.chain([answer.body.as_ref()]);
    texts.any(|text| {
        let text = String::from_utf8_lossy(text).to_ascii_lowercase();
        NOTICED.iter().any(|word| text.contains(word))
    })
}

/// What to do about an answer that the case did not want: the status may say more than the case does.
fn mend(case: &Case, status: StatusCode) -> String {
    let hint = match status.as_u16() {
        404 | 405 | 501 if case.name == GOOD => {
            return format!(
                "a POST is answered {} there: are path and method right?",
                status.as_u16()
            );
        }
        429 => "lift the rate limit for the check: a request that is not looked at proves nothing",
        300..400 => "answer the delivery itself: vendors follow no redirect",
        500.. if case.group == Group::Refuses => {
            "answer 401 instead of failing: verify before anything is done with the request"
        }
        502..=504 => "what stands before the endpoint did not reach it: see whether it runs",
        500.. if case.name == GOOD => "look into the endpoint's log: it failed",
        _ => case.mend,
    };
    hint.to_owned()
}

fn unanswered(error: &DialError) -> String {
    let hint = match error {
        DialError::Timeout { .. } | DialError::Silent { .. } => {
            "answer first and work afterwards; allow more for the check with --timeout"
        }
        DialError::Broken { .. } => "it hung up without an answer: look into the endpoint's log",
        _ => "it takes no connections any more: see whether it ended",
    };
    hint.to_owned()
}
