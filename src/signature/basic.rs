//! `Authorization: Basic <base64 of user:password>` (RFC 7617). The secret is written `user:password`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;

use super::shared_secret::{SharedSecret, sensitive};
use super::{Facts, Judgement, Reason, SignatureError, header};

const NAME: &str = "basic";

static FACTS: Facts = Facts {
    covers_body: false,
    ..Facts::new(
        NAME,
        "user and password in the Authorization header; the secret is user:password; the body is not covered",
    )
};

pub(super) static SCHEME: SharedSecret = SharedSecret {
    facts: &FACTS,
    sample: ("evt:", 16),
    check: |_, secret| match secret.contains(':') {
        true => Ok(()),
        false => Err(SignatureError::BadSecret {
            scheme: NAME,
            expected: "a user and a password, separated by a colon",
        }),
    },
    read: |_, received| {
        let given = header::authorization(received.headers, "Basic")?;
        let malformed = |hint: &str| Judgement::refused(Reason::MalformedHeader, hint);
        match STANDARD.decode(given) {
            Ok(pair) if pair.contains(&b':') => Ok(Cow::Owned(pair)),
            Ok(_) => Err(malformed(
                "malformed_header: user and password must be separated by a colon",
            )),
            Err(_) => Err(malformed(
                "malformed_header: the text after `Basic` must be padded base64",
            )),
        }
    },
    write: |_, secret, _| {
        let value = sensitive(NAME, &format!("Basic {}", STANDARD.encode(secret)))?;
        Ok(vec![(AUTHORIZATION, value)].into())
    },
};
