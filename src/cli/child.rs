//! `-- CMD`: a child process that gets additional variables, and ends with the command that started it.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::error::CliError;
use crate::explain::{Exit, Explain, Explanation};

/// How long a child process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// Why a child process cannot be run.
#[derive(Debug, Error)]
pub(crate) enum ChildError {
    #[error("command `{program}` not found")]
    NotFound { program: String, source: io::Error },
    #[error("cannot run `{program}`")]
    Start { program: String, source: io::Error },
    #[error("cannot wait for `{program}`")]
    Wait { program: String, source: io::Error },
}

impl Explain for ChildError {
    fn explain(&self) -> Explanation {
        match self {
            Self::NotFound { program, .. } => Explanation::new(Exit::NotFound, "command_not_found")
                .hint(format!("command -v {program}")),
            Self::Start { program, .. } => Explanation::failed("command_failed")
                .hint(format!("ls -l \"$(command -v {program})\"")),
            Self::Wait { .. } => Explanation::failed("command_lost").hint("evt doctor"),
        }
    }
}

/// A running child process. It shares stdin, stdout and stderr with this process.
pub(crate) struct Child {
    program: String,
    process: tokio::process::Child,
    shutdown: CancellationToken,
    /// The terminal sends Ctrl-C to the child, too, because it is in the same process group.
    gets_ctrl_c: bool,
    was_terminated: bool,
}

impl Child {
    /// Starts a child process. `variables` are added to the environment of this process.
    pub(crate) fn start(
        command: &[String],
        variables: &[(&str, &str)],
        cx: &Context,
    ) -> Result<Self, CliError> {
        let Some((program, args)) = command.split_first() else {
            return Err(CliError::usage("there is no command after `--`"));
        };
        let process = Command::new(program)
            .args(args)
            .current_dir(&cx.env.current_dir)
            .envs(variables.iter().copied())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| {
                let program = program.clone();
                match source.kind() {
                    io::ErrorKind::NotFound => ChildError::NotFound { program, source },
                    _ => ChildError::Start { program, source },
                }
            })?;
        Ok(Self {
            program: program.clone(),
            process,
            shutdown: cx.shutdown.clone(),
            gets_ctrl_c: cx.env.stdin_is_terminal,
            was_terminated: false,
        })
    }

    /// Waits for the end of the process and returns its exit code, or 128 plus the number of the signal that ended it.
    ///
    /// Sends SIGTERM to the process at a shutdown, and continues to wait. Cancel safe.
    pub(crate) async fn wait(&mut self) -> Result<u8, CliError> {
        loop {
            tokio::select! {
                status = self.process.wait() => {
                    let program = self.program.clone();
                    let status = status.map_err(|source| ChildError::Wait { program, source })?;
                    return Ok(code_of(status));
                }
                () = self.shutdown.cancelled(), if !self.was_terminated => {
                    self.was_terminated = true;
                    if !self.gets_ctrl_c {
                        self.terminate();
                    }
                }
            }
        }
    }

    /// Ends the process with SIGTERM, and with SIGKILL if it is still running after five seconds.
    pub(crate) async fn stop(mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        self.terminate();
        if tokio::time::timeout(GRACE, self.process.wait())
            .await
            .is_err()
        {
            // An error means that it has just ended.
            let _ = self.process.kill().await;
        }
    }

    #[cfg(unix)]
    fn terminate(&mut self) {
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // An error means that it has already ended.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }

    #[cfg(not(unix))]
    fn terminate(&mut self) {
        let _ = self.process.start_kill();
    }
}

fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    // Windows has larger exit codes, which are failures, too.
    status
        .code()
        .map_or(1, |code| u8::try_from(code).unwrap_or(1))
}
