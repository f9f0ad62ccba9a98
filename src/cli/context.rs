//! What every command gets: the world outside, captured once.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::Globals;
use crate::api::{Account, Client};
use crate::config::{ConfigError, LOCAL, Profile};
use crate::env::Env;
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::paths::Paths;
use crate::running::Running;
use crate::secret::Secret;
use crate::store::{Kind, Store};
use crate::ui::Ui;

/// The world outside, and what opens it.
pub(crate) struct Context {
    pub(crate) env: Env,
    pub(crate) paths: Paths,
    pub(crate) ui: Arc<Ui>,
    /// `--no-input`, or no terminal to ask on.
    pub(crate) may_ask: bool,
    /// Cancelled by the first Ctrl-C or SIGTERM; commands drain and end. A second Ctrl-C ends the process at once.
    pub(crate) shutdown: CancellationToken,
    pub(crate) globals: Globals,
    inbox: OnceLock<Store>,
    signal: AtomicU8,
}

impl Context {
    pub(super) fn new(globals: Globals, env: Env, ui: Arc<Ui>) -> Result<Self, CliError> {
        Ok(Self {
            paths: Paths::find(&env)?,
            may_ask: ui.may_ask(),
            env,
            ui,
            shutdown: CancellationToken::new(),
            globals,
            inbox: OnceLock::new(),
            signal: AtomicU8::new(0),
        })
    }

    /// The profile in force, with `--url`, `--org`, `--token` and their variables applied.
    pub(crate) fn profile(&self) -> Result<Profile, CliError> {
        let name = self.globals.profile.as_deref().unwrap_or(LOCAL);
        if name != LOCAL {
            return Err(ConfigError::UnknownProfile {
                name: name.to_owned(),
                suggestion: None,
            }
            .into());
        }
        let local = Running::find(&self.paths.state_dir).map_err(ConfigError::Running)?;
        let token = match (&self.globals.token, &local) {
            (Some(reference), _) => Some(self.secret(reference)?),
            (None, Some(running)) => Some(Secret::new(running.token.as_str())),
            (None, None) => None,
        };
        let url = match (&self.globals.url, &local) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(running)) => running.url.clone(),
            (None, None) => return Err(ConfigError::NotRunning.into()),
        };
        let org = match (&self.globals.org, &local) {
            (Some(org), _) => org.clone(),
            (None, Some(running)) => running.org.clone(),
            (None, None) => "my-org".to_owned(),
        };
        Ok(Profile {
            name: name.to_owned(),
            url,
            org,
            token,
            local,
        })
    }

    /// A client of the profile's platform.
    pub(crate) fn api(&self) -> Result<Client, CliError> {
        let profile = self.profile()?;
        Ok(Client::new(&Account {
            url: profile.url,
            org: profile.org,
            token: profile.token,
            refresh_token: None,
        })?)
    }

    /// The inbox of this user, opened (and created) at the first call.
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

    /// How a command ends that was stopped by a signal before a stated goal; `None` while no signal came.
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
