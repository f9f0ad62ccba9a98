//! What authorises a connection. Created again for each connection.

use std::sync::{Arc, Mutex, PoisonError};

use clap::parser::ValueSource;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use super::Args;
use crate::api::auth::Auth;
use crate::broker::Login;
use crate::cli::Context;
use crate::config::{ConfigError, Profile};
use crate::error::CliError;
use crate::grammar::header_line::HeaderLine;
use crate::grammar::secret_ref::SecretRef;
use crate::secret::Secret;
use crate::source::{Authorisation, Credentials};

/// The header that names the organisation.
const ORG: HeaderName = HeaderName::from_static("orgid");

/// Which server it is. The profile's token is sent only to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// The platform of the current profile.
    Platform,
    /// The control port of the local platform.
    Control,
    Foreign,
}

impl Server {
    /// Compares the URL's origin. Reads no secrets.
    pub(super) fn of(url: &str, cx: &Context) -> Result<Self, CliError> {
        let requested = origin(url);
        let has = |address: &str| requested.is_some() && origin(address) == requested;
        match cx.platform_url() {
            Ok(platform) if has(&platform) => return Ok(Self::Platform),
            // Another server does not need a platform.
            Ok(_)
            | Err(
                ConfigError::NotRunning
                | ConfigError::NamedNotRunning { .. }
                | ConfigError::Incomplete { .. },
            ) => {}
            Err(error) => return Err(error.into()),
        }
        match cx.running()? {
            Some(running) if has(&running.control_url) => Ok(Self::Control),
            _ => Ok(Self::Foreign),
        }
    }
}

/// Scheme, host and port. `ws` counts as `http`.
fn origin(url: &str) -> Option<(bool, String, u16)> {
    let url: Uri = url.parse().ok()?;
    // A compound scheme such as `socketio+https` ends with the scheme of the connection.
    let is_secure = match url.scheme_str()?.rsplit('+').next()? {
        "http" | "ws" => false,
        "https" | "wss" => true,
        _ => return None,
    };
    let port = url.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let host = url.host()?.to_ascii_lowercase();
    // Both names stand for this machine, and the profile may use the other one.
    let host = if host == "localhost" {
        "127.0.0.1".to_owned()
    } else {
        host
    };
    Some((is_secure, host, port))
}

/// Creates the credentials of one stream.
struct Maker {
    server: Server,
    cx: Arc<Context>,
    headers: Vec<HeaderLine>,
    /// `--token-cmd`, or `--token` on the command line. Sent to any server.
    token: Option<SecretRef>,
    auth: Option<SecretRef>,
    /// The login at a broker.
    user: Option<String>,
    password: Option<SecretRef>,
    key: Option<SecretRef>,
    /// Values that can be read only once.
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    profile: Option<Profile>,
    stdin: Option<Secret>,
}

/// The credentials of `args` for `server`. References are resolved here, so that an error is reported before connecting,
/// and again for each connection after the first.
pub(super) fn of(server: Server, args: &Args, cx: &Arc<Context>) -> Result<Credentials, CliError> {
    let maker = Maker {
        server,
        cx: Arc::clone(cx),
        headers: args.connect.header.clone(),
        token: token(args, cx),
        auth: args.socketio.auth.clone(),
        user: args.broker.user.clone(),
        password: args.broker.password.clone(),
        key: key(args),
        read: Mutex::default(),
    };
    let first = Mutex::new(Some(maker.make()?));
    Ok(Arc::new(move || {
        let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        match first {
            Some(first) => Ok(first),
            None => maker.make().map_err(|error| error.error),
        }
    }))
}

#[cfg_attr(not(feature = "nats"), expect(unused_variables))]
fn key(args: &Args) -> Option<SecretRef> {
    #[cfg(feature = "nats")]
    return args.nats.key.key();
    #[cfg(not(feature = "nats"))]
    None
}

fn token(args: &Args, cx: &Context) -> Option<SecretRef> {
    if let Some(command) = &args.connect.token_cmd {
        return Some(SecretRef::Command(command.clone()));
    }
    let is_typed = cx.matches.value_source("token") == Some(ValueSource::CommandLine);
    cx.globals.token.clone().filter(|_| is_typed)
}

impl Maker {
    fn make(&self) -> Result<Authorisation, CliError> {
        let mut headers = HeaderMap::new();
        let mut auth = Map::new();
        let token = match &self.token {
            Some(reference) => Some(self.secret(reference)?),
            None => None,
        };
        match self.server {
            Server::Platform => self.platform(token.clone(), &mut headers, &mut auth)?,
            Server::Control => {
                let running = self.cx.running()?.ok_or(ConfigError::NotRunning)?;
                bearer(&mut headers, &Secret::new(running.control_token))?;
            }
            Server::Foreign => {
                if let Some(token) = &token {
                    bearer(&mut headers, token)?;
                    auth.insert("token".to_owned(), token.reveal().into());
                }
            }
        }
        for line in &self.headers {
            headers.insert(line.name.clone(), self.value(line)?);
        }
        if let Some(reference) = &self.auth {
            auth.extend(self.object(reference)?);
        }
        let password = self.password.as_ref().map(|password| self.secret(password));
        let password = password.transpose()?;
        let key = self.key.as_ref().map(|key| self.secret(key)).transpose()?;
        let auth = (!auth.is_empty()).then(|| Secret::new(Value::Object(auth).to_string()));
        Ok(Authorisation {
            headers,
            auth,
            login: Login {
                user: self.user.clone(),
                password,
                token,
                key,
            },
        })
    }

    fn platform(
        &self,
        token: Option<Secret>,
        headers: &mut HeaderMap,
        auth: &mut Map<String, Value>,
    ) -> Result<(), CliError> {
        let profile = self.profile()?;
        let org = HeaderValue::from_str(&profile.org)
            .map_err(|_| CliError::usage("the profile's org cannot be sent in a header"))?;
        headers.insert(ORG, org);
        auth.insert("orgId".to_owned(), profile.org.as_str().into());
        let given = token.map(|token| Auth::with_token(Some(token)));
        let app_token = match &given {
            None if profile.auth.app.is_some() => self.app_token(&profile)?,
            _ => None,
        };
        let used = given.unwrap_or(profile.auth);
        headers.extend(used.headers(app_token.as_ref())?);
        if let Some(token) = used.tokens.token.or(app_token) {
            auth.insert("token".to_owned(), token.reveal().into());
        }
        Ok(())
    }

    /// A new token of the profile's app. Waits for the platform, on the blocking thread that makes the credentials.
    fn app_token(&self, profile: &Profile) -> Result<Option<Secret>, CliError> {
        let client = self.cx.new_client(profile)?;
        Ok(Handle::current().block_on(client.renew_app_token())?)
    }

    /// The current profile. A token may have been renewed, or the local platform restarted. A token from stdin stays.
    fn profile(&self) -> Result<Profile, CliError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(profile), Some(SecretRef::Stdin)) = (&read.profile, &self.cx.globals.token) {
            return Ok(profile.clone());
        }
        let profile = self.cx.profile()?;
        read.profile = Some(profile.clone());
        Ok(profile)
    }

    fn secret(&self, reference: &SecretRef) -> Result<Secret, CliError> {
        if *reference != SecretRef::Stdin {
            return self.cx.secret(reference);
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = &read.stdin {
            return Ok(secret.clone());
        }
        let secret = self.cx.secret(reference)?;
        read.stdin = Some(secret.clone());
        Ok(secret)
    }

    /// A header's value, with its reference resolved.
    fn value(&self, line: &HeaderLine) -> Result<HeaderValue, CliError> {
        let reference = line.value.to_str().ok().map(str::parse);
        let Some(Ok(reference @ (SecretRef::Env(_) | SecretRef::File(_) | SecretRef::Command(_)))) =
            reference
        else {
            return Ok(line.value.clone());
        };
        let mut value = HeaderValue::from_str(self.secret(&reference)?.reveal()).map_err(|_| {
            CliError::usage(format!(
                "the value of `{}` cannot be sent in a header",
                line.name
            ))
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn object(&self, reference: &SecretRef) -> Result<Map<String, Value>, CliError> {
        serde_json::from_str(self.secret(reference)?.reveal()).map_err(|_| {
            CliError::usage("--auth is not a JSON object")
                .hint("--auth '{\"token\":\"…\"}', or a reference to one: --auth env:CHAT_AUTH")
        })
    }
}

fn bearer(headers: &mut HeaderMap, token: &Secret) -> Result<(), CliError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
        .map_err(|_| CliError::usage("the token cannot be sent in a header"))?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}
