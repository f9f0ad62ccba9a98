//! What goes on while nothing comes: the reader of stdout may leave, and a quiet stream is told from a dead one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::notices;
use crate::source::Pulse;
use crate::time::Timestamp;
use crate::ui::Ui;

/// After so long without a message the stream is said to be quiet; then after twice as long, and so on.
const QUIET: Duration = Duration::from_secs(30);

/// Tasks beside the stream, ended with it.
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
                    let (said, next) = quiet.look(pulse.silence(Timestamp::now()));
                    if let Some((message, sign)) = said {
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

    /// Whether the reader of stdout has left.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

/// When to say that a stream is quiet.
#[derive(Default)]
struct Quiet {
    /// The silence that was last spoken of.
    said: Duration,
}

impl Quiet {
    /// Takes the time without a message and without any sign of life. Returns them where they are to be told, and when to look
    /// again.
    fn look(
        &mut self,
        silence: Option<(Duration, Duration)>,
    ) -> (Option<(Duration, Duration)>, Duration) {
        let (message, sign) = silence.unwrap_or_default();
        if message < self.said {
            self.said = Duration::ZERO;
        }
        let due = (self.said * 2).max(QUIET);
        if message < due {
            // A message in between starts it anew, and is noticed within one span.
            return (None, (due - message).min(QUIET));
        }
        self.said = message;
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
    fn a_quiet_stream_is_spoken_of_at_doubling_intervals() {
        let mut quiet = Quiet::default();
        let mut told = Vec::new();
        let mut now = secs(0);
        while now < secs(500) {
            let (said, next) = quiet.look(Some((now, secs(1))));
            told.extend(said.map(|_| now.as_secs()));
            now += next;
        }
        assert_eq!(told, [30, 60, 120, 240, 480]);
    }

    #[test]
    fn a_message_starts_it_anew() {
        let mut quiet = Quiet::default();
        quiet.look(Some((secs(30), secs(0))));
        quiet.look(Some((secs(60), secs(0))));
        assert_eq!(quiet.look(Some((secs(10), secs(0)))), (None, secs(20)));
        assert!(quiet.look(Some((secs(30), secs(0)))).0.is_some());
    }

    #[test]
    fn a_stream_that_is_not_open_is_not_quiet() {
        let mut quiet = Quiet::default();
        assert_eq!(quiet.look(None), (None, QUIET));
    }
}
