//! PayPal, verified without a request to PayPal: RSA with SHA-256 over `id|time|webhook id|crc32(body)`, with the certificate at
//! `PAYPAL-CERT-URL`.
//!
//! A CRC-32 is not a cryptographic hash: another body with the same checksum verifies too. PayPal's own API for this check
//! (`POST /v1/notifications/verify-webhook-signature`) is stronger.
//! <https://developer.paypal.com/api/rest/webhooks/rest/>

use aws_lc_rs::digest::Digest;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::asymmetric::{self, DecodedSignature, RsaSigner};
use super::certificate::{self, Anchors, Cache, Leaf};
use super::options::CERTS;
use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, Reason, Received,
    Scheme, SignatureError, Signed, Signer, Timing, Verifier, diagnose, header,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "paypal";
const WEBHOOK_ID: &str = "webhook-id";
const CERT_URL: &str = "cert-url";
const CA: &str = "ca";
/// The domain in the certificates and in their URLs.
const DOMAIN: &str = ".paypal.com";
/// The only accepted algorithm: the header must not choose a weaker one.
const ALGORITHM: &str = "SHA256withRSA";

static ID: HeaderName = HeaderName::from_static("paypal-transmission-id");
static TIME: HeaderName = HeaderName::from_static("paypal-transmission-time");
const HEADER: &str = "paypal-transmission-sig";
static SIGNATURE: HeaderName = HeaderName::from_static(HEADER);
static URL: HeaderName = HeaderName::from_static("paypal-cert-url");
static ALGO: HeaderName = HeaderName::from_static("paypal-auth-algo");
static VERSION: HeaderName = HeaderName::from_static("paypal-auth-version");

static FACTS: Facts = Facts {
    options: &[
        (
            WEBHOOK_ID,
            "the id of the webhook in PayPal's dashboard; more ids are given as secrets",
        ),
        (CERT_URL, "the URL of the certificate, for signing"),
        (
            CA,
            "PEM text: more trusted roots, and intermediate certificates",
        ),
        CERTS,
    ],
    header: Some(HEADER),
    checks_clock: false,
    keys: Some(
        "verify with the certificate that the request names and sign with a private key in PEM",
    ),
    limits: Some(
        "PayPal signs a CRC-32 of the body, and another body with the same checksum can be made. PayPal's own API (verify-webhook-signature) is the strong check.",
    ),
    ..Facts::new(
        NAME,
        "RSA over id, time, webhook id and the body's CRC-32, with the certificate that the request names; needs webhook-id",
    )
};

pub(super) struct PayPal;

impl Scheme for PayPal {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, _random: &[u8; 32]) -> Option<KeyPair> {
        None
    }

    fn new_verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier {
        let first = options.get(WEBHOOK_ID).map(Secret::new);
        let from_option = first.is_some();
        let ids: Vec<Secret> = first.into_iter().chain(secrets.iter().cloned()).collect();
        if ids.is_empty() {
            options.required(NAME, WEBHOOK_ID)?;
        }
        for id in &ids {
            super::text_of(NAME, id)?;
        }
        let anchors = Anchors::new(options.get(CA), DOMAIN).ok_or(SignatureError::BadOption {
            scheme: NAME,
            option: CA,
            expected: "certificates as PEM",
        })?;
        Ok(Box::new(PayPalVerifier {
            ids,
            from_option,
            anchors,
            loopback: options.allows_loopback(NAME)?,
            leaves: Cache::default(),
        }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], options: &Options) -> NewSigner {
        let url = options.required(NAME, CERT_URL)?;
        Ok(Box::new(PayPalSigner {
            webhook_id: options.required(NAME, WEBHOOK_ID)?.to_owned(),
            url: HeaderValue::from_str(url).map_err(|_| SignatureError::BadOption {
                scheme: NAME,
                option: CERT_URL,
                expected: "a URL",
            })?,
            key: RsaSigner::new(NAME, secret)?,
        }))
    }
}

struct PayPalVerifier {
    /// The ids of the webhooks. A message is signed for one of them.
    ids: Vec<Secret>,
    /// Whether the first id is the option, not a secret.
    from_option: bool,
    anchors: Anchors,
    loopback: bool,
    leaves: Cache<Leaf>,
}

/// What the headers claim.
struct Claim<'a> {
    id: &'a [u8],
    time: &'a [u8],
    signature: &'a [u8],
    url: &'a str,
    algorithm: &'a [u8],
}

impl<'a> Claim<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Box<Judgement>> {
        let single = |name| header::single(headers, name);
        let url = |text| {
            std::str::from_utf8(text).map_err(|_| {
                let hint = "malformed_header: `paypal-cert-url` must be a URL";
                Judgement::refused(Reason::MalformedHeader, hint)
            })
        };
        Ok(Self {
            signature: single(&SIGNATURE)?,
            id: single(&ID)?,
            time: single(&TIME)?,
            url: single(&URL).and_then(url)?,
            algorithm: single(&ALGO)?,
        })
    }

    fn digest(&self, webhook_id: &str, body: &[u8]) -> Digest {
        let checksum = crc32fast::hash(body);
        let mut digits = [0; 10];
        let parts = [
            self.id,
            b"|",
            self.time,
            b"|",
            webhook_id.as_bytes(),
            b"|",
            decimal(checksum, &mut digits),
        ];
        asymmetric::sha256(&parts)
    }
}

/// Writes a number in decimal. Does not allocate.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        at -= 1;
        if number == 0 {
            break;
        }
    }
    &digits[at..]
}

impl Verifier for PayPalVerifier {
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged {
        let claim = Claim::read(received.headers)?;
        if claim.algorithm != ALGORITHM.as_bytes() {
            let given = String::from_utf8_lossy(&claim.algorithm[..claim.algorithm.len().min(40)]);
            let hint = format!(
                "algorithm_not_allowed: the header names the algorithm `{given}`, but only `{ALGORITHM}` is accepted; the header does not choose it"
            );
            return Err(Judgement::refused(Reason::AlgorithmNotAllowed, hint));
        }
        let Some(leaf) = self.leaves.get(claim.url) else {
            return Err(match self.is_allowed(claim.url) {
                true => certificate::unavailable(claim.url, "certificate"),
                false => certificate::not_allowed(claim.url, "an https URL of paypal.com"),
            });
        };
        let given = DecodedSignature::from_base64(claim.signature)
            .ok_or_else(|| asymmetric::malformed("padded base64"))?;
        leaf.check(Some(&self.anchors), timing.now)
            .map_err(|reason| certificate::untrusted(reason, claim.url, DOMAIN))?;
        let matches = |id: &str, body: &[u8]| {
            let digest = claim.digest(id, body);
            leaf.sha256
                .verify_digest_sig(&digest, given.as_slice())
                .is_ok()
        };
        let mut ids = self.ids.iter();
        match ids.position(|id| matches(id.reveal(), received.body)) {
            Some(at) => Ok(Judgement::valid(
                at.saturating_sub(usize::from(self.from_option)),
            )),
            None => Err(self.mismatch(received.body, matches)),
        }
    }

    fn missing_document(&self, received: &Received<'_>, now: Timestamp) -> Option<String> {
        let url = std::str::from_utf8(header::single(received.headers, &URL).ok()?).ok()?;
        let known = self.leaves.get(url);
        // The vendor may replace an expired certificate under the same URL.
        let is_missing = known.is_none_or(|leaf| leaf.check(Some(&self.anchors), now).is_err());
        (is_missing && self.is_allowed(url)).then(|| url.to_owned())
    }

    fn add_document(&self, url: &str, document: &[u8], now: Timestamp) {
        if self.is_allowed(url) {
            let leaf = Leaf::read_chain(document, &self.anchors, now);
            self.leaves.put(url, leaf);
        }
    }
}

impl PayPalVerifier {
    fn is_allowed(&self, url: &str) -> bool {
        certificate::https_host(url).is_some_and(|host| host.ends_with(DOMAIN))
            || (self.loopback && url.parse().is_ok_and(|url| certificate::is_loopback(&url)))
    }

    #[cold]
    fn mismatch(&self, body: &[u8], matches: impl Fn(&str, &[u8]) -> bool) -> Box<Judgement> {
        if diagnose::matches_trimmed(&self.ids, |id| matches(id, body)) {
            return Judgement::refused(Reason::SignatureMismatch, diagnose::WHITESPACE);
        }
        let is_signed = |body: &[u8]| self.ids.iter().any(|id| matches(id.reveal(), body));
        let mut judgement = asymmetric::mismatch(body, is_signed);
        if !judgement.is_explained() {
            let hint = "unexplained: the certificate is trusted, but no other form of the body matches; check that webhook-id is the id of this webhook, and that nothing changes the body on its way";
            judgement.hint = Some(hint.to_owned());
        }
        judgement
    }
}

struct PayPalSigner {
    webhook_id: String,
    url: HeaderValue,
    key: RsaSigner,
}

impl Signer for PayPalSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let id = header::visible(message.id);
        let time = message.timestamp.to_string();
        // PayPal sends whole seconds.
        let time = match time.split_once('.') {
            Some((seconds, _)) => format!("{seconds}Z"),
            None => time,
        };
        let checksum = crc32fast::hash(message.body);
        let text = format!("{id}|{time}|{}|{checksum}", self.webhook_id);
        let signature = self.key.sign_base64(NAME, text.as_bytes())?;
        Ok(vec![
            (ID.clone(), header::value(id.as_bytes())),
            (TIME.clone(), header::value(time)),
            (SIGNATURE.clone(), header::value(signature)),
            (URL.clone(), self.url.clone()),
            (ALGO.clone(), HeaderValue::from_static(ALGORITHM)),
            (VERSION.clone(), HeaderValue::from_static("v2")),
        ]
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_written_as_an_unsigned_number() {
        for number in [0, 7, 10, 4_294_967_295] {
            assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn certificates_are_only_fetched_from_paypal() {
        let options = |extra: &[(&str, &str)]| {
            let all = [("webhook-id", "1")].iter().chain(extra).copied();
            Options(all.map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
        };
        let headers = |url: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(URL.clone(), HeaderValue::from_str(url).unwrap());
            headers
        };
        let is_fetched = |extra: &[(&str, &str)], url: &str| {
            let received = Received {
                method: "POST",
                url: "/",
                headers: &headers(url),
                body: b"",
            };
            let verifier = PayPal.verifier(&[], &options(extra)).unwrap();
            verifier
                .missing_document(&received, Timestamp::from_secs(0))
                .is_some()
        };
        assert!(is_fetched(&[], "https://api.paypal.com/x"));
        for url in [
            "http://api.paypal.com/x",
            "https://paypal.com.evil.test/x",
            "https://evilpaypal.com/x",
            "https://api.paypal.com:8443/x",
            "https://a@api.paypal.com/x",
            "http://127.0.0.1:4000/x",
            "/x",
            "",
        ] {
            assert!(!is_fetched(&[], url), "{url}");
        }
        assert!(is_fetched(
            &[("certs", "loopback")],
            "http://127.0.0.1:4000/x"
        ));
    }

    #[test]
    fn a_webhook_id_is_required() {
        let none = PayPal.verifier(&[], &Options::default()).err();
        let missing = SignatureError::MissingOption {
            scheme: NAME,
            option: WEBHOOK_ID,
        };
        assert_eq!(none, Some(missing));
        assert!(
            PayPal
                .verifier(&[Secret::new("1")], &Options::default())
                .is_ok()
        );
    }
}
