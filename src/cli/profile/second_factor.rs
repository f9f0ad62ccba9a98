//! Asks for the code of the second factor.

use crate::api::profile::SignedIn;
use crate::api::second_factor::Challenge;
use crate::api::{ApiError, Client, Refusal};
use crate::cli::Context;
use crate::config::{Credentials, Profile};
use crate::error::{CliError, Exit};
use crate::ui::safe;

/// Codes that a user can enter for one sign-in.
const TRIES: usize = 3;

/// Shows where the code is.
pub(super) fn announce(challenge: &Challenge, profile: &Profile, cx: &Context) {
    cx.ui.status(&whereabouts(challenge));
    if profile.local.is_some() {
        cx.ui.status("try  evt dev outbox     lists the message");
    }
}

/// A sentence with the method and the masked address. For other methods than e-mail only the platform knows the address.
fn whereabouts(challenge: &Challenge) -> String {
    let message = challenge.message.as_deref().map(safe);
    match (challenge.method.as_deref(), &challenge.email) {
        (Some("authenticator" | "totp"), _) => "The code is in your authenticator app".to_owned(),
        (Some("email"), Some(email)) => {
            format!("A code was sent by e-mail to {}", safe(&masked(email)))
        }
        (Some(method), _) => {
            let detail = message.map(|message| format!(": {message}"));
            let method = if method == "sms" { "SMS" } else { method };
            format!(
                "The platform requires a code, by {}{}",
                safe(method),
                detail.unwrap_or_default()
            )
        }
        (None, _) => message.unwrap_or_else(|| "The platform requires a code".to_owned()),
    }
}

/// `d…@evt.local`
fn masked(email: &str) -> String {
    let first: String = email.chars().take(1).collect();
    match email.rsplit_once('@') {
        Some((name, host)) if !name.is_empty() => format!("{first}…@{host}"),
        _ => format!("{first}…"),
    }
}

/// Ends a sign-in with the code `given`, or with the one that the user enters. A wrong code is asked again.
///
/// # Errors
/// Without a code and a terminal. The challenge is then stored, so that another command can enter the code.
pub(super) async fn enter(
    mut challenge: Challenge,
    given: Option<&str>,
    profile: &Profile,
    client: &Client,
    cx: &Context,
) -> Result<SignedIn, CliError> {
    let mut given = given.map(str::to_owned);
    let mut wrong = 0;
    loop {
        let code = match given.take() {
            Some(code) => code,
            None if cx.ui.may_ask() => cx
                .ui
                .input_or_nothing("Code (leave empty to send it again)", "--code")?,
            None => return Err(postponed(&challenge, profile, cx)?),
        };
        if code.trim().is_empty() {
            challenge = client.resend_code(challenge).await?;
            announce(&challenge, profile, cx);
            continue;
        }
        let error = match client.verify_code(&challenge, code.trim()).await {
            Ok(signed_in) => return Ok(signed_in),
            Err(error) => error,
        };
        if !error.refusal().is_some_and(Refusal::is_wrong_code) {
            return Err(error.into());
        }
        wrong += 1;
        if wrong == TRIES || !cx.ui.may_ask() {
            return Err(refused(error, &challenge, profile, cx)?);
        }
        cx.ui.warn(&safe(&error.to_string()));
    }
}

/// The error for a code that the user cannot enter in this command.
fn postponed(challenge: &Challenge, profile: &Profile, cx: &Context) -> Result<CliError, CliError> {
    store(challenge, profile, cx)?;
    let message = "the platform requires the code of a second factor";
    Ok(CliError::new(Exit::NotAllowed, "second_factor", message).hint(command(profile)))
}

/// The error for a wrong code.
fn refused(
    error: ApiError,
    challenge: &Challenge,
    profile: &Profile,
    cx: &Context,
) -> Result<CliError, CliError> {
    store(challenge, profile, cx)?;
    let mut error = CliError::from(error);
    error.hints = vec![command(profile)];
    Ok(error)
}

fn store(challenge: &Challenge, profile: &Profile, cx: &Context) -> Result<(), CliError> {
    let path = cx.paths.credentials_file();
    let Profile { name, url, .. } = profile;
    Ok(Credentials::store_challenge(&path, name, url, challenge)?)
}

fn command(profile: &Profile) -> String {
    format!("evt profile login {} --code CODE", profile.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::profile::Principal;
    use crate::secret::Secret;

    fn challenge(method: Option<&str>) -> Challenge {
        Challenge {
            principal: Principal::User,
            token: Secret::new("c"),
            method: method.map(str::to_owned),
            email: Some("ada@example.com".to_owned()),
            message: Some("sent to +43 *** 1".to_owned()),
        }
    }

    #[test]
    fn the_sentence_has_the_method_and_the_masked_address() {
        for (method, expected) in [
            (Some("email"), "A code was sent by e-mail to a…@example.com"),
            (
                Some("sms"),
                "The platform requires a code, by SMS: sent to +43 *** 1",
            ),
            (Some("totp"), "The code is in your authenticator app"),
            (None, "sent to +43 *** 1"),
        ] {
            assert_eq!(whereabouts(&challenge(method)), expected);
        }
    }

    #[test]
    fn an_address_without_a_host_is_masked() {
        assert_eq!(masked("ada"), "a…");
        assert_eq!(masked("@b"), "@…");
        assert_eq!(masked(""), "…");
    }
}
