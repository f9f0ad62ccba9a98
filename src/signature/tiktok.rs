//! TikTok: `TikTok-Signature: t=<seconds>,s=<hex>`, HMAC-SHA256 over `t.body` with the client secret.
//!
//! TikTok leaves the tolerance to the receiver. Ours is five minutes.
//! <https://developers.tiktok.com/doc/webhooks-verification>

use super::clock::Window;
use super::recipe::{Recipe, Row};
use super::{Facts, Reason};

const HEADER: &str = "tiktok-signature";

static FACTS: Facts = Facts {
    header: Some(HEADER),
    several_secrets: true,
    ..Facts::new(
        "tiktok",
        "TikTok-Signature: HMAC-SHA256 over timestamp and body; the key is the client secret",
    )
};

pub(super) static SCHEME: Row = Row {
    recipe: Recipe::of_list(&FACTS, HEADER, "s=", Reason::MalformedHeader, Window::Both),
    sample: ("", 20),
    unsigned_id: None,
    handshake: None,
};
