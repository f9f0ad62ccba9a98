//! `evt dev`: a host that runs platforms locally. What happens on an event is in `flow`, deliveries are in `deliver`.
//!
//! A platform is a folder and a row in [`PLATFORMS`]. Imports point from platforms and `control` to `host`, never back.

pub mod appengine;
mod control;
pub mod host;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use appengine::events::AppEngineFormat;
pub use host::options::{AuthMode, CONTROL_PORT, DevOptions, PORT};
pub use host::{DevError, Host, Platforms, Registration};

use crate::deliver::Engine;
use crate::occupant::{self, Occupant};
use crate::running::Running;
use crate::secret::Secret;
use crate::serve;
use crate::store::{Kind, Store};
use crate::work;
use host::brokers::Brokers;
use host::folder::Folder;
use host::hosts::Hosts;
use host::refusal::{Answered, Renderers};
use host::routes::Route;
use host::seed::{self, Seeded};
use host::{cors, deliveries, hops, hosts, identity, mail, random_bytes, refusal, routes};

/// The platforms, in the order in which `evt dev` starts them. The first one is the default.
pub static PLATFORMS: &[&Registration] = &[&appengine::REGISTRATION];

/// The bound addresses of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    pub platform: SocketAddr,
    pub control: SocketAddr,
}

/// A running host with its platforms.
pub struct Server {
    addresses: Addresses,
    running: Running,
    host: Arc<Host>,
    platforms: Platforms,
    tasks: JoinSet<()>,
    engine: Engine,
    work: work::Engine,
    seeded: Option<Seeded>,
    announced: Announced,
    // Locked until everything has stopped.
    folder: Option<Folder>,
}

/// Whether other commands find this process.
enum Announced {
    /// No: `state_dir` is not set.
    No,
    /// Yes: this directory contains the file that names the process.
    In(std::path::PathBuf),
    /// No: other commands find the process with this id, which started earlier.
    Other(u32),
    /// No: the file cannot be written.
    Failed(io::Error),
}

impl Server {
    /// Starts platforms that run until `shutdown`. They accept requests when this returns.
    pub async fn start(options: DevOptions, shutdown: CancellationToken) -> Result<Self, DevError> {
        let dir = options.state_dir.as_deref();
        let shared = bind(options.port, options.bind, "--port", dir).await?;
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let control = bind(options.control_port, loopback, "--console-port", dir).await?;
        let addresses = Addresses {
            platform: address(&shared)?,
            control: address(&control)?,
        };
        let (folder, host, platforms) = open(&options, &addresses, shutdown).await?;
        let mut running = running(&addresses, &host, &platforms).named(&options.name);
        running.brokers = host.brokers.addresses();
        let seeded = match &options.seed {
            Some(path) => Some(seed::apply_seed(&host, &platforms, path).await?),
            None => None,
        };
        let watching = host.brokers.clone();
        let watching = watching.watch(options.dialer.clone(), host.shutdown.clone());
        let engine = deliveries::start(&host, &platforms, options.dialer);
        let work = deliveries::start_work(&host, &platforms);
        let mut tasks = JoinSet::new();
        let hosts = Arc::new(Hosts::new(addresses.platform.port(), options.allowed_hosts));
        let (router, routes) = router(&host, &platforms, hosts);
        let token = Secret::new(running.control_token.as_str());
        let api = control::Api::new(&host, &platforms, routes);
        let control_router = control::router(api, token, addresses.control);
        let listeners = shared.into_iter().map(|listener| (listener, &router));
        let controls = control
            .into_iter()
            .map(|listener| (listener, &control_router));
        for (listener, router) in listeners.chain(controls) {
            let stop = host.shutdown.clone();
            tasks.spawn(serve::serve_router(listener, router.clone(), stop));
        }
        tasks.spawn(watching);
        if let Some(server) = options.smtp {
            tasks.spawn(mail::deliver(
                host.store.clone(),
                server,
                host.shutdown.clone(),
            ));
        }
        for platform in platforms.iter() {
            let (platform, stop) = (Arc::clone(platform), host.shutdown.clone());
            tasks.spawn(async move { platform.run(stop).await });
        }
        let announced = match options.state_dir {
            Some(dir) => announce(&running, dir),
            None => Announced::No,
        };
        Ok(Self {
            addresses,
            running,
            host,
            platforms,
            tasks,
            engine,
            work,
            seeded,
            announced,
            folder,
        })
    }

    /// What the seed created, if a seed was given.
    pub fn seeded(&self) -> Option<&Seeded> {
        self.seeded.as_ref()
    }

    /// The process id of another running `evt dev`, which other commands still find instead of this one.
    pub fn hidden_by(&self) -> Option<u32> {
        match self.announced {
            Announced::Other(pid) => Some(pid),
            Announced::No | Announced::In(_) | Announced::Failed(_) => None,
        }
    }

    /// Why other commands cannot find this process, if its file could not be written.
    pub fn unannounced(&self) -> Option<&io::Error> {
        match &self.announced {
            Announced::Failed(error) => Some(error),
            Announced::No | Announced::In(_) | Announced::Other(_) => None,
        }
    }

    /// The bound addresses. Port 0 in the options has been replaced by a free port.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Addresses and credentials, as other commands find them.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// What the platforms share.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The platforms that run.
    pub fn platforms(&self) -> &Platforms {
        &self.platforms
    }

    /// Waits until `shutdown`, and then until requests and deliveries in progress have ended.
    pub async fn stopped(mut self) {
        while self.tasks.join_next().await.is_some() {}
        self.work.stopped().await;
        self.engine.stopped().await;
        if let Announced::In(dir) = &self.announced {
            let _ = self.running.remove(dir);
        }
        // After everything that publishes.
        self.host.brokers.clone().stop().await;
        // Another process may lock the folder only after this database is closed.
        drop((self.platforms, self.host));
        drop(self.folder.take());
    }
}

/// Opens the data and the platforms.
async fn open(
    options: &DevOptions,
    addresses: &Addresses,
    shutdown: CancellationToken,
) -> Result<(Option<Folder>, Arc<Host>, Platforms), DevError> {
    let (folder, store) = match &options.data {
        Some(path) => {
            let folder = Folder::lock(path, &options.name)?;
            let store = Store::open(&folder.database(), Kind::Platform)?;
            (Some(folder), store)
        }
        None => (None, Store::ephemeral(Kind::Platform)?),
    };
    let selected = match options.platforms.as_slice() {
        [] => PLATFORMS,
        selected => selected,
    };
    let rows: Vec<_> = selected.iter().map(|platform| platform.settings).collect();
    let url = format!("http://{}", addresses.platform);
    let data = folder.as_ref().map(|folder| folder.path().to_owned());
    let sends_mail = options.smtp.is_some();
    let brokers = Brokers::start(&options.brokers, data.as_deref())?;
    let host = Host::open(store, &rows, url, data, brokers, sends_mail, shutdown).await?;
    let host = Arc::new(host);
    let mut platforms = Vec::new();
    for registration in selected {
        platforms.push((registration.open)(&host, options).await?);
    }
    Ok((folder, host, Platforms::new(platforms)))
}

/// The shared port: every platform's routes behind the host check, and their list by platform.
fn router(
    host: &Arc<Host>,
    platforms: &Platforms,
    hosts: Arc<Hosts>,
) -> (Router, Vec<(&'static str, Vec<Route>)>) {
    let (mut router, mut all) = (Router::new(), Vec::new());
    let mut prefixes = Vec::new();
    for platform in platforms.iter() {
        let mut own = Vec::new();
        for mount in platform.mounts() {
            prefixes.push((mount.prefix, Arc::clone(platform)));
            let (routes, list) = mount.routes.below(mount.prefix).into_parts();
            own.extend(list);
            let answered = Answered(Arc::clone(platform));
            let mark = map_response(move |mut response: Response| {
                response.extensions_mut().insert(answered.clone());
                std::future::ready(response)
            });
            router = router.merge(routes.layer(mark));
        }
        all.push((platform.name(), own));
    }
    let list: Arc<[Route]> = all.iter().flat_map(|(_, own)| own.clone()).collect();
    let router = router
        .fallback(move |request: Request| routes::unknown(Arc::clone(&list), request))
        .method_not_allowed_fallback(routes::wrong_method)
        .layer(from_fn(hops::gate))
        .layer(from_fn_with_state(Arc::clone(&hosts), hosts::gate))
        .layer(from_fn_with_state(
            Renderers::new(prefixes),
            refusal::finish,
        ))
        .layer(from_fn_with_state(Arc::clone(host), identity::add_header))
        .layer(from_fn_with_state(hosts, cors::layer));
    (router, all)
}

/// Listens on a loopback port, over IPv4 and IPv6 if the machine has both, because `localhost` can mean either. Also listens on that
/// port at `also`, unless it is a loopback address.
async fn bind(
    port: u16,
    also: IpAddr,
    flag: &'static str,
    state_dir: Option<&Path>,
) -> Result<Vec<TcpListener>, DevError> {
    // The unspecified address includes loopback: that of IPv6 usually both, that of IPv4 its own.
    let address = match also.is_unspecified() {
        true => SocketAddr::from((also, port)),
        false => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
    };
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
    let port = bound.port();
    let mut listeners = vec![first];
    if !(also.is_unspecified() && also.is_ipv6()) {
        listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await);
    }
    if !also.is_unspecified() && !also.to_canonical().is_loopback() {
        let address = SocketAddr::from((also, port));
        let more = TcpListener::bind(address).await;
        listeners.push(more.map_err(|source| DevError::Bind { address, source })?);
    }
    Ok(listeners)
}

/// Another `evt dev`, which says where it is.
fn evt_on(port: u16, state_dir: Option<&Path>) -> Option<Occupant> {
    let suffix = format!(":{port}");
    let mut all = Running::all(state_dir?).into_iter();
    let other = all.find(|other| {
        let mut urls = [&other.url, &other.control_url].into_iter();
        urls.any(|url| url.ends_with(&suffix))
    })?;
    Some(Occupant {
        pid: other.pid,
        name: "another `evt dev`".to_owned(),
        is_platform: true,
    })
}

fn address(listeners: &[TcpListener]) -> Result<SocketAddr, DevError> {
    let unknown = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let bound = listeners.first().map(TcpListener::local_addr);
    let bound = bound.unwrap_or(Ok(unknown));
    let bound = bound.map_err(|source| DevError::Bind {
        address: unknown,
        source,
    })?;
    // Commands on this machine use loopback, whatever else is bound.
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port())))
}

/// What other commands read to find this process.
fn running(addresses: &Addresses, host: &Host, platforms: &Platforms) -> Running {
    let all = platforms
        .iter()
        .map(|platform| (platform.name().to_owned(), platform.access()));
    Running::new(
        format!("http://{}", addresses.control),
        URL_SAFE_NO_PAD.encode(random_bytes()),
        host.data.clone(),
        all.collect(),
    )
}

/// Writes the file by which other commands find this process, unless it names another one that still runs.
fn announce(running: &Running, dir: std::path::PathBuf) -> Announced {
    // An unreadable file is of no use to any command, so it is replaced.
    if let Ok(Some(other)) = Running::find_named(&dir, &running.name)
        && other.pid != running.pid
        && other.answers()
    {
        return Announced::Other(other.pid);
    }
    match running.write(&dir) {
        Ok(()) => Announced::In(dir),
        Err(error) => Announced::Failed(error),
    }
}
