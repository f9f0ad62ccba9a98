//! A battery against one endpoint: what it must accept, what it must refuse, how it behaves, and its vendor's handshake.
//!
//! [`CASES`] registers every case. What is shown, and how the command ends, is the caller's.

mod anatomy;
mod cases;
mod handshake;
mod judge;
mod make;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Message;
use crate::dial::{Answer, Call, DialError, Dialer};
use crate::secret::Secret;
use crate::signature::{Options, Scheme, SignatureError};
use crate::time::Timestamp;
use anatomy::Bench;

pub use cases::CASES;

/// So many requests at the beginning without any answer end the battery: the rest would fail the same way.
const SILENT: usize = 2;

/// The most characters of the reason why a case is skipped.
const REASON: usize = 60;

/// What is checked: a message that its endpoint must accept, and what signs it.
pub struct Subject {
    /// With a signer.
    pub message: Message,
    pub scheme: &'static dyn Scheme,
    pub options: Options,
    pub secret: Secret,
}

/// A row of [`CASES`].
pub struct Case {
    pub name: &'static str,
    pub group: Group,
    /// What an endpoint shows by the right answer.
    pub proves: &'static str,
    make: Make,
    expect: Expect,
    /// What to do where the answer is not the right one.
    mend: &'static str,
}

/// The requests of a case, in the order in which they are sent.
type Make = fn(&Bench<'_>) -> Result<Vec<Call>, Skip>;

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

/// The answer that is right.
#[derive(Clone, Copy)]
enum Expect {
    Accepted,
    AcceptedOrTooLarge,
    /// Anything but a failure of the endpoint's own, of which an unknown method is one.
    Answered,
    /// As `Answered`, where nothing needs to know the method.
    NoCrash,
    /// As `Answered`, of a request that only the owner of the secret could make: told, and not judged.
    Whatever,
    /// As `Answered`, of a request that the scheme's own verifier accepts: told, and not judged.
    Either,
    Refused,
    /// This very status.
    RefusedWith(u16),
    /// Accepted, in the time that the vendor waits.
    InTime,
    /// The first accepted, the second too or refused.
    Twice,
    /// Accepted, with what the vendor looks for.
    Reply(fn(&Bench<'_>, &Answer) -> bool),
}

/// Why a case is not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Skip {
    /// It is another vendor's: not worth a word.
    Foreign,
    /// The scheme cannot express it.
    Because(String),
}

impl Skip {
    /// The reason stands in a table's row, so a long one is cut.
    fn because(reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        if let Some((end, _)) = reason.char_indices().nth(REASON) {
            let last = reason[..end].char_indices().next_back();
            reason.truncate(last.map_or(0, |(at, _)| at));
            reason.push('…');
        }
        Self::Because(reason)
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

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was accepted, as it must be.
    Passes,
    /// It was refused, as it must be.
    Refuses,
    /// It was accepted and must be refused.
    Leaks,
    /// It was refused and must be accepted, or there was no proper answer.
    Fails,
    /// It was not tried, or proves nothing here.
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

/// What came of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// The status, or the code of the error that stands for it.
    pub status: Result<u16, &'static str>,
    pub took: Duration,
}

/// What came of one case.
#[derive(Debug)]
pub struct Finding {
    pub case: &'static Case,
    pub verdict: Verdict,
    /// In words: `2xx`, `4xx`, `2xx in 3 s`.
    pub expected: String,
    /// Nothing where it was not tried.
    pub came: Vec<Came>,
    /// What to do, or what else there is to know; why, where it was skipped.
    pub hint: Option<String>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What came of a battery.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// Why there was no answer, where none of the first requests was answered and the rest was not tried.
    pub silence: Option<DialError>,
}

impl Report {
    pub fn count(&self, wanted: impl Fn(Verdict) -> bool) -> usize {
        let verdicts = self.findings.iter().map(|finding| finding.verdict);
        verdicts.filter(|verdict| wanted(*verdict)).count()
    }
}

/// What the battery tells as it goes.
pub enum Told<'a> {
    /// This case is about to be tried; so many come before it, of so many.
    Begins(&'static Case, usize, usize),
    Ended(&'a Finding),
}

/// Tries every case, one after the other: the endpoint's log then reads like the report. `stop` ends it before the next one.
///
/// # Errors
/// Where the scheme cannot sign the message at all.
pub async fn run(
    subject: &Subject,
    dialer: &Dialer,
    stop: &CancellationToken,
    mut tell: impl FnMut(Told<'_>),
) -> Result<Report, SignatureError> {
    let mut random = [0; 32];
    fastrand::fill(&mut random);
    let mut bench = Bench::new(subject, Timestamp::now(), random)?;
    let mut report = Report::default();
    let mut unanswered = 0;
    for (number, case) in CASES.iter().enumerate() {
        // Each is signed when it is its turn: those before it may have taken longer than a timestamp is good.
        bench.now = Timestamp::now();
        let (calls, expect) = match case.requests(&bench) {
            Ok(made) => made,
            Err(Skip::Foreign) => continue,
            Err(Skip::Because(reason)) => {
                let finding = judge::skipped(case, reason);
                tell(Told::Ended(&finding));
                report.findings.push(finding);
                continue;
            }
        };
        tell(Told::Begins(case, number, CASES.len()));
        let sending = send_all(dialer, calls);
        let results = tokio::select! {
            results = sending => results,
            () = stop.cancelled() => break,
        };
        let good = judge::refusal_of_the_good(&report);
        let finding = judge::judge(case, expect, &bench, &results, good);
        tell(Told::Ended(&finding));
        let answered = results.iter().any(Result::is_ok);
        report.findings.push(finding);
        if let Some(Err(error)) = results.into_iter().next_back()
            && !answered
            && unanswered < SILENT
            && unanswered + 1 == report.findings.len()
        {
            unanswered += 1;
            if unanswered == SILENT || is_nobody(&error) {
                report.silence = Some(error);
                break;
            }
        }
    }
    Ok(report)
}

/// Sends one after the other; what is not answered is the last.
async fn send_all(dialer: &Dialer, calls: Vec<Call>) -> Vec<Result<Answer, DialError>> {
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        let result = dialer.send(call).await;
        let ended = result.is_err();
        results.push(result);
        if ended {
            break;
        }
    }
    results
}

/// Whether there is nobody to talk to.
const fn is_nobody(error: &DialError) -> bool {
    !matches!(
        error,
        DialError::Timeout { .. } | DialError::Silent { .. } | DialError::Broken { .. }
    )
}

impl Case {
    /// The requests and the answer that is right to them: what the scheme's own verifier accepts nobody has to refuse.
    fn requests(&self, bench: &Bench<'_>) -> Result<(Vec<Call>, Expect), Skip> {
        let calls = (self.make)(bench)?;
        let expect = match (self.expect, calls.as_slice()) {
            (Expect::Refused, [call]) if bench.is_acceptable(call) => Expect::Either,
            (expect, _) => expect,
        };
        Ok((calls, expect))
    }
}

#[cfg(test)]
mod tests;
