//! The webhook listener: verifies, stores, reports and forwards every request.
//!
//! This module answers senders. `cli::listen` prints the reports and decides when the command ends.

mod chaos;
mod forward;
mod guard;
mod intake;
mod own_address;
mod reply;
mod report;
mod verify;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::deliver::{Engine, EngineOptions};
use crate::dial::Dialer;
use crate::event::Outcome;
use crate::explain::{Explain, Explanation};
use crate::grammar::host::HostRule;
use crate::occupant::{self, Occupant};
use crate::select::Select;
use crate::serve::{BodyLimits, Handler, serve};
use crate::signature::PublicUrls;
use crate::sink::Complete;
use crate::store::jobs::{End, Settled};
use crate::store::{Store, Tx, events};
use guard::Guard;
use intake::Intake;

pub use chaos::{Chaos, ChaosError};
pub use forward::{Forward, Route};
pub use reply::{Respond, RespondError};
pub use report::{FailedAttempt, Report, Reporter, Totals};
pub use verify::{Check, Checks, PlatformSecret};

/// What the listener does with requests.
pub struct ListenOptions {
    pub bind: SocketAddr,
    pub checks: Checks,
    /// Largest difference between a signed timestamp and now. `None` uses each scheme's own limit; zero disables the check.
    pub tolerance: Option<Duration>,
    /// The URLs that senders call, if a proxy or tunnel is in front of the listener.
    pub public_urls: PublicUrls,
    /// Hosts that requests may be for, and origins of web pages that may send them, in addition to the listener's own.
    pub allowed_hosts: Vec<HostRule>,
    pub forward: Option<Forward>,
    /// Which events are forwarded. Others are only stored.
    pub select: Option<Select>,
    pub respond: Option<Respond>,
    pub chaos: Chaos,
    pub body: BodyLimits,
    /// Sends what is forwarded.
    pub dialer: Dialer,
    /// Completes the addresses of brokers, because the inbox may have deliveries of other commands.
    pub complete: Complete,
}

/// Why the listener cannot start.
#[derive(Debug, Error)]
pub enum ListenError {
    #[error("port {} is already in use{}", address.port(), match .occupant { Some(occupant) => format!(" by {occupant}"), None => String::new() })]
    PortTaken {
        address: SocketAddr,
        occupant: Option<Occupant>,
    },
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error(
        "`{target}` is the address of this listener, so it would forward every event to itself"
    )]
    OwnAddress { target: String },
}

impl Explain for ListenError {
    fn explain(&self) -> Explanation {
        match self {
            Self::PortTaken { .. } => {
                Explanation::failed("port_taken").hint("evt listen --port 0     takes a free port")
            }
            Self::Bind { .. } => Explanation::failed("cannot_listen").hint("evt listen --port 0"),
            Self::OwnAddress { .. } => Explanation::usage("target_is_listener")
                .hint("evt listen 3000     forwards to an app on port 3000")
                .hint(
                    "evt listen --help     if your app has this port: `--port` moves the listener",
                ),
        }
    }
}

/// A running listener.
pub struct Listener {
    pub address: SocketAddr,
    /// Closed when the listener has stopped.
    pub reports: mpsc::Receiver<Report>,
    pub reporter: Arc<Reporter>,
    /// Finishes when all requests have been answered and the delivery engine has stopped.
    pub task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Binds the address and serves until `shutdown`. Starts the delivery engine too, if forwards are retried.
    pub async fn start(
        options: ListenOptions,
        store: Store,
        shutdown: CancellationToken,
    ) -> Result<Self, ListenError> {
        let bind = options.bind;
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => ListenError::PortTaken {
                address: bind,
                occupant: occupant::of_port(bind.port()),
            },
            _ => ListenError::Bind {
                address: bind,
                source,
            },
        };
        let bound = TcpListener::bind(bind).await.map_err(failed)?;
        let address = bound.local_addr().map_err(failed)?;
        let public: Vec<Uri> = options
            .public_urls
            .origins()
            .filter_map(|origin| origin.parse().ok())
            .collect();
        if let Some(forward) = &options.forward
            && let Some(own) = own_address::find(forward, address, &public).await
        {
            return Err(ListenError::OwnAddress {
                target: own.shown(),
            });
        }
        let (reporter, reports) = Reporter::new();
        let reporter = Arc::new(reporter);
        let dialer = options.dialer.clone();
        let has_retries = options
            .forward
            .as_ref()
            .is_some_and(|forward| forward.retry.is_some());
        let engine = has_retries.then(|| {
            Engine::start(
                store.clone(),
                dialer.clone(),
                engine_options(Arc::clone(&reporter), Arc::clone(&options.complete)),
                shutdown.clone(),
            )
        });
        let guard = Guard::new(
            address,
            &public,
            options.allowed_hosts.clone(),
            options.forward.is_some(),
        );
        let intake = Intake::new(options, guard, store, dialer, Arc::clone(&reporter));
        let intake = Arc::new(intake);
        let watch = tokio::spawn(forward::watch(Arc::clone(&intake), shutdown.clone()));
        let handler = Handler(move |request| -> Pin<Box<dyn Future<Output = _> + Send>> {
            Box::pin(Arc::clone(&intake).answer(request))
        });
        let task = tokio::spawn(async move {
            serve(bound, handler, shutdown).await;
            let _ = watch.await;
            if let Some(engine) = engine {
                engine.stopped().await;
            }
        });
        Ok(Self {
            address,
            reports,
            reporter,
            task,
        })
    }
}

fn engine_options(reporter: Arc<Reporter>, complete: Complete) -> EngineOptions {
    let on_settled = |tx: &Tx<'_>, settled: &Settled| {
        let Some(seq) = settled.event else {
            return Ok(());
        };
        let outcome = match &settled.end {
            End::Delivered { status } => Outcome::Delivered { status: *status },
            End::Dead { status, .. } => Outcome::Failed { status: *status },
            End::Discarded => return Ok(()),
        };
        events::set_outcome(tx, seq, outcome)?;
        Ok(())
    };
    let retrying = Arc::clone(&reporter);
    EngineOptions {
        on_settled: Some(Arc::new(on_settled)),
        on_retry: Some(Arc::new(move |attempt| retrying.retrying(attempt))),
        on_ended: Some(Arc::new(move |settled| reporter.settled(settled))),
        complete,
        ..EngineOptions::default()
    }
}
