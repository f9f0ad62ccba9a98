//! The context of a command: environment, settings, output, and access to platform and inbox.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::ArgMatches;
use tokio_util::sync::CancellationToken;

use super::calls::CallArgs;
use super::{Globals, network};
use crate::api::{Account, Client};
use crate::bom;
use crate::config::{Config, ConfigError, Credentials, Entry, LOCAL, Login, Profile};
use crate::dial::{Dialer, Network};
use crate::env::Env;
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::paths::Paths;
use crate::running::{Access, DEFAULT_PLATFORM, Running};
use crate::secret::Secret;
use crate::signature::SchemeSpec;
use crate::signature::{self, Options, Scheme};
use crate::store::{Kind, Store};
use crate::ui::Ui;

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
}

impl Context {
    pub(super) fn new(
        globals: Globals,
        matches: ArgMatches,
        config: Config,
        env: Env,
        ui: Arc<Ui>,
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
        })
    }

    /// The name of the profile to use.
    pub(crate) fn profile_name(&self) -> String {
        match &self.globals.profile {
            Some(name) => name.clone(),
            None => self.config.default_profile().0,
        }
    }

    /// The profile to use, with `--url`, `--org`, `--token` and their variables applied.
    pub(crate) fn profile(&self) -> Result<Profile, CliError> {
        self.profile_named(&self.profile_name())
    }

    /// The profile with this name; see [`Context::profile`].
    pub(crate) fn profile_named(&self, name: &str) -> Result<Profile, CliError> {
        self.profile_on(name, DEFAULT_PLATFORM)
    }

    /// [`Context::profile_named`]; the profile `local` stands for one of the platforms that `evt dev` runs.
    fn profile_on(&self, name: &str, platform: &str) -> Result<Profile, CliError> {
        let entry = self.config.entry(name)?;
        let running = match entry.name.as_str() {
            LOCAL => self.running()?,
            _ => None,
        };
        let local = running
            .as_ref()
            .and_then(|running| running.platform(platform));
        if let (Some(running), None) = (&running, &local)
            && self.globals.url.is_none()
            && entry.url.is_none()
        {
            return Err(not_among(running, platform));
        }
        let url = self.url_of(&entry, local.as_ref())?;
        let org = self.org_of(&entry, local.as_ref())?;
        // The token of a local platform must not be sent to another URL.
        let local = local.filter(|access| access.url == url);
        let running = running.filter(|_| local.is_some());
        let mut profile = Profile {
            name: entry.name.clone(),
            url,
            org,
            token: None,
            refresh_token: None,
            local: running,
        };
        self.authorise(&mut profile, &entry, local)?;
        Ok(profile)
    }

    /// The running local platform: the one that started this process (`evt dev -- CMD`), otherwise the one in the state folder.
    pub(crate) fn running(&self) -> Result<Option<Running>, ConfigError> {
        if let Some(running) = Running::around(|name| self.env.get(name)) {
            return Ok(Some(running));
        }
        Running::find(&self.paths.state_dir).map_err(ConfigError::Running)
    }

    /// A platform of the running `evt dev`.
    pub(crate) fn running_platform(&self, name: &str) -> Result<Access, CliError> {
        let running = self.running()?.ok_or(ConfigError::NotRunning)?;
        running
            .platform(name)
            .ok_or_else(|| not_among(&running, name))
    }

    /// The URL of the profile's platform. Resolves no secret.
    pub(crate) fn platform_url(&self) -> Result<String, ConfigError> {
        let entry = self.config.entry(&self.profile_name())?;
        let running = match entry.name.as_str() {
            LOCAL => self.running()?,
            _ => None,
        };
        let local = running.and_then(|running| running.platform(DEFAULT_PLATFORM));
        self.url_of(&entry, local.as_ref())
    }

    fn url_of(&self, entry: &Entry, local: Option<&Access>) -> Result<String, ConfigError> {
        let configured = entry.url.as_ref().map(|(url, _)| url.as_str());
        let url = self.globals.url.as_deref().or(configured);
        match (url, local) {
            (Some(url), _) => Ok(url.trim_end_matches('/').to_owned()),
            (None, Some(access)) => Ok(access.url.clone()),
            (None, None) if entry.name == LOCAL => Err(ConfigError::NotRunning),
            (None, None) => Err(ConfigError::Incomplete {
                name: entry.name.clone(),
                missing: "url",
            }),
        }
    }

    fn org_of(&self, entry: &Entry, local: Option<&Access>) -> Result<String, ConfigError> {
        let configured = entry.org.as_ref().map(|(org, _)| org.as_str());
        let org = self.globals.org.as_deref().or(configured);
        match (org, local) {
            (Some(org), _) => Ok(org.to_owned()),
            (None, Some(access)) => Ok(access.org.clone()),
            (None, None) => Err(ConfigError::Incomplete {
                name: entry.name.clone(),
                missing: "org",
            }),
        }
    }

    /// Sets the token. In this order: flag or variable, the reference in the profile, the sign-in, the running platform.
    fn authorise(
        &self,
        profile: &mut Profile,
        entry: &Entry,
        local: Option<Access>,
    ) -> Result<(), CliError> {
        if let Some(reference) = &self.globals.token {
            profile.token = Some(self.secret(reference)?);
        } else if let Some((reference, _)) = &entry.token {
            profile.token = Some(self.secret(&reference.parse()?)?);
        } else if let Some(login) =
            Credentials::load(&self.paths.credentials_file())?.find(&profile.name, &profile.url)
        {
            profile.token = Some(login.token);
            profile.refresh_token = login.refresh_token;
        } else if let Some(access) = local {
            profile.token = Some(Secret::new(access.token));
        }
        Ok(())
    }

    /// The client of the profile's platform, created on first use. A token that it renews is stored when the command ends.
    pub(crate) fn api(&self) -> Result<Arc<Client>, CliError> {
        if let Some((_, client)) = self.client.get() {
            return Ok(Arc::clone(client));
        }
        self.api_of(&self.profile()?)
    }

    /// The client of a platform that `evt dev` runs, if the profile is `local`; otherwise like [`Context::api`].
    pub(super) fn api_on(&self, platform: &str) -> Result<Arc<Client>, CliError> {
        self.api_of(&self.profile_on(&self.profile_name(), platform)?)
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
        match (renewed, &profile.refresh_token) {
            (Some(tokens), Some(_)) => {
                self.store_login(profile, tokens.token, tokens.refresh_token)
            }
            _ => Ok(()),
        }
    }

    /// Stores a sign-in of a profile in the credentials file.
    pub(super) fn store_login(
        &self,
        profile: &Profile,
        token: Option<Secret>,
        refresh_token: Option<Secret>,
    ) -> Result<(), CliError> {
        let Some(token) = token else {
            return Ok(());
        };
        let login = Login {
            url: profile.url.clone(),
            token,
            refresh_token,
        };
        Ok(Credentials::store(
            &self.paths.credentials_file(),
            &profile.name,
            &login,
        )?)
    }

    /// The user's inbox, opened on first use and created if necessary.
    pub(crate) fn inbox(&self) -> Result<Store, CliError> {
        if let Some(store) = self.inbox.get() {
            return Ok(store.clone());
        }
        let store = Store::open(&self.paths.inbox(), Kind::Inbox)?;
        Ok(self.inbox.get_or_init(|| store).clone())
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
                let text = std::fs::read_to_string(path).map_err(|source| {
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

/// The error for a platform that the running `evt dev` does not run.
fn not_among(running: &Running, platform: &str) -> CliError {
    let names: Vec<&str> = running.platforms.keys().map(String::as_str).collect();
    let text = format!("the running `evt dev` does not run the platform `{platform}`");
    CliError::new(
        Exit::Unreachable,
        "platform_not_running",
        CliError::usage(text).error,
    )
    .hint(format!("--platform {}", names.join(" or ")))
}

/// The account of a profile, for the client of the platform.
pub(super) fn account(profile: &Profile) -> Account {
    Account {
        url: profile.url.clone(),
        org: profile.org.clone(),
        token: profile.token.clone(),
        refresh_token: profile.refresh_token.clone(),
    }
}
