//! The only loop that reconnects.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use super::{ConnectionLoss, Cx, Ended, Notice, Source, SourceError};

/// Upper limit of the first delay. It doubles for each further failure.
const BASE: Duration = Duration::from_millis(500);
/// Longest delay, unless the server requests more.
const CAP: Duration = Duration::from_secs(30);
/// Shortest delay, so that a server that closes each connection immediately is not called in a tight loop.
const FLOOR: Duration = Duration::from_millis(100);
/// After a connection of this duration the count of failures restarts, even if no message arrived.
const STABLE: Duration = Duration::from_secs(60);

/// When to reconnect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reconnect {
    /// After a loss. If the first attempt fails, that is an error.
    #[default]
    AfterLoss,
    /// Also if the first attempt fails, and after the server finished the stream.
    Always,
    Never,
}

/// Runs `source`, one connection after another, until the stream ends, [`Cx::stop`] is cancelled, or a permanent error
/// occurs.
///
/// Delays have full jitter (`random` returns numbers from 0 to 1) on top of the server's own minimum. They double from half
/// a second to 30 s, and restart after a connection that delivered a message or lasted a minute. `max_retries` limits
/// consecutive failures.
///
/// # Errors
/// A failure that a retry cannot fix; [`SourceError::Spent`] after the last retry; [`SourceError::Lost`] with
/// [`Reconnect::Never`].
pub async fn keep_open(
    source: &mut dyn Source,
    cx: &mut Cx<'_>,
    reconnect: Reconnect,
    max_retries: Option<u32>,
    mut random: impl FnMut() -> f64,
) -> Result<Ended, SourceError> {
    let mut failures: u32 = 0;
    let mut was_open = false;
    loop {
        let started = Instant::now();
        cx.pulse.closed();
        let result = source.run(cx).await;
        let last_sign = cx.pulse.last_sign();
        cx.pulse.closed();
        if cx.stop.is_cancelled() {
            return Ok(Ended::Stopped);
        }
        let was_stable = last_sign.is_some() && started.elapsed() >= STABLE;
        if cx.pulse.take_delivered() || was_stable {
            failures = 0;
        }
        was_open |= last_sign.is_some();
        let (failure, min_delay) = match failed(result, reconnect) {
            ControlFlow::Continue(failure) => failure,
            ControlFlow::Break(ended) => return Ok(ended),
        };
        if !may_retry(reconnect, was_open, &failure) {
            return Err(failure);
        }
        failures += 1;
        if let Some(retries) = max_retries
            && failures > retries
        {
            let source = Box::new(failure);
            return Err(SourceError::Spent { retries, source });
        }
        if let Some(since) = last_sign {
            let why = describe(&failure);
            cx.lost(ConnectionLoss { since, why }, source.position().is_some());
        }
        if cx.stop.is_cancelled() {
            return Ok(Ended::Stopped);
        }
        let delay = delay(failures, min_delay.max(source.min_delay()), random());
        cx.outlet.notice(Notice::Retrying {
            why: describe(&failure),
            delay,
            attempt: failures,
        });
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = cx.stop.cancelled() => return Ok(Ended::Stopped),
        }
    }
}

/// Converts the result of a connection: the end of the stream, or the reason to reconnect and the delay that the server
/// requested.
fn failed(
    result: Result<Ended, SourceError>,
    reconnect: Reconnect,
) -> ControlFlow<Ended, (SourceError, Duration)> {
    match result {
        Ok(Ended::Lost { why, min_delay }) => {
            ControlFlow::Continue((SourceError::Lost { why }, min_delay))
        }
        Ok(Ended::Finished { why }) if reconnect == Reconnect::Always => {
            ControlFlow::Continue((SourceError::Lost { why }, Duration::ZERO))
        }
        Ok(ended) => ControlFlow::Break(ended),
        Err(error) => {
            let min_delay = error.retry_after();
            ControlFlow::Continue((error, min_delay))
        }
    }
}

fn may_retry(reconnect: Reconnect, was_open: bool, failure: &SourceError) -> bool {
    match reconnect {
        Reconnect::Never => false,
        Reconnect::AfterLoss => was_open && failure.is_transient(),
        Reconnect::Always => {
            failure.is_transient()
                || matches!(
                    failure,
                    SourceError::Closed { .. } | SourceError::Protocol { .. }
                )
        }
    }
}

/// The failure with its causes on one line.
fn describe(failure: &SourceError) -> String {
    match failure {
        SourceError::Lost { why } => why.clone(),
        other => chain(other),
    }
}

/// An error with its causes on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

fn delay(failures: u32, min_delay: Duration, random: f64) -> Duration {
    let doubled = BASE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let jitter = doubled.min(CAP).mul_f64(random.clamp(0.0, 1.0));
    (min_delay + jitter).max(FLOOR)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::super::{BoxFuture, Message, Outlet, Pulse};
    use super::*;
    use crate::event::Transport;
    use crate::time::Timestamp;

    type Outcome = fn() -> Result<Ended, SourceError>;

    #[derive(Default)]
    struct Recorder(Vec<Notice>, Vec<ConnectionLoss>);

    impl Outlet for Recorder {
        fn take(&mut self, _: &Message<'_>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }

        fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
            Box::pin(std::future::ready(ControlFlow::Continue(())))
        }

        fn lost(&mut self, loss: &ConnectionLoss) {
            self.1.push(loss.clone());
        }

        fn notice(&mut self, notice: Notice) {
            self.0.push(notice);
        }
    }

    /// How each run ends, and for how long it was open before. The last entry repeats.
    struct Script(Vec<(Option<Duration>, Outcome)>, usize);

    impl Source for Script {
        fn transport(&self) -> Transport {
            Transport::Sse
        }

        fn target(&self) -> String {
            "script".to_owned()
        }

        fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
            Box::pin(async move {
                let (open, end) = self.0[self.1.min(self.0.len() - 1)];
                self.1 += 1;
                if let Some(open) = open {
                    cx.pulse.opened(Timestamp::now());
                    tokio::time::sleep(open).await;
                }
                end()
            })
        }

        fn position(&self) -> Option<String> {
            None
        }
    }

    fn lost() -> Result<Ended, SourceError> {
        Ok(Ended::Lost {
            why: "connection reset".to_owned(),
            min_delay: Duration::ZERO,
        })
    }

    fn finished() -> Result<Ended, SourceError> {
        Ok(Ended::Finished {
            why: "done".to_owned(),
        })
    }

    fn refused() -> Result<Ended, SourceError> {
        Err(SourceError::Refused {
            target: "script".to_owned(),
            status: http::StatusCode::SERVICE_UNAVAILABLE,
            body: String::new(),
            retry_after: None,
        })
    }

    fn violated() -> Result<Ended, SourceError> {
        Err(SourceError::Protocol {
            why: "no".to_owned(),
        })
    }

    fn cx(recorder: &mut Recorder) -> Cx<'_> {
        Cx {
            outlet: recorder,
            stop: CancellationToken::new(),
            input: None,
            pulse: Arc::new(Pulse::default()),
            loss: None,
            reconnects: 0,
        }
    }

    async fn run(
        script: Vec<(Option<Duration>, Outcome)>,
        reconnect: Reconnect,
        max_retries: Option<u32>,
    ) -> (Result<Ended, SourceError>, Vec<Notice>, usize) {
        let mut source = Script(script, 0);
        let mut recorder = Recorder::default();
        let mut cx = cx(&mut recorder);
        let end = keep_open(&mut source, &mut cx, reconnect, max_retries, || 0.5).await;
        (end, recorder.0, source.1)
    }

    /// The delays before reconnecting, in milliseconds.
    fn delays(notices: &[Notice]) -> Vec<u128> {
        let delays = notices.iter().filter_map(|notice| match notice {
            Notice::Retrying { delay, .. } => Some(delay.as_millis()),
            _ => None,
        });
        delays.collect()
    }

    const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

    #[tokio::test(start_paused = true)]
    async fn a_lost_connection_is_opened_again_until_the_stream_ends() {
        let script = vec![
            (AT_ONCE, lost as Outcome),
            (AT_ONCE, lost),
            (AT_ONCE, finished),
        ];
        let (end, notices, runs) = run(script, Reconnect::AfterLoss, None).await;
        assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
        assert_eq!((runs, notices.len()), (3, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_first_attempt_is_an_error() {
        let (end, notices, runs) =
            run(vec![(None, refused as Outcome)], Reconnect::AfterLoss, None).await;
        assert!(matches!(end, Err(SourceError::Refused { .. })), "{end:?}");
        assert_eq!((runs, notices.len()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_violation_of_the_protocol_is_retried_only_on_request() {
        for (reconnect, expected) in [(Reconnect::AfterLoss, 1), (Reconnect::Always, 4)] {
            let script = vec![(AT_ONCE, violated as Outcome)];
            let (_, _, runs) = run(script, reconnect, Some(3)).await;
            assert_eq!(runs, expected, "{reconnect:?}");
        }
    }

    /// Each connection delivers a message, and is lost.
    struct Delivering(usize);

    impl Source for Delivering {
        fn transport(&self) -> Transport {
            Transport::Sse
        }

        fn target(&self) -> String {
            "delivering".to_owned()
        }

        fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
            Box::pin(async move {
                self.0 += 1;
                if self.0 > 20 {
                    return finished();
                }
                cx.pulse.opened(Timestamp::now());
                cx.pulse.message(Timestamp::now());
                lost()
            })
        }

        fn position(&self) -> Option<String> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_delivers_is_not_a_failure() {
        let mut recorder = Recorder::default();
        let mut cx = cx(&mut recorder);
        let mut source = Delivering(0);
        let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, Some(3), || 1.0).await;
        assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
        assert_eq!(delays(&recorder.0), [500; 20]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_retries_is_limited() {
        let script = vec![(AT_ONCE, lost as Outcome), (None, refused)];
        let (end, _, runs) = run(script, Reconnect::AfterLoss, Some(3)).await;
        assert!(matches!(end, Err(SourceError::Spent { .. })), "{end:?}");
        assert_eq!(runs, 4);
    }

    /// A source whose server requests a delay.
    struct WithDelay(Script, Duration);

    impl Source for WithDelay {
        fn transport(&self) -> Transport {
            self.0.transport()
        }

        fn target(&self) -> String {
            self.0.target()
        }

        fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
            self.0.run(cx)
        }

        fn min_delay(&self) -> Duration {
            self.1
        }

        fn position(&self) -> Option<String> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_requested_delay_applies_after_attempts_that_do_not_reach_the_server() {
        let script = vec![
            (AT_ONCE, lost as Outcome),
            (None, refused),
            (AT_ONCE, finished),
        ];
        let mut source = WithDelay(Script(script, 0), Duration::from_secs(45));
        let mut recorder = Recorder::default();
        let mut cx = cx(&mut recorder);
        let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, None, || 0.0).await;
        assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
        assert_eq!(delays(&recorder.0), [45_000, 45_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn delays_double_and_restart_after_a_stable_minute() {
        let stable = Some(Duration::from_secs(61));
        let script = vec![
            (AT_ONCE, lost as Outcome),
            (AT_ONCE, lost),
            (AT_ONCE, lost),
            (stable, lost),
            (AT_ONCE, finished),
        ];
        let (_, notices, _) = run(script, Reconnect::AfterLoss, None).await;
        assert_eq!(delays(&notices), [250, 500, 1000, 250]);
    }

    #[test]
    fn a_delay_is_within_its_limits() {
        let asked = Duration::from_secs(45);
        assert_eq!(delay(1, asked, 0.0), asked);
        assert!(delay(30, Duration::ZERO, 1.0) <= CAP);
        assert_eq!(delay(1, Duration::ZERO, 0.0), FLOOR);
    }

    /// Loses its first connection, and reports the gap on the next one.
    struct Silent(bool);

    const LAST_SIGN: Timestamp = Timestamp::from_millis(1_777_111_200_000);

    impl Source for Silent {
        fn transport(&self) -> Transport {
            Transport::WebSocket
        }

        fn target(&self) -> String {
            "silent".to_owned()
        }

        fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
            Box::pin(async move {
                if std::mem::replace(&mut self.0, true) {
                    cx.gap(None, None, "unknown");
                    return finished();
                }
                cx.pulse.opened(LAST_SIGN);
                lost()
            })
        }

        fn position(&self) -> Option<String> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_starts_at_the_last_sign_of_life() {
        let mut recorder = Recorder::default();
        let mut cx = cx(&mut recorder);
        let mut source = Silent(false);
        let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, None, || 0.0).await;
        assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
        let since = recorder.0.iter().find_map(|notice| match notice {
            Notice::Gap(gap) => Some(gap.since),
            _ => None,
        });
        assert_eq!(since, Some(LAST_SIGN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_that_cannot_be_resumed_is_reported_immediately() {
        let mut recorder = Recorder::default();
        let mut cx = cx(&mut recorder);
        let unreachable = vec![(AT_ONCE, lost as Outcome), (None, refused)];
        let mut source = Script(unreachable, 0);
        let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, Some(3), || 0.0).await;
        assert!(matches!(end, Err(SourceError::Spent { .. })), "{end:?}");
        assert_eq!(
            cx.reconnects, 1,
            "failed attempts do not count as reconnects"
        );
        let why: Vec<&str> = recorder.1.iter().map(|loss| loss.why.as_str()).collect();
        assert_eq!(why, ["connection reset"]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_reconnecting_the_first_loss_is_an_error() {
        let (end, _, runs) = run(vec![(AT_ONCE, lost as Outcome)], Reconnect::Never, None).await;
        assert!(matches!(end, Err(SourceError::Lost { .. })), "{end:?}");
        assert_eq!(runs, 1);
    }
}
