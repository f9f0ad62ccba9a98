//! Streams without a consumer group: each client has its own position, and the server stores the entries.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Redis;
use super::reader::{Flow, Halt, flow, refused, report_lost};
use super::track::{Id, Info};
use crate::broker::redis::{Connection, Redirect, refusal};
use crate::source::{Cx, Ended, Guarantee, Notice, SourceError, Start};
use crate::wire::resp::{Command, Value};

/// How many entries are requested at once, for each stream.
pub(super) const COUNT: &str = "200";
/// How long the server waits for entries, in milliseconds. Its empty reply is a sign of life.
pub(super) const BLOCK: Duration = Duration::from_secs(5);
/// How many redirects in a row are followed.
const REDIRECTS: usize = 5;

impl Redis {
    pub(super) async fn follow_streams(
        &mut self,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Result<Ended, SourceError> {
        let mut redirects = 0;
        loop {
            let Some(mut connection) = self.connect(stop).await? else {
                return Ok(Ended::Stopped);
            };
            let read = match self.options.group.is_some() {
                true => self.read_group(&mut connection, stop, cx).await,
                false => self.read_streams(&mut connection, stop, cx).await,
            };
            match read {
                Ok(ControlFlow::Break(ended)) => return Ok(ended),
                Ok(ControlFlow::Continue(never)) => match never {},
                Err(Halt::Source(error)) => return Err(error),
                Err(Halt::Redirect(redirect)) if redirects < REDIRECTS => {
                    redirects += 1;
                    self.redirect(redirect, &connection);
                }
                Err(Halt::Redirect(_)) if self.tracks.len() > 1 => {
                    let why = b"CROSSSLOT they are at different nodes";
                    let described = self.subscription.described();
                    return Err(refusal(connection.server(), &described, why).into());
                }
                Err(Halt::Redirect(_)) => {
                    let why = "the nodes of the cluster redirect to each other".to_owned();
                    return Err(SourceError::Protocol { why });
                }
            }
        }
    }

    fn redirect(&mut self, redirect: Redirect, connection: &Connection) {
        let host = match redirect.host.is_empty() {
            true => connection.host().to_owned(),
            false => redirect.host,
        };
        self.node = Some((host, redirect.port));
        self.is_asking = redirect.is_ask;
    }

    /// Sends commands. While a node takes over a key, `ASKING` precedes each.
    pub(super) async fn send(
        &self,
        connection: &mut Connection,
        commands: &[Command],
    ) -> Result<(), Halt> {
        if !self.is_asking {
            return Ok(connection.send(commands).await?);
        }
        let asking = Command::new("ASKING");
        let both = commands
            .iter()
            .flat_map(|command| [asking.clone(), command.clone()]);
        Ok(connection.send(&both.collect::<Vec<_>>()).await?)
    }

    /// Skips the answer to `ASKING`.
    pub(super) async fn skip_asking(&self, connection: &mut Connection) -> Result<(), Halt> {
        if self.is_asking {
            connection.answer().await?;
        }
        Ok(())
    }

    /// The next answer to a command of [`Self::send`].
    pub(super) async fn answer<'c>(
        &self,
        connection: &'c mut Connection,
    ) -> Result<Value<'c>, Halt> {
        self.skip_asking(connection).await?;
        Ok(connection.answer().await?)
    }

    async fn read_streams(
        &mut self,
        connection: &mut Connection,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Flow<std::convert::Infallible> {
        flow!(stoppable(stop, self.begin(connection, cx)).await?);
        let mut is_open = false;
        loop {
            let mut commands = self.info_commands();
            commands.push(self.read_command());
            self.send(connection, &commands).await?;
            flow!(stoppable(stop, self.check(connection, cx)).await?);
            if !is_open {
                is_open = true;
                let described = format!("{} after {}", self.subscription.described(), self.after());
                let server = connection.server().to_owned();
                cx.connected(server, described, Guarantee::ResumableByServer);
                for lost in std::mem::take(&mut self.lost) {
                    report_lost(&lost.0, lost.1, TRIMMED, cx);
                }
                cx.resumed();
            }
            let left = flow!(self.open_reply(connection, "XREAD", stop).await?);
            flow!(self.take_reply(connection, left, stop, cx).await?);
        }
    }

    /// The positions, for a notice.
    fn after(&self) -> String {
        let ids = self.tracks.iter().filter_map(|track| track.last);
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        ids.join(", ")
    }

    fn info_commands(&self) -> Vec<Command> {
        let names = self.tracks.iter().map(|track| &track.name);
        names
            .map(|name| Command::new("XINFO STREAM").arg(name))
            .collect()
    }

    fn read_command(&self) -> Command {
        let names = self.tracks.iter().map(|track| &track.name);
        let ids = self
            .tracks
            .iter()
            .map(|track| track.last.unwrap_or_default().to_string());
        Command::new("XREAD COUNT")
            .arg(COUNT)
            .arg("BLOCK")
            .arg(BLOCK.as_millis().to_string())
            .arg("STREAMS")
            .args(names)
            .args(ids)
    }

    /// Finds the start of streams that have no position yet.
    async fn begin(&mut self, connection: &mut Connection, cx: &mut Cx<'_>) -> Result<(), Halt> {
        let start = self.options.start.clone().unwrap_or(Start::New);
        for index in 0..self.tracks.len() {
            if self.tracks[index].last.is_some() {
                continue;
            }
            let name = self.tracks[index].name.clone();
            let (info, newest) = self.ends(connection, &name).await?;
            if info.is_none() && newest.is_none() {
                cx.outlet.notice(Notice::Remark(format!(
                    "stream {name} does not exist yet: waiting for its first entry"
                )));
            }
            self.tracks[index].begin(&start, info.as_ref(), newest);
        }
        Ok(())
    }

    /// What the server says about a stream, and its newest entry. Both are `None` if it does not exist.
    pub(super) async fn ends(
        &self,
        connection: &mut Connection,
        name: &str,
    ) -> Result<(Option<Info>, Option<Id>), Halt> {
        let info = Command::new("XINFO STREAM").arg(name);
        let newest = Command::new("XREVRANGE")
            .arg(name)
            .args(["+", "-", "COUNT", "1"]);
        self.send(connection, &[info, newest]).await?;
        let server = connection.server().to_owned();
        let info = match self.answer(connection).await? {
            Value::Error(error) if !is_missing(error) && !is_denied(error) => {
                return Err(refused(&server, "XINFO STREAM", error));
            }
            answer => Info::of(&answer),
        };
        let newest = match self.answer(connection).await? {
            Value::Error(error) if !is_denied(error) => {
                return Err(refused(&server, "XREVRANGE", error));
            }
            answer => answer
                .items()
                .and_then(|entries| Id::parse(entries.first()?.items()?.first()?.text()?)),
        };
        Ok((info, newest))
    }

    /// Reads the answers to `XINFO STREAM`, and compares them with what was read. Lost entries are reported, or noted until the
    /// stream is open.
    async fn check(&mut self, connection: &mut Connection, cx: &mut Cx<'_>) -> Result<(), Halt> {
        let is_resumed = cx.loss.is_some();
        let is_open = cx.pulse.last_sign().is_some();
        for index in 0..self.tracks.len() {
            let server = connection.server().to_owned();
            let answer = self.answer(connection).await?;
            let track = &mut self.tracks[index];
            let lost = match &answer {
                // Only an unknown number can be reported without it.
                Value::Error(error) if is_denied(error) => is_resumed.then_some(None),
                Value::Error(error) if !is_missing(error) => {
                    return Err(refused(&server, "XINFO STREAM", error));
                }
                answer => track.check(Info::of(answer).as_ref(), is_resumed),
            };
            let Some(lost) = lost else { continue };
            let from = track.last.unwrap_or_default().to_string();
            match is_open {
                true => report_lost(&from, lost, TRIMMED, cx),
                false => self.lost.push((from, lost)),
            }
        }
        Ok(())
    }
}

const TRIMMED: &str = "entries were trimmed or deleted before they were read";

fn is_missing(error: &[u8]) -> bool {
    error.starts_with(b"ERR no such key")
}

fn is_denied(error: &[u8]) -> bool {
    error.starts_with(b"NOPERM")
}

/// Runs work that ends when `stop` is cancelled.
pub(super) async fn stoppable<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Halt>>,
) -> Flow<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(ControlFlow::Break(Ended::Stopped)),
        done = work => done.map(ControlFlow::Continue),
    }
}
