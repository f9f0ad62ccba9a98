//! GitHub: `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the body. The older `X-Hub-Signature` (SHA-1) is not accepted.
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>

use super::Facts;
use super::mac::Encoding;
use super::recipe::{Recipe, Row};

const HEADER: &str = "x-hub-signature-256";

static FACTS: Facts = Facts {
    header: Some(HEADER),
    legacy_header: Some("x-hub-signature"),
    type_header: Some("x-github-event"),
    ..Facts::new(
        "github",
        "X-Hub-Signature-256: HMAC-SHA256 over the body; the key is the text of the secret",
    )
};

pub(super) static SCHEME: Row = Row {
    recipe: Recipe::of_body(&FACTS, HEADER, "sha256=", Encoding::Hex),
    sample: ("", 20),
    unsigned_id: Some("x-github-delivery"),
    handshake: None,
};
