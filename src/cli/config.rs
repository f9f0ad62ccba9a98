//! `evt config`: shows and changes settings.

use clap::Subcommand;
use serde_json::json;

use super::settings::{self, Current};
use super::{Context, parse};
use crate::config::{
    self, Allowed, ConfigError, DEFAULT_PROFILE, Kind, Location, Origin, PROFILES,
};
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::secret;
use crate::ui::{Cell, Format, Style};

/// Show and change settings, and where each one is set
///
/// A setting is the default of a flag, stored in a file: `[listen] port = 5000` is `evt listen --port 5000`. From the weakest to the
/// strongest: defaults, your file, the project's evt.toml, EVT_… variables, flags. A project's evt.toml can only hold harmless settings.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  evt config show                  lists what is set, and where\n  evt config set listen.port 5000"
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

/// Show the current settings and where each one is set
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt config show --all")]
struct ShowArgs {
    /// Also show settings that are not set
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

/// Set a value in your file or in the project's
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt config set default_profile staging\n  evt config set --project listen.port 5000"
)]
struct SetArgs {
    /// The setting: COMMAND.FLAG, such as listen.port
    key: String,
    /// The value
    value: String,
    /// Change the project's evt.toml instead of your own file
    #[arg(long)]
    project: bool,
}

/// Remove a setting from your file or from the project's
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt config unset listen.port")]
struct UnsetArgs {
    /// The setting: COMMAND.FLAG, such as listen.port
    key: String,
    /// Change the project's evt.toml instead of your own file
    #[arg(long)]
    project: bool,
}

/// Print the locations of files
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

fn show(args: &ShowArgs, cx: &Context) -> Result<Exit, CliError> {
    // This command runs without settings if they are damaged, but cannot show them then.
    settings::load(&cx.env, cx.globals.config.as_deref())?;
    let mut rows = profile_rows(cx)?;
    let root = parse::tree();
    rows.extend(
        settings::of_flags()
            // The rows of the profile show these.
            .filter(|setting| !["profile", "url", "org", "token"].contains(&setting.key))
            .map(|setting| settings::current(setting, &root, &cx.config, &cx.env))
            .filter(|current| args.all || current.origin != Origin::Default),
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

/// The profile in use with its values from files, variables and flags. Literal tokens are masked.
fn profile_rows(cx: &Context) -> Result<Vec<Current>, CliError> {
    let (name, configured) = cx.config.default_profile();
    let given = settings::given(&cx.matches, "profile", &cx.env);
    let name = cx.globals.profile.clone().unwrap_or(name);
    let entry = cx.entry(&name)?;
    let mut rows = vec![Current {
        key: DEFAULT_PROFILE.to_owned(),
        value: Some(name),
        origin: given.unwrap_or(configured),
    }];
    let globals = &cx.globals;
    let name = entry.name.clone();
    for (key, stored) in entry.into_values() {
        let override_ = match key {
            "url" => globals.url.clone(),
            "org" => globals.org.clone(),
            "token" => globals.token.as_ref().map(|_| "…".to_owned()),
            _ => None,
        };
        // A profile that the command line names has priority over the variables.
        let given = override_
            .as_ref()
            .and_then(|_| settings::given(&cx.matches, key, &cx.env))
            .filter(|given| *given == Origin::Flag || cx.named().is_none());
        let found = override_.zip(given).or(stored);
        rows.extend(found.map(|(value, origin)| Current {
            key: format!("{PROFILES}.{name}.{key}"),
            value: Some(match key {
                "url" => secret::masked_url(&value),
                key if config::is_secret(key) => settings::masked(&value),
                _ => value,
            }),
            origin,
        }));
    }
    Ok(rows)
}

fn get(args: &GetArgs, cx: &Context) -> Result<Exit, CliError> {
    let key = split(&args.key);
    // The user's file is the one that can hold most keys.
    match config::check_key(Kind::User, &key, Some(&[String::new()]), &Location(None)) {
        Ok(()) | Err(ConfigError::Refused { .. }) => {}
        Err(error) => return Err(settings::flag_only(error).into()),
    }
    let value = match key.as_slice() {
        [PROFILES, name, key] => {
            let mut values = cx.entry(name)?.into_values();
            let found = values.find(|(known, _)| known == key);
            let value = found.and_then(|(_, value)| Some(value?.0));
            match config::is_secret(key) {
                true => value.map(|value| settings::masked(&value)),
                false => value,
            }
        }
        [key] if *key == DEFAULT_PROFILE => Some(cx.config.default_profile().0),
        _ => config::settings::find(&args.key).and_then(|setting| {
            let root = parse::tree();
            settings::current(setting, &root, &cx.config, &cx.env).value
        }),
    };
    let Some(value) = value else {
        let message = format!("`{}` is not set", args.key);
        let hint = format!("evt config set {} …", args.key);
        return Err(CliError::new(Exit::NotFound, "not_set", message).hint(hint));
    };
    // Scripts use a single value in `$(…)`, so it is plain text unless JSON was requested.
    if cx.ui.explicit_json() {
        cx.ui.json(&value)?;
    } else {
        cx.ui.line(&crate::ui::safe(&value))?;
    }
    Ok(Exit::Done)
}

fn set(args: &SetArgs, cx: &Context) -> Result<Exit, CliError> {
    let path = file(cx, args.project);
    let kind = match args.project {
        true => Kind::Project,
        false => kind_of(cx, &path),
    };
    let key = split(&args.key);
    let values = std::slice::from_ref(&args.value);
    config::check_key(kind, &key, Some(values), &Location(None)).map_err(settings::flag_only)?;
    if let [PROFILES, name, key] = key.as_slice()
        && config::is_secret(key)
        && let Ok(SecretRef::Literal(_) | SecretRef::Stdin) = args.value.parse()
    {
        let message = "a secret itself is not stored in the settings, which people share";
        let mut error = CliError::new(Exit::Usage, "literal_token", message);
        if *key == "token" {
            error = error.hint(format!("evt profile login {name}"));
        }
        return Err(error.hint(match *key {
            "app-key" => format!("evt profile add {name} --app-key -     reads it from stdin"),
            "app-secret" => {
                format!("evt profile add {name} --app-secret -     reads it from stdin")
            }
            "api-key" => format!("evt profile add {name} --api-key -     reads it from stdin"),
            _ => format!("evt profile add {name} --token -     reads it from stdin"),
        }));
    }
    if let [DEFAULT_PROFILE] = key.as_slice() {
        cx.entry(&args.value)?;
        if kind == Kind::Project {
            Allowed::of(&cx.paths).check(&config::folder_of(&path), &args.value)?;
        }
    }
    settings::accepts(&key, &args.value)?;
    config::set(&path, &key, &args.value)?;
    cx.ui
        .status(&format!("set {} in {}", args.key, path.display()));
    if args.key == "listen.secret" && cx.config.get("listen.verify").is_none() {
        cx.ui.warn(
            "`evt listen` uses a secret only with a scheme; set one, too: evt config set listen.verify standard-webhooks",
        );
    }
    Ok(Exit::Done)
}

/// What `--config` names: a file called `evt.toml` is a project's.
fn kind_of(cx: &Context, path: &std::path::Path) -> Kind {
    match &cx.globals.config {
        Some(_) => config::kind_of(path, config::project_file(&cx.env.current_dir).as_deref()),
        None => Kind::User,
    }
}

fn unset(args: &UnsetArgs, cx: &Context) -> Result<Exit, CliError> {
    let path = file(cx, args.project);
    // A file may also hold the whole key in quotes: `"listen.port" = 5000`.
    if config::unset(&path, &split(&args.key))? || config::unset(&path, &[&args.key])? {
        cx.ui
            .status(&format!("removed {} from {}", args.key, path.display()));
        return Ok(Exit::Done);
    }
    let message = format!("`{}` is not set in {}", args.key, path.display());
    Err(CliError::new(Exit::NotFound, "not_set", message).hint("evt config show"))
}

fn path(cx: &Context) -> Result<Exit, CliError> {
    let project = config::project_file(&cx.env.current_dir);
    let locations = [
        ("settings", Some(file(cx, false))),
        ("project", project),
        ("credentials", Some(cx.paths.credentials_file())),
        ("data", Some(cx.paths.data_dir.clone())),
        ("state", Some(cx.paths.state_dir.clone())),
    ];
    if cx.ui.format() == Format::Json {
        let object: serde_json::Map<_, _> = locations
            .into_iter()
            .filter_map(|(name, path)| Some((name.to_owned(), json!(path?.to_string_lossy()))))
            .collect();
        cx.ui.json(&object)?;
        return Ok(Exit::Done);
    }
    let rows = locations.into_iter().filter_map(|(name, path)| {
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

/// The parts of a key. The name of a profile may hold dots.
fn split(key: &str) -> Vec<&str> {
    if let Some(rest) = key.strip_prefix("profile.")
        && let Some((name, last)) = rest.rsplit_once('.')
        && ["url", "org", "token"].contains(&last)
    {
        return vec![PROFILES, name, last];
    }
    key.split('.').collect()
}
