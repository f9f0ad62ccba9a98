//! `--exec`: runs a command for each record, with the record on stdin. A record is done when its command succeeds.

use std::io;
use std::process::{ExitStatus, Stdio};

use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::explain::{Exit, Explain, Explanation};
use crate::source::Message;

/// The shell that runs the command.
const SHELL: (&str, &str) = if cfg!(windows) {
    ("cmd", "/C")
} else {
    ("sh", "-c")
};

/// Longest key that is passed in the environment, whose size is limited.
const LONGEST_KEY: usize = 32 * 1024;

/// Why the command failed for a record.
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
                    .hint("fix the command and run this again: it continues with that record")
            }
        }
    }
}

/// A command that runs once per record, and the waiting records.
pub(super) struct Exec {
    command: String,
    waiting: Vec<Job>,
}

struct Job {
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
        self.waiting.push(Job {
            kind: text(message.name),
            key: text(message.id),
            record,
        });
    }

    /// Runs the command for each waiting record, in order.
    ///
    /// # Errors
    /// The command failed for a record. It is not run for later records.
    pub(super) async fn run(&mut self) -> Result<(), ExecError> {
        for job in std::mem::take(&mut self.waiting) {
            self.run_one(job).await?;
        }
        Ok(())
    }

    async fn run_one(&self, job: Job) -> Result<(), ExecError> {
        let failed = |source| ExecError::Start {
            command: self.command.clone(),
            source,
        };
        let (shell, flag) = SHELL;
        let mut command = Command::new(shell);
        command
            .arg(flag)
            .arg(&self.command)
            .env("EVT_TYPE", &job.kind);
        // Values that cannot be environment variables are only in the record (stdin).
        if job.key.len() <= LONGEST_KEY && !job.key.contains('\0') {
            command.env("EVT_KEY", &job.key);
        }
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // The command may exit without reading all of the record. Only its status counts.
            let _ = stdin.write_all(&job.record).await;
        }
        let status = child.wait().await.map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        Err(ExecError::Failed {
            command: self.command.clone(),
            status,
            key: job.key,
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
    async fn the_command_gets_the_record_on_stdin_and_its_key_and_type_in_the_environment() {
        let command = r#"read -r line && [ "$line" = '{"a":1}' ] && [ "$EVT_KEY" = contact-1 ] && [ "$EVT_TYPE" = contact.updated ]"#;
        run(command, r#"{"a":1}"#).await.unwrap();
    }

    #[tokio::test]
    async fn a_failing_command_names_its_record() {
        let error = run("exit 3", "{}").await.unwrap_err();
        assert!(error.to_string().contains("record `contact-1`"), "{error}");
    }

    #[tokio::test]
    async fn the_command_may_ignore_a_large_record() {
        let large = "x".repeat(1 << 20);
        run("true", &large).await.unwrap();
    }
}
