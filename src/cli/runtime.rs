//! The async runtime of a command, and its reaction to signals.

use std::future::Future;
use std::sync::Arc;

use super::Context;
use crate::error::{CliError, Exit};
use crate::explain::{Explain, Explanation};

/// The kind of runtime that a command needs. Synchronous commands need none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    /// The first signal cancels the command, which has at most one request in flight.
    Brief,
    /// The command watches [`Context::shutdown`] and drains. One thread, which is faster than several for a client.
    Client,
    /// The command watches [`Context::shutdown`] and drains. Two worker threads.
    Server,
}

/// Why the runtime failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    #[error("cannot start")]
    Start(#[source] std::io::Error),
    #[error("the command failed with an internal error")]
    Panicked,
}

impl Explain for RuntimeError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Start(_) => Explanation::failed("runtime").hint("evt doctor"),
            Self::Panicked => Explanation::failed("fault")
                .hint("report it with the line above and the command that you ran"),
        }
    }
}

impl Runtime {
    /// Runs `command` to its end, or to the second signal.
    pub(super) fn run(
        self,
        cx: &Arc<Context>,
        command: impl Future<Output = Result<Exit, CliError>> + Send + 'static,
    ) -> Result<Exit, CliError> {
        let runtime = self.build().map_err(RuntimeError::Start)?;
        let result = runtime.block_on(async {
            tokio::spawn(watch_signals(Arc::clone(cx)));
            // A spawned task is cheaper: the reactor wakes a root future for every chunk that it reads.
            let task = tokio::spawn(command);
            if self != Self::Brief {
                return task.await;
            }
            tokio::select! {
                result = task => result,
                () = cx.shutdown.cancelled() => Ok(Ok(cx.interrupted().unwrap_or(Exit::Interrupted))),
            }
        });
        // A normal shutdown would wait for a blocking read of stdin, or for a name lookup.
        runtime.shutdown_background();
        result.unwrap_or_else(|_| Err(RuntimeError::Panicked.into()))
    }

    fn build(self) -> std::io::Result<tokio::runtime::Runtime> {
        let mut builder = match self {
            Self::Brief | Self::Client => tokio::runtime::Builder::new_current_thread(),
            Self::Server => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(2);
                builder
            }
        };
        builder.enable_all().build()
    }
}

/// The first signal starts the shutdown, the second one ends the process at once. A hang-up (the terminal was closed) is
/// like SIGTERM, unless the process was started to survive it, as `nohup` does.
#[cfg(unix)]
async fn watch_signals(cx: Arc<Context>) {
    use tokio::signal::unix::{SignalKind, signal};
    // Read before any handler is installed.
    let mut hangup = match ignores_hangup() {
        Some(false) => signal(SignalKind::hangup()).ok(),
        _ => None,
    };
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Without handlers the first signal ends the process.
        return;
    };
    loop {
        let exit = tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
            () = received(hangup.as_mut()) => Exit::Terminated,
        };
        if cx.shutdown.is_cancelled() && cx.interrupted().is_some() {
            std::process::exit(i32::from(exit.code()));
        }
        cx.note_signal(exit);
    }
}

#[cfg(unix)]
async fn received(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Returns whether SIGHUP is ignored. `None` where the system does not report it; then its default action remains.
#[cfg(unix)]
fn ignores_hangup() -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    // SIGHUP is signal 1, the lowest bit.
    let ignored = u64::from_str_radix(ignored.trim(), 16).ok()?;
    Some(ignored & 1 == 1)
}

#[cfg(not(unix))]
async fn watch_signals(cx: Arc<Context>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if cx.interrupted().is_some() {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        cx.note_signal(Exit::Interrupted);
    }
}
