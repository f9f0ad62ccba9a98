//! Streams with a consumer group: the server remembers which entries are delivered and which are acknowledged.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::reader::{Flow, Halt, flow, open, refused, report_lost, unexpected};
use super::stream::{BLOCK, COUNT, stoppable};
use super::track::Track;
use super::{Group, Redis};
use crate::broker::redis::Connection;
use crate::source::{Cx, Ended, Guarantee, Start};
use crate::wire::resp::{Command, Opening, Value};

/// Interval between two searches for entries of other consumers.
const CLAIM: Duration = Duration::from_secs(30);
/// How long the end waits for the last acknowledgement.
const LAST: Duration = Duration::from_millis(500);

impl Redis {
    pub(super) async fn read_group(
        &mut self,
        connection: &mut Connection,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Flow<std::convert::Infallible> {
        let read = self.read_group_entries(connection, stop, cx).await;
        if let Ok(ControlFlow::Break(Ended::Enough)) = &read {
            self.acknowledge_last(connection, cx).await;
        }
        read
    }

    async fn read_group_entries(
        &mut self,
        connection: &mut Connection,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Flow<std::convert::Infallible> {
        let Some(group) = self.options.group.clone() else {
            return Ok(ControlFlow::Break(Ended::Enough));
        };
        for unacknowledged in &mut self.unacknowledged {
            unacknowledged.clear();
        }
        if group.create {
            flow!(stoppable(stop, self.create(connection, &group)).await?);
        }
        let mut is_open = false;
        // What this consumer got before and did not acknowledge comes first.
        let mut is_new = false;
        let mut claimed: Option<Instant> = None;
        loop {
            if is_new && claimed.is_none_or(|last| last.elapsed() >= CLAIM) {
                claimed = Some(Instant::now());
                flow!(self.claim(connection, &group, stop, cx).await?);
            }
            let id = if is_new { ">" } else { "0" };
            self.send(connection, &[read_command(&group, &self.tracks, id)])
                .await?;
            let left = flow!(self.open_reply(connection, "XREADGROUP", stop).await?);
            if !is_open {
                is_open = true;
                let described = format!(
                    "{}, group {}, consumer {}",
                    self.subscription.described(),
                    group.name,
                    group.consumer
                );
                let server = connection.server().to_owned();
                cx.connected(server, described, Guarantee::AtLeastOnce);
                cx.resumed();
            }
            let count = flow!(self.take_reply(connection, left, stop, cx).await?);
            flow!(self.acknowledge(connection, stop, cx).await?);
            is_new |= count == 0;
        }
    }

    async fn create(&self, connection: &mut Connection, group: &Group) -> Result<(), Halt> {
        let start = self.options.start.as_ref().unwrap_or(&Start::New);
        for track in &self.tracks {
            let id = match start {
                Start::New => "$".to_owned(),
                start => {
                    let (info, newest) = self.ends(connection, &track.name).await?;
                    let mut track = Track::new(&track.name);
                    track.begin(start, info.as_ref(), newest);
                    track.last.unwrap_or_default().to_string()
                }
            };
            let create = Command::new("XGROUP CREATE")
                .arg(&track.name)
                .arg(&group.name)
                .arg(id)
                .arg("MKSTREAM");
            self.send(connection, &[create]).await?;
            let server = connection.server().to_owned();
            match self.answer(connection).await? {
                Value::Error(error) if !error.starts_with(b"BUSYGROUP") => {
                    return Err(refused(&server, "XGROUP CREATE", error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes over entries that other consumers have not acknowledged.
    async fn claim(
        &mut self,
        connection: &mut Connection,
        group: &Group,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Flow<()> {
        for index in 0..self.tracks.len() {
            let mut cursor = "0-0".to_owned();
            loop {
                let claim = Command::new("XAUTOCLAIM")
                    .arg(&self.tracks[index].name)
                    .arg(&group.name)
                    .arg(&group.consumer)
                    .arg(group.claim_after.as_millis().to_string())
                    .arg(&cursor)
                    .arg("COUNT")
                    .arg(COUNT);
                self.send(connection, &[claim]).await?;
                flow!(stoppable(stop, self.skip_asking(connection)).await?);
                let Opening::List(parts) = flow!(open(connection, stop).await?) else {
                    let server = connection.server().to_owned();
                    return Err(match connection.answer().await? {
                        Value::Error(error) => refused(&server, "XAUTOCLAIM", error),
                        _ => unexpected(connection),
                    });
                };
                let next = connection.answer().await?;
                cursor = next.text().unwrap_or("0-0").to_owned();
                flow!(self.take_list(connection, index, stop, cx).await?);
                // Since Redis 7 the third part lists entries that no longer exist.
                if parts > 2 {
                    let deleted = connection.answer().await?;
                    let count = deleted.items().unwrap_or_default().len() as u64;
                    if count > 0 {
                        let why = "entries were trimmed or deleted before they were acknowledged";
                        report_lost("a pending entry", Some(count), why, cx);
                    }
                }
                flow!(self.acknowledge(connection, stop, cx).await?);
                if cursor == "0-0" {
                    break;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Acknowledges the entries that were passed on, once they are printed and, if requested, stored.
    async fn acknowledge(
        &mut self,
        connection: &mut Connection,
        stop: &CancellationToken,
        cx: &mut Cx<'_>,
    ) -> Flow<()> {
        let commands = self.acknowledgements();
        if commands.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let is_kept = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(ControlFlow::Break(Ended::Stopped)),
            accepted = cx.outlet.secure() => accepted.is_some(),
        };
        if !is_kept {
            return Ok(ControlFlow::Break(Ended::Enough));
        }
        self.send(connection, &commands).await?;
        for _ in &commands {
            let server = connection.server().to_owned();
            if let Value::Error(error) = self.answer(connection).await? {
                return Err(refused(&server, "XACK", error));
            }
        }
        for unacknowledged in &mut self.unacknowledged {
            unacknowledged.clear();
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Acknowledges the last entries at the end. The rest of the reply is not read: these entries stay pending.
    async fn acknowledge_last(&mut self, connection: &mut Connection, cx: &mut Cx<'_>) {
        let mut commands = self.acknowledgements();
        if commands.is_empty() || cx.outlet.secure().await.is_none() {
            return;
        }
        commands.push(Command::new("QUIT"));
        let sending = async {
            if self.send(connection, &commands).await.is_ok() {
                while connection.fill_and_discard().await.is_ok() {}
            }
        };
        let _ = tokio::time::timeout(LAST, sending).await;
    }

    fn acknowledgements(&self) -> Vec<Command> {
        let Some(group) = &self.options.group else {
            return Vec::new();
        };
        let pairs = self.tracks.iter().zip(&self.unacknowledged);
        let pairs = pairs.filter(|(_, ids)| !ids.is_empty());
        pairs
            .map(|(track, ids)| {
                Command::new("XACK")
                    .arg(&track.name)
                    .arg(&group.name)
                    .args(ids)
            })
            .collect()
    }
}

fn read_command(group: &Group, tracks: &[Track], id: &str) -> Command {
    let mut command = Command::new("XREADGROUP GROUP")
        .arg(&group.name)
        .arg(&group.consumer)
        .arg("COUNT")
        .arg(COUNT);
    if id == ">" {
        command = command.arg("BLOCK").arg(BLOCK.as_millis().to_string());
    }
    command
        .arg("STREAMS")
        .args(tracks.iter().map(|track| &track.name))
        .args(tracks.iter().map(|_| id))
}
