//! `-- CMD`: another program, run with a few variables more, ended with the command that runs it.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::error::CliError;
use crate::explain::{Exit, Explain, Explanation};

/// How long a program may take to end once it was asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a program cannot be run.
#[derive(Debug, Error)]
pub(crate) enum ChildError {
    #[error("there is no command `{program}`")]
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

/// A program under way. It has the terminal, and its own place in it: stdin, stdout and stderr are this process's.
pub(crate) struct Child {
    program: String,
    process: tokio::process::Child,
    shutdown: CancellationToken,
    /// Ctrl-C reaches the program by itself: the terminal sends it to everyone in the foreground.
    hears_ctrl_c: bool,
    was_told: bool,
}

impl Child {
    /// Starts a program. `variables` are added to the environment that it gets from this process.
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
            hears_ctrl_c: cx.env.stdin_is_terminal,
            was_told: false,
        })
    }

    /// Waits for the program's end and returns its exit code; 128 and the signal's number where a signal ended it.
    ///
    /// A shutdown is passed on to the program, whose end is waited for all the same. Cancel safe.
    pub(crate) async fn wait(&mut self) -> Result<u8, CliError> {
        loop {
            tokio::select! {
                status = self.process.wait() => {
                    let program = self.program.clone();
                    let status = status.map_err(|source| ChildError::Wait { program, source })?;
                    return Ok(code_of(status));
                }
                () = self.shutdown.cancelled(), if !self.was_told => {
                    self.was_told = true;
                    if !self.hears_ctrl_c {
                        self.ask_to_end();
                    }
                }
            }
        }
    }

    /// Ends the program: asks first, and takes it away when it has not ended in five seconds.
    pub(crate) async fn stop(mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        self.ask_to_end();
        if tokio::time::timeout(PATIENCE, self.process.wait())
            .await
            .is_err()
        {
            // It may have ended at this moment, which is as good.
            let _ = self.process.kill().await;
        }
    }

    #[cfg(unix)]
    fn ask_to_end(&mut self) {
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // Gone already is as good.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }

    #[cfg(not(unix))]
    fn ask_to_end(&mut self) {
        let _ = self.process.start_kill();
    }
}

fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    // Codes beyond a byte, as Windows has them, are failures all the same.
    status
        .code()
        .map_or(1, |code| u8::try_from(code).unwrap_or(1))
}
