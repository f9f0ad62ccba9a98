//! `evt profile`: manages profiles and sign-ins.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::calls::CallArgs;
use super::context::account;
use crate::api::Client;
use crate::api::profile::{Principal, SignIn};
use crate::config::{
    self, Allowed, Config, ConfigError, Credentials, LOCAL, Login, Origin, PROFILES, Profile,
};
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::running::Running;
use crate::ui::{Cell, Format, Style, safe};

/// Choose the platform to use, and sign in
///
/// The profile `local` always exists. It is the platform that `evt dev` runs, which evt finds by itself.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  evt profile whoami                                       shows the account on the local platform\n  evt profile add staging --url https://api.example.com --org my-org"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(ListArgs),
    Show(ShowArgs),
    Add(AddArgs),
    Use(UseArgs),
    Remove(RemoveArgs),
    Login(LoginArgs),
    Logout(LogoutArgs),
    Whoami(WhoamiArgs),
    Refresh(RefreshArgs),
    Allow(AllowArgs),
}

/// List the profiles
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile list")]
struct ListArgs {}

/// Show the values of a profile that a request would use
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile show")]
struct ShowArgs {
    /// The profile [default: the one in use]
    name: Option<String>,
}

/// Add or change a profile
///
/// Its values are those of --url, --org and --token; their variables are ignored. Prefer a reference for the token (env:NAME,
/// file:PATH, cmd:…), or sign in with `evt profile login`. A token itself is stored in a file that only you can read.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  evt profile add staging --url https://api.example.com --org my-org --token env:STAGING_TOKEN"
)]
struct AddArgs {
    /// The name: letters, digits, `.`, `_`, `-`
    name: String,
}

/// Make a profile the default
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile use local")]
struct UseArgs {
    /// The profile
    name: String,
}

/// Remove a profile and its sign-in
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile remove staging")]
struct RemoveArgs {
    /// The profile
    name: String,
}

/// Sign in and store the token
///
/// Asks for missing values. The token is stored in a file that only you can read, and renewed when it expires.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt profile login --email dev@evt.local --password dev\n  evt profile login staging"
)]
struct LoginArgs {
    /// The profile [default: the one in use]
    name: Option<String>,
    /// Your email address
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,
    /// Your password: a literal, env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF")]
    password: Option<SecretRef>,
    /// Sign in as a customer of the organisation, not as a user of it
    #[arg(long)]
    customer: bool,
    #[command(flatten)]
    calls: CallArgs,
}

/// Remove the stored token
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile logout")]
struct LogoutArgs {
    /// The profile [default: the one in use]
    name: Option<String>,
}

/// Show the account of the token
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile whoami")]
struct WhoamiArgs {
    /// The profile [default: the one in use]
    name: Option<String>,
    #[command(flatten)]
    calls: CallArgs,
}

/// Renew the token of `evt profile login`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile refresh")]
struct RefreshArgs {
    /// The profile [default: the one in use]
    name: Option<String>,
    #[command(flatten)]
    calls: CallArgs,
}

/// Let a project's evt.toml choose a profile
///
/// A project can use the profile `local`, and those that you allow for its folder. Without NAME, lists what is allowed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt profile allow staging             the project in this folder can use staging\n  evt profile allow staging --revoke\n  evt profile allow                     what is allowed"
)]
struct AllowArgs {
    /// The profile
    name: Option<String>,
    /// The folder of the evt.toml [default: where the project's file is, or the current folder]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Take the permission back
    #[arg(long, requires = "name")]
    revoke: bool,
}

impl Args {
    /// `evt profile allow` runs also if the settings are refused, because it can be the remedy.
    pub(super) fn is_allow(&self) -> bool {
        matches!(self.action, Action::Allow(_))
    }
}

/// Runs the command.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let cx = &*cx;
    match args.action {
        Action::List(ListArgs {}) => list(cx),
        Action::Show(args) => show(args, cx),
        Action::Add(args) => add(&args, cx),
        Action::Use(args) => use_(&args, cx),
        Action::Remove(args) => remove(&args, cx),
        Action::Login(args) => login(args, cx).await,
        Action::Logout(args) => logout(&args, cx),
        Action::Whoami(args) => whoami(&args, cx).await,
        Action::Refresh(args) => refresh(&args, cx).await,
        Action::Allow(args) => allow(&args, cx),
    }
}

fn list(cx: &Context) -> Result<Exit, CliError> {
    let in_use = cx.profile_name();
    let all = Running::all(&cx.paths.state_dir);
    let mut names = cx.config.profile_names();
    for running in &all {
        if !names.contains(&running.name) {
            names.push(running.name.clone());
        }
    }
    let mut rows = Vec::new();
    for name in names {
        let entry = cx.entry(&name)?;
        let mut url = entry.url.map(|found| found.0);
        let mut org = entry.org.map(|found| found.0);
        if cx.is_local(&name)
            && let Some(running) = all.iter().find(|running| running.name == name)
        {
            url.get_or_insert_with(|| running.url.clone());
            org.get_or_insert_with(|| running.org.clone());
        }
        if cx.ui.format() == Format::Json {
            cx.ui
                .json(&json!({ "name": name, "in_use": name == in_use, "url": url, "org": org }))?;
            continue;
        }
        let mark = if name == in_use { "in use" } else { "" };
        let not_running = if name == LOCAL {
            "(evt dev is not running)"
        } else {
            "-"
        };
        rows.push(vec![
            Cell::styled(Style::Name, name),
            url.unwrap_or_else(|| not_running.to_owned()).into(),
            org.unwrap_or_else(|| "-".to_owned()).into(),
            Cell::styled(Style::Good, mark),
        ]);
    }
    if cx.ui.format() != Format::Json {
        cx.ui.table(&["name", "url", "org", ""], rows)?;
    }
    Ok(Exit::Done)
}

fn show(args: ShowArgs, cx: &Context) -> Result<Exit, CliError> {
    let profile = match args.name {
        Some(name) => cx.profile_named(&name)?,
        None => cx.profile()?,
    };
    let token = profile.token.as_ref().map(ToString::to_string);
    if cx.ui.format() == Format::Json {
        cx.ui.json(&json!({
            "name": profile.name, "url": profile.url, "org": profile.org, "token": token,
        }))?;
        return Ok(Exit::Done);
    }
    let token = token.unwrap_or_else(|| "none".to_owned());
    let rows = [
        ("name", profile.name),
        ("url", profile.url),
        ("org", profile.org),
        ("token", token),
    ];
    let rows = rows.map(|(name, value)| vec![Cell::styled(Style::Dim, name), Cell::from(value)]);
    cx.ui.table(&["", ""], rows.to_vec())?;
    Ok(Exit::Done)
}

fn add(args: &AddArgs, cx: &Context) -> Result<Exit, CliError> {
    // Variables are for one invocation, and may be for another server. Only what the user typed is stored.
    let url = cx.globals.url.as_deref().filter(|_| cx.is_flag("url"));
    let org = cx.globals.org.as_deref().filter(|_| cx.is_flag("org"));
    let token = cx.globals.token.as_ref().filter(|_| cx.is_flag("token"));
    let is_new = !cx.config.profile_names().contains(&args.name);
    if is_new && cx.is_local(&args.name) && args.name != LOCAL {
        let (name, of) = (args.name.clone(), "local platform");
        return Err(ConfigError::NameTaken { name, of }.into());
    }
    if is_new && url.is_none() {
        let message = "a new profile needs the URL of its platform";
        let hint = format!("evt profile add {} --url https://… --org …", args.name);
        return Err(CliError::new(Exit::Usage, "profile_incomplete", message).hint(hint));
    }
    let url = url.map(|url| url.trim_end_matches('/'));
    if let Some(url) = url {
        // Refuses a URL now that the client would refuse later.
        let profile = Profile {
            name: args.name.clone(),
            url: url.to_owned(),
            org: org.unwrap_or_default().to_owned(),
            token: None,
            refresh_token: None,
            local: None,
        };
        Client::new(&account(&profile), cx.dialer()?)?;
    }
    let path = cx.paths.config_file();
    let reference = token.and_then(|token| reference(token, cx));
    config::add(&path, &args.name, url, org, reference.as_deref())?;
    if let Some(token) = token {
        store_token(&args.name, url, token, reference.is_some(), cx)?;
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

/// Formats a reference for the settings file. `None` for a token itself, which is stored like that of a sign-in.
fn reference(reference: &SecretRef, cx: &Context) -> Option<String> {
    match reference {
        SecretRef::Literal(_) | SecretRef::Stdin => None,
        SecretRef::Env(name) => Some(format!("env:{name}")),
        // The profile is also used in other folders.
        SecretRef::File(path) => Some(format!("file:{}", cx.env.current_dir.join(path).display())),
        SecretRef::Command(command) => Some(format!("cmd:{command}")),
    }
}

/// Stores a token in the credentials file, for the URL of its profile. A reference replaces a stored token, and the other way round.
fn store_token(
    name: &str,
    url: Option<&str>,
    token: &SecretRef,
    is_reference: bool,
    cx: &Context,
) -> Result<(), CliError> {
    let credentials = cx.paths.credentials_file();
    if is_reference {
        return Ok(Credentials::remove(&credentials, name)?);
    }
    let known = cx.config.entry(name).ok().and_then(|entry| entry.url);
    let url = url.map(str::to_owned).or(known.map(|(url, _)| url));
    let login = Login {
        url: url.unwrap_or_default(),
        token: cx.secret(token)?,
        refresh_token: None,
    };
    Credentials::store(&credentials, name, &login)?;
    config::unset(&cx.paths.config_file(), &[PROFILES, name, "token"])?;
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

fn use_(args: &UseArgs, cx: &Context) -> Result<Exit, CliError> {
    cx.entry(&args.name)?;
    config::set(
        &cx.paths.config_file(),
        &[config::DEFAULT_PROFILE],
        &args.name,
    )?;
    cx.ui.status(&format!("{} is the default now", args.name));
    let (_, origin) = cx.config.default_profile();
    if let Origin::File { path, .. } = &origin
        && *path != cx.paths.config_file()
    {
        cx.ui.warn(&format!(
            "{origin} sets another profile, which has priority in this folder"
        ));
    }
    Ok(Exit::Done)
}

fn remove(args: &RemoveArgs, cx: &Context) -> Result<Exit, CliError> {
    let path = cx.paths.config_file();
    if !config::remove(&path, &args.name)? {
        cx.config.entry(&args.name)?;
        let message = format!("profile `{}` is not in {}", args.name, path.display());
        return Err(
            CliError::new(Exit::NotFound, "unknown_profile", message).hint("evt config path")
        );
    }
    Credentials::remove(&cx.paths.credentials_file(), &args.name)?;
    if cx.config.default_profile().0 == args.name {
        config::unset(&path, &[config::DEFAULT_PROFILE])?;
    }
    cx.ui.status(&format!("removed profile {}", args.name));
    Ok(Exit::Done)
}

async fn login(args: LoginArgs, cx: &Context) -> Result<Exit, CliError> {
    let profile = named(args.name.as_deref(), cx)?;
    if args.name.is_none() && cx.is_url_of_another_server(&profile)? {
        // The sign-in is stored for this URL, and would replace the one for the profile's own.
        let message = format!(
            "EVT_URL names another server than the profile `{}`, so the sign-in cannot be stored for it",
            profile.name
        );
        return Err(CliError::new(Exit::Usage, "mixed_variables", message)
            .hint("unset EVT_URL")
            .hint(
                "evt profile add NAME --url \"$EVT_URL\" --org …     then: evt profile login NAME",
            ));
    }
    cx.limit_calls(&args.calls)?;
    let client = cx.new_client(&profile)?;
    let email = match args.email {
        Some(email) => email,
        None => cx.ui.input("Email", None, "--email")?,
    };
    let password = match &args.password {
        Some(reference) => cx.secret(reference)?,
        None => crate::secret::Secret::new(cx.ui.password("Password", "--password")?),
    };
    let principal = if args.customer {
        Principal::Customer
    } else {
        Principal::User
    };
    match client.sign_in(principal, &email, &password).await? {
        SignIn::Done { tokens, user } => {
            cx.store_login(&profile, tokens.token, tokens.refresh_token)?;
            if cx.ui.format() == Format::Json {
                cx.ui
                    .json(&json!({ "profile": profile.name, "url": profile.url, "user": user }))?;
            }
            let who = safe(&email);
            cx.ui.status(&format!(
                "signed in to {} as {who} (profile {})",
                profile.url, profile.name
            ));
            Ok(Exit::Done)
        }
        SignIn::SecondFactor {
            method, message, ..
        } => {
            let mut error =
                "the platform requires a second factor, which its documented API does not accept"
                    .to_owned();
            if let Some(method) = method {
                error.push_str(&format!(" (`{method}`)"));
            }
            if let Some(message) = message {
                error.push_str(&format!(": {message}"));
            }
            Err(CliError::new(Exit::NotAllowed, "second_factor", error).hint(format!(
                "sign in with the platform's own application, then: evt profile add {} --token env:TOKEN",
                profile.name
            )))
        }
    }
}

/// The profile with this name, or the one in use.
fn named(name: Option<&str>, cx: &Context) -> Result<Profile, CliError> {
    match name {
        Some(name) => cx.profile_named(name),
        None => cx.profile(),
    }
}

/// If the token was refused, suggests to sign in to its profile, which may not be the one in use.
fn suggest_sign_in(profile: &str, mut error: CliError) -> CliError {
    if error.exit == Exit::NotAllowed {
        error.hints = vec![format!("evt profile login {profile}")];
    }
    error
}

fn logout(args: &LogoutArgs, cx: &Context) -> Result<Exit, CliError> {
    let name = match &args.name {
        Some(name) => cx.entry(name)?.name,
        None => cx.profile_name(),
    };
    Credentials::remove(&cx.paths.credentials_file(), &name)?;
    cx.ui.status(&format!("signed out of profile {name}"));
    Ok(Exit::Done)
}

async fn whoami(args: &WhoamiArgs, cx: &Context) -> Result<Exit, CliError> {
    let profile = named(args.name.as_deref(), cx)?;
    cx.limit_calls(&args.calls)?;
    let principal = cx
        .api_of(&profile)?
        .whoami()
        .await
        .map_err(|error| suggest_sign_in(&profile.name, error.into()))?;
    if cx.ui.format() == Format::Json {
        cx.ui.json(&principal)?;
        return Ok(Exit::Done);
    }
    let find = |pointers: &[&str]| {
        let found = pointers
            .iter()
            .find_map(|pointer| principal.pointer(pointer)?.as_str());
        found.unwrap_or("-").to_owned()
    };
    let who = find(&["/data/email", "/email", "/user/data/email", "/sk"]);
    let org = find(&["/orgid", "/orgId", "/org", "/data/orgid"]);
    let org = if org == "-" { profile.org } else { org };
    let rows = [
        ("who", who),
        ("org", org),
        ("platform", profile.url),
        ("profile", profile.name),
    ];
    let rows = rows.map(|(name, value)| vec![Cell::styled(Style::Dim, name), Cell::from(value)]);
    cx.ui.table(&["", ""], rows.to_vec())?;
    Ok(Exit::Done)
}

async fn refresh(args: &RefreshArgs, cx: &Context) -> Result<Exit, CliError> {
    let profile = named(args.name.as_deref(), cx)?;
    if profile.refresh_token.is_none() {
        let message = format!(
            "cannot renew the token: profile `{}` is not signed in",
            profile.name
        );
        return Err(CliError::new(Exit::NotAllowed, "not_signed_in", message)
            .hint(format!("evt profile login {}", profile.name)));
    }
    cx.limit_calls(&args.calls)?;
    // The new tokens are stored when the command ends.
    cx.api_of(&profile)?
        .refresh()
        .await
        .map_err(|error| suggest_sign_in(&profile.name, error.into()))?;
    cx.ui
        .status(&format!("renewed the token of profile {}", profile.name));
    Ok(Exit::Done)
}

fn allow(args: &AllowArgs, cx: &Context) -> Result<Exit, CliError> {
    let allowed = Allowed::of(&cx.paths);
    let Some(name) = &args.name else {
        return list_allowed(&allowed.list()?, cx);
    };
    let folder = match &args.folder {
        Some(folder) => cx.env.current_dir.join(folder),
        None => config::project_file(&cx.env.current_dir).map_or_else(
            || cx.env.current_dir.clone(),
            |file| config::folder_of(&file),
        ),
    };
    let folder = folder.canonicalize().unwrap_or(folder);
    let shown = folder.display();
    if args.revoke {
        if !allowed.revoke(&folder, name)? {
            let message = format!("profile `{name}` is not allowed for `{shown}`");
            return Err(CliError::new(Exit::NotFound, "not_allowed_before", message)
                .hint("evt profile allow      lists what is allowed"));
        }
        cx.ui
            .status(&format!("{shown} can no longer use the profile {name}"));
        return Ok(Exit::Done);
    }
    if !cx.is_local(name) {
        Config::load_user(&cx.paths)?.entry(name)?;
    }
    allowed.allow(&folder, name)?;
    cx.ui.status(&format!("{shown} can use the profile {name}"));
    Ok(Exit::Done)
}

fn list_allowed(pairs: &[(PathBuf, String)], cx: &Context) -> Result<Exit, CliError> {
    if cx.ui.format() == Format::Json {
        for (folder, name) in pairs {
            cx.ui
                .json(&json!({ "folder": folder.to_string_lossy(), "profile": name }))?;
        }
        return Ok(Exit::Done);
    }
    let rows = pairs.iter().map(|(folder, name)| {
        vec![
            Cell::styled(Style::Name, name.clone()),
            Cell::from(folder.to_string_lossy()),
        ]
    });
    cx.ui.table(&["profile", "folder"], rows.collect())?;
    Ok(Exit::Done)
}
