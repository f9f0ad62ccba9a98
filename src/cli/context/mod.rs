//! The context of a command: environment, settings, output, and access to platform and inbox.

mod choice;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::ArgMatches;
use tokio_util::sync::CancellationToken;

use super::calls::CallArgs;
use super::{Globals, network};
use crate::api::profile::Tokens;
use crate::api::{Account, Client};
use crate::bom;
use crate::config::{Config, Credentials, Profile};
use crate::dial::{Dialer, Network};
use crate::env::Env;
use crate::error::{CliError, Exit};
use crate::files;
use crate::grammar::secret_ref::SecretRef;
use crate::paths::Paths;
use crate::secret::Secret;
use crate::signature::SchemeSpec;
use crate::signature::{self, Options, Scheme};
use crate::store::{Kind, Store};
use crate::ui::Ui;

/// The maximum size in bytes of a file that an option of a scheme names: a key or a certificate.
const MAX_OPTION: u64 = 1 << 20;
/// The default port of `evt listen`.
pub(crate) const LISTEN_PORT: u16 = 4871;

/// The environment of a command. Opens the inbox and the client on first use.
pub(crate) struct Context {
    pub(crate) env: Env,
    pub(crate) paths: Paths,
    pub(crate) ui: Arc<Ui>,
    /// Questions can be asked: there is a terminal, and no `--no-input`.
    pub(crate) may_ask: bool,
    /// Cancelled by the first Ctrl-C or SIGTERM: commands drain and end. A second signal ends the process at once.
    pub(crate) shutdown: CancellationToken,
    pub(crate) globals: Globals,
    pub(crate) config: Config,
    /// The parsed arguments, with which `evt config show` distinguishes flags from defaults.
    pub(super) matches: ArgMatches,
    inbox: OnceLock<Store>,
    client: OnceLock<(Profile, Arc<Client>)>,
    call_timeout: OnceLock<Duration>,
    network: OnceLock<Network>,
    signal: AtomicU8,
    /// `evt dev --name`.
    platform: Option<String>,
    has_noted: AtomicBool,
    has_warned: AtomicBool,
}

impl Context {
    pub(super) fn new(
        globals: Globals,
        matches: ArgMatches,
        config: Config,
        env: Env,
        ui: Arc<Ui>,
        platform: Option<String>,
    ) -> Result<Self, CliError> {
        Ok(Self {
            paths: Paths::find(&env)?,
            may_ask: ui.may_ask(),
            env,
            ui,
            shutdown: CancellationToken::new(),
            globals,
            config,
            matches,
            inbox: OnceLock::new(),
            client: OnceLock::new(),
            call_timeout: OnceLock::new(),
            network: OnceLock::new(),
            signal: AtomicU8::new(0),
            platform,
            has_noted: AtomicBool::new(false),
            has_warned: AtomicBool::new(false),
        })
    }

    /// The client of the profile's platform, created on first use. A token that it renews is stored when the command ends.
    pub(crate) fn api(&self) -> Result<Arc<Client>, CliError> {
        if let Some((_, client)) = self.client.get() {
            return Ok(Arc::clone(client));
        }
        self.api_of(&self.profile()?)
    }

    /// The client of a platform that `evt dev` runs, if the profile is local; otherwise like [`Context::api`].
    pub(super) fn api_on(&self, platform: &str) -> Result<Arc<Client>, CliError> {
        let (name, is_named) = (self.profile_name(), self.named().is_some());
        self.api_of(&self.profile_on(&name, is_named, platform)?)
    }

    /// The client for a profile; see [`Context::api`]. The first profile that is requested determines the client of the command.
    pub(super) fn api_of(&self, profile: &Profile) -> Result<Arc<Client>, CliError> {
        if let Some((_, client)) = self.client.get() {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.new_client(profile)?);
        let kept = self.client.get_or_init(|| (profile.clone(), client));
        Ok(Arc::clone(&kept.1))
    }

    /// Sets `--timeout` for the client that the command creates.
    pub(super) fn limit_calls(&self, args: &CallArgs) -> Result<(), CliError> {
        let timeout = args.timeout()?;
        let _ = self.call_timeout.set(timeout);
        Ok(())
    }

    /// Creates a client for a profile.
    pub(super) fn new_client(&self, profile: &Profile) -> Result<Client, CliError> {
        let client = Client::new(&account(profile), self.dialer()?)?;
        Ok(match self.call_timeout.get() {
            Some(timeout) => client.with_timeout(*timeout),
            None => client,
        })
    }

    /// The proxies and certificates of this command.
    pub(crate) fn network(&self) -> Result<&Network, CliError> {
        if let Some(network) = self.network.get() {
            return Ok(network);
        }
        let network = network::of(&self.matches, &self.env, &self.ui)?;
        Ok(self.network.get_or_init(|| network))
    }

    /// A new client for outgoing requests.
    pub(crate) fn dialer(&self) -> Result<Dialer, CliError> {
        Ok(Dialer::on(self.network()?.clone()))
    }

    /// The port that another command uses, from its variable or setting, or `default`.
    pub(crate) fn port(&self, command: &str, flag: &str, default: u16) -> u16 {
        let name = format!("EVT_{command}_{flag}")
            .replace('-', "_")
            .to_ascii_uppercase();
        let from_file = || {
            let (values, _) = self.config.get(&format!("{command}.{flag}"))?;
            values.into_iter().next()
        };
        let port = self.env.get(&name).map(str::to_owned).or_else(from_file);
        // The command that owns the flag reports an invalid port. Port 0 means any free port, which is unknown here.
        port.and_then(|port| port.parse().ok())
            .filter(|port| *port != 0)
            .unwrap_or(default)
    }

    /// The default address of `evt listen`: `http://127.0.0.1:4871`.
    pub(crate) fn listener(&self) -> String {
        let port = self.port("listen", "port", LISTEN_PORT);
        format!("http://127.0.0.1:{port}")
    }

    /// Stores the tokens with which the platform has replaced those of a sign-in.
    pub(super) fn store_renewed_tokens(&self) -> Result<(), CliError> {
        let Some((profile, client)) = self.client.get() else {
            return Ok(());
        };
        let renewed = client.renewed_tokens();
        // Without a sign-in the user provided the token, so there is nothing to replace.
        match (renewed, &profile.auth.tokens.refresh_token) {
            (Some(tokens), Some(_)) => self.store_login(profile, &tokens),
            _ => Ok(()),
        }
    }

    /// Stores a sign-in of a profile in the credentials file.
    pub(super) fn store_login(&self, profile: &Profile, tokens: &Tokens) -> Result<(), CliError> {
        let path = self.paths.credentials_file();
        Ok(Credentials::store(
            &path,
            &profile.name,
            &profile.url,
            tokens,
        )?)
    }

    /// The user's inbox, opened on first use and created if necessary.
    pub(crate) fn inbox(&self) -> Result<Store, CliError> {
        if let Some(store) = self.inbox.get() {
            return Ok(store.clone());
        }
        self.warn_if_temporary();
        let store = Store::open(&self.paths.inbox(), Kind::Inbox)?;
        Ok(self.inbox.get_or_init(|| store).clone())
    }

    /// Warns once if what the command stores is in a temporary folder.
    pub(crate) fn warn_if_temporary(&self) {
        let Some(reason) = &self.paths.temporary else {
            return;
        };
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            let folder = self.paths.data_dir.parent().unwrap_or(&self.paths.data_dir);
            self.ui.warn(&format!(
                "{reason}: what evt stores is in {} and can be deleted at any time; set EVT_HOME to a folder of your own",
                folder.display()
            ));
        }
    }

    /// Resolves a secret reference: reads the variable, file or stdin, or runs the command.
    pub(crate) fn secret(&self, reference: &SecretRef) -> Result<Secret, CliError> {
        Ok(self.env.secret(reference)?)
    }

    /// Finds a scheme. Reads option values that start with `@` from that file.
    pub(crate) fn scheme(
        &self,
        spec: &SchemeSpec,
    ) -> Result<(&'static dyn Scheme, Options), CliError> {
        let scheme = signature::find(&spec.name)?;
        let mut options = spec.options.clone();
        for (name, value) in &mut options.0 {
            if let Some(path) = value.strip_prefix('@') {
                let read = files::read(Path::new(path), MAX_OPTION).and_then(|bytes| {
                    String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into())
                });
                let text = read.map_err(|source| {
                    CliError::usage(format!(
                        "the file `{path}` of the option `{name}` cannot be read: {source}"
                    ))
                })?;
                *value = bom::strip(&text).to_owned();
            }
        }
        Ok((scheme, options))
    }

    /// The exit code of a command that a signal stops before its goal. `None` if there was no signal.
    pub(crate) fn interrupted(&self) -> Option<Exit> {
        match self.signal.load(Ordering::Relaxed) {
            130 => Some(Exit::Interrupted),
            143 => Some(Exit::Terminated),
            _ => None,
        }
    }

    pub(super) fn note_signal(&self, exit: Exit) {
        self.signal.store(exit.code(), Ordering::Relaxed);
        self.shutdown.cancel();
    }
}

/// The account of a profile, for the client of the platform.
pub(super) fn account(profile: &Profile) -> Account {
    Account {
        url: profile.url.clone(),
        org: profile.org.clone(),
        auth: profile.auth.clone(),
    }
}
