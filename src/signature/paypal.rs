//! PayPal, verified without asking PayPal: RSA with SHA-256 over `id|time|webhook id|crc32(body)`, by the certificate that
//! `PAYPAL-CERT-URL` names.
//!
//! A CRC-32 is no cryptographic hash: another body of the same checksum verifies. PayPal's own check of a message
//! (`POST /v1/notifications/verify-webhook-signature`) is the stronger one.
//! <https://developer.paypal.com/api/rest/webhooks/rest/>

use std::time::Duration;

use aws_lc_rs::digest::Digest;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::asymmetric::{self, Given, RsaSigner};
use super::certificate::{self, Anchors, Cache, Leaf};
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, diagnose, header,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "paypal";
const WEBHOOK_ID: &str = "webhook-id";
const CERT_URL: &str = "cert-url";
const CA: &str = "ca";
const CERTS: &str = "certs";
/// The domain of certificates, and of the URLs that they are fetched from.
const DOMAIN: &str = ".paypal.com";
/// The only algorithm: the header may not choose a weaker one.
const ALGORITHM: &str = "SHA256withRSA";

static ID: HeaderName = HeaderName::from_static("paypal-transmission-id");
static TIME: HeaderName = HeaderName::from_static("paypal-transmission-time");
static SIGNATURE: HeaderName = HeaderName::from_static("paypal-transmission-sig");
static URL: HeaderName = HeaderName::from_static("paypal-cert-url");
static ALGO: HeaderName = HeaderName::from_static("paypal-auth-algo");
static VERSION: HeaderName = HeaderName::from_static("paypal-auth-version");

pub(super) struct PayPal;

impl Scheme for PayPal {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "RSA over id, time, webhook id and the body's CRC-32, by the certificate that is named; needs webhook-id"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                WEBHOOK_ID,
                "the webhook's id in PayPal's dashboard; further ids are secrets",
            ),
            (CERT_URL, "the certificate's URL, for signing"),
            (
                CA,
                "PEM text: roots to trust beside those of browsers, and certificates between them and the leaf",
            ),
            (
                CERTS,
                "`loopback` allows certificates of this machine, by http too",
            ),
        ]
    }

    fn header(&self) -> Option<&'static str> {
        Some(SIGNATURE.as_str())
    }

    fn checks_clock(&self) -> bool {
        false
    }

    fn sample_keys(&self, _random: &[u8; 32]) -> Option<KeyPair> {
        None
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        let first = options.get(WEBHOOK_ID).map(Secret::new);
        let from_option = first.is_some();
        let ids: Vec<Secret> = first.into_iter().chain(secrets.iter().cloned()).collect();
        if ids.is_empty() {
            return Err(SignatureError::MissingOption {
                scheme: NAME,
                option: WEBHOOK_ID,
            });
        }
        for id in &ids {
            super::not_empty(NAME, id)?;
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
            loopback: super::certs_on_loopback(NAME, options)?,
            leaves: Cache::default(),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        let needed = |option| {
            options.get(option).ok_or(SignatureError::MissingOption {
                scheme: NAME,
                option,
            })
        };
        let url = needed(CERT_URL)?;
        Ok(Box::new(PayPalSigner {
            webhook_id: needed(WEBHOOK_ID)?.to_owned(),
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
    /// The ids of webhooks: a message is signed for one of them.
    ids: Vec<Secret>,
    /// Whether the first of the ids is the option's, and not a secret.
    from_option: bool,
    anchors: Anchors,
    loopback: bool,
    leaves: Cache<Leaf>,
}

/// What the headers say.
struct Claim<'a> {
    id: &'a [u8],
    time: &'a [u8],
    signature: &'a [u8],
    url: &'a str,
    algorithm: &'a [u8],
}

impl<'a> Claim<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Box<Judgement>> {
        let single = |name: &'static HeaderName| {
            header::single(headers, name)
                .map_err(|reason| Box::new(diagnose::header(reason, name, headers)))
        };
        let url = |text| {
            std::str::from_utf8(text).map_err(|_| {
                let hint = "malformed_header: `paypal-cert-url` is no URL";
                Box::new(Judgement::refused_with(Reason::MalformedHeader, hint))
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

/// The number's digits, without an allocation.
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
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        let claim = match Claim::read(received.headers) {
            Ok(claim) => claim,
            Err(judgement) => return *judgement,
        };
        if claim.algorithm != ALGORITHM.as_bytes() {
            let given = String::from_utf8_lossy(&claim.algorithm[..claim.algorithm.len().min(40)]);
            let hint = format!(
                "algorithm_not_allowed: the header asks for `{given}`; only `{ALGORITHM}` counts, whatever a header says"
            );
            return Judgement::refused_with(Reason::AlgorithmNotAllowed, hint);
        }
        let Some(leaf) = self.leaves.get(claim.url) else {
            return if self.is_allowed(claim.url) {
                certificate::unavailable(claim.url, "certificate")
            } else {
                certificate::not_allowed(claim.url, "an https URL of paypal.com")
            };
        };
        let Some(given) = Given::from_base64(claim.signature) else {
            return asymmetric::malformed("base64 with its padding");
        };
        if let Err(reason) = leaf.check(Some(&self.anchors), now) {
            return certificate::untrusted(reason, claim.url, DOMAIN);
        }
        let fits = |id: &str, body: &[u8]| {
            let digest = claim.digest(id, body);
            leaf.sha256
                .verify_digest_sig(&digest, given.as_slice())
                .is_ok()
        };
        match self
            .ids
            .iter()
            .position(|id| fits(id.reveal(), received.body))
        {
            Some(at) => Judgement::valid(at.saturating_sub(usize::from(self.from_option))),
            None => self.mismatch(received.body, fits),
        }
    }

    fn wants(&self, received: &Received<'_>, now: Timestamp) -> Option<String> {
        let url = std::str::from_utf8(header::single(received.headers, &URL).ok()?).ok()?;
        let known = self.leaves.get(url);
        // A certificate may be replaced under its URL.
        let wanted = known.is_none_or(|leaf| leaf.check(Some(&self.anchors), now).is_err());
        (wanted && self.is_allowed(url)).then(|| url.to_owned())
    }

    fn learn(&self, url: &str, document: &[u8], now: Timestamp) {
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
    fn mismatch(&self, body: &[u8], fits: impl Fn(&str, &[u8]) -> bool) -> Judgement {
        let trimmed = |id: &Secret| {
            let (text, trimmed) = (id.reveal(), id.reveal().trim());
            text != trimmed && fits(trimmed, body)
        };
        if self.ids.iter().any(trimmed) {
            return Judgement::refused_with(Reason::SignatureMismatch, diagnose::WHITESPACE);
        }
        let changed = |body: &[u8]| self.ids.iter().any(|id| fits(id.reveal(), body));
        let mut judgement = asymmetric::mismatch(body, changed);
        if !judgement.is_explained() {
            judgement.hint = Some(format!(
                "{}: the certificate is right, but no other reading of the body fits; perhaps the webhook id is that of another webhook",
                diagnose::UNEXPLAINED
            ));
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
        // PayPal writes whole seconds.
        let time = match time.split_once('.') {
            Some((seconds, _)) => format!("{seconds}Z"),
            None => time,
        };
        let checksum = crc32fast::hash(message.body);
        let text = format!("{id}|{time}|{}|{checksum}", self.webhook_id);
        let signature = self.key.sign_base64(NAME, text.as_bytes())?;
        Ok(vec![
            (ID.clone(), header::value(id.as_bytes().to_vec())),
            (TIME.clone(), header::value(time.into_bytes())),
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
    fn certificates_come_from_paypal_alone() {
        let options = |extra: &[(&str, &str)]| {
            let all = [("webhook-id", "1")].iter().chain(extra).copied();
            Options(all.map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
        };
        let headers = |url: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(URL.clone(), HeaderValue::from_str(url).unwrap());
            headers
        };
        let wants = |extra: &[(&str, &str)], url: &str| {
            let received = Received {
                method: "POST",
                url: "/",
                headers: &headers(url),
                body: b"",
            };
            let verifier = PayPal.verifier(&[], &options(extra)).unwrap();
            verifier.wants(&received, Timestamp::from_secs(0)).is_some()
        };
        assert!(wants(&[], "https://api.paypal.com/x"));
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
            assert!(!wants(&[], url), "{url}");
        }
        assert!(wants(&[("certs", "loopback")], "http://127.0.0.1:4000/x"));
    }

    #[test]
    fn a_webhook_id_is_needed() {
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
