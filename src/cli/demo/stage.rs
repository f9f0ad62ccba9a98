//! Runs the commands of the tour in its own home, and prints them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::{DemoError, TIMEOUT};
use crate::cli::Context;
use crate::error::CliError;
use crate::ui::{Format, Style, safe};

/// Runs commands and prints their results.
pub(super) struct Stage<'a> {
    pub(super) cx: &'a Context,
    pub(super) program: PathBuf,
    pub(super) home: PathBuf,
    pub(super) steps: u32,
}

impl Stage<'_> {
    /// Runs a command that must exit with 0, prints it, and returns its stdout. The words are separated by spaces; single
    /// quotes group them.
    pub(super) async fn step(&mut self, line: &str, result: &str) -> Result<String, CliError> {
        let begun = Instant::now();
        let command = self.command(line).stderr(Stdio::piped()).output();
        let output = tokio::time::timeout(TIMEOUT, command)
            .await
            .map_err(|_| DemoError::TooSlow {
                command: format!("evt {line}"),
            })?
            .map_err(|source| DemoError::Start {
                command: format!("evt {line}"),
                source,
            })?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = output.status.code().unwrap_or(-1);
        if code != 0 {
            let output = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
            return Err(DemoError::Ended {
                command: format!("evt {line}"),
                code,
                output,
            }
            .into());
        }
        self.show(line, begun, result)?;
        Ok(stdout)
    }

    pub(super) fn show(
        &mut self,
        line: &str,
        begun: Instant,
        result: &str,
    ) -> Result<(), CliError> {
        self.steps += 1;
        let took = begun.elapsed();
        let ui = &self.cx.ui;
        match ui.format() {
            Format::Json => ui.json(&json!({
                "step": self.steps, "command": format!("evt {line}"), "ok": true, "ms": took.as_millis() as u64, "result": result,
            }))?,
            Format::Text | Format::Raw => {
                let command = ui.paint(Style::Name, &safe(&format!("evt {line}")));
                ui.line(&format!("{:>3}  {command}", self.steps))?;
                ui.line(&format!("     {} ({} ms)", safe(result), took.as_millis()))?;
            }
        }
        Ok(ui.flush()?)
    }

    pub(super) fn arrived(&self, what: &str) -> Result<(), CliError> {
        let ui = &self.cx.ui;
        match ui.format() {
            Format::Json => ui.json(&json!({ "step": self.steps, "arrived": what }))?,
            Format::Text | Format::Raw => ui.line(&format!(
                "     {} {}",
                ui.paint(Style::Good, "<-"),
                safe(what)
            ))?,
        }
        Ok(ui.flush()?)
    }

    pub(super) fn spawn(&self, line: &str) -> Result<Running, CliError> {
        let mut child = self
            .command(line)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| DemoError::Start {
                command: format!("evt {line}"),
                source,
            })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            return Err(CliError::usage("cannot open pipes to the command"));
        };
        Ok(Running {
            command: format!("evt {line}"),
            stdout: BufReader::new(stdout).lines(),
            stderr: BufReader::new(stderr).lines(),
            child,
        })
    }

    /// The commands run in the home of the tour, without the user's settings.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words(line))
            .args(["-o", "json"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .current_dir(&self.home);
        for name in self
            .cx
            .env
            .variables
            .keys()
            .filter(|name| name.starts_with("EVT_"))
        {
            command.env_remove(name);
        }
        command.env("EVT_HOME", &self.home);
        command
    }
}

/// A command that runs while others are started.
pub(super) struct Running {
    command: String,
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Running {
    pub(super) async fn notice(&mut self, name: &str) -> Result<Value, CliError> {
        let waiting = async {
            while let Ok(Some(line)) = self.stderr.next_line().await {
                let notice: Value = serde_json::from_str(&line).unwrap_or_default();
                if notice["notice"] == json!(name) {
                    return Ok(notice);
                }
                if notice.get("error").is_some() {
                    return Err(DemoError::Ended {
                        command: self.command.clone(),
                        code: -1,
                        output: line,
                    }
                    .into());
                }
            }
            Err(DemoError::Ended {
                command: self.command.clone(),
                code: -1,
                output: String::new(),
            }
            .into())
        };
        let too_slow = DemoError::TooSlow {
            command: self.command.clone(),
        };
        tokio::time::timeout(TIMEOUT, waiting)
            .await
            .unwrap_or(Err(too_slow.into()))
    }

    /// Waits for the next line of stdout. Returns null if there is none.
    pub(super) async fn line(&mut self) -> Result<Value, CliError> {
        Ok(self.next_line().await?.unwrap_or_default())
    }

    /// Waits for the next line of stdout. Returns `None` at its end.
    pub(super) async fn next_line(&mut self) -> Result<Option<Value>, CliError> {
        let too_slow = || DemoError::TooSlow {
            command: self.command.clone(),
        };
        let line = tokio::time::timeout(TIMEOUT, self.stdout.next_line())
            .await
            .map_err(|_| too_slow())??;
        Ok(line.map(|line| serde_json::from_str(&line).unwrap_or_default()))
    }

    pub(super) async fn stop(mut self) -> Result<(), CliError> {
        Ok(self.child.kill().await?)
    }

    pub(super) async fn ended(mut self) -> Result<(), CliError> {
        let too_slow = DemoError::TooSlow {
            command: self.command.clone(),
        };
        // Reads all notices, because a full pipe would block the command.
        let reading = async { while let Ok(Some(_)) = self.stderr.next_line().await {} };
        let (status, ()) =
            tokio::time::timeout(TIMEOUT, async { tokio::join!(self.child.wait(), reading) })
                .await
                .map_err(|_| too_slow)?;
        match status?.code() {
            Some(0) => Ok(()),
            code => Err(DemoError::Ended {
                command: self.command,
                code: code.unwrap_or(-1),
                output: String::new(),
            }
            .into()),
        }
    }
}

/// Splits a command line at spaces outside single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (position, part) in line.split('\'').enumerate() {
        let is_quoted = position % 2 == 1;
        let mut pieces = match is_quoted {
            true => vec![part],
            false => part.split(' ').collect(),
        };
        let rest = pieces.split_off(1);
        if let Some(word) = words.last_mut() {
            word.push_str(pieces[0]);
        }
        words.extend(rest.into_iter().map(str::to_owned));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_quotes_group_words() {
        let line = r#"tail --when 'data.a == "x"' --name='a b' -v"#;
        let expected = ["tail", "--when", r#"data.a == "x""#, "--name=a b", "-v"];
        assert_eq!(words(line), expected);
    }
}
