//! `evt profile login`.

use serde_json::{Value, json};

use super::{named, second_factor};
use crate::api::Client;
use crate::api::profile::{Principal, SignIn, SignedIn};
use crate::cli::Context;
use crate::cli::calls::CallArgs;
use crate::config::{Credentials, Profile};
use crate::error::{CliError, Exit};
use crate::grammar::secret_ref::SecretRef;
use crate::secret::Secret;
use crate::ui::{Format, safe};

/// Sign in and store the token
///
/// Asks for missing values, and for the code if the platform requires a second factor. The token is stored in a file that only
/// you can read, and renewed when it expires.
///
/// Without a terminal, sign in first; then enter the code: `evt profile login --code CODE`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt profile login --email dev@evt.local --password dev\n  evt profile login staging\n  evt profile login --code 123456"
)]
pub(super) struct Args {
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
    /// The code of the second factor. Without --email, for the sign-in that waits for it
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    #[command(flatten)]
    calls: CallArgs,
}

pub(super) async fn run(args: Args, cx: &Context) -> Result<Exit, CliError> {
    let profile = named(args.name.as_deref(), cx)?;
    if args.name.is_none() && cx.is_url_of_another_server(&profile)? {
        return Err(mixed(&profile));
    }
    cx.limit_calls(&args.calls)?;
    let client = cx.new_client(&profile)?;
    let code = args.code.as_deref();
    let SignedIn { tokens, user } = match waiting(&args, &profile, cx)? {
        Some(challenge) => second_factor::enter(challenge, code, &profile, &client, cx).await?,
        None => match sign_in(&args, &client, cx).await? {
            SignIn::Done(signed_in) => signed_in,
            SignIn::SecondFactor(challenge) => {
                second_factor::announce(&challenge, &profile, cx);
                second_factor::enter(challenge, code, &profile, &client, cx).await?
            }
        },
    };
    cx.store_login(&profile, &tokens)?;
    if cx.ui.format() == Format::Json {
        cx.ui
            .json(&json!({ "profile": profile.name, "url": profile.url, "user": user }))?;
    }
    let found = ["/data/email", "/email"]
        .iter()
        .find_map(|pointer| user.pointer(pointer).and_then(Value::as_str));
    let who = match args.email.as_deref().or(found) {
        Some(email) => format!(" as {}", safe(email)),
        None => String::new(),
    };
    cx.ui.status(&format!(
        "signed in to {}{who} (profile {})",
        profile.url, profile.name
    ));
    Ok(Exit::Done)
}

/// The sign-in is stored for the URL of the profile, and would replace the one for the profile's own URL.
fn mixed(profile: &Profile) -> CliError {
    let message = format!(
        "EVT_URL names another server than the profile `{}`, so the sign-in cannot be stored for it",
        profile.name
    );
    CliError::new(Exit::Usage, "mixed_variables", message)
        .hint("unset EVT_URL")
        .hint("evt profile add NAME --url \"$EVT_URL\" --org …     then: evt profile login NAME")
}

/// The sign-in that waits for the code, if only the code is given.
fn waiting(
    args: &Args,
    profile: &Profile,
    cx: &Context,
) -> Result<Option<crate::api::second_factor::Challenge>, CliError> {
    if args.code.is_none() || args.email.is_some() || args.password.is_some() {
        return Ok(None);
    }
    let credentials = Credentials::load(&cx.paths.credentials_file())?;
    let found = credentials.challenge(&profile.name, &profile.url);
    if found.is_none() && !cx.ui.may_ask() {
        let name = &profile.name;
        let message = format!("no sign-in of profile `{name}` waits for a code");
        let hint = format!("evt profile login {name} --email EMAIL --password env:PASSWORD");
        return Err(CliError::new(Exit::NotAllowed, "not_signed_in", message).hint(hint));
    }
    Ok(found)
}

async fn sign_in(args: &Args, client: &Client, cx: &Context) -> Result<SignIn, CliError> {
    let email = match &args.email {
        Some(email) => email.clone(),
        None => cx.ui.input("Email", None, "--email")?,
    };
    let password = match &args.password {
        Some(reference) => cx.secret(reference)?,
        None => Secret::new(cx.ui.password("Password", "--password")?),
    };
    let principal = match args.customer {
        true => Principal::Customer,
        false => Principal::User,
    };
    Ok(client.sign_in(principal, &email, &password).await?)
}
