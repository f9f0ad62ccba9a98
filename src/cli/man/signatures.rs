//! The page on signatures: every scheme with its options, the handshakes, and what the codes of a diagnosis mean.

use super::page::{Block, Page, Part};
use super::topics::{items, text, topic};
use crate::signature::SCHEMES;

const SHORT: &str = "`evt listen --verify SCHEME --secret REF` checks what comes in, `evt send EVENT --sign SCHEME --secret REF` signs what goes out, `evt events verify REF --scheme SCHEME --secret REF` judges what was kept, and `evt send EVENT --check` tries an endpoint. All of them take the bytes as they came: nothing is parsed or written again before it is checked.";

const OPTIONS: &str = "Options follow the scheme: --verify shared-secret-header:header=X-Bridge-Secret. A value that begins with @ is read from that file: --verify paypal:webhook-id=8PT…,ca=@ca.pem.";

const SEVERAL: &str = "Each --verify is followed by its own secrets. Several of them are all tried, and which one fits is told, so that a secret can be replaced without losing a request. A sender gives several secrets to standard-webhooks, svix, stripe and tiktok, whose headers are lists; the others put one signature into a request.";

const PAIRS: &str = "Where one key signs and another verifies, each command takes its own: discord is verified with the public key and signed with the private seed, both in hexadecimal; sendgrid with base64 of SubjectPublicKeyInfo and of PKCS#8; standard-webhooks-v1a with whpk_… and whsk_…. paypal, sns and google-pubsub-jwt are signed with a private key in PEM and verified with what their certificate or key set says. `evt dev vendors NAME` has one of each to try.";

const ANY: &str = "A sender without a scheme of its own here is described: --verify 'hmac:header=X-Sig,algorithm=sha256,encoding=hex,prefix=sha256=,template={timestamp}.{body}'. Pinterest, Snapchat and Reddit publish no way to check their requests; use hmac or shared-secret-header before them.";

const HANDSHAKES: [(&str, &str); 7] = [
    (
        "meta",
        "GET with hub.challenge: it goes back if hub.verify_token is the one of meta:verify-token=…, else 403.",
    ),
    (
        "twitter",
        "GET with crc_token: its MAC by the consumer secret goes back as JSON.",
    ),
    (
        "slack",
        "A signed url_verification gets its challenge back; an ssl_check, by GET or as a form, gets 200.",
    ),
    (
        "twitch",
        "A signed webhook_callback_verification gets its challenge back as plain text.",
    ),
    (
        "sns",
        "A signed SubscriptionConfirmation is confirmed at its SubscribeURL, if that is SNS's own and the topic is the one of sns:topic=…; the topic of another is told.",
    ),
    (
        "discord",
        "A signed PING gets {\"type\":1}, the ping of webhook events 204; a wrong signature 401.",
    ),
    (
        "linkedin",
        "GET with challengeCode: the code and its MAC by the client secret go back as JSON.",
    ),
];

const SHAKEN: &str =
    "evt listen answers them itself and passes none on; each is kept, and counts for no --count.";

const CODES: [(&str, &str); 12] = [
    (
        "body_changed",
        "The signature fits another writing of the same body: a line break more or less, JSON that was written again, escapes that were undone. Verify the raw bytes, before any parser.",
    ),
    (
        "wrong_secret",
        "Another secret that is configured fits; it is named.",
    ),
    (
        "secret_prefix",
        "It fits with `whsec_` before the secret, or without it.",
    ),
    (
        "secret_not_base64_decoded",
        "One side takes the secret's text for the key, the other what its base64 decodes to. Stripe's key is the text, that of Standard Webhooks the bytes.",
    ),
    (
        "secret_whitespace",
        "It fits once the white space around the secret is gone, such as the line break at the end of a file.",
    ),
    (
        "clock_skew_or_replay",
        "The signature is right and its time is not; how many seconds it is off is told.",
    ),
    (
        "timestamp_in_milliseconds",
        "The timestamp counts milliseconds where the scheme counts seconds.",
    ),
    (
        "encoding",
        "The signature is right but written otherwise: upper case, base64 for hexadecimal, without its prefix.",
    ),
    (
        "url_mismatch",
        "Twilio signs the URL that it called. Behind a tunnel or proxy give that one as --public-url.",
    ),
    (
        "missing_header",
        "No signature came. Where the header of another scheme is there, that scheme is named.",
    ),
    (
        "cert_unavailable, cert_untrusted",
        "A certificate that the request names could not be fetched, or leads to no root that is trusted: ca=@FILE for roots of your own.",
    ),
    (
        "unexplained",
        "Nothing of this fits: it is another secret, or the body was really changed.",
    ),
];

const LIMITS: &str = "mailgun, google-ads-lead, shared-secret-header, basic, bearer and the tokens (jwt-hs256, google-pubsub-jwt) say who sent, and nothing of the body: whoever saw one request can write another body under it. PayPal signs a CRC-32 of the body, for which another body can be made: its own API (verify-webhook-signature) is the strong check. AWS signs for every account: sns:topic=ARN says whose messages you mean. A right request that was seen once can be sent again by whoever saw it: remember ids, and Mailgun's tokens.";

pub(super) fn page() -> Page {
    let schemes = SCHEMES
        .iter()
        .map(|scheme| {
            let options: String = scheme
                .options()
                .iter()
                .map(|(name, meaning)| format!(" {name}: {meaning}."))
                .collect();
            let summary = scheme.facts().summary;
            (scheme.name().to_owned(), format!("{summary}.{options}"))
        })
        .collect();
    topic(
        "signatures",
        "the signature schemes, their options, and what a diagnosis means",
        vec![
            Part::new("In short", vec![text(SHORT)]),
            Part::new("Schemes", vec![Block::Items(schemes)]),
            Part::new("Options", vec![text(OPTIONS), text(PAIRS), text(ANY)]),
            Part::new("Several secrets", vec![text(SEVERAL)]),
            Part::new("Handshakes", vec![items(&HANDSHAKES), text(SHAKEN)]),
            Part::new("Diagnosis", vec![items(&CODES)]),
            Part::new("What they do not say", vec![text(LIMITS)]),
        ],
    )
}
