//! `Authorization: Bearer <token>`: the secret itself (RFC 6750).

use std::borrow::Cow;

use http::header::AUTHORIZATION;

use super::shared_secret::{SharedSecret, sensitive};
use super::{Facts, header};

const NAME: &str = "bearer";

static FACTS: Facts = Facts {
    covers_body: false,
    ..Facts::new(
        NAME,
        "a fixed token in the Authorization header; the body is not covered",
    )
};

pub(super) static SCHEME: SharedSecret = SharedSecret {
    facts: &FACTS,
    sample: ("", 16),
    check: |_, _| Ok(()),
    read: |_, received| header::authorization(received.headers, "Bearer").map(Cow::Borrowed),
    write: |_, secret, _| {
        let value = sensitive(NAME, &format!("Bearer {secret}"))?;
        Ok(vec![(AUTHORIZATION, value)].into())
    },
};
