//! An outlet that records what a source passes on.

use std::ops::ControlFlow;

use evt::source::{BoxFuture, Gap, Message, Notice, Outlet};
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(crate) struct Recorder {
    /// The payloads.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The name and the id of each message.
    pub(crate) names: Vec<(Option<String>, Option<String>)>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) reached: Vec<String>,
    /// Wants no more messages after this many.
    pub(crate) enough: Option<usize>,
    /// `settle` never returns.
    pub(crate) is_stuck: bool,
    /// The token that another task cancels during the next `settle`.
    pub(crate) stops: Option<CancellationToken>,
}

impl Outlet for Recorder {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        self.messages.push(message.data.to_vec());
        let names = (
            message.name.map(str::to_owned),
            message.id.map(str::to_owned),
        );
        self.names.push(names);
        match self.enough {
            Some(enough) if self.messages.len() >= enough => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        if let Some(stop) = self.stops.take() {
            tokio::spawn(async move { stop.cancel() });
        }
        if self.is_stuck {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(ControlFlow::Continue(())))
    }

    fn reached(&mut self, position: &str) {
        self.reached.push(position.to_owned());
    }

    fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }
}

impl Recorder {
    /// The payloads as text.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let texts = self.messages.iter();
        texts
            .map(|message| std::str::from_utf8(message).unwrap())
            .collect()
    }

    pub(crate) fn gaps(&self) -> Vec<&Gap> {
        let gaps = self.notices.iter().filter_map(|notice| match notice {
            Notice::Gap(gap) => Some(gap),
            _ => None,
        });
        gaps.collect()
    }

    pub(crate) fn remarks(&self) -> Vec<&str> {
        let remarks = self.notices.iter().filter_map(|notice| match notice {
            Notice::Remark(remark) => Some(remark.as_str()),
            _ => None,
        });
        remarks.collect()
    }

    /// The sizes of skipped input.
    pub(crate) fn malformed(&self) -> Vec<u64> {
        let sizes = self.notices.iter().filter_map(|notice| match notice {
            Notice::Malformed { bytes, .. } => Some(*bytes),
            _ => None,
        });
        sizes.collect()
    }
}
