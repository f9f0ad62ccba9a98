//! The async runtime that a command asks for, and what signals do to it.

use std::future::Future;
use std::sync::Arc;

use super::Context;
use crate::error::{CliError, Exit};
use crate::explain::{Explain, Explanation};

/// How a command runs. Commands that wait for nothing need none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    /// Dropped where it stands by the first signal: nothing to drain, a request at most.
    Brief,
    /// Watches [`Context::shutdown`] and drains. One thread, which is faster for a client than several.
    Client,
    /// Watches [`Context::shutdown`] and drains. Two workers.
    Server,
}

/// Why the runtime itself failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    #[error("cannot start")]
    Start(#[source] std::io::Error),
    #[error("the command ended by a fault of its own")]
    Fault,
}

impl Explain for RuntimeError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Start(_) => Explanation::failed("runtime").hint("evt doctor"),
            Self::Fault => Explanation::failed("fault")
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
            // Spawned, because a root future costs one wake-up by the reactor for each chunk that it reads.
            let task = tokio::spawn(command);
            if self != Self::Brief {
                return task.await;
            }
            tokio::select! {
                result = task => result,
                () = cx.shutdown.cancelled() => Ok(Ok(cx.interrupted().unwrap_or(Exit::Interrupted))),
            }
        });
        // A blocking read of stdin or a name lookup under way would be waited for without end.
        runtime.shutdown_background();
        result.unwrap_or_else(|_| Err(RuntimeError::Fault.into()))
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

/// The first signal asks for the end, the second takes it.
#[cfg(unix)]
async fn watch_signals(cx: Arc<Context>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Without handlers the system's own are in place: the first signal ends the process.
        return;
    };
    loop {
        let exit = tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        };
        if cx.shutdown.is_cancelled() && cx.interrupted().is_some() {
            std::process::exit(i32::from(exit.code()));
        }
        cx.note_signal(exit);
    }
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
