//! `--idle`: a stream that shows no sign of life is taken for lost.

use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Cx, Ended, Pulse, Source, SourceError};
use crate::event::Transport;
use crate::time::Timestamp;

/// A source whose connection counts as lost once nothing at all came for `limit`, not even a keepalive.
pub struct Idle {
    source: Box<dyn Source>,
    limit: Duration,
}

impl Idle {
    pub fn new(source: Box<dyn Source>, limit: Duration) -> Self {
        Self { source, limit }
    }
}

impl Source for Idle {
    fn transport(&self) -> Transport {
        self.source.transport()
    }

    fn target(&self) -> String {
        self.source.target()
    }

    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        let (pulse, limit) = (Arc::clone(&cx.pulse), self.limit);
        Box::pin(async move {
            tokio::select! {
                end = self.source.run(cx) => end,
                () = silent(&pulse, limit, Timestamp::now) => Ok(Ended::Cut {
                    why: format!("no sign of life for {} s", limit.as_secs_f64()),
                    server_minimum: Duration::ZERO,
                }),
            }
        })
    }

    fn position(&self) -> Option<String> {
        self.source.position()
    }
}

/// Ends once the open stream has had no sign of life for `limit`.
async fn silent(pulse: &Pulse, limit: Duration, now: impl Fn() -> Timestamp) {
    loop {
        let left = match pulse.silence(now()) {
            Some((_, silence)) => limit.saturating_sub(silence),
            // Connecting has limits of its own.
            None => limit,
        };
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A clock that goes with the runtime's paused one.
    fn clock() -> impl Fn() -> Timestamp {
        let start = Instant::now();
        move || Timestamp::from_secs(1_000).plus(start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_sign_of_life() {
        let (pulse, now, start) = (Arc::new(Pulse::default()), clock(), Instant::now());
        pulse.opened(now());
        let signs = Arc::clone(&pulse);
        tokio::spawn(async move {
            let sign = Timestamp::from_secs(1_000).plus(Duration::from_secs(7));
            tokio::time::sleep(Duration::from_secs(7)).await;
            signs.sign(sign);
        });
        silent(&pulse, LIMIT, now).await;
        assert_eq!(start.elapsed().as_secs(), 17);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_not_open_is_not_idle() {
        let (pulse, now) = (Pulse::default(), clock());
        let waiting = tokio::time::timeout(10 * LIMIT, silent(&pulse, LIMIT, now));
        assert!(waiting.await.is_err());
    }
}
