//! `evt send --check`: sends an endpoint what it must accept and what it must refuse, and judges its answers.
//!
//! [`CASES`] lists the cases for every scheme; a scheme adds those of its handshake ([`crate::signature::Probe`]). Output and the
//! exit code are up to the caller.

mod bench;
mod cases;
mod forge;
mod judge;
mod make;
mod probe;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Message, Signing};
use crate::dial::{Answer, Call, DialError, Dialer};
use crate::signature::{Probe, SignatureError};
use crate::time::Timestamp;
use bench::Bench;

pub use cases::CASES;

/// The check ends if this many requests at the start get no answer: the rest would fail the same way.
const MOST_UNANSWERED: usize = 2;

/// The most characters of the reason for a skipped case.
const LONGEST_REASON: usize = 60;

/// One thing that is checked.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub group: Group,
    /// What the right answer proves about the endpoint.
    pub proves: &'static str,
    /// What to change in the endpoint if its answer is wrong.
    fix: &'static str,
    make: Make,
    expect: Expect,
}

/// Makes the requests of a case, in the order in which they are sent.
#[derive(Clone, Copy)]
enum Make {
    With(fn(&Bench<'_>) -> CaseRequests),
    Probe(&'static Probe),
}

type CaseRequests = Result<Vec<Call>, Skip>;

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Accepts,
    Refuses,
    Behaves,
    Handshake,
}

impl Group {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepts => "accepts",
            Self::Refuses => "refuses",
            Self::Behaves => "behaves",
            Self::Handshake => "handshake",
        }
    }
}

/// The right answer.
#[derive(Clone, Copy)]
enum Expect {
    Accepted,
    AcceptedOrTooLarge,
    /// Anything but 5xx.
    Answered,
    /// Any status except 5xx; 501 is accepted as well.
    NoCrash,
    /// Anything but 5xx, for a request that only the owner of the secret could make. The answer is reported, not judged.
    Any,
    /// 2xx or 4xx, for a request that the scheme's own verifier accepts. The answer is reported, not judged.
    Either,
    Refused,
    /// Exactly this status.
    RefusedWith(u16),
    /// Accepted within the time that the vendor waits.
    InTime,
    /// The first request is accepted; the second is accepted or refused.
    Twice,
    /// Accepted, with the answer that the vendor looks for.
    Reply(fn(&crate::signature::Challenge<'_>, u16, &[u8]) -> bool),
}

/// Why a case is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Skip(String);

impl Skip {
    /// A long reason is truncated, because it is shown in a row of a table.
    fn because(reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
            let last = reason[..end].char_indices().next_back();
            reason.truncate(last.map_or(0, |(at, _)| at));
            reason.push('…');
        }
        Self(reason)
    }
}

impl From<SignatureError> for Skip {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::BadBody { .. } => Self::because("the scheme cannot sign such a body"),
            SignatureError::BadSecret { .. } => Self::because("the scheme takes no such secret"),
            other => Self::because(other.to_string()),
        }
    }
}

/// The result of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request was accepted, as it must be.
    Passes,
    /// The request was refused, as it must be.
    Refuses,
    /// The request was accepted and must be refused.
    Leaks,
    /// The request was refused and must be accepted, or the answer was not a proper one.
    Fails,
    /// The request was not sent, or its answer proves nothing.
    Skipped,
}

impl Verdict {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Refuses => "refuses",
            Self::Leaks => "leaks",
            Self::Fails => "fails",
            Self::Skipped => "skipped",
        }
    }

    pub const fn holds(self) -> bool {
        matches!(self, Self::Passes | Self::Refuses)
    }
}

/// The result of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The status, or the code of the error.
    pub status: Result<u16, &'static str>,
    pub took: Duration,
}

/// The result of one case.
#[derive(Debug)]
pub struct Finding {
    pub case: Case,
    pub verdict: Verdict,
    /// The expected answer in words: `2xx`, `4xx`, `2xx in 3 s`.
    pub expected: String,
    /// Empty if nothing was sent.
    pub attempts: Vec<Attempt>,
    /// What to do, or more information. For a skipped case, why it was skipped.
    pub hint: Option<String>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The results of a check.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// The error that ended the check, if none of the first requests was answered.
    pub unanswered: Option<DialError>,
}

impl Report {
    pub fn count(&self, wanted: impl Fn(Verdict) -> bool) -> usize {
        let verdicts = self.findings.iter().map(|finding| finding.verdict);
        verdicts.filter(|verdict| wanted(*verdict)).count()
    }
}

/// Progress of a check.
pub enum Progress<'a> {
    Started {
        case: Case,
        /// Counted from zero.
        number: usize,
        of: usize,
    },
    Finished(&'a Finding),
}

/// Runs all cases one after the other, so that the endpoint's log has the order of the report. `stop` ends the check before the
/// next case.
///
/// # Errors
/// If the scheme cannot sign the message at all.
pub async fn run(
    message: &Message,
    signing: &Signing,
    dialer: &Dialer,
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Report, SignatureError> {
    let mut random = [0; 32];
    fastrand::fill(&mut random);
    let mut bench = Bench::new(message, signing, Timestamp::now(), random)?;
    let mut report = Report::default();
    let probes = signing.scheme.facts().probes.iter().map(Case::of_probe);
    let cases: Vec<Case> = CASES.iter().copied().chain(probes).collect();
    for (number, case) in cases.iter().copied().enumerate() {
        // Sign each request just before it is sent: slow answers to earlier ones may outlast the tolerance.
        bench.now = Timestamp::now();
        let (calls, expect) = match case.requests(&bench) {
            Ok(made) => made,
            Err(Skip(reason)) => {
                let finding = judge::skipped(case, reason);
                progress(Progress::Finished(&finding));
                report.findings.push(finding);
                continue;
            }
        };
        progress(Progress::Started {
            case,
            number,
            of: cases.len(),
        });
        let results = tokio::select! {
            results = send_all(dialer, calls) => results,
            () = stop.cancelled() => break,
        };
        let refusal = judge::valid_request_refusal(&report);
        let finding = judge::judge(case, expect, &bench, &results, refusal);
        progress(Progress::Finished(&finding));
        let is_answered = results.iter().any(Result::is_ok);
        report.findings.push(finding);
        let count = report.findings.len();
        if let Some(Err(error)) = results.into_iter().next_back()
            && !is_answered
            && all_unanswered(&report)
            && (count >= MOST_UNANSWERED || is_unreachable(&error))
        {
            report.unanswered = Some(error);
            break;
        }
    }
    Ok(report)
}

/// Whether every case so far was sent and got no answer.
fn all_unanswered(report: &Report) -> bool {
    report.findings.len() <= MOST_UNANSWERED
        && report.findings.iter().all(|finding| {
            let is_error = |attempt: &Attempt| attempt.status.is_err();
            !finding.attempts.is_empty() && finding.attempts.iter().all(is_error)
        })
}

/// Sends the requests one after the other, up to the first without an answer.
async fn send_all(dialer: &Dialer, calls: Vec<Call>) -> Vec<Result<Answer, DialError>> {
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        let result = dialer.send(call).await;
        let is_error = result.is_err();
        results.push(result);
        if is_error {
            break;
        }
    }
    results
}

/// Whether no connection was made, so that the next attempt would fail too.
pub(super) const fn is_unreachable(error: &DialError) -> bool {
    match error {
        DialError::BadTarget { .. }
        | DialError::Name { .. }
        | DialError::Refused { .. }
        | DialError::Forbidden { .. }
        | DialError::Tls { .. }
        | DialError::BadProxy(_)
        | DialError::Proxy { .. } => true,
        DialError::Timeout { .. } | DialError::Silent { .. } | DialError::Broken { .. } => false,
    }
}

impl Case {
    /// Returns the requests and the right answer to them.
    fn requests(&self, bench: &Bench<'_>) -> Result<(Vec<Call>, Expect), Skip> {
        let calls = match self.make {
            Make::With(make) => make(bench)?,
            Make::Probe(probe) => probe::requests(bench, probe)?,
        };
        let expect = match (self.expect, calls.as_slice()) {
            // The scheme's own verifier accepts the request, so an endpoint may accept it too.
            (Expect::Refused, [call]) if bench.is_accepted(call) => Expect::Either,
            (expect, _) => expect,
        };
        Ok((calls, expect))
    }
}

#[cfg(test)]
mod tests;
