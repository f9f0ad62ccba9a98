//! Messages with a code or a link to sign in. They are in the platform's outbox.

use serde_json::Value;

use super::second_factor::Waiting;
use super::{Principal, user_of};
use crate::dev::appengine::State;
use crate::store::StoreError;
use crate::store::outbox::{self, NewMessage};

/// Where the developer finds a message.
pub(super) const WHERE: &str = "(No message leaves this machine: `evt dev outbox` lists it.)";

/// The sentence for a client whose code was sent.
pub(super) fn sent_to(principal: &Principal) -> String {
    format!("A code was sent to {}. {WHERE}", principal.email)
}

/// Sends the code of a sign-in by its method.
pub(super) async fn send_code(state: &State, waiting: &Waiting) -> Result<(), StoreError> {
    let Waiting {
        principal, code, ..
    } = waiting;
    let (channel, to) = match waiting.method {
        "sms" => ("sms", phone_of(state, waiting).await?),
        "email" => ("email", None),
        // An authenticator app shows its code itself.
        _ => ("inapp", None),
    };
    let message = NewMessage {
        org: principal.org.clone(),
        channel: channel.to_owned(),
        recipients: vec![to.unwrap_or_else(|| principal.email.clone())],
        subject: (channel == "email").then(|| "Your sign-in code".to_owned()),
        body: format!("Your code is {code}. It is valid for ten minutes."),
        ..NewMessage::default()
    };
    send(state, message).await
}

/// Sends a link that signs in.
pub(super) async fn send_link(
    state: &State,
    principal: &Principal,
    link: &str,
) -> Result<(), StoreError> {
    let message = NewMessage {
        org: principal.org.clone(),
        channel: "email".to_owned(),
        recipients: vec![principal.email.clone()],
        subject: Some("Your sign-in link".to_owned()),
        body: format!("Sign in with this link. It is valid for 15 minutes.\n\n{link}"),
        ..NewMessage::default()
    };
    send(state, message).await
}

async fn phone_of(state: &State, waiting: &Waiting) -> Result<Option<String>, StoreError> {
    let user = user_of(state, &waiting.principal, waiting.purpose).await?;
    let phone = user.pointer("/data/phone").and_then(Value::as_str);
    Ok(phone.map(str::to_owned))
}

async fn send(state: &State, message: NewMessage) -> Result<(), StoreError> {
    let message = NewMessage {
        by_smtp: message.channel == "email" && state.host.sends_mail,
        ..message
    };
    let write = state
        .host
        .store
        .write::<_, StoreError, _>(move |tx| outbox::insert(tx, &message));
    write.await.map(drop)
}
