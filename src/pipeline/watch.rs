//! Watches stdout and the stream while no messages arrive: stdout may be closed, and a quiet stream is reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::notices;
use crate::source::Pulse;
use crate::time::Timestamp;
use crate::ui::Ui;

/// Print a "no message" notice after this delay; double the delay after each notice.
const QUIET: Duration = Duration::from_secs(30);

/// Background tasks that end with the pipeline.
pub(super) struct Watch {
    closed: Arc<AtomicBool>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Watch {
    /// Cancels `stop` when stdout is closed.
    pub(super) fn start(ui: &Arc<Ui>, pulse: &Arc<Pulse>, stop: &CancellationToken) -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        let leaving = {
            let (ui, stop, closed) = (Arc::clone(ui), stop.clone(), Arc::clone(&closed));
            tokio::spawn(async move {
                ui.stdout_closed().await;
                closed.store(true, Ordering::Relaxed);
                stop.cancel();
            })
        };
        let listening = {
            let (ui, pulse) = (Arc::clone(ui), Arc::clone(pulse));
            tokio::spawn(async move {
                let mut quiet = Quiet::default();
                loop {
                    let (report, next) = quiet.check(pulse.silence(Timestamp::now()));
                    if let Some((message, sign)) = report {
                        notices::quiet(&ui, message, sign);
                    }
                    tokio::time::sleep(next).await;
                }
            })
        };
        Self {
            closed,
            _tasks: [
                AbortOnDropHandle::new(leaving),
                AbortOnDropHandle::new(listening),
            ],
        }
    }

    /// Returns whether stdout is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

/// Decides when to report a quiet stream.
#[derive(Default)]
struct Quiet {
    /// The silence that was reported last.
    reported: Duration,
}

impl Quiet {
    /// `silence` is the time without a message, and without any sign of life. Returns it if it is to be reported, and when
    /// to check again.
    fn check(
        &mut self,
        silence: Option<(Duration, Duration)>,
    ) -> (Option<(Duration, Duration)>, Duration) {
        let (message, sign) = silence.unwrap_or_default();
        if message < self.reported {
            self.reported = Duration::ZERO;
        }
        let due = (self.reported * 2).max(QUIET);
        if message < due {
            // Check at least once per interval, to detect a message that arrived in between.
            return (None, (due - message).min(QUIET));
        }
        self.reported = message;
        (Some((message, sign)), QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_quiet_stream_is_reported_at_doubling_intervals() {
        let mut quiet = Quiet::default();
        let mut reported = Vec::new();
        let mut now = secs(0);
        while now < secs(500) {
            let (report, next) = quiet.check(Some((now, secs(1))));
            reported.extend(report.map(|_| now.as_secs()));
            now += next;
        }
        assert_eq!(reported, [30, 60, 120, 240, 480]);
    }

    #[test]
    fn a_message_restarts_the_intervals() {
        let mut quiet = Quiet::default();
        quiet.check(Some((secs(30), secs(0))));
        quiet.check(Some((secs(60), secs(0))));
        assert_eq!(quiet.check(Some((secs(10), secs(0)))), (None, secs(20)));
        assert!(quiet.check(Some((secs(30), secs(0)))).0.is_some());
    }

    #[test]
    fn a_stream_that_is_not_open_is_not_quiet() {
        let mut quiet = Quiet::default();
        assert_eq!(quiet.check(None), (None, QUIET));
    }
}
