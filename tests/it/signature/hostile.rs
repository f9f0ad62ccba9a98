//! A receiver of arbitrary bytes: one harness for the property test and for the fuzzer (`fuzz/run`).

use bytes::Bytes;
use evt::secret::Secret;
use evt::signature::{Options, Outgoing, Received, SCHEMES, Scheme};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};

const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);
/// Headers that schemes read.
const HEADERS: [&str; 24] = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "svix-signature",
    "stripe-signature",
    "x-hub-signature-256",
    "x-slack-signature",
    "x-slack-request-timestamp",
    "x-shopify-hmac-sha256",
    "x-signature-ed25519",
    "x-signature-timestamp",
    "twitch-eventsub-message-id",
    "twitch-eventsub-message-timestamp",
    "twitch-eventsub-message-signature",
    "x-twilio-signature",
    "x-twilio-email-event-webhook-signature",
    "x-twilio-email-event-webhook-timestamp",
    "paypal-transmission-id",
    "paypal-transmission-time",
    "paypal-transmission-sig",
    "paypal-cert-url",
    "paypal-auth-algo",
    "authorization",
    "content-type",
];

/// Splits bytes into numbers and texts. Returns empty values at the end.
struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    fn number(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first)
    }

    fn bytes(&mut self) -> &'a [u8] {
        let length = self.number().min(self.0.len());
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        piece
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

/// Makes a scheme, a request, keys and options from these bytes, then verifies and signs.
///
/// # Panics
/// If the scheme panics, or accepts an unsigned request or a changed body.
pub(crate) fn exercise(data: &[u8]) {
    let mut pieces = Pieces(data);
    let scheme = SCHEMES[pieces.number() % SCHEMES.len()];
    let options = options(scheme, &mut pieces);
    let secret = Secret::new(pieces.text());
    let mut headers = HeaderMap::new();
    for _ in 0..pieces.number() % 6 {
        let name = HEADERS[pieces.number() % HEADERS.len()];
        if let Ok(value) = HeaderValue::from_bytes(pieces.bytes()) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let method = ["POST", "GET"][pieces.number() % 2];
    let url = format!("https://hooks.example.test/{}", pieces.text());
    let body = Bytes::copy_from_slice(pieces.0);
    let received = Received {
        method,
        url: &url,
        headers: &headers,
        body: &body,
    };
    receive(scheme, &secret, &options, &received);
    if let Ok(signer) = scheme.signer(&secret, &options) {
        let message = Outgoing {
            id: &url,
            timestamp: NOW,
            url: &url,
            headers: &headers,
            body: &body,
        };
        // A body that cannot be signed is fine.
        let _ = signer.sign(&message);
    }
    change(scheme, &headers, &body);
}

fn options(scheme: &dyn Scheme, pieces: &mut Pieces<'_>) -> Options {
    let known = scheme.options();
    let given = (0..pieces.number() % 3).filter_map(|_| {
        let (name, _) = known.get(pieces.number() % known.len().max(1))?;
        Some(((*name).to_owned(), pieces.text()))
    });
    Options(given.collect())
}

fn receive(scheme: &dyn Scheme, secret: &Secret, options: &Options, received: &Received<'_>) {
    let Ok(verifier) = scheme.verifier(std::slice::from_ref(secret), options) else {
        return;
    };
    if let Some(url) = verifier.missing_document(received, NOW) {
        verifier.add_document(&url, received.body, NOW);
    }
    let judgement = verifier.verify(received, NOW, None);
    // A request may contain the secret by chance, because both are made from the same bytes.
    let is_guessed = !scheme.facts().covers_body;
    assert!(
        is_guessed || !judgement.is_valid(),
        "{} accepted an unsigned request",
        scheme.name()
    );
    verifier.handshake(received, &judgement);
}

/// Signs a body with a valid key, then changes it.
fn change(scheme: &dyn Scheme, given: &HeaderMap, body: &Bytes) {
    let Some(keys) = scheme.sample_keys(&[7; 32]) else {
        return;
    };
    let mut headers: HeaderMap = HeaderMap::new();
    headers.extend(
        given
            .get("content-type")
            .map(|kind| (http::header::CONTENT_TYPE, kind.clone())),
    );
    let message = Outgoing {
        id: "msg_1",
        timestamp: NOW,
        url: "https://hooks.example.test/",
        headers: &headers,
        body,
    };
    let signer = scheme.signer(&keys.signs, &Options::default());
    let Ok(Ok(signed)) = signer.map(|signer| signer.sign(&message)) else {
        return;
    };
    let url = signed.url.unwrap_or_else(|| message.url.to_owned());
    headers.extend(signed.headers);
    let verifier = scheme
        .verifier(&[keys.verifies], &Options::default())
        .expect("the scheme accepts its own key");
    let judge = |body: &[u8]| {
        let received = Received {
            method: "POST",
            url: &url,
            headers: &headers,
            body,
        };
        verifier.verify(&received, NOW, None).is_valid()
    };
    let sent = signed.body.unwrap_or_else(|| body.clone());
    assert!(judge(&sent), "{} refuses its own signature", scheme.name());
    let mut changed = sent.to_vec();
    // Longer than the body: Twilio ignores repeated parameters, and a shorter addition could be one.
    changed.extend(std::iter::repeat_n(b'!', sent.len() + 1));
    assert!(
        !scheme.facts().covers_body || !judge(&changed),
        "{} accepted a changed body",
        scheme.name()
    );
}
