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
use crate::config::{self, Allowed, Config, Credentials, LOCAL, Origin, Profile};
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
/// Its values are those of --url, --org and --token. Prefer a reference for the token (env:NAME, file:PATH, cmd:…), or sign in with
/// `evt profile login`.
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
    let running = Running::find(&cx.paths.state_dir).unwrap_or_default();
    let mut rows = Vec::new();
    for name in cx.config.profile_names() {
        let entry = cx.config.entry(&name)?;
        let mut url = entry.url.map(|found| found.0);
        let mut org = entry.org.map(|found| found.0);
        if name == LOCAL
            && let Some(running) = &running
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
    let globals = &cx.globals;
    let is_new = !cx.config.profile_names().contains(&args.name);
    if is_new && globals.url.is_none() {
        let message = "a new profile needs the URL of its platform";
        let hint = format!("evt profile add {} --url https://… --org …", args.name);
        return Err(CliError::new(Exit::Usage, "profile_incomplete", message).hint(hint));
    }
    if let Some(url) = &globals.url {
        // Refuses a URL now that the client would refuse later.
        let profile = Profile {
            name: args.name.clone(),
            url: url.clone(),
            org: globals.org.clone().unwrap_or_default(),
            token: None,
            refresh_token: None,
            local: None,
        };
        Client::new(&account(&profile), cx.dialer()?)?;
    }
    let token = globals.token.as_ref().map(reference);
    config::add(
        &cx.paths.config_file(),
        &args.name,
        globals.url.as_deref().map(|url| url.trim_end_matches('/')),
        globals.org.as_deref(),
        token.as_deref(),
    )?;
    cx.ui.status(&format!(
        "stored profile {} in {}",
        args.name,
        cx.paths.config_file().display()
    ));
    cx.ui.status(&format!(
        "to make it the default: evt profile use {}",
        args.name
    ));
    Ok(Exit::Done)
}

/// Formats a reference for a file.
fn reference(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Literal(secret) => secret.reveal().to_owned(),
        SecretRef::Env(name) => format!("env:{name}"),
        SecretRef::File(path) => format!("file:{}", path.display()),
        SecretRef::Command(command) => format!("cmd:{command}"),
        SecretRef::Stdin => "-".to_owned(),
    }
}

fn use_(args: &UseArgs, cx: &Context) -> Result<Exit, CliError> {
    cx.config.entry(&args.name)?;
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
        Some(name) => cx.config.entry(name)?.name,
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
    Config::load_user(&cx.paths)?.entry(name)?;
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
