//! The only loop that reconnects.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use super::{CutOff, Cx, Ended, Notice, Source, SourceError};

/// The first delay is drawn below this, each next one below twice as much.
const BASE: Duration = Duration::from_millis(500);
/// No delay is longer, unless the server asks for it.
const CAP: Duration = Duration::from_secs(30);
/// No delay is shorter, so that a server that closes at once is not called in a spin.
const FLOOR: Duration = Duration::from_millis(100);
/// A connection that lasted so long starts the counting anew.
const STABLE: Duration = Duration::from_secs(60);

/// When to connect again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reconnect {
    /// After a loss; a first attempt that fails is an error.
    #[default]
    AfterLoss,
    /// Also when the first attempt fails, and after an end that is otherwise taken as final.
    Always,
    Never,
}

/// Runs `source`, connection after connection, until it ends by its own word, by [`Cx::stop`], or for good.
///
/// Delays have full jitter (`random` gives numbers from 0 to 1) above the server's own minimum, doubling from half a second to
/// 30 s, and start anew after a connection that lasted a minute. `max_retries` bounds the failures in a row.
///
/// # Errors
/// What will not pass by trying again; [`SourceError::Spent`] when the retries are; [`SourceError::Lost`] with
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
        let begun = Instant::now();
        cx.pulse.closed();
        let result = source.run(cx).await;
        let last_sign = cx.pulse.last_sign();
        cx.pulse.closed();
        if cx.stop.is_cancelled() {
            return Ok(Ended::Stopped);
        }
        if last_sign.is_some() && begun.elapsed() >= STABLE {
            failures = 0;
        }
        was_open |= last_sign.is_some();
        let (failure, minimum) = match failed(result, reconnect) {
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
            let why = words(&failure);
            let cut = CutOff { since, why };
            if source.position().is_none() {
                cx.outlet.lost(&cut);
            }
            cx.cut.get_or_insert(cut);
        }
        if cx.stop.is_cancelled() {
            return Ok(Ended::Stopped);
        }
        let minimum = minimum.max(source.server_minimum());
        let delay = delay(failures, minimum, random());
        cx.outlet.notice(Notice::Retrying {
            why: words(&failure),
            delay,
            attempt: failures,
        });
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = cx.stop.cancelled() => return Ok(Ended::Stopped),
        }
        cx.reconnects += u64::from(last_sign.is_some());
    }
}

/// Why a connection is to be made again, with the wait that the server asked for; or the end of the stream.
fn failed(
    result: Result<Ended, SourceError>,
    reconnect: Reconnect,
) -> ControlFlow<Ended, (SourceError, Duration)> {
    match result {
        Ok(Ended::Cut {
            why,
            server_minimum,
        }) => ControlFlow::Continue((SourceError::Lost { why }, server_minimum)),
        Ok(Ended::Finished { why }) if reconnect == Reconnect::Always => {
            ControlFlow::Continue((SourceError::Lost { why }, Duration::ZERO))
        }
        Ok(ended) => ControlFlow::Break(ended),
        Err(error) => {
            let minimum = error.retry_after();
            ControlFlow::Continue((error, minimum))
        }
    }
}

fn may_retry(reconnect: Reconnect, was_open: bool, failure: &SourceError) -> bool {
    match reconnect {
        Reconnect::Never => false,
        Reconnect::AfterLoss => was_open && failure.is_transient(),
        Reconnect::Always => {
            failure.is_transient() || matches!(failure, SourceError::Closed { .. })
        }
    }
}

/// The failure with its causes, in one line.
fn words(failure: &SourceError) -> String {
    match failure {
        SourceError::Lost { why } => why.clone(),
        other => chain(other),
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        words.push_str(": ");
        words.push_str(&source.to_string());
        cause = source.source();
    }
    words
}

fn delay(failures: u32, minimum: Duration, random: f64) -> Duration {
    let doubled = BASE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let jitter = doubled.min(CAP).mul_f64(random.clamp(0.0, 1.0));
    (minimum + jitter).max(FLOOR)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::super::{BoxFuture, Message, Outlet, Pulse};
    use super::*;
    use crate::event::Transport;
    use crate::time::Timestamp;

    type Ending = fn() -> Result<Ended, SourceError>;

    #[derive(Default)]
    struct Heard(Vec<Notice>, Vec<CutOff>);

    impl Outlet for Heard {
        fn take(&mut self, _: &Message<'_>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }

        fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
            Box::pin(std::future::ready(ControlFlow::Continue(())))
        }

        fn lost(&mut self, cut: &CutOff) {
            self.1.push(cut.clone());
        }

        fn notice(&mut self, notice: Notice) {
            self.0.push(notice);
        }
    }

    /// How each run ends, the last one for ever, and for how long it was open before.
    struct Script(Vec<(Option<Duration>, Ending)>, usize);

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

    fn cut() -> Result<Ended, SourceError> {
        Ok(Ended::Cut {
            why: "it broke off".to_owned(),
            server_minimum: Duration::ZERO,
        })
    }

    fn finished() -> Result<Ended, SourceError> {
        Ok(Ended::Finished {
            why: "done".to_owned(),
        })
    }

    fn refused() -> Result<Ended, SourceError> {
        Err(SourceError::Protocol {
            why: "no".to_owned(),
        })
    }

    fn cx(heard: &mut Heard) -> Cx<'_> {
        Cx {
            outlet: heard,
            stop: CancellationToken::new(),
            input: None,
            pulse: Arc::new(Pulse::default()),
            cut: None,
            reconnects: 0,
        }
    }

    async fn run(
        script: Vec<(Option<Duration>, Ending)>,
        reconnect: Reconnect,
        max_retries: Option<u32>,
    ) -> (Result<Ended, SourceError>, Vec<Notice>, usize) {
        let mut source = Script(script, 0);
        let mut heard = Heard::default();
        let mut cx = cx(&mut heard);
        let end = keep_open(&mut source, &mut cx, reconnect, max_retries, || 0.5).await;
        (end, heard.0, source.1)
    }

    const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

    #[tokio::test(start_paused = true)]
    async fn a_lost_connection_is_made_again_until_the_stream_ends() {
        let script = vec![
            (AT_ONCE, cut as Ending),
            (AT_ONCE, cut),
            (AT_ONCE, finished),
        ];
        let (end, notices, runs) = run(script, Reconnect::AfterLoss, None).await;
        assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
        assert_eq!((runs, notices.len()), (3, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_attempt_that_fails_is_an_error_at_once() {
        let (end, notices, runs) =
            run(vec![(None, refused as Ending)], Reconnect::AfterLoss, None).await;
        assert!(matches!(end, Err(SourceError::Protocol { .. })), "{end:?}");
        assert_eq!((runs, notices.len()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn retries_are_spent() {
        let script = vec![(AT_ONCE, cut as Ending), (None, refused)];
        let (end, _, runs) = run(script, Reconnect::AfterLoss, Some(3)).await;
        assert!(matches!(end, Err(SourceError::Spent { .. })), "{end:?}");
        assert_eq!(runs, 4);
    }

    /// A source whose server asked for a wait.
    struct Asked(Script, Duration);

    impl Source for Asked {
        fn transport(&self) -> Transport {
            self.0.transport()
        }

        fn target(&self) -> String {
            self.0.target()
        }

        fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
            self.0.run(cx)
        }

        fn server_minimum(&self) -> Duration {
            self.1
        }

        fn position(&self) -> Option<String> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_s_minimum_holds_also_after_attempts_that_do_not_reach_it() {
        let script = vec![
            (AT_ONCE, cut as Ending),
            (None, refused),
            (AT_ONCE, finished),
        ];
        let mut source = Asked(Script(script, 0), Duration::from_secs(45));
        let mut heard = Heard::default();
        let mut cx = cx(&mut heard);
        let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, None, || 0.0).await;
        assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
        let delays: Vec<u64> = heard
            .0
            .iter()
            .filter_map(|notice| match notice {
                Notice::Retrying { delay, .. } => Some(delay.as_secs()),
                _ => None,
            })
            .collect();
        assert_eq!(delays, [45, 45]);
    }

    #[tokio::test(start_paused = true)]
    async fn delays_double_and_start_anew_after_a_stable_minute() {
        let stable = Some(Duration::from_secs(61));
        let script = vec![
            (AT_ONCE, cut as Ending),
            (AT_ONCE, cut),
            (AT_ONCE, cut),
            (stable, cut),
            (AT_ONCE, finished),
        ];
        let (_, notices, _) = run(script, Reconnect::AfterLoss, None).await;
        let delays: Vec<u128> = notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Retrying { delay, .. } => Some(delay.as_millis()),
                _ => None,
            })
            .collect();
        assert_eq!(delays, [250, 500, 1000, 250]);
    }

    #[test]
    fn a_delay_is_never_below_the_server_s_minimum_and_never_a_spin() {
        let asked = Duration::from_secs(45);
        assert_eq!(delay(1, asked, 0.0), asked);
        assert!(delay(30, Duration::ZERO, 1.0) <= CAP);
        assert_eq!(delay(1, Duration::ZERO, 0.0), FLOOR);
    }

    /// Falls silent, and tells at the next connection what that loss was.
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
                    cx.gap(None, None, "nobody knows");
                    return finished();
                }
                cx.pulse.opened(LAST_SIGN);
                cut()
            })
        }

        fn position(&self) -> Option<String> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_begins_with_the_last_sign_of_life_and_not_when_the_loss_was_noticed() {
        let mut heard = Heard::default();
        let mut cx = cx(&mut heard);
        let mut source = Silent(false);
        let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, None, || 0.0).await;
        assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
        let since = heard.0.iter().find_map(|notice| match notice {
            Notice::Gap(gap) => Some(gap.since),
            _ => None,
        });
        assert_eq!(since, Some(LAST_SIGN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_without_a_position_to_go_on_from_is_told_at_once() {
        let mut heard = Heard::default();
        let mut cx = cx(&mut heard);
        let unreachable = vec![(AT_ONCE, cut as Ending), (None, refused)];
        let mut source = Script(unreachable, 0);
        let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, Some(3), || 0.0).await;
        assert!(matches!(end, Err(SourceError::Spent { .. })), "{end:?}");
        assert_eq!(cx.reconnects, 1, "attempts are not counted");
        let why: Vec<&str> = heard.1.iter().map(|cut| cut.why.as_str()).collect();
        assert_eq!(why, ["it broke off"]);
    }

    #[tokio::test(start_paused = true)]
    async fn with_never_the_first_loss_is_the_end() {
        let (end, _, runs) = run(vec![(AT_ONCE, cut as Ending)], Reconnect::Never, None).await;
        assert!(matches!(end, Err(SourceError::Lost { .. })), "{end:?}");
        assert_eq!(runs, 1);
    }
}
