//! `evt config`: what is set, and where each value comes from.

use clap::Subcommand;
use serde_json::json;

use super::{Context, settings};
use crate::config::{self, Config, ConfigError, DEFAULT_PROFILE, Origin, PROFILES};
use crate::error::{CliError, Exit};
use crate::ui::{Cell, Format, Style};

/// Show and change settings, and say where each comes from
///
/// Settings are flags written in a file: `[listen] port = 5000` is `evt listen --port 5000`. The strongest wins: defaults, then your
/// file, then the project's evt.toml, then EVT_… variables, then flags.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  evt config show                  what is set, and by what\n  evt config set listen.port 5000"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(ShowArgs),
    Get(GetArgs),
    Set(SetArgs),
    Unset(UnsetArgs),
    Path(PathArgs),
}

/// Show the settings in force and where each comes from
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt config show --all")]
struct ShowArgs {
    /// Show every setting, also those that are not set
    #[arg(long)]
    all: bool,
}

/// Print the value of one setting
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt config get listen.port")]
struct GetArgs {
    /// The setting: COMMAND.FLAG, such as listen.port
    key: String,
}

/// Set a value in your file, or the project's
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt config set default_profile staging\n  evt config set --project listen.port 5000"
)]
struct SetArgs {
    /// The setting: COMMAND.FLAG, such as listen.port
    key: String,
    /// Its value
    value: String,
    /// Change ./evt.toml in place of your own file
    #[arg(long)]
    project: bool,
}

/// Remove a setting from your file, or the project's
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt config unset listen.port")]
struct UnsetArgs {
    /// The setting: COMMAND.FLAG, such as listen.port
    key: String,
    /// Change ./evt.toml in place of your own file
    #[arg(long)]
    project: bool,
}

/// Print where files lie
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt config path")]
struct PathArgs {}

/// Runs the command.
pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    match &args.action {
        Action::Show(args) => show(args, cx),
        Action::Get(args) => get(args, cx),
        Action::Set(args) => set(args, cx),
        Action::Unset(args) => unset(args, cx),
        Action::Path(PathArgs {}) => path(cx),
    }
}

/// One line of `evt config show`.
struct Row {
    key: String,
    value: Option<String>,
    origin: Origin,
}

fn show(args: &ShowArgs, cx: &Context) -> Result<Exit, CliError> {
    // Asked for the settings, damaged ones are the answer.
    settings::load(&cx.env, cx.globals.config.as_deref())?;
    let mut rows = profile_rows(cx)?;
    rows.extend(
        settings::all()
            .iter()
            .map(|setting| setting.current(&cx.config, &cx.env))
            .filter(|current| args.all || current.origin != Origin::Default)
            .map(|current| Row {
                key: current.key,
                value: current.value,
                origin: current.origin,
            }),
    );
    match cx.ui.format() {
        Format::Json => {
            for row in &rows {
                cx.ui.json(&json!({ "key": row.key, "value": row.value, "origin": row.origin.to_string() }))?;
            }
        }
        Format::Text | Format::Raw => {
            let rows = rows.into_iter().map(|row| {
                let value = row.value.unwrap_or_else(|| "-".to_owned());
                vec![
                    Cell::styled(Style::Name, row.key),
                    value.into(),
                    Cell::styled(Style::Dim, row.origin.to_string()),
                ]
            });
            cx.ui.table(&["setting", "value", "from"], rows.collect())?;
        }
    }
    Ok(Exit::Done)
}

/// The profile in use and what its files, variables and flags say; tokens masked or by reference.
fn profile_rows(cx: &Context) -> Result<Vec<Row>, CliError> {
    let (name, configured) = cx.config.default_profile();
    let given = settings::given(&cx.matches, "profile", &cx.env);
    let name = cx.globals.profile.clone().unwrap_or(name);
    let entry = cx.config.entry(&name)?;
    let mut rows = vec![Row {
        key: DEFAULT_PROFILE.to_owned(),
        value: Some(name),
        origin: given.unwrap_or(configured),
    }];
    let globals = &cx.globals;
    let token = globals.token.as_ref().map(|_| "…".to_owned());
    for (key, override_, stored) in [
        ("url", globals.url.clone(), entry.url),
        ("org", globals.org.clone(), entry.org),
        ("token", token, entry.token),
    ] {
        let given = settings::given(&cx.matches, key, &cx.env);
        let found = override_.zip(given).or(stored);
        rows.extend(found.map(|(value, origin)| Row {
            key: format!("{PROFILES}.{}.{key}", entry.name),
            value: Some(if key == "token" {
                masked(&value)
            } else {
                value
            }),
            origin,
        }));
    }
    Ok(rows)
}

/// A token's reference as it is, a literal token as its mask.
fn masked(token: &str) -> String {
    let is_reference = ["env:", "file:", "cmd:"]
        .iter()
        .any(|form| token.starts_with(form));
    if is_reference {
        token.to_owned()
    } else {
        crate::secret::Secret::new(token).to_string()
    }
}

fn get(args: &GetArgs, cx: &Context) -> Result<Exit, CliError> {
    let value = match split(&args.key)?.as_slice() {
        [PROFILES, name, key] => {
            let entry = cx.config.entry(name)?;
            match *key {
                "url" => entry.url,
                "org" => entry.org,
                _ => entry.token.map(|(token, origin)| (masked(&token), origin)),
            }
            .map(|found| found.0)
        }
        [key] if *key == DEFAULT_PROFILE => Some(cx.config.default_profile().0),
        _ => settings::all()
            .iter()
            .find(|setting| setting.key == args.key)
            .and_then(|setting| setting.current(&cx.config, &cx.env).value),
    };
    let Some(value) = value else {
        let message = format!("`{}` is not set", args.key);
        let hint = format!("evt config set {} …", args.key);
        return Err(CliError::new(Exit::NotFound, "not_set", message).hint(hint));
    };
    // A single value is for `$(…)`: the bare text, unless JSON is asked for by name.
    if cx.ui.explicit_json() {
        cx.ui.json(&value)?;
    } else {
        cx.ui.line(&crate::ui::safe(&value))?;
    }
    Ok(Exit::Done)
}

fn set(args: &SetArgs, cx: &Context) -> Result<Exit, CliError> {
    let key = split(&args.key)?;
    let path = file(cx, args.project);
    if let [DEFAULT_PROFILE] = key.as_slice() {
        cx.config.entry(&args.value)?;
    }
    settings::accepts(&key, &args.value)?;
    if args.project && config::shares_a_secret(&key, std::slice::from_ref(&args.value)) {
        let key = args.key.clone();
        return Err(ConfigError::SecretForProject { key }.into());
    }
    let before = std::fs::read(&path).ok();
    config::set(&path, &key, &args.value)?;
    // What would not be accepted when it is read (a secret in a project's file) is not left behind.
    if let Err(error) = check(cx) {
        match before {
            Some(bytes) => crate::files::replace_private_file(&path, &bytes)?,
            None => std::fs::remove_file(&path)?,
        }
        return Err(error);
    }
    cx.ui
        .status(&format!("set {} in {}", args.key, path.display()));
    if args.key == "listen.secret" {
        warn_of_a_secret_alone(cx)?;
    }
    Ok(Exit::Done)
}

/// A secret without a scheme ends every plain `evt listen`: better told now.
fn warn_of_a_secret_alone(cx: &Context) -> Result<(), CliError> {
    let now = Config::load(&cx.paths, &cx.env, cx.globals.config.as_deref())?;
    if now.get("listen.verify").is_none() {
        cx.ui.warn(
            "`evt listen` takes a secret only beside a scheme; set that too: evt config set listen.verify standard-webhooks",
        );
    }
    Ok(())
}

fn check(cx: &Context) -> Result<(), CliError> {
    Config::load(&cx.paths, &cx.env, cx.globals.config.as_deref())?.check(&settings::keys())?;
    Ok(())
}

fn unset(args: &UnsetArgs, cx: &Context) -> Result<Exit, CliError> {
    let parts: Vec<&str> = args.key.split('.').collect();
    let path = file(cx, args.project);
    if config::unset(&path, &parts)? {
        cx.ui
            .status(&format!("removed {} from {}", args.key, path.display()));
        return Ok(Exit::Done);
    }
    let message = format!("`{}` is not set in {}", args.key, path.display());
    Err(CliError::new(Exit::NotFound, "not_set", message).hint("evt config show"))
}

fn path(cx: &Context) -> Result<Exit, CliError> {
    let project = config::project_file(&cx.env.current_dir);
    let places = [
        ("settings", Some(file(cx, false))),
        ("project", project),
        ("credentials", Some(cx.paths.credentials_file())),
        ("data", Some(cx.paths.data_dir.clone())),
        ("state", Some(cx.paths.state_dir.clone())),
    ];
    if cx.ui.format() == Format::Json {
        let object: serde_json::Map<_, _> = places
            .into_iter()
            .filter_map(|(name, path)| Some((name.to_owned(), json!(path?.to_string_lossy()))))
            .collect();
        cx.ui.json(&object)?;
        return Ok(Exit::Done);
    }
    let rows = places.into_iter().filter_map(|(name, path)| {
        Some(vec![Cell::from(name), Cell::from(path?.to_string_lossy())])
    });
    cx.ui.table(&["what", "where"], rows.collect())?;
    Ok(Exit::Done)
}

fn file(cx: &Context, project: bool) -> std::path::PathBuf {
    match &cx.globals.config {
        _ if project => config::project_file(&cx.env.current_dir)
            .unwrap_or_else(|| cx.env.current_dir.join(config::PROJECT_FILE)),
        Some(path) => cx.env.current_dir.join(path),
        None => cx.paths.config_file(),
    }
}

/// The parts of a key that exists. A profile's name may hold dots.
fn split(key: &str) -> Result<Vec<&str>, ConfigError> {
    if let Some(rest) = key.strip_prefix("profile.")
        && let Some((name, last)) = rest.rsplit_once('.')
        && ["url", "org", "token"].contains(&last)
        && crate::paths::is_plain_name(name)
    {
        return Ok(vec![PROFILES, name, last]);
    }
    let known = settings::keys();
    if known.iter().any(|known| known == key) {
        return Ok(key.split('.').collect());
    }
    Err(ConfigError::NoSuchKey {
        key: key.to_owned(),
        suggestion: config::suggest(key, known.iter().map(String::as_str)),
    })
}
