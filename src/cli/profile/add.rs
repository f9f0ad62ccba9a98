//! `evt profile add`.

use crate::api::Client;
use crate::api::auth::Auth;
use crate::cli::Context;
use crate::cli::context::account;
use crate::config::{self, ConfigError, Credentials, LOCAL, PROFILES, Profile};
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::secret::Secret;

/// Add or change a profile
///
/// Its values are those of --url, --org and --token; their variables are ignored. Prefer a reference for the token (env:NAME,
/// file:PATH, cmd:…), or sign in with `evt profile login`. A token itself is stored in a file that only you can read.
///
/// With --app-id, requests carry the token of an app. evt asks for the app's key and secret unless they are given, and stores them
/// in the same file. After `evt profile login` they carry your own token, too. The key of --api-key is sent by requests that have no token.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt profile add staging --url https://api.example.com --org my-org --token env:STAGING_TOKEN\n  evt profile add shop --url https://api.example.com --org my-org --app-id shop --app-key env:APP_KEY --app-secret file:secret.txt"
)]
pub(super) struct Args {
    /// The name: letters, digits, `.`, `_`, `-`
    name: String,
    /// The id of an app of the organisation
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    /// The key of the app: env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF")]
    app_key: Option<SecretRef>,
    /// The secret of the app: env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF")]
    app_secret: Option<SecretRef>,
    /// An API key: env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF")]
    api_key: Option<SecretRef>,
}

/// Where the value of a secret is stored.
enum Stored {
    /// The settings hold a reference.
    Reference(String),
    /// The credentials file holds the secret.
    Secret(Secret),
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    // Variables are for one invocation, and may be for another server. Only what the user typed is stored.
    let url = cx.globals.url.as_deref().filter(|_| cx.is_flag("url"));
    let org = cx.globals.org.as_deref().filter(|_| cx.is_flag("org"));
    let url = url.map(|url| url.trim_end_matches('/'));
    let mut secrets = given(args, cx)?;
    check(&args.name, url, org, cx)?;
    ask(args, url, &mut secrets, cx)?;
    let path = cx.paths.config_file();
    let mut values = vec![
        ("url", url),
        ("org", org),
        ("app-id", args.app_id.as_deref()),
    ];
    for (key, stored) in &secrets {
        if let Stored::Reference(reference) = stored {
            values.push((key, Some(reference)));
        }
    }
    config::add(&path, &args.name, &values)?;
    for (key, stored) in &secrets {
        store(&args.name, url, (key, stored), cx)?;
    }
    note_variables(cx);
    cx.ui.status(&format!(
        "stored profile {} in {}",
        args.name,
        path.display()
    ));
    cx.ui.status(&format!(
        "to make it the default: evt profile use {}",
        args.name
    ));
    Ok(Exit::Done)
}

/// Checks the name and the URL.
fn check(name: &str, url: Option<&str>, org: Option<&str>, cx: &Context) -> Result<(), CliError> {
    let is_new = !cx.config.profile_names().iter().any(|known| known == name);
    if is_new && cx.is_local(name) && name != LOCAL {
        let (name, of) = (name.to_owned(), "local platform");
        return Err(ConfigError::NameTaken { name, of }.into());
    }
    if is_new && url.is_none() {
        let message = "a new profile needs the URL of its platform";
        let hint = format!("evt profile add {name} --url https://… --org …");
        return Err(CliError::new(Exit::Usage, "profile_incomplete", message).hint(hint));
    }
    if let Some(url) = url {
        // Refuses a URL now that the client would refuse later.
        let profile = Profile {
            name: name.to_owned(),
            url: url.to_owned(),
            org: org.unwrap_or_default().to_owned(),
            auth: Auth::default(),
            local: None,
        };
        Client::new(&account(&profile), cx.dialer()?)?;
    }
    Ok(())
}

/// The secrets of the flags.
fn given(args: &Args, cx: &Context) -> Result<Vec<(&'static str, Stored)>, CliError> {
    let mut secrets = Vec::new();
    if let Some(token) = cx.globals.token.as_ref().filter(|_| cx.is_flag("token")) {
        secrets.push(("token", stored(token, cx)?));
    }
    let entry = cx.config.entry(&args.name).unwrap_or_default();
    let has_app = args.app_id.is_some() || entry.app_id.is_some();
    for (key, given) in [
        ("app-key", &args.app_key),
        ("app-secret", &args.app_secret),
        ("api-key", &args.api_key),
    ] {
        let Some(given) = given else { continue };
        if key != "api-key" && !has_app {
            let message = format!("--{key} needs the id of the app");
            return Err(CliError::usage(message).hint("give it with --app-id"));
        }
        secrets.push((key, reference(key, given, cx)?));
    }
    Ok(secrets)
}

/// Asks for the secrets of an app that are neither given nor known.
fn ask(
    args: &Args,
    url: Option<&str>,
    secrets: &mut Vec<(&'static str, Stored)>,
    cx: &Context,
) -> Result<(), CliError> {
    if args.app_id.is_none() {
        return Ok(());
    }
    let entry = cx.config.entry(&args.name).unwrap_or_default();
    let url = url_of(&args.name, url, cx);
    let credentials = Credentials::load(&cx.paths.credentials_file())?;
    for (key, question, known) in [
        ("app-key", "App key", entry.app_key),
        ("app-secret", "App secret", entry.app_secret),
    ] {
        let is_known = known.is_some() || credentials.secret(&args.name, &url, key).is_some();
        if !is_known && !secrets.iter().any(|(given, _)| *given == key) {
            let secret = cx.ui.password(question, &format!("--{key}"))?;
            secrets.push((key, Stored::Secret(Secret::new(secret))));
        }
    }
    Ok(())
}

/// How a secret is stored: a reference in the settings, a secret itself like that of a sign-in.
fn stored(reference: &SecretRef, cx: &Context) -> Result<Stored, CliError> {
    Ok(match reference {
        SecretRef::Literal(_) | SecretRef::Stdin => Stored::Secret(cx.secret(reference)?),
        SecretRef::Env(name) => Stored::Reference(format!("env:{name}")),
        // The profile is also used in other folders.
        SecretRef::File(path) => {
            Stored::Reference(format!("file:{}", cx.env.current_dir.join(path).display()))
        }
        SecretRef::Command(command) => Stored::Reference(format!("cmd:{command}")),
    })
}

/// [`stored`], but not for a secret on the command line: other programs can see it, and shells keep it in their history.
fn reference(key: &str, given: &SecretRef, cx: &Context) -> Result<Stored, CliError> {
    match given {
        SecretRef::Literal(_) => Err(CliError::new(
            Exit::Usage,
            "literal_secret",
            format!("--{key} does not accept a secret itself, which other programs could read"),
        )
        .hint(format!("--{key} env:NAME"))
        .hint(format!("--{key} -     reads it from stdin"))),
        other => stored(other, cx),
    }
}

/// The URL of a profile: the one that is given, or else its own.
fn url_of(name: &str, given: Option<&str>, cx: &Context) -> String {
    let known = cx.config.entry(name).ok().and_then(|entry| entry.url);
    let url = given.map(str::to_owned).or(known.map(|(url, _)| url));
    url.unwrap_or_default()
}

/// Stores a secret in the credentials file, for the URL of its profile. A reference replaces a stored secret, and the other way round.
fn store(
    name: &str,
    url: Option<&str>,
    (key, stored): (&str, &Stored),
    cx: &Context,
) -> Result<(), CliError> {
    let credentials = cx.paths.credentials_file();
    let url = url_of(name, url, cx);
    // A token replaces the whole sign-in.
    if key == "token" {
        Credentials::sign_out(&credentials, name)?;
    }
    let secret = match stored {
        Stored::Secret(secret) => Some(secret),
        Stored::Reference(_) => None,
    };
    Credentials::store_secret(&credentials, name, &url, (key, secret))?;
    if secret.is_some() {
        config::unset(&cx.paths.config_file(), &[PROFILES, name, key])?;
    }
    Ok(())
}

/// Says that variables are not stored, because the user may have expected it.
fn note_variables(cx: &Context) {
    let ignored: Vec<&str> = [
        ("url", "EVT_URL"),
        ("org", "EVT_ORG"),
        ("token", "EVT_TOKEN"),
    ]
    .into_iter()
    .filter(|(flag, variable)| cx.env.get(variable).is_some() && !cx.is_flag(flag))
    .map(|(_, variable)| variable)
    .collect();
    if !ignored.is_empty() {
        cx.ui.status(&format!(
            "not stored: {}; a profile has only what --url, --org and --token give it",
            ignored.join(", ")
        ));
    }
}
