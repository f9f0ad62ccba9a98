//! `evt tail`: follow a stream.

use std::sync::Arc;

use super::Context;
use crate::dial::{AddressPolicy, Dialer};
use crate::error::{CliError, Exit};
use crate::event::Transport;
use crate::grammar::select::Select;
use crate::grammar::stream::Stream;
use crate::pipeline::{OnSlow, Pipeline, PipelineOptions, Show};
use crate::source::{Authorisation, Cx, Pulse, Reconnect, Source, Sse, SseOptions, keep_open};

/// Follow a stream: server-sent events, WebSocket, Socket.IO
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to follow
    stream: Stream,
}

pub(crate) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let Stream::Http(url) = args.stream else {
        return Err(CliError::usage("only http so far"));
    };
    let dialer = Dialer::new(AddressPolicy::Local);
    let options = SseOptions {
        url,
        credentials: Arc::new(|| Ok(Authorisation::default())),
        last_event_id: None,
        max_message: 8 << 20,
        is_one_answer: false,
        idle: None,
    };
    let mut source = Sse::new(options, dialer);
    let stop = cx.shutdown.child_token();
    let pulse = Arc::new(Pulse::default());
    let options = PipelineOptions {
        transport: Transport::Sse,
        name: source.target(),
        select: Select::default(),
        expect: None,
        count: None,
        show: Show::Event,
        is_one_answer: false,
        shape: None,
        on_slow: OnSlow::Block,
        keep: None,
        record: None,
        fail_on_gap: false,
        pulse: Arc::clone(&pulse),
    };
    let mut pipeline = Pipeline::new(options, Arc::clone(&cx.ui), stop.clone());
    let mut source_cx = Cx {
        outlet: &mut pipeline,
        stop,
        input: None,
        pulse,
        cut: None,
        reconnects: 0,
    };
    let end = keep_open(
        &mut source,
        &mut source_cx,
        Reconnect::AfterLoss,
        None,
        fastrand::f64,
    )
    .await;
    let _ = pipeline.finish().await;
    end.map(|_| Exit::Done)
        .map_err(|error| CliError::usage(error.to_string()))
}
