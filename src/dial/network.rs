//! How this process reaches others: proxies, certificates, and the addresses that may be dialled.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;

use super::address::{AddressPolicy, forbidden};
use super::proxy::Proxies;
use super::tls::{self, TlsOptions, TlsSetupError};

/// What the user has set for connections.
#[derive(Debug)]
pub struct NetworkOptions {
    pub policy: AddressPolicy,
    /// Addresses that are dialled although the policy forbids them.
    pub allowed: Vec<IpAddr>,
    pub proxies: Proxies,
    pub tls: TlsOptions,
}

/// The settings of all connections. Clones share the TLS settings, which are created at first use.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    options: NetworkOptions,
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Network {
    /// Checks the options.
    ///
    /// # Errors
    /// Certificates or a key of the user that cannot be used.
    pub fn new(options: NetworkOptions) -> Result<Self, TlsSetupError> {
        let tls = &options.tls;
        let is_set = tls.client.is_some() || !tls.extra.is_empty() || tls.insecure;
        let network = Self(Arc::new(Inner {
            options,
            tls: OnceLock::new(),
        }));
        if is_set {
            network.tls()?;
        }
        Ok(network)
    }

    /// Direct connections, and the certificates of the system.
    pub fn direct(policy: AddressPolicy) -> Self {
        Self(Arc::new(Inner {
            options: NetworkOptions {
                policy,
                allowed: Vec::new(),
                proxies: Proxies::default(),
                tls: TlsOptions::default(),
            },
            tls: OnceLock::new(),
        }))
    }

    /// Loads the certificates of issuers.
    ///
    /// # Errors
    /// A variable names certificates that cannot be used, or the system has none.
    pub fn check_issuers(&self) -> Result<(), TlsSetupError> {
        self.tls().map(drop)
    }

    pub(super) fn proxies(&self) -> &Proxies {
        &self.0.options.proxies
    }

    /// Why an address may not be dialled; `None` if it may.
    pub(super) fn forbidden(&self, address: IpAddr) -> Option<&'static str> {
        let options = &self.0.options;
        forbidden(address, options.policy).filter(|_| !options.allowed.contains(&address))
    }

    /// The settings of TLS.
    ///
    /// # Errors
    /// A variable names certificates that cannot be used, or the system has none.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, TlsSetupError> {
        if let Some(config) = self.0.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(tls::config(&self.0.options.tls)?);
        Ok(Arc::clone(self.0.tls.get_or_init(|| config)))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Network").field(&self.0.options).finish()
    }
}
