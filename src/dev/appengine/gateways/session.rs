//! The session of a client, from the handshake's `auth`, headers and query.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::State;
use super::super::auth::{Principal, checked_org};
use super::super::repository::find_by_id;
use super::chats::Participant;
use super::payload::Payload;
use crate::dev::host::refusal::Refusal;
use crate::store::StoreError;
use crate::time::Timestamp;

/// Maximum number of characters in a name that a client chooses, such as that of a chat, group or device.
pub(super) const MAX_NAME: usize = 256;

/// The agent of every chat configuration: the built-in user.
const SUPPORT: &str = "dev@evt.local";

/// A client in a namespace.
pub(super) struct Session {
    pub(super) org: String,
    /// `None` for a client that only receives broadcasts.
    pub(super) principal: Option<Principal>,
    /// The first name in the principal's record, else the local part of its email address.
    name: String,
    /// The default chat of the client's events.
    pub(super) chat: String,
    device: Option<String>,
    app: Option<String>,
    config: Option<String>,
    pub(super) connected_at: Timestamp,
    /// The expiry of its token.
    pub(super) expires: Option<Timestamp>,
    /// Cancelled when the session ends.
    pub(super) gone: CancellationToken,
}

impl Session {
    /// Reads `{token, orgId, deviceId, configId, appId, context}` or `{broadcastOnly: true, orgId}` from `auth`, else from the
    /// query, else from the headers `authorization` and `orgid`.
    pub(super) async fn open(state: &State, auth: &Value, parts: &Parts) -> Result<Self, Refusal> {
        let query = query(&parts.uri);
        let text = |names: &[&str]| {
            let given = names.iter().find_map(|name| auth.get(name)?.as_str());
            let given = given.filter(|text| !text.is_empty()).map(str::to_owned);
            given.or_else(|| names.iter().find_map(|name| query.get(*name).cloned()))
        };
        let org = text(&["orgId", "orgid"]).or_else(|| header(&parts.headers, "orgid"));
        let Some(org) = org else {
            let message = "`orgId` is required in the handshake's auth";
            return Err(Refusal::bad_request("missing_orgid", message));
        };
        let org = checked_org(org.as_bytes())?;
        let listens_only = auth.get("broadcastOnly") == Some(&Value::Bool(true));
        let token = text(&["token"]).or_else(|| header(&parts.headers, "authorization"));
        let token = token.as_deref().map(without_scheme);
        let principal = match listens_only {
            true => None,
            false => Some(state.authority.principal(token, &org)?),
        };
        let context = auth.get("context").unwrap_or(&Value::Null);
        let chat = ["chatSessionId", "chatId"]
            .iter()
            .find_map(|name| context.get(name)?.as_str())
            .filter(|id| is_name(id))
            .map(str::to_owned);
        let name = match &principal {
            Some(person) => name_of(state, person).await,
            None => String::new(),
        };
        Ok(Self {
            org,
            principal,
            name,
            chat: chat.unwrap_or_else(|| format!("chat-{}", uuid::Uuid::now_v7().simple())),
            device: text(&["deviceId"]).filter(|id| is_name(id)),
            app: text(&["appId"]).filter(|id| is_name(id)),
            config: text(&["configId"]).filter(|id| is_name(id)),
            connected_at: state.host.store.now(),
            expires: token.and_then(|token| state.authority.expiry(token)),
            gone: CancellationToken::new(),
        })
    }

    pub(super) fn person(&self) -> Participant {
        Participant {
            email: self.email().to_owned(),
            name: self.name.clone(),
        }
    }

    pub(super) fn email(&self) -> &str {
        self.principal.as_ref().map_or("", |person| &person.email)
    }

    /// The chat configuration that the client named.
    pub(super) fn config(&self) -> Option<&str> {
        self.config.as_deref()
    }

    /// Customers have no roles.
    pub(super) fn is_staff(&self) -> bool {
        let roles = self.principal.as_ref().map(|person| &person.roles);
        roles.is_some_and(|roles| !roles.is_empty())
    }

    /// The data of the first event, `authenticate`.
    pub(super) fn welcome(&self, max_payload: usize) -> Payload {
        let person = self.person();
        let user = self.principal.as_ref().map(|principal| {
            let role = principal.roles.first().map_or("customer", String::as_str);
            json!({ "sk": principal.sk, "email": person.email, "name": person.name, "role": role })
        });
        let mut config =
            json!({ "configId": self.config, "appId": self.app, "maxPayload": max_payload });
        if let Some(id) = &self.config {
            // The assistant of a configuration is the AI agent with the same id, or else the built-in one.
            config["ai"] = json!({ "assistantId": id, "name": id });
            config["agents"] = json!([{ "user": SUPPORT }]);
            config["status"] = "active".into();
            config["defaultPath"] = "ai".into();
        }
        let body = json!({
            "success": true,
            "user": user,
            "chatSessionId": self.chat,
            "isGuest": self.principal.is_none(),
            "config": config,
        });
        body.into()
    }

    /// The session in the control API.
    pub(super) fn shown(&self) -> Value {
        json!({
            "org": self.org,
            "email": self.principal.as_ref().map(|person| &person.email),
            "is_guest": self.principal.is_none(),
            "chat": self.chat,
            "device": self.device,
            "connected_at": self.connected_at,
            "expires_at": self.expires,
        })
    }
}

/// The first name in the record of the principal, else the local part of its email address.
async fn name_of(state: &State, person: &Principal) -> String {
    let (org, sk) = (person.org.clone(), person.sk.clone());
    let read = state
        .host
        .store
        .read::<_, StoreError, _>(move |connection| {
            for datatype in ["customer", "user"] {
                let found = find_by_id(connection, &org, Some(datatype), &sk)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            Ok(None)
        });
    // A principal whose record cannot be read is named by its email address.
    let text = read.await.ok().flatten();
    let record: Option<Value> = text.and_then(|text| serde_json::from_str(&text).ok());
    let given = record.as_ref().and_then(|record| {
        let name = record.pointer("/data/firstName")?.as_str()?;
        is_name(name).then(|| name.to_owned())
    });
    let local = || {
        person
            .email
            .split('@')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    given.unwrap_or_else(local)
}

/// The parameters of a query; none if it is invalid.
pub(super) fn query(uri: &Uri) -> HashMap<String, String> {
    Query::try_from_uri(uri).map_or_else(|_| HashMap::new(), |Query(pairs)| pairs)
}

/// Whether a client may use this as a name.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn without_scheme(token: &str) -> &str {
    match token.split_at_checked("bearer ".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim(),
        _ => token,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_accepted_with_and_without_its_scheme() {
        for text in ["abc", "Bearer abc", "bearer  abc"] {
            assert_eq!(without_scheme(text), "abc");
        }
    }

    #[test]
    fn a_name_is_short_and_has_no_control_characters() {
        assert!(is_name("group of Zoë"));
        for text in ["", "a\nb", &"x".repeat(MAX_NAME + 1)] {
            assert!(!is_name(text), "{text:?}");
        }
    }
}
