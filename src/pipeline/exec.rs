//! `--exec`: each record goes to a command on its stdin, and counts as done when that has ended well.

use std::io;
use std::process::{ExitStatus, Stdio};

use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::explain::{Exit, Explain, Explanation};
use crate::source::Message;

/// What reads a command as a person types it.
const SHELL: (&str, &str) = if cfg!(windows) {
    ("cmd", "/C")
} else {
    ("sh", "-c")
};

/// Longer keys are not put into the environment, which has its limits.
const LONGEST_KEY: usize = 32 * 1024;

/// Why a record was not taken by the command.
#[derive(Debug, Error)]
pub enum ExecError {
    #[error("cannot run `{command}`")]
    Start { command: String, source: io::Error },
    #[error("`{command}` ended with {status} on record `{key}`")]
    Failed {
        command: String,
        status: ExitStatus,
        key: String,
    },
}

impl Explain for ExecError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Start { .. } | Self::Failed { .. } => {
                Explanation::new(Exit::Undelivered, "exec_failed")
                    .hint("mend the command and run this again: it goes on with that record")
            }
        }
    }
}

/// A command that gets records, one a run, and those that wait for it.
pub(super) struct Exec {
    command: String,
    waiting: Vec<Work>,
}

struct Work {
    kind: String,
    key: String,
    record: Vec<u8>,
}

impl Exec {
    pub(super) fn new(command: String) -> Self {
        Self {
            command,
            waiting: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, message: &Message<'_>) {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let mut record = message.data.to_vec();
        record.push(b'\n');
        self.waiting.push(Work {
            kind: text(message.name),
            key: text(message.id),
            record,
        });
    }

    /// Runs the command for each record that waits, in their order.
    ///
    /// # Errors
    /// At the first that fails; those behind it are not tried.
    pub(super) async fn run(&mut self) -> Result<(), ExecError> {
        for work in std::mem::take(&mut self.waiting) {
            self.run_one(work).await?;
        }
        Ok(())
    }

    async fn run_one(&self, work: Work) -> Result<(), ExecError> {
        let failed = |source| ExecError::Start {
            command: self.command.clone(),
            source,
        };
        let (shell, flag) = SHELL;
        let mut command = Command::new(shell);
        command
            .arg(flag)
            .arg(&self.command)
            .env("EVT_TYPE", &work.kind);
        // What an environment cannot hold stands in the record alone.
        if work.key.len() <= LONGEST_KEY && !work.key.contains('\0') {
            command.env("EVT_KEY", &work.key);
        }
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command may end without reading all of it; its status is what counts.
            let _ = stdin.write_all(&work.record).await;
        }
        let status = child.wait().await.map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        Err(ExecError::Failed {
            command: self.command.clone(),
            status,
            key: work.key,
        })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    async fn run(command: &str, record: &str) -> Result<(), ExecError> {
        let mut exec = Exec::new(command.to_owned());
        exec.take(&Message {
            name: Some("contact.updated"),
            id: Some("contact-1"),
            data: record.as_bytes(),
            ..Message::default()
        });
        exec.run().await
    }

    #[tokio::test]
    async fn a_record_stands_on_stdin_and_what_it_is_in_the_environment() {
        let command = r#"read -r line && [ "$line" = '{"a":1}' ] && [ "$EVT_KEY" = contact-1 ] && [ "$EVT_TYPE" = contact.updated ]"#;
        run(command, r#"{"a":1}"#).await.unwrap();
    }

    #[tokio::test]
    async fn a_command_that_fails_has_not_taken_its_record() {
        let error = run("exit 3", "{}").await.unwrap_err();
        assert!(error.to_string().contains("record `contact-1`"), "{error}");
    }

    #[tokio::test]
    async fn a_command_need_not_read_a_large_record() {
        let large = "x".repeat(1 << 20);
        run("true", &large).await.unwrap();
    }
}
