//! The platform that runs locally: its state and its protocols. What happens on an event is `flow`'s, deliveries are `deliver`'s.

pub mod appengine;
pub mod control;
pub mod host;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::deliver::{DisabledEndpoint, Engine, EngineOptions, OnEnded, OnSettled};
use crate::dial::{AddressPolicy, Dialer};
use crate::explain::{Explain, Explanation};
use crate::flow::{Cause, FlowOptions, Flows, NewEvent};
use crate::occupant::{self, Occupant};
use crate::running::Running;
use crate::secret::Secret;
use crate::serve;
use crate::store::{Kind, Store, StoreError, runs};
use crate::time::Timestamp;
pub use appengine::State;
use appengine::auth::{AuthMode, Authority};
pub use appengine::automation::AppEngineFormat;
use appengine::repository::{OnEvent, Repository};
use appengine::seed::{Planted, SeedError};
use appengine::settings::Settings;
use appengine::vendors::Vendors;
use appengine::{auth, automation, gateways, rest, seed, state, streams, vendors};
use host::folder::Folder;
use host::hosts::{AllowedHost, Hosts};
use host::identity::Identity;
use host::{hosts, identity, refusal, routes};

/// The platform's usual port.
pub const PORT: u16 = 4870;
/// The control API's usual port.
pub const CONTROL_PORT: u16 = 4872;
/// How long the token lives that a start hands out: longer than a platform usually runs.
const TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// How a platform is to run.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// 0 takes a free one.
    pub port: u16,
    /// 0 takes a free one.
    pub control_port: u16,
    /// Where everything is kept; `None` keeps it in a temporary folder.
    pub data: Option<PathBuf>,
    pub org: String,
    pub auth: AuthMode,
    /// By which names the platform may be asked beside loopback's, and from whose pages.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Records in one page at most.
    pub page_cap: usize,
    /// No headers of our own on deliveries.
    pub bare: bool,
    /// Records and flows to create first, where they are not there yet.
    pub seed: Option<PathBuf>,
    /// Where [`Running`] is written, so that other commands find the platform; `None` tells nobody.
    pub state_dir: Option<PathBuf>,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self {
            port: PORT,
            control_port: CONTROL_PORT,
            data: None,
            org: "my-org".to_owned(),
            auth: AuthMode::default(),
            allowed_hosts: Vec::new(),
            page_cap: 200,
            bare: false,
            seed: None,
            state_dir: None,
        }
    }
}

/// Why a platform cannot run.
#[derive(Debug, Error)]
pub enum DevError {
    #[error("port {port} is taken{}", match .occupant { Some(occupant) => format!(" by {occupant}"), None => String::new() })]
    PortTaken {
        port: u16,
        /// The flag that chooses this port.
        flag: &'static str,
        occupant: Option<Occupant>,
    },
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("another `evt dev`{} uses the data in `{}`", match .pid { Some(pid) => format!(" (pid {pid})"), None => String::new() }, path.display())]
    DataInUse { path: PathBuf, pid: Option<u32> },
    #[error("cannot use the data folder `{}`", path.display())]
    DataFolder { path: PathBuf, source: io::Error },
    #[error("cannot tell other commands where the platform runs (`{}`)", path.display())]
    Running { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Seed(#[from] SeedError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for DevError {
    fn explain(&self) -> Explanation {
        match self {
            Self::PortTaken { flag, occupant, .. } => {
                let explanation = Explanation::failed("port_taken").hint(match *flag {
                    "--port" => "evt dev --port 0     takes free ports for everything",
                    _ => "evt dev --console-port 0",
                });
                match occupant {
                    Some(occupant) if occupant.is_platform => {
                        explanation.hint("evt dev stop         ends the other one")
                    }
                    _ => explanation,
                }
            }
            Self::Bind { .. } => Explanation::failed("cannot_listen").hint("evt dev --port 0"),
            Self::DataInUse { .. } => Explanation::failed("data_in_use")
                .hint("evt dev stop")
                .hint("evt dev --data ./another-folder --port 0"),
            Self::DataFolder { .. } => {
                Explanation::failed("data_folder").hint("evt dev --data ./a-folder-of-yours")
            }
            Self::Running { .. } => Explanation::failed("running_file").hint("evt doctor"),
            Self::Seed(error) => error.explain(),
            Self::Store(error) => error.explain(),
        }
    }
}

/// Where a platform runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    pub platform: SocketAddr,
    pub control: SocketAddr,
}

/// A running platform.
pub struct Platform {
    addresses: Addresses,
    running: Running,
    state: Arc<State>,
    tasks: JoinSet<()>,
    engine: Engine,
    state_dir: Option<PathBuf>,
    planted: Option<Planted>,
    shade: Option<u32>,
    // Held until everything has ended.
    folder: Option<Folder>,
}

impl Platform {
    /// Starts a platform that runs until `shutdown`; when this returns it answers.
    pub async fn start(options: DevOptions, shutdown: CancellationToken) -> Result<Self, DevError> {
        let dir = options.state_dir.as_deref();
        let platform = bind(options.port, "--port", dir).await?;
        let control = bind(options.control_port, "--console-port", dir).await?;
        let addresses = Addresses {
            platform: address(&platform)?,
            control: address(&control)?,
        };
        let (folder, state) = open(&options, &addresses, shutdown).await?;
        let running = running(&options, &addresses, &state);
        let token = Secret::new(running.control_token.as_str());
        let planted = match &options.seed {
            Some(path) => Some(seed::plant(&state, path).await?),
            None => None,
        };
        let engine = deliver(&state);
        let mut tasks = JoinSet::new();
        let hosts = Arc::new(Hosts::new(addresses.platform.port(), options.allowed_hosts));
        for listener in platform {
            let router = router(Arc::clone(&state), Arc::clone(&hosts));
            let stop = state.shutdown.clone();
            tasks.spawn(serve::serve_router(listener, router, stop));
        }
        for listener in control {
            let stop = state.shutdown.clone();
            let router = control::router(Arc::clone(&state), token.clone(), addresses.control);
            tasks.spawn(serve::serve_router(listener, router, stop));
        }
        let closing = Arc::clone(&state);
        tasks.spawn(async move {
            closing.shutdown.cancelled().await;
            closing.gateways.close().await;
        });
        let shade = match &options.state_dir {
            Some(dir) => announce(&running, dir)?,
            None => None,
        };
        Ok(Self {
            addresses,
            running,
            state,
            tasks,
            engine,
            state_dir: options.state_dir,
            planted,
            shade,
            folder,
        })
    }

    /// What came of the seed, where there was one.
    pub fn planted(&self) -> Option<Planted> {
        self.planted
    }

    /// The pid of another running platform, which other commands go on to find instead of this one.
    pub fn in_the_shade_of(&self) -> Option<u32> {
        self.shade
    }

    /// The addresses that were bound: with port 0, the free ones.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Addresses and credentials, as other commands find them.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// The state that its handlers share.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Waits for the end: until `shutdown`, and then until what is under way has been answered and delivered.
    pub async fn stopped(mut self) {
        while self.tasks.join_next().await.is_some() {}
        self.engine.stopped().await;
        if let Some(dir) = &self.state_dir {
            let _ = self.running.remove(dir);
        }
        // The folder is free for another platform only when this one's database is closed.
        drop(self.state);
        drop(self.folder.take());
    }
}

/// Opens the data and what works on it.
async fn open(
    options: &DevOptions,
    addresses: &Addresses,
    shutdown: CancellationToken,
) -> Result<(Option<Folder>, Arc<State>), DevError> {
    let (folder, store) = match &options.data {
        Some(path) => {
            let folder = Folder::take(path)?;
            let store = Store::open(&folder.database(), Kind::Platform)?;
            (Some(folder), store)
        }
        None => (None, Store::ephemeral(Kind::Platform)?),
    };
    let secrets = state::Secrets::load(&store).await?;
    let secret = (!options.bare).then_some(secrets.webhook);
    let flow_options = FlowOptions {
        secret: secret.clone(),
        is_bare: options.bare,
    };
    let flows = Arc::new(Flows::new(&AppEngineFormat, flow_options));
    let raising = Arc::clone(&flows);
    let on_event: OnEvent =
        Arc::new(move |tx, repository, event| raising.raise(tx, repository, &event));
    let settings = Settings::load(&store)?;
    let repository = Repository::open(&store, on_event)?.under(Arc::clone(settings.chaos()));
    let state = State::new(state::Parts {
        repository: Arc::new(repository),
        identity: Identity::load(&store).await?,
        flows,
        authority: Authority::new(options.auth, &secrets.jwt),
        settings,
        org: options.org.clone(),
        page_cap: options.page_cap.max(1),
        webhook_secret: secret,
        vendors: Vendors::new(&secrets.vendors, format!("http://{}", addresses.platform)),
        data: folder.as_ref().map(|folder| folder.path().to_owned()),
        shutdown,
        store,
    });
    Ok((folder, Arc::new(state)))
}

/// Starts delivering; what comes of a delivery moves the run that waits for it in the same commit.
fn deliver(state: &Arc<State>) -> Engine {
    let disabling = Arc::clone(state);
    let options = EngineOptions {
        on_settled: Some(on_settled(state)),
        on_settle_failed: Some(Arc::new(|tx, settled, why| match &settled.run {
            Some((run, _)) => runs::fail(tx, run, Timestamp::now(), why),
            None => Ok(()),
        })),
        on_ended: Some(on_ended(state)),
        on_disabled: Some(Arc::new(move |tx, endpoint| {
            let event = endpoint_disabled(&disabling.org, endpoint);
            disabling.repository.emit(tx, event).map(|_| ())
        })),
        ..EngineOptions::default()
    };
    let dialer = Dialer::new(AddressPolicy::Local);
    Engine::start(state.store.clone(), dialer, options, state.shutdown.clone())
}

/// Moves the run that waits for a delivery, in the commit in which it ends.
fn on_settled(state: &Arc<State>) -> OnSettled {
    let state = Arc::clone(state);
    Arc::new(move |tx, settled| state.flows.settled(tx, &*state.repository, settled))
}

/// Tells those who watch deliveries.
fn on_ended(state: &Arc<State>) -> OnEnded {
    let state = Arc::clone(state);
    Arc::new(move |settled| {
        // Nobody may be watching.
        let _ = state.settled.send(settled.clone());
    })
}

fn endpoint_disabled(org: &str, endpoint: &DisabledEndpoint) -> NewEvent {
    let record = json!({
        "sk": format!("endpoint-{}", endpoint.url),
        "datatype": "endpoint",
        "data": {
            "url": endpoint.url,
            "reason": endpoint.reason,
            "disabledAt": endpoint.at,
            "failingSince": endpoint.failing_since,
        },
    });
    NewEvent {
        org: org.to_owned(),
        kind: "endpoint.disabled".to_owned(),
        data: record,
        before: None,
        cause: Cause::default(),
    }
}

/// Every route of the platform's own port, behind its gate.
fn router(state: Arc<State>, hosts: Arc<Hosts>) -> Router {
    Router::new()
        .merge(auth::routes())
        .merge(automation::routes())
        .merge(gateways::routes())
        .merge(rest::routes())
        .merge(streams::routes())
        .merge(vendors::routes())
        .fallback(routes::unknown)
        .method_not_allowed_fallback(routes::wrong_method)
        .layer(axum::middleware::from_fn_with_state(hosts, hosts::gate))
        .layer(axum::middleware::from_fn(refusal::finish))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&state),
            identity::tell,
        ))
        .with_state(state)
}

/// Listens on a loopback port, over both families where the machine has both: `localhost` is either.
async fn bind(
    port: u16,
    flag: &'static str,
    state_dir: Option<&Path>,
) -> Result<Vec<TcpListener>, DevError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let first = TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            return DevError::PortTaken {
                port,
                flag,
                occupant: evt_on(port, state_dir).or_else(|| occupant::of_port(port)),
            };
        }
        DevError::Bind { address, source }
    })?;
    let bound = first
        .local_addr()
        .map_err(|source| DevError::Bind { address, source })?;
    let second = TcpListener::bind((Ipv6Addr::LOCALHOST, bound.port())).await;
    Ok(std::iter::once(first).chain(second).collect())
}

/// Another `evt dev`, which says where it is.
fn evt_on(port: u16, state_dir: Option<&Path>) -> Option<Occupant> {
    let other = Running::find(state_dir?).ok()??;
    let suffix = format!(":{port}");
    let has_it = [&other.url, &other.control_url]
        .iter()
        .any(|url| url.ends_with(&suffix));
    has_it.then(|| Occupant {
        pid: other.pid,
        name: "another `evt dev`".to_owned(),
        is_platform: true,
    })
}

fn address(listeners: &[TcpListener]) -> Result<SocketAddr, DevError> {
    let unknown = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let bound = listeners.first().map(TcpListener::local_addr);
    bound
        .unwrap_or(Ok(unknown))
        .map_err(|source| DevError::Bind {
            address: unknown,
            source,
        })
}

fn running(options: &DevOptions, addresses: &Addresses, state: &State) -> Running {
    Running {
        pid: std::process::id(),
        url: format!("http://{}", addresses.platform),
        control_url: format!("http://{}", addresses.control),
        control_token: URL_SAFE_NO_PAD.encode(state::random_bytes()),
        org: options.org.clone(),
        token: state.authority.dev_token(&options.org, TOKEN_LIFETIME),
        webhook_secret: state
            .webhook_secret
            .as_ref()
            .map(|secret| secret.reveal().to_owned()),
        data: state.data.clone(),
    }
}

/// Tells other commands where this platform is, unless they find another one that still runs: its pid is returned.
fn announce(running: &Running, dir: &Path) -> Result<Option<u32>, DevError> {
    let failed = |source| DevError::Running {
        path: Running::file(dir),
        source,
    };
    // A file that cannot be read is of no use to anyone, and is replaced.
    if let Ok(Some(other)) = Running::find(dir)
        && other.pid != running.pid
        && other.answers()
    {
        return Ok(Some(other.pid));
    }
    running.write(dir).map_err(failed)?;
    Ok(None)
}
