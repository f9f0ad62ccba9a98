//! How `evt dev` is started.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::brokers::BrokerOption;
use super::hosts::AllowedHost;
use super::mail::SmtpServer;
use super::platform::Registration;
use crate::dial::{AddressPolicy, Dialer};
use crate::running::DEFAULT_NAME;

/// The default port of the platforms.
pub const PORT: u16 = 4870;
/// The default port of the control API.
pub const CONTROL_PORT: u16 = 4872;

/// How strictly platforms check `Authorization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMode {
    /// Requests need no token.
    Off,
    /// Any non-empty bearer token is accepted, except an expired one that the platform issued itself.
    #[default]
    Lenient,
    /// Only tokens that the platform signed, for the organisation they were signed for.
    Strict,
}

impl AuthMode {
    /// Each mode with its word on the command line.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("lenient", Self::Lenient),
        ("off", Self::Off),
        ("strict", Self::Strict),
    ];

    /// The mode's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Lenient => "lenient",
            Self::Strict => "strict",
        }
    }
}

/// The options of `evt dev`.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// The platforms to start, the default one first. Empty starts all that `evt` has.
    pub platforms: Vec<&'static Registration>,
    /// The name by which other commands find this process; see [`Running`](crate::running::Running).
    pub name: String,
    /// The platforms also accept connections at this address. The control API accepts none from other machines.
    pub bind: IpAddr,
    /// Port of the platforms; 0 selects a free one.
    pub port: u16,
    /// Port of the control API; 0 selects a free one.
    pub control_port: u16,
    /// The data directory; `None` uses a temporary one.
    pub data: Option<PathBuf>,
    pub org: String,
    pub auth: AuthMode,
    /// Host names accepted in addition to those of loopback, also as origins of web pages.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Maximum number of records in a page.
    pub page_cap: usize,
    /// Send deliveries without signature and without headers that the flow does not configure.
    pub bare: bool,
    /// An SMTP server that also gets the mails of the outbox.
    pub smtp: Option<SmtpServer>,
    /// The brokers to use.
    pub brokers: Vec<BrokerOption>,
    /// Data to create first, unless it already exists.
    pub seed: Option<PathBuf>,
    /// Where [`Running`](crate::running::Running) is written so that other commands find this process; `None` writes nothing.
    pub state_dir: Option<PathBuf>,
    /// Sends the deliveries.
    pub dialer: Dialer,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self {
            platforms: Vec::new(),
            name: DEFAULT_NAME.to_owned(),
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: PORT,
            control_port: CONTROL_PORT,
            data: None,
            org: "my-org".to_owned(),
            auth: AuthMode::default(),
            allowed_hosts: Vec::new(),
            page_cap: 200,
            bare: false,
            smtp: None,
            brokers: Vec::new(),
            seed: None,
            state_dir: None,
            dialer: Dialer::new(AddressPolicy::Local),
        }
    }
}
