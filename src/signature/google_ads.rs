//! Google Ads lead forms: nothing is signed; the body's `google_key` is the secret from the form's settings.
//! <https://developers.google.com/google-ads/webhook/docs/implementation>

use std::borrow::Cow;

use super::shared_secret::SharedSecret;
use super::{Facts, Judgement, Reason, SignatureError, Signed, field};
use crate::json::{Kind, Raw};

const NAME: &str = "google-ads-lead";
const FIELD: &str = "google_key";

static FACTS: Facts = Facts {
    covers_body: false,
    body_signature: &[FIELD],
    ..Facts::new(
        NAME,
        "a fixed secret in the body's google_key; nothing else is covered",
    )
};

pub(super) static SCHEME: SharedSecret = SharedSecret {
    facts: &FACTS,
    sample: ("", 12),
    check: |_, _| Ok(()),
    read: |_, received| {
        let refused = |reason, hint: &str| Err(Judgement::refused(reason, hint));
        let Some(body) = Raw::check(received.body) else {
            return refused(
                Reason::MalformedBody,
                "malformed_body: the body must be JSON",
            );
        };
        match body.member(FIELD) {
            None => refused(
                Reason::MissingField,
                "missing_field: the body has no `google_key`; enter a key in the settings of the form",
            ),
            Some(value) if value.kind() != Some(Kind::String) => refused(
                Reason::SecretMismatch,
                "secret_mismatch: `google_key` must be a string",
            ),
            Some(value) => Ok(Cow::Owned(value.plain().into_owned().into_bytes())),
        }
    },
    write: |_, secret, message| {
        let value = serde_json::Value::from(secret).to_string();
        let body = field::put(message.body, FIELD, &value);
        let body = body.ok_or(SignatureError::BadBody {
            scheme: NAME,
            expected: "JSON objects",
        })?;
        Ok(Signed {
            body: Some(body.into()),
            ..Signed::default()
        })
    },
};
