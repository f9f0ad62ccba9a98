//! The stage of the tour: commands in a home of their own, shown as they are run.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::{DemoError, PATIENCE};
use crate::cli::Context;
use crate::error::CliError;
use crate::ui::{Format, Style, safe};

/// Runs commands and shows what came of them.
pub(super) struct Stage<'a> {
    pub(super) cx: &'a Context,
    pub(super) program: PathBuf,
    pub(super) home: PathBuf,
    pub(super) steps: u32,
}

impl Stage<'_> {
    /// Runs a command to its end, shows it, and returns its stdout.
    pub(super) async fn step(
        &mut self,
        args: &[&str],
        wanted: i32,
        result: &str,
    ) -> Result<String, CliError> {
        let begun = Instant::now();
        let command = self.command(args).stderr(Stdio::piped()).output();
        let output = tokio::time::timeout(PATIENCE, command)
            .await
            .map_err(|_| DemoError::TooSlow {
                command: shown(args),
            })?
            .map_err(|source| DemoError::Start {
                command: shown(args),
                source,
            })?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = output.status.code().unwrap_or(-1);
        if code != wanted {
            let said = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
            return Err(DemoError::Ended {
                command: shown(args),
                code,
                said,
            }
            .into());
        }
        self.show(args, begun, result)?;
        Ok(said)
    }

    pub(super) fn show(
        &mut self,
        args: &[&str],
        begun: Instant,
        result: &str,
    ) -> Result<(), CliError> {
        self.steps += 1;
        let took = begun.elapsed();
        let ui = &self.cx.ui;
        match ui.format() {
            Format::Json => ui.json(&json!({
                "step": self.steps, "command": shown(args), "ok": true, "ms": took.as_millis() as u64, "result": result,
            }))?,
            Format::Text | Format::Raw => {
                let command = ui.paint(Style::Name, &safe(&shown(args)));
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

    pub(super) fn spawn(&self, args: &[&str]) -> Result<Running, CliError> {
        let mut child = self
            .command(args)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| DemoError::Start {
                command: shown(args),
                source,
            })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            return Err(CliError::usage("the tour's pipes are missing"));
        };
        Ok(Running {
            command: shown(args),
            stdout: BufReader::new(stdout).lines(),
            stderr: BufReader::new(stderr).lines(),
            child,
        })
    }

    /// The tour has its own home and nothing of the person's settings.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
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

/// A command that goes on while others run.
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
                        said: line,
                    }
                    .into());
                }
            }
            Err(DemoError::Ended {
                command: self.command.clone(),
                code: -1,
                said: String::new(),
            }
            .into())
        };
        let too_slow = DemoError::TooSlow {
            command: self.command.clone(),
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or(Err(too_slow.into()))
    }

    /// The next line of stdout, which must come.
    pub(super) async fn line(&mut self) -> Result<Value, CliError> {
        Ok(self.next_line().await?.unwrap_or_default())
    }

    /// The next line of stdout; `None` when it has ended.
    pub(super) async fn next_line(&mut self) -> Result<Option<Value>, CliError> {
        let too_slow = || DemoError::TooSlow {
            command: self.command.clone(),
        };
        let line = tokio::time::timeout(PATIENCE, self.stdout.next_line())
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
        // Its notices are read to the end, because a full pipe would hold it up.
        let reading = async { while let Ok(Some(_)) = self.stderr.next_line().await {} };
        let (status, ()) =
            tokio::time::timeout(PATIENCE, async { tokio::join!(self.child.wait(), reading) })
                .await
                .map_err(|_| too_slow)?;
        match status?.code() {
            Some(0) => Ok(()),
            code => Err(DemoError::Ended {
                command: self.command,
                code: code.unwrap_or(-1),
                said: String::new(),
            }
            .into()),
        }
    }
}

/// The command as a person would type it.
pub(super) fn shown(args: &[&str]) -> String {
    let mut line = "evt".to_owned();
    for arg in args {
        let plain = arg
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=@,".contains(&byte));
        line.push(' ');
        if plain {
            line.push_str(arg);
        } else {
            line.push_str(&format!("'{arg}'"));
        }
    }
    line
}
