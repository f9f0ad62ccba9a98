//! Which profile and which platform a command uses: the command line, then variables, then the settings files.

use std::sync::atomic::Ordering;

use super::super::settings;
use super::Context;
use crate::api::auth::{App, Auth};
use crate::config::{ConfigError, Credentials, Entry, LOCAL, Origin, Profile};
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::paths::is_platform_name;
use crate::running::{Access, DEFAULT_PLATFORM, Running, process_exists};
use crate::secret::Secret;
use crate::ui::safe;

/// `--url`, `--org` and `--token`, or their variables.
#[derive(Default)]
struct Given<'a> {
    url: Option<&'a str>,
    /// The URL is that of `EVT_URL`.
    is_url_variable: bool,
    org: Option<&'a str>,
    token: Option<&'a SecretRef>,
}

impl<'a> Given<'a> {
    /// Ignores the variables if the command line names a profile.
    ///
    /// # Errors
    /// [`ConfigError::Mixed`] for `--url` of one server with variables for another.
    fn of(cx: &'a Context, is_named: bool) -> Result<Self, ConfigError> {
        let globals = &cx.globals;
        let is_used = |id| !is_named || cx.is_flag(id);
        let given = Self {
            url: globals.url.as_deref().filter(|_| is_used("url")),
            is_url_variable: globals.url.is_some() && !is_named && !cx.is_flag("url"),
            org: globals.org.as_deref().filter(|_| is_used("org")),
            token: globals.token.as_ref().filter(|_| is_used("token")),
        };
        let variable = cx.env.get("EVT_URL").map(|url| url.trim_end_matches('/'));
        if let (Some(used), Some(of)) = (given.url, variable)
            && used.trim_end_matches('/') != of
        {
            let foreign = [
                ("EVT_TOKEN", given.token.is_some() && !cx.is_flag("token")),
                ("EVT_ORG", given.org.is_some() && !cx.is_flag("org")),
            ];
            if let Some((variable, _)) = foreign.into_iter().find(|(_, is_foreign)| *is_foreign) {
                return Err(ConfigError::Mixed {
                    variable,
                    of: of.to_owned(),
                    used: used.to_owned(),
                });
            }
        }
        Ok(given)
    }
}

impl Context {
    /// The name of the profile to use.
    pub(crate) fn profile_name(&self) -> String {
        match self.named().or(self.globals.profile.as_deref()) {
            Some(name) => name.to_owned(),
            None => self.config.default_profile().0,
        }
    }

    /// The profile or local platform that the command line names.
    pub(crate) fn named(&self) -> Option<&str> {
        let flag = self.globals.profile.as_deref();
        let own = self.platform.as_deref();
        own.or_else(|| flag.filter(|_| self.is_flag("profile")))
    }

    /// Whether that name is the one of `evt dev --name`.
    pub(crate) fn is_platform_flag(&self) -> bool {
        self.platform.is_some()
    }

    /// Whether a global flag was given on the command line, not by its variable.
    pub(in crate::cli) fn is_flag(&self, id: &str) -> bool {
        matches!(
            settings::given(&self.matches, id, &self.env),
            Some(Origin::Flag)
        )
    }

    /// The profile to use, with `--url`, `--org`, `--token` and their variables applied. A profile that the command line names
    /// has priority over the variables.
    pub(crate) fn profile(&self) -> Result<Profile, CliError> {
        let name = self.profile_name();
        self.profile_on(&name, self.named().is_some(), DEFAULT_PLATFORM)
    }

    /// The profile with this name, which the command line names; see [`Context::profile`].
    pub(crate) fn profile_named(&self, name: &str) -> Result<Profile, CliError> {
        self.profile_on(name, true, DEFAULT_PLATFORM)
    }

    /// [`Context::profile`]; a local profile stands for one of the platforms that its `evt dev` runs.
    pub(super) fn profile_on(
        &self,
        name: &str,
        is_named: bool,
        platform: &str,
    ) -> Result<Profile, CliError> {
        let entry = self.entry(name)?;
        let given = Given::of(self, is_named)?;
        let running = self.running_for(&entry.name, is_named)?;
        let local = running
            .as_ref()
            .and_then(|running| running.platform(platform));
        if let (Some(running), None) = (&running, &local)
            && given.url.is_none()
            && entry.url.is_none()
        {
            return Err(not_among(running, platform));
        }
        let own_url = self.url_of(&entry, None, local.as_ref());
        let url = self.url_of(&entry, given.url, local.as_ref())?;
        // What belongs to the profile's own server is not used for the one that EVT_URL names.
        let is_foreign = given.is_url_variable && own_url.is_ok_and(|own| own != url);
        let org = match given.org {
            Some(org) => org.to_owned(),
            None if is_foreign => return Err(incomplete(name, "EVT_ORG").into()),
            None => self.org_of(&entry, &given, local.as_ref())?,
        };
        // The token of a local platform must not be sent to another URL.
        let local = local.filter(|access| access.url == url);
        let running = running.filter(|_| local.is_some());
        let mut profile = Profile {
            name: entry.name.clone(),
            url,
            org,
            auth: Auth::default(),
            local: running,
        };
        let has_own = [&entry.token, &entry.app_id, &entry.api_key]
            .iter()
            .any(|value| value.is_some());
        if is_foreign && given.token.is_none() && has_own {
            return Err(incomplete(name, "EVT_TOKEN").into());
        }
        self.authorise(&mut profile, &entry, given.token, local)?;
        if is_named {
            self.note_ignored_variables(&profile);
        }
        Ok(profile)
    }

    /// Whether the URL of a profile is that of `EVT_URL` and not its own.
    pub(in crate::cli) fn is_url_of_another_server(
        &self,
        profile: &Profile,
    ) -> Result<bool, ConfigError> {
        if !Given::of(self, self.named().is_some())?.is_url_variable {
            return Ok(false);
        }
        let is_running = profile.local.is_some();
        let own = self.entry(&profile.name)?.url;
        Ok(!is_running && own.is_none_or(|(url, _)| url.trim_end_matches('/') != profile.url))
    }

    /// Notes once that variables for another server are ignored.
    fn note_ignored_variables(&self, profile: &Profile) {
        let ignored = self.env.get("EVT_URL").filter(|_| !self.is_flag("url"));
        if ignored.is_some_and(|url| url.trim_end_matches('/') != profile.url)
            && !self.has_noted.swap(true, Ordering::Relaxed)
        {
            self.ui.status(&format!(
                "Using profile {} ({}); EVT_URL, EVT_ORG and EVT_TOKEN are ignored",
                safe(&profile.name),
                safe(&profile.url)
            ));
        }
    }

    /// Finds a profile in the settings, or the profile of a local platform.
    pub(in crate::cli) fn entry(&self, name: &str) -> Result<Entry, ConfigError> {
        match self.config.entry(name) {
            Err(ConfigError::UnknownProfile { .. }) if self.is_local(name) => Ok(Entry {
                name: name.to_owned(),
                ..Entry::default()
            }),
            other => other,
        }
    }

    /// Whether a profile is that of a local platform: `local`, or the name of an `evt dev` that runs or has stored data.
    pub(crate) fn is_local(&self, name: &str) -> bool {
        if name == LOCAL {
            return true;
        }
        if !is_platform_name(name) || self.config.entry(name).is_ok() {
            return false;
        }
        let around = Running::around(|name| self.env.get(name));
        around.is_some_and(|around| around.name == name)
            || Running::file_of(&self.paths.state_dir, name).exists()
            || self.paths.platform_dir(name).is_dir()
    }

    /// The local platform that the command uses: that of the profile if it is local, otherwise the default one.
    pub(crate) fn running(&self) -> Result<Option<Running>, ConfigError> {
        let name = self.profile_name();
        let is_named = self.named().is_some();
        match self.running_for(&name, is_named)? {
            Some(running) => Ok(Some(running)),
            None if self.is_local(&name) => Ok(None),
            None => self.running_for(LOCAL, false),
        }
    }

    /// The running platform of a local profile: the one that a given URL names, the one that started this process
    /// (`evt dev -- CMD`), otherwise the one in the state folder. `None` for other profiles.
    fn running_for(&self, name: &str, is_named: bool) -> Result<Option<Running>, ConfigError> {
        if !self.is_local(name) {
            return Ok(None);
        }
        let around = Running::around(|name| self.env.get(name));
        let around = around.filter(|around| !is_named || around.name == name);
        if let Some(url) = Given::of(self, is_named)?.url {
            let mut all = around
                .iter()
                .cloned()
                .chain(Running::all(&self.paths.state_dir));
            if let Some(found) = all.find(|running| running.serves(url)) {
                return Ok(Some(found));
            }
        }
        match around {
            Some(around) if process_exists(around.pid) => Ok(Some(around)),
            // `evt dev --print-env` may have set the variables for a platform that has been restarted since. In a container its
            // process is not visible, so the variables are used if there is nothing else.
            Some(around) => {
                let found = Running::find_named(&self.paths.state_dir, &around.name);
                Ok(found.ok().flatten().or(Some(around)))
            }
            None => Ok(Running::find_named(&self.paths.state_dir, name)?),
        }
    }

    /// The error for a local platform that does not run.
    pub(in crate::cli) fn not_running(&self) -> ConfigError {
        let name = self.profile_name();
        match self.is_local(&name) || self.platform.is_some() {
            true => not_running(&name),
            false => ConfigError::NotRunning,
        }
    }

    /// A platform of the running `evt dev`.
    pub(crate) fn running_platform(&self, name: &str) -> Result<Access, CliError> {
        let running = self.running()?.ok_or_else(|| self.not_running())?;
        running
            .platform(name)
            .ok_or_else(|| not_among(&running, name))
    }

    /// The URL of the profile's platform. Resolves no secret.
    pub(crate) fn platform_url(&self) -> Result<String, ConfigError> {
        let is_named = self.named().is_some();
        let entry = self.entry(&self.profile_name())?;
        let running = self.running_for(&entry.name, is_named)?;
        let local = running.and_then(|running| running.platform(DEFAULT_PLATFORM));
        self.url_of(&entry, Given::of(self, is_named)?.url, local.as_ref())
    }

    fn url_of(
        &self,
        entry: &Entry,
        given: Option<&str>,
        local: Option<&Access>,
    ) -> Result<String, ConfigError> {
        let configured = entry.url.as_ref().map(|(url, _)| url.as_str());
        match (given.or(configured), local) {
            (Some(url), _) => Ok(url.trim_end_matches('/').to_owned()),
            (None, Some(access)) => Ok(access.url.clone()),
            (None, None) if self.is_local(&entry.name) => Err(not_running(&entry.name)),
            (None, None) => Err(ConfigError::Incomplete {
                name: entry.name.clone(),
                missing: "url",
            }),
        }
    }

    fn org_of(
        &self,
        entry: &Entry,
        given: &Given<'_>,
        local: Option<&Access>,
    ) -> Result<String, ConfigError> {
        match (&entry.org, local) {
            (Some((org, _)), _) => Ok(org.clone()),
            (None, Some(access)) => Ok(access.org.clone()),
            (None, None) if given.is_url_variable => Err(incomplete(&entry.name, "EVT_ORG")),
            (None, None) => Err(ConfigError::Incomplete {
                name: entry.name.clone(),
                missing: "org",
            }),
        }
    }

    /// Sets the credentials. A token from a flag or variable replaces all others. The token of the user is, in this order, the
    /// reference in the profile, the sign-in, or that of the running platform.
    fn authorise(
        &self,
        profile: &mut Profile,
        entry: &Entry,
        given: Option<&SecretRef>,
        local: Option<Access>,
    ) -> Result<(), CliError> {
        if let Some(reference) = given {
            profile.auth = Auth::with_token(Some(self.secret(reference)?));
            return Ok(());
        }
        let stored = Credentials::load(&self.paths.credentials_file())?;
        let secret = |key: &'static str, reference: &Option<(String, Origin)>| match reference {
            Some((reference, _)) => Ok::<_, CliError>(Some(self.secret(&reference.parse()?)?)),
            None => Ok(stored.secret(&profile.name, &profile.url, key)),
        };
        let mut auth = match &entry.token {
            Some(_) => Auth::with_token(secret("token", &entry.token)?),
            None => Auth {
                tokens: stored.find(&profile.name, &profile.url).unwrap_or_default(),
                ..Auth::default()
            },
        };
        auth.api_key = secret("api-key", &entry.api_key)?;
        if let Some((id, _)) = &entry.app_id {
            let needed = |key, reference| {
                secret(key, reference)?.ok_or_else(|| {
                    CliError::from(ConfigError::Incomplete {
                        name: profile.name.clone(),
                        missing: key,
                    })
                })
            };
            auth.app = Some(App {
                id: id.clone(),
                key: needed("app-key", &entry.app_key)?,
                secret: needed("app-secret", &entry.app_secret)?,
            });
        }
        let has_none = auth.tokens.token.is_none() && auth.app.is_none() && auth.api_key.is_none();
        if let (true, Some(access)) = (has_none, local) {
            auth.tokens.token = Some(Secret::new(access.token));
        }
        profile.auth = auth;
        Ok(())
    }
}

fn not_running(name: &str) -> ConfigError {
    match name {
        LOCAL => ConfigError::NotRunning,
        name => ConfigError::NamedNotRunning {
            name: name.to_owned(),
        },
    }
}

fn incomplete(name: &str, missing: &'static str) -> ConfigError {
    ConfigError::IncompleteVariables {
        name: name.to_owned(),
        missing,
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
